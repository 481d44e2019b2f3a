#include "steps/quarantine.h"

#include <inttypes.h>
#include <string.h>

#include "base/map.h"
#include "base/path.h"
#include "base/str.h"
#include "steps/write.h"
#include "table/commit.h"

static const char *const columns[] = {
    ASSAY_QUARANTINE_RULES,  ASSAY_QUARANTINE_REASON, ASSAY_QUARANTINE_RUN,  ASSAY_QUARANTINE_STEP,
    ASSAY_QUARANTINE_ROW,    ASSAY_QUARANTINE_TIME,   ASSAY_QUARANTINE_PATH, ASSAY_QUARANTINE_INPUT,
    ASSAY_QUARANTINE_RECORD, ASSAY_QUARANTINE_FORMAT,
};

enum { UUID_LENGTH = 36 };

bool assay_quarantine_is_column(const char *name)
{
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        if (assay_str_equal_ci(columns[i], name))
            return true;
    return false;
}

char *assay_quarantine_name(const char *table, assay_arena *arena)
{
    char *name = assay_arena_format(arena, "quarantine.%s", table);
    char *dot = name != NULL ? strchr(name + strlen("quarantine."), '.') : NULL;

    if (dot != NULL)
        *dot = '_';
    return name;
}

/* One commit to a quarantine table. */
struct committing {
    const assay_write *write;
    const assay_split *split;
    assay_table *table; /* the quarantine table */
    const char *select;
    assay_schema *schema;
    assay_partition_spec *spec;
    bool replaced; /* its columns cannot become the new ones: all its files leave */
    assay_stage_result stage;
    assay_data_file *removed;
    size_t removed_count;
};

/* ---- the rows ---- */

/* "bronze.orders@8134,.." of a model's inputs. */
static void append_inputs(const assay_write *write, assay_buf *buf)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;

    for (size_t i = 0; i < write->state.input_count; i++)
        assay_buf_append_format(&text, "%s%s@%" PRId64, i > 0 ? "," : "",
                                write->state.inputs[i].table, write->state.inputs[i].snapshot_id);
    buf->failed = buf->failed || text.failed;
    assay_buf_append_text(buf, "CAST(");
    assay_sql_append_text(buf, text.size > 0 ? text.data : NULL);
    assay_buf_append_text(buf, " AS VARCHAR)");
}

static void append_constant(assay_buf *buf, const char *text, const char *name)
{
    assay_sql_append_text(buf, text);
    assay_buf_append_format(buf, " AS %s, ", name);
}

static assay_status make_select(struct committing *committing, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_write *write = committing->write;
    const assay_project *project = write->steps->project;
    char time[ASSAY_TIME_TEXT_SIZE];

    assay_time_format_sql(write->now_us, time);
    assay_buf_append_text(&sql, "SELECT * EXCLUDE (__assay_rules, __assay_record, "
                                "__assay_record_format, __assay_reason), "
                                "list_transform(__assay_rules, lambda r: [");
    for (size_t i = 0; i < committing->split->count; i++) {
        assay_buf_append_text(&sql, i > 0 ? ", " : "");
        assay_sql_append_text(&sql, committing->split->rules[i].name);
    }
    assay_buf_append_text(&sql, "][r + 1]) AS " ASSAY_QUARANTINE_RULES
                                ", __assay_reason AS " ASSAY_QUARANTINE_REASON ", ");
    append_constant(&sql, write->run_id, ASSAY_QUARANTINE_RUN);
    append_constant(&sql, write->step_id, ASSAY_QUARANTINE_STEP);
    assay_buf_append_format(&sql,
                            "row_number() OVER () - 1 AS " ASSAY_QUARANTINE_ROW
                            ", TIMESTAMPTZ '%s+00' AS " ASSAY_QUARANTINE_TIME ", ",
                            time);
    append_constant(&sql, assay_path_relative(project->root, committing->table->location),
                    ASSAY_QUARANTINE_PATH);
    append_inputs(write, &sql);
    assay_buf_append_text(&sql, " AS " ASSAY_QUARANTINE_INPUT
                                ", __assay_record AS " ASSAY_QUARANTINE_RECORD
                                ", __assay_record_format AS " ASSAY_QUARANTINE_FORMAT
                                " FROM " ASSAY_SPLIT_ROWS);
    ASSAY_TRY(assay_buf_check(&sql, err));
    committing->select = assay_arena_text(write->arena, sql.data);
    return assay_arena_check(committing->select, err);
}

/* ---- its columns ---- */

static assay_status check_names(const assay_write *write, const assay_column *found, size_t count,
                                assay_error *err)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (assay_str_equal_ci(found[i].name, found[k].name))
                return assay_error_set(err, ASSAY_EDATA, 2215,
                                       "table '%s' has a column '%s', a name that its quarantine "
                                       "table gives itself",
                                       write->table, found[k].name);
    return ASSAY_OK;
}

