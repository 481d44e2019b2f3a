/* Runs a suite: names the rows, compiles every check, binds it alone, then runs the passes. */
#include "quality/plan.h"

#include "base/map.h"

#include <stdio.h>
#include <string.h>

/* ---- the judged rows ---- */

static bool is_position(const char *name)
{
    return assay_str_equal_ci(name, "__assay_file") || assay_str_equal_ci(name, "__assay_row");
}

static bool is_among(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (assay_str_equal_ci(names[i], name))
            return true;
    return false;
}

/* What is judged of a column: NaN is missing, ENUM and JSON are compared as text. */
static const char *value_sql(assay_dq_run *run, const assay_dq_column *column)
{
    if (column->family == ASSAY_DQ_FLOAT || column->family == ASSAY_DQ_DOUBLE)
        return assay_dq_sql(run, "nullif(%s, 'NaN'::%s)", column->sql, column->type);
    if (column->family == ASSAY_DQ_TEXT && strcmp(column->type, "VARCHAR") != 0)
        return assay_dq_sql(run, "CAST(%s AS VARCHAR)", column->sql);
    return column->sql;
}

/* Index columns that this table has; others say nothing about its rows. */
static assay_status set_index(assay_dq_run *run, assay_error *err)
{
    const assay_quality_request *request = run->request;

    run->index_columns =
        assay_arena_take(run->arena, request->index_count + 1, sizeof(*run->index_columns));
    ASSAY_TRY(assay_arena_check(run->index_columns, err));
    for (size_t i = 0; i < request->index_count; i++)
        for (size_t c = 0; c < run->column_count; c++)
            if (assay_str_equal_ci(run->columns[c].name, request->index_columns[i]))
                run->index_columns[run->index_count++] = run->columns[c].name;
    return ASSAY_OK;
}

static assay_status set_columns(assay_dq_run *run, const assay_column *columns, size_t count,
                                assay_error *err)
{
    const assay_quality_request *request = run->request;
    size_t positions = 0;

    run->columns = assay_arena_take(run->arena, count + 1, sizeof(*run->columns));
    ASSAY_TRY(assay_arena_check(run->columns, err));
    for (size_t i = 0; i < count; i++) {
        assay_dq_column *column = &run->columns[run->column_count];
        if (is_position(columns[i].name)) {
            positions++;
            continue;
        }
        column->name = columns[i].name;
        column->type = columns[i].type;
        column->family = assay_dq_family_of(columns[i].type);
        column->sql =
            assay_dq_sql(run, ASSAY_DQ_ALIAS ".%s", assay_dq_quote_name(run, columns[i].name));
        column->value = value_sql(run, column);
        column->pii = is_among(request->pii_columns, request->pii_count, columns[i].name);
        if (request->schema != NULL)
            column->field = assay_schema_find(request->schema, columns[i].name);
        run->column_count++;
    }
    run->positioned = positions == 2;
    ASSAY_TRY(set_index(run, err));
    return run->failed ? assay_error_nomem(err) : ASSAY_OK;
}

static assay_status execute(assay_dq_run *run, const char *sql, assay_error *err)
{
    if (run->failed)
        return assay_error_nomem(err);
    return assay_conn_execute(run->request->conn, sql, NULL, err);
}

/* Makes `rows` and `batch` show `select`. */
static assay_status set_views(assay_dq_run *run, const char *rows, const char *batch,
                              const char *select, assay_error *err)
{
    ASSAY_TRY(
        execute(run, assay_dq_sql(run, "CREATE OR REPLACE TEMP VIEW %s AS %s", rows, select), err));
    return execute(run,
                   assay_dq_sql(run, "CREATE OR REPLACE TEMP VIEW %s AS SELECT * %s FROM %s", batch,
                                run->positioned ? "EXCLUDE (\"__assay_file\", \"__assay_row\")"
                                                : "",
                                rows),
                   err);
}

