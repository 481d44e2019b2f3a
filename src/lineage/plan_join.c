#include "lineage/plan.h"

#include "base/str.h"

static assay_status sides(assay_plan_walk *walk, const assay_value *node,
                          assay_plan_relation *ret_left, assay_plan_relation *ret_right,
                          assay_error *err)
{
    ASSAY_TRY(assay_plan_child(walk, node, 0, ret_left, err));
    return assay_plan_child(walk, node, 1, ret_right, err);
}

/* Adds what decides which rows meet, to `out`. Conditions on helper columns put a subquery that was
 * taken apart together again: nobody wrote them. */
static assay_status conditions(assay_plan_walk *walk, const assay_value *node,
                               const assay_plan_relation side[2], assay_plan_mode mode,
                               assay_vec *out, assay_error *err)
{
    assay_plan_relation both = {NULL, 0};

    for (size_t i = 0; i < assay_plan_count(node, "conditions"); i++) {
        const assay_value *condition = assay_plan_item(node, "conditions", i);
        const assay_value *left = assay_value_find(condition, "left");
        const assay_value *right = assay_value_find(condition, "right");
        if (assay_plan_is_helper(walk, left, side[0]) || assay_plan_is_helper(walk, right, side[1]))
            continue;
        ASSAY_TRY(assay_plan_expression(walk, left, side[0], mode, out, err));
        ASSAY_TRY(assay_plan_expression(walk, right, side[1], mode, out, err));
    }
    ASSAY_TRY(assay_plan_concat(walk, side[0], side[1], &both, err));
    ASSAY_TRY(
        assay_plan_expression(walk, assay_value_find(node, "predicate"), both, mode, out, err));
    return assay_plan_expression(walk, assay_value_find(node, "condition"), both, mode, out, err);
}

/* The left side and a column that says whether there is a match: x IN (..), EXISTS (..). What uses
 * the column is a condition on those sources; their values do not come through. */
static assay_status mark(assay_plan_walk *walk, const assay_value *node,
                         const assay_plan_relation side[2], assay_plan_relation *ret_relation,
                         assay_error *err)
{
    const assay_plan_mode mode = {.kind = ASSAY_PLAN_INDIRECT,
                                  .subtype = ASSAY_LINEAGE_CONDITIONAL};
    ASSAY_AUTO(assay_vec_done) assay_vec collected = ASSAY_VEC_OF(assay_plan_edge);
    assay_plan_column column = {.helper = false};

    ASSAY_TRY(conditions(walk, node, side, mode, &collected, err));
    ASSAY_TRY(assay_plan_edges_close(walk, &collected, &column.edges, err));
    const assay_plan_relation marks = {&column, 1};
    assay_plan_relation left = {NULL, 0};
    ASSAY_TRY(assay_plan_choose(walk, assay_value_find(node, "left_projection_map"), side[0], &left,
                                err));
    return assay_plan_concat(walk, left, marks, ret_relation, err);
}

static assay_status join(assay_plan_walk *walk, const assay_value *node,
                         const assay_plan_relation side[2], assay_plan_relation *ret_relation,
                         assay_error *err)
{
    const assay_plan_mode mode = {.kind = ASSAY_PLAN_INDIRECT, .subtype = ASSAY_LINEAGE_JOIN};
    const char *type = assay_value_find_text(node, "join_type", "INNER");
    assay_plan_relation left = {NULL, 0};
    assay_plan_relation right = {NULL, 0};

    if (assay_str_equal(type, "MARK"))
        return mark(walk, node, side, ret_relation, err);
    ASSAY_TRY(conditions(walk, node, side, mode, walk->scope, err));
    ASSAY_TRY(assay_plan_choose(walk, assay_value_find(node, "left_projection_map"), side[0], &left,
                                err));
    ASSAY_TRY(assay_plan_choose(walk, assay_value_find(node, "right_projection_map"), side[1],
                                &right, err));
    if (assay_str_equal(type, "SEMI") || assay_str_equal(type, "ANTI"))
        *ret_relation = left;
    else if (assay_str_equal(type, "RIGHT_SEMI") || assay_str_equal(type, "RIGHT_ANTI"))
        *ret_relation = right;
    else
        return assay_plan_concat(walk, left, right, ret_relation, err);
    return ASSAY_OK;
}

assay_status assay_plan_join(assay_plan_walk *walk, const assay_value *node,
                             assay_plan_relation *ret_relation, assay_error *err)
{
    assay_plan_relation side[2] = {{NULL, 0}, {NULL, 0}};

    ASSAY_TRY(sides(walk, node, &side[0], &side[1], err));
    return join(walk, node, side, ret_relation, err);
}

/* The columns of one side that the other one, a correlated subquery, is computed for. */
static assay_status push_delim(assay_plan_walk *walk, const assay_value *node,
                               assay_plan_relation outer, assay_error *err)
{
    assay_plan_relation columns = {NULL, 0};

    ASSAY_TRY(assay_plan_relation_new(walk, assay_plan_count(node, "duplicate_eliminated_columns"),
                                      &columns, err));
    for (size_t i = 0; i < columns.count; i++) {
        ASSAY_TRY(
            assay_plan_expression_column(walk,
                                         assay_plan_item(node, "duplicate_eliminated_columns", i),
                                         outer, &columns.columns[i], err));
        columns.columns[i].helper = true;
    }
    return assay_vec_push(&walk->delims, &columns, err);
}

assay_status assay_plan_delim_join(assay_plan_walk *walk, const assay_value *node,
                                   assay_plan_relation *ret_relation, assay_error *err)
{
    size_t outer = assay_value_find_bool(node, "delim_flipped", false) ? 1 : 0;
    assay_plan_relation side[2] = {{NULL, 0}, {NULL, 0}};

    ASSAY_TRY(assay_plan_child(walk, node, outer, &side[outer], err));
    ASSAY_TRY(push_delim(walk, node, side[outer], err));
    ASSAY_TRY(assay_plan_child(walk, node, 1 - outer, &side[1 - outer], err));
    walk->delims.count--;
    ASSAY_TRY(join(walk, node, side, ret_relation, err));

    /* Outside of the subquery they are columns like all others. */
    for (size_t i = side[0].count; outer == 0 && i < ret_relation->count; i++)
        ret_relation->columns[i].helper = false;
    return ASSAY_OK;
}

assay_status assay_plan_delim_get(assay_plan_walk *walk, const assay_value *node,
                                  assay_plan_relation *ret_relation, assay_error *err)
{
    size_t count = assay_plan_count(node, "chunk_types");

    /* The nearest one, or, below a DELIM_JOIN inside of the subquery, the nearest that fits. */
    for (size_t i = walk->delims.count; i > 0; i--) {
        const assay_plan_relation *columns = assay_vec_at(&walk->delims, i - 1);
        if (columns->count == count) {
            *ret_relation = *columns;
            return assay_plan_bind(walk, node, "table_index", *columns, err);
        }
    }
    return assay_error_set(err, ASSAY_EUNSUPPORTED, 6010,
                           "the plan holds a correlated subquery that is not understood");
}

assay_status assay_plan_cross_product(assay_plan_walk *walk, const assay_value *node,
                                      assay_plan_relation *ret_relation, assay_error *err)
{
    assay_plan_relation left = {NULL, 0};
    assay_plan_relation right = {NULL, 0};

    ASSAY_TRY(sides(walk, node, &left, &right, err));
    return assay_plan_concat(walk, left, right, ret_relation, err);
}
