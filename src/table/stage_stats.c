#include "table/stage_stats.h"

#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"

/* ---- which leaf is it ---- */

struct leaf {
    const assay_field *field;
    const assay_type *stored;
    bool repeated; /* inside a list or map */
};

/* Walks a column path down the schema; the names of list and map parts are the engine's. */
static bool find_leaf(const assay_stage_plan *plan, const assay_written_column *written,
                      struct leaf *ret_leaf)
{
    const assay_field *fields = NULL;
    struct leaf leaf = {NULL, NULL, false};

    for (size_t i = 0; i < plan->request->schema->count && leaf.field == NULL; i++)
        if (assay_str_equal(plan->columns[i].field->name, written->path[0]))
            leaf = (struct leaf){plan->columns[i].field, &plan->columns[i].stored, false};
    for (size_t depth = 1; leaf.field != NULL && depth < written->depth; depth++) {
        const assay_type *type = leaf.stored;
        leaf.repeated = leaf.repeated || type->kind != ASSAY_TYPE_STRUCT;
        fields = leaf.field->type.fields;
        leaf.field = NULL;
        for (size_t i = 0; i < type->field_count && leaf.field == NULL; i++) {
            if (assay_str_equal(fields[i].name, written->path[depth])) {
                leaf.field = &fields[i];
                leaf.stored = &type->fields[i].type;
            }
        }
    }
    *ret_leaf = leaf;
    return leaf.field != NULL && !assay_type_is_nested(leaf.stored);
}

/* ---- what the table cannot hold ---- */

static bool is_time_like(assay_type_kind kind)
{
    return kind == ASSAY_TYPE_DATE || kind == ASSAY_TYPE_TIMESTAMP ||
           kind == ASSAY_TYPE_TIMESTAMPTZ;
}

static int64_t year_of(const assay_datum *datum)
{
    int64_t days = datum->integer;
    int64_t year = 0;
    int month = 0;
    int day = 0;

    if (datum->kind != ASSAY_TYPE_DATE) {
        const int64_t day_us = INT64_C(86400) * 1000000;
        days = datum->integer / day_us - (datum->integer % day_us < 0 ? 1 : 0);
    }
    assay_time_civil_from_days(days, &year, &month, &day);
    return year;
}

static assay_status check_range(const struct leaf *leaf, const char *text, const assay_datum *bound,
                                const char *column, assay_error *err)
{
    if (text == NULL || !is_time_like(leaf->stored->kind))
        return ASSAY_OK;
    if (bound->known && year_of(bound) >= 1 && year_of(bound) <= 9999)
        return ASSAY_OK;
    return assay_error_set(err, ASSAY_EDATA, 4030,
                           "column '%s' has the value '%s'; tables hold the years 1 to 9999",
                           column, text);
}

/* ---- not a number ---- */

/* Float leaves that hide a NaN: the writer's has_nan is that of the last row group only (DuckDB
 * 1.5.5), but a group with NaN has no min and max. Keys are "path\nleaf, of, column". */
static assay_status find_hidden_nans(assay_conn *conn, const assay_written_file *written,
                                     size_t count, assay_map *hidden, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_rows *rows = NULL;

    ASSAY_TRY(assay_arena_check(arena, err));
    assay_buf_append_text(&sql, "SELECT DISTINCT file_name || chr(10) || path_in_schema "
                                "FROM parquet_metadata([");
    for (size_t i = 0; i < count; i++) {
        assay_buf_append_text(&sql, i > 0 ? ", " : "");
        assay_sql_append_text(&sql, written[i].path);
    }
    assay_buf_append_text(&sql, "]) WHERE type IN ('FLOAT', 'DOUBLE') AND stats_min_value IS NULL "
                                "AND (stats_null_count IS NULL OR stats_null_count < num_values)");
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_query(conn, assay_buf_text(&sql), 0, arena, &rows, err));
    for (size_t i = 0; i < rows->count; i++)
        ASSAY_TRY(assay_map_put(hidden, rows->cells[i][0]->text, hidden, err));
    return ASSAY_OK;
}

static assay_status is_hidden_nan(const assay_map *hidden, const assay_written_file *file,
                                  const assay_written_column *column, bool *ret_hidden,
                                  assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf key = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&key, file->path);
    for (size_t i = 0; i < column->depth; i++) {
        assay_buf_append_text(&key, i > 0 ? ", " : "\n");
        assay_buf_append_text(&key, column->path[i]);
    }
    ASSAY_TRY(assay_buf_check(&key, err));
    *ret_hidden = assay_map_has(hidden, assay_buf_text(&key));
    return ASSAY_OK;
}

static bool is_float(const struct leaf *leaf)
{
    return leaf->stored->kind == ASSAY_TYPE_FLOAT || leaf->stored->kind == ASSAY_TYPE_DOUBLE;
}

/* ---- one file ---- */

struct reading {
    assay_conn *conn;
    const assay_stage_plan *plan;
    const assay_map *hidden;
    assay_arena *arena;
};

static assay_status read_bounds(const struct reading *reading, const struct leaf *leaf,
                                const assay_written_file *file, const assay_written_column *column,
                                assay_column_stats *stats, assay_error *err)
{
    bool nan = column->has_nan != 0;

    if (is_float(leaf)) {
        if (!nan)
            ASSAY_TRY(is_hidden_nan(reading->hidden, file, column, &nan, err));
        stats->nan_count = nan ? -1 : 0;
        if (nan)
            return ASSAY_OK;
    }
    stats->lower = column->min != NULL
                       ? assay_datum_parse(column->min, leaf->stored, reading->arena)
                       : (assay_datum){.known = false};
    stats->upper = column->max != NULL
                       ? assay_datum_parse(column->max, leaf->stored, reading->arena)
                       : (assay_datum){.known = false};
    ASSAY_TRY(check_range(leaf, column->min, &stats->lower, column->path[0], err));
    return check_range(leaf, column->max, &stats->upper, column->path[0], err);
}

