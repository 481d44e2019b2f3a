#include "catalog/folder.h"

#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "base/vec.h"
#include "iceberg/file_name.h"

enum { HINT_SIZE_MAX = 256, FIRST_VERSION = 1 };

static const char *const ENDINGS[] = {".metadata.json", ".gz.metadata.json", ".metadata.json.gz"};

enum { ENDING_COUNT = sizeof ENDINGS / sizeof ENDINGS[0] };

static char *metadata_folder(const assay_iceberg_identity *identity, assay_arena *arena)
{
    return assay_path_join(arena, identity->location, "metadata");
}

/* What a listing says. */
struct listing {
    size_t files;          /* metadata files of any name */
    size_t others;         /* of them those that are neither v<N> nor <N>-<uuid> */
    const char *versioned; /* the highest v<N> */
    int64_t version;
    const char *serial_name; /* the highest <N>-<uuid> */
    int64_t serial;
    bool serial_twice;
};

static void look_at(const char *name, struct listing *listing)
{
    int64_t number = 0;
    switch (assay_iceberg_name_of(name, &number)) {
    case ASSAY_ICEBERG_NAME_NONE:
        return;
    case ASSAY_ICEBERG_NAME_VERSIONED:
        if (listing->versioned == NULL || number > listing->version) {
            listing->versioned = name;
            listing->version = number;
        }
        break;
    case ASSAY_ICEBERG_NAME_NUMBERED:
        listing->serial_twice = listing->serial_name != NULL && number == listing->serial;
        if (listing->serial_name == NULL || number > listing->serial) {
            listing->serial_name = name;
            listing->serial = number;
        }
        break;
    case ASSAY_ICEBERG_NAME_OTHER:
        listing->others++;
        break;
    }
    listing->files++;
}

static assay_status take(const char *folder, const char *name, int64_t version, assay_arena *arena,
                         assay_iceberg_pointer *ret_pointer, assay_error *err)
{
    const char *path = assay_path_join(arena, folder, name);
    ASSAY_TRY(assay_arena_check(path, err));
    *ret_pointer = (assay_iceberg_pointer){.exists = true, .version = version, .path = path};
    return ASSAY_OK;
}

/* ---- load ---- */

static assay_status exists(const char *folder, int64_t version, const char *ending,
                           assay_store *store, assay_arena *arena, bool *ret_exists,
                           assay_error *err)
{
    assay_store_info info = {0};
    const char *path = assay_arena_format(arena, "%s/v%lld%s", folder, (long long)version, ending);
    ASSAY_TRY(assay_arena_check(path, err));
    ASSAY_TRY(assay_store_head(store, path, &info, err));
    *ret_exists = info.exists;
    return ASSAY_OK;
}

static assay_status exists_any(const char *folder, int64_t version, assay_store *store,
                               assay_arena *arena, bool *ret_exists, assay_error *err)
{
    *ret_exists = false;
    for (size_t i = 0; i < ENDING_COUNT && !*ret_exists; i++)
        ASSAY_TRY(exists(folder, version, ENDINGS[i], store, arena, ret_exists, err));
    return ASSAY_OK;
}

/* The hint's number, or -1: it may be missing, stale, or hold something else. */
static int64_t read_hint(const char *folder, assay_store *store, assay_arena *arena)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    int64_t version = -1;
    const char *path = assay_path_join(arena, folder, "version-hint.text");
    if (path == NULL || assay_store_get(store, path, HINT_SIZE_MAX, &text, NULL) != ASSAY_OK)
        return -1;
    while (text.size > 0 && strchr(" \r\n\t", text.data[text.size - 1]) != NULL)
        text.data[--text.size] = '\0';
    return assay_str_to_int64(assay_buf_text(&text), &version) && version >= 0 ? version : -1;
}

/* The usual case without a listing: the hint's file is there and no newer one. */
static assay_status load_by_hint(const char *folder, int64_t version, assay_store *store,
                                 assay_arena *arena, assay_iceberg_pointer *ret_pointer,
                                 assay_error *err)
{
    bool here = false, newer = true;
    *ret_pointer = (assay_iceberg_pointer){.version = -1};
    if (version < 0)
        return ASSAY_OK;
    ASSAY_TRY(exists(folder, version, ENDINGS[0], store, arena, &here, err));
    if (here)
        ASSAY_TRY(exists_any(folder, version + 1, store, arena, &newer, err));
    if (!here || newer)
        return ASSAY_OK;
    const char *name = assay_arena_format(arena, "v%lld%s", (long long)version, ENDINGS[0]);
    ASSAY_TRY(assay_arena_check(name, err));
    return take(folder, name, version, arena, ret_pointer, err);
}

