/* Lineage of foreign jobs. */
#include <assay/lineage.h>

#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "base/vec.h"
#include "lib/context.h"
#include "lib/document.h"
#include "published/published.h"

struct assay_job {
    assay_context *context;
    assay_arena *arena;
    const char *name;
    char run_id[ASSAY_UUID_TEXT_SIZE];
    int64_t started_us;
    bool started;
    assay_vec inputs, outputs; /* of assay_lineage_dataset */
};

static void job_free(assay_job *job)
{
    if (job == NULL)
        return;
    assay_vec_done(&job->inputs);
    assay_vec_done(&job->outputs);
    assay_arena_free(job->arena);
    assay_mem_free(job);
}

assay_status assay_job_begin(assay_context *context, const char *name, assay_job **ret_job,
                             assay_error *err)
{
    assay_job *job = assay_mem_new(1, sizeof *job);

    assay_error_clear(err);
    if (job == NULL)
        return assay_error_nomem(err);
    job->context = context;
    job->arena = assay_arena_new();
    job->name = job->arena != NULL ? assay_arena_text(job->arena, name) : NULL;
    job->inputs = ASSAY_VEC_OF(assay_lineage_dataset);
    job->outputs = ASSAY_VEC_OF(assay_lineage_dataset);
    if (job->name == NULL) {
        job_free(job);
        return assay_error_nomem(err);
    }
    assay_uuid_format(assay_uuid_v7(&context->clock, &context->random), job->run_id);
    job->started_us = context->clock.now_us(context->clock.user);
    *ret_job = job;
    return ASSAY_OK;
}

/* ---- datasets ---- */

static assay_status table_dataset(assay_job *job, const char *name, assay_lineage_dataset *dataset,
                                  assay_error *err)
{
    const assay_project *project = job->context->project;
    const assay_lineage_table table = {.table = name,
                                       .location =
                                           assay_project_location(project, name, job->arena),
                                       .warehouse = project->warehouse,
                                       .format = assay_project_format(project, name),
                                       .catalog_name = project->storage->catalog_name,
                                       .database = project->catalog_path};

    ASSAY_TRY(assay_arena_check(table.location, err));
    return assay_lineage_dataset_table(dataset, &table, job->arena, err);
}

static assay_status resolve(assay_job *job, const char *text, assay_lineage_dataset *dataset,
                            assay_error *err)
{
    const assay_lineage_dataset_config *registered =
        assay_lineage_config_dataset(job->context->steps->lineage_config, text);
    const char *layer = NULL;
    const char *table = NULL;
    const char *name = assay_arena_text(job->arena, text);

    *dataset = assay_lineage_dataset_init();
    ASSAY_TRY(assay_arena_check(name, err));
    if (registered != NULL && registered->location != NULL)
        name = registered->location;
    else if (strchr(name, '/') == NULL && assay_published_split(name, job->arena, &layer, &table))
        return table_dataset(job, name, dataset, err);
    if (!assay_str_contains(name, "://")) {
        name = assay_path_normal(job->arena, job->context->project->root, name);
        ASSAY_TRY(assay_arena_check(name, err));
    }
    return assay_lineage_dataset_locate(dataset, name, job->arena, err);
}

static assay_status add(assay_job *job, const char *dataset, assay_vec *list, assay_error *err)
{
    assay_lineage_dataset item;

    assay_error_clear(err);
    ASSAY_TRY(resolve(job, dataset, &item, err));
    return assay_vec_push(list, &item, err);
}

assay_status assay_job_add_input(assay_job *job, const char *dataset, assay_error *err)
{
    return add(job, dataset, &job->inputs, err);
}

assay_status assay_job_add_output(assay_job *job, const char *dataset, assay_error *err)
{
    return add(job, dataset, &job->outputs, err);
}

/* ---- events ---- */

static assay_status emit(const assay_job *job, assay_lineage_event_type type, int64_t time_us,
                         const char *message, assay_error *err)
{
    const assay_steps *steps = job->context->steps;
    assay_lineage_event event = assay_lineage_event_init();

    event.type = type;
    event.time_us = time_us;
    event.run_id = job->run_id;
    event.job_namespace = steps->lineage_config->namespace;
    event.job_name = job->name;
    event.parent = steps->lineage_config->parent;
    event.root = steps->lineage_config->root;
    event.job_type = "TASK";
    event.error_message = message;
    event.inputs = job->inputs.items;
    event.input_count = job->inputs.count;
    event.outputs = job->outputs.items;
    event.output_count = job->outputs.count;
    return assay_lineage_emit(steps->lineage, &event, err);
}

assay_status assay_job_start(assay_job *job, assay_error *err)
{
    assay_error_clear(err);
    if (job->started)
        return ASSAY_OK;
    ASSAY_TRY(emit(job, ASSAY_LINEAGE_START, job->started_us, NULL, err));
    job->started = true;
    return ASSAY_OK;
}

static assay_status finish(assay_job *job, assay_lineage_event_type type, const char *message,
                           assay_error *err)
{
    const assay_clock *clock = &job->context->clock;
    assay_status status = assay_job_start(job, err);

    if (status == ASSAY_OK)
        status = emit(job, type, clock->now_us(clock->user), message, err);
    job_free(job);
    return status;
}

assay_status assay_job_complete(assay_job *job, assay_error *err)
{
    return finish(job, ASSAY_LINEAGE_COMPLETE, NULL, err);
}

assay_status assay_job_fail(assay_job *job, const char *message, assay_error *err)
{
    return finish(job, ASSAY_LINEAGE_FAIL, message, err);
}

assay_status assay_job_run(assay_job *job, assay_job_work *work, void *argument, assay_error *err)
{
    assay_error problem = {0};
    assay_error ignored = {0};

    assay_status status = assay_job_start(job, err);
    if (status != ASSAY_OK) {
        job_free(job);
        return status;
    }
    status = work(argument, &problem);
    if (status == ASSAY_OK)
        return assay_job_complete(job, err);
    /* what the work says is what counts; an event that cannot be written is counted by the emitter
     */
    assay_status sent = assay_job_fail(job, problem.message, &ignored);
    (void)sent;
    (void)assay_error_copy(err, &problem);
    return status;
}

assay_status assay_lineage_status(assay_context *context, char **ret_json, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_lineage_spool_state state;
    assay_value *document = NULL;

    assay_error_clear(err);
    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_lineage_spool_look(context->project->spool_dir, context->steps->lineage_config,
                                       &state, err));
    ASSAY_TRY(assay_document_new(arena, "lineage", &document, err));
    ASSAY_TRY(assay_document_bool(document, "enabled", context->steps->lineage_config->enabled,
                                  arena, err));
    ASSAY_TRY(assay_document_text(document, "spool", context->project->spool_dir, arena, err));
    ASSAY_TRY(assay_document_int(document, "waiting", state.events, arena, err));
    ASSAY_TRY(assay_document_int(document, "bytes", state.bytes, arena, err));
    ASSAY_TRY(assay_document_int(document, "refused", state.refused, arena, err));
    return assay_document_take(document, ret_json, err);
}
