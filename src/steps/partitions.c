#include "steps/partitions.h"

#include "base/map.h"
#include "base/str.h"

/* The values of a file's partition as one text. */
static assay_status format_partition(const assay_data_file *file, const assay_partition_spec *spec,
                                     const assay_schema *schema, assay_buf *text, assay_error *err)
{
    assay_buf_clear(text);
    for (size_t i = 0; i < spec->count; i++) {
        ASSAY_AUTO(assay_buf_done) assay_buf value = ASSAY_BUF_EMPTY;
        const assay_field *column = assay_schema_find_id(schema, spec->fields[i].source_id);
        if (column == NULL || file->partition[i].null || !file->partition[i].known) {
            assay_buf_append_text(text, "n;");
            continue;
        }
        const assay_type type =
            assay_partition_result_type(spec->fields[i].transform, &column->type);
        assay_datum_format(&value, &file->partition[i], &type);
        text->failed = text->failed || value.failed;
        assay_buf_append_format(text, "%zu:%s;", value.size, assay_buf_text(&value));
    }
    return assay_buf_check(text, err);
}

static bool has_spec(const assay_data_file *file, const assay_table *table,
                     const assay_partition_spec *spec)
{
    const assay_partition_spec *of = file->spec != NULL ? file->spec : table->spec;

    return of != NULL && assay_partition_spec_equal(of, spec) &&
           file->partition_count == spec->count;
}

assay_status assay_partitions_find(const assay_published_rows *rows,
                                   const assay_partition_spec *spec,
                                   const assay_stage_result *staged, assay_arena *arena,
                                   assay_data_file **ret_files, size_t *ret_count, assay_error *err)
{
    ASSAY_AUTO(assay_map_freep) assay_map *written = assay_map_new();
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_data_file *files = assay_arena_take(arena, rows->count + 1, sizeof *files);
    size_t count = 0;

    ASSAY_TRY(assay_arena_check(written, err));
    ASSAY_TRY(assay_arena_check(files, err));
    for (size_t i = 0; rows->count > 0 && i < staged->count; i++) {
        ASSAY_TRY(format_partition(&staged->files[i], spec, rows->schema, &text, err));
        ASSAY_TRY(assay_map_put(written, assay_buf_text(&text), &staged->files[i], err));
    }
    for (size_t i = 0; i < rows->count; i++) {
        if (!has_spec(&rows->files[i], rows->table, spec))
            return assay_error_set(err, ASSAY_EUNSUPPORTED, 4074,
                                   "table '%s' has files of another partitioning: run with "
                                   "--full-refresh",
                                   rows->table->name);
        ASSAY_TRY(format_partition(&rows->files[i], spec, rows->schema, &text, err));
        if (assay_map_has(written, assay_buf_text(&text)))
            files[count++] = rows->files[i];
    }
    *ret_files = files;
    *ret_count = count;
    return ASSAY_OK;
}
