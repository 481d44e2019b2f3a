/* The tables of `assay publish` and `assay publish --verify`. */
#include <inttypes.h>

#include "base/str.h"
#include "cli/report.h"

static const char *text_of(const assay_value *map, const char *key)
{
    return assay_value_find_text(map, key, "");
}

static void append_counts(assay_buf *buf, const assay_value *item)
{
    static const struct {
        const char *key, *mark;
    } COUNTS[] = {{"inserted", "+"}, {"updated", "~"}, {"deleted", "-"}};

    for (size_t i = 0; i < sizeof COUNTS / sizeof COUNTS[0]; i++) {
        int64_t count = assay_value_find_int(item, COUNTS[i].key, -1);
        if (count < 0 || (count == 0 && i > 0))
            continue;
        assay_buf_append_format(buf, " %s", COUNTS[i].mark);
        assay_terminal_count(buf, count);
    }
}

static void append_head(assay_buf *buf, const assay_value *item, const char *mark)
{
    assay_buf_append_format(buf, "%s %-28s %-9s %s: %s", mark, text_of(item, "table"),
                            text_of(item, "mode"), text_of(item, "to"), text_of(item, "target"));
}

static void append_problem(assay_buf *buf, const assay_value *item)
{
    const assay_value *error = assay_value_find(item, "error");
    const char *path = assay_value_find_text(error, "path", NULL);

    if (error == NULL)
        return;
    assay_buf_append_format(buf, "E%" PRId64, assay_value_find_int(error, "number", 0));
    if (path != NULL)
        assay_buf_append_format(buf, " %s:%" PRId64, path, assay_value_find_int(error, "line", 0));
    assay_buf_append_format(buf, "  %s\n", text_of(error, "message"));
}

void assay_report_draw_published(assay_buf *buf, const assay_value *document, assay_arena *arena)
{
    const assay_value *list = assay_value_find(document, "publications");

    (void)arena;
    for (size_t i = 0; i < list->count; i++) {
        const assay_value *item = list->items[i];
        bool failed = assay_value_find(item, "error") != NULL;
        append_head(buf, item, failed ? "✗" : "✓");
        assay_buf_append_format(buf, "  %s", text_of(item, "state"));
        append_counts(buf, item);
        assay_buf_append_char(buf, '\n');
        append_problem(buf, item);
    }
    if (list->count == 0)
        assay_buf_append_text(buf, "nothing is pending\n");
}

/* ---- inside of other drawings ---- */

void assay_report_append_published(assay_buf *buf, const assay_value *map, const char *name)
{
    const assay_value *list = assay_value_find(map, "publications");

    for (size_t i = 0; list != NULL && i < list->count; i++) {
        const assay_value *item = list->items[i];
        const char *error = assay_value_find_text(item, "error", NULL);
        assay_buf_append_format(buf, "%s%s→ %s: %s  %s  %s%s%s\n", name, name[0] != '\0' ? " " : "",
                                text_of(item, "to"), text_of(item, "table"), text_of(item, "mode"),
                                text_of(item, "state"), error != NULL ? ": " : "",
                                error != NULL ? error : "");
    }
}

void assay_report_append_publications(assay_buf *buf, const assay_value *list)
{
    for (size_t i = 0; i < list->count; i++)
        assay_report_append_published(buf, list->items[i], text_of(list->items[i], "step"));
}

/* ---- verify ---- */

static void append_columns(assay_buf *buf, const assay_value *item)
{
    const assay_value *columns = assay_value_find(item, "columns");

    for (size_t i = 0; columns != NULL && i < columns->count; i++)
        if (!assay_value_find_bool(columns->items[i], "equal", true))
            assay_buf_append_format(buf, "    column %s differs\n",
                                    text_of(columns->items[i], "column"));
}

static void append_differences(assay_buf *buf, const assay_value *item)
{
    const assay_value *list = assay_value_find(item, "differences");

    for (size_t i = 0; list != NULL && i < list->count; i++) {
        const char *column = assay_value_find_text(list->items[i], "column", NULL);
        assay_buf_append_format(buf, "    %-9s %s%s%s\n", text_of(list->items[i], "kind"),
                                text_of(list->items[i], "key"), column != NULL ? "  in " : "",
                                column != NULL ? column : "");
    }
}

void assay_report_draw_verified(assay_buf *buf, const assay_value *document, assay_arena *arena)
{
    const assay_value *list = assay_value_find(document, "publications");

    (void)arena;
    for (size_t i = 0; i < list->count; i++) {
        const assay_value *item = list->items[i];
        bool equal = assay_value_find_bool(item, "equal", false);
        append_head(buf, item, equal ? "✓" : "✗");
        if (equal) {
            assay_buf_append_text(buf, "  equal, ");
            assay_terminal_count(buf, assay_value_find_int(item, "source_rows", 0));
            assay_buf_append_text(buf, " rows\n");
            continue;
        }
        assay_buf_append_format(buf, "  %s\n", text_of(item, "state"));
        append_problem(buf, item);
        append_columns(buf, item);
        append_differences(buf, item);
    }
}
