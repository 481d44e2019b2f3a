#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"
#include "cli/report.h"
#include "cli/terminal.h"
#include "text/json.h"

enum { RUNNING_MAX = 64, REDRAW_US = 100000, NAME_WIDTH = 28, BAR_WIDTH = 20, EVENT_VERSION = 1 };

struct running {
    char name[128];
    int64_t started_us, rows;
    double percent;
};

struct assay_progress {
    const assay_cli_options *options;
    const char *project;
    assay_terminal terminal;
    assay_lock *lock;
    assay_clock clock;
    struct running running[RUNNING_MAX];
    size_t running_count;
    size_t drawn; /* lines of bars on the screen */
    int64_t drawn_us;
};

void assay_progress_set_project(assay_progress *progress, const char *project)
{
    progress->project = project;
}

assay_status assay_progress_new(const assay_cli_options *options, assay_progress **ret_progress,
                                assay_error *err)
{
    assay_progress *progress = assay_mem_new(1, sizeof *progress);

    if (progress == NULL)
        return assay_error_nomem(err);
    progress->options = options;
    progress->terminal = assay_terminal_detect(options);
    progress->clock = assay_clock_system();
    progress->lock = assay_lock_new();
    if (progress->lock == NULL) {
        assay_mem_free(progress);
        return assay_error_nomem(err);
    }
    *ret_progress = progress;
    return ASSAY_OK;
}

void assay_progress_freep(assay_progress **progress)
{
    if (*progress == NULL)
        return;
    assay_lock_free((*progress)->lock);
    assay_mem_free(*progress);
    *progress = NULL;
}

/* ---- bars ---- */

static bool has_bars(const assay_progress *progress)
{
    return progress->terminal.err_is_terminal && !progress->options->quiet &&
           progress->options->format == ASSAY_CLI_OUTPUT_TEXT;
}

static void erase_bars(assay_progress *progress)
{
    for (; progress->drawn > 0; progress->drawn--)
        (void)fputs("\x1b[1A\x1b[2K", stderr);
}

static void append_bar(assay_buf *buf, const struct running *step, int64_t now_us)
{
    int64_t elapsed = now_us - step->started_us;
    int full = step->percent > 0 ? (int)(step->percent * BAR_WIDTH / 100) : 0;

    assay_buf_append_format(buf, "  %-*s ", NAME_WIDTH, step->name);
    for (int i = 0; i < BAR_WIDTH; i++)
        assay_buf_append_text(buf, i < full ? "█" : "░");
    if (step->rows > 0 && elapsed > 0) {
        assay_buf_append_text(buf, "  ");
        assay_terminal_count(buf, (int64_t)((double)step->rows * 1e6 / (double)elapsed));
        assay_buf_append_text(buf, " rows/s");
    }
    assay_buf_append_text(buf, "  ");
    assay_terminal_duration(buf, elapsed);
    assay_buf_append_char(buf, '\n');
}

static void draw_bars(assay_progress *progress)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    int64_t now_us = progress->clock.monotonic_us(progress->clock.user);

    if (!has_bars(progress))
        return;
    erase_bars(progress);
    for (size_t i = 0; i < progress->running_count; i++)
        append_bar(&buf, &progress->running[i], now_us);
    (void)fputs(assay_buf_text(&buf), stderr);
    (void)fflush(stderr);
    progress->drawn = progress->running_count;
    progress->drawn_us = now_us;
}

static struct running *find_running(assay_progress *progress, const char *name)
{
    for (size_t i = 0; i < progress->running_count; i++)
        if (assay_str_equal(progress->running[i].name, name))
            return &progress->running[i];
    return NULL;
}

static void add_running(assay_progress *progress, const char *name)
{
    if (progress->running_count == RUNNING_MAX)
        return;
    struct running *step = &progress->running[progress->running_count++];
    *step = (struct running){.started_us = progress->clock.monotonic_us(progress->clock.user),
                             .percent = -1};
    (void)snprintf(step->name, sizeof step->name, "%s", name);
}

static void remove_running(assay_progress *progress, const char *name)
{
    struct running *step = find_running(progress, name);

    if (step != NULL)
        *step = progress->running[--progress->running_count];
}

static void note_progress(assay_progress *progress, const assay_run_update *event)
{
    struct running *step = find_running(progress, event->step);
    int64_t now_us = progress->clock.monotonic_us(progress->clock.user);

    if (step == NULL)
        return;
    step->percent = event->percent;
    step->rows = event->rows_added;
    if (now_us - progress->drawn_us >= REDRAW_US)
        draw_bars(progress);
}

/* ---- lines ---- */

