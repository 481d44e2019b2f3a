/* What must be in the environment before the process begins. */
#ifndef ASSAY_LIB_ENVIRONMENT_H
#define ASSAY_LIB_ENVIRONMENT_H

#include "base/arena.h"

/* Variables, as "NAME=value" and closed by NULL, that a project at `start` (NULL = the working
 * folder) wants and the environment lacks; NULL where it wants none. Whether the project is right
 * is not looked at. `exact`: it lies at `start` itself. */
const char *const *assay_environment_missing(const char *start, bool exact, assay_arena *arena);

#endif
