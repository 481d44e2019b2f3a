/* Driver manifests: the part of TOML 1.0 that they are written in. */
#include <stdio.h>
#include <string.h>

#include "adbc/manifest.h"
#include "base/str.h"

enum { NAME_SIZE = 128 };

#if defined(__x86_64__)
#define MACHINE "amd64"
#elif defined(__aarch64__)
#define MACHINE "arm64"
#else
#define MACHINE "unknown"
#endif

struct reader {
    const char *at, *end;
    const char *path;
    int line;
    char table[NAME_SIZE]; /* "Driver.shared" */
    assay_arena *arena;
    assay_adbc_manifest manifest;
    bool has_version;
};

static assay_status fail(const struct reader *reader, const char *what, assay_error *err)
{
    return assay_error_at(err, ASSAY_ECONFIG, 3104, (assay_place){reader->path, reader->line, 0},
                          "the driver manifest cannot be understood: %s", what);
}

static bool at_end(const struct reader *reader)
{
    return reader->at >= reader->end;
}

static void skip_blanks(struct reader *reader)
{
    while (!at_end(reader) && (*reader->at == ' ' || *reader->at == '\t' || *reader->at == '\r'))
        reader->at++;
}

/* To the next line that says something; false at the end. */
static bool skip_empty(struct reader *reader)
{
    for (; !at_end(reader); reader->at++) {
        skip_blanks(reader);
        if (!at_end(reader) && *reader->at == '#')
            while (!at_end(reader) && *reader->at != '\n')
                reader->at++;
        if (at_end(reader) || *reader->at != '\n')
            break;
        reader->line++;
    }
    return !at_end(reader);
}

static bool is_bare(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

/* A key, dotted parts joined by '.': Driver.shared, "Driver" . shared */
static assay_status read_key(struct reader *reader, char name[NAME_SIZE], assay_error *err)
{
    size_t length = 0;

    for (;; reader->at++) {
        skip_blanks(reader);
        char quote =
            !at_end(reader) && (*reader->at == '"' || *reader->at == '\'') ? *reader->at : '\0';
        if (quote != '\0')
            reader->at++;
        for (; !at_end(reader) &&
               (quote != '\0' ? *reader->at != quote && *reader->at != '\n' : is_bare(*reader->at));
             reader->at++) {
            if (length >= NAME_SIZE - 2)
                return fail(reader, "a name is too long", err);
            name[length++] = *reader->at;
        }
        if (quote != '\0' && (at_end(reader) || *reader->at++ != quote))
            return fail(reader, "a name is not closed", err);
        skip_blanks(reader);
        if (at_end(reader) || *reader->at != '.')
            break;
        name[length++] = '.';
    }
    name[length] = '\0';
    return length > 0 ? ASSAY_OK : fail(reader, "a name is expected", err);
}

static assay_status read_table(struct reader *reader, assay_error *err)
{
    reader->at++;
    if (!at_end(reader) && *reader->at == '[')
        return fail(reader, "arrays of tables belong to no manifest", err);
    ASSAY_TRY(read_key(reader, reader->table, err));
    if (at_end(reader) || *reader->at++ != ']')
        return fail(reader, "']' is expected", err);
    return ASSAY_OK;
}

static char escaped(char c)
{
    static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
    const char *found = c != '\0' ? strchr(from, c) : NULL;

    return found != NULL ? to[found - from] : '\0';
}

/* A basic ("..") or literal ('..') string of one line. */
static assay_status read_text(struct reader *reader, const char **ret_text, assay_error *err)
{
    char quote = *reader->at++;
    char *text = assay_arena_take(reader->arena, (size_t)(reader->end - reader->at) + 1, 1);
    size_t length = 0;

    ASSAY_TRY(assay_arena_check(text, err));
    for (; !at_end(reader) && *reader->at != quote; reader->at++) {
        if (*reader->at == '\n')
            break;
        text[length] = *reader->at;
        if (quote == '"' && *reader->at == '\\') {
            text[length] = ++reader->at < reader->end ? escaped(*reader->at) : '\0';
            if (text[length] == '\0')
                return fail(reader, "this escape is not known here", err);
        }
        length++;
    }
    if (at_end(reader) || *reader->at++ != quote)
        return fail(reader, "a text is not closed", err);
    *ret_text = text;
    return ASSAY_OK;
}

/* Anything else, for keys that do not matter: one line, or an array of several. */
static const char *skip_value(struct reader *reader)
{
    const char *from = reader->at;
    int depth = 0;

    for (; !at_end(reader) && (depth > 0 || (*reader->at != '\n' && *reader->at != '#'));
         reader->at++) {
        depth += *reader->at == '[' ? 1 : *reader->at == ']' ? -1 : 0;
        reader->line += *reader->at == '\n' ? 1 : 0;
    }
    size_t length = (size_t)(reader->at - from);
    while (length > 0 && strchr(" \t\r", from[length - 1]) != NULL)
        length--;
    return assay_arena_text_n(reader->arena, from, length);
}

static assay_status take_pair(struct reader *reader, const char *name, const char *text,
                              bool is_text, assay_error *err)
{
    if (assay_str_equal(name, "manifest_version")) {
        reader->has_version = true;
        return assay_str_equal(text, "1") ? ASSAY_OK
                                          : fail(reader, "its manifest_version is not 1", err);
    }
    if (assay_str_equal(name, "Driver.entrypoint"))
        reader->manifest.entrypoint = text;
    bool is_library = assay_str_equal(name, "Driver.shared") ||
                      assay_str_equal(name, "Driver.shared.linux_" MACHINE);
    if (is_library && !is_text)
        return fail(reader, "'shared' must be a text, or a table [Driver.shared]", err);
    if (is_library)
        reader->manifest.library = text;
    return ASSAY_OK;
}

static assay_status read_pair(struct reader *reader, assay_error *err)
{
    char key[NAME_SIZE] = "", name[2 * NAME_SIZE] = "";
    const char *text = NULL;

    ASSAY_TRY(read_key(reader, key, err));
    if (at_end(reader) || *reader->at++ != '=')
        return fail(reader, "'=' is expected", err);
    skip_blanks(reader);
    bool is_text = !at_end(reader) && (*reader->at == '"' || *reader->at == '\'');
    if (is_text)
        ASSAY_TRY(read_text(reader, &text, err));
    else
        text = skip_value(reader);
    ASSAY_TRY(assay_arena_check(text, err));
    (void)snprintf(name, sizeof name, "%s%s%s", reader->table, reader->table[0] != '\0' ? "." : "",
                   key);
    return take_pair(reader, name, text, is_text, err);
}

assay_status assay_adbc_manifest_parse(const char *text, size_t size, const char *path,
                                       assay_arena *arena, assay_adbc_manifest *ret_manifest,
                                       assay_error *err)
{
    struct reader reader = {
        .at = text, .end = text + size, .path = path, .line = 1, .arena = arena};

    while (skip_empty(&reader)) {
        ASSAY_TRY(*reader.at == '[' ? read_table(&reader, err) : read_pair(&reader, err));
        skip_blanks(&reader);
        if (!at_end(&reader) && *reader.at != '\n' && *reader.at != '#')
            return fail(&reader, "something stands behind the value", err);
    }
    if (!reader.has_version)
        return fail(&reader, "it has no manifest_version", err);
    *ret_manifest = reader.manifest;
    return ASSAY_OK;
}
