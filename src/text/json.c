#include "text/json.h"

#include "base/mem.h"
#include "base/str.h"
#include "text/json_text.h"

#include <math.h>
#include <string.h>

/* Our own reader, not jansson's: it keeps the digits of numbers as they are written (Iceberg and
 * Delta need them), the place of every value, and builds the tree in the arena in one pass. */

enum { NUMBER_LENGTH_MAX = 400 };

struct reader {
    const char *at;
    const char *end;
    const char *path;
    assay_arena *arena;
    assay_error *err;
    int depth, depth_max;
    int line;
    const char *counted; /* the column of this byte is `column` */
    int column;
    assay_buf scratch; /* one text with escapes */
};

/* Moves line and column on to `at`; only forwards, so that a document is counted once. */
static void count_to(struct reader *reader, const char *at)
{
    for (; reader->counted < at; reader->counted++) {
        unsigned char c = (unsigned char)*reader->counted;
        if (c == '\n') {
            reader->line++;
            reader->column = 1;
        } else if (reader->counted + 1 >= reader->end ||
                   ((unsigned char)reader->counted[1] & 0xC0U) != 0x80U) {
            reader->column++;
        }
    }
}

static assay_place place_of(struct reader *reader, const char *at)
{
    count_to(reader, at);
    return (assay_place){reader->path, reader->line, reader->column};
}

static assay_status fail_at(struct reader *reader, const char *at, const char *why)
{
    return assay_error_at(reader->err, ASSAY_EDATA, 1101, place_of(reader, at),
                          "not valid JSON: %s", why);
}

static assay_status fail(struct reader *reader, const char *why)
{
    return fail_at(reader, reader->at, why);
}

static void skip_blanks(struct reader *reader)
{
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\n' ||
                                        *reader->at == '\r' || *reader->at == '\t'))
        reader->at++;
}

static assay_status new_value(struct reader *reader, assay_value_kind kind, assay_value **ret_value)
{
    assay_value *value = assay_arena_take(reader->arena, 1, sizeof *value);

    ASSAY_TRY(assay_arena_check(value, reader->err));
    count_to(reader, reader->at);
    value->kind = kind;
    value->line = reader->line;
    value->column = reader->column;
    *ret_value = value;
    return ASSAY_OK;
}

static assay_status read_escape(struct reader *reader)
{
    const char *begin = reader->at++;

    if (reader->at >= reader->end)
        return fail(reader, "text is not closed");
    const char *wrong = assay_json_unescape(&reader->at, reader->end, &reader->scratch);
    return wrong != NULL ? fail_at(reader, begin, wrong) : ASSAY_OK;
}

/* First byte of the text at `at` that is not itself: a quote, an escape, a control, the end. */
static const char *plain_end(const char *at, const char *end)
{
    while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20U)
        at++;
    return at;
}

/* Reads the text whose opening quote is at reader->at, into the arena. */
static assay_status read_text(struct reader *reader, const char **ret_text)
{
    reader->at++;
    const char *stop = plain_end(reader->at, reader->end);
    if (stop < reader->end && *stop == '"') {
        *ret_text = assay_arena_text_n(reader->arena, reader->at, (size_t)(stop - reader->at));
        reader->at = stop + 1;
        return assay_arena_check(*ret_text, reader->err);
    }
    assay_buf_clear(&reader->scratch);
    for (;;) {
        assay_buf_append(&reader->scratch, reader->at, (size_t)(stop - reader->at));
        reader->at = stop;
        if (stop >= reader->end)
            return fail(reader, "text is not closed");
        if (*stop == '"')
            break;
        if (*stop != '\\')
            return fail(reader, "control character in a text");
        ASSAY_TRY(read_escape(reader));
        stop = plain_end(reader->at, reader->end);
    }
    reader->at++;
    ASSAY_TRY(assay_buf_check(&reader->scratch, reader->err));
    *ret_text =
        assay_arena_text_n(reader->arena, assay_buf_text(&reader->scratch), reader->scratch.size);
    return assay_arena_check(*ret_text, reader->err);
}

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

