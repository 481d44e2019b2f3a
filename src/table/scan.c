#include "table/scan.h"

#include <inttypes.h>

#include "base/str.h"
#include "engine/engine.h"
#include "table/scan_files.h"

/* One scan is up to four SELECTs, since one read_parquet call reads all its files in one way: by
 * field id or by name, and with or without values of partition columns from the metadata.
 *
 * Columns come out of read_parquet under names of our own (__c0 ..), so that no user's column hides
 * the virtual columns filename and file_row_number. These are used instead of the options of those
 * names, which DuckDB 1.5.5 cannot combine with files that have no field ids: it stops with a fatal
 * error. */

struct column {
    const assay_field *field;
    assay_type stored;
    const assay_partition_field *partition; /* its identity partition; NULL = none */
    size_t partition_index;
};

struct scan {
    assay_buf *buf;
    const assay_table *table;
    const assay_data_file *files;
    size_t file_count;
    struct column *columns;
    size_t column_count;
    const assay_scan_options *options;
    const assay_partition_spec *spec; /* of the files */
    bool *by_name;                    /* of each file */
};

/* One of the SELECTs. */
struct branch {
    bool by_name;
    bool inject; /* partition columns get their value from the metadata */
};

static bool injects(const struct scan *scan, const assay_data_file *file)
{
    const assay_partition_spec *spec = scan->spec;

    if (file->own || spec == NULL || file->spec_id != spec->id ||
        file->partition_count != spec->count)
        return false;
    for (size_t i = 0; i < scan->column_count; i++)
        if (scan->columns[i].partition != NULL)
            return true;
    return false;
}

static bool belongs(const struct scan *scan, size_t index, const struct branch *branch)
{
    return scan->by_name[index] == branch->by_name &&
           injects(scan, &scan->files[index]) == branch->inject;
}

static void append_paths(const struct scan *scan, const struct branch *branch)
{
    const char *separator = "";

    assay_buf_append_char(scan->buf, '[');
    for (size_t i = 0; i < scan->file_count; i++) {
        if (!belongs(scan, i, branch))
            continue;
        assay_buf_append_text(scan->buf, separator);
        assay_sql_append_text(scan->buf, scan->files[i].path);
        separator = ", ";
    }
    assay_buf_append_char(scan->buf, ']');
}

static bool has_float(const assay_type *type)
{
    if (type->kind == ASSAY_TYPE_FLOAT || type->kind == ASSAY_TYPE_DOUBLE)
        return true;
    for (size_t i = 0; i < type->field_count; i++)
        if (has_float(&type->fields[i].type))
            return true;
    return false;
}

/* DuckDB takes min and max of float columns as said without NaN; other writers ignore NaN there
 * (duckdb/duckdb#25521). Its own files have no bounds where there is one. */
static bool may_hide_nan(const struct scan *scan, const struct branch *branch)
{
    bool foreign = false;
    bool floats = false;

    for (size_t i = 0; i < scan->file_count; i++)
        foreign = foreign || (belongs(scan, i, branch) && !scan->files[i].own);
    for (size_t i = 0; i < scan->column_count; i++)
        floats = floats || has_float(&scan->columns[i].stored);
    return foreign && floats;
}

static void append_stored_type(assay_buf *buf, const assay_type *stored)
{
    ASSAY_AUTO(assay_buf_done) assay_buf type = ASSAY_BUF_EMPTY;

    assay_type_format(&type, stored);
    buf->failed = buf->failed || type.failed;
    assay_sql_append_text(buf, assay_buf_text(&type));
}

static void append_read_parquet(const struct scan *scan, const struct branch *branch)
{
    assay_buf *buf = scan->buf;

    assay_buf_append_text(buf, "read_parquet(");
    append_paths(scan, branch);
    assay_buf_append_text(buf, ", schema = MAP {");
    for (size_t i = 0; i < scan->column_count; i++) {
        const struct column *column = &scan->columns[i];
        assay_buf_append_text(buf, i > 0 ? ", " : "");
        if (branch->by_name)
            assay_sql_append_text(buf, column->field->name);
        else
            assay_buf_append_format(buf, "%" PRId32, column->field->id);
        assay_buf_append_format(buf, ": {name: '__c%zu', type: ", i);
        append_stored_type(buf, &column->stored);
        assay_buf_append_text(buf, ", default_value: NULL}");
    }
    assay_buf_append_char(buf, '}');
    if (may_hide_nan(scan, branch))
        assay_buf_append_text(buf, ", can_have_nan = true");
    assay_buf_append_char(buf, ')');
}

