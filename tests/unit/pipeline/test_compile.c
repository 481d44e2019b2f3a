/* Compiling on where a source breaks one model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "pipeline/graph.h"

typedef assay_status compile_call(assay_project *project, assay_model *const *selected,
                                  size_t count, const assay_step_env *env, assay_conn *conn,
                                  assay_error *err);

/* b.x -> s.x -> g.all <- s.y <- b.y */
static int setup(void **state)
{
    static const char extract[] =
        "source: { files: data/x.csv }\ncontract: { columns: { a: INTEGER } }\n";

    if (fixture_setup(state) != 0)
        return 1;
    fixture_write(*state, "models/b/x.yaml", extract);
    fixture_write(*state, "models/b/y.yaml", extract);
    fixture_write(*state, "models/s/x.sql", "select a from b.x");
    fixture_write(*state, "models/s/y.sql", "select a from b.y");
    fixture_write(*state, "models/g/all.sql", "select x.a from s.x join s.y using (a)");
    return fixture_open(*state) != ASSAY_OK;
}

static assay_status compile_by(shop *fixture, compile_call *call)
{
    assay_model **models = NULL;
    size_t count = 0;

    assay_error_clear(&fixture->err);
    assert_int_equal(assay_graph_order(fixture->project, fixture->arena, &models, &count, NULL),
                     ASSAY_OK);
    return call(fixture->project, models, count, &fixture->env, fixture->conn, &fixture->err);
}

static assay_status compile(shop *fixture)
{
    return compile_by(fixture, assay_compile_each);
}

static void must_compile(shop *fixture)
{
    if (compile(fixture) != ASSAY_OK)
        fail_msg("E%d %s", fixture->err.number, fixture->err.message);
}

/* Reads the project anew, then compiles. */
static assay_status compile_anew(shop *fixture, const char *path, const char *text)
{
    fixture_write(fixture, path, text);
    if (fixture_open(fixture) != ASSAY_OK)
        fail_msg("E%d %s", fixture->err.number, fixture->err.message);
    return compile(fixture);
}

static const assay_model *model_of(const shop *fixture, const char *name)
{
    const assay_model *model = assay_project_model(fixture->project, name);

    assert_non_null(model);
    return model;
}

static void expect_failure(const shop *fixture, const char *name, int number, const char *path)
{
    const assay_error *failure = model_of(fixture, name)->failure;

    if (failure == NULL || failure->number != number || strcmp(failure->path, path) != 0)
        fail_msg("%s: E%d %s %s", name, failure != NULL ? failure->number : 0,
                 failure != NULL ? failure->path : "", failure != NULL ? failure->message : "");
    assert_false(model_of(fixture, name)->compiled);
    assert_false(model_of(fixture, name)->unbound);
}

static void expect_bound(const shop *fixture, const char *name)
{
    assert_true(model_of(fixture, name)->compiled);
    assert_null(model_of(fixture, name)->failure);
    assert_false(model_of(fixture, name)->unbound);
}

static void expect_unbound(const shop *fixture, const char *name)
{
    assert_true(model_of(fixture, name)->unbound);
    assert_false(model_of(fixture, name)->compiled);
    assert_null(model_of(fixture, name)->failure);
}

static void a_broken_source_leaves_its_readers_unbound_and_no_one_else(void **state)
{
    shop *fixture = *state;
    static const char *const columns[] = {"a"};

    fixture_table(fixture, "b.x")->broken = ASSAY_ENOTFOUND;
    for (int published = 0; published < 2; published++) {
        must_compile(fixture);
        expect_failure(fixture, "b.x", BROKEN_NUMBER, "models/b/x.yaml");
        expect_unbound(fixture, "s.x");
        expect_unbound(fixture, "g.all");
        expect_bound(fixture, "b.y");
        expect_bound(fixture, "s.y");
        /* what is published of it is not what its readers would read */
        fixture_publish(fixture, "b.x", columns, 1);
        fixture_publish(fixture, "s.x", columns, 1);
    }
    fixture_table(fixture, "b.x")->broken = ASSAY_OK;
    must_compile(fixture);
    expect_bound(fixture, "b.x");
    expect_bound(fixture, "g.all");
}

