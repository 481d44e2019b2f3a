#include "steps/extract.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/path.h"
#include "base/str.h"
#include "base/vec.h"
#include "engine/catalog.h"
#include "source/broken.h"
#include "source/source.h"
#include "steps/database_facts.h"
#include "steps/events.h"
#include "steps/extract_database.h"
#include "steps/outcome.h"
#include "steps/publish_step.h"
#include "steps/replay.h"
#include "table/scan.h"

struct extract {
    assay_steps *steps;
    const assay_step_context *context;
    assay_step_result *result;
    assay_table *table;
    assay_state_file *state;
    int foreign;
    assay_source source;
    assay_load_mode mode;
    assay_data_file *removed; /* changed_file: replace */
    size_t removed_count;
    const char *keep_select; /* rows of `removed` that stay; NULL = none */
    const char *broken;      /* records for the quarantine; NULL = none */
    assay_write_outcome outcome;
    assay_step_facts facts;
};

static assay_source source_of(const assay_project *project, const assay_model *model,
                              assay_conn *conn, assay_arena *arena)
{
    return (assay_source){
        .project = project, .model = model, .config = model->extract, .conn = conn, .arena = arena};
}

static const char *first_glob(const assay_source *source)
{
    return source->config->file_count > 0 ? source->config->files[0].text : "";
}

static assay_status no_file(const assay_source *source, assay_error *err)
{
    return assay_error_at(err, ASSAY_ENOTFOUND, 2202, assay_model_place(source->model, "source"),
                          "no file matches '%s', and the table '%s' does not exist yet",
                          first_glob(source), source->model->name);
}

assay_status assay_extract_check(const assay_project *project, const assay_model *model,
                                 assay_error *err)
{
    if (model->extract->database == NULL)
        return ASSAY_OK;
    return assay_database_check(project, model, err);
}

/* ---- columns ---- */

static assay_status add_bronze(const assay_source *source, assay_column **ret_columns,
                               size_t *ret_count, assay_error *err)
{
    size_t count = source->column_count + assay_source_bronze_count;
    assay_column *columns = assay_arena_take(source->arena, count, sizeof *columns);

    ASSAY_TRY(assay_arena_check(columns, err));
    for (size_t i = 0; i < source->column_count; i++)
        columns[i] = source->columns[i];
    for (size_t i = 0; i < assay_source_bronze_count; i++)
        columns[source->column_count + i] = assay_source_bronze[i];
    *ret_columns = columns;
    *ret_count = count;
    return ASSAY_OK;
}

/* The engine's own names of the types: a contract may say TIMESTAMPTZ or INT8. One that it does not
 * know is refused, with its place, where the schema is made. */
static assay_status name_types(assay_conn *conn, assay_arena *arena, assay_column *columns,
                               size_t count, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_column *named = NULL;
    size_t named_count = 0;

    for (size_t i = 0; i < count; i++) {
        assay_buf_append_text(&sql, i == 0 ? "SELECT CAST(NULL AS " : ", CAST(NULL AS ");
        assay_buf_append_text(&sql, columns[i].type);
        assay_buf_append_text(&sql, ") AS ");
        assay_sql_append_name(&sql, columns[i].name);
    }
    ASSAY_TRY(assay_buf_check(&sql, err));
    if (assay_conn_describe(conn, assay_buf_text(&sql), arena, &named, &named_count, NULL) !=
        ASSAY_OK)
        return ASSAY_OK;
    for (size_t i = 0; i < count && i < named_count; i++)
        columns[i].type = named[i].type;
    return ASSAY_OK;
}

static assay_status load_state(const assay_steps *steps, assay_conn *conn, const char *name,
                               assay_arena *arena, assay_state_file **ret_state, assay_error *err)
{
    assay_table *table = NULL;
    int foreign = 0;

    ASSAY_TRY(assay_published_load(steps->project, steps->env, conn, name, arena, &table, err));
    return assay_state_file_current(table, steps->env->store, arena, ret_state, &foreign, err);
}

