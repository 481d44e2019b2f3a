#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cancel.h"
#include "fake_format.h"
#include "table/commit.h"

struct world {
    assay_arena *arena;
    assay_store *store;
    assay_clock clock;
    assay_random random;
    assay_schema schema;
    assay_partition_spec spec;
};

static int begin(void **state)
{
    static struct world world;

    world = (struct world){.arena = assay_arena_new(),
                           .clock = assay_clock_system(),
                           .random = assay_random_system()};
    fake_next = (fake_orders){0};
    *state = &world;
    return assay_store_open_memory(&world.store, NULL) == ASSAY_OK ? 0 : -1;
}

static int end(void **state)
{
    struct world *world = *state;

    assay_store_close(world->store);
    assay_arena_free(world->arena);
    return 0;
}

static assay_table *load(struct world *world)
{
    assay_table *table = NULL;

    assert_int_equal(fake_by_id.load("silver.t", "/lake/t", world->store, NULL, world->arena,
                                     &table, NULL),
                     ASSAY_OK);
    return table;
}

static assay_consumed_file consumed(const char *path, const char *sha)
{
    return (assay_consumed_file){
        .path = path, .size = 10, .mtime_ns = 1234567890123456789, .sha256 = sha, .rows = 3};
}

static assay_commit_request request_on(struct world *world, const assay_table *base)
{
    return (assay_commit_request){.base = base,
                                  .store = world->store,
                                  .recheck_user = world,
                                  .stage_id = "stage-1",
                                  .change = {.kind = ASSAY_CHANGE_APPEND,
                                             .schema = &world->schema,
                                             .spec = &world->spec},
                                  .state = {.run_id = "run", .step_run_id = "step", .rows = 3}};
}

static assay_status commit(struct world *world, assay_commit_request *request,
                           assay_commit_recheck *recheck, const assay_snapshot **ret_snapshot,
                           assay_error *err)
{
    assay_commit_env env = {.clock = &world->clock, .random = &world->random};
    assay_gate_token *token =
        assay_gate_token_new(world->arena, "silver.t", "stage-1", "pass", "hash");

    request->recheck = recheck;
    return assay_table_commit(request, token, &env, world->arena, ret_snapshot, err);
}

static assay_state_file *current_state(struct world *world)
{
    assay_state_file *state = NULL;
    int foreign = -1;
    assay_error err = {0};

    if (assay_state_file_current(load(world), world->store, world->arena, &state, &foreign, &err) !=
        ASSAY_OK)
        fail_msg("%s", err.message);
    return state;
}

static void a_commit_writes_its_state_before_and_refers_to_it(void **state)
{
    struct world *world = *state;
    assay_consumed_file files[] = {consumed("a.csv", "aa"), consumed("b.csv", "bb")};
    assay_consumed_input inputs[] = {{"bronze.x", "uuid", 99, 4}};
    assay_commit_request request = request_on(world, load(world));
    const assay_snapshot *snapshot = NULL;

    request.state.files = files;
    request.state.file_count = 2;
    request.state.inputs = inputs;
    request.state.input_count = 1;
    request.state.skip_key = "key";
    request.state.gate = assay_value_map(world->arena);
    assert_int_equal(assay_value_set(request.state.gate, "pass_rate",
                                     assay_value_real(world->arena, 0.5), world->arena, NULL),
                     ASSAY_OK);
    assert_int_equal(commit(world, &request, NULL, &snapshot, NULL), ASSAY_OK);
    assert_string_equal(snapshot->verdict, "pass");
    assay_state_file *read = current_state(world);
    assert_int_equal(read->number, 1);
    assert_string_equal(read->run_id, "run");
    assert_string_equal(read->skip_key, "key");
    assert_string_equal(read->verdict, "pass");
    assert_string_equal(read->suite_hash, "hash");
    assert_string_equal(read->commit_id, snapshot->commit_id);
    assert_int_equal(read->file_count, 2);
    assert_string_equal(read->files[1].path, "b.csv");
    assert_true(read->files[1].mtime_ns == 1234567890123456789);
    assert_int_equal(read->input_count, 1);
    assert_int_equal(read->inputs[0].snapshot_id, 99);
    assert_true(assay_value_equal(read->gate, request.state.gate));
}

