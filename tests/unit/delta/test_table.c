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
#include "delta/delta.h"
#include "delta/loaded.h"
#include "support/exhaust.h"
#include "support/lake.h"

#define FORMAT (&assay_delta_format)

static const char *ask(test_lake *lake, int64_t snapshot, const char *query)
{
    return lake_ask(lake, FORMAT, "t", snapshot, query);
}

static const char *commit_text(test_lake *lake, int version)
{
    assay_buf text = ASSAY_BUF_EMPTY;
    char *path =
        assay_arena_format(lake->arena, "%s/t/_delta_log/%020d.json", lake->folder->path, version);
    const char *copy = NULL;

    assert_int_equal(assay_path_read(path, 1 << 20, &text, NULL), ASSAY_OK);
    copy = assay_arena_text(lake->arena, assay_buf_text(&text));
    assay_buf_done(&text);
    return copy;
}

static bool exists(test_lake *lake, const char *name)
{
    assay_path_info info = {.exists = false};

    assert_int_equal(assay_path_stat(lake_path(lake, name), &info, NULL), ASSAY_OK);
    return info.exists;
}

static void no_log_is_no_table(void **state)
{
    assay_table *table = lake_load(*state, FORMAT, "nothing");

    assert_false(table->exists);
    assert_null(table->current);
}

static void a_first_append_makes_the_table(void **state)
{
    test_lake *lake = *state;
    assay_table *table = NULL;

    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND,
             "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, NULL");
    table = lake_load(lake, FORMAT, "t");
    assert_true(table->exists);
    assert_int_equal(table->current->id, 0);
    assert_int_equal(table->current->number, 1);
    assert_int_equal(table->current->rows, 2);
    assert_string_equal(table->current->verdict, "pass");
    assert_non_null(table->current->commit_id);
    assert_string_equal(ask(lake, -1, "SELECT list((a, b) ORDER BY a) FROM %s"),
                        "[(1, x), (2, NULL)]");
    assert_non_null(strstr(commit_text(lake, 0), "\"minReaderVersion\":1,\"minWriterVersion\":2"));
}

static void every_version_can_be_read_again(void **state)
{
    test_lake *lake = *state;

    for (int i = 0; i < 13; i++) {
        char *select = assay_arena_format(lake->arena, "SELECT %d AS a", i);

        lake_put(lake, FORMAT, "t", i == 5 ? ASSAY_CHANGE_REPLACE : ASSAY_CHANGE_APPEND, select);
    }
    assert_true(exists(lake, "t/_delta_log/00000000000000000010.checkpoint.parquet"));
    assert_true(exists(lake, "t/_delta_log/_last_checkpoint"));
    assert_string_equal(ask(lake, 4, "SELECT list(a ORDER BY a) FROM %s"), "[0, 1, 2, 3, 4]");
    assert_string_equal(ask(lake, 5, "SELECT list(a ORDER BY a) FROM %s"), "[5]");
    assert_string_equal(ask(lake, 10, "SELECT list(a ORDER BY a) FROM %s"), "[5, 6, 7, 8, 9, 10]");
    assert_string_equal(ask(lake, -1, "SELECT list(a ORDER BY a) FROM %s"),
                        "[5, 6, 7, 8, 9, 10, 11, 12]");
    assert_int_equal(lake_load(lake, FORMAT, "t")->current->rows, 8);
    assert_int_equal(lake_load(lake, FORMAT, "t")->snapshot_count, 13);
}

static void files_know_their_version_across_a_checkpoint(void **state)
{
    test_lake *lake = *state;
    assay_data_file *files = NULL;
    size_t count = 0;

    for (int i = 0; i < 12; i++)
        lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 1 AS a");
    assert_int_equal(assay_delta_plan_files(lake_load(lake, FORMAT, "t"), -1, lake->store,
                                            lake->arena, &files, &count, NULL),
                     ASSAY_OK);
    assert_int_equal(count, 12);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(files[i].sequence, (int)i);
        assert_true(files[i].own);
        assert_int_equal(files[i].rows, 1);
        assert_int_equal(files[i].stats[0].upper.integer, 1);
    }
}

