#include "adbc/driver.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct row {
    AdbcStatusCode code;
    int32_t vendor;
    const char *state;
    assay_status status;
    int number;
    bool retryable;
};

static void every_kind_of_failure_has_its_category(void **state)
{
    static const struct row rows[] = {
        /* SQLSTATE decides, whatever the driver's status */
        {ADBC_STATUS_IO, 0, "28P01", ASSAY_EAUTH, 3110, false},
        {ADBC_STATUS_INTERNAL, 0, "42501", ASSAY_EAUTH, 3110, false},
        {ADBC_STATUS_INTERNAL, 0, "42P01", ASSAY_ECONFIG, 3115, false},
        {ADBC_STATUS_INTERNAL, 0, "23505", ASSAY_EDATA, 3114, false},
        {ADBC_STATUS_INTERNAL, 0, "40001", ASSAY_ECONFLICT, 3113, true},
        {ADBC_STATUS_INTERNAL, 0, "40P01", ASSAY_ECONFLICT, 3113, true},
        {ADBC_STATUS_INTERNAL, 0, "55P03", ASSAY_ECONFLICT, 3113, true},
        {ADBC_STATUS_INTERNAL, 0, "53300", ASSAY_EIO, 3112, true},
        {ADBC_STATUS_INTERNAL, 0, "57P01", ASSAY_EIO, 3112, true},
        {ADBC_STATUS_INTERNAL, 0, "57014", ASSAY_ECANCELLED, 3117, false},
        {ADBC_STATUS_INTERNAL, 0, "0A000", ASSAY_EUNSUPPORTED, 3103, false},
        {ADBC_STATUS_INTERNAL, 0, "XX000", ASSAY_EIO, 3116, false},
        /* Snowflake's numbers go before its SQLSTATE */
        {ADBC_STATUS_IO, 390100, "08004", ASSAY_EAUTH, 3110, false},
        {ADBC_STATUS_IO, 390144, "08001", ASSAY_EAUTH, 3110, false},
        {ADBC_STATUS_INTERNAL, 390112, "", ASSAY_EIO, 3112, true},
        {ADBC_STATUS_INTERNAL, 390111, "08001", ASSAY_EIO, 3112, true},
        {ADBC_STATUS_INTERNAL, 2003, "42S02", ASSAY_ECONFIG, 3115, false},
        {ADBC_STATUS_INTERNAL, 1003, "42000", ASSAY_ECONFIG, 3115, false},
        {ADBC_STATUS_INTERNAL, 3001, "42501", ASSAY_EAUTH, 3110, false},
        {ADBC_STATUS_INTERNAL, 100038, "22018", ASSAY_EDATA, 3114, false},
        {ADBC_STATUS_INTERNAL, 604, "57014", ASSAY_ECANCELLED, 3117, false},
        {ADBC_STATUS_INTERNAL, 630, "", ASSAY_ETIMEOUT, 3111, true},
        {ADBC_STATUS_INTERNAL, 260008, "08001", ASSAY_EIO, 3112, true},
        /* nothing but the status */
        {ADBC_STATUS_TIMEOUT, 0, "", ASSAY_ETIMEOUT, 3111, true},
        {ADBC_STATUS_CANCELLED, 0, "", ASSAY_ECANCELLED, 3117, false},
        {ADBC_STATUS_UNAUTHENTICATED, 0, "", ASSAY_EAUTH, 3110, false},
        {ADBC_STATUS_NOT_IMPLEMENTED, 0, "", ASSAY_EUNSUPPORTED, 3103, false},
        {ADBC_STATUS_INVALID_ARGUMENT, 0, "", ASSAY_ECONFIG, 3115, false},
        {ADBC_STATUS_INTEGRITY, 0, "", ASSAY_EDATA, 3114, false},
        {ADBC_STATUS_IO, 0, "", ASSAY_EIO, 3112, true},
        {ADBC_STATUS_INVALID_STATE, 0, "", ASSAY_EIO, 3116, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[] = "the driver's words";
        struct AdbcError error = ADBC_ERROR_INIT;
        assay_error err = {0};

        error.message = text;
        error.vendor_code = rows[i].vendor;
        memcpy(error.sqlstate, rows[i].state, strlen(rows[i].state));
        if (assay_adbc_fail(rows[i].code, &error, "it failed", &err) != rows[i].status ||
            err.number != rows[i].number || err.retryable != rows[i].retryable)
            fail_msg("row %zu (%d, %s): %s %d", i, rows[i].vendor, rows[i].state,
                     assay_status_name(err.code), err.number);
        assert_string_equal(err.sqlstate, rows[i].state);
        assert_int_equal(err.native, rows[i].vendor != 0 ? rows[i].vendor : rows[i].code);
        assert_string_equal(err.message, "it failed: the driver's words");
    }
}

static void paragraphs_become_one_line(void **state)
{
    char text[] = "ERROR: no\n\n\tsuch  thing\r\nLINE 1\n";
    struct AdbcError error = ADBC_ERROR_INIT;
    assay_error err = {0};

    (void)state;
    error.message = text;
    assert_int_equal(assay_adbc_fail(ADBC_STATUS_IO, &error, "it failed", &err), ASSAY_EIO);
    assert_string_equal(err.message, "it failed: ERROR: no such thing LINE 1");
    assert_int_equal(assay_adbc_fail(ADBC_STATUS_IO, &error, "it failed", NULL), ASSAY_EIO);
    error.message = NULL;
    assert_int_equal(assay_adbc_fail(ADBC_STATUS_IO, &error, "it failed", &err), ASSAY_EIO);
    assert_string_equal(err.message, "it failed: the driver says no more");
}

static void a_state_that_is_found_later_changes_the_category(void **state)
{
    assay_error err = {0};

    (void)state;
    (void)assay_error_set(&err, ASSAY_EIO, 3112, "cannot log in: no");
    assert_int_equal(assay_adbc_fail_by_state("28000", &err), ASSAY_EAUTH);
    assert_int_equal(err.code, ASSAY_EAUTH);
    assert_int_equal(err.number, 3110);
    assert_string_equal(err.sqlstate, "28000");
    assert_string_equal(err.message, "cannot log in: no");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_failure_has_its_category),
        cmocka_unit_test(paragraphs_become_one_line),
        cmocka_unit_test(a_state_that_is_found_later_changes_the_category),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
