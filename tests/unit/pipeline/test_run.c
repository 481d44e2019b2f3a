#include "base/path.h"
#include "base/str.h"
#include "fixture.h"
#include "pipeline/history.h"
#include "store/lock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* b.x -> s.x -> g.x, b.y -> s.y -> g.y, and g.all over both */
static int setup(void **state)
{
    if (fixture_setup(state) != 0)
        return 1;
    shop *fixture = *state;
    static const char extract[] =
        "source: { files: data/x.csv }\ncontract: { columns: { a: INTEGER } }\n";

    fixture_write(fixture, "models/b/x.yaml", extract);
    fixture_write(fixture, "models/b/y.yaml", extract);
    fixture_write(fixture, "models/s/x.sql", "select a from b.x");
    fixture_write(fixture, "models/s/y.sql", "select a from b.y");
    fixture_write(fixture, "models/g/x.sql", "select a from s.x");
    fixture_write(fixture, "models/g/y.sql", "select a, now() as n from s.y");
    fixture_write(fixture, "models/g/z.sql", "select x.a from s.x join s.y using (a)");
    return fixture_open(fixture) != ASSAY_OK;
}

static assay_run_result *must_run(shop *fixture, assay_run_options options)
{
    assay_run_result *result = NULL;

    if (fixture_run(fixture, options, &result) != ASSAY_OK)
        fail_msg("E%d %s", fixture->err.number, fixture->err.message);
    return result;
}

static size_t place_in(const char *order, const char *name)
{
    const char *found = strstr(order, name);

    assert_non_null(found);
    return (size_t)(found - order);
}

static void a_run_commits_every_step_after_its_inputs(void **state)
{
    shop *fixture = *state;
    assay_run_result *result = must_run(fixture, (assay_run_options){.jobs = 4});

    assert_int_equal(result->exit_code, 0);
    assert_int_equal(result->count, 7);
    assert_int_equal(result->outcomes[ASSAY_STEP_DONE], 7);
    assert_int_equal(result->rows_added, 70);
    assert_true(place_in(fixture->order, "b.x") < place_in(fixture->order, "s.x"));
    assert_true(place_in(fixture->order, "s.x") < place_in(fixture->order, "g.x"));
    assert_true(place_in(fixture->order, "s.y") < place_in(fixture->order, "g.z"));
    assert_int_equal(fixture_table(fixture, "s.x")->read_snapshot, 1);
    assert_int_equal(fixture->begun, 1);
    assert_int_equal(fixture->ended, 1);
    assert_int_equal(strncmp(fixture->events, "begin: ", 7), 0);
    assert_true(assay_str_ends(fixture->events, "end: "));
    assert_non_null(strstr(fixture->events, "finish:g.z=done"));

    assert_int_equal(must_run(fixture, (assay_run_options){.jobs = 1})->exit_code, 0);
    assert_int_equal(fixture_table(fixture, "s.x")->read_snapshot, 2);
    assert_string_equal(fixture->order, "b.x b.y s.x s.y g.x g.y g.z ");
}

static void independent_steps_run_at_the_same_time(void **state)
{
    shop *fixture = *state;

    fixture_table(fixture, "b.x")->wait_ms = 100;
    fixture_table(fixture, "b.y")->wait_ms = 100;
    (void)must_run(fixture, (assay_run_options){.jobs = 4});
    assert_int_equal(fixture->most_running, 2);
    (void)must_run(fixture, (assay_run_options){.jobs = 1});
    assert_int_equal(fixture->most_running, 1);
}

static void what_depends_on_a_failed_step_is_skipped_and_siblings_run(void **state)
{
    shop *fixture = *state;

    fixture_table(fixture, "s.x")->status = ASSAY_EDATA;
    assay_run_result *result = must_run(fixture, (assay_run_options){.jobs = 2});
    assert_int_equal(result->exit_code, 1);
    assert_string_equal(result->decisive->model->name, "s.x");
    assert_int_equal(result->outcomes[ASSAY_STEP_FAILED], 1);
    assert_int_equal(result->outcomes[ASSAY_STEP_SKIPPED], 2);
    assert_int_equal(result->outcomes[ASSAY_STEP_DONE], 4);
    const assay_run_step *step = fixture_step(result, "g.z");
    assert_int_equal(step->result.skip, ASSAY_SKIP_UPSTREAM_FAILED);
    assert_string_equal(step->result.reason, "upstream failed: s.x");
    assert_int_equal(fixture_table(fixture, "g.z")->runs, 0);
}

