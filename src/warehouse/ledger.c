#include "warehouse/ledger.h"

#include "base/str.h"
#include "text/json.h"

#include <stdio.h>
#include <string.h>

/* ---- tables ---- */

enum column_kind { NAME, SHORT_TEXT, TEXT, NUMBER, INSTANT };

struct ledger_column {
    const char *name;
    enum column_kind kind;
};

static const struct ledger_column ledger_columns[] = {
    {"publish_id", NAME}, {"target", TEXT},      {"source_table", TEXT},  {"table_uuid", TEXT},
    {"sequence", NUMBER}, {"snapshot_id", TEXT}, {"mode", SHORT_TEXT},    {"columns", TEXT},
    {"run_id", TEXT},     {"step_id", TEXT},     {"rows_staged", NUMBER}, {"rows_ins", NUMBER},
    {"rows_upd", NUMBER}, {"rows_del", NUMBER},  {"ts", INSTANT},
};

static const struct ledger_column lock_columns[] = {
    {"target", NAME},
    {"holder", TEXT},
    {"ts", INSTANT},
};

static const char *type_of(const assay_dialect *dialect, enum column_kind kind)
{
    switch (kind) {
    case NAME:
    case TEXT:
        return dialect->text;
    case SHORT_TEXT:
        return dialect->short_text;
    case NUMBER:
        return dialect->number;
    case INSTANT:
        return dialect->instant;
    }
    return dialect->text;
}

static void append_own_table(const assay_dialect *dialect, const assay_warehouse_target *target,
                             const char *name, assay_buf *buf)
{
    assay_dialect_schema(dialect, buf, target);
    assay_buf_append_char(buf, '.');
    assay_dialect_own_name(dialect, buf, name);
}

/* Snowflake takes the key as a hint and enforces nothing; the lock is what counts there. */
static void append_create(const assay_dialect *dialect, const assay_warehouse_target *target,
                          const char *name, const struct ledger_column *columns, size_t count,
                          assay_buf *buf)
{
    assay_buf_append_text(buf, "CREATE TABLE IF NOT EXISTS ");
    append_own_table(dialect, target, name, buf);
    for (size_t i = 0; i < count; i++) {
        assay_buf_append_text(buf, i == 0 ? " (" : ", ");
        assay_dialect_own_name(dialect, buf, columns[i].name);
        assay_buf_append_char(buf, ' ');
        assay_buf_append_text(buf, type_of(dialect, columns[i].kind));
        if (columns[i].kind == NAME)
            assay_buf_append_text(buf, " NOT NULL PRIMARY KEY");
    }
    assay_buf_append_char(buf, ')');
}

void assay_ledger_create_sql(const assay_dialect *dialect, const assay_warehouse_target *target,
                             assay_buf *buf)
{
    append_create(dialect, target, ASSAY_WAREHOUSE_LEDGER, ledger_columns,
                  sizeof ledger_columns / sizeof ledger_columns[0], buf);
}

void assay_ledger_create_lock_sql(const assay_dialect *dialect,
                                  const assay_warehouse_target *target, assay_buf *buf)
{
    append_create(dialect, target, ASSAY_WAREHOUSE_LOCK, lock_columns,
                  sizeof lock_columns / sizeof lock_columns[0], buf);
}

static assay_status create(assay_warehouse_session *session, const assay_buf *sql, assay_error *err)
{
    ASSAY_TRY(assay_buf_check(sql, err));
    return assay_session_ensure(session, assay_buf_text(sql), err);
}

static assay_status make_tables(assay_warehouse_session *session,
                                const assay_warehouse_target *target,
                                const assay_server_state *state, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf ledger = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf lock = ASSAY_BUF_EMPTY;

    assay_ledger_create_sql(session->dialect, target, &ledger);
    assay_ledger_create_lock_sql(session->dialect, target, &lock);
    if (!state->ledger)
        ASSAY_TRY(create(session, &ledger, err));
    return state->lock ? ASSAY_OK : create(session, &lock, err);
}

/* ---- statements ---- */

static void append_own(const assay_dialect *dialect, assay_buf *buf, const char *before,
                       const char *name)
{
    assay_buf_append_text(buf, before);
    assay_dialect_own_name(dialect, buf, name);
}

static void append_text_parameter(const assay_dialect *dialect, assay_buf *buf, const char *before,
                                  const char *value)
{
    assay_buf_append_text(buf, before);
    assay_dialect_text(dialect, buf, value);
}

/* " FROM ledger WHERE target = '..'" */
static assay_status append_rows_of(const assay_warehouse_session *session,
                                   const assay_warehouse_target *target, const char *table,
                                   assay_buf *buf, assay_error *err)
{
    const char *text = assay_names_text(session->dialect, target, session->arena);

    ASSAY_TRY(assay_arena_check(text, err));
    append_own_table(session->dialect, target, table, buf);
    append_own(session->dialect, buf, " WHERE ", "target");
    append_text_parameter(session->dialect, buf, " = ", text);
    return ASSAY_OK;
}

