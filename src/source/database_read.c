#include "base/str.h"
#include "source/database.h"
#include "table/type.h"

const assay_column assay_database_bronze[] = {{"_source", "VARCHAR"},
                                              {"_loaded_at", "TIMESTAMP WITH TIME ZONE"},
                                              {"_run_id", "VARCHAR"}};
const size_t assay_database_bronze_count =
    sizeof assay_database_bronze / sizeof assay_database_bronze[0];

/* One column of the table: where its values come from, and what is done to them. */
struct value {
    const assay_column *column;
    bool there;                   /* false: the source has no such column */
    assay_database_column source; /* as it is read for this table */
    bool exact;                   /* every value of the source is one of the column's type */
};

struct reading {
    assay_database *database;
    const assay_database_read *read;
    struct value *values;
    bool scan; /* in parallel by the engine, instead of one query of ours */
};

/* ---- columns ---- */

/* Text keeps any value; arrays as JSON, whose structure is no matter of quoting. */
static void read_as_text(assay_database_column *source)
{
    bool array = assay_str_ends(source->type, "[]");

    if (assay_str_equal(source->type, "VARCHAR"))
        return;
    source->type = "VARCHAR";
    source->remote = array ? ASSAY_REMOTE_JSON : ASSAY_REMOTE_TEXT;
    source->remote_type = NULL;
    source->arrives = NULL;
    source->hex = false;
    source->guard = NULL;
    source->parallel = false;
}

static assay_status resolve_value(struct reading *reading, struct value *value, assay_error *err)
{
    assay_arena *arena = reading->database->arena;
    const assay_column *column = value->column;
    const assay_database_column *source = assay_database_find(reading->database, column->name);
    const char *original = NULL;
    assay_type have;
    assay_type want;

    value->there = source != NULL;
    if (source == NULL)
        return ASSAY_OK;
    value->source = *source;
    ASSAY_TRY(assay_type_parse(column->type, column->name, arena, &want, &original, err));
    ASSAY_TRY(assay_type_parse(source->type, column->name, arena, &have, &original, err));
    if (want.kind == ASSAY_TYPE_STRING && have.kind != ASSAY_TYPE_STRING) {
        read_as_text(&value->source);
        have = want;
    }
    value->exact = assay_type_equal(&have, &want) || assay_type_accepts(&want, &have);
    reading->scan = reading->scan && value->source.parallel;
    return ASSAY_OK;
}

static assay_status resolve(struct reading *reading, assay_error *err)
{
    const assay_database_read *read = reading->read;

    reading->scan = reading->database->scannable && read->there == NULL && !read->window->interval;
    reading->values =
        assay_arena_take(reading->database->arena, read->count + 1, sizeof *reading->values);
    ASSAY_TRY(assay_arena_check(reading->values, err));
    for (size_t i = 0; i < read->count; i++) {
        reading->values[i].column = &read->columns[i];
        ASSAY_TRY(resolve_value(reading, &reading->values[i], err));
    }
    for (size_t i = 0; reading->scan && i < read->count; i++)
        reading->values[i].source.hex = false;
    return ASSAY_OK;
}

static void append_source(const struct value *value, assay_buf *buf)
{
    assay_buf_append_text(buf, "q.");
    assay_sql_append_name(buf, value->source.name);
}

/* The value as the engine has it. */
static void append_arrived(const struct value *value, assay_buf *buf)
{
    if (!value->source.hex) {
        append_source(value, buf);
        return;
    }
    assay_buf_append_text(buf, "list_transform(");
    append_source(value, buf);
    assay_buf_append_text(buf, ", lambda element: unhex(element[3:]))"); /* behind "\x" */
}

static void append_cast(const struct value *value, const char *type, assay_buf *buf)
{
    assay_buf_append_text(buf, "CAST(");
    append_arrived(value, buf);
    assay_buf_append_format(buf, " AS %s)", type);
}

