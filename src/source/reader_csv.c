/* CSV: every field is read as text and cast in the projection, so that a value that does not
 * convert is known with its record and its text, and types never depend on a sample twice. */
#include "base/path.h"
#include "base/str.h"
#include "source/csv_header.h"
#include "source/reader.h"

enum { CSV_LINE_MAX = 16 * 1024 * 1024, CSV_START_BYTES = 256 * 1024 };

/* What the sniffer prints where a part of the dialect did not occur in its sample. */
static const char *sniffed(const char *text, const char *otherwise)
{
    return text == NULL || assay_str_equal(text, "(empty)") || text[0] == '\0' ? otherwise : text;
}

static bool header_of(const assay_source *source)
{
    return source->config->csv.header !=
           0; /* a header is the rule; `header: false` says otherwise */
}

static void append_option(assay_buf *buf, const char *name, const char *value)
{
    if (value == NULL)
        return;
    assay_buf_append_format(buf, ", %s=", name);
    assay_sql_append_text(buf, value);
}

static void append_declared(const assay_source *source, assay_buf *buf)
{
    const assay_csv_dialect *csv = &source->config->csv;

    append_option(buf, "delim", csv->delimiter);
    append_option(buf, "quote", csv->quote);
    append_option(buf, "escape", csv->escape);
    append_option(buf, "comment", csv->comment);
    append_option(buf, "encoding", csv->encoding);
    append_option(buf, "dateformat", csv->date_format);
    append_option(buf, "timestampformat", csv->timestamp_format);
    append_option(buf, "decimal_separator", csv->decimal_separator);
    if (csv->skip > 0)
        assay_buf_append_format(buf, ", skip=%lld", (long long)csv->skip);
    if (csv->max_line_bytes > 0)
        assay_buf_append_format(buf, ", max_line_size=%llu",
                                (unsigned long long)csv->max_line_bytes);
    if (csv->null_count > 0) {
        assay_buf_append_text(buf, ", nullstr=");
        assay_sql_append_texts(buf, csv->nulls, csv->null_count);
    }
}

/* ---- sniffing ---- */

static assay_status sniff(const assay_source *source, const assay_source_file *file,
                          assay_rows **ret_rows, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&sql, "SELECT Delimiter, Quote, Escape, Comment, SkipRows, Columns, "
                                "DateFormat, TimestampFormat FROM sniff_csv(");
    assay_sql_append_text(&sql, file->path);
    assay_buf_append_format(&sql, ", header=%s", header_of(source) ? "true" : "false");
    append_declared(source, &sql);
    assay_reader_append_compression(source, &sql);
    assay_buf_append_text(&sql, ", ignore_errors=true)");
    ASSAY_TRY(assay_buf_check(&sql, err));
    return assay_conn_query(source->conn, sql.data, 0, source->arena, ret_rows, err);
}

static const char *cell_text(const assay_value *cell)
{
    return cell->kind == ASSAY_VALUE_NULL ? NULL : cell->text;
}

/* A date in another order than ISO's is only a guess of the sniffer's: unless the format is
 * declared the column stays text. */
static const char *trusted_type(const assay_source *source, const char *type,
                                const char *date_format, const char *timestamp_format)
{
    const assay_csv_dialect *csv = &source->config->csv;

    if (assay_str_equal(type, "DATE") && csv->date_format == NULL && date_format != NULL &&
        !assay_str_starts(date_format, "%Y-%m-%d"))
        return "VARCHAR";
    if (assay_str_starts(type, "TIMESTAMP") && csv->timestamp_format == NULL &&
        timestamp_format != NULL && !assay_str_starts(timestamp_format, "%Y-%m-%d"))
        return "VARCHAR";
    return type;
}

static assay_status take_columns(const assay_source *source, assay_value **cells,
                                 assay_source_file *file, assay_error *err)
{
    const assay_value *list = cells[5];
    const char *date_format = cell_text(cells[6]);
    const char *timestamp_format = cell_text(cells[7]);
    assay_column *columns = assay_arena_take(source->arena, list->count + 1, sizeof *columns);

    ASSAY_TRY(assay_arena_check(columns, err));
    for (size_t i = 0; i < list->count; i++) {
        const char *type = assay_value_find_text(list->items[i], "type", "VARCHAR");
        columns[i].name = assay_value_find_text(list->items[i], "name", "");
        columns[i].type = trusted_type(source, type, date_format, timestamp_format);
    }
    file->columns = columns;
    file->column_count = list->count;
    return ASSAY_OK;
}

