#include "config/connections.h"
#include "config/extract.h"
#include "config/project.h"
#include "config/schema.h"
#include "config/storage.h"
#include "support/folder.h"
#include "text/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    test_folder *folder;
    assay_arena *arena;
    const char *root;
    assay_error err;
};

static int setup(void **state)
{
    static struct fixture fixture;
    void *folder = NULL;

    if (test_folder_setup(&folder) != 0)
        return 1;
    fixture = (struct fixture){.folder = folder};
    fixture.arena = fixture.folder->arena;
    fixture.root = fixture.folder->path;
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    void *folder = fixture->folder;

    return test_folder_teardown(&folder);
}

static void put(struct fixture *fixture, const char *path, const char *text)
{
    test_folder_write(fixture->folder, path, text);
}

/* Checks number, place and a part of the message. */
static void expect_error(const struct fixture *fixture, assay_status status, int number, int line,
                         int column, const char *part)
{
    if (fixture->err.number != number || strstr(fixture->err.message, part) == NULL ||
        fixture->err.line != line || fixture->err.column != column)
        fail_msg("E%d %s:%d:%d %s", fixture->err.number, fixture->err.path, fixture->err.line,
                 fixture->err.column, fixture->err.message);
    assert_int_equal(fixture->err.code, status);
}

static const char *environment(void *user, const char *name)
{
    (void)user;
    if (strcmp(name, "HOST") == 0)
        return "box";
    return strcmp(name, "EMPTY") == 0 ? "" : NULL;
}

static assay_variables variables(void)
{
    return (assay_variables){.environment = environment};
}

static assay_status load_project(struct fixture *fixture, const char *text,
                                 assay_project_config **ret_config)
{
    put(fixture, "assay.yaml", text);
    assay_error_clear(&fixture->err);
    return assay_project_config_load(fixture->root, environment, NULL, fixture->arena, ret_config,
                                     &fixture->err);
}

static assay_status load_storage(struct fixture *fixture, const char *text, const char *format,
                                 assay_storage_config **ret_config)
{
    assay_variables where = variables();

    put(fixture, "config/storage.yaml", text);
    assay_error_clear(&fixture->err);
    return assay_storage_config_load(fixture->root, format, &where, fixture->arena, ret_config,
                                     &fixture->err);
}

/* ---- assay.yaml ---- */

static void a_project_has_targets_with_settings_and_variables(void **state)
{
    struct fixture *fixture = *state;
    assay_project_config *config = NULL;
    const assay_target_config *target = NULL;

    assert_int_equal(load_project(fixture,
                                  "name: shop\n"
                                  "vars: { ROOT: '/data/${HOST}' }\n"
                                  "targets:\n"
                                  "  local: { warehouse: lake }\n"
                                  "  prod:\n"
                                  "    warehouse: ${ROOT}/lake\n"
                                  "    memory_limit: 4GB\n"
                                  "    jobs: 3\n"
                                  "    lock_wait: 2s\n"
                                  "layers: { gold: { schema: strict } }\n",
                                  &config),
                     ASSAY_OK);
    assert_string_equal(config->name, "shop");
    assert_int_equal(config->target_count, 2);
    assert_int_equal(assay_project_config_target(config, NULL, &target, NULL), ASSAY_OK);
    assert_string_equal(target->name, "local");
    assert_int_equal(target->lock_wait_ms, -1);
    assert_int_equal(assay_project_config_target(config, "prod", &target, NULL), ASSAY_OK);
    assert_string_equal(target->warehouse, "/data/box/lake");
    assert_int_equal(target->memory_limit, 4000000000);
    assert_int_equal(target->jobs, 3);
    assert_int_equal(target->lock_wait_ms, 2000);
    assert_true(config->layers[0].strict);

    assert_int_equal(assay_project_config_target(config, "prd", &target, &fixture->err),
                     ASSAY_ECONFIG);
    expect_error(fixture, ASSAY_ECONFIG, 1220, 0, 0, "did you mean 'prod'");
}

