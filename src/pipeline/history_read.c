#include "base/path.h"
#include "base/str.h"
#include "base/vec.h"
#include "pipeline/history_rows.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

enum { RUNS_DEFAULT = 100, STAT_MAX = 4096, STARTTIME_FIELD = 22 };

/* Field 22 of /proc/<pid>/stat (proc(5)), counted after the command's closing parenthesis, and the
 * boot id, since the field counts from the boot. */
void assay_history_process_start(int64_t pid, char text[ASSAY_PROCESS_START_SIZE])
{
    ASSAY_AUTO(assay_buf_done) assay_buf stat = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf boot = ASSAY_BUF_EMPTY;
    char path[64];

    text[0] = '\0';
    (void)snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    if (assay_path_read(path, STAT_MAX, &stat, NULL) != ASSAY_OK ||
        assay_path_read("/proc/sys/kernel/random/boot_id", STAT_MAX, &boot, NULL) != ASSAY_OK)
        return;
    const char *at = strrchr(assay_buf_text(&stat), ')');
    for (int field = 3; at != NULL && field <= STARTTIME_FIELD; field++) {
        at = strchr(at, ' ');
        at = at != NULL ? at + 1 : NULL;
    }
    if (at != NULL)
        (void)snprintf(text, ASSAY_PROCESS_START_SIZE, "%.*s %.8s", (int)strcspn(at, " "), at,
                       assay_buf_text(&boot));
}

#define RUN_COLUMNS                                                                              \
    "run_id, command, status, assay_version, pid, started_us, coalesce(finished_us, 0), now_us," \
    " coalesce(exit_code, -1),"                                                                  \
    " (select count(*) from steps s where s.run_id = r.run_id),"                                 \
    " (select count(*) from steps s where s.run_id = r.run_id and outcome = 'done'),"            \
    " (select count(*) from steps s where s.run_id = r.run_id and outcome = 'skipped'),"         \
    " (select count(*) from steps s where s.run_id = r.run_id and outcome = 'failed'),"          \
    " (select count(*) from steps s where s.run_id = r.run_id and outcome = 'gated'),"           \
    " (select count(*) from steps s where s.run_id = r.run_id and outcome in"                    \
    " ('cancelled', 'aborted', 'pending')), boot"

/* NULL stays NULL; short memory is noticed by the caller's count of failures. */
static const char *text_of(assay_db_statement *statement, int index, assay_arena *arena,
                           bool *failed)
{
    const char *text = assay_db_column_text(statement, index);
    const char *copy = assay_arena_text(arena, text);

    *failed = *failed || (text != NULL && copy == NULL);
    return copy;
}

static assay_status read_run(assay_db_statement *statement, assay_arena *arena,
                             assay_run_record *ret_run, assay_error *err)
{
    bool failed = false;

    *ret_run = (assay_run_record){
        .run_id = text_of(statement, 0, arena, &failed),
        .command = text_of(statement, 1, arena, &failed),
        .status = text_of(statement, 2, arena, &failed),
        .assay_version = text_of(statement, 3, arena, &failed),
        .pid = assay_db_column_int(statement, 4),
        .started_us = assay_db_column_int(statement, 5),
        .finished_us = assay_db_column_int(statement, 6),
        .now_us = assay_db_column_int(statement, 7),
        .exit_code = (int)assay_db_column_int(statement, 8),
        .steps = assay_db_column_int(statement, 9),
        .done = assay_db_column_int(statement, 10),
        .skipped = assay_db_column_int(statement, 11),
        .failed = assay_db_column_int(statement, 12),
        .gated = assay_db_column_int(statement, 13),
        .cancelled = assay_db_column_int(statement, 14),
    };
    return failed ? assay_error_nomem(err) : ASSAY_OK;
}

assay_status assay_history_read_rows(assay_db_statement *statement, size_t item_size,
                                     assay_history_push *push, assay_arena *arena, void *ret_items,
                                     size_t *ret_count, assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec items = {.item_size = item_size};
    bool row = false;

    ASSAY_TRY(assay_db_step(statement, &row, err));
    while (row) {
        ASSAY_TRY(push(statement, arena, &items, err));
        ASSAY_TRY(assay_db_step(statement, &row, err));
    }
    return assay_vec_to_arena(&items, arena, ret_items, ret_count, err);
}

static assay_status push_run(assay_db_statement *statement, assay_arena *arena, assay_vec *items,
                             assay_error *err)
{
    assay_run_record item;

    ASSAY_TRY(read_run(statement, arena, &item, err));
    return assay_vec_push(items, &item, err);
}

