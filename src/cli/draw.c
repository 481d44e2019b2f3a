/* The drawings of result documents for people. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/report.h"

enum { CELL_LIMIT = 48 };

/* How a member of a row is shown. */
enum look { LOOK_TEXT, LOOK_COUNT, LOOK_BYTES, LOOK_TIME, LOOK_YES_NO };

struct column {
    const char *header, *key;
    enum look look;
};

static const char *take(assay_buf *buf, assay_arena *arena)
{
    const char *text = assay_arena_text(arena, assay_buf_text(buf));

    assay_buf_done(buf);
    return text != NULL ? text : "";
}

/* "2026-11-25T03:04:05.678901Z" -> "2026-11-25 03:04:05" */
static const char *short_time(const char *text, assay_arena *arena)
{
    char *copy = assay_arena_text_n(arena, text, 19);

    if (copy == NULL)
        return text;
    copy[10] = ' ';
    return copy;
}

static const char *show(const assay_value *value, enum look look, assay_arena *arena)
{
    assay_buf buf = ASSAY_BUF_EMPTY;

    if (value == NULL || value->kind == ASSAY_VALUE_NULL)
        return "";
    switch (look) {
    case LOOK_TEXT:
        return assay_terminal_cell(value, arena);
    case LOOK_COUNT:
        if (value->integer < 0)
            return "";
        assay_terminal_count(&buf, value->integer);
        return take(&buf, arena);
    case LOOK_BYTES:
        if (value->integer < 0)
            return "";
        assay_terminal_bytes(&buf, value->integer);
        return take(&buf, arena);
    case LOOK_TIME:
        return value->text != NULL && assay_str_code_points(value->text) >= 19
                   ? short_time(value->text, arena)
                   : "";
    case LOOK_YES_NO:
        return value->boolean ? "yes" : "no";
    }
    return "";
}

static void draw_list(assay_buf *buf, const assay_value *list, const struct column *columns,
                      size_t count, assay_arena *arena)
{
    const char **headers = assay_arena_take(arena, count, sizeof *headers);
    bool *right = assay_arena_take(arena, count, sizeof *right);
    const char **cells = assay_arena_take(arena, (list->count + 1) * count, sizeof *cells);

    if (headers == NULL || right == NULL || cells == NULL) {
        buf->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        headers[i] = columns[i].header;
        right[i] = columns[i].look == LOOK_COUNT || columns[i].look == LOOK_BYTES;
        for (size_t row = 0; row < list->count; row++)
            cells[row * count + i] =
                show(assay_value_find(list->items[row], columns[i].key), columns[i].look, arena);
    }
    const assay_grid grid = {headers, right, count, cells, list->count, 0};
    assay_terminal_grid(buf, &grid);
}

#define DRAW(buf, document, key, columns, arena)             \
    draw_list(buf, assay_value_find(document, key), columns, \
              sizeof(columns) / sizeof((columns)[0]), arena)

static void draw_facts(assay_buf *buf, const assay_value *map, const struct column *columns,
                       size_t count, assay_arena *arena)
{
    for (size_t i = 0; i < count; i++) {
        const char *text = show(assay_value_find(map, columns[i].key), columns[i].look, arena);
        if (text[0] != '\0')
            assay_buf_append_format(buf, "%-12s %s\n", columns[i].header, text);
    }
}

void assay_report_append_problem(assay_buf *buf, const assay_value *item)
{
    const assay_value *error = assay_value_find(item, "error");
    const char *path = assay_value_find_text(error, "path", NULL);
    int64_t line = assay_value_find_int(error, "line", 0);
    int64_t column = assay_value_find_int(error, "column", 0);

    if (error == NULL)
        return;
    assay_buf_append_format(buf, "E%" PRId64, assay_value_find_int(error, "number", 0));
    if (path != NULL)
        assay_buf_append_format(buf, " %s", path);
    if (path != NULL && line > 0)
        assay_buf_append_format(buf, ":%" PRId64, line);
    if (path != NULL && line > 0 && column > 0)
        assay_buf_append_format(buf, ":%" PRId64, column);
    assay_buf_append_format(buf, "  %s\n", assay_value_find_text(error, "message", ""));
}

void assay_report_draw_plan(assay_buf *buf, const assay_value *document, assay_arena *arena)
{
    static const struct column COLUMNS[] = {{"STEP", "step", LOOK_TEXT},
                                            {"KIND", "kind", LOOK_TEXT},
                                            {"MODE", "mode", LOOK_TEXT},
                                            {"RUNS", "will_run", LOOK_YES_NO},
                                            {"PUBLISHES", "will_publish", LOOK_YES_NO},
                                            {"BECAUSE", "reason", LOOK_TEXT}};

    DRAW(buf, document, "steps", COLUMNS, arena);
}

