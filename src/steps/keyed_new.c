/* History of keys that the table does not have, where the batch deletes nothing and all its columns
 * are tracked. What keyed_history.c says of the intervals holds here too; but rows are known by
 * their number, and only keys and versions are sorted. Rows meet whole where a key has more than
 * one of them, and when they are written.
 *
 *   __assay_said       (key .., __v, __r, __n, __p): a version of a key, its row, how many such
 *                      rows there are, and the row of the version before it
 *   __assay_again      (__r): rows that say what the version before them said
 *   __assay_state      (key .., __v, __r, __e): rows that begin a state, and when the next begins
 *   __assay_confirmed  (__r, __c): versions that said the state of row __r again
 */
#include "base/str.h"
#include "steps/keyed.h"

#define SAID "__assay_said"
#define AGAIN "__assay_again"
#define STATE "__assay_state"
#define CONFIRMED "__assay_confirmed"

/* Columns beside key and version. */
static bool is_content(const assay_keyed *keyed, size_t column)
{
    const char *name = keyed->schema->fields[column].name;

    return keyed->from_query[column] && !assay_keyed_is_key(keyed, name) &&
           !assay_str_equal_ci(keyed->rules->version, name);
}

static assay_status find_applies(assay_keyed *keyed, bool *ret_applies, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    int64_t gone = 0;

    *ret_applies = false;
    if (!assay_keyed_has_numbers(keyed))
        return ASSAY_OK;
    for (size_t i = 0; i < keyed->schema->count; i++)
        if (is_content(keyed, i) &&
            !assay_row_rules_tracks(keyed->rules, keyed->schema->fields[i].name))
            return ASSAY_OK;
    if (keyed->rules->delete_when != NULL) {
        assay_buf_append_text(&sql, "SELECT count(*) FROM " KEYED_BATCH " WHERE " KEYED_GONE);
        ASSAY_TRY(assay_keyed_ask(keyed, &sql, &gone, err));
    }
    *ret_applies = gone == 0;
    return ASSAY_OK;
}

/* ---- versions ---- */

static assay_status find_said(assay_keyed *keyed, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const char *version = keyed->rules->version;

    assay_buf_append_text(&sql, "CREATE OR REPLACE TABLE " SAID
                                " AS SELECT *, lag(__r) OVER (PARTITION BY ");
    assay_keyed_append_key(&sql, keyed, "");
    assay_buf_append_text(&sql, " ORDER BY __v) AS __p FROM (SELECT ");
    assay_keyed_append_key(&sql, keyed, "");
    assay_buf_append_text(&sql, ", ");
    assay_sql_append_name(&sql, version);
    assay_buf_append_text(&sql, " AS __v, min(rowid) AS __r, count(*) AS __n FROM " KEYED_BATCH
                                " GROUP BY ");
    assay_keyed_append_key(&sql, keyed, "");
    assay_buf_append_text(&sql, ", ");
    assay_sql_append_name(&sql, version);
    assay_buf_append_char(&sql, ')');
    return assay_keyed_run(keyed, &sql, err);
}

/* b."a" IS NOT DISTINCT FROM p."a" AND .. */
static void append_same(assay_buf *buf, const assay_keyed *keyed)
{
    assay_buf_append_text(buf, "true");
    for (size_t i = 0; i < keyed->schema->count; i++) {
        if (!is_content(keyed, i))
            continue;
        assay_buf_append_text(buf, " AND ");
        assay_keyed_append_column(buf, "b", keyed->schema->fields[i].name);
        assay_buf_append_text(buf, " IS NOT DISTINCT FROM ");
        assay_keyed_append_column(buf, "p", keyed->schema->fields[i].name);
    }
}

/* Rows of one version with different content. */
static assay_status count_contradictions(assay_keyed *keyed, int64_t *ret_count, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&sql, "SELECT count(*) FROM " KEYED_BATCH " b JOIN (SELECT * FROM " SAID
                                " WHERE __n > 1) s ON ");
    assay_keyed_append_match(&sql, keyed, "b", "s");
    assay_buf_append_text(&sql, " AND ");
    assay_keyed_append_column(&sql, "b", keyed->rules->version);
    assay_buf_append_text(&sql, " = s.__v JOIN " KEYED_BATCH " p ON p.rowid = s.__r WHERE NOT (");
    append_same(&sql, keyed);
    assay_buf_append_char(&sql, ')');
    return assay_keyed_ask(keyed, &sql, ret_count, err);
}

