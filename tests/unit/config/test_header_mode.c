/* The modes of a header and the keys that belong to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "config/extract.h"
#include "config/header.h"
#include "text/yaml.h"

struct fixture {
    assay_arena *arena;
    assay_error err;
};

static int setup(void **state)
{
    static struct fixture fixture;

    fixture.arena = assay_arena_new();
    *state = &fixture;
    return fixture.arena != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    assay_arena_free(fixture->arena);
    return 0;
}

static const assay_value *parse(struct fixture *fixture, const char *yaml)
{
    const assay_yaml_source source = {
        .bytes = yaml, .size = strlen(yaml), .path = "m.sql", .first_line = 1, .first_column = 1};
    assay_value *tree = NULL;

    assert_int_equal(assay_yaml_parse(&source, fixture->arena, &tree, &fixture->err), ASSAY_OK);
    return tree;
}

static assay_status read(struct fixture *fixture, const char *yaml, assay_model_header *header)
{
    assay_error_clear(&fixture->err);
    return assay_model_header_read(parse(fixture, yaml), "m.sql", fixture->arena, header,
                                   &fixture->err);
}

static void merge_has_key_version_and_deletions(void **state)
{
    struct fixture *fixture = *state;
    assay_model_header header;

    assert_int_equal(read(fixture,
                          "mode: merge\nkey: [a, b]\nversion: v\ndelete_when: op = 'D'\n"
                          "soft_delete: true\n",
                          &header),
                     ASSAY_OK);
    assert_int_equal(header.mode, ASSAY_LOAD_MERGE);
    assert_int_equal(header.key_count, 2);
    assert_string_equal(header.version.text, "v");
    assert_int_equal(header.version.line, 3);
    assert_string_equal(header.delete_when.text, "op = 'D'");
    assert_true(header.soft_delete);

    assert_int_equal(read(fixture, "mode: merge\nkey: a\n", &header), ASSAY_OK);
    assert_null(header.version.text);
    assert_null(header.delete_when.text);
    assert_false(header.soft_delete);
}

static void columns_say_whether_they_make_history(void **state)
{
    struct fixture *fixture = *state;
    assay_model_header header;

    assert_int_equal(read(fixture,
                          "mode: scd2\nkey: a\nversion: v\n"
                          "columns: { b: { track: true }, c: { track: false }, d: { doc: x } }\n",
                          &header),
                     ASSAY_OK);
    assert_int_equal(header.columns[0].track, ASSAY_TRACK_YES);
    assert_int_equal(header.columns[1].track, ASSAY_TRACK_NO);
    assert_int_equal(header.columns[2].track, ASSAY_TRACK_UNSAID);
}

static void a_mode_without_what_it_needs_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *yaml;
        int number, line;
        const char *part;
    } CASES[] = {
        {"mode: merge\n", 2030, 1, "needs 'key'"},
        {"description: x\nmode: scd2\nkey: a\n", 2030, 2, "needs 'version'"},
        {"mode: scd2\nversion: v\n", 2030, 1, "needs 'key'"},
        {"mode: replace_partitions\n", 2030, 1, "needs 'partition_by'"},
        {"mode: merge\nkey: []\n", 2030, 1, "needs 'key'"},
        {"mode: replace_partitions\npartition_by: []\n", 2030, 1, "needs 'partition_by'"},
        {"mode: merge\nkey: a\nsoft_delete: true\n", 2030, 3, "needs 'delete_when'"},
        {"mode: append\ndelete_when: x\n", 2012, 2, "'delete_when' has no meaning"},
        {"mode: scd2\nkey: a\nversion: v\nsoft_delete: true\n", 2012, 4, "'soft_delete'"},
        {"version: v\n", 2012, 1, "no meaning in mode 'full'"},
        {"mode: replace_partitions\npartition_by: a\nversion: v\n", 2012, 3, "'version'"},
        {"mode: merge\nkey: a\ncolumns: { b: { track: true } }\n", 2012, 3, "'track'"},
        {"mode: scd2\nkey: a\nversion: v\ncolumns: { a: { track: true } }\n", 2012, 4,
         "key column"},
        {"mode: scd2\nkey: a\nversion: v\ncolumns: { v: { track: true } }\n", 2012, 4,
         "version column"},
        {"mode: full\nnew_rows_of: x.y\n", 2012, 2, "older rows"},
    };
    struct fixture *fixture = *state;
    assay_model_header header;

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_int_equal(read(fixture, CASES[i].yaml, &header), ASSAY_ECONFIG);
        assert_int_equal(fixture->err.number, CASES[i].number);
        assert_int_equal(fixture->err.line, CASES[i].line);
        if (strstr(fixture->err.message, CASES[i].part) == NULL)
            fail_msg("'%s' lacks '%s'", fixture->err.message, CASES[i].part);
    }
}

static void modes_have_the_names_that_headers_use(void **state)
{
    (void)state;
    assert_string_equal(assay_load_mode_name(ASSAY_LOAD_FULL), "full");
    assert_string_equal(assay_load_mode_name(ASSAY_LOAD_MERGE), "merge");
    assert_string_equal(assay_load_mode_name(ASSAY_LOAD_REPLACE_PARTITIONS), "replace_partitions");
    assert_string_equal(assay_load_mode_name(ASSAY_LOAD_SCD2), "scd2");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(merge_has_key_version_and_deletions),
        TEST(columns_say_whether_they_make_history),
        TEST(a_mode_without_what_it_needs_is_refused_with_its_place),
        TEST(modes_have_the_names_that_headers_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
