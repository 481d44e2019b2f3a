#include "text/excerpt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *source, int line, int column, const char *expected)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    assay_excerpt_append(&buf, source, line, column);
    assert_string_equal(assay_buf_text(&buf), expected);
}

static void the_caret_stands_under_the_identifier(void **state)
{
    (void)state;
    expect("select\n       total_amnt as amount,\nfrom x\n", 2, 8,
           "    2 |        total_amnt as amount,\n"
           "      |        ^^^^^^^^^^\n");
    expect("a, \xC3\xA4\xC3\xB6 x", 1, 4,
           "    1 | a, \xC3\xA4\xC3\xB6 x\n"
           "      |    ^^\n");
    expect("\tx = (1)", 1, 6,
           "    1 | \tx = (1)\n"
           "      | \t    ^\n");
    expect("a b\r\n", 1, 3, "    1 | a b\n      |   ^\n");
}

static void the_end_of_a_line_can_be_pointed_at(void **state)
{
    (void)state;
    expect("ab\nc", 1, 3, "    1 | ab\n      |   ^\n");
    expect("ab\nc", 1, 99, "    1 | ab\n      |   ^\n");
    expect("ab\n\nc", 2, 1, "    2 | \n      | ^\n");
    expect("ab", 1, 0, "    1 | ab\n");
}

static void a_line_that_does_not_exist_gives_nothing(void **state)
{
    (void)state;
    expect("ab\n", 2, 1, "");
    expect("ab\n", 3, 1, "");
    expect("ab\n", 0, 1, "");
    expect(NULL, 1, 1, "");
}

static void controls_do_not_reach_the_terminal(void **state)
{
    (void)state;
    expect("a\x1B[31m\x7F\xFF\xC2\x9B"
           "b",
           1, 1,
           "    1 | a?[31m???b\n"
           "      | ^\n");
}

static void a_long_line_is_shown_around_the_column(void **state)
{
    char source[1001];
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    (void)state;
    memset(source, '-', sizeof source - 1);
    source[sizeof source - 1] = '\0';
    source[499] = 'X';
    assay_excerpt_append(&buf, source, 1, 500);
    const char *text = assay_buf_text(&buf);
    const char *caret_line = strchr(text, '\n') + 1;
    assert_true(buf.size < 400);
    /* The ellipsis is one column wide and three bytes long. */
    assert_int_equal(strchr(text, 'X') - text - 2, strchr(caret_line, '^') - caret_line);
}

static void offsets_become_lines_and_columns(void **state)
{
    static const char source[] = "ab\n\xC3\xA4"
                                 "c\n";
    int line = 0;
    int column = 0;

    (void)state;
    assay_excerpt_position(source, 0, &line, &column);
    assert_int_equal(line * 100 + column, 101);
    assay_excerpt_position(source, 2, &line, &column);
    assert_int_equal(line * 100 + column, 103);
    assay_excerpt_position(source, 5, &line, &column);
    assert_int_equal(line * 100 + column, 202);
    assay_excerpt_position(source, 999, &line, &column);
    assert_int_equal(line * 100 + column, 301);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_caret_stands_under_the_identifier),
        cmocka_unit_test(the_end_of_a_line_can_be_pointed_at),
        cmocka_unit_test(a_line_that_does_not_exist_gives_nothing),
        cmocka_unit_test(controls_do_not_reach_the_terminal),
        cmocka_unit_test(a_long_line_is_shown_around_the_column),
        cmocka_unit_test(offsets_become_lines_and_columns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
