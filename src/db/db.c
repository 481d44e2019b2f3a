#include "db/db.h"

#include "base/mem.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OPEN_TRIES = 6, OPEN_WAIT_NS = 10000000 };

struct assay_db {
    sqlite3 *handle;
    char *path;
};

struct assay_db_statement {
    sqlite3_stmt *handle;
    assay_db *db;
};

struct failure {
    assay_status status;
    int number;
};

/* What a result code of SQLite is to us. */
static struct failure classify(int code)
{
    switch (code & 0xFF) { /* the primary code */
    case SQLITE_NOMEM:
        return (struct failure){ASSAY_ENOMEM, 1001};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return (struct failure){ASSAY_ELOCKED, 1504};
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return (struct failure){ASSAY_EDATA, 1502};
    case SQLITE_FULL:
        return (struct failure){ASSAY_EIO, 1303};
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return (struct failure){ASSAY_EIO, 1302};
    case SQLITE_CONSTRAINT:
        return (struct failure){ASSAY_EEXISTS, 1501};
    case SQLITE_INTERRUPT:
        return (struct failure){ASSAY_ECANCELLED, 1002};
    default:
        return (struct failure){ASSAY_EIO, 1501};
    }
}

static assay_status fail(const assay_db *db, int code, const char *doing, assay_error *err)
{
    const char *why = db->handle != NULL ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code);
    struct failure failure = classify(code);

    (void)assay_error_set(err, failure.status, failure.number, "cannot %s '%s': %s", doing,
                          db->path, why);
    if (err != NULL) {
        err->native = code;
        err->retryable = failure.status == ASSAY_ELOCKED;
    }
    return failure.status;
}

/* SQLite makes its file with the umask's mode; history names tables and people, so the file is
 * made before, for its owner alone. One that is there is not opened: closing it would let go of the
 * locks that another connection of this process has (POSIX). */
static assay_status make_private(const char *path, assay_error *err)
{
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (file < 0 && errno == EEXIST)
        return ASSAY_OK;
    if (file < 0)
        return assay_error_errno(err, errno, "cannot open '%s'", path);
    (void)close(file);
    return ASSAY_OK;
}

/* Settings of the connection. The first one that reads shows whether the file is a database. */
static assay_status configure(assay_db *db, int busy_ms, const char *settings, assay_error *err)
{
    (void)sqlite3_extended_result_codes(db->handle, 1);
    (void)sqlite3_busy_timeout(db->handle, busy_ms);
    int code = sqlite3_exec(db->handle, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db->handle, settings, NULL, NULL, NULL);
    return code == SQLITE_OK ? ASSAY_OK : fail(db, code, "open", err);
}

static assay_status new_db(const char *path, assay_db **ret_db, assay_error *err)
{
    ASSAY_AUTO(assay_db_closep) assay_db *db = assay_mem_new(1, sizeof *db);

    if (db == NULL)
        return assay_error_nomem(err);
    db->path = assay_mem_copy_text(path);
    if (db->path == NULL)
        return assay_error_nomem(err);
    *ret_db = ASSAY_TAKE(&db);
    return ASSAY_OK;
}

static assay_status open_once(const char *path, int busy_ms, assay_db **ret_db, assay_error *err)
{
    static const char settings[] = "PRAGMA journal_mode = WAL;"
                                   "PRAGMA synchronous = NORMAL;"
                                   "PRAGMA foreign_keys = ON;"
                                   "PRAGMA trusted_schema = OFF;";
    ASSAY_AUTO(assay_db_closep) assay_db *db = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

    ASSAY_TRY(new_db(path, &db, err));
    if (strcmp(path, ":memory:") != 0)
        ASSAY_TRY(make_private(path, err));
    int code = sqlite3_open_v2(path, &db->handle, flags, NULL);
    if (code != SQLITE_OK)
        return fail(db, code, "open", err);
    ASSAY_TRY(configure(db, busy_ms, settings, err));
    *ret_db = ASSAY_TAKE(&db);
    return ASSAY_OK;
}

