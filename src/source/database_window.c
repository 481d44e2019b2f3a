#include <inttypes.h>

#include "base/str.h"
#include "source/database.h"

/* A run reads (seen, high] for the first time and [low, seen] once more: `high` is the largest
 * value as the run began, `seen` the largest that any earlier run may have loaded, `low` the
 * earlier run's `high` less the lookback. Rows that tie with an old bound lie in the second part,
 * so none is lost, and what the table has already is left out of it, so none comes twice. */

static bool is_one_of(const char *type, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (assay_str_equal(type, names[i]))
            return true;
    return false;
}

bool assay_database_is_time(const assay_database_column *column)
{
    static const char *const names[] = {"DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"};

    return is_one_of(column->type, names, sizeof names / sizeof names[0]);
}

bool assay_database_is_number(const assay_database_column *column)
{
    static const char *const names[] = {"SMALLINT", "INTEGER", "BIGINT"};

    return is_one_of(column->type, names, sizeof names / sizeof names[0]) ||
           (assay_str_starts(column->type, "DECIMAL(") && column->guard_element == false);
}

/* ---- finding it ---- */

static assay_place watermark_place(const assay_database *database)
{
    const assay_named *column = &database->source->watermark;

    return (assay_place){database->model->path, column->line, column->column};
}

static assay_status no_column(const assay_database *database, assay_error *err)
{
    const char *given = database->source->watermark.text;
    const char **names =
        assay_arena_take(database->arena, database->column_count + 1, sizeof *names);

    ASSAY_TRY(assay_arena_check(names, err));
    for (size_t i = 0; i < database->column_count; i++)
        names[i] = database->columns[i].name;
    const char *nearest = assay_str_nearest(given, names, database->column_count);
    return assay_error_at(err, ASSAY_ECONFIG, 2224, watermark_place(database),
                          "'%s' has no column '%s'%s%s%s", database->label, given,
                          nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
                          nearest != NULL ? "'?" : "");
}

static assay_status check_column(const assay_database *database,
                                 const assay_database_column *column, assay_error *err)
{
    const assay_database_source *source = database->source;
    bool time = assay_database_is_time(column);

    if (!time && !assay_database_is_number(column))
        return assay_error_at(err, ASSAY_ECONFIG, 2224, watermark_place(database),
                              "'%s' is %s: a watermark must be a date, a timestamp or a number of "
                              "fixed size",
                              column->name, column->declared);
    if (time ? source->lookback_ms >= 0 : source->lookback_number != NULL)
        return ASSAY_OK;
    return assay_error_at(err, ASSAY_ECONFIG, 2224,
                          (assay_place){database->model->path, source->lookback.line,
                                        source->lookback.column},
                          "the lookback '%s' does not fit the column '%s' of type %s: %s",
                          source->lookback.text, column->name, column->declared,
                          time ? "write a duration like '2 hours'" : "write a number");
}

/* The state's watermark belongs to a source, a column and a type; another one begins anew. Numbers
 * of all types are one. */
static const char *known(const assay_database *database, const assay_database_column *column,
                         const assay_value *watermark, const char *key)
{
    const char *type = assay_value_find_text(watermark, "type", NULL);

    if (!assay_str_equal(assay_value_find_text(watermark, "source", NULL), database->label) ||
        !assay_str_equal(assay_value_find_text(watermark, "column", NULL), column->name))
        return NULL;
    if (assay_database_is_time(column) && !assay_str_equal(type, column->declared))
        return NULL;
    return assay_value_find_text(watermark, key, NULL);
}

/* Texts of literals, so that the database alone does arithmetic and compares. */
static void append_literal(const assay_database_column *column, const char *text, assay_buf *buf)
{
    assay_buf_append_text(buf, "CAST(");
    assay_sql_append_text(buf, text);
    assay_buf_append_format(buf, " AS %s)", column->declared);
}

static void append_greatest(const assay_database_column *column, const char *text, assay_buf *sql)
{
    assay_buf_append_text(sql, "CAST(COALESCE(GREATEST(max(q.");
    assay_sql_append_name(sql, column->name);
    assay_buf_append_text(sql, "), ");
    append_literal(column, text, sql);
    assay_buf_append_text(sql, "), ");
    append_literal(column, text, sql);
    assay_buf_append_text(sql, ") AS text)");
}

static void append_max(const assay_database_column *column, const char *at_least, assay_buf *sql)
{
    if (at_least != NULL) {
        append_greatest(column, at_least, sql);
        return;
    }
    assay_buf_append_text(sql, "CAST(max(q.");
    assay_sql_append_name(sql, column->name);
    assay_buf_append_text(sql, ") AS text)");
}

