#include "store/store.h"

#include "base/mem.h"

#include <string.h>

/* A key is cut at every '/': no part may be empty or lead elsewhere. The first part of an absolute
 * path is empty, and so is the prefix that names the root. */
static assay_status check_key(const char *key, assay_error *err)
{
    const char *part = key[0] == '/' ? key + 1 : key;
    bool valid = strlen(key) <= ASSAY_STORE_KEY_MAX;

    while (valid) {
        size_t size = strcspn(part, "/");
        valid = size > 0 && !(size == 1 && part[0] == '.') &&
                !(size == 2 && part[0] == '.' && part[1] == '.');
        if (part[size] == '\0')
            break;
        part += size + 1;
    }
    if (valid)
        return ASSAY_OK;
    return assay_error_set(err, ASSAY_EINVAL, 1311, "'%.200s' is not a key of the object store",
                           key);
}

void assay_store_close(assay_store *store)
{
    if (store == NULL)
        return;
    store->ops->close(store->state);
    assay_mem_free(store);
}

void assay_store_closep(assay_store **store)
{
    assay_store_close(*store);
    *store = NULL;
}

assay_status assay_store_get(const assay_store *store, const char *key, size_t limit,
                             assay_buf *buf, assay_error *err)
{
    ASSAY_TRY(check_key(key, err));
    return store->ops->get(store->state, key, limit, buf, err);
}

assay_status assay_store_head(const assay_store *store, const char *key, assay_store_info *ret_info,
                              assay_error *err)
{
    ASSAY_TRY(check_key(key, err));
    return store->ops->head(store->state, key, ret_info, err);
}

assay_status assay_store_put(const assay_store *store, const char *key, const void *bytes,
                             size_t size, assay_error *err)
{
    ASSAY_TRY(check_key(key, err));
    return store->ops->put(store->state, key, bytes, size, err);
}

assay_status assay_store_put_new(const assay_store *store, const char *key, const void *bytes,
                                 size_t size, assay_error *err)
{
    ASSAY_TRY(check_key(key, err));
    return store->ops->put_new(store->state, key, bytes, size, err);
}

assay_status assay_store_list(const assay_store *store, const char *prefix, assay_arena *arena,
                              assay_store_names *ret_names, assay_error *err)
{
    if (prefix[0] != '\0')
        ASSAY_TRY(check_key(prefix, err));
    return store->ops->list(store->state, prefix, arena, ret_names, err);
}

assay_status assay_store_remove(const assay_store *store, const char *key, assay_error *err)
{
    ASSAY_TRY(check_key(key, err));
    return store->ops->remove(store->state, key, err);
}

assay_status assay_store_sync(const assay_store *store, const char *key, assay_error *err)
{
    ASSAY_TRY(check_key(key, err));
    return store->ops->sync(store->state, key, err);
}
