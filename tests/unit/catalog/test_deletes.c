/* Row-level deletes, which other engines write: made here by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/path.h"
#include "engine/engine.h"
#include "iceberg/build.h"
#include "iceberg/document.h"
#include "text/json.h"
#include "unit/catalog/fixture.h"

static void run_sql(table_fixture *t, const char *sql)
{
    assay_engine *engine = NULL;
    assay_conn *conn = NULL;
    fixture_ok(t, assay_engine_open(&(assay_engine_options){.threads = 1}, &engine, &t->err));
    fixture_ok(t, assay_conn_open(engine, &conn, &t->err));
    fixture_ok(t, assay_conn_execute(conn, sql, NULL, &t->err));
    assay_conn_close(conn);
    assay_engine_close(engine);
}

/* Writes the query's rows with the given field ids. */
static const char *write_parquet(table_fixture *t, const char *name, const char *query,
                                 const char *ids)
{
    char *path = assay_arena_format(t->arena, "%s/data/%s.parquet", t->location, name);
    fixture_ok(t, assay_path_make(assay_path_dir(t->arena, path), &t->err));
    run_sql(t, assay_arena_format(t->arena, "COPY (%s) TO '%s' (FORMAT parquet, FIELD_IDS %s)",
                                  query, path, ids));
    return path;
}

/* Appends rows of the columns id and country as one data file. */
static assay_table *append(table_fixture *t, const char *name, const char *query, int64_t rows)
{
    const assay_snapshot *snapshot = NULL;
    assay_data_file file = {.path = write_parquet(t, name, query, "{id: 1, country: 2}"),
                            .rows = rows,
                            .size = 1,
                            .sequence = -1,
                            .snapshot_id = -1};
    assay_change change =
        fixture_change(t, ASSAY_CHANGE_APPEND, fixture_schema(t, 0), fixture_spec(t, false));
    change.added = &file;
    change.added_count = 1;
    fixture_ok(t, assay_iceberg_commit(fixture_load(t), &change, &t->env, t->store, NULL, &snapshot,
                                       &t->err));
    return fixture_load(t);
}

/* Commits a snapshot that adds one delete file, as another engine would. */
static void add_deletes(table_fixture *t, assay_iceberg_entry entry)
{
    assay_table *table = fixture_load(t);
    const assay_iceberg_table *data = table->format_data;
    const assay_change change = {.schema = table->schema, .spec = table->spec};
    assay_value *document = assay_value_copy(t->arena, data->metadata->document);
    assay_iceberg_manifest *kept = NULL;
    size_t count = 0;
    ASSAY_AUTO(assay_iceberg_build_done)
    assay_iceberg_build build = {.location = data->location,
                                 .metadata = data->metadata,
                                 .parent = data->metadata->current,
                                 .change = &change,
                                 .env = &t->env,
                                 .store = t->store,
                                 .arena = t->arena,
                                 .snapshot_id = data->metadata->last_sequence + 1000,
                                 .sequence = data->metadata->last_sequence + 1,
                                 .attempt_uuid = assay_uuid_v4(&t->random)};
    fixture_ok(t, assay_iceberg_build_init(&build, &t->err));
    fixture_ok(t, assay_iceberg_manifests_of(&data->location, data->metadata->current, t->store,
                                             t->arena, &kept, &count, &t->err));
    for (size_t i = 0; i < count; i++)
        fixture_ok(t, assay_vec_push(&build.list, &kept[i], &t->err));
    entry.status = ASSAY_ICEBERG_ADDED;
    entry.snapshot_id = build.snapshot_id;
    entry.sequence = -1;
    entry.file_sequence = -1;
    entry.sort_order_id = -1;
    fixture_ok(t, assay_iceberg_build_add(&build, data->metadata->spec, 1, &entry, 1, &t->err));
    assay_iceberg_new_snapshot snapshot = {.id = build.snapshot_id,
                                           .parent = build.parent->id,
                                           .sequence = build.sequence,
                                           .timestamp_ms = build.parent->timestamp_ms + 1,
                                           .summary = assay_value_map(t->arena)};
    fixture_ok(t, assay_value_set(snapshot.summary, "operation",
                                  assay_value_text(t->arena, "delete"), t->arena, &t->err));
    fixture_ok(t, assay_iceberg_build_list(&build, &snapshot.manifest_list, &t->err));
    fixture_ok(t, assay_iceberg_document_add_snapshot(document, &snapshot, t->arena, &t->err));
    ASSAY_AUTO(assay_buf_done) assay_buf bytes = ASSAY_BUF_EMPTY;
    assay_json_write(&bytes, document, 0);
    fixture_ok(t, t->catalog->commit(t->catalog, &data->identity, &data->pointer, &bytes, t->store,
                                     &t->random, &t->err));
}

static void delete_positions(table_fixture *t, const char *data_path, const char *positions)
{
    const char *query =
        assay_arena_format(t->arena, "SELECT '%s' AS file_path, unnest([%s])::BIGINT AS pos",
                           data_path, positions);
    add_deletes(t,
                (assay_iceberg_entry){.content = ASSAY_ICEBERG_POSITION_DELETES,
                                      .path =
                                          write_parquet(t, "positions", query,
                                                        "{file_path: 2147483546, pos: 2147483545}"),
                                      .file_format = "PARQUET",
                                      .rows = 1,
                                      .size = 1});
}