static void the_exit_code_is_the_first_present_of_the_order(void **state)
{
    shop *fixture = *state;

    fixture_table(fixture, "g.x")->status = ASSAY_EDATA;
    fixture_table(fixture, "g.y")->status = ASSAY_EGATE;
    assay_run_result *result = must_run(fixture, (assay_run_options){.jobs = 2});
    assert_int_equal(result->exit_code, 3);
    assert_int_equal(result->outcomes[ASSAY_STEP_GATED], 1);
    assert_string_equal(fixture_step(result, "g.y")->result.reason, "told to");
    fixture_table(fixture, "b.x")->status = ASSAY_ECONFIG;
    assert_int_equal(must_run(fixture, (assay_run_options){.jobs = 2})->exit_code, 2);
    fixture_table(fixture, "b.y")->status = ASSAY_EINTERNAL;
    assert_int_equal(must_run(fixture, (assay_run_options){.jobs = 2})->exit_code, 5);
}

static void fail_fast_ends_the_run_at_the_first_failure(void **state)
{
    shop *fixture = *state;

    fixture_table(fixture, "b.x")->status = ASSAY_EDATA;
    assay_run_result *result = must_run(fixture, (assay_run_options){.jobs = 1, .fail_fast = true});
    assert_string_equal(fixture->order, "b.x ");
    assert_int_equal(fixture_step(result, "b.y")->result.skip, ASSAY_SKIP_RUN_ENDED);
    assert_int_equal(result->outcomes[ASSAY_STEP_SKIPPED], 6);
    assert_int_equal(result->exit_code, 1);
}

static void a_step_that_skips_lets_its_readers_run_on_what_is_published(void **state)
{
    shop *fixture = *state;

    (void)must_run(fixture, (assay_run_options){.jobs = 1});
    fixture_table(fixture, "s.x")->skip = ASSAY_SKIP_UNCHANGED;
    assay_run_result *result = must_run(fixture, (assay_run_options){.jobs = 1});
    assert_int_equal(result->unchanged, 1);
    assert_int_equal(result->exit_code, 0);
    assert_int_equal(fixture_table(fixture, "g.x")->read_snapshot, 1);
    assert_int_equal(fixture_table(fixture, "g.x")->runs, 2);
}

static void a_selected_step_reads_the_pinned_snapshot_of_what_is_not_selected(void **state)
{
    shop *fixture = *state;
    const char *select[] = {"g.x"};
    assay_run_result *result = NULL;

    assert_int_equal(fixture_run(fixture, (assay_run_options){.select = select, .select_count = 1},
                                 &result),
                     ASSAY_ECONFIG);
    fixture_expect(fixture, 2119, "models/g/x.sql", 1, 15, "select +g.x");

    static const char *const columns[] = {"a"};
    fixture_publish(fixture, "s.x", columns, 1);
    result = must_run(fixture, (assay_run_options){.select = select, .select_count = 1});
    assert_int_equal(result->count, 1);
    assert_int_equal(fixture_table(fixture, "g.x")->read_snapshot, 100);
}

static void a_gate_that_looks_at_another_table_is_judged_after_it(void **state)
{
    shop *fixture = *state;

    fixture->judged = "b.x";
    fixture->against = "g.y";
    (void)must_run(fixture, (assay_run_options){.jobs = 1});
    assert_true(place_in(fixture->order, "g.y") < place_in(fixture->order, "b.x"));

    /* but not after a table that is made from it */
    fixture->against = "g.x";
    (void)must_run(fixture, (assay_run_options){.jobs = 1});
    assert_string_equal(fixture->order, "b.x b.y s.x s.y g.x g.y g.z ");
}

static void an_empty_selection_is_a_run_with_nothing_to_do(void **state)
{
    shop *fixture = *state;
    const char *select[] = {"g.x"};
    assay_run_result *result = must_run(fixture, (assay_run_options){.select = select,
                                                                     .select_count = 1,
                                                                     .exclude = select,
                                                                     .exclude_count = 1});

    assert_true(result->nothing_selected);
    assert_int_equal(result->exit_code, 0);
    assert_string_equal(fixture->events, "begin: end: ");
}

