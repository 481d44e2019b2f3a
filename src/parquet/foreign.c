#include <string.h>

#include "base/map.h"
#include "base/path.h"
#include "base/str.h"
#include "base/vec.h"
#include "parquet/loaded.h"

enum { FOLDER_DEPTH_MAX = 32, FILES_MAX = 100000, FIRST_FIELD_ID = 1000, NS_PER_MS = 1000000 };

static const char hive_null[] = "__HIVE_DEFAULT_PARTITION__";

struct finder {
    const char *root;
    assay_arena *arena;
    assay_vec files; /* assay_data_file */
    int64_t newest_ms;
    uint64_t hash; /* of names, sizes and times: the folder's version */
    bool hive;
};

static void finder_done(struct finder *finder)
{
    assay_vec_done(&finder->files);
}

static assay_status take_file(struct finder *finder, const char *path, const assay_path_info *info,
                              assay_error *err)
{
    assay_data_file file = {
        .path = path, .rows = -1, .size = info->size, .sequence = 0, .snapshot_id = 0};
    int64_t facts[3] = {(int64_t)assay_map_hash(path, strlen(path)), info->size, info->mtime_ns};

    if (finder->files.count >= FILES_MAX)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4308,
                               "'%s' holds more than %d Parquet files", finder->root,
                               (int)FILES_MAX);
    finder->hash = finder->hash * 31 + assay_map_hash(facts, sizeof(facts));
    if (info->mtime_ns / NS_PER_MS > finder->newest_ms)
        finder->newest_ms = info->mtime_ns / NS_PER_MS;
    return assay_vec_push(&finder->files, &file, err);
}

static assay_status find(struct finder *finder, const char *folder, int depth, assay_error *err)
{
    char **names = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_path_list(folder, finder->arena, &names, &count, err));
    for (size_t i = 0; depth < FOLDER_DEPTH_MAX && i < count; i++) {
        char *path = assay_path_join(finder->arena, folder, names[i]);
        assay_path_info info = {.exists = false};

        ASSAY_TRY(assay_arena_check(path, err));
        if (names[i][0] == '.' || names[i][0] == '_')
            continue;
        ASSAY_TRY(assay_path_stat(path, &info, err));
        if (info.is_directory) {
            finder->hive = finder->hive || strchr(names[i], '=') != NULL;
            ASSAY_TRY(find(finder, path, depth + 1, err));
        } else if (info.exists && assay_str_ends(names[i], ".parquet")) {
            ASSAY_TRY(take_file(finder, path, &info, err));
        }
    }
    return ASSAY_OK;
}

static void append_files(const struct finder *finder, assay_buf *sql)
{
    assay_buf_append_char(sql, '[');
    for (size_t i = 0; i < finder->files.count; i++) {
        const assay_data_file *file = assay_vec_at(&finder->files, i);

        assay_buf_append_text(sql, i > 0 ? ", " : "");
        assay_sql_append_text(sql, file->path);
    }
    assay_buf_append_char(sql, ']');
}

static assay_status read_schema(const struct finder *finder, assay_conn *conn, assay_table *table,
                                assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_column *columns = NULL;
    size_t count = 0;

    assay_buf_append_text(&sql, "SELECT * FROM read_parquet(");
    append_files(finder, &sql);
    assay_buf_append_format(&sql, ", union_by_name = true, hive_partitioning = %s)",
                            finder->hive ? "true" : "false");
    ASSAY_TRY(assay_buf_check(&sql, err));
    if (assay_conn_describe(conn, assay_buf_text(&sql), table->arena, &columns, &count, err) !=
        ASSAY_OK)
        return assay_error_wrap(err, "reading the Parquet files of '%s'", finder->root);
    return assay_schema_from_columns(columns, count, table->arena, &table->schema, err);
}