static assay_status ask(assay_database *database, assay_database_window *window,
                        const char *old_high, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_database_column *column = window->column;
    assay_rows *rows = NULL;

    assay_buf_append_text(&sql, "SELECT ");
    append_max(column, old_high, &sql);
    assay_buf_append_text(&sql, " AS high, CAST(");
    if (old_high != NULL && !assay_database_reaches_all(database, column, old_high))
        database->kind->append_back(database, column, old_high, &sql);
    else
        assay_buf_append_text(&sql, "NULL");
    assay_buf_append_format(&sql, " AS text) AS low FROM %s", database->from);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(database->kind->query(database, sql.data, 0, &rows, err));
    window->high = rows->cells[0][0]->text;
    window->low = rows->cells[0][1]->text;
    if (window->high != NULL &&
        (assay_str_contains(window->high, "infinity") || assay_str_equal_ci(window->high, "nan")))
        return assay_error_at(err, ASSAY_EDATA, 2226, watermark_place(database),
                              "the largest value of '%s' in '%s' is %s: nothing could follow it",
                              column->name, database->label, window->high);
    return ASSAY_OK;
}

static assay_status set_interval(const assay_database *database, const assay_step_context *context,
                                 assay_database_window *window, assay_error *err)
{
    char from[ASSAY_TIME_TEXT_SIZE];
    char to[ASSAY_TIME_TEXT_SIZE];

    if (!assay_database_is_time(window->column))
        return assay_error_at(err, ASSAY_EINVAL, 2228, watermark_place(database),
                              "--from and --to are times, and the watermark '%s' is %s",
                              window->column->name, window->column->declared);
    assay_time_format_sql(context->since_us, from);
    assay_time_format_sql(context->until_us, to);
    window->interval = true;
    window->from = assay_arena_format(database->arena, "%s+00", from);
    window->to = assay_arena_format(database->arena, "%s+00", to);
    ASSAY_TRY(assay_arena_check(window->from, err));
    return assay_arena_check(window->to, err);
}

static assay_status no_watermark(const assay_database *database, const assay_step_context *context,
                                 assay_error *err)
{
    if (context->has_interval)
        return assay_error_at(err, ASSAY_EINVAL, 2228, assay_model_place(database->model, "source"),
                              "--from and --to need a `watermark` that says which column they "
                              "are about");
    return ASSAY_OK;
}

assay_status assay_database_window_find(assay_database *database, const assay_step_context *context,
                                        const assay_state_file *state, bool nothing_known,
                                        assay_database_window *ret_window, assay_error *err)
{
    const assay_value *watermark = state != NULL ? state->watermark : NULL;
    assay_database_window window = {.nothing_known = nothing_known};

    *ret_window = window;
    if (database->source->watermark.text == NULL)
        return no_watermark(database, context, err);
    window.column = assay_database_find(database, database->source->watermark.text);
    if (window.column == NULL)
        return no_column(database, err);
    ASSAY_TRY(check_column(database, window.column, err));
    window.seen = known(database, window.column, watermark, "seen");
    ASSAY_TRY(ask(database, &window, known(database, window.column, watermark, "high"), err));
    if (context->has_interval && !context->full_refresh)
        ASSAY_TRY(set_interval(database, context, &window, err));
    *ret_window = window;
    return ASSAY_OK;
}

/* ---- as conditions ---- */

/* The column and the type of literals, in the words of the database or of the engine. */
struct words {
    const char *column, *type;
};

static void append_bound(const struct words *words, const char *operator, const char * text,
                         assay_buf *buf)
{
    assay_buf_append_format(buf, "%s %s CAST(", words->column, operator);
    assay_sql_append_text(buf, text);
    assay_buf_append_format(buf, " AS %s)", words->type);
}

static void append_or_null(const assay_database_window *window, const struct words *words,
                           assay_buf *buf)
{
    if (!window->column->not_null)
        assay_buf_append_format(buf, " OR %s IS NULL", words->column);
}

/* All that there is; rows that come with a larger value while it is read wait for the next run. */
static void append_all(const assay_database_window *window, const struct words *words,
                       assay_buf *buf)
{
    if (window->high == NULL) {
        assay_buf_append_format(buf, "%s IS NULL", words->column);
        return;
    }
    append_bound(words, "<=", window->high, buf);
    append_or_null(window, words, buf);
}

static bool append_fresh(const assay_database_window *window, const struct words *words,
                         assay_buf *buf)
{
    if (window->interval || (window->seen == NULL && !window->nothing_known))
        return false;
    if (window->seen == NULL) {
        append_all(window, words, buf);
        return true;
    }
    if (window->high == NULL)
        return false;
    append_bound(words, ">", window->seen, buf);
    assay_buf_append_text(buf, " AND ");
    append_bound(words, "<=", window->high, buf);
    return true;
}

