/* Several processes on one table, and processes that die in the middle. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/catalog/fixture.h"

enum { WRITERS = 4, COMMITS = 12, CRASH_POINTS_MAX = 60 };

/* One append, tried until it wins; the change is the same in every attempt. */
static assay_status append_until_won(table_fixture *t, const char *name)
{
    const assay_snapshot *snapshot = NULL;
    assay_data_file file = fixture_file(t, name, 1, NULL);
    assay_change change =
        fixture_change(t, ASSAY_CHANGE_APPEND, fixture_schema(t, 0), fixture_spec(t, false));
    assay_status status = ASSAY_ECONFLICT;
    change.added = &file;
    change.added_count = 1;
    while (status == ASSAY_ECONFLICT)
        status = assay_iceberg_commit(fixture_load(t), &change, &t->env, t->store, NULL, &snapshot,
                                      &t->err);
    return status;
}

/* A child process: it never returns to cmocka. */
static pid_t start_writer(table_fixture *t, int writer)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    for (int i = 0; i < COMMITS; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "w%d-%d", writer, i);
        if (append_until_won(t, name) != ASSAY_OK)
            _exit(1);
    }
    _exit(0);
}

static void every_commit_of_racing_processes_is_there(void **state)
{
    table_fixture *t = *state;
    pid_t writers[WRITERS];
    size_t files = 0;
    for (int i = 0; i < WRITERS; i++)
        writers[i] = start_writer(t, i);
    for (int i = 0; i < WRITERS; i++) {
        int status = 0;
        assert_int_equal(waitpid(writers[i], &status, 0), writers[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    const assay_table *table = fixture_load(t);
    assert_int_equal(fixture_rows(t, table, -1, &files), WRITERS * COMMITS);
    assert_int_equal(files, WRITERS * COMMITS);
    assert_int_equal(table->snapshot_count, WRITERS * COMMITS);
    assert_int_equal(table->current->rows, WRITERS * COMMITS);
    for (size_t i = 0; i < table->snapshot_count; i++)
        assert_int_equal(table->snapshots[i].number, i + 1);
}

/* ---- dying between any two writes ---- */

/* A store that kills its process before the n-th change. */
struct deadly {
    assay_store *inner;
    int left;
};

static void spend(struct deadly *deadly)
{
    if (deadly->left-- == 0)
        (void)kill(getpid(), SIGKILL);
}

static assay_status deadly_get(void *state, const char *key, size_t limit, assay_buf *buf,
                               assay_error *err)
{
    const struct deadly *deadly = state;
    return assay_store_get(deadly->inner, key, limit, buf, err);
}

static assay_status deadly_head(void *state, const char *key, assay_store_info *ret_info,
                                assay_error *err)
{
    const struct deadly *deadly = state;
    return assay_store_head(deadly->inner, key, ret_info, err);
}

static assay_status deadly_put(void *state, const char *key, const void *bytes, size_t size,
                               assay_error *err)
{
    struct deadly *deadly = state;
    spend(deadly);
    ASSAY_TRY(assay_store_put(deadly->inner, key, bytes, size, err));
    spend(deadly);
    return ASSAY_OK;
}

static assay_status deadly_put_new(void *state, const char *key, const void *bytes, size_t size,
                                   assay_error *err)
{
    struct deadly *deadly = state;
    spend(deadly);
    ASSAY_TRY(assay_store_put_new(deadly->inner, key, bytes, size, err));
    spend(deadly);
    return ASSAY_OK;
}

static assay_status deadly_list(void *state, const char *prefix, assay_arena *arena,
                                assay_store_names *ret_names, assay_error *err)
{
    const struct deadly *deadly = state;
    return assay_store_list(deadly->inner, prefix, arena, ret_names, err);
}

static assay_status deadly_remove(void *state, const char *key, assay_error *err)
{
    struct deadly *deadly = state;
    spend(deadly);
    return assay_store_remove(deadly->inner, key, err);
}

static assay_status deadly_sync(void *state, const char *key, assay_error *err)
{
    const struct deadly *deadly = state;
    return assay_store_sync(deadly->inner, key, err);
}

static void deadly_close(void *state)
{
    (void)state;
}

static const assay_store_ops DEADLY = {.name = "deadly",
                                       .get = deadly_get,
                                       .head = deadly_head,
                                       .put = deadly_put,
                                       .put_new = deadly_put_new,
                                       .list = deadly_list,
                                       .remove = deadly_remove,
                                       .sync = deadly_sync,
                                       .close = deadly_close};

typedef assay_status deed(table_fixture *t);

/* A replacement of everything by one file of 5 rows. */
static assay_status replace_all(table_fixture *t)
{
    const assay_snapshot *snapshot = NULL;
    assay_data_file file = fixture_file(t, "replaced", 5, NULL);
    assay_change change =
        fixture_change(t, ASSAY_CHANGE_REPLACE, fixture_schema(t, 1), fixture_spec(t, false));
    change.added = &file;
    change.added_count = 1;
    return assay_iceberg_commit(fixture_load(t), &change, &t->env, t->store, NULL, &snapshot,
                                &t->err);
}

static assay_status expire_all(table_fixture *t)
{
    assay_expired gone = {0, 0};
    return assay_iceberg_expire(fixture_load(t), &(assay_expiry){INT64_MAX, 1}, &t->env, t->store,
                                NULL, &gone, &t->err);
}

/* Runs the deed in a child that dies before its n-th change. True where it got through. */
static bool die_at(table_fixture *t, deed *run, int point)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct deadly deadly = {.inner = t->store, .left = point};
        assay_store store = {.ops = &DEADLY, .state = &deadly};
        t->store = &store;
        _exit(run(t) == ASSAY_OK ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status)) {
        assert_int_equal(WEXITSTATUS(status), 0);
        return true;
    }
    assert_int_equal(WTERMSIG(status), SIGKILL);
    return false;
}

/* Every file that the current snapshot needs is there. */
static void check_files(table_fixture *t)
{
    assay_data_file *files = NULL;
    size_t count = 0;
    fixture_ok(t, assay_iceberg_plan_files(fixture_load(t), -1, t->store, t->arena, &files, &count,
                                           &t->err));
    for (size_t i = 0; i < count; i++) {
        assay_store_info info = {0};
        fixture_ok(t, assay_store_head(t->store, files[i].path, &info, &t->err));
        assert_true(info.exists);
    }
}

static void a_commit_killed_anywhere_leaves_the_old_or_the_new_table(void **state)
{
    table_fixture *t = *state;
    size_t files = 0;
    bool through = false;
    for (int point = 0; point < CRASH_POINTS_MAX && !through; point++) {
        /* The table went on from the death before. */
        fixture_ok(t, replace_all(t));
        fixture_append(t, "next", 1);
        through = die_at(t, replace_all, point);
        int64_t rows = fixture_rows(t, fixture_load(t), -1, &files);
        if (rows != 5 && rows != 6)
            fail_msg("point %d: %lld rows", point, (long long)rows);
        check_files(t);
    }
    assert_true(through);
}

static void an_expiry_killed_anywhere_loses_nothing(void **state)
{
    table_fixture *t = *state;
    size_t files = 0;
    bool through = false;
    for (int point = 0; point < CRASH_POINTS_MAX && !through; point++) {
        fixture_append(t, "a", 1);
        fixture_ok(t, replace_all(t));
        fixture_append(t, "b", 2);
        through = die_at(t, expire_all, point);
        assert_int_equal(fixture_rows(t, fixture_load(t), -1, &files), 7);
        check_files(t);
    }
    assert_true(through);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARED_CATALOGS(every_commit_of_racing_processes_is_there),
        SHARED_CATALOGS(a_commit_killed_anywhere_leaves_the_old_or_the_new_table),
        SHARED_CATALOGS(an_expiry_killed_anywhere_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
