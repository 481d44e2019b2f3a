#include "steps/merge.h"

#include "base/path.h"
#include "base/str.h"
#include "steps/keyed.h"

enum { ATTEMPTS_MAX = 5 };

struct merging {
    assay_keyed keyed;
    assay_write_outcome *outcome;
    bool outdated; /* the plan does not hold on what the table is now */
};

/* ---- after a lost race ---- */

static const assay_data_file *find_file(const assay_published_rows *rows, const char *path)
{
    for (size_t i = 0; i < rows->count; i++)
        if (assay_str_equal(assay_path_base(rows->files[i].path), assay_path_base(path)))
            return &rows->files[i];
    return NULL;
}

/* Files that are written again must be as they were read. */
static bool touched_are_there(const assay_keyed *keyed, const assay_published_rows *now)
{
    for (size_t i = 0; i < keyed->touched_count; i++) {
        const assay_data_file *file = find_file(now, keyed->touched[i].path);
        if (file == NULL || file->deleted_count != keyed->touched[i].deleted_count)
            return false;
    }
    return true;
}

static assay_status list_new(const assay_keyed *keyed, const assay_published_rows *now,
                             assay_data_file **ret_files, size_t *ret_count, assay_error *err)
{
    assay_data_file *files = assay_arena_take(keyed->write->arena, now->count + 1, sizeof *files);
    size_t count = 0;

    ASSAY_TRY(assay_arena_check(files, err));
    for (size_t i = 0; i < now->count; i++)
        if (find_file(&keyed->base, now->files[i].path) == NULL)
            files[count++] = now->files[i];
    *ret_files = files;
    *ret_count = count;
    return ASSAY_OK;
}

/* Whether what was staged still is what the merge comes to: no key of the batch was written by
 * another commit, and the files that are replaced are as they were. */
static assay_status find_holds(struct merging *merging, const assay_table *now, bool *ret_holds,
                               assay_error *err)
{
    assay_keyed *keyed = &merging->keyed;
    assay_write *write = keyed->write;
    assay_published_rows rows;
    assay_data_file *files = NULL;
    size_t count = 0;
    bool found = false;

    *ret_holds = false;
    if (!now->exists || now->schema == NULL || !write->base->exists ||
        !assay_table_same_shape(write->base, now))
        return ASSAY_OK;
    ASSAY_TRY(assay_published_at(now, -1, write->steps->env, write->arena, &rows, err));
    if (!touched_are_there(keyed, &rows))
        return ASSAY_OK;
    ASSAY_TRY(list_new(keyed, &rows, &files, &count, err));
    ASSAY_TRY(assay_keyed_look(keyed, files, count, &found, err));
    *ret_holds = !found;
    return ASSAY_OK;
}

static assay_status holds(void *user, const assay_table *now, assay_error *err)
{
    struct merging *merging = user;
    bool holds = false;

    ASSAY_TRY(find_holds(merging, now, &holds, err));
    if (holds)
        return ASSAY_OK;
    merging->outdated = true;
    return assay_error_set(err, ASSAY_ECONFLICT, 4040,
                           "table '%s' was changed meanwhile, at rows that are merged",
                           merging->keyed.write->table);
}

static const assay_consumed_input *find_input(const assay_state_file *state, const char *table)
{
    for (size_t i = 0; state != NULL && i < state->input_count; i++)
        if (assay_str_equal(state->inputs[i].table, table))
            return &state->inputs[i];
    return NULL;
}

/* Another run that consumed the same input has done this step's work, or other work with it. */
static assay_status check_inputs(const assay_write *write, const assay_state_file *now,
                                 assay_error *err)
{
    for (size_t i = 0; i < write->state.input_count; i++) {
        const char *table = write->state.inputs[i].table;
        const assay_consumed_input *before = find_input(write->previous, table);
        const assay_consumed_input *theirs = find_input(now, table);
        if (theirs != NULL && (before == NULL || before->snapshot_id != theirs->snapshot_id))
            return assay_error_set(err, ASSAY_ECONFLICT, 4040,
                                   "another run has brought rows of '%s' to table '%s' meanwhile",
                                   table, write->table);
    }
    return ASSAY_OK;
}

