/* assay.yaml: name, targets, layers, variables. */
#ifndef ASSAY_CONFIG_PROJECT_H
#define ASSAY_CONFIG_PROJECT_H

#include "config/file.h"

/* One target as written; settings are 0 / NULL where the user said nothing. */
typedef struct assay_target_config {
    const char *name;
    const char *warehouse;        /* NULL = storage.yaml's, else "lake" */
    const char *format;           /* NULL = storage.yaml's */
    const assay_value *variables; /* MAP of texts or NULL */
    const assay_value
        *connections;        /* MAP of connections or NULL: they go before connections.yaml's */
    uint64_t memory_limit;   /* bytes, 0 = default */
    int threads, jobs;       /* 0 = default */
    const char *temp_dir;    /* NULL = <state>/tmp */
    int64_t lock_wait_ms;    /* -1 = not said (10 s) */
    const assay_value *tree; /* as written, for places; NULL = nothing was */
    int line, column;
} assay_target_config;

/* What a layer allows. */
typedef struct assay_layer_config {
    const char *name;
    bool strict; /* `schema: strict`: full rebuilds may not change columns */
} assay_layer_config;

typedef struct assay_project_config {
    const char *name;
    const char *path; /* "assay.yaml" */
    assay_target_config *targets;
    size_t target_count; /* at least 1 */
    assay_layer_config *layers;
    size_t layer_count;
    const assay_value *vars; /* MAP of texts or NULL */
} assay_project_config;

/* Loads `<root>/assay.yaml`. Targets are expanded with the environment and `vars` alone. */
ASSAY_NODISCARD assay_status assay_project_config_load(const char *root,
                                                       assay_template_lookup *environment,
                                                       void *environment_user, assay_arena *arena,
                                                       assay_project_config **ret_config,
                                                       assay_error *err);

/* The target `name` (NULL = the first); unknown: ECONFIG 1220 with the nearest one. */
ASSAY_NODISCARD assay_status assay_project_config_target(const assay_project_config *config,
                                                         const char *name,
                                                         const assay_target_config **ret_target,
                                                         assay_error *err);

#endif
