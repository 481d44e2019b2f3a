#include "source/source.h"

#include <string.h>

#include "base/map.h"
#include "base/path.h"
#include "base/str.h"
#include "base/vec.h"
#include "source/looks.h"
#include "source/reader.h"
#include "store/hash.h"
#include "table/type.h"
#include "text/json.h"

const assay_column assay_source_bronze[] = {{"_source_file", "VARCHAR"},
                                            {"_source_row", "BIGINT"},
                                            {"_loaded_at", "TIMESTAMP WITH TIME ZONE"},
                                            {"_run_id", "VARCHAR"}};
const size_t assay_source_bronze_count = sizeof assay_source_bronze / sizeof assay_source_bronze[0];

bool assay_source_is_bronze(const char *column)
{
    for (size_t i = 0; i < assay_source_bronze_count; i++)
        if (assay_str_equal_ci(assay_source_bronze[i].name, column))
            return true;
    return false;
}

static assay_place place(const assay_source *source, const char *key)
{
    return assay_model_place(source->model, key);
}

/* ---- which files ---- */

/* The newest thing known of each path. */
static assay_status known_files(const assay_state_file *state, assay_map **ret_map,
                                assay_error *err)
{
    ASSAY_AUTO(assay_map_freep) assay_map *map = assay_map_new();

    ASSAY_TRY(assay_arena_check(map, err));
    for (size_t i = 0; state != NULL && i < state->file_count; i++)
        ASSAY_TRY(assay_map_put(map, state->files[i].path, &state->files[i], err));
    *ret_map = ASSAY_TAKE(&map);
    return ASSAY_OK;
}

static assay_status measure(const assay_source *source, const char *given, assay_source_file *file,
                            assay_error *err)
{
    assay_path_info info;

    *file = (assay_source_file){.given = given};
    file->path = assay_path_normal(source->arena, source->project->root, given);
    ASSAY_TRY(assay_arena_check(file->path, err));
    ASSAY_TRY(assay_path_stat(file->path, &info, err));
    if (!info.exists)
        return assay_error_set(err, ASSAY_EIO, 2206, "file '%s' vanished", given);
    file->size = info.size;
    file->mtime_ns = info.mtime_ns;
    (void)assay_source_looks_recall(source->looks, source->model->name, file);
    return ASSAY_OK;
}

static assay_status hash_file(const assay_source *source, assay_source_file *file, assay_error *err)
{
    char hex[65];

    if (file->sha256 != NULL)
        return ASSAY_OK; /* of the same size and time of change */
    ASSAY_TRY(assay_store_sha256_file(file->path, hex, err));
    file->sha256 = assay_arena_text(source->arena, hex);
    return assay_arena_check(file->sha256, err);
}

/* SEMANTICS.md 1.9: unchanged size and mtime = unchanged; else the hash decides. */
static assay_status sort_out(const assay_source *source, const assay_map *known,
                             assay_source_file *file, bool *ret_load, assay_error *err)
{
    const assay_consumed_file *old = assay_map_find(known, file->given);

    *ret_load = false;
    if (old != NULL && old->size == file->size && old->mtime_ns == file->mtime_ns)
        return ASSAY_OK;
    ASSAY_TRY(hash_file(source, file, err));
    if (old != NULL && assay_str_equal(old->sha256, file->sha256))
        return ASSAY_OK;
    file->changed = old != NULL;
    if (file->changed && source->config->changed_file == ASSAY_CHANGED_FILE_FAIL)
        return assay_error_at(err, ASSAY_EDATA, 2203, place(source, "changed_file"),
                              "file '%s' was loaded before with other content; `changed_file: "
                              "replace` or `append` says what to do",
                              file->given);
    *ret_load = true;
    return ASSAY_OK;
}

static assay_status glob_files(const assay_source *source, assay_vec *paths, assay_error *err)
{
    ASSAY_AUTO(assay_map_freep) assay_map *seen = assay_map_new();

    ASSAY_TRY(assay_arena_check(seen, err));
    for (size_t i = 0; i < source->config->file_count; i++) {
        char **found = NULL;
        size_t count = 0;
        ASSAY_TRY(assay_path_glob(source->project->root, source->config->files[i].text,
                                  source->arena, &found, &count, err));
        for (size_t k = 0; k < count; k++) {
            if (assay_map_has(seen, found[k]))
                continue;
            ASSAY_TRY(assay_map_put(seen, found[k], found[k], err));
            ASSAY_TRY(assay_vec_push(paths, &found[k], err));
        }
    }
    if (paths->count > ASSAY_SOURCE_FILES_MAX)
        return assay_error_at(err, ASSAY_EDATA, 2207, place(source, "source"),
                              "%zu files match; the limit of one extract is %d", paths->count,
                              ASSAY_SOURCE_FILES_MAX);
    return ASSAY_OK;
}

