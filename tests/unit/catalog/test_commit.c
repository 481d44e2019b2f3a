#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "text/json.h"
#include "unit/catalog/fixture.h"

static assay_status commit(table_fixture *t, const assay_table *base, const assay_change *change,
                           const assay_snapshot **ret_snapshot)
{
    return assay_iceberg_commit(base, change, &t->env, t->store, NULL, ret_snapshot, &t->err);
}

static void expect_rows(table_fixture *t, const assay_table *table, int64_t snapshot_id,
                        int64_t rows, size_t files)
{
    size_t count = 0;
    assert_int_equal(fixture_rows(t, table, snapshot_id, &count), rows);
    assert_int_equal(count, files);
}

static void a_table_that_is_not_there_has_no_snapshot(void **state)
{
    table_fixture *t = *state;
    const assay_table *table = fixture_load(t);
    assert_false(table->exists);
    expect_rows(t, table, -1, 0, 0);
}

static void appends_add_up_and_old_snapshots_stay(void **state)
{
    table_fixture *t = *state;
    const assay_table *first = fixture_append(t, "a", 10);
    assert_int_equal(first->snapshot_count, 1);
    assert_int_equal(first->current->number, 1);
    assert_int_equal(first->current->parent, -1);
    assert_string_equal(first->current->engine, "assay");
    const assay_table *second = fixture_append(t, "b", 5);
    assert_string_equal(second->snapshots[0].engine, "assay");
    assert_string_equal(second->uuid, first->uuid);
    assert_int_equal(second->snapshot_count, 2);
    assert_int_equal(second->current->number, 2);
    assert_int_equal(second->current->parent, first->current->id);
    assert_int_equal(second->current->rows, 15);
    assert_int_equal(second->current->files, 2);
    assert_int_equal(second->current->bytes, 1500);
    assert_int_equal(second->current->added_rows, 5);
    assert_string_equal(second->current->operation, "append");
    expect_rows(t, second, -1, 15, 2);
    expect_rows(t, second, first->current->id, 10, 1);
}

static void statistics_and_lineage_of_a_file_come_back(void **state)
{
    table_fixture *t = *state;
    const assay_table *table = fixture_append(t, "a", 10);
    assay_data_file *files = NULL;
    size_t count = 0;
    fixture_ok(t, assay_iceberg_plan_files(table, -1, t->store, t->arena, &files, &count, &t->err));
    assert_int_equal(count, 1);
    const assay_column_stats *stats = assay_data_file_stats(&files[0], 1);
    assert_non_null(stats);
    assert_int_equal(stats->upper.integer, 9);
    assert_int_equal(stats->null_count, 0);
    assert_true(files[0].own);
    assert_int_equal(files[0].sequence, 1);
    assert_int_equal(files[0].snapshot_id, table->current->id);
    assert_true(assay_str_starts(files[0].path, t->location));
}

static void replace_leaves_only_the_new_files(void **state)
{
    table_fixture *t = *state;
    const assay_snapshot *snapshot = NULL;
    fixture_append(t, "a", 10);
    const assay_table *base = fixture_append(t, "b", 20);
    assay_data_file file = fixture_file(t, "c", 3, NULL);
    assay_change change = fixture_change(t, ASSAY_CHANGE_REPLACE, base->schema, base->spec);
    change.added = &file;
    change.added_count = 1;
    fixture_ok(t, commit(t, base, &change, &snapshot));
    assert_string_equal(snapshot->operation, "overwrite");
    assert_int_equal(snapshot->rows, 3);
    assert_int_equal(snapshot->removed_rows, 30);
    const assay_table *now = fixture_load(t);
    expect_rows(t, now, -1, 3, 1);
    expect_rows(t, now, base->current->id, 30, 2);
    change = fixture_change(t, ASSAY_CHANGE_REPLACE, base->schema, base->spec);
    fixture_ok(t, commit(t, now, &change, &snapshot));
    assert_string_equal(snapshot->operation, "delete");
    expect_rows(t, fixture_load(t), -1, 0, 0);
}

