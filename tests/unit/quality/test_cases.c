/* The public acceptance cases through the product: one by one, and all that share a table at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/map.h"
#include "base/mem.h"
#include "text/json.h"
#include "unit/quality/cases.h"

enum { CASES_MAX = 2000, SUITE_MAX = 1000 };

/* 2026-01-01: later than every moment of the cases */
static const int64_t now_us = INT64_C(1767225600000000);

struct state {
    assay_arena *arena;
    const assay_value *cases;
    assay_engine *engine;
};

static int set_up(void **state)
{
    static struct state shared;
    assay_error err = {0};
    const assay_engine_options options = {0};

    shared.arena = assay_arena_new();
    if (case_load(shared.arena, &shared.cases, &err) != ASSAY_OK ||
        assay_engine_open(&options, &shared.engine, &err) != ASSAY_OK) {
        print_error("%s\n", err.message);
        return 1;
    }
    *state = &shared;
    return 0;
}

static int tear_down(void **state)
{
    struct state *shared = *state;

    assay_engine_close(shared->engine);
    assay_arena_free(shared->arena);
    return 0;
}

static bool is_built(const char *name)
{
    for (size_t i = 0; i < assay_quality_kind_count(); i++)
        if (strcmp(assay_quality_kind_at(i).name, name) == 0)
            return assay_quality_kind_at(i).built;
    return false;
}

/* Runs cases that share the tables of the first in one suite; *ret_report has one result each. */
static assay_status run_together(const struct state *shared, const assay_value *const *tests,
                                 size_t count, assay_arena *arena,
                                 assay_quality_report **ret_report, assay_error *err)
{
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    const char **names = assay_arena_take(arena, count, sizeof(*names));
    const assay_value **kwargs = assay_arena_take(arena, count, sizeof(*kwargs));
    assay_quality_suite *suite = NULL;
    assay_quality_request request = {.result_format = ASSAY_RESULT_FORMAT_COMPLETE,
                                     .now_us = now_us};

    ASSAY_TRY(assay_conn_open(shared->engine, &conn, err));
    for (size_t i = 0; i < count; i++) {
        names[i] = assay_value_find_text(tests[i], "expectation", "");
        kwargs[i] = case_kwargs(tests[i], arena);
    }
    ASSAY_TRY(case_make_tables(conn, tests[0], arena, &request.table, &request.relation, err));
    const assay_quality_spec spec = {request.table, names, kwargs, count};
    ASSAY_TRY(assay_quality_suite_of(&spec, arena, &suite, err));
    request.conn = conn;
    request.suite = suite;
    return assay_quality_run(&request, arena, ret_report, err);
}

/* Per expectation: how many of how many. */
struct tally {
    assay_arena *arena;
    assay_map *passed, *all;
    int failures;
};

static void count_in(assay_map *map, const char *name, assay_arena *arena)
{
    int *number = assay_map_find(map, name);

    if (number == NULL) {
        number = assay_arena_take(arena, 1, sizeof(*number));
        assert_int_equal(assay_map_put(map, name, number, NULL), ASSAY_OK);
    }
    (*number)++;
}

static void judge(struct tally *tally, const assay_value *test, const assay_quality_result *result,
                  assay_arena *arena)
{
    const char *name = assay_value_find_text(test, "expectation", "");
    const char *difference = NULL;

    count_in(tally->all, name, tally->arena);
    if (!is_built(name)) {
        /* what is not built must be said, never passed */
        assert_int_equal(result->status, ASSAY_CHECK_STATUS_ERROR);
        assert_int_equal(result->exception_number, 5007);
        return;
    }
    difference = case_compare(test, result, arena);
    if (difference == NULL) {
        count_in(tally->passed, name, tally->arena);
        return;
    }
    tally->failures++;
    print_error("%s\n    %s\n", assay_value_find_text(test, "id", "?"), difference);
}

static void print_tally(const struct tally *tally, const char *title)
{
    int passed = 0;
    int all = 0;

    for (size_t i = 0; i < assay_map_count(tally->all); i++) {
        const char *name = assay_map_key_at(tally->all, i);
        const int *good = assay_map_find(tally->passed, name);
        int of = *(const int *)assay_map_value_at(tally->all, i);
        passed += good == NULL ? 0 : *good;
        all += of;
        if (good == NULL || *good != of)
            print_message("  %s: %d of %d%s\n", name, good == NULL ? 0 : *good, of,
                          is_built(name) ? "" : " (not built)");
    }
    print_message("%s: %d of %d\n", title, passed, all);
}

