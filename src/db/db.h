/* SQLite: connection, migrations, statements. One connection belongs to one thread at a time. */
#ifndef ASSAY_DB_DB_H
#define ASSAY_DB_DB_H

#include "base/error.h"

typedef struct assay_db assay_db;
typedef struct assay_db_statement assay_db_statement;

/* Opens or creates (mode 0600), WAL, busy timeout `busy_ms`, foreign keys on. A file that is no
 * database is EDATA 1502. */
ASSAY_NODISCARD assay_status assay_db_open(const char *path, int busy_ms, assay_db **ret_db,
                                           assay_error *err);
/* Opens a database that other programs use too: its journal mode stays as it is, a commit is on
 * disk when it returns, and a new file (only with `create`; else ENOTFOUND 1301) is readable by
 * whom the umask lets. */
ASSAY_NODISCARD assay_status assay_db_open_shared(const char *path, int busy_ms, bool create,
                                                  assay_db **ret_db, assay_error *err);
void assay_db_close(assay_db *db);
void assay_db_closep(assay_db **db);

/* Runs the migrations that user_version has not seen yet, each in its own transaction:
 * migrations[0] makes version 1. A database from a newer assay is EUNSUPPORTED 1503. */
ASSAY_NODISCARD assay_status assay_db_migrate(assay_db *db, const char *const *migrations,
                                              size_t count, assay_error *err);

/* Runs one or more statements without results. */
ASSAY_NODISCARD assay_status assay_db_execute(assay_db *db, const char *sql, assay_error *err);

/* BEGIN IMMEDIATE / COMMIT / ROLLBACK. */
ASSAY_NODISCARD assay_status assay_db_begin(assay_db *db, assay_error *err);
ASSAY_NODISCARD assay_status assay_db_commit(assay_db *db, assay_error *err);
void assay_db_abort(assay_db *db);

ASSAY_NODISCARD assay_status assay_db_prepare(assay_db *db, const char *sql,
                                              assay_db_statement **ret_statement, assay_error *err);
void assay_db_statement_free(assay_db_statement *statement);
void assay_db_statement_freep(assay_db_statement **statement);

/* Parameters are numbered from 1; text is copied; NULL text binds NULL. */
ASSAY_NODISCARD assay_status assay_db_bind_text(assay_db_statement *statement, int index,
                                                const char *text, assay_error *err);
ASSAY_NODISCARD assay_status assay_db_bind_int(assay_db_statement *statement, int index,
                                               int64_t value, assay_error *err);
ASSAY_NODISCARD assay_status assay_db_bind_null(assay_db_statement *statement, int index,
                                                assay_error *err);

/* Next row: *ret_row is false at the end. */
ASSAY_NODISCARD assay_status assay_db_step(assay_db_statement *statement, bool *ret_row,
                                           assay_error *err);
/* Makes the statement ready to run again, bindings emptied. */
void assay_db_reset(assay_db_statement *statement);

/* Columns are numbered from 0; text is valid until the next step; NULL for SQL NULL. */
const char *assay_db_column_text(assay_db_statement *statement, int index);
int64_t assay_db_column_int(assay_db_statement *statement, int index);
bool assay_db_column_is_null(assay_db_statement *statement, int index);

/* Rows changed by the last statement. */
int64_t assay_db_changes(assay_db *db);

#endif