static assay_status read_rows(struct finder *finder, assay_conn *conn, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_map_freep) assay_map *by_path = assay_map_new();
    assay_rows *rows = NULL;

    ASSAY_TRY(assay_arena_check(by_path, err));
    for (size_t i = 0; i < finder->files.count; i++) {
        assay_data_file *file = assay_vec_at(&finder->files, i);
        ASSAY_TRY(assay_map_put(by_path, file->path, file, err));
    }
    assay_buf_append_text(&sql, "SELECT file_name, num_rows FROM parquet_file_metadata(");
    append_files(finder, &sql);
    assay_buf_append_text(&sql, ")");
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_query(conn, assay_buf_text(&sql), 0, finder->arena, &rows, err));
    for (size_t i = 0; i < rows->count; i++) {
        const char *path = rows->cells[i][0]->text;
        assay_data_file *file = path == NULL ? NULL : assay_map_find(by_path, path);

        if (file != NULL && rows->cells[i][1]->kind == ASSAY_VALUE_INT)
            file->rows = rows->cells[i][1]->integer;
    }
    return ASSAY_OK;
}

static int hex_value(char c)
{
    const char *found = c == '\0' ? NULL : strchr("0123456789abcdef0123456789ABCDEF", c);

    return found == NULL ? -1 : (int)((found - "0123456789abcdef0123456789ABCDEF") % 16);
}

/* Hive escapes names and values as %XX. */
static char *unescape(const char *text, size_t size, assay_arena *arena)
{
    char *out = assay_arena_take(arena, size + 1, 1);
    size_t used = 0;

    for (size_t i = 0; out != NULL && i < size; i++) {
        int high = text[i] == '%' && i + 2 < size ? hex_value(text[i + 1]) : -1;
        int low = high >= 0 ? hex_value(text[i + 2]) : -1;

        if (low >= 0) {
            out[used++] = (char)(high * 16 + low);
            i += 2;
        } else {
            out[used++] = text[i];
        }
    }
    return out;
}

/* The value of folder `name=..` on the way from the root to the file; NULL if none. */
static assay_status folder_value(const struct finder *finder, const char *path, const char *name,
                                 char **ret_value, assay_error *err)
{
    const char *at = assay_path_relative(finder->root, path);

    *ret_value = NULL;
    for (const char *end = strchr(at, '/'); end != NULL; at = end + 1, end = strchr(at, '/')) {
        const char *equal = memchr(at, '=', (size_t)(end - at));
        char *key = NULL;

        if (equal == NULL)
            continue;
        key = unescape(at, (size_t)(equal - at), finder->arena);
        ASSAY_TRY(assay_arena_check(key, err));
        if (!assay_str_equal_ci(key, name))
            continue;
        *ret_value = unescape(equal + 1, (size_t)(end - equal - 1), finder->arena);
        return assay_arena_check(*ret_value, err);
    }
    return ASSAY_OK;
}

static assay_status read_spec(struct finder *finder, assay_table *table, assay_error *err)
{
    const assay_data_file *first = assay_vec_at(&finder->files, 0);
    assay_partition_spec *spec = table->spec;

    spec->fields = assay_arena_take(table->arena, table->schema->count + 1, sizeof(*spec->fields));
    ASSAY_TRY(assay_arena_check(spec->fields, err));
    for (size_t i = 0; finder->hive && i < table->schema->count; i++) {
        const assay_field *column = &table->schema->fields[i];
        char *value = NULL;

        ASSAY_TRY(folder_value(finder, first->path, column->name, &value, err));
        if (value != NULL)
            spec->fields[spec->count++] =
                (assay_partition_field){.source_id = column->id,
                                        .field_id = (int32_t)(FIRST_FIELD_ID + i),
                                        .name = column->name,
                                        .transform = ASSAY_TRANSFORM_IDENTITY,
                                        .transform_text = "identity"};
    }
    return ASSAY_OK;
}