static assay_status make_shape_of(assay_dq_run *run, const assay_column *columns, size_t count,
                                  assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&sql, "CREATE OR REPLACE TEMP TABLE " ASSAY_DQ_SHAPE " (");
    for (size_t i = 0; i < count; i++) {
        assay_buf_append_text(&sql, i > 0 ? ", " : "");
        assay_sql_append_name(&sql, columns[i].name);
        assay_buf_append_char(&sql, ' ');
        assay_buf_append_text(&sql, columns[i].type);
    }
    assay_buf_append_char(&sql, ')');
    ASSAY_TRY(assay_buf_check(&sql, err));
    return execute(run, assay_buf_text(&sql), err);
}

/* A query may give what no table can be declared with (two columns of one name): then it is bound
 * itself. */
static assay_status make_shape(assay_dq_run *run, assay_error *err)
{
    const assay_quality_request *request = run->request;

    if (request->columns != NULL &&
        make_shape_of(run, request->columns, request->column_count, NULL) == ASSAY_OK)
        return ASSAY_OK;
    return execute(run,
                   assay_dq_sql(run,
                                "CREATE OR REPLACE TEMP TABLE " ASSAY_DQ_SHAPE
                                " AS SELECT * FROM (%s\n) LIMIT 0",
                                request->relation),
                   err);
}

/* Binding happens against an empty table of the same shape, so that it reads nothing. */
assay_status assay_dq_open_shape(assay_dq_run *run, assay_error *err)
{
    const assay_quality_request *request = run->request;
    assay_column *columns = NULL;
    size_t count = 0;

    ASSAY_TRY(make_shape(run, err));
    ASSAY_TRY(assay_conn_describe(request->conn, "SELECT * FROM " ASSAY_DQ_SHAPE, run->arena,
                                  &columns, &count, err));
    ASSAY_TRY(set_columns(run, columns, count, err));
    ASSAY_TRY(set_views(run, ASSAY_DQ_ROWS, ASSAY_DQ_BATCH, "SELECT * FROM " ASSAY_DQ_SHAPE, err));
    if (request->batch_relation == NULL)
        return ASSAY_OK; /* nothing asks for them */
    return set_views(run, ASSAY_DQ_ADDED, ASSAY_DQ_ADDED_BATCH, "SELECT * FROM " ASSAY_DQ_SHAPE,
                     err);
}

static assay_status open_relation(assay_dq_run *run, assay_error *err)
{
    const assay_quality_request *request = run->request;

    ASSAY_TRY(set_views(run, ASSAY_DQ_ROWS, ASSAY_DQ_BATCH, request->relation, err));
    if (request->batch_relation == NULL)
        return ASSAY_OK;
    return set_views(run, ASSAY_DQ_ADDED, ASSAY_DQ_ADDED_BATCH, request->batch_relation, err);
}

void assay_dq_close_views(assay_dq_run *run)
{
    static const char *const drops[] = {
        "DROP VIEW IF EXISTS " ASSAY_DQ_ADDED_BATCH, "DROP VIEW IF EXISTS " ASSAY_DQ_ADDED,
        "DROP VIEW IF EXISTS " ASSAY_DQ_BATCH,       "DROP VIEW IF EXISTS " ASSAY_DQ_ROWS,
        "DROP TABLE IF EXISTS " ASSAY_DQ_SHAPE,
    };

    for (size_t i = 0; i < sizeof(drops) / sizeof(drops[0]); i++) {
        assay_status ignored = assay_conn_execute(run->request->conn, drops[i], NULL, NULL);
        (void)ignored; /* they end with the connection at the latest */
    }
}

/* ---- compiling ---- */

static const assay_value *find_any(const assay_value *map, const char *key)
{
    const assay_value *value = assay_value_find(map, key);

    return value == NULL || value->kind == ASSAY_VALUE_NULL ? NULL : value;
}

