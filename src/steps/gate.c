#include "steps/gate.h"

#include <stdio.h>

#include "base/path.h"
#include "base/str.h"
#include "base/vec.h"
#include "engine/catalog.h"
#include "steps/query_privacy.h"
#include "table/scan.h"
#include "text/json.h"

enum { EVIDENCE_SAMPLES = 5, SAMPLE_BYTES = 60 };

/* ---- what the checks read ---- */

static assay_status scan_text(const assay_write *write, const assay_gate_subject *subject,
                              size_t from, bool file_columns, const char **ret_sql,
                              assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_scan_options options = {.file_columns = file_columns, .conn = write->conn};

    ASSAY_TRY(assay_scan_append_sql(&sql, subject->table, subject->schema, subject->files + from,
                                    subject->count - from, &options, err));
    ASSAY_TRY(assay_buf_check(&sql, err));
    *ret_sql = assay_arena_text(write->arena, sql.data);
    return assay_arena_check(*ret_sql, err);
}

assay_status assay_gate_open_references(const assay_write *write, const char *text,
                                        assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec known = ASSAY_VEC_OF(const char *);

    ASSAY_TRY(assay_vec_push(&known, &write->table, err));
    for (size_t i = 0; write->inputs_bound && i < write->model->input_count; i++)
        ASSAY_TRY(assay_vec_push(&known, &write->model->inputs[i].name, err));
    const assay_published_wanted wanted = {text, known.items, known.count, INT64_MAX};
    return assay_published_views(write->steps->project, write->steps->env, write->conn, &wanted,
                                 write->arena, err);
}

/* The table's own name shows it as it will be; the tables that checks mention are made readable. */
static assay_status make_views(const assay_write *write, const assay_gate_subject *subject,
                               const assay_quality_suite *suite, assay_error *err)
{
    const char *layer = NULL;
    const char *table = NULL;
    const char *select = NULL;

    ASSAY_TRY(assay_gate_open_references(write, assay_steps_suite_text(write->steps, suite), err));
    ASSAY_TRY(scan_text(write, subject, 0, false, &select, err));
    if (!assay_published_split(write->table, write->arena, &layer, &table))
        return assay_error_set(err, ASSAY_EINVAL, 1003, "'%s' is no table name", write->table);
    return assay_engine_catalog_view(write->conn, layer, table, select, err);
}

static assay_status list_columns(const assay_write *write, const assay_schema *schema, bool pii,
                                 const char *const **ret_names, size_t *ret_count, assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec names = ASSAY_VEC_OF(const char *);
    const assay_model *model = write->model;

    for (size_t i = 0; model != NULL && !pii && i < model->header.key_count; i++)
        ASSAY_TRY(assay_vec_push(&names, &model->header.key[i].text, err));
    for (size_t i = 0; model != NULL && pii && i < schema->count; i++)
        if (assay_model_column_is_pii(model, schema->fields[i].name))
            ASSAY_TRY(assay_vec_push(&names, &schema->fields[i].name, err));
    return assay_vec_to_arena(&names, write->arena, ret_names, ret_count, err);
}

/* What the commit adds: the rows of the staged files, or those of them that were not there before.
 */
static assay_status batch_text(const assay_write *write, const assay_gate_subject *subject,
                               const char **ret_sql, assay_error *err)
{
    const char *staged = NULL;

    if (subject->staged_from == 0 && write->batch_join == NULL)
        return ASSAY_OK;
    ASSAY_TRY(scan_text(write, subject, subject->staged_from, true, &staged, err));
    *ret_sql = write->batch_join == NULL
                   ? staged
                   : assay_arena_format(write->arena, "SELECT t.* FROM (%s) t%s", staged,
                                        write->batch_join);
    return assay_arena_check(*ret_sql, err);
}

static assay_status run_suite(const assay_write *write, const assay_gate_subject *subject,
                              const assay_quality_suite *suite, assay_quality_report **ret_report,
                              assay_error *err)
{
    assay_quality_request request = {.conn = write->conn,
                                     .table = write->table,
                                     .suite = suite,
                                     .schema = subject->schema,
                                     .files = subject->files,
                                     .file_count = subject->count,
                                     .result_format = write->result_format,
                                     .index_columns = write->index_columns,
                                     .index_count = write->index_count,
                                     .now_us = write->now_us,
                                     .cancel = write->steps->env->cancel};

    const assay_query_privacy privacy = {write, subject->schema};

    request.hides = assay_query_privacy_hides;
    request.hides_user = &privacy;
    ASSAY_TRY(make_views(write, subject, suite, err));
    ASSAY_TRY(scan_text(write, subject, 0, true, &request.relation, err));
    ASSAY_TRY(batch_text(write, subject, &request.batch_relation, err));
    ASSAY_TRY(
        list_columns(write, subject->schema, false, &request.key_columns, &request.key_count, err));
    ASSAY_TRY(
        list_columns(write, subject->schema, true, &request.pii_columns, &request.pii_count, err));
    return assay_quality_run(&request, write->arena, ret_report, err);
}

/* ---- evidence ---- */