/* The target's row of the lock table. Where two insert it at once on a server without keys there
 * are two; the update then takes both. */
static assay_status make_row(assay_warehouse_session *session, const assay_warehouse_target *target,
                             assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_dialect *dialect = session->dialect;
    const char *text = assay_names_text(dialect, target, session->arena);

    ASSAY_TRY(assay_arena_check(text, err));
    assay_buf_append_text(&sql, "INSERT INTO ");
    append_own_table(dialect, target, ASSAY_WAREHOUSE_LOCK, &sql);
    append_own(dialect, &sql, " (", "target");
    append_text_parameter(dialect, &sql, ") SELECT ", text);
    assay_buf_append_text(&sql, " WHERE NOT EXISTS (SELECT 1 FROM ");
    ASSAY_TRY(append_rows_of(session, target, ASSAY_WAREHOUSE_LOCK, &sql, err));
    assay_buf_append_char(&sql, ')');
    return create(session, &sql, err);
}

assay_status assay_ledger_prepare(assay_warehouse_session *session,
                                  const assay_warehouse_target *target,
                                  const assay_server_state *state, assay_error *err)
{
    ASSAY_TRY(make_tables(session, target, state, err));
    return make_row(session, target, err);
}

assay_status assay_ledger_lock(assay_warehouse_session *session,
                               const assay_warehouse_target *target, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_dialect *dialect = session->dialect;
    const char *text = assay_names_text(dialect, target, session->arena);
    int64_t locked = 0;

    ASSAY_TRY(assay_arena_check(text, err));
    assay_buf_append_text(&sql, "UPDATE ");
    append_own_table(dialect, target, ASSAY_WAREHOUSE_LOCK, &sql);
    append_own(dialect, &sql, " SET ", "holder");
    append_text_parameter(dialect, &sql, " = ", session->publish_id);
    append_own(dialect, &sql, ", ", "ts");
    assay_buf_append_format(&sql, " = %s", dialect->now);
    append_own(dialect, &sql, " WHERE ", "target");
    append_text_parameter(dialect, &sql, " = ", text);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_session_run(session, assay_buf_text(&sql), &locked, err));
    if (locked > 0)
        return ASSAY_OK;
    (void)assay_error_set(err, ASSAY_EIO, 7032, "the row of '%s' in the lock table is gone", text);
    if (err != NULL)
        err->retryable = true;
    return ASSAY_EIO;
}

assay_status assay_ledger_find(assay_warehouse_session *session,
                               const assay_warehouse_target *target, assay_ledger_entry *ret_entry,
                               assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_dialect *dialect = session->dialect;
    assay_rows *rows = NULL;
    assay_ledger_entry entry = {.found = false};

    append_own(dialect, &sql, "SELECT ", "rows_staged");
    append_own(dialect, &sql, ", ", "rows_ins");
    append_own(dialect, &sql, ", ", "rows_upd");
    append_own(dialect, &sql, ", ", "rows_del");
    assay_buf_append_text(&sql, " FROM ");
    append_own_table(dialect, target, ASSAY_WAREHOUSE_LEDGER, &sql);
    append_own(dialect, &sql, " WHERE ", "publish_id");
    append_text_parameter(dialect, &sql, " = ", session->publish_id);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_session_query(session, assay_buf_text(&sql), &rows, err));
    if (rows->count > 0) {
        entry.found = true;
        entry.counts = (assay_ledger_counts){.rows = assay_session_int(rows, 0, 0),
                                             .inserted = assay_session_int(rows, 0, 1),
                                             .updated = assay_session_int(rows, 0, 2),
                                             .deleted = assay_session_int(rows, 0, 3)};
    }
    *ret_entry = entry;
    return ASSAY_OK;
}

/* MAX(CASE WHEN "column" = 'text' THEN value END): NULL where no such row is. */
static void append_max(const assay_dialect *dialect, assay_buf *buf, const char *condition,
                       const char *text)
{
    append_own(dialect, buf, "MAX(CASE WHEN ", condition);
    append_text_parameter(dialect, buf, " = ", text);
    assay_buf_append_text(buf, " THEN ");
}

