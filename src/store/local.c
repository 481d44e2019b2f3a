#include "store/store.h"

#include "base/mem.h"
#include "base/path.h"
#include "base/vec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PUT_TRIES = 5 };

struct local {
    char *root;
};

/* One object that is being written: its path and the folder it lies in. */
struct target {
    char *path;
    char *folder;
};

static assay_status find_path(const struct local *local, const char *key, assay_arena *arena,
                              char **ret_path, assay_error *err)
{
    *ret_path = assay_path_join(arena, local->root, key);
    return assay_arena_check(*ret_path, err);
}

static assay_status local_get(void *state, const char *key, size_t limit, assay_buf *buf,
                              assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    char *path = NULL;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(find_path(state, key, arena, &path, err));
    return assay_path_read(path, limit, buf, err);
}

static assay_status local_head(void *state, const char *key, assay_store_info *ret_info,
                               assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    char *path = NULL;
    assay_path_info info;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(find_path(state, key, arena, &path, err));
    ASSAY_TRY(assay_path_stat(path, &info, err));
    if (info.is_directory)
        info = (assay_path_info){0}; /* a folder is no object */
    *ret_info = (assay_store_info){info.exists, info.size, info.mtime_ns / 1000000};
    return ASSAY_OK;
}

/* The folder is resolved once: a link on the way to it may be swapped at any moment, and the
 * temporary file must stay beside the object. */
static assay_status find_target(const struct local *local, const char *key, assay_arena *arena,
                                struct target *ret_target, assay_error *err)
{
    char real[PATH_MAX];

    ASSAY_TRY(find_path(local, key, arena, &ret_target->path, err));
    ret_target->folder = assay_path_dir(arena, ret_target->path);
    ASSAY_TRY(assay_arena_check(ret_target->folder, err));
    ASSAY_TRY(assay_path_make(ret_target->folder, err));
    if (realpath(ret_target->folder, real) == NULL)
        return assay_error_errno(err, errno, "cannot resolve '%s'", ret_target->folder);
    ret_target->folder = assay_arena_text(arena, real);
    ASSAY_TRY(assay_arena_check(ret_target->folder, err));
    ret_target->path = assay_path_join(arena, real, assay_path_base(ret_target->path));
    return assay_arena_check(ret_target->path, err);
}

/* The object has its name; whether it keeps it through a power failure is known after this. */
static assay_status settle(const struct target *target, assay_error *err)
{
    if (assay_path_sync(target->folder, err) == ASSAY_OK)
        return ASSAY_OK;
    return assay_error_wrap_status(err, ASSAY_EUNKNOWN_OUTCOME, "'%s' is written but not synced",
                                   target->path);
}

static assay_status put_once(void *state, const char *key, const void *bytes, size_t size,
                             assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    struct target target = {NULL, NULL};
    char *temporary = NULL;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(find_target(state, key, arena, &target, err));
    ASSAY_TRY(assay_path_write_temporary(target.path, bytes, size, arena, &temporary, err));
    if (rename(temporary, target.path) != 0) {
        int failed = errno;
        (void)unlink(temporary);
        return assay_error_errno(err, failed, "cannot write '%s'", target.path);
    }
    return settle(&target, err);
}

/* Somebody may move the folder away between its making and the write: then it is made anew. */
static assay_status local_put(void *state, const char *key, const void *bytes, size_t size,
                              assay_error *err)
{
    assay_status status = put_once(state, key, bytes, size, err);

    for (int i = 1; status == ASSAY_ENOTFOUND && i < PUT_TRIES; i++)
        status = put_once(state, key, bytes, size, err);
    return status;
}

