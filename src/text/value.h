/* One tree for JSON and YAML documents: scalars, lists, maps, each with its place. Values live in
 * an arena and are plain data; building and changing one allocates in that arena. */
#ifndef ASSAY_TEXT_VALUE_H
#define ASSAY_TEXT_VALUE_H

#include "base/arena.h"

typedef enum assay_value_kind {
    ASSAY_VALUE_NULL,
    ASSAY_VALUE_BOOL,
    ASSAY_VALUE_INT,  /* exact 64 bits */
    ASSAY_VALUE_REAL, /* `text` keeps the digits as written where it was parsed */
    ASSAY_VALUE_TEXT,
    ASSAY_VALUE_LIST,
    ASSAY_VALUE_MAP
} assay_value_kind;

typedef struct assay_value assay_value;
struct assay_value {
    assay_value_kind kind;
    bool boolean;
    bool quoted; /* YAML: the scalar was quoted, so it is text whatever it looks like */
    int64_t integer;
    double real;
    const char *text; /* TEXT: the value; parsed scalars: as written */
    size_t count;     /* of items, or of key/item pairs */
    assay_value **items;
    const char **keys;            /* MAP: in order of the document */
    struct assay_mark *key_marks; /* MAP from YAML: place of each key, else NULL */
    int line, column;             /* 1-based; 0 = unknown */
    size_t capacity;              /* of items, private */
};

typedef struct assay_mark {
    int line, column;
} assay_mark;

/* Constructors; NULL when memory is short. Text is copied. */
assay_value *assay_value_null(assay_arena *arena);
assay_value *assay_value_bool(assay_arena *arena, bool boolean);
assay_value *assay_value_int(assay_arena *arena, int64_t integer);
assay_value *assay_value_real(assay_arena *arena, double real);
assay_value *assay_value_text(assay_arena *arena, const char *text);
assay_value *assay_value_list(assay_arena *arena);
assay_value *assay_value_map(assay_arena *arena);

/* Appends to a list / sets or replaces a key of a map. `item` NULL is taken as ENOMEM, so that
 * constructors can be nested. The item is not copied. */
ASSAY_NODISCARD assay_status assay_value_append(assay_value *list, assay_value *item,
                                                assay_arena *arena, assay_error *err);
ASSAY_NODISCARD assay_status assay_value_set(assay_value *map, const char *key, assay_value *item,
                                             assay_arena *arena, assay_error *err);
void assay_value_unset(assay_value *map, const char *key);

/* For parsers: appends a pair without looking for the key, which is not copied. */
ASSAY_NODISCARD assay_status assay_value_append_pair(assay_value *map, const char *key,
                                                     assay_value *item, assay_arena *arena,
                                                     assay_error *err);

/* For parsers: the first two places that hold the same key; both are map->count where none do. */
ASSAY_NODISCARD assay_status assay_value_find_duplicate(const assay_value *map, size_t *ret_first,
                                                        size_t *ret_second, assay_error *err);

/* The item of `key`, or NULL; NULL and non-maps are allowed. */
assay_value *assay_value_find(const assay_value *map, const char *key);

/* Typed access with a default where the key is absent, null or of another kind. */
const char *assay_value_find_text(const assay_value *map, const char *key, const char *otherwise);
int64_t assay_value_find_int(const assay_value *map, const char *key, int64_t otherwise);
bool assay_value_find_bool(const assay_value *map, const char *key, bool otherwise);

/* Deep copy; deep equality (INT 1 equals REAL 1.0; order of map keys does not matter). */
assay_value *assay_value_copy(assay_arena *arena, const assay_value *value);
bool assay_value_equal(const assay_value *a, const assay_value *b);

/* "map", "list", "text" .. for messages. */
const char *assay_value_kind_name(assay_value_kind kind);

#endif
