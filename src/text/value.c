#include "text/value.h"

#include "base/map.h"
#include "base/str.h"

#include <string.h>

enum { FIRST_CAPACITY = 4, QUADRATIC_MAX = 16 };

static assay_value *new_value(assay_arena *arena, assay_value_kind kind)
{
    assay_value *value = assay_arena_take(arena, 1, sizeof *value);

    if (value != NULL)
        value->kind = kind;
    return value;
}

assay_value *assay_value_null(assay_arena *arena)
{
    return new_value(arena, ASSAY_VALUE_NULL);
}

assay_value *assay_value_bool(assay_arena *arena, bool boolean)
{
    assay_value *value = new_value(arena, ASSAY_VALUE_BOOL);

    if (value != NULL)
        value->boolean = boolean;
    return value;
}

assay_value *assay_value_int(assay_arena *arena, int64_t integer)
{
    assay_value *value = new_value(arena, ASSAY_VALUE_INT);

    if (value != NULL) {
        value->integer = integer;
        value->real = (double)integer;
    }
    return value;
}

assay_value *assay_value_real(assay_arena *arena, double real)
{
    assay_value *value = new_value(arena, ASSAY_VALUE_REAL);

    if (value != NULL)
        value->real = real;
    return value;
}

assay_value *assay_value_text(assay_arena *arena, const char *text)
{
    assay_value *value = new_value(arena, ASSAY_VALUE_TEXT);

    if (value == NULL)
        return NULL;
    value->text = assay_arena_text(arena, text != NULL ? text : "");
    return value->text != NULL ? value : NULL;
}

assay_value *assay_value_list(assay_arena *arena)
{
    return new_value(arena, ASSAY_VALUE_LIST);
}

assay_value *assay_value_map(assay_arena *arena)
{
    return new_value(arena, ASSAY_VALUE_MAP);
}

/* A copy of `count` objects with room for `capacity`; NULL when memory is short. */
static void *grow(assay_arena *arena, const void *from, size_t count, size_t capacity, size_t size)
{
    void *to = assay_arena_take(arena, capacity, size);

    if (to != NULL && count > 0)
        memcpy(to, from, count * size);
    return to;
}

static assay_status make_room(assay_value *value, assay_arena *arena, assay_error *err)
{
    if (value->count < value->capacity)
        return ASSAY_OK;
    size_t capacity = value->capacity == 0 ? FIRST_CAPACITY : value->capacity * 2;
    if (capacity < value->count)
        capacity = value->count + 1;
    assay_value **items = grow(arena, value->items, value->count, capacity, sizeof(assay_value *));
    ASSAY_TRY(assay_arena_check(items, err));
    if (value->kind == ASSAY_VALUE_MAP) {
        const char **keys = grow(arena, value->keys, value->count, capacity, sizeof(char *));
        ASSAY_TRY(assay_arena_check(keys, err));
        if (value->key_marks != NULL) {
            assay_mark *marks =
                grow(arena, value->key_marks, value->count, capacity, sizeof(assay_mark));
            ASSAY_TRY(assay_arena_check(marks, err));
            value->key_marks = marks;
        }
        value->keys = keys;
    }
    value->items = items;
    value->capacity = capacity;
    return ASSAY_OK;
}

assay_status assay_value_append(assay_value *list, assay_value *item, assay_arena *arena,
                                assay_error *err)
{
    if (list == NULL || item == NULL)
        return assay_error_nomem(err);
    ASSAY_TRY(make_room(list, arena, err));
    list->items[list->count++] = item;
    return ASSAY_OK;
}

assay_status assay_value_append_pair(assay_value *map, const char *key, assay_value *item,
                                     assay_arena *arena, assay_error *err)
{
    if (map == NULL || key == NULL || item == NULL)
        return assay_error_nomem(err);
    ASSAY_TRY(make_room(map, arena, err));
    if (map->key_marks != NULL)
        map->key_marks[map->count] = (assay_mark){0, 0};
    map->keys[map->count] = key;
    map->items[map->count] = item;
    map->count++;
    return ASSAY_OK;
}

