#include "pipeline/history.h"

#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "db/db.h"
#include "pipeline/history_rows.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/types.h>

struct assay_history {
    assay_db *db;
};

static const char *const migrations[] = {
    "create table runs ("
    " run_id text primary key, command text, status text not null, assay_version text,"
    " pid integer not null, boot text, started_us integer not null, finished_us integer,"
    " now_us integer not null, exit_code integer, target text) without rowid;"
    "create index runs_by_start on runs (started_us);"
    "create table steps ("
    " step_id text primary key, run_id text not null references runs (run_id) on delete cascade,"
    " position integer not null, table_name text not null, mode text not null,"
    " outcome text not null, skip_reason text, reason text, verdict text,"
    " started_us integer, finished_us integer, rows_added integer, rows_removed integer,"
    " bytes integer, quarantined integer, bad_rows integer, checks_passed integer,"
    " checks_total integer, snapshot_id integer, error_number integer, error_message text,"
    " error_place text) without rowid;"
    "create index steps_by_run on steps (run_id, position);"
    "create index steps_by_table on steps (table_name, started_us);",
    "create table publications ("
    " step_id text not null references steps (step_id) on delete cascade on update cascade,"
    " position integer not null, connection text not null, target text not null,"
    " mode text not null, state text not null, publish_id text, snapshot_id integer,"
    " number integer, rows integer, inserted integer, updated integer, deleted integer,"
    " elapsed_us integer, error_number integer, error_message text,"
    " primary key (step_id, position)) without rowid;",
    "create table work ("
    " run_id text not null, step_id text not null, table_name text not null,"
    " pid integer not null, boot text not null, started_us integer not null,"
    " primary key (run_id, step_id)) without rowid;",
};

enum { BUSY_MS = 10000, PLACE_SIZE = 400 };

/* ---- opening ---- */

static assay_status open_db(const char *path, assay_db **ret_db, assay_error *err)
{
    ASSAY_AUTO(assay_db_closep) assay_db *db = NULL;

    ASSAY_TRY(assay_db_open(path, BUSY_MS, &db, err));
    ASSAY_TRY(assay_db_migrate(db, migrations, sizeof migrations / sizeof migrations[0], err));
    *ret_db = ASSAY_TAKE(&db);
    return ASSAY_OK;
}

/* A damaged database costs the history, not the run. */
static assay_status set_aside(const char *path, const assay_clock *clock, assay_log *log,
                              assay_arena *arena, const assay_error *why, assay_error *err)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    int64_t now = clock->now_us(clock->user);

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        char *from = assay_arena_format(arena, "%s%s", path, endings[i]);
        char *to = assay_arena_format(arena, "%s.broken-%lld%s", path, (long long)(now / 1000000),
                                      endings[i]);

        ASSAY_TRY(assay_arena_check(from, err));
        ASSAY_TRY(assay_arena_check(to, err));
        if (rename(from, to) != 0 && errno != ENOENT)
            return assay_error_errno(err, errno, "cannot set the damaged '%s' aside", from);
    }
    assay_log_write(log, ASSAY_LOG_WARNING,
                    "the history '%s' was damaged and is set aside; a new one begins (%s)", path,
                    why->message);
    return ASSAY_OK;
}

assay_status assay_history_open(const char *state_dir, const assay_clock *clock, assay_log *log,
                                assay_history **ret_history, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_history_closep)
    assay_history *history = assay_mem_new(1, sizeof(assay_history));
    assay_error failure;

    if (arena == NULL || history == NULL)
        return assay_error_nomem(err);
    ASSAY_TRY(assay_path_make(state_dir, err));
    const char *path = assay_path_join(arena, state_dir, "state.db");
    ASSAY_TRY(assay_arena_check(path, err));
    assay_error_clear(&failure);
    assay_status status = open_db(path, &history->db, &failure);
    if (status == ASSAY_EDATA) {
        ASSAY_TRY(set_aside(path, clock, log, arena, &failure, err));
        status = open_db(path, &history->db, &failure);
    }
    if (status != ASSAY_OK)
        return assay_error_copy(err, &failure);
    *ret_history = ASSAY_TAKE(&history);
    return ASSAY_OK;
}

