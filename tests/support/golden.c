#include "support/golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/path.h"
#include "base/str.h"
#include "table/scan.h"
#include "text/json.h"

static const char tables_folder[] = ASSAY_TEST_SOURCE_DIR "/../shared/data/tables";

enum { MANIFEST_BYTES_MAX = 16 << 20 };

bool golden_open(test_lake *lake, const char *pack, golden *ret_golden)
{
    assay_buf text = ASSAY_BUF_EMPTY;
    assay_path_info info = {.exists = false};
    assay_value *root = NULL;
    char *manifest = assay_arena_format(lake->arena, "%s/manifest.json", tables_folder);
    char *command = NULL;

    assert_int_equal(assay_path_stat(manifest, &info, NULL), ASSAY_OK);
    if (!info.exists)
        return false;
    assert_int_equal(assay_path_read(manifest, MANIFEST_BYTES_MAX, &text, NULL), ASSAY_OK);
    assert_int_equal(assay_json_parse(text.data, text.size, manifest, lake->arena, &root, NULL),
                     ASSAY_OK);
    assay_buf_done(&text);
    ret_golden->manifest = assay_value_find(root, "tables");
    ret_golden->folder = lake_path(lake, "golden");
    assert_int_equal(assay_path_make(ret_golden->folder, NULL), ASSAY_OK);
    command = assay_arena_format(lake->arena, "zstd -dc '%s/%s' | tar -x -C '%s'", tables_folder,
                                 pack, ret_golden->folder);
    if (system(command) != 0) { /* NOLINT(cert-env33-c): fixed text and a folder of the test */
        print_message("zstd or tar cannot unpack the golden tables\n");
        return false;
    }
    return true;
}

bool golden_has_feature(const assay_value *table, const char *feature)
{
    const assay_value *list = assay_value_find(table, "features");

    for (size_t i = 0; list != NULL && i < list->count; i++) {
        if (strcmp(list->items[i]->text, feature) == 0)
            return true;
    }
    return false;
}

static void differs(golden_result *result, const char *what, const char *got, const char *expected)
{
    result->ok = false;
    (void)snprintf(result->text, sizeof(result->text), "%s: %s, expected %s", what, got, expected);
}

static golden_result refused(assay_status status, const assay_error *err)
{
    golden_result result = {.ok = false, .status = status};

    (void)snprintf(result.text, sizeof(result.text), "E%d %s", err->number, err->message);
    return result;
}

static void compare_columns(const assay_column *columns, size_t count, const assay_value *expected,
                            golden_result *result)
{
    if (expected == NULL)
        return;
    if (count != expected->count)
        differs(result, "columns", "another number", "of columns");
    for (size_t i = 0; result->ok && i < count; i++) {
        const assay_value *pair = expected->items[i];

        if (strcmp(columns[i].name, pair->items[0]->text) != 0)
            differs(result, "column", columns[i].name, pair->items[0]->text);
        else if (strcmp(columns[i].type, pair->items[1]->text) != 0)
            differs(result, columns[i].name, columns[i].type, pair->items[1]->text);
    }
}

static assay_status compare(test_lake *lake, const char *scan, const assay_value *expect,
                            golden_result *result, assay_error *err)
{
    assay_buf sql = ASSAY_BUF_EMPTY;
    assay_column *columns = NULL;
    assay_rows *rows = NULL;
    size_t count = 0;
    const char *digest = assay_value_find_text(expect, "digest", NULL);
    int64_t expected_rows = assay_value_find_int(expect, "rows", -1);
    assay_status status = ASSAY_OK;

    ASSAY_TRY(assay_conn_describe(lake->conn, scan, lake->arena, &columns, &count, err));
    compare_columns(columns, count, assay_value_find(expect, "columns"), result);
    assay_buf_append_format(&sql,
                            "SELECT count(*), md5(coalesce(string_agg(h, '' ORDER BY h), '')) FROM "
                            "(SELECT md5(to_json(t)::VARCHAR) AS h FROM (%s) AS t)",
                            scan);
    status = assay_conn_query(lake->conn, assay_buf_text(&sql), 0, lake->arena, &rows, err);
    assay_buf_done(&sql);
    if (status != ASSAY_OK)
        return status;
    if (expected_rows >= 0 && rows->cells[0][0]->integer != expected_rows) {
        result->ok = false;
        (void)snprintf(result->text, sizeof(result->text), "%lld rows, expected %lld",
                       (long long)rows->cells[0][0]->integer, (long long)expected_rows);
    } else if (result->ok && digest != NULL && strcmp(rows->cells[0][1]->text, digest) != 0) {
        differs(result, "digest", rows->cells[0][1]->text, digest);
    }
    return ASSAY_OK;
}

golden_result golden_read(test_lake *lake, const assay_table_format *format, const char *location,
                          int64_t snapshot_id, const assay_value *expect)
{
    golden_result result = {.ok = true};
    assay_scan_options options = {.conn = lake->conn};
    assay_buf sql = ASSAY_BUF_EMPTY;
    assay_table *table = NULL;
    assay_schema *schema = NULL;
    assay_data_file *files = NULL;
    size_t count = 0;
    assay_error err = {0};
    assay_status status =
        format->load("golden", location, lake->store, lake->conn, lake->arena, &table, &err);

    if (status == ASSAY_OK && !table->exists)
        status = assay_error_set(&err, ASSAY_ENOTFOUND, 0, "no table");
    if (status == ASSAY_OK)
        status = format->snapshot_schema(table, snapshot_id, lake->arena, &schema, &err);
    if (status == ASSAY_OK)
        status =
            format->plan_files(table, snapshot_id, lake->store, lake->arena, &files, &count, &err);
    if (status == ASSAY_OK && assay_value_find(expect, "files") != NULL &&
        (int64_t)count != assay_value_find_int(expect, "files", -1)) {
        result.ok = false;
        (void)snprintf(result.text, sizeof(result.text), "%zu files", count);
        return result;
    }
    if (status == ASSAY_OK)
        status = assay_scan_append_sql(&sql, table, schema, files, count, &options, &err);
    if (status == ASSAY_OK)
        status = compare(lake, assay_buf_text(&sql), expect, &result, &err);
    assay_buf_done(&sql);
    return status == ASSAY_OK ? result : refused(status, &err);
}
