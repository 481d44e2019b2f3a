/* Names of datasets, and where a model lies in git. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lineage/event.h"
#include "support/folder.h"

static void locations_have_the_names_of_the_specification(void **state)
{
    (void)state;
    static const struct {
        const char *location, *namespace, *name;
    } cases[] = {
        {"/a/b", "file", "/a/b"},
        {"/a/b/", "file", "/a/b"},
        {"/", "file", "/"},
        {"/a//b/../c", "file", "/a/c"},
        {"file:///a/b/", "file", "/a/b"},
        {"file:/a/b", "file", "/a/b"},
        {"file://localhost/a", "file", "/a"},
        {"/raw/orders/*.csv", "file", "/raw/orders"},
        {"/raw/orders_*.csv", "file", "/raw/orders_*.csv"},
        {"/raw/*/orders.csv", "file", "/raw"},
        {"/raw/or*/x.csv", "file", "/raw"},
        {"/raw/dt=*/x*.csv", "file", "/raw"},
        {"s3://b/raw/x*.csv", "s3://b", "raw/x*.csv"},
        {"/raw/orders/year=2026/month=1", "file", "/raw/orders"},
        {"/raw/a=b/x.csv", "file", "/raw/a=b/x.csv"},
        {"s3://bucket/a/b/", "s3://bucket", "a/b"},
        {"s3a://bucket/a", "s3://bucket", "a"},
        {"s3n://bucket", "s3://bucket", "/"},
        {"s3://bucket/t/dt=2026-01-01/", "s3://bucket", "t"},
        {"gs://b/p", "gs://b", "p"},
        {"abfss://c@a.dfs.core.windows.net/p", "abfss://c@a.dfs.core.windows.net", "p"},
        {"hdfs://h:8020/p/q", "hdfs://h:8020", "/p/q"},
        {"https://user:secret@h/p?token=x", "https://h", "p"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
        assay_lineage_dataset dataset = assay_lineage_dataset_init();
        assert_int_equal(assay_lineage_dataset_locate(&dataset, cases[i].location, arena, NULL),
                         ASSAY_OK);
        assert_string_equal(dataset.namespace, cases[i].namespace);
        assert_string_equal(dataset.name, cases[i].name);
        assert_non_null(dataset.source_uri);
    }
}

static void a_table_has_its_location_as_name_and_its_own_name_as_symlink(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_lineage_dataset dataset = assay_lineage_dataset_init();
    assay_lineage_table table = {.table = "silver.orders",
                                 .location = "/wh/silver/orders",
                                 .warehouse = "/wh",
                                 .format = "iceberg"};

    assert_int_equal(assay_lineage_dataset_table(&dataset, &table, arena, NULL), ASSAY_OK);
    assert_string_equal(dataset.namespace, "file");
    assert_string_equal(dataset.name, "/wh/silver/orders");
    assert_string_equal(dataset.table, "silver.orders");
    assert_int_equal(dataset.symlink_count, 1);
    assert_string_equal(dataset.symlinks[0].namespace, "file:/wh");
    assert_string_equal(dataset.symlinks[0].name, "silver.orders");
    assert_string_equal(dataset.storage_layer, "iceberg");
    assert_string_equal(dataset.catalog_type, "hadoop");

    dataset = assay_lineage_dataset_init();
    table.database = "/wh/catalog.db";
    table.catalog_name = "shop";
    assert_int_equal(assay_lineage_dataset_table(&dataset, &table, arena, NULL), ASSAY_OK);
    assert_string_equal(dataset.catalog_type, "jdbc");
    assert_string_equal(dataset.catalog_name, "shop");
    assert_string_equal(dataset.catalog_metadata_uri, "jdbc:sqlite:/wh/catalog.db");
    assert_string_equal(dataset.catalog_warehouse_uri, "file:/wh");

    dataset = assay_lineage_dataset_init();
    table.format = "parquet"; /* the catalog is of Iceberg tables alone */
    assert_int_equal(assay_lineage_dataset_table(&dataset, &table, arena, NULL), ASSAY_OK);
    assert_string_equal(dataset.storage_layer, "file");
    assert_string_equal(dataset.file_format, "parquet");
    assert_string_equal(dataset.catalog_type, "filesystem");
}

#define HASH "0123456789abcdef0123456789abcdef01234567"

static assay_lineage_event filled(const test_folder *folder)
{
    assay_lineage_event event = assay_lineage_event_init();
    assert_int_equal(assay_lineage_git_fill(&event, test_folder_path(folder, "project"),
                                            "models/silver/my orders.sql", folder->arena, NULL),
                     ASSAY_OK);
    return event;
}

