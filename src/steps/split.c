#include "steps/split.h"

#include <inttypes.h>

#include "base/path.h"
#include "base/str.h"
#include "steps/write.h"
#include "table/scan.h"

#define MARKS "\"temp\".\"main\".\"__assay_marks\""
#define BATCH "\"temp\".\"main\".\"__assay_split_batch\""

/* One split while it is made. */
struct splitting {
    const assay_write *write;
    assay_split *split;
    const assay_split_subject *subject;
};

static assay_status execute(const struct splitting *splitting, assay_buf *sql, assay_error *err)
{
    ASSAY_TRY(assay_buf_check(sql, err));
    assay_status status = assay_conn_execute(splitting->write->conn, sql->data, NULL, err);
    if (status != ASSAY_OK && err != NULL) {
        err->line = 0; /* places in our SQL say nothing to the user */
        err->column = 0;
    }
    return status;
}

/* "SELECT .. FROM read_parquet(..)" of files of the table, in the arena. */
static assay_status scan_text(const struct splitting *splitting, const assay_data_file *files,
                              size_t count, bool positions, const char **ret_sql, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_write *write = splitting->write;
    const assay_scan_options options = {.file_columns = positions, .conn = write->conn};

    ASSAY_TRY(assay_scan_append_sql(&sql, write->base, splitting->subject->schema, files, count,
                                    &options, err));
    ASSAY_TRY(assay_buf_check(&sql, err));
    *ret_sql = assay_arena_text(write->arena, sql.data);
    return assay_arena_check(*ret_sql, err);
}

/* ---- rules over single rows ---- */

/* ASSAY_SPLIT_ROWS out of `relation`, and the records that could not be read. */
static assay_status open_rows(const struct splitting *splitting, const char *relation,
                              assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_split *split = splitting->split;
    const char *broken = splitting->write->broken;

    assay_buf_append_text(&sql, "CREATE OR REPLACE TEMP TABLE " ASSAY_SPLIT_ROWS
                                " AS SELECT *, NULL::VARCHAR AS __assay_record, NULL::VARCHAR AS "
                                "__assay_record_format, NULL::VARCHAR AS __assay_reason FROM (");
    assay_split_append_marked(&sql, split, relation);
    assay_buf_append_char(&sql, ')');
    ASSAY_TRY(execute(splitting, &sql, err));
    splitting->split->opened = true;
    if (broken == NULL)
        return ASSAY_OK;
    assay_buf_clear(&sql);
    assay_buf_append_format(&sql,
                            "INSERT INTO " ASSAY_SPLIT_ROWS
                            " BY NAME SELECT *, [%zu]::INTEGER[] AS __assay_rules FROM (%s)",
                            split->count - 1, broken);
    return execute(splitting, &sql, err);
}

/* ---- keys ---- */

/* Which copy stays; see the header. */
static assay_status order_text(const struct splitting *splitting, const char **ret_order,
                               assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf order = ASSAY_BUF_EMPTY;
    const assay_model *model = splitting->write->model;
    const assay_schema *schema = splitting->subject->schema;

    if (model != NULL && model->kind == ASSAY_MODEL_EXTRACT) {
        assay_buf_append_text(&order, "_source_file, _source_row");
    } else {
        if (model != NULL && model->header.version.text != NULL) {
            assay_sql_append_name(&order, model->header.version.text);
            assay_buf_append_text(&order, " DESC NULLS LAST, ");
        }
        for (size_t i = 0; i < schema->count; i++) {
            assay_buf_append_text(&order, i > 0 ? ", " : "");
            assay_sql_append_name(&order, schema->fields[i].name);
        }
    }
    ASSAY_TRY(assay_buf_check(&order, err));
    *ret_order = assay_arena_text(splitting->write->arena, order.data);
    return assay_arena_check(*ret_order, err);
}

static assay_status mark(const struct splitting *splitting, assay_buf *select, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    ASSAY_TRY(assay_buf_check(select, err));
    assay_buf_append_format(&sql, "INSERT INTO " MARKS " %s", select->data);
    return execute(splitting, &sql, err);
}

