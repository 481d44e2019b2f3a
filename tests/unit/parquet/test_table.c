#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/path.h"
#include "base/str.h"
#include "parquet/loaded.h"
#include "parquet/parquet.h"
#include "support/exhaust.h"
#include "support/lake.h"

#define FORMAT (&assay_parquet_format)

static const char *ask(test_lake *lake, int64_t snapshot, const char *query)
{
    return lake_ask(lake, FORMAT, "t", snapshot, query);
}

/* What any reader of Parquet sees behind the link. */
static const char *see(test_lake *lake, const char *query)
{
    return lake_cell(lake, assay_arena_format(lake->arena,
                                              "SELECT %s FROM read_parquet('%s/t/*.parquet')",
                                              query, lake->folder->path));
}

static void make_folder(test_lake *lake, const char *name)
{
    assert_int_equal(assay_path_make(lake_path(lake, name), NULL), ASSAY_OK);
}

static bool link_is(test_lake *lake, int64_t version)
{
    assay_parquet_place place;

    assert_int_equal(assay_parquet_place_make(lake_path(lake, "t"), lake->arena, &place, NULL),
                     ASSAY_OK);
    return assay_parquet_link_is(&place, version, lake->arena);
}

static void nothing_there_is_no_table(void **state)
{
    assay_table *table = lake_load(*state, FORMAT, "t");

    assert_false(table->exists);
    assert_null(table->current);
}

static void a_first_append_makes_the_link(void **state)
{
    test_lake *lake = *state;
    assay_table *table = NULL;

    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND,
             "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, NULL");
    table = lake_load(lake, FORMAT, "t");
    assert_int_equal(table->current->id, 0);
    assert_int_equal(table->current->number, 1);
    assert_int_equal(table->current->rows, 2);
    assert_int_equal(table->current->added_rows, 2);
    assert_true(link_is(lake, 0));
    assert_string_equal(ask(lake, -1, "SELECT list((a, b) ORDER BY a) FROM %s"),
                        "[(1, x), (2, NULL)]");
    assert_string_equal(see(lake, "list(a ORDER BY a)"), "[1, 2]");
    assert_int_equal(test_folder_count(lake->folder, ".t"), 1);
}

static bool exists(test_lake *lake, const char *name)
{
    assay_path_info info = {.exists = false};

    assert_int_equal(assay_path_stat(lake_path(lake, name), &info, NULL), ASSAY_OK);
    return info.exists;
}

static void state_files_go_on_from_version_to_version(void **state)
{
    test_lake *lake = *state;
    assay_table *table = NULL;

    for (int i = 0; i < 3; i++)
        lake_put(lake, FORMAT, "t", ASSAY_CHANGE_REPLACE, "SELECT 1 AS a");
    table = lake_load(lake, FORMAT, "t");
    for (size_t i = 0; i < table->snapshot_count; i++) {
        assert_non_null(table->snapshots[i].state_path);
        assert_true(
            exists(lake, assay_arena_format(lake->arena, "t/%s", table->snapshots[i].state_path)));
    }
    assert_int_equal(test_folder_count(lake->folder, ".t"), 3);
}

static void every_version_can_be_read_again(void **state)
{
    test_lake *lake = *state;

    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 1 AS a");
    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 2 AS a, 'n' AS b");
    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_REPLACE, "SELECT TIME '10:00:00' AS c");
    assert_string_equal(ask(lake, 0, "SELECT list(a) FROM %s"), "[1]");
    assert_string_equal(ask(lake, 1, "SELECT list((a, b) ORDER BY a) FROM %s"),
                        "[(1, NULL), (2, n)]");
    assert_string_equal(ask(lake, -1, "SELECT list(c) FROM %s"), "['10:00:00']");
    assert_string_equal(see(lake, "list(c)"), "['10:00:00']");
    assert_int_equal(lake_load(lake, FORMAT, "t")->snapshot_count, 3);
}

static void unchanged_files_are_hard_links(void **state)
{
    test_lake *lake = *state;
    assay_data_file *files = NULL;
    size_t count = 0;

    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 1 AS a");
    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 2 AS a");
    assert_int_equal(assay_parquet_plan_files(lake_load(lake, FORMAT, "t"), -1, lake->store,
                                              lake->arena, &files, &count, NULL),
                     ASSAY_OK);
    assert_int_equal(count, 2);
    assert_int_equal(files[0].sequence, 0);
    assert_int_equal(files[1].sequence, 1);
    assert_int_equal(files[0].stats[0].upper.integer, 1);
    assert_int_equal(access(assay_arena_format(lake->arena, "%s/.t/v0/%s", lake->folder->path,
                                               assay_path_base(files[0].path)),
                            R_OK),
                     0);
}

