#include "lineage/plan.h"

#include "base/str.h"

/* Functions whose result says little of the value: masking (OpenLineage, column lineage facet). */
static const char *const masking_functions[] = {
    "hash",
    "md5",
    "md5_number",
    "md5_number_lower",
    "md5_number_upper",
    "sha1",
    "sha256",
    "xxhash64",
    "murmurhash3",
    "count",
    "regr_count",
    "approx_count_distinct",
};

static const assay_plan_mode keep = {.kind = ASSAY_PLAN_KEEP};
static const assay_plan_mode transform = {.kind = ASSAY_PLAN_TRANSFORM};

const assay_value *assay_plan_item(const assay_value *map, const char *key, size_t index)
{
    const assay_value *list = assay_value_find(map, key);
    if (list == NULL || list->kind != ASSAY_VALUE_LIST || index >= list->count)
        return NULL;
    return list->items[index];
}

size_t assay_plan_count(const assay_value *map, const char *key)
{
    const assay_value *list = assay_value_find(map, key);
    return list != NULL && list->kind == ASSAY_VALUE_LIST ? list->count : 0;
}

static bool is_masking(const char *function)
{
    for (size_t i = 0; i < sizeof masking_functions / sizeof *masking_functions; i++)
        if (assay_str_equal_ci(function, masking_functions[i]))
            return true;
    return false;
}

static assay_plan_mode indirect_mode(assay_lineage_subtype subtype)
{
    return (assay_plan_mode){.kind = ASSAY_PLAN_INDIRECT, .subtype = subtype};
}

/* One visit of an expression tree: what does not change on the way down. */
struct visit {
    assay_plan_walk *walk;
    assay_plan_relation input;
    assay_vec *out;
};

static assay_status visit(const struct visit *visit_of, const assay_value *expression,
                          assay_plan_mode mode, assay_error *err);

static assay_status visit_list(const struct visit *of, const assay_value *map, const char *key,
                               assay_plan_mode mode, assay_error *err)
{
    size_t count = assay_plan_count(map, key);
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(visit(of, assay_plan_item(map, key, i), mode, err));
    return ASSAY_OK;
}

/* [{expression, type, null_order}] */
static assay_status visit_orders(const struct visit *of, const assay_value *map, const char *key,
                                 assay_plan_mode mode, assay_error *err)
{
    size_t count = assay_plan_count(map, key);
    for (size_t i = 0; i < count; i++) {
        const assay_value *order = assay_plan_item(map, key, i);
        ASSAY_TRY(visit(of, assay_value_find(order, "expression"), mode, err));
    }
    return ASSAY_OK;
}

static assay_status visit_reference(const struct visit *of, const assay_value *expression,
                                    assay_plan_mode mode, assay_error *err)
{
    int64_t index = assay_value_find_int(expression, "index", -1);

    if (index < 0 || (size_t)index >= of->input.count)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 6010,
                               "the plan refers to column %lld of an operator that has %zu",
                               (long long)index, of->input.count);
    return assay_plan_edges_add(of->walk, of->input.columns[index].edges, mode, of->out, err);
}

static assay_status visit_bound(const struct visit *of, const assay_value *expression,
                                assay_plan_mode mode, assay_error *err)
{
    const assay_plan_column *column =
        assay_plan_bound(of->walk, assay_value_find(expression, "binding"));

    if (column == NULL)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 6010,
                               "the plan refers to a column that no operator gives");
    return assay_plan_edges_add(of->walk, column->edges, mode, of->out, err);
}

static assay_status visit_function(const struct visit *of, const assay_value *expression,
                                   assay_plan_mode mode, assay_error *err)
{
    assay_plan_mode inner = transform;
    inner.mask = is_masking(assay_value_find_text(expression, "name", ""));

    /* Captures of a lambda are children too; its body is over its own parameters. */
    return visit_list(of, expression, "children", assay_plan_mode_compose(mode, inner), err);
}

static assay_status visit_case(const struct visit *of, const assay_value *expression,
                               assay_plan_mode mode, assay_error *err)
{
    assay_plan_mode condition =
        assay_plan_mode_compose(mode, indirect_mode(ASSAY_LINEAGE_CONDITIONAL));
    size_t count = assay_plan_count(expression, "case_checks");

    for (size_t i = 0; i < count; i++) {
        const assay_value *check = assay_plan_item(expression, "case_checks", i);
        ASSAY_TRY(visit(of, assay_value_find(check, "when_expr"), condition, err));
        ASSAY_TRY(visit(of, assay_value_find(check, "then_expr"), mode, err));
    }
    return visit(of, assay_value_find(expression, "else_expr"), mode, err);
}

