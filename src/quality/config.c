/* config/dq.yaml: the keys of the gate, and which dialect every suite is written in. */
#include <string.h>

#include "quality/loader.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NAMES(array) ((assay_dq_names){array, COUNT(array)})

assay_place assay_dq_place(const assay_dq_loader *loader, const assay_value *value)
{
    return (assay_place){loader->path, value->line, value->column};
}

assay_place assay_dq_key_place(const assay_dq_loader *loader, const assay_value *map, size_t index)
{
    if (map->key_marks != NULL)
        return (assay_place){loader->path, map->key_marks[index].line,
                             map->key_marks[index].column};
    return assay_dq_place(loader, map->items[index]);
}

assay_status assay_dq_unknown_key(const assay_dq_loader *loader, const assay_value *map,
                                  size_t index, const char *where, assay_dq_names known,
                                  assay_error *err)
{
    const char *near = assay_str_nearest(map->keys[index], known.names, known.count);

    return assay_error_at(err, ASSAY_ECONFIG, 5001, assay_dq_key_place(loader, map, index),
                          "unknown key '%s' in %s%s%s%s", map->keys[index], where,
                          near == NULL ? "" : ", did you mean '", near == NULL ? "" : near,
                          near == NULL ? "" : "'?");
}

assay_status assay_dq_wrong_kind(const assay_dq_loader *loader, const assay_value *value,
                                 const char *what, const char *kind, assay_error *err)
{
    return assay_error_at(err, ASSAY_ECONFIG, 5002, assay_dq_place(loader, value),
                          "'%s' must be a %s, not a %s", what, kind,
                          assay_value_kind_name(value->kind));
}

static bool is_empty(const assay_value *value)
{
    return value == NULL || value->kind == ASSAY_VALUE_NULL;
}

/* ---- small values ---- */

static assay_status read_bool(const assay_dq_loader *loader, const assay_value *value,
                              const char *what, bool *ret_value, assay_error *err)
{
    if (is_empty(value))
        return ASSAY_OK;
    if (value->kind != ASSAY_VALUE_BOOL)
        return assay_dq_wrong_kind(loader, value, what, "true or false", err);
    *ret_value = value->boolean;
    return ASSAY_OK;
}

static assay_status read_share(const assay_dq_loader *loader, const assay_value *value,
                               const char *what, double *ret_value, assay_error *err)
{
    double share = 0;

    if (is_empty(value))
        return ASSAY_OK;
    if (!assay_dq_value_real(value, &share))
        return assay_dq_wrong_kind(loader, value, what, "number", err);
    if (!(share >= 0 && share <= 1))
        return assay_error_at(err, ASSAY_ECONFIG, 5002, assay_dq_place(loader, value),
                              "'%s' must lie between 0 and 1", what);
    *ret_value = share;
    return ASSAY_OK;
}

assay_status assay_dq_read_action(const assay_dq_loader *loader, const assay_value *value,
                                  int *ret_action, assay_error *err)
{
    static const char *const names[] = {"log", "alert", "warn", "quarantine", "fail", "fail_fast"};
    const char *near = NULL;

    if (value->kind != ASSAY_VALUE_TEXT)
        return assay_dq_wrong_kind(loader, value, "action", "word", err);
    for (size_t i = 0; i < COUNT(names); i++) {
        if (strcmp(names[i], value->text) != 0)
            continue;
        *ret_action = (int)i;
        return ASSAY_OK;
    }
    near = assay_str_nearest(value->text, names, COUNT(names));
    return assay_error_at(err, ASSAY_ECONFIG, 5002, assay_dq_place(loader, value),
                          "unknown action '%s'%s%s%s", value->text,
                          near == NULL ? "" : ", did you mean '", near == NULL ? "" : near,
                          near == NULL ? "" : "'?");
}

