#include "base/path.h"
#include "base/str.h"
#include "db/db.h"
#include "support/exhaust.h"
#include "support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const migrations[] = {
    "CREATE TABLE run (id TEXT PRIMARY KEY, started INTEGER NOT NULL, note TEXT)",
    "CREATE TABLE step (run TEXT NOT NULL REFERENCES run(id), name TEXT); "
    "CREATE INDEX step_run ON step(run)",
};

static assay_db *open_db(const test_folder *folder)
{
    assay_db *db = NULL;
    assay_error err = {0};

    if (assay_db_open(test_folder_path(folder, "state.db"), 5000, &db, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
    return db;
}

static assay_db *open_migrated(const test_folder *folder)
{
    assay_db *db = open_db(folder);

    assert_int_equal(assay_db_migrate(db, migrations, 2, NULL), ASSAY_OK);
    return db;
}

static assay_status insert_run(assay_db *db, const char *id, int64_t started, const char *note,
                               assay_error *err)
{
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;
    bool row = false;

    ASSAY_TRY(assay_db_prepare(db, "INSERT INTO run VALUES (?, ?, ?)", &statement, err));
    ASSAY_TRY(assay_db_bind_text(statement, 1, id, err));
    ASSAY_TRY(assay_db_bind_int(statement, 2, started, err));
    ASSAY_TRY(assay_db_bind_text(statement, 3, note, err));
    return assay_db_step(statement, &row, err);
}

static int64_t count_runs(assay_db *db)
{
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;
    bool row = false;

    assert_int_equal(assay_db_prepare(db, "SELECT count(*) FROM run", &statement, NULL), ASSAY_OK);
    assert_int_equal(assay_db_step(statement, &row, NULL), ASSAY_OK);
    assert_true(row);
    return assay_db_column_int(statement, 0);
}

static void the_file_is_private_and_in_wal_mode(void **state)
{
    test_folder *folder = *state;
    ASSAY_AUTO(assay_db_closep) assay_db *db = open_migrated(folder);
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;
    struct stat info;
    bool row = false;

    assert_int_equal(stat(test_folder_path(folder, "state.db"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(assay_db_prepare(db, "PRAGMA journal_mode", &statement, NULL), ASSAY_OK);
    assert_int_equal(assay_db_step(statement, &row, NULL), ASSAY_OK);
    assert_string_equal(assay_db_column_text(statement, 0), "wal");
}

static void rows_are_written_and_read(void **state)
{
    ASSAY_AUTO(assay_db_closep) assay_db *db = open_migrated(*state);
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;
    bool row = false;

    assert_int_equal(insert_run(db, "a'; DROP TABLE run; --", INT64_MAX, NULL, NULL), ASSAY_OK);
    assert_int_equal(assay_db_changes(db), 1);
    assert_int_equal(insert_run(db, "b", -1, "\xC3\xA4", NULL), ASSAY_OK);
    assert_int_equal(
        assay_db_prepare(db, "SELECT id, started, note FROM run WHERE started > ? ORDER BY id",
                         &statement, NULL),
        ASSAY_OK);
    assert_int_equal(assay_db_bind_int(statement, 1, -5, NULL), ASSAY_OK);
    assert_int_equal(assay_db_step(statement, &row, NULL), ASSAY_OK);
    assert_true(row);
    assert_string_equal(assay_db_column_text(statement, 0), "a'; DROP TABLE run; --");
    assert_true(assay_db_column_int(statement, 1) == INT64_MAX);
    assert_true(assay_db_column_is_null(statement, 2));
    assert_null(assay_db_column_text(statement, 2));
    assert_int_equal(assay_db_step(statement, &row, NULL), ASSAY_OK);
    assert_string_equal(assay_db_column_text(statement, 2), "\xC3\xA4");
    assert_int_equal(assay_db_step(statement, &row, NULL), ASSAY_OK);
    assert_false(row);
    assay_db_reset(statement);
    assert_int_equal(assay_db_bind_null(statement, 1, NULL), ASSAY_OK);
    assert_int_equal(assay_db_step(statement, &row, NULL), ASSAY_OK);
    assert_false(row);
}

static void migrations_run_once_and_in_order(void **state)
{
    test_folder *folder = *state;
    ASSAY_AUTO(assay_db_closep) assay_db *db = open_db(folder);
    assay_error err = {0};

    assert_int_equal(assay_db_migrate(db, migrations, 1, &err), ASSAY_OK);
    assert_int_equal(insert_run(db, "kept", 1, NULL, &err), ASSAY_OK);
    assert_int_equal(assay_db_migrate(db, migrations, 2, &err), ASSAY_OK);
    assert_int_equal(assay_db_migrate(db, migrations, 2, &err), ASSAY_OK);
    assert_int_equal(count_runs(db), 1);
    assert_int_equal(assay_db_migrate(db, migrations, 1, &err), ASSAY_EUNSUPPORTED);
    assert_int_equal(err.number, 1503);
}

static void a_broken_migration_changes_nothing(void **state)
{
    static const char *const broken[] = {"CREATE TABLE a (x); CREATE TABLE a (x)"};
    static const char *const right[] = {"CREATE TABLE a (x)"};
    ASSAY_AUTO(assay_db_closep) assay_db *db = open_db(*state);
    assay_error err = {0};

    assert_int_equal(assay_db_migrate(db, broken, 1, &err), ASSAY_EIO);
    assert_int_equal(err.number, 1501);
    assert_true(assay_str_contains(err.message, "migrating to version 1"));
    assert_int_equal(assay_db_migrate(db, right, 1, &err), ASSAY_OK);
}

static void a_file_that_is_no_database_is_refused(void **state)
{
    test_folder *folder = *state;
    assay_db *db = NULL;
    assay_error err = {0};

    test_folder_write(folder, "state.db",
                      "this is a text file, and it is longer than a header....."
                      "........................................................");
    assert_int_equal(assay_db_open(test_folder_path(folder, "state.db"), 0, &db, &err),
                     ASSAY_EDATA);
    assert_int_equal(err.number, 1502);
    assert_null(db);
    assert_int_equal(assay_db_open(test_folder_path(folder, "no/state.db"), 0, &db, &err),
                     ASSAY_ENOTFOUND);
    assert_int_equal(assay_db_open(folder->path, 0, &db, &err), ASSAY_EIO);
}

static void broken_sql_and_constraints_are_statuses(void **state)
{
    ASSAY_AUTO(assay_db_closep) assay_db *db = open_migrated(*state);
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;
    assay_error err = {0};

    assert_int_equal(assay_db_execute(db, "SELEC", &err), ASSAY_EIO);
    assert_int_equal(err.number, 1501);
    assert_int_equal(assay_db_prepare(db, "SELECT nothing", &statement, &err), ASSAY_EIO);
    assert_null(statement);
    assert_int_equal(insert_run(db, "a", 1, NULL, &err), ASSAY_OK);
    assert_int_equal(insert_run(db, "a", 1, NULL, &err), ASSAY_EEXISTS);
    assert_int_equal(assay_db_execute(db, "INSERT INTO step VALUES ('none', 'x')", &err),
                     ASSAY_EEXISTS);
    assert_true(assay_str_contains(err.message, "FOREIGN KEY"));
    assert_int_equal(assay_db_prepare(db, "SELECT ?", &statement, &err), ASSAY_OK);
    assert_int_equal(assay_db_bind_int(statement, 2, 1, &err), ASSAY_EINTERNAL);
}

static void an_aborted_transaction_leaves_nothing(void **state)
{
    ASSAY_AUTO(assay_db_closep) assay_db *db = open_migrated(*state);

    assert_int_equal(assay_db_begin(db, NULL), ASSAY_OK);
    assert_int_equal(insert_run(db, "a", 1, NULL, NULL), ASSAY_OK);
    assay_db_abort(db);
    assay_db_abort(db);
    assert_int_equal(count_runs(db), 0);
}

static void a_database_that_stays_busy_is_locked(void **state)
{
    test_folder *folder = *state;
    ASSAY_AUTO(assay_db_closep) assay_db *holder = open_migrated(folder);
    ASSAY_AUTO(assay_db_closep) assay_db *other = NULL;
    assay_error err = {0};

    assert_int_equal(assay_db_begin(holder, NULL), ASSAY_OK);
    assert_int_equal(assay_db_open(test_folder_path(folder, "state.db"), 20, &other, &err),
                     ASSAY_OK);
    assert_int_equal(assay_db_begin(other, &err), ASSAY_ELOCKED);
    assert_int_equal(err.number, 1504);
    assert_true(err.retryable);
    assert_int_equal(assay_db_commit(holder, NULL), ASSAY_OK);
    assert_int_equal(assay_db_begin(other, &err), ASSAY_OK);
    assay_db_abort(other);
}

/* One value of a PRAGMA. */
static const char *ask(const test_folder *folder, assay_db *db, const char *sql)
{
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;
    bool row = false;

    assert_int_equal(assay_db_prepare(db, sql, &statement, NULL), ASSAY_OK);
    assert_int_equal(assay_db_step(statement, &row, NULL), ASSAY_OK);
    assert_true(row);
    return assay_arena_text(folder->arena, assay_db_column_text(statement, 0));
}

static void a_shared_database_is_left_as_others_made_it(void **state)
{
    test_folder *folder = *state;
    ASSAY_AUTO(assay_db_closep) assay_db *none = NULL;
    ASSAY_AUTO(assay_db_closep) assay_db *fresh = NULL;
    ASSAY_AUTO(assay_db_closep) assay_db *wal = NULL;
    const char *path = test_folder_path(folder, "shared.db");
    assay_error err = {0};
    struct stat info;

    assert_int_equal(assay_db_open_shared(path, 20, false, &none, &err), ASSAY_ENOTFOUND);
    assert_int_equal(stat(path, &info), -1);
    mode_t mask = umask(0027);
    assert_int_equal(assay_db_open_shared(path, 20, true, &fresh, &err), ASSAY_OK);
    assert_int_equal(assay_db_execute(fresh, "CREATE TABLE t (a)", &err), ASSAY_OK);
    (void)umask(mask);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    assert_string_equal(ask(folder, fresh, "PRAGMA journal_mode"), "delete");
    assert_string_equal(ask(folder, fresh, "PRAGMA synchronous"), "2"); /* FULL */
    assay_db_close(open_db(folder)); /* makes state.db, in WAL mode */
    assert_int_equal(assay_db_open_shared(test_folder_path(folder, "state.db"), 20, false, &wal,
                                          &err),
                     ASSAY_OK);
    assert_string_equal(ask(folder, wal, "PRAGMA journal_mode"), "wal");
}

enum { PROCESSES = 6, RUNS_EACH = 20 };

static void open_and_insert(const test_folder *folder, int process)
{
    assay_db *db = NULL;
    assay_error err = {0};
    assay_status status = assay_db_open(test_folder_path(folder, "state.db"), 30000, &db, &err);
    char id[32];

    if (status == ASSAY_OK)
        status = assay_db_migrate(db, migrations, 2, &err);
    for (int i = 0; i < RUNS_EACH && status == ASSAY_OK; i++) {
        (void)snprintf(id, sizeof id, "%d-%d", process, i);
        status = insert_run(db, id, i, NULL, &err);
    }
    assay_db_close(db);
    if (status != ASSAY_OK)
        (void)fprintf(stderr, "process %d: %s\n", process, err.message);
    _exit(status == ASSAY_OK ? 0 : 1);
}

static void processes_share_a_new_database(void **state)
{
    test_folder *folder = *state;

    for (int i = 0; i < PROCESSES; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            open_and_insert(folder, i);
    }
    for (int i = 0; i < PROCESSES; i++) {
        int result = -1;
        assert_true(wait(&result) > 0);
        assert_int_equal(result, 0);
    }
    ASSAY_AUTO(assay_db_closep) assay_db *db = open_migrated(folder);
    assert_int_equal(count_runs(db), PROCESSES * RUNS_EACH);
}

static assay_status open_and_use(void *user, assay_error *err)
{
    ASSAY_AUTO(assay_db_closep) assay_db *db = NULL;

    (void)user;
    ASSAY_TRY(assay_db_open(":memory:", 0, &db, err));
    ASSAY_TRY(assay_db_migrate(db, migrations, 2, err));
    return insert_run(db, "a", 1, "x", err);
}

static void databases_survive_every_failed_allocation(void **state)
{
    (void)state;
    exhaust_allocations(open_and_use, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_folder_setup, test_folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_file_is_private_and_in_wal_mode),
        TEST(rows_are_written_and_read),
        TEST(migrations_run_once_and_in_order),
        TEST(a_broken_migration_changes_nothing),
        TEST(a_file_that_is_no_database_is_refused),
        TEST(broken_sql_and_constraints_are_statuses),
        TEST(an_aborted_transaction_leaves_nothing),
        TEST(a_database_that_stays_busy_is_locked),
        TEST(a_shared_database_is_left_as_others_made_it),
        TEST(processes_share_a_new_database),
        TEST(databases_survive_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