static void the_strict_compile_stops_at_a_broken_source(void **state)
{
    shop *fixture = *state;

    fixture_table(fixture, "b.x")->broken = ASSAY_EDATA;
    assert_int_equal(compile_by(fixture, assay_compile), ASSAY_EDATA);
    assert_int_equal(fixture->err.number, BROKEN_NUMBER);
    assert_null(model_of(fixture, "b.x")->failure);
}

static void short_memory_and_an_interrupt_are_none_of_the_source(void **state)
{
    static const assay_status cases[] = {ASSAY_ENOMEM, ASSAY_ECANCELLED};
    shop *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture_table(fixture, "b.x")->broken = cases[i];
        assert_int_equal(compile(fixture), cases[i]);
        assert_null(model_of(fixture, "b.x")->failure);
    }
}

/* A table that is not there is found beside an input that is broken. */
static void mistakes_of_the_text_stop_everything(void **state)
{
    static const struct {
        const char *path, *text;
        int number, line, column;
        const char *part;
    } cases[] = {
        {"models/s/w.sql", "select 1 as a\nfrom b.x, b.no", 2105, 2, 11, "'b.no'"},
        {"models/s/w.sql", "select 1 as a\nfrom b.no, b.x", 2105, 2, 6, "'b.no'"},
        {"models/s/w.sql", "select a,\n  b from b.y", 2107, 2, 3, "'b' not found"},
        {"models/s/w.sql", "/* ---\ncontract: { columns: { a: NUMBRE } }\n--- */ select 1 as a",
         4001, 2, 24, "NUMBRE"},
        {"models/b/w.yaml", "source: { files: x.csv }\ncontract: { columns: { a: NUMBRE } }\n",
         4001, 2, 24, "NUMBRE"},
        {"models/b/w.yaml", "source: { files: x.csv }\npublish: [ { to: nowhere, table: t } ]\n",
         1241, 2, 18, "nowhere"},
    };
    shop *fixture = *state;

    fixture_table(fixture, "b.x")->broken = ASSAY_EDATA;
    fixture_table(fixture, "b.w")->broken = ASSAY_EDATA;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture_write(fixture, "models/s/w.sql", "select 1 as a");
        fixture_write(
            fixture, "models/b/w.yaml",
            "source: { files: x.csv }\ncontract: { columns: { a: INT8, b: TIMESTAMPTZ } }\n");
        assert_int_not_equal(compile_anew(fixture, cases[i].path, cases[i].text), ASSAY_OK);
        fixture_expect(fixture, cases[i].number, cases[i].path, cases[i].line, cases[i].column,
                       cases[i].part);
    }
}

static void a_contract_that_a_query_does_not_keep_is_the_failure_of_its_model(void **state)
{
    static const struct {
        const char *contract;
        int number;
    } cases[] = {
        {"{ columns: { a: DATE } }", 2121},
        {"{ columns: { b: DATE }, missing_column: evolve, new_column: fail }", 2122},
        {"{ columns: { a: INTEGER, b: DATE } }", 2123},
    };
    shop *fixture = *state;

    /* without a source it is a mistake of the text */
    assert_int_equal(
        compile_anew(fixture, "models/g/own.sql",
                     "/* ---\ncontract: { columns: { a: DATE } }\n--- */ select 1 as a"),
        ASSAY_ECONFIG);
    fixture_expect(fixture, 2121, "models/g/own.sql", 2, 24, "the contract says DATE");
    fixture_write(fixture, "models/g/own.sql", "select 1 as a");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *text =
            assay_arena_format(fixture->arena, "/* ---\ncontract: %s\n--- */ select a from b.x",
                               cases[i].contract);

        if (compile_anew(fixture, "models/s/x.sql", text) != ASSAY_OK)
            fail_msg("E%d %s", fixture->err.number, fixture->err.message);
        expect_failure(fixture, "s.x", cases[i].number, "models/s/x.sql");
        assert_null(model_of(fixture, "s.x")->projection);
        expect_bound(fixture, "b.x");
        expect_unbound(fixture, "g.all");
        expect_bound(fixture, "s.y");
    }
}

