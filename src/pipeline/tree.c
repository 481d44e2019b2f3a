#include "pipeline/tree.h"

#include "base/str.h"

#include <string.h>

/* Table functions that only look at their arguments. All others read something outside the graph.
 */
static const char *const pure_tables[] = {"range",      "generate_series", "unnest",   "repeat",
                                          "repeat_row", "json_each",       "json_tree"};

/* Table functions that name tables in text: the graph could not see them. */
static const char *const hidden_tables[] = {"query", "query_table", "json_execute_serialized_sql",
                                            "seq_scan"};

static bool is_in(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (assay_str_equal_ci(name, names[i]))
            return true;
    return false;
}

#define IS_IN(name, names) is_in((name), (names), sizeof(names) / sizeof(names)[0])

void assay_tree_facts_done(assay_tree_facts *facts)
{
    assay_vec_done(&facts->references);
}

struct walk {
    assay_tree_facts *facts;
    assay_vec ctes; /* of const char *: names of WITH */
    assay_error *err;
};

static int64_t offset_of(const assay_value *node)
{
    return assay_value_find_int(node, "query_location", -1);
}

static void forbid(struct walk *walk, const char *what, const assay_value *node)
{
    if (walk->facts->forbidden != NULL)
        return;
    walk->facts->forbidden = what;
    walk->facts->forbidden_offset = offset_of(node);
}

static void see_table_function(struct walk *walk, const assay_value *node)
{
    const assay_value *function = assay_value_find(node, "function");
    const char *name = assay_value_find_text(function, "function_name", "");

    if (IS_IN(name, hidden_tables))
        forbid(walk, "names its tables in text, so that its inputs cannot be seen", node);
    else if (!IS_IN(name, pure_tables))
        walk->facts->reads_outside = true;
}

static assay_status see_table(struct walk *walk, const assay_value *node)
{
    assay_tree_reference reference = {
        .catalog = assay_value_find_text(node, "catalog_name", ""),
        .schema = assay_value_find_text(node, "schema_name", ""),
        .table = assay_value_find_text(node, "table_name", ""),
        .offset = offset_of(node),
    };

    if (reference.schema[0] == '\0' && reference.catalog[0] == '\0' &&
        is_in(reference.table, walk->ctes.items, walk->ctes.count))
        return ASSAY_OK;
    return assay_vec_push(&walk->facts->references, &reference, walk->err);
}

static assay_status see_node(struct walk *walk, const assay_value *node)
{
    const char *type = assay_value_find_text(node, "type", "");

    if (strcmp(type, "BASE_TABLE") == 0)
        return see_table(walk, node);
    if (strcmp(type, "SHOW_REF") == 0)
        forbid(walk, "is not a query", node);
    else if (strcmp(type, "TABLE_FUNCTION") == 0)
        see_table_function(walk, node);
    return ASSAY_OK;
}

/* Names of WITH are collected for the whole query: a name that is out of its sight fails when the
 * query is bound. */
static assay_status collect_ctes(struct walk *walk, const assay_value *value, int depth)
{
    if (depth > ASSAY_TREE_DEPTH_MAX)
        return assay_error_set(walk->err, ASSAY_ECONFIG, 2118, "the query is nested too deeply");
    if (value->kind == ASSAY_VALUE_MAP) {
        const assay_value *ctes = assay_value_find(assay_value_find(value, "cte_map"), "map");

        for (size_t i = 0; ctes != NULL && i < ctes->count; i++) {
            const char *name = assay_value_find_text(ctes->items[i], "key", NULL);

            if (name != NULL)
                ASSAY_TRY(assay_vec_push(&walk->ctes, &name, walk->err));
        }
    }
    for (size_t i = 0; i < value->count; i++)
        ASSAY_TRY(collect_ctes(walk, value->items[i], depth + 1));
    return ASSAY_OK;
}

static assay_status visit(struct walk *walk, const assay_value *value)
{
    if (value->kind == ASSAY_VALUE_MAP)
        ASSAY_TRY(see_node(walk, value));
    for (size_t i = 0; i < value->count; i++)
        ASSAY_TRY(visit(walk, value->items[i]));
    return ASSAY_OK;
}

static void walk_done(struct walk *walk)
{
    assay_vec_done(&walk->ctes);
}

assay_status assay_tree_read(const assay_value *tree, assay_tree_facts *facts, assay_error *err)
{
    ASSAY_AUTO(walk_done) struct walk walk = {facts, ASSAY_VEC_OF(const char *), err};

    ASSAY_TRY(collect_ctes(&walk, tree, 0));
    return visit(&walk, tree);
}
