#include "base/str.h"
#include "support/exhaust.h"
#include "text/json.h"
#include "text/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
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

static assay_status try_parse(struct fixture *fixture, const char *text, assay_value **ret_value)
{
    assay_yaml_source source = {text, strlen(text), "assay.yaml", 1, 1};

    assay_error_clear(&fixture->err);
    return assay_yaml_parse(&source, fixture->arena, ret_value, &fixture->err);
}

static assay_value *parse(struct fixture *fixture, const char *text)
{
    assay_value *value = NULL;

    if (try_parse(fixture, text, &value) != ASSAY_OK)
        fail_msg("'%s': %s", text, fixture->err.message);
    return value;
}

static const char *as_json(struct fixture *fixture, const assay_value *value)
{
    assay_buf_clear(&fixture->buf);
    assay_json_write(&fixture->buf, value, 0);
    return assay_buf_text(&fixture->buf);
}

static void documents_become_trees(void **state)
{
    static const struct {
        const char *yaml;
        const char *json;
    } cases[] = {
        {"", "null"},
        {"# only a comment\n", "null"},
        {"\xEF\xBB\xBF"
         "a: 1\n",
         "{\"a\":1}"},
        {"---\na: b\n...\n", "{\"a\":\"b\"}"},
        {"a: [1, 2.5, x, null, ~, true, False]\n", "{\"a\":[1,2.5,\"x\",null,null,true,false]}"},
        {"a:\n- 1\n- b: {c: d}\n", "{\"a\":[1,{\"b\":{\"c\":\"d\"}}]}"},
        {"a: |\n  x\n  y\nb: >-\n  x\n  y\n", "{\"a\":\"x\\ny\\n\",\"b\":\"x y\"}"},
        {"a: '1'\nb: \"true\"\nc: !!str 1\n", "{\"a\":\"1\",\"b\":\"true\",\"c\":\"1\"}"},
        {"a: yes\nb: no\nc: on\nd: 2026-11-25\ne: 12:30:00\n",
         "{\"a\":\"yes\",\"b\":\"no\",\"c\":\"on\",\"d\":\"2026-11-25\",\"e\":\"12:30:00\"}"},
        {"[0x1F, 0o17, 017, +1, 1_000, .5, 1e3, .inf, -.INF, .nan, 0x]",
         "[31,15,17,1,\"1_000\",0.5,1e3,null,null,null,\"0x\"]"},
        {"[9223372036854775807, 9223372036854775808, 1.10]",
         "[9223372036854775807,9223372036854775808,1.10]"},
        {"a: &x {k: [1]}\nb: *x\n", "{\"a\":{\"k\":[1]},\"b\":{\"k\":[1]}}"},
        {"a:\nb: ''\n", "{\"a\":null,\"b\":\"\"}"},
        {"'': 1", "{\"\":1}"},
        {"true: 1\n", "{\"true\":1}"},
        {"a:\tb\n", "{\"a\":\"b\"}"},
        {"- {a: 1}\r\n- 2\r\n", "[{\"a\":1},2]"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *json = as_json(fixture, parse(fixture, cases[i].yaml));
        if (strcmp(json, cases[i].json) != 0)
            fail_msg("'%s' became %s", cases[i].yaml, json);
    }
}

static void refused_documents_say_where(void **state)
{
    static const struct {
        const char *yaml;
        int number, line, column;
        const char *message;
    } cases[] = {
        {"a: 1\n\tb: 2\n", 1110, 2, 1, "a tab where blanks must indent"},
        {"a:\n\tb: 2\n", 1110, 2, 1, "a tab where blanks must indent"},
        {"a: 1\nb: 2\na: 3\n", 1111, 3, 1, "duplicate key 'a', first on line 1"},
        {"x:\n  - {k: 1, 'k': 2}\n", 1111, 2, 12, "duplicate key 'k', first on line 2"},
        {"a: 1\n---\nb: 2\n", 1110, 2, 1, "more than one document"},
        {"<<: {a: 1}\n", 1110, 1, 1, "merge keys ('<<') are not supported"},
        {"a: !mine 1\n", 1110, 1, 4, "tags are not supported"},
        {"a: !!map {b: 1}\n", 1110, 1, 4, "tags are not supported"},
        {"a: *none\n", 1110, 1, 4, "alias of an unknown anchor"},
        {"a: &x [*x]\n", 1110, 1, 8, "alias within its own anchor"},
        {"[a]: 1\n", 1110, 1, 1, "a key that is a list or a map"},
        {": 1\n", 1110, 1, 1, "did not find expected key"},
        {"? \n: 1\n", 1110, 1, 2, "an empty key"},
        {"a: &k x\n*k : 1\n", 1110, 2, 1, "an alias as a key"},
        {"a: \"\\0\"\n", 1110, 1, 4, "a NUL character in a text"},
        {"a: \xFF\n", 1110, 1, 4, "not UTF-8"},
        {"\xC3\xA4: 1\nb: \x01\n", 1110, 2, 4, "control characters are not allowed"},
        {"a: b: c\n", 1110, 1, 5, "mapping values are not allowed in this context"},
        {"a: [1, 2\n", 1110, 2, 1, "did not find expected ',' or ']'"},
        {"a: 'x\n", 1110, 2, 1, "found unexpected end of stream"},
        {"a: 1\n b: 2\n", 1110, 2, 3, "mapping values are not allowed in this context"},
        {"@a: 1\n", 1110, 1, 1, "found character that cannot start any token"},
    };
    struct fixture *fixture = *state;
    size_t wrong = 0;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assay_value *value = NULL;
        assay_status status = try_parse(fixture, cases[i].yaml, &value);
        if (status != ASSAY_ECONFIG || fixture->err.number != cases[i].number ||
            fixture->err.line != cases[i].line || fixture->err.column != cases[i].column ||
            !assay_str_ends(fixture->err.message, cases[i].message))
            print_error("%zu: '%s': E%d %s at %d:%d\n", ++wrong, cases[i].yaml, fixture->err.number,
                        fixture->err.message, fixture->err.line, fixture->err.column);
        assert_string_equal(fixture->err.path, "assay.yaml");
    }
    assert_int_equal(wrong, 0);
}