static assay_status resolve_schema(struct committing *committing, assay_error *err)
{
    const assay_write *write = committing->write;
    const assay_table *table = committing->table;
    assay_column *found = NULL;
    size_t count = 0;
    assay_schema *incoming = NULL;
    assay_error refused = {0};
    bool changed = false;

    ASSAY_TRY(
        assay_conn_describe(write->conn, committing->select, write->arena, &found, &count, err));
    ASSAY_TRY(check_names(write, found, count, err));
    ASSAY_TRY(assay_schema_from_columns(found, count, write->arena, &incoming, err));
    ASSAY_TRY(assay_partition_parse(NULL, 0, incoming, write->arena, &committing->spec, err));
    committing->schema = incoming;
    if (!table->exists || table->schema == NULL)
        return ASSAY_OK;
    if (assay_schema_merge(table->schema, incoming, ASSAY_SCHEMA_EVOLVE, write->arena,
                           &committing->schema, &changed, &refused) == ASSAY_OK)
        return ASSAY_OK;
    /* a column got another type, which only a rebuild of the table does: what was put aside before
     * is of no use to it */
    committing->replaced = true;
    return assay_schema_merge(table->schema, incoming, ASSAY_SCHEMA_REPLACE, write->arena,
                              &committing->schema, &changed, err);
}

/* ---- files that leave ---- */

/* Steps whose rows count in the table as it is, or would after a rollback to a snapshot that is
 * still there: those that such a snapshot was committed by, and those that counted in the oldest.
 */
struct counted {
    const assay_table *base;
    assay_quarantine_entry *now, *oldest;
    size_t now_count, oldest_count;
};

static bool names_step(const assay_quarantine_entry *entries, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strncmp(entries[i].step, name, UUID_LENGTH) == 0)
            return true;
    return false;
}

/* Files are named after the step that wrote them. */
static bool counts(const struct counted *counted, const char *path)
{
    const char *name = assay_path_base(path);

    if (strlen(name) <= UUID_LENGTH || name[UUID_LENGTH] != '-')
        return true; /* not of a step: somebody else has written it */
    for (size_t i = 0; i < counted->base->snapshot_count; i++) {
        const char *step = counted->base->snapshots[i].run_id;
        if (step != NULL && strncmp(step, name, UUID_LENGTH) == 0)
            return true;
    }
    return names_step(counted->now, counted->now_count, name) ||
           names_step(counted->oldest, counted->oldest_count, name);
}

static assay_status find_counted(const assay_write *write, struct counted *counted,
                                 assay_error *err)
{
    const assay_table *base = write->base;
    assay_store *store = write->steps->env->store;
    assay_state_file *state = NULL;
    assay_state_file *oldest = NULL;
    int foreign = 0;

    *counted = (struct counted){.base = base};
    if (!base->exists)
        return ASSAY_OK;
    ASSAY_TRY(assay_state_file_current(base, store, write->arena, &state, &foreign, err));
    ASSAY_TRY(
        assay_quarantine_entries(state, write->arena, &counted->now, &counted->now_count, err));
    if (base->snapshot_count < 2 || base->snapshots[0].state_path == NULL)
        return ASSAY_OK;
    ASSAY_TRY(assay_state_file_load(base->location, base->snapshots[0].state_path, store,
                                    write->arena, &oldest, err));
    return assay_quarantine_entries(oldest, write->arena, &counted->oldest, &counted->oldest_count,
                                    err);
}

static assay_status find_removed(struct committing *committing, assay_error *err)
{
    const assay_write *write = committing->write;
    assay_published_rows rows = {0};
    struct counted counted;

    if (!committing->table->exists)
        return ASSAY_OK;
    ASSAY_TRY(find_counted(write, &counted, err));
    ASSAY_TRY(
        assay_published_at(committing->table, -1, write->steps->env, write->arena, &rows, err));
    committing->removed =
        assay_arena_take(write->arena, rows.count + 1, sizeof *committing->removed);
    ASSAY_TRY(assay_arena_check(committing->removed, err));
    for (size_t i = 0; i < rows.count; i++)
        if (!counts(&counted, rows.files[i].path))
            committing->removed[committing->removed_count++] = rows.files[i];
    return ASSAY_OK;
}

/* ---- the commit ---- */

static assay_change_kind kind_of(const struct committing *committing)
{
    if (committing->replaced)
        return ASSAY_CHANGE_REPLACE;
    return committing->removed_count > 0 ? ASSAY_CHANGE_OVERWRITE : ASSAY_CHANGE_APPEND;
}