static void a_project_without_targets_has_one_called_local(void **state)
{
    struct fixture *fixture = *state;
    assay_project_config *config = NULL;

    assert_int_equal(load_project(fixture, "name: x\n", &config), ASSAY_OK);
    assert_int_equal(config->target_count, 1);
    assert_string_equal(config->targets[0].name, "local");
}

static void an_unknown_key_is_refused_with_its_place_and_the_nearest_one(void **state)
{
    struct fixture *fixture = *state;
    assay_project_config *config = NULL;

    assert_int_equal(load_project(fixture, "name: x\ntargets:\n  local:\n    warehose: lake\n",
                                  &config),
                     ASSAY_ECONFIG);
    expect_error(fixture, ASSAY_ECONFIG, 1201, 4, 5, "did you mean 'warehouse'");
    assert_string_equal(fixture->err.path, "assay.yaml");
    assert_int_equal(load_project(fixture, "name: x\nzzzzzzzz: 1\n", &config), ASSAY_ECONFIG);
    expect_error(fixture, ASSAY_ECONFIG, 1201, 2, 1, "known are name, version");
    assert_int_equal(load_project(fixture, "name: x\ntargets: { a: { jobs: many } }\n", &config),
                     ASSAY_ECONFIG);
    expect_error(fixture, ASSAY_ECONFIG, 1202, 2, 23, "whole number");
    assert_int_equal(load_project(fixture, "name: [x]\n", &config), ASSAY_ECONFIG);
    expect_error(fixture, ASSAY_ECONFIG, 1202, 1, 7, "must be a text, not a list");
    assert_int_equal(load_project(fixture, "targets: {}\n", &config), ASSAY_ECONFIG);
    expect_error(fixture, ASSAY_ECONFIG, 1204, 1, 1, "needs the key 'name'");
    assert_int_equal(load_project(fixture, "", &config), ASSAY_ECONFIG);
    expect_error(fixture, ASSAY_ECONFIG, 1204, 1, 1, "needs the key 'name'");
    assert_int_equal(load_project(fixture, "- a\n", &config), ASSAY_ECONFIG);
    expect_error(fixture, ASSAY_ECONFIG, 1202, 1, 1, "must be a map");
    assert_int_equal(load_project(fixture, "name: x\ntargets: { a: { format: icebrg } }\n",
                                  &config),
                     ASSAY_ECONFIG);
    expect_error(fixture, ASSAY_ECONFIG, 1203, 2, 25, "did you mean 'iceberg'");
    assert_int_equal(load_project(fixture, "name: x\ntargets: { a: { engine: spark } }\n", &config),
                     ASSAY_EUNSUPPORTED);
    expect_error(fixture, ASSAY_EUNSUPPORTED, 2015, 2, 17, "not built");
    assert_int_equal(load_project(fixture, "name: x\ntargets: { ../up: {} }\n", &config),
                     ASSAY_ECONFIG);
    expect_error(fixture, ASSAY_ECONFIG, 1221, 2, 10, "letters, digits");
    assert_int_equal(load_project(fixture, "name: x\ntargets: { a: { warehouse: '${NO}' } }\n",
                                  &config),
                     ASSAY_ECONFIG);
    expect_error(fixture, ASSAY_ECONFIG, 1120, 2, 28, "NO");
}

/* ---- storage.yaml ---- */

static void storage_defaults_to_iceberg_in_the_folder_catalog(void **state)
{
    struct fixture *fixture = *state;
    assay_storage_config *config = NULL;
    assay_variables where = variables();

    assert_int_equal(assay_storage_config_load(fixture->root, NULL, &where, fixture->arena, &config,
                                               NULL),
                     ASSAY_OK);
    assert_string_equal(assay_storage_format(config, "gold"), "iceberg");
    assert_int_equal(assay_storage_keep(config, "gold").snapshots, 10);
    assert_int_equal(assay_storage_keep(config, "gold").days, 7);
}

