#include "iceberg/location.h"

#include <string.h>
#include <sys/stat.h>

#include "base/path.h"
#include "base/str.h"

/* "file:///a/b", "file:/a/b", "./a" without their beginning. */
static const char *bare(const char *path)
{
    if (assay_str_starts(path, "file://"))
        path += strlen("file://");
    else if (assay_str_starts(path, "file:"))
        path += strlen("file:");
    while (assay_str_starts(path, "./"))
        path += 2;
    return path;
}

/* What follows `folder` in `path`, without the slash; NULL where it does not lie below. */
static const char *below(const char *folder, const char *path)
{
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/')
        length--;
    if (length == 0 || strncmp(folder, path, length) != 0 || path[length] != '/')
        return NULL;
    while (path[length] == '/')
        length++;
    return path + length;
}

static bool has_parent_step(const char *path)
{
    return assay_str_starts(path, "../") || assay_str_contains(path, "/../") ||
           assay_str_ends(path, "/..");
}

/* Folders besides the table's own in which its files may lie: what its properties name, and the
 * warehouse (two levels up), where imported files often are. */
static bool is_allowed(const assay_iceberg_location *location, const char *path, assay_arena *arena)
{
    static const char *const PROPERTIES[] = {"write.data.path", "write.metadata.path",
                                             "write.object-storage.path",
                                             "write.folder-storage.path"};
    for (size_t i = 0; i < sizeof PROPERTIES / sizeof PROPERTIES[0]; i++) {
        const char *folder = assay_iceberg_metadata_property(location->metadata, PROPERTIES[i]);
        if (folder != NULL && below(bare(folder), path) != NULL)
            return true;
    }
    const char *parent = assay_path_dir(arena, location->local);
    const char *warehouse = parent != NULL ? assay_path_dir(arena, parent) : NULL;
    return warehouse != NULL && strlen(warehouse) > 1 && below(warehouse, path) != NULL;
}

/* A relative path means nothing but to who wrote it: its part from the table's own folders on. */
static const char *known_part(const char *path)
{
    static const char *const FOLDERS[] = {"/metadata/", "/data/"};
    for (size_t i = 0; i < sizeof FOLDERS / sizeof FOLDERS[0]; i++) {
        const char *found = NULL;
        for (const char *at = strstr(path, FOLDERS[i]); at != NULL; at = strstr(at + 1, FOLDERS[i]))
            found = at;
        if (found != NULL)
            return found + 1;
    }
    return NULL;
}

assay_status assay_iceberg_location_absolute(const char *recorded, assay_arena *arena,
                                             const char **ret_path, assay_error *err)
{
    const char *path = bare(recorded);
    if (!assay_path_is_absolute(path))
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4104,
                               "'%.300s' is no place on the local file system", recorded);
    *ret_path = assay_path_normal(arena, "/", path);
    return assay_arena_check(*ret_path, err);
}

assay_status assay_iceberg_location_local(const assay_iceberg_location *location,
                                          const char *recorded, assay_arena *arena,
                                          const char **ret_path, assay_error *err)
{
    const char *path = bare(recorded);
    const char *rest = below(bare(location->recorded), path);
    if (rest == NULL)
        rest = below(location->local, path);
    if (has_parent_step(path))
        return assay_error_set(err, ASSAY_EDATA, 4105, "file '%.300s' steps out of its folder",
                               recorded);
    if (rest != NULL) {
        *ret_path = assay_path_join(arena, location->local, rest);
        return assay_arena_check(*ret_path, err);
    }
    if (!assay_path_is_absolute(path) && !assay_str_contains(path, "://"))
        rest = known_part(path);
    if (rest != NULL) {
        *ret_path = assay_path_join(arena, location->local, rest);
        return assay_arena_check(*ret_path, err);
    }
    if (assay_str_contains(path, "://"))
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4104,
                               "file '%.300s' is not on the local file system", recorded);
    if (!assay_path_is_absolute(path) || !is_allowed(location, path, arena))
        return assay_error_set(err, ASSAY_EDATA, 4105,
                               "file '%.300s' lies outside the storage of the table", recorded);
    *ret_path = path;
    return ASSAY_OK;
}

const char *assay_iceberg_location_recorded(const assay_iceberg_location *location,
                                            const char *path, assay_arena *arena)
{
    const char *rest = below(location->local, path);
    if (rest == NULL)
        return assay_arena_text(arena, path);
    return assay_arena_format(arena, "%s/%s", location->recorded, rest);
}

assay_status assay_iceberg_location_writable(const assay_iceberg_location *location,
                                             assay_error *err)
{
    const char *named = bare(location->recorded);
    if (assay_str_equal(named, location->local))
        return ASSAY_OK;
    struct stat there, here;
    if (stat(named, &there) == 0 && stat(location->local, &here) == 0 &&
        there.st_dev == here.st_dev && there.st_ino == here.st_ino)
        return ASSAY_OK;
    return assay_error_set(err, ASSAY_EUNSUPPORTED, 4106,
                           "the table in '%s' was moved or copied from '%s' and can only be read",
                           location->local, location->recorded);
}
