/* One configured check: its keys, aliases and defaults; and the finished suite. */
#include <string.h>

#include "quality/loader.h"
#include "store/hash.h"
#include "text/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NAMES(array) ((assay_dq_names){array, COUNT(array)})

/* Keys of a check that are no arguments of its kind. */
static const char *const check_keys[] = {"action", "name", "enabled", "scope", "severity"};

static bool is_check_key(const char *key)
{
    for (size_t i = 0; i < COUNT(check_keys); i++)
        if (strcmp(check_keys[i], key) == 0)
            return true;
    return false;
}

/* Other spellings, each with what it may mean: the first that the kind names. */
static const struct {
    const char *written;
    const char *means[4];
} aliases[] = {
    {"type", {"type_", NULL}},
    {"types", {"type_list", NULL}},
    {"columns", {"column_list", "column_set", "column", NULL}},
    {"column_list", {"column_set", "columns", NULL}},
    {"column_set", {"column_list", "columns", NULL}},
    {"column", {"columns", "column_list", NULL}},
    {"value", {"value_set", "sum_total", "threshold", NULL}},
    {"values", {"value_set", NULL}},
    {"min", {"min_value", "value", NULL}},
    {"max", {"max_value", NULL}},
    {"min_value", {"value", NULL}},
    {"pattern", {"regex", "like_pattern", NULL}},
    {"reference_columns", {"reference_column", NULL}},
    {"sql", {"expression", "unexpected_rows_query", NULL}},
    {"check", {"expression", NULL}},
    {"query", {"unexpected_rows_query", NULL}},
};

/* The argument that `key` means for this kind, NULL where it means none. Of an unknown kind nothing
 * is known: the check is in ERROR whatever its keys are. */
static const char *meaning_of(const assay_dq_kind *kind, const char *key)
{
    if (kind == NULL || assay_dq_kind_takes(kind, key))
        return key;
    for (size_t i = 0; i < COUNT(aliases); i++) {
        if (strcmp(aliases[i].written, key) != 0)
            continue;
        for (size_t m = 0; aliases[i].means[m] != NULL; m++)
            if (assay_dq_kind_names(kind, aliases[i].means[m]))
                return aliases[i].means[m];
    }
    return NULL;
}

/* A list argument may be written as its one member. */
static assay_value *as_written(assay_dq_loader *loader, const char *meaning, assay_value *value)
{
    assay_value *list = NULL;

    if (value->kind != ASSAY_VALUE_TEXT ||
        (strcmp(meaning, "columns") != 0 && strcmp(meaning, "column_list") != 0 &&
         strcmp(meaning, "column_set") != 0))
        return value;
    list = assay_value_list(loader->arena);
    if (list == NULL || assay_value_append(list, value, loader->arena, NULL) != ASSAY_OK)
        return NULL;
    list->line = value->line;
    list->column = value->column;
    return list;
}

/* Sorts the keys of `from` into arguments of the kind; an unknown one is an error with its place.
 */
static assay_status gather(assay_dq_loader *loader, const assay_dq_item *item,
                           const assay_dq_kind *kind, const assay_value *from, assay_value *kwargs,
                           assay_error *err)
{
    for (size_t i = 0; from != NULL && i < from->count; i++) {
        const char *key = from->keys[i];
        const char *meaning = meaning_of(kind, key);
        const char *near = NULL;
        if ((item->inline_type && strcmp(key, "type") == 0) || is_check_key(key))
            continue;
        if (meaning == NULL) {
            near = assay_dq_kind_nearest_kwarg(kind, key, loader->arena);
            return assay_error_at(err, ASSAY_ECONFIG, 5001, assay_dq_key_place(loader, from, i),
                                  "%s does not know '%s'%s%s%s", item->name, key,
                                  near == NULL ? "" : ", did you mean '", near == NULL ? "" : near,
                                  near == NULL ? "" : "'?");
        }
        if (assay_value_find(kwargs, meaning) != NULL)
            return assay_error_at(err, ASSAY_ECONFIG, 5001, assay_dq_key_place(loader, from, i),
                                  "'%s' says '%s' a second time", key, meaning);
        ASSAY_TRY(assay_value_set(kwargs, meaning, as_written(loader, meaning, from->items[i]),
                                  loader->arena, err));
    }
    return ASSAY_OK;
}

