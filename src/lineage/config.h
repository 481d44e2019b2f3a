/* config/lineage.yaml: where OpenLineage events go, and the registry of datasets.
 *
 * A loaded config is read-only; any thread. It lives in the arena that was handed in. */
#ifndef ASSAY_LINEAGE_CONFIG_H
#define ASSAY_LINEAGE_CONFIG_H

#include "config/schema.h"
#include "text/yaml.h"

typedef enum assay_lineage_backend {
    ASSAY_LINEAGE_NONE,
    ASSAY_LINEAGE_HTTP, /* openlineage, marquez and http are this one */
    ASSAY_LINEAGE_FILE, /* JSON lines appended to `path` */
    ASSAY_LINEAGE_CONSOLE
} assay_lineage_backend;

/* One place that events go to. */
typedef struct assay_lineage_transport {
    assay_lineage_backend backend;
    const char *name; /* unique, for messages and spool positions; never holds a secret */

    const char *url;     /* HTTP: the whole address events are posted to */
    const char *api_key; /* HTTP: a secret, never printed or written; NULL = none */
    const char *const
        *headers; /* HTTP: "Name: value", NULL-terminated; may hold secrets; NULL = none */
    int timeout_ms;
    bool gzip;
    bool insecure;       /* do not verify TLS */
    int64_t wait_ms;     /* first wait between tries */
    int64_t wait_max_ms; /* longest wait between tries */

    const char *path; /* FILE: absolute */
} assay_lineage_transport;

/* One row of the dataset registry. */
typedef struct assay_lineage_dataset_config {
    const char *name;
    const char *location; /* NULL = not said */
    const char *layer;    /* NULL = not said */
    const char *source;   /* NULL = not said */
} assay_lineage_dataset_config;

/* The run that started this process (OPENLINEAGE_CONTEXT, OPENLINEAGE_PARENT_ID,
 * OPENLINEAGE_ROOT_PARENT_ID); members are NULL where nothing was said. */
typedef struct assay_lineage_run_ref {
    const char *run_id; /* UUID text */
    const char *namespace;
    const char *name;
} assay_lineage_run_ref;

typedef struct assay_lineage_config {
    bool enabled;          /* false: nothing is emitted, the rest is still there */
    const char *namespace; /* of jobs */
    assay_lineage_transport *transports;
    size_t transport_count; /* 0 where not enabled */
    assay_lineage_dataset_config *datasets;
    size_t dataset_count;
    assay_lineage_run_ref parent, root;
    int64_t spool_limit; /* bytes that may wait in the spool */
} assay_lineage_config;

enum { ASSAY_LINEAGE_TRANSPORTS_MAX = 16, ASSAY_LINEAGE_DATASETS_MAX = 10000 };

typedef struct assay_lineage_source {
    const assay_value *tree;            /* config/lineage.yaml, expanded; NULL = no such file */
    const char *path;                   /* "config/lineage.yaml", for messages */
    const char *root;                   /* absolute folder that relative paths start at */
    const char *project;                /* the namespace where nothing names one */
    assay_template_lookup *environment; /* OPENLINEAGE_*; NULL = none is looked at */
    void *environment_user;
} assay_lineage_source;

/* What the file says goes first, then OPENLINEAGE_URL, _ENDPOINT, _API_KEY and _NAMESPACE;
 * OPENLINEAGE_DISABLED=true always switches off. Without a file and without OPENLINEAGE_URL
 * nothing is emitted. Unknown keys and wrong kinds of values are ECONFIG 12xx with their place,
 * the rest ECONFIG 6001 (a transport lacks something, or says something impossible) and
 * EUNSUPPORTED 6002 (a backend that is not built). */
ASSAY_NODISCARD assay_status assay_lineage_config_load(const assay_lineage_source *source,
                                                       assay_arena *arena,
                                                       assay_lineage_config **ret_config,
                                                       assay_error *err);

/* The registered dataset of that name, or NULL. */
const assay_lineage_dataset_config *assay_lineage_config_dataset(const assay_lineage_config *config,
                                                                 const char *name);

/* The keys of config/lineage.yaml, for the reference and the JSON schema. */
const assay_key_table *assay_lineage_config_table(void);

#endif
