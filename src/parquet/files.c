#include <string.h>

#include "base/path.h"
#include "parquet/manifest.h"
#include "text/json.h"

/* ---- writing ---- */

/* Bounds are DuckDB's text, which comes back exactly; those of BLOBs are left out. */
static assay_status write_datum(assay_json_writer *writer, const char *key,
                                const assay_datum *datum, const assay_type *type, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;

    if (!datum->known || datum->null || datum->kind != type->kind ||
        type->kind == ASSAY_TYPE_BINARY)
        return ASSAY_OK;
    assay_datum_format(&text, datum, type);
    ASSAY_TRY(assay_buf_check(&text, err));
    assay_json_key(writer, key);
    assay_json_text(writer, assay_buf_text(&text));
    return ASSAY_OK;
}

static void write_count(assay_json_writer *writer, const char *key, int64_t value)
{
    if (value < 0)
        return;
    assay_json_key(writer, key);
    assay_json_int(writer, value);
}

static assay_status write_stats(assay_json_writer *writer, const assay_column_stats *stats,
                                const assay_schema *schema, assay_error *err)
{
    const assay_field *field = assay_schema_find_id(schema, stats->field_id);

    if (field == NULL)
        return ASSAY_OK;
    assay_json_begin_map(writer);
    assay_json_key(writer, "id");
    assay_json_int(writer, stats->field_id);
    write_count(writer, "size", stats->column_size);
    write_count(writer, "values", stats->value_count);
    write_count(writer, "nulls", stats->null_count);
    write_count(writer, "nans", stats->nan_count);
    ASSAY_TRY(write_datum(writer, "lower", &stats->lower, &field->type, err));
    ASSAY_TRY(write_datum(writer, "upper", &stats->upper, &field->type, err));
    assay_json_end_map(writer);
    return ASSAY_OK;
}

static assay_type value_type(const assay_parquet_version *version, size_t index)
{
    const assay_partition_field *field = &version->spec->fields[index];
    const assay_field *column = assay_schema_find_id(version->schema, field->source_id);
    assay_type none = {.kind = ASSAY_TYPE_STRING};

    return column == NULL ? none : assay_partition_result_type(field->transform, &column->type);
}

/* A partition value is {"value": text}, {"null": true}, or {} where it is not known. */
static assay_status write_partition(assay_json_writer *writer, const assay_parquet_version *version,
                                    const assay_data_file *file, assay_error *err)
{
    assay_json_key(writer, "partition");
    assay_json_begin_list(writer);
    for (size_t i = 0; i < version->spec->count && i < file->partition_count; i++) {
        assay_type type = value_type(version, i);

        assay_json_begin_map(writer);
        if (file->partition[i].known && file->partition[i].null) {
            assay_json_key(writer, "null");
            assay_json_bool(writer, true);
        }
        ASSAY_TRY(write_datum(writer, "value", &file->partition[i], &type, err));
        assay_json_end_map(writer);
    }
    assay_json_end_list(writer);
    return ASSAY_OK;
}

static assay_status write_file(assay_json_writer *writer, const assay_parquet_version *version,
                               const assay_data_file *file, assay_error *err)
{
    assay_json_begin_map(writer);
    assay_json_key(writer, "name");
    assay_json_text(writer, assay_path_base(file->path));
    assay_json_key(writer, "rows");
    assay_json_int(writer, file->rows);
    assay_json_key(writer, "size");
    assay_json_int(writer, file->size);
    assay_json_key(writer, "spec-id");
    assay_json_int(writer, file->spec_id);
    assay_json_key(writer, "version");
    assay_json_int(writer, file->sequence < 0 ? version->snapshot.id : file->sequence);
    ASSAY_TRY(write_partition(writer, version, file, err));
    assay_json_key(writer, "columns");
    assay_json_begin_list(writer);
    for (size_t i = 0; i < file->stats_count; i++)
        ASSAY_TRY(write_stats(writer, &file->stats[i], version->schema, err));
    assay_json_end_list(writer);
    assay_json_end_map(writer);
    return ASSAY_OK;
}

assay_status assay_parquet_files_write(const assay_parquet_version *version,
                                       const assay_data_file *const *files, size_t count,
                                       assay_arena *arena, assay_buf *out, assay_error *err)
{
    assay_json_writer writer = assay_json_writer_init(out);

    (void)arena;
    assay_json_begin_map(&writer);
    assay_json_key(&writer, "format-version");
    assay_json_int(&writer, 1);
    assay_json_key(&writer, "files");
    assay_json_begin_list(&writer);
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(write_file(&writer, version, files[i], err));
    assay_json_end_list(&writer);
    assay_json_end_map(&writer);
    assay_buf_append_char(out, '\n');
    return assay_buf_check(out, err);
}

/* ---- reading ---- */

static assay_datum read_datum(const assay_value *node, const char *key, const assay_type *type,
                              assay_arena *arena)
{
    const char *text = assay_value_find_text(node, key, NULL);
    assay_datum none = {.known = false, .kind = type->kind};

    return text == NULL ? none : assay_datum_parse(text, type, arena);
}