static assay_status publish(struct committing *committing, assay_error *err)
{
    const assay_write *write = committing->write;
    const assay_step_env *env = write->steps->env;
    const assay_gate_verdict verdict = {.open = true, .text = "quarantine"};
    const assay_commit_env commit_env =
        assay_published_commit_env(write->steps->project, env, committing->table);
    const assay_snapshot *snapshot = NULL;
    assay_commit_request request = {.base = committing->table,
                                    .stage_id = write->step_id,
                                    .store = env->store,
                                    .conn = write->conn};

    request.change = (assay_change){.kind = kind_of(committing),
                                    .schema = committing->schema,
                                    .spec = committing->spec,
                                    .added = committing->stage.files,
                                    .added_count = committing->stage.count,
                                    .removed = committing->removed,
                                    .removed_count = committing->removed_count,
                                    .run_id = write->step_id};
    request.state.run_id = write->run_id;
    request.state.step_run_id = write->step_id;
    request.state.rows = committing->stage.rows;
    assay_gate_token *token =
        assay_gate_open(&verdict, committing->table->name, write->step_id, write->arena);
    ASSAY_TRY(assay_arena_check(token, err));
    return assay_table_commit(&request, token, &commit_env, write->arena, &snapshot, err);
}

static assay_status stage(struct committing *committing, assay_error *err)
{
    const assay_write *write = committing->write;
    const assay_stage_request request = {.table = committing->table,
                                         .schema = committing->schema,
                                         .spec = committing->spec,
                                         .select = committing->select,
                                         .stage_id = write->step_id};

    return assay_stage_write(write->conn, &request, write->arena, &committing->stage, err);
}

/* Models are held against each other when they are compiled; here a table without one. */
static assay_status check_alone(const assay_write *write, const char *name, assay_error *err)
{
    const assay_model *twin = assay_project_quarantine_twin(write->steps->project, write->table);

    if (twin == NULL)
        return ASSAY_OK;
    return assay_error_set(err, ASSAY_ECONFIG, 2216,
                           "'%s' and '%s' would share the quarantine table '%s': rename one",
                           write->table, twin->name, name);
}

assay_status assay_quarantine_commit(const assay_write *write, const assay_split *split,
                                     const assay_table **ret_table, assay_error *err)
{
    struct committing committing = {.write = write, .split = split};
    const char *name = assay_quarantine_name(write->table, write->arena);

    ASSAY_TRY(assay_arena_check(name, err));
    ASSAY_TRY(check_alone(write, name, err));
    ASSAY_TRY(assay_published_load(write->steps->project, write->steps->env, write->conn, name,
                                   write->arena, &committing.table, err));
    ASSAY_TRY(make_select(&committing, err));
    ASSAY_TRY(resolve_schema(&committing, err));
    ASSAY_TRY(find_removed(&committing, err));
    ASSAY_TRY(stage(&committing, err));
    assay_status status = publish(&committing, err);
    *ret_table = committing.table;
    if (status == ASSAY_OK)
        return ASSAY_OK;
    if (status != ASSAY_EUNKNOWN_OUTCOME)
        assay_stage_discard(&committing.stage);
    return assay_error_wrap_status(err, status, "writing to '%s'", name);
}

/* Does anything lie at the table's place? Parquet tables stage in the hidden folder beside it. */
static assay_status has_folder(const char *location, assay_arena *arena, bool *ret_has,
                               assay_error *err)
{
    const char *folder = assay_path_dir(arena, location);
    const char *hidden =
        folder != NULL ? assay_arena_format(arena, "%s/.%s", folder, assay_path_base(location))
                       : NULL;
    assay_path_info plain;
    assay_path_info beside;

    ASSAY_TRY(assay_arena_check(hidden, err));
    ASSAY_TRY(assay_path_stat(location, &plain, err));
    ASSAY_TRY(assay_path_stat(hidden, &beside, err));
    *ret_has = plain.exists || beside.exists;
    return ASSAY_OK;
}

assay_status assay_quarantine_discard_left(const assay_project *project, const assay_step_env *env,
                                           assay_conn *conn, const char *table, const char *step_id,
                                           assay_arena *arena, assay_error *err)
{
    const char *name = assay_quarantine_name(table, arena);
    assay_table *quarantine = NULL;

    ASSAY_TRY(assay_arena_check(name, err));
    ASSAY_TRY(assay_published_load(project, env, conn, name, arena, &quarantine, err));
    for (size_t i = 0; i < quarantine->snapshot_count; i++)
        if (assay_str_equal(quarantine->snapshots[i].run_id, step_id))
            return ASSAY_OK; /* committed: its files are found by the next commit */
    bool begun = false;
    ASSAY_TRY(has_folder(quarantine->location, arena, &begun, err));
    return begun ? assay_stage_discard_left(quarantine, step_id, err) : ASSAY_OK;
}
