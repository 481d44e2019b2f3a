#include "base/str.h"
#include "fixture.h"
#include "pipeline/graph.h"
#include "pipeline/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
    if (fixture_setup(state) != 0)
        return 1;
    shop *fixture = *state;

    fixture_write(fixture, "config/connections.yaml",
                  "shop: { type: postgres, host: h, database: d, user: u }\n"
                  "files: { type: s3, region: eu-west-1 }\n");
    return 0;
}

/* A model g.a of columns id, name, op, at with this list of publications. */
static void write_model(shop *fixture, const char *table, const char *publish)
{
    char path[64];
    char text[600];

    (void)snprintf(path, sizeof path, "models/g/%s.sql", table);
    (void)snprintf(text, sizeof text,
                   "/* ---\npublish: [%s]\n--- */\n"
                   "select 1 as id, 'x' as name, 'I' as op, DATE '2026-01-01' as at",
                   publish);
    fixture_write(fixture, path, text);
}

static assay_status compile(shop *fixture)
{
    assay_project *project = NULL;

    ASSAY_TRY(fixture_open(fixture));
    project = fixture->project;
    return assay_compile(project, project->models, project->model_count, &fixture->env,
                         fixture->conn, &fixture->err);
}

/* ---- what is checked before anything runs ---- */

static void a_publication_that_fits_its_model_compiles(void **state)
{
    shop *fixture = *state;

    write_model(fixture, "a",
                "{ to: shop, table: marts.a, mode: merge, key: [ID], version: at, soft_delete: op,"
                " columns: [id, at, op] }, { to: shop, table: b }");
    if (compile(fixture) != ASSAY_OK)
        fail_msg("E%d %s", fixture->err.number, fixture->err.message);
}

