#include "warehouse/evolve.h"

#include "base/str.h"

/* ---- statements ---- */

static assay_status push_statement(assay_evolve_plan *plan, const assay_buf *head,
                                   const assay_buf *change, assay_arena *arena, assay_error *err)
{
    ASSAY_TRY(assay_buf_check(head, err));
    ASSAY_TRY(assay_buf_check(change, err));
    const char *text = assay_arena_text(arena, assay_buf_text(change));
    const char *statement =
        assay_arena_format(arena, "%s%s", assay_buf_text(head), assay_buf_text(change));
    if (text == NULL || statement == NULL)
        return assay_error_nomem(err);
    plan->changes[plan->count] = text;
    plan->statements[plan->count++] = statement;
    return ASSAY_OK;
}

static assay_status make_plan(size_t room, assay_arena *arena, assay_evolve_plan *plan,
                              assay_error *err)
{
    *plan = (assay_evolve_plan){.creates = false};
    plan->statements = assay_arena_take(arena, room, sizeof *plan->statements);
    plan->changes = assay_arena_take(arena, room, sizeof *plan->changes);
    return plan->statements != NULL && plan->changes != NULL ? ASSAY_OK : assay_error_nomem(err);
}

static void append_alter(const assay_mapping *mapping, const assay_warehouse_target *target,
                         assay_buf *buf)
{
    assay_buf_append_text(buf, "ALTER TABLE ");
    assay_dialect_table(mapping->dialect, buf, target, target->table);
    assay_buf_append_char(buf, ' ');
}

static void append_column(assay_buf *buf, const char *before, const char *name, const char *type)
{
    assay_buf_append_text(buf, before);
    assay_sql_append_name(buf, name);
    assay_buf_append_char(buf, ' ');
    assay_buf_append_text(buf, type);
}

static void append_type_change(const assay_dialect *dialect, assay_buf *buf, const char *name,
                               const char *type)
{
    assay_buf_append_text(buf, "ALTER COLUMN ");
    assay_sql_append_name(buf, name);
    assay_buf_append_char(buf, ' ');
    assay_buf_append_text(buf, dialect->set_type);
    assay_buf_append_text(buf, type);
}

/* ---- create ---- */

static void append_key(const assay_mapping *mapping, assay_buf *buf)
{
    const char *before = ", PRIMARY KEY (";

    if (mapping->publication->key_count == 0 || mapping->publication->null_keys ||
        !mapping->dialect->keeps_keys)
        return;
    for (size_t i = 0; i < mapping->count; i++) {
        if (!mapping->columns[i].key)
            continue;
        assay_buf_append_text(buf, before);
        assay_sql_append_name(buf, mapping->columns[i].name);
        before = ", ";
    }
    assay_buf_append_char(buf, ')');
}

assay_status assay_evolve_create(const assay_mapping *mapping, const assay_warehouse_target *target,
                                 assay_arena *arena, assay_evolve_plan *ret_plan, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf head = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf body = ASSAY_BUF_EMPTY;
    assay_evolve_plan plan;

    ASSAY_TRY(make_plan(1, arena, &plan, err));
    assay_buf_append_text(&head, "CREATE TABLE IF NOT EXISTS ");
    assay_dialect_table(mapping->dialect, &head, target, target->table);
    for (size_t i = 0; i < mapping->count; i++)
        append_column(&body, i == 0 ? " (" : ", ", mapping->columns[i].name,
                      mapping->columns[i].type);
    if (mapping->is_deleted != NULL) {
        append_column(&body, ", ", mapping->is_deleted, mapping->dialect->boolean);
        append_column(&body, ", ", mapping->deleted_at, mapping->dialect->instant);
    }
    append_key(mapping, &body);
    assay_buf_append_char(&body, ')');
    ASSAY_TRY(push_statement(&plan, &head, &body, arena, err));
    plan.creates = true;
    *ret_plan = plan;
    return ASSAY_OK;
}

/* ---- diff ---- */

static const assay_server_column *find_column(const char *name, const assay_server_column *columns,
                                              size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (assay_str_equal(columns[i].name, name))
            return &columns[i];
    return NULL;
}

/* How the values that are there become the wanted type: an array is cast to text only. */
static void append_using(assay_buf *buf, const assay_server_column *column, const char *wants)
{
    bool to_json = assay_str_equal(wants, "jsonb") && assay_str_ends(column->type, "[]");

    assay_buf_append_text(buf, to_json ? " USING to_jsonb(" : " USING CAST(");
    assay_sql_append_name(buf, column->name);
    if (!to_json) {
        assay_buf_append_text(buf, " AS ");
        assay_buf_append_text(buf, wants);
    }
    assay_buf_append_char(buf, ')');
}

static assay_status fail_type(const assay_mapping *mapping, const assay_warehouse_target *target,
                              const assay_server_column *column, const char *wants,
                              assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf needed = ASSAY_BUF_EMPTY;

    append_alter(mapping, target, &needed);
    append_type_change(mapping->dialect, &needed, column->name, wants);
    if (mapping->dialect->names_cast) {
        append_using(&needed, column, wants);
    }
    return assay_error_at(err, ASSAY_EDATA, 7010, mapping->publication->place,
                          "column '%s' of '%s' is %s and would have to be %s, which is not changed "
                          "by itself; needed: %s",
                          column->name, target->table, column->type, wants,
                          assay_buf_text(&needed));
}

