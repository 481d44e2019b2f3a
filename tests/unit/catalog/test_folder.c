#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "avro/codec.h"
#include "base/path.h"
#include "catalog/formats.h"
#include "unit/catalog/fixture.h"

static const char *metadata_path(table_fixture *t, const char *name)
{
    return assay_arena_format(t->arena, "%s/metadata/%s", t->location, name);
}

static void put(table_fixture *t, const char *name, const char *text)
{
    fixture_ok(t, assay_store_put(t->store, metadata_path(t, name), text, strlen(text), &t->err));
}

static void copy(table_fixture *t, const char *from, const char *to, bool packed)
{
    ASSAY_AUTO(assay_buf_done) assay_buf bytes = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf out = ASSAY_BUF_EMPTY;
    fixture_ok(t, assay_store_get(t->store, metadata_path(t, from), 1 << 20, &bytes, &t->err));
    fixture_ok(t, assay_codec_compress(packed ? ASSAY_CODEC_GZIP : ASSAY_CODEC_NULL, bytes.data,
                                       bytes.size, &out, &t->err));
    fixture_ok(t, assay_store_put(t->store, metadata_path(t, to), out.data, out.size, &t->err));
}

static void drop(table_fixture *t, const char *name)
{
    fixture_ok(t, assay_store_remove(t->store, metadata_path(t, name), &t->err));
}

static size_t snapshots(table_fixture *t)
{
    return fixture_load(t)->snapshot_count;
}

static void the_hint_is_only_a_hint(void **state)
{
    table_fixture *t = *state;
    fixture_append(t, "a", 1);
    fixture_append(t, "b", 1);
    fixture_append(t, "c", 1);
    static const char *const HINTS[] = {"3", "1", "2\n", "-1", "garbage", ""};
    for (size_t i = 0; i < sizeof HINTS / sizeof HINTS[0]; i++) {
        put(t, "version-hint.text", HINTS[i]);
        assert_int_equal(snapshots(t), 3);
    }
    drop(t, "version-hint.text");
    assert_int_equal(snapshots(t), 3);
    fixture_append(t, "d", 1);
    assert_int_equal(snapshots(t), 4);
}

static void a_hint_whose_metadata_is_missing_is_damage(void **state)
{
    table_fixture *t = *state;
    const assay_iceberg_identity identity = {.name = "x", .location = t->location};
    assay_iceberg_pointer pointer = {0};
    fixture_append(t, "a", 1);
    fixture_append(t, "b", 1);
    for (int left = 1; left >= 0; left--) {
        drop(t, left == 1 ? "v2.metadata.json" : "v1.metadata.json");
        assert_int_equal(t->catalog->load(t->catalog, &identity, t->store, t->arena, &pointer,
                                          &t->err),
                         ASSAY_EDATA);
        assert_int_equal(t->err.number, 4402);
    }
}

static void compressed_metadata_is_read_and_written_on(void **state)
{
    table_fixture *t = *state;
    fixture_append(t, "a", 1);
    fixture_append(t, "b", 1);
    copy(t, "v2.metadata.json", "v2.gz.metadata.json", true);
    drop(t, "v2.metadata.json");
    assert_int_equal(snapshots(t), 2);
    const assay_table *stale = fixture_load(t);
    fixture_append(t, "c", 1);
    assert_int_equal(snapshots(t), 3);
    copy(t, "v3.metadata.json", "v3.metadata.json.gz", true);
    drop(t, "v3.metadata.json");
    assert_int_equal(snapshots(t), 3);
    /* The version exists under another name: a commit on the old base must lose. */
    const assay_snapshot *snapshot = NULL;
    assay_change change = fixture_change(t, ASSAY_CHANGE_APPEND, stale->schema, stale->spec);
    assert_int_equal(assay_iceberg_commit(stale, &change, &t->env, t->store, NULL, &snapshot,
                                          &t->err),
                     ASSAY_ECONFLICT);
}

static void a_table_of_another_catalog_is_read_only(void **state)
{
    table_fixture *t = *state;
    const assay_snapshot *snapshot = NULL;
    fixture_append(t, "a", 1);
    fixture_append(t, "b", 1);
    copy(t, "v1.metadata.json", "00000-6d3c.metadata.json", false);
    copy(t, "v2.metadata.json", "00001-77aa.metadata.json", false);
    drop(t, "v1.metadata.json");
    drop(t, "v2.metadata.json");
    drop(t, "version-hint.text");
    const assay_table *table = fixture_load(t);
    assert_int_equal(table->snapshot_count, 2);
    assay_change change = fixture_change(t, ASSAY_CHANGE_APPEND, table->schema, table->spec);
    assert_int_equal(assay_iceberg_commit(table, &change, &t->env, t->store, NULL, &snapshot,
                                          &t->err),
                     ASSAY_EUNSUPPORTED);
    assert_int_equal(t->err.number, 4111);
    /* Two files of one number: nobody can tell. */
    put(t, "00001-88bb.metadata.json", "{}");
    const assay_iceberg_identity identity = {.name = "x", .location = t->location};
    assay_iceberg_pointer pointer = {0};
    assert_int_equal(assay_folder_catalog.load(&assay_folder_catalog, &identity, t->store, t->arena,
                                               &pointer, &t->err),
                     ASSAY_EDATA);
    assert_int_equal(t->err.number, 4402);
}

