#include "pipeline/step.h"

#include "base/str.h"
#include "pipeline/run_state.h"
#include "store/hash.h"
#include "text/json.h"

#include <string.h>

static const char *const outcome_names[] = {"done", "skipped", "gated", "failed", "cancelled"};

const char *assay_step_outcome_name(assay_step_outcome outcome)
{
    return outcome < ASSAY_STEP_OUTCOME_COUNT ? outcome_names[outcome] : "unknown";
}

const char *assay_skip_reason_name(assay_skip_reason reason)
{
    switch (reason) {
    case ASSAY_SKIP_NONE:
        return "none";
    case ASSAY_SKIP_UNCHANGED:
        return "unchanged";
    case ASSAY_SKIP_NO_NEW_DATA:
        return "no_new_data";
    case ASSAY_SKIP_NO_FILES:
        return "no_files";
    case ASSAY_SKIP_UPSTREAM_FAILED:
        return "upstream_failed";
    case ASSAY_SKIP_RUN_ENDED:
        return "run_ended";
    }
    return "none";
}

void assay_step_phase(const assay_step_context *context, const char *phase)
{
    if (context->progress != NULL)
        atomic_store(&context->progress->phase, phase);
}

void assay_step_say_committed(const assay_step_context *context)
{
    if (context->progress != NULL)
        atomic_store(&context->progress->committed, true);
}

bool assay_step_has_committed(const assay_step_context *context)
{
    return context->progress != NULL && atomic_load(&context->progress->committed);
}

static void write_inputs(assay_json_writer *json, const assay_step_context *context)
{
    assay_json_key(json, "inputs");
    assay_json_begin_list(json);
    for (size_t i = 0; i < context->input_count; i++) {
        assay_json_begin_list(json);
        assay_json_text(json, context->inputs[i].name);
        assay_json_text(json, context->inputs[i].uuid);
        assay_json_int(json, context->inputs[i].snapshot_id);
        assay_json_end_list(json);
    }
    assay_json_end_list(json);
}

static void write_storage(assay_json_writer *json, const assay_step_context *context)
{
    const char *format = assay_project_format(context->project, context->model->name);
    const assay_value *options = assay_storage_options(context->project->storage, format);

    assay_json_key(json, "format");
    assay_json_text(json, format);
    assay_json_key(json, "options");
    if (options != NULL)
        assay_json_value(json, options);
    else
        assay_json_null(json);
    assay_json_key(json, "target_file_bytes");
    assay_json_int(json, (int64_t)context->project->storage->target_file_bytes);
}

/* Where a table is published to changes nothing in it. */
static void write_header(assay_json_writer *json, const assay_value *tree)
{
    assay_json_begin_map(json);
    for (size_t i = 0; i < tree->count; i++) {
        if (assay_str_equal(tree->keys[i], "publish"))
            continue;
        assay_json_key(json, tree->keys[i]);
        assay_json_value(json, tree->items[i]);
    }
    assay_json_end_map(json);
}

static void write_model(assay_json_writer *json, const assay_step_context *context)
{
    const assay_model *model = context->model;

    assay_json_key(json, "model");
    assay_json_text(json, model->name);
    assay_json_key(json, "sql");
    assay_json_text(json, model->canonical_sql);
    assay_json_key(json, "header");
    if (model->header.tree != NULL)
        write_header(json, model->header.tree);
    else
        assay_json_null(json);
    if (model->uses_since) {
        assay_json_key(json, "since");
        assay_json_int(json, context->since_us);
    }
    if (model->uses_until) {
        assay_json_key(json, "until");
        assay_json_int(json, context->until_us);
    }
}

assay_status assay_step_skip_key(const assay_step_context *context, const char *extra,
                                 char ret_key[65], assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_json_writer json = assay_json_writer_init(&text);

    ret_key[0] = '\0';
    if (context->model->is_volatile)
        return ASSAY_OK;
    assay_json_begin_map(&json);
    assay_json_key(&json, "engine");
    assay_json_text(&json, assay_engine_version());
    write_model(&json, context);
    write_storage(&json, context);
    write_inputs(&json, context);
    assay_json_key(&json, "extra");
    assay_json_text(&json, extra);
    assay_json_end_map(&json);
    ASSAY_TRY(assay_buf_check(&text, err));
    return assay_sha256(assay_buf_text(&text), text.size, ret_key, err);
}
