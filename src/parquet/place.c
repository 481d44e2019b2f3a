#include "parquet/place.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/str.h"
#include "base/vec.h"

/* Swaps are repeated while versions keep coming; so many in a row mean that something is wrong. */
enum { PUBLISH_TRIES = 1000 };

assay_status assay_parquet_place_make(const char *location, assay_arena *arena,
                                      assay_parquet_place *ret_place, assay_error *err)
{
    char *whole = assay_path_normal(arena, "/", location);
    char *parent = whole == NULL ? NULL : assay_path_dir(arena, whole);

    ASSAY_TRY(assay_arena_check(whole, err));
    ASSAY_TRY(assay_arena_check(parent, err));
    ret_place->location = whole;
    ret_place->name = assay_path_base(whole);
    ret_place->folder = assay_arena_format(arena, "%s/.%s", parent, ret_place->name);
    return assay_arena_check(ret_place->folder, err);
}

char *assay_parquet_version_path(const assay_parquet_place *place, int64_t version,
                                 assay_arena *arena)
{
    return assay_arena_format(arena, "%s/v%lld", place->folder, (long long)version);
}

static bool parse_version(const char *name, int64_t *ret_version)
{
    if (name[0] != 'v' || name[1] < '0' || name[1] > '9' || (name[1] == '0' && name[2] != '\0'))
        return false;
    return assay_str_to_int64(name + 1, ret_version);
}

static int compare_versions(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y ? 1 : 0;
}

assay_status assay_parquet_versions(const assay_parquet_place *place, assay_arena *arena,
                                    int64_t **ret_versions, size_t *ret_count, assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec versions = ASSAY_VEC_OF(int64_t);
    char **names = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_path_list(place->folder, arena, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        int64_t version = 0;

        if (parse_version(names[i], &version))
            ASSAY_TRY(assay_vec_push(&versions, &version, err));
    }
    if (versions.count > 1)
        qsort(versions.items, versions.count, sizeof(int64_t), compare_versions);
    return assay_vec_to_arena(&versions, arena, ret_versions, ret_count, err);
}

assay_status assay_parquet_look(const assay_parquet_place *place, assay_arena *arena,
                                assay_parquet_kind *ret_kind, assay_error *err)
{
    struct stat info;
    char **names = NULL;
    size_t count = 0;

    if (lstat(place->location, &info) != 0) {
        if (errno != ENOENT)
            return assay_error_errno(err, errno, "cannot look at '%s'", place->location);
        *ret_kind = ASSAY_PARQUET_ABSENT;
        return ASSAY_OK;
    }
    *ret_kind = S_ISLNK(info.st_mode) ? ASSAY_PARQUET_LINK : ASSAY_PARQUET_FOLDER;
    if (!S_ISDIR(info.st_mode))
        return ASSAY_OK;
    ASSAY_TRY(assay_path_list(place->location, arena, &names, &count, err));
    if (count == 0 || (count == 1 && strcmp(names[0], "_assay") == 0))
        *ret_kind = ASSAY_PARQUET_EMPTY;
    return ASSAY_OK;
}

/* What the link must say for `version`: relative, so that the layer's folder can be moved. */
static char *link_text(const assay_parquet_place *place, int64_t version, assay_arena *arena)
{
    return assay_arena_format(arena, ".%s/v%lld", place->name, (long long)version);
}

bool assay_parquet_link_is(const assay_parquet_place *place, int64_t version, assay_arena *arena)
{
    char text[PATH_MAX];
    ssize_t size = readlink(place->location, text, sizeof(text) - 1);
    char *expected = link_text(place, version, arena);

    if (size < 0 || expected == NULL)
        return false;
    text[size] = '\0';
    return strcmp(text, expected) == 0;
}

/* A folder that only took the state file of a first commit makes room for the link. */
static assay_status set_aside(const assay_parquet_place *place, const char *unique,
                              assay_arena *arena, assay_error *err)
{
    assay_parquet_kind kind = ASSAY_PARQUET_ABSENT;
    char *aside = assay_arena_format(arena, "%s/pre-%s", place->folder, unique);
    assay_status status = ASSAY_OK;

    ASSAY_TRY(assay_arena_check(aside, err));
    ASSAY_TRY(assay_parquet_look(place, arena, &kind, err));
    if (kind == ASSAY_PARQUET_FOLDER)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4303,
                               "'%s' is a folder with files that are not assay's", place->location);
    if (kind != ASSAY_PARQUET_EMPTY)
        return ASSAY_OK;
    if (rename(place->location, aside) != 0 && errno != ENOENT)
        return assay_error_errno(err, errno, "cannot move '%s'", place->location);
    /* Another first commit may be writing into it; expire finds what stays. */
    status = assay_path_remove_tree(aside, NULL);
    (void)status;
    return ASSAY_OK;
}

/* One swap: a new link is made beside and renamed over the old one. */
static assay_status swap(const assay_parquet_place *place, int64_t version, const char *unique,
                         assay_arena *arena, assay_error *err)
{
    char *target = link_text(place, version, arena);
    char *fresh = assay_arena_format(arena, "%s/link-%s", place->folder, unique);
    char *parent = assay_path_dir(arena, place->location);

    ASSAY_TRY(assay_arena_check(target, err));
    ASSAY_TRY(assay_arena_check(fresh, err));
    ASSAY_TRY(assay_arena_check(parent, err));
    target = assay_arena_format(arena, "%s", target);
    ASSAY_TRY(assay_arena_check(target, err));
    if (unlink(fresh) != 0 && errno != ENOENT)
        return assay_error_errno(err, errno, "cannot remove '%s'", fresh);
    if (symlink(target, fresh) != 0)
        return assay_error_errno(err, errno, "cannot make the link '%s'", fresh);
    if (rename(fresh, place->location) != 0) {
        int failure = errno;

        (void)unlink(fresh);
        /* A folder came back in between: the state file of another first commit. */
        if (failure == EISDIR || failure == EEXIST || failure == ENOTEMPTY)
            return ASSAY_OK;
        return assay_error_errno(err, failure, "cannot swap the link '%s'", place->location);
    }
    return assay_path_sync(parent, err);
}

assay_status assay_parquet_publish(const assay_parquet_place *place, assay_arena *arena,
                                   assay_error *err)
{
    char *unique = assay_arena_format(arena, "%ld-%p", (long)getpid(), (const void *)&place);

    ASSAY_TRY(assay_arena_check(unique, err));
    for (int i = 0; i < PUBLISH_TRIES; i++) {
        int64_t *versions = NULL;
        size_t count = 0;

        ASSAY_TRY(assay_parquet_versions(place, arena, &versions, &count, err));
        if (count == 0 || assay_parquet_link_is(place, versions[count - 1], arena))
            return ASSAY_OK;
        ASSAY_TRY(set_aside(place, unique, arena, err));
        ASSAY_TRY(swap(place, versions[count - 1], unique, arena, err));
    }
    return assay_error_set(err, ASSAY_EIO, 4305, "the link '%s' does not settle", place->location);
}