static void one_layer_may_have_another_format_and_keep(void **state)
{
    struct fixture *fixture = *state;
    assay_storage_config *config = NULL;

    assert_int_equal(load_storage(fixture,
                                  "format: ${FORMAT:-iceberg}\n"
                                  "layers: { gold: { format: delta, keep: { snapshots: 3 } } }\n"
                                  "delta: { enable_optimizations: true, auto_compact: true }\n"
                                  "target_file_size: 1MiB\n",
                                  NULL, &config),
                     ASSAY_OK);
    assert_string_equal(assay_storage_format(config, "gold"), "delta");
    assert_string_equal(assay_storage_format(config, "silver"), "iceberg");
    assert_int_equal(assay_storage_keep(config, "gold").snapshots, 3);
    assert_int_equal(assay_storage_keep(config, "gold").days, 7);
    assert_int_equal(config->target_file_bytes, 1024 * 1024);
    assert_true(
        assay_value_find_bool(assay_storage_options(config, "delta"), "auto_compact", false));

    assert_int_equal(load_storage(fixture, "layers: { gold: { format: delta } }\n", "parquet",
                                  &config),
                     ASSAY_OK);
    assert_string_equal(assay_storage_format(config, "gold"), "parquet");
}

static void java_class_names_choose_our_catalogs(void **state)
{
    struct fixture *fixture = *state;
    assay_storage_config *config = NULL;

    assert_int_equal(load_storage(fixture,
                                  "format: iceberg\ncatalog: lake\niceberg:\n"
                                  "  catalog_impl: org.apache.iceberg.hadoop.HadoopCatalog\n"
                                  "  io_impl: org.apache.iceberg.hadoop.HadoopFileIO\n",
                                  NULL, &config),
                     ASSAY_OK);
    assert_string_equal(config->catalog, "folder");
    assert_int_equal(load_storage(fixture,
                                  "format: iceberg\niceberg:\n"
                                  "  catalog_impl: org.apache.iceberg.aws.glue.GlueCatalog\n",
                                  NULL, &config),
                     ASSAY_EUNSUPPORTED);
    expect_error(fixture, ASSAY_EUNSUPPORTED, 1230, 3, 3, "'glue'");
    assert_int_equal(load_storage(fixture,
                                  "iceberg:\n"
                                  "  io_impl: org.apache.iceberg.aws.s3.S3FileIO\n",
                                  NULL, &config),
                     ASSAY_EUNSUPPORTED);
    expect_error(fixture, ASSAY_EUNSUPPORTED, 1230, 2, 3, "'s3'");
    assert_int_equal(load_storage(fixture, "catalog: rest\n", NULL, &config), ASSAY_EUNSUPPORTED);
    assert_int_equal(load_storage(fixture, "catalog: nowhere\n", NULL, &config), ASSAY_ECONFIG);
    expect_error(fixture, ASSAY_ECONFIG, 1231, 1, 1, "nowhere");
    /* where no table is Iceberg its section has no meaning */
    assert_int_equal(load_storage(fixture,
                                  "format: delta\niceberg:\n"
                                  "  catalog_impl: org.apache.iceberg.aws.glue.GlueCatalog\n",
                                  NULL, &config),
                     ASSAY_OK);
}

static void a_warehouse_that_is_not_local_is_refused(void **state)
{
    struct fixture *fixture = *state;
    const char *path = NULL;
    assay_place place = {"config/storage.yaml", 2, 1};

    assert_int_equal(assay_storage_local_path("file:///data/lake", place, &path, NULL), ASSAY_OK);
    assert_string_equal(path, "/data/lake");
    assert_int_equal(assay_storage_local_path("lake", place, &path, NULL), ASSAY_OK);
    assert_string_equal(path, "lake");
    assert_int_equal(assay_storage_local_path("s3://b/x", place, &path, &fixture->err),
                     ASSAY_EUNSUPPORTED);
    expect_error(fixture, ASSAY_EUNSUPPORTED, 1232, 2, 1, "'s3'");
    assert_int_equal(assay_storage_local_path("", place, &path, &fixture->err), ASSAY_ECONFIG);
}

/* ---- connections.yaml ---- */

static assay_status load_connections(struct fixture *fixture, const char *text,
                                     assay_connections_config **ret_config)
{
    assay_variables where = variables();

    put(fixture, "config/connections.yaml", text);
    assay_error_clear(&fixture->err);
    return assay_connections_config_load(fixture->root, &where, NULL, fixture->arena, ret_config,
                                         &fixture->err);
}