static void overwrite_takes_the_named_files_off(void **state)
{
    table_fixture *t = *state;
    const assay_snapshot *snapshot = NULL;
    assay_data_file *files = NULL;
    size_t count = 0;
    fixture_append(t, "a", 10);
    fixture_append(t, "b", 20);
    const assay_table *base = fixture_append(t, "c", 40);
    fixture_ok(t, assay_iceberg_plan_files(base, -1, t->store, t->arena, &files, &count, &t->err));
    assay_data_file *gone = NULL;
    for (size_t i = 0; i < count; i++)
        gone = files[i].rows == 20 ? &files[i] : gone;
    assert_non_null(gone);
    assay_data_file added = fixture_file(t, "d", 1, NULL);
    assay_change change = fixture_change(t, ASSAY_CHANGE_OVERWRITE, base->schema, base->spec);
    change.added = &added;
    change.added_count = 1;
    change.removed = gone;
    change.removed_count = 1;
    fixture_ok(t, commit(t, base, &change, &snapshot));
    expect_rows(t, fixture_load(t), -1, 51, 3);
    /* The same again: the file is no longer there. */
    assay_change again = fixture_change(t, ASSAY_CHANGE_OVERWRITE, base->schema, base->spec);
    again.removed = gone;
    again.removed_count = 1;
    assert_int_equal(commit(t, fixture_load(t), &again, &snapshot), ASSAY_ECONFLICT);
    assert_int_equal(t->err.number, 4110);
}

static void rollback_is_a_new_snapshot_with_the_old_files(void **state)
{
    table_fixture *t = *state;
    const assay_snapshot *snapshot = NULL;
    fixture_append(t, "a", 10);
    const assay_table *old = fixture_append(t, "b", 20);
    assay_data_file file = fixture_file(t, "c", 3, NULL);
    assay_change change = fixture_change(t, ASSAY_CHANGE_REPLACE, old->schema, old->spec);
    change.added = &file;
    change.added_count = 1;
    fixture_ok(t, commit(t, old, &change, &snapshot));
    const assay_table *base = fixture_append(t, "d", 7);
    change = fixture_change(t, ASSAY_CHANGE_ROLLBACK, old->schema, old->spec);
    change.rollback_to = old->current->id;
    fixture_ok(t, commit(t, base, &change, &snapshot));
    const assay_table *now = fixture_load(t);
    assert_int_equal(now->snapshot_count, 5);
    assert_int_equal(now->current->rows, 30);
    expect_rows(t, now, -1, 30, 2);
    expect_rows(t, now, base->current->id, 10, 2);
    change = fixture_change(t, ASSAY_CHANGE_ROLLBACK, old->schema, old->spec);
    change.rollback_to = 12345;
    assert_int_equal(commit(t, now, &change, &snapshot), ASSAY_ENOTFOUND);
}

static void a_commit_on_an_old_base_is_a_conflict_and_leaves_nothing(void **state)
{
    table_fixture *t = *state;
    const assay_snapshot *snapshot = NULL;
    const assay_table *base = fixture_append(t, "a", 10);
    fixture_append(t, "b", 1);
    assay_data_file file = fixture_file(t, "c", 100, NULL);
    assay_change change = fixture_change(t, ASSAY_CHANGE_APPEND, base->schema, base->spec);
    change.added = &file;
    change.added_count = 1;
    assert_int_equal(commit(t, base, &change, &snapshot), ASSAY_ECONFLICT);
    assert_int_equal(t->err.number, 4401);
    expect_rows(t, fixture_load(t), -1, 11, 2);
    /* The same change on the new base: its manifest is already there. */
    fixture_ok(t, commit(t, fixture_load(t), &change, &snapshot));
    const assay_table *now = fixture_load(t);
    expect_rows(t, now, -1, 111, 3);
    assert_string_equal(now->current->commit_id, change.commit_id);
}

