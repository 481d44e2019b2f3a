#include "warehouse/session.h"

#include "base/str.h"
#include "text/json.h"

/* ---- who asks ---- */

static void write_tag(const assay_warehouse_session *session, const char *step, assay_buf *buf)
{
    assay_json_writer writer = assay_json_writer_init(buf);

    assay_json_begin_map(&writer);
    assay_json_key(&writer, "app");
    assay_json_text(&writer, "assay");
    assay_json_key(&writer, "table");
    assay_json_text(&writer, session->request->snapshot->table);
    if (session->request->run_id != NULL) {
        assay_json_key(&writer, "run_id");
        assay_json_text(&writer, session->request->run_id);
    }
    assay_json_key(&writer, "publish_id");
    assay_json_text(&writer, session->publish_id);
    assay_json_key(&writer, "step");
    assay_json_text(&writer, step);
    assay_json_end_map(&writer);
}

static assay_status set_tag(assay_warehouse_session *session, const char *step, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf tag = ASSAY_BUF_EMPTY;

    write_tag(session, step, &tag);
    ASSAY_TRY(assay_buf_check(&tag, err));
    return assay_adbc_set_query_tag(session->adbc, assay_buf_text(&tag), err);
}

/* PostgreSQL has no tags: its application_name says who it is, cut by the server at 63 bytes. */
static assay_status set_application(assay_warehouse_session *session, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf name = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_format(&name, "assay %s %s", session->publish_id,
                            session->request->snapshot->table);
    assay_buf_append_text(&sql, "SET application_name = ");
    assay_dialect_text(session->dialect, &sql, assay_buf_text(&name));
    ASSAY_TRY(assay_buf_check(&name, err));
    ASSAY_TRY(assay_buf_check(&sql, err));
    return assay_session_run(session, assay_buf_text(&sql), NULL, err);
}

/* ---- open and close ---- */

static assay_status set_up(assay_warehouse_session *session, assay_error *err)
{
    if (session->dialect->has_tags)
        ASSAY_TRY(set_tag(session, "begin", err));
    for (const char *const *sql = session->dialect->session; *sql != NULL; sql++)
        ASSAY_TRY(assay_session_run(session, *sql, NULL, err));
    return session->dialect->has_tags ? ASSAY_OK : set_application(session, err);
}

assay_status assay_session_open(const assay_warehouse_request *request, const char *publish_id,
                                assay_arena *arena, assay_warehouse_session *ret_session,
                                assay_error *err)
{
    ASSAY_AUTO(assay_session_done)
    assay_warehouse_session session = {.dialect = assay_dialect_of(request->connection->kind),
                                       .request = request,
                                       .publish_id = publish_id,
                                       .arena = arena,
                                       .queries = ASSAY_VEC_OF(assay_warehouse_query)};

    ASSAY_TRY(assay_adbc_open(&(assay_adbc_request){.connection = request->connection,
                                                    .secrets = request->secrets,
                                                    .cancel = request->cancel,
                                                    .log = request->log,
                                                    .driver_dirs = request->driver_dirs},
                              &session.adbc, err));
    ASSAY_TRY(set_up(&session, err));
    *ret_session = session;
    session.adbc = NULL;
    session.queries = ASSAY_VEC_OF(assay_warehouse_query);
    return ASSAY_OK;
}

void assay_session_done(assay_warehouse_session *session)
{
    assay_adbc_close(session->adbc);
    session->adbc = NULL;
    assay_vec_done(&session->queries);
}

/* ---- statements ---- */

assay_status assay_session_step(assay_warehouse_session *session, const char *step,
                                assay_error *err)
{
    const assay_warehouse_request *request = session->request;

    if (request->phase != NULL)
        request->phase(request->phase_user, step);
    ASSAY_TRY(assay_cancel_check(request->cancel, err));
    return session->dialect->has_tags ? set_tag(session, step, err) : ASSAY_OK;
}

assay_status assay_session_run(assay_warehouse_session *session, const char *sql,
                               int64_t *ret_affected, assay_error *err)
{
    int64_t affected = 0;

    ASSAY_TRY(assay_adbc_execute(session->adbc, sql, &affected, err));
    if (ret_affected != NULL)
        *ret_affected = affected > 0 ? affected : 0;
    return ASSAY_OK;
}

assay_status assay_session_ensure(assay_warehouse_session *session, const char *sql,
                                  assay_error *err)
{
    assay_error failure = {0};
    assay_status status = assay_session_run(session, sql, NULL, &failure);

    /* Who waited for a lock would wait for it twice. */
    bool final = status == ASSAY_ETIMEOUT || status == ASSAY_ECONFLICT ||
                 status == ASSAY_ECANCELLED || status == ASSAY_EUNKNOWN_OUTCOME;

    if (status == ASSAY_OK)
        return ASSAY_OK;
    return final ? assay_error_copy(err, &failure) : assay_session_run(session, sql, NULL, err);
}

assay_status assay_session_note(assay_warehouse_session *session, const char *step,
                                assay_error *err)
{
    const char *id = NULL;

    if (!session->dialect->has_tags)
        return ASSAY_OK;
    ASSAY_TRY(assay_adbc_query_id(session->adbc, session->arena, &id, err));
    if (id == NULL)
        return ASSAY_OK;
    return assay_vec_push(&session->queries, &(assay_warehouse_query){step, id}, err);
}

assay_status assay_session_count(assay_warehouse_session *session, const char *step,
                                 const char *sql, int64_t *ret_affected, assay_error *err)
{
    ASSAY_TRY(assay_session_run(session, sql, ret_affected, err));
    return assay_session_note(session, step, err);
}

assay_status assay_session_query(assay_warehouse_session *session, const char *sql,
                                 assay_rows **ret_rows, assay_error *err)
{
    return assay_adbc_query(session->adbc, sql, 0, session->arena, ret_rows, err);
}

/* ---- cells ---- */

int64_t assay_session_int(const assay_rows *rows, size_t row, size_t column)
{
    const assay_value *cell = rows->cells[row][column];
    int64_t value = 0;

    switch (cell->kind) {
    case ASSAY_VALUE_INT:
        return cell->integer;
    case ASSAY_VALUE_BOOL:
        return cell->boolean;
    case ASSAY_VALUE_REAL:
    case ASSAY_VALUE_TEXT:
        if (cell->text != NULL && assay_str_to_int64(cell->text, &value))
            return value;
        return cell->kind == ASSAY_VALUE_REAL ? (int64_t)cell->real : 0;
    case ASSAY_VALUE_NULL:
    case ASSAY_VALUE_LIST:
    case ASSAY_VALUE_MAP:
        return 0;
    }
    return 0;
}

const char *assay_session_text(const assay_rows *rows, size_t row, size_t column)
{
    const assay_value *cell = rows->cells[row][column];

    return cell->text != NULL ? cell->text : "";
}