/* hive folders: their columns stand behind those of the file. */
static assay_status add_hive(const assay_source *source, assay_source_file *file, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    if (!source->config->hive)
        return ASSAY_OK;
    assay_buf_append_text(&sql, "SELECT * FROM read_csv(");
    assay_sql_append_text(&sql, file->path);
    assay_buf_append_format(&sql, ", header=%s, hive_partitioning=true",
                            header_of(source) ? "true" : "false");
    append_declared(source, &sql);
    assay_reader_append_compression(source, &sql);
    assay_buf_append_text(&sql, ", ignore_errors=true)");
    ASSAY_TRY(assay_buf_check(&sql, err));
    assay_source_file described = *file;
    ASSAY_TRY(assay_reader_describe(source, sql.data, &described, err));
    for (size_t i = 0; i < file->column_count && i < described.column_count; i++)
        described.columns[i] = file->columns[i];
    *file = described;
    return ASSAY_OK;
}

/* ---- files that begin alike ---- */

/* Only in files of plain text is a line a line. */
static bool is_plain(const assay_source *source, const assay_source_file *file)
{
    const char *encoding = source->config->csv.encoding;
    assay_file_compression compression = source->config->compression;
    bool packed = assay_str_ends(file->path, ".gz") || assay_str_ends(file->path, ".zst");

    return !source->config->hive && (encoding == NULL || assay_str_equal_ci(encoding, "utf-8")) &&
           (compression == ASSAY_COMPRESSION_NONE ||
            (compression == ASSAY_COMPRESSION_AUTO && !packed));
}

/* The header of a file that begins as one of `dialect`; NULL = it may be of another one. */
static assay_status read_header(const assay_source *source, const assay_source_file *file,
                                const assay_source_dialect *dialect, const char **ret_header,
                                assay_error *err)
{
    char *bytes = NULL;
    size_t size = 0;

    *ret_header = NULL;
    if (!is_plain(source, file))
        return ASSAY_OK;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    bytes = arena != NULL ? assay_arena_take(arena, CSV_START_BYTES, 1) : NULL;
    ASSAY_TRY(assay_arena_check(bytes, err));
    ASSAY_TRY(assay_path_read_start(file->path, bytes, CSV_START_BYTES, &size, err));
    size_t length = assay_csv_header_size(bytes, size, dialect);
    if (length == 0)
        return ASSAY_OK;
    *ret_header = assay_arena_format(source->arena, "%.*s", (int)length, bytes);
    return assay_arena_check(*ret_header, err);
}

/* The sniffer is slow, and daily files come in many: one with the header of the file before it has
 * its columns and its dialect. */
static assay_status look_alike(const assay_source *source, assay_source_file *file, bool *ret_alike,
                               assay_error *err)
{
    const assay_source_file *before = file > source->files ? file - 1 : NULL;
    const char *header = NULL;

    *ret_alike = false;
    if (before == NULL || before->header == NULL)
        return ASSAY_OK;
    ASSAY_TRY(read_header(source, file, &before->dialect, &header, err));
    if (header == NULL || !assay_str_equal(header, before->header))
        return ASSAY_OK;
    file->header = header;
    file->dialect = before->dialect;
    file->columns = before->columns;
    file->column_count = before->column_count;
    *ret_alike = true;
    return ASSAY_OK;
}

/* ---- look ---- */

static assay_status look(const assay_source *source, assay_source_file *file, assay_error *err)
{
    assay_rows *rows = NULL;
    const assay_csv_dialect *csv = &source->config->csv;
    bool alike = false;

    if (file->size == 0)
        return ASSAY_OK; /* no header, no records, no columns */
    ASSAY_TRY(look_alike(source, file, &alike, err));
    if (alike)
        return ASSAY_OK;
    ASSAY_TRY(sniff(source, file, &rows, err));
    if (rows->count == 0)
        return assay_error_set(err, ASSAY_EDATA, 2211, "no dialect of CSV fits the file");
    assay_value **cells = rows->cells[0];
    file->dialect = (assay_source_dialect){
        .delimiter = csv->delimiter != NULL ? csv->delimiter : sniffed(cells[0]->text, ","),
        .quote = csv->quote != NULL ? csv->quote : sniffed(cells[1]->text, "\""),
        .escape = csv->escape != NULL ? csv->escape : sniffed(cells[2]->text, "\""),
        .comment = csv->comment,
        .header = header_of(source),
        .skip = csv->skip > 0 ? csv->skip : cells[4]->integer};
    ASSAY_TRY(take_columns(source, cells, file, err));
    ASSAY_TRY(read_header(source, file, &file->dialect, &file->header, err));
    return add_hive(source, file, err);
}