/* The source of column i in a branch: the file, and where the file has nothing the joined value;
 * the column may be in some of the files, and an identity partition says the same as the file. */
static void append_source(const struct scan *scan, const struct branch *branch, size_t index)
{
    bool joined = branch->inject && scan->columns[index].partition != NULL;

    if (joined)
        assay_buf_append_format(scan->buf, "coalesce(__r.__c%zu, __p.__v%zu)", index, index);
    else
        assay_buf_append_format(scan->buf, "__r.__c%zu", index);
}

static void append_column(const struct scan *scan, const struct branch *branch, size_t index)
{
    ASSAY_AUTO(assay_buf_done) assay_buf stored = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf seen = ASSAY_BUF_EMPTY;
    const struct column *column = &scan->columns[index];
    assay_buf *buf = scan->buf;

    assay_type_format(&stored, &column->stored);
    assay_field_format_type(&seen, column->field);
    buf->failed = buf->failed || stored.failed || seen.failed;
    bool cast = !assay_str_equal(assay_buf_text(&stored), assay_buf_text(&seen));
    assay_buf_append_text(buf, cast ? "CAST(" : "");
    append_source(scan, branch, index);
    if (cast) {
        assay_buf_append_text(buf, " AS ");
        assay_buf_append_text(buf, assay_buf_text(&seen));
        assay_buf_append_char(buf, ')');
    }
    assay_buf_append_text(buf, " AS ");
    assay_sql_append_name(buf, column->field->name);
}

/* JOIN (VALUES ('path', value ..), ..): the values of the partition columns of each file. */
static void append_join(const struct scan *scan, const struct branch *branch)
{
    const char *separator = "";
    assay_buf *buf = scan->buf;

    assay_buf_append_text(buf, " JOIN (VALUES ");
    for (size_t i = 0; i < scan->file_count; i++) {
        if (!belongs(scan, i, branch))
            continue;
        assay_buf_append_text(buf, separator);
        assay_buf_append_char(buf, '(');
        assay_sql_append_text(buf, scan->files[i].path);
        for (size_t k = 0; k < scan->column_count; k++) {
            if (scan->columns[k].partition == NULL)
                continue;
            assay_buf_append_text(buf, ", ");
            assay_datum_append_sql(buf, &scan->files[i].partition[scan->columns[k].partition_index],
                                   &scan->columns[k].stored);
        }
        assay_buf_append_char(buf, ')');
        separator = ", ";
    }
    assay_buf_append_text(buf, ") __p(__f");
    for (size_t k = 0; k < scan->column_count; k++)
        if (scan->columns[k].partition != NULL)
            assay_buf_append_format(buf, ", __v%zu", k);
    assay_buf_append_text(buf, ") ON __r.filename = __p.__f");
}

static bool has_deleted(const struct scan *scan, const struct branch *branch)
{
    for (size_t i = 0; i < scan->file_count; i++)
        if (belongs(scan, i, branch) && scan->files[i].deleted_count > 0)
            return true;
    return false;
}

/* ANTI JOIN of the rows that are deleted in their files. */
static void append_deleted(const struct scan *scan, const struct branch *branch)
{
    const char *separator = "";
    assay_buf *buf = scan->buf;

    assay_buf_append_text(buf, " ANTI JOIN (SELECT __f, unnest(__l) AS __n FROM (VALUES ");
    for (size_t i = 0; i < scan->file_count; i++) {
        const assay_data_file *file = &scan->files[i];

        if (!belongs(scan, i, branch) || file->deleted_count == 0)
            continue;
        assay_buf_append_text(buf, separator);
        assay_buf_append_char(buf, '(');
        assay_sql_append_text(buf, file->path);
        for (size_t k = 0; k < file->deleted_count; k++)
            assay_buf_append_format(buf, "%s%" PRId64, k > 0 ? ", " : ", [", file->deleted_rows[k]);
        assay_buf_append_text(buf, "])");
        separator = ", ";
    }
    assay_buf_append_text(buf, ") __t(__f, __l)) __d ON __d.__f = __r.filename "
                               "AND __d.__n = __r.file_row_number");
}

static void append_branch(const struct scan *scan, const struct branch *branch)
{
    assay_buf *buf = scan->buf;

    assay_buf_append_text(buf, "SELECT ");
    for (size_t i = 0; i < scan->column_count; i++) {
        assay_buf_append_text(buf, i > 0 ? ", " : "");
        append_column(scan, branch, i);
    }
    if (scan->options->file_columns)
        assay_buf_append_text(buf, ", __r.filename AS __assay_file, "
                                   "__r.file_row_number AS __assay_row");
    assay_buf_append_text(buf, " FROM ");
    append_read_parquet(scan, branch);
    assay_buf_append_text(buf, " AS __r");
    if (branch->inject)
        append_join(scan, branch);
    if (has_deleted(scan, branch))
        append_deleted(scan, branch);
}