void assay_report_draw_plan_problems(assay_buf *buf, const assay_value *document,
                                     assay_arena *arena)
{
    const assay_value *steps = assay_value_find(document, "steps");

    (void)arena;
    for (size_t i = 0; i < steps->count; i++)
        assay_report_append_problem(buf, steps->items[i]);
}

void assay_report_draw_models(assay_buf *buf, const assay_value *document, assay_arena *arena)
{
    const assay_value *models = assay_value_find(document, "models");

    (void)arena;
    for (size_t i = 0; i < models->count; i++)
        assay_buf_append_format(buf, "%s\n", assay_value_find_text(models->items[i], "name", ""));
}

void assay_report_draw_render(assay_buf *buf, const assay_value *document, assay_arena *arena)
{
    static const struct column COLUMNS[] = {{"COLUMN", "name", LOOK_TEXT},
                                            {"TYPE", "type", LOOK_TEXT}};
    const char *sql = assay_value_find_text(document, "sql", NULL);

    if (sql != NULL)
        assay_buf_append_format(buf, "%s\n\n", sql);
    DRAW(buf, document, "columns", COLUMNS, arena);
}

void assay_report_draw_tables(assay_buf *buf, const assay_value *document, assay_arena *arena)
{
    static const struct column COLUMNS[] = {{"TABLE", "name", LOOK_TEXT},
                                            {"FORMAT", "format", LOOK_TEXT},
                                            {"ROWS", "rows", LOOK_COUNT},
                                            {"FILES", "files", LOOK_COUNT},
                                            {"SIZE", "bytes", LOOK_BYTES},
                                            {"VERDICT", "verdict", LOOK_TEXT},
                                            {"COMMITTED", "committed", LOOK_TIME}};

    DRAW(buf, document, "tables", COLUMNS, arena);
}

void assay_report_draw_table(assay_buf *buf, const assay_value *document, assay_arena *arena)
{
    static const struct column FACTS[] = {
        {"table", "name", LOOK_TEXT},          {"format", "format", LOOK_TEXT},
        {"location", "location", LOOK_TEXT},   {"snapshot", "snapshot_id", LOOK_TEXT},
        {"committed", "committed", LOOK_TIME}, {"rows", "rows", LOOK_COUNT},
        {"files", "files", LOOK_COUNT},        {"size", "bytes", LOOK_BYTES},
        {"verdict", "verdict", LOOK_TEXT},     {"partitions", "partition_by", LOOK_TEXT},
        {"state", "state", LOOK_TEXT}};
    static const struct column COLUMNS[] = {{"ID", "id", LOOK_COUNT},
                                            {"COLUMN", "name", LOOK_TEXT},
                                            {"TYPE", "type", LOOK_TEXT},
                                            {"DOC", "doc", LOOK_TEXT}};

    draw_facts(buf, document, FACTS, sizeof FACTS / sizeof FACTS[0], arena);
    assay_buf_append_char(buf, '\n');
    DRAW(buf, document, "columns", COLUMNS, arena);
    assay_report_append_published(buf, document, "");
}

void assay_report_draw_history(assay_buf *buf, const assay_value *document, assay_arena *arena)
{
    static const struct column COLUMNS[] = {
        {"SNAPSHOT", "snapshot_id", LOOK_TEXT},  {"COMMITTED", "committed", LOOK_TIME},
        {"OPERATION", "operation", LOOK_TEXT},   {"ADDED", "added_rows", LOOK_COUNT},
        {"REMOVED", "removed_rows", LOOK_COUNT}, {"ROWS", "rows", LOOK_COUNT},
        {"VERDICT", "verdict", LOOK_TEXT},       {"ENGINE", "engine", LOOK_TEXT}};

    DRAW(buf, document, "snapshots", COLUMNS, arena);
}

void assay_report_draw_expire(assay_buf *buf, const assay_value *document, assay_arena *arena)
{
    static const struct column COLUMNS[] = {{"TABLE", "name", LOOK_TEXT},
                                            {"SNAPSHOTS REMOVED", "snapshots_removed", LOOK_COUNT},
                                            {"FILES REMOVED", "files_removed", LOOK_COUNT}};

    DRAW(buf, document, "tables", COLUMNS, arena);
}

void assay_report_draw_rollback(assay_buf *buf, const assay_value *document, assay_arena *arena)
{
    (void)arena;
    assay_buf_append_format(buf, "%s has the rows of snapshot %s again, as snapshot %s\n",
                            assay_value_find_text(document, "name", ""),
                            assay_value_find(document, "rows_of")->text,
                            assay_value_find(document, "snapshot_id")->text);
}

