/* The forms in which suites are written (facts: quality.md section 5): a suite's keys tell which.
 */
#include <string.h>

#include "quality/loader.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NAMES(array) ((assay_dq_names){array, COUNT(array)})

/* One suite of a layer section while it is read. */
struct entry {
    const char *layer;
    const char *key;   /* as the file names it */
    assay_place place; /* of the key */
    const assay_value *value;
};

/* "orders" in silver is silver.orders; "silver.orders" stays. */
static assay_status table_name(const assay_dq_loader *loader, const char *layer, const char *name,
                               const char **ret_table, assay_error *err)
{
    const char *table = strchr(name, '.') != NULL
                            ? assay_arena_text(loader->arena, name)
                            : assay_arena_format(loader->arena, "%s.%s", layer, name);

    ASSAY_TRY(assay_arena_check(table, err));
    *ret_table = table;
    return ASSAY_OK;
}

assay_status assay_dq_draft_of(assay_dq_loader *loader, const char *table, const char *name,
                               assay_place place, assay_dq_draft **ret_draft, assay_error *err)
{
    assay_dq_draft *draft = NULL;

    for (size_t i = 0; i < loader->drafts.count; i++) {
        draft = *(assay_dq_draft **)assay_vec_at(&loader->drafts, i);
        if (assay_str_equal_ci(draft->table, table)) {
            *ret_draft = draft;
            return ASSAY_OK;
        }
    }
    draft = assay_arena_take(loader->arena, 1, sizeof(*draft));
    ASSAY_TRY(assay_arena_check(draft, err));
    draft->name = name;
    draft->table = table;
    draft->checks = ASSAY_VEC_OF(assay_quality_check);
    draft->line = place.line;
    draft->column = place.column;
    ASSAY_TRY(assay_vec_push(&loader->drafts, &draft, err));
    *ret_draft = draft;
    return ASSAY_OK;
}

/* A suite that is named and cannot be used shuts its table's gate. */
static assay_status spoil(assay_dq_loader *loader, assay_dq_draft *draft, int number,
                          const char *problem, assay_error *err)
{
    if (draft->problem != NULL)
        return ASSAY_OK;
    draft->problem = assay_arena_text(loader->arena, problem);
    draft->problem_number = number;
    return assay_arena_check(draft->problem, err);
}

static bool is_empty(const assay_value *value)
{
    return value == NULL || value->kind == ASSAY_VALUE_NULL ||
           (value->count == 0 &&
            (value->kind == ASSAY_VALUE_LIST || value->kind == ASSAY_VALUE_MAP));
}

/* ---- A: checks with type, columns, action ---- */

/* `level` is what a failure means where a check does not say. */
static assay_status read_level(const assay_dq_loader *loader, const assay_value *level,
                               int *ret_action, assay_error *err)
{
    assay_check_severity ignored = ASSAY_CHECK_SEVERITY_INFO;

    if (level == NULL || level->kind == ASSAY_VALUE_NULL)
        return ASSAY_OK;
    return assay_dq_read_severity(loader, level, &ignored, ret_action, err);
}

static assay_status load_checks(assay_dq_loader *loader, assay_dq_draft *draft,
                                const assay_value *list, int fallback, assay_error *err)
{
    if (list->kind != ASSAY_VALUE_LIST)
        return assay_dq_wrong_kind(loader, list, "checks", "list", err);
    for (size_t i = 0; i < list->count; i++) {
        const assay_value *map = list->items[i];
        const assay_value *type = NULL;
        if (map->kind != ASSAY_VALUE_MAP)
            return assay_dq_wrong_kind(loader, map, "checks", "list of maps", err);
        type = assay_value_find(map, "type");
        if (type == NULL || type->kind != ASSAY_VALUE_TEXT)
            return assay_error_at(err, ASSAY_ECONFIG, 5002, assay_dq_place(loader, map),
                                  "a check needs a type");
        ASSAY_TRY(assay_dq_add_check(loader, draft,
                                     &(assay_dq_item){.type = type,
                                                      .name = type->text,
                                                      .kwargs = map,
                                                      .action = ASSAY_DQ_NO_ACTION,
                                                      .fallback = fallback,
                                                      .inline_type = true},
                                     err));
    }
    return ASSAY_OK;
}

