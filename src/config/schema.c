#include "config/schema.h"

#include "base/str.h"
#include "config/read.h"

#include <stdio.h>
#include <string.h>

/* A table has fewer rows than this; the names of one are collected for "did you mean". */
enum { NAMES_MAX = 64, CHOICE_MAX = 32 };

static assay_place place_of(const assay_value *value, const char *path)
{
    return (assay_place){path, value->line, value->column};
}

static assay_place key_place(const assay_value *map, size_t index, const char *path)
{
    if (map->key_marks != NULL)
        return (assay_place){path, map->key_marks[index].line, map->key_marks[index].column};
    return place_of(map->items[index], path);
}

assay_place assay_config_place(const assay_value *map, const char *key, const char *path)
{
    const assay_value *at = map;
    const char *rest = key;

    if (map == NULL)
        return (assay_place){path, 0, 0};
    while (rest != NULL && *rest != '\0') {
        const char *dot = strchr(rest, '.');
        size_t size = dot != NULL ? (size_t)(dot - rest) : strlen(rest);
        size_t index = 0;

        if (at->kind != ASSAY_VALUE_MAP)
            break;
        while (index < at->count &&
               (strlen(at->keys[index]) != size || strncmp(at->keys[index], rest, size) != 0))
            index++;
        if (index == at->count)
            break;
        if (dot == NULL || at->items[index]->kind != ASSAY_VALUE_MAP)
            return key_place(at, index, path);
        at = at->items[index];
        rest = dot + 1;
    }
    return place_of(at, path);
}

static const assay_key *find_key(const assay_key_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->keys[i].name, name) == 0)
            return &table->keys[i];
    return NULL;
}

static assay_status refuse_unknown(const assay_value *map, size_t index,
                                   const assay_key_table *table, const char *path, assay_error *err)
{
    const char *names[NAMES_MAX] = {NULL};
    size_t count = 0;
    assay_place place = key_place(map, index, path);

    for (size_t i = 0; i < table->count && count < NAMES_MAX; i++)
        names[count++] = table->keys[i].name;
    const char *nearest = assay_str_nearest(map->keys[index], names, count);
    if (nearest != NULL)
        return assay_error_at(err, ASSAY_ECONFIG, 1201, place,
                              "unknown key '%s' in %s: did you mean '%s'?", map->keys[index],
                              table->title, nearest);

    char known[400] = "";
    size_t used = 0;
    for (size_t i = 0; i < count && used < sizeof known - 40; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%.30s", i > 0 ? ", " : "",
                                 names[i]);
    return assay_error_at(err, ASSAY_ECONFIG, 1201, place, "unknown key '%s' in %s: known are %s%s",
                          map->keys[index], table->title, known,
                          used >= sizeof known - 40 ? " .." : "");
}

static assay_status refuse_kind(const assay_value *value, const assay_key *key, const char *wanted,
                                const char *path, assay_error *err)
{
    const char *text = assay_config_scalar(value);

    if (text == NULL)
        return assay_error_at(err, ASSAY_ECONFIG, 1202, place_of(value, path),
                              "'%s' must be %s, not a %s", key->name, wanted,
                              assay_value_kind_name(value->kind));
    return assay_error_at(err, ASSAY_ECONFIG, 1202, place_of(value, path),
                          "'%s' must be %s, not '%.80s'", key->name, wanted, text);
}

/* The choices are separated by '|'. */
static bool is_choice(const char *choices, const char *text)
{
    size_t size = strlen(text);

    for (const char *at = choices; at != NULL;) {
        const char *bar = strchr(at, '|');
        size_t length = bar != NULL ? (size_t)(bar - at) : strlen(at);

        if (length == size && strncmp(at, text, size) == 0)
            return true;
        at = bar != NULL ? bar + 1 : NULL;
    }
    return false;
}

static assay_status refuse_choice(const assay_value *value, const assay_key *key, const char *path,
                                  assay_error *err)
{
    char copy[CHOICE_MAX * 16] = "";
    const char *names[CHOICE_MAX] = {NULL};
    size_t count = 0;
    const char *text = assay_config_scalar(value);

    (void)snprintf(copy, sizeof copy, "%s", key->choices);
    for (char *at = copy; at != NULL && count < CHOICE_MAX;) {
        char *bar = strchr(at, '|');

        if (bar != NULL)
            *bar = '\0';
        names[count++] = at;
        at = bar != NULL ? bar + 1 : NULL;
    }
    const char *nearest = assay_str_nearest(text, names, count);
    return assay_error_at(err, ASSAY_ECONFIG, 1203, place_of(value, path),
                          "'%s' cannot be '%.80s'%s%s%s; it is one of %s", key->name, text,
                          nearest != NULL ? ": did you mean '" : "", nearest != NULL ? nearest : "",
                          nearest != NULL ? "'?" : "", key->choices);
}

static assay_status check_map(const assay_value *map, const assay_key_table *table,
                              const char *path, assay_error *err);