static void a_model_is_found_in_the_repository_around_the_project(void **state)
{
    const test_folder *folder = *state;
    test_folder_write(folder, ".git/HEAD", "ref: refs/heads/feature/x\n");
    test_folder_write(folder, ".git/refs/heads/feature/x", HASH "\n");
    test_folder_write(folder, ".git/config",
                      "[core]\n\tbare = false\n[remote \"origin\"]\n"
                      "\turl = https://user:token@example.org/team/shop.git\n");
    assay_lineage_event event = filled(folder);

    assert_string_equal(event.source_repo, "https://example.org/team/shop");
    assert_string_equal(event.source_version, HASH);
    assert_string_equal(event.source_branch, "feature/x");
    assert_string_equal(event.source_path, "project/models/silver/my orders.sql");
    assert_string_equal(event.source_url, "https://example.org/team/shop/blob/" HASH
                                          "/project/models/silver/my%20orders.sql");
}

static void packed_refs_and_ssh_remotes_are_understood(void **state)
{
    const test_folder *folder = *state;
    test_folder_write(folder, ".git/HEAD", "ref: refs/heads/main\n");
    test_folder_write(folder, ".git/packed-refs",
                      "# pack-refs with: peeled\n" HASH " refs/heads/main\n");
    test_folder_write(folder, ".git/config",
                      "[remote \"origin\"]\n\turl = git@example.org:team/shop.git\n");
    assay_lineage_event event = filled(folder);

    assert_string_equal(event.source_repo, "https://example.org/team/shop");
    assert_string_equal(event.source_version, HASH);
}

static void worktrees_share_the_refs_of_their_repository(void **state)
{
    const test_folder *folder = *state;
    test_folder_write(folder, "main/.git/config",
                      "[remote \"origin\"]\n\turl = ssh://git@example.org/team/shop.git\n");
    test_folder_write(folder, "main/.git/refs/heads/w", HASH "\n");
    test_folder_write(folder, "main/.git/worktrees/w/HEAD", "ref: refs/heads/w\n");
    test_folder_write(folder, "main/.git/worktrees/w/commondir", "../..\n");
    test_folder_write(folder, "project/.git", "gitdir: ../main/.git/worktrees/w\n");
    assay_lineage_event event = filled(folder);

    assert_string_equal(event.source_version, HASH);
    assert_string_equal(event.source_repo, "https://example.org/team/shop");
    assert_string_equal(event.source_path, "models/silver/my orders.sql");
}

static void without_a_remote_nothing_is_said(void **state)
{
    const test_folder *folder = *state;
    assert_null(filled(folder).source_url);
    test_folder_write(folder, ".git/HEAD", HASH "\n");
    test_folder_write(folder, ".git/config", "[remote \"origin\"]\n\turl = /srv/git/shop.git\n");
    assert_null(filled(folder).source_url);
}

static void tables_of_outside_databases_have_the_names_of_the_specification(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    static const struct {
        assay_lineage_database database;
        const char *namespace, *name;
    } cases[] = {
        {{"postgres", "db.example.org", NULL, 5432, "shop", "public", "orders"},
         "postgres://db.example.org:5432",
         "shop.public.orders"},
        {{"redshift", "c1.eu-west-1", NULL, 5439, "dev", "marts", "orders"},
         "redshift://c1.eu-west-1:5439",
         "dev.marts.orders"},
        {{"snowflake", NULL, "acme-prod", 0, "ANALYTICS", "PUBLIC", "ORDERS"},
         "snowflake://acme-prod",
         "ANALYTICS.PUBLIC.ORDERS"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assay_lineage_dataset dataset = assay_lineage_dataset_init();
        assert_int_equal(assay_lineage_dataset_database(&dataset, &cases[i].database, arena, NULL),
                         ASSAY_OK);
        assert_string_equal(dataset.namespace, cases[i].namespace);
        assert_string_equal(dataset.name, cases[i].name);
        assert_string_equal(dataset.source_uri, cases[i].namespace);
    }
}

int main(void)
{
#define TEST(function) \
    cmocka_unit_test_setup_teardown(function, test_folder_setup, test_folder_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locations_have_the_names_of_the_specification),
        cmocka_unit_test(a_table_has_its_location_as_name_and_its_own_name_as_symlink),
        cmocka_unit_test(tables_of_outside_databases_have_the_names_of_the_specification),
        TEST(a_model_is_found_in_the_repository_around_the_project),
        TEST(packed_refs_and_ssh_remotes_are_understood),
        TEST(worktrees_share_the_refs_of_their_repository),
        TEST(without_a_remote_nothing_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