static bool is_used(const struct scan *scan, const struct branch *branch)
{
    for (size_t i = 0; i < scan->file_count; i++)
        if (belongs(scan, i, branch))
            return true;
    return false;
}

static void append_branches(const struct scan *scan)
{
    static const struct branch branches[] = {{false, false},
                                             {true, false},
                                             {false, true},
                                             {true, true}};
    const char *separator = "";

    for (size_t i = 0; i < sizeof branches / sizeof branches[0]; i++) {
        if (!is_used(scan, &branches[i]))
            continue;
        assay_buf_append_text(scan->buf, separator);
        append_branch(scan, &branches[i]);
        separator = " UNION ALL ";
    }
}

static void append_nothing(const struct scan *scan)
{
    assay_buf *buf = scan->buf;

    assay_buf_append_text(buf, "SELECT ");
    for (size_t i = 0; i < scan->column_count; i++) {
        ASSAY_AUTO(assay_buf_done) assay_buf type = ASSAY_BUF_EMPTY;
        assay_field_format_type(&type, scan->columns[i].field);
        buf->failed = buf->failed || type.failed;
        assay_buf_append_text(buf, i > 0 ? ", CAST(NULL AS " : "CAST(NULL AS ");
        assay_buf_append_text(buf, assay_buf_text(&type));
        assay_buf_append_text(buf, ") AS ");
        assay_sql_append_name(buf, scan->columns[i].field->name);
    }
    if (scan->options->file_columns)
        assay_buf_append_text(buf, ", CAST(NULL AS VARCHAR) AS __assay_file, "
                                   "CAST(NULL AS BIGINT) AS __assay_row");
    assay_buf_append_text(buf, " WHERE false");
}

static void find_partition(const assay_partition_spec *spec, struct column *column)
{
    for (size_t i = 0; spec != NULL && i < spec->count; i++) {
        const assay_partition_field *field = &spec->fields[i];
        if (field->transform == ASSAY_TRANSFORM_IDENTITY && field->source_id == column->field->id) {
            column->partition = field;
            column->partition_index = i;
        }
    }
}

static assay_status read_columns(struct scan *scan, const assay_schema *schema, assay_arena *arena,
                                 assay_error *err)
{
    const assay_table_format *format = scan->table->format;

    for (size_t i = 0; i < schema->count; i++) {
        struct column *column = &scan->columns[i];
        column->field = &schema->fields[i];
        ASSAY_TRY(format->stored_type(column->field, arena, &column->stored, err));
        find_partition(scan->spec, column);
    }
    scan->column_count = schema->count;
    return ASSAY_OK;
}

/* Which files are read by name. */
static assay_status choose_ways(struct scan *scan, const assay_schema *schema, assay_error *err)
{
    if (!scan->table->format->field_ids) {
        for (size_t i = 0; i < scan->file_count; i++)
            scan->by_name[i] = true;
        return ASSAY_OK;
    }
    if (scan->options->conn == NULL)
        return ASSAY_OK;
    return assay_scan_files_look(scan->options->conn, schema, scan->files, scan->file_count,
                                 scan->by_name, err);
}

assay_status assay_scan_append_sql(assay_buf *buf, const assay_table *table,
                                   const assay_schema *schema, const assay_data_file *files,
                                   size_t count, const assay_scan_options *options,
                                   assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    struct scan scan = {
        .buf = buf, .table = table, .files = files, .file_count = count, .options = options};

    ASSAY_TRY(assay_arena_check(arena, err));
    scan.spec = count > 0 && files[0].spec != NULL ? files[0].spec : table->spec;
    scan.columns = assay_arena_take(arena, schema->count + 1, sizeof *scan.columns);
    scan.by_name = assay_arena_take(arena, count + 1, sizeof *scan.by_name);
    if (scan.columns == NULL || scan.by_name == NULL)
        return assay_error_nomem(err);
    ASSAY_TRY(read_columns(&scan, schema, arena, err));
    ASSAY_TRY(choose_ways(&scan, schema, err));
    if (count == 0 || schema->count == 0)
        append_nothing(&scan);
    else
        append_branches(&scan);
    return assay_buf_check(buf, err);
}
