#include "lineage/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

enum {
    DIRECT_BITS = 1 << ASSAY_LINEAGE_IDENTITY | 1 << ASSAY_LINEAGE_TRANSFORMATION |
                  1 << ASSAY_LINEAGE_AGGREGATION
};

assay_status assay_plan_walk_init(assay_plan_walk *walk, assay_arena *arena, const char *catalog,
                                  assay_error *err)
{
    *walk = (assay_plan_walk){.arena = arena, .catalog = catalog};
    walk->sources = ASSAY_VEC_OF(assay_plan_source *);
    walk->delims = ASSAY_VEC_OF(assay_plan_relation);
    assay_plan_bind_init(walk);
    walk->source_names = assay_map_new();
    return walk->source_names != NULL ? ASSAY_OK : assay_error_nomem(err);
}

void assay_plan_walk_done(assay_plan_walk *walk)
{
    assay_plan_bind_done(walk);
    assay_vec_done(&walk->sources);
    assay_vec_done(&walk->delims);
    assay_map_free(walk->source_names);
}

assay_status assay_plan_source_find(assay_plan_walk *walk, const char *table, const char *column,
                                    uint32_t *ret_source, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf key = ASSAY_BUF_EMPTY;
    assay_buf_append_format(&key, "%zu:%s%s", strlen(table), table, column);
    ASSAY_TRY(assay_buf_check(&key, err));

    assay_plan_source *source = assay_map_find(walk->source_names, key.data);
    if (source == NULL) {
        source = assay_arena_take(walk->arena, 1, sizeof *source);
        ASSAY_TRY(assay_arena_check(source, err));
        source->table = table;
        source->column = column;
        source->id = (uint32_t)walk->sources.count;
        ASSAY_TRY(assay_vec_push(&walk->sources, &source, err));
        ASSAY_TRY(assay_map_put(walk->source_names, key.data, source, err));
    }
    *ret_source = source->id;
    return ASSAY_OK;
}

assay_plan_mode assay_plan_mode_compose(assay_plan_mode outer, assay_plan_mode inner)
{
    assay_plan_mode mode = outer;
    mode.mask = outer.mask || inner.mask;

    if (outer.kind == ASSAY_PLAN_INDIRECT || outer.kind == ASSAY_PLAN_AGGREGATE) {
        if (outer.kind == ASSAY_PLAN_AGGREGATE && inner.kind == ASSAY_PLAN_INDIRECT)
            mode = inner;
        return mode;
    }
    if (inner.kind == ASSAY_PLAN_KEEP)
        return mode;
    mode.kind = inner.kind;
    mode.subtype = inner.subtype;
    return mode;
}

/* One edge through `mode`. Among DIRECT ones the strongest wins (OpenLineage, Spark's combine
 * rule); branches of a CASE stay a set, since KEEP keeps it. */
static assay_plan_edge through(assay_plan_edge edge, assay_plan_mode mode)
{
    unsigned direct = edge.kinds & DIRECT_BITS;
    bool masked = (edge.masked & DIRECT_BITS) != 0;
    unsigned made = 0;

    switch (mode.kind) {
    case ASSAY_PLAN_KEEP:
        made = direct;
        break;
    case ASSAY_PLAN_TRANSFORM:
        made = (direct & 1U << ASSAY_LINEAGE_AGGREGATION) != 0
                   ? 1U << ASSAY_LINEAGE_AGGREGATION
                   : (direct != 0 ? 1U << ASSAY_LINEAGE_TRANSFORMATION : 0U);
        break;
    case ASSAY_PLAN_AGGREGATE:
        made = direct != 0 ? 1U << ASSAY_LINEAGE_AGGREGATION : 0U;
        break;
    case ASSAY_PLAN_INDIRECT:
        edge.kinds = (uint16_t)(1U << mode.subtype);
        edge.masked = edge.masked != 0 ? edge.kinds : 0;
        return edge;
    }
    unsigned indirect = edge.kinds & ~(unsigned)DIRECT_BITS;
    unsigned still = edge.masked & ~(unsigned)DIRECT_BITS;
    edge.kinds = (uint16_t)(made | indirect);
    if (mode.kind == ASSAY_PLAN_KEEP && !mode.mask)
        edge.masked = (uint16_t)(still | (edge.masked & made));
    else
        edge.masked = (uint16_t)(still | (mode.mask || masked ? made : 0U));
    return edge;
}