/* The level by its name. */
static assay_status read_level(const assay_value *name, assay_result_format *ret_format,
                               assay_error *err)
{
    for (int level = ASSAY_RESULT_FORMAT_BOOLEAN_ONLY; level <= ASSAY_RESULT_FORMAT_COMPLETE;
         level++) {
        if (name->kind != ASSAY_VALUE_TEXT ||
            strcmp(assay_result_format_name((assay_result_format)level), name->text) != 0)
            continue;
        *ret_format = (assay_result_format)level;
        return ASSAY_OK;
    }
    return assay_error_set(err, ASSAY_ECONFIG, 5022,
                           "'result_format' must be BOOLEAN_ONLY, BASIC, SUMMARY or COMPLETE");
}

/* Columns that say which rows are unexpected. */
static assay_status read_index(assay_dq_run *run, assay_dq_plan *plan, const assay_value *names,
                               assay_error *err)
{
    if (names == NULL)
        return ASSAY_OK;
    if (names->kind != ASSAY_VALUE_LIST)
        return assay_error_set(err, ASSAY_ECONFIG, 5022,
                               "'unexpected_index_column_names' must be a list");
    for (size_t i = 0; i < names->count; i++) {
        const assay_dq_column *ignored = NULL;
        ASSAY_TRY(assay_dq_column_of(run, names->items[i], "unexpected_index_column_names",
                                     &ignored, err));
    }
    plan->index_columns = names;
    return ASSAY_OK;
}

static assay_status read_partial_count(assay_dq_plan *plan, const assay_value *count,
                                       assay_error *err)
{
    if (count == NULL)
        return ASSAY_OK;
    if (count->kind != ASSAY_VALUE_INT || count->integer < 0 ||
        count->integer > ASSAY_QUALITY_LIST_MAX)
        return assay_error_set(err, ASSAY_ECONFIG, 5022,
                               "'partial_unexpected_count' must lie between 0 and %d",
                               (int)ASSAY_QUALITY_LIST_MAX);
    plan->result->partial_count = (size_t)count->integer;
    return ASSAY_OK;
}

/* {result_format: .., partial_unexpected_count: .., ..}; the parts that only say how much GE
 * returns are taken and change nothing. */
static assay_status read_format_map(assay_dq_run *run, assay_dq_plan *plan,
                                    const assay_value *format, assay_error *err)
{
    static const char *const known[] = {"result_format",
                                        "partial_unexpected_count",
                                        "unexpected_index_column_names",
                                        "exclude_unexpected_values",
                                        "return_unexpected_index_query",
                                        "include_unexpected_rows"};
    const assay_value *name = find_any(format, "result_format");

    for (size_t i = 0; i < format->count; i++)
        if (!is_among(known, sizeof(known) / sizeof(known[0]), format->keys[i]))
            return assay_error_set(err, ASSAY_ECONFIG, 5008, "result_format does not know '%s'",
                                   format->keys[i]);
    if (name != NULL)
        ASSAY_TRY(read_level(name, &plan->result->format, err));
    plan->exclude_values = assay_value_find_bool(format, "exclude_unexpected_values", false);
    ASSAY_TRY(read_partial_count(plan, find_any(format, "partial_unexpected_count"), err));
    return read_index(run, plan, find_any(format, "unexpected_index_column_names"), err);
}

/* "COMPLETE", or a map. */
static assay_status read_result_format(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const assay_value *format = assay_dq_arg(plan, "result_format");

    plan->result->format = run->request->result_format;
    plan->result->partial_count = ASSAY_QUALITY_SAMPLES;
    ASSAY_TRY(read_index(run, plan, assay_dq_arg(plan, "unexpected_index_column_names"), err));
    if (format == NULL)
        return ASSAY_OK;
    if (format->kind == ASSAY_VALUE_MAP)
        return read_format_map(run, plan, format, err);
    return read_level(format, &plan->result->format, err);
}

/* Which rows are judged: the whole table or what the commit adds, and of it what the condition
 * selects. */