assay_status assay_history_runs(assay_history *history, size_t limit, assay_arena *arena,
                                assay_run_record **ret_runs, size_t *ret_count, assay_error *err)
{
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;

    ASSAY_TRY(assay_db_prepare(assay_history_db(history),
                               "select " RUN_COLUMNS
                               " from runs r order by started_us desc, run_id desc limit ?",
                               &statement, err));
    ASSAY_TRY(assay_db_bind_int(statement, 1, limit > 0 ? (int64_t)limit : RUNS_DEFAULT, err));
    return assay_history_read_rows(statement, sizeof(assay_run_record), push_run, arena, ret_runs,
                                   ret_count, err);
}

assay_status assay_history_run(assay_history *history, const char *run_id, assay_arena *arena,
                               assay_run_record *ret_run, assay_error *err)
{
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;
    assay_run_record run;
    bool row = false;
    bool last = assay_str_equal(run_id, "last");

    ASSAY_TRY(
        assay_db_prepare(assay_history_db(history),
                         "select " RUN_COLUMNS
                         " from runs r where ?1 = 'last' or substr(run_id, 1, length(?1)) = ?1"
                         " order by started_us desc, run_id desc limit 2",
                         &statement, err));
    ASSAY_TRY(assay_db_bind_text(statement, 1, run_id, err));
    ASSAY_TRY(assay_db_step(statement, &row, err));
    if (!row || run_id[0] == '\0')
        return assay_error_set(err, ASSAY_ENOTFOUND, 2330,
                               last ? "there is no run in the history yet"
                                    : "there is no run '%s' in the history",
                               run_id);
    ASSAY_TRY(read_run(statement, arena, &run, err));
    ASSAY_TRY(assay_db_step(statement, &row, err));
    if (row && !last)
        return assay_error_set(err, ASSAY_EINVAL, 2331,
                               "'%s' is the beginning of more than one run: give more of the id",
                               run_id);
    *ret_run = run;
    return ASSAY_OK;
}

static assay_status push_step(assay_db_statement *statement, assay_arena *arena, assay_vec *items,
                              assay_error *err)
{
    bool failed = false;

    const assay_step_record step = {
        .run_id = text_of(statement, 0, arena, &failed),
        .step_id = text_of(statement, 1, arena, &failed),
        .table = text_of(statement, 2, arena, &failed),
        .mode = text_of(statement, 3, arena, &failed),
        .outcome = text_of(statement, 4, arena, &failed),
        .skip_reason = text_of(statement, 5, arena, &failed),
        .reason = text_of(statement, 6, arena, &failed),
        .verdict = text_of(statement, 7, arena, &failed),
        .started_us = assay_db_column_int(statement, 8),
        .finished_us = assay_db_column_int(statement, 9),
        .rows_added = assay_db_column_int(statement, 10),
        .rows_removed = assay_db_column_int(statement, 11),
        .bytes = assay_db_column_int(statement, 12),
        .quarantined = assay_db_column_int(statement, 13),
        .bad_rows = assay_db_column_int(statement, 14),
        .checks_passed = assay_db_column_int(statement, 15),
        .checks_total = assay_db_column_int(statement, 16),
        .snapshot_id = assay_db_column_int(statement, 17),
        .error_number = (int)assay_db_column_int(statement, 18),
        .error_message = text_of(statement, 19, arena, &failed),
        .error_place = text_of(statement, 20, arena, &failed),
    };
    return failed ? assay_error_nomem(err) : assay_vec_push(items, &step, err);
}

/* ---- publications ---- */

static assay_publication_state state_of(const char *name)
{
    for (int state = ASSAY_PUBLICATION_DONE; state < ASSAY_PUBLICATION_STATE_COUNT; state++)
        if (assay_str_equal(assay_publication_state_name((assay_publication_state)state), name))
            return (assay_publication_state)state;
    return ASSAY_PUBLICATION_FAILED;
}

