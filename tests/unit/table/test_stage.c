#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/path.h"
#include "base/thread.h"
#include "engine/engine.h"
#include "fake_format.h"
#include "table/scan.h"
#include "table/stage.h"

struct world {
    assay_engine *engine;
    assay_conn *conn;
    assay_arena *arena;
    char folder[64];
    assay_table table;
    int stages;
};

static int set_up(void **state)
{
    static struct world world;
    assay_engine_options options = {.threads = 2};

    if (assay_engine_open(&options, &world.engine, NULL) != ASSAY_OK ||
        assay_conn_open(world.engine, &world.conn, NULL) != ASSAY_OK)
        return -1;
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    assay_conn_close(world->conn);
    assay_engine_close(world->engine);
    return 0;
}

static int begin(void **state)
{
    struct world *world = *state;

    world->arena = assay_arena_new();
    (void)strcpy(world->folder, "/tmp/assay_stage_XXXXXX");
    if (mkdtemp(world->folder) == NULL)
        return -1;
    world->table = (assay_table){.format = &fake_by_id, .name = "t", .location = world->folder};
    return 0;
}

static int end(void **state)
{
    struct world *world = *state;

    if (assay_path_remove_tree(world->folder, NULL) != ASSAY_OK)
        return -1;
    assay_arena_free(world->arena);
    return 0;
}

static assay_schema *schema_of(struct world *world, const char *select)
{
    assay_column *columns = NULL;
    assay_schema *schema = NULL;
    size_t count = 0;
    assay_error err = {0};

    if (assay_conn_describe(world->conn, select, world->arena, &columns, &count, &err) !=
            ASSAY_OK ||
        assay_schema_from_columns(columns, count, world->arena, &schema, &err) != ASSAY_OK)
        fail_msg("%s: %s", select, err.message);
    return schema;
}

static assay_status try_stage(struct world *world, const assay_schema *schema,
                              const assay_partition_spec *spec, const char *select,
                              assay_stage_result *result, assay_error *err)
{
    static const assay_partition_spec none = {0};
    char id[32];

    (void)snprintf(id, sizeof id, "stage%d", world->stages++);
    const assay_stage_request request = {.table = &world->table,
                                         .schema = schema,
                                         .spec = spec != NULL ? spec : &none,
                                         .select = select,
                                         .stage_id = assay_arena_text(world->arena, id)};
    return assay_stage_write(world->conn, &request, world->arena, result, err);
}

static assay_stage_result stage(struct world *world, const assay_schema *schema,
                                const assay_partition_spec *spec, const char *select)
{
    assay_stage_result result = {0};
    assay_error err = {0};

    if (try_stage(world, schema, spec, select, &result, &err) != ASSAY_OK)
        fail_msg("%s: %d:%d %s", select, err.line, err.column, err.message);
    return result;
}

/* The same, where what the query gives was asked before. */
static assay_stage_result stage_known(struct world *world, const assay_schema *schema,
                                      const char *select)
{
    static const assay_partition_spec none = {0};
    assay_column *columns = NULL;
    size_t count = 0;
    assay_stage_result result = {0};
    assay_error err = {0};

    if (assay_conn_describe(world->conn, select, world->arena, &columns, &count, &err) != ASSAY_OK)
        fail_msg("%s: %s", select, err.message);
    const assay_stage_request request = {.table = &world->table,
                                         .schema = schema,
                                         .spec = &none,
                                         .select = select,
                                         .columns = columns,
                                         .column_count = count,
                                         .stage_id = "known"};
    if (assay_stage_write(world->conn, &request, world->arena, &result, &err) != ASSAY_OK)
        fail_msg("%s: %s", select, err.message);
    return result;
}

static const char *scan(struct world *world, const assay_schema *schema,
                        const assay_data_file *files, size_t count, bool file_columns)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_scan_options options = {.file_columns = file_columns, .conn = world->conn};
    assay_error err = {0};

    if (assay_scan_append_sql(&sql, &world->table, schema, files, count, &options, &err) !=
        ASSAY_OK)
        fail_msg("%s", err.message);
    return assay_arena_text(world->arena, assay_buf_text(&sql));
}

static const char *ask(struct world *world, const char *before, const char *from, const char *after)
{
    const char *text = NULL;
    char *sql = assay_arena_format(world->arena, "%s (%s) %s", before, from, after);
    assay_error err = {0};

    if (assay_conn_query_text(world->conn, sql, world->arena, &text, &err) != ASSAY_OK)
        fail_msg("%s: %s", sql, err.message);
    return text;
}