static void columns_are_added_and_widened_in_place(void **state)
{
    test_lake *lake = *state;

    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 1::INTEGER AS a");
    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND,
             "SELECT 5000000000 AS a, TIMESTAMP '2024-01-01' AS t");
    assert_string_equal(ask(lake, -1, "SELECT list((a, t) ORDER BY a) FROM %s"),
                        "[(1, NULL), (5000000000, '2024-01-01 00:00:00')]");
    assert_string_equal(ask(lake, 0, "SELECT list(a) FROM %s"), "[1]");
    assert_non_null(strstr(commit_text(lake, 1), "\"readerFeatures\":[\"timestampNtz\"]"));
}

static void a_table_that_asks_for_type_widening_gets_the_feature(void **state)
{
    static const assay_property property = {"delta.enableTypeWidening", "true"};
    test_lake *lake = *state;
    lake_write write = {.kind = ASSAY_CHANGE_APPEND,
                        .select = "SELECT 1::INTEGER AS a",
                        .properties = &property,
                        .property_count = 1};

    assert_int_equal(lake_commit(lake, lake_load(lake, FORMAT, "t"), &write, NULL), ASSAY_OK);
    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 5000000000 AS a");
    assert_non_null(strstr(commit_text(lake, 1), "\"readerFeatures\":[\"typeWidening\"]"));
    assert_non_null(strstr(commit_text(lake, 1), "delta.typeChanges"));
    assert_string_equal(ask(lake, -1, "SELECT list(a ORDER BY a) FROM %s"), "[1, 5000000000]");
}

static void types_that_delta_lacks_come_back(void **state)
{
    test_lake *lake = *state;

    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND,
             "SELECT UUID '0187a5d2-0000-7000-8000-000000000001' AS u, TIME '01:02:03.5' AS t, "
             "200::UTINYINT AS s, {'x': TIME '10:00:00'} AS st, 'a'::BLOB AS b");
    assert_string_equal(
        ask(lake, -1, "SELECT (u, t, s, st, b) FROM %s"),
        "(0187a5d2-0000-7000-8000-000000000001, '01:02:03.5', 200, {'x': '10:00:00'}, a)");
    assert_string_equal(ask(lake, -1, "SELECT (typeof(u), typeof(t), typeof(s)) FROM %s"),
                        "(UUID, TIME, UTINYINT)");
}

static void rows_without_statistics_are_counted_in_the_files(void **state)
{
    static const char log_text[] =
        "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"
        "{\"metaData\":{\"id\":\"x\",\"format\":{\"provider\":\"parquet\",\"options\":{}},"
        "\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[{\\\"name\\\":"
        "\\\"a\\\",\\\"type\\\":\\\"integer\\\",\\\"nullable\\\":true,\\\"metadata\\\":"
        "{}}]}\",\"partitionColumns\":[],\"configuration\":{}}}\n"
        "{\"add\":{\"path\":\"x.parquet\",\"partitionValues\":{},\"size\":1,"
        "\"modificationTime\":1,\"dataChange\":true}}\n";
    test_lake *lake = *state;
    assay_data_file *files = NULL;
    size_t count = 0;

    test_folder_write(lake->folder, "t/_delta_log/00000000000000000000.json", log_text);
    assert_int_equal(assay_conn_execute(lake->conn,
                                        assay_arena_format(lake->arena,
                                                           "COPY (SELECT 1 AS a FROM range(3)) TO "
                                                           "'%s/t/x.parquet' (FORMAT parquet)",
                                                           lake->folder->path),
                                        NULL, NULL),
                     ASSAY_OK);
    assert_int_equal(assay_delta_plan_files(lake_load(lake, FORMAT, "t"), -1, lake->store,
                                            lake->arena, &files, &count, NULL),
                     ASSAY_OK);
    assert_int_equal(count, 1);
    assert_int_equal(files[0].rows, 3);
}