static assay_status load_dialect_a(assay_dq_loader *loader, const struct entry *entry,
                                   assay_error *err)
{
    static const char *const names[] = {"level", "table", "checks", "description"};
    const assay_value *value = entry->value;
    const assay_value *table_value = assay_value_find(value, "table");
    const char *table = entry->key;
    assay_dq_draft *draft = NULL;
    int fallback = loader->default_action;

    for (size_t i = 0; i < value->count; i++) {
        size_t known = 0;
        while (known < COUNT(names) && strcmp(names[known], value->keys[i]) != 0)
            known++;
        if (known == COUNT(names))
            return assay_dq_unknown_key(loader, value, i, entry->key, NAMES(names), err);
    }
    if (table_value != NULL && table_value->kind != ASSAY_VALUE_TEXT)
        return assay_dq_wrong_kind(loader, table_value, "table", "table name", err);
    if (table_value != NULL)
        table = table_value->text;
    ASSAY_TRY(read_level(loader, assay_value_find(value, "level"), &fallback, err));
    ASSAY_TRY(table_name(loader, entry->layer, table, &table, err));
    ASSAY_TRY(assay_dq_draft_of(loader, table, entry->key, entry->place, &draft, err));
    if (is_empty(assay_value_find(value, "checks")))
        return spoil(loader, draft, 5005, "the suite has no check", err);
    return load_checks(loader, draft, assay_value_find(value, "checks"), fallback, err);
}

/* ---- B: critical and warn lists of {expect_x: {kwargs}} ---- */

static assay_status load_named(assay_dq_loader *loader, assay_dq_draft *draft,
                               const assay_value *list, const char *section, int action,
                               assay_error *err)
{
    if (list->kind != ASSAY_VALUE_LIST)
        return assay_dq_wrong_kind(loader, list, section, "list", err);
    for (size_t i = 0; i < list->count; i++) {
        const assay_value *item = list->items[i];
        assay_value *type = NULL;
        const assay_value *kwargs = NULL;
        const char *name = NULL;
        if (item->kind == ASSAY_VALUE_TEXT) {
            name = item->text; /* a check without arguments */
        } else if (item->kind == ASSAY_VALUE_MAP && item->count == 1) {
            name = item->keys[0];
            kwargs = item->items[0];
        } else {
            return assay_error_at(err, ASSAY_ECONFIG, 5002, assay_dq_place(loader, item),
                                  "an item of '%s' must be one expectation: {kwargs}", section);
        }
        type = assay_value_text(loader->arena, name);
        ASSAY_TRY(assay_arena_check(type, err));
        type->line = item->line;
        type->column = item->column;
        if (kwargs != NULL && kwargs->kind == ASSAY_VALUE_NULL)
            kwargs = NULL;
        if (kwargs != NULL && kwargs->kind != ASSAY_VALUE_MAP)
            return assay_dq_wrong_kind(loader, kwargs, name, "map of arguments", err);
        ASSAY_TRY(assay_dq_add_check(loader, draft,
                                     &(assay_dq_item){.type = type,
                                                      .name = name,
                                                      .kwargs = kwargs,
                                                      .action = action,
                                                      .fallback = action},
                                     err));
    }
    return ASSAY_OK;
}

static assay_status load_dialect_b(assay_dq_loader *loader, const struct entry *entry,
                                   assay_error *err)
{
    static const struct {
        const char *key;
        int action;
    } lists[] = {{"critical", ASSAY_CHECK_ACTION_FAIL},
                 {"warn", ASSAY_CHECK_ACTION_WARN},
                 {"warning", ASSAY_CHECK_ACTION_WARN}};
    static const char *const names[] = {"critical", "warn", "description"};
    const assay_value *value = entry->value;
    const char *table = NULL;
    assay_dq_draft *draft = NULL;
    size_t before = 0;

    ASSAY_TRY(table_name(loader, entry->layer, entry->key, &table, err));
    ASSAY_TRY(assay_dq_draft_of(loader, table, entry->key, entry->place, &draft, err));
    before = draft->checks.count;
    for (size_t i = 0; i < value->count; i++) {
        size_t list = 0;
        if (strcmp(value->keys[i], "description") == 0)
            continue;
        while (list < COUNT(lists) && strcmp(lists[list].key, value->keys[i]) != 0)
            list++;
        if (list == COUNT(lists))
            return assay_dq_unknown_key(loader, value, i, entry->key, NAMES(names), err);
        if (!is_empty(value->items[i]))
            ASSAY_TRY(load_named(loader, draft, value->items[i], lists[list].key,
                                 lists[list].action, err));
    }
    if (draft->checks.count == before)
        return spoil(loader, draft, 5005, "the suite has no check", err);
    return ASSAY_OK;
}

