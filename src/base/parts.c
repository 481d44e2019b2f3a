#include "base/parts.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"

enum { FOLDERS_MAX = 3, LINK_SIZE = 4096 };

struct folders {
    const char *paths[FOLDERS_MAX];
    size_t count;
};

static void add(struct folders *folders, const char *path)
{
    if (path != NULL)
        folders->paths[folders->count++] = path;
}

/* <prefix>/bin/assay has its parts in <prefix>/lib/assay. */
static const char *beside_program(assay_arena *arena)
{
    char program[LINK_SIZE];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);

    if (length <= 0)
        return NULL;
    program[length] = '\0';
    char *folder = assay_path_dir(arena, program);
    return folder != NULL ? assay_path_normal(arena, folder, "../" ASSAY_PRIVATE_DIR) : NULL;
}

/* <prefix>/lib/libassay.so has them in <prefix>/lib/assay. In the program itself the name is what
 * it was called by, which need not be a path. */
static const char *beside_library(assay_arena *arena)
{
    static const char here = 0;
    Dl_info info = {0};

    if (dladdr(&here, &info) == 0 || info.dli_fname == NULL || info.dli_fname[0] != '/')
        return NULL;
    char *folder = assay_path_dir(arena, info.dli_fname);
    return folder != NULL ? assay_path_join(arena, folder, "assay") : NULL;
}

static const char *cache_folder(assay_arena *arena)
{
    static const struct {
        const char *variable, *rest;
    } places[] = {{"ASSAY_CACHE", ""}, {"XDG_CACHE_HOME", "assay"}, {"HOME", ".cache/assay"}};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const char *value = getenv(places[i].variable);

        if (value != NULL && value[0] != '\0')
            return assay_path_join(arena, value, places[i].rest);
    }
    return NULL;
}

assay_status assay_parts_find(const char *name, assay_arena *arena, const char **ret_path,
                              assay_error *err)
{
    struct folders folders = {{NULL}, 0};

    add(&folders, beside_program(arena));
    add(&folders, beside_library(arena));
    add(&folders, cache_folder(arena));
    for (size_t i = 0; i < folders.count; i++) {
        const char *path = assay_path_join(arena, folders.paths[i], name);

        ASSAY_TRY(assay_arena_check(path, err));
        if (access(path, R_OK) == 0) {
            *ret_path = path;
            return ASSAY_OK;
        }
    }
    *ret_path = NULL;
    return ASSAY_OK;
}
