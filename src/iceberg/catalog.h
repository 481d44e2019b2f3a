/* The interface of an Iceberg catalog: where the current metadata file of a table is, and the one
 * atomic step that moves it on. src/catalog implements it. */
#ifndef ASSAY_ICEBERG_CATALOG_H
#define ASSAY_ICEBERG_CATALOG_H

#include "base/arena.h"
#include "base/clock.h"
#include "store/store.h"

/* Which metadata file is current. */
typedef struct assay_iceberg_pointer {
    bool exists;
    int64_t version;      /* N of the file's name; -1 where it has none */
    const char *path;     /* absolute path of the metadata file */
    const char *recorded; /* not NULL: the catalog's own text for the file, as other writers left
                           * it; the metadata then says where the table's folder is */
    const char *folder;   /* not NULL: the table's folder, where the identity named a file in it */
    const char *managed;  /* not NULL: another catalog owns this table ("numbered metadata files");
                           * it can be read, and commit refuses it */
} assay_iceberg_pointer;

/* A table as a catalog knows it. */
typedef struct assay_iceberg_identity {
    const char *name;     /* "silver.orders" */
    const char *location; /* absolute folder */
} assay_iceberg_identity;

typedef struct assay_iceberg_catalog assay_iceberg_catalog;

/* Contract:
 * - load never writes; a table that does not exist gives exists = false.
 * - commit makes `metadata` the current metadata of the table if, and only if, `base` still is
 *   (base->exists = false: the table must not exist yet).
 *     ASSAY_OK               it is current and durable
 *     ASSAY_ECONFLICT        somebody else was first; nothing of ours is visible
 *     ASSAY_EUNKNOWN_OUTCOME it may be visible
 *     else                   nothing of ours is visible
 *   Of any number of processes that commit on one base at most one gets ASSAY_OK.
 *   `random` makes names of files unique.
 * - list names the tables as "<layer>/<table>", sorted: those in the folder `root`, or, where the
 *   catalog has pointers of its own, all of them. */
struct assay_iceberg_catalog {
    const char *name;
    assay_status (*load)(const assay_iceberg_catalog *catalog,
                         const assay_iceberg_identity *identity, assay_store *store,
                         assay_arena *arena, assay_iceberg_pointer *ret_pointer, assay_error *err);
    assay_status (*commit)(const assay_iceberg_catalog *catalog,
                           const assay_iceberg_identity *identity,
                           const assay_iceberg_pointer *base, const assay_buf *metadata,
                           assay_store *store, const assay_random *random, assay_error *err);
    assay_status (*list)(const assay_iceberg_catalog *catalog, const char *root, assay_store *store,
                         assay_arena *arena, char ***ret_names, size_t *ret_count,
                         assay_error *err);
    void *state; /* private to the back end */
};

#endif