static void retry_runs_what_did_not_end_well(void **state)
{
    shop *fixture = *state;

    fixture_table(fixture, "s.x")->status = ASSAY_EDATA;
    (void)must_run(fixture, (assay_run_options){.jobs = 1});
    fixture_table(fixture, "s.x")->status = ASSAY_OK;
    assay_run_result *result = must_run(fixture, (assay_run_options){.jobs = 1, .retry = true});
    assert_string_equal(fixture->order, "s.x g.x g.z ");
    assert_int_equal(result->exit_code, 0);
    result = must_run(fixture, (assay_run_options){.jobs = 1, .retry = true});
    assert_true(result->nothing_selected);
}

static void a_step_out_of_memory_runs_again_alone(void **state)
{
    shop *fixture = *state;

    fixture_table(fixture, "b.x")->status = ASSAY_ENOMEM;
    fixture_table(fixture, "b.x")->fail_times = 1;
    fixture_table(fixture, "b.x")->wait_ms = 30;
    fixture_table(fixture, "b.y")->wait_ms = 60;
    assay_run_result *result = must_run(fixture, (assay_run_options){.jobs = 2});
    assert_int_equal(result->exit_code, 0);
    assert_int_equal(fixture_step(result, "b.x")->attempts, 2);
    assert_non_null(strstr(fixture->events, "note:"));

    /* alone from the beginning: no second attempt */
    fixture_table(fixture, "b.x")->runs = 0;
    result = must_run(fixture, (assay_run_options){.jobs = 1});
    assert_int_equal(result->exit_code, 1);
    assert_int_equal(fixture_step(result, "b.x")->attempts, 1);
}

static void a_gate_waits_for_a_table_whose_steps_run_again_alone(void **state)
{
    shop *fixture = *state;

    fixture->judged = "s.y";
    fixture->against = "s.x"; /* made of b.x */
    fixture_table(fixture, "b.x")->status = ASSAY_ENOMEM;
    fixture_table(fixture, "b.x")->fail_times = 1;
    fixture_table(fixture, "b.x")->wait_ms = 30;
    fixture_table(fixture, "b.y")->wait_ms = 60;
    assay_run_result *result = must_run(fixture, (assay_run_options){.jobs = 2});
    assert_int_equal(fixture_step(result, "b.x")->attempts, 2);
    assert_true(place_in(fixture->order, "s.x") < place_in(fixture->order, "s.y"));
}

static void full_refresh_leaves_file_fed_tables_unless_named_and_meant(void **state)
{
    shop *fixture = *state;
    const char *named[] = {"b.x"};
    assay_run_result *result = NULL;

    (void)must_run(fixture, (assay_run_options){.jobs = 1, .full_refresh = true});
    assert_false(fixture_table(fixture, "b.x")->full_refresh);
    assert_true(fixture_table(fixture, "g.x")->full_refresh);
    assert_non_null(strstr(fixture->events, "note:"));
    assert_int_equal(
        fixture_run(fixture,
                    (assay_run_options){.select = named, .select_count = 1, .full_refresh = true},
                    &result),
        ASSAY_EINVAL);
    fixture_expect(fixture, 2301, "", 0, 0, "--yes");
    (void)must_run(fixture, (assay_run_options){.select = named,
                                                .select_count = 1,
                                                .full_refresh = true,
                                                .yes = true});
    assert_true(fixture_table(fixture, "b.x")->full_refresh);
}

static void an_interval_must_not_be_empty_and_since_must_be_given(void **state)
{
    shop *fixture = *state;
    assay_run_result *result = NULL;

    assert_int_equal(
        fixture_run(fixture,
                    (assay_run_options){.has_from = true, .from_us = 2, .has_to = true, .to_us = 1},
                    &result),
        ASSAY_EINVAL);
    assert_int_equal(fixture->err.number, 2302);
    assert_int_equal(fixture_run(fixture, (assay_run_options){.jobs = 1000}, &result),
                     ASSAY_EINVAL);
    assert_int_equal(fixture->err.number, 2303);

    fixture_write(fixture, "models/g/t.sql", "select a from s.x where a > epoch($since)");
    assert_int_equal(fixture_open(fixture), ASSAY_OK);
    assert_int_equal(fixture_run(fixture, (assay_run_options){.jobs = 1}, &result), ASSAY_EINVAL);
    assert_int_equal(fixture->err.number, 2113);
    result = must_run(fixture, (assay_run_options){.has_from = true, .from_us = 1});
    assert_int_equal(result->exit_code, 0);
}