/* ---- the others, refused by name ---- */

static assay_status refuse(const struct entry *entry, const char *dialect, assay_error *err)
{
    return assay_error_at(err, ASSAY_EUNSUPPORTED, 5003, entry->place,
                          "'%s' is written in the form of %s, which is not built yet", entry->key,
                          dialect);
}

static assay_status refuse_d(assay_dq_loader *loader, const struct entry *entry, assay_error *err)
{
    (void)loader;
    return refuse(entry, "rule strings (dialect D)", err);
}

static assay_status refuse_e(assay_dq_loader *loader, const struct entry *entry, assay_error *err)
{
    (void)loader;
    return refuse(entry, "suite files (dialect E)", err);
}

static assay_status refuse_f(assay_dq_loader *loader, const struct entry *entry, assay_error *err)
{
    (void)loader;
    return refuse(entry, "policy files (dialect F)", err);
}

static assay_status refuse_g(assay_dq_loader *loader, const struct entry *entry, assay_error *err)
{
    (void)loader;
    return refuse(entry, "contracts (dialect G)", err);
}

static assay_status refuse_h(assay_dq_loader *loader, const struct entry *entry, assay_error *err)
{
    (void)loader;
    return refuse(entry, "thresholds files (dialect H)", err);
}

static assay_status refuse_i(assay_dq_loader *loader, const struct entry *entry, assay_error *err)
{
    (void)loader;
    return refuse(entry, "environment settings (dialect I)", err);
}

/* One row a dialect: the key that betrays it, and its reader. */
struct dialect {
    const char *key;
    assay_status (*load)(assay_dq_loader *loader, const struct entry *entry, assay_error *err);
};

static const struct dialect dialects[] = {
    {"checks", load_dialect_a},
    {"critical", load_dialect_b},
    {"warn", load_dialect_b},
    {"warning", load_dialect_b},
    {"dataset_name", refuse_e},
    {"expectations", refuse_e},
    {"rules", refuse_f},
    {"primary_key", refuse_g},
    {"required_columns", refuse_g},
    {"relationships", refuse_g},
    {"min_row_count", refuse_h},
    {"max_null_percentage", refuse_h},
    {"freshness_hours_max", refuse_h},
    {"duplicate_rate_max", refuse_h},
    {"sampling", refuse_i},
    {"drift", refuse_i},
};

/* Whether the list holds rule strings such as "NOT_NULL: [a]" (dialect D). */
static bool has_rule_strings(const assay_value *value)
{
    const assay_value *list = assay_value_find(value, "critical");

    if (list == NULL)
        list = assay_value_find(value, "warning");
    return list != NULL && list->kind == ASSAY_VALUE_LIST && list->count > 0 &&
           list->items[0]->kind == ASSAY_VALUE_TEXT && strchr(list->items[0]->text, ':') != NULL;
}

static assay_status load_entry(assay_dq_loader *loader, const struct entry *entry, assay_error *err)
{
    static const char *const names[] = {"level", "checks", "critical", "warn"};
    assay_dq_draft *draft = NULL;
    const char *table = NULL;

    if (is_empty(entry->value)) {
        ASSAY_TRY(table_name(loader, entry->layer, entry->key, &table, err));
        ASSAY_TRY(assay_dq_draft_of(loader, table, entry->key, entry->place, &draft, err));
        return spoil(loader, draft, 5005, "the suite has no check", err);
    }
    if (entry->value->kind != ASSAY_VALUE_MAP)
        return assay_dq_wrong_kind(loader, entry->value, entry->key, "map", err);
    if (has_rule_strings(entry->value))
        return refuse_d(loader, entry, err);
    for (size_t i = 0; i < COUNT(dialects); i++)
        if (assay_value_find(entry->value, dialects[i].key) != NULL)
            return dialects[i].load(loader, entry, err);
    if (strcmp(entry->value->keys[0], "level") == 0 || strcmp(entry->value->keys[0], "table") == 0)
        return load_dialect_a(loader, entry, err);
    return assay_dq_unknown_key(loader, entry->value, 0, entry->key, NAMES(names), err);
}

