#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "adbc/adbc.h"
#include "base/str.h"
#include "engine/stream.h"
#include "source/database.h"

/* Snowflake through its ADBC driver: rows come as an Arrow stream that the engine reads while it
 * writes. Each reading has a connection of its own, since a connection gives one stream at a
 * time; statements of Snowflake see what was committed when they began. */

enum { READINGS_MAX = 4, NAMES_SEARCHED_MAX = 10000 };

/* One SELECT that the engine reads as a table. */
struct remote {
    assay_database *database;
    const char *sql;
    assay_adbc *adbc; /* while it is read */
    assay_stream *stream;
    assay_error failed; /* why it could not begin; code ASSAY_OK = it could */
};

struct snowflake {
    assay_adbc *adbc; /* for questions */
    struct remote remotes[READINGS_MAX];
    size_t count;
};

static struct snowflake *data_of(const assay_database *database)
{
    return database->data;
}

static assay_status connect(const assay_database *database, assay_adbc **ret_adbc, assay_error *err)
{
    const assay_adbc_request request = {.connection = database->connection,
                                        .secrets = database->env->secrets,
                                        .cancel = database->env->cancel,
                                        .log = database->env->log,
                                        .query_tag = "assay"};
    assay_error why = {0};

    if (assay_adbc_open(&request, ret_adbc, &why) == ASSAY_OK)
        return ASSAY_OK;
    assay_error_place(&why, assay_database_place(database));
    return assay_error_copy(err, &why);
}

/* ---- open, close, query ---- */

/* So that texts of values mean the same whatever the account's settings are. */
static const char session_settings[] =
    "ALTER SESSION SET TIMEZONE = 'UTC', DATE_OUTPUT_FORMAT = 'YYYY-MM-DD', "
    "TIMESTAMP_OUTPUT_FORMAT "
    "= 'YYYY-MM-DD HH24:MI:SS.FF9TZH:TZM', TIMESTAMP_NTZ_OUTPUT_FORMAT = 'YYYY-MM-DD "
    "HH24:MI:SS.FF9', TIMESTAMP_LTZ_OUTPUT_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF9TZH:TZM', "
    "TIMESTAMP_TZ_OUTPUT_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF9TZH:TZM', TIME_OUTPUT_FORMAT = "
    "'HH24:MI:SS.FF9'";

static assay_status snowflake_open(assay_database *database, assay_error *err)
{
    struct snowflake *data = assay_arena_take(database->arena, 1, sizeof *data);

    ASSAY_TRY(assay_arena_check(data, err));
    database->data = data;
    ASSAY_TRY(connect(database, &data->adbc, err));
    return assay_adbc_execute(data->adbc, session_settings, NULL, err);
}

static void snowflake_close(assay_database *database)
{
    struct snowflake *data = data_of(database);

    if (data == NULL)
        return;
    for (size_t i = 0; i < data->count; i++) {
        assay_conn_close_stream(data->remotes[i].stream);
        assay_adbc_close(data->remotes[i].adbc);
    }
    assay_adbc_close(data->adbc);
    database->data = NULL;
}

static assay_status snowflake_query(assay_database *database, const char *sql, size_t limit,
                                    assay_rows **ret_rows, assay_error *err)
{
    assay_error why = {0};

    if (assay_adbc_query(data_of(database)->adbc, sql, limit, database->arena, ret_rows, &why) ==
        ASSAY_OK)
        return ASSAY_OK;
    assay_error_place(&why, assay_database_place(database));
    return assay_error_copy(err, &why);
}

/* ---- the table ---- */