assay_status assay_dq_read_severity(const assay_dq_loader *loader, const assay_value *value,
                                    assay_check_severity *ret_severity, int *ret_action,
                                    assay_error *err)
{
    static const struct {
        const char *name;
        assay_check_severity severity;
        assay_check_action action;
    } words[] = {
        {"critical", ASSAY_CHECK_SEVERITY_CRITICAL, ASSAY_CHECK_ACTION_FAIL},
        {"error", ASSAY_CHECK_SEVERITY_CRITICAL, ASSAY_CHECK_ACTION_FAIL},
        {"warning", ASSAY_CHECK_SEVERITY_WARNING, ASSAY_CHECK_ACTION_WARN},
        {"warn", ASSAY_CHECK_SEVERITY_WARNING, ASSAY_CHECK_ACTION_WARN},
        {"info", ASSAY_CHECK_SEVERITY_INFO, ASSAY_CHECK_ACTION_LOG},
    };

    if (value->kind != ASSAY_VALUE_TEXT)
        return assay_dq_wrong_kind(loader, value, "severity", "word", err);
    for (size_t i = 0; i < COUNT(words); i++) {
        if (!assay_str_equal_ci(words[i].name, value->text))
            continue;
        *ret_severity = words[i].severity;
        *ret_action = (int)words[i].action;
        return ASSAY_OK;
    }
    return assay_error_at(err, ASSAY_ECONFIG, 5002, assay_dq_place(loader, value),
                          "unknown severity '%s', use critical, warning or info", value->text);
}

/* ---- quality_gates ---- */

static assay_status read_critical(const assay_dq_loader *loader, const assay_value *list,
                                  bool *critical, assay_error *err)
{
    const char *names[ASSAY_CHECK_CATEGORY_COUNT - 1];

    if (is_empty(list))
        return ASSAY_OK;
    if (list->kind != ASSAY_VALUE_LIST)
        return assay_dq_wrong_kind(loader, list, "critical_checks", "list", err);
    for (int c = 1; c < ASSAY_CHECK_CATEGORY_COUNT; c++)
        names[c - 1] = assay_check_category_name((assay_check_category)c);
    for (size_t i = 0; i < list->count; i++) {
        const assay_value *item = list->items[i];
        const char *near = NULL;
        size_t chosen = 0;
        if (item->kind != ASSAY_VALUE_TEXT)
            return assay_dq_wrong_kind(loader, item, "critical_checks", "category", err);
        while (chosen < COUNT(names) && strcmp(names[chosen], item->text) != 0)
            chosen++;
        if (chosen < COUNT(names)) {
            critical[chosen + 1] = true;
            continue;
        }
        near = assay_str_nearest(item->text, names, COUNT(names));
        return assay_error_at(
            err, ASSAY_ECONFIG, 5002, assay_dq_place(loader, item), "unknown category '%s'%s%s%s",
            item->text,
            near == NULL ? ", use not_null_keys, referential_integrity, freshness or volume"
                         : ", did you mean '",
            near == NULL ? "" : near, near == NULL ? "" : "'?");
    }
    return ASSAY_OK;
}

static assay_status read_required(assay_dq_loader *loader, const assay_value *list,
                                  assay_error *err)
{
    if (is_empty(list))
        return ASSAY_OK;
    if (list->kind != ASSAY_VALUE_LIST)
        return assay_dq_wrong_kind(loader, list, "require_suite", "list", err);
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i]->kind != ASSAY_VALUE_TEXT)
            return assay_dq_wrong_kind(loader, list->items[i], "require_suite", "layer or table",
                                       err);
        ASSAY_TRY(assay_vec_push(&loader->required, &list->items[i]->text, err));
    }
    return ASSAY_OK;
}

