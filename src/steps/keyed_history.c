/* History: the states of a key as intervals (SEMANTICS.md 1.4).
 *
 * The intervals of a key are a function of what the source ever said of it: at a version it has a
 * state, or is deleted. The table keeps all of that: a row is a state at effective_start, again at
 * each version of _confirmed_at, and a deletion at each version of _deleted_at. So the events of
 * the batch's keys are taken from the table, the batch's are added, and the intervals are cut anew;
 * late rows come out as if they had come in time. A deletion that no state comes before stands as
 * an interval without length.
 *
 *   __assay_old     the table's rows of the batch's keys
 *   __assay_event   (key .., __v version, __d deleted, __s tracked columns, __u the others, __w of
 *                   the table)
 */
#include "base/str.h"
#include "steps/keyed.h"

#define OLD "__assay_old"
#define EVENT "__assay_event"

/* Columns that the query gives beside key and version, as __s.c<i> and __u.c<i>. */
enum part { TRACKED, UNTRACKED };

static bool is_in_part(const assay_keyed *keyed, size_t column, enum part part)
{
    const char *name = keyed->schema->fields[column].name;

    if (!keyed->from_query[column] || assay_keyed_is_key(keyed, name) ||
        assay_str_equal_ci(keyed->rules->version, name))
        return false;
    return assay_row_rules_tracks(keyed->rules, name) == (part == TRACKED);
}

static bool has_deletions(const assay_keyed *keyed)
{
    return assay_schema_find(keyed->schema, ASSAY_HISTORY_DELETED) != NULL;
}

/* ---- events ---- */

/* {'c3': x."name", .., 'z': 0}; NULL instead of values where `empty`. */
static void append_part(assay_buf *buf, const assay_keyed *keyed, enum part part, bool empty)
{
    assay_buf_append_char(buf, '{');
    for (size_t i = 0; i < keyed->schema->count; i++) {
        if (!is_in_part(keyed, i, part))
            continue;
        assay_buf_append_format(buf, "'c%zu': ", i);
        if (empty) {
            assay_buf_append_text(buf, "CAST(NULL AS ");
            assay_keyed_append_type(buf, keyed, i);
            assay_buf_append_char(buf, ')');
        } else {
            assay_keyed_append_column(buf, "x", keyed->schema->fields[i].name);
        }
        assay_buf_append_text(buf, ", ");
    }
    assay_buf_append_text(buf, "'z': 0}");
}

/* The state of a row, or that of a deletion, which has none. */
static void append_state(assay_buf *buf, const assay_keyed *keyed, const char *deleted)
{
    for (int part = TRACKED; part <= UNTRACKED; part++) {
        assay_buf_append_format(buf, ", CASE WHEN %s THEN ", deleted);
        append_part(buf, keyed, (enum part)part, true);
        assay_buf_append_text(buf, " ELSE ");
        append_part(buf, keyed, (enum part)part, false);
        assay_buf_append_format(buf, " END AS %s", part == TRACKED ? "__s" : "__u");
    }
}

static void append_batch_events(assay_buf *buf, const assay_keyed *keyed)
{
    assay_buf_append_text(buf, "SELECT DISTINCT ");
    assay_keyed_append_key(buf, keyed, "x");
    assay_buf_append_text(buf, ", ");
    assay_keyed_append_column(buf, "x", keyed->rules->version);
    assay_buf_append_text(buf, " AS __v, x." KEYED_GONE " AS __d");
    append_state(buf, keyed, "x." KEYED_GONE);
    assay_buf_append_text(buf, ", false AS __w FROM " KEYED_BATCH " x");
}

static void append_old_events(assay_buf *buf, const assay_keyed *keyed, const char *versions,
                              const char *deleted, const char *condition)
{
    assay_buf_append_text(buf, " UNION ALL SELECT ");
    assay_keyed_append_key(buf, keyed, "x");
    assay_buf_append_format(buf, ", unnest(%s) AS __v, %s AS __d", versions, deleted);
    append_state(buf, keyed, deleted);
    assay_buf_append_format(buf, ", true AS __w FROM " OLD " x WHERE %s", condition);
}

static assay_status make_events(assay_keyed *keyed, bool has_old, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&sql, "CREATE OR REPLACE TABLE " EVENT " AS ");
    append_batch_events(&sql, keyed);
    if (has_old)
        append_old_events(&sql, keyed,
                          "list_prepend(x." ASSAY_HISTORY_START
                          ", coalesce(x." ASSAY_HISTORY_CONFIRMED ", []))",
                          "false",
                          "x." ASSAY_HISTORY_END " IS NULL OR x." ASSAY_HISTORY_END
                          " > x." ASSAY_HISTORY_START);
    if (has_old && has_deletions(keyed))
        append_old_events(&sql, keyed, "x." ASSAY_HISTORY_DELETED, "true",
                          "x." ASSAY_HISTORY_DELETED " IS NOT NULL");
    return assay_keyed_run(keyed, &sql, err);
}

