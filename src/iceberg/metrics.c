#include <stdlib.h>
#include <string.h>

#include "iceberg/bounds.h"
#include "iceberg/schema_json.h"
#include "iceberg/table_data.h"

/* Leaf columns that get bounds: Java's write.metadata.metrics.max-inferred-column-defaults. */
enum { BOUNDED_COLUMNS = 100 };

struct builder {
    const assay_data_file *file;
    assay_arena *arena;
    assay_error *err;
    assay_iceberg_metric *metrics;
    size_t count, capacity;
    size_t leaves;
};

static assay_status encode(const struct builder *builder, const assay_datum *bound, bool upper,
                           assay_iceberg_bytes *ret_bytes)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    const assay_datum cut = assay_iceberg_bound_cut(bound, upper, builder->arena);
    if (!assay_iceberg_bound_encode(&cut, &buf))
        return ASSAY_OK;
    ASSAY_TRY(assay_buf_check(&buf, builder->err));
    ret_bytes->bytes = assay_arena_bytes(builder->arena, assay_buf_text(&buf), buf.size + 1);
    ret_bytes->size = buf.size;
    return assay_arena_check(ret_bytes->bytes, builder->err);
}

/* Bounds the wrong way round would hide rows: then there are none. */
static bool is_ordered(const assay_column_stats *stats)
{
    if (!stats->lower.known || !stats->upper.known || stats->lower.null || stats->upper.null)
        return true;
    return assay_datum_compare(&stats->lower, &stats->upper) <= 0;
}

static assay_status add_metric(struct builder *builder, int32_t field_id)
{
    const assay_column_stats *stats = assay_data_file_stats(builder->file, field_id);
    builder->leaves++;
    if (stats == NULL || builder->count == builder->capacity)
        return ASSAY_OK;
    assay_iceberg_metric *metric = &builder->metrics[builder->count++];
    *metric = (assay_iceberg_metric){.field_id = field_id,
                                     .column_size = stats->column_size,
                                     .value_count = stats->value_count,
                                     .null_count = stats->null_count,
                                     .nan_count = stats->nan_count};
    if (builder->leaves > BOUNDED_COLUMNS || !is_ordered(stats))
        return ASSAY_OK;
    ASSAY_TRY(encode(builder, &stats->lower, false, &metric->lower));
    return encode(builder, &stats->upper, true, &metric->upper);
}

/* Leaves of structs only: the counts of list and map leaves are those of their parents. */
static assay_status walk(struct builder *builder, const assay_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const assay_type *type = &fields[i].type;
        if (type->kind == ASSAY_TYPE_STRUCT)
            ASSAY_TRY(walk(builder, type->fields, type->field_count));
        else if (type->kind != ASSAY_TYPE_LIST && type->kind != ASSAY_TYPE_MAP)
            ASSAY_TRY(add_metric(builder, fields[i].id));
    }
    return ASSAY_OK;
}

static int compare_metrics(const void *a, const void *b)
{
    const assay_iceberg_metric *left = a, *right = b;
    return (left->field_id > right->field_id) - (left->field_id < right->field_id);
}

assay_status assay_iceberg_entry_new(const assay_data_file *file, const assay_schema *schema,
                                     const assay_iceberg_location *location, assay_arena *arena,
                                     assay_iceberg_entry *ret_entry, assay_error *err)
{
    struct builder builder = {.file = file,
                              .arena = arena,
                              .err = err,
                              .capacity = file->stats_count};
    builder.metrics = assay_arena_take(arena, file->stats_count + 1, sizeof *builder.metrics);
    ASSAY_TRY(assay_arena_check(builder.metrics, err));
    ASSAY_TRY(walk(&builder, schema->fields, schema->count));
    if (builder.count > 0)
        qsort(builder.metrics, builder.count, sizeof *builder.metrics, compare_metrics);
    *ret_entry = (assay_iceberg_entry){
        .status = ASSAY_ICEBERG_ADDED,
        .snapshot_id = -1,
        .sequence = -1,
        .file_sequence = -1,
        .content = ASSAY_ICEBERG_DATA,
        .path = assay_iceberg_location_recorded(location, file->path, arena),
        .file_format = "PARQUET",
        .partition = file->partition,
        .rows = file->rows,
        .size = file->size,
        .metrics = builder.metrics,
        .metric_count = builder.count,
        .split_offsets = file->split_offsets,
        .split_count = file->split_offsets != NULL ? file->split_count : 0,
        .sort_order_id = -1,
    };
    return assay_arena_check(ret_entry->path, err);
}