static void statistics_and_partitions_come_back(void **state)
{
    static const char *const by[] = {"c", "month(d)"};
    test_lake *lake = *state;
    lake_write write = {
        .kind = ASSAY_CHANGE_APPEND,
        .select =
            "SELECT * FROM (VALUES (1.5::DOUBLE, 'x', DATE '2024-01-31', 12.34::DECIMAL(9,2)), "
            "('nan'::DOUBLE, NULL, DATE '1969-12-01', NULL)) v(a, c, d, e)",
        .partition_by = by,
        .partition_count = 2};
    assay_table *table = NULL;
    assay_data_file *files = NULL;
    size_t count = 0;

    assert_int_equal(lake_commit(lake, lake_load(lake, FORMAT, "t"), &write, NULL), ASSAY_OK);
    table = lake_load(lake, FORMAT, "t");
    assert_int_equal(table->spec->count, 2);
    assert_int_equal(assay_parquet_plan_files(table, -1, lake->store, lake->arena, &files, &count,
                                              NULL),
                     ASSAY_OK);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++) {
        bool is_null = files[i].partition[0].null;

        assert_true(files[i].partition[0].known);
        assert_int_equal(files[i].partition[1].integer, is_null ? -1 : 648);
        assert_int_equal(assay_data_file_stats(&files[i], 4)->null_count, is_null ? 1 : 0);
    }
    assert_string_equal(ask(lake, -1, "SELECT list((a, c, d, e) ORDER BY d) FROM %s"),
                        "[(nan, NULL, 1969-12-01, NULL), (1.5, x, 2024-01-31, 12.34)]");
}

static void a_stale_base_is_a_conflict_and_shows_nothing(void **state)
{
    test_lake *lake = *state;
    lake_write write = {.kind = ASSAY_CHANGE_APPEND, .select = "SELECT 2 AS a"};
    assay_table *old = NULL;
    assay_error err = {0};

    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 1 AS a");
    old = lake_load(lake, FORMAT, "t");
    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 3 AS a");
    assert_int_equal(lake_commit(lake, old, &write, &err), ASSAY_ECONFLICT);
    assert_int_equal(err.number, 4310);
    assert_string_equal(ask(lake, -1, "SELECT list(a ORDER BY a) FROM %s"), "[1, 3]");
}

static void rollback_makes_an_old_version_the_new_one(void **state)
{
    test_lake *lake = *state;
    lake_write back = {.kind = ASSAY_CHANGE_ROLLBACK, .rollback_to = 0};

    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 1 AS a");
    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_REPLACE, "SELECT 'z' AS b");
    assert_int_equal(lake_commit(lake, lake_load(lake, FORMAT, "t"), &back, NULL), ASSAY_OK);
    assert_string_equal(ask(lake, -1, "SELECT list(a) FROM %s"), "[1]");
    assert_string_equal(see(lake, "list(a)"), "[1]");
}

static void overwrite_swaps_the_files_that_it_names(void **state)
{
    test_lake *lake = *state;
    lake_write write = {.kind = ASSAY_CHANGE_OVERWRITE,
                        .select = "SELECT 9 AS a",
                        .removed_count = 1};
    assay_table *table = NULL;
    assay_data_file *files = NULL;
    size_t count = 0;

    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 1 AS a");
    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 2 AS a");
    table = lake_load(lake, FORMAT, "t");
    assert_int_equal(assay_parquet_plan_files(table, -1, lake->store, lake->arena, &files, &count,
                                              NULL),
                     ASSAY_OK);
    write.removed = files;
    assert_int_equal(lake_commit(lake, table, &write, NULL), ASSAY_OK);
    assert_string_equal(see(lake, "list(a ORDER BY a)"), "[2, 9]");
    assert_int_equal(lake_commit(lake, lake_load(lake, FORMAT, "t"), &write, NULL),
                     ASSAY_ECONFLICT);
}

/* ---- crashes: the states that a kill between two steps leaves ---- */

static void a_draft_left_by_a_crash_is_not_seen(void **state)
{
    test_lake *lake = *state;

    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 1 AS a");
    make_folder(lake, ".t/draft-1-x/_assay");
    make_folder(lake, ".t/stage-y");
    assert_int_equal(lake_load(lake, FORMAT, "t")->current->id, 0);
    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 2 AS a");
    assert_string_equal(see(lake, "list(a ORDER BY a)"), "[1, 2]");
}

static void a_crash_between_commit_and_link_is_repaired_by_load(void **state)
{
    test_lake *lake = *state;

    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 1 AS a");
    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 2 AS a");
    assert_int_equal(unlink(lake_path(lake, "t")), 0);
    assert_int_equal(symlink(".t/v0", lake_path(lake, "t")), 0);
    assert_string_equal(see(lake, "list(a)"), "[1]");
    assert_int_equal(lake_load(lake, FORMAT, "t")->current->id, 1);
    assert_true(link_is(lake, 1));
    assert_string_equal(see(lake, "list(a ORDER BY a)"), "[1, 2]");
}

