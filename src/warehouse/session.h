/* One login to a warehouse for one publication: every statement is tagged with who and what for. */
#ifndef ASSAY_WAREHOUSE_SESSION_H
#define ASSAY_WAREHOUSE_SESSION_H

#include "adbc/adbc.h"
#include "base/vec.h"
#include "warehouse/dialect.h"

typedef struct assay_warehouse_session {
    const assay_dialect *dialect;
    const assay_warehouse_request *request;
    const char *publish_id;
    assay_adbc *adbc;
    assay_arena *arena; /* of results and query ids; the caller's */
    assay_vec queries;  /* assay_warehouse_query */
} assay_warehouse_session;

/* Logs in and sets the session up. */
ASSAY_NODISCARD assay_status assay_session_open(const assay_warehouse_request *request,
                                                const char *publish_id, assay_arena *arena,
                                                assay_warehouse_session *ret_session,
                                                assay_error *err);
void assay_session_done(assay_warehouse_session *session); /* rolls back; for ASSAY_AUTO */

/* Says what the statements to come are for: phase, query tag. `step` is static text. */
ASSAY_NODISCARD assay_status assay_session_step(assay_warehouse_session *session, const char *step,
                                                assay_error *err);

/* Runs a statement. *ret_affected (may be NULL) is 0 where the server does not say. */
ASSAY_NODISCARD assay_status assay_session_run(assay_warehouse_session *session, const char *sql,
                                               int64_t *ret_affected, assay_error *err);

/* Runs a statement that makes something unless it is there, outside of a transaction: where another
 * publisher makes the same at once IF NOT EXISTS does not save from an error, but a second try
 * finds it. */
ASSAY_NODISCARD assay_status assay_session_ensure(assay_warehouse_session *session, const char *sql,
                                                  assay_error *err);

/* As assay_session_run for a statement that counts: its query id is kept under `step`. */
ASSAY_NODISCARD assay_status assay_session_count(assay_warehouse_session *session, const char *step,
                                                 const char *sql, int64_t *ret_affected,
                                                 assay_error *err);

/* A small result. */
ASSAY_NODISCARD assay_status assay_session_query(assay_warehouse_session *session, const char *sql,
                                                 assay_rows **ret_rows, assay_error *err);

/* Keeps the id of the last statement under `step`, where the database has ids. */
ASSAY_NODISCARD assay_status assay_session_note(assay_warehouse_session *session, const char *step,
                                                assay_error *err);

/* Cells of a result: 0, "" and false where NULL. Numbers may come as text or decimals. */
int64_t assay_session_int(const assay_rows *rows, size_t row, size_t column);
const char *assay_session_text(const assay_rows *rows, size_t row, size_t column);

#endif
