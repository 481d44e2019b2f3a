/* The emitter against backends that are up, down, slow, broken or unwilling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "base/clock.h"
#include "base/str.h"
#include "world.h"

enum { DRAIN_MS = 20000 };

static int64_t now_us(void)
{
    assay_clock clock = assay_clock_system();
    return clock.monotonic_us(clock.user);
}

/* Waits until the emitter has made `tries` failed tries. */
static void await_retries(assay_lineage_emitter *emitter, int64_t tries)
{
    int64_t end = now_us() + DRAIN_MS * 1000;
    while (assay_lineage_emitter_counts(emitter).retries < tries) {
        assert_true(now_us() < end);
        (void)usleep(1000);
    }
}

static void an_accepted_event_leaves_the_spool(void **state)
{
    test_world *world = *state;
    test_backend *backend = test_backend_start(0);
    test_world_config_http(world, test_backend_port(backend), "");

    assay_lineage_emitter *emitter = test_world_open(world);
    for (int i = 0; i < 5; i++)
        test_world_emit(emitter, 1, i);
    assert_true(assay_lineage_drain(emitter, DRAIN_MS));
    assay_lineage_counts counts = assay_lineage_emitter_counts(emitter);
    assay_lineage_close(emitter, DRAIN_MS);

    assert_int_equal(counts.emitted, 5);
    assert_int_equal(counts.delivered, 5);
    assert_int_equal(counts.waiting, 0);
    assert_int_equal(test_backend_accepted(backend), 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(test_world_number(test_backend_body(backend, (size_t)i)), i);
    assert_non_null(strstr(test_backend_head(backend), "POST /api/v1/lineage HTTP/1.1"));
    assert_non_null(strstr(test_backend_head(backend), "Content-Type: application/json"));
    assert_int_equal(test_folder_count(world->folder, "spool"), 0);
    test_backend_stop(backend);
}

static void key_and_compression_go_with_the_request_and_nowhere_else(void **state)
{
    test_world *world = *state;
    test_backend *backend = test_backend_start(0);
    test_world_config_http(world, test_backend_port(backend),
                           "api_key: s3cr3t-key\ncompression: gzip\n"
                           "headers: {X-Tenant: tenant-secret}\n");

    assay_lineage_emitter *emitter = test_world_open(world);
    test_world_emit(emitter, 1, 1);
    assert_true(assay_lineage_drain(emitter, DRAIN_MS));
    const char *head = test_backend_head(backend);
    assert_non_null(strstr(head, "Authorization: Bearer s3cr3t-key"));
    assert_non_null(strstr(head, "Content-Encoding: gzip"));
    assert_non_null(strstr(head, "X-Tenant: tenant-secret"));
    assert_int_equal((unsigned char)test_backend_body(backend, 0)[0], 0x1f);

    /* The backend echoes the key with its refusal. */
    test_backend_set(backend, TEST_BACKEND_REFUSE);
    test_world_emit(emitter, 1, 2);
    assert_true(assay_lineage_drain(emitter, DRAIN_MS));
    assay_lineage_close(emitter, 0);
    const char *refused = test_world_read(world, "spool/refused-http.jsonl");
    assert_non_null(strstr(refused, "number=2;"));
    assert_null(strstr(refused, "s3cr3t-key"));
    assert_null(strstr(assay_buf_text(&world->logged), "s3cr3t-key"));
    test_backend_stop(backend);
}

static void a_refused_event_is_kept_with_the_answer_and_holds_nothing_up(void **state)
{
    test_world *world = *state;
    test_backend *backend = test_backend_start(0);
    test_world_config_http(world, test_backend_port(backend), "");

    test_backend_set(backend, TEST_BACKEND_REFUSE);
    assay_lineage_emitter *emitter = test_world_open(world);
    test_world_emit(emitter, 1, 7);
    assert_true(assay_lineage_drain(emitter, DRAIN_MS));
    test_backend_set(backend, TEST_BACKEND_OK);
    test_world_emit(emitter, 1, 8);
    assert_true(assay_lineage_drain(emitter, DRAIN_MS));
    assay_lineage_counts counts = assay_lineage_emitter_counts(emitter);
    assay_lineage_close(emitter, 0);

    assert_int_equal(counts.refused, 1);
    assert_int_equal(counts.delivered, 1);
    assert_int_equal(test_world_number(test_backend_body(backend, 0)), 8);
    const char *refused = test_world_read(world, "spool/refused-http.jsonl");
    assert_non_null(strstr(refused, "\"status\":422"));
    assert_non_null(strstr(refused, "\"answer\":\"no key\""));
    assert_non_null(strstr(refused, "number=7;"));
    assert_non_null(strstr(assay_buf_text(&world->logged), "1 lineage events were refused"));
    assay_lineage_spool_state look;
    assert_int_equal(assay_lineage_spool_look(world->spool, world->config, &look, NULL), ASSAY_OK);
    assert_int_equal(look.refused, 1);
    assert_int_equal(look.events, 0);
    test_backend_stop(backend);
}

/* Emits while the backend has a fault, heals it, and checks that everything came once and in
 * order. */
static void heals(test_world *world, test_backend_mode mode, int64_t tries)
{
    test_backend *backend = test_backend_start(0);
    test_world_config_http(world, test_backend_port(backend), "timeout: 200ms\n");

    test_backend_set(backend, mode);
    assay_lineage_emitter *emitter = test_world_open(world);
    for (int i = 0; i < 20; i++)
        test_world_emit(emitter, i % 3, i);
    await_retries(emitter, tries);
    test_backend_set(backend, TEST_BACKEND_OK);
    assert_true(assay_lineage_drain(emitter, DRAIN_MS));
    assay_lineage_close(emitter, 0);
    assert_int_equal(test_backend_accepted(backend), 20);
    for (int i = 0; i < 20; i++)
        assert_int_equal(test_world_number(test_backend_body(backend, (size_t)i)), i);
    test_backend_stop(backend);
}

static void a_backend_that_answers_500_gets_everything_when_it_heals(void **state)
{
    heals(*state, TEST_BACKEND_ERROR, 3);
}

static void a_backend_that_closes_early_gets_everything_when_it_heals(void **state)
{
    heals(*state, TEST_BACKEND_CLOSE, 3);
}

static void a_black_hole_gets_everything_when_it_heals(void **state)
{
    heals(*state, TEST_BACKEND_SILENT, 2);
}

static void retry_after_is_respected(void **state)
{
    test_world *world = *state;
    test_backend *backend = test_backend_start(0);
    test_world_config_http(world, test_backend_port(backend), "");

    test_backend_set(backend, TEST_BACKEND_BUSY);
    assay_lineage_emitter *emitter = test_world_open(world);
    int64_t begin = now_us();
    test_world_emit(emitter, 1, 1);
    assert_true(assay_lineage_drain(emitter, DRAIN_MS));
    assert_true(now_us() - begin >= 1000000);
    assert_int_equal(test_backend_requests(backend), 2);
    assay_lineage_close(emitter, 0);
    test_backend_stop(backend);
}

static void a_backend_that_is_down_costs_nothing_and_gets_all_from_the_next_run(void **state)
{
    test_world *world = *state;
    test_backend *backend = test_backend_start(0);
    int port = test_backend_port(backend);
    test_backend_stop(backend);
    test_world_config_http(world, port, "");

    assay_lineage_emitter *emitter = test_world_open(world);
    for (int i = 0; i < 10; i++)
        test_world_emit(emitter, 1, i);
    await_retries(emitter, 1);
    int64_t begin = now_us();
    assay_lineage_close(emitter, ASSAY_LINEAGE_CLOSE_MS);
    assert_true(now_us() - begin < 200000);
    assert_int_equal(test_world_segments(world), 1);
    assay_lineage_spool_state look;
    assert_int_equal(assay_lineage_spool_look(world->spool, world->config, &look, NULL), ASSAY_OK);
    assert_int_equal(look.events, 10);
    assert_int_equal(look.segments, 1);

    backend = test_backend_start(port);
    emitter = test_world_open(world);
    test_world_emit(emitter, 1, 10);
    assert_true(assay_lineage_drain(emitter, DRAIN_MS));
    assay_lineage_close(emitter, 0);
    assert_int_equal(test_backend_accepted(backend), 11);
    for (int i = 0; i < 11; i++)
        assert_int_equal(test_world_number(test_backend_body(backend, (size_t)i)), i);
    assert_int_equal(test_folder_count(world->folder, "spool"), 0);
    test_backend_stop(backend);
}

static void closing_does_not_wait_for_a_black_hole(void **state)
{
    test_world *world = *state;
    test_backend *backend = test_backend_start(0);
    test_world_config_http(world, test_backend_port(backend), "timeout: 60s\n");

    test_backend_set(backend, TEST_BACKEND_SILENT);
    assay_lineage_emitter *emitter = test_world_open(world);
    test_world_emit(emitter, 1, 1);
    while (test_backend_requests(backend) == 0)
        (void)usleep(1000);
    (void)usleep(1300000);
    int64_t begin = now_us();
    assay_lineage_close(emitter, ASSAY_LINEAGE_CLOSE_MS);
    int64_t took = now_us() - begin;
    print_message("closed after %lld ms\n", (long long)took / 1000);
    assert_true(took < 450000);
    assert_int_equal(test_world_segments(world), 1);
    test_backend_stop(backend);
}

static void every_transport_gets_every_event_at_its_own_pace(void **state)
{
    test_world *world = *state;
    test_backend *backend = test_backend_start(0);
    int port = test_backend_port(backend);
    test_world_config(world,
                      assay_arena_format(world->arena,
                                         "transports:\n"
                                         "- {type: http, name: up, url: 'http://127.0.0.1:%d'}\n"
                                         "- {type: http, name: down, url: 'http://127.0.0.1:1', "
                                         "retry: {wait: 1ms, max_wait: 2ms}}\n"
                                         "- {type: file, path: out/events.jsonl}\n",
                                         port));
    assay_lineage_emitter *emitter = test_world_open(world);
    for (int i = 0; i < 3; i++)
        test_world_emit(emitter, 1, i);
    int64_t end = now_us() + DRAIN_MS * 1000;
    while (assay_lineage_emitter_counts(emitter).delivered < 6)
        assert_true(now_us() < end);
    assay_lineage_close(emitter, 0);

    assert_int_equal(test_backend_accepted(backend), 3);
    const char *text = test_world_read(world, "out/events.jsonl");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(test_world_number(text), i);
        text = strchr(text, '\n') + 1;
    }
    assert_string_equal(text, "");
    assert_int_equal(test_world_segments(world), 1);

    /* The next run does not send them again to those that have them. */
    emitter = test_world_open(world);
    assert_false(assay_lineage_drain(emitter, 100));
    assert_int_equal(assay_lineage_emitter_counts(emitter).waiting, 3);
    assay_lineage_close(emitter, 0);
    assert_int_equal(test_backend_accepted(backend), 3);
    test_backend_stop(backend);
}

