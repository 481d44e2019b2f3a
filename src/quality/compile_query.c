/* Rules that read other tables, and queries of the user (facts: quality.md section 3.5). */
#include "quality/plan.h"

#include <ctype.h>
#include <string.h>

/* ---- references ---- */

static assay_status describe_parent(assay_dq_run *run, const assay_dq_plan *plan, const char *table,
                                    const assay_column **ret_columns, size_t *ret_count,
                                    assay_error *err)
{
    const char *sql = assay_dq_sql(run, "SELECT * FROM %s", assay_dq_quote_table(run, plan, table));
    assay_column *columns = NULL;
    assay_status status =
        assay_conn_describe(run->request->conn, sql, run->arena, &columns, ret_count, err);

    if (status == ASSAY_ECONFIG)
        return assay_error_set(err, ASSAY_ECONFIG, 5031, "table '%s' cannot be read: %s", table,
                               err == NULL ? "" : err->message);
    *ret_columns = columns;
    return status;
}

/* Type of a parent's column; 5020 where it has none. */
static assay_status parent_type(const assay_column *columns, size_t count, const char *table,
                                const char *name, const char **ret_type, assay_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (assay_str_equal_ci(columns[i].name, name)) {
            *ret_type = columns[i].type;
            return ASSAY_OK;
        }
    }
    return assay_error_set(err, ASSAY_ECONFIG, 5020, "column '%s' not found in %s", name, table);
}

/* Families that compare without a cast that could throw or guess. */
static bool fits(const assay_dq_column *child, const char *type)
{
    assay_dq_family parent = assay_dq_family_of(type);

    if (strcmp(child->type, type) == 0)
        return true;
    if (assay_dq_is_number(child->family) && assay_dq_is_number(parent))
        return true;
    if (assay_dq_is_temporal(child->family) && assay_dq_is_temporal(parent))
        return true;
    return child->family == parent && parent != ASSAY_DQ_OTHER;
}

/* "p.k0 = b.c0 AND .." with every pair of types checked. */
static assay_status join_predicate(assay_dq_run *run, const assay_dq_plan *plan, const char *table,
                                   const assay_value *names, const char **ret_sql, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    const assay_column *columns = NULL;
    size_t count = 0;

    ASSAY_TRY(describe_parent(run, plan, table, &columns, &count, err));
    for (size_t i = 0; i < plan->judged_count; i++) {
        const assay_dq_column *child = plan->judged[i];
        const char *name = child->name;
        const char *type = NULL;
        if (names != NULL && names->kind == ASSAY_VALUE_LIST)
            name = names->items[i]->text;
        else if (names != NULL)
            name = names->text;
        ASSAY_TRY(parent_type(columns, count, table, name, &type, err));
        if (!fits(child, type))
            return assay_error_set(err, ASSAY_ECONFIG, 5021, "column '%s' is %s, but %s.%s is %s",
                                   child->name, child->type, table, name, type);
        assay_buf_append_format(&buf, "%s\"__dq_p\".%s = %s", i == 0 ? "" : " AND ",
                                assay_dq_quote_name(run, name), child->value);
    }
    ASSAY_TRY(assay_buf_check(&buf, err));
    *ret_sql = assay_dq_keep(run, &buf);
    return ASSAY_OK;
}

/* Composite keys follow MATCH SIMPLE: a row with any NULL refers to nothing and is not judged. */
static const char *all_present(assay_dq_run *run, const assay_dq_plan *plan)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    for (size_t i = 0; i < plan->judged_count; i++)
        assay_buf_append_format(&buf, "%s%s IS NOT NULL", i == 0 ? "(" : " AND ",
                                plan->judged[i]->value);
    assay_buf_append_char(&buf, ')');
    return assay_dq_keep(run, &buf);
}