/* Keys beside the kwargs of dialect C. */
static assay_status check_extras(const assay_dq_loader *loader, const assay_dq_item *item,
                                 assay_error *err)
{
    static const char *const names[] = {"expectation_type", "type", "kwargs", "meta",     "notes",
                                        "description",      "id",   "action", "severity", "name",
                                        "enabled",          "scope"};

    for (size_t i = 0; item->extras != NULL && i < item->extras->count; i++) {
        size_t known = 0;
        while (known < COUNT(names) && strcmp(names[known], item->extras->keys[i]) != 0)
            known++;
        if (known == COUNT(names))
            return assay_dq_unknown_key(loader, item->extras, i, item->name, NAMES(names), err);
    }
    return ASSAY_OK;
}

/* A key of the check, wherever the dialect puts it; NULL where it is absent or null. */
static const assay_value *find_key(const assay_dq_item *item, const char *key)
{
    const assay_value *value = assay_value_find(item->kwargs, key);

    if (value == NULL)
        value = assay_value_find(item->extras, key);
    return value == NULL || value->kind == ASSAY_VALUE_NULL ? NULL : value;
}

static void set_problem(assay_quality_check *check, int number, const char *problem)
{
    if (check->problem != NULL)
        return;
    check->problem = problem;
    check->problem_number = number;
}

static assay_check_severity severity_of(int action)
{
    if (action >= (int)ASSAY_CHECK_ACTION_FAIL)
        return ASSAY_CHECK_SEVERITY_CRITICAL;
    return action >= (int)ASSAY_CHECK_ACTION_ALERT ? ASSAY_CHECK_SEVERITY_WARNING
                                                   : ASSAY_CHECK_SEVERITY_INFO;
}

/* Action quarantine needs a kind that tells bad rows one by one. Where it only is the default
 * (dq.on_failure), the other kinds fail. */
static assay_status demand_rows(const assay_dq_loader *loader, const assay_dq_item *item,
                                const assay_dq_kind *kind, const char *table, int *chosen,
                                assay_error *err)
{
    const assay_value *reference = find_key(item, "reference_table");
    const assay_value *action = find_key(item, "action");
    const assay_value *mostly = find_key(item, "mostly");
    double share = 1;
    bool all = mostly == NULL || !assay_dq_value_real(mostly, &share) || share >= 1;

    bool own = reference != NULL && reference->kind == ASSAY_VALUE_TEXT &&
               assay_str_equal_ci(reference->text, table);

    if (kind == NULL || (assay_dq_kind_marks_rows(kind) && all && !own))
        return ASSAY_OK;
    if (action == NULL) {
        *chosen = ASSAY_CHECK_ACTION_FAIL;
        return ASSAY_OK;
    }
    if (!all)
        return assay_error_at(err, ASSAY_ECONFIG, 5004, assay_dq_place(loader, mostly),
                              "'mostly' has no meaning beside action 'quarantine', which takes "
                              "every row that breaks the rule; max_quarantine_rate limits them");
    if (own)
        return assay_error_at(err, ASSAY_ECONFIG, 5004, assay_dq_place(loader, action),
                              "a reference to the table itself cannot quarantine: which rows are "
                              "there depends on which ones leave");
    return assay_error_at(err, ASSAY_ECONFIG, 5004, assay_dq_place(loader, action),
                          "%s cannot quarantine: it does not tell which rows break it", kind->name);
}

