#include "catalog/formats.h"

#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "catalog/folder.h"
#include "delta/delta.h"
#include "parquet/parquet.h"

static const assay_table_format *const FORMATS[] = {
    &assay_iceberg_format,
    &assay_delta_format,
    &assay_parquet_format,
};

static const char *const NAMES[] = {"iceberg", "delta", "parquet"};

enum { FORMAT_COUNT = sizeof FORMATS / sizeof FORMATS[0] };

const assay_table_format *assay_format_find(const char *name)
{
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        if (assay_str_equal(NAMES[i], name))
            return FORMATS[i];
    }
    return NULL;
}

const char *const *assay_format_names(size_t *ret_count)
{
    *ret_count = FORMAT_COUNT;
    return NAMES;
}

/* *ret_begun: the log has its folder and no commit yet; what lies beside it is only staged. */
static assay_status has_delta_log(const char *location, assay_store *store, assay_arena *arena,
                                  bool *ret_has, bool *ret_begun, assay_error *err)
{
    assay_store_names names = {0};
    assay_path_info info = {0};
    const char *folder = assay_path_join(arena, location, "_delta_log");
    ASSAY_TRY(assay_arena_check(folder, err));
    ASSAY_TRY(assay_path_stat(folder, &info, err));
    *ret_begun = info.exists && info.is_directory;
    ASSAY_TRY(assay_store_list(store, folder, arena, &names, err));
    *ret_has = false;
    for (size_t i = 0; i < names.count && !*ret_has; i++)
        *ret_has = assay_str_ends(names.names[i], ".json") ||
                   assay_str_ends(names.names[i], ".checkpoint.parquet");
    return ASSAY_OK;
}

static assay_status has_iceberg_metadata(const char *location, assay_store *store,
                                         assay_arena *arena, bool *ret_has, assay_error *err)
{
    assay_store_names names = {0};
    const char *folder = assay_path_join(arena, location, "metadata");
    ASSAY_TRY(assay_arena_check(folder, err));
    ASSAY_TRY(assay_store_list(store, folder, arena, &names, err));
    *ret_has = false;
    for (size_t i = 0; i < names.count && !*ret_has; i++)
        *ret_has = assay_str_ends(names.names[i], ".metadata.json") ||
                   assay_str_ends(names.names[i], ".metadata.json.gz");
    return ASSAY_OK;
}

/* assay's own tables are symbolic links; foreign ones are folders of Parquet files, perhaps in
 * folders "column=value". */
static assay_status has_parquet_files(const char *location, assay_arena *arena, bool *ret_has,
                                      assay_error *err)
{
    assay_path_info info = {0};
    char **names = NULL;
    size_t count = 0;
    *ret_has = false;
    ASSAY_TRY(assay_path_stat(location, &info, err));
    if (!info.exists || !info.is_directory)
        return ASSAY_OK;
    *ret_has = info.is_link;
    ASSAY_TRY(assay_path_list(location, arena, &names, &count, err));
    for (size_t i = 0; i < count && !*ret_has; i++)
        *ret_has = names[i][0] != '.' && names[i][0] != '_' &&
                   (assay_str_ends(names[i], ".parquet") || strchr(names[i], '=') != NULL);
    return ASSAY_OK;
}

assay_status assay_format_detect(const char *location, assay_store *store,
                                 const assay_table_format **ret_format, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    bool iceberg = false, delta = false, begun = false, parquet = false;
    ASSAY_TRY(assay_arena_check(arena, err));
    if (assay_str_ends(location, ".metadata.json") || assay_str_ends(location, ".json.gz")) {
        *ret_format = &assay_iceberg_format;
        return ASSAY_OK;
    }
    ASSAY_TRY(has_iceberg_metadata(location, store, arena, &iceberg, err));
    ASSAY_TRY(has_delta_log(location, store, arena, &delta, &begun, err));
    ASSAY_TRY(has_parquet_files(location, arena, &parquet, err));
    if (iceberg && delta)
        return assay_error_set(err, ASSAY_EDATA, 4403,
                               "folder '%s' holds an Iceberg and a Delta table", location);
    *ret_format = NULL;
    if (iceberg)
        *ret_format = &assay_iceberg_format;
    else if (delta)
        *ret_format = &assay_delta_format;
    else if (parquet && !begun)
        *ret_format = &assay_parquet_format;
    return ASSAY_OK;
}