/* Marks the copies of rule `index` among the good rows. */
static assay_status mark_copies(const struct splitting *splitting, size_t index, const char *good,
                                const char *base, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const char *order = NULL;
    int64_t repeated = 0;

    assay_split_append_repeated(&sql, splitting->split, index, good);
    ASSAY_TRY(execute(splitting, &sql, err));
    assay_buf_clear(&sql);
    ASSAY_TRY(assay_conn_query_int(splitting->write->conn,
                                   "SELECT count(*) FROM " ASSAY_SPLIT_REPEATED, &repeated, err));
    if (repeated > 0) {
        ASSAY_TRY(order_text(splitting, &order, err));
        assay_split_append_copies(&sql, splitting->split, index, good, order);
        ASSAY_TRY(mark(splitting, &sql, err));
        assay_buf_clear(&sql);
    }
    if (splitting->subject->base_count == 0)
        return ASSAY_OK;
    assay_split_append_taken(&sql, splitting->split, index, good, base);
    return mark(splitting, &sql, err);
}

/* Rows that broke another rule say so too where their key is taken. */
static assay_status mark_also(const struct splitting *splitting, size_t index, const char *good,
                              const char *base, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf both = ASSAY_BUF_EMPTY;

    assay_buf_append_format(&both, "%s UNION ALL BY NAME %s", good, base);
    ASSAY_TRY(assay_buf_check(&both, err));
    assay_split_append_also(&sql, splitting->split, index, both.data);
    return execute(splitting, &sql, err);
}

static bool has_key(const assay_split_rule *rule)
{
    return rule->mask != NULL && rule->mask->key_count > 0;
}

static assay_status mark_keys(const struct splitting *splitting, const assay_stage_result *stage,
                              int64_t *ret_copies, assay_error *err)
{
    const assay_split_subject *subject = splitting->subject;
    const char *good = NULL;
    const char *base = NULL;

    ASSAY_TRY(assay_conn_execute(splitting->write->conn,
                                 "CREATE OR REPLACE TEMP TABLE " MARKS
                                 " (file VARCHAR, row BIGINT, rule INTEGER)",
                                 NULL, err));
    ASSAY_TRY(scan_text(splitting, stage->files, stage->count, true, &good, err));
    ASSAY_TRY(scan_text(splitting, subject->base, subject->base_count, true, &base, err));
    for (size_t i = 0; i < splitting->split->count; i++) {
        if (!has_key(&splitting->split->rules[i]))
            continue;
        ASSAY_TRY(mark_copies(splitting, i, good, base, err));
        if (stage->bad_rows > 0)
            ASSAY_TRY(mark_also(splitting, i, good, base, err));
    }
    return assay_conn_query_int(splitting->write->conn,
                                "SELECT count(DISTINCT (file, row)) FROM " MARKS, ret_copies, err);
}

/* The copies join the bad rows. */
static assay_status take_copies(const struct splitting *splitting, const assay_stage_result *stage,
                                assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const char *good = NULL;

    ASSAY_TRY(scan_text(splitting, stage->files, stage->count, true, &good, err));
    assay_buf_append_format(&sql,
                            "INSERT INTO " ASSAY_SPLIT_ROWS
                            " BY NAME SELECT g.* EXCLUDE (__assay_file, __assay_row), m.rules AS "
                            "__assay_rules FROM (%s) AS g JOIN (SELECT file, row, list(DISTINCT "
                            "rule ORDER BY rule) AS rules FROM " MARKS
                            " GROUP BY file, row) AS m ON m.file = g.__assay_file AND m.row = "
                            "g.__assay_row",
                            good);
    return execute(splitting, &sql, err);
}

