/* JSON: one object a line, or one array of objects. */
#include "base/str.h"
#include "source/reader.h"

enum { JSON_LINE_MAX = 16 * 1024 * 1024 };

static const char *layout(const assay_source *source)
{
    const char *name = source->config->json_layout;

    if (assay_str_equal(name, "lines"))
        return "newline_delimited";
    return assay_str_equal(name, "array") ? "array" : "auto";
}

static void append_common(const assay_source *source, assay_buf *buf)
{
    assay_buf_append_format(buf, ", format='%s', maximum_object_size=%d", layout(source),
                            JSON_LINE_MAX);
    assay_reader_append_compression(source, buf);
    assay_reader_append_hive(source, buf);
}

static assay_status look(const assay_source *source, assay_source_file *file, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    if (file->size == 0)
        return ASSAY_OK;
    assay_buf_append_text(&sql, "SELECT * FROM read_json(");
    assay_sql_append_text(&sql, file->path);
    append_common(source, &sql);
    assay_buf_append_text(&sql, ", ignore_errors=true)");
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_reader_describe(source, sql.data, file, err));
    /* where records are no objects, or broken ones are among them, the engine finds no fields */
    if (file->column_count == 1 && assay_str_equal(file->columns[0].name, "json") &&
        assay_str_equal(file->columns[0].type, "JSON"))
        file->column_count = 0;
    return ASSAY_OK;
}

/* What the reader would round comes as text. */
static const char *read_as(const assay_column *column)
{
    return assay_exact_loses_text(column->type) ? "VARCHAR" : column->type;
}

static void append_strict(const assay_source *source, const assay_source_file *file, assay_buf *buf)
{
    assay_buf_append_text(buf, "(SELECT row_number() OVER () AS __assay_record, * FROM read_json(");
    assay_sql_append_text(buf, file->path);
    append_common(source, buf);
    assay_buf_append_text(buf, ", columns={");
    for (size_t i = 0; i < source->column_count; i++) {
        assay_buf_append_text(buf, i > 0 ? ", " : "");
        assay_sql_append_text(buf, source->columns[i].name);
        assay_buf_append_text(buf, ": ");
        assay_sql_append_text(buf, read_as(&source->columns[i]));
    }
    assay_buf_append_text(buf, "}))");
}

/* The lines as text with their record numbers: blank lines are no records. */
static void append_lines(const assay_source *source, const assay_source_file *file, assay_buf *buf)
{
    assay_buf_append_text(buf, "(SELECT row_number() OVER () AS __assay_record, line FROM (SELECT "
                               "line FROM read_csv(");
    assay_sql_append_text(buf, file->path);
    assay_buf_append_format(buf,
                            ", auto_detect=false, delim=chr(1), quote='', escape='', header=false, "
                            "max_line_size=%d, columns={'line': 'VARCHAR'}",
                            JSON_LINE_MAX);
    assay_reader_append_compression(source, buf);
    assay_buf_append_text(buf, ") WHERE trim(line) <> ''))");
}

/* The field out of a valid line: text as read_as says, else JSON. */
static void append_raw(const assay_column *found, assay_buf *buf)
{
    ASSAY_AUTO(assay_buf_done) assay_buf path = ASSAY_BUF_EMPTY;
    bool text = assay_exact_loses_text(found->type);

    assay_buf_append_format(&path, "$.\"%s\"", found->name);
    assay_buf_append_text(buf, text ? "json_extract_string(line, " : "json_extract(line, ");
    assay_sql_append_text(buf, assay_buf_text(&path));
    assay_buf_append_char(buf, ')');
    buf->failed = buf->failed || path.failed;
}

/* The field as the table's type; NULL where it does not convert. */
static void append_field(const assay_column *found, assay_buf *buf)
{
    ASSAY_AUTO(assay_buf_done) assay_buf value = ASSAY_BUF_EMPTY;

    append_raw(found, &value);
    const assay_exact_cast cast = {assay_buf_text(&value), "VARCHAR", found->type, found->name};
    assay_sql_append_exact_try(buf, &cast);
    buf->failed = buf->failed || value.failed;
}

