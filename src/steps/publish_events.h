/* Lineage of publications: the tables of outside databases as datasets. */
#ifndef ASSAY_STEPS_PUBLISH_EVENTS_H
#define ASSAY_STEPS_PUBLISH_EVENTS_H

#include "steps/events.h"
#include "steps/publish.h"

/* Adds the dataset that a publication wrote to the outputs of `facts`: schema, counts, and the
 * column lineage of the table itself (`facts->columns`), or, where that is not known, each column
 * from the one of its name. `schema` is that of the published snapshot. */
ASSAY_NODISCARD assay_status assay_facts_add_published(assay_step_facts *facts,
                                                       const assay_publish_job *publish,
                                                       const assay_schema *schema,
                                                       const assay_warehouse_result *result,
                                                       assay_error *err);

#endif
