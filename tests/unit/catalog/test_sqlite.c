/* What only the SQLite catalog has: a database that other programs write too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/path.h"
#include "base/str.h"
#include "catalog/sqlite.h"
#include "db/db.h"
#include "text/value.h"
#include "unit/catalog/fixture.h"

static const char *database(table_fixture *t)
{
    return assay_path_join(t->arena, t->root, "catalog.db");
}

/* Another program at the database. */
static assay_db *open_other(table_fixture *t)
{
    assay_db *db = NULL;
    fixture_ok(t, assay_db_open_shared(database(t), 5000, true, &db, &t->err));
    return db;
}

static void execute(table_fixture *t, const char *sql)
{
    ASSAY_AUTO(assay_db_closep) assay_db *db = open_other(t);
    fixture_ok(t, assay_db_execute(db, sql, &t->err));
}

/* The first column of the only row. */
static const char *ask(table_fixture *t, const char *sql)
{
    ASSAY_AUTO(assay_db_closep) assay_db *db = open_other(t);
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;
    bool row = false;
    fixture_ok(t, assay_db_prepare(db, sql, &statement, &t->err));
    fixture_ok(t, assay_db_step(statement, &row, &t->err));
    if (!row || assay_db_column_text(statement, 0) == NULL)
        return "";
    return assay_arena_text(t->arena, assay_db_column_text(statement, 0));
}

static assay_status load_pointer(table_fixture *t, assay_iceberg_pointer *ret_pointer)
{
    const assay_iceberg_identity identity = {.name = t->name, .location = t->location};
    return t->catalog->load(t->catalog, &identity, t->store, t->arena, ret_pointer, &t->err);
}

/* An append of one file on `base`. */
static assay_status append_on(table_fixture *t, const assay_table *base, const char *name)
{
    const assay_snapshot *snapshot = NULL;
    assay_data_file file = fixture_file(t, name, 1, NULL);
    assay_change change =
        fixture_change(t, ASSAY_CHANGE_APPEND, fixture_schema(t, 0), fixture_spec(t, false));
    change.added = &file;
    change.added_count = 1;
    return assay_iceberg_commit(base, &change, &t->env, t->store, NULL, &snapshot, &t->err);
}

static size_t count_metadata(table_fixture *t)
{
    assay_store_names names = {0};
    size_t count = 0;
    fixture_ok(t, assay_store_list(t->store, assay_path_join(t->arena, t->location, "metadata"),
                                   t->arena, &names, &t->err));
    for (size_t i = 0; i < names.count; i++)
        count += assay_str_ends(names.names[i], ".metadata.json") ? 1 : 0;
    return count;
}

static void looking_for_a_table_makes_no_database(void **state)
{
    table_fixture *t = *state;
    char **names = NULL;
    size_t count = 9;
    assert_false(fixture_load(t)->exists);
    fixture_ok(t,
               t->catalog->list(t->catalog, t->root, t->store, t->arena, &names, &count, &t->err));
    assert_int_equal(count, 0);
    assert_int_equal(access(database(t), F_OK), -1);
    /* A database of others without the catalog's tables has no table of ours. */
    execute(t, "CREATE TABLE something (a)");
    assert_false(fixture_load(t)->exists);
    fixture_ok(t,
               t->catalog->list(t->catalog, t->root, t->store, t->arena, &names, &count, &t->err));
    assert_int_equal(count, 0);
}