assay_status assay_extract_columns(const assay_steps *steps, const assay_columns_request *request,
                                   assay_arena *arena, assay_column **ret_columns,
                                   size_t *ret_count, assay_error *err)
{
    const assay_table_look *published = request->published;
    assay_source source = source_of(request->project, request->model, request->conn, arena);
    bool exists = published != NULL && published->exists;
    assay_state_file *state = NULL;

    source.looks = steps->looks;
    if (request->model->extract->database != NULL)
        return assay_database_extract_columns(steps, request, arena, ret_columns, ret_count, err);
    bool binds = exists && !request->rebuilt;
    /* files that were loaded have given the table its columns: only new ones are looked into */
    if (binds)
        ASSAY_TRY(load_state(steps, request->conn, request->model->name, arena, &state, err));
    ASSAY_TRY(assay_source_list(&source, state, err));
    if (source.matched == 0 && !exists && request->model->header.contract.column_count == 0)
        return no_file(&source, err);
    ASSAY_TRY(assay_source_look(&source, err));
    ASSAY_TRY(assay_source_decide(&source, binds ? published->columns : NULL,
                                  binds ? published->column_count : 0, err));
    ASSAY_TRY(add_bronze(&source, ret_columns, ret_count, err));
    return name_types(request->conn, arena, *ret_columns, *ret_count, err);
}

/* ---- which files ---- */

static assay_status published_columns(const struct extract *extract, assay_column **ret_columns,
                                      size_t *ret_count, assay_error *err)
{
    *ret_columns = NULL;
    *ret_count = 0;
    if (!extract->table->exists || extract->context->full_refresh)
        return ASSAY_OK;
    return assay_published_columns(extract->table->schema, extract->context->arena, ret_columns,
                                   ret_count, err);
}

static assay_status prepare(struct extract *extract, assay_error *err)
{
    const assay_step_context *context = extract->context;

    ASSAY_TRY(assay_step_target(context, &extract->table, &extract->state, &extract->foreign, err));
    extract->source = source_of(context->project, context->model, context->conn, context->arena);
    extract->source.looks = extract->steps->looks;
    extract->source.run_id = context->run_id;
    extract->source.now_us = context->now_us;
    extract->mode = context->full_refresh ? ASSAY_LOAD_FULL : context->model->header.mode;
    const assay_state_file *known = context->full_refresh ? NULL : extract->state;
    ASSAY_TRY(assay_source_list(&extract->source, known, err));
    if (extract->mode == ASSAY_LOAD_FULL && extract->source.count > 0 && known != NULL)
        ASSAY_TRY(assay_source_list(&extract->source, NULL, err));
    return ASSAY_OK;
}

static assay_status skip(struct extract *extract, assay_skip_reason skip, const char *reason)
{
    extract->result->outcome = ASSAY_STEP_SKIPPED;
    extract->result->skip = skip;
    extract->result->reason = reason;
    return ASSAY_OK;
}

/* ---- changed_file: replace ---- */

static void append_changed(const struct extract *extract, assay_buf *buf)
{
    const assay_source *source = &extract->source;
    bool first = true;

    for (size_t i = 0; i < source->count; i++) {
        if (!source->files[i].changed)
            continue;
        assay_buf_append_text(buf, first ? "(" : ", ");
        assay_sql_append_text(buf, source->files[i].given);
        first = false;
    }
    assay_buf_append_text(buf, ")");
}

static assay_status find_removed(struct extract *extract, const assay_published_rows *rows,
                                 assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_step_context *context = extract->context;
    const assay_scan_options options = {.file_columns = true, .conn = context->conn};
    assay_rows *paths = NULL;

    assay_buf_append_text(&sql, "SELECT DISTINCT __assay_file FROM (");
    ASSAY_TRY(assay_scan_append_sql(&sql, rows->table, rows->schema, rows->files, rows->count,
                                    &options, err));
    assay_buf_append_text(&sql, ") WHERE _source_file IN ");
    append_changed(extract, &sql);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_query(context->conn, sql.data, 0, context->arena, &paths, err));
    extract->removed = assay_arena_take(context->arena, rows->count + 1, sizeof *extract->removed);
    ASSAY_TRY(assay_arena_check(extract->removed, err));
    for (size_t i = 0; i < rows->count; i++)
        for (size_t k = 0; k < paths->count; k++)
            if (assay_str_equal(paths->cells[k][0]->text, rows->files[i].path))
                extract->removed[extract->removed_count++] = rows->files[i];
    return ASSAY_OK;
}

