/* Work outside of a run (`assay load`, `check`, `quarantine replay`), remembered for as long as it
 * goes on. */
#include "pipeline/history_rows.h"

#include <unistd.h>

assay_status assay_history_begin_work(assay_history *history, const assay_open_step *step,
                                      assay_error *err)
{
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;
    const int64_t pid = getpid();
    char start[ASSAY_PROCESS_START_SIZE];
    const char *texts[] = {step->run_id, step->step_id != NULL ? step->step_id : "",
                           step->table != NULL ? step->table : "", start};
    bool row = false;

    assay_history_process_start(pid, start);
    ASSAY_TRY(assay_db_prepare(assay_history_db(history),
                               "insert into work (run_id, step_id, table_name, boot, pid,"
                               " started_us) values (?, ?, ?, ?, ?, ?)",
                               &statement, err));
    for (int i = 0; i < 4; i++)
        ASSAY_TRY(assay_db_bind_text(statement, i + 1, texts[i], err));
    ASSAY_TRY(assay_db_bind_int(statement, 5, pid, err));
    ASSAY_TRY(assay_db_bind_int(statement, 6, step->started_us, err));
    return assay_db_step(statement, &row, err);
}

assay_status assay_history_end_work(assay_history *history, const char *run_id, assay_error *err)
{
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;
    bool row = false;

    ASSAY_TRY(assay_db_prepare(assay_history_db(history), "delete from work where run_id = ?",
                               &statement, err));
    ASSAY_TRY(assay_db_bind_text(statement, 1, run_id, err));
    return assay_db_step(statement, &row, err);
}

static assay_status push_dead(assay_db_statement *statement, assay_arena *arena, assay_vec *items,
                              assay_error *err)
{
    const char *step_id = assay_db_column_text(statement, 1);

    if (assay_history_is_alive(assay_db_column_int(statement, 4),
                               assay_db_column_text(statement, 3)))
        return ASSAY_OK;
    const assay_open_step step = {
        .run_id = assay_arena_text(arena, assay_db_column_text(statement, 0)),
        .step_id = step_id[0] != '\0' ? assay_arena_text(arena, step_id) : NULL,
        .table = assay_arena_text(arena, assay_db_column_text(statement, 2)),
        .started_us = assay_db_column_int(statement, 5),
    };
    if (step.run_id == NULL || step.table == NULL || (step.step_id == NULL && step_id[0] != '\0'))
        return assay_error_nomem(err);
    return assay_vec_push(items, &step, err);
}

assay_status assay_history_dead_work(assay_history *history, assay_arena *arena,
                                     assay_open_step **ret_steps, size_t *ret_count,
                                     assay_error *err)
{
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;

    ASSAY_TRY(assay_db_prepare(assay_history_db(history),
                               "select run_id, step_id, table_name, boot, pid, started_us"
                               " from work order by run_id, started_us, step_id",
                               &statement, err));
    return assay_history_read_rows(statement, sizeof(assay_open_step), push_dead, arena, ret_steps,
                                   ret_count, err);
}
