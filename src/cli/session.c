#include "cli/session.h"

#include <stdio.h>

#include "base/str.h"

enum { EXIT_SIGNAL = 128, MEMORY_MIN = 64 * 1024 * 1024 };

static assay_status fill_options(const assay_cli_options *options, assay_cli_session *session,
                                 assay_context_options *ret_options, assay_error *err)
{
    *ret_options = (assay_context_options){.project = options->project,
                                           .target = options->target,
                                           .now = options->now,
                                           .log = assay_progress_log,
                                           .log_user = session->progress,
                                           .log_from = options->verbose ? ASSAY_IMPORTANCE_DEBUG
                                                                        : ASSAY_IMPORTANCE_WARNING};
    if (options->memory_limit != NULL &&
        (!assay_str_to_size(options->memory_limit, &ret_options->memory_limit) ||
         ret_options->memory_limit < MEMORY_MIN))
        return assay_error_set(err, ASSAY_EINVAL, 1006,
                               "--memory-limit '%s' is no size such as 4GB, at least 64MB",
                               options->memory_limit);
    return ASSAY_OK;
}

static assay_status open_session(const assay_cli_options *options, assay_cli_session *session,
                                 assay_error *err)
{
    assay_context_options context_options;

    ASSAY_TRY(assay_progress_new(options, &session->progress, err));
    ASSAY_TRY(fill_options(options, session, &context_options, err));
    ASSAY_TRY(assay_context_open(&context_options, &session->context, err));
    assay_progress_set_project(session->progress, assay_context_project(session->context));
    session->signals = assay_signals_begin(session->context);
    return ASSAY_OK;
}

bool assay_cli_session_open(const assay_cli_options *options, assay_arena *arena,
                            assay_cli_session *ret_session, int *ret_exit_code)
{
    assay_cli_session session = {.options = options, .arena = arena};
    assay_error err = {0};

    if (open_session(options, &session, &err) != ASSAY_OK) {
        *ret_exit_code =
            assay_report_failure(options, &err, options->project != NULL ? options->project : ".");
        assay_cli_session_close(&session);
        return false;
    }
    *ret_session = session;
    return true;
}

void assay_cli_session_close(assay_cli_session *session)
{
    /* the context waits for its spool; the signals stay watched until it is gone */
    assay_signals_end(session->signals);
    assay_context_close(session->context);
    assay_progress_freep(&session->progress);
    session->signals = NULL;
    session->context = NULL;
}

int assay_cli_session_failure(const assay_cli_session *session, const assay_error *err)
{
    int caught = assay_signals_caught(session->signals);
    int code = assay_report_failure(session->options, err, assay_context_project(session->context));

    return caught != 0 ? EXIT_SIGNAL + caught : code;
}
