#include "quality/plan.h"

#include <string.h>

const char *assay_dq_sql(assay_dq_run *run, const char *format, ...)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    va_list arguments;
    const char *text = NULL;

    va_start(arguments, format);
    assay_buf_append_format_list(&buf, format, arguments);
    va_end(arguments);
    if (!buf.failed)
        text = assay_arena_text(run->arena, assay_buf_text(&buf));
    if (text == NULL) {
        run->failed = true;
        return "";
    }
    return text;
}

const char *assay_dq_keep(assay_dq_run *run, const assay_buf *buf)
{
    const char *text = buf->failed ? NULL : assay_arena_text(run->arena, assay_buf_text(buf));

    if (text == NULL) {
        run->failed = true;
        return "";
    }
    return text;
}

const char *assay_dq_quote_text(assay_dq_run *run, const char *text)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    assay_sql_append_text(&buf, text);
    return assay_dq_keep(run, &buf);
}

const char *assay_dq_quote_name(assay_dq_run *run, const char *name)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    assay_sql_append_name(&buf, name);
    return assay_dq_keep(run, &buf);
}

const char *assay_dq_quote_table_name(assay_dq_run *run, const char *table)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    const char *dot = strchr(table, '.');

    if (dot != NULL) {
        const char *layer = assay_arena_text_n(run->arena, table, (size_t)(dot - table));
        if (layer == NULL) {
            run->failed = true;
            return "";
        }
        assay_sql_append_name(&buf, layer);
        assay_buf_append_char(&buf, '.');
        assay_sql_append_name(&buf, dot + 1);
    } else {
        assay_sql_append_name(&buf, table);
    }
    return assay_dq_keep(run, &buf);
}

const char *assay_dq_quote_table(assay_dq_run *run, const assay_dq_plan *plan, const char *table)
{
    if (!assay_str_equal_ci(table, run->request->table))
        return assay_dq_quote_table_name(run, table);
    return plan->check->batch && run->request->batch_relation != NULL ? ASSAY_DQ_ADDED_BATCH
                                                                      : ASSAY_DQ_BATCH;
}

static bool is_taken(const assay_dq_run *run, const char *name)
{
    for (size_t i = 0; i < run->column_count; i++)
        if (assay_str_equal_ci(run->columns[i].name, name))
            return true;
    return false;
}

const char *assay_dq_fresh_name(assay_dq_run *run, const char *prefix)
{
    const char *name = prefix;

    for (int i = 0; is_taken(run, name); i++)
        name = assay_dq_sql(run, "%s_%d", prefix, i);
    return assay_dq_quote_name(run, name);
}

const char *assay_dq_order(assay_dq_run *run)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    if (!run->positioned)
        return NULL;
    if (run->request->file_count > 1) {
        assay_buf_append_text(&buf, "list_position([");
        for (size_t i = 0; i < run->request->file_count; i++) {
            assay_buf_append_text(&buf, i == 0 ? "" : ", ");
            assay_sql_append_text(&buf, run->request->files[i].path);
        }
        assay_buf_append_text(&buf, "], \"__assay_file\"), ");
    }
    assay_buf_append_text(&buf, "\"__assay_file\", \"__assay_row\"");
    return assay_dq_keep(run, &buf);
}

assay_dq_metric *assay_dq_metric_of(assay_dq_run *run, assay_dq_lane lane, const char *source,
                                    const char *expression)
{
    assay_dq_metric *metric = NULL;

    for (size_t i = 0; i < run->metrics.count; i++) {
        assay_dq_metric *known = *(assay_dq_metric **)assay_vec_at(&run->metrics, i);
        if (known->lane == lane && assay_str_equal(known->source, source) &&
            strcmp(known->expression, expression) == 0)
            return known;
    }
    metric = assay_arena_take(run->arena, 1, sizeof(*metric));
    if (metric == NULL || assay_vec_push(&run->metrics, &metric, NULL) != ASSAY_OK) {
        run->failed = true;
        return NULL;
    }
    metric->lane = lane;
    metric->source = source;
    metric->expression = expression;
    return metric;
}

const char *assay_dq_from(assay_dq_run *run, const assay_dq_plan *plan)
{
    return assay_dq_sql(run, "%s AS " ASSAY_DQ_ALIAS, plan->base);
}

bool assay_dq_is_number(assay_dq_family family)
{
    return family == ASSAY_DQ_INTEGER || family == ASSAY_DQ_DECIMAL || family == ASSAY_DQ_FLOAT ||
           family == ASSAY_DQ_DOUBLE;
}

bool assay_dq_is_temporal(assay_dq_family family)
{
    return family == ASSAY_DQ_DATE || family == ASSAY_DQ_TIMESTAMP ||
           family == ASSAY_DQ_TIMESTAMPTZ;
}

const char *assay_dq_family_name(assay_dq_family family)
{
    switch (family) {
    case ASSAY_DQ_INTEGER:
    case ASSAY_DQ_DECIMAL:
    case ASSAY_DQ_FLOAT:
    case ASSAY_DQ_DOUBLE:
        return "number";
    case ASSAY_DQ_BOOLEAN:
        return "boolean";
    case ASSAY_DQ_TEXT:
        return "text";
    case ASSAY_DQ_DATE:
    case ASSAY_DQ_TIMESTAMP:
    case ASSAY_DQ_TIMESTAMPTZ:
        return "moment";
    case ASSAY_DQ_OTHER:
        return "other";
    }
    return "other";
}

assay_dq_family assay_dq_family_of(const char *type)
{
    static const struct {
        const char *name;
        assay_dq_family family;
    } families[] = {
        {"TINYINT", ASSAY_DQ_INTEGER},
        {"SMALLINT", ASSAY_DQ_INTEGER},
        {"INTEGER", ASSAY_DQ_INTEGER},
        {"BIGINT", ASSAY_DQ_INTEGER},
        {"HUGEINT", ASSAY_DQ_INTEGER},
        {"UTINYINT", ASSAY_DQ_INTEGER},
        {"USMALLINT", ASSAY_DQ_INTEGER},
        {"UINTEGER", ASSAY_DQ_INTEGER},
        {"UBIGINT", ASSAY_DQ_INTEGER},
        {"UHUGEINT", ASSAY_DQ_INTEGER},
        {"FLOAT", ASSAY_DQ_FLOAT},
        {"DOUBLE", ASSAY_DQ_DOUBLE},
        {"BOOLEAN", ASSAY_DQ_BOOLEAN},
        {"VARCHAR", ASSAY_DQ_TEXT},
        {"JSON", ASSAY_DQ_TEXT},
        {"DATE", ASSAY_DQ_DATE},
        {"TIMESTAMP", ASSAY_DQ_TIMESTAMP},
        {"TIMESTAMP_S", ASSAY_DQ_TIMESTAMP},
        {"TIMESTAMP_MS", ASSAY_DQ_TIMESTAMP},
        {"TIMESTAMP_NS", ASSAY_DQ_TIMESTAMP},
        {"TIMESTAMP WITH TIME ZONE", ASSAY_DQ_TIMESTAMPTZ},
    };

    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        if (strcmp(type, families[i].name) == 0)
            return families[i].family;
    if (assay_str_ends(type, "]"))
        return ASSAY_DQ_OTHER;
    if (assay_str_starts(type, "DECIMAL("))
        return ASSAY_DQ_DECIMAL;
    if (assay_str_starts(type, "ENUM("))
        return ASSAY_DQ_TEXT;
    return ASSAY_DQ_OTHER;
}