static void delete_equal(table_fixture *t, const char *name, const char *query, int32_t field_id,
                         const char *ids)
{
    int32_t equality_ids[] = {field_id};
    add_deletes(t, (assay_iceberg_entry){.content = ASSAY_ICEBERG_EQUALITY_DELETES,
                                         .path = write_parquet(t, name, query, ids),
                                         .file_format = "PARQUET",
                                         .rows = 1,
                                         .size = 1,
                                         .equality_ids = equality_ids,
                                         .equality_count = 1});
}

static const assay_data_file *plan(table_fixture *t, size_t *ret_count)
{
    assay_data_file *files = NULL;
    fixture_ok(t, assay_iceberg_plan_files(fixture_load(t), -1, t->store, t->arena, &files,
                                           ret_count, &t->err));
    return files;
}

static void positions_are_deleted_once_and_only_in_their_file(void **state)
{
    table_fixture *t = *state;
    size_t count = 0;
    append(t, "a", "SELECT range AS id, 'x' AS country FROM range(10)", 10);
    append(t, "b", "SELECT range AS id, 'x' AS country FROM range(10)", 10);
    delete_positions(t, assay_arena_format(t->arena, "%s/data/a.parquet", t->location),
                     "7, 2, 7, 100");
    append(t, "c", "SELECT range AS id, 'x' AS country FROM range(10)", 10);
    const assay_data_file *files = plan(t, &count);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        if (strstr(files[i].path, "/a.parquet") == NULL) {
            assert_int_equal(files[i].deleted_count, 0);
            continue;
        }
        assert_int_equal(files[i].deleted_count, 2);
        assert_int_equal(files[i].deleted_rows[0], 2);
        assert_int_equal(files[i].deleted_rows[1], 7);
        assert_int_equal(files[i].rows, 8);
        assert_false(files[i].own);
    }
}

static void equal_rows_of_older_files_are_deleted(void **state)
{
    table_fixture *t = *state;
    static const char QUERY[] =
        "SELECT range AS id, CASE WHEN range < 3 THEN NULL ELSE 'x' || range END AS country "
        "FROM range(10)";
    size_t files = 0;
    append(t, "a", QUERY, 10);
    delete_equal(t, "by_country", "SELECT unnest([NULL, 'x5', 'none']) AS country", 2,
                 "{country: 2}");
    append(t, "b", QUERY, 10);
    assert_int_equal(fixture_rows(t, fixture_load(t), -1, &files), 16); /* NULL equals NULL */
    delete_equal(t, "by_id", "SELECT 9::BIGINT AS id", 1, "{id: 1}");
    assert_int_equal(fixture_rows(t, fixture_load(t), -1, &files), 14);
}

static void replacing_everything_takes_the_deletes_off_too(void **state)
{
    table_fixture *t = *state;
    const assay_snapshot *snapshot = NULL;
    size_t files = 0;
    append(t, "a", "SELECT range AS id, 'x' AS country FROM range(10)", 10);
    delete_positions(t, assay_arena_format(t->arena, "%s/data/a.parquet", t->location), "0");
    const assay_table *base = fixture_load(t);
    assay_data_file file = fixture_file(t, "new", 4, NULL);
    assay_change change = fixture_change(t, ASSAY_CHANGE_REPLACE, base->schema, base->spec);
    change.added = &file;
    change.added_count = 1;
    fixture_ok(t, assay_iceberg_commit(base, &change, &t->env, t->store, NULL, &snapshot, &t->err));
    const assay_table *now = fixture_load(t);
    assert_int_equal(fixture_rows(t, now, -1, &files), 4);
    const assay_iceberg_metadata *metadata = assay_iceberg_table_metadata(now);
    assert_int_equal(assay_iceberg_snapshot_total(metadata->current, "removed-delete-files"), 1);
    assert_int_equal(assay_iceberg_snapshot_total(metadata->current, "total-delete-files"), 0);
    /* A rollback over deletes is not built. */
    change = fixture_change(t, ASSAY_CHANGE_ROLLBACK, base->schema, base->spec);
    change.rollback_to = base->current->id;
    assert_int_equal(assay_iceberg_commit(now, &change, &t->env, t->store, NULL, &snapshot,
                                          &t->err),
                     ASSAY_EUNSUPPORTED);
    assert_int_equal(t->err.number, 4108);
}

static void deletion_vectors_are_refused_by_name(void **state)
{
    table_fixture *t = *state;
    assay_data_file *files = NULL;
    size_t count = 0;
    append(t, "a", "SELECT range AS id, 'x' AS country FROM range(10)", 10);
    add_deletes(t, (assay_iceberg_entry){.content = ASSAY_ICEBERG_POSITION_DELETES,
                                         .path = assay_arena_format(t->arena, "%s/data/v.puffin",
                                                                    t->location),
                                         .file_format = "PUFFIN",
                                         .rows = 1,
                                         .size = 1});
    assert_int_equal(assay_iceberg_plan_files(fixture_load(t), -1, t->store, t->arena, &files,
                                              &count, &t->err),
                     ASSAY_EUNSUPPORTED);
    assert_int_equal(t->err.number, 4108);
    assert_non_null(strstr(t->err.message, "deletion vectors"));
}

#define FOLDER(test) cmocka_unit_test_setup_teardown(test, fixture_folder, fixture_done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER(positions_are_deleted_once_and_only_in_their_file),
        FOLDER(equal_rows_of_older_files_are_deleted),
        FOLDER(replacing_everything_takes_the_deletes_off_too),
        FOLDER(deletion_vectors_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
