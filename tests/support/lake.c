#include "support/lake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "table/scan.h"

static int64_t now_us(void *user)
{
    return ((test_lake *)user)->now_us;
}

int lake_setup(void **state)
{
    test_lake *lake = assay_mem_new(1, sizeof(*lake));
    void *folder = NULL;
    assay_engine_options options = {.memory_limit = 1 << 30, .threads = 2};
    assay_error err = {0};

    if (lake == NULL || test_folder_setup(&folder) != 0)
        return -1;
    lake->folder = folder;
    lake->arena = assay_arena_new();
    lake->now_us = 1764040000LL * 1000000;
    lake->clock = (assay_clock){now_us, now_us, lake};
    lake->random = assay_random_system();
    if (assay_engine_open(&options, &lake->engine, &err) != ASSAY_OK ||
        assay_conn_open(lake->engine, &lake->conn, &err) != ASSAY_OK ||
        assay_store_open_local(lake->folder->path, &lake->store, &err) != ASSAY_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
        return -1;
    }
    *state = lake;
    return 0;
}

int lake_teardown(void **state)
{
    test_lake *lake = *state;
    void *folder = lake->folder;

    assay_conn_close(lake->conn);
    assay_engine_close(lake->engine);
    assay_store_close(lake->store);
    assay_arena_free(lake->arena);
    assay_mem_free(lake);
    return test_folder_teardown(&folder);
}

char *lake_path(test_lake *lake, const char *name)
{
    char *path = assay_arena_format(lake->arena, "%s/%s", lake->folder->path, name);

    assert_non_null(path);
    return path;
}

static void must(assay_status status, const assay_error *err)
{
    if (status != ASSAY_OK)
        fail_msg("%s: E%d %s", assay_status_name(status), err->number, err->message);
}

assay_table *lake_load(test_lake *lake, const assay_table_format *format, const char *name)
{
    assay_table *table = NULL;
    assay_error err = {0};

    must(format->load(name, lake_path(lake, name), lake->store, lake->conn, lake->arena, &table,
                      &err),
         &err);
    return table;
}

/* Schema and spec after the write. */
static assay_status shape(test_lake *lake, const assay_table *base, const lake_write *write,
                          assay_change *change, assay_error *err)
{
    assay_schema_policy policy =
        write->kind == ASSAY_CHANGE_REPLACE ? ASSAY_SCHEMA_REPLACE : ASSAY_SCHEMA_EVOLVE;
    assay_schema *schema = base->schema;
    assay_partition_spec *spec = base->spec;
    assay_column *columns = NULL;
    size_t count = 0;
    bool changed = false;

    if (write->kind == ASSAY_CHANGE_ROLLBACK)
        ASSAY_TRY(
            base->format->snapshot_schema(base, write->rollback_to, lake->arena, &schema, err));
    if (write->select != NULL) {
        ASSAY_TRY(
            assay_conn_describe(lake->conn, write->select, lake->arena, &columns, &count, err));
        ASSAY_TRY(assay_schema_from_columns(columns, count, lake->arena, &schema, err));
        if (base->exists)
            ASSAY_TRY(assay_schema_merge(base->schema, schema, policy, lake->arena, &schema,
                                         &changed, err));
    }
    if (write->partition_by != NULL || !base->exists)
        ASSAY_TRY(assay_partition_parse(write->partition_by, write->partition_count, schema,
                                        lake->arena, &spec, err));
    change->schema = schema;
    change->spec = spec;
    return ASSAY_OK;
}

/* As src/table does it: before the commit, through the table's location. */
static assay_status write_state(test_lake *lake, const assay_table *base, assay_change *change,
                                assay_error *err)
{
    long long number = base->exists ? (long long)base->current->number + 1 : 1;
    char *path = NULL;

    change->state_path =
        assay_arena_format(lake->arena, "_assay/state-%lld-%s.json", number, change->commit_id);
    path = assay_arena_format(lake->arena, "%s/%s", base->location, change->state_path);
    return assay_store_put(lake->store, path, "{}\n", 3, err);
}

assay_status lake_commit(test_lake *lake, const assay_table *base, const lake_write *write,
                         assay_error *err)
{
    char id[ASSAY_UUID_TEXT_SIZE];
    assay_change change = {.kind = write->kind,
                           .removed = write->removed,
                           .removed_count = write->removed_count,
                           .rollback_to = write->rollback_to,
                           .run_id = "01890000-0000-7000-8000-000000000001",
                           .verdict = "pass",
                           .properties = write->properties,
                           .property_count = write->property_count};
    assay_commit_env env = {.clock = &lake->clock, .random = &lake->random, .assay_version = "0.1"};
    assay_stage_result staged = {.count = 0};
    const assay_snapshot *snapshot = NULL;

    assay_uuid_format(assay_uuid_v4(&lake->random), id);
    change.commit_id = assay_arena_text(lake->arena, id);
    ASSAY_TRY(shape(lake, base, write, &change, err));
    if (write->select != NULL) {
        assay_stage_request request = {.table = base,
                                       .schema = change.schema,
                                       .spec = change.spec,
                                       .select = write->select,
                                       .stage_id = change.commit_id};
        ASSAY_TRY(assay_stage_write(lake->conn, &request, lake->arena, &staged, err));
    }
    ASSAY_TRY(write_state(lake, base, &change, err));
    change.added = staged.files;
    change.added_count = staged.count;
    lake->now_us += 1000000;
    return base->format->commit(base, &change, &env, lake->store, lake->conn, &snapshot, err);
}

void lake_put(test_lake *lake, const assay_table_format *format, const char *name,
              assay_change_kind kind, const char *select)
{
    lake_write write = {.kind = kind, .select = select};
    assay_error err = {0};

    must(lake_commit(lake, lake_load(lake, format, name), &write, &err), &err);
}

const char *lake_scan(test_lake *lake, const assay_table *table, int64_t snapshot_id)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_scan_options options = {.conn = lake->conn};
    assay_data_file *files = NULL;
    assay_schema *schema = NULL;
    size_t count = 0;
    assay_error err = {0};

    must(table->format->snapshot_schema(table, snapshot_id, lake->arena, &schema, &err), &err);
    must(table->format->plan_files(table, snapshot_id, lake->store, lake->arena, &files, &count,
                                   &err),
         &err);
    must(assay_scan_append_sql(&sql, table, schema, files, count, &options, &err), &err);
    return assay_arena_text(lake->arena, assay_buf_text(&sql));
}

const char *lake_cell(test_lake *lake, const char *sql)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    const char *cell = NULL;
    assay_error err = {0};

    assay_buf_append_format(&text, "SELECT CAST((%s) AS VARCHAR)", sql);
    must(assay_conn_query_text(lake->conn, assay_buf_text(&text), lake->arena, &cell, &err), &err);
    return cell == NULL ? "NULL" : cell;
}

const char *lake_ask(test_lake *lake, const assay_table_format *format, const char *name,
                     int64_t snapshot_id, const char *query)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    const char *scan = lake_scan(lake, lake_load(lake, format, name), snapshot_id);
    const char *at = strstr(query, "%s");

    assert_non_null(at);
    assay_buf_append(&text, query, (size_t)(at - query));
    assay_buf_append_format(&text, "(%s)", scan);
    assay_buf_append_text(&text, at + 2);
    return lake_cell(lake, assay_buf_text(&text));
}