assay_status assay_source_list(assay_source *source, const assay_state_file *state,
                               assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec paths = ASSAY_VEC_OF(char *);
    ASSAY_AUTO(assay_vec_done) assay_vec files = ASSAY_VEC_OF(assay_source_file);
    ASSAY_AUTO(assay_map_freep) assay_map *known = NULL;

    ASSAY_TRY(known_files(state, &known, err));
    ASSAY_TRY(glob_files(source, &paths, err));
    source->matched = paths.count;
    for (size_t i = 0; i < paths.count; i++) {
        assay_source_file file;
        bool load = false;
        ASSAY_TRY(measure(source, *(char **)assay_vec_at(&paths, i), &file, err));
        ASSAY_TRY(sort_out(source, known, &file, &load, err));
        if (load)
            ASSAY_TRY(assay_vec_push(&files, &file, err));
    }
    return assay_vec_to_arena(&files, source->arena, &source->files, &source->count, err);
}

assay_status assay_source_verify(const assay_source *source, assay_error *err)
{
    for (size_t i = 0; i < source->count; i++) {
        const assay_source_file *file = &source->files[i];
        assay_path_info info;
        ASSAY_TRY(assay_path_stat(file->path, &info, err));
        if (info.exists && info.size == file->size && info.mtime_ns == file->mtime_ns)
            continue;
        (void)assay_error_at(err, ASSAY_EIO, 2206, place(source, "source"),
                             "file '%s' %s while it was read; nothing was loaded", file->given,
                             info.exists ? "changed" : "vanished");
        if (err != NULL)
            err->retryable = true;
        return ASSAY_EIO;
    }
    return ASSAY_OK;
}

/* ---- what is in them ---- */

static const assay_reader *reader_of(const assay_source *source)
{
    switch (source->config->format) {
    case ASSAY_FILE_CSV:
        return &assay_reader_csv;
    case ASSAY_FILE_JSON:
        return &assay_reader_json;
    case ASSAY_FILE_PARQUET:
        return &assay_reader_parquet;
    }
    return NULL;
}

assay_status assay_source_look(assay_source *source, assay_error *err)
{
    const assay_reader *reader = reader_of(source);

    for (size_t i = 0; i < source->count; i++) {
        assay_source_file *file = &source->files[i];
        if (file->looked)
            continue;
        if (reader->look(source, file, err) != ASSAY_OK) {
            (void)assay_error_wrap(err, "looking into '%s'", file->given);
            assay_error_place(err, place(source, "source"));
            return err != NULL ? err->code : ASSAY_EDATA;
        }
        file->looked = true;
        assay_source_looks_note(source->looks, source->model->name, file);
    }
    return ASSAY_OK;
}

static assay_column *find_column(assay_column *columns, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (assay_str_equal_ci(columns[i].name, name))
            return &columns[i];
    return NULL;
}

static const assay_contract *contract_of(const assay_source *source)
{
    return &source->model->header.contract;
}

static const char *contract_type(const assay_source *source, const char *name)
{
    const assay_contract_column *declared = assay_contract_find(contract_of(source), name);

    return declared != NULL ? declared->type : NULL;
}

/* Where the contract says something of a column, else where it begins. */
static assay_place column_place(const assay_source *source, const char *name)
{
    const assay_contract_column *declared = assay_contract_find(contract_of(source), name);

    if (declared == NULL)
        return place(source, "contract");
    return (assay_place){source->model->path, declared->line, declared->column};
}

/* Typed sources: the table's type stays where it holds the file's values, and widens where the
 * contract lets it. */
static assay_status reconcile(const assay_source *source, const assay_source_file *file,
                              assay_column *column, const char *found, assay_error *err)
{
    assay_type have;
    assay_type want;
    const char *original = NULL;

    assay_contract_policy policy = contract_of(source)->type_change;

    if (source->config->format != ASSAY_FILE_PARQUET)
        return ASSAY_OK;
    ASSAY_TRY(assay_type_parse(column->type, column->name, source->arena, &have, &original, err));
    ASSAY_TRY(assay_type_parse(found, column->name, source->arena, &want, &original, err));
    if (assay_type_can_widen(&want, &have))
        return ASSAY_OK;
    if (policy == ASSAY_CONTRACT_FREEZE)
        return ASSAY_OK; /* values are cast, and one that does not fit is an error */
    if (policy == ASSAY_CONTRACT_EVOLVE && assay_type_can_widen(&have, &want)) {
        column->type = found;
        return ASSAY_OK;
    }
    bool declared = contract_type(source, column->name) != NULL;
    return assay_error_at(err, ASSAY_EDATA, 2205, column_place(source, column->name),
                          "column '%s' of '%s' is %s, and the %s has %s", column->name, file->given,
                          found, declared ? "contract" : "table", column->type);
}

