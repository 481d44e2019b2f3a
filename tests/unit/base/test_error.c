#include "base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void numbers_are_sorted_unique_and_explained(void **state)
{
    int before = 0;

    (void)state;
    assert_true(assay_error_count() > 30);
    for (size_t i = 0; i < assay_error_count(); i++) {
        int number = assay_error_number_at(i);
        assert_true(number > before);
        before = number;
        assert_non_null(assay_error_title(number));
        assert_true(strlen(assay_error_title(number)) > 3);
        assert_true(strlen(assay_error_explanation(number)) > 20);
        assert_int_not_equal(assay_error_number_status(number), ASSAY_OK);
    }
    assert_null(assay_error_title(1));
    assert_null(assay_error_explanation(99999));
    assert_int_equal(assay_error_number_status(1), ASSAY_EINTERNAL);
}

static void every_status_has_name_and_exit_code(void **state)
{
    static const int codes[] = {0, 1, 2, 2, 1, 1, 1, 1, 1, 3, 1, 4, 4, 130, 2, 6, 5};

    (void)state;
    for (int i = 0; i <= ASSAY_EINTERNAL; i++) {
        assert_string_not_equal(assay_status_name((assay_status)i), "UNKNOWN");
        assert_int_equal(assay_status_exit_code((assay_status)i), codes[i]);
    }
    assert_string_equal(assay_status_name(ASSAY_ECONFLICT), "ECONFLICT");
}

static void an_outside_system_that_may_answer_later_has_an_exit_code_of_its_own(void **state)
{
    assay_error err = {.code = ASSAY_EIO};

    (void)state;
    assert_int_equal(assay_error_exit_code(&err), 1);
    err.retryable = true;
    assert_int_equal(assay_error_exit_code(&err), 4);
    err.code = ASSAY_EUNKNOWN_OUTCOME;
    assert_int_equal(assay_error_exit_code(&err), 4);
    err.code = ASSAY_EDATA;
    assert_int_equal(assay_error_exit_code(&err), 1);
    err.code = ASSAY_ECONFLICT;
    assert_int_equal(assay_error_exit_code(&err), 1);
    err.number = 3113; /* a transaction of somebody else in an outside database */
    assert_int_equal(assay_error_exit_code(&err), 4);
    assert_int_equal(assay_error_exit_code(NULL), 0);
    err = (assay_error){.code = ASSAY_ENOTFOUND, .number = 4062};
    assert_int_equal(assay_error_exit_code(&err), 2);
}

static void exit_codes_have_the_order_of_their_weight(void **state)
{
    static const int order[] = {130, 143, 5, 2, 3, 1, 4, 6, 0};

    (void)state;
    for (size_t i = 1; i < sizeof order / sizeof order[0]; i++)
        assert_true(assay_exit_code_rank(order[i - 1]) < assay_exit_code_rank(order[i]));

    const assay_error none = {0};
    const assay_error data = {.code = ASSAY_EDATA};
    const assay_error shut = {.code = ASSAY_EGATE};
    const assay_error more = {.code = ASSAY_EIO};
    assert_true(assay_error_is_graver(&shut, &data) && !assay_error_is_graver(&data, &shut));
    assert_true(assay_error_is_graver(&data, &none) && !assay_error_is_graver(&none, &data));
    assert_false(assay_error_is_graver(&none, &none) || assay_error_is_graver(&more, &data));
}

static void set_replaces_what_was_there(void **state)
{
    assay_error err = {0};

    (void)state;
    err.retryable = true;
    err.line = 7;
    assert_int_equal(assay_error_set(&err, ASSAY_EDATA, 1101, "'%s' is broken", "x"), ASSAY_EDATA);
    assert_string_equal(err.message, "'x' is broken");
    assert_int_equal(err.number, 1101);
    assert_int_equal(err.line, 0);
    assert_false(err.retryable);
    assay_error_clear(&err);
    assert_int_equal(err.code, ASSAY_OK);
    assert_string_equal(err.message, "");
}

static void message_may_quote_the_error_itself(void **state)
{
    assay_error err = {0};

    (void)state;
    (void)assay_error_set(&err, ASSAY_EIO, 0, "inner");
    (void)assay_error_set(&err, ASSAY_EDATA, 0, "outer of %s", err.message);
    assert_string_equal(err.message, "outer of inner");
}