assay_status assay_dq_load_layer(assay_dq_loader *loader, const char *layer,
                                 const assay_value *section, assay_error *err)
{
    if (section->kind == ASSAY_VALUE_NULL)
        return ASSAY_OK;
    if (section->kind != ASSAY_VALUE_MAP)
        return assay_dq_wrong_kind(loader, section, layer, "map of tables", err);
    for (size_t i = 0; i < section->count; i++)
        ASSAY_TRY(
            load_entry(loader,
                       &(struct entry){layer, section->keys[i],
                                       assay_dq_key_place(loader, section, i), section->items[i]},
                       err));
    return ASSAY_OK;
}

/* ---- C: expectations.<layer>.<table>: [{expectation_type, kwargs}] ---- */

static assay_status load_expectation(assay_dq_loader *loader, assay_dq_draft *draft,
                                     const assay_value *map, assay_error *err)
{
    const assay_value *type = assay_value_find(map, "expectation_type");
    const assay_value *kwargs = assay_value_find(map, "kwargs");

    if (map->kind != ASSAY_VALUE_MAP)
        return assay_dq_wrong_kind(loader, map, draft->table, "list of {expectation_type, kwargs}",
                                   err);
    if (type == NULL)
        type = assay_value_find(map, "type");
    if (type == NULL || type->kind != ASSAY_VALUE_TEXT)
        return assay_error_at(err, ASSAY_ECONFIG, 5002, assay_dq_place(loader, map),
                              "an expectation needs an expectation_type");
    if (kwargs != NULL && kwargs->kind == ASSAY_VALUE_NULL)
        kwargs = NULL;
    if (kwargs != NULL && kwargs->kind != ASSAY_VALUE_MAP)
        return assay_dq_wrong_kind(loader, kwargs, "kwargs", "map", err);
    return assay_dq_add_check(loader, draft,
                              &(assay_dq_item){.type = type,
                                               .name = type->text,
                                               .kwargs = kwargs,
                                               .extras = map,
                                               .action = ASSAY_DQ_NO_ACTION,
                                               .fallback = loader->default_action},
                              err);
}

static assay_status load_expected_table(assay_dq_loader *loader, const char *layer,
                                        const assay_value *section, size_t index, assay_error *err)
{
    const assay_value *list = section->items[index];
    assay_place place = assay_dq_key_place(loader, section, index);
    assay_dq_draft *draft = NULL;
    const char *table = NULL;

    ASSAY_TRY(table_name(loader, layer, section->keys[index], &table, err));
    ASSAY_TRY(assay_dq_draft_of(loader, table, section->keys[index], place, &draft, err));
    if (is_empty(list))
        return spoil(loader, draft, 5005, "the suite has no check", err);
    if (list->kind != ASSAY_VALUE_LIST)
        return assay_dq_wrong_kind(loader, list, section->keys[index], "list of expectations", err);
    for (size_t i = 0; i < list->count; i++)
        ASSAY_TRY(load_expectation(loader, draft, list->items[i], err));
    return ASSAY_OK;
}

assay_status assay_dq_load_expectations(assay_dq_loader *loader, const assay_value *section,
                                        assay_error *err)
{
    if (section->kind != ASSAY_VALUE_MAP)
        return assay_dq_wrong_kind(loader, section, "expectations", "map of layers", err);
    for (size_t l = 0; l < section->count; l++) {
        const char *layer = section->keys[l];
        const assay_value *tables = section->items[l];
        size_t known = 0;
        while (known < loader->layer_count && strcmp(loader->layers[known], layer) != 0)
            known++;
        if (known == loader->layer_count)
            return assay_dq_unknown_key(loader, section, l, "expectations",
                                        (assay_dq_names){loader->layers, loader->layer_count}, err);
        if (tables->kind == ASSAY_VALUE_NULL)
            continue;
        if (tables->kind != ASSAY_VALUE_MAP)
            return assay_dq_wrong_kind(loader, tables, layer, "map of tables", err);
        for (size_t i = 0; i < tables->count; i++)
            ASSAY_TRY(load_expected_table(loader, layer, tables, i, err));
    }
    return ASSAY_OK;
}
