#include "steps/keyed.h"

#include "base/str.h"
#include "table/prune.h"

/* ---- the schema ---- */

/* A history cannot go on without a column: which of its states would hold then? */
static assay_status check_kept_columns(const assay_keyed *keyed, const assay_schema *incoming,
                                       assay_error *err)
{
    const assay_table *base = keyed->write->base;

    for (size_t i = 0; !keyed->fresh && i < base->schema->count; i++) {
        const char *name = base->schema->fields[i].name;
        if (assay_schema_find(incoming, name) == NULL &&
            !assay_str_equal_ci(name, ASSAY_HISTORY_DELETED))
            return assay_error_set(err, ASSAY_EDATA, 4010,
                                   "the query no longer gives the column '%s', which '%s' has in "
                                   "its history; run with --full-refresh",
                                   name, base->name);
    }
    return ASSAY_OK;
}

/* The query's columns with those that the mode adds. */
static assay_status read_shape(assay_keyed *keyed, const assay_column **ret_columns,
                               size_t *ret_count, assay_error *err)
{
    assay_write *write = keyed->write;
    assay_column *columns = NULL;
    const char *shape = NULL;

    ASSAY_TRY(assay_row_rules_shape(keyed->rules, write->select, write->arena, &shape, err));
    if (shape == write->select)
        return assay_write_describe(write, ret_columns, ret_count, err);
    ASSAY_TRY(assay_conn_describe(write->conn, shape, write->arena, &columns, ret_count, err));
    *ret_columns = columns;
    return ASSAY_OK;
}

static assay_status read_schema(assay_keyed *keyed, assay_error *err)
{
    assay_write *write = keyed->write;
    assay_schema *incoming = NULL;
    assay_schema *merged = NULL;
    const assay_column *columns = NULL;
    size_t count = 0;
    bool changed = false;

    ASSAY_TRY(read_shape(keyed, &columns, &count, err));
    ASSAY_TRY(assay_schema_from_columns(columns, count, write->arena, &incoming, err));
    merged = incoming;
    if (!keyed->fresh)
        ASSAY_TRY(assay_schema_merge(write->base->schema, incoming, ASSAY_SCHEMA_EVOLVE,
                                     write->arena, &merged, &changed, err));
    if (keyed->rules->history)
        ASSAY_TRY(check_kept_columns(keyed, incoming, err));
    keyed->schema = merged;
    keyed->from_query = assay_arena_take(write->arena, merged->count + 1, sizeof(bool));
    keyed->made = assay_arena_take(write->arena, merged->count + 1, sizeof(bool));
    if (keyed->from_query == NULL || keyed->made == NULL)
        return assay_error_nomem(err);
    for (size_t i = 0; i < merged->count; i++)
        keyed->made[i] =
            keyed->rules->history || assay_schema_find(incoming, merged->fields[i].name) != NULL;
    return ASSAY_OK;
}

static assay_status mark_from_query(assay_keyed *keyed, assay_error *err)
{
    assay_write *write = keyed->write;
    const assay_column *columns = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_write_describe(write, &columns, &count, err));
    for (size_t i = 0; i < keyed->schema->count; i++)
        for (size_t k = 0; k < count; k++)
            if (assay_str_equal_ci(keyed->schema->fields[i].name, columns[k].name))
                keyed->from_query[i] = true;
    return ASSAY_OK;
}

/* ---- the batch ---- */

static assay_status make_batch(assay_keyed *keyed, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&sql, "CREATE OR REPLACE TABLE " KEYED_BATCH " AS SELECT ");
    for (size_t i = 0; i < keyed->schema->count; i++) {
        if (!keyed->from_query[i])
            continue;
        assay_buf_append_text(&sql, "CAST(");
        assay_sql_append_name(&sql, keyed->schema->fields[i].name);
        assay_buf_append_text(&sql, " AS ");
        assay_keyed_append_type(&sql, keyed, i);
        assay_buf_append_text(&sql, ") AS ");
        assay_sql_append_name(&sql, keyed->schema->fields[i].name);
        assay_buf_append_text(&sql, ", ");
    }
    if (keyed->rules->delete_when != NULL) {
        assay_buf_append_text(&sql, "(\n");
        assay_buf_append_text(&sql, keyed->rules->delete_when);
        assay_buf_append_text(&sql, "\n) IS TRUE AS " KEYED_GONE);
    } else {
        assay_buf_append_text(&sql, "false AS " KEYED_GONE);
    }
    assay_buf_append_text(&sql, " FROM (\n");
    assay_buf_append_text(&sql, keyed->write->select);
    assay_buf_append_text(&sql, "\n)");
    return assay_keyed_run(keyed, &sql, err);
}

