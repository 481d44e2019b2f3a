/* Schema tables: every key of every file that a user writes is one row of a table. Checking, the
 * reference in the guide, the JSON schema for editors and "did you mean" are made from the rows.
 *
 * Tables are constants; any thread. */
#ifndef ASSAY_CONFIG_SCHEMA_H
#define ASSAY_CONFIG_SCHEMA_H

#include "base/buf.h"
#include "text/value.h"

typedef enum assay_key_type {
    ASSAY_KEY_TEXT,            /* one scalar, taken as text */
    ASSAY_KEY_BOOL,            /* true or false */
    ASSAY_KEY_INT,             /* whole number, not negative */
    ASSAY_KEY_SIZE,            /* 512MB, 2 GiB */
    ASSAY_KEY_DURATION,        /* 10s, 2 hours */
    ASSAY_KEY_ENUM,            /* one of `choices` */
    ASSAY_KEY_TEXTS,           /* list of texts; one text is a list of one */
    ASSAY_KEY_TEXT_MAP,        /* any names, each with a text */
    ASSAY_KEY_MAP,             /* the keys of `table` */
    ASSAY_KEY_MAP_OF,          /* any names, each with the keys of `table` */
    ASSAY_KEY_SHORT_OR_MAP_OF, /* any names, each with a text or the keys of `table` */
    ASSAY_KEY_LIST_OF,         /* list of maps with the keys of `table` */
    ASSAY_KEY_ANY              /* not looked into here */
} assay_key_type;

typedef struct assay_key_table assay_key_table;

typedef struct assay_key {
    const char *name;
    assay_key_type type;
    const char *choices;   /* ENUM: "csv|json|parquet" */
    const char *otherwise; /* default, as the user would write it; NULL = none */
    const char *doc;       /* one line */
    const assay_key_table *table;
    bool required;
} assay_key;

struct assay_key_table {
    const char *name;  /* short, for links in the reference: "storage" */
    const char *title; /* "config/storage.yaml" */
    const char *doc;
    const assay_key *keys;
    size_t count;
};

/* Checks `tree` (a map, or NULL kind where the file is empty) against `table`. Errors with their
 * place: unknown key 1201 (with the nearest known one), wrong kind of value 1202, not one of the
 * choices 1203, missing key 1204. */
ASSAY_NODISCARD assay_status assay_config_check(const assay_value *tree,
                                                const assay_key_table *table, const char *path,
                                                assay_error *err);

/* All tables of files, in the order of the reference. */
size_t assay_config_table_count(void);
const assay_key_table *assay_config_table_at(size_t index);
const assay_key_table *assay_config_table_find(const char *name); /* NULL if none */

/* The reference of one file's keys as Markdown, nested tables included. */
void assay_config_append_reference(assay_buf *buf, const assay_key_table *table);

/* JSON schema (draft 2020-12) of one file, for editors. */
void assay_config_append_json_schema(assay_buf *buf, const assay_key_table *table);

/* Place of the value at `key` of a map ("contract" or "contract.bad_row"), else of the map. */
assay_place assay_config_place(const assay_value *map, const char *key, const char *path);

#endif