/* action > severity > section (critical, warn) > validation_rules > level > dq.on_failure > fail */
static assay_status read_action(assay_dq_loader *loader, const assay_dq_item *item,
                                const assay_dq_kind *kind, const char *table,
                                assay_quality_check *check, assay_error *err)
{
    const assay_value *action = find_key(item, "action");
    const assay_value *severity = find_key(item, "severity");
    bool has_severity = severity != NULL;
    int chosen = item->fallback;

    for (size_t i = 0; kind != NULL && kind->rule != NULL && i < ASSAY_DQ_RULES; i++) {
        const assay_dq_rule *rule = &loader->rules[i];
        if (!assay_str_equal(rule->name, kind->rule))
            continue;
        if (rule->disabled)
            check->enabled = false;
        if (rule->action != ASSAY_DQ_NO_ACTION)
            chosen = rule->action;
    }
    if (item->action != ASSAY_DQ_NO_ACTION)
        chosen = item->action;
    if (has_severity)
        ASSAY_TRY(assay_dq_read_severity(loader, severity, &check->severity, &chosen, err));
    if (action != NULL)
        ASSAY_TRY(assay_dq_read_action(loader, action, &chosen, err));
    if (chosen == (int)ASSAY_CHECK_ACTION_QUARANTINE)
        ASSAY_TRY(demand_rows(loader, item, kind, table, &chosen, err));
    check->action = (assay_check_action)chosen;
    if (!has_severity)
        check->severity = severity_of(chosen);
    return ASSAY_OK;
}

static assay_status read_check_keys(assay_dq_loader *loader, const assay_dq_item *item,
                                    assay_quality_check *check, assay_error *err)
{
    const assay_value *name = find_key(item, "name");
    const assay_value *enabled = find_key(item, "enabled");
    const assay_value *scope = find_key(item, "scope");

    if (name != NULL && name->kind != ASSAY_VALUE_TEXT)
        return assay_dq_wrong_kind(loader, name, "name", "text", err);
    if (enabled != NULL && enabled->kind != ASSAY_VALUE_BOOL)
        return assay_dq_wrong_kind(loader, enabled, "enabled", "true or false", err);
    if (scope != NULL && (scope->kind != ASSAY_VALUE_TEXT ||
                          (strcmp(scope->text, "batch") != 0 && strcmp(scope->text, "table") != 0)))
        return assay_error_at(err, ASSAY_ECONFIG, 5002, assay_dq_place(loader, scope),
                              "'scope' must be table or batch");
    if (name != NULL)
        check->name = name->text;
    if (enabled != NULL && !enabled->boolean)
        check->enabled = false;
    check->batch = scope != NULL && strcmp(scope->text, "batch") == 0;
    return ASSAY_OK;
}

/* ---- names ---- */

static void append_columns(assay_buf *buf, const assay_value *value)
{
    if (value == NULL)
        return;
    if (value->kind == ASSAY_VALUE_TEXT)
        assay_buf_append_format(buf, "%s%s", buf->size == 0 ? "" : ", ", value->text);
    for (size_t i = 0; value->kind == ASSAY_VALUE_LIST && i < value->count; i++)
        append_columns(buf, value->items[i]);
}

/* "kind(columns)" */
static assay_status make_name(assay_arena *arena, assay_quality_check *check, assay_error *err)
{
    static const char *const keys[] = {"column",      "column_A",   "column_B",
                                       "column_list", "column_set", "columns"};
    ASSAY_AUTO(assay_buf_done) assay_buf columns = ASSAY_BUF_EMPTY;

    if (check->name != NULL)
        return ASSAY_OK;
    for (size_t i = 0; i < COUNT(keys); i++)
        append_columns(&columns, assay_value_find(check->kwargs, keys[i]));
    ASSAY_TRY(assay_buf_check(&columns, err));
    check->name = columns.size == 0 ? assay_arena_text(arena, check->expectation)
                                    : assay_arena_format(arena, "%s(%s)", check->expectation,
                                                         assay_buf_text(&columns));
    return assay_arena_check(check->name, err);
}