static void a_commit_without_the_token_of_its_files_is_refused(void **state)
{
    struct world *world = *state;
    assay_commit_env env = {.clock = &world->clock, .random = &world->random};
    assay_commit_request request = request_on(world, load(world));
    const assay_snapshot *snapshot = NULL;
    assay_gate_token *others[] = {
        NULL, assay_gate_token_new(world->arena, "silver.other", "stage-1", "pass", NULL),
        assay_gate_token_new(world->arena, "silver.t", "stage-2", "pass", NULL)};

    for (size_t i = 0; i < 3; i++) {
        assay_error err = {0};
        assert_int_equal(assay_table_commit(&request, others[i], &env, world->arena, &snapshot,
                                            &err),
                         ASSAY_EINTERNAL);
        assert_int_equal(err.number, 4042);
    }
    assert_int_equal(fake_next.commits, 0);
}

/* Commits with all files of `previous` and one more. */
static assay_status append_file(struct world *world, const assay_table *base,
                                const assay_state_file *previous, const char *path,
                                assay_error *err)
{
    size_t count = previous != NULL ? previous->file_count : 0;
    assay_commit_request request = request_on(world, base);
    const assay_snapshot *snapshot = NULL;

    request.state.files = assay_arena_take(world->arena, count + 1, sizeof(assay_consumed_file));
    for (size_t i = 0; i < count; i++)
        request.state.files[i] = previous->files[i];
    request.state.files[count] = consumed(path, path);
    request.state.file_count = count + 1;
    request.previous = previous;
    return commit(world, &request, NULL, &snapshot, err);
}

static void states_are_chained_and_the_chain_stays_short(void **state)
{
    struct world *world = *state;
    size_t longest = 0;

    for (int i = 0; i < 120; i++) {
        assay_state_file *previous = i > 0 ? current_state(world) : NULL;
        char *path = assay_arena_format(world->arena, "in/%03d.csv", i);
        assert_int_equal(append_file(world, load(world), previous, path, NULL), ASSAY_OK);
    }
    assay_state_file *last = current_state(world);
    assert_int_equal(last->number, 120);
    assert_int_equal(last->file_count, 120);
    for (int i = 0; i < 120; i++)
        assert_string_equal(last->files[i].path,
                            assay_arena_format(world->arena, "in/%03d.csv", i));
    assay_store_names names = {0};
    assert_int_equal(assay_store_list(world->store, "/lake/t/_assay", world->arena, &names, NULL),
                     ASSAY_OK);
    assert_int_equal(names.count, 120);
    size_t total = 0;
    for (size_t i = 0; i < names.count; i++) {
        assay_store_info info = {0};
        char *key = assay_arena_format(world->arena, "/lake/t/_assay/%s", names.names[i]);
        assert_int_equal(assay_store_head(world->store, key, &info, NULL), ASSAY_OK);
        total += (size_t)info.size;
        longest = (size_t)info.size > longest ? (size_t)info.size : longest;
    }
    /* Copying the list each time would take 120 * 60 entries. */
    assert_true(total < 120 * 1000 + 300 * 150);
    assert_true(longest < 20000);
}

static void a_file_with_new_content_replaces_what_was_known_of_it(void **state)
{
    struct world *world = *state;
    assay_consumed_file files[] = {consumed("a", "1"), consumed("b", "1"), consumed("a", "2")};
    assay_commit_request request = request_on(world, load(world));
    const assay_snapshot *snapshot = NULL;

    assert_int_equal(append_file(world, load(world), NULL, "a", NULL), ASSAY_OK);
    request.base = load(world);
    request.previous = current_state(world);
    request.state.files = files;
    files[0] = request.previous->files[0];
    request.state.file_count = 3;
    assert_int_equal(commit(world, &request, NULL, &snapshot, NULL), ASSAY_OK);
    assay_state_file *read = current_state(world);
    assert_int_equal(read->file_count, 2);
    for (size_t i = 0; i < 2; i++)
        if (strcmp(read->files[i].path, "a") == 0)
            assert_string_equal(read->files[i].sha256, "2");
}

static void an_append_rebases_after_a_lost_race(void **state)
{
    struct world *world = *state;
    assay_error err = {0};

    assert_int_equal(append_file(world, load(world), NULL, "a", NULL), ASSAY_OK);
    fake_next = (fake_orders){.lose = 2};
    assert_int_equal(append_file(world, load(world), current_state(world), "b", &err), ASSAY_OK);
    assert_int_equal(fake_next.commits, 3);
    assay_state_file *read = current_state(world);
    assert_int_equal(read->number, 4);
    assert_int_equal(read->file_count, 2);
}