static const char everything[] =
    "SELECT i::BIGINT AS id, (i % 100)::TINYINT AS tiny, i::UBIGINT AS big, i::HUGEINT AS huge, "
    "(i / 7)::DECIMAL(38,3) AS dec, (i / 7)::DOUBLE AS d, (i / 7)::FLOAT AS f, i % 2 = 0 AS b, "
    "'t' || i AS s, i::VARCHAR::BLOB AS bl, "
    "('00000000-0000-0000-0000-' || lpad(i::VARCHAR, 12, '0'))::UUID AS u, "
    "DATE '1960-01-01' + i::INTEGER AS dt, TIME '00:00:00' + to_microseconds(i) AS tm, "
    "TIMESTAMP '1960-01-01 00:00:00' + to_hours(i) AS ts, "
    "TIMESTAMPTZ '1960-01-01 00:00:00+00' + to_hours(i) AS tz, "
    "TIMESTAMP_S '2020-01-01 00:00:00' AS tss, "
    "CASE WHEN i % 2 = 0 THEN 'x' ELSE 'it''s' END::ENUM('x', 'it''s') AS e, "
    "('{\"a\": ' || i || '}')::JSON AS j, [i, NULL]::UINTEGER[] AS l, "
    "{'a b': (i % 100)::TINYINT, 'n': {'deep': i::FLOAT}} AS st, MAP {i::VARCHAR: i::SMALLINT} AS "
    "m, "
    "[i, i]::INTEGER[2] AS arr, NULL::VARCHAR AS \"we\"\"ird, na\nme\" FROM range(500) t(i)";

/* The rows of `select` equal those of the scan, in both directions, types included. */
static void assert_same(struct world *world, const char *select, const char *scanned)
{
    assert_string_equal(ask(world, "SELECT count(*) FROM (", select,
                            assay_arena_format(world->arena, "EXCEPT ALL (%s))", scanned)),
                        "0");
    assert_string_equal(ask(world, "SELECT count(*) FROM (", scanned,
                            assay_arena_format(world->arena, "EXCEPT ALL (%s))", select)),
                        "0");
    assay_column *a = NULL;
    assay_column *b = NULL;
    size_t a_count = 0;
    size_t b_count = 0;
    assert_int_equal(assay_conn_describe(world->conn, select, world->arena, &a, &a_count, NULL),
                     ASSAY_OK);
    assert_int_equal(assay_conn_describe(world->conn, scanned, world->arena, &b, &b_count, NULL),
                     ASSAY_OK);
    assert_int_equal(a_count, b_count);
    for (size_t i = 0; i < a_count; i++) {
        assert_string_equal(a[i].name, b[i].name);
        assert_string_equal(a[i].type, b[i].type);
    }
}

static void every_type_comes_back_as_it_was(void **state)
{
    struct world *world = *state;
    static const assay_table_format *const formats[] = {&fake_by_id, &fake_by_name};

    for (size_t i = 0; i < 2; i++) {
        world->table.format = formats[i];
        assay_schema *schema = schema_of(world, everything);
        assay_stage_result result = stage(world, schema, NULL, everything);
        assert_int_equal(result.rows, 500);
        assert_int_equal(result.count, 1);
        assert_same(world, everything, scan(world, schema, result.files, result.count, false));
    }
}

static void field_ids_stand_at_every_level(void **state)
{
    struct world *world = *state;
    assay_schema *schema = schema_of(world, everything);
    assay_stage_result result = stage(world, schema, NULL, everything);
    char *sql = assay_arena_format(world->arena,
                                   "FROM parquet_schema('%s') WHERE name NOT IN "
                                   "('duckdb_schema', 'list', 'key_value')",
                                   result.files[0].path);

    assert_string_equal(ask(world, "SELECT count(*) FROM", sql, "WHERE field_id IS NULL"), "0");
    char *expected = assay_arena_format(world->arena, "%d", (int)schema->last_field_id);
    assert_string_equal(ask(world, "SELECT count(DISTINCT field_id) FROM", sql, ""), expected);
}

static void statistics_are_typed(void **state)
{
    struct world *world = *state;
    assay_schema *schema = schema_of(world, everything);
    assay_stage_result result = stage(world, schema, NULL, everything);
    const assay_data_file *file = &result.files[0];
    const assay_column_stats *stats = NULL;

    stats = assay_data_file_stats(file, assay_schema_find(schema, "id")->id);
    assert_int_equal(stats->lower.integer, 0);
    assert_int_equal(stats->upper.integer, 499);
    assert_int_equal(stats->null_count, 0);
    assert_int_equal(stats->value_count, 500);
    assert_true(stats->column_size > 0);
    stats = assay_data_file_stats(file, assay_schema_find(schema, "huge")->id);
    assert_true(stats->upper.unscaled == 499);
    assert_int_equal(stats->upper.kind, ASSAY_TYPE_DECIMAL);
    stats = assay_data_file_stats(file, assay_schema_find(schema, "dt")->id);
    assert_int_equal(stats->lower.integer, -3653);
    stats = assay_data_file_stats(file, assay_schema_find(schema, "ts")->id);
    assert_true(stats->lower.integer == INT64_C(-3653) * 86400 * 1000000);
    stats = assay_data_file_stats(file, assay_schema_find(schema, "u")->id);
    assert_int_equal(stats->upper.size, 16);
    assert_int_equal((unsigned char)stats->upper.bytes[15], 0x99);
    stats = assay_data_file_stats(file, assay_schema_find(schema, "bl")->id);
    assert_memory_equal(stats->upper.bytes, "99", 2);
    stats = assay_data_file_stats(file, assay_schema_find(schema, "we\"ird, na\nme")->id);
    assert_int_equal(stats->null_count, 500);
    assert_false(stats->lower.known);
    const assay_field *st = assay_schema_find(schema, "st");
    stats = assay_data_file_stats(file, st->type.fields[0].id);
    assert_true(stats->lower.known);
    const assay_field *list = assay_schema_find(schema, "l");
    assert_null(assay_data_file_stats(file, list->type.fields[0].id));
}

