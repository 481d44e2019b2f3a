/* The table of `assay check`. */
#include "base/str.h"
#include "cli/report.h"

enum { COLUMNS = 6 };

struct rows {
    const char **cells;
    size_t count;
};

static const char *text_of(const assay_value *map, const char *key)
{
    return assay_value_find_text(map, key, "");
}

/* The failing part of a check in a few words: "23 of 100,000 (0.02 %)", or why it could not be
 * judged. */
static const char *found(const assay_value *result, assay_arena *arena)
{
    const assay_value *inner = assay_value_find(result, "result");
    const assay_value *unexpected = assay_value_find(inner, "unexpected_count");
    const assay_value *elements = assay_value_find(inner, "element_count");
    const assay_value *observed = assay_value_find(inner, "observed_value");
    const char *exception = assay_value_find_text(assay_value_find(result, "exception_info"),
                                                  "exception_message", NULL);

    if (exception != NULL)
        return exception;
    if (unexpected != NULL && unexpected->integer > 0 && elements != NULL)
        return assay_arena_format(arena, "%lld of %lld", (long long)unexpected->integer,
                                  (long long)elements->integer);
    return observed != NULL ? assay_terminal_cell(observed, arena) : "";
}

static void add_result(struct rows *rows, const assay_value *table, const assay_value *result,
                       assay_arena *arena)
{
    const char **cells = &rows->cells[rows->count++ * COLUMNS];

    cells[0] = text_of(table, "table");
    cells[1] = text_of(result, "name");
    cells[2] = text_of(result, "status");
    cells[3] = text_of(result, "action");
    cells[4] = text_of(result, "proof");
    cells[5] = found(result, arena);
}

static size_t count_results(const assay_value *tables)
{
    size_t count = 0;

    for (size_t i = 0; i < tables->count; i++) {
        const assay_value *results = assay_value_find(tables->items[i], "results");
        count += results != NULL ? results->count : 0;
    }
    return count;
}

static void draw_verdicts(assay_buf *buf, const assay_value *tables)
{
    assay_buf_append_char(buf, '\n');
    for (size_t i = 0; i < tables->count; i++) {
        const assay_value *table = tables->items[i];
        const char *path = assay_value_find_text(table, "results_path", NULL);
        assay_buf_append_format(buf, "%-28s %s%s%s\n", text_of(table, "table"),
                                assay_value_find_text(table, "verdict", "not judged"),
                                path != NULL ? "  " : "", path != NULL ? path : "");
        assay_buf_append_text(buf, text_of(table, "evidence"));
        assay_report_append_problem(buf, table);
    }
}

void assay_report_draw_checks(assay_buf *buf, const assay_value *document, assay_arena *arena)
{
    static const char *const HEADERS[COLUMNS] = {"TABLE",  "CHECK", "STATUS",
                                                 "ACTION", "PROOF", "FOUND"};
    static const bool RIGHT[COLUMNS] = {false};
    const assay_value *tables = assay_value_find(document, "tables");
    struct rows rows = {assay_arena_take(arena, (count_results(tables) + 1) * COLUMNS,
                                         sizeof(char *)),
                        0};

    if (rows.cells == NULL) {
        buf->failed = true;
        return;
    }
    for (size_t i = 0; i < tables->count; i++) {
        const assay_value *results = assay_value_find(tables->items[i], "results");
        for (size_t k = 0; results != NULL && k < results->count; k++)
            add_result(&rows, tables->items[i], results->items[k], arena);
    }
    const char **headers = assay_arena_bytes(arena, HEADERS, sizeof HEADERS);
    if (headers == NULL) {
        buf->failed = true;
        return;
    }
    const assay_grid grid = {headers, RIGHT, COLUMNS, rows.cells, rows.count, 60};
    assay_terminal_grid(buf, &grid);
    draw_verdicts(buf, tables);
}
