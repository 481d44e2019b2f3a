/* Where drivers are searched: the order of ADBC's driver managers, with assay's own folders last.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adbc/driver.h"
#include "adbc/manifest.h"
#include "base/parts.h"
#include "base/path.h"
#include "base/str.h"

enum { MANIFEST_MAX = 64 * 1024 };

struct search {
    const assay_adbc_request *request;
    const assay_adbc_kind *kind;
    assay_arena *arena;
    assay_adbc_library found; /* path NULL until then */
};

static bool is_there(const char *path)
{
    return path != NULL && access(path, R_OK) == 0;
}

static assay_status read_manifest(struct search *search, const char *path, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_adbc_manifest manifest = {NULL, NULL};

    ASSAY_TRY(assay_path_read(path, MANIFEST_MAX, &text, err));
    ASSAY_TRY(assay_adbc_manifest_parse(assay_buf_text(&text), text.size, path, search->arena,
                                        &manifest, err));
    if (manifest.library == NULL)
        return assay_error_set(err, ASSAY_ECONFIG, 3104,
                               "the driver manifest '%s' names no library for this platform", path);
    char *folder = assay_path_dir(search->arena, path);
    ASSAY_TRY(assay_arena_check(folder, err));
    search->found.path = assay_path_join(search->arena, folder, manifest.library);
    search->found.entrypoint = manifest.entrypoint;
    return assay_arena_check(search->found.path, err);
}

/* NAME.toml in the folder, or the library itself. */
static assay_status look_into(struct search *search, const char *folder, assay_error *err)
{
    char *manifest = assay_arena_format(search->arena, "%s/%s.toml", folder, search->kind->name);
    char *library = assay_arena_format(search->arena, "%s/%s", folder, search->kind->library);

    if (manifest == NULL || library == NULL)
        return assay_error_nomem(err);
    if (is_there(manifest))
        return read_manifest(search, manifest, err);
    if (is_there(library))
        search->found.path = library;
    return ASSAY_OK;
}

static assay_status look_into_list(struct search *search, const char *list, assay_error *err)
{
    const char *at = list;

    while (at != NULL && *at != '\0' && search->found.path == NULL) {
        const char *end = strchr(at, ':');
        size_t length = end != NULL ? (size_t)(end - at) : strlen(at);

        if (length > 0) {
            char *folder = assay_arena_text_n(search->arena, at, length);

            ASSAY_TRY(assay_arena_check(folder, err));
            ASSAY_TRY(look_into(search, folder, err));
        }
        at = end != NULL ? end + 1 : NULL;
    }
    return ASSAY_OK;
}

static const char *user_folder(assay_arena *arena)
{
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");

    if (config != NULL && config[0] != '\0')
        return assay_arena_format(arena, "%s/adbc/drivers", config);
    if (home != NULL && home[0] != '\0')
        return assay_arena_format(arena, "%s/.config/adbc/drivers", home);
    return "";
}

static assay_status look_everywhere(struct search *search, assay_error *err)
{
    const char *user = user_folder(search->arena);

    ASSAY_TRY(assay_arena_check(user, err));
    ASSAY_TRY(look_into_list(search, getenv("ADBC_DRIVER_PATH"), err));
    if (search->found.path == NULL && user[0] != '\0')
        ASSAY_TRY(look_into(search, user, err));
    if (search->found.path == NULL)
        ASSAY_TRY(look_into(search, "/etc/adbc/drivers", err));
    if (search->found.path != NULL)
        return ASSAY_OK;
    char *part = assay_arena_format(search->arena, "drivers/%s", search->kind->library);
    ASSAY_TRY(assay_arena_check(part, err));
    return assay_parts_find(part, search->arena, &search->found.path, err);
}

/* What the user names must be there: there is no second choice. */
static assay_status look_at_named(struct search *search, assay_error *err)
{
    const char *path = search->request->connection->driver;

    if (!is_there(path))
        return assay_error_at(err, ASSAY_ENOTFOUND, 3101, search->request->connection->place,
                              "there is no driver '%s', which the connection '%s' names", path,
                              search->request->connection->name);
    if (assay_str_ends(path, ".toml"))
        return read_manifest(search, path, err);
    search->found.path = path;
    return ASSAY_OK;
}

assay_status assay_adbc_search(const assay_adbc_request *request, const assay_adbc_kind *kind,
                               assay_arena *arena, assay_adbc_library *ret_library,
                               assay_error *err)
{
    struct search search = {request, kind, arena, {NULL, NULL}};

    if (request->connection->driver != NULL)
        ASSAY_TRY(look_at_named(&search, err));
    else if (request->driver_dirs != NULL)
        ASSAY_TRY(look_into_list(&search, request->driver_dirs, err));
    else
        ASSAY_TRY(look_everywhere(&search, err));
    if (search.found.path == NULL)
        return assay_error_at(err, ASSAY_ENOTFOUND, 3101, request->connection->place,
                              "there is no ADBC driver for the connection '%s': install it by %s "
                              "and name its path by 'driver'",
                              request->connection->name, kind->install);
    *ret_library = search.found;
    return ASSAY_OK;
}
