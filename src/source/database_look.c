#include <string.h>

#include "base/str.h"
#include "source/database.h"

/* What a table or query of PostgreSQL or Redshift looks like. */

enum { NAMES_SEARCHED_MAX = 10000 };

/* ---- the table ---- */

/* As it is written, or folded to lower case like SQL's plain names. */
static void append_matches(assay_buf *sql, const char *column, const char *name, bool quoted)
{
    assay_buf_append_format(sql, "%s IN (", column);
    assay_sql_append_text(sql, name);
    if (!quoted) {
        assay_buf_append_text(sql, ", lower(");
        assay_sql_append_text(sql, name);
        assay_buf_append_char(sql, ')');
    }
    assay_buf_append_char(sql, ')');
}

static const char from_catalog[] =
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE "
    "c.relkind IN ('r', 'v', 'm', 'f', 'p')";

static assay_status no_table(assay_database *database, const assay_database_name *name,
                             assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_rows *rows = NULL;

    assay_buf_append_text(&sql, "SELECT CAST(");
    assay_buf_append_text(&sql, name->count == ASSAY_DATABASE_NAME_PARTS
                                    ? "n.nspname || '.' || c.relname"
                                    : "c.relname");
    assay_buf_append_format(&sql,
                            " AS text) AS name%s AND n.nspname NOT IN ('pg_catalog', "
                            "'information_schema') ORDER BY 1 LIMIT %d",
                            from_catalog, NAMES_SEARCHED_MAX);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(database->kind->query(database, sql.data, 0, &rows, err));
    const char **names = assay_arena_take(database->arena, rows->count + 1, sizeof *names);
    ASSAY_TRY(assay_arena_check(names, err));
    for (size_t i = 0; i < rows->count; i++)
        names[i] = rows->cells[i][0]->text;
    const char *given = database->source->table.text;
    const char *nearest = assay_str_nearest(given, names, rows->count);
    return assay_error_at(err, ASSAY_ENOTFOUND, 2220,
                          (assay_place){database->model->path, database->source->table.line,
                                        database->source->table.column},
                          "the connection '%s' has no table '%s'%s%s%s", database->connection->name,
                          given, nearest != NULL ? "; did you mean '" : "",
                          nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

static assay_status find_table(assay_database *database, const assay_database_name *name,
                               assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    bool has_schema = name->count == ASSAY_DATABASE_NAME_PARTS;
    const char *schema = has_schema ? name->parts[0] : database->connection->schema;
    const char *table = name->parts[name->count - 1];
    assay_rows *rows = NULL;

    assay_buf_append_text(&sql, "SELECT CAST(n.nspname AS text) AS schema, CAST(c.relname AS "
                                "text) AS name, CAST(c.relkind AS text) AS kind");
    assay_buf_append_text(&sql, from_catalog);
    assay_buf_append_text(&sql, " AND ");
    append_matches(&sql, "c.relname", table, name->quoted[name->count - 1]);
    assay_buf_append_text(&sql, " AND ");
    append_matches(&sql, "n.nspname", schema != NULL ? schema : "public",
                   has_schema && name->quoted[0]);
    assay_buf_append_text(&sql, " ORDER BY c.relname = ");
    assay_sql_append_text(&sql, table);
    assay_buf_append_text(&sql, " DESC, n.nspname = ");
    assay_sql_append_text(&sql, schema != NULL ? schema : "public");
    assay_buf_append_text(&sql, " DESC LIMIT 1");
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(database->kind->query(database, sql.data, 0, &rows, err));
    if (rows->count == 0)
        return no_table(database, name, err);
    database->schema = rows->cells[0][0]->text;
    database->table = rows->cells[0][1]->text;
    const char *kind = rows->cells[0][2]->text;
    database->scannable = !database->text_protocol && strchr("rpm", kind[0]) != NULL;
    return ASSAY_OK;
}

static void name_redshift(assay_database *database, const assay_database_name *name)
{
    const char *schema = database->connection->schema;

    database->schema = name->count == ASSAY_DATABASE_NAME_PARTS ? name->parts[0] : schema;
    if (database->schema == NULL)
        database->schema = "public";
    database->table = name->parts[name->count - 1];
}

/* ---- its columns ---- */

/* Domains are followed to their base type. One row a column, in order. */
static const char resolve_types[] =
    ", base AS (SELECT ord, name, typ, mod, dims, not_null, false AS domain FROM given UNION ALL "
    "SELECT b.ord, b.name, t.typbasetype, t.typtypmod, t.typndims, b.not_null OR t.typnotnull, "
    "true FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.typ AND t.typtype = 'd') "
    "SELECT CAST(b.name AS text) AS name, CAST(pg_catalog.format_type(b.typ, b.mod) AS text) AS "
    "declared, CAST(t.typname AS text) AS type, CAST(e.typname AS text) AS element, "
    "COALESCE(e.typnamespace, t.typnamespace) = (SELECT oid FROM pg_catalog.pg_namespace WHERE "
    "nspname = 'pg_catalog') AS builtin, COALESCE(e.typtype, t.typtype) = 'e' AS enum, "
    "CAST(b.mod AS bigint) AS modifier, CAST(b.dims AS bigint) AS dimensions, b.not_null, b.domain "
    "FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.typ AND t.typtype <> 'd' LEFT JOIN "
    "pg_catalog.pg_type e ON e.oid = t.typelem AND e.typarray = t.oid ORDER BY b.ord";

static void append_given_table(const assay_database *database, assay_buf *sql)
{
    assay_buf_append_text(
        sql, "SELECT CAST(a.attnum AS bigint) AS ord, a.attname AS name, a.atttypid AS typ, "
             "a.atttypmod AS mod, CAST(a.attndims AS integer) AS dims, a.attnotnull AS not_null "
             "FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN "
             "pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE a.attnum > 0 AND NOT "
             "a.attisdropped AND n.nspname = ");
    assay_sql_append_text(sql, database->schema);
    assay_buf_append_text(sql, " AND c.relname = ");
    assay_sql_append_text(sql, database->table);
}

/* The modifier of "DECIMAL(10,2)" as PostgreSQL writes it, -1 = none. The extension keeps scales in
 * a byte without sign: numeric(5,-2) is DECIMAL(5,254) there. */
static int modifier_of(const char *type)
{
    enum {
        BYTE = 256,
        BYTE_MAX_POSITIVE = 127,
        SCALE_MASK = 0x7ff,
        PRECISION_SHIFT = 16,
        HEADER = 4
    };
    int precision = 0;
    int scale = 0;

    if (!assay_database_two_numbers(type, "DECIMAL(", &precision, &scale))
        return -1;
    if (scale > BYTE_MAX_POSITIVE)
        scale -= BYTE;
    return (int)((unsigned int)precision << PRECISION_SHIFT | ((unsigned int)scale & SCALE_MASK)) +
           HEADER;
}

static void append_array(assay_buf *sql, const assay_column *columns, size_t count,
                         void (*append)(assay_buf *sql, const assay_column *column))
{
    assay_buf_append_text(sql, "ARRAY[");
    for (size_t i = 0; i < count; i++) {
        assay_buf_append_text(sql, i > 0 ? ", " : "");
        append(sql, &columns[i]);
    }
    assay_buf_append_char(sql, ']');
}

static void append_type_of(assay_buf *sql, const assay_column *column)
{
    assay_buf_append_text(sql, "CAST(pg_catalog.pg_typeof(q.");
    assay_sql_append_name(sql, column->name);
    assay_buf_append_text(sql, ") AS oid)");
}

static void append_name_of(assay_buf *sql, const assay_column *column)
{
    assay_sql_append_text(sql, column->name);
}

static void append_modifier_of(assay_buf *sql, const assay_column *column)
{
    assay_buf_append_format(sql, "%d", modifier_of(column->type));
}

/* Names, and types as the engine sees them. */
static assay_status describe(assay_database *database, assay_column **ret_columns,
                             size_t *ret_count, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf whole = ASSAY_BUF_EMPTY;
    assay_error why = {0};

    assay_buf_append_format(&whole, "SELECT * FROM %s", database->from);
    ASSAY_TRY(assay_buf_check(&whole, err));
    assay_buf_append_text(&text, "FROM ");
    ASSAY_TRY(database->kind->append_rows(database, &(assay_database_select){.sql = whole.data},
                                          &text, err));
    if (assay_conn_describe(database->conn, text.data, database->arena, ret_columns, ret_count,
                            &why) != ASSAY_OK)
        return assay_postgres_fail(database, &why, err);
    return ASSAY_OK;
}

/* The engine tells the names and the modifiers of numerics; the database tells the types, without
 * running the query. */
static assay_status append_given_query(assay_database *database, assay_buf *sql, assay_error *err)
{
    assay_column *columns = NULL;
    size_t count = 0;

    ASSAY_TRY(describe(database, &columns, &count, err));
    assay_buf_append_text(sql, "SELECT u.ord, u.name, u.typ, u.mod, 0 AS dims, false AS not_null "
                               "FROM (SELECT ");
    append_array(sql, columns, count, append_type_of);
    assay_buf_append_format(sql,
                            " AS typs FROM (SELECT 1) AS one LEFT JOIN %s ON false) AS x, "
                            "unnest(x.typs, ",
                            database->from);
    append_array(sql, columns, count, append_name_of);
    assay_buf_append_text(sql, ", ");
    append_array(sql, columns, count, append_modifier_of);
    assay_buf_append_text(sql, ") WITH ORDINALITY AS u(typ, name, mod, ord)");
    return assay_buf_check(sql, err);
}

enum resolved {
    RESOLVED_NAME,
    RESOLVED_DECLARED,
    RESOLVED_TYPE,
    RESOLVED_ELEMENT,
    RESOLVED_BUILTIN,
    RESOLVED_ENUM,
    RESOLVED_MODIFIER,
    RESOLVED_DIMENSIONS,
    RESOLVED_NOT_NULL,
    RESOLVED_DOMAIN
};

static assay_status read_column(assay_database *database, assay_value *const *cells,
                                assay_database_column *column, assay_error *err)
{
    const assay_postgres_type type = {.name = cells[RESOLVED_TYPE]->text,
                                      .element = cells[RESOLVED_ELEMENT]->text,
                                      .builtin = cells[RESOLVED_BUILTIN]->boolean,
                                      .is_enum = cells[RESOLVED_ENUM]->boolean,
                                      .modifier = (int)cells[RESOLVED_MODIFIER]->integer,
                                      .dimensions = (int)cells[RESOLVED_DIMENSIONS]->integer};

    column->name = cells[RESOLVED_NAME]->text;
    column->declared = cells[RESOLVED_DECLARED]->text;
    column->not_null = cells[RESOLVED_NOT_NULL]->boolean;
    ASSAY_TRY(assay_postgres_map(&type, database->arena, column, err));
    if (cells[RESOLVED_DOMAIN]->boolean)
        column->parallel = false; /* a scan gives it as text */
    return ASSAY_OK;
}

static assay_status take_columns(assay_database *database, size_t count, assay_error *err)
{
    database->columns = assay_arena_take(database->arena, count + 1, sizeof *database->columns);
    database->column_count = count;
    return assay_arena_check(database->columns, err);
}

static assay_status read_columns(assay_database *database, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_rows *rows = NULL;

    assay_buf_append_text(&sql, "WITH RECURSIVE given AS (");
    if (database->table != NULL)
        append_given_table(database, &sql);
    else
        ASSAY_TRY(append_given_query(database, &sql, err));
    assay_buf_append_char(&sql, ')');
    assay_buf_append_text(&sql, resolve_types);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(database->kind->query(database, sql.data, 0, &rows, err));
    ASSAY_TRY(take_columns(database, rows->count, err));
    for (size_t i = 0; i < rows->count; i++) {
        ASSAY_TRY(read_column(database, rows->cells[i], &database->columns[i], err));
        database->scannable = database->scannable && database->columns[i].parallel;
    }
    return ASSAY_OK;
}

/* Redshift has few types, no arrays and no domains; its catalog lacks what the queries above need.
 * What the engine takes for DOUBLE is one: numerics there always have a precision. */
static assay_status read_redshift_columns(assay_database *database, assay_error *err)
{
    static const char *const kept_as_text[] = {"INTERVAL", "TIME WITH TIME ZONE"};
    assay_column *columns = NULL;
    size_t count = 0;

    ASSAY_TRY(describe(database, &columns, &count, err));
    ASSAY_TRY(take_columns(database, count, err));
    for (size_t i = 0; i < count; i++) {
        assay_database_column *column = &database->columns[i];
        *column = (assay_database_column){.name = columns[i].name,
                                          .declared = columns[i].type,
                                          .type = columns[i].type};
        /* texts of times lose their BC in the extension */
        column->guard_below = assay_database_is_time(column);
        column->guard = column->guard_below                        ? "0001-01-01"
                        : assay_str_equal(columns[i].type, "TIME") ? "24:00:00"
                                                                   : NULL;
        for (size_t k = 0; k < sizeof kept_as_text / sizeof kept_as_text[0]; k++)
            if (assay_str_equal(columns[i].type, kept_as_text[k])) {
                column->type = "VARCHAR";
                column->local_cast = true;
            }
    }
    return ASSAY_OK;
}

static assay_status look_redshift(assay_database *database, const assay_database_name *name,
                                  assay_error *err)
{
    assay_error why = {0};

    assay_status status = read_redshift_columns(database, &why);
    if (status == ASSAY_EDATA && name != NULL)
        return no_table(database, name, err);
    return status == ASSAY_OK ? ASSAY_OK : assay_error_copy(err, &why);
}

assay_status assay_postgres_look(assay_database *database, assay_error *err)
{
    assay_database_name name = {0};
    bool table = database->source->table.text != NULL;
    bool redshift = database->connection->kind == ASSAY_CONNECTION_REDSHIFT;

    if (table) {
        ASSAY_TRY(assay_database_parse_name(database, &name, err));
        if (redshift) /* external tables and views without binding stand in no pg_class */
            name_redshift(database, &name);
        else
            ASSAY_TRY(find_table(database, &name, err));
    }
    ASSAY_TRY(assay_database_make_from(database, err));
    if (redshift)
        return look_redshift(database, table ? &name : NULL, err);
    return read_columns(database, err);
}
