/* Inside of lineage: walking a bound plan. A relation is what an operator gives; a column of it is
 * the set of source columns it comes from. Sets are immutable and shared; everything lives in the
 * walk's arena. */
#ifndef ASSAY_LINEAGE_PLAN_H
#define ASSAY_LINEAGE_PLAN_H

#include "base/map.h"
#include "base/vec.h"
#include "lineage/columns.h"

/* One source column in a set. Bit n of `kinds` stands for subtype n; the same bit of `masked` says
 * that it masks. */
typedef struct assay_plan_edge {
    uint32_t source;
    uint16_t kinds;
    uint16_t masked;
} assay_plan_edge;

typedef struct assay_plan_edges {
    const assay_plan_edge *items; /* by source */
    size_t count;
} assay_plan_edges;

/* `helper`: comes unchanged from a DELIM_GET or is the row number of one: conditions and groups on
 * it were made by the engine when it took a correlated subquery apart. */
typedef struct assay_plan_column {
    assay_plan_edges edges;
    bool helper;
} assay_plan_column;

typedef struct assay_plan_relation {
    assay_plan_column *columns;
    size_t count;
} assay_plan_relation;

/* A source column; `id` is its place in assay_plan_walk.sources. */
typedef struct assay_plan_source {
    const char *table, *column;
    uint32_t id;
} assay_plan_source;

/* What the statement writes. */
typedef struct assay_plan_target {
    bool writes;
    const char *table;
    const char **names; /* of the table's stored columns */
    assay_plan_column *columns;
    bool *written;
    size_t count;
} assay_plan_target;

typedef struct assay_plan_walk {
    assay_arena *arena;
    const char *catalog;     /* left out of table names; NULL = none is */
    assay_map *source_names; /* table and column -> assay_plan_source */
    assay_vec sources;       /* assay_plan_source * */
    assay_vec ctes;          /* struct cte * of plan_bind.c */
    assay_vec bindings;      /* struct binding of plan_bind.c */
    assay_vec delims;        /* assay_plan_relation: columns of the enclosing DELIM_JOINs */
    assay_vec *scope; /* assay_plan_edge: INDIRECT sources of all columns, and every table that is
                       * read as an edge without kinds; of the statement or of a CTE's body, since
                       * an unused CTE counts for nothing */
    assay_plan_target target;
    size_t edge_count;
    size_t visits; /* operators and expressions so far */
    int depth;
} assay_plan_walk;

/* How the references below an expression come in. */
typedef enum assay_plan_mode_kind {
    ASSAY_PLAN_KEEP,
    ASSAY_PLAN_TRANSFORM,
    ASSAY_PLAN_AGGREGATE,
    ASSAY_PLAN_INDIRECT
} assay_plan_mode_kind;

typedef struct assay_plan_mode {
    assay_plan_mode_kind kind;
    assay_lineage_subtype subtype; /* of INDIRECT */
    bool mask;
} assay_plan_mode;

/* ---- plan_edge.c: sets ---- */

ASSAY_NODISCARD assay_status assay_plan_walk_init(assay_plan_walk *walk, assay_arena *arena,
                                                  const char *catalog, assay_error *err);
void assay_plan_walk_done(assay_plan_walk *walk);
ASSAY_NODISCARD assay_status assay_plan_source_find(assay_plan_walk *walk, const char *table,
                                                    const char *column, uint32_t *ret_source,
                                                    assay_error *err);
/* Appends `edges` as they come in through `mode`. */
ASSAY_NODISCARD assay_status assay_plan_edges_add(assay_plan_walk *walk, assay_plan_edges edges,
                                                  assay_plan_mode mode, assay_vec *out,
                                                  assay_error *err);
/* Counts `more` references; ENOMEM 6011 above ASSAY_LINEAGE_EDGES_MAX. */
ASSAY_NODISCARD assay_status assay_plan_limit(assay_plan_walk *walk, size_t more, assay_error *err);
/* Begins the visit of a node; ENOMEM 6011 above the limits of depth and of visits (which nested
 * recursion multiplies). Ended by walk->depth--. */
ASSAY_NODISCARD assay_status assay_plan_enter(assay_plan_walk *walk, assay_error *err);
/* Sorts and merges in place. */
void assay_plan_edges_sort(assay_vec *collected);
/* The same, and copies to the arena. */
ASSAY_NODISCARD assay_status assay_plan_edges_close(assay_plan_walk *walk, assay_vec *collected,
                                                    assay_plan_edges *ret_edges, assay_error *err);
ASSAY_NODISCARD assay_status assay_plan_edges_merge(assay_plan_walk *walk, assay_plan_edges a,
                                                    assay_plan_edges b, assay_plan_edges *ret_edges,
                                                    assay_error *err);
bool assay_plan_edges_equal(assay_plan_edges a, assay_plan_edges b);
assay_plan_mode assay_plan_mode_compose(assay_plan_mode outer, assay_plan_mode inner);