static assay_status check_nulls(assay_keyed *keyed, const char *column, const char *what,
                                assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    int64_t count = 0;

    assay_buf_append_text(&sql, "SELECT count(*) FROM " KEYED_BATCH " WHERE ");
    assay_sql_append_name(&sql, column);
    assay_buf_append_text(&sql, " IS NULL");
    ASSAY_TRY(assay_keyed_ask(keyed, &sql, &count, err));
    if (count > 0)
        return assay_error_set(err, ASSAY_EDATA, 4070,
                               "%lld row%s for '%s' ha%s no %s: '%s' is NULL", (long long)count,
                               count == 1 ? "" : "s", keyed->write->table, count == 1 ? "s" : "ve",
                               what, column);
    return ASSAY_OK;
}

static assay_status check_columns(const assay_keyed *keyed, assay_error *err)
{
    const assay_row_rules *rules = keyed->rules;

    for (size_t i = 0; i <= rules->key_count; i++) {
        const char *name = i < rules->key_count ? rules->key[i] : rules->version;
        bool given = name == NULL;
        for (size_t k = 0; !given && k < keyed->schema->count; k++)
            given = keyed->from_query[k] && assay_str_equal_ci(keyed->schema->fields[k].name, name);
        if (!given)
            return assay_error_set(err, ASSAY_ECONFIG, 2120,
                                   "'%s' names the column '%s', which the rows for '%s' do not "
                                   "have",
                                   i < rules->key_count ? "key" : "version", name,
                                   keyed->write->table);
    }
    return ASSAY_OK;
}

assay_status assay_keyed_read(assay_keyed *keyed, assay_error *err)
{
    assay_write *write = keyed->write;

    keyed->fresh =
        write->mode == ASSAY_LOAD_FULL || !write->base->exists || write->base->schema == NULL;
    ASSAY_TRY(assay_row_rules_check_condition(keyed->rules, write->select, write->conn, err));
    ASSAY_TRY(read_schema(keyed, err));
    ASSAY_TRY(mark_from_query(keyed, err));
    ASSAY_TRY(check_columns(keyed, err));
    ASSAY_TRY(make_batch(keyed, err));
    for (size_t i = 0; i < keyed->rules->key_count; i++)
        ASSAY_TRY(check_nulls(keyed, keyed->rules->key[i], "key", err));
    if (keyed->rules->version != NULL)
        ASSAY_TRY(check_nulls(keyed, keyed->rules->version, "version", err));
    return ASSAY_OK;
}

/* ---- the plan ---- */

static assay_status find_candidates(assay_keyed *keyed, assay_error *err)
{
    assay_write *write = keyed->write;

    keyed->base = (assay_published_rows){0};
    keyed->candidate_count = 0;
    if (keyed->fresh)
        return ASSAY_OK;
    ASSAY_TRY(
        assay_published_at(write->base, -1, write->steps->env, write->arena, &keyed->base, err));
    const assay_prune_request request = {.table = write->base,
                                         .schema = keyed->schema,
                                         .files = keyed->base.files,
                                         .count = keyed->base.count,
                                         .relation = KEYED_BATCH,
                                         .columns = keyed->rules->key,
                                         .column_count = keyed->rules->key_count};
    return assay_prune_files(write->conn, &request, write->arena, &keyed->candidates,
                             &keyed->candidate_count, err);
}

static assay_status count_acts(assay_keyed *keyed, const char *act, int64_t *ret_count,
                               assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_format(&sql, "SELECT count(*) FROM " KEYED_ACT " WHERE __a = '%s'", act);
    return assay_keyed_ask(keyed, &sql, ret_count, err);
}