static void a_place_of_a_parquet_table_is_refused(void **state)
{
    test_lake *lake = *state;
    lake_write write = {.kind = ASSAY_CHANGE_APPEND, .select = "SELECT 1 AS a"};
    assay_error err = {0};

    test_folder_write(lake->folder, "t/_assay/version.json", "{}");
    assert_int_equal(lake_commit(lake, lake_load(lake, FORMAT, "t"), &write, &err),
                     ASSAY_EUNSUPPORTED);
    assert_int_equal(err.number, 4220);
}

static void identity_partitions_are_delta_columns(void **state)
{
    static const char *const by[] = {"c"};
    test_lake *lake = *state;
    lake_write write = {.kind = ASSAY_CHANGE_APPEND,
                        .select =
                            "SELECT * FROM (VALUES (1, 'x/y z'), (2, NULL), (3, 'ü%')) v(a, c)",
                        .partition_by = by,
                        .partition_count = 1};
    assay_data_file *files = NULL;
    size_t count = 0;

    assert_int_equal(lake_commit(lake, lake_load(lake, FORMAT, "t"), &write, NULL), ASSAY_OK);
    assert_non_null(strstr(commit_text(lake, 0), "\"partitionColumns\":[\"c\"]"));
    assert_non_null(strstr(commit_text(lake, 0), "\"partitionValues\":{\"c\":\"x/y z\"}"));
    assert_non_null(strstr(commit_text(lake, 0), "\"partitionValues\":{\"c\":null}"));
    assert_string_equal(ask(lake, -1, "SELECT list((a, c) ORDER BY a) FROM %s"),
                        "[(1, x/y z), (2, NULL), (3, ü%)]");
    assert_int_equal(assay_delta_plan_files(lake_load(lake, FORMAT, "t"), -1, lake->store,
                                            lake->arena, &files, &count, NULL),
                     ASSAY_OK);
    assert_int_equal(count, 3);
}

static void an_empty_partition_value_is_refused(void **state)
{
    static const char *const by[] = {"c"};
    test_lake *lake = *state;
    lake_write write = {.kind = ASSAY_CHANGE_APPEND,
                        .select = "SELECT 1 AS a, '' AS c",
                        .partition_by = by,
                        .partition_count = 1};
    assay_error err = {0};

    assert_int_equal(lake_commit(lake, lake_load(lake, FORMAT, "t"), &write, &err),
                     ASSAY_EUNSUPPORTED);
    assert_int_equal(err.number, 4210);
    assert_false(lake_load(lake, FORMAT, "t")->exists);
}

static void date_parts_divide_files_and_stay_hidden(void **state)
{
    static const char *const by[] = {"month(d)"};
    test_lake *lake = *state;
    lake_write write = {.kind = ASSAY_CHANGE_APPEND,
                        .select = "SELECT * FROM (VALUES (DATE '2024-01-05'), (DATE '2024-01-09'), "
                                  "(DATE '1969-12-31'), (NULL)) v(d)",
                        .partition_by = by,
                        .partition_count = 1};
    assay_table *table = NULL;
    assay_data_file *files = NULL;
    size_t count = 0;
    int64_t months = 0;

    assert_int_equal(lake_commit(lake, lake_load(lake, FORMAT, "t"), &write, NULL), ASSAY_OK);
    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT DATE '2024-02-01' AS d");
    table = lake_load(lake, FORMAT, "t");
    assert_int_equal(table->schema->count, 1);
    assert_int_equal(table->spec->count, 1);
    assert_int_equal(table->spec->fields[0].transform, ASSAY_TRANSFORM_MONTH);
    assert_int_equal(assay_delta_plan_files(table, -1, lake->store, lake->arena, &files, &count,
                                            NULL),
                     ASSAY_OK);
    assert_int_equal(count, 4);
    for (size_t i = 0; i < count; i++) {
        assert_true(files[i].partition[0].known);
        if (!files[i].partition[0].null)
            months += files[i].partition[0].integer;
    }
    assert_int_equal(months, 648 + 649 - 1);
    assert_string_equal(ask(lake, -1, "SELECT count(d) FROM %s"), "4");
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
    assert_int_equal(err.number, 4217);
    assert_string_equal(ask(lake, -1, "SELECT list(a ORDER BY a) FROM %s"), "[1, 3]");
}