static assay_status visit_operator(const struct visit *of, const assay_value *expression,
                                   assay_plan_mode mode, assay_error *err)
{
    const char *type = assay_value_find_text(expression, "type", "");

    if (assay_str_equal(type, "OPERATOR_COALESCE")) {
        /* Every argument is taken, and decides whether the next one is. */
        assay_plan_mode condition =
            assay_plan_mode_compose(mode, indirect_mode(ASSAY_LINEAGE_CONDITIONAL));
        ASSAY_TRY(visit_list(of, expression, "children", condition, err));
        return visit_list(of, expression, "children", mode, err);
    }
    if (!assay_str_equal(type, "OPERATOR_TRY"))
        mode = assay_plan_mode_compose(mode, transform);
    return visit_list(of, expression, "children", mode, err);
}

static assay_status visit_aggregate(const struct visit *of, const assay_value *expression,
                                    assay_plan_mode mode, assay_error *err)
{
    assay_plan_mode inner = {.kind = ASSAY_PLAN_AGGREGATE};
    inner.mask = is_masking(assay_value_find_text(expression, "name", ""));

    ASSAY_TRY(visit_list(of, expression, "children", assay_plan_mode_compose(mode, inner), err));
    ASSAY_TRY(visit(of, assay_value_find(expression, "filter"),
                    indirect_mode(ASSAY_LINEAGE_CONDITIONAL), err));
    return visit_orders(of, assay_value_find(expression, "order_bys"), "orders",
                        indirect_mode(ASSAY_LINEAGE_SORT), err);
}

static assay_status visit_partitions(const struct visit *of, const assay_value *expression,
                                     assay_error *err)
{
    size_t count = assay_plan_count(expression, "partitions");
    for (size_t i = 0; i < count; i++) {
        const assay_value *partition = assay_plan_item(expression, "partitions", i);
        if (!assay_plan_is_helper(of->walk, partition, of->input))
            ASSAY_TRY(visit(of, partition, indirect_mode(ASSAY_LINEAGE_WINDOW), err));
    }
    return ASSAY_OK;
}

static assay_status visit_window(const struct visit *of, const assay_value *expression,
                                 assay_plan_mode mode, assay_error *err)
{
    const char *type = assay_value_find_text(expression, "type", "");
    assay_plan_mode window = indirect_mode(ASSAY_LINEAGE_WINDOW);
    assay_plan_mode inner = transform;

    if (assay_str_equal(type, "WINDOW_AGGREGATE")) {
        inner.kind = ASSAY_PLAN_AGGREGATE;
        inner.mask = is_masking(assay_value_find_text(expression, "name", ""));
    }
    ASSAY_TRY(visit_list(of, expression, "children", assay_plan_mode_compose(mode, inner), err));
    ASSAY_TRY(visit(of, assay_value_find(expression, "default_expr"),
                    assay_plan_mode_compose(mode, inner), err));

    ASSAY_TRY(visit_partitions(of, expression, err));
    ASSAY_TRY(visit_orders(of, expression, "orders", window, err));
    ASSAY_TRY(visit_orders(of, expression, "arg_orders", window, err));
    static const char *const frame[] = {"start_expr", "end_expr", "offset_expr"};
    for (size_t i = 0; i < sizeof frame / sizeof *frame; i++)
        ASSAY_TRY(visit(of, assay_value_find(expression, frame[i]), window, err));
    return visit(of, assay_value_find(expression, "filters"),
                 indirect_mode(ASSAY_LINEAGE_CONDITIONAL), err);
}

static assay_status visit_members(const struct visit *of, const assay_value *expression,
                                  const char *const *keys, assay_plan_mode mode, assay_error *err)
{
    for (; *keys != NULL; keys++)
        ASSAY_TRY(visit(of, assay_value_find(expression, *keys), mode, err));
    return ASSAY_OK;
}

typedef assay_status visit_class(const struct visit *of, const assay_value *expression,
                                 assay_plan_mode mode, assay_error *err);

static assay_status visit_nothing(const struct visit *of, const assay_value *expression,
                                  assay_plan_mode mode, assay_error *err)
{
    (void)of;
    (void)expression;
    (void)mode;
    (void)err;
    return ASSAY_OK;
}

static assay_status visit_cast(const struct visit *of, const assay_value *expression,
                               assay_plan_mode mode, assay_error *err)
{
    return visit(of, assay_value_find(expression, "child"), mode, err);
}

static assay_status visit_unnest(const struct visit *of, const assay_value *expression,
                                 assay_plan_mode mode, assay_error *err)
{
    return visit(of, assay_value_find(expression, "child"),
                 assay_plan_mode_compose(mode, transform), err);
}

static assay_status visit_comparison(const struct visit *of, const assay_value *expression,
                                     assay_plan_mode mode, assay_error *err)
{
    static const char *const keys[] = {"left", "right", "input", "lower", "upper", NULL};
    return visit_members(of, expression, keys, assay_plan_mode_compose(mode, transform), err);
}

