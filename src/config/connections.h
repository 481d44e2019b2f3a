/* config/connections.yaml: what is outside the project. Keys are checked, secrets must be
 * references (env:NAME, file:PATH, aws-secret:NAME#key); using a connection is not built yet. */
#ifndef ASSAY_CONFIG_CONNECTIONS_H
#define ASSAY_CONFIG_CONNECTIONS_H

#include "config/file.h"

typedef struct assay_connection_config {
    const char *name;
    const char *type; /* "postgres", "redshift", "snowflake", "s3" */
    const char *path; /* file it stands in */
    const assay_value *tree;
} assay_connection_config;

typedef struct assay_connections_config {
    assay_connection_config *connections;
    size_t count;
} assay_connections_config;

/* `<root>/config/connections.yaml` (absent = none); `over` (MAP or NULL, from the target) goes
 * first. A secret that stands in the file itself is ECONFIG 1240. */
ASSAY_NODISCARD assay_status assay_connections_config_load(
    const char *root, assay_variables *variables, const assay_value *over, assay_arena *arena,
    assay_connections_config **ret_config, assay_error *err);

/* The connection of that name; unknown: ECONFIG 1241 with the nearest; known: EUNSUPPORTED 1242,
 * since no connection type is built yet. `place` is where it is used. */
ASSAY_NODISCARD assay_status assay_connections_use(const assay_connections_config *config,
                                                   const char *name, assay_place place,
                                                   const assay_connection_config **ret_connection,
                                                   assay_error *err);

#endif