assay_status assay_value_set(assay_value *map, const char *key, assay_value *item,
                             assay_arena *arena, assay_error *err)
{
    if (map == NULL || item == NULL)
        return assay_error_nomem(err);
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->keys[i], key) == 0) {
            map->items[i] = item;
            return ASSAY_OK;
        }
    }
    return assay_value_append_pair(map, assay_arena_text(arena, key), item, arena, err);
}

void assay_value_unset(assay_value *map, const char *key)
{
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->keys[i], key) != 0)
            continue;
        size_t behind = map->count - i - 1;
        memmove(&map->keys[i], &map->keys[i + 1], behind * sizeof(char *));
        memmove(&map->items[i], &map->items[i + 1], behind * sizeof(assay_value *));
        if (map->key_marks != NULL)
            memmove(&map->key_marks[i], &map->key_marks[i + 1], behind * sizeof(assay_mark));
        map->count--;
        return;
    }
}

assay_value *assay_value_find(const assay_value *map, const char *key)
{
    if (map == NULL || map->kind != ASSAY_VALUE_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->keys[i], key) == 0)
            return map->items[i];
    }
    return NULL;
}

const char *assay_value_find_text(const assay_value *map, const char *key, const char *otherwise)
{
    const assay_value *value = assay_value_find(map, key);

    return value != NULL && value->kind == ASSAY_VALUE_TEXT ? value->text : otherwise;
}

int64_t assay_value_find_int(const assay_value *map, const char *key, int64_t otherwise)
{
    const assay_value *value = assay_value_find(map, key);

    return value != NULL && value->kind == ASSAY_VALUE_INT ? value->integer : otherwise;
}

bool assay_value_find_bool(const assay_value *map, const char *key, bool otherwise)
{
    const assay_value *value = assay_value_find(map, key);

    return value != NULL && value->kind == ASSAY_VALUE_BOOL ? value->boolean : otherwise;
}

assay_status assay_value_find_duplicate(const assay_value *map, size_t *ret_first,
                                        size_t *ret_second, assay_error *err)
{
    *ret_first = map->count;
    *ret_second = map->count;
    if (map->count <= QUADRATIC_MAX) {
        for (size_t i = 1; i < map->count; i++) {
            for (size_t j = 0; j < i; j++) {
                if (strcmp(map->keys[i], map->keys[j]) == 0) {
                    *ret_first = j;
                    *ret_second = i;
                    return ASSAY_OK;
                }
            }
        }
        return ASSAY_OK;
    }
    ASSAY_AUTO(assay_map_freep) assay_map *seen = assay_map_new();
    if (seen == NULL)
        return assay_error_nomem(err);
    for (size_t i = 0; i < map->count; i++) {
        const assay_value *const *first = assay_map_find(seen, map->keys[i]);
        if (first != NULL) {
            *ret_first = (size_t)(first - (const assay_value *const *)map->items);
            *ret_second = i;
            return ASSAY_OK;
        }
        ASSAY_TRY(assay_map_put(seen, map->keys[i], &map->items[i], err));
    }
    return ASSAY_OK;
}

/* The values of `from` that lie below it; false when memory is short. */
static bool copy_items(assay_arena *arena, assay_value *to, const assay_value *from)
{
    to->capacity = from->count;
    to->items = assay_arena_take(arena, from->count, sizeof(assay_value *));
    if (to->items == NULL)
        return false;
    for (size_t i = 0; i < from->count; i++) {
        to->items[i] = assay_value_copy(arena, from->items[i]);
        if (to->items[i] == NULL)
            return false;
    }
    if (from->kind != ASSAY_VALUE_MAP)
        return true;
    to->keys = assay_arena_take(arena, from->count, sizeof(char *));
    if (to->keys == NULL)
        return false;
    for (size_t i = 0; i < from->count; i++) {
        to->keys[i] = assay_arena_text(arena, from->keys[i]);
        if (to->keys[i] == NULL)
            return false;
    }
    if (from->key_marks == NULL)
        return true;
    to->key_marks = assay_arena_bytes(arena, from->key_marks, from->count * sizeof(assay_mark));
    return to->key_marks != NULL;
}

