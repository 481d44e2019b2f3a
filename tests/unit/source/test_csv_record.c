#include "source/csv_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const assay_source_dialect usual = {.delimiter = ",", .quote = "\"", .escape = "\""};
static const assay_source_dialect odd = {.delimiter = "||", .quote = "'", .escape = "\\"};
static const assay_source_dialect bare = {.delimiter = "\t", .quote = "", .escape = ""};

static void a_record_of_so_many_fields_fits(void **state)
{
    static const struct {
        const char *text;
        const assay_source_dialect *dialect;
        size_t fields;
    } fitting[] = {
        {"", &usual, 1},
        {"a", &usual, 1},
        {"a,b,c", &usual, 3},
        {",,", &usual, 3},
        {"a,\"b,c\",d", &usual, 3},
        {"\"a\nb\",c", &usual, 2},
        {"\"say \"\"a, b\"\"\",c", &usual, 2},
        {"\"\",x", &usual, 2},
        {"a\"b,c", &usual, 2},
        {"a||'b||c'||'it\\'s'", &odd, 3},
        {"a|b||c", &odd, 2},
        {"a\t\"b", &bare, 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof fitting / sizeof fitting[0]; i++)
        if (!assay_csv_record_fits(fitting[i].text, fitting[i].dialect, fitting[i].fields))
            fail_msg("does not fit: %s", fitting[i].text);
}

static void a_record_that_could_swallow_others_does_not_fit(void **state)
{
    static const struct {
        const char *text;
        const assay_source_dialect *dialect;
        size_t fields;
    } wrong[] = {
        {"a,b", &usual, 3},      {"a,b,c", &usual, 2},  {"a,\"b", &usual, 2},
        {"\"a\"x,b", &usual, 2}, {"a\nb,c", &usual, 2}, {"a,b\r", &usual, 2},
        {"\"a\"\"", &usual, 1},  {"'a\\'||b", &odd, 2}, {"'a'b||c", &odd, 2},
        {"a\tb\nc", &bare, 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (assay_csv_record_fits(wrong[i].text, wrong[i].dialect, wrong[i].fields))
            fail_msg("fits: %s", wrong[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_of_so_many_fields_fits),
        cmocka_unit_test(a_record_that_could_swallow_others_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
