#include "base/str.h"
#include "table/type.h"

/* The state of one merge. */
struct merge {
    assay_schema_policy policy;
    assay_arena *arena;
    int32_t last_id;
    bool changed;
};

static assay_field *find_field(assay_field *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (assay_str_equal_ci(fields[i].name, name))
            return &fields[i];
    return NULL;
}

static assay_status refuse(const char *name, const assay_field *from, const assay_field *to,
                           const char *why, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf old_type = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf new_type = ASSAY_BUF_EMPTY;

    if (from == NULL)
        assay_buf_append_text(&old_type, "not there");
    else
        assay_field_format_type(&old_type, from);
    if (to == NULL)
        assay_buf_append_text(&new_type, "not there");
    else
        assay_field_format_type(&new_type, to);
    ASSAY_TRY(assay_buf_check(&old_type, err));
    ASSAY_TRY(assay_buf_check(&new_type, err));
    return assay_error_set(err, ASSAY_EDATA, 4010, "column '%s' is %s in the table and %s now: %s",
                           name, assay_buf_text(&old_type), assay_buf_text(&new_type), why);
}

static assay_status merge_field(struct merge *merge, assay_field *field,
                                const assay_field *incoming, const char *name, assay_error *err);

/* Appends a copy of `incoming` with new ids. */
static assay_status add_field(struct merge *merge, const assay_field *incoming,
                              assay_field *ret_field, assay_error *err)
{
    ASSAY_TRY(assay_field_copy(incoming, merge->arena, ret_field, err));
    /* Rows that are there already have no value of it. */
    ret_field->required = false;
    assay_schema_assign_ids(ret_field, 1, &merge->last_id);
    merge->changed = true;
    return ASSAY_OK;
}

static bool is_known(const assay_field *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (assay_str_equal_ci(fields[i].name, name))
            return true;
    return false;
}

static size_t count_new(const assay_field *fields, size_t count, const assay_field *incoming,
                        size_t incoming_count)
{
    size_t added = 0;

    for (size_t i = 0; i < incoming_count; i++)
        added += is_known(fields, count, incoming[i].name) ? 0 : 1;
    return added;
}

struct members {
    assay_field *fields;
    size_t count;
};

/* Merges `incoming` into members of one level, which grow; `prefix` is their owner's name or NULL.
 */
static assay_status merge_members(struct merge *merge, struct members *members,
                                  const struct members *incoming, const char *prefix,
                                  assay_error *err)
{
    size_t added = count_new(members->fields, members->count, incoming->fields, incoming->count);
    assay_field *fields =
        assay_arena_take(merge->arena, members->count + added + 1, sizeof *fields);
    size_t count = members->count;

    ASSAY_TRY(assay_arena_check(fields, err));
    for (size_t i = 0; i < count; i++)
        fields[i] = members->fields[i];
    for (size_t i = 0; i < incoming->count; i++) {
        const assay_field *new_field = &incoming->fields[i];
        assay_field *old_field = find_field(fields, members->count, new_field->name);
        const char *name = prefix == NULL
                               ? new_field->name
                               : assay_arena_format(merge->arena, "%s.%s", prefix, new_field->name);
        ASSAY_TRY(assay_arena_check(name, err));
        if (old_field != NULL)
            ASSAY_TRY(merge_field(merge, old_field, new_field, name, err));
        else if (merge->policy == ASSAY_SCHEMA_FREEZE)
            return refuse(name, NULL, new_field, "the schema is frozen", err);
        else
            ASSAY_TRY(add_field(merge, new_field, &fields[count++], err));
    }
    *members = (struct members){fields, count};
    return ASSAY_OK;
}

static assay_status merge_nested(struct merge *merge, assay_field *field,
                                 const assay_field *incoming, const char *name, assay_error *err)
{
    struct members members = {field->type.fields, field->type.field_count};
    struct members more = {incoming->type.fields, incoming->type.field_count};

    ASSAY_TRY(merge_members(merge, &members, &more, name, err));
    field->type.fields = members.fields;
    field->type.field_count = members.count;
    return ASSAY_OK;
}

/* What the user sees must stay true for old rows: where the two originals differ, it is the stored
 * type. */
static void merge_original(struct merge *merge, assay_field *field, const assay_field *incoming)
{
    if (field->original == NULL || assay_str_equal(field->original, incoming->original))
        return;
    field->original = NULL;
    merge->changed = true;
}

