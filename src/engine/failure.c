#include "engine/connection.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "engine/engine.h"
#include "text/json.h"

struct failure_kind {
    const char *type; /* the engine's exception type, case ignored */
    assay_status status;
    int number;
};

/* Exception types of DuckDB 1.5 (src/common/exception.cpp). */
static const struct failure_kind kinds[] = {
    {"Parser", ASSAY_ECONFIG, 3001},
    {"Syntax", ASSAY_ECONFIG, 3001},
    {"Binder", ASSAY_ECONFIG, 3002},
    {"Parameter Not Resolved", ASSAY_ECONFIG, 3002},
    {"Expression", ASSAY_ECONFIG, 3002},
    {"Settings", ASSAY_ECONFIG, 3002},
    {"Parameter Not Allowed", ASSAY_ECONFIG, 3002},
    {"Invalid Configuration", ASSAY_ECONFIG, 3002},
    {"Catalog", ASSAY_ECONFIG, 3003},
    {"Dependency", ASSAY_ECONFIG, 3003},
    {"Conversion", ASSAY_EDATA, 3004},
    {"Out of Range", ASSAY_EDATA, 3004},
    {"Decimal", ASSAY_EDATA, 3004},
    {"Mismatch Type", ASSAY_EDATA, 3004},
    {"Invalid Type", ASSAY_EDATA, 3004},
    {"Invalid type", ASSAY_EDATA, 3004},
    {"Divide by Zero", ASSAY_EDATA, 3004},
    {"Sequence", ASSAY_EDATA, 3004},
    {"Constraint", ASSAY_EDATA, 3005},
    {"Out of Memory", ASSAY_ENOMEM, 3006},
    {"Object Size", ASSAY_ENOMEM, 3006},
    {"INTERRUPT", ASSAY_ECANCELLED, 3007},
    {"IO", ASSAY_EIO, 3008},
    {"HTTP", ASSAY_EIO, 3008},
    {"Network", ASSAY_EIO, 3008},
    {"Permission", ASSAY_EIO, 3008},
    {"Invalid Input", ASSAY_EDATA, 3009},
    {"Invalid", ASSAY_EDATA, 3009},
    {"Serialization", ASSAY_EDATA, 3009},
    {"Not implemented", ASSAY_EUNSUPPORTED, 3012},
    {"Missing Extension", ASSAY_EUNSUPPORTED, 3013},
    {"Extension Autoloading", ASSAY_EUNSUPPORTED, 3013},
};

static const struct failure_kind unknown_kind = {"", ASSAY_EINTERNAL, 3099};

static const struct failure_kind *find_kind(const char *type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (assay_str_equal_ci(kinds[i].type, type))
            return &kinds[i];
    return &unknown_kind;
}

static bool starts_code_point(char byte)
{
    return ((unsigned char)byte & 0xC0U) != 0x80U;
}

/* Line and column (in code points) of `position` in `sql`, which counts bytes, or code points. */
static assay_place place_of(const char *sql, size_t position, bool code_points)
{
    assay_place place = {NULL, 1, 1};

    if (sql == NULL || position > strlen(sql))
        return (assay_place){NULL, 0, 0};
    for (size_t i = 0; position > 0 && sql[i] != '\0'; i++) {
        bool begins = starts_code_point(sql[i + 1]);
        position -= begins || !code_points ? 1 : 0;
        if (sql[i] == '\n') {
            place.line++;
            place.column = 1;
        } else if (begins) {
            place.column++;
        }
    }
    return place;
}

/* The message on one line, without the engine's excerpt of the statement, its lists of overloads
 * and its advice to change settings, which are not the user's. */
static void flatten(char *text)
{
    static const char *const tails[] = {"\n\nLINE ",
                                        "\nLINE ",
                                        "\n\tCandidate functions:",
                                        "Use \"SET ",
                                        "\nPossible solutions:",
                                        "\n\nPossible solutions:"};
    char *out = text;

    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        char *tail = strstr(text, tails[i]);
        if (tail != NULL)
            *tail = '\0';
    }
    for (const char *in = text; *in != '\0'; in++) {
        if (*in != '\n')
            *out++ = *in;
        else if (out != text && out[-1] != ' ')
            *out++ = ' ';
    }
    while (out != text && out[-1] == ' ')
        out--;
    *out = '\0';
}

/* The postgres extension repeats the whole statement before the server's words. */
static const char *without_statement(const char *message)
{
    const char *cause = strstr(message, "\": ERROR:  ");

    return cause != NULL ? cause + strlen("\": ") : message;
}

