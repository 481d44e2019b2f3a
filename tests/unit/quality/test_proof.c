/* Answers from statistics. The statistics here are lies: what comes out shows whether they were
 * asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "quality/quality.h"
#include "unit/quality/bench.h"

enum { COLUMNS = 4, FILES = 2 };

struct statistics {
    assay_schema *schema;
    assay_data_file files[FILES];
    assay_column_stats stats[FILES][COLUMNS];
};

static assay_datum datum(const char *text, const assay_schema *schema, int column,
                         assay_arena *arena)
{
    return assay_datum_parse(text, &schema->fields[column].type, arena);
}

/* Two files of 50 rows; id 1..100, price 0.5..9.5, day in 2025, s without bounds; nothing is NULL.
 */
static struct statistics *make_statistics(bench *b)
{
    static const assay_column columns[COLUMNS] = {{"id", "BIGINT"},
                                                  {"price", "DOUBLE"},
                                                  {"day", "DATE"},
                                                  {"s", "VARCHAR"}};
    static const char *const bounds[FILES][COLUMNS][2] = {
        {{"1", "50"}, {"0.5", "9.5"}, {"2025-01-01", "2025-06-30"}, {NULL, NULL}},
        {{"51", "100"}, {"1.0", "2.0"}, {"2025-07-01", "2025-12-31"}, {NULL, NULL}}};
    struct statistics *made = assay_arena_take(b->arena, 1, sizeof(*made));

    assert_non_null(made);
    assert_int_equal(assay_schema_from_columns(columns, COLUMNS, b->arena, &made->schema, &b->err),
                     ASSAY_OK);
    for (int f = 0; f < FILES; f++) {
        made->files[f] = (assay_data_file){.path = f == 0 ? "a.parquet" : "b.parquet",
                                           .rows = 50,
                                           .own = true,
                                           .stats = made->stats[f],
                                           .stats_count = COLUMNS};
        for (int c = 0; c < COLUMNS; c++) {
            assay_column_stats *stats = &made->stats[f][c];
            *stats =
                (assay_column_stats){.field_id = made->schema->fields[c].id, .value_count = 50};
            if (bounds[f][c][0] != NULL) {
                stats->lower = datum(bounds[f][c][0], made->schema, c, b->arena);
                stats->upper = datum(bounds[f][c][1], made->schema, c, b->arena);
            }
        }
    }
    b->request.schema = made->schema;
    b->request.files = made->files;
    b->request.file_count = FILES;
    return made;
}

/* The true table: three rows, far outside of everything the statistics say. */
static void make_table(bench *b)
{
    bench_table(
        b, "SELECT * FROM (VALUES (NULL::BIGINT, 99.0::DOUBLE, DATE '1999-01-01', 'x'),\n"
           "(1000, NULL, DATE '1999-01-02', NULL), (1000, 1.0, NULL, 'y')) v(id, price, day, s)");
}

static void expect(bench *b, const char *check, assay_check_status status, assay_check_proof proof)
{
    const assay_quality_result *result = bench_check(b, check);

    if (result->status != status || result->proof != proof)
        fail_msg("%s: %s by %s: %s", check, assay_check_status_name(result->status),
                 assay_check_proof_name(result->proof),
                 result->reason == NULL ? "-" : result->reason);
}

static void statistics_of_own_files_answer_without_reading(void **state)
{
    static const char *const checks[] = {
        "{ type: expect_column_values_to_not_be_null, column: id }",
        "{ type: expect_column_values_to_not_be_null, column: price }",
        "{ type: expect_column_values_to_be_between, column: id, min_value: 1, max_value: 100 }",
        "{ type: expect_column_values_to_be_between, column: price, min_value: 0, strict_min: true "
        "}",
        "{ type: expect_column_values_to_be_between, column: day, min_value: '2025-01-01', "
        "max_value: '2025-12-31' }",
        "{ type: expect_column_min_to_be_between, column: id, min_value: 1, max_value: 1 }",
        "{ type: expect_column_max_to_be_between, column: day, min_value: '2025-12-31', max_value: "
        "'2025-12-31' }",
        "{ type: expect_table_row_count_to_equal, value: 100 }",
        "{ type: min_row_count, value: 100 }",
        "{ type: expect_column_proportion_of_non_null_values_to_be_between, column: id, min_value: "
        "1 }",
        "{ type: freshness, column: day, max_age: 1 day }",
    };
    bench *b = *state;

    make_table(b);
    (void)make_statistics(b);
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        expect(b, checks[i], ASSAY_CHECK_STATUS_PASS, ASSAY_CHECK_PROOF_METADATA);
        assert_int_equal(b->report->sql_passes, 0);
        assert_int_equal(b->report->rows_scanned, 0);
    }
}

static void exact_statistics_prove_failures_too(void **state)
{
    bench *b = *state;

    make_table(b);
    (void)make_statistics(b);
    expect(b, "{ type: expect_table_row_count_to_equal, value: 3 }", ASSAY_CHECK_STATUS_FAIL,
           ASSAY_CHECK_PROOF_METADATA);
    expect(b, "{ type: expect_column_max_to_be_between, column: id, max_value: 99 }",
           ASSAY_CHECK_STATUS_FAIL, ASSAY_CHECK_PROOF_METADATA);
}