/* The table's rows of the batch's keys: first where they are, by the keys alone. */
static assay_status read_old(assay_keyed *keyed, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf keys = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_data_file *files = NULL;
    size_t count = 0;

    assay_buf_append_text(&keys, "(SELECT DISTINCT ");
    assay_keyed_append_key(&keys, keyed, "");
    assay_buf_append_text(&keys, " FROM " KEYED_BATCH ")");
    ASSAY_TRY(assay_buf_check(&keys, err));
    ASSAY_TRY(assay_keyed_find_hits(keyed, assay_buf_text(&keys), "", err));
    ASSAY_TRY(assay_keyed_hit_files(keyed, KEYED_HIT, NULL, &files, &count, err));
    assay_buf_append_text(&sql,
                          "CREATE OR REPLACE TABLE " OLD " AS SELECT t.*, h.__f, h.__r FROM ");
    ASSAY_TRY(assay_keyed_append_scan(&sql, keyed, files, count, "t", err));
    assay_buf_append_text(&sql, " JOIN " KEYED_HIT " h ON h.__f = ");
    assay_keyed_append_file(&sql, keyed, "t");
    assay_buf_append_text(&sql, " AND h.__r = t.__assay_row");
    return assay_keyed_run(keyed, &sql, err);
}

/* ---- contradictions ---- */

/* One version says one thing. Of columns that are not tracked the table knows only the newest
 * values, so only those can contradict the batch. */
static void append_contradictions(assay_buf *buf, const assay_keyed *keyed)
{
    assay_buf_append_text(buf, "(SELECT *, max(__v) FILTER (__w AND NOT __d) OVER (PARTITION BY ");
    assay_keyed_append_key(buf, keyed, "");
    assay_buf_append_text(buf, ") AS __newest FROM " EVENT ") GROUP BY ");
    assay_keyed_append_key(buf, keyed, "");
    assay_buf_append_text(buf, ", __v HAVING count(DISTINCT {'d': __d, 's': __s}) > 1 OR "
                               "count(DISTINCT __u) FILTER (NOT __w OR __v = __newest) > 1");
}

static assay_status check_events(assay_keyed *keyed, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf from = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const char *row = NULL;
    int64_t count = 0;

    append_contradictions(&from, keyed);
    ASSAY_TRY(assay_buf_check(&from, err));
    assay_buf_append_format(&sql, "SELECT count(*) FROM (SELECT 1 FROM %s)", from.data);
    ASSAY_TRY(assay_keyed_ask(keyed, &sql, &count, err));
    if (count == 0)
        return ASSAY_OK;
    ASSAY_TRY(assay_keyed_name_row(keyed, from.data, &row, err));
    return assay_error_set(err, ASSAY_EDATA, 4072,
                           "%lld version%s of '%s' ha%s more than one content: %s",
                           (long long)count, count == 1 ? "" : "s", keyed->write->table,
                           count == 1 ? "s" : "ve", row);
}

/* ---- intervals ---- */

/* e: one event a version. m: does a new state begin? n: number of the state, 0 = deletions before
 * the first one. i: the states. l: and when the next one begins. p: newest values of the columns
 * that are not tracked. */
static void append_intervals(assay_buf *buf, const char *key)
{
    assay_buf_append_format(
        buf,
        "WITH e AS (SELECT %s, __v, bool_or(__d) AS __d, any_value(__s) AS __s FROM " EVENT
        " GROUP BY %s, __v), "
        "m AS (SELECT *, NOT __d AND (lag(__v) OVER w IS NULL OR lag(__d) OVER w OR lag(__s) OVER "
        "w IS DISTINCT FROM __s) AS __new FROM e WINDOW w AS (PARTITION BY %s ORDER BY __v)), ",
        key, key, key);
    assay_buf_append_format(
        buf,
        "n AS (SELECT *, sum(CAST(__new AS INTEGER)) OVER (PARTITION BY %s ORDER BY __v ROWS "
        "UNBOUNDED PRECEDING) AS __i FROM m), "
        "i AS (SELECT %s, __i, min(__v) AS __b, any_value(__s) FILTER (NOT __d) AS __s, "
        "list(__v ORDER BY __v) FILTER (NOT __d) AS __c, "
        "list(__v ORDER BY __v) FILTER (__d) AS __x FROM n GROUP BY %s, __i), ",
        key, key, key);
    assay_buf_append_format(
        buf,
        "l AS (SELECT *, lead(__b) OVER (PARTITION BY %s ORDER BY __i) AS __next FROM i), "
        "p AS (SELECT %s, arg_max(__u, __v) AS __u FROM " EVENT " WHERE NOT __d GROUP BY %s), "
        "o AS (SELECT l.*, p.__u, CASE WHEN __i = 0 THEN __b ELSE coalesce(__x[1], __next) END AS "
        "__e FROM l LEFT JOIN p USING (%s)) ",
        key, key, key, key);
}

