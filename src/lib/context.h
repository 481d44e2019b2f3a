/* What is behind an assay_context. */
#ifndef ASSAY_LIB_CONTEXT_H
#define ASSAY_LIB_CONTEXT_H

#include <assay/context.h>

#include "base/cancel.h"
#include "base/log.h"
#include "base/thread.h"
#include "pipeline/history.h"
#include "steps/steps.h"

struct assay_context {
    assay_arena *arena; /* lives as long as the context */
    assay_clock clock;
    assay_random random;
    assay_log *log;
    assay_cancel *cancel;
    assay_store *store;
    assay_secrets *secrets;
    assay_engine *engine;
    assay_project *project;
    assay_step_env env;
    assay_steps *steps;
    bool has_graph;
    int64_t now_us; /* --now; 0 = the time of each call */
    assay_log_receiver *receiver;
    void *receiver_user;
};

/* The graph is built by the first call that needs it. */
ASSAY_NODISCARD assay_status assay_context_graph(assay_context *context, assay_error *err);

/* The clock that models see in a call that begins now. */
int64_t assay_context_now(const assay_context *context);

/* A NULL-terminated list's length; NULL = 0. */
size_t assay_context_count(const char *const *list);

#endif