static void a_commit_that_always_loses_gives_up_and_leaves_no_state(void **state)
{
    struct world *world = *state;
    assay_store_names names = {0};
    assay_error err = {0};

    fake_next = (fake_orders){.lose = 100};
    assert_int_equal(append_file(world, load(world), NULL, "a", &err), ASSAY_ECONFLICT);
    assert_int_equal(err.number, 4040);
    assert_int_equal(fake_next.commits, 5);
    assert_int_equal(assay_store_list(world->store, "/lake/t/_assay", world->arena, &names, NULL),
                     ASSAY_OK);
    assert_int_equal(names.count, 0);
}

static void two_runs_that_append_other_files_keep_both(void **state)
{
    struct world *world = *state;
    const assay_table *base = load(world);

    assert_int_equal(append_file(world, base, NULL, "a", NULL), ASSAY_OK);
    assert_int_equal(append_file(world, base, NULL, "b", NULL), ASSAY_OK);
    assay_state_file *read = current_state(world);
    assert_int_equal(read->file_count, 2);
    assert_string_equal(read->files[0].path, "a");
    assert_string_equal(read->files[1].path, "b");
}

static void two_runs_that_load_the_same_file_do_not_load_it_twice(void **state)
{
    struct world *world = *state;
    const assay_table *base = load(world);
    assay_error err = {0};

    assert_int_equal(append_file(world, base, NULL, "a", NULL), ASSAY_OK);
    assert_int_equal(append_file(world, base, NULL, "a", &err), ASSAY_ECONFLICT);
    assert_non_null(strstr(err.message, "'a'"));
    assert_int_equal(load(world)->snapshot_count, 1);
}

static void two_runs_that_consume_the_same_rows_do_not_add_them_twice(void **state)
{
    struct world *world = *state;
    const assay_table *base = load(world);
    assay_consumed_input inputs[] = {{"bronze.x", "uuid", 7, 2}};
    const assay_snapshot *snapshot = NULL;
    assay_error err = {0};

    for (int i = 0; i < 2; i++) {
        assay_commit_request request = request_on(world, base);
        request.state.inputs = inputs;
        request.state.input_count = 1;
        assert_int_equal(commit(world, &request, NULL, &snapshot, &err),
                         i == 0 ? ASSAY_OK : ASSAY_ECONFLICT);
    }
    assert_non_null(strstr(err.message, "bronze.x"));
}

static assay_value *watermark(struct world *world, const char *high)
{
    assay_value *map = assay_value_map(world->arena);

    assert_int_equal(assay_value_set(map, "high", assay_value_text(world->arena, high),
                                     world->arena, NULL),
                     ASSAY_OK);
    return map;
}

static void two_runs_that_read_the_same_window_do_not_add_it_twice(void **state)
{
    struct world *world = *state;
    const assay_table *base = load(world);
    const assay_snapshot *snapshot = NULL;
    assay_error err = {0};

    for (int i = 0; i < 2; i++) {
        assay_commit_request request = request_on(world, base);
        request.state.watermark = watermark(world, i == 0 ? "5" : "6");
        assert_int_equal(commit(world, &request, NULL, &snapshot, &err),
                         i == 0 ? ASSAY_OK : ASSAY_ECONFLICT);
    }
    assert_int_equal(err.number, 4040);
    assert_string_equal(assay_value_find_text(current_state(world)->watermark, "high", ""), "5");
}

static void rows_that_come_another_way_leave_the_watermark(void **state)
{
    struct world *world = *state;
    const assay_snapshot *snapshot = NULL;
    assay_commit_request request = request_on(world, load(world));

    request.state.watermark = watermark(world, "5");
    assert_int_equal(commit(world, &request, NULL, &snapshot, NULL), ASSAY_OK);
    const assay_table *old = load(world);
    assay_state_file *before = current_state(world);
    assert_int_equal(append_file(world, old, before, "a", NULL), ASSAY_OK);
    assert_string_equal(assay_value_find_text(current_state(world)->watermark, "high", ""), "5");
    assert_int_equal(append_file(world, old, before, "b", NULL), ASSAY_OK);
    assert_string_equal(assay_value_find_text(current_state(world)->watermark, "high", ""), "5");
}