/* A name that no check before has: "x", "x #2" .. */
static assay_status make_unique(assay_arena *arena, const assay_vec *checks,
                                assay_quality_check *check, assay_error *err)
{
    int same = 1;

    for (size_t i = 0; i < checks->count; i++) {
        const assay_quality_check *other = assay_vec_at(checks, i);
        const char *name = other->name;
        size_t size = strlen(check->name);
        if (strncmp(name, check->name, size) == 0 &&
            (name[size] == '\0' || strncmp(name + size, " #", 2) == 0))
            same++;
    }
    if (same == 1)
        return ASSAY_OK;
    check->name = assay_arena_format(arena, "%s #%d", check->name, same);
    return assay_arena_check(check->name, err);
}

static assay_status push(assay_dq_loader *loader, assay_dq_draft *draft, assay_quality_check check,
                         assay_error *err)
{
    if (loader->check_count++ >= ASSAY_QUALITY_CHECKS_MAX)
        return assay_error_at(err, ASSAY_ECONFIG, 5002,
                              (assay_place){loader->path, check.line, check.column},
                              "more than %d checks", (int)ASSAY_QUALITY_CHECKS_MAX);
    ASSAY_TRY(make_name(loader->arena, &check, err));
    ASSAY_TRY(make_unique(loader->arena, &draft->checks, &check, err));
    return assay_vec_push(&draft->checks, &check, err);
}

/* `columns: [a, b]` of a kind over one column: a check each. */
static assay_status push_each(assay_dq_loader *loader, assay_dq_draft *draft,
                              const assay_dq_kind *kind, assay_quality_check check,
                              assay_value *kwargs, assay_error *err)
{
    const assay_value *column = assay_value_find(kwargs, "column");
    bool single = kind != NULL && assay_dq_kind_names(kind, "column") &&
                  !assay_dq_kind_names(kind, "reference_table");

    if (!single || column == NULL || column->kind != ASSAY_VALUE_LIST)
        return push(loader, draft, check, err);
    if (column->count == 0)
        set_problem(&check, 5022, "'columns' is empty");
    for (size_t i = 0; i < column->count; i++) {
        assay_value *own = assay_value_copy(loader->arena, kwargs);
        assay_quality_check each = check;
        ASSAY_TRY(assay_arena_check(own, err));
        ASSAY_TRY(assay_value_set(own, "column", column->items[i], loader->arena, err));
        each.kwargs = own;
        ASSAY_TRY(push(loader, draft, each, err));
    }
    return column->count == 0 ? push(loader, draft, check, err) : ASSAY_OK;
}

assay_status assay_dq_add_check(assay_dq_loader *loader, assay_dq_draft *draft,
                                const assay_dq_item *item, assay_error *err)
{
    const assay_dq_kind *kind = assay_dq_kind_find(item->name);
    assay_value *kwargs = assay_value_map(loader->arena);
    const char *near = NULL;
    assay_quality_check check = {
        .expectation = kind != NULL ? kind->name : item->name,
        .kwargs = kwargs,
        .enabled = true,
        .line = item->type->line,
        .column = item->type->column,
    };

    ASSAY_TRY(assay_arena_check(kwargs, err));
    ASSAY_TRY(check_extras(loader, item, err));
    ASSAY_TRY(gather(loader, item, kind, item->kwargs, kwargs, err));
    if (kind == NULL) {
        near = assay_dq_kind_nearest(item->name);
        set_problem(&check, 5006,
                    near == NULL
                        ? assay_arena_format(loader->arena, "unknown expectation '%s'", item->name)
                        : assay_arena_format(loader->arena,
                                             "unknown expectation '%s', did you mean '%s'?",
                                             item->name, near));
        ASSAY_TRY(assay_arena_check(check.problem, err));
    }
    ASSAY_TRY(read_check_keys(loader, item, &check, err));
    ASSAY_TRY(read_action(loader, item, kind, draft->table, &check, err));
    return push_each(loader, draft, kind, check, kwargs, err);
}

