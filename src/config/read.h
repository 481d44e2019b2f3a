/* Typed access to a map that assay_config_check has passed. Keys that are absent or null give the
 * default. Texts live as long as the tree. */
#ifndef ASSAY_CONFIG_READ_H
#define ASSAY_CONFIG_READ_H

#include "config/header.h"
#include "text/value.h"

/* The item of `key`, or NULL where it is absent or null. */
const assay_value *assay_config_find(const assay_value *map, const char *key);

/* Any scalar as the text that was written; NULL for lists, maps and null. */
const char *assay_config_scalar(const assay_value *value);

const char *assay_config_text(const assay_value *map, const char *key, const char *otherwise);
bool assay_config_bool(const assay_value *map, const char *key, bool otherwise);
int64_t assay_config_int(const assay_value *map, const char *key, int64_t otherwise);
uint64_t assay_config_size(const assay_value *map, const char *key, uint64_t otherwise);
int64_t assay_config_duration_ms(const assay_value *map, const char *key, int64_t otherwise);

/* Position of the text of `key` in `names` (closed by NULL), or `otherwise`. */
int assay_config_enum(const assay_value *map, const char *key, const char *const *names,
                      int otherwise);

/* A list of texts, or one text as a list of one; none = NULL and 0. */
ASSAY_NODISCARD assay_status assay_config_texts(const assay_value *map, const char *key,
                                                assay_arena *arena, assay_named **ret_texts,
                                                size_t *ret_count, assay_error *err);

#endif