static assay_status add_new(const assay_source *source, const assay_source_file *file,
                            const assay_column *found, bool first_load, assay_vec *columns,
                            assay_error *err)
{
    const assay_contract *contract = contract_of(source);
    const char *type = contract_type(source, found->name);
    bool known = first_load || assay_contract_find(contract, found->name) != NULL;
    assay_column column = {found->name, type != NULL ? type : found->type};

    if (!known && contract->new_column == ASSAY_CONTRACT_FAIL)
        return assay_error_at(err, ASSAY_EDATA, 2204, place(source, "contract"),
                              "file '%s' has a new column '%s' (%s)", file->given, found->name,
                              found->type);
    if (!known && contract->new_column == ASSAY_CONTRACT_FREEZE)
        return ASSAY_OK;
    return assay_vec_push(columns, &column, err);
}

static assay_status take_file(const assay_source *source, const assay_source_file *file,
                              bool first_load, assay_vec *columns, assay_error *err)
{
    for (size_t i = 0; i < file->column_count; i++) {
        const assay_column *found = &file->columns[i];
        if (assay_source_is_bronze(found->name))
            return assay_error_at(err, ASSAY_EDATA, 2208, place(source, "source"),
                                  "file '%s' has a column '%s', a name that assay gives itself",
                                  file->given, found->name);
        assay_column *column = find_column(columns->items, columns->count, found->name);
        if (column == NULL)
            ASSAY_TRY(add_new(source, file, found, first_load, columns, err));
        else
            ASSAY_TRY(reconcile(source, file, column, found->type, err));
    }
    return ASSAY_OK;
}

/* A column that the table has and a file has not. */
static assay_status check_missing(const assay_source *source, const assay_source_file *file,
                                  const assay_column *column, assay_error *err)
{
    if (file->column_count == 0 || reader_of(source)->optional_fields)
        return ASSAY_OK; /* an empty file has no records that could lack it */
    if (find_column(file->columns, file->column_count, column->name) != NULL ||
        contract_of(source)->missing_column != ASSAY_CONTRACT_FAIL)
        return ASSAY_OK;
    return assay_error_at(err, ASSAY_EDATA, 2209, column_place(source, column->name),
                          "%s'%s' has no column '%s' (%s)",
                          source->config->database != NULL ? "" : "file ", file->given,
                          column->name, column->type);
}

static assay_status add_contract(const assay_source *source, assay_vec *columns, assay_error *err)
{
    for (size_t i = 0; i < contract_of(source)->column_count; i++) {
        const assay_contract_column *declared = &contract_of(source)->columns[i];
        const assay_column column = {declared->name, declared->type};
        /* one without a type comes with the first file that has it */
        if (declared->type != NULL &&
            find_column(columns->items, columns->count, declared->name) == NULL)
            ASSAY_TRY(assay_vec_push(columns, &column, err));
    }
    return ASSAY_OK;
}

assay_status assay_source_decide(assay_source *source, const assay_column *published,
                                 size_t published_count, assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec columns = ASSAY_VEC_OF(assay_column);
    /* with a contract's list, a column that is neither there nor in the table is a new one */
    bool first_load = published_count == 0 && contract_of(source)->column_count == 0;

    for (size_t i = 0; i < published_count; i++) {
        assay_column column = published[i];
        const char *type = contract_type(source, column.name);
        column.type = type != NULL ? type : column.type;
        if (!assay_source_is_bronze(column.name))
            ASSAY_TRY(assay_vec_push(&columns, &column, err));
    }
    ASSAY_TRY(add_contract(source, &columns, err));
    size_t expected = columns.count; /* what comes after is new: not every file can have it */
    for (size_t i = 0; i < source->count; i++)
        ASSAY_TRY(take_file(source, &source->files[i], first_load, &columns, err));
    ASSAY_TRY(
        assay_vec_to_arena(&columns, source->arena, &source->columns, &source->column_count, err));
    for (size_t i = 0; i < source->count; i++)
        for (size_t k = 0; k < expected; k++)
            ASSAY_TRY(check_missing(source, &source->files[i], &source->columns[k], err));
    return ASSAY_OK;
}

/* ---- reading ---- */

static void append_bronze(const assay_source *source, const assay_source_file *file, assay_buf *buf)
{
    char time[ASSAY_TIME_TEXT_SIZE];

    assay_time_format_sql(source->now_us, time);
    assay_buf_append_text(buf, ", ");
    assay_sql_append_text(buf, file->given);
    assay_buf_append_text(buf, " AS _source_file, __assay_record AS _source_row, TIMESTAMPTZ ");
    assay_buf_append_format(buf, "'%s+00' AS _loaded_at, ", time);
    assay_sql_append_text(buf, source->run_id);
    assay_buf_append_text(buf, " AS _run_id");
}