/* Are both names of one file? A link(2) over NFS can fail although the server has made it. */
static bool is_same_file(const char *a, const char *b)
{
    struct stat first;
    struct stat second;

    return lstat(a, &first) == 0 && lstat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

/* Gives the temporary file its name where that is free; 0 or an errno value. The temporary name
 * is gone afterwards. */
static int claim_name(const char *temporary, const char *path)
{
    int failed = link(temporary, path) == 0 || is_same_file(temporary, path) ? 0 : errno;
    bool no_links = failed == EPERM || failed == EOPNOTSUPP || failed == ENOSYS || failed == EMLINK;

    /* A file system without hard links: the same in one call of Linux. */
    if (no_links &&
        syscall(SYS_renameat2, AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
        return 0;
    if (no_links && errno == EEXIST)
        failed = EEXIST;
    (void)unlink(temporary);
    return failed;
}

static assay_status put_new_once(void *state, const char *key, const void *bytes, size_t size,
                                 assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    struct target target = {NULL, NULL};
    char *temporary = NULL;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(find_target(state, key, arena, &target, err));
    ASSAY_TRY(assay_path_write_temporary(target.path, bytes, size, arena, &temporary, err));
    int failed = claim_name(temporary, target.path);
    if (failed == EEXIST) {
        (void)assay_error_set(err, ASSAY_ECONFLICT, 1310, "'%s' exists already", target.path);
        if (err != NULL)
            err->retryable = true;
        return ASSAY_ECONFLICT;
    }
    if (failed != 0)
        return assay_error_errno(err, failed, "cannot write '%s'", target.path);
    return settle(&target, err);
}

static assay_status local_put_new(void *state, const char *key, const void *bytes, size_t size,
                                  assay_error *err)
{
    assay_status status = put_new_once(state, key, bytes, size, err);

    for (int i = 1; status == ASSAY_ENOTFOUND && i < PUT_TRIES; i++)
        status = put_new_once(state, key, bytes, size, err);
    return status;
}

static assay_status local_list(void *state, const char *prefix, assay_arena *arena,
                               assay_store_names *ret_names, assay_error *err)
{
    char *folder = NULL;
    char **names = NULL;
    size_t count = 0;
    size_t kept = 0;

    ASSAY_TRY(find_path(state, prefix, arena, &folder, err));
    ASSAY_TRY(assay_path_list(folder, arena, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        assay_path_info info;
        if (names[i][0] == '.')
            continue;
        char *path = assay_path_join(arena, folder, names[i]);
        ASSAY_TRY(assay_arena_check(path, err));
        ASSAY_TRY(assay_path_stat(path, &info, err));
        if (info.exists && !info.is_directory)
            names[kept++] = names[i];
    }
    *ret_names = (assay_store_names){names, kept};
    return ASSAY_OK;
}

static assay_status local_remove(void *state, const char *key, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    char *path = NULL;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(find_path(state, key, arena, &path, err));
    return assay_path_remove(path, err);
}

static assay_status local_sync(void *state, const char *key, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    char *path = NULL;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(find_path(state, key, arena, &path, err));
    char *folder = assay_path_dir(arena, path);
    ASSAY_TRY(assay_arena_check(folder, err));
    ASSAY_TRY(assay_path_sync(path, err));
    return assay_path_sync(folder, err);
}

static void local_close(void *state)
{
    struct local *local = state;

    if (local == NULL)
        return;
    assay_mem_free(local->root);
    assay_mem_free(local);
}

static const assay_store_ops local_ops = {
    .name = "local",
    .get = local_get,
    .head = local_head,
    .put = local_put,
    .put_new = local_put_new,
    .list = local_list,
    .remove = local_remove,
    .sync = local_sync,
    .close = local_close,
};

assay_status assay_store_open_local(const char *root, assay_store **ret_store, assay_error *err)
{
    assay_store *store = assay_mem_new(1, sizeof *store);
    struct local *local = assay_mem_new(1, sizeof *local);
    char *copy = assay_mem_copy_text(root[0] != '\0' ? root : ".");

    if (store == NULL || local == NULL || copy == NULL) {
        assay_mem_free(copy);
        assay_mem_free(local);
        assay_mem_free(store);
        return assay_error_nomem(err);
    }
    local->root = copy;
    *store = (assay_store){&local_ops, local};
    *ret_store = store;
    return ASSAY_OK;
}
