#include "base/str.h"
#include "support/exhaust.h"
#include "text/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    assay_arena *arena;
    assay_buf buf;
    assay_error err;
};

static int setup(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){.arena = assay_arena_new()};
    *state = &fixture;
    return fixture.arena == NULL;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    assay_buf_done(&fixture->buf);
    assay_arena_free(fixture->arena);
    return 0;
}

static assay_value *parse(struct fixture *fixture, const char *text)
{
    assay_value *value = NULL;

    assay_error_clear(&fixture->err);
    if (assay_json_parse(text, strlen(text), "file.json", fixture->arena, &value, &fixture->err) !=
        ASSAY_OK)
        fail_msg("'%s': %s", text, fixture->err.message);
    return value;
}

/* Parses and writes again. */
static const char *round_trip(struct fixture *fixture, const char *text, int indent)
{
    assay_buf_clear(&fixture->buf);
    assay_json_write(&fixture->buf, parse(fixture, text), indent);
    return assay_buf_text(&fixture->buf);
}

static void scalars_have_their_kinds(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(parse(fixture, "null")->kind, ASSAY_VALUE_NULL);
    assert_true(parse(fixture, " true ")->boolean);
    assert_int_equal(parse(fixture, "false")->kind, ASSAY_VALUE_BOOL);
    assert_string_equal(parse(fixture, "\"a\\u00e4\\ud83d\\ude00\\n\\/\"")->text,
                        "a\xC3\xA4\xF0\x9F\x98\x80\n/");
    assert_int_equal(parse(fixture, "[]")->kind, ASSAY_VALUE_LIST);
    assert_int_equal(parse(fixture, "{}")->kind, ASSAY_VALUE_MAP);
    assert_int_equal(parse(fixture, "\xEF\xBB\xBF 1")->integer, 1);
}

static void integers_are_exact_to_64_bits(void **state)
{
    struct fixture *fixture = *state;
    const assay_value *value = parse(fixture, "9223372036854775807");

    assert_int_equal(value->kind, ASSAY_VALUE_INT);
    assert_true(value->integer == INT64_MAX);
    assert_true(parse(fixture, "-9223372036854775808")->integer == INT64_MIN);
    value = parse(fixture, "9223372036854775808");
    assert_int_equal(value->kind, ASSAY_VALUE_REAL);
    assert_string_equal(value->text, "9223372036854775808");
    assert_string_equal(round_trip(fixture, "[9223372036854775808,1E400,-0,1.10,0.1e-2]", 0),
                        "[9223372036854775808,1E400,0,1.10,0.1e-2]");
    assert_true(isinf(parse(fixture, "1e400")->real));
}