static void values_and_keys_keep_their_places(void **state)
{
    struct fixture *fixture = *state;
    const char text[] = "a: 1\n\xC3\xA4: {x: y}\n";
    assay_yaml_source source = {text, sizeof text - 1, "m.sql", 11, 5};
    assay_value *map = NULL;

    assert_int_equal(assay_yaml_parse(&source, fixture->arena, &map, &fixture->err), ASSAY_OK);
    assert_int_equal(map->key_marks[1].line, 12);
    assert_int_equal(map->key_marks[1].column, 5);
    assert_int_equal(map->items[1]->line, 12);
    assert_int_equal(map->items[1]->column, 8);
    assert_int_equal(map->items[1]->items[0]->column, 12);
}

static void many_keys_keep_their_places_too(void **state)
{
    struct fixture *fixture = *state;
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;

    for (int i = 0; i < 3000; i++)
        assay_buf_append_format(&text, "k%d: %d\n", i, i);
    const assay_value *map = parse(fixture, text.data);
    assert_int_equal(map->count, 3000);
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(map->key_marks[i].line, i + 1);
        assert_int_equal(map->items[i]->integer, i);
    }
    assay_buf_append_text(&text, "k1234: x\n");
    assay_value *value = NULL;
    assert_int_equal(try_parse(fixture, text.data, &value), ASSAY_ECONFIG);
    assert_string_equal(fixture->err.message, "duplicate key 'k1234', first on line 1235");
}

