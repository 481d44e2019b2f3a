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
    int exit_code;
};

static void every_kind_of_failure_has_its_category(void **state)
{
    static const struct row rows[] = {
        /* SQLSTATE decides, whatever the driver's status */
        {ADBC_STATUS_IO, 0, "28P01", ASSAY_EAUTH, 3110, false, 4},
        {ADBC_STATUS_INTERNAL, 0, "42501", ASSAY_EIO, 3123, false, 1},
        {ADBC_STATUS_INTERNAL, 0, "42P01", ASSAY_EDATA, 3115, false, 1},
        {ADBC_STATUS_INTERNAL, 0, "23505", ASSAY_EDATA, 3114, false, 1},
        {ADBC_STATUS_INTERNAL, 0, "40001", ASSAY_ECONFLICT, 3113, true, 4},
        {ADBC_STATUS_INTERNAL, 0, "40P01", ASSAY_ECONFLICT, 3113, true, 4},
        {ADBC_STATUS_INTERNAL, 0, "55P03", ASSAY_ECONFLICT, 3113, true, 4},
        {ADBC_STATUS_INTERNAL, 0, "53300", ASSAY_EIO, 3112, true, 4},
        {ADBC_STATUS_INTERNAL, 0, "57P01", ASSAY_EIO, 3112, true, 4},
        {ADBC_STATUS_INTERNAL, 0, "57014", ASSAY_EIO, 3126, true, 4},
        {ADBC_STATUS_INTERNAL, 0, "0A000", ASSAY_EDATA, 3115, false, 1},
        {ADBC_STATUS_INTERNAL, 0, "3D000", ASSAY_ENOTFOUND, 3124, false, 1},
        {ADBC_STATUS_INTERNAL, 0, "3F000", ASSAY_ENOTFOUND, 3124, false, 1},
        {ADBC_STATUS_INTERNAL, 0, "25006", ASSAY_EDATA, 3115, false, 1},
        {ADBC_STATUS_INTERNAL, 0, "P0001", ASSAY_EDATA, 3114, false, 1},
        {ADBC_STATUS_INTERNAL, 0, "08006", ASSAY_EIO, 3112, true, 4},
        {ADBC_STATUS_INTERNAL, 0, "XX000", ASSAY_EIO, 3116, false, 1},
        /* Snowflake's numbers go before its SQLSTATE */
        {ADBC_STATUS_IO, 390100, "08004", ASSAY_EAUTH, 3110, false, 4},
        {ADBC_STATUS_IO, 390144, "08001", ASSAY_EAUTH, 3110, false, 4},
        {ADBC_STATUS_INTERNAL, 390112, "", ASSAY_EIO, 3112, true, 4},
        {ADBC_STATUS_INTERNAL, 390111, "08001", ASSAY_EIO, 3112, true, 4},
        {ADBC_STATUS_INTERNAL, 2003, "42S02", ASSAY_EDATA, 3115, false, 1},
        {ADBC_STATUS_INTERNAL, 1003, "42000", ASSAY_EDATA, 3115, false, 1},
        {ADBC_STATUS_INTERNAL, 3001, "42501", ASSAY_EIO, 3123, false, 1},
        {ADBC_STATUS_INTERNAL, 100038, "22018", ASSAY_EDATA, 3114, false, 1},
        {ADBC_STATUS_INTERNAL, 604, "57014", ASSAY_EIO, 3126, true, 4},
        {ADBC_STATUS_INTERNAL, 630, "", ASSAY_ETIMEOUT, 3111, true, 4},
        {ADBC_STATUS_INTERNAL, 260008, "08001", ASSAY_EIO, 3112, true, 4},
        /* nothing but the status */
        {ADBC_STATUS_TIMEOUT, 0, "", ASSAY_ETIMEOUT, 3111, true, 4},
        {ADBC_STATUS_CANCELLED, 0, "", ASSAY_ECANCELLED, 3117, false, 130},
        {ADBC_STATUS_UNAUTHENTICATED, 0, "", ASSAY_EAUTH, 3110, false, 4},
        {ADBC_STATUS_NOT_IMPLEMENTED, 0, "", ASSAY_EUNSUPPORTED, 3103, false, 2},
        {ADBC_STATUS_INVALID_ARGUMENT, 0, "", ASSAY_EDATA, 3115, false, 1},
        {ADBC_STATUS_INTEGRITY, 0, "", ASSAY_EDATA, 3114, false, 1},
        {ADBC_STATUS_IO, 0, "", ASSAY_EIO, 3112, true, 4},
        {ADBC_STATUS_INVALID_STATE, 0, "", ASSAY_EIO, 3116, false, 1},
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
        if (assay_error_exit_code(&err) != rows[i].exit_code)
            fail_msg("row %zu (%d, %s): exit code %d", i, rows[i].vendor, rows[i].state,
                     assay_error_exit_code(&err));
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

/* What libpq says of a login, with the words that it puts before. */
#define LIBPQ(text)                                                                              \
    "cannot log in: [libpq] Failed to connect: connection to server at \"db\" (10.0.0.1), port " \
    "5432 failed: " text

static void a_login_that_failed_without_a_state_is_told_by_its_text(void **state)
{
    static const struct {
        const char *text, *state;
        assay_status status;
        int number, exit_code;
    } rows[] = {
        {LIBPQ("FATAL: password authentication failed for user \"etl\""), "28P01", ASSAY_EAUTH,
         3110, 4},
        {LIBPQ("FATAL: database \"nowhere\" does not exist"), "3D000", ASSAY_ENOTFOUND, 3124, 1},
        {LIBPQ("FATAL: permission denied for database \"shop\""), "42501", ASSAY_EIO, 3123, 1},
        {LIBPQ("FATAL: too many connections for role \"etl\""), "53300", ASSAY_EIO, 3112, 4},
        {LIBPQ("FATAL: unrecognized configuration parameter \"bogus\""), "42704", ASSAY_EDATA, 3115,
         1},
        {LIBPQ("server does not support SSL, but SSL was required"), "", ASSAY_EIO, 3125, 1},
        {LIBPQ("SSL error: certificate verify failed"), "", ASSAY_EIO, 3125, 1},
        {LIBPQ("server certificate for \"a\" does not match host name \"db\""), "", ASSAY_EIO, 3125,
         1},
        {LIBPQ("root certificate file \"/root/.postgresql/root.crt\" does not exist"), "",
         ASSAY_EIO, 3125, 1},
        {LIBPQ("server closed the connection unexpectedly"), "08006", ASSAY_EIO, 3112, 4},
        {LIBPQ("SSL SYSCALL error: EOF detected"), "08006", ASSAY_EIO, 3112, 4},
    };
    assay_error err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assay_error_clear(&err);
        (void)assay_error_set(&err, ASSAY_EIO, 3112, "%s", rows[i].text);
        err.retryable = true;
        if (!assay_adbc_fail_by_login(&err) || err.code != rows[i].status ||
            err.number != rows[i].number || assay_error_exit_code(&err) != rows[i].exit_code)
            fail_msg("%s: %s %d, exit code %d", rows[i].text, assay_status_name(err.code),
                     err.number, assay_error_exit_code(&err));
        assert_string_equal(err.sqlstate, rows[i].state);
        assert_string_equal(err.message, rows[i].text);
    }
    assay_error_clear(&err);
    (void)assay_error_set(&err, ASSAY_EIO, 3112, LIBPQ("FATAL: etwas anderes"));
    assert_false(assay_adbc_fail_by_login(&err));
    assert_int_equal(err.number, 3112);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_failure_has_its_category),
        cmocka_unit_test(paragraphs_become_one_line),
        cmocka_unit_test(a_state_that_is_found_later_changes_the_category),
        cmocka_unit_test(a_login_that_failed_without_a_state_is_told_by_its_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
