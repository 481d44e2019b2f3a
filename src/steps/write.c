#include "steps/write.h"

#include "base/path.h"
#include "base/str.h"
#include "engine/catalog.h"
#include "steps/gate.h"
#include "steps/merge.h"
#include "steps/partitions.h"

/* What one write knows between its stages. */
struct writing {
    assay_write *write;
    assay_write_outcome *outcome;
    const assay_partition_spec *spec;
    assay_data_file *base_files; /* those that stay */
    size_t base_count;
    int64_t base_rows;
    const assay_data_file *removed; /* those that leave */
    size_t removed_count;
    const char *stage_id;
    assay_gate_token *token;
};

static void say_phase(const assay_write *write, const char *phase)
{
    if (write->phase != NULL)
        write->phase(write->phase_user, phase);
}

/* ---- schema ---- */

/* The format must be able to hold every column; said before anything is written. */
static assay_status check_types(const assay_write *write, const assay_schema *schema,
                                assay_error *err)
{
    for (size_t i = 0; i < schema->count; i++) {
        assay_type stored;
        ASSAY_TRY(write->base->format->stored_type(&schema->fields[i], write->arena, &stored, err));
    }
    return ASSAY_OK;
}

static void add_docs(const assay_model *model, assay_schema *schema)
{
    for (size_t i = 0; model != NULL && i < model->header.column_count; i++) {
        const assay_column_note *note = &model->header.columns[i];
        for (size_t k = 0; note->doc != NULL && k < schema->count; k++)
            if (assay_str_equal_ci(schema->fields[k].name, note->name))
                schema->fields[k].doc = note->doc;
    }
}

static assay_schema_policy policy_of(const assay_write *write)
{
    const assay_project *project = write->steps->project;
    const char *layer = write->model != NULL ? write->model->layer : "";

    if (write->mode != ASSAY_LOAD_FULL)
        return ASSAY_SCHEMA_EVOLVE;
    return assay_project_layer_strict(project, layer) ? ASSAY_SCHEMA_FREEZE : ASSAY_SCHEMA_REPLACE;
}

assay_status assay_write_describe(assay_write *write, const assay_column **ret_columns,
                                  size_t *ret_count, assay_error *err)
{
    assay_write_known *known = &write->known;

    if (known->select != write->select) {
        ASSAY_TRY(assay_conn_describe(write->conn, write->select, write->arena, &known->columns,
                                      &known->count, err));
        known->select = write->select;
    }
    *ret_columns = known->columns;
    *ret_count = known->count;
    return ASSAY_OK;
}

static assay_status resolve_schema(struct writing *writing, assay_error *err)
{
    assay_write *write = writing->write;
    const assay_column *columns = NULL;
    size_t count = 0;
    assay_schema *incoming = NULL;
    assay_schema *merged = NULL;
    bool changed = true;

    ASSAY_TRY(assay_write_describe(write, &columns, &count, err));
    ASSAY_TRY(assay_schema_from_columns(columns, count, write->arena, &incoming, err));
    if (write->base->exists && write->base->schema != NULL) {
        ASSAY_TRY(assay_schema_merge(write->base->schema, incoming, policy_of(write), write->arena,
                                     &merged, &changed, err));
    } else {
        merged = incoming;
    }
    ASSAY_TRY(check_types(write, merged, err));
    add_docs(write->model, merged);
    writing->outcome->schema = merged;
    writing->outcome->schema_changed = changed && write->base->exists;
    writing->outcome->created = !write->base->exists;
    return ASSAY_OK;
}

static assay_status resolve_spec(struct writing *writing, assay_error *err)
{
    assay_write *write = writing->write;
    assay_partition_spec *spec = NULL;

    ASSAY_TRY(assay_partition_parse(write->partition_by, write->partition_count,
                                    writing->outcome->schema, write->arena, &spec, err));
    if (write->base->exists && write->base->spec != NULL &&
        assay_partition_spec_equal(write->base->spec, spec))
        writing->spec = write->base->spec;
    else
        writing->spec = spec;
    return ASSAY_OK;
}

/* ---- base files ---- */

/* Names of data files are unique for ever and survive moves (hard links of the Parquet format). */
static const assay_data_file *find_named(const assay_data_file *files, size_t count,
                                         const assay_data_file *file)
{
    for (size_t i = 0; i < count; i++)
        if (assay_str_equal(assay_path_base(files[i].path), assay_path_base(file->path)))
            return &files[i];
    return NULL;
}