/* " THEN error(..)" */
static void append_refusal(const struct value *value, const char *held, assay_buf *buf)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;

    assay_buf_append_format(&text, "column %s holds %s, which %s cannot hold exactly",
                            value->column->name, held, value->column->type);
    assay_buf_append_text(buf, " THEN error(");
    assay_sql_append_text(buf, assay_buf_text(&text));
    assay_buf_append_char(buf, ')');
}

static void append_try(const struct value *value, const char *type, assay_buf *buf)
{
    assay_buf_append_text(buf, "TRY_");
    append_cast(value, type, buf);
}

/* A contract may ask for a type that does not hold every value: those it does not hold are an
 * error, nothing is rounded. */
static void append_checked(const struct value *value, assay_buf *buf)
{
    const char *type = value->column->type;
    int precision = 0;
    int scale = 0;

    assay_buf_append_text(buf, "CASE WHEN ");
    if (value->source.digits && assay_database_two_numbers(type, "DECIMAL(", &precision, &scale)) {
        /* the casts of the engine round; digits behind the point that are not zero are counted */
        assay_buf_append_text(buf, "length(rtrim(split_part(");
        append_source(value, buf);
        assay_buf_append_format(buf, ", '.', 2), '0')) > %d OR (", scale);
        append_try(value, type, buf);
        assay_buf_append_text(buf, " IS NULL AND ");
        append_source(value, buf);
        assay_buf_append_text(buf, " IS NOT NULL)");
    } else {
        assay_buf_append_text(buf, "CAST(");
        append_try(value, type, buf);
        assay_buf_append_format(buf, " AS %s) IS DISTINCT FROM ", value->source.type);
        append_arrived(value, buf);
    }
    append_refusal(value, "a value", buf);
    assay_buf_append_text(buf, " ELSE ");
    append_cast(value, type, buf);
    assay_buf_append_text(buf, " END");
}

static void append_value(const struct value *value, assay_buf *buf)
{
    if (!value->there)
        assay_buf_append_format(buf, "CAST(NULL AS %s)", value->column->type);
    else if (!value->exact)
        append_checked(value, buf);
    else
        append_cast(value, value->column->type, buf);
    assay_buf_append_text(buf, " AS ");
    assay_sql_append_name(buf, value->column->name);
}

static void append_bronze(const struct reading *reading, assay_buf *buf)
{
    char time[ASSAY_TIME_TEXT_SIZE];

    assay_time_format_sql(reading->read->now_us, time);
    assay_buf_append_text(buf, ", ");
    assay_sql_append_text(buf, reading->database->label);
    assay_buf_append_format(buf, " AS _source, TIMESTAMPTZ '%s+00' AS _loaded_at, ", time);
    assay_sql_append_text(buf, reading->read->run_id);
    assay_buf_append_text(buf, " AS _run_id");
}

static void append_values(const struct reading *reading, assay_buf *buf)
{
    for (size_t i = 0; i < reading->read->count; i++) {
        assay_buf_append_text(buf, i > 0 ? ", " : "");
        append_value(&reading->values[i], buf);
    }
    append_bronze(reading, buf);
}

/* ---- rows by a query of ours ---- */

static void append_remote_values(const struct reading *reading, assay_buf *sql)
{
    bool first = true;

    for (size_t i = 0; i < reading->read->count; i++) {
        const struct value *value = &reading->values[i];
        if (!value->there)
            continue;
        assay_buf_append_text(sql, first ? "" : ", ");
        reading->database->kind->append_value(&value->source, sql);
        assay_buf_append_text(sql, " AS ");
        assay_sql_append_name(sql, value->source.name);
        first = false;
    }
    if (first)
        assay_buf_append_text(sql, "'1' AS one"); /* the source has none of the columns */
}

