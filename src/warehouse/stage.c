#include "warehouse/stage.h"

#include "base/path.h"
#include "warehouse/stage_files.h"

/* ---- leftovers ---- */

static void drop_table(assay_warehouse_session *session, const assay_warehouse_target *target,
                       const char *name)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&sql, "DROP TABLE IF EXISTS ");
    assay_dialect_table(session->dialect, &sql, target, name);
    if (sql.failed)
        return;
    assay_status status = assay_session_run(session, assay_buf_text(&sql), NULL, NULL);
    if (status != ASSAY_OK)
        assay_log_write(session->request->log, ASSAY_LOG_DEBUG, "staging table '%s' stays", name);
}

static bool is_left(const char *name, const assay_stage_owner *self)
{
    assay_stage_owner owner;

    return assay_names_parse_stage(name, &owner) && assay_names_is_left(&owner, self);
}

static void clean_folders(const assay_warehouse_request *request, const assay_stage_owner *self,
                          assay_arena *arena)
{
    char **names = NULL;
    size_t count = 0;

    if (request->temp_dir == NULL ||
        assay_path_list(request->temp_dir, arena, &names, &count, NULL) != ASSAY_OK)
        return;
    for (size_t i = 0; i < count; i++) {
        const char *path = assay_path_join(arena, request->temp_dir, names[i]);
        if (path == NULL || !is_left(names[i], self))
            continue;
        assay_status status = assay_path_remove_tree(path, NULL);
        (void)status;
    }
}

void assay_stages_clean(assay_warehouse_session *session, const assay_warehouse_target *target,
                        const assay_server_state *state)
{
    const assay_warehouse_request *request = session->request;
    assay_stage_owner self = assay_names_owner(&request->clock, &request->random);

    for (size_t i = 0; i < state->stage_count; i++)
        if (is_left(state->stages[i], &self))
            drop_table(session, target, state->stages[i]);
    clean_folders(request, &self, session->arena);
}

/* ---- the table ---- */

static void append_column(assay_buf *buf, const char *before, const char *name, const char *type)
{
    assay_buf_append_text(buf, before);
    assay_sql_append_name(buf, name);
    assay_buf_append_char(buf, ' ');
    assay_buf_append_text(buf, type);
}

void assay_stages_create_sql(const assay_mapping *mapping, const assay_warehouse_target *target,
                             const char *name, assay_buf *buf)
{
    const assay_dialect *dialect = mapping->dialect;

    assay_buf_append_text(buf, "CREATE ");
    assay_buf_append_text(buf, dialect->stage_kind);
    assay_buf_append_text(buf, "TABLE ");
    assay_dialect_table(dialect, buf, target, name);
    for (size_t i = 0; i < mapping->count; i++)
        append_column(buf, i == 0 ? " (" : ", ", mapping->columns[i].name,
                      mapping->columns[i].wire);
    if (mapping->op_column != NULL) {
        append_column(buf, ", ", mapping->is_deleted, dialect->boolean);
        append_column(buf, ", ", mapping->deleted_at, dialect->instant);
    }
    assay_buf_append_char(buf, ')');
    assay_buf_append_text(buf, dialect->stage_options);
}

assay_status assay_stages_create(assay_warehouse_session *session,
                                 const assay_warehouse_target *target, const assay_mapping *mapping,
                                 assay_stage_table *ret_stage, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_warehouse_request *request = session->request;
    assay_stage_owner owner = assay_names_owner(&request->clock, &request->random);
    assay_stage_table stage = {.folder = NULL};

    stage.name = assay_names_stage(session->dialect, target->table, session->publish_id, &owner,
                                   session->arena);
    ASSAY_TRY(assay_arena_check(stage.name, err));
    if (session->dialect->by_files) {
        stage.folder = assay_path_join(session->arena, request->temp_dir, stage.name);
        ASSAY_TRY(assay_arena_check(stage.folder, err));
    }
    assay_stages_create_sql(mapping, target, stage.name, &sql);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_session_run(session, assay_buf_text(&sql), NULL, err));
    *ret_stage = stage;
    return ASSAY_OK;
}

void assay_stages_drop(assay_warehouse_session *session, const assay_warehouse_target *target,
                       const assay_stage_table *stage)
{
    drop_table(session, target, stage->name);
}

/* ---- rows ---- */

static assay_status ingest(assay_warehouse_session *session, const assay_warehouse_target *target,
                           const char *stage, const char *select, int64_t *ret_rows,
                           assay_error *err)
{
    struct ArrowArrayStream stream = {0};
    assay_adbc_target into = {.schema = target->schema,
                              .table = stage,
                              .mode = ASSAY_ADBC_INGEST_APPEND};

    ASSAY_TRY(assay_conn_query_stream(session->request->conn, select, &stream, err));
    return assay_adbc_ingest(session->adbc, &into, &stream, ret_rows, err);
}

assay_status assay_stages_load(assay_warehouse_session *session,
                               const assay_warehouse_target *target, const assay_stage_table *stage,
                               const char *select, int64_t *ret_rows, assay_error *err)
{
    if (!session->dialect->by_files)
        return ingest(session, target, stage->name, select, ret_rows, err);
    assay_status status = assay_stage_files_load(session, target, stage, select, ret_rows, err);
    assay_status removed = assay_path_remove_tree(stage->folder, NULL);
    (void)removed;
    return status;
}
