#include "lineage/plan.h"

#include "base/str.h"

assay_status assay_plan_child(assay_plan_walk *walk, const assay_value *node, size_t index,
                              assay_plan_relation *ret_relation, assay_error *err)
{
    const assay_value *child = assay_plan_item(node, "children", index);

    if (child == NULL)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 6010, "the plan's operator %s has no input",
                               assay_value_find_text(node, "type", "?"));
    return assay_plan_operator(walk, child, ret_relation, err);
}

assay_status assay_plan_choose(assay_plan_walk *walk, const assay_value *indexes,
                               assay_plan_relation relation, assay_plan_relation *ret_relation,
                               assay_error *err)
{
    if (indexes == NULL || indexes->kind != ASSAY_VALUE_LIST || indexes->count == 0) {
        *ret_relation = relation;
        return ASSAY_OK;
    }
    assay_plan_relation chosen = {NULL, 0};
    ASSAY_TRY(assay_plan_relation_new(walk, indexes->count, &chosen, err));
    for (size_t i = 0; i < indexes->count; i++) {
        const assay_value *index = indexes->items[i];
        if (index->kind != ASSAY_VALUE_INT || index->integer < 0 ||
            (size_t)index->integer >= relation.count)
            return assay_error_set(err, ASSAY_EUNSUPPORTED, 6010,
                                   "the plan projects a column that its input does not have");
        chosen.columns[i] = relation.columns[index->integer];
    }
    *ret_relation = chosen;
    return ASSAY_OK;
}

assay_status assay_plan_concat(assay_plan_walk *walk, assay_plan_relation left,
                               assay_plan_relation right, assay_plan_relation *ret_relation,
                               assay_error *err)
{
    assay_plan_relation both = {NULL, 0};

    ASSAY_TRY(assay_plan_relation_new(walk, left.count + right.count, &both, err));
    for (size_t i = 0; i < left.count; i++)
        both.columns[i] = left.columns[i];
    for (size_t i = 0; i < right.count; i++)
        both.columns[left.count + i] = right.columns[i];
    *ret_relation = both;
    return ASSAY_OK;
}

static assay_status projection(assay_plan_walk *walk, const assay_value *node,
                               assay_plan_relation *ret_relation, assay_error *err)
{
    assay_plan_relation input = {NULL, 0};
    assay_plan_relation made = {NULL, 0};

    ASSAY_TRY(assay_plan_child(walk, node, 0, &input, err));
    ASSAY_TRY(assay_plan_relation_new(walk, assay_plan_count(node, "expressions"), &made, err));
    for (size_t i = 0; i < made.count; i++)
        ASSAY_TRY(assay_plan_expression_column(walk, assay_plan_item(node, "expressions", i), input,
                                               &made.columns[i], err));
    *ret_relation = made;
    return assay_plan_bind(walk, node, "table_index", made, err);
}

static assay_status filter(assay_plan_walk *walk, const assay_value *node,
                           assay_plan_relation *ret_relation, assay_error *err)
{
    assay_plan_relation input = {NULL, 0};

    ASSAY_TRY(assay_plan_child(walk, node, 0, &input, err));
    for (size_t i = 0; i < assay_plan_count(node, "expressions"); i++)
        ASSAY_TRY(assay_plan_indirect(walk, assay_plan_item(node, "expressions", i), input,
                                      ASSAY_LINEAGE_FILTER, err));
    return assay_plan_choose(walk, assay_value_find(node, "projection_map"), input, ret_relation,
                             err);
}

/* The aggregation that takes the one row of a scalar subquery has no place for GROUPING(): the
 * engine made it, and its first() is the value itself. */
static bool picks_one_row(const assay_value *node)
{
    return assay_plan_count(node, "groups") == 0 && assay_plan_count(node, "expressions") == 2 &&
           assay_value_find_int(node, "groupings_index", -1) < 0 &&
           assay_str_equal(assay_value_find_text(assay_plan_item(node, "expressions", 0), "name",
                                                 ""),
                           "first") &&
           assay_str_equal(assay_value_find_text(assay_plan_item(node, "expressions", 1), "name",
                                                 ""),
                           "count_star");
}