static assay_status keep_rows(struct extract *extract, const assay_published_rows *rows,
                              assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_scan_options options = {.conn = extract->context->conn};

    assay_buf_append_text(&sql, "SELECT * FROM (");
    ASSAY_TRY(assay_scan_append_sql(&sql, rows->table, rows->schema, extract->removed,
                                    extract->removed_count, &options, err));
    assay_buf_append_text(&sql, ") WHERE _source_file IS NULL OR _source_file NOT IN ");
    append_changed(extract, &sql);
    ASSAY_TRY(assay_buf_check(&sql, err));
    extract->keep_select = assay_arena_text(extract->context->arena, sql.data);
    return assay_arena_check(extract->keep_select, err);
}

static assay_status replace_changed(struct extract *extract, assay_error *err)
{
    assay_published_rows rows;
    size_t changed = 0;

    for (size_t i = 0; i < extract->source.count; i++)
        changed += extract->source.files[i].changed ? 1 : 0;
    if (changed == 0 || extract->mode == ASSAY_LOAD_FULL ||
        extract->source.config->changed_file != ASSAY_CHANGED_FILE_REPLACE)
        return ASSAY_OK;
    ASSAY_TRY(assay_published_at(extract->table, -1, extract->context->env, extract->context->arena,
                                 &rows, err));
    ASSAY_TRY(find_removed(extract, &rows, err));
    return extract->removed_count > 0 ? keep_rows(extract, &rows, err) : ASSAY_OK;
}

/* ---- writing ---- */

static assay_status make_select(struct extract *extract, bool tolerant, const char **ret_select,
                                assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    if (extract->keep_select != NULL)
        assay_buf_append_format(&sql, "(%s) UNION ALL BY NAME (", extract->keep_select);
    ASSAY_TRY(assay_source_append_select(&extract->source, tolerant, &sql, err));
    if (extract->keep_select != NULL)
        assay_buf_append_char(&sql, ')');
    ASSAY_TRY(assay_buf_check(&sql, err));
    *ret_select = assay_arena_text(extract->context->arena, sql.data);
    return assay_arena_check(*ret_select, err);
}

/* All files consumed so far: what the state knew, then those of this run. */
static assay_status list_consumed(struct extract *extract, assay_state_file *state,
                                  assay_error *err)
{
    const assay_source *source = &extract->source;
    size_t old =
        extract->mode != ASSAY_LOAD_FULL && extract->state != NULL ? extract->state->file_count : 0;
    assay_consumed_file *files =
        assay_arena_take(source->arena, old + source->count + 1, sizeof *files);

    ASSAY_TRY(assay_arena_check(files, err));
    for (size_t i = 0; i < old; i++)
        files[i] = extract->state->files[i];
    for (size_t i = 0; i < source->count; i++)
        files[old + i] = (assay_consumed_file){.path = source->files[i].given,
                                               .size = source->files[i].size,
                                               .mtime_ns = source->files[i].mtime_ns,
                                               .sha256 = source->files[i].sha256,
                                               .rows = -1,
                                               .bad_rows = -1};
    state->files = files;
    state->file_count = old + source->count;
    return ASSAY_OK;
}

static assay_status verify_source(void *user, assay_error *err)
{
    return assay_source_verify(user, err);
}

/* changed_file: replace takes the place of what was put aside of the file, too. */
static assay_status supersede(const struct extract *extract, assay_write *write, assay_error *err)
{
    const assay_source *source = &extract->source;
    const char **files = assay_arena_take(source->arena, source->count + 1, sizeof *files);
    size_t count = 0;

    ASSAY_TRY(assay_arena_check(files, err));
    if (extract->mode == ASSAY_LOAD_FULL ||
        source->config->changed_file != ASSAY_CHANGED_FILE_REPLACE)
        return ASSAY_OK;
    for (size_t i = 0; i < source->count; i++)
        if (source->files[i].changed)
            files[count++] = source->files[i].given;
    return assay_replay_supersede(write, files, count, err);
}

static assay_status write_once(struct extract *extract, bool tolerant, assay_error *err)
{
    assay_write write;

    ASSAY_TRY(assay_step_write_init(extract->steps, extract->context, extract->table,
                                    extract->mode == ASSAY_LOAD_FULL ? NULL : extract->state,
                                    &write, err));
    write.mode = extract->mode;
    write.removed = extract->removed;
    write.removed_count = extract->removed_count;
    ASSAY_TRY(list_consumed(extract, &write.state, err));
    ASSAY_TRY(make_select(extract, tolerant, &write.select, err));
    write.again = tolerant;
    write.broken = extract->broken;
    ASSAY_TRY(supersede(extract, &write, err));
    write.before_commit = verify_source;
    write.before_commit_user = &extract->source;
    return assay_write_run(&write, &extract->outcome, err);
}

