#include "unit/catalog/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/path.h"
#include "catalog/memory.h"
#include "catalog/sqlite.h"

static int64_t fixture_now(void *user)
{
    const table_fixture *t = user;
    return t->now_us;
}

static table_fixture *begin(void)
{
    table_fixture *made = assay_mem_new(1, sizeof *made);
    assert_non_null(made);
    (void)snprintf(made->root, sizeof made->root, "/tmp/assay-catalog-XXXXXX");
    assert_non_null(mkdtemp(made->root));
    (void)snprintf(made->location, sizeof made->location, "%s/silver/orders", made->root);
    made->name = "silver.orders";
    made->arena = assay_arena_new();
    made->now_us = 1700000000000000;
    made->clock = (assay_clock){.now_us = fixture_now, .monotonic_us = fixture_now, .user = made};
    made->random = assay_random_system();
    made->env = (assay_commit_env){.clock = &made->clock,
                                   .random = &made->random,
                                   .assay_version = "0.1.0"};
    return made;
}

int fixture_folder(void **state)
{
    table_fixture *made = begin();
    made->catalog = &assay_folder_catalog;
    *state = made;
    return assay_store_open_local(made->root, &made->store, &made->err) != ASSAY_OK;
}

int fixture_sqlite(void **state)
{
    table_fixture *made = begin();
    const assay_sqlite_catalog_options options = {.path = assay_path_join(made->arena, made->root,
                                                                          "catalog.db"),
                                                  .name = "assay",
                                                  .busy_ms = 5000};
    *state = made;
    if (assay_sqlite_catalog_new(&options, made->arena, &made->catalog, &made->err) != ASSAY_OK)
        return 1;
    return assay_store_open_local(made->root, &made->store, &made->err) != ASSAY_OK;
}

int fixture_memory(void **state)
{
    table_fixture *made = begin();
    *state = made;
    if (assay_memory_catalog_new(&made->memory, &made->err) != ASSAY_OK)
        return 1;
    made->catalog = made->memory;
    return assay_store_open_memory(&made->store, &made->err) != ASSAY_OK;
}

int fixture_done(void **state)
{
    table_fixture *made = *state;
    assay_memory_catalog_free(made->memory);
    assay_store_close(made->store);
    assay_arena_free(made->arena);
    assay_status ignored = assay_path_remove_tree(made->root, NULL);
    (void)ignored;
    assay_mem_free(made);
    return 0;
}

void fixture_ok(const table_fixture *t, assay_status status)
{
    if (status != ASSAY_OK)
        fail_msg("%s %d: %s", assay_status_name(status), t->err.number, t->err.message);
}

assay_table *fixture_load(table_fixture *t)
{
    const assay_iceberg_identity identity = {.name = t->name, .location = t->location};
    assay_table *table = NULL;
    fixture_ok(t, assay_iceberg_load(t->catalog, &assay_iceberg_format, &identity, t->store,
                                     t->arena, &table, &t->err));
    return table;
}

assay_schema *fixture_schema(table_fixture *t, size_t extra)
{
    assay_schema *schema = assay_arena_take(t->arena, 1, sizeof *schema);
    assay_field *fields = assay_arena_take(t->arena, 2 + extra, sizeof *fields);
    fields[0] = (assay_field){.id = 1, .name = "id", .type = {.kind = ASSAY_TYPE_INT64}};
    fields[1] = (assay_field){.id = 2, .name = "country", .type = {.kind = ASSAY_TYPE_STRING}};
    for (size_t i = 0; i < extra; i++)
        fields[2 + i] = (assay_field){.id = (int32_t)(3 + i),
                                      .name = assay_arena_format(t->arena, "extra_%zu", i),
                                      .type = {.kind = ASSAY_TYPE_INT32}};
    schema->fields = fields;
    schema->count = 2 + extra;
    schema->last_field_id = (int32_t)schema->count;
    return schema;
}

assay_partition_spec *fixture_spec(table_fixture *t, bool by_country)
{
    assay_partition_spec *spec = assay_arena_take(t->arena, 1, sizeof *spec);
    if (!by_country)
        return spec;
    spec->fields = assay_arena_take(t->arena, 1, sizeof *spec->fields);
    spec->fields[0] = (assay_partition_field){.source_id = 2,
                                              .field_id = 1000,
                                              .name = "country",
                                              .transform = ASSAY_TRANSFORM_IDENTITY};
    spec->count = 1;
    return spec;
}

assay_data_file fixture_file(table_fixture *t, const char *name, int64_t rows, const char *country)
{
    assay_data_file file = {.path = assay_arena_format(t->arena, "%s/data/assay/%s.parquet",
                                                       t->location, name),
                            .rows = rows,
                            .size = 100 * rows,
                            .sequence = -1,
                            .snapshot_id = -1};
    file.stats = assay_arena_take(t->arena, 1, sizeof *file.stats);
    file.stats[0] = (assay_column_stats){
        .field_id = 1,
        .column_size = 8 * rows,
        .value_count = rows,
        .null_count = 0,
        .nan_count = -1,
        .lower = {.known = true, .kind = ASSAY_TYPE_INT64, .integer = 0},
        .upper = {.known = true, .kind = ASSAY_TYPE_INT64, .integer = rows - 1}};
    file.stats_count = 1;
    if (country != NULL) {
        file.partition = assay_arena_take(t->arena, 1, sizeof *file.partition);
        file.partition[0] = (assay_datum){.known = true,
                                          .kind = ASSAY_TYPE_STRING,
                                          .bytes = country,
                                          .size = strlen(country)};
        file.partition_count = 1;
    }
    fixture_ok(t, assay_store_put(t->store, file.path, name, strlen(name), &t->err));
    return file;
}

assay_change fixture_change(table_fixture *t, assay_change_kind kind, const assay_schema *schema,
                            const assay_partition_spec *spec)
{
    char *id = assay_arena_take(t->arena, ASSAY_UUID_TEXT_SIZE, 1);
    assay_uuid_format(assay_uuid_v4(&t->random), id);
    t->now_us += 1000000;
    return (assay_change){.kind = kind, .schema = schema, .spec = spec, .commit_id = id};
}

assay_table *fixture_append(table_fixture *t, const char *name, int64_t rows)
{
    const assay_table *base = fixture_load(t);
    const assay_snapshot *snapshot = NULL;
    assay_data_file file = fixture_file(t, name, rows, NULL);
    assay_change change =
        fixture_change(t, ASSAY_CHANGE_APPEND, fixture_schema(t, 0), fixture_spec(t, false));
    change.added = &file;
    change.added_count = 1;
    fixture_ok(t, assay_iceberg_commit(base, &change, &t->env, t->store, NULL, &snapshot, &t->err));
    return fixture_load(t);
}

int64_t fixture_rows(table_fixture *t, const assay_table *table, int64_t snapshot_id,
                     size_t *ret_files)
{
    assay_data_file *files = NULL;
    size_t count = 0;
    int64_t rows = 0;
    fixture_ok(t, assay_iceberg_plan_files(table, snapshot_id, t->store, t->arena, &files, &count,
                                           &t->err));
    for (size_t i = 0; i < count; i++)
        rows += files[i].rows;
    *ret_files = count;
    return rows;
}
