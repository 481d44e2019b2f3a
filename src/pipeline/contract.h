/* The contract of a model: its output is held against it before anything runs.
 *
 * What the query gives becomes what the contract says: a narrower type is widened; with `freeze`
 * other columns are left out and values cast; a missing column that may be missing is NULL. */
#ifndef ASSAY_PIPELINE_CONTRACT_H
#define ASSAY_PIPELINE_CONTRACT_H

#include "pipeline/model.h"

/* Whether every type of the contract is one that a table can have, with its place if not. An
 * extract may use the engine's other names of a type. */
ASSAY_NODISCARD assay_status assay_contract_check(const assay_model *model, assay_conn *conn,
                                                  assay_error *err);

/* Rows that a contract is held against. */
typedef struct assay_contract_rows {
    const assay_contract *contract;
    const char *path;      /* of the contract */
    const char *what;      /* "'silver.orders'", "the load into 'silver.orders'" */
    assay_column *columns; /* of the rows */
    size_t count;
    const assay_column *known; /* columns of the table, which are not new */
    size_t known_count;
    bool is_load; /* errors are of data: EDATA 2205, 2204, 2209 */
} assay_contract_rows;

typedef struct assay_contract_projection {
    const char *list; /* what to select of the rows; NULL = the columns are the contract's */
    assay_column *columns;
    size_t count;
} assay_contract_projection;

/* What is to be selected of the rows so that they have the contract's columns. ECONFIG with old and
 * new type and the place: a type that differs 2121, a column that is new 2122, one that is missing
 * 2123. */
ASSAY_NODISCARD assay_status assay_contract_project(const assay_contract_rows *rows,
                                                    assay_arena *arena,
                                                    assay_contract_projection *ret_projection,
                                                    assay_error *err);

/* Checks model->columns, those of the query, against the header's contract, and makes them what the
 * table gets; sets model->projection. ECONFIG with old and new type and the place: a type that
 * differs 2121, a column that the contract does not have 2122, one that is missing 2123. */
ASSAY_NODISCARD assay_status assay_contract_bind(assay_model *model, assay_arena *arena,
                                                 assay_error *err);

/* The query with the contract's columns; `sql` itself where they are the query's. */
ASSAY_NODISCARD assay_status assay_contract_wrap(const assay_model *model, const char *sql,
                                                 assay_arena *arena, const char **ret_sql,
                                                 assay_error *err);

#endif
