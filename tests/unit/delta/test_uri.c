#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "delta/uri.h"

static void names_that_need_no_escape_stay_as_they_are(void **state)
{
    assay_arena *arena = assay_arena_new();

    (void)state;
    assert_string_equal(assay_delta_uri_encode(arena, "01ab-3.parquet"), "01ab-3.parquet");
    assert_string_equal(assay_delta_uri_encode(arena, "a/b_c~d"), "a/b_c~d");
    assay_arena_free(arena);
}

static void everything_else_is_escaped_once_and_comes_back(void **state)
{
    static const char *const names[] = {"p=a b/x.parquet", "p=a%2Fb/x.parquet", "ü#?@:&.parquet",
                                        "100%.parquet"};
    assay_arena *arena = assay_arena_new();

    (void)state;
    assert_string_equal(assay_delta_uri_encode(arena, "p=a%2Fb"), "p%3Da%252Fb");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char *uri = assay_delta_uri_encode(arena, names[i]);

        assert_string_equal(assay_delta_uri_decode(arena, uri), names[i]);
    }
    assay_arena_free(arena);
}

static void a_percent_that_begins_no_escape_stays(void **state)
{
    assay_arena *arena = assay_arena_new();

    (void)state;
    assert_string_equal(assay_delta_uri_decode(arena, "a%zz%4"), "a%zz%4");
    assert_string_equal(assay_delta_uri_decode(arena, "a%00b"), "a%00b");
    assay_arena_free(arena);
}

static void recorded_paths_of_one_file_resolve_to_one_path(void **state)
{
    static const char *const uris[] = {"x%20y.parquet", "/lake/t/x%20y.parquet",
                                       "file:/lake/t/x%20y.parquet", "file:///lake/t/x%20y.parquet",
                                       "./z/../x%20y.parquet"};
    assay_arena *arena = assay_arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++)
        assert_string_equal(assay_delta_uri_resolve(arena, "/lake/t", uris[i]),
                            "/lake/t/x y.parquet");
    assert_string_equal(assay_delta_uri_resolve(arena, "/lake/t", "s3://b/x%20y"), "s3://b/x%20y");
    assay_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_need_no_escape_stay_as_they_are),
        cmocka_unit_test(everything_else_is_escaped_once_and_comes_back),
        cmocka_unit_test(a_percent_that_begins_no_escape_stays),
        cmocka_unit_test(recorded_paths_of_one_file_resolve_to_one_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
