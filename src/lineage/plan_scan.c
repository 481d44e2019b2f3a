#include "lineage/plan.h"

#include "base/path.h"
#include "base/str.h"

#include <string.h>

assay_status assay_plan_table_name(assay_plan_walk *walk, const char *catalog, const char *schema,
                                   const char *table, const char **ret_name, assay_error *err)
{
    bool other = walk->catalog != NULL && catalog != NULL && catalog[0] != '\0' &&
                 !assay_str_equal_ci(catalog, walk->catalog);
    const char *name = NULL;

    if (other)
        name = assay_arena_format(walk->arena, "%s.%s.%s", catalog, schema, table);
    else if (schema == NULL || schema[0] == '\0' || assay_str_equal_ci(schema, "main"))
        name = assay_arena_text(walk->arena, table);
    else
        name = assay_arena_format(walk->arena, "%s.%s", schema, table);
    ASSAY_TRY(assay_arena_check(name, err));
    *ret_name = name;
    return ASSAY_OK;
}

/* One file is its path, many are the folder above all of them. */
static assay_status files_name(assay_plan_walk *walk, const assay_value *files,
                               const char **ret_name, assay_error *err)
{
    const char *first = files->items[0]->text;
    size_t length = strlen(first);

    for (size_t i = 1; i < files->count; i++) {
        const char *path = files->items[i]->text;
        size_t same = 0;
        while (same < length && path[same] == first[same])
            same++;
        length = same;
    }
    if (files->count > 1)
        while (length > 1 && first[length - 1] != '/')
            length--;
    if (files->count > 1 && length > 1)
        length--;
    char *name = assay_arena_text_n(walk->arena, first, length);
    ASSAY_TRY(assay_arena_check(name, err));
    *ret_name = name;
    return ASSAY_OK;
}

static bool all_text(const assay_value *list)
{
    if (list == NULL || list->kind != ASSAY_VALUE_LIST || list->count == 0)
        return false;
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i]->kind != ASSAY_VALUE_TEXT)
            return false;
    return true;
}

/* The table or file that a scan reads; NULL for functions that read nothing we can name (range,
 * generate_series, duckdb_tables ..). */
static assay_status scanned_name(assay_plan_walk *walk, const assay_value *node,
                                 const char **ret_name, assay_error *err)
{
    const assay_value *data = assay_value_find(node, "function_data");
    const char *table = assay_value_find_text(data, "table", NULL);
    const assay_value *files = assay_value_find(data, "files");

    *ret_name = NULL;
    if (table != NULL)
        return assay_plan_table_name(walk, assay_value_find_text(data, "catalog", NULL),
                                     assay_value_find_text(data, "schema", NULL), table, ret_name,
                                     err);
    if (all_text(files))
        return files_name(walk, files, ret_name, err);
    return ASSAY_OK;
}

/* Adds the table to those that are read. */
static assay_status note_table(assay_plan_walk *walk, const char *table, assay_error *err)
{
    assay_plan_edge edge = {0, 0, 0};

    ASSAY_TRY(assay_plan_source_find(walk, table, "", &edge.source, err));
    return assay_vec_push(walk->scope, &edge, err);
}

static assay_status source_column(assay_plan_walk *walk, const char *table, const char *name,
                                  assay_plan_column *ret_column, assay_error *err)
{
    assay_plan_edge *edge = assay_arena_take(walk->arena, 1, sizeof *edge);
    ASSAY_TRY(assay_arena_check(edge, err));

    edge->kinds = 1U << ASSAY_LINEAGE_IDENTITY;
    ASSAY_TRY(assay_plan_source_find(walk, table, name, &edge->source, err));
    *ret_column = (assay_plan_column){.edges = {edge, 1}};
    return ASSAY_OK;
}

/* Columns in the order of `column_indexes`; row ids and other columns that the table does not have
 * come from nowhere. */
static assay_status scan_columns(assay_plan_walk *walk, const assay_value *node, const char *table,
                                 assay_plan_relation *ret_relation, assay_error *err)
{
    assay_plan_relation made = {NULL, 0};

    ASSAY_TRY(assay_plan_relation_new(walk, assay_plan_count(node, "column_indexes"), &made, err));
    for (size_t i = 0; table != NULL && i < made.count; i++) {
        int64_t index =
            assay_value_find_int(assay_plan_item(node, "column_indexes", i), "index", -1);
        const assay_value *name = index >= 0 ? assay_plan_item(node, "names", (size_t)index) : NULL;
        if (name != NULL && name->kind == ASSAY_VALUE_TEXT)
            ASSAY_TRY(source_column(walk, table, name->text, &made.columns[i], err));
    }
    *ret_relation = made;
    return ASSAY_OK;
}

