#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fake_format.h"
#include "table/prune.h"

struct world {
    assay_engine *engine;
    assay_conn *conn;
    assay_arena *arena;
    assay_table table;
};

static int set_up(void **state)
{
    static struct world world;
    assay_engine_options options = {.threads = 1};

    world.arena = assay_arena_new();
    world.table = (assay_table){.format = &fake_by_id, .name = "t"};
    if (world.arena == NULL || assay_engine_open(&options, &world.engine, NULL) != ASSAY_OK ||
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
    assay_arena_free(world->arena);
    return 0;
}

static assay_schema *schema_of(struct world *world, const char *first, const char *second)
{
    const assay_column columns[] = {{"a", first}, {"b", second}};
    assay_schema *schema = NULL;

    assert_int_equal(assay_schema_from_columns(columns, second != NULL ? 2 : 1, world->arena,
                                               &schema, NULL),
                     ASSAY_OK);
    return schema;
}

static void make_keys(struct world *world, const char *select)
{
    char sql[512];

    (void)snprintf(sql, sizeof sql, "CREATE OR REPLACE TABLE keys AS %s", select);
    assert_int_equal(assay_conn_execute(world->conn, sql, NULL, NULL), ASSAY_OK);
}

enum { COLUMNS_MAX = 2 };

/* A file whose columns 1 .. have these bounds; NULL = not known. */
static assay_data_file file_of(struct world *world, const assay_schema *schema, const char *path,
                               const char *const *bounds)
{
    assay_data_file file = {.path = path, .rows = 10, .own = true};

    file.stats = assay_arena_take(world->arena, schema->count, sizeof *file.stats);
    assert_non_null(file.stats);
    for (size_t i = 0; i < schema->count && i < COLUMNS_MAX; i++) {
        assay_column_stats *stats = &file.stats[file.stats_count++];
        const assay_type *type = &schema->fields[i].type;
        stats->field_id = schema->fields[i].id;
        if (bounds[2 * i] == NULL)
            continue;
        stats->lower = assay_datum_parse(bounds[2 * i], type, world->arena);
        stats->upper = assay_datum_parse(bounds[2 * i + 1], type, world->arena);
    }
    return file;
}

/* The paths that stay, as one text. */
static const char *pruned(struct world *world, const assay_schema *schema,
                          const assay_data_file *files, size_t count)
{
    static const char *const names[] = {"a", "b"};
    static char text[256];
    const assay_prune_request request = {.table = &world->table,
                                         .schema = schema,
                                         .files = files,
                                         .count = count,
                                         .relation = "keys",
                                         .columns = names,
                                         .column_count = schema->count};
    assay_data_file *kept = NULL;
    size_t kept_count = 0;
    assay_error err = {0};
    int at = 0;

    if (assay_prune_files(world->conn, &request, world->arena, &kept, &kept_count, &err) !=
        ASSAY_OK)
        fail_msg("%s", err.message);
    text[0] = '\0';
    for (size_t i = 0; i < kept_count; i++)
        at += snprintf(text + at, sizeof text - (size_t)at, "%s ", kept[i].path);
    return text;
}

static void files_whose_bounds_hold_no_key_are_left_out(void **state)
{
    struct world *world = *state;
    const assay_schema *schema = schema_of(world, "INTEGER", NULL);
    const assay_data_file files[] = {
        file_of(world, schema, "low", (const char *const[2 * COLUMNS_MAX]){"1", "10"}),
        file_of(world, schema, "gap", (const char *const[2 * COLUMNS_MAX]){"11", "19"}),
        file_of(world, schema, "edge", (const char *const[2 * COLUMNS_MAX]){"20", "30"}),
        file_of(world, schema, "end", (const char *const[2 * COLUMNS_MAX]){"31", "40"}),
        file_of(world, schema, "unknown", (const char *const[2 * COLUMNS_MAX]){NULL, NULL}),
    };

    make_keys(world, "SELECT unnest([5, 20, 40])::INTEGER AS a");
    assert_string_equal(pruned(world, schema, files, 5), "low edge end unknown ");
    make_keys(world, "SELECT unnest([41, 0])::INTEGER AS a");
    assert_string_equal(pruned(world, schema, files, 5), "unknown ");
    assert_string_equal(pruned(world, schema, files, 0), "");
}

static void every_column_of_the_key_can_leave_a_file_out(void **state)
{
    struct world *world = *state;
    const assay_schema *schema = schema_of(world, "VARCHAR", "DATE");
    const assay_data_file files[] = {
        file_of(world, schema, "both",
                (const char *const[2 * COLUMNS_MAX]){"a", "m", "2026-01-01", "2026-01-31"}),
        file_of(world, schema, "name",
                (const char *const[2 * COLUMNS_MAX]){"a", "m", "2026-02-01", "2026-02-28"}),
        file_of(world, schema, "date",
                (const char *const[2 * COLUMNS_MAX]){"n", "z", "2026-01-01", "2026-01-31"}),
        file_of(world, schema, "half",
                (const char *const[2 * COLUMNS_MAX]){NULL, NULL, "2026-01-01", "2026-01-31"}),
    };

    make_keys(world, "SELECT 'it''s' AS a, DATE '2026-01-07' AS b");
    assert_string_equal(pruned(world, schema, files, 4), "both half ");
}

static void moments_that_a_format_cut_to_milliseconds_still_hold(void **state)
{
    struct world *world = *state;
    const assay_schema *schema = schema_of(world, "TIMESTAMP", NULL);
    const assay_data_file files[] = {
        file_of(world, schema, "cut",
                (const char *const[2 * COLUMNS_MAX]){"2026-01-01 00:00:00",
                                                     "2026-01-01 00:00:00.123"}),
        file_of(world, schema, "later",
                (const char *const[2 * COLUMNS_MAX]){"2026-01-01 00:00:01", "2026-01-01 00:00:02"}),
    };

    make_keys(world, "SELECT TIMESTAMP '2026-01-01 00:00:00.123999' AS a");
    assert_string_equal(pruned(world, schema, files, 2), "cut ");
}

static void bounds_without_a_sure_order_leave_nothing_out(void **state)
{
    static const char *const types[] = {"DOUBLE", "BLOB", "BOOLEAN", "UTINYINT", "UUID"};
    static const char *const keys[] = {"SELECT 7::DOUBLE AS a", "SELECT 'zz'::BLOB AS a",
                                       "SELECT true AS a", "SELECT 200::UTINYINT AS a",
                                       "SELECT gen_random_uuid() AS a"};
    struct world *world = *state;

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const assay_schema *schema = schema_of(world, types[i], NULL);
        const assay_data_file file =
            file_of(world, schema, "kept", (const char *const[2 * COLUMNS_MAX]){"0", "1"});
        make_keys(world, keys[i]);
        assert_string_equal(pruned(world, schema, &file, 1), "kept ");
    }
}