assay_status assay_plan_limit(assay_plan_walk *walk, size_t more, assay_error *err)
{
    walk->edge_count += more;
    if (walk->edge_count > ASSAY_LINEAGE_EDGES_MAX)
        return assay_error_set(err, ASSAY_ENOMEM, 6011,
                               "the statement has more than %d references to source columns",
                               (int)ASSAY_LINEAGE_EDGES_MAX);
    return ASSAY_OK;
}

assay_status assay_plan_enter(assay_plan_walk *walk, assay_error *err)
{
    if (walk->depth >= ASSAY_LINEAGE_PLAN_DEPTH_MAX)
        return assay_error_set(err, ASSAY_ENOMEM, 6011, "the plan is nested deeper than %d",
                               (int)ASSAY_LINEAGE_PLAN_DEPTH_MAX);
    if (walk->visits >= ASSAY_LINEAGE_VISITS_MAX)
        return assay_error_set(err, ASSAY_ENOMEM, 6011,
                               "the plan takes more than %d visits of its nodes",
                               (int)ASSAY_LINEAGE_VISITS_MAX);
    walk->visits++;
    walk->depth++;
    return ASSAY_OK;
}

assay_status assay_plan_edges_add(assay_plan_walk *walk, assay_plan_edges edges,
                                  assay_plan_mode mode, assay_vec *out, assay_error *err)
{
    ASSAY_TRY(assay_plan_limit(walk, edges.count, err));
    for (size_t i = 0; i < edges.count; i++) {
        assay_plan_edge edge = through(edges.items[i], mode);
        ASSAY_TRY(assay_vec_push(out, &edge, err));
    }
    return ASSAY_OK;
}

static int by_source(const void *a, const void *b)
{
    const assay_plan_edge *left = a;
    const assay_plan_edge *right = b;
    return (left->source > right->source) - (left->source < right->source);
}

void assay_plan_edges_sort(assay_vec *collected)
{
    assay_plan_edge *items = collected->items;
    size_t count = 0;

    if (collected->count > 1)
        qsort(items, collected->count, sizeof *items, by_source);
    for (size_t i = 0; i < collected->count; i++) {
        if (count > 0 && items[count - 1].source == items[i].source) {
            items[count - 1].kinds |= items[i].kinds;
            items[count - 1].masked |= items[i].masked;
        } else {
            items[count++] = items[i];
        }
    }
    collected->count = count;
}

assay_status assay_plan_edges_close(assay_plan_walk *walk, assay_vec *collected,
                                    assay_plan_edges *ret_edges, assay_error *err)
{
    assay_plan_edge *kept = NULL;
    size_t count = 0;

    assay_plan_edges_sort(collected);
    ASSAY_TRY(assay_vec_to_arena(collected, walk->arena, &kept, &count, err));
    *ret_edges = (assay_plan_edges){kept, count};
    return ASSAY_OK;
}

assay_status assay_plan_edges_merge(assay_plan_walk *walk, assay_plan_edges a, assay_plan_edges b,
                                    assay_plan_edges *ret_edges, assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec collected = ASSAY_VEC_OF(assay_plan_edge);
    const assay_plan_mode keep = {.kind = ASSAY_PLAN_KEEP};

    if (a.count == 0 || b.count == 0) {
        *ret_edges = a.count == 0 ? b : a;
        return ASSAY_OK;
    }
    ASSAY_TRY(assay_plan_edges_add(walk, a, keep, &collected, err));
    ASSAY_TRY(assay_plan_edges_add(walk, b, keep, &collected, err));
    return assay_plan_edges_close(walk, &collected, ret_edges, err);
}

bool assay_plan_edges_equal(assay_plan_edges a, assay_plan_edges b)
{
    if (a.count != b.count)
        return false;
    for (size_t i = 0; i < a.count; i++)
        if (a.items[i].source != b.items[i].source || a.items[i].kinds != b.items[i].kinds ||
            a.items[i].masked != b.items[i].masked)
            return false;
    return true;
}

assay_status assay_plan_relation_new(assay_plan_walk *walk, size_t count,
                                     assay_plan_relation *ret_relation, assay_error *err)
{
    assay_plan_column *columns = NULL;

    ASSAY_TRY(assay_plan_limit(walk, count, err));
    if (count > 0) {
        columns = assay_arena_take(walk->arena, count, sizeof *columns);
        ASSAY_TRY(assay_arena_check(columns, err));
    }
    *ret_relation = (assay_plan_relation){columns, count};
    return ASSAY_OK;
}