assay_value *assay_value_copy(assay_arena *arena, const assay_value *value)
{
    assay_value *copy = assay_arena_bytes(arena, value, sizeof *value);

    if (copy == NULL)
        return NULL;
    if (value->text != NULL) {
        copy->text = assay_arena_text(arena, value->text);
        if (copy->text == NULL)
            return NULL;
    }
    copy->items = NULL;
    copy->keys = NULL;
    copy->key_marks = NULL;
    copy->capacity = 0;
    if (value->count > 0 && !copy_items(arena, copy, value))
        return NULL;
    return copy;
}

static bool maps_equal(const assay_value *a, const assay_value *b)
{
    for (size_t i = 0; i < a->count; i++) {
        /* Documents that come from one writer have their keys in one order. */
        const assay_value *other =
            strcmp(a->keys[i], b->keys[i]) == 0 ? b->items[i] : assay_value_find(b, a->keys[i]);
        if (other == NULL || !assay_value_equal(a->items[i], other))
            return false;
    }
    return true;
}

static bool is_number(const assay_value *value)
{
    return value->kind == ASSAY_VALUE_INT || value->kind == ASSAY_VALUE_REAL;
}

static bool numbers_equal(const assay_value *a, const assay_value *b)
{
    if (a->kind == b->kind && a->kind == ASSAY_VALUE_INT)
        return a->integer == b->integer;
    if (a->kind == b->kind)
        return a->real >= b->real && a->real <= b->real;
    const assay_value *integer = a->kind == ASSAY_VALUE_INT ? a : b;
    const assay_value *real = a->kind == ASSAY_VALUE_INT ? b : a;
    /* Both directions, so that 2^53 + 1 does not equal 2^53 rounded to a double. */
    return real->real >= -9223372036854775808.0 && real->real < 9223372036854775808.0 &&
           (int64_t)real->real == integer->integer && (double)(int64_t)real->real >= real->real &&
           (double)(int64_t)real->real <= real->real;
}

bool assay_value_equal(const assay_value *a, const assay_value *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    if (is_number(a) && is_number(b))
        return numbers_equal(a, b);
    if (a->kind != b->kind || a->count != b->count)
        return false;
    switch (a->kind) {
    case ASSAY_VALUE_NULL:
        return true;
    case ASSAY_VALUE_BOOL:
        return a->boolean == b->boolean;
    case ASSAY_VALUE_TEXT:
        return assay_str_equal(a->text, b->text);
    case ASSAY_VALUE_LIST:
        for (size_t i = 0; i < a->count; i++) {
            if (!assay_value_equal(a->items[i], b->items[i]))
                return false;
        }
        return true;
    case ASSAY_VALUE_MAP:
        return maps_equal(a, b);
    case ASSAY_VALUE_INT:
    case ASSAY_VALUE_REAL:
        break;
    }
    return false;
}

const char *assay_value_kind_name(assay_value_kind kind)
{
    switch (kind) {
    case ASSAY_VALUE_NULL:
        return "null";
    case ASSAY_VALUE_BOOL:
        return "true or false";
    case ASSAY_VALUE_INT:
        return "integer";
    case ASSAY_VALUE_REAL:
        return "number";
    case ASSAY_VALUE_TEXT:
        return "text";
    case ASSAY_VALUE_LIST:
        return "list";
    case ASSAY_VALUE_MAP:
        return "map";
    }
    return "unknown";
}
