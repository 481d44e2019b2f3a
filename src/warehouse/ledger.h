/* The ledger of what was published into a schema, and the lock that makes one transaction at a time
 * of all that publish into one target. */
#ifndef ASSAY_WAREHOUSE_LEDGER_H
#define ASSAY_WAREHOUSE_LEDGER_H

#include "warehouse/mapping.h"
#include "warehouse/server.h"

/* What a transaction did. */
typedef struct assay_ledger_counts {
    int64_t rows, inserted, updated, deleted;
} assay_ledger_counts;

typedef struct assay_ledger_entry {
    bool found; /* the publish id is there, with these counts */
    assay_ledger_counts counts;
} assay_ledger_entry;

/* SQL texts, exact for tests. */
void assay_ledger_create_sql(const assay_dialect *dialect, const assay_warehouse_target *target,
                             assay_buf *buf);
void assay_ledger_create_lock_sql(const assay_dialect *dialect,
                                  const assay_warehouse_target *target, assay_buf *buf);

/* Makes ledger, lock table and the target's row in it; each may be there or come meanwhile. */
ASSAY_NODISCARD assay_status assay_ledger_prepare(assay_warehouse_session *session,
                                                  const assay_warehouse_target *target,
                                                  const assay_server_state *state,
                                                  assay_error *err);

/* First statement of the transaction: updates the target's row of the lock table, so that another
 * transaction that publishes into the same target waits for the end of this one, even where its
 * client is gone. */
ASSAY_NODISCARD assay_status assay_ledger_lock(assay_warehouse_session *session,
                                               const assay_warehouse_target *target,
                                               assay_error *err);

/* Looks the publish id up. */
ASSAY_NODISCARD assay_status assay_ledger_find(assay_warehouse_session *session,
                                               const assay_warehouse_target *target,
                                               assay_ledger_entry *ret_entry, assay_error *err);

/* Where the table of the request stands in this target. */
ASSAY_NODISCARD assay_status assay_ledger_standing(assay_warehouse_session *session,
                                                   const assay_warehouse_target *target,
                                                   assay_warehouse_standing *ret_standing,
                                                   assay_error *err);

/* True where the ledger's newest commit of the table has the request's number and is another
 * snapshot: the table was restored or copied, and its commits were numbered anew. */
bool assay_ledger_is_other(const assay_warehouse_standing *standing,
                           const assay_warehouse_snapshot *snapshot);

/* Columns that any publication of this table (by its name) into this target ever had, by the
 * target's spelling. What other tables publish there is theirs. */
ASSAY_NODISCARD assay_status assay_ledger_columns(assay_warehouse_session *session,
                                                  const assay_warehouse_target *target,
                                                  const char ***ret_names, size_t *ret_count,
                                                  assay_error *err);

/* Takes the publish id's row out: the target that it tells of is not there any more. */
ASSAY_NODISCARD assay_status assay_ledger_forget(assay_warehouse_session *session,
                                                 const assay_warehouse_target *target,
                                                 assay_error *err);

/* Writes the row that says it is done, before the commit. */
ASSAY_NODISCARD assay_status assay_ledger_write(assay_warehouse_session *session,
                                                const assay_warehouse_target *target,
                                                const assay_mapping *mapping,
                                                const assay_ledger_counts *counts,
                                                assay_error *err);

#endif
