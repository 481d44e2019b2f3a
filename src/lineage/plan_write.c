#include "lineage/plan.h"

#include "base/str.h"

/* Opens the target: the table of `info` with all of its columns, none of them written yet. */
static assay_status open_target(assay_plan_walk *walk, const assay_value *info, assay_error *err)
{
    assay_plan_target *target = &walk->target;
    const assay_value *columns = assay_value_find(info, "columns");
    size_t count = assay_plan_count(columns, "columns");

    *target = (assay_plan_target){.writes = true};
    ASSAY_TRY(assay_plan_table_name(walk, assay_value_find_text(info, "catalog", NULL),
                                    assay_value_find_text(info, "schema", NULL),
                                    assay_value_find_text(info, "table", ""), &target->table, err));
    if (count == 0)
        return ASSAY_OK;
    target->names = assay_arena_take(walk->arena, count, sizeof *target->names);
    ASSAY_TRY(assay_arena_check(target->names, err));
    target->columns = assay_arena_take(walk->arena, count, sizeof *target->columns);
    ASSAY_TRY(assay_arena_check(target->columns, err));
    target->written = assay_arena_take(walk->arena, count, sizeof *target->written);
    ASSAY_TRY(assay_arena_check(target->written, err));
    for (size_t i = 0; i < count; i++) {
        const assay_value *column = assay_plan_item(columns, "columns", i);
        /* Indexes of columns count those that are stored. */
        if (assay_str_equal(assay_value_find_text(column, "category", ""), "GENERATED"))
            continue;
        target->names[target->count++] = assay_value_find_text(column, "name", "");
    }
    return ASSAY_OK;
}

static assay_status write_column(assay_plan_walk *walk, size_t index, assay_plan_edges edges,
                                 assay_error *err)
{
    assay_plan_target *target = &walk->target;

    if (index >= target->count)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 6010,
                               "the plan writes column %zu of a table that has %zu", index,
                               target->count);
    target->written[index] = true;
    return assay_plan_edges_merge(walk, target->columns[index].edges, edges,
                                  &target->columns[index].edges, err);
}

/* Writes columns of `rows` by position, or as `map` says: for each column of the table the place
 * in `rows`, out of range = its default. */
static assay_status write_rows(assay_plan_walk *walk, const assay_value *map,
                               assay_plan_relation rows, assay_error *err)
{
    size_t mapped = assay_plan_count(map, "internal_vector");
    size_t count = mapped > 0 ? mapped : walk->target.count;

    for (size_t i = 0; i < count; i++) {
        int64_t from = (int64_t)i;
        if (mapped > 0) {
            const assay_value *place = assay_plan_item(map, "internal_vector", i);
            from = place->kind == ASSAY_VALUE_INT ? place->integer : -1;
        }
        if (from >= 0 && (size_t)from < rows.count)
            ASSAY_TRY(write_column(walk, i, rows.columns[from].edges, err));
    }
    return ASSAY_OK;
}

/* What the statement gives: with RETURNING the table's rows, else a count. */
static assay_status returned(assay_plan_walk *walk, const assay_value *node,
                             assay_plan_relation *ret_relation, assay_error *err)
{
    bool rows = assay_value_find_bool(node, "return_chunk", false);

    ASSAY_TRY(assay_plan_relation_new(walk, rows ? walk->target.count + 1 : 1, ret_relation, err));
    for (size_t i = 0; rows && i < walk->target.count; i++)
        ret_relation->columns[i] = walk->target.columns[i];
    return assay_plan_bind(walk, node, "table_index", *ret_relation, err);
}

assay_status assay_plan_insert(assay_plan_walk *walk, const assay_value *node,
                               assay_plan_relation *ret_relation, assay_error *err)
{
    assay_plan_relation rows = {NULL, 0};

    ASSAY_TRY(assay_plan_child(walk, node, 0, &rows, err));
    ASSAY_TRY(open_target(walk, assay_value_find(node, "table_info"), err));
    ASSAY_TRY(write_rows(walk, assay_value_find(node, "column_index_map"), rows, err));
    return returned(walk, node, ret_relation, err);
}

/* columns[i] becomes expressions[i] over `rows`. */
static assay_status write_set(assay_plan_walk *walk, const assay_value *node,
                              assay_plan_relation rows, assay_error *err)
{
    for (size_t i = 0; i < assay_plan_count(node, "columns"); i++) {
        const assay_value *index = assay_plan_item(node, "columns", i);
        assay_plan_column column = {.helper = false};
        ASSAY_TRY(assay_plan_expression_column(walk, assay_plan_item(node, "expressions", i), rows,
                                               &column, err));
        size_t place = index->kind == ASSAY_VALUE_INT && index->integer >= 0
                           ? (size_t)index->integer
                           : walk->target.count;
        ASSAY_TRY(write_column(walk, place, column.edges, err));
    }
    return ASSAY_OK;
}

