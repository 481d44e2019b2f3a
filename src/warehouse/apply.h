/* The statements that carry the staged rows into the target, within one transaction. */
#ifndef ASSAY_WAREHOUSE_APPLY_H
#define ASSAY_WAREHOUSE_APPLY_H

#include "warehouse/ledger.h"

typedef enum assay_apply_counts {
    ASSAY_APPLY_INSERTS, /* the affected rows were inserted */
    ASSAY_APPLY_UPDATES,
    ASSAY_APPLY_DELETES, /* emptied or marked as deleted */
    ASSAY_APPLY_MERGES   /* inserted and updated */
} assay_apply_counts;

typedef struct assay_apply_statement {
    const char *step; /* "insert", "update", "merge", "delete" .. */
    const char *sql;
    assay_apply_counts counts;
} assay_apply_statement;

enum { ASSAY_APPLY_MAX = 4 };

typedef struct assay_apply_list {
    assay_apply_statement statements[ASSAY_APPLY_MAX];
    size_t count;
} assay_apply_list;

typedef struct assay_apply_place {
    const assay_warehouse_target *target;
    const char *stage; /* the staging table, in the target's schema */
    bool merges;       /* assay_apply_can_merge */
} assay_apply_place;

/* Whether one MERGE does what UPDATE and INSERT do with a join more, and can be counted: on
 * PostgreSQL since 15, where the server counts rows, and the target is no partitioned table. Within
 * the transaction. */
ASSAY_NODISCARD assay_status assay_apply_can_merge(assay_warehouse_session *session,
                                                   const assay_warehouse_target *target,
                                                   bool *ret_can, assay_error *err);

/* Writes the statements. `committed_us` is when rows that are absent were deleted.
 *
 * Rows that did not change are not touched: what is updated is compared column by column (IS
 * DISTINCT FROM) in the very join that finds the row. A hash column in the target would save
 * nothing, must be trusted, and is not there in tables of others. */
ASSAY_NODISCARD assay_status assay_apply_statements(const assay_mapping *mapping,
                                                    const assay_apply_place *place,
                                                    int64_t committed_us, assay_arena *arena,
                                                    assay_apply_list *ret_list, assay_error *err);

/* Runs them; `counts` adds up. */
ASSAY_NODISCARD assay_status assay_apply_run(assay_warehouse_session *session,
                                             const assay_warehouse_target *target,
                                             const assay_apply_list *list,
                                             assay_ledger_counts *counts, assay_error *err);

#endif