static bool is_removed(const struct writing *writing, const assay_data_file *file)
{
    return find_named(writing->removed, writing->removed_count, file) != NULL;
}

/* Of `rows`, the files that the commit leaves in the table. */
static assay_status keep_files(struct writing *writing, const assay_published_rows *rows,
                               assay_error *err)
{
    assay_write *write = writing->write;

    writing->base_files = assay_arena_take(write->arena, rows->count + 1, sizeof(assay_data_file));
    ASSAY_TRY(assay_arena_check(writing->base_files, err));
    writing->base_count = 0;
    writing->base_rows = 0;
    writing->outcome->rows_removed = 0;
    for (size_t i = 0; i < rows->count; i++) {
        bool leaves = write->mode == ASSAY_LOAD_FULL || is_removed(writing, &rows->files[i]);
        writing->base_rows += leaves ? 0 : rows->files[i].rows;
        writing->outcome->rows_removed += leaves ? rows->files[i].rows : 0;
        if (!leaves)
            writing->base_files[writing->base_count++] = rows->files[i];
    }
    return ASSAY_OK;
}

static assay_status resolve_base(struct writing *writing, const assay_table *base, assay_error *err)
{
    assay_write *write = writing->write;
    assay_published_rows rows = {0};

    assay_data_file *replaced = NULL;

    if (base->exists)
        ASSAY_TRY(assay_published_at(base, -1, write->steps->env, write->arena, &rows, err));
    if (write->mode == ASSAY_LOAD_REPLACE_PARTITIONS && base->exists) {
        ASSAY_TRY(assay_partitions_find(&rows, writing->spec, &writing->outcome->stage,
                                        write->arena, &replaced, &writing->removed_count, err));
        writing->removed = replaced;
    }
    return keep_files(writing, &rows, err);
}

/* ---- stage ---- */

/* Keys are compared with those of rows that stay; where the mode decides which rows those are, it
 * tells keys apart itself. */
static assay_split_subject split_subject(const struct writing *writing,
                                         const assay_stage_request *request)
{
    bool grows = writing->write->mode == ASSAY_LOAD_APPEND;

    return (assay_split_subject){.schema = writing->outcome->schema,
                                 .base = writing->base_files,
                                 .base_count = grows ? writing->base_count : 0,
                                 .stage = request};
}

/* Bad rows leave what was staged. */
static assay_status split(struct writing *writing, const assay_stage_request *request,
                          assay_error *err)
{
    assay_write *write = writing->write;
    assay_write_outcome *outcome = writing->outcome;
    assay_status status = ASSAY_OK;

    if (write->split.keyed && write->mode == ASSAY_LOAD_APPEND)
        status = resolve_base(writing, write->base, err);
    const assay_split_subject subject = split_subject(writing, request);
    if (status == ASSAY_OK)
        status = assay_split_take(write, &write->split, &subject, &outcome->stage,
                                  &writing->stage_id, err);
    if (status != ASSAY_OK)
        assay_stage_discard(&outcome->stage);
    return status;
}

static assay_status stage(struct writing *writing, assay_error *err)
{
    assay_write *write = writing->write;
    const assay_step_env *env = write->steps->env;
    char uuid[ASSAY_UUID_TEXT_SIZE];
    const char *id = write->step_id;

    /* Named after the step, so that the next run finds what a dead one left. */
    if (id != NULL && write->again)
        id = assay_arena_format(write->arena, "%s" ASSAY_WRITE_AGAIN, id);
    if (write->step_id == NULL) {
        assay_uuid_format(assay_uuid_v4(env->random), uuid);
        id = assay_arena_text(write->arena, uuid);
    }
    ASSAY_TRY(assay_arena_check(id, err));
    writing->stage_id = id;
    const assay_stage_request request = {.table = write->base,
                                         .schema = writing->outcome->schema,
                                         .spec = writing->spec,
                                         .select = write->select,
                                         .columns = write->known.columns,
                                         .column_count = write->known.count,
                                         .stage_id = id,
                                         .target_file_bytes =
                                             write->steps->project->storage->target_file_bytes,
                                         .bad = write->split.opened ? NULL : write->split.bad,
                                         .alias = ASSAY_MASK_ALIAS};
    say_phase(write, "writing");
    assay_status status =
        assay_stage_write(write->conn, &request, write->arena, &writing->outcome->stage, err);
    if (status != ASSAY_OK && err != NULL && err->path[0] == '\0') {
        err->line =
            0; /* a position in the COPY statement around the query means nothing to the user */
        err->column = 0;
    }
    if (status != ASSAY_OK || write->split.opened)
        return status;
    return split(writing, &request, err);
}

