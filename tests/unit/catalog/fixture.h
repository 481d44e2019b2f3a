/* A table without real data files: commits are about metadata alone. */
#ifndef ASSAY_TESTS_CATALOG_FIXTURE_H
#define ASSAY_TESTS_CATALOG_FIXTURE_H

#include "catalog/folder.h"
#include "iceberg/iceberg.h"

typedef struct table_fixture {
    char root[64]; /* temporary folder */
    char location[96];
    const char *name; /* "silver.orders" */
    assay_arena *arena;
    assay_store *store;
    const assay_iceberg_catalog *catalog;
    assay_iceberg_catalog *memory; /* where the catalog is the one in memory */
    assay_clock clock;
    assay_random random;
    assay_commit_env env;
    int64_t now_us;
    assay_error err;
} table_fixture;

/* cmocka setup and teardown: the folder catalog and the SQLite catalog (<root>/catalog.db, named
 * "assay") on the local disk, the memory catalog in memory. */
int fixture_folder(void **state);
int fixture_memory(void **state);
int fixture_sqlite(void **state);
int fixture_done(void **state);

/* A test against every catalog, and against those that processes share. */
#define EVERY_CATALOG(test)                                                  \
    cmocka_unit_test_setup_teardown(test, fixture_folder, fixture_done),     \
        cmocka_unit_test_setup_teardown(test, fixture_sqlite, fixture_done), \
        cmocka_unit_test_setup_teardown(test, fixture_memory, fixture_done)
#define SHARED_CATALOGS(test)                                            \
    cmocka_unit_test_setup_teardown(test, fixture_folder, fixture_done), \
        cmocka_unit_test_setup_teardown(test, fixture_sqlite, fixture_done)

/* Fails with the message of the error unless ASSAY_OK. */
void fixture_ok(const table_fixture *t, assay_status status);

assay_table *fixture_load(table_fixture *t);

/* Columns id BIGINT (1), country VARCHAR (2), with `extra` more INTEGER columns. */
assay_schema *fixture_schema(table_fixture *t, size_t extra);

/* Partition specs over that schema: none, or identity(country). */
assay_partition_spec *fixture_spec(table_fixture *t, bool by_country);

/* A file of `rows` rows named `<name>.parquet`; country NULL = unpartitioned. */
assay_data_file fixture_file(table_fixture *t, const char *name, int64_t rows, const char *country);

/* A change with a fresh commit id over the given schema; the caller fills the rest. */
assay_change fixture_change(table_fixture *t, assay_change_kind kind, const assay_schema *schema,
                            const assay_partition_spec *spec);

/* Commits an append of one file (unpartitioned) and gives the table as it is then. */
assay_table *fixture_append(table_fixture *t, const char *name, int64_t rows);

/* Rows of all live files of a snapshot (-1 = current). */
int64_t fixture_rows(table_fixture *t, const assay_table *table, int64_t snapshot_id,
                     size_t *ret_files);

#endif