/* Deletions of what was never there leave nothing. */
static void append_new_rows(assay_buf *buf, const assay_keyed *keyed)
{
    bool drops = !keyed->rules->history && !keyed->rules->soft_delete;

    assay_buf_append_format(buf, " FROM %s b%s", keyed->rows,
                            drops ? " WHERE NOT b." KEYED_GONE : "");
}

static assay_status count_new(assay_keyed *keyed, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    keyed->updated = 0;
    keyed->deleted = 0;
    assay_buf_append_text(&sql, "SELECT count(*)");
    append_new_rows(&sql, keyed);
    return assay_keyed_ask(keyed, &sql, &keyed->inserted, err);
}

assay_status assay_keyed_plan(assay_keyed *keyed, assay_error *err)
{
    ASSAY_TRY(find_candidates(keyed, err));
    keyed->all_new = keyed->candidate_count == 0;
    keyed->rows = KEYED_ROWS;
    keyed->touched_count = 0;
    ASSAY_TRY(keyed->rules->history ? assay_keyed_history(keyed, err)
                                    : assay_keyed_merge(keyed, err));
    if (keyed->all_new)
        return count_new(keyed, err);
    ASSAY_TRY(count_acts(keyed, "i", &keyed->inserted, err));
    ASSAY_TRY(count_acts(keyed, "u", &keyed->updated, err));
    ASSAY_TRY(count_acts(keyed, "d", &keyed->deleted, err));
    return assay_keyed_hit_files(keyed, KEYED_ACT, NULL, &keyed->touched, &keyed->touched_count,
                                 err);
}

/* ---- the rows that are written ---- */

static void append_changed(assay_buf *buf, const assay_keyed *keyed, size_t column)
{
    const char *name = keyed->schema->fields[column].name;

    if (keyed->made[column]) {
        assay_buf_append_text(buf, "CASE WHEN u.__a IS NULL THEN ");
        assay_keyed_append_column(buf, "t", name);
        assay_buf_append_text(buf, " ELSE ");
        assay_keyed_append_column(buf, "u", name);
        assay_buf_append_text(buf, " END");
    } else {
        assay_keyed_append_column(buf, "t", name);
    }
    assay_buf_append_text(buf, " AS ");
    assay_sql_append_name(buf, name);
}

static void append_inserted(assay_buf *buf, const assay_keyed *keyed, size_t column)
{
    const char *name = keyed->schema->fields[column].name;

    if (keyed->made[column]) {
        assay_keyed_append_column(buf, "b", name);
    } else {
        assay_buf_append_text(buf, "CAST(NULL AS ");
        assay_keyed_append_type(buf, keyed, column);
        assay_buf_append_char(buf, ')');
    }
    assay_buf_append_text(buf, " AS ");
    assay_sql_append_name(buf, name);
}

typedef void append_one(assay_buf *buf, const assay_keyed *keyed, size_t column);

static void append_columns(assay_buf *buf, const assay_keyed *keyed, append_one *append)
{
    assay_buf_append_text(buf, "SELECT ");
    for (size_t i = 0; i < keyed->schema->count; i++) {
        assay_buf_append_text(buf, i > 0 ? ", " : "");
        append(buf, keyed, i);
    }
}

/* One pass over the touched files: rows that stay, and in place of their rows those that change.
 * The join gives them in another order. */
static assay_status append_touched(assay_buf *buf, const assay_keyed *keyed, assay_error *err)
{
    append_columns(buf, keyed, append_changed);
    assay_buf_append_text(buf, " FROM ");
    ASSAY_TRY(assay_keyed_append_scan(buf, keyed, keyed->touched, keyed->touched_count, "t", err));
    assay_buf_append_text(buf, " LEFT JOIN (SELECT a.__f, a.__r, a.__a, b.* FROM " KEYED_ACT
                               " a LEFT JOIN " KEYED_ROWS
                               " b ON b.__n = a.__b WHERE a.__f IS NOT NULL) u ON u.__f = ");
    assay_keyed_append_file(buf, keyed, "t");
    assay_buf_append_text(buf, " AND u.__r = t.__assay_row WHERE u.__a IS NULL OR u.__a <> 'd' "
                               "UNION ALL ");
    return ASSAY_OK;
}