static assay_status read_domain(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const char *condition = NULL;
    const char *parser = NULL;
    size_t statements = 0;
    assay_status status = ASSAY_OK;
    bool batch = plan->check->batch && run->request->batch_relation != NULL;

    plan->base = batch ? ASSAY_DQ_ADDED : ASSAY_DQ_ROWS;
    plan->batch = batch ? ASSAY_DQ_ADDED_BATCH : ASSAY_DQ_BATCH;
    plan->whole = !batch;
    ASSAY_TRY(assay_dq_arg_bool(plan, "require_rows", false, &plan->require_rows, err));
    if (assay_dq_arg(plan, "condition_parser") != NULL)
        ASSAY_TRY(assay_dq_arg_text(plan, "condition_parser", &parser, err));
    if (assay_dq_arg(plan, "row_condition") == NULL)
        return ASSAY_OK;
    ASSAY_TRY(assay_dq_arg_text(plan, "row_condition", &condition, err));
    ASSAY_TRY(assay_dq_condition(condition, parser, run->arena, &condition, err));
    plan->condition = condition;
    /* alone it must be one statement, so that no parenthesis of it closes ours */
    status = assay_conn_count_statements(run->request->conn,
                                         assay_dq_sql(run, "SELECT 1 WHERE %s\n", condition),
                                         &statements, err);
    if (status == ASSAY_ENOMEM)
        return status;
    if (status != ASSAY_OK || statements != 1)
        return assay_error_set(err, ASSAY_ECONFIG, 5023, "row_condition '%s' is no predicate",
                               condition);
    plan->base = assay_dq_sql(run, "(SELECT * FROM %s AS " ASSAY_DQ_ALIAS " WHERE (%s))",
                              plan->base, condition);
    plan->batch = assay_dq_sql(run, "(SELECT * FROM %s AS " ASSAY_DQ_ALIAS " WHERE (%s))",
                               plan->batch, condition);
    plan->whole = false;
    return ASSAY_OK;
}

static assay_status check_kwargs(assay_dq_run *run, const assay_dq_plan *plan, assay_error *err)
{
    const assay_value *kwargs = plan->check->kwargs;

    for (size_t i = 0; i < kwargs->count; i++) {
        const char *near = NULL;
        if (assay_dq_kind_takes(plan->kind, kwargs->keys[i]))
            continue;
        near = assay_dq_kind_nearest_kwarg(plan->kind, kwargs->keys[i], run->arena);
        return assay_error_set(err, ASSAY_ECONFIG, 5008, "%s does not know '%s'%s%s%s",
                               plan->kind->name, kwargs->keys[i],
                               near == NULL ? "" : ", did you mean '", near == NULL ? "" : near,
                               near == NULL ? "" : "'?");
    }
    return ASSAY_OK;
}

/* not_null is a category of its own on a column of the key only. */
static assay_check_category category_of(const assay_dq_run *run, const assay_dq_plan *plan)
{
    const assay_value *column = assay_value_find(plan->check->kwargs, "column");

    if (!plan->kind->keyed_category)
        return plan->kind->category;
    if (column != NULL && column->kind == ASSAY_VALUE_TEXT &&
        is_among(run->request->key_columns, run->request->key_count, column->text))
        return plan->kind->category;
    return ASSAY_CHECK_CATEGORY_NONE;
}

assay_status assay_dq_compile_check(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const assay_quality_check *check = plan->check;
    const char *near = NULL;

    plan->kind = assay_dq_kind_find(check->expectation);
    plan->mostly = 1.0;
    if (plan->kind == NULL) {
        near = assay_dq_kind_nearest(check->expectation);
        return assay_error_set(err, ASSAY_ECONFIG, 5006, "unknown expectation '%s'%s%s%s",
                               check->expectation, near == NULL ? "" : ", did you mean '",
                               near == NULL ? "" : near, near == NULL ? "" : "'?");
    }
    plan->result->category = category_of(run, plan);
    if (check->problem != NULL)
        return assay_error_set(err, ASSAY_ECONFIG, check->problem_number, "%s", check->problem);
    if (plan->kind->compile == NULL)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 5007, "'%s' is not built yet",
                               plan->kind->name);
    ASSAY_TRY(check_kwargs(run, plan, err));
    ASSAY_TRY(read_result_format(run, plan, err));
    ASSAY_TRY(read_domain(run, plan, err));
    ASSAY_TRY(assay_dq_arg_mostly(plan, err));
    return plan->kind->compile(run, plan, err);
}