static void append_present(const assay_column *found, assay_buf *buf)
{
    ASSAY_AUTO(assay_buf_done) assay_buf path = ASSAY_BUF_EMPTY;

    assay_buf_append_format(&path, "$.\"%s\"", found->name);
    assay_buf_append_text(buf, "coalesce(json_type(line, ");
    assay_sql_append_text(buf, assay_buf_text(&path));
    assay_buf_append_text(buf, "), 'NULL') <> 'NULL'");
    if (path.failed)
        buf->failed = true;
}

static void append_tolerant(const assay_source *source, const assay_source_file *file,
                            assay_buf *buf)
{
    assay_buf_append_text(buf, "(SELECT __assay_record");
    for (size_t i = 0; i < source->column_count; i++) {
        assay_buf_append_text(buf, ", ");
        if (assay_exact_loses_text(source->columns[i].type))
            append_raw(&source->columns[i], buf); /* append_value casts it */
        else
            append_field(&source->columns[i], buf);
        assay_buf_append_text(buf, " AS ");
        assay_sql_append_name(buf, source->columns[i].name);
    }
    assay_buf_append_text(buf, " FROM ");
    append_lines(source, file, buf);
    assay_buf_append_text(buf, " WHERE __assay_record NOT IN (SELECT record FROM assay_bad_rows "
                               "WHERE file = ");
    assay_sql_append_text(buf, file->given);
    assay_buf_append_text(buf, "))");
}

static void append_records(const assay_source *source, const assay_source_file *file, bool tolerant,
                           assay_buf *buf)
{
    if (file->size == 0 || source->column_count == 0)
        assay_buf_append_text(buf, "(SELECT 0::BIGINT AS __assay_record WHERE false)");
    else if (tolerant)
        append_tolerant(source, file, buf);
    else
        append_strict(source, file, buf);
}

static void append_value(const assay_source *source, const assay_column *found,
                         const assay_column *column, assay_buf *buf)
{
    (void)source;
    assay_reader_append_exact(found, read_as(column), column, buf);
}

static assay_status find_bad(const assay_source *source, const assay_source_file *file,
                             assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    if (file->size == 0 || assay_str_equal(layout(source), "array"))
        return ASSAY_OK;
    assay_buf_append_text(&sql, "INSERT INTO assay_bad_rows SELECT ");
    assay_sql_append_text(&sql, file->given);
    assay_buf_append_text(&sql, ", __assay_record, failed[1], CASE WHEN failed[1] = '' THEN 'not a "
                                "JSON object' ELSE 'value does not convert: ' || "
                                "array_to_string(failed, ', ') END, line FROM (SELECT "
                                "__assay_record, line, CASE WHEN NOT json_valid(line) THEN [''] "
                                "WHEN json_type(line) <> 'OBJECT' THEN [''] ELSE "
                                "list_filter([NULL::VARCHAR");
    for (size_t i = 0; i < source->column_count; i++) {
        const assay_column *found = &source->columns[i];
        assay_buf_append_text(&sql, ", CASE WHEN ");
        append_present(found, &sql);
        assay_buf_append_text(&sql, " AND ");
        append_field(found, &sql);
        assay_buf_append_text(&sql, " IS NULL THEN ");
        assay_sql_append_text(&sql, found->name);
        assay_buf_append_text(&sql, " END");
    }
    assay_buf_append_text(&sql, "], lambda f: f IS NOT NULL) END AS failed FROM ");
    append_lines(source, file, &sql);
    assay_buf_append_text(&sql, ") WHERE len(failed) > 0");
    ASSAY_TRY(assay_buf_check(&sql, err));
    return assay_conn_execute(source->conn, sql.data, NULL, err);
}

const assay_reader assay_reader_json = {look, append_records, append_value, find_bad, true};