/* Whose fault it is that a column is not there: of the source if it is about to bring others. */
static void a_query_is_broken_by_a_source_that_changes_and_wrong_where_none_does(void **state)
{
    shop *fixture = *state;
    static const char *const now[] = {"a", "_source_file"};
    static const char *const before[] = {"a", "b", "_source_file"};

    fixture_publish(fixture, "b.x", before, 3)->columns[2].type = "VARCHAR";
    if (compile_anew(fixture, "models/s/x.sql", "select a, b from b.x") != ASSAY_OK)
        fail_msg("E%d %s", fixture->err.number, fixture->err.message);
    expect_failure(fixture, "s.x", 2107, "models/s/x.sql");
    expect_bound(fixture, "b.x");
    expect_unbound(fixture, "g.all");
    expect_bound(fixture, "s.y");

    if (compile_anew(fixture, "models/s/x.sql", "select a from b.x") != ASSAY_OK ||
        compile_anew(fixture, "models/g/all.sql", "select b from s.x") != ASSAY_OK)
        fail_msg("E%d %s", fixture->err.number, fixture->err.message);
    expect_failure(fixture, "g.all", 2107, "models/g/all.sql"); /* two steps away */

    fixture_publish(fixture, "b.x", now, 2)->columns[1].type = "VARCHAR";
    assert_int_equal(compile(fixture), ASSAY_ECONFIG);
    fixture_expect(fixture, 2107, "models/g/all.sql", 1, 8, "'b' not found");
}

/* The run before has told it as the failure of a step. */
static void what_has_failed_alone_goes_on_to_fail_alone(void **state)
{
    shop *fixture = *state;
    static const char *const before[] = {"a", "b", "_source_file"};
    assay_run_result *result = NULL;
    assay_planned_step *steps = NULL;
    assay_run_options options = {.jobs = 1};
    size_t count = 0;

    fixture_publish(fixture, "b.x", before, 3)->columns[2].type = "VARCHAR";
    fixture_write(fixture, "models/s/x.sql", "select a, b from b.x");
    assert_int_equal(fixture_open(fixture), ASSAY_OK);
    for (int i = 0; i < 3; i++) { /* after the first the table of b.x has the new columns */
        if (fixture_run(fixture, options, &result) != ASSAY_OK)
            fail_msg("run %d: E%d %s", i, fixture->err.number, fixture->err.message);
        assert_int_equal(fixture_step(result, "s.x")->error.number, 2107);
        assert_int_equal(fixture_step(result, "s.y")->result.outcome, ASSAY_STEP_DONE);
        assert_int_equal(assay_pipeline_plan(fixture->project, &options, &fixture->env,
                                             fixture->arena, &steps, &count, &fixture->err),
                         ASSAY_OK);
    }
    fixture_write(fixture, "models/s/x.sql", "select a + [1] as a from b.x"); /* another one */
    assert_int_equal(fixture_open(fixture), ASSAY_OK);
    assert_int_equal(fixture_run(fixture, options, &result), ASSAY_ECONFIG);
    assert_int_equal(fixture->err.number, 2106);
    fixture_write(fixture, "models/s/x.sql", "select a from b.x");
    assert_int_equal(fixture_open(fixture), ASSAY_OK);
    assert_int_equal(fixture_run(fixture, options, &result), ASSAY_OK);
    assert_int_equal(result->exit_code, 0);
    fixture_write(fixture, "models/s/x.sql", "select a, b from b.x");
    assert_int_equal(fixture_open(fixture), ASSAY_OK);
    assert_int_equal(fixture_run(fixture, options, &result), ASSAY_ECONFIG);
    assert_int_equal(fixture->err.number, 2107);
}