/* CASE WHEN the newest overwrite by another table > the newest publication of `uuid` .. */
static void append_overwritten(const assay_dialect *dialect, assay_buf *buf, const char *uuid)
{
    append_own(dialect, buf, "CASE WHEN MAX(CASE WHEN ", "table_uuid");
    append_text_parameter(dialect, buf, " <> ", uuid);
    append_own(dialect, buf, " AND ", "mode");
    append_text_parameter(dialect, buf, " = ",
                          assay_warehouse_mode_name(ASSAY_WAREHOUSE_OVERWRITE));
    append_own(dialect, buf, " THEN ", "ts");
    assay_buf_append_text(buf, " END) > ");
    append_max(dialect, buf, "table_uuid", uuid);
    append_own(dialect, buf, "", "ts");
    assay_buf_append_text(buf, " END) THEN 1 ELSE 0 END");
}

/* Of several publications of one commit the newest counts. */
static assay_status read_snapshot(assay_warehouse_session *session,
                                  const assay_warehouse_target *target,
                                  assay_warehouse_standing *standing, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_dialect *dialect = session->dialect;
    assay_rows *rows = NULL;

    append_own(dialect, &sql, "SELECT ", "snapshot_id");
    assay_buf_append_text(&sql, " FROM ");
    ASSAY_TRY(append_rows_of(session, target, ASSAY_WAREHOUSE_LEDGER, &sql, err));
    append_own(dialect, &sql, " AND ", "table_uuid");
    append_text_parameter(dialect, &sql, " = ", session->request->snapshot->table_uuid);
    append_own(dialect, &sql, " AND ", "sequence");
    assay_buf_append_format(&sql, " = %lld", (long long)standing->sequence);
    append_own(dialect, &sql, " ORDER BY ", "ts");
    assay_buf_append_text(&sql, " DESC LIMIT 1");
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_session_query(session, assay_buf_text(&sql), &rows, err));
    if (rows->count > 0)
        (void)snprintf(standing->snapshot, sizeof standing->snapshot, "%s",
                       assay_session_text(rows, 0, 0));
    return ASSAY_OK;
}

bool assay_ledger_is_other(const assay_warehouse_standing *standing,
                           const assay_warehouse_snapshot *snapshot)
{
    return standing->sequence == snapshot->sequence && standing->snapshot[0] != '\0' &&
           snapshot->snapshot != NULL && !assay_str_equal(standing->snapshot, snapshot->snapshot);
}

assay_status assay_ledger_standing(assay_warehouse_session *session,
                                   const assay_warehouse_target *target,
                                   assay_warehouse_standing *ret_standing, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_dialect *dialect = session->dialect;
    const char *uuid = session->request->snapshot->table_uuid;
    assay_rows *rows = NULL;

    assay_buf_append_text(&sql, "SELECT ");
    append_max(dialect, &sql, "publish_id", session->publish_id);
    assay_buf_append_text(&sql, "1 ELSE 0 END), ");
    append_max(dialect, &sql, "table_uuid", uuid);
    assay_buf_append_text(&sql, "1 ELSE 0 END), ");
    append_max(dialect, &sql, "table_uuid", uuid);
    append_own(dialect, &sql, "", "sequence");
    assay_buf_append_text(&sql, " END), ");
    append_max(dialect, &sql, "table_uuid", uuid);
    assay_buf_append_text(&sql, "0 ELSE 1 END), ");
    append_overwritten(dialect, &sql, uuid);
    assay_buf_append_text(&sql, " FROM ");
    ASSAY_TRY(append_rows_of(session, target, ASSAY_WAREHOUSE_LEDGER, &sql, err));
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_session_query(session, assay_buf_text(&sql), &rows, err));
    if (rows->count != 1 || rows->column_count != 5)
        return assay_error_set(err, ASSAY_EINTERNAL, 9001, "the ledger gives no answer");
    *ret_standing =
        (assay_warehouse_standing){.published = assay_session_int(rows, 0, 0) != 0,
                                   .any = assay_session_int(rows, 0, 1) != 0,
                                   .sequence = assay_session_int(rows, 0, 2),
                                   .of_another_table = assay_session_int(rows, 0, 3) != 0,
                                   .overwritten = assay_session_int(rows, 0, 4) != 0};
    if (ret_standing->any)
        return read_snapshot(session, target, ret_standing, err);
    ret_standing->sequence = ASSAY_WAREHOUSE_BEGINNING;
    return ASSAY_OK;
}

/* ---- columns ---- */

static assay_status add_columns(const char *json, assay_arena *arena, assay_vec *names,
                                assay_error *err)
{
    assay_value *list = NULL;

    /* A row that somebody else wrote or changed is not ours to judge. */
    if (assay_json_parse(json, strlen(json), "ledger", arena, &list, NULL) != ASSAY_OK ||
        list->kind != ASSAY_VALUE_LIST)
        return ASSAY_OK;
    for (size_t i = 0; i < list->count; i++) {
        const char *name = list->items[i]->text;
        bool known = name == NULL;
        for (size_t k = 0; k < names->count && !known; k++)
            known = assay_str_equal(*(const char **)assay_vec_at(names, k), name);
        if (!known)
            ASSAY_TRY(assay_vec_push(names, &name, err));
    }
    return ASSAY_OK;
}