assay_status assay_plan_update(assay_plan_walk *walk, const assay_value *node,
                               assay_plan_relation *ret_relation, assay_error *err)
{
    assay_plan_relation rows = {NULL, 0};

    ASSAY_TRY(assay_plan_child(walk, node, 0, &rows, err));
    ASSAY_TRY(open_target(walk, assay_value_find(node, "table_info"), err));
    ASSAY_TRY(write_set(walk, node, rows, err));
    return returned(walk, node, ret_relation, err);
}

assay_status assay_plan_delete(assay_plan_walk *walk, const assay_value *node,
                               assay_plan_relation *ret_relation, assay_error *err)
{
    assay_plan_relation rows = {NULL, 0};

    ASSAY_TRY(assay_plan_child(walk, node, 0, &rows, err));
    ASSAY_TRY(open_target(walk, assay_value_find(node, "table_info"), err));
    return returned(walk, node, ret_relation, err);
}

/* VALUES of an INSERT action over the joined rows. */
static assay_status write_merged_rows(assay_plan_walk *walk, const assay_value *action,
                                      assay_plan_relation rows, assay_error *err)
{
    assay_plan_relation values = {NULL, 0};

    ASSAY_TRY(assay_plan_relation_new(walk, assay_plan_count(action, "expressions"), &values, err));
    for (size_t i = 0; i < values.count; i++)
        ASSAY_TRY(assay_plan_expression_column(walk, assay_plan_item(action, "expressions", i),
                                               rows, &values.columns[i], err));
    return write_rows(walk, assay_value_find(action, "column_index_map"), values, err);
}

static assay_status merge_action(assay_plan_walk *walk, const assay_value *action,
                                 assay_plan_relation rows, assay_error *err)
{
    const char *type = assay_value_find_text(action, "action_type", "");

    ASSAY_TRY(assay_plan_indirect(walk, assay_value_find(action, "condition"), rows,
                                  ASSAY_LINEAGE_FILTER, err));
    if (assay_str_equal(type, "MERGE_UPDATE"))
        return write_set(walk, action, rows, err);
    if (assay_str_equal(type, "MERGE_INSERT"))
        return write_merged_rows(walk, action, rows, err);
    return ASSAY_OK; /* deletes, does nothing, or fails */
}

assay_status assay_plan_merge(assay_plan_walk *walk, const assay_value *node,
                              assay_plan_relation *ret_relation, assay_error *err)
{
    assay_plan_relation rows = {NULL, 0};

    ASSAY_TRY(assay_plan_child(walk, node, 0, &rows, err));
    ASSAY_TRY(open_target(walk, assay_value_find(node, "table_info"), err));
    for (size_t i = 0; i < assay_plan_count(node, "actions"); i++) {
        const assay_value *branch = assay_plan_item(node, "actions", i);
        for (size_t k = 0; k < assay_plan_count(branch, "value"); k++)
            ASSAY_TRY(merge_action(walk, assay_plan_item(branch, "value", k), rows, err));
    }
    return returned(walk, node, ret_relation, err);
}

assay_status assay_plan_create_table(assay_plan_walk *walk, const assay_value *node,
                                     assay_plan_relation *ret_relation, assay_error *err)
{
    const assay_value *info = assay_value_find(node, "info");
    assay_plan_relation rows = {NULL, 0};

    ASSAY_TRY(assay_plan_child(walk, node, 0, &rows, err));
    ASSAY_TRY(open_target(walk, info, err));
    ASSAY_TRY(write_rows(walk, NULL, rows, err));
    return returned(walk, node, ret_relation, err);
}

assay_status assay_plan_copy(assay_plan_walk *walk, const assay_value *node,
                             assay_plan_relation *ret_relation, assay_error *err)
{
    const assay_value *names = assay_value_find(node, "names");
    assay_plan_target *target = &walk->target;
    assay_plan_relation rows = {NULL, 0};

    ASSAY_TRY(assay_plan_child(walk, node, 0, &rows, err));
    *target = (assay_plan_target){.writes = true};
    target->table = assay_value_find_text(node, "file_path", "");
    target->columns = rows.columns;
    size_t count = assay_plan_count(node, "names");
    if (count < rows.count)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 6010,
                               "the plan of COPY has %zu columns and %zu names", rows.count, count);
    if (count > 0) {
        target->names = assay_arena_take(walk->arena, count, sizeof *target->names);
        ASSAY_TRY(assay_arena_check(target->names, err));
        target->written = assay_arena_take(walk->arena, count, sizeof *target->written);
        ASSAY_TRY(assay_arena_check(target->written, err));
    }
    target->count = rows.count;
    for (size_t i = 0; i < rows.count; i++) {
        target->names[i] = names->items[i]->text;
        target->written[i] = true;
    }
    return returned(walk, node, ret_relation, err);
}
