/* Column lineage of a SQL statement from the engine's bound, unoptimised plan.
 *
 * Results are plain data in the caller's arena. */
#ifndef ASSAY_LINEAGE_COLUMNS_H
#define ASSAY_LINEAGE_COLUMNS_H

#include "engine/engine.h"

/* Subtypes of OpenLineage's transformations (ColumnLineageDatasetFacet 1-2-0); the first three are
 * DIRECT. */
typedef enum assay_lineage_subtype {
    ASSAY_LINEAGE_IDENTITY,
    ASSAY_LINEAGE_TRANSFORMATION,
    ASSAY_LINEAGE_AGGREGATION,
    ASSAY_LINEAGE_JOIN,
    ASSAY_LINEAGE_FILTER,
    ASSAY_LINEAGE_GROUP_BY,
    ASSAY_LINEAGE_SORT,
    ASSAY_LINEAGE_WINDOW,
    ASSAY_LINEAGE_CONDITIONAL,
    ASSAY_LINEAGE_SUBTYPE_COUNT
} assay_lineage_subtype;

typedef struct assay_lineage_transformation {
    assay_lineage_subtype subtype;
    bool masking;
} assay_lineage_transformation;

/* One source column and how it comes in. */
typedef struct assay_lineage_column_input {
    const char *table; /* "silver.orders" as the statement's catalog names it; files: the path */
    const char *column;
    const assay_lineage_transformation *transformations; /* by subtype, at least one */
    size_t transformation_count;
} assay_lineage_column_input;

typedef struct assay_lineage_column {
    const char *name;
    assay_lineage_column_input *inputs; /* sorted by table and column */
    size_t input_count;
} assay_lineage_column;

typedef struct assay_column_lineage {
    const char *output; /* "schema.table" or file that the statement writes; NULL = a query */
    assay_lineage_column *columns; /* in output order; of UPDATE and MERGE only what is set */
    size_t column_count;
    assay_lineage_column_input *dataset; /* INDIRECT: join, filter, group, sort: all columns */
    size_t dataset_count;
    const char **tables; /* every table and file that is read, sorted */
    size_t table_count;
} assay_column_lineage;

enum {
    ASSAY_LINEAGE_PLAN_DEPTH_MAX = 1000,
    ASSAY_LINEAGE_VISITS_MAX = 4000000, /* nodes of a plan, each time it is looked at */
    ASSAY_LINEAGE_EDGES_MAX = 4000000   /* source references of one statement */
};

/* SELECT, INSERT, UPDATE, DELETE, MERGE, CREATE TABLE AS, CREATE VIEW, COPY. `conn` sees the tables
 * that the statement reads, with their schemas (they may be empty): the statement is bound and
 * never run. Tables of the default schema are named without it. EUNSUPPORTED 6010 where the plan
 * cannot be had or holds something unknown; ENOMEM 6011 above the limits. */
ASSAY_NODISCARD assay_status assay_lineage_columns(assay_conn *conn, const char *sql,
                                                   assay_arena *arena,
                                                   assay_column_lineage **ret_lineage,
                                                   assay_error *err);

/* The same from a plan (json_serialize_plan) that the caller has; `names` are those of the output
 * columns where the plan does not know them (queries); NULL = from the plan. */
typedef struct assay_lineage_plan {
    const assay_value *plan;
    const char *const *names;
    size_t name_count;
    const char *catalog; /* the current catalog: it is left out of names; NULL = none is */
    const char *output;  /* table or view that the statement makes; NULL = from the plan */
} assay_lineage_plan;

ASSAY_NODISCARD assay_status assay_lineage_columns_of_plan(const assay_lineage_plan *plan,
                                                           assay_arena *arena,
                                                           assay_column_lineage **ret_lineage,
                                                           assay_error *err);

/* "DIRECT" or "INDIRECT", and "IDENTITY" .. of a subtype. */
const char *assay_lineage_subtype_type(assay_lineage_subtype subtype);
const char *assay_lineage_subtype_name(assay_lineage_subtype subtype);

#endif
