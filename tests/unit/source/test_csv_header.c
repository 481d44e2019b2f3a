#include "source/csv_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const assay_source_dialect usual = {.delimiter = ",",
                                           .quote = "\"",
                                           .escape = "\"",
                                           .header = true};
static const assay_source_dialect skips = {
    .delimiter = ",", .quote = "\"", .escape = "\"", .header = true, .skip = 1};
static const assay_source_dialect odd = {.delimiter = ",",
                                         .quote = "'",
                                         .escape = "'",
                                         .header = true};
static const assay_source_dialect headless = {.delimiter = ",", .quote = "\"", .escape = "\""};

static size_t size_of(const char *text, const assay_source_dialect *dialect)
{
    return assay_csv_header_size(text, strlen(text), dialect);
}

static void a_header_of_the_usual_dialect_ends_with_its_line(void **state)
{
    (void)state;
    assert_int_equal(size_of("id,name\n1,a\n", &usual), 8);
    assert_int_equal(size_of("id,name\r\n1,\"a,b\"\r\n", &usual), 9);
    assert_int_equal(size_of("id,name\n1,it's\n", &usual), 8);
}

static void a_header_says_nothing_where_marks_could_mean_more(void **state)
{
    static const char *const doubtful[] = {
        "",         "id,name",   "\"id\",name\n1,a\n", "id,name\n1,'a'\n",
        "'id\n1\n", "id\n1,a\n", "id,name\n'1',a\n",   "id,name\n1,a\\b\n"};

    (void)state;
    for (size_t i = 0; i < sizeof doubtful / sizeof doubtful[0]; i++)
        if (size_of(doubtful[i], &usual) != 0)
            fail_msg("says its dialect: %s", doubtful[i]);
    assert_int_equal(assay_csv_header_size("i\0d\n1\n", 6, &usual), 0);
}

static void a_header_says_nothing_of_another_dialect(void **state)
{
    (void)state;
    assert_int_equal(size_of("id,name\n1,a\n", &skips), 0);
    assert_int_equal(size_of("id,name\n1,a\n", &odd), 0);
    assert_int_equal(size_of("id,name\n1,a\n", &headless), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_of_the_usual_dialect_ends_with_its_line),
        cmocka_unit_test(a_header_says_nothing_where_marks_could_mean_more),
        cmocka_unit_test(a_header_says_nothing_of_another_dialect),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