static void rollback_makes_an_old_version_the_new_one(void **state)
{
    test_lake *lake = *state;
    lake_write back = {.kind = ASSAY_CHANGE_ROLLBACK, .rollback_to = 1};

    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 1 AS a");
    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 2 AS a");
    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_REPLACE, "SELECT 'z' AS b");
    assert_int_equal(lake_commit(lake, lake_load(lake, FORMAT, "t"), &back, NULL), ASSAY_OK);
    assert_string_equal(ask(lake, -1, "SELECT list(a ORDER BY a) FROM %s"), "[1, 2]");
    assert_string_equal(ask(lake, 2, "SELECT list(b) FROM %s"), "[z]");
    assert_int_equal(lake_load(lake, FORMAT, "t")->current->rows, 2);
}

static void overwrite_swaps_the_files_that_it_names(void **state)
{
    test_lake *lake = *state;
    lake_write write = {.kind = ASSAY_CHANGE_OVERWRITE, .select = "SELECT 9 AS a"};
    assay_table *table = NULL;
    assay_data_file *files = NULL;
    size_t count = 0;
    assay_error err = {0};

    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 1 AS a");
    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 2 AS a");
    table = lake_load(lake, FORMAT, "t");
    assert_int_equal(assay_delta_plan_files(table, -1, lake->store, lake->arena, &files, &count,
                                            NULL),
                     ASSAY_OK);
    write.removed = files;
    write.removed_count = 1;
    assert_int_equal(lake_commit(lake, table, &write, NULL), ASSAY_OK);
    assert_string_equal(ask(lake, -1, "SELECT list(a ORDER BY a) FROM %s"), "[2, 9]");
    assert_int_equal(lake_commit(lake, lake_load(lake, FORMAT, "t"), &write, &err),
                     ASSAY_ECONFLICT);
}

static void remove_file(test_lake *lake, const char *name)
{
    assert_int_equal(unlink(lake_path(lake, name)), 0);
}

static void the_state_file_is_found_when_foreign_maintenance_cut_the_log(void **state)
{
    static const char foreign[] = "{\"commitInfo\":{\"timestamp\":1764040099000,\"operation\":"
                                  "\"OPTIMIZE\"}}\n";
    test_lake *lake = *state;
    assay_table *table = NULL;
    const char *expected = NULL;

    for (int i = 0; i <= 10; i++)
        lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 1 AS a");
    expected = lake_load(lake, FORMAT, "t")->current->state_path;
    /* The file of a commit that lost its race has the same number. */
    test_folder_write(lake->folder, "t/_assay/state-11-00000000-0000-4000-8000-000000000000.json",
                      "{}");
    test_folder_write(lake->folder, "t/_delta_log/00000000000000000011.json", foreign);
    for (int i = 0; i <= 10; i++)
        remove_file(lake, assay_arena_format(lake->arena, "t/_delta_log/%020d.json", i));
    table = lake_load(lake, FORMAT, "t");
    assert_int_equal(table->snapshot_count, 2);
    assert_null(table->current->state_path);
    assert_null(table->current->run_id);
    assert_string_equal(table->current->operation, "replace");
    assert_string_equal(table->snapshots[0].state_path, expected);
    assert_string_equal(ask(lake, -1, "SELECT count(*) FROM %s"), "11");
}

static void expire_drops_old_versions_and_their_files(void **state)
{
    test_lake *lake = *state;
    assay_commit_env env = {.clock = &lake->clock, .random = &lake->random, .assay_version = "0.1"};
    assay_expired gone = {0, 0};

    for (int i = 0; i < 6; i++)
        lake_put(lake, FORMAT, "t", ASSAY_CHANGE_REPLACE, "SELECT 1 AS a");
    assert_int_equal(assay_delta_expire(lake_load(lake, FORMAT, "t"),
                                        &(assay_expiry){lake->now_us / 1000 + 1, 2}, &env,
                                        lake->store, lake->conn, &gone, NULL),
                     ASSAY_OK);
    assert_int_equal(gone.snapshots, 4);
    assert_int_equal(gone.files, 4);
    assert_int_equal(lake_load(lake, FORMAT, "t")->snapshot_count, 2);
    assert_int_equal(lake_load(lake, FORMAT, "t")->snapshots[0].id, 4);
    assert_string_equal(ask(lake, 4, "SELECT count(*) FROM %s"), "1");
    assert_string_equal(ask(lake, -1, "SELECT count(*) FROM %s"), "1");
    lake_put(lake, FORMAT, "t", ASSAY_CHANGE_APPEND, "SELECT 2 AS a");
    assert_string_equal(ask(lake, -1, "SELECT count(*) FROM %s"), "2");
}

