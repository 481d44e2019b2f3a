#include "config/storage.h"

#include "base/str.h"
#include "config/read.h"
#include "config/tables.h"

#include <string.h>

static const char storage_file[] = "config/storage.yaml";

/* What the words and Java class names of other systems mean here. The first row whose `part` occurs
 * in the text (without case) counts. */
struct kind_row {
    const char *part;
    const char *kind;
    bool built;
};
static const struct kind_row catalog_rows[] = {
    {"hadoop", "folder", true},        {"folder", "folder", true},  {"glue", "glue", false},
    {"rest", "rest", false},           {"jdbc", "sqlite", true},    {"sqlite", "sqlite", true},
    {"hive", "hive", false},           {"nessie", "nessie", false}, {"dynamodb", "dynamodb", false},
    {"snowflake", "snowflake", false},
};
static const struct kind_row io_rows[] = {
    {"hadoopfileio", "local", true}, {"local", "local", true},
    {"s3fileio", "s3", false},       {"gcsfileio", "gs", false},
    {"adlsfileio", "adls", false},   {"resolvingfileio", "s3", false},
};

static bool contains_ci(const char *text, const char *part)
{
    size_t size = strlen(part);
    size_t length = strlen(text);

    for (size_t i = 0; i + size <= length; i++) {
        size_t same = 0;

        while (same < size && (text[i + same] | 0x20) == part[same])
            same++;
        if (same == size)
            return true;
    }
    return false;
}

static const struct kind_row *find_kind(const struct kind_row *rows, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (contains_ci(text, rows[i].part))
            return &rows[i];
    return NULL;
}

static assay_status check_kind(const struct kind_row *rows, size_t count, const char *text,
                               const char *what, assay_place place, const char **ret_kind,
                               assay_error *err)
{
    const struct kind_row *row = find_kind(rows, count, text);

    if (row == NULL)
        return assay_error_at(err, ASSAY_ECONFIG, 1231, place, "unknown %s '%s'", what, text);
    if (!row->built)
        return assay_error_at(err, ASSAY_EUNSUPPORTED, 1230, place,
                              "the %s '%s' (%s) is not built in this version; built is %s", what,
                              row->kind, text, rows == io_rows ? "'local'" : "'folder', 'sqlite'");
    if (ret_kind != NULL)
        *ret_kind = row->kind;
    return ASSAY_OK;
}

static bool uses_iceberg(const assay_storage_config *config)
{
    if (assay_str_equal(config->format, "iceberg"))
        return true;
    for (size_t i = 0; i < config->layer_count; i++)
        if (assay_str_equal(config->layers[i].format, "iceberg"))
            return true;
    return false;
}

/* ---- catalog ---- */

static assay_status uri_refused(const char *uri, assay_place place, assay_error *err)
{
    return assay_error_at(err, ASSAY_EUNSUPPORTED, 1230, place,
                          "the database '%s' is not built in this version; built is SQLite "
                          "(jdbc:sqlite:PATH)",
                          uri);
}

/* The path in jdbc:sqlite:PATH, in sqlite:///PATH (as PyIceberg writes it: a fourth slash begins an
 * absolute path), or the whole text. */
static assay_status read_uri(const char *uri, assay_place place, const char **ret_path,
                             assay_error *err)
{
    static const char *const BEGINNINGS[] = {"jdbc:sqlite:file:", "jdbc:sqlite:", "sqlite:///"};
    const char *path = uri;
    bool has_scheme = false;

    for (size_t i = 0; i < sizeof BEGINNINGS / sizeof BEGINNINGS[0] && !has_scheme; i++) {
        has_scheme = assay_str_starts(uri, BEGINNINGS[i]);
        if (has_scheme)
            path = uri + strlen(BEGINNINGS[i]);
    }
    if (!has_scheme && (assay_str_starts(uri, "jdbc:") || strstr(uri, "://") != NULL))
        return uri_refused(uri, place, err);
    if (path[0] == '\0' || path[0] == ':' || (has_scheme && strchr(path, '?') != NULL))
        return assay_error_at(err, ASSAY_ECONFIG, 1235, place,
                              "'%s' names no file that a catalog can be kept in", uri);
    *ret_path = path;
    return ASSAY_OK;
}

static assay_status read_catalog_options(const assay_value *tree, assay_storage_config *config,
                                         assay_error *err)
{
    const char *uri = assay_config_text(config->iceberg, "uri", NULL);
    const char *impl = assay_config_text(config->iceberg, "catalog_impl", NULL);
    const char *name = assay_config_text(config->iceberg, "catalog_name", NULL);

    if (uri != NULL)
        ASSAY_TRY(read_uri(uri, assay_config_place(config->iceberg, "uri", storage_file),
                           &config->catalog_path, err));
    if (name == NULL && impl != NULL)
        name = assay_config_text(tree, "catalog", NULL);
    config->catalog_name = name != NULL ? name : "assay";
    return ASSAY_OK;
}

/* Where iceberg.catalog_impl says what the catalog is, `catalog` is only a name for it. */
static assay_status read_catalog(const assay_value *tree, assay_storage_config *config,
                                 assay_error *err)
{
    const char *impl = assay_config_text(config->iceberg, "catalog_impl", NULL);
    const char *io = assay_config_text(config->iceberg, "io_impl", NULL);
    const char *catalog = impl != NULL ? impl : assay_config_text(tree, "catalog", NULL);
    assay_place place = impl != NULL
                            ? assay_config_place(config->iceberg, "catalog_impl", storage_file)
                            : assay_config_place(tree, "catalog", storage_file);

    if (catalog != NULL)
        ASSAY_TRY(check_kind(catalog_rows, sizeof catalog_rows / sizeof catalog_rows[0], catalog,
                             "catalog", place, &config->catalog, err));
    if (assay_str_equal(config->catalog, "sqlite"))
        ASSAY_TRY(read_catalog_options(tree, config, err));
    if (io != NULL)
        ASSAY_TRY(check_kind(io_rows, sizeof io_rows / sizeof io_rows[0], io, "file access",
                             assay_config_place(config->iceberg, "io_impl", storage_file), NULL,
                             err));
    return ASSAY_OK;
}