static void print_line(void *user, const char *line)
{
    assay_buf_append_format(user, "%s\n", line);
}

static void the_console_prints_lines(void **state)
{
    test_world *world = *state;
    ASSAY_AUTO(assay_buf_done) assay_buf printed = ASSAY_BUF_EMPTY;
    test_world_config(world, "backend: console\n");
    assay_lineage_emitter_options options = {.config = world->config,
                                             .folder = world->spool,
                                             .clock = assay_clock_system(),
                                             .random = assay_random_system(),
                                             .print = print_line,
                                             .print_user = &printed};
    assay_lineage_emitter *emitter = NULL;

    assert_int_equal(assay_lineage_open(&options, &emitter, NULL), ASSAY_OK);
    test_world_emit(emitter, 1, 3);
    test_world_emit(emitter, 1, 4);
    assay_lineage_close(emitter, DRAIN_MS);
    const char *second = strchr(assay_buf_text(&printed), '\n');
    assert_non_null(second);
    assert_int_equal(test_world_number(assay_buf_text(&printed)), 3);
    assert_int_equal(test_world_number(second), 4);
}

static void a_full_spool_loses_events_loudly(void **state)
{
    test_world *world = *state;
    test_world_config_http(world, 1, "spool_limit: 2KB\n");
    assay_lineage_emitter *emitter = test_world_open(world);
    assay_error err = {.code = ASSAY_OK};
    int kept = 0;

    while (test_world_try_emit(emitter, 1, kept, &err) == ASSAY_OK)
        kept++;
    assert_true(kept > 0);
    assert_int_equal(err.code, ASSAY_EIO);
    assert_int_equal(err.number, 6031);
    assert_int_equal(test_world_try_emit(emitter, 1, 99, NULL), ASSAY_EIO);
    assay_lineage_counts counts = assay_lineage_emitter_counts(emitter);
    assert_int_equal(counts.emitted, kept);
    assert_int_equal(counts.lost, 2);
    assay_lineage_close(emitter, 0);
    assert_non_null(strstr(assay_buf_text(&world->logged), "2 lineage events are lost"));
}