/* The table as it is now becomes what the next attempt is planned against. */
static assay_status start_again(struct merging *merging, assay_error *err)
{
    assay_write *write = merging->keyed.write;
    const assay_step_env *env = write->steps->env;
    const assay_state_file *before = write->previous;
    assay_table *now = NULL;
    assay_state_file *state = NULL;
    int foreign = 0;

    ASSAY_TRY(assay_published_load(write->steps->project, env, write->conn, write->table,
                                   write->arena, &now, err));
    if (write->base->exists && (!now->exists || !assay_str_equal(write->base->uuid, now->uuid)))
        return assay_error_set(err, ASSAY_ECONFLICT, 4040,
                               "table '%s' was replaced by another table", write->table);
    if (now->exists)
        ASSAY_TRY(assay_state_file_current(now, env->store, write->arena, &state, &foreign, err));
    if (before == NULL || write->state.inputs != before->inputs)
        ASSAY_TRY(check_inputs(write, state, err));
    else if (state != NULL) {
        /* a load takes over what the table has consumed, as it is now */
        write->state.inputs = state->inputs;
        write->state.input_count = state->input_count;
    }
    write->state.files = state != NULL ? state->files : NULL;
    write->state.file_count = state != NULL ? state->file_count : 0;
    write->base = now;
    write->previous = state;
    write->again = true;
    merging->outdated = false;
    assay_error_clear(err);
    return ASSAY_OK;
}

/* ---- one attempt ---- */

static bool is_read_in_parts(const assay_model *model, const char *table)
{
    for (size_t i = 0; model != NULL && i < model->input_count; i++)
        if (model->inputs[i].new_rows && assay_str_equal(model->inputs[i].name, table))
            return true;
    return false;
}

/* Without a version the rows of two runs may not come together in a third one, where nothing says
 * which of them is newer: what was read is remembered even if it changed nothing. */
static bool must_remember(const assay_write *write)
{
    for (size_t i = 0; write->rules.version == NULL && i < write->state.input_count; i++) {
        const assay_consumed_input *now = &write->state.inputs[i];
        const assay_consumed_input *before = find_input(write->previous, now->table);
        if (is_read_in_parts(write->model, now->table) &&
            (before == NULL || before->snapshot_id != now->snapshot_id))
            return true;
    }
    return false;
}

static assay_status attempt(struct merging *merging, assay_error *err)
{
    assay_keyed *keyed = &merging->keyed;
    assay_write *write = keyed->write;
    assay_write planned;

    if (write->phase != NULL)
        write->phase(write->phase_user, "reading");
    ASSAY_TRY(assay_keyed_read(keyed, err));
    ASSAY_TRY(assay_keyed_plan(keyed, err));
    bool changes =
        keyed->inserted + keyed->updated + keyed->deleted > 0 || write->split.quarantined > 0;
    if (!changes && !keyed->fresh && !must_remember(write)) {
        merging->outcome->schema = write->base->schema;
        return write->before_commit != NULL ? write->before_commit(write->before_commit_user, err)
                                            : ASSAY_OK;
    }
    planned = *write;
    planned.removed = keyed->touched;
    planned.removed_count = keyed->touched_count;
    planned.holds = holds;
    planned.holds_user = merging;
    planned.keeps_state = !changes && !keyed->fresh;
    ASSAY_TRY(assay_keyed_select(keyed, &planned.select, err));
    ASSAY_TRY(assay_keyed_batch(keyed, &planned.batch_join, err));
    ASSAY_TRY(assay_write_rows(&planned, merging->outcome, err));
    merging->outcome->rows_added = keyed->inserted;
    merging->outcome->rows_updated = keyed->updated;
    if (!keyed->fresh)
        merging->outcome->rows_removed = keyed->deleted;
    return ASSAY_OK;
}

assay_status assay_merge_run(assay_write *write, assay_write_outcome *ret_outcome, assay_error *err)
{
    struct merging merging = {.keyed = {.write = write, .rules = &write->rules},
                              .outcome = ret_outcome};

    for (int tries = 1;; tries++) {
        *ret_outcome = ASSAY_WRITE_OUTCOME_EMPTY;
        assay_status status = attempt(&merging, err);
        if (status != ASSAY_ECONFLICT || !merging.outdated || tries == ATTEMPTS_MAX)
            return status;
        ASSAY_TRY(start_again(&merging, err));
    }
}