static assay_status read_threshold(assay_dq_loader *loader, const assay_value *map,
                                   const char *where, assay_quality_threshold *threshold,
                                   assay_error *err)
{
    static const char *const names[] = {"min_pass_rate", "critical_checks", "max_quarantine_rate"};

    if (map->kind != ASSAY_VALUE_MAP)
        return assay_dq_wrong_kind(loader, map, where, "map", err);
    threshold->min_pass_rate = -1;
    threshold->max_quarantine_rate = -1;
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->keys[i], "min_pass_rate") == 0)
            ASSAY_TRY(
                read_share(loader, map->items[i], "min_pass_rate", &threshold->min_pass_rate, err));
        else if (strcmp(map->keys[i], "critical_checks") == 0)
            ASSAY_TRY(read_critical(loader, map->items[i], threshold->critical, err));
        else if (strcmp(map->keys[i], "max_quarantine_rate") == 0)
            ASSAY_TRY(read_share(loader, map->items[i], "max_quarantine_rate",
                                 &threshold->max_quarantine_rate, err));
        else
            return assay_dq_unknown_key(loader, map, i, where, NAMES(names), err);
    }
    return ASSAY_OK;
}

static assay_status read_thresholds(assay_dq_loader *loader, const assay_value *map,
                                    assay_error *err)
{
    if (is_empty(map))
        return ASSAY_OK;
    if (map->kind != ASSAY_VALUE_MAP)
        return assay_dq_wrong_kind(loader, map, "thresholds", "map", err);
    for (size_t i = 0; i < map->count; i++) {
        assay_place place = assay_dq_key_place(loader, map, i);
        assay_quality_threshold threshold = {.table = map->keys[i],
                                             .line = place.line,
                                             .column = place.column};
        if (strchr(map->keys[i], '.') == NULL)
            return assay_error_at(err, ASSAY_ECONFIG, 5002, place,
                                  "'%s' in thresholds must be layer.table", map->keys[i]);
        ASSAY_TRY(read_threshold(loader, map->items[i], map->keys[i], &threshold, err));
        ASSAY_TRY(assay_vec_push(&loader->thresholds, &threshold, err));
    }
    return ASSAY_OK;
}

static assay_status note(assay_dq_loader *loader, assay_place place, const char *text,
                         assay_error *err)
{
    const char *line = assay_arena_format(loader->arena, "%s:%d:%d  %s", place.path, place.line,
                                          place.column, text);

    ASSAY_TRY(assay_arena_check(line, err));
    return assay_vec_push(&loader->notes, &line, err);
}

static assay_status read_gates(assay_dq_loader *loader, const assay_value *map, assay_error *err)
{
    static const char *const names[] = {"min_pass_rate", "critical_checks", "thresholds",
                                        "require_suite", "max_quarantine_rate"};
    assay_quality_threshold *global = &loader->config->global;

    if (map->kind != ASSAY_VALUE_MAP)
        return assay_dq_wrong_kind(loader, map, "quality_gates", "map", err);
    for (size_t i = 0; i < map->count; i++) {
        const char *key = map->keys[i];
        const assay_value *value = map->items[i];
        if (strcmp(key, "min_pass_rate") == 0)
            ASSAY_TRY(read_share(loader, value, key, &global->min_pass_rate, err));
        else if (strcmp(key, "critical_checks") == 0)
            ASSAY_TRY(read_critical(loader, value, global->critical, err));
        else if (strcmp(key, "thresholds") == 0)
            ASSAY_TRY(read_thresholds(loader, value, err));
        else if (strcmp(key, "require_suite") == 0)
            ASSAY_TRY(read_required(loader, value, err));
        else if (strcmp(key, "max_quarantine_rate") == 0)
            ASSAY_TRY(read_share(loader, value, key, &global->max_quarantine_rate, err));
        else
            return assay_dq_unknown_key(loader, map, i, "quality_gates", NAMES(names), err);
    }
    return ASSAY_OK;
}

/* ---- validation_rules ---- */

static assay_dq_rule *find_rule(assay_dq_loader *loader, const char *name)
{
    for (size_t i = 0; i < ASSAY_DQ_RULES; i++)
        if (loader->rules[i].name != NULL && strcmp(loader->rules[i].name, name) == 0)
            return &loader->rules[i];
    return NULL;
}