/* Groups, then aggregates, then GROUPING() numbers. */
static assay_status aggregate(assay_plan_walk *walk, const assay_value *node,
                              assay_plan_relation *ret_relation, assay_error *err)
{
    size_t groups = assay_plan_count(node, "groups");
    size_t aggregates = assay_plan_count(node, "expressions");
    size_t groupings = assay_plan_count(node, "grouping_functions");
    bool pick = picks_one_row(node);
    assay_plan_relation input = {NULL, 0};
    assay_plan_relation made = {NULL, 0};

    ASSAY_TRY(assay_plan_child(walk, node, 0, &input, err));
    ASSAY_TRY(assay_plan_relation_new(walk, groups + aggregates + groupings, &made, err));
    for (size_t i = 0; i < groups; i++) {
        const assay_value *group = assay_plan_item(node, "groups", i);
        ASSAY_TRY(assay_plan_expression_column(walk, group, input, &made.columns[i], err));
        if (!assay_plan_is_helper(walk, group, input))
            ASSAY_TRY(assay_plan_indirect(walk, group, input, ASSAY_LINEAGE_GROUP_BY, err));
    }
    for (size_t i = 0; i < aggregates; i++)
        ASSAY_TRY(assay_plan_aggregate_column(walk, assay_plan_item(node, "expressions", i), input,
                                              pick && i == 0, &made.columns[groups + i], err));
    *ret_relation = made;
    ASSAY_TRY(assay_plan_bind(walk, node, "group_index", made, err));
    assay_plan_relation results = {aggregates > 0 ? made.columns + groups : NULL, aggregates};
    return assay_plan_bind(walk, node, "aggregate_index", results, err);
}

/* Columns of the input, then one a result: WINDOW and UNNEST. */
static assay_status extend(assay_plan_walk *walk, const assay_value *node, const char *index,
                           assay_plan_relation *ret_relation, assay_error *err)
{
    assay_plan_relation input = {NULL, 0};
    assay_plan_relation made = {NULL, 0};

    ASSAY_TRY(assay_plan_child(walk, node, 0, &input, err));
    ASSAY_TRY(assay_plan_relation_new(walk, assay_plan_count(node, "expressions"), &made, err));
    for (size_t i = 0; i < made.count; i++)
        ASSAY_TRY(assay_plan_expression_column(walk, assay_plan_item(node, "expressions", i), input,
                                               &made.columns[i], err));
    ASSAY_TRY(assay_plan_bind(walk, node, index, made, err));
    return assay_plan_concat(walk, input, made, ret_relation, err);
}

static assay_status window(assay_plan_walk *walk, const assay_value *node,
                           assay_plan_relation *ret_relation, assay_error *err)
{
    return extend(walk, node, "window_index", ret_relation, err);
}

static assay_status unnest(assay_plan_walk *walk, const assay_value *node,
                           assay_plan_relation *ret_relation, assay_error *err)
{
    return extend(walk, node, "unnest_index", ret_relation, err);
}

static assay_status sort_by(assay_plan_walk *walk, const assay_value *holder,
                            assay_plan_relation input, assay_error *err)
{
    for (size_t i = 0; i < assay_plan_count(holder, "orders"); i++)
        ASSAY_TRY(assay_plan_indirect(walk,
                                      assay_value_find(assay_plan_item(holder, "orders", i),
                                                       "expression"),
                                      input, ASSAY_LINEAGE_SORT, err));
    return ASSAY_OK;
}

static assay_status order_by(assay_plan_walk *walk, const assay_value *node,
                             assay_plan_relation *ret_relation, assay_error *err)
{
    assay_plan_relation input = {NULL, 0};

    ASSAY_TRY(assay_plan_child(walk, node, 0, &input, err));
    ASSAY_TRY(sort_by(walk, node, input, err));
    return assay_plan_choose(walk, assay_value_find(node, "projections"), input, ret_relation, err);
}