static assay_status visit_conjunction(const struct visit *of, const assay_value *expression,
                                      assay_plan_mode mode, assay_error *err)
{
    return visit_list(of, expression, "children", assay_plan_mode_compose(mode, transform), err);
}

static const struct {
    const char *name;
    visit_class *visit;
} classes[] = {
    {"BOUND_REF", visit_reference},       {"BOUND_COLUMN_REF", visit_bound},
    {"BOUND_FUNCTION", visit_function},   {"BOUND_CAST", visit_cast},
    {"BOUND_CONSTANT", visit_nothing},    {"BOUND_COMPARISON", visit_comparison},
    {"BOUND_BETWEEN", visit_comparison},  {"BOUND_CONJUNCTION", visit_conjunction},
    {"BOUND_OPERATOR", visit_operator},   {"BOUND_CASE", visit_case},
    {"BOUND_AGGREGATE", visit_aggregate}, {"BOUND_WINDOW", visit_window},
    {"BOUND_UNNEST", visit_unnest},       {"BOUND_DEFAULT", visit_nothing},
    {"BOUND_PARAMETER", visit_nothing},   {"BOUND_LAMBDA_REF", visit_nothing},
};

static assay_status visit_any(const struct visit *of, const assay_value *expression,
                              assay_plan_mode mode, assay_error *err)
{
    const char *class = assay_value_find_text(expression, "expression_class", "");

    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (assay_str_equal(class, classes[i].name))
            return classes[i].visit(of, expression, mode, err);
    return assay_error_set(err, ASSAY_EUNSUPPORTED, 6010,
                           "the plan holds an expression of the unknown class '%s'", class);
}

static assay_status visit(const struct visit *visit_of, const assay_value *expression,
                          assay_plan_mode mode, assay_error *err)
{
    assay_plan_walk *walk = visit_of->walk;

    if (expression == NULL || expression->kind == ASSAY_VALUE_NULL)
        return ASSAY_OK;
    ASSAY_TRY(assay_plan_enter(walk, err));
    assay_status status = visit_any(visit_of, expression, mode, err);
    walk->depth--;
    return status;
}

assay_status assay_plan_expression(assay_plan_walk *walk, const assay_value *expression,
                                   assay_plan_relation input, assay_plan_mode mode, assay_vec *out,
                                   assay_error *err)
{
    const struct visit of = {walk, input, out};
    return visit(&of, expression, mode, err);
}

/* Bare references share the set of the column they mean. */
static const assay_plan_column *referenced(const assay_plan_walk *walk,
                                           const assay_value *expression, assay_plan_relation input)
{
    const char *class = assay_value_find_text(expression, "expression_class", "");

    while (assay_str_equal(class, "BOUND_CAST")) {
        expression = assay_value_find(expression, "child");
        class = assay_value_find_text(expression, "expression_class", "");
    }
    if (assay_str_equal(class, "BOUND_COLUMN_REF"))
        return assay_plan_bound(walk, assay_value_find(expression, "binding"));
    if (!assay_str_equal(class, "BOUND_REF"))
        return NULL;
    int64_t index = assay_value_find_int(expression, "index", -1);
    return index >= 0 && (size_t)index < input.count ? &input.columns[index] : NULL;
}

bool assay_plan_is_helper(const assay_plan_walk *walk, const assay_value *expression,
                          assay_plan_relation input)
{
    const assay_plan_column *column = referenced(walk, expression, input);
    return column != NULL && column->helper;
}

assay_status assay_plan_expression_column(assay_plan_walk *walk, const assay_value *expression,
                                          assay_plan_relation input, assay_plan_column *ret_column,
                                          assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec collected = ASSAY_VEC_OF(assay_plan_edge);
    const assay_plan_column *column = referenced(walk, expression, input);

    if (column != NULL) {
        *ret_column = *column;
        return ASSAY_OK;
    }
    assay_plan_column made = {.helper = false};
    ASSAY_TRY(assay_plan_expression(walk, expression, input, keep, &collected, err));
    ASSAY_TRY(assay_plan_edges_close(walk, &collected, &made.edges, err));
    *ret_column = made;
    return ASSAY_OK;
}

assay_status assay_plan_aggregate_column(assay_plan_walk *walk, const assay_value *expression,
                                         assay_plan_relation input, bool pick,
                                         assay_plan_column *ret_column, assay_error *err)
{
    if (pick)
        expression = assay_plan_item(expression, "children", 0);
    return assay_plan_expression_column(walk, expression, input, ret_column, err);
}

assay_status assay_plan_indirect(assay_plan_walk *walk, const assay_value *expression,
                                 assay_plan_relation input, assay_lineage_subtype subtype,
                                 assay_error *err)
{
    return assay_plan_expression(walk, expression, input, indirect_mode(subtype), walk->scope, err);
}
