#include "config/connections.h"

#include "base/str.h"
#include "support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static assay_status load(test_folder *folder, const char *text,
                         const assay_connection_config **ret_first, assay_error *err)
{
    assay_variables variables = {0};
    assay_connections_config *config = NULL;

    test_folder_write(folder, "config/connections.yaml", text);
    assay_error_clear(err);
    ASSAY_TRY(
        assay_connections_config_load(folder->path, &variables, NULL, folder->arena, &config, err));
    *ret_first = config->connections;
    return ASSAY_OK;
}

static const assay_connection_config *read_one(test_folder *folder, const char *text)
{
    const assay_connection_config *connection = NULL;
    assay_error err = {0};

    if (load(folder, text, &connection, &err) != ASSAY_OK)
        fail_msg("%s: %s", text, err.message);
    return connection;
}

static void postgres_has_its_defaults(void **state)
{
    const assay_connection_config *connection =
        read_one(*state, "pg: {type: postgres, host: h, database: d, user: u}\n");

    assert_int_equal(connection->kind, ASSAY_CONNECTION_POSTGRES);
    assert_int_equal(connection->port, 5432);
    assert_string_equal(connection->schema, "public");
    assert_string_equal(connection->sslmode, "prefer");
    assert_null(connection->password.text);
    assert_null(connection->driver);
    assert_int_equal(connection->login_timeout_ms, 30000);
    assert_int_equal(connection->request_timeout_ms, 60000);
    assert_int_equal(connection->statement_timeout_ms, 3600000);
    assert_int_equal(connection->place.line, 1);
}

static void postgres_takes_what_is_said(void **state)
{
    test_folder *folder = *state;
    const assay_connection_config *connection =
        read_one(folder,
                 "pg:\n  type: postgres\n  host: /run/postgresql\n  port: 6543\n  database: d\n"
                 "  user: u\n  password: file:~/pw\n  schema: shop\n  sslmode: verify-full\n"
                 "  sslrootcert: certs/ca.pem\n  options: -c search_path=x\n"
                 "  driver: drivers/pg.so\n  login_timeout: 5s\n  request_timeout: 1 minute\n"
                 "  statement_timeout: 2 hours\n");

    assert_int_equal(connection->port, 6543);
    assert_string_equal(connection->password.text, "file:~/pw");
    assert_int_equal(connection->password.place.line, 7);
    assert_string_equal(connection->sslrootcert, test_folder_path(folder, "certs/ca.pem"));
    assert_string_equal(connection->driver, test_folder_path(folder, "drivers/pg.so"));
    assert_string_equal(connection->options, "-c search_path=x");
    assert_int_equal(connection->login_timeout_ms, 5000);
    assert_int_equal(connection->request_timeout_ms, 60000);
    assert_int_equal(connection->statement_timeout_ms, 7200000);
}

static void redshift_may_have_all_in_one_secret(void **state)
{
    const assay_connection_config *connection =
        read_one(*state, "rs: {type: redshift, secret: 'aws-secret:prod/rs'}\n");

    assert_int_equal(connection->kind, ASSAY_CONNECTION_REDSHIFT);
    assert_int_equal(connection->port, 5439);
    assert_string_equal(connection->sslmode, "require");
    assert_string_equal(connection->secret.text, "aws-secret:prod/rs");
    assert_null(connection->host);
}

static void snowflake_has_its_ways_of_login(void **state)
{
    static const struct {
        const char *auth, *secret;
        assay_snowflake_auth expected;
    } cases[] = {
        {"key_pair", "private_key: 'file:k.p8', private_key_passphrase: 'env:P'",
         ASSAY_SNOWFLAKE_KEY_PAIR},
        {"password", "password: 'env:P'", ASSAY_SNOWFLAKE_PASSWORD},
        {"pat", "token: 'env:T'", ASSAY_SNOWFLAKE_PAT},
        {"oauth", "token: 'env:T'", ASSAY_SNOWFLAKE_OAUTH},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];

        (void)snprintf(text, sizeof text,
                       "sf: {type: snowflake, account: a, user: u, auth: %s, %s, port: 8080, "
                       "protocol: http, role: r}\n",
                       cases[i].auth, cases[i].secret);
        const assay_connection_config *connection = read_one(*state, text);
        assert_int_equal(connection->auth, cases[i].expected);
        assert_int_equal(connection->port, 8080);
        assert_string_equal(connection->protocol, "http");
        assert_string_equal(connection->role, "r");
    }
}

