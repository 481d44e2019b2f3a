#include "lineage/plan.h"

struct cte {
    int64_t index; /* table index that CTE_REF names */
    assay_plan_relation relation;
    assay_vec scope;
    bool open; /* its body is being walked: a reference is the recursion itself */
};

struct binding {
    int64_t index;
    assay_plan_relation relation;
};

void assay_plan_bind_init(assay_plan_walk *walk)
{
    walk->ctes = ASSAY_VEC_OF(struct cte *);
    walk->bindings = ASSAY_VEC_OF(struct binding);
}

static struct cte *cte_at(const assay_plan_walk *walk, size_t index)
{
    return *(struct cte **)assay_vec_at(&walk->ctes, index);
}

void assay_plan_bind_done(assay_plan_walk *walk)
{
    for (size_t i = 0; i < walk->ctes.count; i++)
        assay_vec_done(&cte_at(walk, i)->scope);
    assay_vec_done(&walk->ctes);
    assay_vec_done(&walk->bindings);
}

assay_status assay_plan_bind(assay_plan_walk *walk, const assay_value *node, const char *key,
                             assay_plan_relation relation, assay_error *err)
{
    struct binding binding = {assay_value_find_int(node, key, -1), relation};

    return binding.index >= 0 ? assay_vec_push(&walk->bindings, &binding, err) : ASSAY_OK;
}

const assay_plan_column *assay_plan_bound(const assay_plan_walk *walk, const assay_value *binding)
{
    int64_t table = assay_value_find_int(binding, "table_index", -1);
    int64_t column = assay_value_find_int(binding, "column_index", -1);

    for (size_t i = walk->bindings.count; table >= 0 && column >= 0 && i > 0; i--) {
        const struct binding *found = assay_vec_at(&walk->bindings, i - 1);
        if (found->index == table)
            return (size_t)column < found->relation.count ? &found->relation.columns[column] : NULL;
    }
    return NULL;
}

assay_status assay_plan_cte_open(assay_plan_walk *walk, const assay_value *node, size_t *ret_cte,
                                 assay_error *err)
{
    struct cte *cte = assay_arena_take(walk->arena, 1, sizeof *cte);
    ASSAY_TRY(assay_arena_check(cte, err));

    cte->index = assay_value_find_int(node, "table_index", -1);
    cte->scope = ASSAY_VEC_OF(assay_plan_edge);
    cte->open = true;
    *ret_cte = walk->ctes.count;
    return assay_vec_push(&walk->ctes, &cte, err);
}

void assay_plan_cte_set(assay_plan_walk *walk, size_t cte, assay_plan_relation relation)
{
    cte_at(walk, cte)->relation = relation;
}

assay_status assay_plan_cte_close(assay_plan_walk *walk, size_t cte, assay_error *err)
{
    struct cte *closed = cte_at(walk, cte);

    /* Sorted once here: a chain of CTEs that each read the last one twice stays linear. */
    assay_plan_edges_sort(&closed->scope);
    closed->open = false;
    return assay_plan_limit(walk, closed->scope.count, err);
}

assay_vec *assay_plan_cte_scope(assay_plan_walk *walk, size_t cte)
{
    return &cte_at(walk, cte)->scope;
}

static assay_status add_all(assay_plan_walk *walk, const assay_vec *from, assay_error *err)
{
    assay_plan_edges edges = {from->items, from->count};
    const assay_plan_mode keep = {.kind = ASSAY_PLAN_KEEP};

    return assay_plan_edges_add(walk, edges, keep, walk->scope, err);
}

assay_status assay_plan_cte_use(assay_plan_walk *walk, const assay_value *node,
                                assay_plan_relation *ret_relation, assay_error *err)
{
    int64_t index = assay_value_find_int(node, "cte_index", -1);

    for (size_t i = walk->ctes.count; i > 0; i--) {
        struct cte *cte = cte_at(walk, i - 1);
        if (cte->index != index)
            continue;
        if (!cte->open)
            ASSAY_TRY(add_all(walk, &cte->scope, err));
        *ret_relation = cte->relation;
        return ASSAY_OK;
    }
    return assay_error_set(err, ASSAY_EUNSUPPORTED, 6010,
                           "the plan refers to a common table expression that it does not hold");
}
