#include "table/stage_sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "base/str.h"

static const uint64_t default_file_bytes = (uint64_t)256 << 20;

void assay_stage_partition_name(size_t index, char name[ASSAY_STAGE_PARTITION_NAME_SIZE])
{
    (void)snprintf(name, ASSAY_STAGE_PARTITION_NAME_SIZE, "__assay_p%zu", index);
}

/* ---- plan ---- */

static const assay_column *find_given(const assay_column *columns, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (assay_str_equal_ci(columns[i].name, name))
            return &columns[i];
    return NULL;
}

static assay_status check_given(const assay_column *columns, size_t count,
                                const assay_schema *schema, assay_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (assay_schema_find(schema, columns[i].name) == NULL)
            return assay_error_set(err, ASSAY_EDATA, 4010,
                                   "the query gives the column '%s', which the table does not have",
                                   columns[i].name);
        if (find_given(columns, i, columns[i].name) != NULL)
            return assay_error_set(err, ASSAY_ECONFIG, 4003,
                                   "the query gives more than one column '%s'", columns[i].name);
    }
    return ASSAY_OK;
}

static assay_status check_partitions(const assay_partition_spec *spec, const assay_schema *schema,
                                     assay_error *err)
{
    for (size_t i = 0; i < spec->count; i++) {
        const assay_partition_field *field = &spec->fields[i];
        if (field->transform == ASSAY_TRANSFORM_OTHER)
            return assay_error_set(err, ASSAY_EUNSUPPORTED, 4033,
                                   "the table is partitioned by '%s' of '%s', which is not written",
                                   field->transform_text != NULL ? field->transform_text : "?",
                                   field->name);
        if (field->transform != ASSAY_TRANSFORM_VOID &&
            assay_schema_find_id(schema, field->source_id) == NULL)
            return assay_error_set(err, ASSAY_EUNSUPPORTED, 4033,
                                   "the column of partition '%s' is no longer there", field->name);
    }
    return ASSAY_OK;
}

/* Without closing semicolons, which may not stand inside COPY (..). */
static const char *trim_select(const char *select, assay_arena *arena)
{
    size_t length = strlen(select);

    while (length > 0 && strchr("; \t\r\n", select[length - 1]) != NULL)
        length--;
    return assay_arena_text_n(arena, select, length);
}

static assay_status list_given(assay_conn *conn, const assay_stage_plan *plan, assay_arena *arena,
                               const assay_column **ret_columns, size_t *ret_count,
                               assay_error *err)
{
    assay_column *columns = NULL;

    *ret_columns = plan->request->columns;
    *ret_count = plan->request->column_count;
    if (*ret_columns != NULL)
        return ASSAY_OK;
    ASSAY_TRY(assay_conn_describe(conn, plan->select, arena, &columns, ret_count, err));
    *ret_columns = columns;
    return ASSAY_OK;
}

assay_status assay_stage_plan_make(assay_conn *conn, const assay_stage_request *request,
                                   assay_arena *arena, assay_stage_plan *ret_plan, assay_error *err)
{
    const assay_table_format *format = request->table->format;
    const assay_schema *schema = request->schema;
    assay_stage_plan plan = {.request = request};
    const assay_column *given = NULL;
    size_t count = 0;

    plan.select = trim_select(request->select, arena);
    plan.columns = assay_arena_take(arena, schema->count + 1, sizeof *plan.columns);
    if (plan.select == NULL || plan.columns == NULL)
        return assay_error_nomem(err);
    ASSAY_TRY(list_given(conn, &plan, arena, &given, &count, err));
    ASSAY_TRY(check_given(given, count, schema, err));
    ASSAY_TRY(check_partitions(request->spec, schema, err));
    for (size_t i = 0; i < schema->count; i++) {
        assay_stage_column *column = &plan.columns[i];
        column->field = &schema->fields[i];
        const assay_column *of = find_given(given, count, column->field->name);
        column->given_type = of != NULL ? of->type : NULL;
        ASSAY_TRY(format->stored_type(column->field, arena, &column->stored, err));
    }
    ASSAY_TRY(format->stage_folder(request->table, request->stage_id, arena, &plan.folder, err));
    *ret_plan = plan;
    return ASSAY_OK;
}

