#include "lineage/config.h"

static const assay_key retry_keys[] = {
    {.name = "wait",
     .type = ASSAY_KEY_DURATION,
     .otherwise = "300ms",
     .doc = "First wait before an event is sent again; it doubles with each try."},
    {.name = "max_wait",
     .type = ASSAY_KEY_DURATION,
     .otherwise = "30s",
     .doc = "Longest wait between two tries. Tries never end: events wait in the spool."},
};

static const assay_key_table retry_table = {"lineage-retry", "retry",
                                            "Waits between tries of an http transport.", retry_keys,
                                            sizeof retry_keys / sizeof *retry_keys};

/* What one transport may say; at the top of the file the same keys describe the only one. */
#define TRANSPORT_KEYS                                                                           \
    {.name = "url",                                                                              \
     .type = ASSAY_KEY_TEXT,                                                                     \
     .doc = "http: address of the backend; $OPENLINEAGE_URL where it is not said."},             \
        {.name = "endpoint",                                                                     \
         .type = ASSAY_KEY_TEXT,                                                                 \
         .otherwise = "api/v1/lineage",                                                          \
         .doc = "http: path below `url` that events are posted to."},                            \
        {.name = "api_key",                                                                      \
         .type = ASSAY_KEY_TEXT,                                                                 \
         .doc =                                                                                  \
             "http: sent as a bearer token; write ${OPENLINEAGE_API_KEY}, not the key itself."}, \
        {.name = "headers", .type = ASSAY_KEY_TEXT_MAP, .doc = "http: more request headers."},   \
        {.name = "timeout",                                                                      \
         .type = ASSAY_KEY_DURATION,                                                             \
         .otherwise = "5s",                                                                      \
         .doc = "http: longest wait for an answer. A run never waits for it."},                  \
        {.name = "compression",                                                                  \
         .type = ASSAY_KEY_ENUM,                                                                 \
         .choices = "gzip|none",                                                                 \
         .otherwise = "none",                                                                    \
         .doc = "http: compression of the body."},                                               \
        {.name = "verify",                                                                       \
         .type = ASSAY_KEY_BOOL,                                                                 \
         .otherwise = "true",                                                                    \
         .doc = "http: whether the certificate is verified."},                                   \
        {.name = "retry",                                                                        \
         .type = ASSAY_KEY_MAP,                                                                  \
         .table = &retry_table,                                                                  \
         .doc = "http: waits between tries."},                                                   \
    {                                                                                            \
        .name = "path", .type = ASSAY_KEY_TEXT,                                                  \
        .doc = "file: JSON lines are appended to it; relative to the project."                   \
    }

static const assay_key transport_keys[] = {
    {.name = "type",
     .type = ASSAY_KEY_TEXT,
     .required = true,
     .doc = "openlineage, marquez or http; file; console."},
    {.name = "name",
     .type = ASSAY_KEY_TEXT,
     .doc = "For messages and the files of the spool; the type where it is not said."},
    TRANSPORT_KEYS,
};

static const assay_key_table transport_table = {"lineage-transport", "transports",
                                                "One of several places that events go to.",
                                                transport_keys,
                                                sizeof transport_keys / sizeof *transport_keys};

static const assay_key dataset_keys[] = {
    {.name = "name", .type = ASSAY_KEY_TEXT, .required = true, .doc = "Name used by jobs."},
    {.name = "location", .type = ASSAY_KEY_TEXT, .doc = "URI, or path relative to the project."},
    {.name = "layer", .type = ASSAY_KEY_TEXT, .doc = "Layer it belongs to."},
    {.name = "source", .type = ASSAY_KEY_TEXT, .doc = "System it comes from."},
};

static const assay_key_table dataset_table = {"lineage-dataset", "datasets",
                                              "Datasets that assay does not make itself.",
                                              dataset_keys,
                                              sizeof dataset_keys / sizeof *dataset_keys};

static const assay_key lineage_keys[] = {
    {.name = "enabled",
     .type = ASSAY_KEY_BOOL,
     .otherwise = "true",
     .doc = "Whether events are made; OPENLINEAGE_DISABLED=true switches off too."},
    {.name = "backend",
     .type = ASSAY_KEY_TEXT,
     .doc = "openlineage, marquez or http; file; console; none."},
    {.name = "namespace",
     .type = ASSAY_KEY_TEXT,
     .doc = "Namespace of jobs; $OPENLINEAGE_NAMESPACE or the project's name where not said."},
    TRANSPORT_KEYS,
    {.name = "transports",
     .type = ASSAY_KEY_LIST_OF,
     .table = &transport_table,
     .doc = "More than one place: every event goes to all of them."},
    {.name = "spool_limit",
     .type = ASSAY_KEY_SIZE,
     .otherwise = "1 GiB",
     .doc = "Bytes that may wait in the spool; events above are counted as lost."},
    {.name = "datasets",
     .type = ASSAY_KEY_LIST_OF,
     .table = &dataset_table,
     .doc = "Registry of datasets that jobs name."},
};

static const assay_key_table lineage_table = {"lineage", "config/lineage.yaml",
                                              "Where OpenLineage events go.", lineage_keys,
                                              sizeof lineage_keys / sizeof *lineage_keys};

const assay_key_table *assay_lineage_config_table(void)
{
    return &lineage_table;
}