/* ---- records ---- */

static size_t own_columns(const assay_source *source, const assay_source_file *file)
{
    size_t count = file->column_count;

    for (size_t i = 0; source->config->hive && i < file->column_count; i++) {
        ASSAY_AUTO(assay_buf_done) assay_buf part = ASSAY_BUF_EMPTY;
        assay_buf_append_format(&part, "/%s=", file->columns[i].name);
        count -= assay_str_contains(file->path, assay_buf_text(&part)) ? 1 : 0;
    }
    return count;
}

static void append_reader(const assay_source *source, const assay_source_file *file, bool rejects,
                          assay_buf *buf)
{
    const assay_source_dialect *dialect = &file->dialect;
    const assay_csv_dialect *csv = &source->config->csv;

    assay_buf_append_text(buf, "read_csv(");
    assay_sql_append_text(buf, file->path);
    assay_buf_append_format(buf, ", auto_detect=false, header=%s, skip=%lld, max_line_size=%d",
                            dialect->header ? "true" : "false", (long long)dialect->skip,
                            CSV_LINE_MAX);
    append_option(buf, "delim", dialect->delimiter);
    append_option(buf, "quote", dialect->quote);
    append_option(buf, "escape", dialect->escape);
    append_option(buf, "comment", dialect->comment);
    append_option(buf, "encoding", csv->encoding);
    if (csv->null_count > 0) {
        assay_buf_append_text(buf, ", nullstr=");
        assay_sql_append_texts(buf, csv->nulls, csv->null_count);
    }
    assay_buf_append_text(buf, ", columns={");
    for (size_t i = 0, own = own_columns(source, file); i < own; i++) {
        assay_buf_append_text(buf, i > 0 ? ", " : "");
        assay_sql_append_text(buf, file->columns[i].name);
        assay_buf_append_text(buf, ": 'VARCHAR'");
    }
    assay_buf_append_text(buf, "}");
    assay_reader_append_compression(source, buf);
    assay_reader_append_hive(source, buf);
    if (rejects)
        assay_buf_append_text(buf, ", store_rejects=true, rejects_table='assay_rejects', "
                                   "rejects_scan='assay_rejects_scan', rejects_limit=0");
    assay_buf_append_text(buf, ")");
}

/* Records that the reader rejects have no row; the numbers of the others are moved behind them:
 * the n-th row has number n + (rejected records before it). */
static void append_tolerant(const assay_source *source, const assay_source_file *file,
                            assay_buf *buf)
{
    assay_buf_append_text(buf, "(SELECT * REPLACE (__assay_record + (SELECT count(*) FROM (SELECT "
                               "record - row_number() OVER (ORDER BY record) AS good_before FROM "
                               "assay_bad_rows WHERE file = ");
    assay_sql_append_text(buf, file->given);
    assay_buf_append_text(buf,
                          " AND column_name IS NULL) r WHERE r.good_before < __assay_record) AS "
                          "__assay_record) FROM (SELECT row_number() OVER () AS "
                          "__assay_record, * FROM ");
    append_reader(source, file, true, buf);
    assay_buf_append_text(buf, ")) __assay_all WHERE __assay_record NOT IN (SELECT record FROM "
                               "assay_bad_rows WHERE file = ");
    assay_sql_append_text(buf, file->given);
    assay_buf_append_text(buf, ")");
}

static void append_records(const assay_source *source, const assay_source_file *file, bool tolerant,
                           assay_buf *buf)
{
    if (file->column_count == 0) {
        assay_buf_append_text(buf, "(SELECT 0::BIGINT AS __assay_record WHERE false)");
    } else if (tolerant) {
        append_tolerant(source, file, buf);
    } else {
        assay_buf_append_text(buf, "(SELECT row_number() OVER () AS __assay_record, * FROM ");
        append_reader(source, file, false, buf);
        assay_buf_append_text(buf, ")");
    }
}

/* ---- values ---- */