static assay_status distinct(assay_plan_walk *walk, const assay_value *node,
                             assay_plan_relation *ret_relation, assay_error *err)
{
    ASSAY_TRY(assay_plan_child(walk, node, 0, ret_relation, err));
    for (size_t i = 0; i < assay_plan_count(node, "distinct_targets"); i++)
        ASSAY_TRY(assay_plan_indirect(walk, assay_plan_item(node, "distinct_targets", i),
                                      *ret_relation, ASSAY_LINEAGE_GROUP_BY, err));
    return sort_by(walk, assay_value_find(node, "order_by"), *ret_relation, err);
}

static assay_status limit(assay_plan_walk *walk, const assay_value *node,
                          assay_plan_relation *ret_relation, assay_error *err)
{
    static const char *const keys[] = {"limit_val", "offset_val"};

    ASSAY_TRY(assay_plan_child(walk, node, 0, ret_relation, err));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        ASSAY_TRY(
            assay_plan_indirect(walk,
                                assay_value_find(assay_value_find(node, keys[i]), "expression"),
                                *ret_relation, ASSAY_LINEAGE_FILTER, err));
    return ASSAY_OK;
}

static assay_status pass(assay_plan_walk *walk, const assay_value *node,
                         assay_plan_relation *ret_relation, assay_error *err)
{
    return assay_plan_child(walk, node, 0, ret_relation, err);
}

static assay_status merge_columns(assay_plan_walk *walk, assay_plan_relation into,
                                  assay_plan_relation from, assay_error *err)
{
    if (into.count != from.count)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 6010,
                               "the plan joins rows of %zu columns with rows of %zu", into.count,
                               from.count);
    for (size_t i = 0; i < into.count; i++) {
        assay_plan_column *column = &into.columns[i];
        ASSAY_TRY(assay_plan_edges_merge(walk, column->edges, from.columns[i].edges, &column->edges,
                                         err));
        column->helper = column->helper && from.columns[i].helper;
    }
    return ASSAY_OK;
}

static assay_status union_of(assay_plan_walk *walk, const assay_value *node,
                             assay_plan_relation *ret_relation, assay_error *err)
{
    const assay_plan_relation none = {NULL, 0};
    assay_plan_relation first = {NULL, 0};
    assay_plan_relation made = {NULL, 0};

    ASSAY_TRY(assay_plan_child(walk, node, 0, &first, err));
    ASSAY_TRY(assay_plan_concat(walk, first, none, &made, err));
    for (size_t i = 1; i < assay_plan_count(node, "children"); i++) {
        assay_plan_relation next = {NULL, 0};
        ASSAY_TRY(assay_plan_child(walk, node, i, &next, err));
        ASSAY_TRY(merge_columns(walk, made, next, err));
    }
    *ret_relation = made;
    return assay_plan_bind(walk, node, "table_index", made, err);
}

/* INTERSECT and EXCEPT: rows of the left side; the other one only decides which. */
static assay_status left_rows(assay_plan_walk *walk, const assay_value *node,
                              assay_plan_relation *ret_relation, assay_error *err)
{
    const assay_plan_mode filters = {.kind = ASSAY_PLAN_INDIRECT, .subtype = ASSAY_LINEAGE_FILTER};
    assay_plan_relation left = {NULL, 0};

    ASSAY_TRY(assay_plan_child(walk, node, 0, &left, err));
    for (size_t i = 1; i < assay_plan_count(node, "children"); i++) {
        assay_plan_relation right = {NULL, 0};
        ASSAY_TRY(assay_plan_child(walk, node, i, &right, err));
        for (size_t c = 0; c < right.count; c++)
            ASSAY_TRY(
                assay_plan_edges_add(walk, right.columns[c].edges, filters, walk->scope, err));
    }
    *ret_relation = left;
    return assay_plan_bind(walk, node, "table_index", left, err);
}

