/* What a table's rows must be like: the `contract` of an extract or of a model. */
#ifndef ASSAY_CONFIG_CONTRACT_H
#define ASSAY_CONFIG_CONTRACT_H

#include "config/file.h"

/* What a contract does about columns that differ. */
typedef enum assay_contract_policy {
    ASSAY_CONTRACT_EVOLVE, /* new column: added; missing: NULL; type: widened where possible */
    ASSAY_CONTRACT_FREEZE, /* the table stays as it is: new columns are left out */
    ASSAY_CONTRACT_FAIL
} assay_contract_policy;

/* What happens to rows that break it. */
typedef enum assay_bad_row {
    ASSAY_BAD_ROW_FAIL,
    ASSAY_BAD_ROW_DROP,      /* counted and written to the run's results */
    ASSAY_BAD_ROW_QUARANTINE /* kept in the quarantine table */
} assay_bad_row;

const char *assay_bad_row_name(assay_bad_row policy); /* "fail" .. */

typedef struct assay_contract_column {
    const char *name;
    const char *type; /* DuckDB type text; NULL = not said */
    bool not_null;    /* nullable: false, or part of the key */
    bool key;
    const char *reference_table;  /* "silver.customers"; NULL = refers to nothing */
    const char *reference_column; /* "customer_id" */
    int line, column;
} assay_contract_column;

typedef struct assay_contract {
    bool given;
    assay_contract_column *columns; /* in order */
    size_t column_count;
    assay_contract_policy new_column, type_change, missing_column;
    assay_bad_row bad_row;
    int line, column;
} assay_contract;

/* Reads the key `contract` of a tree that was checked; none = defaults. A column that stands twice
 * is ECONFIG 1255, a reference that is no layer.table.column 1256. */
ASSAY_NODISCARD assay_status assay_contract_read(const assay_value *tree, const char *path,
                                                 assay_arena *arena, assay_contract *ret_contract,
                                                 assay_error *err);

/* The column of that name (case ignored), or NULL. */
const assay_contract_column *assay_contract_find(const assay_contract *contract, const char *name);

/* Does it say anything about single rows (nullable, key, references)? */
bool assay_contract_has_row_rules(const assay_contract *contract);

#endif
