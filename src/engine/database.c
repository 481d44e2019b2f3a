#include "engine/connection.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "base/str.h"

/* Options that no project may change: nothing is fetched, nothing is read from a home folder. */
static const struct {
    const char *name, *value;
} fixed_options[] = {
    {"autoinstall_known_extensions", "false"}, {"autoload_known_extensions", "false"},
    {"allow_community_extensions", "false"},   {"allow_persistent_secrets", "false"},
    {"preserve_insertion_order", "true"},      {"errors_as_json", "true"},
};

static const char database_setup[] = "SET GLOBAL TimeZone = 'UTC';"
                                     "SET GLOBAL Calendar = 'gregorian';"
                                     "SET GLOBAL partitioned_write_max_open_files = ";

enum { OPEN_PARTITIONS_MAX = 1000, OPEN_FILES_WANTED = 8192, OPEN_FILES_OTHERS = 256 };

/* What only a connection itself can be told. */
static const char connection_setup[] = "SET enable_progress_bar = true;"
                                       "SET enable_progress_bar_print = false;"
                                       "SET progress_bar_time = 0";

const char *assay_engine_version(void)
{
    const char *version = duckdb_library_version();

    return version[0] == 'v' ? version + 1 : version;
}

static assay_status set_option(duckdb_config config, const char *name, const char *value,
                               assay_error *err)
{
    if (duckdb_set_config(config, name, value) != DuckDBSuccess)
        return assay_error_set(err, ASSAY_EINTERNAL, 3020, "the engine refuses option '%s' = '%s'",
                               name, value);
    return ASSAY_OK;
}

static assay_status set_options(duckdb_config config, const assay_engine_options *options,
                                assay_error *err)
{
    char text[32];

    for (size_t i = 0; i < sizeof fixed_options / sizeof fixed_options[0]; i++)
        ASSAY_TRY(set_option(config, fixed_options[i].name, fixed_options[i].value, err));
    ASSAY_TRY(set_option(config, "temp_directory",
                         options->temp_dir != NULL ? options->temp_dir : "", err));
    if (options->memory_limit > 0) {
        (void)snprintf(text, sizeof text, "%" PRIu64 "B", options->memory_limit);
        ASSAY_TRY(set_option(config, "memory_limit", text, err));
    }
    int threads = options->threads > 0 ? options->threads : assay_thread_processors();
    (void)snprintf(text, sizeof text, "%d", threads);
    return set_option(config, "threads", text, err);
}

static assay_status open_database(assay_engine *engine, duckdb_config config, assay_error *err)
{
    char *message = NULL;

    if (duckdb_open_ext(NULL, &engine->database, config, &message) == DuckDBSuccess)
        return ASSAY_OK;
    assay_status status = assay_error_set(err, ASSAY_EIO, 3020, "cannot open the engine: %s",
                                          message != NULL ? message : "no reason given");
    duckdb_free(message);
    return status;
}

/* Each partition that is written holds a file open; with fewer, its file is cut into several. A
 * process often may open 1024 files and raise that itself. */
static int open_partitions(void)
{
    struct rlimit limit = {0, 0};
    int files = OPEN_FILES_WANTED;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return OPEN_PARTITIONS_MAX / 10;
    if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < OPEN_FILES_WANTED) {
        struct rlimit more = limit;
        more.rlim_cur = limit.rlim_max == RLIM_INFINITY || limit.rlim_max > OPEN_FILES_WANTED
                            ? OPEN_FILES_WANTED
                            : limit.rlim_max;
        files = (int)(setrlimit(RLIMIT_NOFILE, &more) == 0 ? more.rlim_cur : limit.rlim_cur);
    }
    int free_files = files > 2 * OPEN_FILES_OTHERS ? files - OPEN_FILES_OTHERS : files / 2;
    return free_files < OPEN_PARTITIONS_MAX ? free_files : OPEN_PARTITIONS_MAX;
}

