#include "lineage/event.h"

#include "base/str.h"
#include "base/uuid.h"
#include "lineage/facet.h"

#include <stdio.h>

static const char *const type_names[] = {
    [ASSAY_LINEAGE_START] = "START",       [ASSAY_LINEAGE_RUNNING] = "RUNNING",
    [ASSAY_LINEAGE_COMPLETE] = "COMPLETE", [ASSAY_LINEAGE_FAIL] = "FAIL",
    [ASSAY_LINEAGE_ABORT] = "ABORT",
};

static const char *const lifecycles[] = {"ALTER",     "CREATE", "DROP",
                                         "OVERWRITE", "RENAME", "TRUNCATE"};

assay_lineage_dataset assay_lineage_dataset_init(void)
{
    return (assay_lineage_dataset){.input_rows = -1,
                                   .input_bytes = -1,
                                   .input_files = -1,
                                   .metric_rows = -1,
                                   .metric_bytes = -1,
                                   .metric_files = -1,
                                   .scan_snapshot_id = -1,
                                   .scan_schema_id = -1,
                                   .output_rows = -1,
                                   .output_bytes = -1,
                                   .output_files = -1,
                                   .commit_snapshot_id = -1,
                                   .commit_sequence = -1};
}

assay_lineage_event assay_lineage_event_init(void)
{
    return (assay_lineage_event){.nominal_end_us = -1};
}

/* ---- what the core schema asks for ---- */

static assay_status refuse(const char *what, const char *name, assay_error *err)
{
    return assay_error_set(err, ASSAY_EINVAL, 6020, "the lineage event of '%s' has no valid %s",
                           name != NULL ? name : "?", what);
}

static bool is_named(const char *namespace, const char *name)
{
    return namespace != NULL && namespace[0] != '\0' && name != NULL && name[0] != '\0';
}

static bool is_uuid(const char *text)
{
    assay_uuid uuid;
    return text != NULL && assay_uuid_parse(text, &uuid);
}

static bool is_ref(const assay_lineage_run_ref *ref)
{
    return is_uuid(ref->run_id) && is_named(ref->namespace, ref->name);
}

static assay_status check_datasets(const char *job, const assay_lineage_dataset *datasets,
                                   size_t count, assay_error *err)
{
    for (size_t i = 0; i < count; i++) {
        bool known = datasets[i].lifecycle == NULL;
        if (!is_named(datasets[i].namespace, datasets[i].name))
            return refuse("namespace and name of a dataset", job, err);
        for (size_t k = 0; !known && k < sizeof lifecycles / sizeof *lifecycles; k++)
            known = assay_str_equal(datasets[i].lifecycle, lifecycles[k]);
        if (!known)
            return refuse("lifecycle of a dataset", job, err);
        for (size_t k = 0; k < datasets[i].assertion_count; k++)
            if (datasets[i].assertions[k].assertion == NULL)
                return refuse("name of an assertion", job, err);
    }
    return ASSAY_OK;
}

static assay_status check(const assay_lineage_event *event, assay_error *err)
{
    if (!is_uuid(event->run_id))
        return refuse("run id", event->job_name, err);
    if (!is_named(event->job_namespace, event->job_name))
        return refuse("namespace and name of the job", event->job_name, err);
    if (event->parent.run_id != NULL && !is_ref(&event->parent))
        return refuse("parent", event->job_name, err);
    if (event->root.run_id != NULL && !is_ref(&event->root))
        return refuse("root", event->job_name, err);
    ASSAY_TRY(check_datasets(event->job_name, event->inputs, event->input_count, err));
    return check_datasets(event->job_name, event->outputs, event->output_count, err);
}

/* ---- run ---- */

static void write_time(assay_json_writer *writer, const char *key, int64_t us)
{
    char text[ASSAY_TIME_TEXT_SIZE];

    assay_time_format(us, text);
    assay_facet_text(writer, key, text);
}

static void write_ref(assay_json_writer *writer, const assay_lineage_run_ref *ref)
{
    assay_json_key(writer, "run");
    assay_json_begin_map(writer);
    assay_facet_text(writer, "runId", ref->run_id);
    assay_json_end_map(writer);
    assay_json_key(writer, "job");
    assay_json_begin_map(writer);
    assay_facet_text(writer, "namespace", ref->namespace);
    assay_facet_text(writer, "name", ref->name);
    assay_json_end_map(writer);
}

static void write_parent(assay_json_writer *writer, const assay_lineage_event *event)
{
    if (event->parent.run_id == NULL)
        return;
    assay_facet_begin(writer, ASSAY_FACET_PARENT);
    write_ref(writer, &event->parent);
    assay_json_key(writer, "root");
    assay_json_begin_map(writer);
    write_ref(writer, event->root.run_id != NULL ? &event->root : &event->parent);
    assay_json_end_map(writer);
    assay_json_end_map(writer);
}

static void write_problems(assay_json_writer *writer, const assay_lineage_event *event)
{
    if (event->error_message != NULL) {
        ASSAY_AUTO(assay_buf_done) assay_buf message = ASSAY_BUF_EMPTY;
        if (event->error_number != NULL)
            assay_buf_append_format(&message, "%s ", event->error_number);
        assay_buf_append_text(&message, event->error_message);
        writer->buf->failed = writer->buf->failed || message.failed;
        assay_facet_begin(writer, ASSAY_FACET_ERROR_MESSAGE);
        assay_facet_text(writer, "message", assay_buf_text(&message));
        assay_facet_text(writer, "programmingLanguage", "SQL");
        assay_json_end_map(writer);
    }
    if (event->extraction_error != NULL) {
        assay_facet_begin(writer, ASSAY_FACET_EXTRACTION_ERROR);
        assay_facet_int(writer, "totalTasks", 1);
        assay_facet_int(writer, "failedTasks", 1);
        assay_json_key(writer, "errors");
        assay_json_begin_list(writer);
        assay_json_begin_map(writer);
        assay_facet_text(writer, "errorMessage", event->extraction_error);
        assay_facet_text(writer, "task", event->extraction_task);
        assay_facet_int(writer, "taskNumber", 1);
        assay_json_end_map(writer);
        assay_json_end_list(writer);
        assay_json_end_map(writer);
    }
}