static void a_disabled_emitter_does_nothing(void **state)
{
    test_world *world = *state;
    test_world_config(world, "enabled: false\nbackend: http\nurl: http://127.0.0.1:1\n");
    assay_lineage_emitter *emitter = test_world_open(world);

    test_world_emit(emitter, 1, 1);
    assert_int_equal(assay_lineage_sync(emitter, NULL), ASSAY_OK);
    assay_lineage_close(emitter, ASSAY_LINEAGE_CLOSE_MS);
    assert_int_equal(test_folder_count(world->folder, "."), 0);
    assert_int_equal(assay_lineage_emit(NULL, NULL, NULL), ASSAY_OK);
}

static void emitting_is_fast(void **state)
{
    test_world *world = *state;
    test_world_config(world, "backend: file\npath: events.jsonl\n");
    assay_lineage_emitter *emitter = test_world_open(world);

    int64_t begin = now_us();
    for (int i = 0; i < 2000; i++)
        test_world_emit(emitter, 1, i);
    int64_t took = now_us() - begin;
    assert_int_equal(assay_lineage_sync(emitter, NULL), ASSAY_OK);
    assay_lineage_close(emitter, DRAIN_MS);
    print_message("%.1f us an event\n", (double)took / 2000);
    assert_true(took / 2000 < 1000); /* the goal is 100; a loaded machine gets its share */
    assert_int_equal(test_folder_count(world->folder, "spool"), 0);
}

