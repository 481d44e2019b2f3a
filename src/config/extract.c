#include "config/extract.h"

#include "base/path.h"
#include "base/str.h"
#include "config/read.h"
#include "config/shared.h"
#include "config/tables.h"

#include <string.h>

static const char *const format_names[] = {"csv", "json", "parquet", NULL};
static const char *const compression_names[] = {"auto", "none", "gzip", "zstd", NULL};
static const char *const changed_names[] = {"fail", "replace", "append", NULL};

const char *assay_file_format_name(assay_file_format format)
{
    return format_names[format];
}

/* By what stands in the file's name: "orders*.csv.gz" is CSV. */
static int format_of_name(const char *name)
{
    static const struct {
        const char *part;
        assay_file_format format;
    } rows[] = {
        {".csv", ASSAY_FILE_CSV},     {".tsv", ASSAY_FILE_CSV},         {".json", ASSAY_FILE_JSON},
        {".ndjson", ASSAY_FILE_JSON}, {".parquet", ASSAY_FILE_PARQUET},
    };
    const char *base = assay_path_base(name);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (assay_str_contains(base, rows[i].part))
            return (int)rows[i].format;
    return -1;
}

static assay_status read_format(const assay_value *source, const char *path,
                                assay_extract_config *extract, assay_error *err)
{
    int format = assay_config_enum(source, "format", format_names, -1);

    for (size_t i = 0; format < 0 && i < extract->file_count; i++) {
        int found = format_of_name(extract->files[i].text);
        int first = format_of_name(extract->files[0].text);

        if (found < 0 || found != first)
            return assay_error_at(err, ASSAY_ECONFIG, 1253,
                                  (assay_place){path, extract->files[i].line,
                                                extract->files[i].column},
                                  "the format of '%s' cannot be told from its name: say "
                                  "source.format csv, json or parquet",
                                  extract->files[i].text);
    }
    extract->format =
        (assay_file_format)(format >= 0 ? format : format_of_name(extract->files[0].text));
    if (extract->format != ASSAY_FILE_CSV && assay_config_find(source, "csv") != NULL)
        return assay_error_at(err, ASSAY_ECONFIG, 1252, assay_config_place(source, "csv", path),
                              "'csv' has no meaning for %s files", format_names[extract->format]);
    if (extract->format != ASSAY_FILE_JSON && assay_config_find(source, "json") != NULL)
        return assay_error_at(err, ASSAY_ECONFIG, 1252, assay_config_place(source, "json", path),
                              "'json' has no meaning for %s files", format_names[extract->format]);
    if (extract->format == ASSAY_FILE_PARQUET && extract->compression != ASSAY_COMPRESSION_AUTO)
        return assay_error_at(err, ASSAY_ECONFIG, 1252,
                              assay_config_place(source, "compression", path),
                              "'compression' has no meaning for parquet files");
    return ASSAY_OK;
}

/* A mark of a dialect: at most `most` bytes; '\t' and 'tab' mean the tabulator. */
static assay_status read_mark(const assay_value *csv, const char *key, size_t most,
                              const char *path, const char **ret_mark, assay_error *err)
{
    const char *text = assay_config_text(csv, key, NULL);

    if (text != NULL && (strcmp(text, "\\t") == 0 || strcmp(text, "tab") == 0))
        text = "\t";
    if (text != NULL && strlen(text) > most)
        return assay_error_at(err, ASSAY_ECONFIG, 1254, assay_config_place(csv, key, path),
                              "'%s' may have at most %zu byte%s, not '%.40s'", key, most,
                              most == 1 ? "" : "s", text);
    *ret_mark = text;
    return ASSAY_OK;
}

static assay_status read_nulls(const assay_value *csv, assay_arena *arena,
                               assay_csv_dialect *dialect, assay_error *err)
{
    assay_named *texts = NULL;

    ASSAY_TRY(assay_config_texts(csv, "null", arena, &texts, &dialect->null_count, err));
    if (dialect->null_count == 0)
        return ASSAY_OK;
    dialect->nulls = assay_arena_take(arena, dialect->null_count, sizeof *dialect->nulls);
    ASSAY_TRY(assay_arena_check(dialect->nulls, err));
    for (size_t i = 0; i < dialect->null_count; i++)
        dialect->nulls[i] = texts[i].text;
    return ASSAY_OK;
}

static assay_status read_csv(const assay_value *csv, const char *path, assay_arena *arena,
                             assay_csv_dialect *dialect, assay_error *err)
{
    ASSAY_TRY(read_mark(csv, "delimiter", 4, path, &dialect->delimiter, err));
    ASSAY_TRY(read_mark(csv, "quote", 1, path, &dialect->quote, err));
    ASSAY_TRY(read_mark(csv, "escape", 1, path, &dialect->escape, err));
    ASSAY_TRY(read_mark(csv, "comment", 1, path, &dialect->comment, err));
    ASSAY_TRY(read_mark(csv, "decimal_separator", 1, path, &dialect->decimal_separator, err));
    ASSAY_TRY(read_nulls(csv, arena, dialect, err));
    dialect->header =
        assay_config_find(csv, "header") == NULL ? -1 : (int)assay_config_bool(csv, "header", true);
    dialect->skip = assay_config_int(csv, "skip", 0);
    dialect->encoding = assay_config_text(csv, "encoding", "utf-8");
    dialect->date_format = assay_config_text(csv, "date_format", NULL);
    dialect->timestamp_format = assay_config_text(csv, "timestamp_format", NULL);
    dialect->max_line_bytes = assay_config_size(csv, "max_line_size", 0);
    if (dialect->delimiter != NULL && dialect->delimiter[0] == '\0')
        return assay_error_at(err, ASSAY_ECONFIG, 1254, assay_config_place(csv, "delimiter", path),
                              "'delimiter' may not be empty");
    return ASSAY_OK;
}