static void connections_are_checked_and_read_by_their_type(void **state)
{
    struct fixture *fixture = *state;
    assay_connections_config *config = NULL;
    const assay_connection_config *connection = NULL;
    assay_place place = {"models/bronze/x.yaml", 1, 9};

    assert_int_equal(
        load_connections(fixture,
                         "shop_db: { type: postgres, host: h, database: d, user: u,"
                         " password: env:PW }\n"
                         "lake_s3: { type: s3, region: r, credentials: { key_id: env:A,"
                         " secret: env:B } }\n",
                         &config),
        ASSAY_OK);
    assert_int_equal(config->count, 2);
    assert_int_equal(assay_connections_use(config, "shop_db", place, &connection, &fixture->err),
                     ASSAY_OK);
    assert_string_equal(connection->host, "h");
    assert_int_equal(connection->port, 5432);
    assert_string_equal(connection->password.text, "env:PW");
    assert_int_equal(connection->login_timeout_ms, 30000);
    assert_int_equal(assay_connections_use(config, "shopdb", place, &connection, &fixture->err),
                     ASSAY_ECONFIG);
    expect_error(fixture, ASSAY_ECONFIG, 1241, 1, 9, "did you mean 'shop_db'");

    assert_int_equal(load_connections(fixture, "a: { type: postgres, hots: h }\n", &config),
                     ASSAY_ECONFIG);
    expect_error(fixture, ASSAY_ECONFIG, 1201, 1, 22, "did you mean 'host'");
    assert_int_equal(load_connections(fixture, "a: { type: oracle }\n", &config), ASSAY_ECONFIG);
    expect_error(fixture, ASSAY_ECONFIG, 1243, 1, 6, "oracle");
    assert_int_equal(load_connections(fixture, "a: 7\n", &config), ASSAY_ECONFIG);
}

static void a_secret_in_the_file_is_refused_and_not_shown(void **state)
{
    struct fixture *fixture = *state;
    assay_connections_config *config = NULL;

    assert_int_equal(load_connections(fixture,
                                      "a: { type: postgres, host: h, database: d, user: u,\n"
                                      "     password: hunter2 }\n",
                                      &config),
                     ASSAY_ECONFIG);
    expect_error(fixture, ASSAY_ECONFIG, 1240, 2, 6, "must be a reference");
    assert_null(strstr(fixture->err.message, "hunter2"));
}

/* ---- headers ---- */

static assay_status split(struct fixture *fixture, const char *text, assay_header_split *ret_split)
{
    assay_error_clear(&fixture->err);
    return assay_header_split_text(text, strlen(text), "models/a/b.sql", ret_split, &fixture->err);
}

static void the_header_is_the_leading_comment_between_dashes(void **state)
{
    struct fixture *fixture = *state;
    assay_header_split found;
    const char *text = "\n-- note\n/* ---\nmode: full\n--- */\nselect 1";

    assert_int_equal(split(fixture, text, &found), ASSAY_OK);
    assert_int_equal(found.yaml_size, strlen("mode: full\n"));
    assert_memory_equal(text + found.yaml, "mode: full\n", found.yaml_size);
    assert_int_equal(found.yaml_line, 4);
    assert_string_equal(text + found.sql, "\nselect 1");

    text = "/*--- { mode: full } ---*/ select 1";
    assert_int_equal(split(fixture, text, &found), ASSAY_OK);
    assert_memory_equal(text + found.yaml, "{ mode: full } ", found.yaml_size);
    assert_int_equal(found.yaml_line, 1);
    assert_int_equal(found.yaml_column, 7);

    /* a glob in the header holds the comment's end, and is none */
    text = "/* ---\ndescription: data/*/x\n--- */ select 1";
    assert_int_equal(split(fixture, text, &found), ASSAY_OK);
    assert_string_equal(text + found.sql, " select 1");

    assert_int_equal(split(fixture, "/* plain */ select 1", &found), ASSAY_OK);
    assert_int_equal(found.yaml_size, 0);
    assert_int_equal(found.sql, 0);
    assert_int_equal(split(fixture, "select 1 /* --- x --- */", &found), ASSAY_OK);
    assert_int_equal(found.yaml_size, 0);
    assert_int_equal(split(fixture, "", &found), ASSAY_OK);
    assert_int_equal(split(fixture, "/* ---\nmode: full\n*/ select 1", &found), ASSAY_ECONFIG);
    expect_error(fixture, ASSAY_ECONFIG, 1250, 1, 4, "not closed");
}

