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

/* ---- columns ---- */

/* Widths of the texts of all items, in characters. */
struct layout {
    int table, place;
};

static int width_of(const char *text)
{
    int width = 0;

    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xC0U) != 0x80U ? 1 : 0;
    return width;
}

static void append_padded(assay_buf *buf, const char *text, int width)
{
    assay_buf_append_text(buf, text);
    for (int i = width_of(text); i < width; i++)
        assay_buf_append_char(buf, ' ');
}

static int place_width(const assay_value *item)
{
    return width_of(text_of(item, "to")) + 2 + width_of(text_of(item, "target"));
}

static struct layout layout_of(const assay_value *list)
{
    struct layout layout = {0};

    for (size_t i = 0; i < list->count; i++) {
        int table = width_of(text_of(list->items[i], "table"));
        int place = place_width(list->items[i]);
        layout.table = table > layout.table ? table : layout.table;
        layout.place = place > layout.place ? place : layout.place;
    }
    return layout;
}

/* "✓ gold.orders  merge      analytics: MARTS.ORDERS  " */
static void append_head(assay_buf *buf, const struct layout *layout, const assay_value *item,
                        const char *mark)
{
    assay_buf_append_format(buf, "%s ", mark);
    append_padded(buf, text_of(item, "table"), layout->table);
    assay_buf_append_format(buf, "  %-9s  %s: ", text_of(item, "mode"), text_of(item, "to"));
    append_padded(buf, text_of(item, "target"),
                  layout->place - place_width(item) + width_of(text_of(item, "target")));
    assay_buf_append_text(buf, "  ");
}

/* ---- publications ---- */

/* A state that is only remembered: nobody was asked and nothing was sent. */
static void append_planned(assay_buf *buf, const struct layout *layout, const assay_value *item)
{
    bool there = assay_str_equal(text_of(item, "state"), "published");

    append_head(buf, layout, item, there ? "✓" : "→");
    assay_buf_append_text(buf, there ? "there already\n" : "would be sent\n");
}

static void append_publication(assay_buf *buf, const struct layout *layout, const assay_value *item)
{
    bool failed = assay_value_find(item, "error") != NULL;
    bool already = assay_str_equal(text_of(item, "state"), "already");

    append_head(buf, layout, item, failed ? "✗" : "✓");
    assay_buf_append_text(buf, already ? "there already" : text_of(item, "state"));
    if (!already)
        append_counts(buf, item);
    assay_buf_append_char(buf, '\n');
    assay_report_append_problem(buf, item);
}

void assay_report_draw_published(assay_buf *buf, const assay_value *document, assay_arena *arena)
{
    const assay_value *list = assay_value_find(document, "publications");
    const struct layout layout = layout_of(list);
    bool planned = assay_value_find_bool(document, "dry_run", false);

    (void)arena;
    for (size_t i = 0; i < list->count; i++) {
        const assay_value *item = list->items[i];
        /* what cannot be published at all says so in a dry run too */
        bool never = assay_value_find_int(item, "snapshot_id", -1) < 0;
        if (planned && !never)
            append_planned(buf, &layout, item);
        else
            append_publication(buf, &layout, item);
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

/* "    columns that differ: id, v", of those whose `key` is `value`; nothing where there are none.
 */
static void append_columns(assay_buf *buf, const assay_value *item, const char *title,
                           const char *key, bool value)
{
    const assay_value *columns = assay_value_find(item, "columns");
    const char *between = title;

    for (size_t i = 0; columns != NULL && i < columns->count; i++) {
        if (assay_value_find_bool(columns->items[i], key, !value) != value)
            continue;
        assay_buf_append_format(buf, "%s%s", between, text_of(columns->items[i], "column"));
        between = ", ";
    }
    if (between != title)
        assay_buf_append_char(buf, '\n');
}

static void append_differences(assay_buf *buf, const assay_value *item)
{
    const assay_value *list = assay_value_find(item, "differences");
    int width = 0;

    for (size_t i = 0; list != NULL && i < list->count; i++) {
        int key = width_of(text_of(list->items[i], "key"));
        width = key > width ? key : width;
    }
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        const char *column = assay_value_find_text(list->items[i], "column", NULL);
        assay_buf_append_format(buf, "    %-9s  ", text_of(list->items[i], "kind"));
        append_padded(buf, text_of(list->items[i], "key"), column != NULL ? width : 0);
        if (column != NULL)
            assay_buf_append_format(buf, "  in %s", column);
        assay_buf_append_char(buf, '\n');
    }
}

static void append_rows(assay_buf *buf, const assay_value *item, bool equal)
{
    if (equal) {
        assay_buf_append_text(buf, "equal, ");
        assay_terminal_count(buf, assay_value_find_int(item, "source_rows", 0));
        assay_buf_append_text(buf, " rows\n");
        return;
    }
    assay_buf_append_text(buf, "differs: ");
    assay_terminal_count(buf, assay_value_find_int(item, "target_rows", 0));
    assay_buf_append_text(buf, " rows there, ");
    assay_terminal_count(buf, assay_value_find_int(item, "source_rows", 0));
    assay_buf_append_text(buf, " here\n");
}

void assay_report_draw_verified(assay_buf *buf, const assay_value *document, assay_arena *arena)
{
    const assay_value *list = assay_value_find(document, "publications");
    const struct layout layout = layout_of(list);

    (void)arena;
    for (size_t i = 0; i < list->count; i++) {
        const assay_value *item = list->items[i];
        bool equal = assay_value_find_bool(item, "equal", false);
        append_head(buf, &layout, item, equal ? "✓" : "✗");
        if (assay_value_find(item, "equal") == NULL) {
            assay_buf_append_text(buf, "not compared\n");
            assay_report_append_problem(buf, item);
            continue;
        }
        append_rows(buf, item, equal);
        append_columns(buf, item, "    columns that differ: ", "equal", false);
        append_differences(buf, item);
        append_columns(buf, item, "    compared by NULL only: ", "counted_only", true);
    }
}
