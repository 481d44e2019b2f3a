#include "table/table.h"

#include "base/str.h"

const assay_column_stats *assay_data_file_stats(const assay_data_file *file, int32_t field_id)
{
    for (size_t i = 0; i < file->stats_count; i++)
        if (file->stats[i].field_id == field_id)
            return &file->stats[i];
    return NULL;
}

const assay_snapshot *assay_table_snapshot(const assay_table *table, int64_t id)
{
    for (size_t i = 0; i < table->snapshot_count; i++)
        if (table->snapshots[i].id == id)
            return &table->snapshots[i];
    return NULL;
}

const assay_snapshot *assay_table_snapshot_at(const assay_table *table, int64_t time_us)
{
    const assay_snapshot *found = NULL;

    for (size_t i = 0; i < table->snapshot_count; i++)
        if (table->snapshots[i].timestamp_ms * 1000 <= time_us)
            found = &table->snapshots[i];
    return found;
}

const char *assay_table_property(const assay_table *table, const char *name)
{
    for (size_t i = 0; i < table->property_count; i++)
        if (assay_str_equal(table->properties[i].name, name))
            return table->properties[i].value;
    return NULL;
}
