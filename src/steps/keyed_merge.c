/* Merge: one row a key, the highest version wins (SEMANTICS.md 1.3). */
#include "base/str.h"
#include "steps/keyed.h"

static const char SAME[] = "__assay_same"; /* (__b): rows that the table has already */
/* (__r, __v, __n, key ..): number of a row of the batch with the highest version of its key, that
 * version, and how many rows the key has */
static const char NEWEST[] = "__assay_newest";

/* ---- the batch: one row a key ---- */

static void append_doubles(assay_buf *buf, const assay_keyed *keyed, const char *table)
{
    assay_buf_append_text(buf, table);
    assay_buf_append_text(buf, " GROUP BY ");
    assay_keyed_append_key(buf, keyed, "");
    assay_buf_append_text(buf, " HAVING count(*) > 1");
}

static assay_status count_doubles(assay_keyed *keyed, const char *table, int64_t *ret_count,
                                  assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&sql, "SELECT count(*) FROM (SELECT 1 FROM ");
    append_doubles(&sql, keyed, table);
    assay_buf_append_char(&sql, ')');
    return assay_keyed_ask(keyed, &sql, ret_count, err);
}

static assay_status name_double(assay_keyed *keyed, const char *table, const char **ret_text,
                                assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf from = ASSAY_BUF_EMPTY;

    append_doubles(&from, keyed, table);
    ASSAY_TRY(assay_buf_check(&from, err));
    return assay_keyed_name_row(keyed, assay_buf_text(&from), ret_text, err);
}

static assay_status refuse_doubles(assay_keyed *keyed, int64_t count, assay_error *err)
{
    const char *table = keyed->rules->version == NULL ? KEYED_BATCH : KEYED_ROWS;
    const char *row = NULL;

    ASSAY_TRY(name_double(keyed, table, &row, err));
    if (keyed->rules->version == NULL)
        return assay_error_set(err, ASSAY_EDATA, 4071,
                               "%lld key%s of '%s' come%s more than once in the query's rows, and "
                               "no version says which row wins: %s",
                               (long long)count, count == 1 ? "" : "s", keyed->write->table,
                               count == 1 ? "s" : "", row);
    return assay_error_set(err, ASSAY_EDATA, 4072,
                           "%lld key%s of '%s' ha%s rows of one version with different content in "
                           "the query's rows: %s",
                           (long long)count, count == 1 ? "" : "s", keyed->write->table,
                           count == 1 ? "s" : "ve", row);
}

/* The marks of soft_delete beside the batch's columns. */
static void append_marks(assay_buf *buf, const assay_keyed *keyed)
{
    const assay_row_rules *rules = keyed->rules;

    if (!rules->soft_delete)
        return;
    assay_buf_append_text(buf, ", " KEYED_GONE " AS " ASSAY_MERGE_IS_DELETED
                               ", CASE WHEN " KEYED_GONE " THEN ");
    if (rules->version != NULL)
        assay_sql_append_name(buf, rules->version);
    else
        assay_buf_append_format(buf, "make_timestamptz(%lld)", (long long)keyed->write->now_us);
    assay_buf_append_text(buf, " END AS " ASSAY_MERGE_DELETED_AT);
}

/* Which rows of the batch are taken. */
enum choice {
    ALL_ROWS,    /* no key comes twice */
    NEWEST_ROWS, /* those of __assay_newest */
    EQUAL_ROWS   /* of the highest version; equal rows of it are one row */
};

static void append_choice(assay_buf *buf, const assay_keyed *keyed, enum choice choice)
{
    switch (choice) {
    case ALL_ROWS:
        assay_buf_append_text(buf, " FROM " KEYED_BATCH);
        break;
    case NEWEST_ROWS:
        assay_buf_append_format(buf, " FROM " KEYED_BATCH " WHERE rowid IN (SELECT __r FROM %s)",
                                NEWEST);
        break;
    case EQUAL_ROWS:
        assay_buf_append_text(buf, " FROM (SELECT DISTINCT * FROM (SELECT * FROM " KEYED_BATCH
                                   " QUALIFY rank() OVER (PARTITION BY ");
        assay_keyed_append_key(buf, keyed, "");
        assay_buf_append_text(buf, " ORDER BY ");
        assay_sql_append_name(buf, keyed->rules->version);
        assay_buf_append_text(buf, " DESC) = 1))");
        break;
    }
}

/* Where all rows are new they are read once, by the write, and need no number: a view will do. */
static assay_status make_rows(assay_keyed *keyed, enum choice choice, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    bool view = keyed->all_new && choice != EQUAL_ROWS;

    keyed->rows = view ? KEYED_CHOSEN : KEYED_ROWS;
    assay_buf_append_text(&sql, view ? "CREATE OR REPLACE VIEW " KEYED_CHOSEN " AS SELECT *"
                                     : "CREATE OR REPLACE TABLE " KEYED_ROWS
                                       " AS SELECT *, row_number() OVER () AS __n");
    append_marks(&sql, keyed);
    append_choice(&sql, keyed, choice);
    return assay_keyed_run(keyed, &sql, err);
}

