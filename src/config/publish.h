/* `publish:` of a model's header: the tables of outside databases that a table is published to. */
#ifndef ASSAY_CONFIG_PUBLISH_H
#define ASSAY_CONFIG_PUBLISH_H

#include "config/named.h"

typedef enum assay_publish_config_mode {
    ASSAY_PUBLISH_CONFIG_OVERWRITE, /* the table becomes what the snapshot is */
    ASSAY_PUBLISH_CONFIG_APPEND,    /* rows that were added since the last publication */
    ASSAY_PUBLISH_CONFIG_MERGE      /* by key */
} assay_publish_config_mode;

const char *assay_publish_config_mode_name(assay_publish_config_mode mode); /* "overwrite" .. */

enum { ASSAY_PUBLICATIONS_MAX = 32 /* of one model */ };

/* One entry. Texts that are absent have text NULL. */
typedef struct assay_publish_config {
    assay_named to;    /* name of a connection */
    assay_named table; /* "ORDERS", "MARTS.ORDERS", "ANALYTICS.MARTS.ORDERS" */
    assay_publish_config_mode mode;
    assay_named *key;
    size_t key_count;
    assay_named version;       /* merge: rows that are older than the target's are left out */
    bool absent;               /* soft_delete: absence */
    assay_named delete_column; /* soft_delete: the column that says what a row is */
    assay_named *deleted;      /* delete_column: its values that delete; none = D, DELETE, delete */
    size_t deleted_count;
    bool preserve_case;
    assay_named *columns; /* those that are published; none = all */
    size_t column_count;
    int line, column;
} assay_publish_config;

/* Reads `publish` of a header that was checked; none gives count 0. What contradicts itself is
 * ECONFIG 2401 with its place. */
ASSAY_NODISCARD assay_status assay_publish_config_read(const assay_value *tree, const char *path,
                                                       assay_arena *arena,
                                                       assay_publish_config **ret_items,
                                                       size_t *ret_count, assay_error *err);

#endif
