#include "unit/quality/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "text/yaml.h"

int bench_setup(void **state)
{
    bench *b = assay_mem_new(1, sizeof(*b));
    const assay_engine_options options = {.threads = 2};

    if (b == NULL)
        return 1;
    b->arena = assay_arena_new();
    *state = b;
    if (b->arena == NULL || assay_engine_open(&options, &b->engine, &b->err) != ASSAY_OK ||
        assay_conn_open(b->engine, &b->conn, &b->err) != ASSAY_OK) {
        print_error("%s\n", b->err.message);
        return 1;
    }
    b->request.conn = b->conn;
    b->request.now_us = BENCH_NOW_US;
    b->request.result_format = ASSAY_RESULT_FORMAT_COMPLETE;
    return 0;
}

int bench_teardown(void **state)
{
    bench *b = *state;

    assay_conn_close(b->conn);
    assay_engine_close(b->engine);
    assay_arena_free(b->arena);
    assay_mem_free(b);
    return 0;
}

void bench_execute(bench *b, const char *sql)
{
    if (assay_conn_execute(b->conn, sql, NULL, &b->err) != ASSAY_OK)
        fail_msg("%s: %s", sql, b->err.message);
}

void bench_table(bench *b, const char *select)
{
    const char *sql =
        assay_arena_format(b->arena, "CREATE OR REPLACE TABLE silver.t AS %s", select);

    bench_execute(b, "CREATE SCHEMA IF NOT EXISTS silver");
    bench_execute(b, sql);
    b->request.table = "silver.t";
    b->request.relation =
        "SELECT *, 'part.parquet' AS __assay_file, rowid AS __assay_row FROM silver.t";
}

assay_status bench_load(bench *b, const char *yaml)
{
    const assay_yaml_source source = {yaml, strlen(yaml), "config/dq.yaml", 1, 1};
    assay_quality_source quality = {.path = "config/dq.yaml"};
    assay_value *tree = NULL;

    assay_error_clear(&b->err);
    if (assay_yaml_parse(&source, b->arena, &tree, &b->err) != ASSAY_OK)
        fail_msg("%s", b->err.message);
    quality.tree = tree;
    b->config_tree = tree;
    return assay_quality_config_load(&quality, b->arena, &b->config, &b->err);
}

void bench_run(bench *b, const char *yaml)
{
    assay_gate_question question = {.table = "silver.t"};

    b->report = NULL;
    if (bench_load(b, yaml) != ASSAY_OK)
        fail_msg("%s", b->err.message);
    b->request.suite = assay_quality_suite_find(b->config, "silver.t");
    if (b->request.suite != NULL &&
        assay_quality_run(&b->request, b->arena, &b->report, &b->err) != ASSAY_OK)
        fail_msg("%s", b->err.message);
    question.config = b->config;
    question.report = b->report;
    if (assay_gate_evaluate(&question, b->arena, &b->verdict, &b->err) != ASSAY_OK)
        fail_msg("%s", b->err.message);
}

const assay_quality_result *bench_check(bench *b, const char *check)
{
    bench_run(b, assay_arena_format(b->arena, "silver: { t: { checks: [ %s ] } }", check));
    assert_non_null(b->report);
    assert_int_equal(b->report->count, 1);
    return &b->report->results[0];
}

void bench_expect(bench *b, const char *check, assay_check_status status)
{
    const assay_quality_result *result = bench_check(b, check);

    if (result->status != status)
        fail_msg("%s: expected %s, found %s: %s", check, assay_check_status_name(status),
                 assay_check_status_name(result->status),
                 result->reason == NULL ? "-" : result->reason);
}
