#include "pipeline/shape.h"

#include "base/str.h"
#include "pipeline/output.h"

/* ---- rules ---- */

static assay_status list_tracking(const assay_model_header *header, assay_tracking track,
                                  assay_arena *arena, const char *const **ret_names,
                                  size_t *ret_count, assay_error *err)
{
    const char **names = assay_arena_take(arena, header->column_count + 1, sizeof *names);
    size_t count = 0;

    ASSAY_TRY(assay_arena_check(names, err));
    for (size_t i = 0; i < header->column_count; i++)
        if (header->columns[i].track == track)
            names[count++] = header->columns[i].name;
    *ret_names = names;
    *ret_count = count;
    return ASSAY_OK;
}

assay_status assay_row_rules_read(const assay_model_header *header, assay_arena *arena,
                                  assay_row_rules *ret_rules, assay_error *err)
{
    assay_row_rules rules = {.version = header->version.text,
                             .delete_when = header->delete_when.text,
                             .soft_delete = header->soft_delete,
                             .history = header->mode == ASSAY_LOAD_SCD2};

    *ret_rules = (assay_row_rules){0};
    if (header->mode != ASSAY_LOAD_MERGE && header->mode != ASSAY_LOAD_SCD2)
        return ASSAY_OK;
    const char **key = assay_arena_take(arena, header->key_count + 1, sizeof *key);
    ASSAY_TRY(assay_arena_check(key, err));
    for (size_t i = 0; i < header->key_count; i++)
        key[i] = header->key[i].text;
    rules.key = key;
    rules.key_count = header->key_count;
    ASSAY_TRY(
        list_tracking(header, ASSAY_TRACK_YES, arena, &rules.tracked, &rules.tracked_count, err));
    ASSAY_TRY(list_tracking(header, ASSAY_TRACK_NO, arena, &rules.untracked, &rules.untracked_count,
                            err));
    *ret_rules = rules;
    return ASSAY_OK;
}

static bool is_in(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (assay_str_equal_ci(names[i], name))
            return true;
    return false;
}

bool assay_row_rules_tracks(const assay_row_rules *rules, const char *column)
{
    if (rules->tracked_count > 0)
        return is_in(rules->tracked, rules->tracked_count, column);
    return !is_in(rules->untracked, rules->untracked_count, column);
}

bool assay_row_rules_add_columns(const assay_row_rules *rules)
{
    return rules->history || rules->soft_delete;
}

bool assay_row_rules_make(const assay_row_rules *rules, const char *column)
{
    static const char *const history[] = {ASSAY_HISTORY_START,     ASSAY_HISTORY_END,
                                          ASSAY_HISTORY_CURRENT,   ASSAY_HISTORY_KEY,
                                          ASSAY_HISTORY_CONFIRMED, ASSAY_HISTORY_DELETED};
    static const char *const marks[] = {ASSAY_MERGE_IS_DELETED, ASSAY_MERGE_DELETED_AT};

    if (rules->history)
        return is_in(history, sizeof history / sizeof history[0], column);
    return rules->soft_delete && is_in(marks, sizeof marks / sizeof marks[0], column);
}

/* ---- the shape ---- */

static void append_as(assay_buf *buf, const char *name)
{
    assay_buf_append_text(buf, " AS ");
    assay_sql_append_name(buf, name);
}

/* The version, or another expression around it: `before` version `after`. */
static void append_of_version(assay_buf *buf, const assay_row_rules *rules, const char *before,
                              const char *after, const char *name)
{
    assay_buf_append_text(buf, before);
    assay_sql_append_name(buf, rules->version);
    assay_buf_append_text(buf, after);
    append_as(buf, name);
}

static void append_history(assay_buf *buf, const assay_row_rules *rules)
{
    append_of_version(buf, rules, ", ", "", ASSAY_HISTORY_START);
    append_of_version(buf, rules, ", ", "", ASSAY_HISTORY_END);
    append_of_version(buf, rules, ", (", " IS NULL)", ASSAY_HISTORY_CURRENT);
    assay_buf_append_text(buf, ", md5(concat(");
    for (size_t i = 0; i < rules->key_count; i++) {
        assay_sql_append_name(buf, rules->key[i]);
        assay_buf_append_text(buf, ", ");
    }
    append_of_version(buf, rules, "", "))", ASSAY_HISTORY_KEY);
    append_of_version(buf, rules, ", [", "]", ASSAY_HISTORY_CONFIRMED);
    if (rules->delete_when != NULL)
        append_of_version(buf, rules, ", [", "]", ASSAY_HISTORY_DELETED);
}

