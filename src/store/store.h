/* The object store of the small objects of a commit: metadata, manifests, logs, state files. Data
 * files are written by the engine and only synced here.
 *
 * Contract of every back end (tests/unit/store/conformance.c runs it against each):
 *  - A key is a path without empty, "." or ".." parts, relative to the store's root, or absolute
 *    (it begins with '/'). Folders need not be made. Objects are replaced as a whole: a reader
 *    sees the old bytes or the new ones, never a part.
 *  - put and put_new have written the object for good when they return ASSAY_OK; it survives a
 *    power failure.
 *  - put_new makes the object only where the key is free: of any number of writers, in threads and
 *    processes, exactly one gets ASSAY_OK, the others ECONFLICT 1310.
 *  - Where they fail with EUNKNOWN_OUTCOME the object may exist; with any other status it does not
 *    exist through them, and nothing is left behind.
 *  - After put, put_new or remove, every later get, head and list of any process sees it.
 *  - Names that begin with '.' are never listed: temporary files have such names.
 * Thread rule: any thread; a store is shared. */
#ifndef ASSAY_STORE_STORE_H
#define ASSAY_STORE_STORE_H

#include "base/arena.h"
#include "base/buf.h"

enum { ASSAY_STORE_KEY_MAX = 1024 };

typedef struct assay_store_info {
    bool exists;
    int64_t size;
    int64_t mtime_ms; /* since 1970-01-01T00:00:00Z */
} assay_store_info;

typedef struct assay_store_names {
    char **names;
    size_t count;
} assay_store_names;

/* What a back end implements; `state` is assay_store.state. Keys are checked before. */
typedef struct assay_store_ops {
    const char *name; /* "local", "memory" */
    assay_status (*get)(void *state, const char *key, size_t limit, assay_buf *buf,
                        assay_error *err);
    assay_status (*head)(void *state, const char *key, assay_store_info *ret_info,
                         assay_error *err);
    assay_status (*put)(void *state, const char *key, const void *bytes, size_t size,
                        assay_error *err);
    assay_status (*put_new)(void *state, const char *key, const void *bytes, size_t size,
                            assay_error *err);
    assay_status (*list)(void *state, const char *prefix, assay_arena *arena,
                         assay_store_names *ret_names, assay_error *err);
    assay_status (*remove)(void *state, const char *key, assay_error *err);
    assay_status (*sync)(void *state, const char *key, assay_error *err);
    void (*close)(void *state);
} assay_store_ops;

typedef struct assay_store {
    const assay_store_ops *ops;
    void *state;
} assay_store;

/* A folder of the local file system; `root` need not exist and may be relative to the current
 * folder, which must then stay the same. */
ASSAY_NODISCARD assay_status assay_store_open_local(const char *root, assay_store **ret_store,
                                                    assay_error *err);

/* A store in memory, for tests. */
ASSAY_NODISCARD assay_status assay_store_open_memory(assay_store **ret_store, assay_error *err);

/* A view of `inner` in which what is named below the absolute folder `from` lies below the folder
 * `to`; all else is where it was. `inner` must outlive it. For metadata that must name the place
 * where it will be, not the place where it is written. */
ASSAY_NODISCARD assay_status assay_store_open_moved(const assay_store *inner, const char *from,
                                                    const char *to, assay_store **ret_store,
                                                    assay_error *err);

void assay_store_close(assay_store *store);
void assay_store_closep(assay_store **store);

/* Appends the object to `buf`. ENOTFOUND 1301 where there is none, EDATA 1307 where it is larger
 * than `limit` bytes. */
ASSAY_NODISCARD assay_status assay_store_get(const assay_store *store, const char *key,
                                             size_t limit, assay_buf *buf, assay_error *err);

/* Looks at an object. A key without object is ASSAY_OK with exists = false. */
ASSAY_NODISCARD assay_status assay_store_head(const assay_store *store, const char *key,
                                              assay_store_info *ret_info, assay_error *err);

/* Makes or replaces an object. */
ASSAY_NODISCARD assay_status assay_store_put(const assay_store *store, const char *key,
                                             const void *bytes, size_t size, assay_error *err);

/* Makes an object whose key is free, else ECONFLICT 1310: the commit of every table format. */
ASSAY_NODISCARD assay_status assay_store_put_new(const assay_store *store, const char *key,
                                                 const void *bytes, size_t size, assay_error *err);

/* Names of the objects directly in the folder `prefix` ("" = the root), without the prefix, sorted
 * by byte value; no folders. A folder that is not there has none. */
ASSAY_NODISCARD assay_status assay_store_list(const assay_store *store, const char *prefix,
                                              assay_arena *arena, assay_store_names *ret_names,
                                              assay_error *err);

/* Deletes an object; that there is none is fine. */
ASSAY_NODISCARD assay_status assay_store_remove(const assay_store *store, const char *key,
                                                assay_error *err);

/* Makes a data file that somebody else wrote survive a power failure: fsync of the file and of its
 * folder (SEMANTICS 2.3). ENOTFOUND where it is not there. */
ASSAY_NODISCARD assay_status assay_store_sync(const assay_store *store, const char *key,
                                              assay_error *err);

#endif