static void a_copied_table_is_read_where_it_lies_and_not_written(void **state)
{
    table_fixture *t = *state;
    const assay_snapshot *snapshot = NULL;
    size_t files = 0;
    fixture_append(t, "a", 7);
    const char *moved = assay_arena_format(t->arena, "%s/silver/moved", t->root);
    assert_int_equal(rename(t->location, moved), 0);
    (void)snprintf(t->location, sizeof t->location, "%s", moved);
    const assay_table *table = fixture_load(t);
    assert_int_equal(fixture_rows(t, table, -1, &files), 7);
    assay_change change = fixture_change(t, ASSAY_CHANGE_APPEND, table->schema, table->spec);
    assert_int_equal(assay_iceberg_commit(table, &change, &t->env, t->store, NULL, &snapshot,
                                          &t->err),
                     ASSAY_EUNSUPPORTED);
    assert_int_equal(t->err.number, 4106);
}

static void damaged_metadata_is_never_read_as_another_version(void **state)
{
    table_fixture *t = *state;
    fixture_append(t, "a", 1);
    fixture_append(t, "b", 1);
    put(t, "v2.metadata.json", "{\"format-version\":2,");
    const assay_iceberg_identity identity = {.name = "x", .location = t->location};
    assay_table *table = NULL;
    assert_int_equal(assay_iceberg_load(t->catalog, &assay_iceberg_format, &identity, t->store,
                                        t->arena, &table, &t->err),
                     ASSAY_EDATA);
    assert_non_null(strstr(t->err.message, "v2.metadata.json"));
}

static void expiry_deletes_metadata_files_that_no_log_names(void **state)
{
    table_fixture *t = *state;
    const assay_expiry expiry = {.older_than_ms = INT64_MAX, .keep = 5};
    assay_expired expired = {0};
    assay_store_names names = {0};
    for (int i = 0; i < 110; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "f%d", i);
        fixture_append(t, name, 1);
    }
    t->now_us = 4000000000000000; /* years after the files' real time */
    fixture_ok(t, assay_iceberg_expire(fixture_load(t), &expiry, &t->env, t->store, NULL, &expired,
                                       &t->err));
    assert_int_equal(expired.snapshots, 105);
    fixture_ok(t, assay_store_list(t->store, assay_path_dir(t->arena, metadata_path(t, "x")),
                                   t->arena, &names, &t->err));
    size_t metadata = 0;
    for (size_t i = 0; i < names.count; i++)
        metadata += strstr(names.names[i], ".metadata.json") != NULL ? 1 : 0;
    assert_int_equal(metadata, 102); /* 100 in the log, the one before the expiry, the current */
    assert_int_equal(snapshots(t), 5);
    fixture_append(t, "next", 1);
    assert_int_equal(snapshots(t), 6);
    assert_int_equal(fixture_load(t)->current->rows, 111);
}

static void a_commit_that_slept_through_an_expiry_loses(void **state)
{
    table_fixture *t = *state;
    const assay_snapshot *snapshot = NULL;
    const assay_table *slept = fixture_append(t, "a", 1);
    for (int i = 0; i < 60; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "f%d", i);
        fixture_append(t, name, 1);
    }
    drop(t, "v2.metadata.json");
    assay_change change = fixture_change(t, ASSAY_CHANGE_APPEND, slept->schema, slept->spec);
    assert_int_equal(assay_iceberg_commit(slept, &change, &t->env, t->store, NULL, &snapshot,
                                          &t->err),
                     ASSAY_ECONFLICT);
}

static void formats_are_found_by_name_and_by_folder(void **state)
{
    table_fixture *t = *state;
    const assay_table_format *format = NULL;
    size_t count = 0;
    assert_string_equal(assay_format_find("iceberg")->name, "iceberg");
    assert_string_equal(assay_format_find("delta")->name, "delta");
    assert_string_equal(assay_format_find("parquet")->name, "parquet");
    assert_null(assay_format_find("hudi"));
    assert_string_equal(assay_format_names(&count)[0], "iceberg");
    assert_int_equal(count, 3);
    fixture_ok(t, assay_format_detect(t->location, t->store, &format, &t->err));
    assert_null(format);
    fixture_append(t, "a", 1);
    fixture_ok(t, assay_format_detect(t->location, t->store, &format, &t->err));
    assert_ptr_equal(format, assay_format_find("iceberg"));
    const char *log =
        assay_arena_format(t->arena, "%s/_delta_log/00000000000000000000.json", t->location);
    fixture_ok(t, assay_store_put(t->store, log, "{}", 2, &t->err));
    assert_int_equal(assay_format_detect(t->location, t->store, &format, &t->err), ASSAY_EDATA);
    assert_int_equal(t->err.number, 4403);
    const char *plain = assay_arena_format(t->arena, "%s/silver/plain/p.parquet", t->root);
    fixture_ok(t, assay_store_put(t->store, plain, "PAR1", 4, &t->err));
    fixture_ok(t, assay_format_detect(assay_path_dir(t->arena, plain), t->store, &format, &t->err));
    assert_ptr_equal(format, assay_format_find("parquet"));
}

#define FOLDER(test) cmocka_unit_test_setup_teardown(test, fixture_folder, fixture_done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER(the_hint_is_only_a_hint),
        FOLDER(a_hint_whose_metadata_is_missing_is_damage),
        FOLDER(compressed_metadata_is_read_and_written_on),
        FOLDER(a_table_of_another_catalog_is_read_only),
        FOLDER(a_copied_table_is_read_where_it_lies_and_not_written),
        FOLDER(damaged_metadata_is_never_read_as_another_version),
        FOLDER(expiry_deletes_metadata_files_that_no_log_names),
        FOLDER(a_commit_that_slept_through_an_expiry_loses),
        FOLDER(formats_are_found_by_name_and_by_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
