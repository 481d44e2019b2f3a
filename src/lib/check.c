/* Suites outside of a run: on what is published, and on a stream. */
#include <assay/quality.h>

#include <stdio.h>

#include "base/path.h"
#include "base/str.h"
#include "engine/arrow.h"
#include "engine/catalog.h"
#include "lib/context.h"
#include "lib/document.h"
#include "lib/outside.h"
#include "lib/privacy.h"
#include "steps/events.h"
#include "steps/write.h"

static const char CATALOG[] = "checks";

/* One `assay check`. */
struct checking {
    assay_context *context;
    const assay_check_options *options;
    assay_arena *arena;
    assay_conn *conn;
    assay_value *results; /* LIST, one a table */
    char run_id[ASSAY_UUID_TEXT_SIZE];
    size_t asked, checked;
    assay_error gravest; /* of a shut gate, or of a table that cannot be judged; ASSAY_OK = none */
};

static assay_status result_format(const char *name, assay_result_format *ret_format,
                                  assay_error *err)
{
    static const assay_result_format FORMATS[] = {ASSAY_RESULT_FORMAT_BOOLEAN_ONLY,
                                                  ASSAY_RESULT_FORMAT_BASIC,
                                                  ASSAY_RESULT_FORMAT_SUMMARY,
                                                  ASSAY_RESULT_FORMAT_COMPLETE};

    *ret_format = ASSAY_RESULT_FORMAT_BASIC;
    if (name == NULL)
        return ASSAY_OK;
    for (size_t i = 0; i < sizeof FORMATS / sizeof FORMATS[0]; i++)
        if (assay_str_equal_ci(assay_result_format_name(FORMATS[i]), name)) {
            *ret_format = FORMATS[i];
            return ASSAY_OK;
        }
    return assay_error_set(err, ASSAY_EINVAL, 1003, "no result format '%s'", name);
}

static assay_status add_document(struct checking *checking, const assay_write_outcome *outcome,
                                 const char *table, assay_error *err)
{
    const assay_quality_context quality = {.run_id = checking->run_id,
                                           .run_name = checking->context->project->name,
                                           .verdict = outcome->verdict};
    assay_value *item = NULL;

    if (outcome->report != NULL) {
        ASSAY_TRY(
            assay_quality_report_json(outcome->report, &quality, checking->arena, &item, err));
    } else {
        item = assay_value_map(checking->arena);
        ASSAY_TRY(assay_arena_check(item, err));
    }
    ASSAY_TRY(assay_document_text(item, "table", table, checking->arena, err));
    ASSAY_TRY(assay_document_text(item, "verdict", outcome->verdict->text, checking->arena, err));
    ASSAY_TRY(
        assay_document_text(item, "results_path", outcome->results_path, checking->arena, err));
    ASSAY_TRY(assay_document_text(item, "evidence", outcome->evidence, checking->arena, err));
    return assay_value_append(checking->results, item, checking->arena, err);
}

static assay_status fill_write(struct checking *checking, const char *name, assay_table *table,
                               char step_id[ASSAY_UUID_TEXT_SIZE], assay_write *write,
                               assay_error *err)
{
    assay_context *context = checking->context;

    assay_uuid_format(assay_uuid_v7(&context->clock, &context->random), step_id);
    *write = (assay_write){.steps = context->steps,
                           .conn = checking->conn,
                           .arena = checking->arena,
                           .table = name,
                           .base = table,
                           .mode = ASSAY_LOAD_FULL,
                           .model = assay_project_model(context->project, name),
                           .run_id = checking->run_id,
                           .step_id = step_id,
                           .now_us = assay_context_now(context),
                           .index_columns = checking->options->index_columns,
                           .index_count = assay_context_count(checking->options->index_columns),
                           .no_results = checking->options->no_results};
    return result_format(checking->options->result_format, &write->result_format, err);
}