static assay_status set_up_database(assay_engine *engine, assay_error *err)
{
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    ASSAY_AUTO(assay_buf_done) assay_buf setup = ASSAY_BUF_EMPTY;

    assay_buf_append_format(&setup, "%s%d", database_setup, open_partitions());
    ASSAY_TRY(assay_buf_check(&setup, err));
    ASSAY_TRY(assay_conn_open(engine, &conn, err));
    return assay_engine_run(conn, &(assay_engine_text){.text = assay_buf_text(&setup)}, NULL, err);
}

assay_status assay_engine_open(const assay_engine_options *options, assay_engine **ret_engine,
                               assay_error *err)
{
    ASSAY_AUTO(assay_engine_closep) assay_engine *engine = assay_mem_new(1, sizeof *engine);
    duckdb_config config = NULL;

    if (engine == NULL)
        return assay_error_nomem(err);
    engine->lock = assay_lock_new();
    if (engine->lock == NULL || duckdb_create_config(&config) != DuckDBSuccess)
        return assay_error_nomem(err);
    assay_status status = set_options(config, options, err);
    if (status == ASSAY_OK)
        status = open_database(engine, config, err);
    duckdb_destroy_config(&config);
    ASSAY_TRY(status);
    ASSAY_TRY(set_up_database(engine, err));
    *ret_engine = ASSAY_TAKE(&engine);
    return ASSAY_OK;
}

void assay_engine_close(assay_engine *engine)
{
    if (engine == NULL)
        return;
    if (engine->database != NULL)
        duckdb_close(&engine->database);
    assay_lock_free(engine->lock);
    assay_mem_free(engine);
}

void assay_engine_closep(assay_engine **engine)
{
    assay_engine_close(*engine);
    *engine = NULL;
}

void assay_engine_interrupt(assay_engine *engine)
{
    assay_lock_acquire(engine->lock);
    for (assay_conn *conn = engine->first; conn != NULL; conn = conn->next)
        assay_conn_interrupt(conn);
    assay_lock_release(engine->lock);
}

static void link_connection(assay_engine *engine, assay_conn *conn)
{
    assay_lock_acquire(engine->lock);
    conn->engine = engine;
    conn->next = engine->first;
    engine->first = conn;
    assay_lock_release(engine->lock);
}

static void unlink_connection(assay_conn *conn)
{
    assay_engine *engine = conn->engine;

    if (engine == NULL)
        return;
    assay_lock_acquire(engine->lock);
    assay_conn **place = &engine->first;
    while (*place != conn)
        place = &(*place)->next;
    *place = conn->next;
    assay_lock_release(engine->lock);
}

assay_status assay_conn_open(assay_engine *engine, assay_conn **ret_conn, assay_error *err)
{
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = assay_mem_new(1, sizeof *conn);

    if (conn == NULL)
        return assay_error_nomem(err);
    if (duckdb_connect(engine->database, &conn->handle) != DuckDBSuccess)
        return assay_error_set(err, ASSAY_EINTERNAL, 3020, "cannot connect to the engine");
    link_connection(engine, conn);
    ASSAY_TRY(assay_engine_run(conn, &(assay_engine_text){.text = connection_setup}, NULL, err));
    *ret_conn = ASSAY_TAKE(&conn);
    return ASSAY_OK;
}

void assay_conn_close(assay_conn *conn)
{
    if (conn == NULL)
        return;
    unlink_connection(conn);
    for (size_t i = 0; i < ASSAY_ENGINE_CALLS; i++)
        duckdb_destroy_prepare(&conn->calls[i].prepared);
    if (conn->handle != NULL)
        duckdb_disconnect(&conn->handle);
    assay_mem_free(conn);
}

void assay_conn_closep(assay_conn **conn)
{
    assay_conn_close(*conn);
    *conn = NULL;
}

void assay_conn_interrupt(assay_conn *conn)
{
    (void)atomic_fetch_add(&conn->interrupts, 1);
    duckdb_interrupt(conn->handle);
}

void assay_conn_progress(assay_conn *conn, double *ret_percent, uint64_t *ret_rows,
                         uint64_t *ret_total_rows)
{
    duckdb_query_progress_type progress = duckdb_query_progress(conn->handle);

    *ret_percent = progress.percentage;
    *ret_rows = progress.rows_processed;
    *ret_total_rows = progress.total_rows_to_process;
}
