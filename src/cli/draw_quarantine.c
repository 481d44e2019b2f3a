/* What `assay quarantine` says. */
#include "base/str.h"
#include "cli/report.h"

static void append_rules(assay_buf *buf, const assay_value *rules)
{
    for (size_t i = 0; rules != NULL && i < rules->count; i++)
        assay_buf_append_format(buf, "    %lld  %s\n", (long long)rules->items[i]->integer,
                                rules->keys[i]);
}

void assay_report_draw_quarantine(assay_buf *buf, const assay_value *document, assay_arena *arena)
{
    const assay_value *tables = assay_value_find(document, "tables");

    (void)arena;
    for (size_t i = 0; tables != NULL && i < tables->count; i++) {
        const assay_value *table = tables->items[i];
        const assay_value *runs = assay_value_find(table, "runs");
        long long rows = (long long)assay_value_find_int(table, "rows", 0);
        assay_buf_append_format(buf, "%s  %lld row%s in %s\n",
                                assay_value_find_text(table, "name", ""), rows,
                                rows == 1 ? "" : "s",
                                assay_value_find_text(table, "quarantine", ""));
        append_rules(buf, assay_value_find(table, "rules"));
        for (size_t k = 0; runs != NULL && k < runs->count; k++)
            assay_buf_append_format(buf, "    run %s: %lld of %lld left\n",
                                    assay_value_find_text(runs->items[k], "run_id", ""),
                                    (long long)assay_value_find_int(runs->items[k], "left", 0),
                                    (long long)assay_value_find_int(runs->items[k], "rows", 0));
    }
    if (tables == NULL || tables->count == 0)
        assay_buf_append_text(buf, "nothing is in quarantine\n");
}

void assay_report_draw_replay(assay_buf *buf, const assay_value *document, assay_arena *arena)
{
    long long rows = (long long)assay_value_find_int(document, "rows", 0);
    long long left = (long long)assay_value_find_int(document, "left", 0);

    (void)arena;
    assay_buf_append_format(buf, "%s: %lld of %lld row%s replayed, %lld still break%s a rule\n",
                            assay_value_find_text(document, "name", ""), rows - left, rows,
                            rows == 1 ? "" : "s", left, left == 1 ? "s" : "");
}
