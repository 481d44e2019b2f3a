/* What is remembered of publications: .assay/<target>/publications/<table>.json. A cache: without
 * it the ledgers of the outside databases are asked. */
#ifndef ASSAY_STEPS_PUBLISH_MEMORY_H
#define ASSAY_STEPS_PUBLISH_MEMORY_H

#include "pipeline/publication.h"

/* The last publication of `table` ("gold.orders") to that place; *ret_found false where none is
 * remembered, or where the file cannot be understood. */
ASSAY_NODISCARD assay_status assay_publish_recall(const assay_project *project, const char *table,
                                                  const assay_publish_config *config,
                                                  assay_arena *arena,
                                                  assay_publication *ret_publication,
                                                  bool *ret_found, assay_error *err);

/* Remembers it in place of the one before, whose `known` stays where the server is the same and
 * this one did not get there. */
ASSAY_NODISCARD assay_status assay_publish_remember(const assay_project *project, const char *table,
                                                    const assay_publication *publication,
                                                    assay_error *err);

#endif