static assay_status read_header(struct fixture *fixture, const char *text,
                                assay_model_header *ret_header)
{
    assay_value *tree = NULL;
    assay_yaml_source source = {text, strlen(text), "models/a/b.sql", 1, 1};

    assay_error_clear(&fixture->err);
    assert_int_equal(assay_yaml_parse(&source, fixture->arena, &tree, &fixture->err), ASSAY_OK);
    return assay_model_header_read(tree, "models/a/b.sql", fixture->arena, ret_header,
                                   &fixture->err);
}

static void a_header_gives_mode_key_inputs_partitions_tags_and_columns(void **state)
{
    struct fixture *fixture = *state;
    assay_model_header header;

    assert_int_equal(read_header(fixture,
                                 "description: d\nmode: append\nkey: [a, b]\n"
                                 "new_rows_of: bronze.x\npartition_by: [month(d), country]\n"
                                 "tags: [finance]\nallow_empty: true\n"
                                 "columns: { email: { pii: true, doc: x }, name: }\n",
                                 &header),
                     ASSAY_OK);
    assert_string_equal(header.description, "d");
    assert_int_equal(header.mode, ASSAY_LOAD_APPEND);
    assert_int_equal(header.key_count, 2);
    assert_string_equal(header.key[1].text, "b");
    assert_int_equal(header.new_rows_count, 1);
    assert_string_equal(header.new_rows_of[0].text, "bronze.x");
    assert_int_equal(header.partition_count, 2);
    assert_int_equal(header.tag_count, 1);
    assert_true(header.allow_empty);
    assert_int_equal(header.column_count, 2);
    assert_true(header.columns[0].pii);
    assert_false(header.columns[1].pii);

    assert_int_equal(assay_model_header_read(NULL, "x", fixture->arena, &header, NULL), ASSAY_OK);
    assert_int_equal(header.mode, ASSAY_LOAD_FULL);
}

static void keys_that_mean_nothing_are_refused_by_number(void **state)
{
    struct fixture *fixture = *state;
    assay_model_header header;

    assert_int_equal(read_header(fixture, "mode: full\nversion: v\n", &header), ASSAY_ECONFIG);
    expect_error(fixture, ASSAY_ECONFIG, 2012, 2, 1, "'version' has no meaning");
    assert_int_equal(read_header(fixture, "unique_key: a\n", &header), ASSAY_ECONFIG);
    expect_error(fixture, ASSAY_ECONFIG, 1201, 1, 1, "unique_key");
}

/* ---- publish ---- */

static void a_header_gives_its_publications(void **state)
{
    struct fixture *fixture = *state;
    assay_model_header header;

    assert_int_equal(
        read_header(fixture,
                    "publish:\n"
                    "  - { to: analytics, table: ANALYTICS.ORDERS, mode: merge, key: [a, b],\n"
                    "      version: v, soft_delete: op, columns: [a, b, v, op] }\n"
                    "  - { to: shop, table: orders }\n"
                    "  - { to: shop, table: x, mode: merge, key: a, soft_delete: absence,\n"
                    "      preserve_case: true }\n",
                    &header),
        ASSAY_OK);
    assert_int_equal(header.publish_count, 3);
    const assay_publish_config *first = &header.publish[0];
    assert_string_equal(first->to.text, "analytics");
    assert_string_equal(first->table.text, "ANALYTICS.ORDERS");
    assert_int_equal(first->table.line, 2);
    assert_int_equal(first->mode, ASSAY_PUBLISH_CONFIG_MERGE);
    assert_int_equal(first->key_count, 2);
    assert_string_equal(first->version.text, "v");
    assert_string_equal(first->delete_column.text, "op");
    assert_int_equal(first->deleted_count, 0);
    assert_int_equal(first->column_count, 4);
    assert_false(first->absent);
    assert_string_equal(assay_publish_config_mode_name(header.publish[1].mode), "overwrite");
    assert_int_equal(header.publish[1].line, 4);
    assert_true(header.publish[2].absent);
    assert_null(header.publish[2].delete_column.text);
    assert_true(header.publish[2].preserve_case);
}

