#include <string.h>

#include "base/clock.h"
#include "engine/catalog.h"
#include "engine/connection.h"

/* The engine reads its clock when a transaction starts, and no setting changes it. The temporary
 * schema of a connection comes before the system's in the search path, also for functions and for
 * the bare words (CURRENT_DATE is the function of that name), and also inside views and COPY; so
 * macros of these names are the clock. system.main.now() still sees the machine's. */
struct clock_name {
    const char *name;
    enum { MOMENT, NAIVE_MOMENT, DAY, TIME_OF_DAY } kind;
};

static const struct clock_name clock_names[] = {
    {"now", MOMENT},
    {"transaction_timestamp", MOMENT},
    {"get_current_timestamp", MOMENT},
    {"current_timestamp", MOMENT},
    {"current_localtimestamp", NAIVE_MOMENT},
    {"localtimestamp", NAIVE_MOMENT},
    {"today", DAY},
    {"current_date", DAY},
    {"get_current_time", TIME_OF_DAY},
    {"current_time", TIME_OF_DAY},
    {"current_localtime", TIME_OF_DAY},
    {"localtime", TIME_OF_DAY},
};

/* `moment` is "2026-11-25 03:04:05.678901". */
static void append_literal(assay_buf *text, const struct clock_name *name, const char *moment)
{
    const char *time_of_day = strchr(moment, ' ');

    switch (name->kind) {
    case MOMENT:
        assay_buf_append_format(text, "TIMESTAMPTZ '%s+00'", moment);
        break;
    case NAIVE_MOMENT:
        assay_buf_append_format(text, "TIMESTAMP '%s'", moment);
        break;
    case DAY:
        assay_buf_append_format(text, "DATE '%.*s'", (int)(time_of_day - moment), moment);
        break;
    case TIME_OF_DAY:
        assay_buf_append_format(text, "TIME '%s'", time_of_day + 1);
        break;
    }
}

assay_status assay_engine_catalog_clock(assay_conn *conn, int64_t now_us, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    char moment[ASSAY_TIME_TEXT_SIZE];

    assay_time_format_sql(now_us, moment);
    if (strchr(moment, ' ') == NULL)
        return assay_error_set(err, ASSAY_EINVAL, 0, "'%s' is no moment", moment);
    for (size_t i = 0; i < sizeof clock_names / sizeof clock_names[0]; i++) {
        assay_buf_append_text(&text, "CREATE OR REPLACE TEMP MACRO ");
        assay_buf_append_text(&text, clock_names[i].name);
        assay_buf_append_text(&text, "() AS ");
        append_literal(&text, &clock_names[i], moment);
        assay_buf_append_text(&text, "; ");
    }
    /* age(x) alone reads the clock inside the engine. */
    assay_buf_append_text(&text, "CREATE OR REPLACE TEMP MACRO age(a) AS "
                                 "system.main.age(current_date(), a), "
                                 "(a, b) AS system.main.age(a, b)");
    ASSAY_TRY(assay_buf_check(&text, err));
    return assay_engine_run(conn, &(assay_engine_text){.text = assay_buf_text(&text)}, NULL, err);
}
