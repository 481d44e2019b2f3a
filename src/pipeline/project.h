/* A project on disk with its target chosen: configuration, folders, models.
 *
 * Thread rule: built by one thread; read-only afterwards, so any thread may read it. Everything
 * lives in the arena that was handed in. */
#ifndef ASSAY_PIPELINE_PROJECT_H
#define ASSAY_PIPELINE_PROJECT_H

#include "catalog/formats.h"
#include "config/connections.h"
#include "config/project.h"
#include "config/storage.h"
#include "engine/engine.h"
#include "pipeline/model.h"

typedef struct assay_project_options {
    const char *start;  /* folder to begin at; NULL = the working folder */
    bool exact;         /* `start` is the project's folder itself (-C): no search upwards */
    const char *target; /* NULL = $ASSAY_TARGET, else the first */
    assay_template_lookup *environment; /* NULL = the process's */
    void *environment_user;
} assay_project_options;

typedef struct assay_project {
    const char *root; /* absolute */
    const char *name;
    const char *target;
    const char *warehouse;   /* absolute folder */
    const char *state_dir;   /* <root>/.assay/<target> */
    const char *results_dir; /* <root>/.assay/results, or reporting.output_path of dq.yaml */
    const char *spool_dir;   /* <root>/.assay/<target>/lineage */
    const char *temp_dir;    /* spill folder of the engine */
    const assay_project_config *config;
    const assay_target_config *target_config;
    const assay_storage_config *storage;
    const assay_iceberg_catalog *catalog; /* of Iceberg tables; NULL = the folder catalog */
    const char *catalog_path;             /* absolute path of its database, or NULL */
    const assay_connections_config *connections;
    const assay_value *quality_tree; /* config/dq.yaml, expanded; NULL = no such file */
    const char *quality_path;        /* "config/dq.yaml" */
    const assay_value *lineage_tree; /* config/lineage.yaml, expanded; NULL = no such file */
    const char *lineage_path;        /* "config/lineage.yaml" */
    const char **layers; /* names of the folders under models/, bronze, silver, gold first */
    size_t layer_count;
    assay_model **models; /* sorted by name */
    size_t model_count;
    bool linked; /* assay_graph_build has been here */
    assay_arena *arena;
} assay_project;

/* The folder of the nearest assay.yaml at or above `start`; ECONFIG 2001. */
ASSAY_NODISCARD assay_status assay_project_find(const char *start, bool exact, assay_arena *arena,
                                                const char **ret_root, assay_error *err);

/* Loads everything but the graph: needs no engine. */
ASSAY_NODISCARD assay_status assay_project_open(const assay_project_options *options,
                                                assay_arena *arena, assay_project **ret_project,
                                                assay_error *err);

/* The model of "silver.orders", or NULL. */
const assay_model *assay_project_model(const assay_project *project, const char *name);

/* The model whose name is nearest to `name`, or NULL. */
const char *assay_project_nearest(const assay_project *project, const char *name);

/* ECONFIG 2002 that names the nearest model. */
assay_status assay_project_model_unknown(const assay_project *project, const char *name,
                                         assay_error *err);

/* The model of another table whose quarantine table has the same name: that of a_b.c and that of
 * a.b_c is quarantine.a_b_c, and each would take the other's rows for left over. NULL = none. */
const assay_model *assay_project_quarantine_twin(const assay_project *project, const char *table);

/* Format and folder of the table "layer.table"; NULL when memory is short. */
const char *assay_project_format(const assay_project *project, const char *table);
char *assay_project_location(const assay_project *project, const char *table, assay_arena *arena);

/* True where the layer's policy is `schema: strict`. */
bool assay_project_layer_strict(const assay_project *project, const char *layer);

#endif