assay_status assay_dq_compile_reference(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const assay_value *names = assay_dq_arg(plan, "reference_column");
    const char *table = NULL;
    const char *join = NULL;
    const char *kept = NULL;
    const char *from = assay_dq_from(run, plan);

    ASSAY_TRY(assay_dq_arg_text(plan, "reference_table", &table, err));
    ASSAY_TRY(assay_dq_arg_columns(run, plan, "column", 1, err));
    plan->shape = plan->judged_count == 1 ? ASSAY_DQ_SINGLE : ASSAY_DQ_RECORD;
    if (names != NULL && names->kind == ASSAY_VALUE_LIST)
        ASSAY_TRY(assay_dq_arg_texts(plan, "reference_column", &names, err));
    if (names != NULL && (names->kind == ASSAY_VALUE_LIST
                              ? names->count != plan->judged_count
                              : names->kind != ASSAY_VALUE_TEXT || plan->judged_count != 1))
        return assay_error_set(err, ASSAY_ECONFIG, 5022,
                               "'reference_column' must name as many columns as 'column'");
    ASSAY_TRY(join_predicate(run, plan, table, names, &join, err));
    kept = all_present(run, plan);
    plan->unexpected =
        assay_dq_sql(run, "(%s AND NOT EXISTS (SELECT 1 FROM %s AS \"__dq_p\" WHERE %s))", kept,
                     assay_dq_quote_table(run, plan, table), join);
    plan->evidence_source = from;
    plan->evidence_order = true;
    plan->slots[ASSAY_DQ_ELEMENT] = assay_dq_metric_rows(run, plan);
    plan->slots[ASSAY_DQ_JUDGED] =
        assay_dq_metric_of(run, ASSAY_DQ_LANE_SCAN, from,
                           assay_dq_sql(run, "count_if(%s)::BIGINT", kept));
    plan->slots[ASSAY_DQ_UNEXPECTED] =
        assay_dq_metric_of(run, ASSAY_DQ_LANE_QUERY,
                           assay_dq_sql(run, "%s WHERE %s", from, plan->unexpected), "count(*)");
    plan->judge = assay_dq_judge_rows;
    return ASSAY_OK;
}

/* ---- row count of another table ---- */

static void judge_other_count(assay_dq_run *run, assay_dq_plan *plan)
{
    int64_t self = assay_dq_slot_int(plan, ASSAY_DQ_OBSERVED);
    int64_t other = assay_dq_slot_int(plan, ASSAY_DQ_EXTRA);
    assay_value *observed = assay_value_map(run->arena);

    if (observed == NULL ||
        assay_value_set(observed, "self", assay_value_int(run->arena, self), run->arena, NULL) !=
            ASSAY_OK ||
        assay_value_set(observed, "other", assay_value_int(run->arena, other), run->arena, NULL) !=
            ASSAY_OK) {
        run->failed = true;
        return;
    }
    plan->result->observed = observed;
    if (self == other)
        assay_dq_pass(plan);
    else
        assay_dq_miss(run, plan, "%lld rows, the other table has %lld", (long long)self,
                      (long long)other);
}

assay_status assay_dq_compile_other_count(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const char *table = NULL;
    const assay_column *columns = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_dq_arg_text(plan, "other_table_name", &table, err));
    ASSAY_TRY(describe_parent(run, plan, table, &columns, &count, err));
    plan->slots[ASSAY_DQ_OBSERVED] =
        assay_dq_metric_of(run, ASSAY_DQ_LANE_FOOTER, assay_dq_from(run, plan), "count(*)");
    plan->slots[ASSAY_DQ_EXTRA] =
        assay_dq_metric_of(run, ASSAY_DQ_LANE_QUERY,
                           assay_dq_sql(run, "%s AS \"__dq_o\"",
                                        assay_dq_quote_table(run, plan, table)),
                           "count(*)");
    plan->judge = judge_other_count;
    return ASSAY_OK;
}

/* ---- queries ---- */

/* The user's query with {batch} replaced by `batch` and no semicolon at its end; exactly one
 * statement. */
static assay_status read_query(assay_dq_run *run, const assay_dq_plan *plan, const char *name,
                               const char *batch, const char **ret_sql, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    static const char hole[] = "{batch}";
    const char *text = NULL;
    size_t statements = 0;
    size_t size = 0;

    ASSAY_TRY(assay_dq_arg_text(plan, name, &text, err));
    size = strlen(text);
    while (size > 0 && (isspace((unsigned char)text[size - 1]) != 0 || text[size - 1] == ';'))
        size--;
    for (const char *at = text; at < text + size;) {
        if (strncmp(at, hole, sizeof(hole) - 1) == 0) {
            assay_buf_append_text(&buf, batch);
            at += sizeof(hole) - 1;
        } else {
            assay_buf_append_char(&buf, *at++);
        }
    }
    ASSAY_TRY(assay_buf_check(&buf, err));
    ASSAY_TRY(
        assay_conn_count_statements(run->request->conn, assay_buf_text(&buf), &statements, err));
    if (statements != 1)
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "'%s' must be one query", name);
    *ret_sql = assay_dq_sql(run, "(%s\n)", assay_dq_keep(run, &buf));
    return ASSAY_OK;
}

