/* Personal data in the rows of a check's own query, by column lineage. */
#ifndef ASSAY_STEPS_QUERY_PRIVACY_H
#define ASSAY_STEPS_QUERY_PRIVACY_H

#include "quality/quality.h"
#include "steps/gate.h"

/* For assay_quality_request; `user` is one of these. */
typedef struct assay_query_privacy {
    const assay_write *write;
    const assay_schema *schema; /* of the table as it will be */
} assay_query_privacy;

assay_quality_hides assay_query_privacy_hides;

#endif