static assay_status append_rows(struct reading *reading, const char *sql, assay_buf *buf,
                                assay_error *err)
{
    const assay_database_read *read = reading->read;
    assay_database_select select = {.sql = sql};
    assay_column *columns =
        assay_arena_take(reading->database->arena, read->count + 1, sizeof *columns);

    ASSAY_TRY(assay_arena_check(columns, err));
    for (size_t i = 0; i < read->count; i++) {
        const assay_database_column *source = &reading->values[i].source;
        const char *arrives = source->arrives != NULL ? source->arrives : source->type;
        if (reading->values[i].there)
            columns[select.count++] = (assay_column){source->name, arrives};
    }
    if (select.count == 0)
        columns[select.count++] = (assay_column){"one", "VARCHAR"};
    select.columns = columns;
    return reading->database->kind->append_rows(reading->database, &select, buf, err);
}

static assay_status append_query(struct reading *reading, const char *where, assay_buf *buf,
                                 assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&sql, "SELECT ");
    append_remote_values(reading, &sql);
    assay_buf_append_format(&sql, " FROM %s", reading->database->from);
    if (where != NULL)
        assay_buf_append_format(&sql, " WHERE %s", where);
    ASSAY_TRY(assay_buf_check(&sql, err));
    assay_buf_append_text(buf, "SELECT ");
    append_values(reading, buf);
    assay_buf_append_text(buf, " FROM ");
    ASSAY_TRY(append_rows(reading, sql.data, buf, err));
    assay_buf_append_text(buf, " AS q");
    return assay_buf_check(buf, err);
}

/* ---- rows by a parallel scan ---- */

/* A scan cannot be told how a column is read, so the values that it would misread are looked for in
 * the same snapshot: the engine runs both in one transaction of the database. */
static assay_status append_guards(struct reading *reading, assay_buf *buf, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf cases = ASSAY_BUF_EMPTY;

    for (size_t i = 0; i < reading->read->count; i++) {
        const struct value *value = &reading->values[i];
        if (!value->there || value->source.guard == NULL)
            continue;
        assay_buf_append_text(&sql, sql.size == 0 ? "SELECT bool_or(" : ", bool_or(");
        assay_sql_append_text(&sql, value->source.guard);
        assay_buf_append_text(&sql, value->source.guard_element ? " = ANY(" : " = (");
        append_source(value, &sql);
        assay_buf_append_format(&sql, ")) AS c%zu", i);
        assay_buf_append_format(&cases, " WHEN c%zu", i);
        append_refusal(value, value->source.guard, &cases);
    }
    if (sql.size == 0)
        return ASSAY_OK;
    assay_buf_append_format(&sql, " FROM %s", reading->database->from);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_buf_check(&cases, err));
    assay_buf_append_format(buf, "(SELECT CASE%s ELSE TRUE END FROM ", cases.data);
    const assay_database_select select = {.sql = sql.data};
    ASSAY_TRY(reading->database->kind->append_rows(reading->database, &select, buf, err));
    assay_buf_append_char(buf, ')');
    return assay_buf_check(buf, err);
}

static assay_status append_scan(struct reading *reading, assay_buf *buf, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf guards = ASSAY_BUF_EMPTY;
    const assay_database *database = reading->database;
    const assay_database_window *window = reading->read->window;

    assay_buf_append_text(buf, "SELECT ");
    append_values(reading, buf);
    assay_buf_append_text(buf, " FROM ");
    assay_sql_append_name(buf, database->catalog);
    assay_buf_append_char(buf, '.');
    assay_sql_append_name(buf, database->schema);
    assay_buf_append_char(buf, '.');
    assay_sql_append_name(buf, database->table);
    assay_buf_append_text(buf, " AS q WHERE (");
    if (window->column == NULL)
        assay_buf_append_text(buf, "TRUE");
    else if (!assay_database_window_scan(window, buf))
        assay_buf_append_text(buf, "FALSE");
    assay_buf_append_char(buf, ')');
    ASSAY_TRY(append_guards(reading, &guards, err));
    if (guards.size > 0)
        assay_buf_append_format(buf, " AND %s", guards.data);
    return assay_buf_check(buf, err);
}

/* ---- rows that may be there already ---- */

/* Columns by which rows are told apart: those that the table and the source both have. One that is
 * new in the source does not make old rows new. */
