#include "base/buf.h"
#include "text/yaml.h"

#include <stdlib.h>
#include <string.h>

/* A default may hold references of its own; the texts that come out are limited. */
enum { NESTING_MAX = 8, EXPANDED_MAX = 1 << 20 };

struct expansion {
    assay_template_lookup *lookup;
    void *user;
    assay_place place; /* of the scalar */
    assay_buf out;
    assay_error *err;
};

const char *assay_template_environment(void *user, const char *name)
{
    (void)user;
    return getenv(name);
}

static size_t name_length(const char *text)
{
    static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    size_t length = strspn(text, first);

    return length == 0 ? 0
                       : strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
                                      "0123456789");
}

/* The '}' that closes the reference whose '${' is before `at`, or NULL. */
static const char *find_close(const char *at, const char *end)
{
    int depth = 1;

    for (; at < end; at++) {
        if (at[0] == '$' && at + 1 < end && at[1] == '{') {
            depth++;
            at++;
        } else if (at[0] == '}' && --depth == 0) {
            return at;
        }
    }
    return NULL;
}

static assay_status expand_text(struct expansion *expansion, const char *text, const char *end,
                                int depth);

/* Expands the reference whose name begins at `name` and whose brace closes at `close`. */
static assay_status expand_reference(struct expansion *expansion, const char *name,
                                     const char *close, int depth)
{
    char copy[256];
    size_t length = name_length(name);
    const char *after = name + length;
    bool has_default = close - after >= 2 && after[0] == ':' && after[1] == '-';

    if (length == 0 || length >= sizeof copy || after > close || (after != close && !has_default))
        return assay_error_at(expansion->err, ASSAY_ECONFIG, 1121, expansion->place,
                              "'${%.*s}' is neither ${NAME} nor ${NAME:-default}",
                              (int)(close - name), name);
    memcpy(copy, name, length);
    copy[length] = '\0';
    const char *value = expansion->lookup(expansion->user, copy);
    if (has_default && (value == NULL || value[0] == '\0'))
        return expand_text(expansion, after + 2, close, depth + 1);
    if (value == NULL)
        return assay_error_at(expansion->err, ASSAY_ECONFIG, 1120, expansion->place,
                              "variable '%s' is not set and has no default", copy);
    assay_buf_append_text(&expansion->out, value);
    return ASSAY_OK;
}

static assay_status expand_text(struct expansion *expansion, const char *text, const char *end,
                                int depth)
{
    if (depth > NESTING_MAX)
        return assay_error_at(expansion->err, ASSAY_ECONFIG, 1121, expansion->place,
                              "defaults are nested deeper than %d levels", NESTING_MAX);
    for (const char *at = text; at < end;) {
        const char *dollar = memchr(at, '$', (size_t)(end - at));
        const char *stop = dollar != NULL ? dollar : end;
        assay_buf_append(&expansion->out, at, (size_t)(stop - at));
        if (dollar == NULL)
            break;
        if (end - dollar >= 3 && memcmp(dollar, "$${", 3) == 0) {
            assay_buf_append_text(&expansion->out, "${");
            at = dollar + 3;
        } else if (dollar + 1 < end && dollar[1] == '{') {
            const char *close = find_close(dollar + 2, end);
            if (close == NULL)
                return assay_error_at(expansion->err, ASSAY_ECONFIG, 1121, expansion->place,
                                      "'${' is not closed");
            ASSAY_TRY(expand_reference(expansion, dollar + 2, close, depth));
            at = close + 1;
        } else {
            assay_buf_append_char(&expansion->out, '$');
            at = dollar + 1;
        }
        if (expansion->out.size > EXPANDED_MAX)
            return assay_error_at(expansion->err, ASSAY_ECONFIG, 1112, expansion->place,
                                  "value is larger than 1 MiB when its variables are expanded");
    }
    return assay_buf_check(&expansion->out, expansion->err);
}

static assay_status expand_scalar(struct expansion *expansion, assay_value *scalar,
                                  assay_arena *arena)
{
    if (scalar->text == NULL || strchr(scalar->text, '$') == NULL)
        return ASSAY_OK;
    expansion->place.line = scalar->line;
    expansion->place.column = scalar->column;
    assay_buf_clear(&expansion->out);
    ASSAY_TRY(expand_text(expansion, scalar->text, scalar->text + strlen(scalar->text), 0));
    const char *text = assay_arena_text(arena, assay_buf_text(&expansion->out));
    ASSAY_TRY(assay_arena_check(text, expansion->err));
    scalar->text = text;
    if (!scalar->quoted)
        assay_yaml_resolve(scalar);
    return ASSAY_OK;
}

static assay_status expand_tree(struct expansion *expansion, assay_value *value, assay_arena *arena)
{
    if (value == NULL)
        return ASSAY_OK;
    if (value->kind == ASSAY_VALUE_TEXT)
        return expand_scalar(expansion, value, arena);
    for (size_t i = 0; i < value->count; i++)
        ASSAY_TRY(expand_tree(expansion, value->items[i], arena));
    return ASSAY_OK;
}

assay_status assay_template_expand(assay_value *tree, const char *path,
                                   assay_template_lookup *lookup, void *user, assay_arena *arena,
                                   assay_error *err)
{
    struct expansion expansion = {.lookup = lookup, .user = user, .err = err};

    expansion.place.path = path;
    assay_status status = expand_tree(&expansion, tree, arena);
    assay_buf_done(&expansion.out);
    return status;
}