static void segments_rotate_and_are_deleted_one_by_one(void **state)
{
    test_world *world = *state;
    test_world_config(world, "backend: file\npath: events.jsonl\n");
    assay_lineage_emitter *emitter = test_world_open(world);
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_lineage_event event = assay_lineage_event_init();

    for (int i = 0; i < 3 * 1024 * 1024; i++)
        assay_buf_append_char(&sql, 'x');
    event.run_id = "01890a5d-ac96-774b-bcce-b302099a0000";
    event.job_namespace = "shop";
    event.job_name = "big";
    event.sql = assay_buf_text(&sql);
    for (int i = 0; i < 8; i++)
        assert_int_equal(assay_lineage_emit(emitter, &event, NULL), ASSAY_OK);
    assert_true(assay_lineage_drain(emitter, DRAIN_MS));
    assay_lineage_close(emitter, 0);
    const char *text = test_world_read(world, "events.jsonl");
    size_t lines = 0;
    for (; *text != '\0'; text++)
        lines += *text == '\n' ? 1 : 0;
    assert_int_equal(lines, 8);
    assert_int_equal(test_folder_count(world->folder, "spool"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(function) \
    cmocka_unit_test_setup_teardown(function, test_world_setup, test_world_teardown)
        TEST(an_accepted_event_leaves_the_spool),
        TEST(key_and_compression_go_with_the_request_and_nowhere_else),
        TEST(a_refused_event_is_kept_with_the_answer_and_holds_nothing_up),
        TEST(a_backend_that_answers_500_gets_everything_when_it_heals),
        TEST(a_backend_that_closes_early_gets_everything_when_it_heals),
        TEST(a_black_hole_gets_everything_when_it_heals),
        TEST(retry_after_is_respected),
        TEST(a_backend_that_is_down_costs_nothing_and_gets_all_from_the_next_run),
        TEST(closing_does_not_wait_for_a_black_hole),
        TEST(every_transport_gets_every_event_at_its_own_pace),
        TEST(the_console_prints_lines),
        TEST(a_full_spool_loses_events_loudly),
        TEST(a_disabled_emitter_does_nothing),
        TEST(emitting_is_fast),
        TEST(segments_rotate_and_are_deleted_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
