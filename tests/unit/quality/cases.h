/* The public acceptance cases of ../shared/data/quality as tests use them. */
#ifndef ASSAY_TEST_QUALITY_CASES_H
#define ASSAY_TEST_QUALITY_CASES_H

#include "quality/quality.h"

/* Loads the file; *ret_cases is NULL where ../shared is not there (a reason to skip). */
assay_status case_load(assay_arena *arena, const assay_value **ret_cases, assay_error *err);

/* Makes the tables of one case on the connection and gives the SELECT over its table. */
assay_status case_make_tables(assay_conn *conn, const assay_value *test, assay_arena *arena,
                              const char **ret_table, const char **ret_relation, assay_error *err);

/* kwargs with {"$float": ..} as numbers. */
assay_value *case_kwargs(const assay_value *test, assay_arena *arena);

/* NULL where `result` is what the case expects, else what differs. */
const char *case_compare(const assay_value *test, const assay_quality_result *result,
                         assay_arena *arena);

#endif