static void two_creations_of_one_table_are_a_conflict(void **state)
{
    table_fixture *t = *state;
    const assay_snapshot *snapshot = NULL;
    const assay_table *base = fixture_load(t);
    fixture_append(t, "a", 10);
    assay_change change =
        fixture_change(t, ASSAY_CHANGE_APPEND, fixture_schema(t, 0), fixture_spec(t, false));
    assert_int_equal(commit(t, base, &change, &snapshot), ASSAY_ECONFLICT);
}

static void many_small_manifests_are_merged(void **state)
{
    table_fixture *t = *state;
    const assay_table *table = NULL;
    for (int i = 0; i < 104; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "f%d", i);
        table = fixture_append(t, name, 1);
    }
    const assay_iceberg_metadata *metadata = assay_iceberg_table_metadata(table);
    expect_rows(t, table, -1, 104, 104);
    expect_rows(t, table, table->snapshots[49].id, 50, 50);
    assert_int_equal(table->current->rows, 104);
    /* metadata-log keeps 100 files. */
    assert_int_equal(assay_value_find(metadata->document, "metadata-log")->count, 100);
    ASSAY_AUTO(assay_buf_done) assay_buf list = ASSAY_BUF_EMPTY;
    fixture_ok(t, assay_store_get(t->store, metadata->current->manifest_list, 1 << 24, &list,
                                  &t->err));
    assert_true(list.size < 4000);
}

static void partitions_and_their_evolution_are_kept(void **state)
{
    table_fixture *t = *state;
    const assay_snapshot *snapshot = NULL;
    const assay_table *base = fixture_append(t, "a", 10);
    assay_data_file files[2] = {fixture_file(t, "b", 1, "de"), fixture_file(t, "c", 2, "fr")};
    assay_change change =
        fixture_change(t, ASSAY_CHANGE_APPEND, base->schema, fixture_spec(t, true));
    change.added = files;
    change.added_count = 2;
    fixture_ok(t, commit(t, base, &change, &snapshot));
    const assay_table *now = fixture_load(t);
    assert_int_equal(now->spec->id, 1);
    assert_int_equal(now->spec->fields[0].field_id, 1000);
    assay_data_file *planned = NULL;
    size_t count = 0;
    fixture_ok(t, assay_iceberg_plan_files(now, -1, t->store, t->arena, &planned, &count, &t->err));
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(planned[i].partition_count, 1);
        assert_int_equal(planned[i].partition[0].known, planned[i].rows != 10);
        assert_int_equal(planned[i].spec->fields[0].source_id, 2);
        if (planned[i].rows == 2)
            assert_string_equal(planned[i].partition[0].bytes, "fr");
    }
    /* Back to unpartitioned: the first spec is used again. */
    change = fixture_change(t, ASSAY_CHANGE_REPLACE, base->schema, fixture_spec(t, false));
    fixture_ok(t, commit(t, now, &change, &snapshot));
    assert_int_equal(fixture_load(t)->spec->id, 0);
}

static void schemas_are_added_and_used_again(void **state)
{
    table_fixture *t = *state;
    const assay_snapshot *snapshot = NULL;
    const assay_table *base = fixture_append(t, "a", 10);
    assay_change change = fixture_change(t, ASSAY_CHANGE_APPEND, fixture_schema(t, 2), base->spec);
    fixture_ok(t, commit(t, base, &change, &snapshot));
    const assay_table *wide = fixture_load(t);
    assert_int_equal(wide->schema->id, 1);
    assert_int_equal(wide->schema->count, 4);
    assert_int_equal(assay_iceberg_table_metadata(wide)->last_column_id, 4);
    change = fixture_change(t, ASSAY_CHANGE_APPEND, fixture_schema(t, 0), base->spec);
    fixture_ok(t, commit(t, wide, &change, &snapshot));
    const assay_table *narrow = fixture_load(t);
    assert_int_equal(narrow->schema->id, 0);
    assert_int_equal(narrow->schema->last_field_id, 4); /* ids are never used again */
    assay_schema *old = NULL;
    fixture_ok(t,
               assay_iceberg_snapshot_schema(narrow, wide->current->id, t->arena, &old, &t->err));
    assert_int_equal(old->count, 4);
}