static void judge_unexpected_rows(assay_dq_run *run, assay_dq_plan *plan)
{
    int64_t count = assay_dq_slot_int(plan, ASSAY_DQ_UNEXPECTED);

    plan->result->unexpected_count = count;
    plan->result->observed =
        assay_value_text(run->arena, assay_dq_sql(run, "%lld unexpected row%s", (long long)count,
                                                  count == 1 ? "" : "s"));
    if (count < 0)
        assay_dq_break(run, plan, 5025, "the query gave no count");
    else if (count == 0)
        assay_dq_pass(plan);
    else
        assay_dq_miss(run, plan, "%lld unexpected row%s", (long long)count, count == 1 ? "" : "s");
}

assay_status assay_dq_compile_unexpected_rows(assay_dq_run *run, assay_dq_plan *plan,
                                              assay_error *err)
{
    const char *query = NULL;

    ASSAY_TRY(read_query(run, plan, "unexpected_rows_query", plan->batch, &query, err));
    ASSAY_TRY(read_query(run, plan, "unexpected_rows_query",
                         assay_dq_quote_table_name(run, run->request->table), &plan->named_query,
                         err));
    plan->rows_query = assay_dq_sql(run, "%s AS \"__dq_q\"", query);
    plan->slots[ASSAY_DQ_UNEXPECTED] =
        assay_dq_metric_of(run, ASSAY_DQ_LANE_QUERY, plan->rows_query, "count(*)");
    plan->judge = judge_unexpected_rows;
    return ASSAY_OK;
}

/* One side of a comparison: numbered rows with columns c0, c1 .. */
static const char *numbered(assay_dq_run *run, const char *query, size_t count)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    assay_buf_append_format(&buf, "(SELECT row_number() OVER () AS \"n\", * FROM %s AS \"q\"(",
                            query);
    for (size_t i = 0; i < count; i++)
        assay_buf_append_format(&buf, "%s\"c%zu\"", i == 0 ? "" : ", ", i);
    assay_buf_append_text(&buf, "))");
    return assay_dq_keep(run, &buf);
}

assay_status assay_dq_compile_comparison(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf same = ASSAY_BUF_EMPTY;
    const char *queries[2] = {NULL, NULL};
    assay_column *columns[2] = {NULL, NULL};
    size_t counts[2] = {0, 0};
    const char *source = NULL;

    ASSAY_TRY(read_query(run, plan, "base_query", plan->batch, &queries[0], err));
    ASSAY_TRY(read_query(run, plan, "comparison_query", plan->batch, &queries[1], err));
    for (size_t i = 0; i < 2; i++)
        ASSAY_TRY(assay_conn_describe(run->request->conn,
                                      assay_dq_sql(run, "SELECT * FROM %s AS \"q\"", queries[i]),
                                      run->arena, &columns[i], &counts[i], err));
    if (counts[0] != counts[1])
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "the queries have %zu and %zu columns",
                               counts[0], counts[1]);
    for (size_t i = 0; i < counts[0]; i++) {
        assay_dq_column left = {.type = columns[0][i].type,
                                .family = assay_dq_family_of(columns[0][i].type)};
        if (!fits(&left, columns[1][i].type))
            return assay_error_set(err, ASSAY_ECONFIG, 5021,
                                   "column %zu is %s in one query and %s in the other", i + 1,
                                   columns[0][i].type, columns[1][i].type);
        assay_buf_append_format(&same, "%s\"a\".\"c%zu\" IS NOT DISTINCT FROM \"b\".\"c%zu\"",
                                i == 0 ? "" : " AND ", i, i);
    }
    ASSAY_TRY(assay_buf_check(&same, err));
    source =
        assay_dq_sql(run, "%s AS \"a\" FULL JOIN %s AS \"b\" ON \"a\".\"n\" = \"b\".\"n\"",
                     numbered(run, queries[0], counts[0]), numbered(run, queries[1], counts[0]));
    plan->slots[ASSAY_DQ_ELEMENT] =
        assay_dq_metric_of(run, ASSAY_DQ_LANE_QUERY, source, "count(*)");
    plan->slots[ASSAY_DQ_JUDGED] = plan->slots[ASSAY_DQ_ELEMENT];
    plan->slots[ASSAY_DQ_UNEXPECTED] = assay_dq_metric_of(
        run, ASSAY_DQ_LANE_QUERY, source,
        assay_dq_sql(run,
                     "count_if(\"a\".\"n\" IS NULL OR \"b\".\"n\" IS NULL OR NOT (%s))::BIGINT",
                     assay_dq_keep(run, &same)));
    plan->judge = assay_dq_judge_rows;
    return ASSAY_OK;
}