static void expire_keeps_what_is_young(void **state)
{
    test_lake *lake = *state;
    assay_commit_env env = {.clock = &lake->clock, .random = &lake->random, .assay_version = "0.1"};
    assay_expired gone = {0, 0};

    for (int i = 0; i < 4; i++)
        lake_put(lake, FORMAT, "t", ASSAY_CHANGE_REPLACE, "SELECT 1 AS a");
    assert_int_equal(assay_delta_expire(lake_load(lake, FORMAT, "t"), &(assay_expiry){0, 1}, &env,
                                        lake->store, lake->conn, &gone, NULL),
                     ASSAY_OK);
    assert_int_equal(gone.snapshots, 0);
    assert_int_equal(gone.files, 0);
}

/* Appends until it has won `wins` times; each process has its own engine, as real ones do. */
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

    for (int i = 0; i < PROCESSES; i++) {
        children[i] = start_appends(folder, i, WINS);
    }
    for (int i = 0; i < PROCESSES; i++) {
        int result = 0;

        assert_int_equal(waitpid(children[i], &result, 0), children[i]);
        assert_int_equal(WEXITSTATUS(result), 0);
    }
    assert_string_equal(
        ask(lake, -1,
            "SELECT list(n ORDER BY a) FROM (SELECT a, count(*) AS n FROM %s GROUP BY a)"),
        "[8, 8, 8]");
    assert_int_equal(lake_load(lake, FORMAT, "t")->current->id, PROCESSES * WINS - 1);
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
        char *expected = NULL;
        pid_t child = start_appends(folder, 1, 1000);

        (void)usleep((useconds_t)(60000 + i * 7919));
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        table = lake_load(lake, FORMAT, "t");
        assert_true(table->current->id >= last);
        last = table->current->id;
        expected = assay_arena_format(lake->arena, "%lld", (long long)last + 1);
        assert_string_equal(ask(lake, -1, "SELECT count(*) FROM %s"), expected);
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
        TEST(no_log_is_no_table),
        TEST(a_first_append_makes_the_table),
        TEST(every_version_can_be_read_again),
        TEST(files_know_their_version_across_a_checkpoint),
        TEST(columns_are_added_and_widened_in_place),
        TEST(a_table_that_asks_for_type_widening_gets_the_feature),
        TEST(types_that_delta_lacks_come_back),
        TEST(rows_without_statistics_are_counted_in_the_files),
        TEST(a_place_of_a_parquet_table_is_refused),
        TEST(identity_partitions_are_delta_columns),
        TEST(an_empty_partition_value_is_refused),
        TEST(date_parts_divide_files_and_stay_hidden),
        TEST(a_stale_base_is_a_conflict_and_shows_nothing),
        TEST(rollback_makes_an_old_version_the_new_one),
        TEST(overwrite_swaps_the_files_that_it_names),
        TEST(the_state_file_is_found_when_foreign_maintenance_cut_the_log),
        TEST(expire_drops_old_versions_and_their_files),
        TEST(expire_keeps_what_is_young),
        TEST(loading_gives_up_cleanly_at_every_failed_allocation),
        TEST(racing_appends_of_processes_lose_nothing),
        TEST(a_killed_writer_leaves_a_table_that_reads),
    };

    if (argc == 4 && assay_str_to_int64(argv[2], &value) && assay_str_to_int64(argv[3], &wins))
        return append_often(argv[1], (int)value, (int)wins);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