/* ---- the SELECT ---- */

static void append_columns(assay_buf *buf, const assay_stage_plan *plan)
{
    for (size_t i = 0; i < plan->request->schema->count; i++) {
        const assay_stage_column *column = &plan->columns[i];
        assay_buf_append_text(buf, i > 0 ? ", CAST(" : "CAST(");
        if (column->given_type != NULL)
            assay_sql_append_name(buf, column->field->name);
        else
            assay_buf_append_text(buf, "NULL");
        assay_buf_append_text(buf, " AS ");
        assay_type_format(buf, &column->stored);
        assay_buf_append_text(buf, ") AS ");
        assay_sql_append_name(buf, column->field->name);
    }
}

/* A partition's value beside the columns; BINARY as hex, since COPY returns partition keys as text
 * and refuses bytes that are none. */
static void append_partition(assay_buf *buf, const assay_stage_plan *plan, size_t index)
{
    const assay_partition_field *field = &plan->request->spec->fields[index];
    char name[ASSAY_STAGE_PARTITION_NAME_SIZE];
    assay_field column = {0};

    for (size_t i = 0; i < plan->request->schema->count; i++) {
        if (plan->columns[i].field->id == field->source_id) {
            column = *plan->columns[i].field;
            column.type = plan->columns[i].stored;
        }
    }
    bool binary =
        column.type.kind == ASSAY_TYPE_BINARY && field->transform == ASSAY_TRANSFORM_IDENTITY;
    assay_buf_append_text(buf, binary ? ", hex(" : ", ");
    assay_partition_append_sql(buf, field, &column);
    assay_buf_append_text(buf, binary ? ") AS " : " AS ");
    assay_stage_partition_name(index, name);
    assay_buf_append_text(buf, name);
}

static void append_rows(assay_buf *buf, const assay_stage_plan *plan)
{
    const assay_partition_spec *spec = plan->request->spec;

    if (spec->count > 0) {
        assay_buf_append_text(buf, "SELECT *");
        for (size_t i = 0; i < spec->count; i++)
            append_partition(buf, plan, i);
        assay_buf_append_text(buf, " FROM (");
    }
    assay_buf_append_text(buf, "SELECT ");
    append_columns(buf, plan);
    if (plan->request->bad != NULL)
        assay_buf_append_format(buf, ", coalesce((%s), FALSE) AS " ASSAY_STAGE_BAD,
                                plan->request->bad);
    assay_buf_append_text(buf, " FROM (\n");
    assay_buf_append_text(buf, plan->select);
    assay_buf_append_text(buf, "\n)");
    if (plan->request->alias != NULL)
        assay_buf_append_format(buf, " AS %s", plan->request->alias);
    if (spec->count > 0)
        assay_buf_append_char(buf, ')');
}

/* ---- the COPY ---- */

static void append_field_ids(assay_buf *buf, const assay_field *fields, const assay_type *stored,
                             size_t count);

/* An id alone, or {'__duckdb_field_id': id, ..} with what is inside. The fields of the stored type
 * stand in the order of the schema's. */
static void append_field_id(assay_buf *buf, const assay_field *field, const assay_type *stored)
{
    if (!assay_type_is_nested(stored)) {
        assay_buf_append_format(buf, "%" PRId32, field->id);
        return;
    }
    assay_buf_append_format(buf, "{'__duckdb_field_id': %" PRId32 ", ", field->id);
    append_field_ids(buf, field->type.fields, stored, field->type.field_count);
    assay_buf_append_char(buf, '}');
}

static void append_field_ids(assay_buf *buf, const assay_field *fields, const assay_type *stored,
                             size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assay_buf_append_text(buf, i > 0 ? ", " : "");
        assay_sql_append_text(buf, fields[i].name);
        assay_buf_append_text(buf, ": ");
        append_field_id(buf, &fields[i], &stored->fields[i].type);
    }
}

