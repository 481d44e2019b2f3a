/* Where things of a project lie, as text for people. */
#ifndef ASSAY_LIB_PLACES_H
#define ASSAY_LIB_PLACES_H

#include "lib/context.h"

/* Where lineage events go: a file's path, a URL without secrets, "console"; NULL = nowhere. */
const char *assay_places_lineage(const assay_context *context, assay_arena *arena);

#endif