static void small_integers_and_other_types_come_back(void **state)
{
    table_fixture *t = *state;
    const assay_snapshot *snapshot = NULL;
    assay_schema *schema = fixture_schema(t, 3);
    assay_field element = {.id = 6, .name = "element", .type = {.kind = ASSAY_TYPE_INT8}};
    schema->fields[2].type.kind = ASSAY_TYPE_INT8;
    schema->fields[3].type.kind = ASSAY_TYPE_STRING;
    schema->fields[3].original = "ENUM('a', 'b')";
    schema->fields[4].type =
        (assay_type){.kind = ASSAY_TYPE_LIST, .fields = &element, .field_count = 1};
    schema->fields[4].original = "TINYINT[3]";
    schema->last_field_id = 6;
    assay_change change = fixture_change(t, ASSAY_CHANGE_APPEND, schema, fixture_spec(t, false));
    fixture_ok(t, commit(t, fixture_load(t), &change, &snapshot));
    const assay_table *table = fixture_load(t);
    assert_int_equal(table->schema->fields[2].type.kind, ASSAY_TYPE_INT8);
    assert_string_equal(table->schema->fields[3].original, "ENUM('a', 'b')");
    assert_string_equal(assay_table_property(table, "assay.type.3"), "TINYINT");
    assert_string_equal(table->schema->fields[4].original, "TINYINT[3]");
    assert_int_equal(table->schema->fields[4].type.fields[0].id, 6);
    assert_int_equal(table->schema->fields[4].type.fields[0].type.kind, ASSAY_TYPE_INT8);
}

static void the_state_file_outlives_a_foreign_commit(void **state)
{
    table_fixture *t = *state;
    const assay_snapshot *snapshot = NULL;
    assay_change change =
        fixture_change(t, ASSAY_CHANGE_APPEND, fixture_schema(t, 0), fixture_spec(t, false));
    change.state_path = "_assay/state-1-x.json";
    change.run_id = "run";
    change.verdict = "pass";
    fixture_ok(t, commit(t, fixture_load(t), &change, &snapshot));
    assert_string_equal(snapshot->state_path, "_assay/state-1-x.json");
    assert_string_equal(snapshot->verdict, "pass");
    const assay_table *now = fixture_append(t, "foreign", 1);
    assert_null(now->current->state_path);
    assert_string_equal(assay_table_property(now, "assay.state"), "_assay/state-1-x.json");
    char id[24];
    (void)snprintf(id, sizeof id, "%lld", (long long)snapshot->id);
    assert_string_equal(assay_table_property(now, "assay.state-snapshot"), id);
}

/* Puts members that assay does not know into the newest metadata file. */
static void what_assay_does_not_know_survives_a_commit(void **state)
{
    table_fixture *t = *state;
    fixture_append(t, "a", 1);
    ASSAY_AUTO(assay_buf_done) assay_buf bytes = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf edited = ASSAY_BUF_EMPTY;
    assay_value *document = NULL;
    const assay_iceberg_identity identity = {.name = "silver.orders", .location = t->location};
    assay_iceberg_pointer pointer = {0};
    fixture_ok(t, t->catalog->load(t->catalog, &identity, t->store, t->arena, &pointer, &t->err));
    fixture_ok(t, assay_store_get(t->store, pointer.path, 1 << 20, &bytes, &t->err));
    fixture_ok(t, assay_json_parse(bytes.data, bytes.size, "x", t->arena, &document, &t->err));
    fixture_ok(t, assay_value_set(document, "from-the-future", assay_value_int(t->arena, INT64_MAX),
                                  t->arena, &t->err));
    assay_json_write(&edited, document, 2);
    fixture_ok(t, assay_store_put(t->store, pointer.path, edited.data, edited.size, &t->err));
    const assay_table *table = fixture_append(t, "b", 1);
    assert_true(assay_value_find_int(assay_iceberg_table_metadata(table)->document,
                                     "from-the-future", 0) == INT64_MAX);
}

