/* Our JSON reader beside jansson: both take and refuse the same documents, and see the same in
 * them. Documents are made at random (with fixed seeds) and then damaged. */
#include "base/str.h"
#include "text/json.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { DOCUMENTS = 20000, DEPTH = 4 };

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(*seed >> 33);
}

static void append_random(assay_buf *buf, uint64_t *seed, int depth);

static void append_items(assay_buf *buf, uint64_t *seed, int depth, bool map)
{
    uint32_t count = next_random(seed) % 5;

    assay_buf_append_char(buf, map ? '{' : '[');
    for (uint32_t i = 0; i < count; i++) {
        assay_buf_append_text(buf, i > 0 ? ", " : "");
        if (map)
            assay_buf_append_format(buf, "\"k%u\" :", next_random(seed) % 12);
        append_random(buf, seed, depth + 1);
    }
    assay_buf_append_char(buf, map ? '}' : ']');
}

static void append_random(assay_buf *buf, uint64_t *seed, int depth)
{
    static const char *const scalars[] = {
        "null",
        "true",
        "false",
        "0",
        "-1",
        "9223372036854775807",
        "1.5e-3",
        "-0.0",
        "1E+2",
        "\"\"",
        "\"text\"",
        "\"\\u00e4\\n\\ud83d\\ude00\"",
        "\"\xC3\xA4\"",
        "\"\\\"\\\\\\/\"",
        "123456789.123456789",
    };
    uint32_t kind = next_random(seed) % (depth < DEPTH ? 4 : 2);

    if (kind >= 2)
        append_items(buf, seed, depth, kind == 2);
    else
        assay_buf_append_text(buf, scalars[next_random(seed) % (sizeof scalars / sizeof *scalars)]);
}

/* Replaces, removes or doubles some bytes. */
static void damage(assay_buf *buf, uint64_t *seed)
{
    static const char bytes[] = "{}[]\",:\\0123456789.eE+-tfn \n\x80u";

    for (uint32_t left = next_random(seed) % 4; left > 0 && buf->size > 1; left--) {
        size_t at = next_random(seed) % buf->size;
        uint32_t kind = next_random(seed) % 3;
        if (kind == 0) {
            buf->data[at] = bytes[next_random(seed) % (sizeof bytes - 1)];
        } else if (kind == 1) {
            memmove(buf->data + at, buf->data + at + 1, buf->size - at);
            buf->size--;
        } else {
            assay_buf_append_char(buf, buf->data[at]);
        }
    }
}

static bool same(const assay_value *ours, const json_t *theirs);

static bool same_items(const assay_value *ours, const json_t *theirs)
{
    size_t count = json_is_object(theirs) ? json_object_size(theirs) : json_array_size(theirs);

    if (ours->count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_is_object(theirs) ? json_object_get(theirs, ours->keys[i])
                                                    : json_array_get(theirs, i);
        if (item == NULL || !same(ours->items[i], item))
            return false;
    }
    return true;
}

static bool same(const assay_value *ours, const json_t *theirs)
{
    switch (json_typeof(theirs)) {
    case JSON_NULL:
        return ours->kind == ASSAY_VALUE_NULL;
    case JSON_TRUE:
    case JSON_FALSE:
        return ours->kind == ASSAY_VALUE_BOOL && ours->boolean == json_is_true(theirs);
    case JSON_INTEGER:
        return ours->kind == ASSAY_VALUE_INT && ours->integer == json_integer_value(theirs);
    case JSON_REAL: {
        double real = json_real_value(theirs);
        return ours->kind == ASSAY_VALUE_REAL && ours->real >= real && ours->real <= real;
    }
    case JSON_STRING:
        return ours->kind == ASSAY_VALUE_TEXT && strcmp(ours->text, json_string_value(theirs)) == 0;
    case JSON_ARRAY:
        return ours->kind == ASSAY_VALUE_LIST && same_items(ours, theirs);
    case JSON_OBJECT:
        return ours->kind == ASSAY_VALUE_MAP && same_items(ours, theirs);
    }
    return false;
}

/* What only jansson refuses: numbers that it cannot hold. */
static bool is_out_of_range(const json_error_t *error)
{
    return json_error_code(error) == json_error_numeric_overflow;
}

static bool compare(const assay_buf *buf)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_value *ours = NULL;
    json_error_t error = {0};
    assay_status status = assay_json_parse(buf->data, buf->size, NULL, arena, &ours, NULL);
    json_t *theirs =
        json_loadb(buf->data, buf->size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    bool agree = theirs != NULL ? status == ASSAY_OK && same(ours, theirs)
                                : status == ASSAY_EDATA || is_out_of_range(&error);

    if (!agree)
        print_error("ours: %s, jansson: %s\n%s\n", assay_status_name(status), error.text,
                    assay_buf_text(buf));
    json_decref(theirs);
    return agree;
}

static void both_readers_agree_on_random_documents(void **state)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    (void)state;
    for (uint64_t document = 0; document < DOCUMENTS; document++) {
        uint64_t seed = document;
        assay_buf_clear(&buf);
        append_random(&buf, &seed, 0);
        if (document % 4 != 0)
            damage(&buf, &seed);
        assert_true(compare(&buf));
    }
}

static void jansson_reads_what_we_write(void **state)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf written = ASSAY_BUF_EMPTY;

    (void)state;
    for (uint64_t document = 0; document < DOCUMENTS / 10; document++) {
        ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
        assay_value *value = NULL;
        uint64_t seed = document;
        assay_buf_clear(&buf);
        append_random(&buf, &seed, 0);
        if (assay_json_parse(buf.data, buf.size, NULL, arena, &value, NULL) != ASSAY_OK)
            continue; /* a duplicate key */
        assay_buf_clear(&written);
        assay_json_write(&written, value, (int)(document % 3));
        assert_true(compare(&written));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_readers_agree_on_random_documents),
        cmocka_unit_test(jansson_reads_what_we_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