static int rechecks;

static assay_status allow(void *user, const assay_table *now, assay_commit_request *request,
                          assay_error *err)
{
    (void)user;
    (void)err;
    rechecks++;
    assert_true(now->snapshot_count > request->base->snapshot_count);
    return ASSAY_OK;
}

static void other_changes_ask_after_a_lost_race(void **state)
{
    struct world *world = *state;
    assay_commit_request request = request_on(world, load(world));
    const assay_snapshot *snapshot = NULL;
    assay_error err = {0};

    rechecks = 0;
    fake_next.lose = 1;
    request.change.kind = ASSAY_CHANGE_OVERWRITE;
    assert_int_equal(commit(world, &request, NULL, &snapshot, &err), ASSAY_ECONFLICT);
    assert_int_equal(err.number, 4040);
    fake_next.lose = 1;
    request = request_on(world, load(world));
    request.change.kind = ASSAY_CHANGE_REPLACE;
    assert_int_equal(commit(world, &request, allow, &snapshot, &err), ASSAY_OK);
    assert_int_equal(rechecks, 1);
}

static void an_overwrite_that_still_holds_takes_over_what_the_winner_consumed(void **state)
{
    struct world *world = *state;
    const assay_table *base = load(world);
    assay_consumed_file file = {.path = "b", .sha256 = "1"};
    const assay_snapshot *snapshot = NULL;

    assert_int_equal(append_file(world, base, NULL, "a", NULL), ASSAY_OK);
    assay_commit_request request = request_on(world, base);
    request.change.kind = ASSAY_CHANGE_OVERWRITE;
    request.state.files = &file;
    request.state.file_count = 1;
    rechecks = 0;
    assert_int_equal(commit(world, &request, allow, &snapshot, NULL), ASSAY_OK);
    assert_int_equal(rechecks, 1);
    assay_state_file *read = current_state(world);
    assert_int_equal(read->file_count, 2);
    assert_string_equal(read->files[0].path, "a");
    assert_string_equal(read->files[1].path, "b");
}

static void an_overwrite_of_rows_that_the_winner_consumed_too_is_a_conflict(void **state)
{
    struct world *world = *state;
    const assay_table *base = load(world);
    assay_consumed_input inputs[] = {{"bronze.x", "uuid", 7, 2}};
    const assay_snapshot *snapshot = NULL;
    assay_error err = {0};

    for (int i = 0; i < 2; i++) {
        assay_commit_request request = request_on(world, base);
        request.change.kind = i == 0 ? ASSAY_CHANGE_APPEND : ASSAY_CHANGE_OVERWRITE;
        request.state.inputs = inputs;
        request.state.input_count = 1;
        assert_int_equal(commit(world, &request, allow, &snapshot, &err),
                         i == 0 ? ASSAY_OK : ASSAY_ECONFLICT);
    }
    assert_int_equal(err.number, 4040);
}

static void an_unknown_outcome_that_happened_is_success(void **state)
{
    struct world *world = *state;

    fake_next.unknown_done = 1;
    assert_int_equal(append_file(world, load(world), NULL, "a", NULL), ASSAY_OK);
    assert_int_equal(fake_next.commits, 1);
    assert_int_equal(load(world)->snapshot_count, 1);
    assert_int_equal(current_state(world)->file_count, 1);
}

static void an_unknown_outcome_that_did_not_happen_is_tried_again(void **state)
{
    struct world *world = *state;

    fake_next.unknown_absent = 2;
    assert_int_equal(append_file(world, load(world), NULL, "a", NULL), ASSAY_OK);
    assert_int_equal(fake_next.commits, 3);
    assert_int_equal(load(world)->snapshot_count, 1);
}

static void an_outcome_that_cannot_be_looked_up_is_said_as_such(void **state)
{
    struct world *world = *state;
    assay_store_names names = {0};
    const assay_table *base = load(world);
    assay_error err = {0};

    fake_next = (fake_orders){.unknown_done = 1, .load_fails = true};
    assert_int_equal(append_file(world, base, NULL, "a", &err), ASSAY_EUNKNOWN_OUTCOME);
    assert_int_equal(err.number, 4041);
    assert_int_equal(assay_store_list(world->store, "/lake/t/_assay", world->arena, &names, NULL),
                     ASSAY_OK);
    assert_int_equal(names.count, 1);
}