static void a_crash_of_a_first_commit_before_the_link_is_repaired(void **state)
{
    test_lake *lake = *state;

    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 1 AS a");
    assert_int_equal(unlink(lake_path(lake, "t")), 0);
    test_folder_write(lake->folder, "t/_assay/state-1-x.json", "{}");
    assert_int_equal(lake_load(lake, FORMAT, "t")->current->id, 0);
    assert_true(link_is(lake, 0));
}

static void a_number_that_expiry_freed_cannot_be_taken_again(void **state)
{
    test_lake *lake = *state;
    assay_commit_env env = {.clock = &lake->clock, .random = &lake->random, .assay_version = "0.1"};
    lake_write write = {.kind = ASSAY_CHANGE_APPEND, .select = "SELECT 7 AS a"};
    assay_table *old = NULL;
    assay_expired gone = {0, 0};

    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 1 AS a");
    old = lake_load(lake, FORMAT, "t");
    for (int i = 0; i < 3; i++)
        lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 2 AS a");
    assert_int_equal(assay_parquet_expire(lake_load(lake, FORMAT, "t"),
                                          &(assay_expiry){INT64_MAX, 1}, &env, lake->store,
                                          lake->conn, &gone, NULL),
                     ASSAY_OK);
    assert_int_equal(gone.snapshots, 3);
    assert_int_equal(gone.files, 0);
    assert_int_equal(lake_commit(lake, old, &write, NULL), ASSAY_ECONFLICT);
    assert_int_equal(lake_load(lake, FORMAT, "t")->current->id, 3);
    assert_string_equal(see(lake, "count(*)"), "4");
}

static void a_folder_of_somebody_else_is_read_and_never_written(void **state)
{
    test_lake *lake = *state;
    lake_write write = {.kind = ASSAY_CHANGE_APPEND, .select = "SELECT 1 AS a"};
    assay_table *table = NULL;
    assay_error err = {0};

    make_folder(lake, "t");
    assert_int_equal(
        assay_conn_execute(
            lake->conn,
            assay_arena_format(lake->arena,
                               "COPY (SELECT * FROM (VALUES (1, 'p q', DATE '2024-01-01'), "
                               "(2, NULL, DATE '2024-01-02')) v(a, k, d)) TO '%s/t' (FORMAT "
                               "parquet, PARTITION_BY (k, d))",
                               lake->folder->path),
            NULL, &err),
        ASSAY_OK);
    table = lake_load(lake, FORMAT, "t");
    assert_true(table->exists);
    assert_int_equal(table->current->rows, 2);
    assert_int_equal(table->spec->count, 2);
    assert_string_equal(ask(lake, -1, "SELECT list((a, k, d) ORDER BY a) FROM %s"),
                        "[(1, p q, 2024-01-01), (2, NULL, 2024-01-02)]");
    assert_int_equal(lake_commit(lake, table, &write, &err), ASSAY_EUNSUPPORTED);
    assert_int_equal(err.number, 4303);
}

static void a_table_of_another_format_is_not_read_as_plain_files(void **state)
{
    test_lake *lake = *state;
    assay_table *table = NULL;
    assay_error err = {0};

    test_folder_write(lake->folder, "t/_delta_log/00000000000000000000.json", "{}");
    test_folder_write(lake->folder, "t/x.parquet", "PAR1");
    assert_int_equal(FORMAT->load("t", lake_path(lake, "t"), lake->store, lake->conn, lake->arena,
                                  &table, &err),
                     ASSAY_EUNSUPPORTED);
    assert_int_equal(err.number, 4312);
}

/* ---- races ---- */

static int append_often(const char *folder, int value, int wins)
{
    void *state = NULL;
    test_lake *lake = NULL;

    if (lake_setup(&state) != 0)
        return 2;
    lake = state;
    for (int tries = 0; wins > 0 && tries < 500; tries++) {
        char *select = assay_arena_format(lake->arena, "SELECT %d AS a", value);
        lake_write write = {.kind = ASSAY_CHANGE_APPEND, .select = select};
        assay_table *table = NULL;
        assay_error err = {0};
        assay_status status =
            FORMAT->load("t", folder, lake->store, lake->conn, lake->arena, &table, &err);

        if (status == ASSAY_OK)
            status = lake_commit(lake, table, &write, &err);
        if (status == ASSAY_OK) {
            wins--;
        } else if (status != ASSAY_ECONFLICT) {
            (void)fprintf(stderr, "E%d %s\n", err.number, err.message);
            return 3;
        }
    }
    (void)lake_teardown(&state);
    return wins == 0 ? 0 : 4;
}