static void the_value_of_an_identity_partition_is_a_bound(void **state)
{
    struct world *world = *state;
    const assay_schema *schema = schema_of(world, "VARCHAR", NULL);
    const char *entry = "a";
    assay_partition_spec *spec = NULL;
    assay_datum values[2];
    assay_data_file files[2];

    assert_int_equal(assay_partition_parse(&entry, 1, schema, world->arena, &spec, NULL), ASSAY_OK);
    for (size_t i = 0; i < 2; i++) {
        values[i] = assay_datum_parse(i == 0 ? "de" : "fr", &schema->fields[0].type, world->arena);
        files[i] = (assay_data_file){.path = i == 0 ? "de" : "fr",
                                     .spec = spec,
                                     .spec_id = spec->id,
                                     .partition = &values[i],
                                     .partition_count = 1};
    }
    make_keys(world, "SELECT 'fr' AS a");
    assert_string_equal(pruned(world, schema, files, 2), "fr ");
}

static bool divided(struct world *world, const char *const bounds[][2], size_t count)
{
    const assay_schema *schema = schema_of(world, "INTEGER", NULL);
    assay_data_file files[4];
    bool is = false;

    for (size_t i = 0; i < count; i++)
        files[i] = file_of(world, schema, "f",
                           (const char *const[2 * COLUMNS_MAX]){bounds[i][0], bounds[i][1]});
    assert_int_equal(assay_prune_divided(&world->table, files, count, &schema->fields[0], &is,
                                         NULL),
                     ASSAY_OK);
    return is;
}

static void files_are_told_that_divide_a_column_among_themselves(void **state)
{
    static const char *const sorted[][2] = {{"11", "20"}, {"1", "10"}, {"21", "30"}, {"30", "40"}};
    static const char *const one_across[][2] = {{"11", "20"},
                                                {"1", "10"},
                                                {"12", "30"},
                                                {"30", "40"}};
    static const char *const mixed[][2] = {{"1", "40"}, {"2", "39"}, {"3", "38"}, {"41", "42"}};
    static const char *const unknown[][2] = {{"1", "2"}, {"3", "4"}, {NULL, NULL}};

    assert_true(divided(*state, sorted, 4));
    assert_true(divided(*state, one_across, 4));
    assert_false(divided(*state, mixed, 4));
    assert_false(divided(*state, unknown, 3));
    assert_false(divided(*state, sorted, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_whose_bounds_hold_no_key_are_left_out),
        cmocka_unit_test(every_column_of_the_key_can_leave_a_file_out),
        cmocka_unit_test(moments_that_a_format_cut_to_milliseconds_still_hold),
        cmocka_unit_test(bounds_without_a_sure_order_leave_nothing_out),
        cmocka_unit_test(the_value_of_an_identity_partition_is_a_bound),
        cmocka_unit_test(files_are_told_that_divide_a_column_among_themselves),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