void assay_report_draw_runs(assay_buf *buf, const assay_value *document, assay_arena *arena)
{
    static const struct column COLUMNS[] = {{"RUN", "run_id", LOOK_TEXT},
                                            {"STATUS", "status", LOOK_TEXT},
                                            {"STARTED", "started", LOOK_TIME},
                                            {"DONE", "done", LOOK_COUNT},
                                            {"SKIPPED", "skipped", LOOK_COUNT},
                                            {"FAILED", "failed", LOOK_COUNT},
                                            {"BLOCKED", "blocked", LOOK_COUNT}};

    DRAW(buf, document, "runs", COLUMNS, arena);
}

void assay_report_draw_run(assay_buf *buf, const assay_value *document, assay_arena *arena)
{
    static const struct column FACTS[] = {{"run", "run_id", LOOK_TEXT},
                                          {"status", "status", LOOK_TEXT},
                                          {"started", "started", LOOK_TIME},
                                          {"finished", "finished", LOOK_TIME},
                                          {"exit code", "exit_code", LOOK_TEXT}};
    static const struct column COLUMNS[] = {{"STEP", "step", LOOK_TEXT},
                                            {"STATE", "state", LOOK_TEXT},
                                            {"ADDED", "rows_added", LOOK_COUNT},
                                            {"VERDICT", "verdict", LOOK_TEXT},
                                            {"REASON", "reason", LOOK_TEXT},
                                            {"ERROR", "error", LOOK_TEXT}};

    draw_facts(buf, document, FACTS, sizeof FACTS / sizeof FACTS[0], arena);
    assay_buf_append_char(buf, '\n');
    DRAW(buf, document, "step_list", COLUMNS, arena);
    assay_report_append_publications(buf, assay_value_find(document, "step_list"));
}

void assay_report_draw_doctor(assay_buf *buf, const assay_value *document, assay_arena *arena)
{
    const assay_value *findings = assay_value_find(document, "findings");

    (void)arena;
    for (size_t i = 0; i < findings->count; i++) {
        const assay_value *item = findings->items[i];
        const char *fix = assay_value_find_text(item, "fix", NULL);
        assay_buf_append_format(buf, "%s %-10s %s\n",
                                assay_value_find_bool(item, "ok", false) ? "✓" : "✗",
                                assay_value_find_text(item, "what", ""),
                                assay_value_find_text(item, "seen", ""));
        if (fix != NULL)
            assay_buf_append_format(buf, "             %s\n", fix);
    }
}

void assay_report_draw_init(assay_buf *buf, const assay_value *document, assay_arena *arena)
{
    const assay_value *files = assay_value_find(document, "files");

    (void)arena;
    for (size_t i = 0; i < files->count; i++)
        assay_buf_append_format(buf, "  %s\n", files->items[i]->text);
    assay_buf_append_format(buf, "%zu files in %s\nnext: cd there and type `assay run`\n",
                            files->count, assay_value_find_text(document, "project", ""));
}

/* ---- rows of a query ---- */

static bool is_number(const char *type)
{
    static const char *const NAMES[] = {"TINYINT", "SMALLINT", "INTEGER",   "BIGINT",
                                        "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
                                        "UBIGINT", "FLOAT",    "DOUBLE",    "DECIMAL"};

    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (assay_str_starts(type, NAMES[i]))
            return true;
    return false;
}

void assay_report_draw_rows(assay_buf *buf, const assay_value *document, assay_arena *arena)
{
    const assay_value *columns = assay_value_find(document, "columns");
    const assay_value *rows = assay_value_find(document, "rows");
    const assay_value *written = assay_value_find(document, "rows_written");

    if (written != NULL || columns == NULL || rows == NULL) {
        assay_terminal_count(buf, written != NULL ? written->integer : 0);
        assay_buf_append_text(buf, " rows written\n");
        return;
    }
    const char **headers = assay_arena_take(arena, columns->count + 1, sizeof *headers);
    bool *right = assay_arena_take(arena, columns->count + 1, sizeof *right);
    const char **cells =
        assay_arena_take(arena, (rows->count + 1) * (columns->count + 1), sizeof *cells);
    if (headers == NULL || right == NULL || cells == NULL) {
        buf->failed = true;
        return;
    }
    for (size_t i = 0; i < columns->count; i++) {
        headers[i] = assay_value_find_text(columns->items[i], "name", "");
        right[i] = is_number(assay_value_find_text(columns->items[i], "type", ""));
        for (size_t row = 0; row < rows->count; row++) {
            const assay_value *cell = rows->items[row]->items[i];
            cells[row * columns->count + i] =
                cell->kind == ASSAY_VALUE_NULL ? "NULL" : assay_terminal_cell(cell, arena);
        }
    }
    const assay_grid grid = {headers, right, columns->count, cells, rows->count, CELL_LIMIT};
    assay_terminal_grid(buf, &grid);
    assay_buf_append_format(buf, "%zu row%s%s\n", rows->count, rows->count == 1 ? "" : "s",
                            assay_value_find_bool(document, "truncated", false)
                                ? " (there are more; --limit shows them)"
                                : "");
}