static void publications_that_contradict_themselves_are_refused_with_their_place(void **state)
{
    struct fixture *fixture = *state;
    assay_model_header header;
    static const struct {
        const char *entry;
        int number, column;
        const char *part;
    } cases[] = {
        {"{ to: x, table: t, mode: merge }", 2401, 32, "needs 'key'"},
        {"{ to: x, table: t, version: v }", 2401, 32, "'version' has no meaning in mode"},
        {"{ to: x, table: t, mode: append, soft_delete: absence }", 2401, 46, "mode 'append'"},
        {"{ to: x, table: t, mode: merge, key: a, deleted_values: [D] }", 2401, 53,
         "needs 'soft_delete'"},
        {"{ to: x, table: t, mode: merge, key: a, columns: [b] }", 2401, 50,
         "column 'a' is needed"},
        {"{ to: x, table: t, mode: merge, key: a, version: v, columns: [a] }", 2401, 62,
         "column 'v' is needed"},
        {"{ to: x, table: ' ' }", 2401, 22, "names no table"},
        {"{ to: x }", 1204, 13, "'table'"},
        {"{ table: x }", 1204, 13, "'to'"},
        {"{ to: x, table: t, mode: replace }", 1203, 38, "overwrite|append|merge"},
        {"{ to: x, tabel: t }", 1201, 22, "did you mean 'table'"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[200];
        (void)snprintf(text, sizeof text, "publish: [  %s ]\n", cases[i].entry);
        assert_int_equal(read_header(fixture, text, &header), ASSAY_ECONFIG);
        expect_error(fixture, ASSAY_ECONFIG, cases[i].number, 1, cases[i].column, cases[i].part);
    }
}

/* ---- extracts ---- */

static assay_status read_extract(struct fixture *fixture, const char *text,
                                 assay_extract_config **ret_extract, assay_model_header *ret_header)
{
    assay_value *tree = NULL;
    assay_yaml_source source = {text, strlen(text), "models/b/x.yaml", 1, 1};

    assay_error_clear(&fixture->err);
    assert_int_equal(assay_yaml_parse(&source, fixture->arena, &tree, &fixture->err), ASSAY_OK);
    return assay_extract_read(tree, "models/b/x.yaml", fixture->arena, ret_extract, ret_header,
                              &fixture->err);
}

static void an_extract_has_a_source_a_dialect_and_a_contract(void **state)
{
    struct fixture *fixture = *state;
    assay_extract_config *extract = NULL;
    assay_model_header header;

    assert_int_equal(
        read_extract(fixture,
                     "source:\n"
                     "  files: [a/*.csv.gz, b/*.csv]\n"
                     "  csv: { delimiter: '\\t', header: false, null: [NA, ''], skip: 2,"
                     " max_line_size: 1MB }\n"
                     "  hive: true\n"
                     "changed_file: replace\n"
                     "contract:\n"
                     "  bad_row: drop\n"
                     "  columns: { id: BIGINT, d: 'DECIMAL(18,2)' }\n",
                     &extract, &header),
        ASSAY_OK);
    assert_int_equal(extract->file_count, 2);
    assert_int_equal(extract->format, ASSAY_FILE_CSV);
    assert_string_equal(extract->csv.delimiter, "\t");
    assert_int_equal(extract->csv.header, 0);
    assert_int_equal(extract->csv.null_count, 2);
    assert_int_equal(extract->csv.skip, 2);
    assert_int_equal(extract->csv.max_line_bytes, 1000000);
    assert_true(extract->hive);
    assert_int_equal(extract->changed_file, ASSAY_CHANGED_FILE_REPLACE);
    assert_int_equal(header.contract.bad_row, ASSAY_BAD_ROW_DROP);
    assert_int_equal(header.contract.new_column, ASSAY_CONTRACT_EVOLVE);
    assert_int_equal(header.contract.column_count, 2);
    assert_string_equal(header.contract.columns[1].type, "DECIMAL(18,2)");
    assert_false(assay_contract_has_row_rules(&header.contract));
    assert_int_equal(header.mode, ASSAY_LOAD_APPEND);

    assert_int_equal(read_extract(fixture, "source: { files: data/x, format: json }\n", &extract,
                                  &header),
                     ASSAY_OK);
    assert_int_equal(extract->format, ASSAY_FILE_JSON);
    assert_int_equal(extract->csv.header, -1);
}

static void a_contract_says_what_rows_must_be_like(void **state)
{
    struct fixture *fixture = *state;
    assay_extract_config *extract = NULL;
    assay_model_header header;

    assert_int_equal(read_extract(fixture,
                                  "source: { files: a.csv }\n"
                                  "contract:\n"
                                  "  bad_row: quarantine\n"
                                  "  columns:\n"
                                  "    id: { type: BIGINT, key: true }\n"
                                  "    name: { nullable: false }\n"
                                  "    town: { type: INTEGER, references: silver.towns.town_id }\n"
                                  "    note: VARCHAR\n",
                                  &extract, &header),
                     ASSAY_OK);
    const assay_contract *contract = &header.contract;
    assert_int_equal(contract->bad_row, ASSAY_BAD_ROW_QUARANTINE);
    assert_int_equal(contract->column_count, 4);
    assert_true(contract->columns[0].key && contract->columns[0].not_null);
    assert_null(contract->columns[1].type);
    assert_true(contract->columns[1].not_null && !contract->columns[1].key);
    assert_string_equal(contract->columns[2].reference_table, "silver.towns");
    assert_string_equal(contract->columns[2].reference_column, "town_id");
    assert_false(contract->columns[2].not_null);
    assert_string_equal(assay_contract_find(contract, "NOTE")->type, "VARCHAR");
    assert_int_equal(contract->columns[3].line, 8);
    assert_true(assay_contract_has_row_rules(contract));
}

static void a_wrong_extract_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text;
        assay_status status;
        int number, line, column;
    } cases[] = {
        {"mode: append\n", ASSAY_ECONFIG, 1204, 1, 1},
        {"source: { }\n", ASSAY_ECONFIG, 1251, 1, 1},
        {"source: { files: a.csv, connection: x }\n", ASSAY_ECONFIG, 1251, 1, 1},
        {"source: { files: a.csv, table: x }\n", ASSAY_ECONFIG, 1251, 1, 25},
        {"source: { files: data/x }\n", ASSAY_ECONFIG, 1253, 1, 18},
        {"source: { files: [a.csv, b.json] }\n", ASSAY_ECONFIG, 1253, 1, 26},
        {"source: { files: a.json, csv: {} }\n", ASSAY_ECONFIG, 1252, 1, 26},
        {"source: { files: a.csv, csv: { quote: xx } }\n", ASSAY_ECONFIG, 1254, 1, 32},
        {"source: { files: s3://b/a.csv }\n", ASSAY_EUNSUPPORTED, 2016, 1, 18},
        {"source: { files: a.csv }\nwatermark: { column: x }\n", ASSAY_ECONFIG, 2014, 2, 1},
        {"source: { connection: c }\n", ASSAY_ECONFIG, 1251, 1, 1},
        {"source: { connection: c, table: t, query: q }\n", ASSAY_ECONFIG, 1251, 1, 1},
        {"source: { connection: c, table: ' ' }\n", ASSAY_ECONFIG, 1251, 1, 33},
        {"source: { connection: c, table: t, format: csv }\n", ASSAY_ECONFIG, 1252, 1, 36},
        {"source: { connection: c, table: t }\nchanged_file: fail\n", ASSAY_ECONFIG, 1252, 2, 1},
        {"source: { connection: c, table: t }\nmode: append\n", ASSAY_ECONFIG, 2014, 2, 1},
        {"source: { connection: c, table: t }\nmode: full\nwatermark: { column: a }\n",
         ASSAY_ECONFIG, 2014, 3, 1},
        {"source: { connection: c, table: t }\nwatermark: { lookback: 1h }\n", ASSAY_ECONFIG, 1204,
         2, 12},
        {"source: { connection: c, table: t }\nwatermark: { column: a, lookback: soon }\n",
         ASSAY_ECONFIG, 1257, 2, 35},
        {"source: { files: a.csv }\ncontract: { columns: { a: { references: b.c } } }\n",
         ASSAY_ECONFIG, 1256, 2, 29},
        {"source: { files: a.csv }\ncontract: { columns: { a: { nullabel: true } } }\n",
         ASSAY_ECONFIG, 1201, 2, 29},
        {"source: { files: a.csv }\ncontract: { columns: { a: INT, A: INT } }\n", ASSAY_ECONFIG,
         1255, 2, 32},
        {"source: { files: a.csv }\ncontract: { new_column: allow }\n", ASSAY_ECONFIG, 1203, 2, 25},
        {"source: { files: a.csv }\nmode: merge\n", ASSAY_ECONFIG, 2030, 2, 1},
    };
    struct fixture *fixture = *state;
    assay_extract_config *extract = NULL;
    assay_model_header header;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(read_extract(fixture, cases[i].text, &extract, &header), cases[i].status);
        expect_error(fixture, cases[i].status, cases[i].number, cases[i].line, cases[i].column, "");
    }
}