/* The grammar of RFC 8259 section 6; the end of the number, or NULL where it is none. */
static const char *number_end(const char *at, const char *end, bool *ret_whole)
{
    *ret_whole = true;
    if (at < end && *at == '-')
        at++;
    const char *digits = at;
    at = skip_digits(at, end);
    if (at == digits || (*digits == '0' && at - digits > 1))
        return NULL;
    if (at < end && *at == '.') {
        *ret_whole = false;
        const char *fraction = at + 1;
        at = skip_digits(fraction, end);
        if (at == fraction)
            return NULL;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        *ret_whole = false;
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        const char *exponent = at;
        at = skip_digits(exponent, end);
        if (at == exponent)
            return NULL;
    }
    return at;
}

static assay_status read_number(struct reader *reader, assay_value **ret_value)
{
    assay_value *value = NULL;
    bool whole = false;
    const char *stop = number_end(reader->at, reader->end, &whole);

    if (stop == NULL)
        return fail(reader, "broken number");
    if (stop - reader->at > NUMBER_LENGTH_MAX)
        return fail(reader, "number with more than 400 characters");
    ASSAY_TRY(new_value(reader, ASSAY_VALUE_REAL, &value));
    value->text = assay_arena_text_n(reader->arena, reader->at, (size_t)(stop - reader->at));
    ASSAY_TRY(assay_arena_check(value->text, reader->err));
    reader->at = stop;
    if (whole && assay_str_to_int64(value->text, &value->integer)) {
        value->kind = ASSAY_VALUE_INT;
        value->real = (double)value->integer;
    } else if (!assay_str_to_double(value->text, &value->real)) {
        value->real = value->text[0] == '-' ? -HUGE_VAL : HUGE_VAL; /* 1e999: `text` knows */
    }
    *ret_value = value;
    return ASSAY_OK;
}

static assay_status read_word(struct reader *reader, assay_value **ret_value)
{
    static const struct {
        const char *word;
        assay_value_kind kind;
        bool boolean;
    } words[] = {
        {"null", ASSAY_VALUE_NULL, false},
        {"true", ASSAY_VALUE_BOOL, true},
        {"false", ASSAY_VALUE_BOOL, false},
    };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t size = strlen(words[i].word);
        if ((size_t)(reader->end - reader->at) < size ||
            memcmp(reader->at, words[i].word, size) != 0)
            continue;
        ASSAY_TRY(new_value(reader, words[i].kind, ret_value));
        (*ret_value)->boolean = words[i].boolean;
        (*ret_value)->text = words[i].word;
        reader->at += size;
        return ASSAY_OK;
    }
    return fail(reader, "a value is expected");
}

static assay_status read_value(struct reader *reader, assay_value **ret_value);

/* After an item: true in *ret_end at `close`, false at a comma that something follows. */
static assay_status read_separator(struct reader *reader, char close, bool *ret_end)
{
    skip_blanks(reader);
    if (reader->at >= reader->end)
        return fail(reader, close == ']' ? "list is not closed" : "object is not closed");
    *ret_end = *reader->at == close;
    if (!*ret_end && *reader->at != ',')
        return fail(reader, close == ']' ? "',' or ']' is expected" : "',' or '}' is expected");
    reader->at++;
    skip_blanks(reader);
    return ASSAY_OK;
}

static assay_status read_list(struct reader *reader, assay_value **ret_value)
{
    assay_value *list = NULL;
    bool end = false;

    ASSAY_TRY(new_value(reader, ASSAY_VALUE_LIST, &list));
    reader->at++;
    skip_blanks(reader);
    if (reader->at < reader->end && *reader->at == ']') {
        reader->at++;
        end = true;
    }
    while (!end) {
        assay_value *item = NULL;
        ASSAY_TRY(read_value(reader, &item));
        ASSAY_TRY(assay_value_append(list, item, reader->arena, reader->err));
        ASSAY_TRY(read_separator(reader, ']', &end));
    }
    *ret_value = list;
    return ASSAY_OK;
}

static assay_status read_pair(struct reader *reader, assay_value *map)
{
    const char *key = NULL;
    assay_value *item = NULL;

    if (reader->at >= reader->end || *reader->at != '"')
        return fail(reader, "a key in quotes is expected");
    ASSAY_TRY(read_text(reader, &key));
    skip_blanks(reader);
    if (reader->at >= reader->end || *reader->at != ':')
        return fail(reader, "':' is expected");
    reader->at++;
    skip_blanks(reader);
    ASSAY_TRY(read_value(reader, &item));
    return assay_value_append_pair(map, key, item, reader->arena, reader->err);
}