/* Another process of this program: an engine does not survive a fork. */
static pid_t start_appends(const char *folder, int value, int wins)
{
    char value_text[16], wins_text[16];
    pid_t child = 0;

    (void)snprintf(value_text, sizeof(value_text), "%d", value);
    (void)snprintf(wins_text, sizeof(wins_text), "%d", wins);
    child = fork();
    if (child == 0) {
        (void)execl("/proc/self/exe", "appends", folder, value_text, wins_text, (char *)NULL);
        _exit(9);
    }
    return child;
}

static void racing_appends_of_processes_lose_nothing(void **state)
{
    enum { PROCESSES = 3, WINS = 8 };
    test_lake *lake = *state;
    char *folder = lake_path(lake, "t");
    pid_t children[PROCESSES];

    for (int i = 0; i < PROCESSES; i++)
        children[i] = start_appends(folder, i, WINS);
    for (int i = 0; i < PROCESSES; i++) {
        int result = 0;

        assert_int_equal(waitpid(children[i], &result, 0), children[i]);
        assert_int_equal(WEXITSTATUS(result), 0);
    }
    assert_string_equal(see(lake, "(count(*), count(DISTINCT a))"), "(24, 3)");
    assert_true(link_is(lake, PROCESSES * WINS - 1));
}

static void a_killed_writer_leaves_a_table_that_reads(void **state)
{
    enum { ROUNDS = 12 };
    test_lake *lake = *state;
    char *folder = lake_path(lake, "t");
    int64_t last = -1;

    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 0 AS a");
    for (int i = 0; i < ROUNDS; i++) {
        assay_table *table = NULL;
        pid_t child = start_appends(folder, 1, 1000);

        (void)usleep((useconds_t)(60000 + i * 7919));
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        table = lake_load(lake, FORMAT, "t");
        assert_true(table->current->id >= last);
        last = table->current->id;
        assert_true(link_is(lake, last));
        assert_string_equal(see(lake, "count(*)"),
                            assay_arena_format(lake->arena, "%lld", (long long)last + 1));
    }
}

static assay_status load_once(void *user, assay_error *err)
{
    test_lake *lake = user;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_table *table = NULL;
    char *location = test_folder_path(lake->folder, "t");

    ASSAY_TRY(assay_arena_check(arena, err));
    return FORMAT->load("t", location, lake->store, lake->conn, arena, &table, err);
}

static void loading_gives_up_cleanly_at_every_failed_allocation(void **state)
{
    static const char *const by[] = {"month(d)"};
    test_lake *lake = *state;
    lake_write write = {.kind = ASSAY_CHANGE_APPEND,
                        .select = "SELECT TIME '10:00:00' AS t, DATE '2024-01-01' AS d, [1] AS l",
                        .partition_by = by,
                        .partition_count = 1};

    assert_int_equal(lake_commit(lake, lake_load(lake, FORMAT, "t"), &write, NULL), ASSAY_OK);
    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND,
             "SELECT TIME '10:00:00' AS t, NULL::DATE AS d, [1] AS l");
    exhaust_allocations(load_once, lake);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lake_setup, lake_teardown)

int main(int argc, char **argv)
{
    int64_t value = 0, wins = 0;
    const struct CMUnitTest tests[] = {
        TEST(nothing_there_is_no_table),
        TEST(a_first_append_makes_the_link),
        TEST(state_files_go_on_from_version_to_version),
        TEST(every_version_can_be_read_again),
        TEST(unchanged_files_are_hard_links),
        TEST(statistics_and_partitions_come_back),
        TEST(a_stale_base_is_a_conflict_and_shows_nothing),
        TEST(rollback_makes_an_old_version_the_new_one),
        TEST(overwrite_swaps_the_files_that_it_names),
        TEST(a_draft_left_by_a_crash_is_not_seen),
        TEST(a_crash_between_commit_and_link_is_repaired_by_load),
        TEST(a_crash_of_a_first_commit_before_the_link_is_repaired),
        TEST(a_number_that_expiry_freed_cannot_be_taken_again),
        TEST(a_folder_of_somebody_else_is_read_and_never_written),
        TEST(a_table_of_another_format_is_not_read_as_plain_files),
        TEST(loading_gives_up_cleanly_at_every_failed_allocation),
        TEST(racing_appends_of_processes_lose_nothing),
        TEST(a_killed_writer_leaves_a_table_that_reads),
    };

    if (argc == 4 && assay_str_to_int64(argv[2], &value) && assay_str_to_int64(argv[3], &wins))
        return append_often(argv[1], (int)value, (int)wins);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
