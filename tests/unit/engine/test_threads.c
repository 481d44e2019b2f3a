#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/thread.h"
#include "engine/catalog.h"
#include "engine/engine.h"

/* Steps run in threads, each with a connection, a private catalog and a clock of its own. */

enum { WORKERS = 4, ROUNDS = 25 };

struct worker {
    assay_engine *engine;
    int number;
    char problem[256];
};

static assay_status expect(assay_conn *conn, const char *sql, int64_t expected, assay_error *err)
{
    int64_t value = -1;

    ASSAY_TRY(assay_conn_query_int(conn, sql, &value, err));
    if (value != expected)
        return assay_error_set(err, ASSAY_EINTERNAL, 0, "%s gave %lld, not %lld", sql,
                               (long long)value, (long long)expected);
    return ASSAY_OK;
}

static assay_status work_once(struct worker *worker, int round, assay_error *err)
{
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    int64_t seconds = (int64_t)worker->number * 1000 + round;
    char catalog[32];
    char select[64];

    (void)snprintf(catalog, sizeof catalog, "step%d", worker->number);
    (void)snprintf(select, sizeof select, "SELECT %d AS n FROM range(1000)", worker->number);
    ASSAY_TRY(assay_conn_open(worker->engine, &conn, err));
    ASSAY_TRY(assay_engine_catalog_open(conn, catalog, err));
    ASSAY_TRY(assay_engine_catalog_clock(conn, seconds * 1000000, err));
    ASSAY_TRY(assay_engine_catalog_view(conn, "bronze", "orders", select, err));
    ASSAY_TRY(expect(conn, "SELECT sum(n) FROM bronze.orders", 1000 * worker->number, err));
    ASSAY_TRY(expect(conn, "SELECT epoch(now())::BIGINT", seconds, err));
    assay_engine_catalog_close(conn, catalog);
    return ASSAY_OK;
}

static void work(void *argument)
{
    struct worker *worker = argument;
    assay_error err = {0};

    for (int round = 0; round < ROUNDS; round++) {
        if (work_once(worker, round, &err) != ASSAY_OK) {
            (void)snprintf(worker->problem, sizeof worker->problem, "%.200s", err.message);
            return;
        }
    }
}

static void connections_in_threads_do_not_disturb_one_another(void **state)
{
    struct worker workers[WORKERS];
    assay_thread *threads[WORKERS];
    assay_engine_options options = {.threads = 2};
    assay_engine *engine = NULL;

    (void)state;
    assert_int_equal(assay_engine_open(&options, &engine, NULL), ASSAY_OK);
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.engine = engine, .number = i + 1};
        assert_int_equal(assay_thread_start(work, &workers[i], &threads[i], NULL), ASSAY_OK);
    }
    for (int i = 0; i < WORKERS; i++)
        assay_thread_join(threads[i]);
    for (int i = 0; i < WORKERS; i++)
        assert_string_equal(workers[i].problem, "");
    assay_engine_close(engine);
}

struct watched {
    assay_conn *conn;
    double highest;
    bool stop;
    assay_lock *lock;
};

static bool stopped(struct watched *watched)
{
    assay_lock_acquire(watched->lock);
    bool stop = watched->stop;
    assay_lock_release(watched->lock);
    return stop;
}

static double highest(struct watched *watched, double seen)
{
    assay_lock_acquire(watched->lock);
    if (seen > watched->highest)
        watched->highest = seen;
    double result = watched->highest;
    assay_lock_release(watched->lock);
    return result;
}

static void watch(void *argument)
{
    struct watched *watched = argument;

    while (!stopped(watched)) {
        double percent = -1;
        uint64_t rows = 0;
        uint64_t total = 0;
        assay_conn_progress(watched->conn, &percent, &rows, &total);
        (void)highest(watched, percent);
        (void)usleep(2000);
    }
}

static void progress_is_seen_from_another_thread(void **state)
{
    assay_engine_options options = {.threads = 2};
    assay_engine *engine = NULL;
    struct watched watched = {.highest = -1, .lock = assay_lock_new()};
    assay_thread *thread = NULL;

    (void)state;
    assert_int_equal(assay_engine_open(&options, &engine, NULL), ASSAY_OK);
    assert_int_equal(assay_conn_open(engine, &watched.conn, NULL), ASSAY_OK);
    assert_int_equal(assay_thread_start(watch, &watched, &thread, NULL), ASSAY_OK);
    assert_int_equal(assay_conn_execute(watched.conn,
                                        "CREATE TEMP TABLE t AS SELECT i, hash(i) AS h "
                                        "FROM range(5000000) r(i)",
                                        NULL, NULL),
                     ASSAY_OK);
    for (int i = 0; i < 20 && highest(&watched, -1) <= 0; i++)
        assert_int_equal(assay_conn_execute(watched.conn, "SELECT max(md5(h::VARCHAR)) FROM t",
                                            NULL, NULL),
                         ASSAY_OK);
    assay_lock_acquire(watched.lock);
    watched.stop = true;
    assay_lock_release(watched.lock);
    assay_thread_join(thread);
    assert_true(watched.highest > 0);
    assert_true(watched.highest <= 100);
    assay_conn_close(watched.conn);
    assay_engine_close(engine);
    assay_lock_free(watched.lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_in_threads_do_not_disturb_one_another),
        cmocka_unit_test(progress_is_seen_from_another_thread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
