#include "adbc/conninfo.h"

#include "support/exhaust.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void everything_is_quoted_and_limited(void **state)
{
    ASSAY_AUTO(assay_secret_freep) assay_secret *password = NULL;
    ASSAY_AUTO(assay_secret_freep) assay_secret *conninfo = NULL;
    const assay_connection_config connection = {.kind = ASSAY_CONNECTION_POSTGRES,
                                                .sslmode = "require",
                                                .options = "-c search_path=shop",
                                                .login_timeout_ms = 1500,
                                                .request_timeout_ms = 60000,
                                                .statement_timeout_ms = 5000};

    (void)state;
    assert_int_equal(assay_secret_new("it's\\", 5, &password, NULL), ASSAY_OK);
    const assay_login login = {
        .host = "h", .port = 5432, .database = "my db", .user = "u", .password = password};
    assert_int_equal(assay_conninfo_make(&connection, &login, &conninfo, NULL), ASSAY_OK);
    assert_string_equal(
        assay_secret_reveal(conninfo),
        "host='h' port='5432' dbname='my db' user='u' password='it\\'s\\\\' sslmode='require' "
        "application_name='assay' client_encoding='UTF8' connect_timeout='2' "
        "tcp_user_timeout='60000' "
        "keepalives_idle='60' keepalives_interval='5' keepalives_count='3' "
        "options='-c statement_timeout=15000 -c search_path=shop'");
}

static void redshift_gets_no_options_that_it_does_not_know(void **state)
{
    ASSAY_AUTO(assay_secret_freep) assay_secret *conninfo = NULL;
    const assay_connection_config connection = {.kind = ASSAY_CONNECTION_REDSHIFT,
                                                .login_timeout_ms = 1000,
                                                .request_timeout_ms = 1000,
                                                .statement_timeout_ms = 1000};
    const assay_login login = {.host = "h", .port = 5439, .database = "d", .user = "u"};

    (void)state;
    assert_int_equal(assay_conninfo_make(&connection, &login, &conninfo, NULL), ASSAY_OK);
    assert_null(strstr(assay_secret_reveal(conninfo), "options"));
    assert_null(strstr(assay_secret_reveal(conninfo), "password"));
}

static assay_status make_one(void *user, assay_error *err)
{
    ASSAY_AUTO(assay_secret_freep) assay_secret *conninfo = NULL;
    const assay_connection_config connection = {.kind = ASSAY_CONNECTION_POSTGRES,
                                                .login_timeout_ms = 1000,
                                                .request_timeout_ms = 1000,
                                                .statement_timeout_ms = 1000};
    const assay_login login = {.host = "h", .port = 5432, .database = "d", .user = "u"};

    (void)user;
    return assay_conninfo_make(&connection, &login, &conninfo, err);
}

static void short_memory_is_a_status(void **state)
{
    (void)state;
    exhaust_allocations(make_one, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_quoted_and_limited),
        cmocka_unit_test(redshift_gets_no_options_that_it_does_not_know),
        cmocka_unit_test(short_memory_is_a_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