static void append_value(assay_buf *buf, const assay_keyed *keyed, size_t column)
{
    static const assay_keyed_made MADE[] = {{ASSAY_HISTORY_START, "__b"},
                                            {ASSAY_HISTORY_END, "__e"},
                                            {ASSAY_HISTORY_CURRENT, "__e IS NULL"},
                                            {ASSAY_HISTORY_CONFIRMED,
                                             "CASE WHEN len(__c) > 1 THEN __c[2:] END"},
                                            {ASSAY_HISTORY_DELETED, "__x"}};
    const char *name = keyed->schema->fields[column].name;

    if (assay_keyed_append_made(buf, name, MADE, sizeof MADE / sizeof MADE[0]))
        return;
    if (assay_str_equal_ci(name, ASSAY_HISTORY_KEY))
        assay_keyed_append_surrogate(buf, keyed, "", "__b");
    else if (assay_keyed_is_key(keyed, name))
        assay_sql_append_name(buf, name);
    else if (assay_str_equal_ci(name, keyed->rules->version))
        assay_buf_append_text(buf, "__b");
    else if (is_in_part(keyed, column, TRACKED))
        assay_buf_append_format(buf, "__s.c%zu", column);
    else
        assay_buf_append_format(buf, "CASE WHEN __i > 0 THEN __u.c%zu END", column);
}

static assay_status make_rows(assay_keyed *keyed, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf key = ASSAY_BUF_EMPTY;

    assay_keyed_append_key(&key, keyed, "");
    ASSAY_TRY(assay_buf_check(&key, err));
    assay_buf_append_text(&sql, "CREATE OR REPLACE TABLE " KEYED_ROWS " AS ");
    append_intervals(&sql, key.data);
    assay_buf_append_text(&sql, "SELECT ");
    for (size_t i = 0; i < keyed->schema->count; i++) {
        assay_buf_append_text(&sql, "CAST(");
        append_value(&sql, keyed, i);
        assay_buf_append_text(&sql, " AS ");
        assay_keyed_append_type(&sql, keyed, i);
        assay_buf_append_text(&sql, ") AS ");
        assay_sql_append_name(&sql, keyed->schema->fields[i].name);
        assay_buf_append_text(&sql, ", ");
    }
    assay_buf_append_format(&sql, "row_number() OVER (ORDER BY %s, __b) AS __n FROM o", key.data);
    return assay_keyed_run(keyed, &sql, err);
}

/* ---- what changes ---- */

static assay_status make_acts(assay_keyed *keyed, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&sql, "CREATE OR REPLACE TABLE " KEYED_ACT
                                " AS SELECT * FROM (SELECT b.__n AS __b, t.__f, t.__r, CASE WHEN "
                                "t.__f IS NULL THEN 'i' WHEN b.__n IS NULL THEN 'd' WHEN true");
    for (size_t i = 0; i < keyed->schema->count; i++) {
        assay_buf_append_text(&sql, " AND ");
        assay_keyed_append_column(&sql, "t", keyed->schema->fields[i].name);
        assay_buf_append_text(&sql, " IS NOT DISTINCT FROM ");
        assay_keyed_append_column(&sql, "b", keyed->schema->fields[i].name);
    }
    assay_buf_append_text(&sql, " THEN NULL ELSE 'u' END AS __a FROM " OLD
                                " t FULL JOIN " KEYED_ROWS " b ON ");
    assay_keyed_append_match(&sql, keyed, "t", "b");
    assay_buf_append_text(&sql, " AND t." ASSAY_HISTORY_START " = b." ASSAY_HISTORY_START
                                ") WHERE __a IS NOT NULL");
    return assay_keyed_run(keyed, &sql, err);
}

assay_status assay_keyed_history(assay_keyed *keyed, assay_error *err)
{
    bool made = false;

    if (keyed->all_new)
        ASSAY_TRY(assay_keyed_new_history(keyed, &made, err));
    if (made)
        return ASSAY_OK;
    if (!keyed->all_new)
        ASSAY_TRY(read_old(keyed, err));
    ASSAY_TRY(make_events(keyed, !keyed->all_new, err));
    ASSAY_TRY(check_events(keyed, err));
    ASSAY_TRY(make_rows(keyed, err));
    return keyed->all_new ? ASSAY_OK : make_acts(keyed, err);
}
