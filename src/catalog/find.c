/* Tables by their names: what lies in a folder, and what a catalog knows. */
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "base/vec.h"
#include "catalog/folder.h"
#include "catalog/formats.h"
#include "iceberg/file_name.h"

/* ---- load ---- */

static assay_status load_iceberg(const assay_format_place *place,
                                 const assay_iceberg_catalog *catalog, assay_store *store,
                                 assay_arena *arena, assay_table **ret_table, assay_error *err)
{
    const assay_iceberg_identity identity = {.name = place->name, .location = place->location};
    return assay_iceberg_load(catalog, &assay_iceberg_format, &identity, store, arena, ret_table,
                              err);
}

/* A catalog without any table: it was lost, or its name or place is another than it was. */
static assay_status is_empty(const assay_iceberg_catalog *catalog, assay_store *store,
                             assay_arena *arena, bool *ret_empty, assay_error *err)
{
    char **names = NULL;
    size_t count = 0;

    ASSAY_TRY(catalog->list(catalog, "", store, arena, &names, &count, err));
    *ret_empty = count == 0;
    return ASSAY_OK;
}

/* A folder with Iceberg metadata that the catalog does not know: files that a database named once
 * are what a dropped table left, and a new one may go there, unless the catalog knows no table at
 * all; versions of the folder catalog are a table, and a table of another format beside them would
 * be a riddle. */
static assay_status check_folder(const assay_format_place *place, bool wants_iceberg,
                                 assay_store *store, assay_arena *arena, assay_error *err)
{
    assay_store_names names = {0};
    bool refused = !wants_iceberg;
    bool had_commits = false;
    const char *folder = assay_path_join(arena, place->location, "metadata");
    ASSAY_TRY(assay_arena_check(folder, err));
    ASSAY_TRY(assay_store_list(store, folder, arena, &names, err));
    for (size_t i = 0; i < names.count && !refused; i++) {
        int64_t number = 0;
        assay_iceberg_name_kind kind = assay_iceberg_name_of(names.names[i], &number);
        refused = kind == ASSAY_ICEBERG_NAME_VERSIONED;
        had_commits = had_commits || (kind == ASSAY_ICEBERG_NAME_NUMBERED && number > 0);
    }
    if (!refused && had_commits)
        ASSAY_TRY(is_empty(place->catalog, store, arena, &refused, err));
    if (refused)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4404,
                               "'%s' holds an Iceberg table, and the %s catalog of the project "
                               "does not know table '%s'",
                               place->location, place->catalog->name, place->name);
    return ASSAY_OK;
}

assay_status assay_format_load(const assay_format_place *place, assay_store *store,
                               struct assay_conn *conn, assay_arena *arena, assay_table **ret_table,
                               assay_error *err)
{
    const assay_table_format *format = NULL;
    const assay_table_format *wanted = assay_format_find(place->format);
    assay_table *table = NULL;
    if (wanted == NULL)
        return assay_error_set(err, ASSAY_EINTERNAL, 9001, "no format '%s'", place->format);
    if (place->catalog != NULL) {
        ASSAY_TRY(load_iceberg(place, place->catalog, store, arena, &table, err));
        if (table->exists) {
            *ret_table = table;
            return ASSAY_OK;
        }
    }
    ASSAY_TRY(assay_format_detect(place->location, store, &format, err));
    if (place->catalog != NULL && format == &assay_iceberg_format) {
        ASSAY_TRY(check_folder(place, wanted == format, store, arena, err));
        format = NULL;
    }
    if (format == NULL)
        format = wanted;
    if (place->catalog == NULL || format != &assay_iceberg_format)
        return format->load(place->name, place->location, store, conn, arena, ret_table, err);
    *ret_table = table;
    return ASSAY_OK;
}

/* ---- names ---- */

/* What is collected: names in any order, some perhaps twice. */
struct collecting {
    const char *warehouse;
    const assay_iceberg_catalog *catalog;
    assay_store *store;
    assay_arena *arena;
    assay_vec *names;
};