/* ---- the run ---- */

static assay_status compile_all(assay_dq_run *run, assay_error *err)
{
    for (size_t i = 0; i < run->plan_count; i++) {
        assay_dq_plan *plan = &run->plans[i];
        assay_error failure = {0};
        assay_status status = ASSAY_OK;
        if (plan->settled)
            continue;
        status = assay_dq_compile_check(run, plan, &failure);
        if (run->failed || (status == ASSAY_ENOMEM && failure.number == 1001))
            return assay_error_nomem(err);
        if (status != ASSAY_OK)
            assay_dq_break(run, plan,
                           failure.number >= 5000 && failure.number < 6000 ? failure.number : 5022,
                           "%s", failure.message);
        else if (!plan->settled)
            ASSAY_TRY(assay_dq_passes_bind(run, plan, err));
    }
    return ASSAY_OK;
}

static assay_check_proof proof_of(const assay_dq_plan *plan)
{
    assay_check_proof proof = ASSAY_CHECK_PROOF_METADATA;

    for (size_t i = 0; i < ASSAY_DQ_SLOTS; i++) {
        const assay_dq_metric *metric = plan->slots[i];
        assay_check_proof here = ASSAY_CHECK_PROOF_METADATA;
        if (metric == NULL || metric->lane == ASSAY_DQ_LANE_METADATA || metric->by_shortcut)
            continue;
        if (metric->lane == ASSAY_DQ_LANE_KEYS)
            here = ASSAY_CHECK_PROOF_KEYS;
        else if (metric->lane >= ASSAY_DQ_LANE_USER)
            here = ASSAY_CHECK_PROOF_QUERY;
        else
            here = ASSAY_CHECK_PROOF_SCAN;
        proof = here > proof ? here : proof;
    }
    return proof;
}

/* SQL that shows what was asked: the bad rows where there can be any, else the observed number. */
static void show_sql(assay_dq_run *run, assay_dq_plan *plan)
{
    const assay_dq_metric *metric = plan->slots[ASSAY_DQ_OBSERVED];
    const char *sql = NULL;
    char id[24];

    if (plan->rows_query != NULL)
        sql = assay_dq_sql(run, "SELECT * FROM %s", plan->rows_query);
    else if (plan->unexpected != NULL)
        sql =
            assay_dq_sql(run, "SELECT * FROM %s WHERE %s", plan->evidence_source, plan->unexpected);
    else if (metric != NULL && metric->source != NULL)
        sql = assay_dq_sql(run, "SELECT %s FROM %s", metric->expression, metric->source);
    if (sql == NULL)
        return;
    plan->result->sql = assay_dq_shown_sql(run, sql);
    (void)snprintf(id, sizeof(id), "%016llx",
                   (unsigned long long)assay_map_hash(plan->result->sql,
                                                      strlen(plan->result->sql)));
    plan->result->sql_id = assay_dq_sql(run, "%s", id);
}

static void judge(assay_dq_run *run, assay_dq_plan *plan)
{
    if (plan->settled)
        return;
    show_sql(run, plan);
    for (size_t i = 0; i < ASSAY_DQ_SLOTS; i++) {
        const assay_dq_metric *metric = plan->slots[i];
        if (metric == NULL)
            continue;
        if (metric->failure != NULL || !metric->done) {
            const char *message = metric->failure == NULL ? "the pass did not run"
                                                          : assay_dq_words(run, metric->failure);
            int number = metric->failure == NULL ? 5025 : metric->failure->number;
            assay_dq_break(run, plan, number >= 5000 && number < 6000 ? number : 5025, "%s",
                           message);
            return;
        }
        if (metric->duration_us > plan->result->duration_us)
            plan->result->duration_us = metric->duration_us;
    }
    plan->result->proof = proof_of(plan);
    plan->judge(run, plan);
    if (plan->hides_observed && plan->result->observed != NULL &&
        plan->result->observed->kind != ASSAY_VALUE_NULL) {
        plan->result->observed = assay_value_text(run->arena, "***");
        run->failed = run->failed || plan->result->observed == NULL;
    }
}