static void append_all_field_ids(assay_buf *buf, const assay_stage_plan *plan)
{
    assay_buf_append_text(buf, ", FIELD_IDS {");
    for (size_t i = 0; i < plan->request->schema->count; i++) {
        assay_buf_append_text(buf, i > 0 ? ", " : "");
        assay_sql_append_text(buf, plan->columns[i].field->name);
        assay_buf_append_text(buf, ": ");
        append_field_id(buf, plan->columns[i].field, &plan->columns[i].stored);
    }
    assay_buf_append_char(buf, '}');
}

/* DuckDB 1.5 refuses FILE_SIZE_BYTES beside PARTITION_BY: a partition is one file. */
static void append_layout(assay_buf *buf, const assay_stage_plan *plan)
{
    const assay_stage_request *request = plan->request;
    uint64_t bytes =
        request->target_file_bytes > 0 ? request->target_file_bytes : default_file_bytes;

    if (request->spec->count == 0 && request->bad == NULL) {
        assay_buf_append_format(buf, ", FILE_SIZE_BYTES %" PRIu64 ", WRITE_EMPTY_FILE false",
                                bytes);
        return;
    }
    assay_buf_append_text(buf, ", PARTITION_BY (");
    if (request->bad != NULL)
        assay_buf_append_text(buf,
                              request->spec->count > 0 ? ASSAY_STAGE_BAD ", " : ASSAY_STAGE_BAD);
    for (size_t i = 0; i < request->spec->count; i++) {
        char name[ASSAY_STAGE_PARTITION_NAME_SIZE];
        assay_stage_partition_name(i, name);
        assay_buf_append_text(buf, i > 0 ? ", " : "");
        assay_buf_append_text(buf, name);
    }
    assay_buf_append_text(buf, "), WRITE_PARTITION_COLUMNS false, HIVE_FILE_PATTERN false");
}

static int count_lines(const assay_buf *buf)
{
    const char *text = assay_buf_text(buf);
    int lines = 0;

    for (size_t i = 0; i < buf->size; i++)
        lines += text[i] == '\n' ? 1 : 0;
    return lines;
}

void assay_stage_append_copy(assay_buf *buf, const assay_stage_plan *plan, int *ret_select_line)
{
    ASSAY_AUTO(assay_buf_done) assay_buf pattern = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf head = ASSAY_BUF_EMPTY;

    /* Column names may hold line breaks. */
    append_columns(&head, plan);
    if (plan->request->bad != NULL)
        assay_buf_append_text(&head, plan->request->bad);
    *ret_select_line = count_lines(&head) + 1;
    assay_buf_append_text(buf, "COPY (");
    append_rows(buf, plan);
    assay_buf_append_text(buf, ") TO ");
    assay_sql_append_text(buf, plan->folder);
    assay_buf_append_text(buf, " (FORMAT parquet, COMPRESSION zstd, RETURN_STATS, "
                               "OVERWRITE_OR_IGNORE, FILENAME_PATTERN ");
    assay_buf_append_text(&pattern, plan->request->stage_id);
    assay_buf_append_text(&pattern, "-{i}");
    buf->failed = buf->failed || pattern.failed || head.failed;
    assay_sql_append_text(buf, assay_buf_text(&pattern));
    append_layout(buf, plan);
    if (plan->request->table->format->field_ids)
        append_all_field_ids(buf, plan);
    assay_buf_append_char(buf, ')');
}

void assay_stage_append_misfits(assay_buf *buf, const assay_stage_plan *plan, size_t column)
{
    const assay_stage_column *of = &plan->columns[column];

    assay_buf_append_text(buf, "SELECT count(*) FROM (\n");
    assay_buf_append_text(buf, plan->select);
    assay_buf_append_text(buf, "\n) WHERE ");
    assay_sql_append_name(buf, of->field->name);
    assay_buf_append_text(buf, " IS NOT NULL AND TRY_CAST(");
    assay_sql_append_name(buf, of->field->name);
    assay_buf_append_text(buf, " AS ");
    assay_type_format(buf, &of->stored);
    assay_buf_append_text(buf, ") IS NULL");
}