/* Files that divide the keys among themselves do so when some are written again, and rows that come
 * find their place: what looks for keys later reads as few files as before. */
static assay_status must_sort(const assay_keyed *keyed, bool *ret_sort, assay_error *err)
{
    const assay_field *field = assay_schema_find(keyed->schema, keyed->rules->key[0]);

    *ret_sort = false;
    if (field == NULL || keyed->touched_count == 0 || keyed->write->partition_count > 0)
        return ASSAY_OK; /* of a partition one file is written */
    return assay_prune_divided(keyed->write->base, keyed->base.files, keyed->base.count, field,
                               ret_sort, err);
}

assay_status assay_keyed_select(assay_keyed *keyed, const char **ret_sql, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    bool sort = false;

    ASSAY_TRY(must_sort(keyed, &sort, err));
    assay_buf_append_text(&sql, sort ? "SELECT * FROM (" : "");
    if (keyed->touched_count > 0)
        ASSAY_TRY(append_touched(&sql, keyed, err));
    append_columns(&sql, keyed, append_inserted);
    if (keyed->all_new)
        append_new_rows(&sql, keyed);
    else
        assay_buf_append_text(&sql, " FROM " KEYED_ACT " a JOIN " KEYED_ROWS
                                    " b ON b.__n = a.__b WHERE a.__f IS NULL");
    if (sort) {
        assay_buf_append_text(&sql, ") ORDER BY ");
        assay_keyed_append_key(&sql, keyed, "");
    }
    ASSAY_TRY(assay_buf_check(&sql, err));
    *ret_sql = assay_arena_text(keyed->write->arena, assay_buf_text(&sql));
    return assay_arena_check(*ret_sql, err);
}

assay_status assay_keyed_batch(assay_keyed *keyed, const char **ret_join, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    bool history = keyed->rules->history;

    *ret_join = NULL;
    if (keyed->all_new)
        return ASSAY_OK;
    assay_buf_append_text(&sql, " SEMI JOIN (SELECT ");
    assay_keyed_append_key(&sql, keyed, "b");
    assay_buf_append_text(&sql, history ? ", b." ASSAY_HISTORY_START : "");
    assay_buf_append_text(&sql, " FROM " KEYED_ACT " a JOIN " KEYED_ROWS
                                " b ON b.__n = a.__b WHERE a.__a <> 'd') k ON ");
    assay_keyed_append_match(&sql, keyed, "t", "k");
    assay_buf_append_text(&sql,
                          history ? " AND t." ASSAY_HISTORY_START " = k." ASSAY_HISTORY_START : "");
    ASSAY_TRY(assay_buf_check(&sql, err));
    *ret_join = assay_arena_text(keyed->write->arena, assay_buf_text(&sql));
    return assay_arena_check(*ret_join, err);
}

/* ---- after a lost race ---- */

assay_status assay_keyed_look(assay_keyed *keyed, const assay_data_file *files, size_t count,
                              bool *ret_found, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_write *write = keyed->write;
    const assay_prune_request request = {.table = write->base,
                                         .schema = keyed->schema,
                                         .files = files,
                                         .count = count,
                                         .relation = KEYED_BATCH,
                                         .columns = keyed->rules->key,
                                         .column_count = keyed->rules->key_count};
    assay_data_file *near = NULL;
    size_t near_count = 0;
    int64_t found = 0;

    *ret_found = false;
    ASSAY_TRY(assay_prune_files(write->conn, &request, write->arena, &near, &near_count, err));
    if (near_count == 0)
        return ASSAY_OK;
    assay_buf_append_text(&sql, "SELECT count(*) FROM (SELECT 1 FROM ");
    ASSAY_TRY(assay_keyed_append_scan(&sql, keyed, near, near_count, "t", err));
    assay_buf_append_text(&sql, " SEMI JOIN " KEYED_BATCH " b ON ");
    assay_keyed_append_match(&sql, keyed, "t", "b");
    assay_buf_append_text(&sql, " LIMIT 1)");
    ASSAY_TRY(assay_keyed_ask(keyed, &sql, &found, err));
    *ret_found = found > 0;
    return ASSAY_OK;
}
