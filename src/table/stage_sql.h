/* The SELECT and the COPY of a staged write; private to this room. */
#ifndef ASSAY_TABLE_STAGE_SQL_H
#define ASSAY_TABLE_STAGE_SQL_H

#include "table/stage.h"

/* A column of the write. */
typedef struct assay_stage_column {
    const assay_field *field;
    assay_type stored;      /* what the file holds */
    const char *given_type; /* of the query's column; NULL = the query does not give it */
} assay_stage_column;

typedef struct assay_stage_plan {
    const assay_stage_request *request;
    const char *folder;
    assay_stage_column *columns; /* one a field of the schema */
    const char *select;          /* the query without a closing semicolon */
} assay_stage_plan;

/* Matches the query's columns with the schema's and asks the format for the stored types. */
ASSAY_NODISCARD assay_status assay_stage_plan_make(assay_conn *conn,
                                                   const assay_stage_request *request,
                                                   assay_arena *arena, assay_stage_plan *ret_plan,
                                                   assay_error *err);

/* "COPY (..) TO .. (..)". *ret_select_line = lines before the query's first one. */
void assay_stage_append_copy(assay_buf *buf, const assay_stage_plan *plan, int *ret_select_line);

/* A query that gives the number of values of column i which the stored type cannot hold. */
void assay_stage_append_misfits(assay_buf *buf, const assay_stage_plan *plan, size_t column);

/* The column that tells bad rows in what COPY returns of a file ("true" / "false"). */
#define ASSAY_STAGE_BAD "__assay_bad"

/* The column of partition value i in what COPY returns. */
enum { ASSAY_STAGE_PARTITION_NAME_SIZE = 32 };
void assay_stage_partition_name(size_t index, char name[ASSAY_STAGE_PARTITION_NAME_SIZE]);

#endif