static void the_skip_key_follows_inputs_sql_and_header_and_volatile_has_none(void **state)
{
    shop *fixture = *state;
    char first[65], second[65];

    (void)must_run(fixture, (assay_run_options){.jobs = 1});
    (void)snprintf(first, sizeof first, "%s", fixture_table(fixture, "g.x")->key);
    assert_int_equal(strlen(first), 64);
    assert_string_equal(fixture_table(fixture, "g.y")->key, "");

    /* the same input snapshot: the same key, also when the text is laid out another way */
    fixture_table(fixture, "s.x")->skip = ASSAY_SKIP_UNCHANGED;
    fixture_write(fixture, "models/g/x.sql", "-- note\nSELECT  a\n  FROM s.x;");
    assert_int_equal(fixture_open(fixture), ASSAY_OK);
    (void)must_run(fixture, (assay_run_options){.jobs = 1});
    assert_string_equal(fixture_table(fixture, "g.x")->key, first);

    fixture_write(fixture, "models/g/x.sql", "select a from s.x where a > 1");
    assert_int_equal(fixture_open(fixture), ASSAY_OK);
    (void)must_run(fixture, (assay_run_options){.jobs = 1});
    (void)snprintf(second, sizeof second, "%s", fixture_table(fixture, "g.x")->key);
    assert_string_not_equal(first, second);

    fixture_table(fixture, "s.x")->skip = ASSAY_SKIP_NONE;
    (void)must_run(fixture, (assay_run_options){.jobs = 1});
    assert_string_not_equal(fixture_table(fixture, "g.x")->key, second);
}

static void a_plan_says_what_would_run_and_why(void **state)
{
    shop *fixture = *state;
    assay_run_options options = {.jobs = 1};
    assay_planned_step *steps = NULL;
    size_t count = 0;

    (void)must_run(fixture, options);
    for (size_t i = 0; i < fixture->table_count; i++)
        fixture->tables[i].skip = ASSAY_SKIP_UNCHANGED;
    fixture_table(fixture, "b.x")->skip = ASSAY_SKIP_NONE;
    assert_int_equal(assay_pipeline_plan(fixture->project, &options, &fixture->env, fixture->arena,
                                         &steps, &count, &fixture->err),
                     ASSAY_OK);
    assert_int_equal(count, 7);
    for (size_t i = 0; i < count; i++) {
        const char *name = steps[i].model->name;
        bool runs = strcmp(name, "b.x") == 0 || strcmp(name, "s.x") == 0 ||
                    strcmp(name, "g.x") == 0 || strcmp(name, "g.z") == 0;

        assert_int_equal(steps[i].plan.will_run, runs);
        if (strcmp(name, "g.z") == 0)
            assert_string_equal(steps[i].plan.reason, "after s.x");
    }
}

/* ---- locks, interrupts, crashes ---- */

static void a_table_that_another_run_holds_fails_with_its_own_exit_code(void **state)
{
    shop *fixture = *state;
    assay_store_lock *lock = NULL;
    assay_store_lock_request request = {
        .path = test_folder_path(fixture->folder, ".assay/local/locks/g.x"),
        .what = "g.x",
        .run = "other-run",
        .clock = fixture->clock,
    };

    assert_int_equal(assay_store_lock_acquire(&request, &lock, &fixture->err), ASSAY_OK);
    assay_run_result *result =
        must_run(fixture, (assay_run_options){.jobs = 2, .lock_wait_ms = 20});
    assert_int_equal(result->exit_code, 6);
    assert_int_equal(result->outcomes[ASSAY_STEP_DONE], 6);
    assert_non_null(strstr(fixture_step(result, "g.x")->error.message, "other-run"));
    assay_store_lock_release(lock);
}

/* Interrupts as soon as a step runs. */
static void interrupt_thread(void *argument)
{
    const struct timespec pause = {0, 1000000};
    shop *fixture = argument;
    int running = 0;

    while (running == 0) {
        (void)nanosleep(&pause, NULL);
        assay_lock_acquire(fixture->lock);
        running = fixture->running;
        assay_lock_release(fixture->lock);
    }
    assay_cancel_request(fixture->cancel, SIGINT);
}

static void an_interrupt_ends_the_run_with_130(void **state)
{
    shop *fixture = *state;
    assay_thread *thread = NULL;

    fixture_table(fixture, "b.x")->wait_ms = 60000;
    assert_int_equal(assay_thread_start(interrupt_thread, fixture, &thread, NULL), ASSAY_OK);
    assay_run_result *result = must_run(fixture, (assay_run_options){.jobs = 2});
    assay_thread_join(thread);
    assert_int_equal(result->exit_code, 130);
    assert_int_equal(fixture_step(result, "b.x")->result.outcome, ASSAY_STEP_CANCELLED);
    assert_int_equal(fixture_step(result, "g.x")->result.outcome, ASSAY_STEP_CANCELLED);
    assert_true(result->elapsed_us < 50000000);
}