static void append_marks(assay_buf *buf, const assay_row_rules *rules)
{
    assay_buf_append_text(buf, ", (\n");
    assay_buf_append_text(buf, rules->delete_when);
    assay_buf_append_text(buf, "\n) IS TRUE");
    append_as(buf, ASSAY_MERGE_IS_DELETED);
    if (rules->version != NULL)
        append_of_version(buf, rules, ", ", "", ASSAY_MERGE_DELETED_AT);
    else {
        assay_buf_append_text(buf, ", CAST(NULL AS TIMESTAMP WITH TIME ZONE)");
        append_as(buf, ASSAY_MERGE_DELETED_AT);
    }
}

void assay_row_rules_append_shape(assay_buf *buf, const assay_row_rules *rules, const char *sql)
{
    assay_buf_append_text(buf, "SELECT *");
    if (rules->history)
        append_history(buf, rules);
    else if (rules->soft_delete)
        append_marks(buf, rules);
    assay_buf_append_text(buf, " FROM (\n");
    assay_buf_append_text(buf, sql);
    assay_buf_append_text(buf, "\n)");
}

assay_status assay_row_rules_shape(const assay_row_rules *rules, const char *sql,
                                   assay_arena *arena, const char **ret_sql, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    *ret_sql = sql;
    if (!assay_row_rules_add_columns(rules))
        return ASSAY_OK;
    assay_row_rules_append_shape(&buf, rules, sql);
    ASSAY_TRY(assay_buf_check(&buf, err));
    *ret_sql = assay_arena_text(arena, assay_buf_text(&buf));
    return assay_arena_check(*ret_sql, err);
}

/* ---- checks ---- */

/* Binds the query that the parts make. */
static assay_status describe_condition(const char *const parts[5], assay_conn *conn,
                                       assay_arena *arena, assay_column **ret_columns,
                                       size_t *ret_count, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    assay_error failure = {0};

    for (int i = 0; i < 5; i++)
        assay_buf_append_text(&buf, parts[i]);
    ASSAY_TRY(assay_buf_check(&buf, err));
    if (assay_conn_describe(conn, assay_buf_text(&buf), arena, ret_columns, ret_count, &failure) ==
        ASSAY_OK)
        return ASSAY_OK;
    if (failure.code != ASSAY_ECONFIG)
        return assay_error_copy(err, &failure);
    return assay_error_set(err, ASSAY_ECONFIG, 2031, "delete_when cannot be computed: %s",
                           failure.message);
}

assay_status assay_row_rules_check_condition(const assay_row_rules *rules, const char *sql,
                                             assay_conn *conn, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *scratch = assay_arena_new();
    const char *const value[5] = {"SELECT (\n", rules->delete_when, "\n) FROM (\n", sql, "\n)"};
    const char *const filter[5] = {"SELECT 1 FROM (\n", sql, "\n) WHERE\n", rules->delete_when,
                                   "\n"};
    assay_column *columns = NULL;
    size_t count = 0;

    if (rules->delete_when == NULL)
        return ASSAY_OK;
    ASSAY_TRY(assay_arena_check(scratch, err));
    ASSAY_TRY(describe_condition(value, conn, scratch, &columns, &count, err));
    if (count != 1 || !assay_str_equal(columns[0].type, "BOOLEAN"))
        return assay_error_set(err, ASSAY_ECONFIG, 2031,
                               "delete_when is no condition: it gives %s, not BOOLEAN",
                               count == 1 ? columns[0].type : "several values");
    /* One expression is what can stand with parentheses and without them; WHERE has no aggregates.
     */
    return describe_condition(filter, conn, scratch, &columns, &count, err);
}

/* The query's own columns: those that the rules add are not there yet. */
static assay_status check_columns(const assay_model *model, assay_error *err)
{
    const assay_model_header *header = &model->header;

    for (size_t i = 0; i < header->key_count; i++)
        ASSAY_TRY(assay_output_check_column(model, "key", &header->key[i], err));
    if (header->version.text != NULL)
        ASSAY_TRY(assay_output_check_column(model, "version", &header->version, err));
    return ASSAY_OK;
}

assay_status assay_model_apply_shape(assay_model *model, const char *sql, assay_conn *conn,
                                     assay_arena *arena, assay_error *err)
{
    assay_row_rules rules;
    const char *shape = NULL;

    ASSAY_TRY(assay_row_rules_read(&model->header, arena, &rules, err));
    if (rules.key_count == 0)
        return ASSAY_OK;
    ASSAY_TRY(check_columns(model, err));
    assay_status status = assay_row_rules_check_condition(&rules, sql, conn, err);
    if (status != ASSAY_OK) {
        if (err != NULL && err->number == 2031)
            assay_error_place(err, (assay_place){model->path, model->header.delete_when.line,
                                                 model->header.delete_when.column});
        return status;
    }
    if (!assay_row_rules_add_columns(&rules))
        return ASSAY_OK;
    ASSAY_TRY(assay_row_rules_shape(&rules, sql, arena, &shape, err));
    return assay_conn_describe(conn, shape, arena, &model->columns, &model->column_count, err);
}
