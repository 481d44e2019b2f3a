#include "lineage/event.h"

#include "base/path.h"
#include "base/str.h"

#include <ctype.h>
#include <string.h>

/* Schemes whose names have no leading slash: object stores (OpenLineage naming). */
static const struct {
    const char *scheme, *canonical;
    bool object_store;
} schemes[] = {
    {"s3", "s3", true},     {"s3a", "s3", true},      {"s3n", "s3", true},
    {"gs", "gs", true},     {"gcs", "gs", true},      {"abfss", "abfss", true},
    {"abfs", "abfs", true}, {"wasbs", "wasbs", true}, {"wasb", "wasb", true},
    {"http", "http", true}, {"https", "https", true}, {"hdfs", "hdfs", false},
};

/* Length of "scheme:" at the beginning, 0 where there is none. */
static size_t scheme_length(const char *text)
{
    size_t length = 0;

    if (!isalpha((unsigned char)text[0]))
        return 0;
    while (isalnum((unsigned char)text[length]) || text[length] == '+' || text[length] == '-' ||
           text[length] == '.')
        length++;
    return text[length] == ':' && length > 1 ? length + 1 : 0;
}

static size_t last_slash(const char *name, size_t length)
{
    while (length > 0 && name[length - 1] != '/')
        length--;
    return length;
}

/* True where a pattern of file names says which of a folder's files are meant ("orders_*.csv", but
 * not "*.csv"): it is then the name of the dataset, or unlike files of one folder would be one
 * dataset. */
static bool is_telling(const char *pattern)
{
    if (strchr(pattern, '/') != NULL)
        return false;
    for (; *pattern != '\0' && *pattern != '.'; pattern++)
        if (isalnum((unsigned char)*pattern))
            return true;
    return false;
}

/* Takes off trailing slashes, patterns that mean a whole folder, and partition folders
 * (key=value): the dataset is what they lie in. */
static size_t trimmed_length(const char *name)
{
    size_t pattern = strcspn(name, "*?[{");
    size_t length = strlen(name);

    if (pattern < length) {
        size_t folder = last_slash(name, pattern);
        if (is_telling(name + folder))
            return length;
        length = folder;
    }

    for (;;) {
        while (length > 1 && name[length - 1] == '/')
            length--;
        size_t start = last_slash(name, length);
        const char *equal = memchr(name + start, '=', length - start);
        if (start == 0 || equal == NULL || equal == name + start)
            return length;
        length = start;
    }
}

static assay_status set_local(assay_lineage_dataset *dataset, const char *path, assay_arena *arena,
                              assay_error *err)
{
    char *name = assay_path_normal(arena, "/", path);
    ASSAY_TRY(assay_arena_check(name, err));

    name[trimmed_length(name)] = '\0';
    dataset->namespace = "file";
    dataset->name = name[0] != '\0' ? name : "/";
    dataset->source_name = "file";
    dataset->source_uri = "file:///";
    return ASSAY_OK;
}

static assay_status set_remote(assay_lineage_dataset *dataset, const char *location, size_t scheme,
                               assay_arena *arena, assay_error *err)
{
    char *given = assay_arena_text_n(arena, location, scheme - 1);
    ASSAY_TRY(assay_arena_check(given, err));
    const char *canonical = given;
    bool object_store = false;
    const char *rest = location + scheme;

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (assay_str_equal_ci(given, schemes[i].scheme)) {
            canonical = schemes[i].canonical;
            object_store = schemes[i].object_store;
        }
    while (*rest == '/' && rest < location + scheme + 2)
        rest++;
    size_t authority = strcspn(rest, "/?#");
    const char *secret = memchr(rest, '@', authority);
    bool container = object_store && canonical[0] != 'h'; /* abfss://container@account */
    if (secret != NULL && !container) {
        authority -= (size_t)(secret + 1 - rest);
        rest = secret + 1;
    }
    dataset->namespace = assay_arena_format(arena, "%s://%.*s", canonical, (int)authority, rest);
    ASSAY_TRY(assay_arena_check(dataset->namespace, err));

    const char *path = rest + authority;
    while (object_store && *path == '/')
        path++;
    char *name = assay_arena_text_n(arena, path, strcspn(path, "?#"));
    ASSAY_TRY(assay_arena_check(name, err));
    name[trimmed_length(name)] = '\0';
    dataset->name = name[0] != '\0' ? name : "/";
    dataset->source_name = dataset->namespace;
    dataset->source_uri = dataset->namespace;
    return ASSAY_OK;
}