static void readers_that_are_not_selected_are_no_matter(void **state)
{
    shop *fixture = *state;
    assay_model *selected[] = {NULL};

    fixture_table(fixture, "b.x")->broken = ASSAY_EDATA;
    for (size_t i = 0; i < fixture->project->model_count; i++)
        if (strcmp(fixture->project->models[i]->name, "b.y") == 0)
            selected[0] = fixture->project->models[i];
    assert_int_equal(assay_compile_each(fixture->project, selected, 1, &fixture->env, fixture->conn,
                                        &fixture->err),
                     ASSAY_OK);
    expect_bound(fixture, "b.y");
    assert_null(model_of(fixture, "b.x")->failure);
}

/* ---- run and plan ---- */

static void a_run_fails_the_broken_step_skips_its_readers_and_does_the_rest(void **state)
{
    shop *fixture = *state;
    assay_run_result *result = NULL;

    fixture_write(fixture, "config/connections.yaml",
                  "there: { type: postgres, host: h, user: u, database: d }\n");
    fixture_write(fixture, "models/g/all.sql",
                  "/* ---\npublish: [ { to: there, table: t } ]\n--- */ "
                  "select x.a from s.x join s.y using (a)");
    assert_int_equal(fixture_open(fixture), ASSAY_OK);
    fixture_table(fixture, "b.x")->broken = ASSAY_ENOTFOUND;
    assert_int_equal(fixture_run(fixture, (assay_run_options){.jobs = 2}, &result), ASSAY_OK);
    assert_int_equal(result->exit_code, 1);
    assert_string_equal(result->decisive->model->name, "b.x");
    assert_int_equal(result->outcomes[ASSAY_STEP_DONE], 2);
    assert_int_equal(fixture_step(result, "b.x")->error.number, BROKEN_NUMBER);
    assert_int_equal(fixture_step(result, "b.x")->result.outcome, ASSAY_STEP_FAILED);
    assert_string_equal(fixture_step(result, "s.x")->result.reason, "upstream failed: b.x");
    const assay_step_result *last = &fixture_step(result, "g.all")->result;
    assert_int_equal(last->skip, ASSAY_SKIP_UPSTREAM_FAILED);
    assert_int_equal(last->publication_count, 1);
    assert_int_equal(last->publications[0].state, ASSAY_PUBLICATION_SKIPPED);
    assert_string_equal(last->publications[0].to, "there");

    fixture_table(fixture, "b.x")->broken = ASSAY_OK;
    assert_int_equal(fixture_run(fixture, (assay_run_options){.jobs = 1, .retry = true}, &result),
                     ASSAY_OK);
    assert_string_equal(fixture->order, "b.x s.x g.all ");
    assert_int_equal(result->exit_code, 0);
}

static void fail_fast_ends_the_run_before_it_begins(void **state)
{
    shop *fixture = *state;
    assay_run_result *result = NULL;

    fixture_table(fixture, "b.x")->broken = ASSAY_ENOTFOUND;
    assert_int_equal(fixture_run(fixture, (assay_run_options){.jobs = 1, .fail_fast = true},
                                 &result),
                     ASSAY_ENOTFOUND);
    assert_string_equal(fixture->order, "");
    assert_int_equal(fixture->begun, 0);
}

static void a_plan_tells_the_failure_of_each_step(void **state)
{
    shop *fixture = *state;
    assay_run_options options = {.jobs = 1};
    assay_planned_step *steps = NULL;
    size_t count = 0;

    fixture_table(fixture, "b.x")->broken = ASSAY_ENOTFOUND;
    assert_int_equal(assay_pipeline_plan(fixture->project, &options, &fixture->env, fixture->arena,
                                         &steps, &count, &fixture->err),
                     ASSAY_OK);
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++) {
        const char *name = steps[i].model->name;
        bool broken = strcmp(name, "b.x") == 0;
        bool sound = strcmp(name, "b.y") == 0 || strcmp(name, "s.y") == 0;

        assert_int_equal(steps[i].plan.will_run, sound);
        assert_int_equal(steps[i].failure.number, broken ? BROKEN_NUMBER : 0);
        assert_int_equal(steps[i].plan.skip,
                         broken || sound ? ASSAY_SKIP_NONE : ASSAY_SKIP_UPSTREAM_FAILED);
        if (strcmp(name, "g.all") == 0)
            assert_string_equal(steps[i].plan.reason, "upstream fails: s.x");
    }
}