/* Where several processes open a new database at once, one that comes while the first of them makes
 * or removes the files beside it (WAL) can be told of an I/O error. It is gone a moment later; one
 * of the disk stays. */
assay_status assay_db_open(const char *path, int busy_ms, assay_db **ret_db, assay_error *err)
{
    assay_error seen = {0};
    assay_status status = open_once(path, busy_ms, ret_db, &seen);

    for (int i = 1; i < OPEN_TRIES && status == ASSAY_EIO && (seen.native & 0xFF) == SQLITE_IOERR;
         i++) {
        const struct timespec wait = {0, (long)i * OPEN_WAIT_NS};
        (void)nanosleep(&wait, NULL);
        assay_error_clear(&seen);
        status = open_once(path, busy_ms, ret_db, &seen);
    }
    return status == ASSAY_OK ? ASSAY_OK : assay_error_copy(err, &seen);
}

assay_status assay_db_open_shared(const char *path, int busy_ms, bool create, assay_db **ret_db,
                                  assay_error *err)
{
    static const char settings[] = "PRAGMA synchronous = FULL;"
                                   "PRAGMA trusted_schema = OFF;";
    ASSAY_AUTO(assay_db_closep) assay_db *db = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);

    ASSAY_TRY(new_db(path, &db, err));
    if (!create && access(path, F_OK) != 0 && errno == ENOENT)
        return assay_error_set(err, ASSAY_ENOTFOUND, 1301, "there is no database '%s'", path);
    int code = sqlite3_open_v2(path, &db->handle, flags, NULL);
    if (code != SQLITE_OK)
        return fail(db, code, "open", err);
    ASSAY_TRY(configure(db, busy_ms, settings, err));
    *ret_db = ASSAY_TAKE(&db);
    return ASSAY_OK;
}

void assay_db_close(assay_db *db)
{
    if (db == NULL)
        return;
    (void)sqlite3_close_v2(db->handle);
    assay_mem_free(db->path);
    assay_mem_free(db);
}

void assay_db_closep(assay_db **db)
{
    assay_db_close(*db);
    *db = NULL;
}

assay_status assay_db_execute(assay_db *db, const char *sql, assay_error *err)
{
    int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? ASSAY_OK : fail(db, code, "write", err);
}

assay_status assay_db_begin(assay_db *db, assay_error *err)
{
    return assay_db_execute(db, "BEGIN IMMEDIATE", err);
}

assay_status assay_db_commit(assay_db *db, assay_error *err)
{
    return assay_db_execute(db, "COMMIT", err);
}

