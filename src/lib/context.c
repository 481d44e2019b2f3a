#include "lib/context.h"

#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/sysinfo.h"
#include "text/yaml.h"

enum {
    ENGINE_SHARE = 80,  /* percent of the process's limit that the engine gets */
    DEFAULT_SHARE = 75, /* percent of the machine's memory that a process takes */
};

static const uint64_t RESERVE_MIN = 64U << 20;

const char *assay_version(void)
{
    return ASSAY_VERSION;
}

const char *assay_version_engine(void)
{
    return assay_engine_version();
}

void assay_text_free(char *text)
{
    assay_mem_free(text);
}

static void receive(void *user, assay_log_level level, const char *message)
{
    const assay_context *context = user;

    if (context->receiver != NULL)
        context->receiver(context->receiver_user, (assay_log_importance)level, message);
}

size_t assay_context_count(const char *const *list)
{
    size_t count = 0;

    while (list != NULL && list[count] != NULL)
        count++;
    return count;
}

int64_t assay_context_now(const assay_context *context)
{
    return context->now_us != 0 ? context->now_us : context->clock.now_us(context->clock.user);
}

/* ---- opening ---- */

static assay_status open_basics(assay_context *context, const assay_context_options *options,
                                assay_error *err)
{
    context->clock = assay_clock_system();
    context->random = assay_random_system();
    context->receiver = options->log;
    context->receiver_user = options->log_user;
    context->arena = assay_arena_new();
    context->cancel = assay_cancel_new();
    context->log = assay_log_new(receive, context, (assay_log_level)options->log_from);
    if (context->arena == NULL || context->cancel == NULL || context->log == NULL)
        return assay_error_nomem(err);
    if (options->now != NULL && !assay_time_parse(options->now, &context->now_us))
        return assay_error_set(err, ASSAY_EINVAL, 1003, "'%s' is no ISO 8601 time", options->now);
    return ASSAY_OK;
}

static assay_status open_project(assay_context *context, const assay_context_options *options,
                                 assay_error *err)
{
    const assay_project_options project_options = {.start = options->project,
                                                   .exact = options->project != NULL,
                                                   .target = options->target,
                                                   .environment = assay_template_environment};

    ASSAY_TRY(assay_project_open(&project_options, context->arena, &context->project, err));
    ASSAY_TRY(assay_secrets_new(&(assay_secrets_options){.clock = &context->clock,
                                                         .cancel = context->cancel,
                                                         .root = context->project->root},
                                &context->secrets, err));
    return assay_store_open_local("/", &context->store, err);
}

static uint64_t engine_memory(const assay_context *context, const assay_context_options *options)
{
    uint64_t limit = options->memory_limit;

    if (limit == 0)
        limit = context->project->target_config->memory_limit;
    if (limit == 0 && assay_sysinfo_memory(&limit))
        limit = limit / 100 * DEFAULT_SHARE;
    uint64_t share = limit / 100 * ENGINE_SHARE;
    return limit > RESERVE_MIN * 2 ? share : limit;
}

static assay_status open_engine(assay_context *context, const assay_context_options *options,
                                assay_error *err)
{
    const assay_target_config *target = context->project->target_config;
    const assay_engine_options engine_options = {.memory_limit = engine_memory(context, options),
                                                 .threads = options->threads != 0 ? options->threads
                                                                                  : target->threads,
                                                 .temp_dir = context->project->temp_dir};

    ASSAY_TRY(assay_engine_open(&engine_options, &context->engine, err));
    context->env = (assay_step_env){.ops = assay_steps_ops(),
                                    .engine = context->engine,
                                    .store = context->store,
                                    .clock = &context->clock,
                                    .random = &context->random,
                                    .log = context->log,
                                    .cancel = context->cancel,
                                    .secrets = context->secrets,
                                    .assay_version = ASSAY_VERSION};
    ASSAY_TRY(
        assay_steps_open(context->project, &context->env, context->arena, &context->steps, err));
    context->env.ops_user = context->steps;
    return ASSAY_OK;
}

static assay_status open_all(assay_context *context, const assay_context_options *options,
                             assay_error *err)
{
    ASSAY_TRY(open_basics(context, options, err));
    ASSAY_TRY(open_project(context, options, err));
    return open_engine(context, options, err);
}

assay_status assay_context_open(const assay_context_options *options, assay_context **ret_context,
                                assay_error *err)
{
    const assay_context_options defaults = {0};
    assay_context *context = assay_mem_new(1, sizeof *context);

    assay_error_clear(err);
    if (context == NULL)
        return assay_error_nomem(err);
    assay_status status = open_all(context, options != NULL ? options : &defaults, err);
    if (status != ASSAY_OK) {
        assay_context_close(context);
        return status;
    }
    *ret_context = context;
    return ASSAY_OK;
}

void assay_context_close(assay_context *context)
{
    if (context == NULL)
        return;
    assay_steps_close(context->steps);
    assay_engine_close(context->engine);
    assay_store_close(context->store);
    assay_secrets_free(context->secrets);
    assay_log_free(context->log);
    assay_cancel_free(context->cancel);
    assay_arena_free(context->arena);
    assay_mem_free(context);
}

void assay_context_cancel(assay_context *context, int signal_number)
{
    assay_cancel_request(context->cancel, signal_number);
    if (context->engine != NULL)
        assay_engine_interrupt(context->engine);
}

const char *assay_context_project(const assay_context *context)
{
    return context->project->root;
}

assay_status assay_context_graph(assay_context *context, assay_error *err)
{
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;

    if (context->has_graph)
        return ASSAY_OK;
    ASSAY_TRY(assay_conn_open(context->engine, &conn, err));
    ASSAY_TRY(assay_graph_build(context->project, conn, err));
    context->has_graph = true;
    return ASSAY_OK;
}