static assay_keep_config read_keep(const assay_value *tree, assay_keep_config otherwise)
{
    const assay_value *keep = assay_config_find(tree, "keep");

    return (assay_keep_config){(int)assay_config_int(keep, "snapshots", otherwise.snapshots),
                               (int)assay_config_int(keep, "days", otherwise.days)};
}

static assay_status read_layers(const assay_value *tree, const char *format, assay_arena *arena,
                                assay_storage_config *config, assay_error *err)
{
    const assay_value *layers = assay_config_find(tree, "layers");

    if (layers == NULL || layers->count == 0)
        return ASSAY_OK;
    config->layers = assay_arena_take(arena, layers->count, sizeof *config->layers);
    ASSAY_TRY(assay_arena_check(config->layers, err));
    config->layer_count = layers->count;
    for (size_t i = 0; i < layers->count; i++) {
        const assay_value *item = layers->items[i];
        assay_place place = assay_config_place(layers, layers->keys[i], storage_file);

        config->layers[i] = (assay_layer_storage){
            .layer = layers->keys[i],
            .format = format != NULL ? NULL : assay_config_text(item, "format", NULL),
            .has_keep = assay_config_find(item, "keep") != NULL,
            .keep = read_keep(item, config->keep),
            .line = place.line,
            .column = place.column,
        };
    }
    return ASSAY_OK;
}

static assay_status read_section(const assay_value *tree, const char *key, assay_arena *arena,
                                 assay_value **ret_section, assay_error *err)
{
    const assay_value *section = assay_config_find(tree, key);

    if (section == NULL)
        return ASSAY_OK;
    *ret_section = assay_value_copy(arena, section);
    return assay_arena_check(*ret_section, err);
}

assay_status assay_storage_config_load(const char *root, const char *format,
                                       assay_variables *variables, assay_arena *arena,
                                       assay_storage_config **ret_config, assay_error *err)
{
    assay_value *tree = NULL;

    ASSAY_TRY(assay_config_file_load(root, storage_file, true, variables, arena, &tree, err));
    ASSAY_TRY(assay_config_check(tree, &assay_table_storage, storage_file, err));

    assay_storage_config *config = assay_arena_take(arena, 1, sizeof *config);
    ASSAY_TRY(assay_arena_check(config, err));
    config->path = storage_file;
    config->format = format != NULL ? format : assay_config_text(tree, "format", "iceberg");
    config->catalog = "folder";
    config->keep = read_keep(tree, (assay_keep_config){10, 7});
    config->target_file_bytes = assay_config_size(tree, "target_file_size", 0);
    ASSAY_TRY(read_section(tree, "iceberg", arena, &config->iceberg, err));
    ASSAY_TRY(read_section(tree, "delta", arena, &config->delta, err));
    ASSAY_TRY(read_section(tree, "parquet", arena, &config->parquet, err));
    config->warehouse =
        assay_config_text(tree, "warehouse", assay_config_text(config->iceberg, "warehouse", NULL));
    config->warehouse_place = assay_config_place(tree, "warehouse", storage_file);
    ASSAY_TRY(read_layers(tree, format, arena, config, err));
    if (uses_iceberg(config))
        ASSAY_TRY(read_catalog(tree, config, err));
    *ret_config = config;
    return ASSAY_OK;
}

assay_status assay_storage_local_path(const char *warehouse, assay_place place,
                                      const char **ret_path, assay_error *err)
{
    const char *scheme = strstr(warehouse, "://");

    if (warehouse[0] == '\0')
        return assay_error_at(err, ASSAY_ECONFIG, 1233, place, "the warehouse is empty");
    if (scheme == NULL) {
        *ret_path = warehouse;
        return ASSAY_OK;
    }
    if (assay_str_starts(warehouse, "file:///")) {
        *ret_path = warehouse + strlen("file://");
        return ASSAY_OK;
    }
    return assay_error_at(err, ASSAY_EUNSUPPORTED, 1232, place,
                          "the warehouse '%s' is not on local disk: '%.*s' is not built in this "
                          "version",
                          warehouse, (int)(scheme - warehouse), warehouse);
}

const char *assay_storage_format(const assay_storage_config *config, const char *layer)
{
    for (size_t i = 0; i < config->layer_count; i++)
        if (assay_str_equal(config->layers[i].layer, layer) && config->layers[i].format != NULL)
            return config->layers[i].format;
    return config->format;
}

assay_keep_config assay_storage_keep(const assay_storage_config *config, const char *layer)
{
    for (size_t i = 0; i < config->layer_count; i++)
        if (assay_str_equal(config->layers[i].layer, layer) && config->layers[i].has_keep)
            return config->layers[i].keep;
    return config->keep;
}

assay_value *assay_storage_options(const assay_storage_config *config, const char *format)
{
    if (assay_str_equal(format, "iceberg"))
        return config->iceberg;
    if (assay_str_equal(format, "delta"))
        return config->delta;
    return assay_str_equal(format, "parquet") ? config->parquet : NULL;
}