static void append_header(assay_buf *buf, const assay_run_update *event)
{
    assay_buf_append_format(buf, "assay %s · DuckDB %s · target %s · %s · %s · %zu step%s\n",
                            assay_version(), assay_version_engine(), event->target, event->format,
                            event->warehouse, event->steps_total,
                            event->steps_total == 1 ? "" : "s");
}

static void append_counts(assay_buf *buf, const assay_run_update *event)
{
    static const char *const MARKS[] = {"+", "~", "-"};
    const int64_t counts[] = {event->rows_added, event->rows_updated, event->rows_removed};

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        if (counts[i] > 0 || (i == 0 && counts[i] == 0)) {
            assay_buf_append_format(buf, "%s", MARKS[i]);
            assay_terminal_count(buf, counts[i]);
            assay_buf_append_char(buf, ' ');
        }
    if (event->rows_quarantined > 0) {
        assay_buf_append_text(buf, "  quarantined ");
        assay_terminal_count(buf, event->rows_quarantined);
    }
    if (event->bad_rows > 0) {
        assay_buf_append_text(buf, "  dropped ");
        assay_terminal_count(buf, event->bad_rows);
    }
}

static void append_checks(assay_buf *buf, const assay_run_update *event)
{
    if (event->checks_total >= 0)
        assay_buf_append_format(buf, "   checks %" PRId64 "/%" PRId64, event->checks_passed,
                                event->checks_total);
    if (event->verdict != NULL && !assay_str_equal(event->verdict, "pass"))
        assay_buf_append_format(buf, "   %s", event->verdict);
}

/* Mark and colour of each state a step can end in. */
struct state_look {
    const char *state, *mark;
    assay_colour colour;
};

static const struct state_look LOOKS[] = {
    {"done", "✓", ASSAY_COLOUR_GREEN},   {"failed", "✗", ASSAY_COLOUR_RED},
    {"blocked", "✗", ASSAY_COLOUR_RED},  {"cancelled", "✗", ASSAY_COLOUR_YELLOW},
    {"skipped", "-", ASSAY_COLOUR_GREY},
};

static const struct state_look *find_look(const char *state)
{
    for (size_t i = 0; i < sizeof LOOKS / sizeof LOOKS[0]; i++)
        if (assay_str_equal(LOOKS[i].state, state))
            return &LOOKS[i];
    return &LOOKS[1];
}

static void append_done(assay_buf *buf, const assay_run_update *event)
{
    append_counts(buf, event);
    if (event->bytes > 0) {
        assay_buf_append_text(buf, "  ");
        assay_terminal_bytes(buf, event->bytes);
    }
    assay_buf_append_text(buf, "  ");
    assay_terminal_duration(buf, event->duration_us);
    append_checks(buf, event);
    if (event->reason != NULL)
        assay_buf_append_format(buf, "   %s", event->reason);
}

static void append_publication(assay_progress *progress, assay_buf *buf,
                               const assay_run_publication *publication)
{
    bool colour = progress->terminal.err_colour;
    bool failed = publication->error != NULL;
    bool skipped = assay_str_equal(publication->state, "skipped");
    assay_run_update counts = {.rows_added = publication->inserted,
                               .rows_updated = publication->updated,
                               .rows_removed = publication->deleted};

    assay_buf_append_format(buf, "  %s→%s %-*s %-9s ",
                            assay_terminal_begin(colour, failed    ? ASSAY_COLOUR_YELLOW
                                                         : skipped ? ASSAY_COLOUR_GREY
                                                                   : ASSAY_COLOUR_GREEN),
                            assay_terminal_end(colour), NAME_WIDTH - 2, publication->table,
                            publication->mode);
    if (!failed && !skipped)
        append_counts(buf, &counts);
    assay_buf_append_format(buf, "%s%s to %s", failed || skipped ? "" : "  ",
                            skipped ? "not sent" : publication->state, publication->connection);
    if (publication->duration_us >= 0) {
        assay_buf_append_text(buf, "  ");
        assay_terminal_duration(buf, publication->duration_us);
    }
    assay_buf_append_char(buf, '\n');
    if (failed)
        assay_report_append_error(buf, publication->error, progress->project, colour);
}

static void append_step(assay_progress *progress, assay_buf *buf, const assay_run_update *event)
{
    bool colour = progress->terminal.err_colour;
    const struct state_look *look = find_look(event->state);

    assay_buf_append_format(buf, "%s%s%s %-*s %-9s ", assay_terminal_begin(colour, look->colour),
                            look->mark, assay_terminal_end(colour), NAME_WIDTH, event->step,
                            event->mode != NULL ? event->mode : "");
    if (assay_str_equal(event->state, "done"))
        append_done(buf, event);
    else
        assay_buf_append_format(buf, "%s%s%s", event->state, event->reason != NULL ? ": " : "",
                                event->reason != NULL ? event->reason : "");
    assay_buf_append_char(buf, '\n');
    if (event->error != NULL && !assay_str_equal(event->state, "skipped"))
        assay_report_append_error(buf, event->error, progress->project, colour);
    if (event->evidence != NULL)
        assay_buf_append_text(buf, event->evidence);
    for (size_t i = 0; i < event->publication_count; i++)
        append_publication(progress, buf, &event->publications[i]);
}

