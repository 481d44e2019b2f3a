#include "base/map.h"

#include "base/mem.h"

#include <string.h>

/* Entries lie in the order of insertion; `slots` is an open-addressed index of them with linear
 * probing, at most half full, whose size is a power of two. */
struct entry {
    char *key;
    void *value;
    uint64_t hash;
};

struct assay_map {
    struct entry *entries;
    size_t count;
    size_t capacity;
    size_t *slots; /* index + 1 of the entry, 0 = free */
    size_t slot_count;
};

enum { FIRST_SLOTS = 16 };

uint64_t assay_map_hash(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    uint64_t hash = 14695981039346656037U;

    for (size_t i = 0; i < size; i++) {
        hash ^= at[i];
        hash *= 1099511628211U;
    }
    hash ^= hash >> 33;
    hash *= 0xff51afd7ed558ccdU;
    hash ^= hash >> 33;
    hash *= 0xc4ceb9fe1a85ec53U;
    hash ^= hash >> 33;
    return hash;
}

assay_map *assay_map_new(void)
{
    return assay_mem_new(1, sizeof(assay_map));
}

void assay_map_free(assay_map *map)
{
    if (map == NULL)
        return;
    for (size_t i = 0; i < map->count; i++)
        assay_mem_free(map->entries[i].key);
    assay_mem_free(map->entries);
    assay_mem_free(map->slots);
    assay_mem_free(map);
}

void assay_map_freep(assay_map **map)
{
    assay_map_free(*map);
    *map = NULL;
}

/* The slot that holds `key`, or the free one where it belongs; the index has free slots. */
static size_t find_slot(const assay_map *map, const char *key, uint64_t hash)
{
    size_t mask = map->slot_count - 1;
    size_t slot = (size_t)hash & mask;

    while (map->slots[slot] != 0) {
        const struct entry *entry = &map->entries[map->slots[slot] - 1];
        if (entry->hash == hash && strcmp(entry->key, key) == 0)
            break;
        slot = (slot + 1) & mask;
    }
    return slot;
}

static const struct entry *find_entry(const assay_map *map, const char *key)
{
    if (map->count == 0)
        return NULL;
    size_t slot = find_slot(map, key, assay_map_hash(key, strlen(key)));
    return map->slots[slot] != 0 ? &map->entries[map->slots[slot] - 1] : NULL;
}

static void fill_slots(assay_map *map)
{
    memset(map->slots, 0, map->slot_count * sizeof *map->slots);
    for (size_t i = 0; i < map->count; i++)
        map->slots[find_slot(map, map->entries[i].key, map->entries[i].hash)] = i + 1;
}

static assay_status make_room(assay_map *map, assay_error *err)
{
    if (map->count < map->capacity)
        return ASSAY_OK;
    size_t slot_count = map->slot_count == 0 ? FIRST_SLOTS : map->slot_count * 2;
    if (slot_count < map->slot_count)
        return assay_error_nomem(err);
    struct entry *entries = assay_mem_resize(map->entries, slot_count / 2, sizeof *entries);
    if (entries == NULL)
        return assay_error_nomem(err);
    map->entries = entries;
    size_t *slots = assay_mem_new(slot_count, sizeof *slots);
    if (slots == NULL)
        return assay_error_nomem(err);
    assay_mem_free(map->slots);
    map->slots = slots;
    map->slot_count = slot_count;
    map->capacity = slot_count / 2;
    fill_slots(map);
    return ASSAY_OK;
}

assay_status assay_map_put(assay_map *map, const char *key, void *value, assay_error *err)
{
    uint64_t hash = assay_map_hash(key, strlen(key));

    if (map->count > 0) {
        size_t held = map->slots[find_slot(map, key, hash)];
        if (held != 0) {
            map->entries[held - 1].value = value;
            return ASSAY_OK;
        }
    }
    ASSAY_TRY(make_room(map, err));
    char *copy = assay_mem_copy_text(key);
    if (copy == NULL)
        return assay_error_nomem(err);
    size_t slot = find_slot(map, key, hash);
    map->entries[map->count] = (struct entry){copy, value, hash};
    map->count++;
    map->slots[slot] = map->count;
    return ASSAY_OK;
}

void *assay_map_find(const assay_map *map, const char *key)
{
    const struct entry *entry = find_entry(map, key);

    return entry != NULL ? entry->value : NULL;
}

bool assay_map_has(const assay_map *map, const char *key)
{
    return find_entry(map, key) != NULL;
}

void assay_map_remove(assay_map *map, const char *key)
{
    if (map->count == 0)
        return;
    size_t held = map->slots[find_slot(map, key, assay_map_hash(key, strlen(key)))];
    if (held == 0)
        return;
    assay_mem_free(map->entries[held - 1].key);
    memmove(&map->entries[held - 1], &map->entries[held],
            (map->count - held) * sizeof *map->entries);
    map->count--;
    fill_slots(map); /* every later entry has moved */
}

size_t assay_map_count(const assay_map *map)
{
    return map->count;
}

const char *assay_map_key_at(const assay_map *map, size_t index)
{
    return map->entries[index].key;
}

void *assay_map_value_at(const assay_map *map, size_t index)
{
    return map->entries[index].value;
}
