#include "store/secrets.h"

#include "base/mem.h"
#include "base/str.h"
#include "store/aws.h"
#include "store/aws_secret.h"
#include "support/exhaust.h"
#include "support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

struct fixture {
    test_folder *folder;
    assay_clock clock;
    assay_secrets *secrets;
    assay_error err;
};

static int setup(void **state)
{
    static struct fixture fixture;
    void *folder = NULL;

    if (test_folder_setup(&folder) != 0)
        return 1;
    fixture = (struct fixture){.folder = folder, .clock = assay_clock_system()};
    *state = &fixture;
    return assay_secrets_new(&(assay_secrets_options){.clock = &fixture.clock,
                                                      .root = fixture.folder->path},
                             &fixture.secrets, NULL);
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    void *folder = fixture->folder;

    assay_secrets_free(fixture->secrets);
    return test_folder_teardown(&folder);
}

static assay_status resolve(struct fixture *fixture, const char *text, assay_secret **ret_secret)
{
    const assay_secret_ref ref = {text, {"config/connections.yaml", 3, 7}, 0};

    assay_error_clear(&fixture->err);
    return assay_secrets_resolve(fixture->secrets, &ref, ret_secret, &fixture->err);
}

static void expect_secret(struct fixture *fixture, const char *text, const char *expected)
{
    ASSAY_AUTO(assay_secret_freep) assay_secret *secret = NULL;

    if (resolve(fixture, text, &secret) != ASSAY_OK)
        fail_msg("%s: %s", text, fixture->err.message);
    assert_string_equal(assay_secret_reveal(secret), expected);
}

static void expect_error(struct fixture *fixture, const char *text, int number)
{
    assay_secret *secret = NULL;

    assert_int_equal(resolve(fixture, text, &secret), ASSAY_EAUTH);
    assert_null(secret);
    assert_int_equal(fixture->err.number, number);
    assert_int_equal(fixture->err.line, 3);
    assert_string_equal(fixture->err.path, "config/connections.yaml");
}