static void aliases_that_explode_are_refused(void **state)
{
    struct fixture *fixture = *state;
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_value *value = NULL;

    assay_buf_append_text(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 10; i++) {
        assay_buf_append_format(&text, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            assay_buf_append_format(&text, "%s*a%d", k > 0 ? "," : "", i - 1);
        assay_buf_append_text(&text, "]\n");
    }
    assert_int_equal(try_parse(fixture, text.data, &value), ASSAY_ECONFIG);
    assert_int_equal(fixture->err.number, 1112);
    assert_true(assay_arena_used(fixture->arena) < (size_t)400 << 20);
}

static void depth_is_limited_through_aliases_too(void **state)
{
    struct fixture *fixture = *state;
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_value *value = NULL;

    for (int i = 0; i < ASSAY_YAML_DEPTH_MAX + 1; i++)
        assay_buf_append_char(&text, '[');
    assert_int_equal(try_parse(fixture, text.data, &value), ASSAY_ECONFIG);
    assert_int_equal(fixture->err.number, 1112);
    assay_buf_clear(&text);
    assay_buf_append_text(&text, "a0: &a0 [[[[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]]]]\n");
    for (int i = 1; i < 8; i++)
        assay_buf_append_format(&text, "a%d: &a%d [[[[[[[[[[[[[[[[[[[[*a%d]]]]]]]]]]]]]]]]]]]]\n",
                                i, i, i - 1);
    assert_int_equal(try_parse(fixture, text.data, &value), ASSAY_ECONFIG);
    assert_int_equal(fixture->err.number, 1112);
}

static const char *const variables[] = {"PORT", "8080", "EMPTY", "", "NAME", "a b", NULL};

static const char *lookup(void *user, const char *name)
{
    (void)user;
    for (const char *const *pairs = variables; *pairs != NULL; pairs += 2) {
        if (strcmp(*pairs, name) == 0)
            return pairs[1];
    }
    return NULL;
}

static void variables_are_expanded_and_kinds_found_again(void **state)
{
    static const struct {
        const char *yaml;
        const char *json;
    } cases[] = {
        {"${PORT}", "8080"},
        {"'${PORT}'", "\"8080\""},
        {"x${NAME}y", "\"xa by\""},
        {"${NONE:-true}", "true"},
        {"${NONE:-}", "null"},
        {"\"${NONE:-}\"", "\"\""},
        {"${EMPTY}", "null"},
        {"${EMPTY:-5}", "5"},
        {"${NONE:-${PORT}}", "8080"},
        {"${NONE:-x${NONE:-y}z}", "\"xyz\""},
        {"$$", "\"$$\""},
        {"$${", "\"${\""},
        {"$${NONE:-x}${NONE:-$${PORT}}", "\"${NONE:-x}${PORT}\""},
        {"select $$a; ${PORT}$$, $q$b$q$, '$1'", "\"select $$a; 8080$$, $q$b$q$, '$1'\""},
        {"$${PORT}", "\"${PORT}\""},
        {"$PORT costs $5", "\"$PORT costs $5\""},
        {"[a, {b: '${PORT}/${PORT}'}]", "[\"a\",{\"b\":\"8080/8080\"}]"},
        {"a: &x $$$$\nb: *x\n", "{\"a\":\"$$$$\",\"b\":\"$$$$\"}"},
        {"s3://${NONE:-my-bucket}/x", "\"s3://my-bucket/x\""},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assay_value *tree = parse(fixture, cases[i].yaml);
        assert_int_equal(assay_template_expand(tree, "p", lookup, NULL, fixture->arena,
                                               &fixture->err),
                         ASSAY_OK);
        const char *json = as_json(fixture, tree);
        if (strcmp(json, cases[i].json) != 0)
            fail_msg("'%s' became %s", cases[i].yaml, json);
    }
}

static void broken_references_say_where(void **state)
{
    static const struct {
        const char *yaml;
        int number;
    } cases[] = {
        {"a:\n  - ${NONE}\n", 1120},
        {"a:\n  - '${PORT'\n", 1121},
        {"a:\n  - '${}'\n", 1121},
        {"a:\n  - '${1X}'\n", 1121},
        {"a:\n  - '${A B}'\n", 1121},
        {"a:\n  - '${PORT:?x}'\n", 1121},
        {"a:\n  - '${PORT-x}'\n", 1121},
        {"a:\n  - ${NONE:-${NONE2}}\n", 1120},
        {"a:\n  - ${A:-${A:-${A:-${A:-${A:-${A:-${A:-${A:-${A:-${A:-x}}}}}}}}}}\n", 1121},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assay_value *tree = parse(fixture, cases[i].yaml);
        assert_int_equal(assay_template_expand(tree, "p.yaml", lookup, NULL, fixture->arena,
                                               &fixture->err),
                         ASSAY_ECONFIG);
        assert_int_equal(fixture->err.number, cases[i].number);
        assert_int_equal(fixture->err.line, 2);
        assert_int_equal(fixture->err.column, 5);
        assert_string_equal(fixture->err.path, "p.yaml");
    }
}

static void the_environment_is_a_lookup(void **state)
{
    (void)state;
    assert_int_equal(setenv("ASSAY_TEST_VARIABLE", "x", 1), 0);
    assert_string_equal(assay_template_environment(NULL, "ASSAY_TEST_VARIABLE"), "x");
    assert_null(assay_template_environment(NULL, "ASSAY_TEST_NOT_SET"));
}

static assay_status parse_and_expand(void *user, assay_error *err)
{
    static const char text[] = "a: &x {k: [1, '${PORT}']}\nb: *x\nc: 1\nd: 2\ne: 3\n"
                               "f: 1\ng: 2\nh: 3\ni: 4\nj: 5\nk: 6\nl: 7\nm: 8\nn: 9\no: 1\n"
                               "p: 2\nq: 3\nr: ${NONE:-x}\n";
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_yaml_source source = {text, sizeof text - 1, "x", 1, 1};
    assay_value *value = NULL;

    (void)user;
    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_yaml_parse(&source, arena, &value, err));
    return assay_template_expand(value, "x", lookup, NULL, arena, err);
}

static void yaml_survives_every_failed_allocation(void **state)
{
    (void)state;
    exhaust_allocations(parse_and_expand, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(documents_become_trees),
        TEST(refused_documents_say_where),
        TEST(values_and_keys_keep_their_places),
        TEST(many_keys_keep_their_places_too),
        TEST(aliases_that_explode_are_refused),
        TEST(depth_is_limited_through_aliases_too),
        TEST(variables_are_expanded_and_kinds_found_again),
        TEST(broken_references_say_where),
        TEST(the_environment_is_a_lookup),
        TEST(yaml_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