/* Base files and staged files as one list, staged last. */
static assay_status judge(struct writing *writing, assay_error *err)
{
    assay_write *write = writing->write;
    assay_write_outcome *outcome = writing->outcome;
    size_t count = writing->base_count + outcome->stage.count;
    assay_data_file *files = assay_arena_take(write->arena, count + 1, sizeof *files);

    ASSAY_TRY(assay_arena_check(files, err));
    for (size_t i = 0; i < writing->base_count; i++)
        files[i] = writing->base_files[i];
    for (size_t i = 0; i < outcome->stage.count; i++)
        files[writing->base_count + i] = outcome->stage.files[i];
    const assay_gate_subject subject = {.table = write->base,
                                        .schema = outcome->schema,
                                        .files = files,
                                        .count = count,
                                        .staged_from = writing->base_count};
    say_phase(write, "checks");
    ASSAY_TRY(assay_gate_judge(write, &subject, outcome, err));
    if (!outcome->verdict->open)
        return assay_gate_refuse(outcome->verdict, write->table, err);
    writing->token =
        assay_gate_open(outcome->verdict, write->table, writing->stage_id, write->arena);
    return assay_arena_check(writing->token, err);
}

/* SEMANTICS.md 1.5: rows that become zero rows shut the gate. */
static assay_status check_empty(struct writing *writing, assay_error *err)
{
    const assay_write *write = writing->write;
    assay_write_outcome *outcome = writing->outcome;

    if (write->mode != ASSAY_LOAD_FULL || write->allow_empty || outcome->stage.rows > 0 ||
        outcome->rows_removed == 0)
        return ASSAY_OK;
    outcome->evidence = "    gate  the table has rows and would become empty (allow_empty: true "
                        "permits that)\n";
    return assay_error_set(err, ASSAY_EGATE, 5011,
                           "the gate of '%s' is shut: its %lld rows would become zero rows",
                           write->table, (long long)outcome->rows_removed);
}

/* ---- commit ---- */

static assay_status refuse_changed(const struct writing *writing, const char *why, assay_error *err)
{
    return assay_error_set(err, ASSAY_ECONFLICT, 4040, "table '%s' was changed meanwhile: %s",
                           writing->write->table, why);
}

/* Partitions are replaced as they were when they were looked at, or not at all. */
static assay_status check_partitions(struct writing *writing, const assay_table *now,
                                     assay_error *err)
{
    const assay_data_file *before = writing->removed;
    size_t count = writing->removed_count;

    ASSAY_TRY(resolve_base(writing, now, err));
    bool same = count == writing->removed_count;
    for (size_t i = 0; same && i < count; i++) {
        const assay_data_file *now_there =
            find_named(writing->removed, writing->removed_count, &before[i]);
        same = now_there != NULL && now_there->deleted_count == before[i].deleted_count;
    }
    return same ? ASSAY_OK : refuse_changed(writing, "partitions that are replaced", err);
}

static assay_status check_holds(struct writing *writing, const assay_table *now, assay_error *err)
{
    const assay_write *write = writing->write;

    if (write->mode == ASSAY_LOAD_FULL)
        return refuse_changed(writing, "it was being rebuilt", err);
    if (write->base->exists && !assay_str_equal(now->uuid, write->base->uuid))
        return refuse_changed(writing, "it is another table now", err);
    if (write->mode == ASSAY_LOAD_REPLACE_PARTITIONS)
        return check_partitions(writing, now, err);
    if (write->holds != NULL)
        return write->holds(write->holds_user, now, err);
    if (writing->removed_count > 0)
        return refuse_changed(writing, "files that are replaced", err);
    return ASSAY_OK;
}