static bool is_known(const assay_database_read *read, const char *name)
{
    for (size_t i = 0; i < read->known_count; i++)
        if (assay_str_equal_ci(read->known[i].name, name))
            return true;
    return false;
}

static bool is_compared(const struct reading *reading, const struct value *value)
{
    return value->there && is_known(reading->read, value->column->name);
}

/* A table that does not hold the watermark's column (a contract may keep it out) is compared
 * whole. */
static void append_there(const assay_database_read *read, assay_buf *buf)
{
    if (is_known(read, read->window->column->name))
        (void)assay_database_window_there(read->window, buf);
    else
        assay_buf_append_text(buf, "TRUE");
}

static void append_compared(const struct reading *reading, const char *before, const char *between,
                            const char *behind, assay_buf *buf)
{
    bool first = true;

    for (size_t i = 0; i < reading->read->count; i++) {
        if (!is_compared(reading, &reading->values[i]))
            continue;
        const char *name = reading->values[i].column->name;
        assay_buf_append_text(buf, first ? "" : between);
        assay_buf_append_text(buf, before);
        assay_sql_append_name(buf, name);
        if (behind != NULL) {
            assay_buf_append_text(buf, behind);
            assay_sql_append_name(buf, name);
        }
        first = false;
    }
}

/* Equal rows are counted: a row that the source has three times and the table twice is added
 * once. */
static assay_status append_missing(struct reading *reading, const char *where, assay_buf *buf,
                                   assay_error *err)
{
    assay_buf_append_text(buf, "SELECT n.* EXCLUDE (__assay_copy) FROM (SELECT m.*, row_number() "
                               "OVER (PARTITION BY ");
    append_compared(reading, "m.", ", ", NULL, buf);
    assay_buf_append_text(buf, ") AS __assay_copy FROM (");
    ASSAY_TRY(append_query(reading, where, buf, err));
    assay_buf_append_text(buf, ") AS m) AS n LEFT JOIN (SELECT ");
    append_compared(reading, "q.", ", ", NULL, buf);
    assay_buf_append_format(buf, ", count(*) AS __assay_copies FROM (%s) AS q WHERE ",
                            reading->read->there);
    append_there(reading->read, buf);
    assay_buf_append_text(buf, " GROUP BY ALL) AS t ON ");
    append_compared(reading, "n.", " AND ", " IS NOT DISTINCT FROM t.", buf);
    assay_buf_append_text(buf, " WHERE n.__assay_copy > coalesce(t.__assay_copies, 0)");
    return assay_buf_check(buf, err);
}

/* ---- all of it ---- */

static bool has_compared(const struct reading *reading)
{
    for (size_t i = 0; i < reading->read->count; i++)
        if (is_compared(reading, &reading->values[i]))
            return true;
    return false;
}

static assay_status append_windows(struct reading *reading, assay_buf *buf, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf fresh = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf again = ASSAY_BUF_EMPTY;
    const assay_database_window *window = reading->read->window;
    bool has_fresh = assay_database_window_fresh(window, &fresh);
    bool has_again = assay_database_window_again(window, &again);

    ASSAY_TRY(assay_buf_check(&fresh, err));
    ASSAY_TRY(assay_buf_check(&again, err));
    if (has_fresh)
        ASSAY_TRY(append_query(reading, fresh.data, buf, err));
    if (!has_again)
        return ASSAY_OK;
    if (has_fresh)
        assay_buf_append_text(buf, " UNION ALL ");
    if (reading->read->there == NULL || !has_compared(reading))
        return append_query(reading, again.data, buf, err);
    return append_missing(reading, again.data, buf, err);
}

assay_status assay_database_append_select(assay_database *database, const assay_database_read *read,
                                          assay_buf *buf, assay_error *err)
{
    struct reading reading = {.database = database, .read = read};

    ASSAY_TRY(resolve(&reading, err));
    if (reading.scan)
        return append_scan(&reading, buf, err);
    if (read->window->column == NULL)
        return append_query(&reading, NULL, buf, err);
    return append_windows(&reading, buf, err);
}