static assay_status push_publication(assay_db_statement *statement, assay_arena *arena,
                                     assay_vec *items, assay_error *err)
{
    bool failed = false;

    assay_publication publication = {
        .to = text_of(statement, 0, arena, &failed),
        .table = text_of(statement, 1, arena, &failed),
        .mode = text_of(statement, 2, arena, &failed),
        .state = state_of(assay_db_column_text(statement, 3)),
        .publish_id = text_of(statement, 4, arena, &failed),
        .snapshot_id = assay_db_column_int(statement, 5),
        .number = assay_db_column_int(statement, 6),
        .rows = assay_db_column_int(statement, 7),
        .inserted = assay_db_column_int(statement, 8),
        .updated = assay_db_column_int(statement, 9),
        .deleted = assay_db_column_int(statement, 10),
        .elapsed_us = assay_db_column_int(statement, 11),
    };
    const char *message = assay_db_column_text(statement, 13);
    int number = (int)assay_db_column_int(statement, 12);
    if (message != NULL)
        (void)assay_error_set(&publication.error, assay_error_number_status(number), number, "%s",
                              message);
    return failed ? assay_error_nomem(err) : assay_vec_push(items, &publication, err);
}

static assay_status read_publications(assay_history *history, assay_step_record *step,
                                      assay_arena *arena, assay_error *err)
{
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;

    ASSAY_TRY(assay_db_prepare(assay_history_db(history),
                               "select connection, target, mode, state, publish_id, snapshot_id,"
                               " number, rows, inserted, updated, deleted, elapsed_us,"
                               " error_number, error_message from publications where step_id = ?"
                               " order by position",
                               &statement, err));
    ASSAY_TRY(assay_db_bind_text(statement, 1, step->step_id, err));
    return assay_history_read_rows(statement, sizeof(assay_publication), push_publication, arena,
                                   &step->publications, &step->publication_count, err);
}

/* ---- steps ---- */

assay_status assay_history_steps(assay_history *history, const char *run_id, assay_arena *arena,
                                 assay_step_record **ret_steps, size_t *ret_count, assay_error *err)
{
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;
    assay_step_record *steps = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_db_prepare(
        assay_history_db(history),
        "select run_id, step_id, table_name, mode, outcome, skip_reason, reason, verdict,"
        " coalesce(started_us, 0), coalesce(finished_us, 0), coalesce(rows_added, -1),"
        " coalesce(rows_removed, -1), coalesce(bytes, -1), coalesce(quarantined, -1),"
        " coalesce(bad_rows, -1), coalesce(checks_passed, -1), coalesce(checks_total, -1),"
        " coalesce(snapshot_id, -1), coalesce(error_number, 0), error_message, error_place"
        " from steps where run_id = ? order by position",
        &statement, err));
    ASSAY_TRY(assay_db_bind_text(statement, 1, run_id, err));
    ASSAY_TRY(assay_history_read_rows(statement, sizeof(assay_step_record), push_step, arena,
                                      &steps, &count, err));
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(read_publications(history, &steps[i], arena, err));
    *ret_steps = steps;
    *ret_count = count;
    return ASSAY_OK;
}

assay_status assay_history_last_error(assay_history *history, const char *table, int *ret_number,
                                      assay_error *err)
{
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;
    bool row = false;

    ASSAY_TRY(assay_db_prepare(assay_history_db(history),
                               "select coalesce(error_number, 0) from steps"
                               " where table_name = ? and started_us > 0"
                               " and outcome in ('done', 'skipped', 'gated', 'failed')"
                               " order by started_us desc limit 1",
                               &statement, err));
    ASSAY_TRY(assay_db_bind_text(statement, 1, table, err));
    ASSAY_TRY(assay_db_step(statement, &row, err));
    *ret_number = row ? (int)assay_db_column_int(statement, 0) : 0;
    return ASSAY_OK;
}

bool assay_history_is_alive(int64_t pid, const char *start)
{
    char now[ASSAY_PROCESS_START_SIZE];

    if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
        return false;
    assay_history_process_start(pid, now);
    return start == NULL || start[0] == '\0' || now[0] == '\0' || strcmp(start, now) == 0;
}

static assay_status push_dead_run(assay_db_statement *statement, assay_arena *arena,
                                  assay_vec *items, assay_error *err)
{
    assay_run_record item;

    ASSAY_TRY(read_run(statement, arena, &item, err));
    if (assay_history_is_alive(item.pid, assay_db_column_text(statement, 15)))
        return ASSAY_OK;
    return assay_vec_push(items, &item, err);
}

assay_status assay_history_dead_runs(assay_history *history, assay_arena *arena,
                                     assay_run_record **ret_runs, size_t *ret_count,
                                     assay_error *err)
{
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;

    ASSAY_TRY(assay_db_prepare(assay_history_db(history),
                               "select " RUN_COLUMNS
                               " from runs r where status = 'running' order by started_us",
                               &statement, err));
    return assay_history_read_rows(statement, sizeof(assay_run_record), push_dead_run, arena,
                                   ret_runs, ret_count, err);
}