static assay_status merge_field(struct merge *merge, assay_field *field,
                                const assay_field *incoming, const char *name, assay_error *err)
{
    const assay_type *from = &field->type;
    const assay_type *to = &incoming->type;

    if (assay_type_is_nested(from) && from->kind == to->kind)
        return merge_nested(merge, field, incoming, name, err);
    if (assay_type_equal(from, to) ||
        (assay_type_accepts(from, to) && merge->policy == ASSAY_SCHEMA_EVOLVE) ||
        (assay_type_can_widen(to, from) && merge->policy == ASSAY_SCHEMA_FREEZE)) {
        merge_original(merge, field, incoming);
        return ASSAY_OK;
    }
    if (merge->policy == ASSAY_SCHEMA_FREEZE)
        return refuse(name, field, incoming, "the schema is frozen", err);
    if (!assay_type_can_widen(from, to))
        return refuse(name, field, incoming,
                      "only widening is allowed; --full-refresh rebuilds the table", err);
    field->type = *to;
    field->original = incoming->original;
    merge->changed = true;
    return ASSAY_OK;
}

static assay_status check_missing(const assay_schema *table, const assay_schema *incoming,
                                  assay_error *err)
{
    for (size_t i = 0; i < table->count; i++)
        if (!is_known(incoming->fields, incoming->count, table->fields[i].name))
            return refuse(table->fields[i].name, &table->fields[i], NULL, "the schema is frozen",
                          err);
    return ASSAY_OK;
}

/* ---- mode full ---- */

/* Takes the ids of `table` where name and type are the same, at every level. */
static void keep_ids(assay_field *field, const assay_field *old)
{
    field->id = old->id;
    for (size_t i = 0; i < field->type.field_count; i++)
        for (size_t k = 0; k < old->type.field_count; k++)
            if (assay_str_equal_ci(field->type.fields[i].name, old->type.fields[k].name))
                keep_ids(&field->type.fields[i], &old->type.fields[k]);
}

static bool same_field(const assay_field *a, const assay_field *b)
{
    bool same = a->id == b->id && assay_str_equal(a->name, b->name) && a->required == b->required &&
                assay_str_equal(a->original, b->original) && assay_str_equal(a->doc, b->doc) &&
                assay_type_equal(&a->type, &b->type);

    for (size_t i = 0; same && i < a->type.field_count; i++)
        same = same_field(&a->type.fields[i], &b->type.fields[i]);
    return same;
}

static assay_status replace_fields(struct merge *merge, const assay_schema *table,
                                   assay_schema *result, assay_error *err)
{
    for (size_t i = 0; i < result->count; i++) {
        assay_field *field = &result->fields[i];
        const assay_field *old = assay_schema_find(table, field->name);
        if (old != NULL && assay_type_equal(&old->type, &field->type)) {
            keep_ids(field, old);
            if (field->doc == NULL && old->doc != NULL) {
                field->doc = assay_arena_text(merge->arena, old->doc);
                ASSAY_TRY(assay_arena_check(field->doc, err));
            }
        } else {
            assay_schema_assign_ids(field, 1, &merge->last_id);
        }
        bool same = i < table->count && same_field(field, &table->fields[i]);
        merge->changed = merge->changed || !same;
    }
    merge->changed = merge->changed || result->count != table->count;
    return ASSAY_OK;
}

assay_status assay_schema_merge(const assay_schema *table, const assay_schema *incoming,
                                assay_schema_policy policy, assay_arena *arena,
                                assay_schema **ret_schema, bool *ret_changed, assay_error *err)
{
    struct merge merge = {policy, arena, table->last_field_id, false};
    assay_schema *result = NULL;

    if (policy == ASSAY_SCHEMA_REPLACE) {
        ASSAY_TRY(assay_schema_copy(incoming, arena, &result, err));
        result->id = table->id;
        ASSAY_TRY(replace_fields(&merge, table, result, err));
    } else {
        struct members more = {incoming->fields, incoming->count};
        ASSAY_TRY(assay_schema_copy(table, arena, &result, err));
        if (policy == ASSAY_SCHEMA_FREEZE)
            ASSAY_TRY(check_missing(table, incoming, err));
        struct members members = {result->fields, result->count};
        ASSAY_TRY(merge_members(&merge, &members, &more, NULL, err));
        result->fields = members.fields;
        result->count = members.count;
    }
    result->last_field_id = merge.last_id;
    *ret_schema = result;
    if (ret_changed != NULL)
        *ret_changed = merge.changed;
    return ASSAY_OK;
}