static void write_run(assay_json_writer *writer, const assay_lineage_event *event)
{
    assay_json_key(writer, "run");
    assay_json_begin_map(writer);
    assay_facet_text(writer, "runId", event->run_id);
    assay_json_key(writer, "facets");
    assay_json_begin_map(writer);
    write_parent(writer, event);
    if (event->has_nominal) {
        assay_facet_begin(writer, ASSAY_FACET_NOMINAL_TIME);
        write_time(writer, "nominalStartTime", event->nominal_start_us);
        if (event->nominal_end_us >= 0)
            write_time(writer, "nominalEndTime", event->nominal_end_us);
        assay_json_end_map(writer);
    }
    if (event->engine_version != NULL) {
        assay_facet_begin(writer, ASSAY_FACET_PROCESSING_ENGINE);
        assay_facet_text(writer, "version", event->engine_version);
        assay_facet_text(writer, "name", event->engine_name);
        assay_facet_text(writer, "openlineageAdapterVersion", ASSAY_VERSION);
        assay_json_end_map(writer);
    }
    write_problems(writer, event);
    if (event->query_id != NULL && event->query_source != NULL) {
        assay_facet_begin(writer, ASSAY_FACET_EXTERNAL_QUERY);
        assay_facet_text(writer, "externalQueryId", event->query_id);
        assay_facet_text(writer, "source", event->query_source);
        assay_json_end_map(writer);
    }
    if (event->run_tag_count > 0) {
        assay_facet_begin(writer, ASSAY_FACET_RUN_TAGS);
        assay_facet_tags(writer, event->run_tags, event->run_tag_count);
        assay_json_end_map(writer);
    }
    assay_json_end_map(writer);
    assay_json_end_map(writer);
}

/* ---- job ---- */

static void write_source_code(assay_json_writer *writer, const assay_lineage_event *event)
{
    if (event->source_url == NULL)
        return;
    assay_facet_begin(writer, ASSAY_FACET_SOURCE_CODE_LOCATION);
    assay_facet_text(writer, "type", "git");
    assay_facet_text(writer, "url", event->source_url);
    assay_facet_text(writer, "repoUrl", event->source_repo);
    assay_facet_text(writer, "path", event->source_path);
    assay_facet_text(writer, "version", event->source_version);
    assay_facet_text(writer, "tag", event->source_tag);
    assay_facet_text(writer, "branch", event->source_branch);
    assay_json_end_map(writer);
}

static void write_job(assay_json_writer *writer, const assay_lineage_event *event)
{
    assay_json_key(writer, "job");
    assay_json_begin_map(writer);
    assay_facet_text(writer, "namespace", event->job_namespace);
    assay_facet_text(writer, "name", event->job_name);
    assay_json_key(writer, "facets");
    assay_json_begin_map(writer);
    if (event->job_type != NULL) {
        assay_facet_begin(writer, ASSAY_FACET_JOB_TYPE);
        assay_facet_text(writer, "processingType", "BATCH");
        assay_facet_text(writer, "integration", "ASSAY");
        assay_facet_text(writer, "jobType", event->job_type);
        assay_json_end_map(writer);
    }
    if (event->sql != NULL) {
        assay_facet_begin(writer, ASSAY_FACET_SQL);
        assay_facet_text(writer, "query", event->sql);
        assay_facet_text(writer, "dialect", "duckdb");
        assay_json_end_map(writer);
    }
    write_source_code(writer, event);
    if (event->documentation != NULL) {
        assay_facet_begin(writer, ASSAY_FACET_JOB_DOCUMENTATION);
        assay_facet_text(writer, "description", event->documentation);
        assay_json_end_map(writer);
    }
    if (event->job_tag_count > 0) {
        assay_facet_begin(writer, ASSAY_FACET_JOB_TAGS);
        assay_facet_tags(writer, event->job_tags, event->job_tag_count);
        assay_json_end_map(writer);
    }
    assay_json_end_map(writer);
    assay_json_end_map(writer);
}

static void write_datasets(assay_json_writer *writer, const assay_lineage_event *event,
                           bool is_output)
{
    size_t count = is_output ? event->output_count : event->input_count;
    const assay_lineage_dataset *datasets = is_output ? event->outputs : event->inputs;

    assay_json_key(writer, is_output ? "outputs" : "inputs");
    assay_json_begin_list(writer);
    for (size_t i = 0; i < count; i++)
        assay_facet_write_dataset(writer, event, &datasets[i], is_output);
    assay_json_end_list(writer);
}

assay_status assay_lineage_event_write(const assay_lineage_event *event, assay_buf *buf,
                                       assay_error *err)
{
    ASSAY_TRY(check(event, err));

    assay_json_writer writer = assay_json_writer_init(buf);
    assay_json_begin_map(&writer);
    assay_facet_text(&writer, "eventType", type_names[event->type]);
    write_time(&writer, "eventTime", event->time_us);
    write_run(&writer, event);
    write_job(&writer, event);
    write_datasets(&writer, event, false);
    write_datasets(&writer, event, true);
    assay_facet_text(&writer, "producer", assay_facet_producer());
    assay_facet_text(&writer, "schemaURL",
                     "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent");
    assay_json_end_map(&writer);
    return assay_buf_check(buf, err);
}