static assay_status read_rule(assay_dq_loader *loader, const assay_value *map, assay_error *err)
{
    static const char *const names[] = {"name", "enabled", "severity", "description"};
    const assay_value *name = assay_value_find(map, "name");
    const assay_value *severity = assay_value_find(map, "severity");
    assay_check_severity ignored = ASSAY_CHECK_SEVERITY_INFO;
    assay_dq_rule *rule = NULL;
    bool enabled = true;

    if (map->kind != ASSAY_VALUE_MAP)
        return assay_dq_wrong_kind(loader, map, "validation_rules", "list of maps", err);
    if (name == NULL || name->kind != ASSAY_VALUE_TEXT)
        return assay_error_at(err, ASSAY_ECONFIG, 5002, assay_dq_place(loader, map),
                              "a validation rule needs a name");
    for (size_t i = 0; i < map->count; i++) {
        size_t known = 0;
        while (known < COUNT(names) && strcmp(names[known], map->keys[i]) != 0)
            known++;
        if (known == COUNT(names))
            return assay_dq_unknown_key(loader, map, i, "validation_rules", NAMES(names), err);
    }
    rule = find_rule(loader, name->text);
    if (rule == NULL)
        return assay_error_at(err, ASSAY_ECONFIG, 5002, assay_dq_place(loader, name),
                              "unknown validation rule '%s', use not_null, unique, range, regex or "
                              "referential_integrity",
                              name->text);
    ASSAY_TRY(read_bool(loader, assay_value_find(map, "enabled"), "enabled", &enabled, err));
    rule->disabled = !enabled;
    if (!is_empty(severity))
        ASSAY_TRY(assay_dq_read_severity(loader, severity, &ignored, &rule->action, err));
    return ASSAY_OK;
}

static assay_status read_rules(assay_dq_loader *loader, const assay_value *list, assay_error *err)
{
    if (list->kind != ASSAY_VALUE_LIST)
        return assay_dq_wrong_kind(loader, list, "validation_rules", "list", err);
    for (size_t i = 0; i < list->count; i++)
        ASSAY_TRY(read_rule(loader, list->items[i], err));
    return ASSAY_OK;
}

/* ---- dq, reporting ---- */

static assay_status not_built(const assay_dq_loader *loader, const assay_value *map, size_t index,
                              const char *what, assay_error *err)
{
    return assay_error_at(err, ASSAY_EUNSUPPORTED, 5003, assay_dq_key_place(loader, map, index),
                          "'%s' (%s) is not built yet", map->keys[index], what);
}

static assay_status read_on_failure(assay_dq_loader *loader, const assay_value *map,
                                    assay_error *err)
{
    static const char *const names[] = {"action"};

    if (map->kind != ASSAY_VALUE_MAP)
        return assay_dq_wrong_kind(loader, map, "on_failure", "map", err);
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->keys[i], "action") != 0)
            return assay_dq_unknown_key(loader, map, i, "dq.on_failure", NAMES(names), err);
        ASSAY_TRY(assay_dq_read_action(loader, map->items[i], &loader->default_action, err));
    }
    return ASSAY_OK;
}

/* A key that is known and refused by name. */
struct refused {
    const char *key, *what;
};

static const struct refused dq_refused[] = {
    {"rules", "the guide's form, dialect F"},
    {"mode", "environment settings, dialect I"},
    {"fail_on_error", "environment settings, dialect I"},
    {"alert_on_warning", "environment settings, dialect I"},
    {"sampling", "environment settings, dialect I"},
    {"profiling", "environment settings, dialect I"},
    {"drift", "environment settings, dialect I"},
    {"reconciliation", "environment settings, dialect I"},
    {"realism", "environment settings, dialect I"},
};

static const struct refused top_refused[] = {
    {"tables", "rule strings and contracts, dialects D and G"},
    {"dataset_name", "suite files, dialect E"},
    {"rules", "policy files, dialect F"},
    {"table", "policy files, dialect F"},
    {"global_thresholds", "thresholds files, dialect H"},
    {"table_overrides", "thresholds files, dialect H"},
    {"schema_evolution", "environment settings, dialect I"},
    {"contracts", "environment settings, dialect I"},
};

static const char *find_refused(const struct refused *list, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].key, key) == 0)
            return list[i].what;
    return NULL;
}

