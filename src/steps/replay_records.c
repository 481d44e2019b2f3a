/* Records that could not be read, once more: they are written to a file of their kind and read as
 * any file of the extract, so that a corrected type, format or pattern counts for them too. */
#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "base/vec.h"
#include "source/csv_record.h"
#include "steps/replay.h"
#include "text/json.h"

/* Where each record of a file comes from: its place in quarantine and in its first file. */
#define MAP_TABLE "\"temp\".\"main\".\"__assay_replay_map\""

/* All records of one form. */
struct group {
    const assay_replay_rows *rows;
    const char *given; /* the file's name in assay_bad_rows and in the map */
    const char *path;
    assay_extract_config config; /* as the extract has it, for a file of ours */
    assay_source_file file;
    assay_buf text, map;
    size_t written;
};

static assay_status execute(const assay_replay_rows *rows, const assay_buf *sql, assay_error *err)
{
    ASSAY_TRY(assay_buf_check(sql, err));
    return assay_conn_execute(rows->request->conn, sql->data, NULL, err);
}

/* ---- the form ---- */

/* {"format": "csv", "delimiter": ..} as extracts write it. */
static assay_status read_format(struct group *group, const char *format, assay_error *err)
{
    assay_arena *arena = group->rows->request->arena;
    assay_value *tree = NULL;

    ASSAY_TRY(assay_json_parse(format, strlen(format), ASSAY_QUARANTINE_FORMAT, arena, &tree, err));
    group->file.dialect =
        (assay_source_dialect){.delimiter = assay_value_find_text(tree, "delimiter", ","),
                               .quote = assay_value_find_text(tree, "quote", "\""),
                               .escape = assay_value_find_text(tree, "escape", "\"")};
    const assay_value *columns = assay_value_find(tree, "columns");
    size_t count = columns != NULL ? columns->count : 0;
    group->file.columns = assay_arena_take(arena, count + 1, sizeof *group->file.columns);
    ASSAY_TRY(assay_arena_check(group->file.columns, err));
    for (size_t i = 0; i < count; i++)
        group->file.columns[i] = (assay_column){columns->items[i]->text, "VARCHAR"};
    group->file.column_count = count;
    const char *name = assay_value_find_text(tree, "format", "");
    group->config.format = assay_str_equal(name, "csv") ? ASSAY_FILE_CSV : ASSAY_FILE_JSON;
    return ASSAY_OK;
}

/* Options of the extract that say how its files lie on disk do not hold for ours. */
static void set_config(struct group *group)
{
    group->config = *group->rows->request->model->extract;
    group->config.csv.encoding = "utf-8";
    group->config.compression = ASSAY_COMPRESSION_NONE;
    group->config.json_layout = "lines";
    group->config.hive = false;
}

/* ---- the file ---- */

static assay_status stays(const struct group *group, assay_value **cells, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&sql, "INSERT INTO " ASSAY_REPLAY_BAD " VALUES (");
    assay_sql_append_text(&sql, cells[0]->text);
    assay_buf_append_format(&sql, ", %lld)", (long long)cells[1]->integer);
    return execute(group->rows, &sql, err);
}

static bool may_stand_in_file(const struct group *group, const char *record)
{
    if (group->config.format == ASSAY_FILE_CSV)
        return assay_csv_record_fits(record, &group->file.dialect, group->file.column_count);
    return !assay_str_contains(record, "\n") && !assay_str_is_blank(record);
}

static assay_status add_record(struct group *group, assay_value **cells, assay_error *err)
{
    if (!may_stand_in_file(group, cells[2]->text))
        return stays(group, cells, err);
    assay_buf_append_text(&group->text, cells[2]->text);
    assay_buf_append_char(&group->text, '\n');
    assay_buf_append_text(&group->map, group->written > 0 ? ", (" : "(");
    assay_sql_append_text(&group->map, group->given);
    assay_buf_append_format(&group->map, ", %zu, ", ++group->written);
    assay_sql_append_text(&group->map, cells[0]->text);
    assay_buf_append_format(&group->map, ", %lld)", (long long)cells[1]->integer);
    return assay_buf_check(&group->text, err);
}

static assay_status write_file(struct group *group, const char *open, const char *format,
                               assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_replay_request *request = group->rows->request;
    assay_rows *records = NULL;

    assay_buf_append_format(&sql,
                            "SELECT " ASSAY_QUARANTINE_STEP ", " ASSAY_QUARANTINE_ROW
                            ", " ASSAY_QUARANTINE_RECORD " FROM (%s) WHERE " ASSAY_QUARANTINE_RECORD
                            " IS NOT NULL AND " ASSAY_QUARANTINE_FORMAT " = ",
                            open);
    assay_sql_append_text(&sql, format);
    assay_buf_append_text(&sql, " ORDER BY ALL");
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_query(request->conn, sql.data, 0, request->arena, &records, err));
    for (size_t i = 0; i < records->count; i++)
        ASSAY_TRY(add_record(group, records->cells[i], err));
    ASSAY_TRY(assay_path_write(group->path, assay_buf_text(&group->text), group->text.size, err));
    group->file.path = group->path;
    group->file.given = group->given;
    group->file.size = (int64_t)group->text.size;
    if (group->written == 0)
        return ASSAY_OK;
    assay_buf_clear(&sql);
    assay_buf_append_format(&sql, "INSERT INTO " MAP_TABLE " VALUES %s",
                            assay_buf_text(&group->map));
    return execute(group->rows, &sql, err);
}