static assay_status read_source(const assay_value *tree, const char *path, assay_arena *arena,
                                assay_extract_config *extract, assay_error *err)
{
    const assay_value *source = assay_config_find(tree, "source");
    const assay_value *connection = assay_config_find(source, "connection");

    ASSAY_TRY(
        assay_config_texts(source, "files", arena, &extract->files, &extract->file_count, err));
    if (connection != NULL)
        extract->connection =
            (assay_named){assay_config_scalar(connection), connection->line, connection->column};
    if ((extract->file_count > 0) == (connection != NULL))
        return assay_error_at(err, ASSAY_ECONFIG, 1251, assay_config_place(tree, "source", path),
                              "a source has either 'files' or a 'connection'");
    if (connection != NULL) {
        extract->format = ASSAY_FILE_PARQUET; /* typed, as its columns are */
        return assay_database_source_read(tree, path, arena, &extract->database, err);
    }

    static const char *const of_connection[] = {"table", "query"};
    for (size_t i = 0; i < 2; i++)
        if (assay_config_find(source, of_connection[i]) != NULL)
            return assay_error_at(err, ASSAY_ECONFIG, 1251,
                                  assay_config_place(source, of_connection[i], path),
                                  "'%s' needs a 'connection'", of_connection[i]);
    for (size_t i = 0; i < extract->file_count; i++)
        if (strstr(extract->files[i].text, "://") != NULL)
            return assay_error_at(err, ASSAY_EUNSUPPORTED, 2016,
                                  (assay_place){path, extract->files[i].line,
                                                extract->files[i].column},
                                  "'%s' is not on local disk: other places are not built in this "
                                  "version",
                                  extract->files[i].text);
    extract->compression =
        (assay_file_compression)assay_config_enum(source, "compression", compression_names,
                                                  ASSAY_COMPRESSION_AUTO);
    extract->hive = assay_config_bool(source, "hive", false);
    ASSAY_TRY(read_format(source, path, extract, err));
    extract->json_layout = assay_config_text(assay_config_find(source, "json"), "layout", "auto");
    return read_csv(assay_config_find(source, "csv"), path, arena, &extract->csv, err);
}

static bool has_connection(const assay_value *tree)
{
    return assay_config_find(assay_config_find(tree, "source"), "connection") != NULL;
}

/* Without a watermark nobody can tell which rows of a database are new. */
static assay_load_mode default_mode(const assay_value *tree)
{
    bool whole = has_connection(tree) && assay_config_find(tree, "watermark") == NULL;

    return whole ? ASSAY_LOAD_FULL : ASSAY_LOAD_APPEND;
}

static assay_status check_watermark(const assay_value *tree, const char *path, assay_load_mode mode,
                                    assay_error *err)
{
    bool given = assay_config_find(tree, "watermark") != NULL;

    if (!has_connection(tree))
        return !given ? ASSAY_OK
                      : assay_error_at(err, ASSAY_ECONFIG, 2014,
                                       assay_config_place(tree, "watermark", path),
                                       "'watermark' has no meaning for files: assay knows which "
                                       "of them it has loaded");
    if (given && mode == ASSAY_LOAD_FULL)
        return assay_error_at(err, ASSAY_ECONFIG, 2014, assay_config_place(tree, "watermark", path),
                              "'watermark' has no meaning in mode full: everything is read");
    if (!given && mode == ASSAY_LOAD_APPEND)
        return assay_error_at(err, ASSAY_ECONFIG, 2014, assay_config_place(tree, "mode", path),
                              "mode append of a database needs a `watermark`, or every run would "
                              "add all rows again; mode full replaces them");
    return ASSAY_OK;
}

assay_status assay_extract_read(const assay_value *tree, const char *path, assay_arena *arena,
                                assay_extract_config **ret_extract, assay_model_header *ret_header,
                                assay_error *err)
{
    assay_model_header header;

    ASSAY_TRY(assay_config_check(tree, &assay_table_extract, path, err));
    ASSAY_TRY(assay_header_read_shared(tree, path, default_mode(tree), arena, &header, err));
    ASSAY_TRY(check_watermark(tree, path, header.mode, err));
    if (header.mode != ASSAY_LOAD_APPEND && header.mode != ASSAY_LOAD_FULL)
        return assay_error_at(err, ASSAY_EUNSUPPORTED, 2010, assay_config_place(tree, "mode", path),
                              "an extract has no mode '%s': full and append are; a model that "
                              "reads it can have it",
                              assay_load_mode_name(header.mode));

    assay_extract_config *extract = assay_arena_take(arena, 1, sizeof *extract);
    ASSAY_TRY(assay_arena_check(extract, err));
    extract->tree = tree;
    extract->changed_file =
        (assay_changed_file)assay_config_enum(tree, "changed_file", changed_names,
                                              ASSAY_CHANGED_FILE_FAIL);
    ASSAY_TRY(read_source(tree, path, arena, extract, err));
    *ret_extract = extract;
    *ret_header = header;
    return ASSAY_OK;
}