static assay_status read_partition(const struct finder *finder, const assay_table *table,
                                   assay_data_file *file, assay_error *err)
{
    const assay_partition_spec *spec = table->spec;

    file->partition_count = spec->count;
    file->partition = assay_arena_take(finder->arena, spec->count + 1, sizeof(assay_datum));
    ASSAY_TRY(assay_arena_check(file->partition, err));
    for (size_t i = 0; i < spec->count; i++) {
        const assay_field *column = assay_schema_find_id(table->schema, spec->fields[i].source_id);
        char *value = NULL;

        ASSAY_TRY(folder_value(finder, file->path, spec->fields[i].name, &value, err));
        if (value != NULL && strcmp(value, hive_null) == 0)
            value = NULL;
        file->partition[i] = assay_datum_parse(value, &column->type, finder->arena);
    }
    return ASSAY_OK;
}

static assay_status make_snapshot(const struct finder *finder, assay_table *table, assay_error *err)
{
    assay_snapshot *snapshot = assay_arena_take(table->arena, 1, sizeof(*snapshot));
    int64_t rows = 0, bytes = 0;

    ASSAY_TRY(assay_arena_check(snapshot, err));
    for (size_t i = 0; i < finder->files.count; i++) {
        const assay_data_file *file = assay_vec_at(&finder->files, i);
        rows = rows < 0 || file->rows < 0 ? -1 : rows + file->rows;
        bytes += file->size;
    }
    *snapshot = (assay_snapshot){.id = (int64_t)(finder->hash & INT64_MAX),
                                 .parent = -1,
                                 .number = 1,
                                 .timestamp_ms = finder->newest_ms,
                                 .operation = "append",
                                 .rows = rows,
                                 .files = (int64_t)finder->files.count,
                                 .bytes = bytes,
                                 .added_rows = rows,
                                 .removed_rows = 0};
    table->snapshots = snapshot;
    table->snapshot_count = 1;
    table->current = snapshot;
    return ASSAY_OK;
}

/* The live files of other formats are not those that lie in the folder. */
static assay_status check_plain(const char *folder, assay_arena *arena, assay_error *err)
{
    static const char *const marks[] = {"_delta_log", "metadata/version-hint.text", ".hoodie"};

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        char *path = assay_path_join(arena, folder, marks[i]);
        assay_path_info info = {.exists = false};

        ASSAY_TRY(assay_arena_check(path, err));
        ASSAY_TRY(assay_path_stat(path, &info, err));
        if (info.exists)
            return assay_error_set(err, ASSAY_EUNSUPPORTED, 4312,
                                   "'%s' is a table of another format: it has '%s'", folder,
                                   marks[i]);
    }
    return ASSAY_OK;
}

assay_status assay_parquet_load_foreign(assay_parquet_loaded *loaded, assay_conn *conn,
                                        assay_table *table, assay_error *err)
{
    ASSAY_AUTO(finder_done)
    struct finder finder = {.root = loaded->place.location,
                            .arena = table->arena,
                            .files = ASSAY_VEC_OF(assay_data_file)};

    ASSAY_TRY(check_plain(finder.root, table->arena, err));
    ASSAY_TRY(find(&finder, finder.root, 0, err));
    if (finder.files.count == 0)
        return ASSAY_OK;
    if (conn == NULL)
        return assay_error_set(err, ASSAY_EINVAL, 4309,
                               "a connection is needed to read the folder '%s'", finder.root);
    ASSAY_TRY(read_schema(&finder, conn, table, err));
    ASSAY_TRY(read_rows(&finder, conn, err));
    ASSAY_TRY(read_spec(&finder, table, err));
    for (size_t i = 0; i < finder.files.count; i++)
        ASSAY_TRY(read_partition(&finder, table, assay_vec_at(&finder.files, i), err));
    ASSAY_TRY(make_snapshot(&finder, table, err));
    loaded->foreign = true;
    table->exists = true;
    return assay_vec_to_arena(&finder.files, table->arena, &loaded->files, &loaded->file_count,
                              err);
}