static assay_status materialized_cte(assay_plan_walk *walk, const assay_value *node,
                                     assay_plan_relation *ret_relation, assay_error *err)
{
    assay_vec *outer = walk->scope;
    assay_plan_relation body = {NULL, 0};
    assay_vec inner = ASSAY_VEC_OF(assay_plan_edge);
    size_t cte = 0;

    /* The body's scope is a local: the list of CTEs grows while the body is walked. */
    ASSAY_TRY(assay_plan_cte_open(walk, node, &cte, err));
    walk->scope = &inner;
    assay_status status = assay_plan_child(walk, node, 0, &body, err);
    walk->scope = outer;
    *assay_plan_cte_scope(walk, cte) = inner;
    ASSAY_TRY(status);

    assay_plan_cte_set(walk, cte, body);
    ASSAY_TRY(assay_plan_cte_close(walk, cte, err));
    return assay_plan_child(walk, node, 1, ret_relation, err);
}

/* Walks the recursion until it adds no source: a set only grows, and each round moves every source
 * at least one column further. */
static assay_status recursive_cte(assay_plan_walk *walk, const assay_value *node,
                                  assay_plan_relation *ret_relation, assay_error *err)
{
    const assay_plan_relation none = {NULL, 0};
    assay_plan_relation base = {NULL, 0};
    assay_plan_relation made = {NULL, 0};
    size_t cte = 0;
    bool changed = true;

    ASSAY_TRY(assay_plan_child(walk, node, 0, &base, err));
    ASSAY_TRY(assay_plan_cte_open(walk, node, &cte, err));
    ASSAY_TRY(assay_plan_concat(walk, base, none, &made, err));
    while (changed) {
        assay_plan_relation round = {NULL, 0};
        assay_plan_relation before = {NULL, 0};
        assay_plan_cte_set(walk, cte, made);
        ASSAY_TRY(assay_plan_child(walk, node, 1, &round, err));
        ASSAY_TRY(assay_plan_concat(walk, made, none, &before, err));
        ASSAY_TRY(merge_columns(walk, made, round, err));
        changed = false;
        for (size_t i = 0; i < made.count; i++)
            changed =
                changed || !assay_plan_edges_equal(made.columns[i].edges, before.columns[i].edges);
        assay_plan_edges_sort(walk->scope);
    }
    *ret_relation = made;
    return assay_plan_cte_close(walk, cte, err);
}

static assay_status cte_ref(assay_plan_walk *walk, const assay_value *node,
                            assay_plan_relation *ret_relation, assay_error *err)
{
    ASSAY_TRY(assay_plan_cte_use(walk, node, ret_relation, err));
    return assay_plan_bind(walk, node, "table_index", *ret_relation, err);
}

/* Group columns, then for every value one column an aggregate; below lies a list of values an
 * aggregate and one of names. */
static assay_status pivot(assay_plan_walk *walk, const assay_value *node,
                          assay_plan_relation *ret_relation, assay_error *err)
{
    const assay_plan_mode condition = {.kind = ASSAY_PLAN_INDIRECT,
                                       .subtype = ASSAY_LINEAGE_CONDITIONAL};
    const assay_plan_mode keep = {.kind = ASSAY_PLAN_KEEP};
    const assay_value *bound = assay_value_find(node, "bound_pivot");
    size_t groups = (size_t)assay_value_find_int(bound, "group_count", 0);
    size_t aggregates = assay_plan_count(bound, "aggregates");
    assay_plan_relation input = {NULL, 0};
    assay_plan_relation made = {NULL, 0};

    ASSAY_TRY(assay_plan_child(walk, node, 0, &input, err));
    ASSAY_TRY(assay_plan_relation_new(walk, assay_plan_count(bound, "types"), &made, err));
    if (aggregates == 0 || input.count != groups + aggregates + 1 || made.count < groups)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 6010, "the plan's PIVOT is not understood");
    for (size_t i = 0; i < made.count; i++) {
        if (i < groups) {
            made.columns[i] = input.columns[i];
            continue;
        }
        ASSAY_AUTO(assay_vec_done) assay_vec collected = ASSAY_VEC_OF(assay_plan_edge);
        size_t value = groups + (i - groups) % aggregates;
        ASSAY_TRY(assay_plan_edges_add(walk, input.columns[value].edges, keep, &collected, err));
        ASSAY_TRY(assay_plan_edges_add(walk, input.columns[groups + aggregates].edges, condition,
                                       &collected, err));
        ASSAY_TRY(assay_plan_edges_close(walk, &collected, &made.columns[i].edges, err));
    }
    *ret_relation = made;
    return assay_plan_bind(walk, node, "pivot_index", made, err);
}