static void append_samples(assay_buf *buf, const assay_quality_result *result)
{
    for (size_t i = 0; i < result->sample_count && i < EVIDENCE_SAMPLES; i++) {
        assay_buf_append_text(buf, i == 0 ? "      for example " : ", ");
        assay_quality_value_text(buf, result->samples[i].value, SAMPLE_BYTES);
    }
    if (result->sample_count > 0)
        assay_buf_append_char(buf, '\n');
}

/* "    split 3 rows broke contract.key(id)" for each rule that rows broke. */
static void append_split(assay_buf *buf, const assay_split *split)
{
    for (size_t i = 0; i < split->count; i++) {
        const assay_split_rule *rule = &split->rules[i];
        if (rule->rows > 0)
            assay_buf_append_format(buf, "    %-5s %s: %lld row%s\n",
                                    rule->policy == ASSAY_BAD_ROW_DROP ? "drop" : "quar",
                                    rule->name, (long long)rule->rows, rule->rows == 1 ? "" : "s");
    }
}

static assay_status make_evidence(const assay_write *write, const assay_quality_report *report,
                                  const assay_gate_verdict *verdict, const assay_split *split,
                                  const char **ret_evidence, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    for (size_t i = 0; report != NULL && i < report->count; i++) {
        const assay_quality_result *result = &report->results[i];
        if (result->status != ASSAY_CHECK_STATUS_FAIL && result->status != ASSAY_CHECK_STATUS_ERROR)
            continue;
        assay_buf_append_format(&buf, "    %-5s %s (%s, %s:%d): %s\n",
                                assay_check_status_name(result->status), result->check->name,
                                assay_check_action_name(result->check->action),
                                write->steps->quality->path, result->check->line,
                                result->reason != NULL ? result->reason : result->exception);
        append_samples(&buf, result);
    }
    append_split(&buf, split);
    for (size_t i = verdict->check_warning_count; i < verdict->warning_count; i++)
        assay_buf_append_format(&buf, "    warn  %s\n", verdict->warnings[i]);
    for (size_t i = 0; !verdict->open && i < verdict->reason_count; i++)
        assay_buf_append_format(&buf, "    gate  %s\n", verdict->reasons[i]);
    ASSAY_TRY(assay_buf_check(&buf, err));
    if (buf.size == 0)
        return ASSAY_OK;
    *ret_evidence = assay_arena_text(write->arena, buf.data);
    return assay_arena_check(*ret_evidence, err);
}

/* ---- results ---- */

static assay_status save_results(const assay_write *write, const assay_quality_report *report,
                                 const assay_gate_verdict *verdict, const char **ret_path,
                                 assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    const assay_project *project = write->steps->project;
    const assay_quality_context context = {.run_id = write->run_id,
                                           .run_name = project->name,
                                           .verdict = verdict};
    assay_value *document = NULL;

    ASSAY_TRY(assay_quality_report_json(report, &context, write->arena, &document, err));
    assay_json_write(&text, document, 2);
    assay_buf_append_char(&text, '\n');
    ASSAY_TRY(assay_buf_check(&text, err));
    char *folder = assay_path_join(write->arena, project->results_dir, write->run_id);
    ASSAY_TRY(assay_arena_check(folder, err));
    ASSAY_TRY(assay_path_make(folder, err));
    char *path = assay_arena_format(write->arena, "%s/%s.json", folder, write->table);
    ASSAY_TRY(assay_arena_check(path, err));
    ASSAY_TRY(assay_path_write(path, text.data, text.size, err));
    *ret_path = assay_path_relative(project->root, path);
    return ASSAY_OK;
}

/* What the checks with action quarantine have kept out of what was judged. */
static void set_quarantined(const assay_split *split, assay_quality_report *report)
{
    for (size_t i = 0; report != NULL && i < report->count; i++)
        for (size_t k = 0; k < split->count; k++)
            if (split->rules[k].check == report->results[i].check)
                report->results[i].quarantined = split->rules[k].rows;
}

assay_status assay_gate_judge(const assay_write *write, const assay_gate_subject *subject,
                              assay_write_outcome *outcome, assay_error *err)
{
    const assay_quality_config *config = write->steps->quality;
    const assay_quality_suite *suite =
        config != NULL ? assay_quality_suite_find(config, write->table) : NULL;
    assay_quality_report *report = NULL;
    assay_gate_verdict *verdict = NULL;

    if (suite != NULL)
        ASSAY_TRY(run_suite(write, subject, suite, &report, err));
    set_quarantined(&outcome->split, report);
    const assay_gate_question question = {.config = config,
                                          .report = report,
                                          .table = write->table,
                                          .overrides = write->overrides,
                                          .override_count = write->override_count,
                                          .split = {outcome->split.input_rows,
                                                    outcome->split.quarantined}};
    ASSAY_TRY(assay_gate_evaluate(&question, write->arena, &verdict, err));
    outcome->report = report;
    outcome->verdict = verdict;
    ASSAY_TRY(make_evidence(write, report, verdict, &outcome->split, &outcome->evidence, err));
    if (report != NULL && !write->no_results)
        ASSAY_TRY(save_results(write, report, verdict, &outcome->results_path, err));
    return ASSAY_OK;
}
