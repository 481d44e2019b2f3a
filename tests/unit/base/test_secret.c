#include "base/secret.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static assay_secret *make(const char *text)
{
    assay_secret *secret = NULL;

    assert_int_equal(assay_secret_new(text, strlen(text), &secret, NULL), ASSAY_OK);
    return secret;
}

static void a_secret_shows_itself_to_nobody_who_prints_it(void **state)
{
    ASSAY_AUTO(assay_secret_freep) assay_secret *secret = make("hunter2");

    (void)state;
    assert_string_equal(assay_secret_show(secret), "***");
    assert_string_equal(assay_secret_show(NULL), "***");
    assert_string_equal(assay_secret_reveal(secret), "hunter2");
    assert_int_equal(assay_secret_size(secret), 7);
    assert_string_equal(assay_secret_reveal(NULL), "");
    assert_int_equal(assay_secret_size(NULL), 0);
}

static void a_copy_is_a_secret_of_its_own(void **state)
{
    assay_secret *secret = make("a\"b");
    ASSAY_AUTO(assay_secret_freep) assay_secret *copy = NULL;

    (void)state;
    assert_int_equal(assay_secret_copy(secret, &copy, NULL), ASSAY_OK);
    assay_secret_free(secret);
    assert_string_equal(assay_secret_reveal(copy), "a\"b");
}

static void expect_scrubbed(const char *value, const char *text, const char *expected)
{
    ASSAY_AUTO(assay_secret_freep) assay_secret *secret = make(value);
    char message[256];

    (void)snprintf(message, sizeof message, "%s", text);
    assay_secret_scrub(secret, message);
    assert_string_equal(message, expected);
}

static void messages_are_scrubbed_of_secrets(void **state)
{
    (void)state;
    expect_scrubbed("hunter2", "password hunter2 and hunter2!", "password *** and ***!");
    expect_scrubbed("hunter2", "hunter", "hunter");
    expect_scrubbed("p@ss /1", "uri postgres://u:p%40ss%20%2F1@h and p%40ss%20%2f1",
                    "uri postgres://u:***@h and ***");
    expect_scrubbed("p@ss /1", "p@ss%20/1", "***");
    expect_scrubbed("aaaa", "aaaaaaaaa", "******a");
}

static void short_secrets_would_make_nonsense_and_stay(void **state)
{
    (void)state;
    expect_scrubbed("abc", "the abc of it", "the abc of it");
    expect_scrubbed("", "anything", "anything");
}

static void short_memory_is_a_status(void **state)
{
    assay_secret *secret = NULL;

    (void)state;
    for (size_t nth = 1; nth <= 2; nth++) {
        assay_mem_fail_at(nth);
        assert_int_equal(assay_secret_new("hunter2", 7, &secret, NULL), ASSAY_ENOMEM);
        assay_mem_fail_at(0);
        assert_null(secret);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_shows_itself_to_nobody_who_prints_it),
        cmocka_unit_test(a_copy_is_a_secret_of_its_own),
        cmocka_unit_test(messages_are_scrubbed_of_secrets),
        cmocka_unit_test(short_secrets_would_make_nonsense_and_stay),
        cmocka_unit_test(short_memory_is_a_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
