#include "warehouse/jsonb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* What PostgreSQL 15 prints for these, which the end-to-end tests ask it itself. */
static void json_is_written_as_postgresql_prints_a_jsonb(void **state)
{
    static const char *const cases[][2] = {
        {"{\"bb\":1,\"a\":[1,2],\"B\":{}}", "{\"B\": {}, \"a\": [1, 2], \"bb\": 1}"},
        {"{\"a\":1,\"a\":2}", "{\"a\": 2}"},
        {" [ ] ", "[]"},
        {"{ }", "{}"},
        {"[1.10, -0, -0.0, 1e2, 1.5e1, 1.50e1, 1e-2, 12.5E-1, 0e-2, 100e-1]",
         "[1.10, 0, 0.0, 100, 15, 15.0, 0.01, 1.25, 0.00, 10.0]"},
        {"[0.001, -12345678901234567890.5]", "[0.001, -12345678901234567890.5]"},
        {"\"\\u00fc\\ud83d\\ude00\\/\\\"\\\\\\n\\u0001\\b\"",
         "\"\xC3\xBC\xF0\x9F\x98\x80/\\\"\\\\\\n\\u0001\\b\""},
        {"null", "null"},
        {"[true,false,null]", "[true, false, null]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
        assert_true(assay_jsonb_text(cases[i][0], strlen(cases[i][0]), &buf));
        assert_string_equal(assay_buf_text(&buf), cases[i][1]);
    }
}

static void what_is_no_json_is_refused(void **state)
{
    static const char *const cases[] = {"",    "{",       "[1,", "{\"a\"}",     "tru",
                                        "1 2", "\"\\x\"", "\"a", "\"\\ud800\"", "-",
                                        "1e",  "1e99999", "[1}", "\"\\u0000\""};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
        if (assay_jsonb_text(cases[i], strlen(cases[i]), &buf))
            fail_msg("%s", cases[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_written_as_postgresql_prints_a_jsonb),
        cmocka_unit_test(what_is_no_json_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