/* A table function with rows as arguments (unnest, generate_series of a column): every result comes
 * from every argument, and the columns of `projected_input` pass by. */
static assay_status function_columns(assay_plan_walk *walk, const assay_value *node,
                                     assay_plan_relation *made, assay_error *err)
{
    const assay_plan_mode transform = {.kind = ASSAY_PLAN_TRANSFORM};
    ASSAY_AUTO(assay_vec_done) assay_vec collected = ASSAY_VEC_OF(assay_plan_edge);
    const assay_value *passed = assay_value_find(node, "projected_input");
    assay_plan_relation input = {NULL, 0};
    assay_plan_relation beside = {NULL, 0};
    assay_plan_edges edges = {NULL, 0};

    ASSAY_TRY(assay_plan_child(walk, node, 0, &input, err));
    size_t arguments = input.count;
    if (passed != NULL && passed->kind == ASSAY_VALUE_LIST && passed->count > 0) {
        ASSAY_TRY(assay_plan_choose(walk, passed, input, &beside, err));
        /* Passed columns stand behind the arguments. */
        for (size_t i = 0; i < passed->count; i++)
            if (passed->items[i]->integer < (int64_t)arguments)
                arguments = (size_t)passed->items[i]->integer;
    }
    for (size_t i = 0; i < arguments; i++)
        ASSAY_TRY(assay_plan_edges_add(walk, input.columns[i].edges, transform, &collected, err));
    ASSAY_TRY(assay_plan_edges_close(walk, &collected, &edges, err));
    for (size_t i = 0; i < made->count; i++)
        made->columns[i].edges = edges;
    return assay_plan_concat(walk, *made, beside, made, err);
}

assay_status assay_plan_get(assay_plan_walk *walk, const assay_value *node,
                            assay_plan_relation *ret_relation, assay_error *err)
{
    assay_plan_relation made = {NULL, 0};
    const char *table = NULL;

    ASSAY_TRY(scanned_name(walk, node, &table, err));
    if (table != NULL)
        ASSAY_TRY(note_table(walk, table, err));
    ASSAY_TRY(scan_columns(walk, node, table, &made, err));
    ASSAY_TRY(assay_plan_bind(walk, node, "table_index", made, err));
    ASSAY_TRY(assay_plan_choose(walk, assay_value_find(node, "projection_ids"), made, &made, err));
    if (assay_plan_count(node, "children") > 0)
        ASSAY_TRY(function_columns(walk, node, &made, err));
    *ret_relation = made;
    return ASSAY_OK;
}

/* VALUES: rows of expressions over the child. */
assay_status assay_plan_expression_get(assay_plan_walk *walk, const assay_value *node,
                                       assay_plan_relation *ret_relation, assay_error *err)
{
    const assay_plan_relation none = {NULL, 0};
    const assay_value *rows = assay_value_find(node, "expressions");
    size_t count = assay_plan_count(node, "expr_types");
    assay_plan_relation input = none;
    assay_plan_relation made = none;

    if (assay_plan_count(node, "children") > 0)
        ASSAY_TRY(assay_plan_child(walk, node, 0, &input, err));
    ASSAY_TRY(assay_plan_relation_new(walk, count, &made, err));
    for (size_t r = 0; rows != NULL && r < rows->count; r++) {
        const assay_value *row = rows->items[r];
        for (size_t i = 0; i < count && i < row->count; i++) {
            assay_plan_column cell = {.helper = false};
            ASSAY_TRY(assay_plan_expression_column(walk, row->items[i], input, &cell, err));
            ASSAY_TRY(assay_plan_edges_merge(walk, made.columns[i].edges, cell.edges,
                                             &made.columns[i].edges, err));
        }
    }
    *ret_relation = made;
    return assay_plan_bind(walk, node, "table_index", made, err);
}

/* Constants, or nothing at all. */
assay_status assay_plan_chunk_get(assay_plan_walk *walk, const assay_value *node,
                                  assay_plan_relation *ret_relation, assay_error *err)
{
    static const char *const keys[] = {"chunk_types", "return_types", "types"};
    size_t count = 0;

    for (size_t i = 0; i < sizeof keys / sizeof *keys && count == 0; i++)
        count = assay_plan_count(node, keys[i]);
    if (count == 0)
        count = 1; /* a dummy scan has one row of one column */
    ASSAY_TRY(assay_plan_relation_new(walk, count, ret_relation, err));
    return assay_plan_bind(walk, node, "table_index", *ret_relation, err);
}