void assay_history_close(assay_history *history)
{
    if (history == NULL)
        return;
    assay_db_close(history->db);
    assay_mem_free(history);
}

void assay_history_closep(assay_history **history)
{
    assay_history_close(*history);
    *history = NULL;
}

/* ---- writing ---- */

/* Binds parameters one after the other; the first failure stays. */
struct binder {
    assay_db_statement *statement;
    int index;
    assay_status status;
    assay_error *err;
};

static void bind_text(struct binder *binder, const char *text)
{
    binder->index++;
    if (binder->status == ASSAY_OK)
        binder->status = assay_db_bind_text(binder->statement, binder->index, text, binder->err);
}

static void bind_int(struct binder *binder, int64_t value)
{
    binder->index++;
    if (binder->status == ASSAY_OK)
        binder->status = assay_db_bind_int(binder->statement, binder->index, value, binder->err);
}

static assay_status finish(struct binder *binder)
{
    bool row = false;

    ASSAY_TRY(binder->status);
    return assay_db_step(binder->statement, &row, binder->err);
}

static assay_status insert_run(assay_db *db, const assay_run_record *run, assay_error *err)
{
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;

    ASSAY_TRY(
        assay_db_prepare(db,
                         "insert into runs (run_id, command, status, assay_version, pid, boot,"
                         " started_us, now_us) values (?, ?, 'running', ?, ?, ?, ?, ?)",
                         &statement, err));
    struct binder binder = {statement, 0, ASSAY_OK, err};
    char start[ASSAY_PROCESS_START_SIZE];

    bind_text(&binder, run->run_id);
    bind_text(&binder, run->command);
    bind_text(&binder, run->assay_version);
    bind_int(&binder, run->pid);
    assay_history_process_start(run->pid, start);
    bind_text(&binder, start);
    bind_int(&binder, run->started_us);
    bind_int(&binder, run->now_us);
    return finish(&binder);
}

static assay_status insert_steps(assay_db *db, const assay_step_record *steps, size_t count,
                                 assay_error *err)
{
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;

    ASSAY_TRY(assay_db_prepare(db,
                               "insert into steps (step_id, run_id, position, table_name, mode,"
                               " outcome) values (?, ?, ?, ?, ?, 'pending')",
                               &statement, err));
    for (size_t i = 0; i < count; i++) {
        struct binder binder = {statement, 0, ASSAY_OK, err};

        assay_db_reset(statement);
        bind_text(&binder, steps[i].step_id);
        bind_text(&binder, steps[i].run_id);
        bind_int(&binder, (int64_t)i);
        bind_text(&binder, steps[i].table);
        bind_text(&binder, steps[i].mode);
        ASSAY_TRY(finish(&binder));
    }
    return ASSAY_OK;
}

assay_status assay_history_begin_run(assay_history *history, const assay_run_record *run,
                                     const assay_step_record *steps, size_t count, assay_error *err)
{
    ASSAY_TRY(assay_db_begin(history->db, err));
    assay_status status = insert_run(history->db, run, err);
    if (status == ASSAY_OK)
        status = insert_steps(history->db, steps, count, err);
    if (status == ASSAY_OK)
        status = assay_db_commit(history->db, err);
    if (status != ASSAY_OK)
        assay_db_abort(history->db);
    return status;
}

assay_status assay_history_begin_step(assay_history *history, const char *step_id,
                                      int64_t started_us, assay_error *err)
{
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;

    ASSAY_TRY(assay_db_prepare(history->db,
                               "update steps set outcome = 'running', started_us = ?"
                               " where step_id = ?",
                               &statement, err));
    struct binder binder = {statement, 0, ASSAY_OK, err};
    bind_int(&binder, started_us);
    bind_text(&binder, step_id);
    return finish(&binder);
}

assay_status assay_history_renew_step(assay_history *history, const char *step_id,
                                      const char *new_step_id, assay_error *err)
{
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;

    ASSAY_TRY(assay_db_prepare(history->db, "update steps set step_id = ? where step_id = ?",
                               &statement, err));
    struct binder binder = {statement, 0, ASSAY_OK, err};
    bind_text(&binder, new_step_id);
    bind_text(&binder, step_id);
    return finish(&binder);
}