/* The good rows are written once more, without the copies. */
static assay_status write_again(const struct splitting *splitting, assay_stage_result *stage,
                                const char **stage_id, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_write *write = splitting->write;
    assay_stage_request request = *splitting->subject->stage;
    assay_stage_result kept;
    const char *good = NULL;

    ASSAY_TRY(scan_text(splitting, stage->files, stage->count, true, &good, err));
    assay_buf_append_format(&sql,
                            "SELECT * EXCLUDE (__assay_file, __assay_row) FROM (%s) AS g WHERE NOT "
                            "EXISTS (SELECT 1 FROM " MARKS
                            " AS m WHERE m.file = g.__assay_file AND m.row = g.__assay_row) ORDER "
                            "BY __assay_file, __assay_row",
                            good);
    ASSAY_TRY(assay_buf_check(&sql, err));
    request.select = sql.data;
    request.columns = NULL;
    request.bad = NULL;
    request.alias = NULL;
    request.stage_id = assay_arena_format(write->arena, "%s" ASSAY_WRITE_KEPT, *stage_id);
    ASSAY_TRY(assay_arena_check(request.stage_id, err));
    ASSAY_TRY(assay_stage_write(write->conn, &request, write->arena, &kept, err));
    kept.bad_rows = stage->bad_rows;
    assay_stage_discard(stage);
    *stage = kept;
    *stage_id = request.stage_id;
    return ASSAY_OK;
}

/* ---- what becomes of them ---- */

static assay_status count_rules(const struct splitting *splitting, assay_error *err)
{
    assay_split *split = splitting->split;
    assay_rows *rows = NULL;

    ASSAY_TRY(assay_conn_query(splitting->write->conn,
                               "SELECT rule, count(*) FROM (SELECT unnest(__assay_rules) AS rule "
                               "FROM " ASSAY_SPLIT_ROWS ") GROUP BY rule",
                               0, splitting->write->arena, &rows, err));
    for (size_t i = 0; i < rows->count; i++)
        if (rows->cells[i][0]->kind == ASSAY_VALUE_INT && rows->cells[i][0]->integer >= 0 &&
            (size_t)rows->cells[i][0]->integer < split->count)
            split->rules[rows->cells[i][0]->integer].rows = rows->cells[i][1]->integer;
    return ASSAY_OK;
}

/* Where the first row that broke the rule stands: " (first: data/a.csv record 7)", or nothing. */
static assay_status first_place(const struct splitting *splitting, size_t index,
                                const char **ret_text, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_model *model = splitting->write->model;

    *ret_text = "";
    if (model == NULL || model->kind != ASSAY_MODEL_EXTRACT)
        return ASSAY_OK;
    assay_buf_append_format(&sql,
                            "SELECT ' (first: ' || _source_file || ' record ' || _source_row || "
                            "')' FROM " ASSAY_SPLIT_ROWS
                            " WHERE list_contains(__assay_rules, %zu) ORDER BY _source_file, "
                            "_source_row LIMIT 1",
                            index);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_query_text(splitting->write->conn, sql.data, splitting->write->arena,
                                    ret_text, err));
    *ret_text = *ret_text != NULL ? *ret_text : "";
    return ASSAY_OK;
}

/* The first rule that must not be broken, and is. */
static assay_status refuse_failed(const struct splitting *splitting, assay_error *err)
{
    const assay_split *split = splitting->split;

    for (size_t i = 0; i < split->count; i++) {
        const assay_split_rule *rule = &split->rules[i];
        const char *where = NULL;
        if (rule->policy != ASSAY_BAD_ROW_FAIL || rule->rows == 0)
            continue;
        ASSAY_TRY(first_place(splitting, i, &where, err));
        return assay_error_at(err, ASSAY_EDATA, 2213,
                              (assay_place){splitting->write->model->path, rule->line,
                                            rule->column},
                              "%" PRId64 " row%s of '%s' break%s %s%s; `bad_row: quarantine` or "
                              "`drop` lets the others through",
                              rule->rows, rule->rows == 1 ? "" : "s", splitting->write->table,
                              rule->rows == 1 ? "s" : "", rule->name, where);
    }
    return ASSAY_OK;
}