static assay_status check_scalar(const assay_value *value, const assay_key *key, const char *path,
                                 assay_error *err)
{
    const char *text = assay_config_scalar(value);
    uint64_t bytes = 0;
    int64_t ms = 0;

    switch (key->type) {
    case ASSAY_KEY_TEXT:
        return text != NULL ? ASSAY_OK : refuse_kind(value, key, "a text", path, err);
    case ASSAY_KEY_BOOL:
        if (value->kind == ASSAY_VALUE_BOOL)
            return ASSAY_OK;
        return refuse_kind(value, key, "true or false", path, err);
    case ASSAY_KEY_INT:
        if (value->kind == ASSAY_VALUE_INT && value->integer >= 0 && value->integer <= 1000000000)
            return ASSAY_OK;
        return refuse_kind(value, key, "a whole number from 0 to 1000000000", path, err);
    case ASSAY_KEY_SIZE:
        if (text != NULL && assay_str_to_size(text, &bytes))
            return ASSAY_OK;
        return refuse_kind(value, key, "a size such as 512MB or 2 GiB", path, err);
    case ASSAY_KEY_DURATION:
        if (text != NULL && assay_str_to_duration_ms(text, &ms) && ms >= 0)
            return ASSAY_OK;
        return refuse_kind(value, key, "a duration such as 10s or 2 hours", path, err);
    case ASSAY_KEY_ENUM:
        if (text == NULL)
            return refuse_kind(value, key, "a word", path, err);
        return is_choice(key->choices, text) ? ASSAY_OK : refuse_choice(value, key, path, err);
    case ASSAY_KEY_TEXTS:
    case ASSAY_KEY_TEXT_MAP:
    case ASSAY_KEY_MAP:
    case ASSAY_KEY_MAP_OF:
    case ASSAY_KEY_SHORT_OR_MAP_OF:
    case ASSAY_KEY_LIST_OF:
    case ASSAY_KEY_ANY:
        return ASSAY_OK;
    }
    return ASSAY_OK;
}

static assay_status check_texts(const assay_value *value, const assay_key *key, const char *path,
                                assay_error *err)
{
    if (value->kind != ASSAY_VALUE_LIST)
        return assay_config_scalar(value) != NULL
                   ? ASSAY_OK
                   : refuse_kind(value, key, "a list of texts", path, err);
    for (size_t i = 0; i < value->count; i++)
        if (assay_config_scalar(value->items[i]) == NULL)
            return refuse_kind(value->items[i], key, "a list of texts", path, err);
    return ASSAY_OK;
}

static assay_status check_many(const assay_value *value, const assay_key *key, const char *path,
                               assay_error *err)
{
    bool list = key->type == ASSAY_KEY_LIST_OF;
    const char *wanted = list ? "a list" : "a map of names";

    if (value->kind != (list ? ASSAY_VALUE_LIST : ASSAY_VALUE_MAP))
        return refuse_kind(value, key, wanted, path, err);
    for (size_t i = 0; i < value->count; i++) {
        const assay_value *item = value->items[i];

        if (key->type == ASSAY_KEY_TEXT_MAP) {
            if (assay_config_scalar(item) == NULL)
                return assay_error_at(err, ASSAY_ECONFIG, 1202, key_place(value, i, path),
                                      "'%s' in '%s' must be a text, not a %s", value->keys[i],
                                      key->name, assay_value_kind_name(item->kind));
            continue;
        }
        if (item->kind == ASSAY_VALUE_NULL && !list)
            continue;
        if (key->type == ASSAY_KEY_SHORT_OR_MAP_OF && assay_config_scalar(item) != NULL)
            continue;
        ASSAY_TRY(check_map(item, key->table, path, err));
    }
    return ASSAY_OK;
}

static assay_status check_value(const assay_value *value, const assay_key *key, const char *path,
                                assay_error *err)
{
    switch (key->type) {
    case ASSAY_KEY_TEXT:
    case ASSAY_KEY_BOOL:
    case ASSAY_KEY_INT:
    case ASSAY_KEY_SIZE:
    case ASSAY_KEY_DURATION:
    case ASSAY_KEY_ENUM:
        return check_scalar(value, key, path, err);
    case ASSAY_KEY_TEXTS:
        return check_texts(value, key, path, err);
    case ASSAY_KEY_MAP:
        return check_map(value, key->table, path, err);
    case ASSAY_KEY_TEXT_MAP:
    case ASSAY_KEY_MAP_OF:
    case ASSAY_KEY_SHORT_OR_MAP_OF:
    case ASSAY_KEY_LIST_OF:
        return check_many(value, key, path, err);
    case ASSAY_KEY_ANY:
        return ASSAY_OK;
    }
    return ASSAY_OK;
}

static assay_status check_map(const assay_value *map, const assay_key_table *table,
                              const char *path, assay_error *err)
{
    if (map->kind != ASSAY_VALUE_MAP)
        return assay_error_at(err, ASSAY_ECONFIG, 1202, place_of(map, path),
                              "%s must be a map of keys, not a %s", table->title,
                              assay_value_kind_name(map->kind));
    for (size_t i = 0; i < map->count; i++) {
        const assay_key *key = find_key(table, map->keys[i]);

        if (key == NULL)
            return refuse_unknown(map, i, table, path, err);
        if (map->items[i]->kind != ASSAY_VALUE_NULL)
            ASSAY_TRY(check_value(map->items[i], key, path, err));
    }
    for (size_t i = 0; i < table->count; i++)
        if (table->keys[i].required && assay_config_find(map, table->keys[i].name) == NULL)
            return assay_error_at(err, ASSAY_ECONFIG, 1204, place_of(map, path),
                                  "%s needs the key '%s' (%s)", table->title, table->keys[i].name,
                                  table->keys[i].doc);
    return ASSAY_OK;
}

assay_status assay_config_check(const assay_value *tree, const assay_key_table *table,
                                const char *path, assay_error *err)
{
    if (tree != NULL && tree->kind != ASSAY_VALUE_NULL)
        return check_map(tree, table, path, err);
    for (size_t i = 0; i < table->count; i++)
        if (table->keys[i].required)
            return assay_error_at(err, ASSAY_ECONFIG, 1204, (assay_place){path, 1, 1},
                                  "%s needs the key '%s' (%s)", table->title, table->keys[i].name,
                                  table->keys[i].doc);
    return ASSAY_OK;
}