static assay_status judge_table(struct checking *checking, const char *name, assay_table *table,
                                assay_error *err)
{
    assay_context *context = checking->context;
    char step_id[ASSAY_UUID_TEXT_SIZE];
    assay_write_outcome outcome;
    assay_write write;
    assay_error problem = {0};

    ASSAY_TRY(fill_write(checking, name, table, step_id, &write, err));
    assay_step_facts facts = {.steps = context->steps,
                              .model = write.model,
                              .run_id = checking->run_id,
                              .step_id = step_id,
                              .started_us = context->clock.now_us(context->clock.user),
                              .arena = checking->arena,
                              .target = table};
    assay_outside_begin(context, checking->run_id, step_id, name);
    assay_events_start(&facts, table->schema);
    assay_status status = assay_write_recheck(&write, &outcome, &problem);
    if (status == ASSAY_OK)
        assay_events_complete(&facts, &outcome);
    else
        assay_events_fail(&facts, &outcome, &problem);
    if (status != ASSAY_OK && status != ASSAY_EGATE)
        return assay_error_copy(err, &problem);
    checking->checked++;
    if (assay_error_is_graver(&problem, &checking->gravest))
        checking->gravest = problem;
    return add_document(checking, &outcome, name, err);
}

static assay_status check_published(struct checking *checking, const char *name, assay_error *err)
{
    assay_context *context = checking->context;
    assay_table *table = NULL;

    ASSAY_TRY(assay_published_load(context->project, &context->env, checking->conn, name,
                                   checking->arena, &table, err));
    if (!table->exists)
        return assay_error_set(err, ASSAY_ENOTFOUND, 4062,
                               "there is no table '%s' yet; `assay run` makes it", name);
    ASSAY_TRY(assay_privacy_of_table(context, table, err));
    ASSAY_TRY(assay_engine_catalog_open(checking->conn, CATALOG, err));
    assay_status status = judge_table(checking, name, table, err);
    assay_engine_catalog_close(checking->conn, CATALOG);
    return status;
}

/* A table that cannot be judged, since it was never made or is damaged, keeps nobody from the
 * others. */
static assay_status check_table(struct checking *checking, const char *name, assay_error *err)
{
    assay_error problem = {0};
    assay_value *item = NULL;

    checking->asked++;
    assay_status status = check_published(checking, name, &problem);
    if (status == ASSAY_OK)
        return ASSAY_OK;
    if (status == ASSAY_ENOMEM || status == ASSAY_ECANCELLED)
        return assay_error_copy(err, &problem);
    if (assay_error_is_graver(&problem, &checking->gravest))
        checking->gravest = problem;
    item = assay_value_map(checking->arena);
    ASSAY_TRY(assay_value_append(checking->results, item, checking->arena, err));
    ASSAY_TRY(assay_document_text(item, "table", name, checking->arena, err));
    return assay_document_error(item, &problem, checking->arena, err);
}

/* Without selectors: every table that a suite names. */
static assay_status check_suites(struct checking *checking, assay_error *err)
{
    const assay_quality_config *config = checking->context->steps->quality;

    for (size_t i = 0; config != NULL && i < config->suite_count; i++)
        ASSAY_TRY(check_table(checking, config->suites[i].table, err));
    return ASSAY_OK;
}

static assay_status check_selected(struct checking *checking, assay_error *err)
{
    assay_context *context = checking->context;
    const assay_check_options *options = checking->options;
    assay_selection selection;
    assay_model **models = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_context_graph(context, err));
    assay_selection_words words = {options->select, assay_context_count(options->select),
                                   options->exclude, assay_context_count(options->exclude)};
    ASSAY_TRY(assay_selection_parse(context->project, &words, checking->arena, &selection, err));
    ASSAY_TRY(assay_selection_models(context->project, &selection, checking->arena, &models, &count,
                                     err));
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(check_table(checking, models[i]->name, err));
    return ASSAY_OK;
}

/* One selector that names a table without a model (from `assay load`) is that table. */
static bool is_plain_table(const struct checking *checking)
{
    const char *const *select = checking->options->select;

    return assay_context_count(select) == 1 &&
           assay_project_model(checking->context->project, select[0]) == NULL &&
           checking->context->steps->quality != NULL &&
           assay_quality_suite_find(checking->context->steps->quality, select[0]) != NULL;
}

static assay_status check_all(struct checking *checking, assay_error *err)
{
    const assay_check_options *options = checking->options;

    if (is_plain_table(checking))
        return check_table(checking, options->select[0], err);
    if (assay_context_count(options->select) == 0 && assay_context_count(options->exclude) == 0)
        return check_suites(checking, err);
    return check_selected(checking, err);
}

/* What dq.yaml asks for and nothing does. */
static void tell_notes(const assay_context *context)
{
    const assay_quality_config *config = context->steps->quality;

    for (size_t i = 0; config != NULL && i < config->note_count; i++)
        assay_log_write(context->log, ASSAY_LOG_WARNING, "%s", config->notes[i]);
}