static bool append_again(const assay_database_window *window, const struct words *words,
                         assay_buf *buf)
{
    if (window->interval) { /* instants; a DATE is compared as midnight in UTC */
        bool zoned = assay_str_equal(window->column->type, "TIMESTAMP WITH TIME ZONE");
        const struct words times = {words->column,
                                    zoned ? "timestamp with time zone" : "timestamp"};
        append_bound(&times, ">=", window->from, buf);
        assay_buf_append_text(buf, " AND ");
        append_bound(&times, "<", window->to, buf);
        return true;
    }
    if (window->nothing_known)
        return false;
    if (window->seen == NULL) {
        append_all(window, words, buf);
        return true;
    }
    if (window->low != NULL) {
        append_bound(words, ">=", window->low, buf);
        assay_buf_append_text(buf, " AND ");
    }
    append_bound(words, "<=", window->seen, buf);
    append_or_null(window, words, buf);
    return true;
}

typedef bool append_part(const assay_database_window *window, const struct words *words,
                         assay_buf *buf);

static bool append_condition(const assay_database_window *window, append_part *part,
                             const char *type, assay_buf *buf)
{
    ASSAY_AUTO(assay_buf_done) assay_buf column = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&column, "q.");
    assay_sql_append_name(&column, window->column->name);
    buf->failed = buf->failed || column.failed;
    return part(window, &(struct words){assay_buf_text(&column), type}, buf);
}

bool assay_database_window_fresh(const assay_database_window *window, assay_buf *buf)
{
    return append_condition(window, append_fresh, window->column->declared, buf);
}

bool assay_database_window_again(const assay_database_window *window, assay_buf *buf)
{
    return append_condition(window, append_again, window->column->declared, buf);
}

/* A scan takes the first load's part only. */
bool assay_database_window_scan(const assay_database_window *window, assay_buf *buf)
{
    return append_condition(window, append_fresh, window->column->type, buf);
}

/* The table may hold the column in another type, if the contract says so. */
bool assay_database_window_there(const assay_database_window *window, assay_buf *buf)
{
    ASSAY_AUTO(assay_buf_done) assay_buf column = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&column, "CAST(q.");
    assay_sql_append_name(&column, window->column->name);
    assay_buf_append_format(&column, " AS %s)", window->column->type);
    buf->failed = buf->failed || column.failed;
    return append_again(window, &(struct words){assay_buf_text(&column), window->column->type},
                        buf);
}

/* ---- what is stored, and what is said ---- */

static assay_status set_text(assay_value *map, const char *key, const char *text,
                             assay_arena *arena, assay_error *err)
{
    if (text == NULL)
        return ASSAY_OK;
    return assay_value_set(map, key, assay_value_text(arena, text), arena, err);
}

/* After --from/--to the regular window stays where it was, but everything up to `to` may be there.
 */
static assay_status seen_after(assay_database *database, const assay_database_window *window,
                               const char **ret_seen, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const char *type = window->column->declared;
    const char *other = window->interval ? window->to : window->high;
    assay_rows *rows = NULL;

    *ret_seen = other != NULL ? other : window->seen;
    if (other == NULL || (window->seen == NULL && !window->interval))
        return ASSAY_OK;
    assay_buf_append_text(&sql, "SELECT CAST(GREATEST(CAST(");
    assay_sql_append_text(&sql, window->seen != NULL ? window->seen : other);
    assay_buf_append_format(&sql, " AS %s), CAST(", type);
    assay_sql_append_text(&sql, other);
    assay_buf_append_format(&sql, " AS %s)) AS text) AS seen", type);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(database->kind->query(database, sql.data, 0, &rows, err));
    *ret_seen = rows->cells[0][0]->text;
    return ASSAY_OK;
}

assay_status assay_database_window_state(assay_database *database,
                                         const assay_database_window *window,
                                         const assay_state_file *state, assay_value **ret_watermark,
                                         assay_error *err)
{
    assay_arena *arena = database->arena;
    const char *high = NULL;
    const char *seen = NULL;

    *ret_watermark = NULL;
    if (window->column == NULL)
        return ASSAY_OK;
    if (window->interval)
        high = known(database, window->column, state != NULL ? state->watermark : NULL, "high");
    else
        ASSAY_TRY(assay_database_not_after_now(database, window->column, window->high, &high, err));
    ASSAY_TRY(seen_after(database, window, &seen, err));
    assay_value *map = assay_value_map(arena);
    ASSAY_TRY(assay_arena_check(map, err));
    ASSAY_TRY(set_text(map, "source", database->label, arena, err));
    ASSAY_TRY(set_text(map, "column", window->column->name, arena, err));
    ASSAY_TRY(set_text(map, "type", window->column->declared, arena, err));
    ASSAY_TRY(set_text(map, "high", high, arena, err));
    ASSAY_TRY(set_text(map, "seen", seen, arena, err));
    *ret_watermark = map;
    return ASSAY_OK;
}
