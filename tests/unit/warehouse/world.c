#include "unit/warehouse/world.h"

#include "base/mem.h"
#include "base/str.h"
#include "warehouse/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void must(struct world *world, assay_status status)
{
    if (status != ASSAY_OK)
        fail_msg("%s E%d: %s", assay_status_name(status), world->err.number, world->err.message);
}

struct world *world_new(const assay_connection_config *connection)
{
    struct world *world = calloc(1, sizeof(struct world));
    void *folder = NULL;

    assert_non_null(world);
    world->connection = connection;
    world->snowflake = connection->kind == ASSAY_CONNECTION_SNOWFLAKE;
    assert_int_equal(test_folder_setup(&folder), 0);
    world->folder = folder;
    world->arena = assay_arena_new();
    world->clock = assay_clock_system();
    must(world,
         assay_engine_open(&(assay_engine_options){.threads = 2}, &world->engine, &world->err));
    must(world, assay_conn_open(world->engine, &world->conn, &world->err));
    must(world, assay_secrets_new(&(assay_secrets_options){.clock = &world->clock}, &world->secrets,
                                  &world->err));
    must(world,
         assay_adbc_open(&(assay_adbc_request){.connection = connection, .secrets = world->secrets},
                         &world->eye, &world->err));
    world->request = (assay_warehouse_request){.conn = world->conn,
                                               .connection = connection,
                                               .secrets = world->secrets,
                                               .publication = &world->publication,
                                               .snapshot = &world->snapshot,
                                               .run_id = "run-1",
                                               .step_id = "step-1",
                                               .temp_dir = world->folder->path,
                                               .clock = world->clock,
                                               .random = assay_random_system()};
    return world;
}

void world_free(struct world *world)
{
    void *folder = world->folder;

    assay_adbc_close(world->eye);
    assay_secrets_free(world->secrets);
    assay_conn_close(world->conn);
    assay_engine_close(world->engine);
    assay_arena_free(world->arena);
    (void)test_folder_teardown(&folder);
    free(world);
}

void world_target(struct world *world, const char *table)
{
    world->keys[0] = "id";
    world->publication = (assay_warehouse_publication){.to = "wh",
                                                       .table = table,
                                                       .mode = ASSAY_WAREHOUSE_MERGE,
                                                       .keys = world->keys,
                                                       .key_count = 1};
    world->snapshot = (assay_warehouse_snapshot){.table = "gold.orders",
                                                 .table_uuid = table,
                                                 .rows = -1,
                                                 .committed_us = 1767225600000000};
}

void world_rows(struct world *world, const char *select)
{
    world->snapshot.after =
        world->snapshot.sequence > 0 ? world->snapshot.sequence : ASSAY_WAREHOUSE_BEGINNING;
    world->snapshot.sequence++;
    world->snapshot.select = select;
}

assay_status world_publish(struct world *world)
{
    assay_error_clear(&world->err);
    memset(&world->result, 0, sizeof world->result);
    return assay_warehouse_publish(&world->request, world->arena, &world->result, &world->err);
}

void world_published(struct world *world, const char *select)
{
    world_rows(world, select);
    must(world, world_publish(world));
}

/* ---- the server ---- */

static const char *spell(struct world *world, const char *sql)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    const assay_dialect *dialect = assay_dialect_of(world->connection->kind);
    assay_warehouse_target target;

    must(world, assay_warehouse_resolve(world->connection, &world->publication, world->arena,
                                        &target, &world->err));
    for (const char *c = sql; *c != '\0'; c++) {
        if (*c == '~')
            assay_dialect_table(dialect, &buf, &target, target.table);
        else if (*c == '@')
            assay_dialect_schema(dialect, &buf, &target);
        else
            assay_buf_append_char(&buf, *c);
    }
    return assay_arena_text(world->arena, assay_buf_text(&buf));
}

void world_run(struct world *world, const char *sql)
{
    must(world, assay_adbc_execute(world->eye, spell(world, sql), NULL, &world->err));
}

static assay_rows *query(struct world *world, const char *sql)
{
    assay_rows *rows = NULL;

    must(world,
         assay_adbc_query(world->eye, spell(world, sql), 0, world->arena, &rows, &world->err));
    return rows;
}

const char *world_ask(struct world *world, const char *sql)
{
    assay_rows *rows = query(world, sql);

    if (rows->count == 0)
        return "no row";
    const assay_value *cell = rows->cells[0][0];
    if (cell->kind == ASSAY_VALUE_NULL)
        return "NULL";
    if (cell->kind == ASSAY_VALUE_INT)
        return assay_arena_format(world->arena, "%lld", (long long)cell->integer);
    if (cell->kind == ASSAY_VALUE_BOOL)
        return cell->boolean ? "true" : "false";
    return cell->text != NULL ? cell->text : "?";
}

size_t world_stages(struct world *world)
{
    const char *sql =
        world->snowflake
            ? "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE STARTSWITH(TABLE_NAME, "
              "'_ASSAY_STG_')"
            : "SELECT relname::text FROM pg_class WHERE starts_with(relname::text, '_assay_stg_')";

    return query(world, sql)->count;
}