static void rows_are_those_of_the_jdbc_catalog(void **state)
{
    table_fixture *t = *state;
    fixture_append(t, "a", 1);
    const char *first = ask(t, "SELECT metadata_location FROM iceberg_tables");
    assert_true(
        assay_str_starts(first, assay_arena_format(t->arena, "%s/metadata/00000-", t->location)));
    assert_string_equal(ask(t, "SELECT previous_metadata_location FROM iceberg_tables"), "");
    fixture_append(t, "b", 1);
    const char *key =
        "SELECT catalog_name || '|' || table_namespace || '|' || table_name || '|' || "
        "iceberg_type FROM iceberg_tables";
    assert_string_equal(ask(t, key), "assay|silver|orders|TABLE");
    assert_string_equal(ask(t, "SELECT previous_metadata_location FROM iceberg_tables"), first);
    assert_true(assay_str_contains(ask(t, "SELECT metadata_location FROM iceberg_tables"),
                                   "/metadata/00001-"));
    assert_string_equal(
        ask(t, "SELECT catalog_name || '|' || namespace || '|' || property_key || '|' || "
               "property_value FROM iceberg_namespace_properties"),
        "assay|silver|exists|true");
    assert_string_equal(ask(t, "SELECT count(*) FROM iceberg_tables"), "1");
    assert_int_equal(access(assay_path_join(t->arena, t->location, "metadata/version-hint.text"),
                            F_OK),
                     -1);
    const assay_value *log =
        assay_value_find(assay_iceberg_table_metadata(fixture_load(t))->document, "metadata-log");
    assert_int_equal(log->count, 1);
    assert_string_equal(assay_value_find_text(log->items[0], "metadata-file", ""), first);
}

static void version_0_of_the_schema_is_used_as_it_is(void **state)
{
    table_fixture *t = *state;
    char **names = NULL;
    size_t count = 0;
    execute(t, "CREATE TABLE iceberg_tables (catalog_name VARCHAR(255) NOT NULL, table_namespace "
               "VARCHAR(255) NOT NULL, table_name VARCHAR(255) NOT NULL, metadata_location "
               "VARCHAR(1000), previous_metadata_location VARCHAR(1000), "
               "PRIMARY KEY (catalog_name, table_namespace, table_name))");
    fixture_append(t, "a", 1);
    assert_int_equal(fixture_append(t, "b", 2)->current->rows, 3);
    assert_string_equal(ask(t, "SELECT count(*) FROM pragma_table_info('iceberg_tables')"), "5");
    fixture_ok(t,
               t->catalog->list(t->catalog, t->root, t->store, t->arena, &names, &count, &t->err));
    assert_int_equal(count, 1);
    assert_string_equal(names[0], "silver/orders");
}

static void a_view_of_the_name_is_no_table_and_is_not_replaced(void **state)
{
    table_fixture *t = *state;
    assay_iceberg_pointer pointer = {0};
    char **names = NULL;
    size_t count = 0;
    const assay_table *nothing = fixture_load(t);
    fixture_append(t, "a", 1);
    execute(t, "UPDATE iceberg_tables SET iceberg_type = 'VIEW'");
    assert_int_equal(load_pointer(t, &pointer), ASSAY_EUNSUPPORTED);
    assert_int_equal(t->err.number, 4408);
    assert_int_equal(append_on(t, nothing, "b"), ASSAY_ECONFLICT);
    fixture_ok(t,
               t->catalog->list(t->catalog, t->root, t->store, t->arena, &names, &count, &t->err));
    assert_int_equal(count, 0);
    /* No type at all is a table: older clients write none. */
    execute(t, "UPDATE iceberg_tables SET iceberg_type = NULL");
    assert_int_equal(fixture_append(t, "c", 1)->current->rows, 2);
}

static void other_catalogs_and_deeper_namespaces_are_not_seen(void **state)
{
    table_fixture *t = *state;
    char **names = NULL;
    size_t count = 0;
    fixture_append(t, "a", 1);
    execute(t, "INSERT INTO iceberg_tables SELECT 'other', 'silver', 'theirs', metadata_location, "
               "NULL, 'TABLE' FROM iceberg_tables");
    execute(t, "INSERT INTO iceberg_tables SELECT 'assay', 'a.b', 'deep', metadata_location, NULL, "
               "'TABLE' FROM iceberg_tables WHERE catalog_name = 'assay'");
    fixture_ok(t,
               t->catalog->list(t->catalog, t->root, t->store, t->arena, &names, &count, &t->err));
    assert_int_equal(count, 1);
    t->name = "silver.theirs";
    assert_false(fixture_load(t)->exists);
}