static assay_status read_map(struct reader *reader, assay_value **ret_value)
{
    assay_value *map = NULL;
    bool end = false;
    size_t first = 0;
    size_t second = 0;

    ASSAY_TRY(new_value(reader, ASSAY_VALUE_MAP, &map));
    reader->at++;
    skip_blanks(reader);
    if (reader->at < reader->end && *reader->at == '}') {
        reader->at++;
        end = true;
    }
    while (!end) {
        ASSAY_TRY(read_pair(reader, map));
        ASSAY_TRY(read_separator(reader, '}', &end));
    }
    ASSAY_TRY(assay_value_find_duplicate(map, &first, &second, reader->err));
    if (second < map->count)
        return assay_error_at(reader->err, ASSAY_EDATA, 1101,
                              (assay_place){reader->path, map->items[second]->line,
                                            map->items[second]->column},
                              "not valid JSON: duplicate key '%s'", map->keys[second]);
    *ret_value = map;
    return ASSAY_OK;
}

static assay_status read_value(struct reader *reader, assay_value **ret_value)
{
    assay_status status = ASSAY_OK;

    if (reader->at >= reader->end)
        return fail(reader, "the document ends too early");
    char c = *reader->at;
    if (c == '{' || c == '[') {
        if (reader->depth >= reader->depth_max)
            return assay_error_at(reader->err, ASSAY_EDATA, 1101, place_of(reader, reader->at),
                                  "not valid JSON: nested deeper than %d levels",
                                  reader->depth_max);
        reader->depth++;
        status = c == '{' ? read_map(reader, ret_value) : read_list(reader, ret_value);
        reader->depth--;
        return status;
    }
    if (c == '"') {
        assay_value *value = NULL;
        ASSAY_TRY(new_value(reader, ASSAY_VALUE_TEXT, &value));
        ASSAY_TRY(read_text(reader, &value->text));
        value->quoted = true;
        *ret_value = value;
        return ASSAY_OK;
    }
    if (c == '-' || (c >= '0' && c <= '9'))
        return read_number(reader, ret_value);
    return read_word(reader, ret_value);
}

static assay_status check_utf8(struct reader *reader)
{
    const char *at = reader->at;

    while (at < reader->end) {
        size_t length = assay_str_sequence(at, (size_t)(reader->end - at));
        if (length == 0)
            return fail_at(reader, at, "not UTF-8");
        at += length;
    }
    return ASSAY_OK;
}

static assay_status read_document(struct reader *reader, assay_value **ret_value)
{
    assay_value *value = NULL;

    if (reader->end - reader->at >= 3 && memcmp(reader->at, "\xEF\xBB\xBF", 3) == 0)
        reader->at += 3; /* a byte order mark, which a parser may ignore (section 8.1) */
    reader->counted = reader->at;
    ASSAY_TRY(check_utf8(reader));
    skip_blanks(reader);
    ASSAY_TRY(read_value(reader, &value));
    skip_blanks(reader);
    if (reader->at < reader->end)
        return fail(reader, "something follows the document");
    *ret_value = value;
    return ASSAY_OK;
}

assay_status assay_json_parse(const char *bytes, size_t size, const char *path, assay_arena *arena,
                              assay_value **ret_value, assay_error *err)
{
    return assay_json_parse_deep(bytes, size, path, ASSAY_JSON_DEPTH_MAX, arena, ret_value, err);
}

assay_status assay_json_parse_deep(const char *bytes, size_t size, const char *path, int depth_max,
                                   assay_arena *arena, assay_value **ret_value, assay_error *err)
{
    const char *begin = bytes != NULL ? bytes : "";
    struct reader reader = {
        .at = begin, .path = path, .arena = arena, .err = err, .depth_max = depth_max};

    reader.end = begin + (bytes != NULL ? size : 0);
    reader.line = 1;
    reader.column = 1;
    assay_status status = read_document(&reader, ret_value);
    assay_buf_done(&reader.scratch);
    return status;
}