/* ---- suites ---- */

/* Everything that changes what the suite means, one line a check. */
static assay_status hash_checks(const assay_quality_suite *suite, assay_arena *arena,
                                const char **ret_hash, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    char hex[ASSAY_SHA256_TEXT_SIZE];

    for (size_t i = 0; i < suite->count; i++) {
        const assay_quality_check *check = &suite->checks[i];
        assay_buf_append_format(&text, "%s %s %d %d ", check->expectation,
                                assay_check_action_name(check->action), check->batch ? 1 : 0,
                                check->enabled ? 1 : 0);
        assay_json_write(&text, check->kwargs, 0);
        assay_buf_append_char(&text, '\n');
    }
    ASSAY_TRY(assay_buf_check(&text, err));
    ASSAY_TRY(assay_sha256(assay_buf_text(&text), text.size, hex, err));
    *ret_hash = assay_arena_text(arena, hex);
    return assay_arena_check(*ret_hash, err);
}

assay_status assay_dq_finish_suite(const assay_dq_draft *draft, assay_arena *arena,
                                   assay_quality_suite *ret_suite, assay_error *err)
{
    assay_quality_suite suite = {
        .name = draft->name,
        .table = draft->table,
        .problem = draft->problem,
        .problem_number = draft->problem_number,
        .line = draft->line,
        .column = draft->column,
    };

    ASSAY_TRY(assay_vec_to_arena(&draft->checks, arena, &suite.checks, &suite.count, err));
    ASSAY_TRY(hash_checks(&suite, arena, &suite.hash, err));
    *ret_suite = suite;
    return ASSAY_OK;
}

assay_status assay_dq_finish_suites(assay_dq_loader *loader, assay_error *err)
{
    assay_quality_config *config = loader->config;

    config->suite_count = loader->drafts.count;
    config->suites =
        assay_arena_take(loader->arena, config->suite_count + 1, sizeof(*config->suites));
    ASSAY_TRY(assay_arena_check(config->suites, err));
    for (size_t i = 0; i < config->suite_count; i++)
        ASSAY_TRY(assay_dq_finish_suite(*(assay_dq_draft **)assay_vec_at(&loader->drafts, i),
                                        loader->arena, &config->suites[i], err));
    return ASSAY_OK;
}

static void draft_done(assay_dq_draft *draft)
{
    assay_vec_done(&draft->checks);
}

assay_status assay_quality_suite_of(const assay_quality_spec *spec, assay_arena *arena,
                                    assay_quality_suite **ret_suite, assay_error *err)
{
    ASSAY_AUTO(draft_done)
    assay_dq_draft draft = {.name = spec->table,
                            .table = spec->table,
                            .checks = ASSAY_VEC_OF(assay_quality_check)};
    assay_quality_suite *suite = assay_arena_take(arena, 1, sizeof(*suite));

    ASSAY_TRY(assay_arena_check(suite, err));
    for (size_t i = 0; i < spec->count; i++) {
        assay_quality_check check = {
            .expectation = assay_arena_text(arena, spec->names[i]),
            .kwargs = spec->kwargs[i] != NULL ? spec->kwargs[i] : assay_value_map(arena),
            .action = ASSAY_CHECK_ACTION_FAIL,
            .severity = ASSAY_CHECK_SEVERITY_CRITICAL,
            .enabled = true,
        };
        ASSAY_TRY(assay_arena_check(check.expectation, err));
        ASSAY_TRY(assay_arena_check(check.kwargs, err));
        ASSAY_TRY(make_name(arena, &check, err));
        ASSAY_TRY(make_unique(arena, &draft.checks, &check, err));
        ASSAY_TRY(assay_vec_push(&draft.checks, &check, err));
    }
    ASSAY_TRY(assay_dq_finish_suite(&draft, arena, suite, err));
    *ret_suite = suite;
    return ASSAY_OK;
}