static assay_status read_dq(assay_dq_loader *loader, const assay_value *map, assay_error *err)
{
    static const char *const names[] = {"enabled", "strict_mode", "on_failure"};

    if (map->kind != ASSAY_VALUE_MAP)
        return assay_dq_wrong_kind(loader, map, "dq", "map", err);
    for (size_t i = 0; i < map->count; i++) {
        const char *key = map->keys[i];
        const char *what = find_refused(dq_refused, COUNT(dq_refused), key);
        if (strcmp(key, "enabled") == 0)
            ASSAY_TRY(read_bool(loader, map->items[i], key, &loader->config->enabled, err));
        else if (strcmp(key, "strict_mode") == 0)
            ASSAY_TRY(read_bool(loader, map->items[i], key, &loader->config->strict_mode, err));
        else if (strcmp(key, "on_failure") == 0)
            ASSAY_TRY(read_on_failure(loader, map->items[i], err));
        else if (what != NULL)
            return not_built(loader, map, i, what, err);
        else
            return assay_dq_unknown_key(loader, map, i, "dq", NAMES(names), err);
    }
    return ASSAY_OK;
}

static assay_status read_reporting(assay_dq_loader *loader, const assay_value *map,
                                   assay_error *err)
{
    static const char *const names[] = {"output_path"};

    if (map->kind != ASSAY_VALUE_MAP)
        return assay_dq_wrong_kind(loader, map, "reporting", "map", err);
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->keys[i], "output_path") != 0)
            return assay_dq_unknown_key(loader, map, i, "reporting", NAMES(names), err);
        if (is_empty(map->items[i]))
            continue;
        if (map->items[i]->kind != ASSAY_VALUE_TEXT)
            return assay_dq_wrong_kind(loader, map->items[i], "output_path", "path", err);
        loader->config->output_path = assay_arena_text(loader->arena, map->items[i]->text);
        ASSAY_TRY(assay_arena_check(loader->config->output_path, err));
    }
    return ASSAY_OK;
}

static assay_status read_alerts(assay_dq_loader *loader, const assay_value *value, assay_error *err)
{
    return note(loader, assay_dq_place(loader, value),
                "'alerts' is read and not acted upon: assay sends no alerts yet", err);
}

/* ---- the file ---- */

struct section {
    const char *key;
    assay_status (*read)(assay_dq_loader *loader, const assay_value *value, assay_error *err);
};

/* Settings first: suites take their defaults from them. */
static const struct section sections[] = {
    {"dq", read_dq},
    {"quality_gates", read_gates},
    {"validation_rules", read_rules},
    {"require_suite", read_required},
    {"reporting", read_reporting},
    {"alerts", read_alerts},
    {"expectations", assay_dq_load_expectations},
};

static bool is_layer(const assay_dq_loader *loader, const char *key)
{
    for (size_t i = 0; i < loader->layer_count; i++)
        if (strcmp(loader->layers[i], key) == 0)
            return true;
    return false;
}

static bool is_section(const char *key)
{
    for (size_t i = 0; i < COUNT(sections); i++)
        if (strcmp(sections[i].key, key) == 0)
            return true;
    return strcmp(key, "version") == 0;
}

static assay_status check_keys(const assay_dq_loader *loader, const assay_value *tree,
                               assay_error *err)
{
    const char *names[COUNT(sections) + 16];
    size_t count = 0;

    for (size_t i = 0; i < COUNT(sections); i++)
        names[count++] = sections[i].key;
    for (size_t i = 0; i < loader->layer_count && count < COUNT(names); i++)
        names[count++] = loader->layers[i];
    for (size_t i = 0; i < tree->count; i++) {
        const char *what = find_refused(top_refused, COUNT(top_refused), tree->keys[i]);
        if (is_section(tree->keys[i]) || is_layer(loader, tree->keys[i]))
            continue;
        if (what != NULL)
            return not_built(loader, tree, i, what, err);
        return assay_dq_unknown_key(loader, tree, i, "the file", (assay_dq_names){names, count},
                                    err);
    }
    return ASSAY_OK;
}