/* ---- a run in a process of its own ---- */

static void leave(void *user, int signal_number)
{
    (void)user;
    _exit(signal_number == SIGINT ? 77 : 78);
}

/* Runs the project in `path` with a b.x that takes a minute. An engine does not survive fork(), so
 * the process is this program again. "stubborn": b.x is interrupted and does not notice. */
static int run_as_child(const char *path, const char *how)
{
    static shop fixture;
    assay_thread *thread = NULL;
    assay_run_result *result = NULL;
    bool stubborn = strcmp(how, "stubborn") == 0;

    if (fixture_join(&fixture, path) != 0 || fixture_open(&fixture) != ASSAY_OK)
        return 2;
    fixture_table(&fixture, "b.x")->wait_ms = 60000;
    fixture_table(&fixture, "b.x")->stubborn = stubborn;
    if (stubborn && assay_thread_start(interrupt_thread, &fixture, &thread, NULL) != ASSAY_OK)
        return 3;
    return fixture_run(&fixture, (assay_run_options){.jobs = 1, .leave = leave}, &result) ==
                   ASSAY_OK
               ? 4
               : 5;
}

static pid_t start_child(const shop *fixture, const char *how)
{
    pid_t child = fork();

    if (child == 0) {
        (void)execl("/proc/self/exe", "test_run", fixture->folder->path, how, (char *)NULL);
        _exit(126);
    }
    assert_true(child > 0);
    return child;
}

static void a_step_that_does_not_stop_is_aborted_and_the_process_leaves(void **state)
{
    int status = 0;
    pid_t child = start_child(*state, "stubborn");

    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 77);
}

static assay_run_record last_run(shop *fixture, assay_history **ret_history)
{
    assay_run_record run;

    assert_int_equal(assay_history_open(fixture->project->state_dir, &fixture->clock, NULL,
                                        ret_history, &fixture->err),
                     ASSAY_OK);
    assert_int_equal(assay_history_run(*ret_history, "last", fixture->arena, &run, NULL), ASSAY_OK);
    return run;
}