assay_status assay_ledger_columns(assay_warehouse_session *session,
                                  const assay_warehouse_target *target, const char ***ret_names,
                                  size_t *ret_count, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_vec_done) assay_vec names = ASSAY_VEC_OF(const char *);
    assay_rows *rows = NULL;

    append_own(session->dialect, &sql, "SELECT DISTINCT ", "columns");
    assay_buf_append_text(&sql, " FROM ");
    ASSAY_TRY(append_rows_of(session, target, ASSAY_WAREHOUSE_LEDGER, &sql, err));
    append_own(session->dialect, &sql, " AND ", "source_table");
    append_text_parameter(session->dialect, &sql, " = ", session->request->snapshot->table);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_session_query(session, assay_buf_text(&sql), &rows, err));
    for (size_t i = 0; i < rows->count; i++)
        ASSAY_TRY(add_columns(assay_session_text(rows, i, 0), session->arena, &names, err));
    return assay_vec_to_arena(&names, session->arena, ret_names, ret_count, err);
}

static void write_columns(const assay_mapping *mapping, assay_buf *buf)
{
    assay_json_writer writer = assay_json_writer_init(buf);

    assay_json_begin_list(&writer);
    for (size_t i = 0; i < mapping->count; i++)
        assay_json_text(&writer, mapping->columns[i].name);
    if (mapping->is_deleted != NULL) {
        assay_json_text(&writer, mapping->is_deleted);
        assay_json_text(&writer, mapping->deleted_at);
    }
    assay_json_end_list(&writer);
}

/* ---- the row ---- */

static void append_names(const assay_dialect *dialect, assay_buf *buf)
{
    for (size_t i = 0; i < sizeof ledger_columns / sizeof ledger_columns[0]; i++)
        append_own(dialect, buf, i == 0 ? " (" : ", ", ledger_columns[i].name);
    assay_buf_append_char(buf, ')');
}

static void append_values(const assay_warehouse_session *session, const char *target,
                          const char *columns, const assay_ledger_counts *counts, assay_buf *buf)
{
    const assay_dialect *dialect = session->dialect;
    const assay_warehouse_request *request = session->request;
    const assay_warehouse_snapshot *snapshot = request->snapshot;

    append_text_parameter(dialect, buf, " VALUES (", session->publish_id);
    append_text_parameter(dialect, buf, ", ", target);
    append_text_parameter(dialect, buf, ", ", snapshot->table);
    append_text_parameter(dialect, buf, ", ", snapshot->table_uuid);
    assay_buf_append_format(buf, ", %lld", (long long)snapshot->sequence);
    append_text_parameter(dialect, buf, ", ", snapshot->snapshot);
    append_text_parameter(dialect, buf, ", ",
                          assay_warehouse_mode_name(request->publication->mode));
    append_text_parameter(dialect, buf, ", ", columns);
    append_text_parameter(dialect, buf, ", ", request->run_id);
    append_text_parameter(dialect, buf, ", ", request->step_id);
    assay_buf_append_format(buf, ", %lld, %lld, %lld, %lld, %s)", (long long)counts->rows,
                            (long long)counts->inserted, (long long)counts->updated,
                            (long long)counts->deleted, dialect->now);
}

assay_status assay_ledger_forget(assay_warehouse_session *session,
                                 const assay_warehouse_target *target, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&sql, "DELETE FROM ");
    append_own_table(session->dialect, target, ASSAY_WAREHOUSE_LEDGER, &sql);
    append_own(session->dialect, &sql, " WHERE ", "publish_id");
    append_text_parameter(session->dialect, &sql, " = ", session->publish_id);
    ASSAY_TRY(assay_buf_check(&sql, err));
    return assay_session_run(session, assay_buf_text(&sql), NULL, err);
}

assay_status assay_ledger_write(assay_warehouse_session *session,
                                const assay_warehouse_target *target, const assay_mapping *mapping,
                                const assay_ledger_counts *counts, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf columns = ASSAY_BUF_EMPTY;
    const char *text = assay_names_text(session->dialect, target, session->arena);

    ASSAY_TRY(assay_arena_check(text, err));
    write_columns(mapping, &columns);
    ASSAY_TRY(assay_buf_check(&columns, err));
    assay_buf_append_text(&sql, "INSERT INTO ");
    append_own_table(session->dialect, target, ASSAY_WAREHOUSE_LEDGER, &sql);
    append_names(session->dialect, &sql);
    append_values(session, text, assay_buf_text(&columns), counts, &sql);
    ASSAY_TRY(assay_buf_check(&sql, err));
    return assay_session_run(session, assay_buf_text(&sql), NULL, err);
}