/* A mapping beside the target's columns, and the plan that comes of it. */
struct comparison {
    const assay_mapping *mapping;
    const assay_warehouse_target *target;
    const assay_server_column *columns;
    size_t count;
    assay_arena *arena;
    assay_evolve_plan *plan;
};

static assay_status fail_generated(const struct comparison *comparison,
                                   const assay_server_column *column, assay_error *err)
{
    return assay_error_at(
        err, ASSAY_EDATA, 7012, comparison->mapping->publication->place,
        "column '%s' of '%s' is generated there and takes no values; leave it out "
        "by `columns`",
        column->name, comparison->target->table);
}

/* One wanted column. */
static assay_status compare(const struct comparison *comparison, const char *name,
                            const char *wants, const char **ret_has, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf head = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf change = ASSAY_BUF_EMPTY;
    const assay_mapping *mapping = comparison->mapping;
    assay_arena *arena = comparison->arena;
    const assay_server_column *column = find_column(name, comparison->columns, comparison->count);

    *ret_has = wants;
    append_alter(mapping, comparison->target, &head);
    if (column == NULL) {
        /* Another publisher may have been faster. */
        append_column(&change, "ADD COLUMN IF NOT EXISTS ", name, wants);
        return push_statement(comparison->plan, &head, &change, arena, err);
    }
    if (column->generated)
        return fail_generated(comparison, column, err);
    switch (assay_types_fit(mapping->dialect, wants, column->type, arena, ret_has)) {
    case ASSAY_FIT_SAME:
        return ASSAY_OK;
    case ASSAY_FIT_WIDEN:
        ASSAY_TRY(assay_arena_check(*ret_has, err));
        append_type_change(mapping->dialect, &change, name, *ret_has);
        return push_statement(comparison->plan, &head, &change, arena, err);
    case ASSAY_FIT_REFUSED:
        return fail_type(mapping, comparison->target, column, wants, err);
    }
    return ASSAY_OK;
}

static bool is_filled(const assay_mapping *mapping, const char *name)
{
    for (size_t i = 0; i < mapping->count; i++)
        if (assay_str_equal(mapping->columns[i].name, name))
            return true;
    return assay_str_equal(name, mapping->is_deleted);
}

/* Columns that get nothing become NULL in the rows that are written. */
static assay_status check_unfilled(const assay_mapping *mapping,
                                   const assay_warehouse_target *target,
                                   const assay_server_column *columns, size_t count,
                                   assay_error *err)
{
    for (size_t i = 0; i < count; i++) {
        ASSAY_AUTO(assay_buf_done) assay_buf needed = ASSAY_BUF_EMPTY;
        if (!columns[i].not_null || columns[i].has_default || is_filled(mapping, columns[i].name))
            continue;
        append_alter(mapping, target, &needed);
        assay_buf_append_text(&needed, "ALTER COLUMN ");
        assay_sql_append_name(&needed, columns[i].name);
        assay_buf_append_text(&needed, " DROP NOT NULL");
        return assay_error_at(err, ASSAY_EDATA, 7011, mapping->publication->place,
                              "column '%s' of '%s' is NOT NULL and nothing is published into it; "
                              "needed: %s",
                              columns[i].name, target->table, assay_buf_text(&needed));
    }
    return ASSAY_OK;
}

static assay_status compare_marks(const struct comparison *comparison, assay_error *err)
{
    const assay_mapping *mapping = comparison->mapping;
    const char *has = NULL;

    if (mapping->is_deleted == NULL)
        return ASSAY_OK;
    ASSAY_TRY(compare(comparison, mapping->is_deleted, mapping->dialect->boolean, &has, err));
    return compare(comparison, mapping->deleted_at, mapping->dialect->instant, &has, err);
}

assay_status assay_evolve_diff(assay_mapping *mapping, const assay_warehouse_target *target,
                               const assay_server_column *columns, size_t count, assay_arena *arena,
                               assay_evolve_plan *ret_plan, assay_error *err)
{
    assay_evolve_plan plan;
    struct comparison comparison = {.mapping = mapping,
                                    .target = target,
                                    .columns = columns,
                                    .count = count,
                                    .arena = arena,
                                    .plan = &plan};

    ASSAY_TRY(make_plan(mapping->count + 2, arena, &plan, err));
    for (size_t i = 0; i < mapping->count; i++) {
        assay_mapped_column *column = &mapping->columns[i];
        ASSAY_TRY(compare(&comparison, column->name, column->type, &column->has, err));
    }
    ASSAY_TRY(compare_marks(&comparison, err));
    ASSAY_TRY(check_unfilled(mapping, target, columns, count, err));
    *ret_plan = plan;
    return ASSAY_OK;
}

assay_status assay_evolve_gone(assay_mapping *mapping, const char *const *earlier,
                               size_t earlier_count, const assay_server_column *columns,
                               size_t count, assay_arena *arena, assay_error *err)
{
    mapping->gone = assay_arena_take(arena, earlier_count + 1, sizeof *mapping->gone);
    ASSAY_TRY(assay_arena_check(mapping->gone, err));
    mapping->gone_count = 0;
    for (size_t i = 0; i < earlier_count; i++) {
        const assay_server_column *column = find_column(earlier[i], columns, count);
        if (column != NULL && !is_filled(mapping, earlier[i]) &&
            !assay_str_equal(earlier[i], mapping->deleted_at))
            mapping->gone[mapping->gone_count++] = column->name;
    }
    return ASSAY_OK;
}
