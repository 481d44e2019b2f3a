/* The catalog that storage.yaml asks for. */
#include "config/storage.h"
#include "support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static assay_status load(const test_folder *folder, const char *text,
                         assay_storage_config **ret_config, assay_error *err)
{
    assay_variables none = {0};

    test_folder_write(folder, "config/storage.yaml", text);
    assay_error_clear(err);
    return assay_storage_config_load(folder->path, NULL, &none, folder->arena, ret_config, err);
}

static void the_sqlite_catalog_is_chosen_by_its_name_or_its_java_class(void **state)
{
    static const struct {
        const char *text;
        const char *path, *name;
    } CASES[] = {
        {"catalog: sqlite\n", NULL, "assay"},
        {"catalog: jdbc\n", NULL, "assay"},
        {"catalog: sqlite\niceberg: { uri: lake/c.db, catalog_name: shop }\n", "lake/c.db", "shop"},
        {"catalog: sqlite\niceberg: { uri: 'jdbc:sqlite:/a/c.db' }\n", "/a/c.db", "assay"},
        {"catalog: sqlite\niceberg: { uri: 'jdbc:sqlite:file:c.db' }\n", "c.db", "assay"},
        {"catalog: sqlite\niceberg: { uri: 'sqlite:///c.db' }\n", "c.db", "assay"},
        {"catalog: sqlite\niceberg: { uri: 'sqlite:////a/c.db' }\n", "/a/c.db", "assay"},
        {"catalog: lake\niceberg:\n  catalog_impl: org.apache.iceberg.jdbc.JdbcCatalog\n"
         "  uri: jdbc:sqlite:c.db\n",
         "c.db", "lake"},
        {"iceberg: { catalog_impl: org.apache.iceberg.jdbc.JdbcCatalog }\n", NULL, "assay"},
        {"format: delta\nlayers: { gold: { format: iceberg } }\ncatalog: sqlite\n", NULL, "assay"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assay_storage_config *config = NULL;
        assay_error err = {0};

        if (load(*state, CASES[i].text, &config, &err) != ASSAY_OK)
            fail_msg("%s%s", CASES[i].text, err.message);
        assert_string_equal(config->catalog, "sqlite");
        assert_string_equal(config->catalog_name, CASES[i].name);
        assert_true((config->catalog_path == NULL) == (CASES[i].path == NULL));
        if (CASES[i].path != NULL)
            assert_string_equal(config->catalog_path, CASES[i].path);
    }
}

static void a_catalog_without_a_file_is_refused_where_it_is_written(void **state)
{
    static const struct {
        const char *text;
        int number, column;
    } CASES[] = {
        {"catalog: sqlite\niceberg: { uri: 'jdbc:postgresql://host/db' }\n", 1230, 12},
        {"catalog: jdbc\niceberg: { uri: 'postgresql+psycopg2://host/db' }\n", 1230, 12},
        {"catalog: jdbc\niceberg: { uri: 'sqlite://' }\n", 1230, 12},
        {"catalog: sqlite\niceberg: { uri: 'jdbc:sqlite:' }\n", 1235, 12},
        {"catalog: sqlite\niceberg: { uri: '' }\n", 1235, 12},
        {"catalog: sqlite\niceberg: { uri: 'jdbc:sqlite::memory:' }\n", 1235, 12},
        {"catalog: sqlite\niceberg: { uri: 'jdbc:sqlite:c.db?mode=ro' }\n", 1235, 12},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assay_storage_config *config = NULL;
        assay_error err = {0};

        assert_int_not_equal(load(*state, CASES[i].text, &config, &err), ASSAY_OK);
        if (err.number != CASES[i].number || err.line != 2 || err.column != CASES[i].column)
            fail_msg("%sE%d %d:%d %s", CASES[i].text, err.number, err.line, err.column,
                     err.message);
    }
}

static void the_folder_catalog_needs_nothing(void **state)
{
    static const char *const TEXTS[] = {
        "format: iceberg\n", "catalog: folder\n", "catalog: hadoop\n",
        /* where no table is Iceberg the catalog has no meaning */
        "format: delta\ncatalog: sqlite\niceberg: { uri: 'jdbc:postgresql://h/d' }\n"};
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        assay_storage_config *config = NULL;
        assay_error err = {0};

        assert_int_equal(load(*state, TEXTS[i], &config, &err), ASSAY_OK);
        assert_string_equal(config->catalog, "folder");
        assert_null(config->catalog_path);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_folder_setup, test_folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_sqlite_catalog_is_chosen_by_its_name_or_its_java_class),
        TEST(a_catalog_without_a_file_is_refused_where_it_is_written),
        TEST(the_folder_catalog_needs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