static const struct {
    const char *name;
    assay_plan_visit *visit;
} operators[] = {
    {"LOGICAL_GET", assay_plan_get},
    {"LOGICAL_PROJECTION", projection},
    {"LOGICAL_FILTER", filter},
    {"LOGICAL_AGGREGATE_AND_GROUP_BY", aggregate},
    {"LOGICAL_WINDOW", window},
    {"LOGICAL_UNNEST", unnest},
    {"LOGICAL_ORDER_BY", order_by},
    {"LOGICAL_TOP_N", order_by},
    {"LOGICAL_DISTINCT", distinct},
    {"LOGICAL_LIMIT", limit},
    {"LOGICAL_SAMPLE", pass},
    {"LOGICAL_EXPLAIN", pass},
    {"LOGICAL_COMPARISON_JOIN", assay_plan_join},
    {"LOGICAL_ANY_JOIN", assay_plan_join},
    {"LOGICAL_ASOF_JOIN", assay_plan_join},
    {"LOGICAL_DEPENDENT_JOIN", assay_plan_delim_join},
    {"LOGICAL_DELIM_JOIN", assay_plan_delim_join},
    {"LOGICAL_DELIM_GET", assay_plan_delim_get},
    {"LOGICAL_CROSS_PRODUCT", assay_plan_cross_product},
    {"LOGICAL_POSITIONAL_JOIN", assay_plan_cross_product},
    {"LOGICAL_UNION", union_of},
    {"LOGICAL_INTERSECT", left_rows},
    {"LOGICAL_EXCEPT", left_rows},
    {"LOGICAL_MATERIALIZED_CTE", materialized_cte},
    {"LOGICAL_RECURSIVE_CTE", recursive_cte},
    {"LOGICAL_CTE_REF", cte_ref},
    {"LOGICAL_PIVOT", pivot},
    {"LOGICAL_EXPRESSION_GET", assay_plan_expression_get},
    {"LOGICAL_DUMMY_SCAN", assay_plan_chunk_get},
    {"LOGICAL_CHUNK_GET", assay_plan_chunk_get},
    {"LOGICAL_EMPTY_RESULT", assay_plan_chunk_get},
    {"LOGICAL_INSERT", assay_plan_insert},
    {"LOGICAL_UPDATE", assay_plan_update},
    {"LOGICAL_DELETE", assay_plan_delete},
    {"LOGICAL_MERGE_INTO", assay_plan_merge},
    {"LOGICAL_CREATE_TABLE", assay_plan_create_table},
    {"LOGICAL_COPY_TO_FILE", assay_plan_copy},
};

static assay_status any_operator(assay_plan_walk *walk, const assay_value *node,
                                 assay_plan_relation *ret_relation, assay_error *err)
{
    const char *type = assay_value_find_text(node, "type", "?");

    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (assay_str_equal(type, operators[i].name))
            return operators[i].visit(walk, node, ret_relation, err);
    return assay_error_set(err, ASSAY_EUNSUPPORTED, 6010,
                           "the plan holds the operator '%s', which column lineage does not know",
                           type);
}

assay_status assay_plan_operator(assay_plan_walk *walk, const assay_value *node,
                                 assay_plan_relation *ret_relation, assay_error *err)
{
    ASSAY_TRY(assay_plan_enter(walk, err));
    assay_status status = any_operator(walk, node, ret_relation, err);
    walk->depth--;
    return status;
}
