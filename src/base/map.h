/* A hash map from text to pointer; keys are copied, values are not owned. Iterates in the order of
 * insertion. One thread at a time. */
#ifndef ASSAY_BASE_MAP_H
#define ASSAY_BASE_MAP_H

#include "base/error.h"

typedef struct assay_map assay_map;

assay_map *assay_map_new(void);
void assay_map_free(assay_map *map);
void assay_map_freep(assay_map **map);

/* Sets or replaces. */
ASSAY_NODISCARD assay_status assay_map_put(assay_map *map, const char *key, void *value,
                                           assay_error *err);

/* The value, or NULL where the key is absent. */
void *assay_map_find(const assay_map *map, const char *key);
bool assay_map_has(const assay_map *map, const char *key);
void assay_map_remove(assay_map *map, const char *key);
size_t assay_map_count(const assay_map *map);

/* Entry `index` in order of insertion (0 .. count-1). */
const char *assay_map_key_at(const assay_map *map, size_t index);
void *assay_map_value_at(const assay_map *map, size_t index);

/* 64-bit hash of bytes (FNV-1a with a final mix); stable between runs. */
uint64_t assay_map_hash(const void *bytes, size_t size);

#endif
