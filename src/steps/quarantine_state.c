#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "steps/quarantine.h"

/* From and to, both of them in. */
struct range {
    int64_t from, to;
};

static assay_status damaged(assay_error *err)
{
    return assay_error_set(err, ASSAY_EDATA, 4050,
                           "the state file is damaged: its quarantine list cannot be read");
}

/* ---- ranges ---- */

static int compare_ranges(const void *a, const void *b)
{
    const struct range *x = a;
    const struct range *y = b;

    return (x->from > y->from) - (x->from < y->from);
}

static bool read_number(const char **at, int64_t *ret_value)
{
    char *end = NULL;

    if (**at < '0' || **at > '9')
        return false;
    *ret_value = strtoll(*at, &end, 10);
    *at = end;
    return true;
}

/* Appends the ranges of "0-3,7". */
static assay_status parse_ranges(const char *text, assay_vec *ranges, assay_error *err)
{
    while (*text != '\0') {
        struct range range;
        if (!read_number(&text, &range.from))
            return damaged(err);
        range.to = range.from;
        if (*text == '-') {
            text++;
            if (!read_number(&text, &range.to) || range.to < range.from)
                return damaged(err);
        }
        ASSAY_TRY(assay_vec_push(ranges, &range, err));
        if (*text == ',' && text[1] != '\0')
            text++;
        else if (*text != '\0')
            return damaged(err);
    }
    return ASSAY_OK;
}

static void append_range(assay_buf *buf, const struct range *range)
{
    assay_buf_append_format(buf, "%s%" PRId64, buf->size > 0 ? "," : "", range->from);
    if (range->to > range->from)
        assay_buf_append_format(buf, "-%" PRId64, range->to);
}

/* Sorted and joined; *ret_rows = how many numbers. An overlap is a number closed twice. */
static assay_status join_ranges(assay_vec *ranges, assay_buf *buf, int64_t *ret_rows,
                                bool *ret_twice, assay_error *err)
{
    struct range *items = ranges->items;
    struct range open = {0, -1};

    *ret_rows = 0;
    *ret_twice = false;
    if (ranges->count > 1)
        qsort(items, ranges->count, sizeof *items, compare_ranges);
    for (size_t i = 0; i < ranges->count; i++) {
        *ret_twice = *ret_twice || (i > 0 && items[i].from <= open.to);
        *ret_rows += items[i].to - items[i].from + 1;
        if (i > 0 && items[i].from == open.to + 1) {
            open.to = items[i].to;
            continue;
        }
        if (i > 0)
            append_range(buf, &open);
        open = items[i];
    }
    if (ranges->count > 0)
        append_range(buf, &open);
    return assay_buf_check(buf, err);
}

char *assay_quarantine_ranges(const int64_t *rows, size_t count, assay_arena *arena)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    struct range open = {0, -1};

    for (size_t i = 0; i < count; i++) {
        if (i > 0 && rows[i] == open.to + 1) {
            open.to = rows[i];
            continue;
        }
        if (i > 0)
            append_range(&buf, &open);
        open = (struct range){rows[i], rows[i]};
    }
    if (count > 0)
        append_range(&buf, &open);
    return buf.failed ? NULL : assay_arena_text(arena, assay_buf_text(&buf));
}

assay_status assay_quarantine_append_open(assay_buf *buf, const assay_quarantine_entry *entry,
                                          assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec ranges = ASSAY_VEC_OF(struct range);

    ASSAY_TRY(parse_ranges(entry->closed, &ranges, err));
    for (size_t i = 0; i < ranges.count; i++) {
        const struct range *range = assay_vec_at(&ranges, i);
        assay_buf_append_format(buf,
                                " AND " ASSAY_QUARANTINE_ROW " NOT BETWEEN %" PRId64
                                " AND %" PRId64,
                                range->from, range->to);
    }
    return assay_buf_check(buf, err);
}

/* ---- entries ---- */