/* The newest row of each key by its number alone, so that no whole row is sorted or compared.
 * *ret_ties: how many keys have more than one row of their highest version. */
static assay_status find_newest(assay_keyed *keyed, int64_t *ret_ties, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const char *version = keyed->rules->version;

    assay_buf_append_format(&sql, "CREATE OR REPLACE TABLE %s AS SELECT arg_max(rowid, ", NEWEST);
    assay_sql_append_name(&sql, version);
    assay_buf_append_text(&sql, ") AS __r, max(");
    assay_sql_append_name(&sql, version);
    assay_buf_append_text(&sql, ") AS __v, count(*) AS __n, ");
    assay_keyed_append_key(&sql, keyed, "");
    assay_buf_append_text(&sql, " FROM " KEYED_BATCH " GROUP BY ");
    assay_keyed_append_key(&sql, keyed, "");
    ASSAY_TRY(assay_keyed_run(keyed, &sql, err));
    assay_buf_append_format(&sql,
                            "SELECT count(*) FROM (SELECT 1 FROM " KEYED_BATCH
                            " b JOIN (SELECT * FROM %s WHERE __n > 1) n ON ",
                            NEWEST);
    assay_keyed_append_match(&sql, keyed, "b", "n");
    assay_buf_append_text(&sql, " AND ");
    assay_keyed_append_column(&sql, "b", version);
    assay_buf_append_text(&sql, " = n.__v GROUP BY ");
    assay_keyed_append_key(&sql, keyed, "n");
    assay_buf_append_text(&sql, " HAVING count(*) > 1)");
    return assay_keyed_ask(keyed, &sql, ret_ties, err);
}

static assay_status choose_rows(assay_keyed *keyed, assay_error *err)
{
    int64_t doubles = 0;
    int64_t ties = 1;

    ASSAY_TRY(count_doubles(keyed, KEYED_BATCH, &doubles, err));
    if (doubles > 0 && keyed->rules->version == NULL)
        return refuse_doubles(keyed, doubles, err);
    if (doubles == 0 && keyed->all_new && !keyed->rules->soft_delete) {
        keyed->rows = KEYED_BATCH; /* as it is */
        return ASSAY_OK;
    }
    if (doubles == 0)
        return make_rows(keyed, ALL_ROWS, err);
    if (assay_keyed_has_numbers(keyed))
        ASSAY_TRY(find_newest(keyed, &ties, err));
    if (ties == 0)
        return make_rows(keyed, NEWEST_ROWS, err);
    ASSAY_TRY(make_rows(keyed, EQUAL_ROWS, err));
    ASSAY_TRY(count_doubles(keyed, KEYED_ROWS, &doubles, err));
    return doubles > 0 ? refuse_doubles(keyed, doubles, err) : ASSAY_OK;
}

/* ---- against the table ---- */

/* __c: 1 = newer than the table's row, 0 = its content decides, -1 = older. */
static assay_status find_hits(assay_keyed *keyed, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf more = ASSAY_BUF_EMPTY;
    const char *version = keyed->rules->version;

    assay_buf_append_text(&more, ", b.__n AS __b, ");
    if (version == NULL) {
        assay_buf_append_text(&more, "0 AS __c");
    } else {
        assay_buf_append_text(&more, "CASE WHEN ");
        assay_keyed_append_column(&more, "t", version);
        assay_buf_append_text(&more, " IS NULL OR ");
        assay_keyed_append_column(&more, "b", version);
        assay_buf_append_text(&more, " > ");
        assay_keyed_append_column(&more, "t", version);
        assay_buf_append_text(&more, " THEN 1 WHEN ");
        assay_keyed_append_column(&more, "b", version);
        assay_buf_append_text(&more, " = ");
        assay_keyed_append_column(&more, "t", version);
        assay_buf_append_text(&more, " THEN 0 ELSE -1 END AS __c");
    }
    ASSAY_TRY(assay_buf_check(&more, err));
    return assay_keyed_find_hits(keyed, KEYED_ROWS, assay_buf_text(&more), err);
}

static assay_status check_hits(assay_keyed *keyed, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const char *row = NULL;
    int64_t doubles = 0;

    assay_buf_append_text(&sql, "SELECT count(*) - count(DISTINCT __b) FROM " KEYED_HIT);
    ASSAY_TRY(assay_keyed_ask(keyed, &sql, &doubles, err));
    if (doubles == 0)
        return ASSAY_OK;
    ASSAY_TRY(assay_keyed_name_row(keyed,
                                   KEYED_ROWS " WHERE __n IN (SELECT __b FROM " KEYED_HIT
                                              " GROUP BY __b HAVING count(*) > 1)",
                                   &row, err));
    return assay_error_set(err, ASSAY_EDATA, 4073,
                           "table '%s' has more than one row with the key %s", keyed->write->table,
                           row);
}

