#include "published/growth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static assay_published_rows rows_of(assay_data_file *files, size_t count)
{
    return (assay_published_rows){.files = files, .count = count};
}

static assay_growth growth_of(assay_published_rows then, assay_published_rows now,
                              assay_arena *arena)
{
    assay_growth growth;

    assert_int_equal(assay_growth_between(&then, &now, arena, &growth, NULL), ASSAY_OK);
    return growth;
}

static void files_are_told_apart_by_name_wherever_they_lie(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_data_file then[] = {{.path = "/t/v1/a.parquet", .rows = 3}};
    assay_data_file now[] = {{.path = "/t/v2/b.parquet", .rows = 2},
                             {.path = "/t/v2/a.parquet", .rows = 3}};
    assay_growth growth = growth_of(rows_of(then, 1), rows_of(now, 2), arena);

    assert_int_equal(growth.lost, 0);
    assert_int_equal(growth.added_count, 1);
    assert_string_equal(growth.added[0].path, "/t/v2/b.parquet");
}

static void a_file_that_is_gone_or_has_lost_rows_is_no_growth(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_data_file then[] = {{.path = "/t/a.parquet", .rows = 3},
                              {.path = "/t/b.parquet", .rows = 3}};
    assay_data_file gone[] = {{.path = "/t/b.parquet", .rows = 3},
                              {.path = "/t/c.parquet", .rows = 1}};
    assay_data_file fewer[] = {{.path = "/t/a.parquet", .rows = 2},
                               {.path = "/t/b.parquet", .rows = 3}};

    assay_growth growth = growth_of(rows_of(then, 2), rows_of(gone, 2), arena);
    assert_int_equal(growth.lost, 1);
    assert_int_equal(growth.added_count, 1);
    growth = growth_of(rows_of(then, 2), rows_of(fewer, 2), arena);
    assert_int_equal(growth.lost, 1);
    assert_int_equal(growth.added_count, 0);
}

static void an_empty_table_may_grow_and_stay(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_data_file now[] = {{.path = "/t/a.parquet", .rows = 3}};

    assert_int_equal(growth_of(rows_of(NULL, 0), rows_of(NULL, 0), arena).added_count, 0);
    assert_int_equal(growth_of(rows_of(NULL, 0), rows_of(now, 1), arena).added_count, 1);
    assert_int_equal(growth_of(rows_of(NULL, 0), rows_of(now, 1), arena).lost, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_told_apart_by_name_wherever_they_lie),
        cmocka_unit_test(a_file_that_is_gone_or_has_lost_rows_is_no_growth),
        cmocka_unit_test(an_empty_table_may_grow_and_stay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