static assay_status no_table(assay_database *database, const char *schema, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const char *given = database->source->table.text;
    assay_rows *rows = NULL;

    assay_buf_append_format(&sql,
                            "SELECT CAST(%sTABLE_NAME AS text) AS NAME FROM "
                            "INFORMATION_SCHEMA.TABLES%s",
                            strchr(given, '.') != NULL ? "TABLE_SCHEMA || '.' || " : "",
                            strchr(given, '.') != NULL ? "" : " WHERE TABLE_SCHEMA = ");
    if (strchr(given, '.') == NULL)
        assay_sql_append_text(&sql, schema);
    assay_buf_append_format(&sql, " ORDER BY 1 LIMIT %d", NAMES_SEARCHED_MAX);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(snowflake_query(database, sql.data, 0, &rows, err));
    const char **names = assay_arena_take(database->arena, rows->count + 1, sizeof *names);
    ASSAY_TRY(assay_arena_check(names, err));
    for (size_t i = 0; i < rows->count; i++)
        names[i] = rows->cells[i][0]->text;
    char *upper = assay_arena_text(database->arena, given);
    ASSAY_TRY(assay_arena_check(upper, err));
    for (char *at = upper; *at != '\0'; at++)
        *at = *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at;
    const char *nearest = assay_str_nearest(upper, names, rows->count);
    return assay_error_at(err, ASSAY_ENOTFOUND, 2220, assay_database_place(database),
                          "the connection '%s' has no table '%s'%s%s%s", database->connection->name,
                          given, nearest != NULL ? "; did you mean '" : "",
                          nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

/* As it is written, or folded to upper case like SQL's plain names. */
static void append_matches(assay_buf *sql, const char *column, const assay_database_name *name,
                           size_t part)
{
    assay_buf_append_format(sql, "%s IN (", column);
    assay_sql_append_text(sql, name->parts[part]);
    if (!name->quoted[part]) {
        assay_buf_append_text(sql, ", upper(");
        assay_sql_append_text(sql, name->parts[part]);
        assay_buf_append_char(sql, ')');
    }
    assay_buf_append_char(sql, ')');
}

static assay_status find_table(assay_database *database, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_database_name name = {0};
    assay_rows *rows = NULL;

    ASSAY_TRY(assay_database_parse_name(database, &name, err));
    if (name.count == 1) {
        const char *schema = database->connection->schema;
        name.parts[1] = name.parts[0];
        name.quoted[1] = name.quoted[0];
        name.parts[0] = schema != NULL ? schema : "PUBLIC";
        name.quoted[0] = false;
    }
    assay_buf_append_text(&sql,
                          "SELECT CAST(TABLE_SCHEMA AS text) AS S, CAST(TABLE_NAME AS text) AS "
                          "T FROM INFORMATION_SCHEMA.TABLES WHERE ");
    append_matches(&sql, "TABLE_SCHEMA", &name, 0);
    assay_buf_append_text(&sql, " AND ");
    append_matches(&sql, "TABLE_NAME", &name, 1);
    assay_buf_append_text(&sql, " ORDER BY TABLE_NAME = ");
    assay_sql_append_text(&sql, name.parts[1]);
    assay_buf_append_text(&sql, " DESC, TABLE_SCHEMA = ");
    assay_sql_append_text(&sql, name.parts[0]);
    assay_buf_append_text(&sql, " DESC LIMIT 1");
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(snowflake_query(database, sql.data, 0, &rows, err));
    if (rows->count == 0)
        return no_table(database, name.parts[0], err);
    database->schema = rows->cells[0][0]->text;
    database->table = rows->cells[0][1]->text;
    return ASSAY_OK;
}

/* ---- its columns ---- */

struct kind_of_type {
    const char *format; /* Arrow's, or how it begins */
    const char *type, *declared;
};

/* What the driver gives (LIMIT 0 of the query tells it). Semi-structured values come as JSON text.
 */
static const struct kind_of_type kinds[] = {
    {"b", "BOOLEAN", "BOOLEAN"},     {"g", "DOUBLE", "FLOAT"},
    {"u", "VARCHAR", "VARCHAR"},     {"z", "BLOB", "BINARY"},
    {"tdD", "DATE", "DATE"},         {"ttn", "TIME", "TIME"},
    {"ttu", "TIME", "TIME"},         {"tsu:", "TIMESTAMP", "TIMESTAMP_NTZ"},
    {"l", "BIGINT", "NUMBER(38,0)"},
};

static assay_status read_column(assay_database *database, const struct ArrowSchema *schema,
                                assay_database_column *column, assay_error *err)
{
    assay_arena *arena = database->arena;
    int precision = 0;
    int scale = 0;

    column->name = assay_arena_text(arena, schema->name);
    if (assay_database_two_numbers(schema->format, "d:", &precision, &scale)) {
        column->type = assay_arena_format(arena, "DECIMAL(%d,%d)", precision, scale);
        column->declared = assay_arena_format(arena, "NUMBER(%d,%d)", precision, scale);
        ASSAY_TRY(assay_arena_check(column->type, err));
        ASSAY_TRY(assay_arena_check(column->declared, err));
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (assay_str_equal(schema->format, kinds[i].format)) {
            column->type = kinds[i].type;
            column->declared = kinds[i].declared;
        }
    if (assay_str_equal(schema->format, "ttn")) {
        column->arrives = "TIME_NS";
        column->local_cast = true;
    }
    if (assay_str_starts(schema->format, "tsu:") && schema->format[4] != '\0') {
        column->type = "TIMESTAMP WITH TIME ZONE";
        column->declared = "TIMESTAMP_TZ";
    }
    if (column->type == NULL)
        return assay_error_at(err, ASSAY_EUNSUPPORTED, 2227, assay_database_place(database),
                              "column '%s' has a type that cannot be read (Arrow '%s'): cast it to "
                              "VARCHAR in a query",
                              schema->name, schema->format);
    return assay_arena_check(column->name, err);
}

static assay_status read_columns(assay_database *database, const struct ArrowSchema *schema,
                                 assay_error *err)
{
    size_t count = (size_t)schema->n_children;

    database->columns = assay_arena_take(database->arena, count + 1, sizeof *database->columns);
    ASSAY_TRY(assay_arena_check(database->columns, err));
    database->column_count = count;
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(read_column(database, schema->children[i], &database->columns[i], err));
    return ASSAY_OK;
}

static assay_status describe(assay_database *database, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    struct ArrowArrayStream stream = {0};
    struct ArrowSchema schema = {0};
    assay_error why = {0};

    assay_buf_append_format(&sql, "SELECT * FROM %s LIMIT 0", database->from);
    ASSAY_TRY(assay_buf_check(&sql, err));
    if (assay_adbc_query_stream(data_of(database)->adbc, sql.data, &stream, &why) != ASSAY_OK) {
        assay_error_place(&why, assay_database_place(database));
        return assay_error_copy(err, &why);
    }
    assay_status status = ASSAY_OK;
    if (stream.get_schema(&stream, &schema) != 0) {
        status = assay_adbc_stream_error(data_of(database)->adbc, err);
    } else {
        status = read_columns(database, &schema, err);
        schema.release(&schema);
    }
    stream.release(&stream);
    return status;
}

static assay_status snowflake_look(assay_database *database, assay_error *err)
{
    if (database->source->table.text != NULL)
        ASSAY_TRY(find_table(database, err));
    ASSAY_TRY(assay_database_make_from(database, err));
    return describe(database, err);
}

/* ---- rows ---- */

static assay_status begin(struct remote *remote, struct ArrowArrayStream *ret_stream,
                          assay_error *err)
{
    assay_adbc_closep(&remote->adbc);
    ASSAY_TRY(connect(remote->database, &remote->adbc, err));
    ASSAY_TRY(assay_adbc_execute(remote->adbc, session_settings, NULL, err));
    return assay_adbc_query_stream(remote->adbc, remote->sql, ret_stream, err);
}

static assay_status open_remote(void *user, struct ArrowArrayStream *ret_stream, assay_error *err)
{
    struct remote *remote = user;

    assay_error_clear(&remote->failed);
    if (begin(remote, ret_stream, &remote->failed) == ASSAY_OK)
        return ASSAY_OK;
    return assay_error_copy(err, &remote->failed);
}

static assay_status snowflake_append_rows(assay_database *database,
                                          const assay_database_select *select, assay_buf *buf,
                                          assay_error *err)
{
    struct snowflake *data = data_of(database);

    if (data->count == READINGS_MAX)
        return assay_error_set(err, ASSAY_EINTERNAL, 3099, "too many readings of one source");
    struct remote *remote = &data->remotes[data->count];
    *remote = (struct remote){.database = database,
                              .sql = assay_arena_text(database->arena, select->sql)};
    ASSAY_TRY(assay_arena_check(remote->sql, err));
    const char *name =
        assay_arena_format(database->arena, "%s_%zu", database->catalog, data->count);
    ASSAY_TRY(assay_arena_check(name, err));
    const assay_stream_table table = {name, select->columns, select->count, open_remote, remote};
    ASSAY_TRY(assay_conn_add_stream(database->conn, &table, &remote->stream, err));
    data->count++;
    assay_sql_append_name(buf, name);
    assay_buf_append_text(buf, "()");
    return assay_buf_check(buf, err);
}

/* What the driver said, which the engine only passes on as words: as the reading began, or later.
 */
static bool find_said(struct remote *remote, assay_error *ret_said)
{
    if (remote->failed.code != ASSAY_OK) {
        *ret_said = remote->failed;
        return true;
    }
    return remote->adbc != NULL && assay_adbc_stream_error(remote->adbc, ret_said) != ASSAY_OK;
}

static assay_status snowflake_fail(const assay_database *database, const assay_error *why,
                                   assay_error *err)
{
    struct snowflake *data = data_of(database);
    assay_error said = {0};

    for (size_t i = 0; data != NULL && i < data->count; i++)
        if (find_said(&data->remotes[i], &said)) {
            assay_error_place(&said, assay_database_place(database));
            return assay_error_copy(err, &said);
        }
    if (why->code == ASSAY_ENOMEM || why->code == ASSAY_ECANCELLED)
        return assay_error_copy(err, why);
    return assay_error_at(err, ASSAY_EDATA, 2225, assay_database_place(database),
                          "reading from '%s' failed: %s", database->connection->name, why->message);
}

/* ---- values ---- */

/* Times have nine digits there and six here: a value with more is made to fail by a cast of a text
 * that says so. */
static void append_time(const assay_database_column *column, assay_buf *buf)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf cut = ASSAY_BUF_EMPTY;

    assay_buf_append_format(&text, "column %s holds nanoseconds: ", column->name);
    assay_buf_append_format(&cut, "%s(6)", column->declared);
    assay_buf_append_text(buf, "CASE WHEN ");
    assay_database_append_plain(column, buf);
    assay_buf_append_text(buf, " <> ");
    assay_database_append_cast(column, assay_buf_text(&cut), buf);
    assay_buf_append_text(buf, " THEN CAST(");
    assay_sql_append_text(buf, assay_buf_text(&text));
    assay_buf_append_text(buf, " || ");
    assay_database_append_cast(column, "VARCHAR", buf);
    assay_buf_append_format(buf, " AS %s) ELSE ", column->declared);
    assay_database_append_plain(column, buf);
    assay_buf_append_text(buf, " END");
}

static void snowflake_append_value(const assay_database_column *column, assay_buf *buf)
{
    if (column->remote == ASSAY_REMOTE_TEXT)
        assay_database_append_cast(column, "VARCHAR", buf);
    else if (assay_str_starts(column->type, "TIME"))
        append_time(column, buf);
    else
        assay_database_append_plain(column, buf);
}

static void snowflake_append_back(const assay_database *database,
                                  const assay_database_column *column, const char *text,
                                  assay_buf *buf)
{
    const assay_database_source *source = database->source;
    bool times = assay_database_is_time(column);

    assay_buf_append_text(buf, "CAST(");
    if (times)
        assay_buf_append_format(buf, "DATEADD(millisecond, -%" PRId64 ", ", source->lookback_ms);
    assay_buf_append_text(buf, "CAST(");
    assay_sql_append_text(buf, text);
    assay_buf_append_format(buf, " AS %s)", column->declared);
    if (times)
        assay_buf_append_char(buf, ')');
    else
        assay_buf_append_format(buf, " - %s", source->lookback_number);
    assay_buf_append_format(buf, " AS %s)", column->declared);
}

const assay_database_kind assay_database_snowflake = {
    .open = snowflake_open,
    .close = snowflake_close,
    .query = snowflake_query,
    .look = snowflake_look,
    .append_rows = snowflake_append_rows,
    .append_value = snowflake_append_value,
    .append_back = snowflake_append_back,
    .fail = snowflake_fail,
};