static void decimal_bounds_are_right_over_several_row_groups(void **state)
{
    struct world *world = *state;
    static const char select[] = "SELECT (i - 200000)::DECIMAL(38,2) AS d FROM range(400000) t(i)";
    assay_schema *schema = schema_of(world, select);
    assay_stage_result result = stage(world, schema, NULL, select);

    assert_true(result.files[0].stats[0].lower.unscaled == -20000000);
    assert_true(result.files[0].stats[0].upper.unscaled == 19999900);
}

static void a_nan_in_any_row_group_takes_the_bounds_away(void **state)
{
    struct world *world = *state;
    static const char select[] =
        "SELECT CASE WHEN i = 5 THEN 'nan'::DOUBLE ELSE i END AS bad, i::DOUBLE AS good, "
        "{'in, ner': CASE WHEN i = 5 THEN 'nan'::FLOAT ELSE i END} AS s FROM range(400000) t(i)";
    assay_schema *schema = schema_of(world, select);
    assay_stage_result result = stage(world, schema, NULL, select);
    const assay_column_stats *bad = assay_data_file_stats(&result.files[0], 1);
    const assay_column_stats *good = assay_data_file_stats(&result.files[0], 2);
    const assay_column_stats *inner =
        assay_data_file_stats(&result.files[0], schema->fields[2].type.fields[0].id);

    assert_int_equal(bad->nan_count, -1);
    assert_false(bad->lower.known);
    assert_false(bad->upper.known);
    assert_int_equal(good->nan_count, 0);
    assert_true(good->upper.real == 399999.0);
    assert_int_equal(inner->nan_count, -1);
}

