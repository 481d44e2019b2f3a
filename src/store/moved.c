#include "store/store.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

struct moved {
    const assay_store *inner;
    char *from, *to; /* without a '/' at the end */
};

/* A key as the inner store knows it. */
struct key {
    char text[ASSAY_STORE_KEY_MAX + 1];
};

static assay_status translate(const struct moved *moved, const char *name, struct key *ret_key,
                              assay_error *err)
{
    size_t length = strlen(moved->from);
    bool below =
        strncmp(name, moved->from, length) == 0 && (name[length] == '/' || name[length] == '\0');
    int size = below
                   ? snprintf(ret_key->text, sizeof ret_key->text, "%s%s", moved->to, name + length)
                   : snprintf(ret_key->text, sizeof ret_key->text, "%s", name);

    if (size < 0 || (size_t)size >= sizeof ret_key->text)
        return assay_error_set(err, ASSAY_EINVAL, 1311, "the key '%.80s..' is too long", name);
    return ASSAY_OK;
}

static assay_status moved_get(void *state, const char *name, size_t limit, assay_buf *buf,
                              assay_error *err)
{
    const struct moved *moved = state;
    struct key key;

    ASSAY_TRY(translate(moved, name, &key, err));
    return assay_store_get(moved->inner, key.text, limit, buf, err);
}

static assay_status moved_head(void *state, const char *name, assay_store_info *ret_info,
                               assay_error *err)
{
    const struct moved *moved = state;
    struct key key;

    ASSAY_TRY(translate(moved, name, &key, err));
    return assay_store_head(moved->inner, key.text, ret_info, err);
}

static assay_status moved_put(void *state, const char *name, const void *bytes, size_t size,
                              assay_error *err)
{
    const struct moved *moved = state;
    struct key key;

    ASSAY_TRY(translate(moved, name, &key, err));
    return assay_store_put(moved->inner, key.text, bytes, size, err);
}

static assay_status moved_put_new(void *state, const char *name, const void *bytes, size_t size,
                                  assay_error *err)
{
    const struct moved *moved = state;
    struct key key;

    ASSAY_TRY(translate(moved, name, &key, err));
    return assay_store_put_new(moved->inner, key.text, bytes, size, err);
}

static assay_status moved_list(void *state, const char *prefix, assay_arena *arena,
                               assay_store_names *ret_names, assay_error *err)
{
    const struct moved *moved = state;
    struct key key;

    ASSAY_TRY(translate(moved, prefix, &key, err));
    return assay_store_list(moved->inner, key.text, arena, ret_names, err);
}

static assay_status moved_remove(void *state, const char *name, assay_error *err)
{
    const struct moved *moved = state;
    struct key key;

    ASSAY_TRY(translate(moved, name, &key, err));
    return assay_store_remove(moved->inner, key.text, err);
}

static assay_status moved_sync(void *state, const char *name, assay_error *err)
{
    const struct moved *moved = state;
    struct key key;

    ASSAY_TRY(translate(moved, name, &key, err));
    return assay_store_sync(moved->inner, key.text, err);
}

static void moved_close(void *state)
{
    struct moved *moved = state;

    assay_mem_free(moved->from);
    assay_mem_free(moved->to);
    assay_mem_free(moved);
}

static const assay_store_ops moved_ops = {.name = "moved",
                                          .get = moved_get,
                                          .head = moved_head,
                                          .put = moved_put,
                                          .put_new = moved_put_new,
                                          .list = moved_list,
                                          .remove = moved_remove,
                                          .sync = moved_sync,
                                          .close = moved_close};

/* The folder as text of its own, without a '/' at its end. */
static char *folder_text(const char *folder)
{
    size_t length = strlen(folder);

    while (length > 1 && folder[length - 1] == '/')
        length--;
    char *text = assay_mem_new(1, length + 1);
    for (size_t i = 0; text != NULL && i < length; i++)
        text[i] = folder[i];
    return text;
}

assay_status assay_store_open_moved(const assay_store *inner, const char *from, const char *to,
                                    assay_store **ret_store, assay_error *err)
{
    assay_store *store = assay_mem_new(1, sizeof *store);
    struct moved *moved = assay_mem_new(1, sizeof *moved);

    if (store == NULL || moved == NULL) {
        assay_mem_free(store);
        assay_mem_free(moved);
        return assay_error_nomem(err);
    }
    moved->inner = inner;
    moved->from = folder_text(from);
    moved->to = folder_text(to);
    *store = (assay_store){&moved_ops, moved};
    if (moved->from == NULL || moved->to == NULL) {
        assay_store_close(store);
        return assay_error_nomem(err);
    }
    *ret_store = store;
    return ASSAY_OK;
}