static void s3_takes_keys_or_the_usual_chain(void **state)
{
    const assay_connection_config *connection =
        read_one(*state, "s3: {type: s3, region: r, credentials: default_chain}\n");

    assert_false(connection->has_keys);
    assert_false(connection->path_style);
    connection = read_one(*state, "s3: {type: s3, endpoint: 'http://h:9000', credentials: {key_id: "
                                  "'env:A', secret: 'env:B', session_token: 'env:C'}}\n");
    assert_true(connection->has_keys);
    assert_true(connection->path_style);
    assert_string_equal(connection->key_id.text, "env:A");
    assert_string_equal(connection->secret_key.text, "env:B");
    assert_string_equal(connection->session_token.text, "env:C");
}

static void what_is_wrong_has_its_number_and_place(void **state)
{
    static const struct {
        const char *text;
        int number;
        const char *at; /* where the place points to */
        const char *part;
    } cases[] = {
        {"a: {type: postgres, host: h, database: d, user: u, port: 70000}", 1244, "port:", "65535"},
        {"a: {type: postgres, host: h, database: d, user: u, port: 0}", 1244, "port:", "port"},
        {"a: {type: postgres, host: h, database: d, user: u, login_timeout: 0s}", 1244,
         "login_timeout:", "one second"},
        {"a: {type: postgres, host: h, database: d}", 1204, "{", "user"},
        {"a: {type: postgres, host: h, database: d, user: u, sslmode: off}", 1203, "off}",
         "sslmode"},
        {"a: {type: postgres, host: h, database: d, user: u, password: 'env:'}", 1240,
         "password:", "password"},
        {"a: {type: redshift, host: h, user: u}", 1244, "{", "database"},
        {"a: {type: redshift, database: d, user: u}", 1244, "{", "host"},
        {"a: {type: redshift, host: h, database: d}", 1244, "{", "user"},
        {"a: {type: snowflake, account: a, user: u}", 1244, "{", "private_key"},
        {"a: {type: snowflake, account: a, user: u, auth: password}", 1244, "{", "password"},
        {"a: {type: snowflake, account: a, user: u, auth: pat}", 1244, "{", "token"},
        {"a: {type: snowflake, account: a, user: u, auth: oauth}", 1244, "{", "token"},
        {"a: {type: snowflake, account: a, user: u, auth: saml}", 1203, "saml}", "auth"},
        {"a: {type: s3, credentials: instance}", 1244, "credentials:", "default_chain"},
        {"a: {type: s3, credentials: {key_id: 'env:A'}}", 1204, "{key_id", "secret"},
        {"a: {type: s3, credentials: {key_id: AKIA, secret: 'env:B'}}", 1240, "key_id:", "key_id"},
        {"a: {type: s3, credentials: {key_id: 'env:A', secret: 'env:B', x: 1}}", 1201, "x:", "'x'"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const assay_connection_config *connection = NULL;
        assay_error err = {0};

        assert_int_equal(load(*state, cases[i].text, &connection, &err), ASSAY_ECONFIG);
        int column = (int)(strstr(cases[i].text, cases[i].at) - cases[i].text) + 1;
        if (err.number != cases[i].number || err.line != 1 || err.column != column ||
            !assay_str_contains(err.message, cases[i].part))
            fail_msg("%s: E%d %d:%d %s", cases[i].text, err.number, err.line, err.column,
                     err.message);
    }
}

static void a_secret_that_was_written_down_is_never_repeated(void **state)
{
    static const char *const keys[] = {"password: hunter2",
                                       "private_key: hunter2, password: 'env:x'",
                                       "private_key_passphrase: hunter2", "token: hunter2"};

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const assay_connection_config *connection = NULL;
        char text[128];
        assay_error err = {0};

        (void)snprintf(text, sizeof text, "a: {type: snowflake, account: a, user: u, %s}\n",
                       keys[i]);
        assert_int_equal(load(*state, text, &connection, &err), ASSAY_ECONFIG);
        assert_int_equal(err.number, 1240);
        assert_false(assay_str_contains(err.message, "hunter2"));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_folder_setup, test_folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(postgres_has_its_defaults),
        TEST(postgres_takes_what_is_said),
        TEST(redshift_may_have_all_in_one_secret),
        TEST(snowflake_has_its_ways_of_login),
        TEST(s3_takes_keys_or_the_usual_chain),
        TEST(what_is_wrong_has_its_number_and_place),
        TEST(a_secret_that_was_written_down_is_never_repeated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
