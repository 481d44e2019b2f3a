#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/path.h"
#include "engine/engine.h"
#include "fake_format.h"
#include "table/commit.h"
#include "table/scan.h"
#include "table/stage.h"

/* Every operation is run again and again, with its 1st, 2nd, 3rd .. allocation failing, until it
 * succeeds: each failure must say ENOMEM. The sanitizers see what is leaked. */

struct world {
    assay_engine *engine;
    assay_conn *conn;
    assay_store *store;
    char folder[64];
};

typedef assay_status operation(struct world *world, assay_arena *arena, assay_error *err);

static int set_up(void **state)
{
    static struct world world;
    assay_engine_options options = {.threads = 1};

    (void)snprintf(world.folder, sizeof world.folder, "/tmp/assay_memory_XXXXXX");
    *state = &world;
    return mkdtemp(world.folder) != NULL &&
                   assay_engine_open(&options, &world.engine, NULL) == ASSAY_OK &&
                   assay_conn_open(world.engine, &world.conn, NULL) == ASSAY_OK &&
                   assay_store_open_memory(&world.store, NULL) == ASSAY_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    assay_store_close(world->store);
    assay_conn_close(world->conn);
    assay_engine_close(world->engine);
    return assay_path_remove_tree(world->folder, NULL) == ASSAY_OK ? 0 : -1;
}

static void run(struct world *world, operation *operate)
{
    for (size_t nth = 1; nth < 5000; nth++) {
        assay_arena *arena = assay_arena_new();
        assay_error err = {0};
        assert_non_null(arena);
        assay_mem_fail_at(nth);
        assay_status status = operate(world, arena, &err);
        assay_mem_fail_at(0);
        assay_arena_free(arena);
        if (status == ASSAY_OK)
            return;
        if (status != ASSAY_ENOMEM)
            fail_msg("allocation %zu: %s %s", nth, assay_status_name(status), err.message);
    }
    fail_msg("it never succeeds");
}

static assay_status query(struct world *world, assay_arena *arena, assay_error *err)
{
    assay_rows *rows = NULL;

    return assay_conn_query(world->conn,
                            "SELECT i, i::VARCHAR, i::DECIMAL(30,2), [i], {'a': i}, MAP {i: 'x'}, "
                            "'x'::BLOB, DATE '2020-01-01', '101'::BIT FROM range(3) t(i)",
                            0, arena, &rows, err);
}

static assay_status parse(struct world *world, assay_arena *arena, assay_error *err)
{
    assay_value *tree = NULL;
    const char *sql = NULL;

    ASSAY_TRY(assay_conn_parse(world->conn, "SELECT a + 1 FROM t", arena, &tree, err));
    return assay_conn_unparse(world->conn, tree, arena, &sql, err);
}

static const assay_column columns[] = {{"id", "BIGINT"},
                                       {"e", "ENUM('a', 'b')"},
                                       {"s", "STRUCT(x INTEGER, l DOUBLE[])"}};
static const assay_column wider[] = {{"id", "BIGINT"},
                                     {"e", "ENUM('a', 'b')"},
                                     {"s", "STRUCT(x BIGINT, l DOUBLE[], y DATE)"},
                                     {"n", "VARCHAR"}};

static assay_status merge(struct world *world, assay_arena *arena, assay_error *err)
{
    assay_schema *table = NULL;
    assay_schema *incoming = NULL;
    assay_schema *merged = NULL;

    (void)world;
    ASSAY_TRY(assay_schema_from_columns(columns, 3, arena, &table, err));
    ASSAY_TRY(assay_schema_from_columns(wider, 4, arena, &incoming, err));
    ASSAY_TRY(assay_schema_merge(table, incoming, ASSAY_SCHEMA_EVOLVE, arena, &merged, NULL, err));
    return assay_schema_merge(table, incoming, ASSAY_SCHEMA_REPLACE, arena, &merged, NULL, err);
}

static assay_status write_and_scan(struct world *world, assay_arena *arena, assay_error *err)
{
    static const char *const entries[] = {"month(d)"};
    static const assay_column shape[] = {{"id", "BIGINT"}, {"d", "DATE"}, {"f", "DOUBLE"}};
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_table table = {.format = &fake_by_id, .name = "t", .location = world->folder};
    assay_schema *schema = NULL;
    assay_partition_spec *spec = NULL;
    assay_stage_result result = {0};
    const assay_scan_options options = {.file_columns = true, .conn = world->conn};

    ASSAY_TRY(assay_schema_from_columns(shape, 3, arena, &schema, err));
    ASSAY_TRY(assay_partition_parse(entries, 1, schema, arena, &spec, err));
    const assay_stage_request request = {
        .table = &table,
        .schema = schema,
        .spec = spec,
        .select = "SELECT i AS id, DATE '2020-01-31' + i::INTEGER AS d, i AS f FROM range(3) t(i)",
        .stage_id = "memory"};
    ASSAY_TRY(assay_stage_write(world->conn, &request, arena, &result, err));
    assay_status status =
        assay_scan_append_sql(&sql, &table, schema, result.files, result.count, &options, err);
    assay_stage_discard(&result);
    return status;
}

static assay_status save_and_load(struct world *world, assay_arena *arena, assay_error *err)
{
    assay_consumed_file files[] = {{.path = "a", .sha256 = "1"}, {.path = "b", .sha256 = "2"}};
    assay_consumed_input inputs[] = {{"bronze.x", "u", 1, 1}};
    assay_state_chain chain = {NULL, 0};
    assay_state_file state = {.number = 1,
                              .commit_id = "c",
                              .files = files,
                              .file_count = 2,
                              .inputs = inputs,
                              .input_count = 1};
    assay_state_file *read = NULL;
    const char *path = NULL;

    ASSAY_TRY(assay_state_file_save("/t", &state, &chain, world->store, arena, &path, err));
    state.number = 2;
    chain = (assay_state_chain){path, 1};
    ASSAY_TRY(assay_state_file_save("/t", &state, &chain, world->store, arena, &path, err));
    return assay_state_file_load("/t", path, world->store, arena, &read, err);
}

static void a_query_survives_every_failing_allocation(void **state)
{
    run(*state, query);
}

static void parsing_survives_every_failing_allocation(void **state)
{
    run(*state, parse);
}

static void merging_schemas_survives_every_failing_allocation(void **state)
{
    run(*state, merge);
}

static void staging_survives_every_failing_allocation(void **state)
{
    struct world *world = *state;
    assay_arena *arena = assay_arena_new();
    char **names = NULL;
    size_t count = 0;

    run(world, write_and_scan);
    assert_int_equal(assay_path_list(assay_arena_format(arena, "%s/data", world->folder), arena,
                                     &names, &count, NULL),
                     ASSAY_OK);
    assert_int_equal(count, 0);
    assay_arena_free(arena);
}

static void states_survive_every_failing_allocation(void **state)
{
    run(*state, save_and_load);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_survives_every_failing_allocation),
        cmocka_unit_test(parsing_survives_every_failing_allocation),
        cmocka_unit_test(merging_schemas_survives_every_failing_allocation),
        cmocka_unit_test(staging_survives_every_failing_allocation),
        cmocka_unit_test(states_survive_every_failing_allocation),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