/* ---- reading it ---- */

/* Columns of the table without those that assay gives. */
static assay_status source_columns(const struct group *group, assay_source *source,
                                   assay_error *err)
{
    assay_column *columns = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_replay_columns(group->rows, &columns, &count, err));
    source->columns = assay_arena_take(source->arena, count + 1, sizeof *source->columns);
    ASSAY_TRY(assay_arena_check(source->columns, err));
    for (size_t i = 0; i < count; i++) {
        if (!assay_source_is_bronze(columns[i].name))
            source->columns[source->column_count++] = columns[i];
    }
    return ASSAY_OK;
}

/* The records that read well join the candidates, with the places they came from. */
static assay_status take_good(const struct group *group, const assay_source *source,
                              const char *open, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&sql, "INSERT INTO " ASSAY_REPLAY_ROWS
                                " BY NAME SELECT s.* REPLACE (q._source_file AS _source_file, "
                                "q._source_row AS _source_row, q._loaded_at AS _loaded_at, "
                                "q._run_id AS _run_id), m.step AS __assay_file, m.row AS "
                                "__assay_row FROM (");
    ASSAY_TRY(assay_source_append_select(source, true, &sql, err));
    assay_buf_append_format(&sql,
                            ") AS s JOIN " MAP_TABLE
                            " AS m ON m.file = s._source_file AND m.record = s._source_row JOIN "
                            "(%s) AS q ON q." ASSAY_QUARANTINE_STEP
                            " = m.step AND q." ASSAY_QUARANTINE_ROW " = m.row",
                            open);
    return execute(group->rows, &sql, err);
}

static assay_status read_file(struct group *group, const char *open, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_replay_request *request = group->rows->request;
    assay_source source = {.project = request->steps->project,
                           .model = request->model,
                           .config = &group->config,
                           .conn = request->conn,
                           .arena = request->arena,
                           .files = &group->file,
                           .count = 1,
                           .run_id = request->run_id,
                           .now_us = request->now_us};
    int64_t bad = 0;

    ASSAY_TRY(source_columns(group, &source, err));
    ASSAY_TRY(assay_source_find_bad(&source, &bad, err));
    assay_buf_append_text(&sql,
                          "INSERT INTO " ASSAY_REPLAY_BAD
                          " SELECT DISTINCT m.step, m.row FROM assay_bad_rows AS b JOIN " MAP_TABLE
                          " AS m ON m.file = b.file AND m.record = b.record");
    ASSAY_TRY(execute(group->rows, &sql, err));
    return take_good(group, &source, open, err);
}

static assay_status try_group(struct group *group, const char *open, const char *format,
                              assay_error *err)
{
    set_config(group);
    ASSAY_TRY(read_format(group, format, err));
    ASSAY_TRY(write_file(group, open, format, err));
    return group->written > 0 ? read_file(group, open, err) : ASSAY_OK;
}

/* The records are the user's data: the file goes in any case. The caller holds the table's lock, so
 * that its name belongs to this replay. */
static assay_status try_format(const assay_replay_rows *rows, const char *open, const char *format,
                               size_t number, assay_error *err)
{
    const assay_replay_request *request = rows->request;
    const char *folder = request->steps->project->temp_dir;
    struct group group = {.rows = rows, .text = ASSAY_BUF_EMPTY, .map = ASSAY_BUF_EMPTY};

    ASSAY_TRY(assay_path_make(folder, err));
    group.given = assay_arena_format(request->arena, "replay-%zu", number);
    group.path =
        assay_arena_format(request->arena, "%s/replay-%s-%zu", folder, request->table, number);
    if (group.given == NULL || group.path == NULL)
        return assay_error_nomem(err);
    assay_status status = try_group(&group, open, format, err);
    assay_status removed = assay_path_remove(group.path, NULL);
    (void)removed; /* what a dead process leaves is written over by the next replay of the table */
    assay_buf_done(&group.text);
    assay_buf_done(&group.map);
    return status;
}

assay_status assay_replay_records(const assay_replay_rows *rows, const char *open, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_replay_request *request = rows->request;
    assay_rows *formats = NULL;

    if (request->model == NULL || request->model->kind != ASSAY_MODEL_EXTRACT ||
        request->model->extract->hive)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 5041,
                               "records of '%s' cannot be read again: %s", request->table,
                               request->model == NULL || request->model->extract == NULL
                                   ? "the project has no extract of that name any more"
                                   : "some of their columns come from the names of folders");
    assay_buf_append_format(&sql,
                            "SELECT DISTINCT " ASSAY_QUARANTINE_FORMAT
                            " FROM (%s) WHERE " ASSAY_QUARANTINE_RECORD
                            " IS NOT NULL AND " ASSAY_QUARANTINE_FORMAT " IS NOT NULL ORDER BY 1",
                            open);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_query(request->conn, sql.data, 0, request->arena, &formats, err));
    ASSAY_TRY(assay_conn_execute(request->conn,
                                 "CREATE OR REPLACE TEMP TABLE " MAP_TABLE
                                 " (file VARCHAR, record BIGINT, step VARCHAR, row BIGINT)",
                                 NULL, err));
    for (size_t i = 0; i < formats->count; i++)
        ASSAY_TRY(try_format(rows, open, formats->cells[i][0]->text, i, err));
    return ASSAY_OK;
}
