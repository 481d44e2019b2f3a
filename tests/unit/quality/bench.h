/* A table and a dq.yaml in memory, for tests: config, run and verdict in one call. */
#ifndef ASSAY_TEST_QUALITY_BENCH_H
#define ASSAY_TEST_QUALITY_BENCH_H

#include "quality/quality.h"

/* 2026-01-01T00:00:00Z */
#define BENCH_NOW_US INT64_C(1767225600000000)

typedef struct bench {
    assay_arena *arena;
    assay_engine *engine;
    assay_conn *conn;
    assay_quality_request request; /* table and relation are of the last bench_table */
    const assay_value *config_tree;
    assay_quality_config *config;
    assay_quality_report *report;
    assay_gate_verdict *verdict;
    assay_error err;
} bench;

/* Setup and teardown of cmocka: *state is a bench. */
int bench_setup(void **state);
int bench_teardown(void **state);

/* Makes silver.t of `select`; its rows are in order. */
void bench_table(bench *b, const char *select);
void bench_execute(bench *b, const char *sql);

/* Loads `yaml` as config/dq.yaml; the status, with b->err. */
assay_status bench_load(bench *b, const char *yaml);

/* Loads, runs the suite of silver.t, evaluates the gate. Anything that does not end in a report
 * fails the test. */
void bench_run(bench *b, const char *yaml);

/* "silver: { t: { checks: [ <check> ] } }" with action fail, run; its one result. */
const assay_quality_result *bench_check(bench *b, const char *check);

/* Status of bench_check as text, so that a failure shows it with its reason. */
void bench_expect(bench *b, const char *check, assay_check_status status);

#endif