/* The moment of a deletion is no content: the same deletion may be seen at another time. */
static void append_same(assay_buf *buf, const assay_keyed *keyed)
{
    for (size_t i = 0; i < keyed->schema->count; i++) {
        const char *name = keyed->schema->fields[i].name;
        bool is_moment =
            keyed->rules->soft_delete && assay_str_equal_ci(name, ASSAY_MERGE_DELETED_AT);
        if (!keyed->made[i] || is_moment)
            continue;
        assay_buf_append_text(buf, " AND ");
        assay_keyed_append_column(buf, "t", name);
        assay_buf_append_text(buf, " IS NOT DISTINCT FROM ");
        assay_keyed_append_column(buf, "b", name);
    }
}

/* Rows whose content decides are read whole, and only in the files that have such rows. */
static assay_status find_same(assay_keyed *keyed, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_data_file *files = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_keyed_hit_files(keyed, KEYED_HIT, "__c = 0", &files, &count, err));
    assay_buf_append_format(&sql, "CREATE OR REPLACE TABLE %s AS SELECT h.__b FROM ", SAME);
    ASSAY_TRY(assay_keyed_append_scan(&sql, keyed, files, count, "t", err));
    assay_buf_append_text(&sql, " JOIN (SELECT * FROM " KEYED_HIT " WHERE __c = 0) h ON h.__f = ");
    assay_keyed_append_file(&sql, keyed, "t");
    assay_buf_append_text(&sql, " AND h.__r = t.__assay_row JOIN " KEYED_ROWS
                                " b ON b.__n = h.__b WHERE true");
    append_same(&sql, keyed);
    return assay_keyed_run(keyed, &sql, err);
}

/* 'x': the same version with another content. */
static assay_status make_acts(assay_keyed *keyed, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_row_rules *rules = keyed->rules;

    assay_buf_append_text(&sql, "CREATE OR REPLACE TABLE " KEYED_ACT
                                " AS SELECT * FROM (SELECT b.__n AS __b, h.__f, h.__r, CASE WHEN "
                                "h.__b IS NULL THEN ");
    assay_buf_append_text(&sql, rules->soft_delete ? "'i'"
                                                   : "CASE WHEN b." KEYED_GONE
                                                     " THEN NULL ELSE 'i' END");
    assay_buf_append_text(&sql, " WHEN h.__c < 0 THEN NULL");
    if (!rules->soft_delete)
        assay_buf_append_text(&sql, rules->version == NULL
                                        ? " WHEN b." KEYED_GONE " THEN 'd'"
                                        : " WHEN b." KEYED_GONE
                                          " AND (h.__c > 0 OR s.__b IS NOT NULL) THEN 'd'");
    assay_buf_append_text(&sql, " WHEN h.__c = 0 AND s.__b IS NOT NULL THEN NULL");
    if (rules->version != NULL)
        assay_buf_append_text(&sql, " WHEN h.__c = 0 THEN 'x'");
    assay_buf_append_format(&sql,
                            " ELSE 'u' END AS __a FROM " KEYED_ROWS " b LEFT JOIN " KEYED_HIT
                            " h ON h.__b = b.__n LEFT JOIN %s s ON s.__b = b.__n) WHERE __a IS "
                            "NOT NULL",
                            SAME);
    return assay_keyed_run(keyed, &sql, err);
}

static assay_status check_ties(assay_keyed *keyed, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const char *row = NULL;
    int64_t ties = 0;

    assay_buf_append_text(&sql, "SELECT count(*) FROM " KEYED_ACT " WHERE __a = 'x'");
    ASSAY_TRY(assay_keyed_ask(keyed, &sql, &ties, err));
    if (ties == 0)
        return ASSAY_OK;
    ASSAY_TRY(assay_keyed_name_row(keyed,
                                   KEYED_ROWS " WHERE __n IN (SELECT __b FROM " KEYED_ACT
                                              " WHERE __a = 'x')",
                                   &row, err));
    return assay_error_set(err, ASSAY_EDATA, 4072,
                           "%lld row%s for '%s' ha%s the version that the table's row has, and "
                           "another content: %s",
                           (long long)ties, ties == 1 ? "" : "s", keyed->write->table,
                           ties == 1 ? "s" : "ve", row);
}

assay_status assay_keyed_merge(assay_keyed *keyed, assay_error *err)
{
    ASSAY_TRY(choose_rows(keyed, err));
    if (keyed->all_new)
        return ASSAY_OK;
    ASSAY_TRY(find_hits(keyed, err));
    ASSAY_TRY(check_hits(keyed, err));
    ASSAY_TRY(find_same(keyed, err));
    ASSAY_TRY(make_acts(keyed, err));
    return check_ties(keyed, err);
}
