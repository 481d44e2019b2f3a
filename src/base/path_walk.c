#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TREE_DEPTH_MAX = 200, GLOB_DEPTH_MAX = 64, GLOB_FILES_MAX = 1000000 };

static void close_folder(DIR **folder)
{
    if (*folder != NULL)
        (void)closedir(*folder);
}

static int compare_names(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;

    return strcmp(*left, *right);
}

static void sort_names(char **names, size_t count)
{
    if (count > 1)
        qsort(names, count, sizeof *names, compare_names);
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* The next entry but . and ..; NULL at the end. */
static assay_status next_entry(DIR *folder, const char *path, const struct dirent **ret_entry,
                               assay_error *err)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (entry == NULL && errno != 0)
            return assay_error_errno(err, errno, "cannot list folder '%s'", path);
        if (entry == NULL || !is_dots(entry->d_name)) {
            *ret_entry = entry;
            return ASSAY_OK;
        }
    }
}

assay_status assay_path_list(const char *path, assay_arena *arena, char ***ret_names,
                             size_t *ret_count, assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec names = ASSAY_VEC_OF(char *);
    ASSAY_AUTO(close_folder) DIR *folder = opendir(path);
    const struct dirent *entry = NULL;

    if (folder == NULL && errno != ENOENT)
        return assay_error_errno(err, errno, "cannot list folder '%s'", path);
    while (folder != NULL) {
        ASSAY_TRY(next_entry(folder, path, &entry, err));
        if (entry == NULL)
            break;
        char *name = assay_arena_text(arena, entry->d_name);
        ASSAY_TRY(assay_arena_check(name, err));
        ASSAY_TRY(assay_vec_push(&names, &name, err));
    }
    sort_names(names.items, names.count);
    return assay_vec_to_arena(&names, arena, ret_names, ret_count, err);
}

/* Deletes what lies in the folder `file`, which is closed. Links are deleted, not followed. */
static assay_status empty_folder(int file, const char *path, int depth, assay_error *err)
{
    ASSAY_AUTO(close_folder) DIR *folder = fdopendir(file);
    const struct dirent *entry = NULL;

    if (folder == NULL) {
        int failed = errno;
        (void)close(file);
        return assay_error_errno(err, failed, "cannot list folder '%s'", path);
    }
    if (depth > TREE_DEPTH_MAX)
        return assay_error_set(err, ASSAY_EDATA, 1308, "folders in '%s' are nested too deep", path);
    for (;;) {
        ASSAY_TRY(next_entry(folder, path, &entry, err));
        if (entry == NULL)
            return ASSAY_OK;
        const char *name = entry->d_name;
        if (unlinkat(dirfd(folder), name, 0) == 0 || errno == ENOENT)
            continue;
        int failed = errno; /* EISDIR on Linux, EPERM by POSIX, for a folder */
        int below = openat(dirfd(folder), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below < 0)
            return assay_error_errno(err, errno == ENOTDIR || errno == ELOOP ? failed : errno,
                                     "cannot delete '%s/%s'", path, name);
        ASSAY_TRY(empty_folder(below, path, depth + 1, err));
        if (unlinkat(dirfd(folder), name, AT_REMOVEDIR) != 0 && errno != ENOENT)
            return assay_error_errno(err, errno, "cannot delete '%s/%s'", path, name);
    }
}

assay_status assay_path_remove_tree(const char *path, assay_error *err)
{
    int file = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (file < 0) {
        if (errno == ENOENT)
            return ASSAY_OK;
        if (errno == ENOTDIR || errno == ELOOP)
            return assay_path_remove(path, err);
        return assay_error_errno(err, errno, "cannot delete '%s'", path);
    }
    ASSAY_TRY(empty_folder(file, path, 0, err));
    if (rmdir(path) != 0 && errno != ENOENT)
        return assay_error_errno(err, errno, "cannot delete '%s'", path);
    return ASSAY_OK;
}

/* One glob: `shown` paths have the form of the pattern, `base` leads to them from here. */
struct glob {
    const char *base;
    const char *pattern;
    int depth_max;
    bool any_depth;
    bool hidden; /* a component of the pattern begins with '.' */
    assay_arena *arena;
    assay_vec found;
    assay_error *err;
};