static void expiry_drops_old_snapshots_and_only_their_files(void **state)
{
    table_fixture *t = *state;
    const assay_snapshot *snapshot = NULL;
    assay_expired gone = {0, 0};
    assay_store_info info = {0};
    const assay_table *base = fixture_append(t, "a", 10);
    assay_data_file *old = NULL;
    size_t old_count = 0;
    fixture_ok(t,
               assay_iceberg_plan_files(base, -1, t->store, t->arena, &old, &old_count, &t->err));
    assay_data_file file = fixture_file(t, "c", 3, NULL);
    assay_change change = fixture_change(t, ASSAY_CHANGE_REPLACE, base->schema, base->spec);
    change.added = &file;
    change.added_count = 1;
    fixture_ok(t, commit(t, base, &change, &snapshot));
    const assay_table *now = fixture_append(t, "d", 4);
    /* Young enough: nothing happens. */
    fixture_ok(t, assay_iceberg_expire(now, &(assay_expiry){0, 1}, &t->env, t->store, NULL, &gone,
                                       &t->err));
    assert_int_equal(gone.snapshots, 0);
    fixture_ok(t, assay_iceberg_expire(now, &(assay_expiry){INT64_MAX, 2}, &t->env, t->store, NULL,
                                       &gone, &t->err));
    assert_int_equal(gone.snapshots, 1);
    assert_int_equal(gone.files, 3); /* manifest list, manifest, data file "a" */
    const assay_table *after = fixture_load(t);
    assert_int_equal(after->snapshot_count, 2);
    expect_rows(t, after, -1, 7, 2);
    expect_rows(t, after, snapshot->id, 3, 1);
    fixture_ok(t, assay_store_head(t->store, old[0].path, &info, &t->err));
    assert_false(info.exists);
    fixture_ok(t, assay_store_head(t->store, file.path, &info, &t->err));
    assert_true(info.exists);
    /* The totals go on from what they were. */
    assert_int_equal(fixture_append(t, "e", 1)->current->rows, 8);
}

static void expiry_is_refused_where_the_table_forbids_it(void **state)
{
    table_fixture *t = *state;
    const assay_property property = {.name = "gc.enabled", .value = "false"};
    const assay_snapshot *snapshot = NULL;
    assay_expired gone = {0, 0};
    assay_change change =
        fixture_change(t, ASSAY_CHANGE_APPEND, fixture_schema(t, 0), fixture_spec(t, false));
    change.properties = &property;
    change.property_count = 1;
    fixture_ok(t, commit(t, fixture_load(t), &change, &snapshot));
    assert_int_equal(assay_iceberg_expire(fixture_load(t), &(assay_expiry){INT64_MAX, 1}, &t->env,
                                          t->store, NULL, &gone, &t->err),
                     ASSAY_EUNSUPPORTED);
    assert_int_equal(t->err.number, 4113);
}

static void time_never_runs_backwards(void **state)
{
    table_fixture *t = *state;
    const assay_table *first = fixture_append(t, "a", 1);
    t->now_us -= 3600000000;
    const assay_table *second = fixture_append(t, "b", 1);
    assert_true(second->current->timestamp_ms >= first->current->timestamp_ms);
}

static void running_out_of_memory_publishes_nothing(void **state)
{
    table_fixture *t = *state;
    const assay_snapshot *snapshot = NULL;
    fixture_append(t, "a", 10);
    assay_data_file file = fixture_file(t, "b", 1, NULL);
    for (size_t nth = 1; nth < 100000; nth += nth < 400 ? 1 : 37) {
        const assay_table *base = fixture_load(t);
        assay_change change = fixture_change(t, ASSAY_CHANGE_APPEND, base->schema, base->spec);
        change.added = &file;
        change.added_count = 1;
        assay_mem_fail_at(nth);
        assay_status status = commit(t, base, &change, &snapshot);
        assay_mem_fail_at(0);
        if (status == ASSAY_OK)
            break;
        assert_int_equal(status, ASSAY_ENOMEM);
        expect_rows(t, fixture_load(t), -1, 10, 1);
    }
    expect_rows(t, fixture_load(t), -1, 11, 2);
}