assay_status assay_lineage_dataset_locate(assay_lineage_dataset *dataset, const char *location,
                                          assay_arena *arena, assay_error *err)
{
    size_t scheme = scheme_length(location);

    if (scheme == 0)
        return set_local(dataset, location, arena, err);
    if (!assay_str_starts(location, "file:"))
        return set_remote(dataset, location, scheme, arena, err);

    const char *path = location + scheme;
    if (assay_str_starts(path, "//")) {
        path += 2;
        path += strcspn(path, "/"); /* file://localhost/a */
    }
    return set_local(dataset, path, arena, err);
}

static const struct {
    const char *format, *layer, *framework, *catalog_type;
} formats[] = {
    {"iceberg", "iceberg", "iceberg", "hadoop"},
    {"delta", "delta", "delta", "filesystem"},
    {"parquet", "file", "assay", "filesystem"},
};

/* Pointers in a database: a JDBC catalog to everybody else. */
static assay_status set_database(assay_lineage_dataset *dataset, const char *database,
                                 assay_arena *arena, assay_error *err)
{
    dataset->catalog_type = "jdbc";
    dataset->catalog_metadata_uri = assay_arena_format(arena, "jdbc:sqlite:%s", database);
    return assay_arena_check(dataset->catalog_metadata_uri, err);
}

static assay_status set_symlink(assay_lineage_dataset *dataset, const assay_lineage_table *table,
                                const char *warehouse, assay_arena *arena, assay_error *err)
{
    assay_lineage_symlink *symlink = assay_arena_take(arena, 1, sizeof *symlink);
    ASSAY_TRY(assay_arena_check(symlink, err));

    symlink->namespace = warehouse;
    symlink->name = assay_arena_text(arena, table->table);
    symlink->type = "TABLE";
    ASSAY_TRY(assay_arena_check(symlink->name, err));
    dataset->table = symlink->name;
    dataset->symlinks = symlink;
    dataset->symlink_count = 1;
    return ASSAY_OK;
}

assay_status assay_lineage_dataset_table(assay_lineage_dataset *dataset,
                                         const assay_lineage_table *table, assay_arena *arena,
                                         assay_error *err)
{
    const char *warehouse = table->warehouse;

    ASSAY_TRY(assay_lineage_dataset_locate(dataset, table->location, arena, err));
    if (warehouse[0] == '/') {
        warehouse = assay_arena_format(arena, "file:%s", warehouse);
        ASSAY_TRY(assay_arena_check(warehouse, err));
    }
    ASSAY_TRY(set_symlink(dataset, table, warehouse, arena, err));
    dataset->dataset_type = "TABLE";
    dataset->storage_layer = table->format;
    dataset->file_format = "parquet";
    dataset->catalog_framework = table->format;
    dataset->catalog_type = "filesystem";
    dataset->catalog_name = table->catalog_name != NULL ? table->catalog_name : "assay";
    dataset->catalog_warehouse_uri = warehouse;
    dataset->catalog_metadata_uri = warehouse;
    dataset->catalog_source = "assay";
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (assay_str_equal(table->format, formats[i].format)) {
            dataset->storage_layer = formats[i].layer;
            dataset->catalog_framework = formats[i].framework;
            dataset->catalog_type = formats[i].catalog_type;
        }
    if (table->database != NULL && assay_str_equal(table->format, "iceberg"))
        return set_database(dataset, table->database, arena, err);
    return ASSAY_OK;
}

assay_status assay_lineage_dataset_database(assay_lineage_dataset *dataset,
                                            const assay_lineage_database *database,
                                            assay_arena *arena, assay_error *err)
{
    const char *namespace = NULL;

    if (assay_str_equal(database->type, "snowflake"))
    namespace = assay_arena_format(arena, "snowflake://%s", database->account);
    else namespace =
        assay_arena_format(arena, "%s://%s:%d", database->type, database->host, database->port);
    ASSAY_TRY(assay_arena_check(namespace, err));
    const char *name = assay_arena_format(arena, "%s.%s.%s", database->database, database->schema,
                                          database->table);
    ASSAY_TRY(assay_arena_check(name, err));
    dataset->namespace = namespace;
    dataset->name = name;
    dataset->source_name = namespace;
    dataset->source_uri = namespace;
    dataset->dataset_type = "TABLE";
    return ASSAY_OK;
}