static void an_input_that_was_never_published_fails_its_reader_alone(void **state)
{
    shop *fixture = *state;
    static const char *const columns[] = {"a"};
    static const char *const select[] = {"s.x", "g.all", "s.y"};
    assay_run_result *result = NULL;
    assay_run_options options = {.jobs = 1, .select = select, .select_count = 3};

    fixture_publish(fixture, "b.y", columns, 1);
    assert_int_equal(fixture_run(fixture, options, &result), ASSAY_OK);
    assert_int_equal(fixture_step(result, "s.x")->error.number, 2119);
    assert_int_equal(fixture_step(result, "s.y")->result.outcome, ASSAY_STEP_DONE);
    assert_int_equal(fixture_step(result, "g.all")->result.skip, ASSAY_SKIP_UPSTREAM_FAILED);

    options.fail_fast = true;
    assert_int_equal(fixture_run(fixture, options, &result), ASSAY_ECONFIG);
    fixture_expect(fixture, 2119, "models/s/x.sql", 1, 15, "select +s.x");
    options = (assay_run_options){.jobs = 1, .select = select, .select_count = 2};
    assert_int_equal(fixture_run(fixture, options, &result), ASSAY_ECONFIG); /* nothing can run */
    fixture_expect(fixture, 2119, "models/s/x.sql", 1, 15, "select +s.x");
}

/* The step of a run tries again; a plan says what is known. */
static void a_source_that_is_not_reached_is_told_by_the_plan_and_tried_by_the_run(void **state)
{
    shop *fixture = *state;
    assay_run_options options = {.jobs = 1};
    assay_run_result *result = NULL;
    assay_planned_step *steps = NULL;
    size_t count = 0;

    fixture_table(fixture, "b.x")->unreached = true;
    assert_int_equal(assay_pipeline_plan(fixture->project, &options, &fixture->env, fixture->arena,
                                         &steps, &count, &fixture->err),
                     ASSAY_OK);
    for (size_t i = 0; i < count; i++)
        if (strcmp(steps[i].model->name, "b.x") == 0)
            assert_int_equal(steps[i].failure.number, BROKEN_NUMBER);
        else if (strcmp(steps[i].model->name, "s.x") == 0)
            assert_string_equal(steps[i].plan.reason, "upstream fails: b.x");
    assert_int_equal(fixture_run(fixture, options, &result), ASSAY_OK);
    assert_int_equal(result->exit_code, 0);
    assert_int_equal(fixture_table(fixture, "b.x")->runs, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_broken_source_leaves_its_readers_unbound_and_no_one_else),
        TEST(the_strict_compile_stops_at_a_broken_source),
        TEST(short_memory_and_an_interrupt_are_none_of_the_source),
        TEST(mistakes_of_the_text_stop_everything),
        TEST(a_contract_that_a_query_does_not_keep_is_the_failure_of_its_model),
        TEST(a_query_is_broken_by_a_source_that_changes_and_wrong_where_none_does),
        TEST(what_has_failed_alone_goes_on_to_fail_alone),
        TEST(readers_that_are_not_selected_are_no_matter),
        TEST(a_run_fails_the_broken_step_skips_its_readers_and_does_the_rest),
        TEST(fail_fast_ends_the_run_before_it_begins),
        TEST(an_input_that_was_never_published_fails_its_reader_alone),
        TEST(a_source_that_is_not_reached_is_told_by_the_plan_and_tried_by_the_run),
        TEST(a_plan_tells_the_failure_of_each_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
