/* Events as lines of JSON (`--output json`). */
#include "pipeline/run.h"
#include "text/json.h"

static const char *const kind_names[] = {"run_started",   "step_started", "step_progress",
                                         "step_finished", "note",         "run_finished"};

static void write_text(assay_json_writer *json, const char *key, const char *text)
{
    if (text == NULL)
        return;
    assay_json_key(json, key);
    assay_json_text(json, text);
}

static void write_time(assay_json_writer *json, const char *key, int64_t us)
{
    char text[ASSAY_TIME_TEXT_SIZE];

    assay_time_format(us, text);
    write_text(json, key, text);
}

static void write_int(assay_json_writer *json, const char *key, int64_t value)
{
    assay_json_key(json, key);
    assay_json_int(json, value);
}

/* A number that is not known is left out. */
static void write_known(assay_json_writer *json, const char *key, int64_t value)
{
    if (value >= 0)
        write_int(json, key, value);
}

static void write_seconds(assay_json_writer *json, const char *key, int64_t us)
{
    assay_json_key(json, key);
    assay_json_real(json, (double)us / 1e6);
}

static void write_error(assay_json_writer *json, const assay_error *error)
{
    if (error == NULL || error->code == ASSAY_OK)
        return;
    assay_json_key(json, "error");
    assay_json_begin_map(json);
    write_text(json, "status", assay_status_name(error->code));
    if (error->number != 0)
        write_int(json, "number", error->number);
    write_text(json, "message", error->message);
    if (error->path[0] != '\0') {
        write_text(json, "path", error->path);
        write_int(json, "line", error->line);
        write_int(json, "column", error->column);
    }
    assay_json_key(json, "retryable");
    assay_json_bool(json, error->retryable);
    assay_json_end_map(json);
}

static void write_result(assay_json_writer *json, const assay_step_result *result)
{
    write_text(json, "outcome", assay_step_outcome_name(result->outcome));
    if (result->skip != ASSAY_SKIP_NONE)
        write_text(json, "skip", assay_skip_reason_name(result->skip));
    write_text(json, "reason", result->reason);
    write_known(json, "rows_added", result->rows_added);
    write_known(json, "rows_updated", result->rows_updated);
    write_known(json, "rows_removed", result->rows_removed);
    write_known(json, "rows", result->rows);
    write_known(json, "bytes", result->bytes);
    write_known(json, "files", result->files);
    write_known(json, "quarantined", result->quarantined);
    write_known(json, "bad_rows", result->bad_rows);
    write_known(json, "checks_passed", result->checks_passed);
    write_known(json, "checks_total", result->checks_total);
    write_known(json, "warnings", result->warnings);
    write_text(json, "verdict", result->verdict);
    if (result->snapshot_id != -1)
        write_int(json, "snapshot_id", result->snapshot_id);
    write_text(json, "results", result->results_path);
    write_text(json, "bad_rows_file", result->bad_rows_path);
    if (result->checks_only) {
        assay_json_key(json, "checks_only");
        assay_json_bool(json, true);
    }
    if (result->note_count == 0)
        return;
    assay_json_key(json, "notes");
    assay_json_begin_list(json);
    for (size_t i = 0; i < result->note_count; i++)
        assay_json_text(json, result->notes[i]);
    assay_json_end_list(json);
}

static void write_step(assay_json_writer *json, const assay_run_event *event)
{
    write_text(json, "table", event->table);
    write_text(json, "mode", event->mode);
    write_text(json, "step_id", event->step_id);
    write_int(json, "step", (int64_t)event->step_index + 1);
    write_int(json, "steps", (int64_t)event->step_count);
    if (event->kind == ASSAY_RUN_EVENT_STEP_PROGRESS) {
        if (event->percent >= 0) {
            assay_json_key(json, "percent");
            assay_json_real(json, event->percent);
        }
        write_int(json, "rows", (int64_t)event->rows);
        write_text(json, "phase", event->phase);
    }
    if (event->kind != ASSAY_RUN_EVENT_STEP_STARTED)
        write_seconds(json, "seconds", event->elapsed_us);
    if (event->result != NULL)
        write_result(json, event->result);
    write_error(json, event->error);
}

static void write_begin(assay_json_writer *json, const assay_run_event *event)
{
    write_text(json, "project", event->project);
    write_text(json, "target", event->target);
    write_text(json, "format", event->format);
    write_text(json, "warehouse", event->warehouse);
    write_text(json, "assay_version", event->assay_version);
    write_text(json, "engine_version", event->engine_version);
    write_time(json, "now", event->now_us);
    if (event->has_interval) {
        write_time(json, "from", event->since_us);
        write_time(json, "to", event->until_us);
    }
    write_int(json, "jobs", event->jobs);
    write_int(json, "steps", (int64_t)event->step_count);
}

static void write_end(assay_json_writer *json, const assay_run_event *event)
{
    const assay_run_result *run = event->run;

    write_int(json, "exit_code", run->exit_code);
    write_int(json, "steps", (int64_t)run->count);
    for (size_t i = 0; i < ASSAY_STEP_OUTCOME_COUNT; i++)
        write_int(json, assay_step_outcome_name((assay_step_outcome)i), (int64_t)run->outcomes[i]);
    write_int(json, "unchanged", (int64_t)run->unchanged);
    write_int(json, "rows_added", run->rows_added);
    write_int(json, "bytes", run->bytes);
    write_seconds(json, "seconds", event->elapsed_us);
    write_error(json, event->error);
}

void assay_run_event_json(const assay_run_event *event, assay_buf *buf)
{
    assay_json_writer json = assay_json_writer_init(buf);

    assay_json_begin_map(&json);
    write_int(&json, "schema_version", ASSAY_RUN_SCHEMA_VERSION);
    write_text(&json, "event", kind_names[event->kind]);
    write_time(&json, "time", event->time_us);
    write_text(&json, "run_id", event->run_id);
    switch (event->kind) {
    case ASSAY_RUN_EVENT_RUN_STARTED:
        write_begin(&json, event);
        break;
    case ASSAY_RUN_EVENT_STEP_STARTED:
    case ASSAY_RUN_EVENT_STEP_PROGRESS:
    case ASSAY_RUN_EVENT_STEP_FINISHED:
        write_step(&json, event);
        break;
    case ASSAY_RUN_EVENT_NOTE:
        write_text(&json, "message", event->message);
        break;
    case ASSAY_RUN_EVENT_RUN_FINISHED:
        write_end(&json, event);
        break;
    }
    assay_json_end_map(&json);
}