static bool is_number(const char *type)
{
    static const char *const NAMES[] = {"DECIMAL", "DOUBLE",   "FLOAT",    "REAL",
                                        "TINYINT", "SMALLINT", "INTEGER",  "BIGINT",
                                        "NUMERIC", "HUGEINT",  "UINTEGER", "UBIGINT"};

    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (assay_str_starts(type, NAMES[i]))
            return true;
    return false;
}

static void append_parse(const char *function, const char *name, const char *format,
                         const char *type, assay_buf *buf)
{
    assay_buf_append_format(buf, "CAST(%s(", function);
    assay_sql_append_name(buf, name);
    assay_buf_append_text(buf, ", ");
    assay_sql_append_text(buf, format);
    assay_buf_append_format(buf, ") AS %s)", type);
}

/* `attempt`: a value that does not convert, or not without a loss, is NULL instead of an error. */
static void append_cast(const assay_source *source, const assay_column *found,
                        const assay_column *column, bool attempt, assay_buf *buf)
{
    const assay_csv_dialect *csv = &source->config->csv;
    const char *parse = attempt ? "try_strptime" : "strptime";

    if (assay_str_equal(column->type, "DATE") && csv->date_format != NULL) {
        append_parse(parse, found->name, csv->date_format, column->type, buf);
        return;
    }
    if (assay_str_starts(column->type, "TIMESTAMP") && csv->timestamp_format != NULL) {
        append_parse(parse, found->name, csv->timestamp_format, column->type, buf);
        return;
    }
    ASSAY_AUTO(assay_buf_done) assay_buf value = ASSAY_BUF_EMPTY;
    bool comma = is_number(column->type) && assay_str_equal(csv->decimal_separator, ",");
    assay_buf_append_text(&value, comma ? "replace(" : "");
    assay_sql_append_name(&value, found->name);
    assay_buf_append_text(&value, comma ? ", ',', '.')" : "");
    const assay_exact_cast cast = {assay_buf_text(&value), "VARCHAR", column->type, column->name};
    if (attempt)
        assay_sql_append_exact_try(buf, &cast);
    else
        assay_sql_append_exact_cast(buf, &cast);
    buf->failed = buf->failed || value.failed;
}

static void append_value(const assay_source *source, const assay_column *found,
                         const assay_column *column, assay_buf *buf)
{
    append_cast(source, found, column, false, buf);
}

/* ---- broken records ---- */

static const assay_column *found_in(const assay_source_file *file, const char *name)
{
    for (size_t i = 0; i < file->column_count; i++)
        if (assay_str_equal_ci(file->columns[i].name, name))
            return &file->columns[i];
    return NULL;
}

/* A field as it may stand in a record: quoted where it holds a mark of the dialect, a missing one
 * as the text that means NULL. */
static void append_field_text(const assay_source *source, const assay_source_file *file,
                              const char *name, assay_buf *buf)
{
    const assay_csv_dialect *csv = &source->config->csv;
    const assay_source_dialect *dialect = &file->dialect;
    bool quotes = dialect->quote != NULL && dialect->quote[0] != '\0';
    const char *marks[] = {dialect->delimiter, dialect->quote, "\n", "\r"};

    assay_buf_append_text(buf, ", CASE WHEN ");
    assay_sql_append_name(buf, name);
    assay_buf_append_text(buf, " IS NULL THEN ");
    assay_sql_append_text(buf, csv->null_count > 0 ? csv->nulls[0] : "");
    for (size_t i = 0; quotes && i < sizeof marks / sizeof marks[0]; i++) {
        assay_buf_append_text(buf, i == 0 ? " WHEN contains(" : " OR contains(");
        assay_sql_append_name(buf, name);
        assay_buf_append_text(buf, ", ");
        assay_sql_append_text(buf, marks[i]);
        assay_buf_append_char(buf, ')');
    }
    if (quotes) {
        assay_buf_append_text(buf, " THEN ");
        assay_sql_append_text(buf, dialect->quote);
        assay_buf_append_text(buf, " || replace(");
        assay_sql_append_name(buf, name);
        assay_buf_append_text(buf, ", ");
        assay_sql_append_text(buf, dialect->quote);
        assay_buf_append_text(buf, ", ");
        assay_sql_append_text(buf, dialect->escape);
        assay_buf_append_text(buf, " || ");
        assay_sql_append_text(buf, dialect->quote);
        assay_buf_append_text(buf, ") || ");
        assay_sql_append_text(buf, dialect->quote);
    }
    assay_buf_append_text(buf, " ELSE ");
    assay_sql_append_name(buf, name);
    assay_buf_append_text(buf, " END");
}

