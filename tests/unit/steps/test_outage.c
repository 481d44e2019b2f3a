#include "steps/outage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND_US = 1000000 };

static const assay_error refused = {.code = ASSAY_EIO, .number = 3112, .message = "refused"};

static void a_database_that_was_not_reached_is_left_alone_for_a_while(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_outages_freep) assay_outages *outages = assay_outages_new();
    assay_error why = {0};

    assert_false(assay_outages_find(outages, "a", 0, &why));
    assay_outages_note(outages, "a", 5 * SECOND_US, &refused);
    assert_true(assay_outages_find(outages, "a", 64 * SECOND_US, &why));
    assert_int_equal(why.number, 3112);
    assert_string_equal(why.message, "refused");
    assert_false(assay_outages_find(outages, "a", 65 * SECOND_US, &why));
    assert_false(assay_outages_find(outages, "b", 6 * SECOND_US, &why));
}

static void the_place_of_the_one_that_tried_is_not_that_of_the_others(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_outages_freep) assay_outages *outages = assay_outages_new();
    assay_error why = refused;

    assay_error_place(&why, (assay_place){"models/a.sql", 3, 5});
    assay_outages_note(outages, "a", 0, &why);
    assert_true(assay_outages_find(outages, "a", SECOND_US, &why));
    assert_string_equal(why.path, "");
    assert_int_equal(why.line, 0);
    assert_int_equal(why.column, 0);
}

static void the_last_failure_begins_the_time_anew(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_outages_freep) assay_outages *outages = assay_outages_new();
    assay_error why = {0};
    assay_error later = refused;

    (void)strcpy(later.message, "later");
    assay_outages_note(outages, "a", 0, &refused);
    assay_outages_note(outages, "a", 70 * SECOND_US, &later);
    assert_true(assay_outages_find(outages, "a", 100 * SECOND_US, &why));
    assert_string_equal(why.message, "later");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_database_that_was_not_reached_is_left_alone_for_a_while),
        cmocka_unit_test(the_place_of_the_one_that_tried_is_not_that_of_the_others),
        cmocka_unit_test(the_last_failure_begins_the_time_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