static assay_status visit_entry(struct glob *glob, const char *shown, int depth);

static assay_status visit_folder(struct glob *glob, const char *shown, int depth)
{
    char **names = NULL;
    size_t count = 0;
    char *real = assay_path_join(glob->arena, glob->base, shown);

    ASSAY_TRY(assay_arena_check(real, glob->err));
    ASSAY_TRY(
        assay_path_list(real[0] != '\0' ? real : ".", glob->arena, &names, &count, glob->err));
    for (size_t i = 0; i < count; i++) {
        if (names[i][0] == '.' && !glob->hidden)
            continue;
        char *path = assay_path_join(glob->arena, shown, names[i]);
        ASSAY_TRY(assay_arena_check(path, glob->err));
        ASSAY_TRY(visit_entry(glob, path, depth));
    }
    return ASSAY_OK;
}

static assay_status visit_entry(struct glob *glob, const char *shown, int depth)
{
    assay_path_info info;
    char *real = assay_path_join(glob->arena, glob->base, shown);

    ASSAY_TRY(assay_arena_check(real, glob->err));
    bool wanted = assay_str_glob(glob->pattern, shown);
    if (!wanted && depth >= glob->depth_max)
        return ASSAY_OK;
    ASSAY_TRY(assay_path_stat(real, &info, glob->err));
    if (!info.exists) /* a link to nowhere, or gone since the listing */
        return ASSAY_OK;
    if (info.is_directory) {
        /* Below '**' links to folders are not followed: they could lead round in a circle. */
        if (depth >= glob->depth_max || (info.is_link && glob->any_depth))
            return ASSAY_OK;
        return visit_folder(glob, shown, depth + 1);
    }
    if (!wanted)
        return ASSAY_OK;
    if (glob->found.count >= GLOB_FILES_MAX)
        return assay_error_set(glob->err, ASSAY_EDATA, 1309, "'%s' matches more than %d files",
                               glob->pattern, GLOB_FILES_MAX);
    return assay_vec_push(&glob->found, &shown, glob->err);
}

static assay_status run_glob(struct glob *glob, char ***ret_paths, size_t *ret_count)
{
    size_t special = strcspn(glob->pattern, "*?[{\\");
    size_t prefix = special;

    while (prefix > 0 && glob->pattern[prefix - 1] != '/')
        prefix--;
    glob->any_depth = strstr(glob->pattern, "**") != NULL;
    glob->hidden = glob->pattern[prefix] == '.' || strstr(glob->pattern + prefix, "/.") != NULL;
    for (const char *at = glob->pattern + prefix; *at != '\0'; at++)
        glob->depth_max += *at == '/' ? 1 : 0;
    if (glob->any_depth || glob->depth_max > GLOB_DEPTH_MAX)
        glob->depth_max = GLOB_DEPTH_MAX;
    if (glob->pattern[special] == '\0') {
        ASSAY_TRY(visit_entry(glob, glob->pattern, 0));
    } else {
        char *shown = assay_arena_text_n(glob->arena, glob->pattern, prefix);
        ASSAY_TRY(assay_arena_check(shown, glob->err));
        assay_path_info info;
        char *real = assay_path_join(glob->arena, glob->base, shown);
        ASSAY_TRY(assay_arena_check(real, glob->err));
        ASSAY_TRY(assay_path_stat(real[0] != '\0' ? real : ".", &info, glob->err));
        if (info.is_directory)
            ASSAY_TRY(visit_folder(glob, shown, 0));
    }
    sort_names(glob->found.items, glob->found.count);
    return assay_vec_to_arena(&glob->found, glob->arena, ret_paths, ret_count, glob->err);
}

assay_status assay_path_glob(const char *base, const char *pattern, assay_arena *arena,
                             char ***ret_paths, size_t *ret_count, assay_error *err)
{
    struct glob glob = {.base = base, .pattern = pattern, .arena = arena, .err = err};

    glob.found = ASSAY_VEC_OF(char *);
    assay_status status = run_glob(&glob, ret_paths, ret_count);
    assay_vec_done(&glob.found);
    return status;
}