static assay_status fail_at(const char *type, const char *message, int64_t position,
                            const assay_engine_text *text, assay_error *err)
{
    const struct failure_kind *kind = find_kind(type);
    assay_place place = {NULL, 0, 0};
    char flat[ASSAY_ERROR_MESSAGE_SIZE];

    /* The parser counts code points, everything behind it bytes. */
    if (text != NULL && position >= 0 && (uint64_t)position >= text->shift)
        place = place_of(text->sql, (size_t)position - text->shift, kind->number == 3001);
    message = without_statement(message);
    size_t length = strlen(message);
    if (length >= sizeof flat)
        length = sizeof flat - 1;
    memcpy(flat, message, length);
    flat[length] = '\0';
    flatten(flat);
    if (kind == &unknown_kind && type[0] != '\0')
        return assay_error_at(err, kind->status, kind->number, place, "the engine failed: %s: %s",
                              type, flat);
    if (kind->status == ASSAY_ECANCELLED)
        return assay_error_at(err, kind->status, kind->number, place, "interrupted");
    return assay_error_at(err, kind->status, kind->number, place, "%s",
                          flat[0] != '\0' ? flat : "the engine failed without a message");
}

/* "Binder Error: text": the form of an error that came before errors_as_json was set. */
static assay_status fail_plain(const char *message, const assay_engine_text *text, assay_error *err)
{
    const char *separator = strstr(message, " Error: ");
    char type[64];

    if (separator == NULL || (size_t)(separator - message) >= sizeof type)
        return fail_at("", message, -1, text, err);
    size_t length = (size_t)(separator - message);
    memcpy(type, message, length);
    type[length] = '\0';
    return fail_at(type, separator + strlen(" Error: "), -1, text, err);
}

assay_status assay_engine_fail(const char *message, const assay_engine_text *text, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_value *tree = NULL;
    int64_t position = -1;

    if (arena == NULL)
        return assay_error_nomem(err);
    if (message == NULL)
        return fail_at("", "", -1, text, err);
    const char *json = strchr(message, '{');
    if (json == NULL || !assay_str_contains(json, "\"exception_type\""))
        return fail_plain(message, text, err);
    if (assay_json_parse(json, strlen(json), "engine error", arena, &tree, NULL) != ASSAY_OK)
        return fail_plain(message, text, err);
    const char *digits = assay_value_find_text(tree, "position", NULL);
    if (digits == NULL || !assay_str_to_int64(digits, &position))
        position = -1;
    return fail_at(assay_value_find_text(tree, "exception_type", ""),
                   assay_value_find_text(tree, "exception_message", ""), position, text, err);
}

assay_status assay_engine_fail_parts(const char *type, const char *message, int64_t position,
                                     const char *sql, assay_error *err)
{
    return fail_at(type, message, position, &(assay_engine_text){.text = sql, .sql = sql}, err);
}

/* ---- values in errors ---- */

static bool is_word(char c)
{
    return isalnum((unsigned char)c) != 0 || c == '_';
}

/* Everything from the first quote to the last one: a value may hold quotes itself. */
static void mask_quoted(char *text)
{
    static const char mask[] = "***";
    char *first = strpbrk(text, "'\"");
    char *last = first;

    if (first == NULL)
        return;
    for (char *at = first; *at != '\0'; at++)
        if (*at == '\'' || *at == '"')
            last = at;
    const char *rest = last == first ? first + strlen(first) : last + 1;
    size_t shown =
        (size_t)(rest - first) < sizeof mask - 1 ? (size_t)(rest - first) : sizeof mask - 1;
    memcpy(first, mask, shown);
    memmove(first + shown, rest, strlen(rest) + 1);
}

/* Digits that belong to no word, as those of INT32 do. */
static void mask_numbers(char *text)
{
    bool word = false;

    for (char *at = text; *at != '\0'; at++) {
        bool digit = isdigit((unsigned char)*at) != 0;
        if (digit && !word)
            *at = '*';
        else
            word = is_word(*at);
    }
}

void assay_engine_hide_values(assay_error *err)
{
    enum { CONVERSION = 3004, CONSTRAINT = 3005, REFUSED = 3009, RANGE = 4030 };

    if (err == NULL)
        return;
    if (err->number == CONVERSION || err->number == RANGE) {
        mask_quoted(err->message);
        mask_numbers(err->message);
    } else if (err->number == CONSTRAINT || err->number == REFUSED) {
        (void)snprintf(err->message, sizeof err->message,
                       "the engine refuses a value; its words are not shown, since columns are "
                       "pii");
    }
}