/* One turn: the passes of all plans whose turn it is, then verdict and evidence of each. */
static assay_status take_turn(assay_dq_run *run, assay_error *err)
{
    ASSAY_TRY(assay_dq_passes_run(run, err));
    for (size_t i = 0; i < run->plan_count; i++) {
        assay_dq_plan *plan = &run->plans[i];
        if (plan->waiting || plan->settled)
            continue;
        judge(run, plan);
        ASSAY_TRY(assay_dq_evidence_collect(run, plan, err));
        if (run->failed)
            return assay_error_nomem(err);
    }
    return ASSAY_OK;
}

/* The name of a fail_fast check that did not pass, or NULL. */
static const char *failed_fast(const assay_dq_run *run)
{
    for (size_t i = 0; i < run->plan_count; i++) {
        const assay_dq_plan *plan = &run->plans[i];
        if (plan->check->action == ASSAY_CHECK_ACTION_FAIL_FAST && plan->settled &&
            (plan->result->status == ASSAY_CHECK_STATUS_FAIL ||
             plan->result->status == ASSAY_CHECK_STATUS_ERROR))
            return plan->check->name;
    }
    return NULL;
}

static void skip(assay_dq_plan *plan, const char *reason)
{
    plan->settled = true;
    plan->result->status = ASSAY_CHECK_STATUS_SKIPPED;
    plan->result->reason = reason;
}

/* fail_fast checks go first; one that does not pass ends the suite. */
static assay_status run_turns(assay_dq_run *run, assay_error *err)
{
    const char *culprit = NULL;
    bool fast = false;

    for (size_t i = 0; i < run->plan_count; i++) {
        run->plans[i].waiting = run->plans[i].check->action != ASSAY_CHECK_ACTION_FAIL_FAST;
        fast = fast || !run->plans[i].waiting;
    }
    if (fast)
        ASSAY_TRY(take_turn(run, err));
    culprit = failed_fast(run);
    for (size_t i = 0; i < run->plan_count; i++) {
        run->plans[i].waiting = false;
        if (culprit != NULL && !run->plans[i].settled)
            skip(&run->plans[i],
                 assay_dq_sql(run, "not run: fail_fast check '%s' did not pass", culprit));
    }
    return take_turn(run, err);
}

/* Everything that has no status yet is in ERROR: the rows cannot be read at all. */
static void break_all(assay_dq_run *run, const assay_error *failure)
{
    for (size_t i = 0; i < run->plan_count; i++)
        if (!run->plans[i].settled)
            assay_dq_break(run, &run->plans[i], 5025, "%s", assay_dq_words(run, failure));
}

assay_status assay_dq_open_report(assay_dq_run *run, assay_error *err)
{
    const assay_quality_suite *suite = run->request->suite;
    assay_quality_report *report = assay_arena_take(run->arena, 1, sizeof(*report));

    ASSAY_TRY(assay_arena_check(report, err));
    report->table = run->request->table;
    report->suite = suite;
    report->count = suite->count;
    report->started_us = run->request->now_us;
    report->results = assay_arena_take(run->arena, suite->count + 1, sizeof(*report->results));
    ASSAY_TRY(assay_arena_check(report->results, err));
    run->plans = assay_arena_take(run->arena, suite->count + 1, sizeof(*run->plans));
    ASSAY_TRY(assay_arena_check(run->plans, err));
    run->plan_count = suite->count;
    run->report = report;
    for (size_t i = 0; i < suite->count; i++) {
        assay_quality_result *result = &report->results[i];
        run->plans[i].check = &suite->checks[i];
        run->plans[i].result = result;
        result->check = &suite->checks[i];
        result->severity = suite->checks[i].severity;
        result->element_count = -1;
        result->judged_count = -1;
        result->unexpected_count = -1;
        if (!suite->checks[i].enabled)
            skip(&run->plans[i], "switched off in the configuration");
    }
    return ASSAY_OK;
}