static assay_status load_by_listing(const char *folder, int64_t hint, assay_store *store,
                                    assay_arena *arena, assay_iceberg_pointer *ret_pointer,
                                    assay_error *err)
{
    assay_store_names names = {0};
    struct listing listing = {0};
    ASSAY_TRY(assay_store_list(store, folder, arena, &names, err));
    for (size_t i = 0; i < names.count; i++)
        look_at(names.names[i], &listing);
    *ret_pointer = (assay_iceberg_pointer){.version = -1};
    /* The hint is written after its version: it may be behind, never ahead. */
    if (hint >= 0 && (listing.versioned != NULL || listing.files == 0) &&
        (listing.versioned == NULL || hint > listing.version))
        return assay_error_set(
            err, ASSAY_EDATA, 4402,
            "folder '%s': version-hint.text names version %lld, and its metadata "
            "file is missing",
            folder, (long long)hint);
    /* Numbers above the versions: the table was registered in another catalog and went on there. */
    if (listing.versioned != NULL &&
        (listing.serial_name == NULL || listing.serial <= listing.version))
        return take(folder, listing.versioned, listing.version, arena, ret_pointer, err);
    if (listing.files == 0)
        return ASSAY_OK;
    if (listing.serial_name == NULL || listing.serial_twice || listing.others > 0)
        return assay_error_set(err, ASSAY_EDATA, 4402,
                               "folder '%s' has %zu metadata files, and none can be told to be the "
                               "current one",
                               folder, listing.files);
    ASSAY_TRY(take(folder, listing.serial_name, -1, arena, ret_pointer, err));
    ret_pointer->managed = "its metadata files are numbered";
    return ASSAY_OK;
}

/* A metadata file that is named itself: read as it is, never written on. */
static assay_status load_named(const char *path, assay_store *store, assay_arena *arena,
                               assay_iceberg_pointer *ret_pointer, assay_error *err)
{
    assay_store_info info = {0};
    const char *folder = assay_path_dir(arena, path);
    const char *location = folder != NULL ? assay_path_dir(arena, folder) : NULL;
    ASSAY_TRY(assay_arena_check(location, err));
    ASSAY_TRY(assay_store_head(store, path, &info, err));
    *ret_pointer = (assay_iceberg_pointer){.exists = info.exists,
                                           .version = -1,
                                           .path = path,
                                           .folder = location,
                                           .managed = "it was opened by a metadata file"};
    return ASSAY_OK;
}

static assay_status folder_load(const assay_iceberg_catalog *catalog,
                                const assay_iceberg_identity *identity, assay_store *store,
                                assay_arena *arena, assay_iceberg_pointer *ret_pointer,
                                assay_error *err)
{
    (void)catalog;
    const char *folder = metadata_folder(identity, arena);
    ASSAY_TRY(assay_arena_check(folder, err));
    int64_t number = 0;
    if (assay_iceberg_name_of(assay_path_base(identity->location), &number) !=
        ASSAY_ICEBERG_NAME_NONE)
        return load_named(identity->location, store, arena, ret_pointer, err);
    int64_t hint = read_hint(folder, store, arena);
    ASSAY_TRY(load_by_hint(folder, hint, store, arena, ret_pointer, err));
    if (ret_pointer->exists)
        return ASSAY_OK;
    return load_by_listing(folder, hint, store, arena, ret_pointer, err);
}

/* ---- commit ---- */

static void write_hint(const char *folder, int64_t version, assay_store *store, assay_arena *arena)
{
    char text[24];
    int length = snprintf(text, sizeof text, "%lld", (long long)version);
    const char *path = assay_path_join(arena, folder, "version-hint.text");
    if (path == NULL || length <= 0)
        return;
    /* Readers do without: they look for newer versions, or list. */
    assay_status ignored = assay_store_put(store, path, text, (size_t)length, NULL);
    (void)ignored;
}

/* Expiry deletes metadata files that are long out of the log. A commit that slept through all that
 * would find its number free: the hint, far ahead, tells. */
static bool is_in_the_past(const char *folder, int64_t version, assay_store *store,
                           assay_arena *arena)
{
    enum { FAR_AHEAD = 50 };
    bool there = false;
    int64_t hint = read_hint(folder, store, arena);
    return hint > version + FAR_AHEAD &&
           exists_any(folder, hint, store, arena, &there, NULL) == ASSAY_OK && there;
}

static assay_status lost(const assay_iceberg_identity *identity, int64_t version, assay_error *err)
{
    return assay_error_set(err, ASSAY_ECONFLICT, 4401,
                           "table '%s': another commit made version %lld first", identity->name,
                           (long long)version);
}