/* ---- broken records ---- */

/* The strict read failed: are broken records the reason? Then the contract decides; else `why`
 * stands. */
static assay_status read_tolerant(struct extract *extract, const assay_error *why, assay_error *err)
{
    int64_t count = 0;
    assay_error looking = {0};

    if (assay_source_find_bad(&extract->source, &count, &looking) != ASSAY_OK || count == 0)
        return assay_error_copy(err, why);
    switch (extract->context->model->header.contract.bad_row) {
    case ASSAY_BAD_ROW_FAIL:
        return assay_broken_refuse(extract->context, count, err);
    case ASSAY_BAD_ROW_DROP:
        ASSAY_TRY(assay_broken_save(extract->context, count, extract->result, err));
        break;
    case ASSAY_BAD_ROW_QUARANTINE:
        ASSAY_TRY(assay_broken_select(&extract->source, &extract->broken, err));
        break;
    }
    assay_error_clear(err);
    return write_once(extract, true, err);
}

static bool may_be_bad_rows(const struct extract *extract, assay_status status)
{
    return extract->source.config->format != ASSAY_FILE_PARQUET &&
           (status == ASSAY_EDATA || status == ASSAY_ECONFIG || status == ASSAY_EINTERNAL) &&
           extract->outcome.stage.count == 0;
}

static assay_status load(struct extract *extract, assay_error *err)
{
    assay_column *published = NULL;
    size_t count = 0;
    assay_error why = {0};

    assay_step_phase(extract->context, "reading");
    ASSAY_TRY(assay_source_look(&extract->source, err));
    ASSAY_TRY(published_columns(extract, &published, &count, err));
    ASSAY_TRY(assay_source_decide(&extract->source, published, count, err));
    ASSAY_TRY(replace_changed(extract, err));
    assay_status status = write_once(extract, false, &why);
    if (status == ASSAY_OK)
        return ASSAY_OK;
    if (may_be_bad_rows(extract, status))
        return read_tolerant(extract, &why, err);
    return assay_error_copy(err, &why);
}

/* ---- lineage ---- */

static assay_status add_globs(assay_step_facts *facts, const assay_step_context *context,
                              assay_error *err)
{
    const assay_extract_config *config = context->model->extract;
    assay_arena *arena = context->arena;

    facts->inputs = assay_arena_take(arena, config->file_count + 1, sizeof *facts->inputs);
    ASSAY_TRY(assay_arena_check(facts->inputs, err));
    for (size_t i = 0; i < config->file_count; i++) {
        char *path = assay_path_normal(arena, context->project->root, config->files[i].text);
        ASSAY_TRY(assay_arena_check(path, err));
        assay_lineage_dataset *dataset = &facts->inputs[i];
        *dataset = assay_lineage_dataset_init();
        ASSAY_TRY(assay_lineage_dataset_locate(dataset, path, arena, err));
        dataset->storage_layer = "file";
        dataset->file_format = assay_file_format_name(config->format);
        dataset->dataset_type = "FILE";
    }
    facts->input_count = config->file_count;
    return ASSAY_OK;
}

static void count_files(assay_step_facts *facts, const assay_source *source)
{
    if (facts->input_count != 1)
        return;
    facts->inputs[0].input_files = (int64_t)source->count;
    facts->inputs[0].input_bytes = 0;
    for (size_t i = 0; i < source->count; i++)
        facts->inputs[0].input_bytes += source->files[i].size;
}

static assay_status start_events(struct extract *extract, assay_error *err)
{
    const assay_step_context *context = extract->context;

    extract->facts = assay_facts_init(extract->steps, context, extract->table);
    ASSAY_TRY(add_globs(&extract->facts, context, err));
    count_files(&extract->facts, &extract->source);
    assay_events_start(&extract->facts, extract->table->schema);
    return ASSAY_OK;
}

/* ---- the step ---- */