void assay_db_abort(assay_db *db)
{
    if (sqlite3_get_autocommit(db->handle) == 0)
        (void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

static assay_status read_version(assay_db *db, int64_t *ret_version, assay_error *err)
{
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;
    bool row = false;

    ASSAY_TRY(assay_db_prepare(db, "PRAGMA user_version", &statement, err));
    ASSAY_TRY(assay_db_step(statement, &row, err));
    *ret_version = row ? assay_db_column_int(statement, 0) : 0;
    return ASSAY_OK;
}

/* Runs one migration, which makes `version`, in the open transaction. */
static assay_status migrate_one(assay_db *db, const char *migration, int64_t version,
                                assay_error *err)
{
    char set_version[64];

    (void)snprintf(set_version, sizeof set_version, "PRAGMA user_version = %lld",
                   (long long)version);
    ASSAY_TRY(assay_db_execute(db, migration, err));
    return assay_db_execute(db, set_version, err);
}

assay_status assay_db_migrate(assay_db *db, const char *const *migrations, size_t count,
                              assay_error *err)
{
    int64_t version = 0;

    ASSAY_TRY(read_version(db, &version, err));
    if (version > (int64_t)count)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 1503,
                               "'%s' has version %lld, this assay knows up to %zu", db->path,
                               (long long)version, count);
    for (int64_t next = version + 1; next <= (int64_t)count; next++) {
        ASSAY_TRY(assay_db_begin(db, err));
        /* Another process may have been faster. */
        assay_status status = read_version(db, &version, err);
        if (status == ASSAY_OK && version < next)
            status = migrate_one(db, migrations[next - 1], next, err);
        if (status == ASSAY_OK)
            status = assay_db_commit(db, err);
        if (status != ASSAY_OK) {
            assay_db_abort(db);
            return assay_error_wrap_status(err, status, "migrating to version %lld",
                                           (long long)next);
        }
    }
    return ASSAY_OK;
}

assay_status assay_db_prepare(assay_db *db, const char *sql, assay_db_statement **ret_statement,
                              assay_error *err)
{
    assay_db_statement *statement = assay_mem_new(1, sizeof *statement);

    if (statement == NULL)
        return assay_error_nomem(err);
    statement->db = db;
    int code = sqlite3_prepare_v2(db->handle, sql, -1, &statement->handle, NULL);
    if (code != SQLITE_OK) {
        assay_mem_free(statement);
        return fail(db, code, "query", err);
    }
    *ret_statement = statement;
    return ASSAY_OK;
}

void assay_db_statement_free(assay_db_statement *statement)
{
    if (statement == NULL)
        return;
    (void)sqlite3_finalize(statement->handle);
    assay_mem_free(statement);
}

void assay_db_statement_freep(assay_db_statement **statement)
{
    assay_db_statement_free(*statement);
    *statement = NULL;
}

static assay_status check_bind(assay_db_statement *statement, int code, assay_error *err)
{
    if (code == SQLITE_OK)
        return ASSAY_OK;
    if (code == SQLITE_RANGE || code == SQLITE_MISUSE)
        return assay_error_set(err, ASSAY_EINTERNAL, 9001, "cannot bind a parameter: %s",
                               sqlite3_errstr(code));
    return fail(statement->db, code, "query", err);
}

assay_status assay_db_bind_text(assay_db_statement *statement, int index, const char *text,
                                assay_error *err)
{
    int code = text != NULL ? sqlite3_bind_text64(statement->handle, index, text, strlen(text),
                                                  SQLITE_TRANSIENT, SQLITE_UTF8)
                            : sqlite3_bind_null(statement->handle, index);

    return check_bind(statement, code, err);
}

assay_status assay_db_bind_int(assay_db_statement *statement, int index, int64_t value,
                               assay_error *err)
{
    return check_bind(statement, sqlite3_bind_int64(statement->handle, index, value), err);
}

assay_status assay_db_bind_null(assay_db_statement *statement, int index, assay_error *err)
{
    return check_bind(statement, sqlite3_bind_null(statement->handle, index), err);
}

assay_status assay_db_step(assay_db_statement *statement, bool *ret_row, assay_error *err)
{
    /* The analyzer does not see that fail() never returns ASSAY_OK.
     * NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
    int code = sqlite3_step(statement->handle);

    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        assay_status status = fail(statement->db, code, "query", err);
        (void)sqlite3_reset(statement->handle);
        return status;
    }
    *ret_row = code == SQLITE_ROW;
    return ASSAY_OK;
}

void assay_db_reset(assay_db_statement *statement)
{
    (void)sqlite3_reset(statement->handle);
    (void)sqlite3_clear_bindings(statement->handle);
}

const char *assay_db_column_text(assay_db_statement *statement, int index)
{
    return (const char *)sqlite3_column_text(statement->handle, index);
}

int64_t assay_db_column_int(assay_db_statement *statement, int index)
{
    return sqlite3_column_int64(statement->handle, index);
}

bool assay_db_column_is_null(assay_db_statement *statement, int index)
{
    return sqlite3_column_type(statement->handle, index) == SQLITE_NULL;
}

int64_t assay_db_changes(assay_db *db)
{
    return sqlite3_changes(db->handle);
}