static void append_text_of_record(const assay_source *source, const assay_source_file *file,
                                  assay_buf *buf)
{
    assay_buf_append_text(buf, "concat_ws(");
    assay_sql_append_text(buf, file->dialect.delimiter);
    for (size_t i = 0, own = own_columns(source, file); i < own; i++)
        append_field_text(source, file, file->columns[i].name, buf);
    assay_buf_append_text(buf, ")");
}

/* [{name, reason} ..] of the fields that do not convert, as one list. */
static void append_failures(const assay_source *source, const assay_source_file *file,
                            assay_buf *buf)
{
    assay_buf_append_text(buf, "list_filter([NULL::VARCHAR");
    for (size_t i = 0; i < source->column_count; i++) {
        const assay_column *column = &source->columns[i];
        const assay_column *found = found_in(file, column->name);
        if (found == NULL || assay_str_equal(column->type, "VARCHAR"))
            continue;
        assay_buf_append_text(buf, ", CASE WHEN ");
        assay_sql_append_name(buf, found->name);
        assay_buf_append_text(buf, " IS NOT NULL AND ");
        append_cast(source, found, column, true, buf);
        assay_buf_append_text(buf, " IS NULL THEN ");
        assay_sql_append_text(buf, column->name);
        assay_buf_append_text(buf, " END");
    }
    assay_buf_append_text(buf, "], lambda f: f IS NOT NULL)");
}

/* Every read with store_rejects adds to these tables. */
static assay_status clear_rejects(const assay_source *source, assay_error *err)
{
    ASSAY_TRY(assay_conn_execute(source->conn, "DELETE FROM assay_rejects", NULL, err));
    return assay_conn_execute(source->conn, "DELETE FROM assay_rejects_scan", NULL, err);
}

/* What the reader itself rejects: line numbers count records, the header and skipped lines. */
static assay_status take_rejects(const assay_source *source, const assay_source_file *file,
                                 assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&sql, "INSERT INTO assay_bad_rows SELECT ");
    assay_sql_append_text(&sql, file->given);
    assay_buf_append_format(
        &sql,
        ", (line - %lld)::BIGINT, NULL, any_value(lower(error_type::VARCHAR) || "
        "': ' || error_message), any_value(csv_line) FROM assay_rejects GROUP "
        "BY line",
        (long long)file->dialect.skip + (file->dialect.header ? 1 : 0));
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_execute(source->conn, sql.data, NULL, err));
    return clear_rejects(source, err);
}

static assay_status find_rejects(const assay_source *source, const assay_source_file *file,
                                 assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    /* sum(length) makes the reader split every record; count(*) alone would not */
    assay_buf_append_text(&sql, "SELECT sum(length(COLUMNS(*)::VARCHAR)) FROM ");
    append_reader(source, file, true, &sql);
    assay_buf_append_text(&sql, " LIMIT 1");
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_execute(source->conn, sql.data, NULL, err));
    return take_rejects(source, file, err);
}

static assay_status find_unconvertible(const assay_source *source, const assay_source_file *file,
                                       assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&sql, "INSERT INTO assay_bad_rows SELECT ");
    assay_sql_append_text(&sql, file->given);
    assay_buf_append_text(&sql, ", __assay_record, failed[1], 'value does not convert: ' || "
                                "array_to_string(failed, ', '), record_text FROM (SELECT "
                                "__assay_record, ");
    append_failures(source, file, &sql);
    assay_buf_append_text(&sql, " AS failed, ");
    append_text_of_record(source, file, &sql);
    assay_buf_append_text(&sql, " AS record_text FROM ");
    append_tolerant(source, file, &sql);
    assay_buf_append_text(&sql, ") WHERE len(failed) > 0");
    ASSAY_TRY(assay_buf_check(&sql, err));
    return assay_conn_execute(source->conn, sql.data, NULL, err);
}

static assay_status find_bad(const assay_source *source, const assay_source_file *file,
                             assay_error *err)
{
    if (file->column_count == 0)
        return ASSAY_OK;
    ASSAY_TRY(find_rejects(source, file, err));
    ASSAY_TRY(find_unconvertible(source, file, err));
    return clear_rejects(source, err);
}

const assay_reader assay_reader_csv = {look, append_records, append_value, find_bad, false};