static void tally_open(struct tally *tally)
{
    tally->arena = assay_arena_new();
    tally->passed = assay_map_new();
    tally->all = assay_map_new();
}

static void tally_close(struct tally *tally)
{
    assay_map_free(tally->passed);
    assay_map_free(tally->all);
    assay_arena_free(tally->arena);
}

static void demand_cases(const struct state *shared)
{
    if (shared->cases != NULL)
        return;
    print_message("skipped: ../shared/data/quality/expectation_cases.json is not there\n");
    skip();
}

static void every_public_case_comes_out_alone(void **state)
{
    const struct state *shared = *state;
    struct tally tally = {0};

    demand_cases(shared);
    tally_open(&tally);
    for (size_t i = 0; i < shared->cases->count; i++) {
        assay_arena *arena = assay_arena_new();
        const assay_value *test = shared->cases->items[i];
        assay_quality_report *report = NULL;
        assay_error err = {0};
        if (run_together(shared, &test, 1, arena, &report, &err) != ASSAY_OK)
            fail_msg("%s: %s", assay_value_find_text(test, "id", "?"), err.message);
        assert_non_null(report);
        assert_int_equal(report->count, 1);
        judge(&tally, test, &report->results[0], arena);
        assay_arena_free(arena);
    }
    print_tally(&tally, "one by one");
    assert_int_equal(tally.failures, 0);
    tally_close(&tally);
}

/* Text that is equal where two cases have the same tables. */
static const char *tables_key(const assay_value *test, assay_arena *arena)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    const assay_value *others = assay_value_find(test, "other_tables");

    assay_json_write(&text, assay_value_find(test, "data"), 0);
    if (others != NULL)
        assay_json_write(&text, others, 0);
    return assay_arena_format(arena, "%zu-%llx", text.size,
                              (unsigned long long)assay_map_hash(text.data, text.size));
}

static void every_public_case_comes_out_among_others(void **state)
{
    const struct state *shared = *state;
    struct tally tally = {0};
    assay_arena *keys_arena = NULL;
    const char **keys = NULL;
    bool *done = NULL;
    int suites = 0;

    demand_cases(shared); /* leaves the test where they are absent */
    keys_arena = assay_arena_new();
    tally_open(&tally);
    keys = assay_arena_take(keys_arena, shared->cases->count, sizeof(*keys));
    done = assay_arena_take(keys_arena, shared->cases->count, sizeof(*done));
    for (size_t i = 0; i < shared->cases->count; i++) {
        const assay_value *test = shared->cases->items[i];
        keys[i] = tables_key(test, keys_arena);
        done[i] = assay_value_find(assay_value_find(test, "kwargs"), "row_condition") != NULL;
    }
    for (size_t i = 0; i < shared->cases->count; i++) {
        assay_arena *arena = assay_arena_new();
        const assay_value **tests = assay_arena_take(arena, SUITE_MAX, sizeof(*tests));
        assay_quality_report *report = NULL;
        assay_error err = {0};
        size_t count = 0;
        for (size_t j = i; j < shared->cases->count && count < SUITE_MAX; j++) {
            if (done[j] || strcmp(keys[i], keys[j]) != 0)
                continue;
            done[j] = true;
            tests[count++] = shared->cases->items[j];
        }
        if (count > 0) {
            if (run_together(shared, tests, count, arena, &report, &err) != ASSAY_OK)
                fail_msg("%s: %s", assay_value_find_text(tests[0], "id", "?"), err.message);
            for (size_t j = 0; report != NULL && j < count; j++)
                judge(&tally, tests[j], &report->results[j], arena);
            suites++;
        }
        assay_arena_free(arena);
    }
    print_message("%d suites\n", suites);
    print_tally(&tally, "fused");
    assert_int_equal(tally.failures, 0);
    tally_close(&tally);
    assay_arena_free(keys_arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_public_case_comes_out_alone),
        cmocka_unit_test(every_public_case_comes_out_among_others),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
