/* Loading one YAML file of a project: read, parse, expand ${NAME:-default}. */
#ifndef ASSAY_CONFIG_FILE_H
#define ASSAY_CONFIG_FILE_H

#include "text/yaml.h"

enum { ASSAY_CONFIG_FILE_MAX = 8 * 1024 * 1024 };

/* Where variables come from: the target's `variables`, then the project's `vars`, then the
 * environment. Members may be NULL. */
typedef struct assay_variables {
    const assay_value *target;  /* MAP of texts */
    const assay_value *project; /* MAP of texts */
    assay_template_lookup *environment;
    void *environment_user;
} assay_variables;

/* For assay_template_expand; `user` is an assay_variables. */
const char *assay_variables_lookup(void *user, const char *name);

/* Loads `<root>/<path>`; a file that is not there gives *ret_tree NULL and ASSAY_OK where
 * `optional`, else ECONFIG 1210. `path` stands in messages and must live as long as the tree. */
ASSAY_NODISCARD assay_status assay_config_file_load(const char *root, const char *path,
                                                    bool optional, assay_variables *variables,
                                                    assay_arena *arena, assay_value **ret_tree,
                                                    assay_error *err);

#endif