/* Which rows of the quarantine table count after the commit. */
static assay_status set_quarantine(const struct writing *writing, assay_commit_request *request,
                                   assay_error *err)
{
    const assay_write *write = writing->write;
    const assay_quarantine_news news = {.step = write->step_id,
                                        .run = write->run_id,
                                        .rows = write->split.quarantined,
                                        .closings = write->closings,
                                        .closing_count = write->closing_count};

    return assay_quarantine_next(write->mode == ASSAY_LOAD_FULL ? NULL : request->previous, &news,
                                 write->arena, &request->state.quarantine, err);
}

/* Whoever reads the table next learns which columns are pii. */
static assay_status set_pii(const struct writing *writing, assay_commit_request *request,
                            assay_error *err)
{
    const assay_write *write = writing->write;
    const assay_schema *schema = writing->outcome->schema;
    const char **names = assay_arena_take(write->arena, schema->count + 1, sizeof *names);

    ASSAY_TRY(assay_arena_check(names, err));
    if (write->model == NULL) {
        request->state.pii = write->previous != NULL ? write->previous->pii : NULL;
        request->state.pii_count = write->previous != NULL ? write->previous->pii_count : 0;
        return ASSAY_OK;
    }
    request->state.pii = names;
    request->state.pii_count = 0;
    for (size_t i = 0; i < schema->count; i++)
        if (assay_model_column_is_pii(write->model, schema->fields[i].name))
            names[request->state.pii_count++] = schema->fields[i].name;
    return ASSAY_OK;
}

/* After a lost race: checks over the whole table are judged again on what is there now. */
static assay_status recheck(void *user, const assay_table *now, assay_commit_request *request,
                            assay_error *err)
{
    struct writing *writing = user;

    ASSAY_TRY(check_holds(writing, now, err));
    ASSAY_TRY(resolve_base(writing, now, err));
    request->base = now;
    request->change.removed = writing->removed;
    request->change.removed_count = writing->removed_count;
    const assay_split_subject subject = split_subject(writing, NULL);
    ASSAY_TRY(assay_split_recheck(writing->write, &writing->write->split, &subject,
                                  &writing->outcome->stage, err));
    ASSAY_TRY(set_quarantine(writing, request, err));
    return judge(writing, err);
}

static assay_status list_summary(struct writing *writing, assay_property **ret_properties,
                                 size_t *ret_count, assay_error *err)
{
    assay_write *write = writing->write;
    const assay_gate_verdict *verdict = writing->outcome->verdict;
    assay_property *properties = assay_arena_take(write->arena, 3, sizeof *properties);
    size_t count = 0;

    ASSAY_TRY(assay_arena_check(properties, err));
    if (write->run_id != NULL)
        properties[count++] = (assay_property){"assay.pipeline-run-id", write->run_id};
    if (verdict->suite_hash != NULL)
        properties[count++] = (assay_property){"dq.suite_hash", verdict->suite_hash};
    if (writing->outcome->results_path != NULL)
        properties[count++] = (assay_property){"dq.result_uri", writing->outcome->results_path};
    *ret_properties = properties;
    *ret_count = count;
    return ASSAY_OK;
}

static assay_change_kind kind_of(const struct writing *writing)
{
    if (writing->write->mode == ASSAY_LOAD_FULL)
        return ASSAY_CHANGE_REPLACE;
    return writing->removed_count > 0 ? ASSAY_CHANGE_OVERWRITE : ASSAY_CHANGE_APPEND;
}

static assay_status commit(struct writing *writing, assay_error *err)
{
    assay_write *write = writing->write;
    assay_write_outcome *outcome = writing->outcome;
    const assay_step_env *env = write->steps->env;
    assay_commit_request request = {.base = write->base,
                                    .stage_id = writing->stage_id,
                                    .previous = write->previous,
                                    .state = write->state,
                                    .store = env->store,
                                    .conn = write->conn,
                                    .recheck = recheck,
                                    .recheck_user = writing};
    const assay_commit_env commit_env =
        assay_published_commit_env(write->steps->project, env, write->base);
    assay_property *summary = NULL;

    ASSAY_TRY(list_summary(writing, &summary, &request.change.summary_count, err));
    request.change.summary = summary;
    request.change.kind = kind_of(writing);
    request.change.schema = outcome->schema;
    request.change.spec = writing->spec;
    request.change.added = outcome->stage.files;
    request.change.added_count = outcome->stage.count;
    request.change.removed = writing->removed;
    request.change.removed_count = writing->removed_count;
    request.change.run_id = write->step_id;
    request.state.run_id = write->run_id;
    request.state.step_run_id = write->step_id;
    request.state.suite_hash = outcome->verdict->suite_hash;
    request.state.gate = assay_value_copy(write->arena, outcome->verdict->details);
    request.state.rows = outcome->stage.rows;
    ASSAY_TRY(set_quarantine(writing, &request, err));
    ASSAY_TRY(set_pii(writing, &request, err));
    say_phase(write, "commit");
    return assay_table_commit(&request, writing->token, &commit_env, write->arena,
                              &outcome->snapshot, err);
}