static assay_status read_stats(const assay_value *list, const assay_schema *schema,
                               assay_arena *arena, assay_data_file *file, assay_error *err)
{
    size_t count = list == NULL || list->kind != ASSAY_VALUE_LIST ? 0 : list->count;

    file->stats = assay_arena_take(arena, count + 1, sizeof(*file->stats));
    ASSAY_TRY(assay_arena_check(file->stats, err));
    for (size_t i = 0; i < count; i++) {
        const assay_value *node = list->items[i];
        int32_t id = (int32_t)assay_value_find_int(node, "id", 0);
        const assay_field *field = assay_schema_find_id(schema, id);

        if (field == NULL)
            continue;
        file->stats[file->stats_count++] =
            (assay_column_stats){.field_id = id,
                                 .column_size = assay_value_find_int(node, "size", -1),
                                 .value_count = assay_value_find_int(node, "values", -1),
                                 .null_count = assay_value_find_int(node, "nulls", -1),
                                 .nan_count = assay_value_find_int(node, "nans", -1),
                                 .lower = read_datum(node, "lower", &field->type, arena),
                                 .upper = read_datum(node, "upper", &field->type, arena)};
    }
    return ASSAY_OK;
}

static assay_status read_partition(const assay_value *list, const assay_parquet_version *version,
                                   assay_arena *arena, assay_data_file *file, assay_error *err)
{
    size_t count = list == NULL || list->kind != ASSAY_VALUE_LIST ? 0 : list->count;

    file->partition_count = version->spec->count;
    file->partition = assay_arena_take(arena, version->spec->count + 1, sizeof(assay_datum));
    ASSAY_TRY(assay_arena_check(file->partition, err));
    for (size_t i = 0; i < version->spec->count && i < count; i++) {
        assay_type type = value_type(version, i);

        file->partition[i] = read_datum(list->items[i], "value", &type, arena);
        if (assay_value_find_bool(list->items[i], "null", false)) {
            file->partition[i].known = true;
            file->partition[i].null = true;
        }
    }
    return ASSAY_OK;
}

static assay_status read_file(const assay_value *node, const char *folder,
                              const assay_parquet_version *version, assay_arena *arena,
                              assay_data_file *file, assay_error *err)
{
    const char *name = assay_value_find_text(node, "name", NULL);

    if (name == NULL || strchr(name, '/') != NULL)
        return assay_error_set(err, ASSAY_EDATA, 4301,
                               "'%s/_assay/files.json' is damaged: a file "
                               "has no name",
                               folder);
    file->path = assay_path_join(arena, folder, name);
    ASSAY_TRY(assay_arena_check(file->path, err));
    file->rows = assay_value_find_int(node, "rows", -1);
    file->size = assay_value_find_int(node, "size", -1);
    file->spec_id = (int32_t)assay_value_find_int(node, "spec-id", 0);
    file->sequence = assay_value_find_int(node, "version", 0);
    file->snapshot_id = file->sequence;
    file->own = true;
    file->spec = version->spec;
    ASSAY_TRY(read_stats(assay_value_find(node, "columns"), version->schema, arena, file, err));
    /* Values of another partitioning say nothing in this one. */
    if (file->spec_id != version->spec->id)
        node = NULL;
    return read_partition(assay_value_find(node, "partition"), version, arena, file, err);
}

assay_status assay_parquet_files_load(const assay_parquet_place *place,
                                      const assay_parquet_version *version, int64_t number,
                                      assay_arena *arena, assay_data_file **ret_files,
                                      size_t *ret_count, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    char *folder = assay_parquet_version_path(place, number, arena);
    char *path = folder == NULL ? NULL : assay_path_join(arena, folder, "_assay/files.json");
    assay_value *root = NULL;
    const assay_value *list = NULL;
    assay_data_file *files = NULL;
    assay_status status = ASSAY_OK;

    ASSAY_TRY(assay_arena_check(path, err));
    ASSAY_TRY(assay_path_read(path, ASSAY_PARQUET_MANIFEST_BYTES_MAX, &text, err));
    status = assay_json_parse(assay_buf_text(&text), text.size, path, arena, &root, err);
    if (status == ASSAY_ENOMEM)
        return status;
    if (status != ASSAY_OK)
        return assay_error_set(err, ASSAY_EDATA, 4301, "'%s' is damaged: not JSON", path);
    list = assay_value_find(root, "files");
    if (list == NULL || list->kind != ASSAY_VALUE_LIST)
        return assay_error_set(err, ASSAY_EDATA, 4301, "'%s' is damaged: it lists no files", path);
    files = assay_arena_take(arena, list->count + 1, sizeof(*files));
    ASSAY_TRY(assay_arena_check(files, err));
    for (size_t i = 0; i < list->count; i++)
        ASSAY_TRY(read_file(list->items[i], folder, version, arena, &files[i], err));
    *ret_files = files;
    *ret_count = list->count;
    return ASSAY_OK;
}