static assay_status settle(const struct splitting *splitting, int64_t good, assay_error *err)
{
    assay_split *split = splitting->split;

    ASSAY_TRY(count_rules(splitting, err));
    ASSAY_TRY(refuse_failed(splitting, err));
    ASSAY_TRY(assay_split_drop(splitting->write, split, err));
    ASSAY_TRY(assay_conn_query_int(splitting->write->conn, "SELECT count(*) FROM " ASSAY_SPLIT_ROWS,
                                   &split->quarantined, err));
    split->input_rows = good + split->quarantined + split->dropped;
    return ASSAY_OK;
}

/* ---- the ways ---- */

assay_status assay_split_take(const assay_write *write, assay_split *split,
                              const assay_split_subject *subject, assay_stage_result *stage,
                              const char **stage_id, assay_error *err)
{
    const struct splitting splitting = {write, split, subject};
    const char *bad = NULL;
    int64_t copies = 0;

    split->input_rows = stage->rows;
    if (split->count == 0)
        return ASSAY_OK;
    ASSAY_TRY(scan_text(&splitting, stage->bad_files, stage->bad_count, false, &bad, err));
    ASSAY_TRY(open_rows(&splitting, bad, err));
    if (split->keyed)
        ASSAY_TRY(mark_keys(&splitting, stage, &copies, err));
    if (copies > 0) {
        ASSAY_TRY(take_copies(&splitting, stage, err));
        ASSAY_TRY(write_again(&splitting, stage, stage_id, err));
    }
    assay_stage_discard_bad(stage);
    return settle(&splitting, stage->rows, err);
}

assay_status assay_split_batch(const assay_write *write, assay_split *split,
                               const char **ret_select, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const struct splitting splitting = {write, split, NULL};
    int64_t good = 0;

    assay_buf_append_format(&sql,
                            "CREATE OR REPLACE TEMP TABLE " BATCH " AS SELECT *, coalesce((%s), "
                            "FALSE) AS __assay_bad FROM (\n%s\n) AS " ASSAY_MASK_ALIAS,
                            split->bad != NULL ? split->bad : "FALSE", write->select);
    ASSAY_TRY(execute(&splitting, &sql, err));
    ASSAY_TRY(open_rows(&splitting,
                        "SELECT * EXCLUDE (__assay_bad) FROM " BATCH " WHERE __assay_bad", err));
    ASSAY_TRY(
        assay_conn_execute(write->conn, "DELETE FROM " BATCH " WHERE __assay_bad", NULL, err));
    ASSAY_TRY(assay_conn_query_int(write->conn, "SELECT count(*) FROM " BATCH, &good, err));
    *ret_select = "SELECT * EXCLUDE (__assay_bad) FROM " BATCH;
    return settle(&splitting, good, err);
}

assay_status assay_split_recheck(const assay_write *write, const assay_split *split,
                                 const assay_split_subject *subject,
                                 const assay_stage_result *stage, assay_error *err)
{
    assay_split copy = *split;
    const struct splitting splitting = {write, &copy, subject};
    assay_stage_result good = *stage;
    int64_t copies = 0;

    if (!split->keyed)
        return ASSAY_OK;
    good.bad_rows = 0; /* they are written already */
    ASSAY_TRY(mark_keys(&splitting, &good, &copies, err));
    if (copies == 0)
        return ASSAY_OK;
    return assay_error_set(err, ASSAY_ECONFLICT, 4040,
                           "table '%s' got rows with the same key meanwhile", write->table);
}

void assay_split_close(const assay_write *write, assay_split *split)
{
    static const char *const tables[] = {ASSAY_SPLIT_ROWS, ASSAY_SPLIT_REPEATED, MARKS, BATCH};

    for (size_t i = 0; split->opened && i < sizeof tables / sizeof tables[0]; i++) {
        ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
        assay_buf_append_format(&sql, "DROP TABLE IF EXISTS %s", tables[i]);
        if (!sql.failed && assay_conn_execute(write->conn, sql.data, NULL, NULL) != ASSAY_OK)
            break; /* they end with the connection at the latest */
    }
    split->opened = false;
}