static void append_footer(assay_buf *buf, const assay_run_update *event)
{
    assay_buf_append_format(buf, "%zu done, %zu failed, %zu skipped", event->steps_done,
                            event->steps_failed, event->steps_skipped);
    if (event->unpublished > 0)
        assay_buf_append_format(buf, ", %zu not published", event->unpublished);
    assay_buf_append_text(buf, " in ");
    assay_terminal_duration(buf, event->duration_us);
    assay_buf_append_format(buf, " · run %s\n", event->run_id);
    if (event->lineage != NULL)
        assay_buf_append_format(buf, "lineage: %s\n", event->lineage);
    if (event->message != NULL)
        assay_buf_append_format(buf, "results: %s\n", event->message);
}

static void append_text(assay_progress *progress, assay_buf *buf, const assay_run_update *event)
{
    bool colour = progress->terminal.err_colour;

    switch (event->kind) {
    case ASSAY_RUN_STARTED:
        append_header(buf, event);
        break;
    case ASSAY_RUN_STEP_FINISHED:
        append_step(progress, buf, event);
        break;
    case ASSAY_RUN_NOTICE:
        assay_buf_append_format(buf, "%s!%s %s%s%s\n",
                                assay_terminal_begin(colour, ASSAY_COLOUR_YELLOW),
                                assay_terminal_end(colour), event->step != NULL ? event->step : "",
                                event->step != NULL ? ": " : "", event->message);
        break;
    case ASSAY_RUN_FINISHED:
        append_footer(buf, event);
        break;
    case ASSAY_RUN_STEP_STARTED:
    case ASSAY_RUN_STEP_PROGRESS:
        break;
    }
}

/* ---- JSON lines ---- */

static const char *kind_name(assay_run_update_kind kind)
{
    switch (kind) {
    case ASSAY_RUN_STARTED:
        return "run_started";
    case ASSAY_RUN_STEP_STARTED:
        return "step_started";
    case ASSAY_RUN_STEP_PROGRESS:
        return "step_progress";
    case ASSAY_RUN_STEP_FINISHED:
        return "step_finished";
    case ASSAY_RUN_NOTICE:
        return "notice";
    case ASSAY_RUN_FINISHED:
        return "run_finished";
    }
    return "unknown";
}

static void json_text(assay_json_writer *json, const char *key, const char *text)
{
    if (text == NULL)
        return;
    assay_json_key(json, key);
    assay_json_text(json, text);
}

static void json_count(assay_json_writer *json, const char *key, int64_t value)
{
    if (value < 0)
        return;
    assay_json_key(json, key);
    assay_json_int(json, value);
}

static void json_step(assay_json_writer *json, const assay_run_update *event)
{
    json_text(json, "step", event->step);
    json_text(json, "step_id", event->step_id);
    json_text(json, "step_kind", event->step_kind);
    json_text(json, "mode", event->mode);
    json_text(json, "state", event->state);
    json_text(json, "reason", event->reason);
    if (event->kind == ASSAY_RUN_STEP_FINISHED) {
        json_count(json, "rows_added", event->rows_added);
        json_count(json, "rows_updated", event->rows_updated);
        json_count(json, "rows_removed", event->rows_removed);
        json_count(json, "rows_quarantined", event->rows_quarantined);
        json_count(json, "bad_rows", event->bad_rows);
        json_count(json, "bytes", event->bytes);
        json_count(json, "duration_us", event->duration_us);
        json_count(json, "checks_passed", event->checks_passed);
        json_count(json, "checks_total", event->checks_total);
        json_count(json, "snapshot_id", event->snapshot_id);
        json_text(json, "verdict", event->verdict);
        json_text(json, "evidence", event->evidence);
    }
}

static void json_error(assay_json_writer *json, const assay_error *error);

static void json_publications(assay_json_writer *json, const assay_run_update *event)
{
    if (event->publication_count == 0)
        return;
    assay_json_key(json, "publications");
    assay_json_begin_list(json);
    for (size_t i = 0; i < event->publication_count; i++) {
        const assay_run_publication *publication = &event->publications[i];
        assay_json_begin_map(json);
        json_text(json, "to", publication->connection);
        json_text(json, "table", publication->table);
        json_text(json, "mode", publication->mode);
        json_text(json, "state", publication->state);
        json_text(json, "publish_id", publication->publish_id);
        json_count(json, "rows", publication->rows);
        json_count(json, "inserted", publication->inserted);
        json_count(json, "updated", publication->updated);
        json_count(json, "deleted", publication->deleted);
        json_count(json, "duration_us", publication->duration_us);
        json_error(json, publication->error);
        assay_json_end_map(json);
    }
    assay_json_end_list(json);
}