/* A child is killed in the middle of b.x; what the next run makes of it depends on the commit. */
static void kill_in_the_middle(shop *fixture)
{
    pid_t child = start_child(fixture, "patient");
    const struct timespec pause = {0, 20000000};
    ASSAY_AUTO(assay_history_closep) assay_history *history = NULL;
    assert_int_equal(assay_history_open(fixture->project->state_dir, &fixture->clock, NULL,
                                        &history, NULL),
                     ASSAY_OK);
    for (int i = 0; i < 3000; i++) {
        assay_run_record run;
        assay_step_record *steps = NULL;
        size_t count = 0;

        (void)nanosleep(&pause, NULL);
        if (assay_history_run(history, "last", fixture->arena, &run, NULL) != ASSAY_OK ||
            !assay_str_equal(run.status, "running") || run.pid != (int64_t)child)
            continue;
        assert_int_equal(assay_history_steps(history, run.run_id, fixture->arena, &steps, &count,
                                             NULL),
                         ASSAY_OK);
        if (count > 0 && assay_str_equal(steps[0].outcome, "running"))
            break;
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void the_next_run_closes_what_a_dead_one_left_open(void **state)
{
    shop *fixture = *state;
    const char *select[] = {"b.y"};

    for (int committed = 0; committed < 2; committed++) {
        ASSAY_AUTO(assay_history_closep) assay_history *history = NULL;
        assay_run_record *runs = NULL;
        assay_step_record *steps = NULL;
        size_t count = 0;

        kill_in_the_middle(fixture);
        fixture->recovered = 0;
        fixture->recover_committed = committed == 1;
        (void)must_run(fixture, (assay_run_options){.select = select, .select_count = 1});
        assert_int_equal(fixture->recovered, 1);

        assert_string_equal(last_run(fixture, &history).status, "ok");
        assert_int_equal(assay_history_runs(history, 2, fixture->arena, &runs, &count, NULL),
                         ASSAY_OK);
        assert_int_equal(count, 2);
        assert_string_equal(runs[1].status, "aborted");
        assert_int_equal(assay_history_steps(history, runs[1].run_id, fixture->arena, &steps,
                                             &count, NULL),
                         ASSAY_OK);
        assert_string_equal(steps[0].outcome, committed == 1 ? "done" : "aborted");
        assert_string_equal(steps[1].outcome, "cancelled");
    }
    fixture->recovered = 0;
    (void)must_run(fixture, (assay_run_options){.select = select, .select_count = 1});
    assert_int_equal(fixture->recovered, 0);
}

/* ---- history ---- */

static void the_history_tells_every_run_and_step(void **state)
{
    shop *fixture = *state;
    ASSAY_AUTO(assay_history_closep) assay_history *history = NULL;
    assay_step_record *steps = NULL;
    size_t count = 0;
    assay_run_record run;

    fixture_table(fixture, "g.x")->status = ASSAY_EGATE;
    assay_run_result *result =
        must_run(fixture, (assay_run_options){.jobs = 1, .command = "assay run"});
    run = last_run(fixture, &history);
    assert_string_equal(run.run_id, result->run_id);
    assert_string_equal(run.status, "gated");
    assert_string_equal(run.command, "assay run");
    assert_int_equal(run.exit_code, 3);
    assert_int_equal(run.steps, 7);
    assert_int_equal(run.done, 6);
    assert_int_equal(run.gated, 1);
    assert_true(run.finished_us >= run.started_us);
    assert_int_equal(assay_history_steps(history, run.run_id, fixture->arena, &steps, &count, NULL),
                     ASSAY_OK);
    assert_int_equal(count, 7);
    assert_string_equal(steps[0].table, "b.x");
    assert_string_equal(steps[0].mode, "append");
    assert_string_equal(steps[0].outcome, "done");
    assert_string_equal(steps[0].verdict, "pass");
    assert_int_equal(steps[0].rows_added, 10);
    assert_int_equal(steps[0].snapshot_id, 1);
    assert_string_equal(steps[4].outcome, "gated");
    assert_string_equal(steps[4].error_message, "'g.x' was told to fail");

    assert_int_equal(assay_history_run(history, "nonsense", fixture->arena, &run, &fixture->err),
                     ASSAY_ENOTFOUND);
    assert_int_equal(fixture->err.number, 2330);
    char begin[20];
    (void)snprintf(begin, sizeof begin, "%.18s", result->run_id);
    assert_int_equal(assay_history_run(history, begin, fixture->arena, &run, NULL), ASSAY_OK);
}

static void a_damaged_history_is_set_aside_and_the_run_goes_on(void **state)
{
    shop *fixture = *state;

    fixture_write(fixture, ".assay/local/state.db",
                  "this is no database, but long enough to be "
                  "read as a page of one, which it is not at "
                  "all: not a page, not a header, nothing");
    assert_int_equal(must_run(fixture, (assay_run_options){.jobs = 1})->exit_code, 0);
    assert_true(test_folder_count(fixture->folder, ".assay/local") >= 3);
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return run_as_child(argv[1], argv[2]);

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_run_commits_every_step_after_its_inputs),
        TEST(independent_steps_run_at_the_same_time),
        TEST(what_depends_on_a_failed_step_is_skipped_and_siblings_run),
        TEST(the_exit_code_is_the_first_present_of_the_order),
        TEST(fail_fast_ends_the_run_at_the_first_failure),
        TEST(a_step_that_skips_lets_its_readers_run_on_what_is_published),
        TEST(a_selected_step_reads_the_pinned_snapshot_of_what_is_not_selected),
        TEST(a_gate_that_looks_at_another_table_is_judged_after_it),
        TEST(an_empty_selection_is_a_run_with_nothing_to_do),
        TEST(retry_runs_what_did_not_end_well),
        TEST(a_step_out_of_memory_runs_again_alone),
        TEST(a_gate_waits_for_a_table_whose_steps_run_again_alone),
        TEST(full_refresh_leaves_file_fed_tables_unless_named_and_meant),
        TEST(an_interval_must_not_be_empty_and_since_must_be_given),
        TEST(the_skip_key_follows_inputs_sql_and_header_and_volatile_has_none),
        TEST(a_plan_says_what_would_run_and_why),
        TEST(a_table_that_another_run_holds_fails_with_its_own_exit_code),
        TEST(an_interrupt_ends_the_run_with_130),
        TEST(a_step_that_does_not_stop_is_aborted_and_the_process_leaves),
        TEST(the_next_run_closes_what_a_dead_one_left_open),
        TEST(the_history_tells_every_run_and_step),
        TEST(a_damaged_history_is_set_aside_and_the_run_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