static assay_status load_tree(assay_dq_loader *loader, const assay_value *tree, assay_error *err)
{
    if (tree->kind != ASSAY_VALUE_MAP)
        return assay_dq_wrong_kind(loader, tree, "the file", "map", err);
    ASSAY_TRY(check_keys(loader, tree, err));
    for (size_t i = 0; i < COUNT(sections); i++) {
        const assay_value *value = assay_value_find(tree, sections[i].key);
        if (!is_empty(value))
            ASSAY_TRY(sections[i].read(loader, value, err));
    }
    for (size_t i = 0; i < tree->count; i++)
        if (is_layer(loader, tree->keys[i]))
            ASSAY_TRY(assay_dq_load_layer(loader, tree->keys[i], tree->items[i], err));
    return ASSAY_OK;
}

static void loader_done(assay_dq_loader *loader)
{
    for (size_t i = 0; i < loader->drafts.count; i++)
        assay_vec_done(&(*(assay_dq_draft **)assay_vec_at(&loader->drafts, i))->checks);
    assay_vec_done(&loader->drafts);
    assay_vec_done(&loader->thresholds);
    assay_vec_done(&loader->notes);
    assay_vec_done(&loader->required);
}

static assay_status finish(assay_dq_loader *loader, assay_error *err)
{
    assay_quality_config *config = loader->config;

    ASSAY_TRY(assay_dq_finish_suites(loader, err));
    ASSAY_TRY(assay_vec_to_arena(&loader->thresholds, loader->arena, &config->thresholds,
                                 &config->threshold_count, err));
    ASSAY_TRY(assay_vec_to_arena(&loader->notes, loader->arena, &config->notes, &config->note_count,
                                 err));
    return assay_vec_to_arena(&loader->required, loader->arena, &config->require_suite,
                              &config->require_suite_count, err);
}

assay_status assay_quality_config_load(const assay_quality_source *source, assay_arena *arena,
                                       assay_quality_config **ret_config, assay_error *err)
{
    static const char *const usual[] = {"bronze", "silver", "gold"};
    static const char *const rules[] = {"not_null", "unique", "range", "regex",
                                        "referential_integrity"};
    assay_quality_config *config = assay_arena_take(arena, 1, sizeof(*config));
    const assay_value *copy = NULL;
    ASSAY_AUTO(loader_done)
    assay_dq_loader loader = {
        .path = source->path,
        .arena = arena,
        .layers = source->layers != NULL ? source->layers : usual,
        .layer_count = source->layers != NULL ? source->layer_count : COUNT(usual),
        .config = config,
        .default_action = ASSAY_CHECK_ACTION_FAIL,
        .drafts = ASSAY_VEC_OF(assay_dq_draft *),
        .thresholds = ASSAY_VEC_OF(assay_quality_threshold),
        .notes = ASSAY_VEC_OF(const char *),
        .required = ASSAY_VEC_OF(const char *),
    };

    ASSAY_TRY(assay_arena_check(config, err));
    config->path = assay_arena_text(arena, source->path);
    config->enabled = true;
    config->global.min_pass_rate = -1;
    config->global.max_quarantine_rate = -1;
    for (size_t i = 0; i < COUNT(rules); i++)
        loader.rules[i] = (assay_dq_rule){rules[i], false, ASSAY_DQ_NO_ACTION};
    if (!is_empty(source->tree)) {
        copy = assay_value_copy(arena, source->tree); /* the config outlives the document */
        ASSAY_TRY(assay_arena_check(copy, err));
        ASSAY_TRY(load_tree(&loader, copy, err));
    }
    ASSAY_TRY(finish(&loader, err));
    *ret_config = config;
    return ASSAY_OK;
}

const assay_quality_suite *assay_quality_suite_find(const assay_quality_config *config,
                                                    const char *table)
{
    if (config == NULL || !config->enabled)
        return NULL;
    for (size_t i = 0; i < config->suite_count; i++)
        if (assay_str_equal_ci(config->suites[i].table, table))
            return &config->suites[i];
    return NULL;
}