static void a_dropped_table_is_gone_and_can_be_made_again(void **state)
{
    table_fixture *t = *state;
    const assay_table *before = fixture_append(t, "a", 5);
    execute(t, "DELETE FROM iceberg_tables");
    assert_false(fixture_load(t)->exists);
    assert_int_equal(append_on(t, before, "late"), ASSAY_ECONFLICT);
    assert_int_equal(t->err.number, 4401);
    const assay_table *again = fixture_append(t, "b", 2);
    assert_int_equal(again->current->rows, 2);
    assert_string_not_equal(again->uuid, before->uuid);
}

static void a_renamed_table_is_found_under_its_new_name_alone(void **state)
{
    table_fixture *t = *state;
    const assay_table *before = fixture_append(t, "a", 5);
    execute(t, "UPDATE iceberg_tables SET table_namespace = 'gold', table_name = 'sold'");
    assert_false(fixture_load(t)->exists);
    assert_int_equal(append_on(t, before, "late"), ASSAY_ECONFLICT);
    const char *old = assay_arena_text(t->arena, t->location);
    t->name = "gold.sold";
    (void)snprintf(t->location, sizeof t->location, "%s/gold/sold", t->root);
    const assay_table *now = fixture_load(t);
    assert_string_equal(now->uuid, before->uuid);
    assert_string_equal(now->location, old);
    fixture_ok(t, append_on(t, now, "b"));
    assert_int_equal(fixture_load(t)->current->rows, 6);
    assert_string_equal(fixture_load(t)->location, old);
}

static void a_table_registered_elsewhere_is_written_where_it_lies(void **state)
{
    table_fixture *t = *state;
    fixture_append(t, "a", 5);
    const char *lies = assay_arena_text(t->arena, t->location);
    /* As PyIceberg writes it. */
    execute(t, "UPDATE iceberg_tables SET table_name = 'elsewhere', metadata_location = 'file://' "
               "|| metadata_location");
    t->name = "silver.elsewhere";
    (void)snprintf(t->location, sizeof t->location, "%s/silver/elsewhere", t->root);
    const assay_table *table = fixture_load(t);
    assert_true(table->exists);
    assert_string_equal(table->location, lies);
    fixture_ok(t, append_on(t, table, "b"));
    assert_int_equal(fixture_load(t)->current->rows, 6);
    assert_true(assay_str_starts(ask(t, "SELECT metadata_location FROM iceberg_tables"),
                                 assay_arena_format(t->arena, "file://%s/metadata/00001-", lies)));
    execute(t, "UPDATE iceberg_tables SET metadata_location = 's3://b/t/metadata/00001-x.metadata."
               "json'");
    assay_iceberg_pointer far = {0};
    assert_int_equal(load_pointer(t, &far), ASSAY_EUNSUPPORTED);
    assert_int_equal(t->err.number, 4104);
}

static void a_table_of_the_folder_catalog_that_was_registered_goes_on_by_numbers(void **state)
{
    table_fixture *t = *state;
    const assay_iceberg_catalog *sqlite = t->catalog;
    fixture_append(t, "made", 1); /* makes the tables of the database */
    execute(t, "DELETE FROM iceberg_tables");
    t->name = "gold.moved";
    (void)snprintf(t->location, sizeof t->location, "%s/gold/moved", t->root);
    t->catalog = &assay_folder_catalog;
    fixture_append(t, "a", 5);
    fixture_append(t, "b", 1);
    t->catalog = sqlite;
    execute(t, assay_arena_format(t->arena,
                                  "INSERT INTO iceberg_tables VALUES ('assay', 'gold', 'moved', "
                                  "'%s/metadata/v2.metadata.json', NULL, 'TABLE')",
                                  t->location));
    assert_int_equal(fixture_append(t, "c", 1)->current->rows, 7);
    assert_true(assay_str_contains(ask(t, "SELECT metadata_location FROM iceberg_tables"),
                                   "/metadata/00003-"));
    /* The folder catalog sees that, and does not go on from version 2. */
    t->catalog = &assay_folder_catalog;
    const assay_table *table = fixture_load(t);
    assert_int_equal(table->current->rows, 7);
    assert_int_equal(append_on(t, table, "d"), ASSAY_EUNSUPPORTED);
    assert_int_equal(t->err.number, 4111);
}

