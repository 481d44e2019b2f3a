/* How a table has grown between two of its snapshots. */
#ifndef ASSAY_PUBLISHED_GROWTH_H
#define ASSAY_PUBLISHED_GROWTH_H

#include "published/published.h"

typedef struct assay_growth {
    assay_data_file *added; /* files that only the newer one has */
    size_t added_count;
    size_t lost; /* files of the older one that are gone, or have other rows now */
} assay_growth;

ASSAY_NODISCARD assay_status assay_growth_between(const assay_published_rows *then,
                                                  const assay_published_rows *now,
                                                  assay_arena *arena, assay_growth *ret_growth,
                                                  assay_error *err);

#endif
