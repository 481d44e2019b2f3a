/* Parquet: typed and self-describing; a file is whole or it is refused. */
#include "base/str.h"
#include "source/reader.h"

static void append_reader(const assay_source *source, const assay_source_file *file, assay_buf *buf)
{
    assay_buf_append_text(buf, "read_parquet(");
    assay_sql_append_text(buf, file->path);
    assay_buf_append_text(buf, ", file_row_number=true");
    assay_reader_append_hive(source, buf);
    assay_buf_append_text(buf, ")");
}

static assay_status look(const assay_source *source, assay_source_file *file, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&sql, "SELECT * EXCLUDE (file_row_number) FROM ");
    append_reader(source, file, &sql);
    ASSAY_TRY(assay_buf_check(&sql, err));
    return assay_reader_describe(source, sql.data, file, err);
}

static void append_records(const assay_source *source, const assay_source_file *file, bool tolerant,
                           assay_buf *buf)
{
    (void)tolerant;
    assay_buf_append_text(buf, "(SELECT file_row_number + 1 AS __assay_record, * EXCLUDE "
                               "(file_row_number) FROM ");
    append_reader(source, file, buf);
    assay_buf_append_text(buf, ")");
}

static void append_value(const assay_source *source, const assay_column *found,
                         const assay_column *column, assay_buf *buf)
{
    (void)source;
    assay_reader_append_exact(found, found->type, column, buf);
}

const assay_reader assay_reader_parquet = {look, append_records, append_value, NULL, false};

/* ---- shared by the kinds ---- */

void assay_reader_append_compression(const assay_source *source, assay_buf *buf)
{
    static const char *const NAMES[] = {NULL, "none", "gzip", "zstd"};
    const char *name = NAMES[source->config->compression];

    if (name != NULL)
        assay_buf_append_format(buf, ", compression='%s'", name);
}

void assay_reader_append_exact(const assay_column *found, const char *from,
                               const assay_column *column, assay_buf *buf)
{
    ASSAY_AUTO(assay_buf_done) assay_buf value = ASSAY_BUF_EMPTY;

    assay_sql_append_name(&value, found->name);
    const assay_exact_cast cast = {assay_buf_text(&value), from, column->type, column->name};
    assay_sql_append_exact_cast(buf, &cast);
    buf->failed = buf->failed || value.failed;
}

void assay_reader_append_hive(const assay_source *source, assay_buf *buf)
{
    assay_buf_append_text(buf, source->config->hive
                                   ? ", hive_partitioning=true, hive_types_autocast=false"
                                   : ", hive_partitioning=false");
}

assay_status assay_reader_describe(const assay_source *source, const char *query,
                                   assay_source_file *file, assay_error *err)
{
    return assay_conn_describe(source->conn, query, source->arena, &file->columns,
                               &file->column_count, err);
}