static void a_database_that_stays_locked_is_busy_and_nothing_is_left(void **state)
{
    table_fixture *t = *state;
    const assay_table *base = NULL;
    const assay_sqlite_catalog_options options = {.path = database(t),
                                                  .name = "assay",
                                                  .busy_ms = 30};
    assay_iceberg_pointer pointer = {0};
    fixture_append(t, "a", 1);
    fixture_ok(t, assay_sqlite_catalog_new(&options, t->arena, &t->catalog, &t->err));
    base = fixture_load(t);
    ASSAY_AUTO(assay_db_closep) assay_db *holder = open_other(t);
    /* A writer elsewhere: reading works, a commit does not. */
    fixture_ok(t, assay_db_begin(holder, &t->err));
    fixture_ok(t, load_pointer(t, &pointer));
    assert_int_equal(append_on(t, base, "b"), ASSAY_ELOCKED);
    assert_int_equal(t->err.number, 4405);
    assert_true(t->err.retryable);
    assay_db_abort(holder);
    /* A reader that does not end: the commit fails at its last step. */
    fixture_ok(t, assay_db_execute(holder, "BEGIN; SELECT count(*) FROM iceberg_tables", &t->err));
    assert_int_equal(append_on(t, base, "b"), ASSAY_ELOCKED);
    assert_int_equal(t->err.number, 4405);
    assay_db_abort(holder);
    fixture_ok(t, assay_db_execute(holder, "BEGIN EXCLUSIVE", &t->err));
    assert_int_equal(load_pointer(t, &pointer), ASSAY_ELOCKED);
    assert_int_equal(t->err.number, 4405);
    assay_db_abort(holder);
    assert_int_equal(count_metadata(t), 1);
    fixture_ok(t, append_on(t, base, "b"));
    assert_int_equal(fixture_load(t)->current->rows, 2);
}

static void a_file_that_is_no_database_is_not_taken_for_an_empty_catalog(void **state)
{
    table_fixture *t = *state;
    assay_iceberg_pointer pointer = {0};
    const char *text = "this is a text and no database, however long it may be";
    const assay_table *nothing = fixture_load(t);
    fixture_ok(t, assay_store_put(t->store, database(t), text, strlen(text), &t->err));
    assert_int_equal(load_pointer(t, &pointer), ASSAY_EDATA);
    assert_int_equal(t->err.number, 4406);
    assert_int_equal(append_on(t, nothing, "a"), ASSAY_EDATA);
    assert_int_equal(t->err.number, 4406);
    assert_int_equal(count_metadata(t), 0);
}

static void a_row_without_metadata_is_damage(void **state)
{
    table_fixture *t = *state;
    assay_iceberg_pointer pointer = {0};
    fixture_append(t, "a", 1);
    execute(t, "UPDATE iceberg_tables SET metadata_location = NULL");
    assert_int_equal(load_pointer(t, &pointer), ASSAY_EDATA);
    assert_int_equal(t->err.number, 4406);
}

static void a_database_that_vanished_is_not_made_anew_by_an_append(void **state)
{
    table_fixture *t = *state;
    const assay_table *base = fixture_append(t, "a", 1);
    assert_int_equal(unlink(database(t)), 0);
    assert_int_equal(append_on(t, base, "b"), ASSAY_ECONFLICT);
    assert_int_equal(access(database(t), F_OK), -1);
}