static void json_error(assay_json_writer *json, const assay_error *error)
{
    if (error == NULL || error->code == ASSAY_OK)
        return;
    assay_json_key(json, "error");
    assay_json_begin_map(json);
    json_text(json, "status", assay_status_name(error->code));
    json_count(json, "number", error->number);
    if (error->path[0] != '\0')
        json_text(json, "path", error->path);
    json_count(json, "line", error->line);
    json_count(json, "column", error->column);
    json_text(json, "message", error->message);
    assay_json_key(json, "retryable");
    assay_json_bool(json, error->retryable);
    assay_json_end_map(json);
}

static void json_run(assay_json_writer *json, const assay_run_update *event)
{
    if (event->kind != ASSAY_RUN_STARTED && event->kind != ASSAY_RUN_FINISHED)
        return;
    json_count(json, "steps_total", (int64_t)event->steps_total);
    json_text(json, "target", event->target);
    json_text(json, "format", event->format);
    json_text(json, "warehouse", event->warehouse);
    json_text(json, "lineage", event->lineage);
    if (event->kind == ASSAY_RUN_FINISHED) {
        json_count(json, "steps_done", (int64_t)event->steps_done);
        json_count(json, "steps_failed", (int64_t)event->steps_failed);
        json_count(json, "steps_skipped", (int64_t)event->steps_skipped);
        json_count(json, "unpublished", (int64_t)event->unpublished);
        json_count(json, "duration_us", event->duration_us);
    }
}

static void append_json(assay_buf *buf, const assay_run_update *event)
{
    assay_json_writer json = assay_json_writer_init(buf);
    char time[ASSAY_TIME_TEXT_SIZE];

    assay_time_format(event->time_us, time);
    assay_json_begin_map(&json);
    json_count(&json, "schema_version", EVENT_VERSION);
    json_text(&json, "event", kind_name(event->kind));
    json_text(&json, "time", time);
    json_text(&json, "run_id", event->run_id);
    json_step(&json, event);
    json_run(&json, event);
    json_text(&json, "message", event->message);
    json_publications(&json, event);
    json_error(&json, event->error);
    assay_json_end_map(&json);
    assay_buf_append_char(buf, '\n');
}

/* ---- listener ---- */

static void track(assay_progress *progress, const assay_run_update *event)
{
    switch (event->kind) {
    case ASSAY_RUN_STEP_STARTED:
        add_running(progress, event->step);
        break;
    case ASSAY_RUN_STEP_PROGRESS:
        note_progress(progress, event);
        break;
    case ASSAY_RUN_STEP_FINISHED:
        remove_running(progress, event->step);
        break;
    case ASSAY_RUN_STARTED:
    case ASSAY_RUN_NOTICE:
    case ASSAY_RUN_FINISHED:
        break;
    }
}

static bool has_unpublished(const assay_run_update *event)
{
    for (size_t i = 0; i < event->publication_count; i++)
        if (event->publications[i].error != NULL)
            return true;
    return false;
}

static void print_text(assay_progress *progress, const assay_run_update *event)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    bool failure =
        event->kind == ASSAY_RUN_STEP_FINISHED && (event->error != NULL || has_unpublished(event));

    track(progress, event);
    if (progress->options->quiet && !failure)
        return;
    append_text(progress, &buf, event);
    if (buf.size == 0) {
        if (event->kind == ASSAY_RUN_STEP_STARTED)
            draw_bars(progress);
        return;
    }
    erase_bars(progress);
    (void)fputs(buf.data, stderr);
    draw_bars(progress);
}

void assay_progress_listen(void *user, const assay_run_update *event)
{
    assay_progress *progress = user;
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    assay_lock_acquire(progress->lock);
    if (progress->options->format == ASSAY_CLI_OUTPUT_JSON) {
        append_json(&buf, event);
        (void)fputs(assay_buf_text(&buf), stdout);
        (void)fflush(stdout);
    } else {
        print_text(progress, event);
    }
    assay_lock_release(progress->lock);
}

void assay_progress_log(void *user, assay_log_importance importance, const char *message)
{
    static const char *const NAMES[] = {"debug", "info", "warning", "error"};
    assay_progress *progress = user;

    assay_lock_acquire(progress->lock);
    erase_bars(progress);
    (void)fprintf(stderr, "%s: %s\n", NAMES[importance], message);
    draw_bars(progress);
    assay_lock_release(progress->lock);
}