static assay_status find_again(assay_keyed *keyed, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&sql,
                          "CREATE OR REPLACE TABLE " AGAIN
                          " AS SELECT s.__r FROM (SELECT __r, __p FROM " SAID
                          " WHERE __p IS NOT NULL) s JOIN " KEYED_BATCH
                          " b ON b.rowid = s.__r JOIN " KEYED_BATCH " p ON p.rowid = s.__p WHERE ");
    append_same(&sql, keyed);
    return assay_keyed_run(keyed, &sql, err);
}

/* ---- states ---- */

static assay_status make_states(assay_keyed *keyed, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&sql, "CREATE OR REPLACE TABLE " STATE " AS SELECT ");
    assay_keyed_append_key(&sql, keyed, "");
    assay_buf_append_text(&sql, ", __v, __r, lead(__v) OVER (PARTITION BY ");
    assay_keyed_append_key(&sql, keyed, "");
    assay_buf_append_text(&sql, " ORDER BY __v) AS __e FROM " SAID
                                " WHERE __r NOT IN (SELECT __r FROM " AGAIN ")");
    return assay_keyed_run(keyed, &sql, err);
}

/* Only states of keys that said something again are sorted. */
static assay_status make_confirmed(assay_keyed *keyed, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&sql,
                          "CREATE OR REPLACE TABLE " CONFIRMED " AS WITH x AS (SELECT * FROM " SAID
                          " WHERE __r IN (SELECT __r FROM " AGAIN
                          ")) SELECT s.__r, list(x.__v ORDER BY x.__v) AS __c FROM x ASOF "
                          "JOIN (SELECT t.* FROM " STATE " t SEMI JOIN x ON ");
    assay_keyed_append_match(&sql, keyed, "t", "x");
    assay_buf_append_text(&sql, ") s ON ");
    assay_keyed_append_match(&sql, keyed, "x", "s");
    assay_buf_append_text(&sql, " AND x.__v >= s.__v GROUP BY s.__r");
    return assay_keyed_run(keyed, &sql, err);
}

static void append_value(assay_buf *buf, const assay_keyed *keyed, size_t column)
{
    static const assay_keyed_made MADE[] = {{ASSAY_HISTORY_START, "s.__v"},
                                            {ASSAY_HISTORY_END, "s.__e"},
                                            {ASSAY_HISTORY_CURRENT, "s.__e IS NULL"},
                                            {ASSAY_HISTORY_CONFIRMED, "c.__c"},
                                            {ASSAY_HISTORY_DELETED, "NULL"}};
    const char *name = keyed->schema->fields[column].name;

    if (assay_keyed_append_made(buf, name, MADE, sizeof MADE / sizeof MADE[0]))
        return;
    if (assay_str_equal_ci(name, ASSAY_HISTORY_KEY))
        assay_keyed_append_surrogate(buf, keyed, "b", "s.__v");
    else
        assay_keyed_append_column(buf, "b", name);
}

static assay_status make_view(assay_keyed *keyed, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&sql, "CREATE OR REPLACE VIEW " KEYED_CHOSEN " AS SELECT ");
    for (size_t i = 0; i < keyed->schema->count; i++) {
        assay_buf_append_text(&sql, i > 0 ? ", CAST(" : "CAST(");
        append_value(&sql, keyed, i);
        assay_buf_append_text(&sql, " AS ");
        assay_keyed_append_type(&sql, keyed, i);
        assay_buf_append_text(&sql, ") AS ");
        assay_sql_append_name(&sql, keyed->schema->fields[i].name);
    }
    assay_buf_append_text(&sql, " FROM " KEYED_BATCH " b JOIN " STATE
                                " s ON s.__r = b.rowid LEFT JOIN " CONFIRMED " c ON c.__r = s.__r");
    return assay_keyed_run(keyed, &sql, err);
}

assay_status assay_keyed_new_history(assay_keyed *keyed, bool *ret_made, assay_error *err)
{
    bool applies = false;
    int64_t contradictions = 0;

    *ret_made = false;
    ASSAY_TRY(find_applies(keyed, &applies, err));
    if (!applies)
        return ASSAY_OK;
    ASSAY_TRY(find_said(keyed, err));
    ASSAY_TRY(count_contradictions(keyed, &contradictions, err));
    if (contradictions > 0)
        return ASSAY_OK;
    ASSAY_TRY(find_again(keyed, err));
    ASSAY_TRY(make_states(keyed, err));
    ASSAY_TRY(make_confirmed(keyed, err));
    ASSAY_TRY(make_view(keyed, err));
    keyed->rows = KEYED_CHOSEN;
    *ret_made = true;
    return ASSAY_OK;
}