static void what_a_publication_names_must_be_there(void **state)
{
    shop *fixture = *state;
    static const struct {
        const char *entry;
        int number, column;
        const char *part;
    } cases[] = {
        {"{ to: shopp, table: a }", 1241, 17, "did you mean 'shop'"},
        {"{ to: files, table: a }", 2402, 17, "connection of type s3"},
        {"{ to: shop, table: a, mode: merge, key: [idd] }", 2120, 52, "did you mean 'id'"},
        {"{ to: shop, table: a, mode: merge, key: id, version: att }", 2120, 64, "'att'"},
        {"{ to: shop, table: a, mode: merge, key: id, soft_delete: opp }", 2120, 68, "'opp'"},
        {"{ to: shop, table: a, columns: [id, nam] }", 2120, 47, "did you mean 'name'"},
        {"{ to: shop, table: a }, { to: shop, table: A }", 2403, 54, "and so does 'g.a'"},
        {"{ to: shop, table: a }, { to: shop, table: public.\"a\" }", 2403, 54,
         "and so does 'g.a'"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_model(fixture, "a", cases[i].entry);
        assert_int_equal(compile(fixture), ASSAY_ECONFIG);
        fixture_expect(fixture, cases[i].number, "models/g/a.sql", 2, cases[i].column,
                       cases[i].part);
    }
}

static void two_models_do_not_publish_to_one_table(void **state)
{
    shop *fixture = *state;

    write_model(fixture, "a", "{ to: shop, table: t }");
    write_model(fixture, "b", "{ to: shop, table: t }");
    assert_int_equal(compile(fixture), ASSAY_ECONFIG);
    assert_int_equal(fixture->err.number, 2403);
    assert_non_null(strstr(fixture->err.message, "'g.a' publishes to 't' of 'shop', and so does "
                                                 "'g.b' (models/g/b.sql:2)"));
}

static void where_a_table_is_published_to_is_no_part_of_its_skip_key(void **state)
{
    shop *fixture = *state;
    assay_run_result *result = NULL;
    char first[65];

    write_model(fixture, "a", "");
    assert_int_equal(fixture_open(fixture), ASSAY_OK);
    assert_int_equal(fixture_run(fixture, (assay_run_options){.jobs = 1}, &result), ASSAY_OK);
    memcpy(first, fixture_table(fixture, "g.a")->key, sizeof first);
    write_model(fixture, "a", "{ to: shop, table: t }");
    assert_int_equal(fixture_open(fixture), ASSAY_OK);
    assert_int_equal(fixture_run(fixture, (assay_run_options){.jobs = 1}, &result), ASSAY_OK);
    assert_string_equal(first, fixture_table(fixture, "g.a")->key);
}

/* ---- what came of it ---- */

static const assay_publication unreachable = {
    .to = "shop",
    .table = "marts.a",
    .mode = "merge",
    .state = ASSAY_PUBLICATION_PENDING,
    .publish_id = "0123456789abcdef",
    .snapshot_id = 1,
    .number = 1,
    .rows = -1,
    .inserted = -1,
    .updated = -1,
    .deleted = -1,
    .error = {.code = ASSAY_EIO, .retryable = true, .number = 3112, .message = "not reached"}};

/* g.a and its reader g.b; g.a commits and then fails to publish as told. */
static assay_run_result *run_published(shop *fixture, const assay_publication *publication)
{
    assay_run_result *result = NULL;

    write_model(fixture, "a", "");
    fixture_write(fixture, "models/g/b.sql", "select id from g.a");
    assert_int_equal(fixture_open(fixture), ASSAY_OK);
    fixture_table(fixture, "g.a")->publishes = true;
    fixture_table(fixture, "g.a")->publication = *publication;
    const assay_run_options options = {.jobs = 1};
    if (fixture_run(fixture, options, &result) != ASSAY_OK)
        fail_msg("E%d %s", fixture->err.number, fixture->err.message);
    return result;
}

static void a_pending_publication_ends_the_run_with_4_and_its_table_is_right(void **state)
{
    shop *fixture = *state;
    assay_run_result *result = run_published(fixture, &unreachable);

    assert_int_equal(result->outcomes[ASSAY_STEP_DONE], 2);
    assert_int_equal(result->exit_code, 4);
    assert_int_equal(result->status, ASSAY_EIO);
    assert_string_equal(result->decisive->model->name, "g.a");
    assert_int_equal(assay_run_step_failure(result->decisive)->number, 3112);
    assert_null(assay_run_step_failure(fixture_step(result, "g.b")));
}

static void a_refused_publication_ends_the_run_with_1(void **state)
{
    shop *fixture = *state;
    assay_publication refused = unreachable;

    refused.state = ASSAY_PUBLICATION_FAILED;
    refused.error = (assay_error){.code = ASSAY_EDATA, .number = 7021, .message = "key 7 twice"};
    assay_run_result *result = run_published(fixture, &refused);

    assert_int_equal(result->outcomes[ASSAY_STEP_DONE], 2);
    assert_int_equal(result->exit_code, 1);
}

/* Whether a retry can help decides: the run that comes next, or a person. */
static void every_number_of_a_publication_has_its_exit_code_and_state(void **state)
{
    static const struct {
        int number;
        bool retryable;
        int exit_code;
    } rows[] = {
        /* the lake */
        {2404, false, 1},
        {2405, false, 3},
        {2406, false, 1},
        {2407, false, 1},
        {2408, false, 1},
        /* this side's configuration */
        {1241, false, 2},
        {3102, false, 2},
        {3104, false, 2},
        {7001, false, 2},
        {7002, false, 2},
        {7003, false, 2},
        {7004, false, 2},
        {7005, false, 2},
        {7006, false, 2},
        {7007, false, 2},
        {7008, false, 2},
        {7009, false, 2},
        /* the database and the way to it */
        {3101, false, 1},
        {3110, false, 4},
        {3111, true, 4},
        {3112, true, 4},
        {3113, true, 4},
        {3114, false, 1},
        {3115, false, 1},
        {3116, false, 1},
        {3117, false, 130},
        {3118, true, 4},
        {3121, false, 1},
        {3122, false, 1},
        {3123, false, 1},
        {3124, false, 1},
        {3125, false, 1},
        {3126, true, 4},
        /* target and ledger */
        {7010, false, 1},
        {7011, false, 1},
        {7012, false, 1},
        {7020, false, 1},
        {7021, false, 1},
        {7023, false, 1},
        {7030, false, 1},
        {7031, true, 4},
        {7032, true, 4},
        {7033, false, 1},
        {7040, true, 4},
        {7041, true, 4},
        {7050, false, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool again = rows[i].exit_code == 4 || rows[i].exit_code == 130;
        assay_error failure = {0};
        (void)assay_error_set(&failure, assay_error_number_status(rows[i].number), rows[i].number,
                              "no");
        failure.retryable = rows[i].retryable;
        if (assay_error_exit_code(&failure) != rows[i].exit_code)
            fail_msg("E%d: exit code %d", rows[i].number, assay_error_exit_code(&failure));
        if (assay_publication_state_of(&failure) !=
            (again ? ASSAY_PUBLICATION_PENDING : ASSAY_PUBLICATION_FAILED))
            fail_msg("E%d is %s", rows[i].number,
                     assay_publication_state_name(assay_publication_state_of(&failure)));
    }
}

static void the_history_tells_publications_and_retry_finishes_them(void **state)
{
    shop *fixture = *state;
    ASSAY_AUTO(assay_history_closep) assay_history *history = NULL;
    assay_step_record *steps = NULL;
    assay_run_result *result = run_published(fixture, &unreachable);
    size_t count = 0;

    assert_int_equal(assay_history_open(fixture->project->state_dir, &fixture->clock, NULL,
                                        &history, &fixture->err),
                     ASSAY_OK);
    assert_int_equal(assay_history_steps(history, result->run_id, fixture->arena, &steps, &count,
                                         &fixture->err),
                     ASSAY_OK);
    assert_int_equal(count, 2);
    assert_int_equal(steps[1].publication_count, 0);
    assert_int_equal(steps[0].publication_count, 1);
    const assay_publication *kept = &steps[0].publications[0];
    assert_string_equal(kept->to, "shop");
    assert_string_equal(kept->table, "marts.a");
    assert_string_equal(kept->publish_id, "0123456789abcdef");
    assert_int_equal(kept->state, ASSAY_PUBLICATION_PENDING);
    assert_int_equal(kept->rows, -1);
    assert_int_equal(kept->error.number, 3112);
    assert_string_equal(kept->error.message, "not reached");

    assert_int_equal(fixture_run(fixture, (assay_run_options){.jobs = 1, .retry = true}, &result),
                     ASSAY_OK);
    assert_int_equal(result->count, 1);
    assert_string_equal(result->steps[0].model->name, "g.a");
}

static void the_gravest_of_several_failures_decides(void **state)
{
    assay_publication items[4] = {unreachable, unreachable, unreachable, unreachable};

    (void)state;
    items[0].error = (assay_error){.code = ASSAY_OK};
    items[2].error = (assay_error){.code = ASSAY_EDATA};
    items[3].error = (assay_error){.code = ASSAY_EDATA};
    assert_ptr_equal(assay_publication_decisive(items, 1), NULL);
    assert_ptr_equal(assay_publication_decisive(items, 2), &items[1]);
    assert_ptr_equal(assay_publication_decisive(items, 4), &items[2]);
}

static void only_what_may_go_well_later_is_pending(void **state)
{
    static const struct {
        assay_error error;
        assay_publication_state state;
    } cases[] = {
        {{.code = ASSAY_EIO, .retryable = true}, ASSAY_PUBLICATION_PENDING},
        {{.code = ASSAY_EIO}, ASSAY_PUBLICATION_FAILED},
        {{.code = ASSAY_ETIMEOUT}, ASSAY_PUBLICATION_PENDING},
        {{.code = ASSAY_EAUTH}, ASSAY_PUBLICATION_PENDING},
        {{.code = ASSAY_ECANCELLED}, ASSAY_PUBLICATION_PENDING},
        {{.code = ASSAY_EUNKNOWN_OUTCOME, .retryable = true}, ASSAY_PUBLICATION_PENDING},
        {{.code = ASSAY_EDATA}, ASSAY_PUBLICATION_FAILED},
        {{.code = ASSAY_EGATE}, ASSAY_PUBLICATION_FAILED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(assay_publication_state_of(&cases[i].error), cases[i].state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_publication_that_fits_its_model_compiles),
        TEST(what_a_publication_names_must_be_there),
        TEST(two_models_do_not_publish_to_one_table),
        TEST(where_a_table_is_published_to_is_no_part_of_its_skip_key),
        TEST(a_pending_publication_ends_the_run_with_4_and_its_table_is_right),
        TEST(a_refused_publication_ends_the_run_with_1),
        TEST(every_number_of_a_publication_has_its_exit_code_and_state),
        TEST(the_history_tells_publications_and_retry_finishes_them),
        cmocka_unit_test(the_gravest_of_several_failures_decides),
        cmocka_unit_test(only_what_may_go_well_later_is_pending),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