static assay_status write_staged(struct writing *writing, assay_error *err)
{
    const assay_write *write = writing->write;
    assay_write_outcome *outcome = writing->outcome;

    if (write->before_commit != NULL)
        ASSAY_TRY(write->before_commit(write->before_commit_user, err));
    ASSAY_TRY(resolve_base(writing, write->base, err));
    if (write->mode != ASSAY_LOAD_FULL && outcome->stage.rows == 0 && writing->removed_count == 0 &&
        write->split.quarantined == 0 && !write->keeps_state && write->base->exists)
        return ASSAY_OK; /* SEMANTICS.md 1.6: zero new rows, no commit */
    ASSAY_TRY(check_empty(writing, err));
    outcome->split = write->split;
    ASSAY_TRY(judge(writing, err));
    if (write->split.quarantined > 0)
        ASSAY_TRY(assay_quarantine_commit(write, &write->split, &outcome->quarantine, err));
    ASSAY_TRY(commit(writing, err));
    outcome->rows = writing->base_rows + outcome->stage.rows;
    return ASSAY_OK;
}

assay_status assay_write_rows(assay_write *write, assay_write_outcome *ret_outcome,
                              assay_error *err)
{
    struct writing writing = {.write = write,
                              .outcome = ret_outcome,
                              .removed = write->removed,
                              .removed_count = write->removed_count};

    *ret_outcome = ASSAY_WRITE_OUTCOME_EMPTY;
    ASSAY_TRY(resolve_schema(&writing, err));
    ASSAY_TRY(resolve_spec(&writing, err));
    ASSAY_TRY(stage(&writing, err));
    assay_status status = write_staged(&writing, err);
    /* where the outcome is not known the files may already be referred to: they stay */
    if (status != ASSAY_OK && status != ASSAY_EUNKNOWN_OUTCOME)
        assay_stage_discard(&ret_outcome->stage);
    return status;
}

assay_status assay_write_run(assay_write *write, assay_write_outcome *ret_outcome, assay_error *err)
{
    assay_status status = ASSAY_OK;

    const assay_column *columns = NULL;
    size_t count = 0;

    *ret_outcome = ASSAY_WRITE_OUTCOME_EMPTY;
    ASSAY_TRY(assay_write_describe(write, &columns, &count, err));
    ASSAY_TRY(assay_split_open(write, write->arena, &write->split, err));
    if (write->rules.key_count > 0 && write->split.count > 0)
        status = assay_split_batch(write, &write->split, &write->select, err);
    if (status == ASSAY_OK)
        status = write->rules.key_count > 0 ? assay_merge_run(write, ret_outcome, err)
                                            : assay_write_rows(write, ret_outcome, err);
    ret_outcome->split = write->split;
    assay_split_close(write, &write->split);
    return status;
}

assay_status assay_write_recheck(assay_write *write, assay_write_outcome *ret_outcome,
                                 assay_error *err)
{
    assay_published_rows rows;

    *ret_outcome = ASSAY_WRITE_OUTCOME_EMPTY;
    ASSAY_TRY(assay_published_at(write->base, -1, write->steps->env, write->arena, &rows, err));
    const assay_gate_subject subject = {.table = write->base,
                                        .schema = rows.schema,
                                        .files = rows.files,
                                        .count = rows.count,
                                        .staged_from = 0};
    say_phase(write, "checks");
    ret_outcome->schema = rows.schema;
    ASSAY_TRY(assay_gate_judge(write, &subject, ret_outcome, err));
    if (!ret_outcome->verdict->open)
        return assay_gate_refuse(ret_outcome->verdict, write->table, err);
    return ASSAY_OK;
}
