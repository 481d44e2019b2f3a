/* Tables by name: the catalog first, then what lies in the folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/path.h"
#include "base/str.h"
#include "catalog/formats.h"
#include "unit/catalog/fixture.h"

static assay_status find(table_fixture *t, const char *name, const char *format,
                         const assay_iceberg_catalog *catalog, assay_table **ret_table)
{
    const char *dot = strchr(name, '.');
    const assay_format_place place = {.name = name,
                                      .location =
                                          assay_arena_format(t->arena, "%s/%.*s/%s", t->root,
                                                             (int)(dot - name), name, dot + 1),
                                      .format = format,
                                      .catalog = catalog};
    return assay_format_load(&place, t->store, NULL, t->arena, ret_table, &t->err);
}

static void put(table_fixture *t, const char *path)
{
    fixture_ok(t, assay_store_put(t->store, assay_path_join(t->arena, t->root, path), "{}", 2,
                                  &t->err));
}

static void a_table_of_the_catalog_is_found_before_its_folder(void **state)
{
    table_fixture *t = *state;
    assay_table *table = NULL;
    fixture_append(t, "a", 3);
    fixture_ok(t, find(t, "silver.orders", "parquet", t->catalog, &table));
    assert_true(table->exists);
    assert_string_equal(table->format->name, "iceberg");
    assert_int_equal(table->current->rows, 3);
    /* Loading it again asks the same catalog. */
    assay_table *again = NULL;
    fixture_append(t, "b", 1);
    fixture_ok(t, table->format->reload(table, t->store, NULL, t->arena, &again, &t->err));
    assert_int_equal(again->current->rows, 4);
}

static void what_is_not_there_gets_the_format_that_is_asked_for(void **state)
{
    table_fixture *t = *state;
    static const char *const FORMATS[] = {"iceberg", "parquet"};
    for (size_t i = 0; i < sizeof FORMATS / sizeof FORMATS[0]; i++) {
        assay_table *table = NULL;
        fixture_ok(t, find(t, "gold.none", FORMATS[i], t->catalog, &table));
        assert_false(table->exists);
        assert_string_equal(table->format->name, FORMATS[i]);
        fixture_ok(t, find(t, "gold.none", FORMATS[i], NULL, &table));
        assert_false(table->exists);
        assert_string_equal(table->format->name, FORMATS[i]);
    }
}

static void a_dropped_table_does_not_come_back_from_its_folder(void **state)
{
    table_fixture *t = *state;
    assay_table *table = NULL;
    const char **names = NULL;
    size_t count = 0;
    put(t, "gold/left/metadata/00003-aa.metadata.json");
    fixture_append(t, "a", 3);
    fixture_ok(t, find(t, "gold.left", "iceberg", t->catalog, &table));
    assert_false(table->exists);
    fixture_ok(t, assay_format_tables(t->root, t->catalog, t->store, t->arena, &names, &count,
                                      &t->err));
    assert_int_equal(count, 1);
}

static void an_empty_catalog_over_tables_with_commits_was_lost(void **state)
{
    table_fixture *t = *state;
    assay_table *table = NULL;
    put(t, "gold/begun/metadata/00000-aa.metadata.json"); /* a first commit that died */
    fixture_ok(t, find(t, "gold.begun", "iceberg", t->catalog, &table));
    assert_false(table->exists);
    put(t, "gold/left/metadata/00003-aa.metadata.json");
    assert_int_equal(find(t, "gold.left", "iceberg", t->catalog, &table), ASSAY_EUNSUPPORTED);
    assert_int_equal(t->err.number, 4404);
}

static void a_table_that_the_catalog_does_not_know_is_refused(void **state)
{
    table_fixture *t = *state;
    assay_table *table = NULL;
    put(t, "gold/old/metadata/v2.metadata.json");
    assert_int_equal(find(t, "gold.old", "iceberg", t->catalog, &table), ASSAY_EUNSUPPORTED);
    assert_int_equal(t->err.number, 4404);
    assert_non_null(strstr(t->err.message, "gold.old"));
    put(t, "gold/left/metadata/00003-aa.metadata.json");
    assert_int_equal(find(t, "gold.left", "parquet", t->catalog, &table), ASSAY_EUNSUPPORTED);
    assert_int_equal(t->err.number, 4404);
}

static void names_come_from_the_catalog_and_from_the_folders(void **state)
{
    table_fixture *t = *state;
    const char **names = NULL;
    size_t count = 0;
    fixture_append(t, "a", 3);
    put(t, "bronze/plain/p.parquet");
    put(t, "gold/deltas/_delta_log/00000000000000000000.json");
    put(t, "gold/dropped/metadata/00003-aa.metadata.json");
    put(t, ".hidden/x/p.parquet");
    put(t, "gold/.v/p.parquet");
    put(t, "gold/nothing/readme");
    fixture_ok(t, assay_format_tables(t->root, t->catalog, t->store, t->arena, &names, &count,
                                      &t->err));
    assert_int_equal(count, 3);
    assert_string_equal(names[0], "bronze.plain");
    assert_string_equal(names[1], "gold.deltas");
    assert_string_equal(names[2], "silver.orders");
    /* The folder catalog sees the folder. */
    fixture_ok(t, assay_format_tables(t->root, NULL, t->store, t->arena, &names, &count, &t->err));
    assert_int_equal(count, 4);
    assert_string_equal(names[2], "gold.dropped");
}

#define SQLITE(test) cmocka_unit_test_setup_teardown(test, fixture_sqlite, fixture_done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SQLITE(a_table_of_the_catalog_is_found_before_its_folder),
        SQLITE(what_is_not_there_gets_the_format_that_is_asked_for),
        SQLITE(a_dropped_table_does_not_come_back_from_its_folder),
        SQLITE(an_empty_catalog_over_tables_with_commits_was_lost),
        SQLITE(a_table_that_the_catalog_does_not_know_is_refused),
        SQLITE(names_come_from_the_catalog_and_from_the_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