static assay_status folder_commit(const assay_iceberg_catalog *catalog,
                                  const assay_iceberg_identity *identity,
                                  const assay_iceberg_pointer *base, const assay_buf *metadata,
                                  assay_store *store, const assay_random *random, assay_error *err)
{
    (void)catalog;
    (void)random;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_TRY(assay_arena_check(arena, err));
    bool taken = false;
    int64_t version = base->exists ? base->version + 1 : FIRST_VERSION;
    const char *folder = metadata_folder(identity, arena);
    ASSAY_TRY(assay_arena_check(folder, err));
    const char *path =
        assay_arena_format(arena, "%s/v%lld%s", folder, (long long)version, ENDINGS[0]);
    ASSAY_TRY(assay_arena_check(path, err));
    /* Another engine may have written the version under a compressed name. */
    ASSAY_TRY(exists_any(folder, version, store, arena, &taken, err));
    if (taken || is_in_the_past(folder, version, store, arena))
        return lost(identity, version, err);
    assay_status status =
        assay_store_put_new(store, path, assay_buf_text(metadata), metadata->size, err);
    if (status == ASSAY_ECONFLICT)
        return lost(identity, version, err);
    if (status == ASSAY_OK)
        write_hint(folder, version, store, arena);
    return status;
}

/* ---- list ---- */

static assay_status is_table(const char *path, assay_store *store, assay_arena *arena,
                             bool *ret_is_table, assay_error *err)
{
    assay_iceberg_pointer pointer = {0};
    const assay_iceberg_identity identity = {.name = path, .location = path};
    assay_status status =
        folder_load(&assay_folder_catalog, &identity, store, arena, &pointer, err);
    *ret_is_table = status == ASSAY_OK && pointer.exists;
    return status == ASSAY_EDATA ? ASSAY_OK : status;
}

static assay_status list_layer(const char *root, const char *layer, assay_store *store,
                               assay_arena *arena, assay_vec *names, assay_error *err)
{
    char **tables = NULL;
    size_t count = 0;
    const char *folder = assay_path_join(arena, root, layer);
    assay_path_info info = {0};
    ASSAY_TRY(assay_arena_check(folder, err));
    ASSAY_TRY(assay_path_stat(folder, &info, err));
    if (layer[0] == '.' || !info.is_directory)
        return ASSAY_OK;
    ASSAY_TRY(assay_path_list(folder, arena, &tables, &count, err));
    for (size_t i = 0; i < count; i++) {
        bool found = false;
        const char *path = assay_path_join(arena, folder, tables[i]);
        char *name = assay_arena_format(arena, "%s/%s", layer, tables[i]);
        ASSAY_TRY(assay_arena_check(path, err));
        ASSAY_TRY(assay_arena_check(name, err));
        if (tables[i][0] != '.')
            ASSAY_TRY(is_table(path, store, arena, &found, err));
        if (found)
            ASSAY_TRY(assay_vec_push(names, &name, err));
    }
    return ASSAY_OK;
}

static assay_status folder_list(const assay_iceberg_catalog *catalog, const char *root,
                                assay_store *store, assay_arena *arena, char ***ret_names,
                                size_t *ret_count, assay_error *err)
{
    (void)catalog;
    ASSAY_AUTO(assay_vec_done) assay_vec names = ASSAY_VEC_OF(char *);
    char **layers = NULL;
    size_t count = 0;
    ASSAY_TRY(assay_path_list(root, arena, &layers, &count, err));
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(list_layer(root, layers[i], store, arena, &names, err));
    return assay_vec_to_arena(&names, arena, ret_names, ret_count, err);
}

const assay_iceberg_catalog assay_folder_catalog = {
    .name = "folder",
    .load = folder_load,
    .commit = folder_commit,
    .list = folder_list,
};

static assay_status iceberg_load(const char *name, const char *location, assay_store *store,
                                 struct assay_conn *conn, assay_arena *arena,
                                 assay_table **ret_table, assay_error *err)
{
    (void)conn;
    const assay_iceberg_identity identity = {.name = name, .location = location};
    return assay_iceberg_load(&assay_folder_catalog, &assay_iceberg_format, &identity, store, arena,
                              ret_table, err);
}

const assay_table_format assay_iceberg_format = {
    .name = "iceberg",
    .load = iceberg_load,
    .plan_files = assay_iceberg_plan_files,
    .snapshot_schema = assay_iceberg_snapshot_schema,
    .stage_folder = assay_iceberg_stage_folder,
    .stored_type = assay_iceberg_stored_type_of,
    .commit = assay_iceberg_commit,
    .expire = assay_iceberg_expire,
    .reload = assay_iceberg_reload,
    .field_ids = true,
    .absolute_paths = true,
};