static assay_partition_spec *spec_of(struct world *world, const assay_schema *schema,
                                     const char *const *entries, size_t count)
{
    assay_partition_spec *spec = NULL;
    assay_error err = {0};

    if (assay_partition_parse(entries, count, schema, world->arena, &spec, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
    return spec;
}

static void partitions_floor_before_1970_and_keep_their_source_columns(void **state)
{
    struct world *world = *state;
    static const char select[] =
        "SELECT * FROM (VALUES (1, TIMESTAMPTZ '1969-12-31 23:30:00+00', 'a'), "
        "(2, TIMESTAMPTZ '1970-01-01 00:30:00+00', NULL), "
        "(3, TIMESTAMPTZ '1970-01-01 02:30:00+00', 'a/b=c'), (4, NULL, '')) t(id, m, c)";
    static const char *const entries[] = {"hour(m)", "day(m)", "month(m)", "year(m)", "c"};
    assay_schema *schema = schema_of(world, select);
    assay_stage_result result = stage(world, schema, spec_of(world, schema, entries, 5), select);
    int seen = 0;

    assert_int_equal(result.count, 4);
    for (size_t i = 0; i < 4; i++) {
        const assay_data_file *file = &result.files[i];
        int64_t id = assay_data_file_stats(file, 1)->lower.integer;
        assert_int_equal(file->partition_count, 5);
        if (id == 1) {
            for (int k = 0; k < 4; k++)
                assert_int_equal(file->partition[k].integer, -1);
            assert_memory_equal(file->partition[4].bytes, "a", 1);
        } else if (id == 2) {
            assert_int_equal(file->partition[0].integer, 0);
            assert_true(file->partition[4].null);
        } else if (id == 3) {
            assert_int_equal(file->partition[0].integer, 2);
            assert_string_equal(file->partition[4].bytes, "a/b=c");
        } else {
            assert_true(file->partition[0].null && file->partition[3].null);
            assert_int_equal(file->partition[4].size, 0);
            assert_false(file->partition[4].null);
        }
        seen |= 1 << id;
    }
    assert_int_equal(seen, 2 + 4 + 8 + 16);
    assert_same(world, select, scan(world, schema, result.files, 4, false));
}

static void a_binary_and_a_decimal_can_partition(void **state)
{
    struct world *world = *state;
    static const char select[] = "SELECT '\\xFF\\x00'::BLOB AS b, -1.5::DECIMAL(30,2) AS d, 1 AS x";
    static const char *const entries[] = {"b", "d"};
    assay_schema *schema = schema_of(world, select);
    assay_stage_result result = stage(world, schema, spec_of(world, schema, entries, 2), select);

    assert_int_equal(result.files[0].partition[0].size, 2);
    assert_memory_equal(result.files[0].partition[0].bytes, "\xFF\x00", 2);
    assert_true(result.files[0].partition[1].unscaled == -150);
}

static void many_partitions_are_one_file_each(void **state)
{
    struct world *world = *state;
    static const char select[] = "SELECT (i % 500)::INTEGER AS p, i FROM range(200000) t(i)";
    static const char *const entries[] = {"p"};
    assay_schema *schema = schema_of(world, select);
    assay_stage_result result = stage(world, schema, spec_of(world, schema, entries, 1), select);

    assert_int_equal(result.count, 500);
    assert_int_equal(result.rows, 200000);
}

static void rows_keep_their_order_over_several_files(void **state)
{
    struct world *world = *state;
    static const assay_partition_spec none = {0};
    static const char select[] = "SELECT i, hash(i)::VARCHAR AS h FROM range(3000000) t(i)";
    assay_schema *schema = schema_of(world, select);
    const assay_stage_request request = {.table = &world->table,
                                         .schema = schema,
                                         .spec = &none,
                                         .select = select,
                                         .stage_id = "order",
                                         .target_file_bytes = 3000000};
    assay_stage_result result = {0};
    int64_t next = 0;

    assert_int_equal(assay_stage_write(world->conn, &request, world->arena, &result, NULL),
                     ASSAY_OK);
    assert_true(result.count > 5);
    for (size_t i = 0; i < result.count; i++) {
        const assay_column_stats *stats = assay_data_file_stats(&result.files[i], 1);
        assert_int_equal(stats->lower.integer, next);
        next = stats->upper.integer + 1;
        assert_int_equal(stats->value_count, next - stats->lower.integer);
        const char *rows = scan(world, schema, &result.files[i], 1, true);
        assert_string_equal(ask(world, "SELECT count(DISTINCT i - __assay_row) FROM", rows, ""),
                            "1");
    }
}

static void zero_rows_are_zero_files(void **state)
{
    struct world *world = *state;
    static const char select[] = "SELECT 1 AS a, 2 AS p WHERE false;  ";
    static const char *const entries[] = {"p"};
    assay_schema *schema = schema_of(world, select);
    char **names = NULL;
    size_t count = 0;

    assert_int_equal(stage(world, schema, NULL, select).count, 0);
    assert_int_equal(stage(world, schema, spec_of(world, schema, entries, 1), select).count, 0);
    assert_int_equal(assay_path_list(assay_arena_format(world->arena, "%s/data", world->folder),
                                     world->arena, &names, &count, NULL),
                     ASSAY_OK);
    assert_int_equal(count, 0);
    const char *nothing = scan(world, schema, NULL, 0, true);
    assert_string_equal(ask(world, "SELECT count(a) FROM", nothing, ""), "0");
}

struct refused {
    const char *shape, *select;
    int number;
    const char *says;
};

static void what_a_table_cannot_hold_is_named_and_leaves_nothing(void **state)
{
    struct world *world = *state;
    static const struct refused cases[] = {
        {"SELECT 1 AS a, DATE '2020-01-01' AS d", "SELECT 1 AS a, 'infinity'::DATE AS d", 4030,
         "column 'd'"},
        {"SELECT 1 AS a, DATE '2020-01-01' AS d", "SELECT 1 AS a, DATE '0044-03-15 (BC)' AS d",
         4030, "column 'd'"},
        {"SELECT 1 AS a, now() AS t", "SELECT 1 AS a, TIMESTAMPTZ '12000-01-01 00:00:00+00' AS t",
         4030, "column 't'"},
        {"SELECT 1 AS a, [TIMESTAMP '2020-01-01 00:00:00'] AS t",
         "SELECT 1 AS a, ['-infinity'::TIMESTAMP] AS t", 4030, "column 't'"},
        {"SELECT 1 AS a, 1::HUGEINT AS h",
         "SELECT 1 AS a, 170141183460469231731687303715884105727 AS h", 4030,
         "column 'h' has 1 values of type HUGEINT that DECIMAL(38,0) cannot hold"},
        {"SELECT 1 AS a, 1 AS b", "SELECT 1 AS a, 5000000000 AS b", 4030, "column 'b'"},
        {"SELECT 1 AS a", "SELECT 1 AS a, 2 AS extra", 4010, "'extra'"},
        {"SELECT 1 AS a", "SELECT 1 AS a, 2 AS A", 4003, "'A'"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assay_schema *schema = schema_of(world, cases[i].shape);
        assay_stage_result result = {0};
        assay_error err = {0};
        char **names = NULL;
        size_t count = 0;
        assert_int_not_equal(try_stage(world, schema, NULL, cases[i].select, &result, &err),
                             ASSAY_OK);
        if (err.number != cases[i].number || strstr(err.message, cases[i].says) == NULL)
            fail_msg("%s: E%d %s", cases[i].select, err.number, err.message);
        assert_int_equal(assay_path_list(assay_arena_format(world->arena, "%s/data", world->folder),
                                         world->arena, &names, &count, NULL),
                         ASSAY_OK);
        assert_int_equal(count, 0);
    }
}

static void an_error_of_the_query_keeps_its_place_and_leaves_nothing(void **state)
{
    struct world *world = *state;
    static const char *const entries[] = {"p"};
    assay_schema *schema = schema_of(world, "SELECT 1 AS a, 1 AS p");
    assay_partition_spec *spec = spec_of(world, schema, entries, 1);
    static const char select[] =
        "SELECT\n (CASE WHEN i = 900000 THEN 'x' ELSE '1' END)::INTEGER AS a,\n"
        " (i % 50)::INTEGER AS p FROM range(1000000) t(i) -- end";
    assay_stage_result result = {0};
    assay_error err = {0};
    char **names = NULL;
    size_t count = 0;

    for (int i = 0; i < 2; i++) {
        assert_int_equal(try_stage(world, schema, i == 0 ? spec : NULL, select, &result, &err),
                         ASSAY_EDATA);
        assert_int_equal(err.number, 3004);
        assert_int_equal(err.line, 2);
        assert_int_equal(assay_path_list(assay_arena_format(world->arena, "%s/data", world->folder),
                                         world->arena, &names, &count, NULL),
                         ASSAY_OK);
        assert_int_equal(count, 0);
    }
}

static void assert_nothing_staged(struct world *world)
{
    char **names = NULL;
    size_t count = 0;

    assert_int_equal(assay_path_list(assay_arena_format(world->arena, "%s/data", world->folder),
                                     world->arena, &names, &count, NULL),
                     ASSAY_OK);
    assert_int_equal(count, 0);
}

static void a_disk_that_takes_no_more_is_said_and_leaves_nothing(void **state)
{
    struct world *world = *state;
    static const char select[] = "SELECT i, hash(i) AS h, i % 3 AS p FROM range(1000000) t(i)";
    static const char *const entries[] = {"p"};
    assay_schema *schema = schema_of(world, select);
    struct rlimit before = {0, 0};

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit small = {100000, before.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 2; i++) {
        assay_stage_result result = {0};
        assay_error err = {0};
        assay_status status =
            try_stage(world, schema, i == 0 ? NULL : spec_of(world, schema, entries, 1), select,
                      &result, &err);
        if (status != ASSAY_EIO || err.number != 3008)
            fail_msg("%s E%d %s", assay_status_name(status), err.number, err.message);
        assert_nothing_staged(world);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
}

static void interrupt_soon(void *argument)
{
    struct world *world = argument;
    assay_path_info info = {0};
    char path[128];

    (void)snprintf(path, sizeof path, "%s/data", world->folder);
    for (int i = 0; i < 500 && !info.exists; i++) {
        (void)usleep(10000);
        if (assay_path_stat(path, &info, NULL) != ASSAY_OK)
            break;
    }
    (void)usleep(300000);
    assay_engine_interrupt(world->engine);
}

static void an_interrupted_write_leaves_nothing(void **state)
{
    struct world *world = *state;
    static const char select[] = "SELECT i, hash(i)::VARCHAR AS h FROM range(10000000000) t(i)";
    assay_schema *schema = schema_of(world, select);
    assay_thread *thread = NULL;
    assay_stage_result result = {0};
    assay_error err = {0};

    assert_int_equal(assay_thread_start(interrupt_soon, world, &thread, NULL), ASSAY_OK);
    assay_status status = try_stage(world, schema, NULL, select, &result, &err);
    assay_thread_join(thread);
    assert_int_equal(status, ASSAY_ECANCELLED);
    assert_nothing_staged(world);
}

static void a_null_in_a_required_column_is_named(void **state)
{
    struct world *world = *state;
    assay_schema *schema = schema_of(world, "SELECT 1 AS a, 1 AS b");
    assay_stage_result result = {0};
    assay_error err = {0};

    schema->fields[1].required = true;
    assert_int_equal(try_stage(world, schema, NULL, "SELECT 1 AS a", &result, &err), ASSAY_EDATA);
    assert_int_equal(err.number, 4032);
    assert_non_null(strstr(err.message, "'b'"));
}

static void columns_are_matched_by_name_and_missing_ones_are_null(void **state)
{
    struct world *world = *state;
    assay_schema *schema =
        schema_of(world, "SELECT 1::BIGINT AS a, 'x' AS b, 1.5::DECIMAL(9,2) AS c");
    static const char select[] = "SELECT 2.5::DECIMAL(4,1) AS C, 7 AS A;";
    const assay_stage_result results[] = {stage(world, schema, NULL, select),
                                          stage_known(world, schema, select)};

    for (size_t i = 0; i < 2; i++)
        assert_same(world, "SELECT 7::BIGINT AS a, NULL::VARCHAR AS b, 2.5::DECIMAL(9,2) AS c",
                    scan(world, schema, results[i].files, results[i].count, false));
}

/* Good and bad rows of one write, in the same pass. */
static void bad_rows_get_files_of_their_own(void **state)
{
    struct world *world = *state;
    static const char *const entries[] = {"g"};
    static const char select[] =
        "SELECT i AS id, i % 3 AS g, CASE WHEN i % 7 = 0 THEN NULL ELSE i / 2.0::DOUBLE END AS f "
        "FROM range(300000) t(i)";
    assay_schema *schema = schema_of(world, select);
    static const assay_partition_spec none = {0};
    const assay_partition_spec *specs[] = {&none, spec_of(world, schema, entries, 1)};

    for (size_t i = 0; i < 2; i++) {
        assay_stage_result result = {0};
        assay_error err = {0};
        const assay_stage_request request = {.table = &world->table,
                                             .schema = schema,
                                             .spec = specs[i],
                                             .select = select,
                                             .stage_id = i == 0 ? "plain" : "parts",
                                             .bad = "\"r\".f IS NULL OR \"r\".id = 1",
                                             .alias = "\"r\""};
        if (assay_stage_write(world->conn, &request, world->arena, &result, &err) != ASSAY_OK)
            fail_msg("%s", err.message);
        const char *good = scan(world, schema, result.files, result.count, false);
        const char *bad = scan(world, schema, result.bad_files, result.bad_count, false);
        assert_int_equal(result.rows, 300000 - 42858 - 1);
        assert_int_equal(result.bad_rows, 42858 + 1);
        assert_string_equal(ask(world, "SELECT count(*) FROM", good, "WHERE f IS NULL OR id = 1"),
                            "0");
        assert_string_equal(ask(world, "SELECT count(*) FROM", bad, "WHERE f IS NULL OR id = 1"),
                            "42859");
        assert_string_equal(ask(world, "SELECT sum(id)::VARCHAR FROM", bad, ""), "6428678572");
        /* neither has a column more, and statistics are of each alone */
        assert_string_equal(ask(world, "SELECT count(*) FROM (DESCRIBE", good, ")"), "3");
        for (size_t k = 0; k < result.count; k++)
            assert_int_equal(assay_data_file_stats(&result.files[k], 3)->null_count, 0);
        assay_stage_discard_bad(&result);
        assert_int_equal(result.bad_count, 0);
        assert_string_equal(ask(world, "SELECT count(*) FROM", good, ""), "257141");
        assay_stage_discard(&result);
    }
}

static void discard_removes_what_was_staged(void **state)
{
    struct world *world = *state;
    assay_schema *schema = schema_of(world, "SELECT 1 AS a");
    assay_stage_result result = stage(world, schema, NULL, "SELECT 1 AS a");
    assay_path_info info = {0};

    assay_stage_discard(&result);
    assert_int_equal(assay_path_stat(result.files[0].path, &info, NULL), ASSAY_OK);
    assert_false(info.exists);
}

/* ---- scans ---- */

static void old_files_are_read_in_the_new_schema(void **state)
{
    struct world *world = *state;
    static const assay_table_format *const formats[] = {&fake_by_id, &fake_by_name};

    for (size_t i = 0; i < 2; i++) {
        assay_schema *merged = NULL;
        bool changed = false;
        assay_error err = {0};
        world->table.format = formats[i];
        assay_schema *schema =
            schema_of(world, "SELECT 1::INTEGER AS a, 1.5::FLOAT AS f, {'x': 1::INTEGER} AS s, "
                             "1.5::DECIMAL(5,2) AS d, [{'p': 1}] AS l");
        assay_stage_result old = stage(world, schema, NULL,
                                       "SELECT 1 AS a, 1.5 AS f, {'x': 1} AS s, 1.5 AS d, "
                                       "[{'p': 1::INTEGER}] AS l");
        assay_schema *incoming =
            schema_of(world, "SELECT 2::BIGINT AS a, 2.5::DOUBLE AS f, {'x': 2::BIGINT, "
                             "'y': 'n'} AS s, 2.5::DECIMAL(9,2) AS d, [{'p': 1, 'q': 'z'}] AS l, "
                             "DATE '2020-01-01' AS fresh");
        assert_int_equal(assay_schema_merge(schema, incoming, ASSAY_SCHEMA_EVOLVE, world->arena,
                                            &merged, &changed, &err),
                         ASSAY_OK);
        assert_true(changed);
        assay_stage_result fresh = stage(world, merged, NULL,
                                         "SELECT 2::BIGINT AS a, 2.5::DOUBLE AS f, {'x': 2, "
                                         "'y': 'n'} AS s, 2.5 AS d, [{'p': 1, 'q': 'z'}] AS l, "
                                         "DATE '2020-01-01' AS fresh");
        assay_data_file files[] = {old.files[0], fresh.files[0]};
        assert_same(world,
                    "SELECT 1::BIGINT AS a, 1.5::DOUBLE AS f, {'x': 1::BIGINT, 'y': NULL::VARCHAR} "
                    "AS s, 1.5::DECIMAL(9,2) AS d, [{'p': 1, 'q': NULL::VARCHAR}] AS l, "
                    "NULL::DATE AS fresh UNION ALL SELECT 2, 2.5, {'x': 2, 'y': 'n'}, 2.5, "
                    "[{'p': 1, 'q': 'z'}], DATE '2020-01-01'",
                    scan(world, merged, files, 2, false));
        const char *rows = scan(world, merged, files, 2, true);
        assert_string_equal(ask(world, "SELECT count(*) FROM", rows,
                                "WHERE fresh IS NULL AND __assay_row = 0"),
                            "1");
        assert_string_equal(ask(world, "SELECT __assay_file FROM", rows, "WHERE a = 2"),
                            fresh.files[0].path);
    }
}

static void columns_called_like_virtual_ones_are_read(void **state)
{
    struct world *world = *state;
    static const char select[] =
        "SELECT 'f' AS filename, 7 AS file_row_number, 8 AS __c0, 9 AS __c1, 3 AS file_index";
    static const assay_table_format *const formats[] = {&fake_by_id, &fake_by_name};

    for (size_t i = 0; i < 2; i++) {
        world->table.format = formats[i];
        assay_schema *schema = schema_of(world, select);
        assay_stage_result result = stage(world, schema, NULL, select);
        assert_same(world, select, scan(world, schema, result.files, 1, false));
        const char *rows = scan(world, schema, result.files, 1, true);
        assert_string_equal(ask(world, "SELECT __assay_file FROM", rows, ""), result.files[0].path);
        assert_string_equal(ask(world, "SELECT __assay_row FROM", rows, ""), "0");
    }
}

static assay_data_file foreign_file(struct world *world, const char *name, const char *select,
                                    const char *options)
{
    assay_data_file file = {.rows = 1};
    assay_error err = {0};

    file.path = assay_arena_format(world->arena, "%s/%s.parquet", world->folder, name);
    char *sql = assay_arena_format(world->arena, "COPY (%s) TO '%s' (FORMAT parquet%s)", select,
                                   file.path, options);
    if (assay_conn_execute(world->conn, sql, NULL, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
    return file;
}

static void files_without_field_ids_are_read_by_name(void **state)
{
    struct world *world = *state;
    assay_schema *schema =
        schema_of(world, "SELECT 1::BIGINT AS id, TIMESTAMP '2020-01-01 00:00:00' AS t");
    assay_stage_result own =
        stage(world, schema, NULL, "SELECT 1 AS id, TIMESTAMP '2020-01-01 00:00:00' AS t");
    assay_data_file files[] = {
        own.files[0],
        foreign_file(world, "plain", "SELECT TIMESTAMP_NS '2021-01-01 00:00:00' AS t, 2 AS id", ""),
        foreign_file(world, "ids", "SELECT 3 AS other, TIMESTAMP '2022-01-01 00:00:00' AS \"when\"",
                     ", FIELD_IDS {other: 1, \"when\": 2}")};

    assert_same(world,
                "SELECT 1::BIGINT AS id, TIMESTAMP '2020-01-01 00:00:00' AS t UNION ALL "
                "SELECT 2, TIMESTAMP '2021-01-01 00:00:00' UNION ALL "
                "SELECT 3, TIMESTAMP '2022-01-01 00:00:00'",
                scan(world, schema, files, 3, false));
    const char *rows = scan(world, schema, files, 3, true);
    assert_string_equal(ask(world, "SELECT sum(__assay_row + 1) FROM", rows, ""), "3");
}

static void renamed_nested_fields_of_other_writers_are_refused(void **state)
{
    struct world *world = *state;
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_schema *schema = schema_of(world, "SELECT {'x': 1} AS s");
    assay_scan_options options = {.conn = world->conn};
    assay_data_file file = foreign_file(world, "renamed", "SELECT {'old': 1} AS s",
                                        ", FIELD_IDS {s: {__duckdb_field_id: 1, old: 2}}");
    assay_error err = {0};

    assert_int_equal(assay_scan_append_sql(&sql, &world->table, schema, &file, 1, &options, &err),
                     ASSAY_EUNSUPPORTED);
    assert_int_equal(err.number, 4035);
    file = foreign_file(world, "again", "SELECT {'x': 1} AS s",
                        ", FIELD_IDS {s: {__duckdb_field_id: 1, x: 9}}");
    assert_int_equal(assay_scan_append_sql(&sql, &world->table, schema, &file, 1, &options, &err),
                     ASSAY_EUNSUPPORTED);
}

static void partition_columns_that_are_not_in_the_file_get_their_value(void **state)
{
    struct world *world = *state;
    static const assay_table_format *const formats[] = {&fake_by_id, &fake_by_name};
    static const char *const entries[] = {"day", "c"};

    for (size_t i = 0; i < 2; i++) {
        world->table.format = formats[i];
        assay_schema *schema =
            schema_of(world, "SELECT 1 AS id, DATE '2020-01-01' AS day, 'x' AS c");
        world->table.spec = spec_of(world, schema, entries, 2);
        assay_stage_result own = stage(world, schema, world->table.spec,
                                       "SELECT 1 AS id, DATE '2020-01-01' AS day, 'own' AS c");
        assay_data_file files[] = {own.files[0], foreign_file(world, "p1", "SELECT 2 AS id", ""),
                                   foreign_file(world, "p2", "SELECT 3 AS id", "")};
        assay_datum values[] = {
            {.known = true, .kind = ASSAY_TYPE_DATE, .integer = 18263},
            {.known = true, .kind = ASSAY_TYPE_STRING, .bytes = "it's", .size = 4},
            {.known = true, .null = true, .kind = ASSAY_TYPE_DATE},
            {.known = true, .kind = ASSAY_TYPE_STRING, .bytes = "", .size = 0}};
        files[1].partition = values;
        files[1].partition_count = 2;
        files[2].partition = values + 2;
        files[2].partition_count = 2;
        assert_same(world,
                    "SELECT 1 AS id, DATE '2020-01-01' AS day, 'own' AS c UNION ALL "
                    "SELECT 2, DATE '2020-01-02', 'it''s' UNION ALL SELECT 3, NULL, ''",
                    scan(world, schema, files, 3, false));
        const char *rows = scan(world, schema, files, 3, true);
        assert_string_equal(ask(world, "SELECT __assay_file FROM", rows, "WHERE id = 3"),
                            files[2].path);
        world->table.spec = NULL;
    }
}

static void a_nan_that_statistics_of_others_hide_is_found(void **state)
{
    struct world *world = *state;
    const char *pyarrow = ASSAY_TEST_DATA_DIR "/table/pyarrow_nan.parquet";
    assay_schema *schema = schema_of(world, "SELECT 1::BIGINT AS id, 1.5::DOUBLE AS f");
    assay_data_file file = {.path = pyarrow, .rows = 3};
    const char *rows = scan(world, schema, &file, 1, false);

    assert_non_null(strstr(rows, "can_have_nan"));
    assert_string_equal(ask(world, "SELECT count(*) FROM", rows, "WHERE f > 100"), "1");
    assert_string_equal(ask(world, "SELECT sum(id) FROM", rows, ""), "6");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(every_type_comes_back_as_it_was),
        TEST(field_ids_stand_at_every_level),
        TEST(statistics_are_typed),
        TEST(decimal_bounds_are_right_over_several_row_groups),
        TEST(a_nan_in_any_row_group_takes_the_bounds_away),
        TEST(partitions_floor_before_1970_and_keep_their_source_columns),
        TEST(a_binary_and_a_decimal_can_partition),
        TEST(many_partitions_are_one_file_each),
        TEST(rows_keep_their_order_over_several_files),
        TEST(zero_rows_are_zero_files),
        TEST(what_a_table_cannot_hold_is_named_and_leaves_nothing),
        TEST(an_error_of_the_query_keeps_its_place_and_leaves_nothing),
        TEST(a_disk_that_takes_no_more_is_said_and_leaves_nothing),
        TEST(an_interrupted_write_leaves_nothing),
        TEST(a_null_in_a_required_column_is_named),
        TEST(columns_are_matched_by_name_and_missing_ones_are_null),
        TEST(bad_rows_get_files_of_their_own),
        TEST(discard_removes_what_was_staged),
        TEST(old_files_are_read_in_the_new_schema),
        TEST(columns_called_like_virtual_ones_are_read),
        TEST(files_without_field_ids_are_read_by_name),
        TEST(renamed_nested_fields_of_other_writers_are_refused),
        TEST(partition_columns_that_are_not_in_the_file_get_their_value),
        TEST(a_nan_that_statistics_of_others_hide_is_found),
    };
#undef TEST

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