static assay_status add(const struct collecting *collecting, const char *layer, const char *table,
                        assay_error *err)
{
    const char *name = assay_arena_format(collecting->arena, "%s.%s", layer, table);
    ASSAY_TRY(assay_arena_check(name, err));
    return assay_vec_push(collecting->names, &name, err);
}

static assay_status add_entry(const struct collecting *collecting, const char *layer,
                              const char *entry, assay_error *err)
{
    const assay_table_format *format = NULL;
    assay_arena *arena = collecting->arena;
    const assay_format_place place = {.name = assay_arena_format(arena, "%s.%s", layer, entry),
                                      .location =
                                          assay_arena_format(arena, "%s/%s/%s",
                                                             collecting->warehouse, layer, entry),
                                      .catalog = collecting->catalog};
    ASSAY_TRY(assay_arena_check(place.name, err));
    ASSAY_TRY(assay_arena_check(place.location, err));
    ASSAY_TRY(assay_format_detect(place.location, collecting->store, &format, err));
    if (format == NULL)
        return ASSAY_OK;
    /* The catalog says which Iceberg tables there are; one that it should know is an error when it
     * is asked for, and no reason to fail a list. */
    if (format == &assay_iceberg_format && collecting->catalog != NULL)
        return ASSAY_OK;
    return add(collecting, layer, entry, err);
}

static assay_status add_layer(const struct collecting *collecting, const char *layer,
                              assay_error *err)
{
    assay_path_info info = {0};
    char **entries = NULL;
    size_t count = 0;
    char *folder = assay_path_join(collecting->arena, collecting->warehouse, layer);
    ASSAY_TRY(assay_arena_check(folder, err));
    ASSAY_TRY(assay_path_stat(folder, &info, err));
    if (layer[0] == '.' || !info.is_directory)
        return ASSAY_OK;
    ASSAY_TRY(assay_path_list(folder, collecting->arena, &entries, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (entries[i][0] != '.')
            ASSAY_TRY(add_entry(collecting, layer, entries[i], err));
    }
    return ASSAY_OK;
}

static assay_status add_catalog(const struct collecting *collecting, assay_error *err)
{
    char **names = NULL;
    size_t count = 0;
    assay_arena *arena = collecting->arena;
    ASSAY_TRY(collecting->catalog->list(collecting->catalog, collecting->warehouse,
                                        collecting->store, arena, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        const char *slash = strchr(names[i], '/');
        const char *layer = assay_arena_text_n(arena, names[i], (size_t)(slash - names[i]));
        ASSAY_TRY(assay_arena_check(layer, err));
        ASSAY_TRY(add(collecting, layer, slash + 1, err));
    }
    return ASSAY_OK;
}

static int compare(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

/* Sorted, each once. */
static void arrange(const char **names, size_t *count)
{
    size_t kept = 0;
    if (*count > 1)
        qsort(names, *count, sizeof *names, compare);
    for (size_t i = 0; i < *count; i++) {
        if (kept == 0 || strcmp(names[kept - 1], names[i]) != 0)
            names[kept++] = names[i];
    }
    *count = kept;
}

assay_status assay_format_tables(const char *warehouse, const assay_iceberg_catalog *catalog,
                                 assay_store *store, assay_arena *arena, const char ***ret_names,
                                 size_t *ret_count, assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec names = ASSAY_VEC_OF(const char *);
    const struct collecting collecting = {.warehouse = warehouse,
                                          .catalog = catalog,
                                          .store = store,
                                          .arena = arena,
                                          .names = &names};
    char **layers = NULL;
    size_t count = 0;
    ASSAY_TRY(assay_path_list(warehouse, arena, &layers, &count, err));
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(add_layer(&collecting, layers[i], err));
    if (catalog != NULL)
        ASSAY_TRY(add_catalog(&collecting, err));
    ASSAY_TRY(assay_vec_to_arena(&names, arena, ret_names, ret_count, err));
    arrange(*ret_names, ret_count);
    return ASSAY_OK;
}