assay_status assay_check(assay_context *context, const assay_check_options *options,
                         char **ret_json, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    struct checking checking = {.context = context, .options = options, .arena = arena};
    assay_value *document = NULL;
    assay_result_format format;

    assay_error_clear(err);
    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(result_format(options->result_format, &format, err));
    ASSAY_TRY(assay_conn_open(context->engine, &conn, err));
    checking.conn = conn;
    assay_uuid_format(assay_uuid_v7(&context->clock, &context->random), checking.run_id);
    ASSAY_TRY(assay_document_new(arena, "checks", &document, err));
    checking.results = assay_value_list(arena);
    ASSAY_TRY(assay_value_set(document, "tables", checking.results, arena, err));
    assay_outside_begin(context, checking.run_id, NULL, NULL);
    assay_events_run(context->steps, checking.run_id, context->clock.now_us(context->clock.user),
                     ASSAY_LINEAGE_START, NULL);
    tell_notes(context);
    assay_status status = check_all(&checking, err);
    bool told = status == ASSAY_OK; /* by the document */
    if (status == ASSAY_OK && checking.gravest.code != ASSAY_OK)
        status = assay_error_copy(err, &checking.gravest);
    assay_events_run(context->steps, checking.run_id, context->clock.now_us(context->clock.user),
                     status == ASSAY_OK ? ASSAY_LINEAGE_COMPLETE : ASSAY_LINEAGE_FAIL,
                     status == ASSAY_OK || err == NULL ? NULL : err->message);
    assay_outside_end(context, checking.run_id);
    if (!told || (checking.asked == 1 && checking.checked == 0))
        return status;
    ASSAY_TRY(assay_document_bool(document, "success", status == ASSAY_OK, arena, err));
    ASSAY_TRY(assay_document_int(document, "checked", (int64_t)checking.checked, arena, err));
    assay_status taken = assay_document_take(document, ret_json, NULL);
    return taken != ASSAY_OK ? assay_error_nomem(err) : status;
}

/* ---- streams ---- */

static assay_status run_stream(assay_context *context, assay_conn *conn, const char *table,
                               const assay_quality_suite *suite, assay_arena *arena,
                               char **ret_json, assay_error *err)
{
    assay_quality_report *report = NULL;
    assay_gate_verdict *verdict = NULL;
    assay_value *document = NULL;

    ASSAY_TRY(assay_conn_execute(
        conn, "CREATE TEMP TABLE assay_stream_rows AS SELECT * FROM assay_stream", NULL, err));
    const assay_quality_request request = {.conn = conn,
                                           .table = table,
                                           .suite = suite,
                                           .relation = "SELECT * FROM assay_stream_rows",
                                           .result_format = ASSAY_RESULT_FORMAT_BASIC,
                                           .now_us = assay_context_now(context),
                                           .cancel = context->cancel};
    ASSAY_TRY(assay_quality_run(&request, arena, &report, err));
    const assay_gate_question question = {.config = context->steps->quality,
                                          .report = report,
                                          .table = table};
    ASSAY_TRY(assay_gate_evaluate(&question, arena, &verdict, err));
    const assay_quality_context quality = {.run_name = context->project->name, .verdict = verdict};
    ASSAY_TRY(assay_quality_report_json(report, &quality, arena, &document, err));
    ASSAY_TRY(assay_document_take(document, ret_json, err));
    return verdict->open ? ASSAY_OK : assay_gate_refuse(verdict, table, err);
}

assay_status assay_quality_run_stream(assay_context *context, struct ArrowArrayStream *stream,
                                      const char *table, char **ret_json, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    const assay_quality_config *config = context->steps->quality;
    const assay_quality_suite *suite =
        config != NULL ? assay_quality_suite_find(config, table) : NULL;

    assay_error_clear(err);
    assay_status status = assay_arena_check(arena, err);
    if (status == ASSAY_OK && suite == NULL)
        status =
            assay_error_set(err, ASSAY_ENOTFOUND, 5012, "no suite names the table '%s'", table);
    if (status == ASSAY_OK)
        status = assay_conn_open(context->engine, &conn, err);
    if (status == ASSAY_OK)
        status = assay_conn_register_stream(conn, "assay_stream", stream, err);
    if (status == ASSAY_OK)
        status = run_stream(context, conn, table, suite, arena, ret_json, err);
    if (stream->release != NULL)
        stream->release(stream);
    return status;
}