/* ---- reference and schema ---- */

static void every_table_becomes_a_reference_and_a_json_schema(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < assay_config_table_count(); i++) {
        ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
        ASSAY_AUTO(assay_buf_done) assay_buf schema = ASSAY_BUF_EMPTY;
        const assay_key_table *table = assay_config_table_at(i);
        assay_value *tree = NULL;

        assert_ptr_equal(assay_config_table_find(table->name), table);
        assay_config_append_reference(&text, table);
        assert_non_null(strstr(assay_buf_text(&text), table->keys[0].name));
        assay_config_append_json_schema(&schema, table);
        assert_int_equal(assay_json_parse(assay_buf_text(&schema), schema.size, "schema",
                                          fixture->arena, &tree, &fixture->err),
                         ASSAY_OK);
        const assay_value *properties = assay_value_find(tree, "properties");
        assert_int_equal(properties->count, table->count);
    }
    assert_null(assay_config_table_find("nothing"));
}

static void no_table_has_a_key_twice_and_every_key_has_a_line_of_doc(void **state)
{
    (void)state;
    for (size_t i = 0; i < assay_config_table_count(); i++) {
        const assay_key_table *table = assay_config_table_at(i);

        for (size_t j = 0; j < table->count; j++) {
            assert_true(strlen(table->keys[j].doc) > 3);
            assert_int_equal(table->keys[j].type == ASSAY_KEY_ENUM, table->keys[j].choices != NULL);
            for (size_t k = 0; k < j; k++)
                assert_string_not_equal(table->keys[j].name, table->keys[k].name);
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_project_has_targets_with_settings_and_variables),
        TEST(a_project_without_targets_has_one_called_local),
        TEST(an_unknown_key_is_refused_with_its_place_and_the_nearest_one),
        TEST(storage_defaults_to_iceberg_in_the_folder_catalog),
        TEST(one_layer_may_have_another_format_and_keep),
        TEST(java_class_names_choose_our_catalogs),
        TEST(a_warehouse_that_is_not_local_is_refused),
        TEST(connections_are_checked_and_read_by_their_type),
        TEST(a_secret_in_the_file_is_refused_and_not_shown),
        TEST(the_header_is_the_leading_comment_between_dashes),
        TEST(a_header_gives_mode_key_inputs_partitions_tags_and_columns),
        TEST(keys_that_mean_nothing_are_refused_by_number),
        TEST(a_header_gives_its_publications),
        TEST(publications_that_contradict_themselves_are_refused_with_their_place),
        TEST(an_extract_has_a_source_a_dialect_and_a_contract),
        TEST(a_contract_says_what_rows_must_be_like),
        TEST(a_wrong_extract_is_refused_with_its_place),
        TEST(every_table_becomes_a_reference_and_a_json_schema),
        TEST(no_table_has_a_key_twice_and_every_key_has_a_line_of_doc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