static void close_report(assay_dq_run *run, int64_t begin_us)
{
    assay_quality_report *report = run->report;
    assay_clock clock = assay_clock_system();
    int64_t rows = run->own_files ? run->file_rows : 0;

    for (size_t i = 0; i < report->count; i++) {
        const assay_quality_result *result = &report->results[i];
        report->passed += result->status == ASSAY_CHECK_STATUS_PASS ? 1 : 0;
        report->failed += result->status == ASSAY_CHECK_STATUS_FAIL ? 1 : 0;
        report->errors += result->status == ASSAY_CHECK_STATUS_ERROR ? 1 : 0;
        report->skipped += result->status == ASSAY_CHECK_STATUS_SKIPPED ? 1 : 0;
        if (!run->own_files && result->element_count > rows)
            rows = result->element_count;
    }
    report->rows_scanned = run->scans * rows;
    report->duration_us = clock.monotonic_us(clock.user) - begin_us;
}

/* All the work on a run whose report is open. */
static assay_status run_checks(assay_dq_run *run, assay_error *err)
{
    assay_error failure = {0};
    assay_status status = assay_dq_open_shape(run, &failure);

    if (status == ASSAY_OK) {
        assay_dq_proof_init(run);
        ASSAY_TRY(compile_all(run, err));
        status = open_relation(run, &failure);
    }
    if (run->failed)
        return assay_error_nomem(err);
    if (status != ASSAY_OK) {
        assay_dq_note_failure(run, &failure);
        break_all(run, &failure);
        return run->failed ? assay_error_nomem(err) : ASSAY_OK;
    }
    return run_turns(run, err);
}

assay_status assay_dq_check_request(const assay_quality_request *request, assay_error *err)
{
    if (request->conn == NULL || request->suite == NULL || request->relation == NULL ||
        request->table == NULL)
        return assay_error_set(err, ASSAY_EINVAL, 9001, "a quality request without %s",
                               request->suite == NULL ? "suite" : "table, relation or connection");
    return ASSAY_OK;
}

/* The table's name, each part quoted. */
static const char *quoted_table(assay_dq_run *run)
{
    const char *table = run->request->table;
    const char *dot = strchr(table, '.');
    const char *layer = NULL;

    if (dot == NULL)
        return assay_dq_quote_name(run, table);
    layer = assay_dq_sql(run, "%.*s", (int)(dot - table), table);
    return assay_dq_sql(run, "%s.%s", assay_dq_quote_name(run, layer),
                        assay_dq_quote_name(run, dot + 1));
}

void assay_dq_run_done(assay_dq_run *run)
{
    assay_vec_done(&run->metrics);
    assay_dq_watch_closep(&run->watch);
}

assay_status assay_quality_run(const assay_quality_request *request, assay_arena *arena,
                               assay_quality_report **ret_report, assay_error *err)
{
    ASSAY_AUTO(assay_dq_run_done) assay_dq_run run = {.request = request, .arena = arena};
    assay_clock clock = assay_clock_system();
    int64_t begin = clock.monotonic_us(clock.user);
    assay_status status = ASSAY_OK;

    ASSAY_TRY(assay_dq_check_request(request, err));
    run.metrics = ASSAY_VEC_OF(assay_dq_metric *);
    run.shown_table = quoted_table(&run);
    ASSAY_TRY(assay_dq_open_report(&run, err));
    ASSAY_TRY(assay_dq_watch_open(request, &run.watch, err));
    status = run_checks(&run, err);
    assay_dq_close_views(&run);
    ASSAY_TRY(status);
    close_report(&run, begin);
    *ret_report = run.report;
    return ASSAY_OK;
}