static assay_status run_needed(struct extract *extract, assay_error *err)
{
    const assay_step_context *context = extract->context;
    char name[64];

    ASSAY_TRY(start_events(extract, err));
    (void)snprintf(name, sizeof name, "step_%zu", context->model->index);
    assay_status status = assay_engine_catalog_open(context->conn, name, err);
    if (status == ASSAY_OK) {
        status = load(extract, err);
        assay_engine_catalog_close(context->conn, name);
    }
    if (status != ASSAY_OK)
        assay_step_hide_values(context->model, err);
    assay_publish_finish(&extract->facts, context, &extract->outcome, extract->result, status, err);
    if (status == ASSAY_OK || status == ASSAY_EGATE)
        assay_step_result_fill(&extract->outcome, extract->result);
    if (status != ASSAY_OK)
        return status;
    if (extract->outcome.snapshot == NULL)
        return skip(extract, ASSAY_SKIP_NO_NEW_DATA, "the new files hold no records");
    extract->result->outcome = ASSAY_STEP_DONE;
    return ASSAY_OK;
}

/* What compiling has found is told as any failure of a step. */
static assay_status refuse(assay_steps *steps, const assay_step_context *context, assay_error *err)
{
    const assay_error *failure = context->model->failure;
    assay_table *table = NULL;

    if (assay_published_load(context->project, context->env, context->conn, context->model->name,
                             context->arena, &table, NULL) != ASSAY_OK)
        return assay_error_copy(err, failure); /* the table itself is damaged: no events of it */
    assay_step_facts facts = assay_facts_init(steps, context, table);
    if (context->model->extract->database != NULL)
        ASSAY_TRY(assay_database_facts_input(&facts, context->project, err));
    else
        ASSAY_TRY(add_globs(&facts, context, err));
    assay_events_start(&facts, table->schema);
    assay_events_fail(&facts, NULL, failure);
    return assay_error_copy(err, failure);
}

assay_status assay_extract_run(assay_steps *steps, const assay_step_context *context,
                               assay_step_result *ret_result, assay_error *err)
{
    struct extract *extract = assay_arena_take(context->arena, 1, sizeof *extract);

    if (context->model->failure != NULL)
        return refuse(steps, context, err);
    if (context->model->extract->database != NULL)
        return assay_database_extract_run(steps, context, ret_result, err);
    ASSAY_TRY(assay_arena_check(extract, err));
    extract->steps = steps;
    extract->context = context;
    extract->result = ret_result;
    ASSAY_TRY(prepare(extract, err));
    if (extract->source.matched == 0 && !extract->table->exists)
        return no_file(&extract->source, err);
    if (extract->source.count > 0)
        return run_needed(extract, err);
    if (extract->state != NULL && assay_step_suite_changed(steps, context, extract->state))
        return assay_step_checks_only(steps, context, extract->table, ret_result, err);
    if (extract->source.matched == 0)
        return skip(extract, ASSAY_SKIP_NO_FILES,
                    assay_arena_format(context->arena, "no file matches '%s'",
                                       first_glob(&extract->source)));
    return skip(extract, ASSAY_SKIP_NO_NEW_DATA, "no new files");
}

assay_status assay_extract_plan(assay_steps *steps, const assay_step_context *context,
                                assay_step_plan *ret_plan, assay_error *err)
{
    struct extract extract = {.steps = steps, .context = context};

    if (context->model->extract->database != NULL)
        return assay_database_extract_plan(steps, context, ret_plan, err);
    ASSAY_TRY(prepare(&extract, err));
    if (extract.source.matched == 0 && !extract.table->exists)
        return no_file(&extract.source, err);
    ret_plan->new_files = (int64_t)extract.source.count;
    ret_plan->will_run = extract.source.count > 0;
    if (ret_plan->will_run) {
        ret_plan->reason =
            assay_arena_format(context->arena, "%zu new file%s", extract.source.count,
                               extract.source.count == 1 ? "" : "s");
        return assay_arena_check(ret_plan->reason, err);
    }
    ret_plan->skip = extract.source.matched == 0 ? ASSAY_SKIP_NO_FILES : ASSAY_SKIP_NO_NEW_DATA;
    ret_plan->reason = extract.source.matched == 0 ? "no file matches" : "no new files";
    if (extract.state != NULL && assay_step_suite_changed(steps, context, extract.state)) {
        ret_plan->will_run = true;
        ret_plan->skip = ASSAY_SKIP_NONE;
        ret_plan->reason = "only the suite changed: checks run again";
    }
    return ASSAY_OK;
}