static void wrapping_puts_context_before_and_keeps_the_rest(void **state)
{
    assay_error err = {0};
    assay_place place = {"a.sql", 3, 4};

    (void)state;
    (void)assay_error_at(&err, ASSAY_ECONFIG, 1110, place, "cause");
    assert_int_equal(assay_error_wrap(&err, "reading '%s'", "t"), ASSAY_ECONFIG);
    assert_string_equal(err.message, "reading 't': cause");
    assert_int_equal(err.number, 1110);
    assert_string_equal(err.path, "a.sql");
    assert_int_equal(err.line, 3);
    assert_int_equal(err.column, 4);
    assert_int_equal(assay_error_wrap_status(&err, ASSAY_EIO, "more"), ASSAY_EIO);
    assert_string_equal(err.message, "more: reading 't': cause");
    assert_int_equal(err.code, ASSAY_EIO);
}

static void first_place_stays(void **state)
{
    assay_error err = {0};

    (void)state;
    (void)assay_error_set(&err, ASSAY_ECONFIG, 0, "x");
    assay_error_place(&err, (assay_place){"one", 1, 2});
    assay_error_place(&err, (assay_place){"two", 3, 4});
    assert_string_equal(err.path, "one");
    assert_int_equal(err.line, 1);
}

static void errno_values_become_status_and_number(void **state)
{
    assay_error err = {0};

    (void)state;
    assert_int_equal(assay_error_errno(&err, ENOENT, "cannot open '%s'", "f"), ASSAY_ENOTFOUND);
    assert_string_equal(err.message, "cannot open 'f': No such file or directory");
    assert_int_equal(err.number, 1301);
    assert_int_equal(err.native, ENOENT);
    assert_int_equal(assay_error_errno(&err, EEXIST, "x"), ASSAY_EEXISTS);
    assert_int_equal(assay_error_errno(&err, ENOMEM, "x"), ASSAY_ENOMEM);
    assert_int_equal(assay_error_errno(&err, ENOSPC, "x"), ASSAY_EIO);
    assert_int_equal(err.number, 1303);
    assert_int_equal(assay_error_errno(&err, EACCES, "x"), ASSAY_EIO);
    assert_int_equal(err.number, 1302);
    assert_int_equal(assay_error_errno(&err, EIO, "x"), ASSAY_EIO);
    assert_int_equal(err.number, 1300);
}

static void a_long_message_is_cut_between_code_points(void **state)
{
    char text[3000];
    assay_error err = {0};

    (void)state;
    for (size_t shift = 0; shift < 3; shift++) {
        memset(text, 'x', shift);
        for (size_t i = shift; i + 3 < sizeof text; i += 3)
            memcpy(text + i, "\xE2\x82\xAC", 4);
        (void)assay_error_set(&err, ASSAY_EDATA, 0, "%s", text);
        size_t length = strlen(err.message);
        assert_true(length >= sizeof err.message - 4 && length < sizeof err.message);
        assert_int_equal((length - shift) % 3, 0);
        (void)assay_error_wrap(&err, "context");
        assert_int_equal(strncmp(err.message, "context: ", 9), 0);
        assert_int_equal((strlen(err.message) - 9 - shift) % 3, 0);
    }
}

static void everything_works_without_an_error_record(void **state)
{
    (void)state;
    assert_int_equal(assay_error_set(NULL, ASSAY_EIO, 0, "x"), ASSAY_EIO);
    assert_int_equal(assay_error_errno(NULL, ENOENT, "x"), ASSAY_ENOTFOUND);
    assert_int_equal(assay_error_nomem(NULL), ASSAY_ENOMEM);
    assert_int_equal(assay_error_wrap_status(NULL, ASSAY_EDATA, "x"), ASSAY_EDATA);
    assert_int_equal(assay_error_wrap(NULL, "x"), ASSAY_EINTERNAL);
    assay_error_place(NULL, (assay_place){"p", 1, 1});
    assay_error_clear(NULL);
    assay_error from = {.code = ASSAY_EGATE};
    assert_int_equal(assay_error_copy(NULL, &from), ASSAY_EGATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_sorted_unique_and_explained),
        cmocka_unit_test(every_status_has_name_and_exit_code),
        cmocka_unit_test(an_outside_system_that_may_answer_later_has_an_exit_code_of_its_own),
        cmocka_unit_test(exit_codes_have_the_order_of_their_weight),
        cmocka_unit_test(set_replaces_what_was_there),
        cmocka_unit_test(message_may_quote_the_error_itself),
        cmocka_unit_test(wrapping_puts_context_before_and_keeps_the_rest),
        cmocka_unit_test(first_place_stays),
        cmocka_unit_test(errno_values_become_status_and_number),
        cmocka_unit_test(a_long_message_is_cut_between_code_points),
        cmocka_unit_test(everything_works_without_an_error_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