static assay_status update_step(assay_db *db, const assay_step_record *step, assay_error *err)
{
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;

    ASSAY_TRY(assay_db_prepare(
        db,
        "update steps set outcome = ?, skip_reason = ?, reason = ?, verdict = ?,"
        " finished_us = ?, rows_added = ?, rows_removed = ?, bytes = ?, quarantined = ?,"
        " bad_rows = ?, checks_passed = ?, checks_total = ?, snapshot_id = ?, error_number = ?,"
        " error_message = ?, error_place = ? where step_id = ?",
        &statement, err));
    struct binder binder = {statement, 0, ASSAY_OK, err};
    bind_text(&binder, step->outcome);
    bind_text(&binder, step->skip_reason);
    bind_text(&binder, step->reason);
    bind_text(&binder, step->verdict);
    bind_int(&binder, step->finished_us);
    bind_int(&binder, step->rows_added);
    bind_int(&binder, step->rows_removed);
    bind_int(&binder, step->bytes);
    bind_int(&binder, step->quarantined);
    bind_int(&binder, step->bad_rows);
    bind_int(&binder, step->checks_passed);
    bind_int(&binder, step->checks_total);
    bind_int(&binder, step->snapshot_id);
    bind_int(&binder, step->error_number);
    bind_text(&binder, step->error_message);
    bind_text(&binder, step->error_place);
    bind_text(&binder, step->step_id);
    return finish(&binder);
}

static assay_status insert_publication(assay_db *db, const char *step_id, size_t position,
                                       const assay_publication *publication, assay_error *err)
{
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;
    bool failed = publication->error.code != ASSAY_OK;

    ASSAY_TRY(assay_db_prepare(db,
                               "insert or replace into publications values"
                               " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                               &statement, err));
    struct binder binder = {statement, 0, ASSAY_OK, err};
    bind_text(&binder, step_id);
    bind_int(&binder, (int64_t)position);
    bind_text(&binder, publication->to);
    bind_text(&binder, publication->table);
    bind_text(&binder, publication->mode);
    bind_text(&binder, assay_publication_state_name(publication->state));
    bind_text(&binder, publication->publish_id);
    bind_int(&binder, publication->snapshot_id);
    bind_int(&binder, publication->number);
    bind_int(&binder, publication->rows);
    bind_int(&binder, publication->inserted);
    bind_int(&binder, publication->updated);
    bind_int(&binder, publication->deleted);
    bind_int(&binder, publication->elapsed_us);
    bind_int(&binder, failed ? publication->error.number : 0);
    bind_text(&binder, failed ? publication->error.message : NULL);
    return finish(&binder);
}

static assay_status write_end(assay_db *db, const assay_step_record *step, assay_error *err)
{
    ASSAY_TRY(update_step(db, step, err));
    for (size_t i = 0; i < step->publication_count; i++)
        ASSAY_TRY(insert_publication(db, step->step_id, i, &step->publications[i], err));
    return ASSAY_OK;
}

assay_status assay_history_end_step(assay_history *history, const assay_step_record *step,
                                    assay_error *err)
{
    ASSAY_TRY(assay_db_begin(history->db, err));
    assay_status status = write_end(history->db, step, err);
    if (status == ASSAY_OK)
        status = assay_db_commit(history->db, err);
    if (status != ASSAY_OK)
        assay_db_abort(history->db);
    return status;
}

assay_status assay_history_end_run(assay_history *history, const assay_run_record *run,
                                   assay_error *err)
{
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;

    ASSAY_TRY(assay_db_prepare(history->db,
                               "update runs set status = ?, finished_us = ?, exit_code = ?"
                               " where run_id = ?",
                               &statement, err));
    struct binder binder = {statement, 0, ASSAY_OK, err};
    bind_text(&binder, run->status);
    bind_int(&binder, run->finished_us);
    bind_int(&binder, run->exit_code);
    bind_text(&binder, run->run_id);
    return finish(&binder);
}

/* ---- for history_read.c ---- */

assay_db *assay_history_db(assay_history *history)
{
    return history->db;
}