static void bounds_that_do_not_prove_lead_to_the_scan(void **state)
{
    bench *b = *state;

    make_table(b);
    (void)make_statistics(b);
    b->request.result_format = ASSAY_RESULT_FORMAT_BASIC;
    expect(b,
           "{ type: expect_column_values_to_be_between, column: id, min_value: 1, max_value: 99 }",
           ASSAY_CHECK_STATUS_FAIL, ASSAY_CHECK_PROOF_SCAN);
    expect(
        b,
        "{ type: expect_column_mean_to_be_between, column: id, min_value: 1000, max_value: 1000 }",
        ASSAY_CHECK_STATUS_PASS, ASSAY_CHECK_PROOF_SCAN);
}

static void files_of_others_are_not_believed(void **state)
{
    bench *b = *state;
    struct statistics *made = NULL;

    make_table(b);
    made = make_statistics(b);
    made->files[1].own = false;
    expect(b, "{ type: expect_column_values_to_not_be_null, column: id }", ASSAY_CHECK_STATUS_FAIL,
           ASSAY_CHECK_PROOF_SCAN);
    expect(b, "{ type: expect_table_row_count_to_equal, value: 3 }", ASSAY_CHECK_STATUS_PASS,
           ASSAY_CHECK_PROOF_SCAN);
}

static void files_with_deleted_rows_are_not_believed(void **state)
{
    static const int64_t deleted[] = {3};
    bench *b = *state;
    struct statistics *made = NULL;

    make_table(b);
    made = make_statistics(b);
    made->files[0].deleted_rows = deleted;
    made->files[0].deleted_count = 1;
    expect(b, "{ type: expect_column_values_to_not_be_null, column: id }", ASSAY_CHECK_STATUS_FAIL,
           ASSAY_CHECK_PROOF_SCAN);
}

static void a_condition_or_a_batch_is_never_proved_by_the_whole(void **state)
{
    bench *b = *state;

    make_table(b);
    (void)make_statistics(b);
    b->request.batch_relation = b->request.relation;
    expect(b, "{ type: expect_column_values_to_not_be_null, column: id, row_condition: 'true' }",
           ASSAY_CHECK_STATUS_FAIL, ASSAY_CHECK_PROOF_SCAN);
    expect(b, "{ type: expect_column_values_to_not_be_null, column: id, scope: batch }",
           ASSAY_CHECK_STATUS_FAIL, ASSAY_CHECK_PROOF_SCAN);
    expect(b, "{ type: expect_table_row_count_to_equal, value: 3, scope: batch }",
           ASSAY_CHECK_STATUS_PASS, ASSAY_CHECK_PROOF_SCAN);
}

static void what_is_not_known_is_not_proved(void **state)
{
    bench *b = *state;
    struct statistics *made = NULL;

    make_table(b);
    made = make_statistics(b);
    made->stats[0][0].null_count = -1;
    made->stats[1][1].nan_count = -1;
    made->stats[0][2].upper.known = false;
    expect(b, "{ type: expect_column_values_to_not_be_null, column: id }", ASSAY_CHECK_STATUS_FAIL,
           ASSAY_CHECK_PROOF_SCAN);
    expect(b, "{ type: expect_column_values_to_not_be_null, column: price }",
           ASSAY_CHECK_STATUS_FAIL, ASSAY_CHECK_PROOF_SCAN);
    expect(b, "{ type: expect_column_max_to_be_between, column: day, max_value: '1999-12-31' }",
           ASSAY_CHECK_STATUS_PASS, ASSAY_CHECK_PROOF_SCAN);
    expect(b, "{ type: expect_column_values_to_not_be_null, column: price, nan_is_null: false }",
           ASSAY_CHECK_STATUS_FAIL, ASSAY_CHECK_PROOF_SCAN);
}

static void bounds_of_texts_and_floats_are_no_exact_extremes(void **state)
{
    bench *b = *state;

    make_table(b);
    (void)make_statistics(b);
    expect(b, "{ type: expect_column_max_to_be_between, column: price, min_value: 99 }",
           ASSAY_CHECK_STATUS_PASS, ASSAY_CHECK_PROOF_SCAN);
    expect(b, "{ type: expect_column_max_to_be_between, column: s, min_value: y, max_value: y }",
           ASSAY_CHECK_STATUS_PASS, ASSAY_CHECK_PROOF_SCAN);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(statistics_of_own_files_answer_without_reading),
        TEST(exact_statistics_prove_failures_too),
        TEST(bounds_that_do_not_prove_lead_to_the_scan),
        TEST(files_of_others_are_not_believed),
        TEST(files_with_deleted_rows_are_not_believed),
        TEST(a_condition_or_a_batch_is_never_proved_by_the_whole),
        TEST(what_is_not_known_is_not_proved),
        TEST(bounds_of_texts_and_floats_are_no_exact_extremes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