ASSAY_NODISCARD assay_status assay_plan_relation_new(assay_plan_walk *walk, size_t count,
                                                     assay_plan_relation *ret_relation,
                                                     assay_error *err);

/* ---- plan_bind.c: names that operators give each other ---- */

void assay_plan_bind_init(assay_plan_walk *walk);
void assay_plan_bind_done(assay_plan_walk *walk);

ASSAY_NODISCARD assay_status assay_plan_bind(assay_plan_walk *walk, const assay_value *node,
                                             const char *key, assay_plan_relation relation,
                                             assay_error *err);
/* The column of a BOUND_COLUMN_REF, or NULL. */
const assay_plan_column *assay_plan_bound(const assay_plan_walk *walk, const assay_value *binding);

/* A CTE: its relation, and the scope of its body, which every reference from outside adds to the
 * current scope. */
ASSAY_NODISCARD assay_status assay_plan_cte_open(assay_plan_walk *walk, const assay_value *node,
                                                 size_t *ret_cte, assay_error *err);
void assay_plan_cte_set(assay_plan_walk *walk, size_t cte, assay_plan_relation relation);
ASSAY_NODISCARD assay_status assay_plan_cte_use(assay_plan_walk *walk, const assay_value *node,
                                                assay_plan_relation *ret_relation,
                                                assay_error *err);
ASSAY_NODISCARD assay_status assay_plan_cte_close(assay_plan_walk *walk, size_t cte,
                                                  assay_error *err);
assay_vec *assay_plan_cte_scope(assay_plan_walk *walk, size_t cte);

/* ---- plan_expression.c ---- */

/* Adds the references of one expression over the columns of `input`. NULL: nothing. */
ASSAY_NODISCARD assay_status assay_plan_expression(assay_plan_walk *walk,
                                                   const assay_value *expression,
                                                   assay_plan_relation input, assay_plan_mode mode,
                                                   assay_vec *out, assay_error *err);
/* The column that an expression makes. */
ASSAY_NODISCARD assay_status assay_plan_expression_column(assay_plan_walk *walk,
                                                          const assay_value *expression,
                                                          assay_plan_relation input,
                                                          assay_plan_column *ret_column,
                                                          assay_error *err);
/* The same for an aggregate; `pick` = the row that a scalar subquery takes. */
ASSAY_NODISCARD assay_status assay_plan_aggregate_column(assay_plan_walk *walk,
                                                         const assay_value *expression,
                                                         assay_plan_relation input, bool pick,
                                                         assay_plan_column *ret_column,
                                                         assay_error *err);
/* References as INDIRECT ones of the whole statement. */
ASSAY_NODISCARD assay_status assay_plan_indirect(assay_plan_walk *walk,
                                                 const assay_value *expression,
                                                 assay_plan_relation input,
                                                 assay_lineage_subtype subtype, assay_error *err);
/* True where the expression is a bare reference to a helper column. */
bool assay_plan_is_helper(const assay_plan_walk *walk, const assay_value *expression,
                          assay_plan_relation input);

/* ---- plan_operator.c, plan_scan.c, plan_join.c, plan_write.c ---- */

ASSAY_NODISCARD assay_status assay_plan_operator(assay_plan_walk *walk, const assay_value *node,
                                                 assay_plan_relation *ret_relation,
                                                 assay_error *err);
ASSAY_NODISCARD assay_status assay_plan_child(assay_plan_walk *walk, const assay_value *node,
                                              size_t index, assay_plan_relation *ret_relation,
                                              assay_error *err);
/* Columns chosen by a list of indexes (projection_map ..); an empty list is all of them. */
ASSAY_NODISCARD assay_status assay_plan_choose(assay_plan_walk *walk, const assay_value *indexes,
                                               assay_plan_relation relation,
                                               assay_plan_relation *ret_relation, assay_error *err);
ASSAY_NODISCARD assay_status assay_plan_concat(assay_plan_walk *walk, assay_plan_relation left,
                                               assay_plan_relation right,
                                               assay_plan_relation *ret_relation, assay_error *err);

typedef assay_status assay_plan_visit(assay_plan_walk *walk, const assay_value *node,
                                      assay_plan_relation *ret_relation, assay_error *err);
assay_plan_visit assay_plan_get, assay_plan_expression_get, assay_plan_chunk_get;
assay_plan_visit assay_plan_join, assay_plan_delim_join, assay_plan_delim_get,
    assay_plan_cross_product;
assay_plan_visit assay_plan_insert, assay_plan_update, assay_plan_delete, assay_plan_merge,
    assay_plan_create_table, assay_plan_copy;

/* "schema.table" of catalog, schema and table as the user would write it. */
ASSAY_NODISCARD assay_status assay_plan_table_name(assay_plan_walk *walk, const char *catalog,
                                                   const char *schema, const char *table,
                                                   const char **ret_name, assay_error *err);

/* Item `index` of the list `key` of a map, or NULL. */
const assay_value *assay_plan_item(const assay_value *map, const char *key, size_t index);
size_t assay_plan_count(const assay_value *map, const char *key);

#endif