static void a_cancelled_commit_does_not_begin(void **state)
{
    struct world *world = *state;
    assay_cancel *cancel = assay_cancel_new();
    assay_commit_env env = {.clock = &world->clock, .random = &world->random, .cancel = cancel};
    assay_commit_request request = request_on(world, load(world));
    assay_gate_token *token =
        assay_gate_token_new(world->arena, "silver.t", "stage-1", "pass", NULL);
    const assay_snapshot *snapshot = NULL;

    assay_cancel_request(cancel, 2);
    assert_int_equal(assay_table_commit(&request, token, &env, world->arena, &snapshot, NULL),
                     ASSAY_ECANCELLED);
    assert_int_equal(fake_next.commits, 0);
    assay_cancel_free(cancel);
}

static void the_state_is_found_behind_foreign_commits(void **state)
{
    struct world *world = *state;
    assay_state_file *read = NULL;
    int foreign = -1;
    static const char log[] =
        "[{\"id\":1,\"state\":\"_assay/state-1-x.json\"},{\"id\":2},{\"id\":3}]";
    static const char one[] = "{\"version\":1,\"number\":1,\"files\":[],\"inputs\":[]}";

    assert_int_equal(assay_store_put(world->store, "/lake/t/log.json", log, sizeof log - 1, NULL),
                     ASSAY_OK);
    assert_int_equal(assay_store_put(world->store, "/lake/t/_assay/state-1-x.json", one,
                                     sizeof one - 1, NULL),
                     ASSAY_OK);
    assert_int_equal(assay_state_file_current(load(world), world->store, world->arena, &read,
                                              &foreign, NULL),
                     ASSAY_OK);
    assert_int_equal(foreign, 2);
    assert_int_equal(read->number, 1);
}

static void damaged_states_are_refused_with_their_name(void **state)
{
    struct world *world = *state;
    static const char *const cases[] = {"",
                                        "{",
                                        "[]",
                                        "{\"version\":9}",
                                        "{\"version\":1,\"files\":[{}]}",
                                        "{\"version\":1,\"previous\":\"_assay/state-0-gone.json\"}",
                                        "{\"version\":1,\"previous\":\"_assay/../../etc/passwd\"}",
                                        "{\"version\":1,\"previous\":\"/etc/passwd\"}",
                                        "{\"version\":1,\"previous\":\"_assay/state-1-x.json\"}"};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assay_state_file *read = NULL;
        assay_error err = {0};
        assert_int_equal(assay_store_put(world->store, "/lake/t/_assay/state-1-x.json", cases[i],
                                         strlen(cases[i]), NULL),
                         ASSAY_OK);
        assert_int_equal(assay_state_file_load("/lake/t", "_assay/state-1-x.json", world->store,
                                               world->arena, &read, &err),
                         ASSAY_EDATA);
        assert_int_equal(err.number, 4050);
        assert_non_null(strstr(err.message, "state file '"));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_commit_writes_its_state_before_and_refers_to_it),
        TEST(a_commit_without_the_token_of_its_files_is_refused),
        TEST(states_are_chained_and_the_chain_stays_short),
        TEST(a_file_with_new_content_replaces_what_was_known_of_it),
        TEST(an_append_rebases_after_a_lost_race),
        TEST(a_commit_that_always_loses_gives_up_and_leaves_no_state),
        TEST(two_runs_that_append_other_files_keep_both),
        TEST(two_runs_that_load_the_same_file_do_not_load_it_twice),
        TEST(two_runs_that_consume_the_same_rows_do_not_add_them_twice),
        TEST(two_runs_that_read_the_same_window_do_not_add_it_twice),
        TEST(rows_that_come_another_way_leave_the_watermark),
        TEST(other_changes_ask_after_a_lost_race),
        TEST(an_overwrite_that_still_holds_takes_over_what_the_winner_consumed),
        TEST(an_overwrite_of_rows_that_the_winner_consumed_too_is_a_conflict),
        TEST(an_unknown_outcome_that_happened_is_success),
        TEST(an_unknown_outcome_that_did_not_happen_is_tried_again),
        TEST(an_outcome_that_cannot_be_looked_up_is_said_as_such),
        TEST(a_cancelled_commit_does_not_begin),
        TEST(the_state_is_found_behind_foreign_commits),
        TEST(damaged_states_are_refused_with_their_name),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
