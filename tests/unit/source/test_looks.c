#include "source/looks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void note(assay_source_looks *looks)
{
    assay_column columns[] = {{"id", "BIGINT"}, {"name", "VARCHAR"}};
    const assay_source_file file = {
        .path = "/p/a.csv",
        .given = "a.csv",
        .size = 7,
        .mtime_ns = 11,
        .sha256 = "ab",
        .looked = true,
        .columns = columns,
        .column_count = 2,
        .header = "id;name\n",
        .dialect = {.delimiter = ";", .quote = "\"", .escape = "\"", .header = true}};

    assay_source_looks_note(looks, "bronze.t", &file);
}

static void a_file_that_stayed_as_it_was_is_known(void **state)
{
    assay_source_looks *looks = assay_source_looks_new();
    assay_source_file file = {.path = "/p/a.csv", .size = 7, .mtime_ns = 11};

    (void)state;
    assert_non_null(looks);
    note(looks);
    assert_true(assay_source_looks_recall(looks, "bronze.t", &file));
    assert_true(file.looked);
    assert_string_equal(file.sha256, "ab");
    assert_string_equal(file.header, "id;name\n");
    assert_string_equal(file.dialect.delimiter, ";");
    assert_int_equal(file.column_count, 2);
    assert_string_equal(file.columns[1].name, "name");
    assert_string_equal(file.columns[0].type, "BIGINT");
    assay_source_looks_freep(&looks);
    assert_null(looks);
}

static void another_size_time_path_or_source_is_not_known(void **state)
{
    assay_source_looks *looks = assay_source_looks_new();
    assay_source_file size = {.path = "/p/a.csv", .size = 8, .mtime_ns = 11};
    assay_source_file time = {.path = "/p/a.csv", .size = 7, .mtime_ns = 12};
    assay_source_file path = {.path = "/p/b.csv", .size = 7, .mtime_ns = 11};
    assay_source_file file = {.path = "/p/a.csv", .size = 7, .mtime_ns = 11};

    (void)state;
    assert_non_null(looks);
    note(looks);
    assert_false(assay_source_looks_recall(looks, "bronze.t", &size));
    assert_false(assay_source_looks_recall(looks, "bronze.t", &time));
    assert_false(assay_source_looks_recall(looks, "bronze.t", &path));
    assert_false(assay_source_looks_recall(looks, "bronze.u", &file));
    assert_false(assay_source_looks_recall(NULL, "bronze.t", &file));
    assert_false(file.looked);
    assert_null(file.sha256);
    assay_source_looks_freep(&looks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_stayed_as_it_was_is_known),
        cmocka_unit_test(another_size_time_path_or_source_is_not_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