/* One load, plan and expiry in an arena of their own. */
static assay_status use_table(table_fixture *t, assay_arena *arena)
{
    const assay_iceberg_identity identity = {.name = "silver.orders", .location = t->location};
    const assay_expiry expiry = {.older_than_ms = INT64_MAX, .keep = 1};
    assay_expired expired = {0};
    assay_table *table = NULL;
    assay_data_file *files = NULL;
    size_t count = 0;
    ASSAY_TRY(assay_iceberg_load(t->catalog, &assay_iceberg_format, &identity, t->store, arena,
                                 &table, &t->err));
    ASSAY_TRY(assay_iceberg_plan_files(table, -1, t->store, arena, &files, &count, &t->err));
    return assay_iceberg_expire(table, &expiry, &t->env, t->store, NULL, &expired, &t->err);
}

static void running_out_of_memory_while_reading_is_said(void **state)
{
    table_fixture *t = *state;
    fixture_append(t, "a", 10);
    fixture_append(t, "b", 10);
    for (size_t nth = 1; nth < 100000; nth++) {
        assay_arena *arena = assay_arena_new();
        assay_mem_fail_at(nth);
        assay_status status = use_table(t, arena);
        assay_mem_fail_at(0);
        assay_arena_free(arena);
        if (status == ASSAY_OK)
            break;
        assert_int_equal(status, ASSAY_ENOMEM);
    }
    expect_rows(t, fixture_load(t), -1, 20, 2);
}

static void tables_are_listed_by_layer(void **state)
{
    table_fixture *t = *state;
    char **names = NULL;
    size_t count = 0;
    fixture_append(t, "a", 1);
    (void)snprintf(t->location, sizeof t->location, "%s/bronze/raw", t->root);
    t->name = "bronze.raw";
    fixture_append(t, "b", 1);
    fixture_ok(t, assay_path_make(assay_path_join(t->arena, t->root, "silver/empty"), &t->err));
    fixture_ok(t,
               t->catalog->list(t->catalog, t->root, t->store, t->arena, &names, &count, &t->err));
    assert_int_equal(count, 2);
    assert_string_equal(names[0], "bronze/raw");
    assert_string_equal(names[1], "silver/orders");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EVERY_CATALOG(a_table_that_is_not_there_has_no_snapshot),
        EVERY_CATALOG(appends_add_up_and_old_snapshots_stay),
        EVERY_CATALOG(statistics_and_lineage_of_a_file_come_back),
        EVERY_CATALOG(replace_leaves_only_the_new_files),
        EVERY_CATALOG(overwrite_takes_the_named_files_off),
        EVERY_CATALOG(rollback_is_a_new_snapshot_with_the_old_files),
        EVERY_CATALOG(a_commit_on_an_old_base_is_a_conflict_and_leaves_nothing),
        EVERY_CATALOG(two_creations_of_one_table_are_a_conflict),
        EVERY_CATALOG(many_small_manifests_are_merged),
        EVERY_CATALOG(partitions_and_their_evolution_are_kept),
        EVERY_CATALOG(schemas_are_added_and_used_again),
        EVERY_CATALOG(small_integers_and_other_types_come_back),
        EVERY_CATALOG(the_state_file_outlives_a_foreign_commit),
        EVERY_CATALOG(what_assay_does_not_know_survives_a_commit),
        EVERY_CATALOG(expiry_drops_old_snapshots_and_only_their_files),
        EVERY_CATALOG(expiry_is_refused_where_the_table_forbids_it),
        EVERY_CATALOG(tables_are_listed_by_layer),
        EVERY_CATALOG(time_never_runs_backwards),
        EVERY_CATALOG(running_out_of_memory_publishes_nothing),
        EVERY_CATALOG(running_out_of_memory_while_reading_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