static char *put(struct fixture *fixture, const char *name, const char *text, mode_t mode)
{
    char *path = test_folder_path(fixture->folder, name);

    test_folder_write(fixture->folder, name, text);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static void a_variable_of_the_environment_is_taken_as_it_is(void **state)
{
    (void)setenv("ASSAY_TEST_SECRET", " with blanks \n", 1);
    expect_secret(*state, "env:ASSAY_TEST_SECRET", " with blanks \n");
    (void)setenv("ASSAY_TEST_SECRET", "", 1);
    expect_error(*state, "env:ASSAY_TEST_SECRET", 1260);
    (void)unsetenv("ASSAY_TEST_SECRET");
    expect_error(*state, "env:ASSAY_TEST_SECRET", 1260);
}

static void line_ends_of_a_file_are_dropped(void **state)
{
    struct fixture *fixture = *state;
    char text[512];

    (void)snprintf(text, sizeof text, "file:%s", put(fixture, "a", "line 1\nline 2\r\n\n", 0600));
    expect_secret(fixture, text, "line 1\nline 2");
}

static void a_file_lies_in_the_project_or_at_home(void **state)
{
    struct fixture *fixture = *state;
    const char *home = getenv("HOME");
    char *before = home != NULL ? assay_mem_copy_text(home) : NULL;

    (void)put(fixture, "secrets/a", "in the project", 0640);
    expect_secret(fixture, "file:secrets/a", "in the project");
    (void)setenv("HOME", fixture->folder->path, 1);
    (void)put(fixture, "b", "at home", 0400);
    expect_secret(fixture, "file:~/b", "at home");
    if (before != NULL)
        (void)setenv("HOME", before, 1);
    assay_mem_free(before);
}

static void files_that_are_no_secrets_are_refused(void **state)
{
    struct fixture *fixture = *state;
    char *large = assay_mem_new(ASSAY_SECRET_SIZE_MAX + 2, 1);

    memset(large, 'x', ASSAY_SECRET_SIZE_MAX + 1);
    (void)put(fixture, "open", "x", 0644);
    (void)put(fixture, "empty", "\n", 0600);
    (void)put(fixture, "large", large, 0600);
    assay_mem_free(large);
    expect_error(fixture, "file:open", 1261);
    assert_true(assay_str_contains(fixture->err.message, "chmod 600"));
    expect_error(fixture, "file:empty", 1260);
    expect_error(fixture, "file:large", 1260);
    expect_error(fixture, "file:none", 1260);
    expect_error(fixture, "file:.", 1260);
    expect_error(fixture, NULL, 1260);
}

static void only_what_was_fetched_can_be_forgotten(void **state)
{
    struct fixture *fixture = *state;

    assert_false(assay_secrets_forget(fixture->secrets, &(assay_secret_ref){"env:X", {0}, 0}));
    assert_false(
        assay_secrets_forget(fixture->secrets, &(assay_secret_ref){"aws-secret:x", {0}, 0}));
    assert_false(assay_secrets_forget(fixture->secrets, &(assay_secret_ref){NULL, {0}, 0}));
}

/* ---- one secret for a whole login ---- */

static assay_status log_in(struct fixture *fixture, const char *document, bool with_user,
                           assay_login *ret_login)
{
    assay_connection_config connection = {.name = "rs",
                                          .kind = ASSAY_CONNECTION_REDSHIFT,
                                          .port = 5439,
                                          .user = with_user ? "said" : NULL,
                                          .secret = {"file:login", {NULL, 0, 0}}};

    (void)put(fixture, "login", document, 0600);
    assay_error_clear(&fixture->err);
    return assay_login_resolve(fixture->secrets, &connection, ret_login, &fixture->err);
}

static void a_document_fills_what_the_connection_does_not_say(void **state)
{
    static const char document[] = "{\"host\": \"h\", \"port\": 5440, \"dbname\": \"d\", "
                                   "\"username\": \"u\", \"password\": \"p\"}";
    ASSAY_AUTO(assay_login_done) assay_login login = {0};
    ASSAY_AUTO(assay_login_done) assay_login other = {0};

    assert_int_equal(log_in(*state, document, false, &login), ASSAY_OK);
    assert_string_equal(login.host, "h");
    assert_int_equal(login.port, 5440);
    assert_string_equal(login.database, "d");
    assert_string_equal(login.user, "u");
    assert_string_equal(assay_secret_reveal(login.password), "p");
    assert_int_equal(log_in(*state, document, true, &other), ASSAY_OK);
    assert_string_equal(other.user, "said");
}

static void a_document_that_lacks_something_is_not_shown(void **state)
{
    static const char *const documents[] = {
        "hunter2", "[\"hunter2\"]", "{\"password\": \"hunter2\"}",
        "{\"host\": \"h\", \"dbname\": \"d\", \"password\": \"hunter2\"}", "{\"a\": hunter2}"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        assay_login login = {0};

        assert_int_equal(log_in(fixture, documents[i], false, &login), ASSAY_EAUTH);
        assert_int_equal(fixture->err.number, 1260);
        assert_false(assay_str_contains(fixture->err.message, "hunter2"));
    }
}

static void a_member_is_taken_as_text(void **state)
{
    static const char document[] = "{\"a\": \"x\\u00e9\", \"n\": 5439, \"b\": true, \"z\": null}";
    static const struct {
        const char *key, *expected; /* NULL = refused */
    } cases[] = {{"a", "x\xc3\xa9"}, {"n", "5439"}, {"b", "true"}, {"z", NULL}, {"none", NULL}};
    ASSAY_AUTO(assay_secret_freep) assay_secret *whole = NULL;

    (void)state;
    assert_int_equal(assay_secret_new(document, strlen(document), &whole, NULL), ASSAY_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ASSAY_AUTO(assay_secret_freep) assay_secret *member = NULL;
        assay_status status =
            assay_aws_secret_member(whole, "id", cases[i].key, (assay_place){0}, &member, NULL);

        assert_int_equal(status, cases[i].expected != NULL ? ASSAY_OK : ASSAY_EAUTH);
        if (cases[i].expected != NULL)
            assert_string_equal(assay_secret_reveal(member), cases[i].expected);
    }
}

/* ---- profile files ---- */

static void profile_files_are_read_as_the_tools_of_aws_do(void **state)
{
    struct fixture *fixture = *state;
    assay_arena *arena = fixture->folder->arena;
    assay_value *profiles = assay_value_map(arena);
    static const char config[] =
        "# a comment\n[default]\nregion=eu-west-1\n\n[profile  dev]\r\nregion = us-east-1 ; "
        "here\r\n"
        "s3 =\n  max_concurrent_requests = 20\nrole_arn = arn:aws:iam::1:role/x#y\n"
        "[sso-session x]\nregion = nowhere\n[services z]\na = b\n";
    static const char credentials[] =
        "[default]\naws_access_key_id = A\n[dev]\naws_secret_access_key = a=b+/c==\n";

    assert_int_equal(assay_aws_profile_parse(config, strlen(config), true, arena, profiles, NULL),
                     ASSAY_OK);
    assert_int_equal(assay_aws_profile_parse(credentials, strlen(credentials), false, arena,
                                             profiles, NULL),
                     ASSAY_OK);
    const assay_value *usual = assay_value_find(profiles, "default");
    const assay_value *dev = assay_value_find(profiles, "dev");
    assert_int_equal(profiles->count, 2);
    assert_string_equal(assay_value_find_text(usual, "region", ""), "eu-west-1");
    assert_string_equal(assay_value_find_text(usual, "aws_access_key_id", ""), "A");
    assert_string_equal(assay_value_find_text(dev, "region", ""), "us-east-1");
    assert_string_equal(assay_value_find_text(dev, "role_arn", ""), "arn:aws:iam::1:role/x#y");
    assert_string_equal(assay_value_find_text(dev, "aws_secret_access_key", ""), "a=b+/c==");
    assert_null(assay_value_find(dev, "max_concurrent_requests"));
}

static void a_command_that_fails_or_talks_too_much_is_an_error(void **state)
{
    ASSAY_AUTO(assay_buf_done) assay_buf output = ASSAY_BUF_EMPTY;
    struct fixture *fixture = *state;

    assert_int_equal(assay_aws_command("printf 'a b'", 60000, &output, &fixture->err), ASSAY_OK);
    assert_string_equal(assay_buf_text(&output), "a b");
    assert_int_equal(assay_aws_command("exit 3", 60000, &output, &fixture->err), ASSAY_EAUTH);
    assert_int_equal(fixture->err.number, 1264);
    assert_int_equal(assay_aws_command("exec yes", 60000, &output, &fixture->err), ASSAY_EAUTH);
}

static assay_status resolve_one(void *user, assay_error *err)
{
    struct fixture *fixture = user;
    ASSAY_AUTO(assay_login_done) assay_login login = {0};
    const assay_connection_config connection = {.name = "rs",
                                                .kind = ASSAY_CONNECTION_REDSHIFT,
                                                .secret = {"file:login", {NULL, 0, 0}}};

    return assay_login_resolve(fixture->secrets, &connection, &login, err);
}

static void short_memory_is_a_status(void **state)
{
    (void)put(*state, "login",
              "{\"host\": \"h\", \"dbname\": \"d\", \"username\": \"u\", \"password\": \"p\"}",
              0600);
    exhaust_allocations(resolve_one, *state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_variable_of_the_environment_is_taken_as_it_is),
        TEST(line_ends_of_a_file_are_dropped),
        TEST(a_file_lies_in_the_project_or_at_home),
        TEST(files_that_are_no_secrets_are_refused),
        TEST(only_what_was_fetched_can_be_forgotten),
        TEST(a_document_fills_what_the_connection_does_not_say),
        TEST(a_document_that_lacks_something_is_not_shown),
        TEST(a_member_is_taken_as_text),
        TEST(profile_files_are_read_as_the_tools_of_aws_do),
        TEST(a_command_that_fails_or_talks_too_much_is_an_error),
        TEST(short_memory_is_a_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