static void broken_documents_say_where(void **state)
{
    static const struct {
        const char *text;
        int line, column;
        const char *message;
    } cases[] = {
        {"", 1, 1, "the document ends too early"},
        {"  ", 1, 3, "the document ends too early"},
        {"{\n  \"a\": 1,\n}", 3, 1, "a key in quotes is expected"},
        {"{\"a\" 1}", 1, 6, "':' is expected"},
        {"{\"a\":1 \"b\"}", 1, 8, "',' or '}' is expected"},
        {"[1 2]", 1, 4, "',' or ']' is expected"},
        {"[1,]", 1, 4, "a value is expected"},
        {"[1", 1, 3, "list is not closed"},
        {"{\"a\":1", 1, 7, "object is not closed"},
        {"nul", 1, 1, "a value is expected"},
        {"[\"\xC3\xA4\", 01]", 1, 7, "broken number"},
        {"1.", 1, 1, "broken number"},
        {".5", 1, 1, "a value is expected"},
        {"-", 1, 1, "broken number"},
        {"1e", 1, 1, "broken number"},
        {"+1", 1, 1, "a value is expected"},
        {"NaN", 1, 1, "a value is expected"},
        {"\"a", 1, 3, "text is not closed"},
        {"\"a\\", 1, 4, "text is not closed"},
        {"\"a\nb\"", 1, 3, "control character in a text"},
        {"\"\\x\"", 1, 2, "unknown escape"},
        {"\"\\u12\"", 1, 2, "\\u needs four hexadecimal digits"},
        {"\"\\ud800\"", 1, 2, "half of a surrogate pair"},
        {"\"\\ud800\\u0041\"", 1, 2, "half of a surrogate pair"},
        {"\"\\udc00\"", 1, 2, "half of a surrogate pair"},
        {"\"a\\u0000\"", 1, 3, "\\u0000 in a text is not supported"},
        {"\"\xC3\"", 1, 2, "not UTF-8"},
        {"1 2", 1, 3, "something follows the document"},
        {"{}\n\n x", 3, 2, "something follows the document"},
        {"{\"a\":1,\n\"b\":2,\"a\":3}", 2, 11, "duplicate key 'a'"},
        {"'a'", 1, 1, "a value is expected"},
        {"[/**/]", 1, 2, "a value is expected"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assay_value *value = NULL;
        assay_status status = assay_json_parse(cases[i].text, strlen(cases[i].text), "file.json",
                                               fixture->arena, &value, &fixture->err);
        if (status != ASSAY_EDATA || !assay_str_ends(fixture->err.message, cases[i].message) ||
            fixture->err.line != cases[i].line || fixture->err.column != cases[i].column)
            fail_msg("'%s': %s at %d:%d", cases[i].text, fixture->err.message, fixture->err.line,
                     fixture->err.column);
        assert_int_equal(fixture->err.number, 1101);
        assert_string_equal(fixture->err.path, "file.json");
    }
}

static void a_nul_byte_is_no_json(void **state)
{
    struct fixture *fixture = *state;
    assay_value *value = NULL;

    assert_int_equal(assay_json_parse("1\0", 2, NULL, fixture->arena, &value, NULL), ASSAY_EDATA);
    assert_int_equal(assay_json_parse("\"\0\"", 3, NULL, fixture->arena, &value, NULL),
                     ASSAY_EDATA);
    assert_int_equal(assay_json_parse("\"\\\0\"", 4, NULL, fixture->arena, &value, NULL),
                     ASSAY_EDATA);
    assert_int_equal(assay_json_parse(NULL, 0, NULL, fixture->arena, &value, NULL), ASSAY_EDATA);
}

static void depth_is_limited(void **state)
{
    struct fixture *fixture = *state;
    char text[2 * ASSAY_JSON_DEPTH_MAX + 3];
    assay_value *value = NULL;

    memset(text, '[', ASSAY_JSON_DEPTH_MAX + 1);
    memset(text + ASSAY_JSON_DEPTH_MAX + 1, ']', ASSAY_JSON_DEPTH_MAX + 1);
    assert_int_equal(assay_json_parse(text + 1, 2 * (size_t)ASSAY_JSON_DEPTH_MAX, NULL,
                                      fixture->arena, &value, &fixture->err),
                     ASSAY_OK);
    assert_int_equal(assay_json_parse(text, 2 * (size_t)ASSAY_JSON_DEPTH_MAX + 2, NULL,
                                      fixture->arena, &value, &fixture->err),
                     ASSAY_EDATA);
    assert_non_null(strstr(fixture->err.message, "nested deeper"));
}

static void many_keys_are_checked_for_duplicates_too(void **state)
{
    struct fixture *fixture = *state;
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_value *value = NULL;

    assay_buf_append_char(&text, '{');
    for (int i = 0; i < 5000; i++)
        assay_buf_append_format(&text, "\"k%d\":%d,", i, i);
    size_t size = text.size;
    assay_buf_append_text(&text, "\"last\":0}");
    assert_int_equal(parse(fixture, text.data)->count, 5001);
    text.size = size;
    assay_buf_append_text(&text, "\"k77\":0}");
    assert_int_equal(assay_json_parse(text.data, text.size, NULL, fixture->arena, &value,
                                      &fixture->err),
                     ASSAY_EDATA);
    assert_non_null(strstr(fixture->err.message, "'k77'"));
}

static void values_keep_their_places(void **state)
{
    struct fixture *fixture = *state;
    const assay_value *value = parse(fixture, "{\n \"\xC3\xA4\": [1,\n  \"x\"]}");
    const assay_value *list = assay_value_find(value, "\xC3\xA4");

    assert_int_equal(value->line, 1);
    assert_int_equal(list->line, 2);
    assert_int_equal(list->column, 7);
    assert_int_equal(list->items[1]->line, 3);
    assert_int_equal(list->items[1]->column, 3);
}

static void documents_are_written_compactly_or_indented(void **state)
{
    static const char text[] = "{\"a\":[1,2.5,true,null,{}],\"b\":{\"c\":\"x\"},\"d\":[]}";
    struct fixture *fixture = *state;

    assert_string_equal(round_trip(fixture, text, 0), text);
    assert_string_equal(round_trip(fixture, text, 2), "{\n"
                                                      "  \"a\": [\n"
                                                      "    1,\n"
                                                      "    2.5,\n"
                                                      "    true,\n"
                                                      "    null,\n"
                                                      "    {}\n"
                                                      "  ],\n"
                                                      "  \"b\": {\n"
                                                      "    \"c\": \"x\"\n"
                                                      "  },\n"
                                                      "  \"d\": []\n"
                                                      "}");
}

static void texts_are_escaped_and_made_valid(void **state)
{
    struct fixture *fixture = *state;

    assay_json_write_text(&fixture->buf, "\"\\\b\f\n\r\t\x01\x7F/\xC3\xA4");
    assert_string_equal(assay_buf_text(&fixture->buf),
                        "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\x7F/\xC3\xA4\"");
    assay_buf_clear(&fixture->buf);
    assay_json_write_text(&fixture->buf, "a\xFFz\xC3");
    assert_string_equal(assay_buf_text(&fixture->buf), "\"a\xEF\xBF\xBDz\xEF\xBF\xBD\"");
    assay_buf_clear(&fixture->buf);
    assay_json_write_text(&fixture->buf, NULL);
    assert_string_equal(assay_buf_text(&fixture->buf), "null");
}

static void the_writer_keeps_commas_right(void **state)
{
    struct fixture *fixture = *state;
    assay_json_writer writer = assay_json_writer_init(&fixture->buf);

    assay_json_begin_map(&writer);
    assay_json_key(&writer, "a");
    assay_json_begin_list(&writer);
    assay_json_int(&writer, INT64_MIN);
    assay_json_real(&writer, 1);
    assay_json_real(&writer, (double)NAN);
    assay_json_bool(&writer, true);
    assay_json_begin_map(&writer);
    assay_json_end_map(&writer);
    assay_json_null(&writer);
    assay_json_end_list(&writer);
    assay_json_key(&writer, "b\"");
    assay_json_text(&writer, NULL);
    assay_json_key(&writer, "c");
    assay_json_value(&writer, assay_value_real(fixture->arena, 0.1));
    assay_json_end_map(&writer);
    assert_string_equal(assay_buf_text(&fixture->buf),
                        "{\"a\":[-9223372036854775808,1.0,null,true,{},null],\"b\\\"\":null,"
                        "\"c\":0.1}");
}

static assay_status parse_and_write(void *user, assay_error *err)
{
    static const char text[] =
        "{\"a\":[1,2,3,4,5,\"t\\n\"],\"b\":{\"c\":1.5,\"d\":{}},\"e\":1,\"f\":2,"
        "\"g\":1,\"h\":2,\"i\":1,\"j\":2,\"k\":1,\"l\":2,\"m\":1,\"n\":2,"
        "\"o\":1,\"p\":2,\"q\":1,\"r\":2}";
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    assay_value *value = NULL;

    (void)user;
    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_json_parse(text, sizeof text - 1, "x", arena, &value, err));
    ASSAY_TRY(assay_arena_check(assay_value_copy(arena, value), err));
    assay_json_write(&buf, value, 2);
    return assay_buf_check(&buf, err);
}

static void json_survives_every_failed_allocation(void **state)
{
    (void)state;
    exhaust_allocations(parse_and_write, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(scalars_have_their_kinds),
        TEST(integers_are_exact_to_64_bits),
        TEST(broken_documents_say_where),
        TEST(a_nul_byte_is_no_json),
        TEST(depth_is_limited),
        TEST(many_keys_are_checked_for_duplicates_too),
        TEST(values_keep_their_places),
        TEST(documents_are_written_compactly_or_indented),
        TEST(texts_are_escaped_and_made_valid),
        TEST(the_writer_keeps_commas_right),
        TEST(json_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
