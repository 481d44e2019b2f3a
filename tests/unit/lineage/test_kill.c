/* kill -9 at any moment: what emit acknowledged is delivered by a later run, once at least. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/path.h"
#include "base/str.h"
#include "world.h"

enum { ROUNDS = 60, EVENTS = 400, DRAIN_MS = 60000 };

/* Forking is not what the thread sanitizer is for: it reports the engine's own handlers. */
static void skip_with_threads_watched(void)
{
#ifdef __SANITIZE_THREAD__
    skip();
#endif
}

/* Some moment of the first 12 ms. */
static unsigned moment(void)
{
    const assay_random random = assay_random_system();
    unsigned bits = 0;

    random.fill(random.user, &bits, sizeof bits);
    return bits % 12000;
}

/* Emits events and writes the number of each that was acknowledged to the pipe. */
static void child(test_world *world, int round, int pipe_fd)
{
    assay_lineage_emitter *emitter = test_world_open(world);

    for (int i = 0; i < EVENTS; i++) {
        int number = round * EVENTS + i;
        test_world_emit(emitter, round, number);
        if (write(pipe_fd, &number, sizeof number) != (ssize_t)sizeof number)
            _exit(1);
    }
    assay_lineage_close(emitter, 0);
    _exit(0);
}

/* Runs one child and kills it after `us`; gives the last number that it acknowledged. */
static int run_child(test_world *world, int round, unsigned us)
{
    int ends[2];
    int last = -1;
    int number = 0;

    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(ends[0]);
        child(world, round, ends[1]);
    }
    (void)close(ends[1]);
    (void)usleep(us);
    assert_int_equal(kill(pid, SIGKILL), 0);
    while (read(ends[0], &number, sizeof number) == (ssize_t)sizeof number)
        last = number;
    (void)close(ends[0]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return last;
}

static void mark_delivered(const char *text, bool *seen, size_t count)
{
    int before = -1;

    while (*text != '\0') {
        const char *end = strchr(text, '\n');
        assert_non_null(end);
        assert_int_equal(text[0], '{');
        assert_int_equal(end[-1], '}');
        int number = test_world_number(text);
        assert_true(number >= 0 && (size_t)number < count);
        /* Within a run order is kept; a repetition begins again somewhere before. */
        if (before >= 0 && number / EVENTS == before / EVENTS)
            assert_true(number <= before + 1);
        seen[number] = true;
        before = number;
        text = end + 1;
    }
}

static void no_acknowledged_event_is_lost(void **state)
{
    test_world *world = *state;
    static bool seen[ROUNDS * EVENTS];
    static int last[ROUNDS];
    int acknowledged = 0;

    skip_with_threads_watched();
    test_world_config(world, "backend: file\npath: events.jsonl\n");
    for (int round = 0; round < ROUNDS; round++)
        last[round] = run_child(world, round, moment());

    assay_lineage_emitter *emitter = test_world_open(world);
    assert_true(assay_lineage_drain(emitter, DRAIN_MS));
    assay_lineage_close(emitter, 0);
    mark_delivered(test_world_read(world, "events.jsonl"), seen, (size_t)ROUNDS * EVENTS);
    for (int round = 0; round < ROUNDS; round++)
        for (int i = round * EVENTS; i <= last[round]; i++) {
            if (!seen[i])
                fail_msg("event %d of round %d is lost", i, round);
            acknowledged++;
        }
    print_message("%d events acknowledged in %d killed runs, 0 lost\n", acknowledged, ROUNDS);
    assert_int_equal(test_folder_count(world->folder, "spool"), 0);
}

static void two_processes_share_a_spool(void **state)
{
    test_world *world = *state;
    static bool seen[2 * EVENTS];
    pid_t pids[2];
    int status = 0;

    skip_with_threads_watched();
    test_world_config(world, "backend: file\npath: events.jsonl\n");
    int sink = open("/dev/null", O_WRONLY);
    assert_true(sink >= 0);
    for (int i = 0; i < 2; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0)
            child(world, i, sink);
    }
    (void)close(sink);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    assay_lineage_emitter *emitter = test_world_open(world);
    assert_true(assay_lineage_drain(emitter, DRAIN_MS));
    assay_lineage_close(emitter, 0);
    const char *text = test_world_read(world, "events.jsonl");
    size_t lines = 0;
    for (const char *at = text; *at != '\0'; at++)
        lines += *at == '\n' ? 1 : 0;
    assert_int_equal(lines, (size_t)2 * EVENTS);
    for (; *text != '\0'; text = strchr(text, '\n') + 1)
        seen[test_world_number(text)] = true;
    for (int i = 0; i < 2 * EVENTS; i++)
        assert_true(seen[i]);
}

static void a_cut_line_of_the_spool_or_the_file_is_taken_off(void **state)
{
    test_world *world = *state;

    test_world_config(world, "backend: file\npath: events.jsonl\n");
    test_folder_write(world->folder, "events.jsonl", "{\"a\":1}\n{\"cut\":\"he");
    test_folder_write(world->folder,
                      "spool/segment-01890a5d-ac96-774b-bcce-b302099a0000-000000.jsonl",
                      "{\"sql\":\"number=1;\"}\n{\"sql\":\"number=2");
    assay_lineage_emitter *emitter = test_world_open(world);
    assert_true(assay_lineage_drain(emitter, DRAIN_MS));
    assay_lineage_close(emitter, 0);
    assert_string_equal(test_world_read(world, "events.jsonl"),
                        "{\"a\":1}\n{\"sql\":\"number=1;\"}\n");
}

static void positions_without_a_segment_are_deleted(void **state)
{
    test_world *world = *state;

    test_world_config(world, "backend: console\n");
    test_folder_write(world->folder,
                      "spool/segment-01890a5d-ac96-774b-bcce-b302099a0000-000000.jsonl.http.done",
                      "00000000000000000020\n");
    assay_lineage_emitter *emitter = test_world_open(world);
    assert_true(assay_lineage_drain(emitter, DRAIN_MS));
    assay_lineage_close(emitter, 0);
    assert_int_equal(test_folder_count(world->folder, "spool"), 0);
}

static void a_broken_line_of_the_spool_is_set_aside(void **state)
{
    test_world *world = *state;

    test_world_config(world, "backend: console\n");
    test_folder_write(world->folder,
                      "spool/segment-01890a5d-ac96-774b-bcce-b302099a0000-000000.jsonl",
                      "garbage\n{\"sql\":\"number=1;\"}\n");
    assay_lineage_emitter *emitter = test_world_open(world);
    assert_true(assay_lineage_drain(emitter, DRAIN_MS));
    assay_lineage_counts counts = assay_lineage_emitter_counts(emitter);
    assay_lineage_close(emitter, 0);
    assert_int_equal(counts.refused, 1);
    assert_int_equal(counts.delivered, 1);
    assert_non_null(
        strstr(test_world_read(world, "spool/refused-console.jsonl"), "\"event\":\"garbage\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(function) \
    cmocka_unit_test_setup_teardown(function, test_world_setup, test_world_teardown)
        TEST(no_acknowledged_event_is_lost),
        TEST(two_processes_share_a_spool),
        TEST(a_cut_line_of_the_spool_or_the_file_is_taken_off),
        TEST(positions_without_a_segment_are_deleted),
        TEST(a_broken_line_of_the_spool_is_set_aside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