static const assay_column *column_in_file(const assay_source_file *file, const char *name)
{
    return find_column(file->columns, file->column_count, name);
}

static void append_columns(const assay_source *source, const assay_source_file *file,
                           const assay_reader *reader, assay_buf *buf)
{
    for (size_t i = 0; i < source->column_count; i++) {
        const assay_column *column = &source->columns[i];
        const assay_column *found = column_in_file(file, column->name);
        assay_buf_append_text(buf, i > 0 ? ", " : "");
        bool read = reader->optional_fields ? file->size > 0 : found != NULL;
        if (read)
            reader->append_value(source, found != NULL ? found : column, column, buf);
        else
            assay_buf_append_format(buf, "CAST(NULL AS %s)", column->type);
        assay_buf_append_text(buf, " AS ");
        assay_sql_append_name(buf, column->name);
    }
}

assay_status assay_source_append_select(const assay_source *source, bool tolerant, assay_buf *buf,
                                        assay_error *err)
{
    const assay_reader *reader = reader_of(source);

    for (size_t i = 0; i < source->count; i++) {
        const assay_source_file *file = &source->files[i];
        assay_buf_append_text(buf, i > 0 ? " UNION ALL SELECT " : "SELECT ");
        append_columns(source, file, reader, buf);
        append_bronze(source, file, buf);
        assay_buf_append_text(buf, " FROM ");
        reader->append_records(source, file, tolerant, buf);
    }
    return assay_buf_check(buf, err);
}

/* {"format": "csv", "delimiter": "," ..., "columns": [..]}: enough to read one record alone. */
static void write_format(const assay_source *source, const assay_source_file *file, assay_buf *buf)
{
    assay_json_writer writer = assay_json_writer_init(buf);

    assay_json_begin_map(&writer);
    assay_json_key(&writer, "format");
    assay_json_text(&writer, assay_file_format_name(source->config->format));
    if (source->config->format == ASSAY_FILE_CSV) {
        assay_json_key(&writer, "delimiter");
        assay_json_text(&writer, file->dialect.delimiter);
        assay_json_key(&writer, "quote");
        assay_json_text(&writer, file->dialect.quote);
        assay_json_key(&writer, "escape");
        assay_json_text(&writer, file->dialect.escape);
        assay_json_key(&writer, "columns");
        assay_json_begin_list(&writer);
        for (size_t i = 0; i < file->column_count; i++)
            assay_json_text(&writer, file->columns[i].name);
        assay_json_end_list(&writer);
    }
    assay_json_end_map(&writer);
}

/* For files that have broken records. */
static assay_status keep_format(const assay_source *source, const assay_source_file *file,
                                assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf format = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    write_format(source, file, &format);
    ASSAY_TRY(assay_buf_check(&format, err));
    assay_buf_append_text(&sql, "INSERT INTO assay_bad_formats SELECT ");
    assay_sql_append_text(&sql, file->given);
    assay_buf_append_text(&sql, ", ");
    assay_sql_append_text(&sql, format.data);
    assay_buf_append_text(&sql, " WHERE EXISTS (SELECT 1 FROM assay_bad_rows WHERE file = ");
    assay_sql_append_text(&sql, file->given);
    assay_buf_append_char(&sql, ')');
    ASSAY_TRY(assay_buf_check(&sql, err));
    return assay_conn_execute(source->conn, sql.data, NULL, err);
}

assay_status assay_source_find_bad(const assay_source *source, int64_t *ret_count, assay_error *err)
{
    const assay_reader *reader = reader_of(source);

    *ret_count = 0;
    if (reader->find_bad == NULL)
        return ASSAY_OK;
    ASSAY_TRY(
        assay_conn_execute(source->conn,
                           "CREATE OR REPLACE TEMP TABLE assay_bad_rows (file VARCHAR, "
                           "record BIGINT, column_name VARCHAR, reason VARCHAR, text VARCHAR)",
                           NULL, err));
    ASSAY_TRY(assay_conn_execute(
        source->conn,
        "CREATE OR REPLACE TEMP TABLE assay_bad_formats (file VARCHAR, format VARCHAR)", NULL,
        err));
    for (size_t i = 0; i < source->count; i++) {
        ASSAY_TRY(reader->find_bad(source, &source->files[i], err));
        ASSAY_TRY(keep_format(source, &source->files[i], err));
    }
    return assay_conn_query_int(source->conn,
                                "SELECT count(DISTINCT (file, record)) FROM assay_bad_rows",
                                ret_count, err);
}