static assay_status read_column(const struct reading *reading, const assay_written_file *file,
                                const assay_written_column *column, assay_data_file *ret_file,
                                assay_error *err)
{
    struct leaf leaf = {NULL, NULL, false};
    assay_column_stats stats = {.nan_count = 0};

    if (!find_leaf(reading->plan, column, &leaf))
        return assay_error_set(err, ASSAY_EINTERNAL, 3018,
                               "the engine wrote the column '%s', which the schema does not have",
                               column->path[0]);
    stats.field_id = leaf.field->id;
    stats.column_size = column->column_size;
    stats.value_count = column->num_values;
    stats.null_count = column->null_count;
    ASSAY_TRY(read_bounds(reading, &leaf, file, column, &stats, err));
    if (leaf.field->required && column->depth == 1 && column->null_count > 0)
        return assay_error_set(err, ASSAY_EDATA, 4032,
                               "column '%s' is required and has %lld NULL values", column->path[0],
                               (long long)column->null_count);
    /* Counts and bounds of repeated values say nothing of rows. */
    if (!leaf.repeated)
        ret_file->stats[ret_file->stats_count++] = stats;
    return ASSAY_OK;
}

static assay_status read_partition(const struct reading *reading, const assay_written_file *file,
                                   size_t index, assay_datum *ret_datum, assay_error *err)
{
    const assay_partition_field *field = &reading->plan->request->spec->fields[index];
    char name[ASSAY_STAGE_PARTITION_NAME_SIZE];
    assay_type type = {.kind = ASSAY_TYPE_INT32};

    assay_stage_partition_name(index, name);
    for (size_t i = 0; i < reading->plan->request->schema->count; i++)
        if (reading->plan->columns[i].field->id == field->source_id)
            type = assay_partition_result_type(field->transform, &reading->plan->columns[i].stored);
    for (size_t i = 0; i < file->partition_count; i++) {
        if (!assay_str_equal(file->partition_names[i], name))
            continue;
        *ret_datum = assay_datum_parse(file->partition_values[i], &type, reading->arena);
        if (ret_datum->known)
            return ASSAY_OK;
        return assay_error_set(err, ASSAY_EDATA, 4030,
                               "partition '%s' has the value '%s', which the table cannot hold",
                               field->name, file->partition_values[i]);
    }
    return assay_error_set(err, ASSAY_EINTERNAL, 3018,
                           "the engine gives no value of partition '%s'", field->name);
}

static assay_status read_file(const struct reading *reading, const assay_written_file *written,
                              assay_data_file *file, assay_error *err)
{
    const assay_partition_spec *spec = reading->plan->request->spec;

    file->path = written->path;
    file->rows = written->rows;
    file->size = written->size;
    file->spec_id = spec->id;
    file->sequence = -1;
    file->snapshot_id = -1;
    file->own = true;
    file->stats = assay_arena_take(reading->arena, written->column_count + 1, sizeof *file->stats);
    file->partition = assay_arena_take(reading->arena, spec->count + 1, sizeof *file->partition);
    if (file->stats == NULL || file->partition == NULL)
        return assay_error_nomem(err);
    for (size_t i = 0; i < written->column_count; i++)
        ASSAY_TRY(read_column(reading, written, &written->columns[i], file, err));
    file->partition_count = spec->count;
    for (size_t i = 0; i < spec->count; i++)
        ASSAY_TRY(read_partition(reading, written, i, &file->partition[i], err));
    return ASSAY_OK;
}

static bool writes_floats(const assay_type *type)
{
    if (type->kind == ASSAY_TYPE_FLOAT || type->kind == ASSAY_TYPE_DOUBLE)
        return true;
    for (size_t i = 0; i < type->field_count; i++)
        if (writes_floats(&type->fields[i].type))
            return true;
    return false;
}

static bool needs_footers(const assay_stage_plan *plan, const assay_written_file *written,
                          size_t count)
{
    enum { ROW_GROUP_ROWS = 122880 };
    bool floats = false;
    bool groups = false;

    for (size_t i = 0; i < plan->request->schema->count; i++)
        floats = floats || writes_floats(&plan->columns[i].stored);
    for (size_t i = 0; i < count; i++)
        groups = groups || written[i].rows > ROW_GROUP_ROWS || plan->request->spec->count > 0 ||
                 plan->request->bad != NULL;
    return floats && groups;
}

assay_status assay_stage_stats_read(assay_conn *conn, const assay_stage_plan *plan,
                                    const assay_written_file *written, size_t count,
                                    assay_arena *arena, assay_stage_result *ret_result,
                                    assay_error *err)
{
    ASSAY_AUTO(assay_map_freep) assay_map *hidden = assay_map_new();
    assay_data_file *files = assay_arena_take(arena, count + 1, sizeof *files);
    struct reading reading = {conn, plan, hidden, arena};

    if (hidden == NULL || files == NULL)
        return assay_error_nomem(err);
    if (count > 0 && needs_footers(plan, written, count))
        ASSAY_TRY(find_hidden_nans(conn, written, count, hidden, err));
    ret_result->rows = 0;
    ret_result->bytes = 0;
    for (size_t i = 0; i < count; i++) {
        ASSAY_TRY(read_file(&reading, &written[i], &files[i], err));
        ret_result->rows += files[i].rows;
        ret_result->bytes += files[i].size;
    }
    ret_result->files = files;
    ret_result->count = count;
    return ASSAY_OK;
}