static assay_status read_entry(const assay_value *item, assay_quarantine_entry *entry,
                               assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec ranges = ASSAY_VEC_OF(struct range);
    ASSAY_AUTO(assay_buf_done) assay_buf joined = ASSAY_BUF_EMPTY;
    int64_t closed = 0;
    bool twice = false;

    *entry = (assay_quarantine_entry){.step = assay_value_find_text(item, "step", NULL),
                                      .run = assay_value_find_text(item, "run", ""),
                                      .rows = assay_value_find_int(item, "rows", -1),
                                      .closed = assay_value_find_text(item, "closed", "")};
    if (entry->step == NULL || entry->rows < 0)
        return damaged(err);
    ASSAY_TRY(parse_ranges(entry->closed, &ranges, err));
    ASSAY_TRY(join_ranges(&ranges, &joined, &closed, &twice, err));
    if (twice || closed > entry->rows)
        return damaged(err);
    entry->open = entry->rows - closed;
    return ASSAY_OK;
}

assay_status assay_quarantine_entries(const assay_state_file *state, assay_arena *arena,
                                      assay_quarantine_entry **ret_entries, size_t *ret_count,
                                      assay_error *err)
{
    const assay_value *list = state != NULL ? state->quarantine : NULL;
    size_t count = list != NULL && list->kind == ASSAY_VALUE_LIST ? list->count : 0;
    assay_quarantine_entry *entries = assay_arena_take(arena, count + 1, sizeof *entries);

    ASSAY_TRY(assay_arena_check(entries, err));
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(read_entry(list->items[i], &entries[i], err));
    *ret_entries = entries;
    *ret_count = count;
    return ASSAY_OK;
}

/* ---- the list after a commit ---- */

static assay_status add_entry(assay_value *list, const assay_quarantine_entry *entry,
                              assay_arena *arena, assay_error *err)
{
    assay_value *map = assay_value_map(arena);

    ASSAY_TRY(assay_value_append(list, map, arena, err));
    ASSAY_TRY(assay_value_set(map, "step", assay_value_text(arena, entry->step), arena, err));
    ASSAY_TRY(assay_value_set(map, "run", assay_value_text(arena, entry->run), arena, err));
    ASSAY_TRY(assay_value_set(map, "rows", assay_value_int(arena, entry->rows), arena, err));
    if (entry->closed[0] != '\0')
        ASSAY_TRY(
            assay_value_set(map, "closed", assay_value_text(arena, entry->closed), arena, err));
    return ASSAY_OK;
}

static assay_status gone(assay_error *err)
{
    return assay_error_set(err, ASSAY_ECONFLICT, 4040,
                           "rows of the quarantine were replayed or superseded by another run");
}

static assay_status close_rows(assay_quarantine_entry *entry,
                               const assay_quarantine_closing *closing, assay_arena *arena,
                               assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec ranges = ASSAY_VEC_OF(struct range);
    ASSAY_AUTO(assay_buf_done) assay_buf joined = ASSAY_BUF_EMPTY;
    int64_t closed = 0;
    bool twice = false;

    ASSAY_TRY(parse_ranges(entry->closed, &ranges, err));
    ASSAY_TRY(parse_ranges(closing->rows, &ranges, err));
    ASSAY_TRY(join_ranges(&ranges, &joined, &closed, &twice, err));
    if (twice || closed > entry->rows)
        return gone(err);
    entry->closed = assay_arena_text(arena, assay_buf_text(&joined));
    entry->open = entry->rows - closed;
    return assay_arena_check(entry->closed, err);
}

static assay_status apply(const assay_quarantine_closing *closing, assay_quarantine_entry *entries,
                          size_t count, assay_arena *arena, assay_error *err)
{
    for (size_t i = 0; i < count; i++)
        if (assay_str_equal(entries[i].step, closing->step))
            return close_rows(&entries[i], closing, arena, err);
    return gone(err);
}

assay_status assay_quarantine_next(const assay_state_file *previous,
                                   const assay_quarantine_news *news, assay_arena *arena,
                                   assay_value **ret_list, assay_error *err)
{
    assay_value *list = assay_value_list(arena);
    assay_quarantine_entry *entries = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_arena_check(list, err));
    ASSAY_TRY(assay_quarantine_entries(previous, arena, &entries, &count, err));
    for (size_t i = 0; i < news->closing_count; i++)
        ASSAY_TRY(apply(&news->closings[i], entries, count, arena, err));
    for (size_t i = 0; i < count; i++)
        if (entries[i].open > 0)
            ASSAY_TRY(add_entry(list, &entries[i], arena, err));
    if (news->rows > 0) {
        const assay_quarantine_entry entry = {news->step, news->run, news->rows, "", news->rows};
        ASSAY_TRY(add_entry(list, &entry, arena, err));
    }
    *ret_list = list->count > 0 ? list : NULL;
    return ASSAY_OK;
}
