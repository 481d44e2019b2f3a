#include "adbc/manifest.h"
#include "base/str.h"
#include "support/exhaust.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#if defined(__aarch64__)
#define HERE "linux_arm64"
#else
#define HERE "linux_amd64"
#endif

static assay_status parse(assay_arena *arena, const char *text, assay_adbc_manifest *ret_manifest,
                          assay_error *err)
{
    return assay_adbc_manifest_parse(text, strlen(text), "x.toml", arena, ret_manifest, err);
}

static void expect_library(const char *text, const char *library, const char *entrypoint)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_adbc_manifest manifest = {NULL, NULL};
    assay_error err = {0};

    if (parse(arena, text, &manifest, &err) != ASSAY_OK)
        fail_msg("%s: %s", text, err.message);
    if (library == NULL)
        assert_null(manifest.library);
    else
        assert_string_equal(manifest.library, library);
    if (entrypoint == NULL)
        assert_null(manifest.entrypoint);
    else
        assert_string_equal(manifest.entrypoint, entrypoint);
}

static void the_library_is_one_text_or_one_a_platform(void **state)
{
    (void)state;
    expect_library("manifest_version = 1\n[Driver]\nshared = \"/opt/a.so\"\n", "/opt/a.so", NULL);
    expect_library("manifest_version = 1\n[Driver]\nshared='C:\\x'\nentrypoint = 'Init'", "C:\\x",
                   "Init");
    expect_library("manifest_version=1\n[Driver.shared]\n" HERE " = '/a.so'\nosx_arm64 = '/b'\n",
                   "/a.so", NULL);
    expect_library("manifest_version = 1\nDriver.shared." HERE " = '/a.so'\n", "/a.so", NULL);
    expect_library("manifest_version = 1\n[\"Driver\" . 'shared']\n" HERE " = '/a.so'", "/a.so",
                   NULL);
    expect_library("manifest_version = 1\n[Driver.shared]\nwindows_amd64 = 'a.dll'\n", NULL, NULL);
}

static void what_does_not_matter_is_passed_over(void **state)
{
    (void)state;
    expect_library("# a comment\r\n\r\nname = 'x' # and one\r\nmanifest_version = 1\n"
                   "[ADBC]\nversion = \"1.1.0\"\n[ADBC.features]\nlist = [\n 'a', # why\n 'b'\n]\n"
                   "number = 1_000\nflag = true\n[PostInstall]\nmessages = [['x'], []]\n"
                   "[Driver]\nshared = \"a\\\\b\\\"c\\n\"\n",
                   "a\\b\"c\n", NULL);
}

static void what_is_no_manifest_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text;
        int line;
        const char *part;
    } cases[] = {
        {"", 1, "manifest_version"},
        {"manifest_version = 2\n", 1, "manifest_version"},
        {"name = 'x'\n\nmanifest_version 1\n", 3, "'=' is expected"},
        {"manifest_version = 1\n[Driver\n", 2, "']' is expected"},
        {"manifest_version = 1\n[[Driver]]\n", 2, "arrays of tables"},
        {"manifest_version = 1\n[Driver]\nshared = 'a\n", 3, "not closed"},
        {"manifest_version = 1\n[Driver]\nshared = \"a\\q\"\n", 3, "escape"},
        {"manifest_version = 1\n[Driver]\nshared = {linux_amd64 = 'a'}\n", 3, "'shared'"},
        {"manifest_version = 1\n[Driver]\nshared = 'a' 'b'\n", 3, "behind the value"},
        {"manifest_version = 1\n= 'a'\n", 2, "a name is expected"},
        {"manifest_version = 1\n'abc\n", 2, "not closed"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
        assay_adbc_manifest manifest;
        assay_error err = {0};

        assert_int_equal(parse(arena, cases[i].text, &manifest, &err), ASSAY_ECONFIG);
        assert_int_equal(err.number, 3104);
        if (err.line != cases[i].line || !assay_str_contains(err.message, cases[i].part))
            fail_msg("case %zu: line %d, %s", i, err.line, err.message);
    }
}

static void a_name_has_a_limit(void **state)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_adbc_manifest manifest;
    assay_error err = {0};
    char text[512];

    (void)state;
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(parse(arena, text, &manifest, &err), ASSAY_ECONFIG);
    assert_true(assay_str_contains(err.message, "too long"));
}

static assay_status parse_one(void *user, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_adbc_manifest manifest;

    (void)user;
    ASSAY_TRY(assay_arena_check(arena, err));
    return parse(arena, "manifest_version = 1\n[Driver]\nshared = \"/opt/a.so\"\n", &manifest, err);
}

static void short_memory_is_a_status(void **state)
{
    (void)state;
    exhaust_allocations(parse_one, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_library_is_one_text_or_one_a_platform),
        cmocka_unit_test(what_does_not_matter_is_passed_over),
        cmocka_unit_test(what_is_no_manifest_is_refused_with_its_line),
        cmocka_unit_test(a_name_has_a_limit),
        cmocka_unit_test(short_memory_is_a_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