/* ---- a COMMIT of which nobody knows ---- */

static int (*delete_file)(sqlite3_vfs *vfs, const char *name, int sync);

/* The transaction ends with the deletion of the journal: that is done, and called a failure. */
static int delete_and_fail(sqlite3_vfs *vfs, const char *name, int sync)
{
    int code = delete_file(vfs, name, sync);
    return code == SQLITE_OK ? SQLITE_IOERR_DELETE : code;
}

static void a_commit_that_may_have_happened_leaves_its_files(void **state)
{
    table_fixture *t = *state;
    const assay_table *base = fixture_append(t, "a", 1);
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    sqlite3_vfs broken = *real;
    delete_file = real->xDelete;
    broken.zName = "broken";
    broken.xDelete = delete_and_fail;
    assert_int_equal(sqlite3_vfs_register(&broken, 1), SQLITE_OK);
    assay_status status = append_on(t, base, "b");
    assert_int_equal(sqlite3_vfs_unregister(&broken), SQLITE_OK);
    assert_int_equal(sqlite3_vfs_register(real, 1), SQLITE_OK);
    assert_int_equal(status, ASSAY_EUNKNOWN_OUTCOME);
    assert_int_equal(t->err.number, 4409);
    /* Here it happened. */
    assert_int_equal(fixture_load(t)->current->rows, 2);
    assert_int_equal(fixture_append(t, "c", 1)->current->rows, 3);
}

static void expiry_removes_metadata_files_that_nobody_needs(void **state)
{
    table_fixture *t = *state;
    const assay_expiry expiry = {.older_than_ms = INT64_MAX, .keep = 5};
    assay_expired expired = {0};
    for (int i = 0; i < 110; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "f%d", i);
        fixture_append(t, name, 1);
    }
    /* What a process left that died before it moved the pointer. */
    const char *dead =
        assay_arena_format(t->arena, "%s/metadata/00050-dead.metadata.json", t->location);
    fixture_ok(t, assay_store_put(t->store, dead, "{}", 2, &t->err));
    assert_int_equal(count_metadata(t), 111);
    t->now_us = 4000000000000000; /* years after the files' real time */
    fixture_ok(t, assay_iceberg_expire(fixture_load(t), &expiry, &t->env, t->store, NULL, &expired,
                                       &t->err));
    assert_int_equal(expired.snapshots, 105);
    assert_int_equal(count_metadata(t), 102); /* 100 in the log, the expired one, the current */
    assert_int_equal(access(dead, F_OK), -1);
    assert_int_equal(fixture_append(t, "next", 1)->current->rows, 111);
}

#define SQLITE(test) cmocka_unit_test_setup_teardown(test, fixture_sqlite, fixture_done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SQLITE(looking_for_a_table_makes_no_database),
        SQLITE(rows_are_those_of_the_jdbc_catalog),
        SQLITE(version_0_of_the_schema_is_used_as_it_is),
        SQLITE(a_view_of_the_name_is_no_table_and_is_not_replaced),
        SQLITE(other_catalogs_and_deeper_namespaces_are_not_seen),
        SQLITE(a_dropped_table_is_gone_and_can_be_made_again),
        SQLITE(a_renamed_table_is_found_under_its_new_name_alone),
        SQLITE(a_table_registered_elsewhere_is_written_where_it_lies),
        SQLITE(a_table_of_the_folder_catalog_that_was_registered_goes_on_by_numbers),
        SQLITE(a_database_that_stays_locked_is_busy_and_nothing_is_left),
        SQLITE(a_file_that_is_no_database_is_not_taken_for_an_empty_catalog),
        SQLITE(a_row_without_metadata_is_damage),
        SQLITE(a_database_that_vanished_is_not_made_anew_by_an_append),
        SQLITE(a_commit_that_may_have_happened_leaves_its_files),
        SQLITE(expiry_removes_metadata_files_that_nobody_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
