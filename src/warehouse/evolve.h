/* The target's columns beside those that are published: what must be added, widened or refused. */
#ifndef ASSAY_WAREHOUSE_EVOLVE_H
#define ASSAY_WAREHOUSE_EVOLVE_H

#include "warehouse/mapping.h"
#include "warehouse/server.h"

typedef struct assay_evolve_plan {
    bool creates;            /* the target is made by statements[0] */
    const char **statements; /* whole, in order */
    const char **changes;    /* the same for people: "ADD COLUMN \"total\" numeric(12,2)" */
    size_t count;
} assay_evolve_plan;

/* The target for the first time. Where keys are enforced, those of a merge are its primary key. */
ASSAY_NODISCARD assay_status assay_evolve_create(const assay_mapping *mapping,
                                                 const assay_warehouse_target *target,
                                                 assay_arena *arena, assay_evolve_plan *ret_plan,
                                                 assay_error *err);

/* The target as it is: fills in what the mapping's columns have there (`has`). EDATA 7010 a type
 * that is neither taken nor widened, 7011 a NOT NULL column that gets nothing, both with the
 * statement that would be needed; 7012 a column that the server generates. */
ASSAY_NODISCARD assay_status assay_evolve_diff(assay_mapping *mapping,
                                               const assay_warehouse_target *target,
                                               const assay_server_column *columns, size_t count,
                                               assay_arena *arena, assay_evolve_plan *ret_plan,
                                               assay_error *err);

/* Fills mapping->gone: those of `earlier` that the target still has and the mapping lacks. */
ASSAY_NODISCARD assay_status assay_evolve_gone(assay_mapping *mapping, const char *const *earlier,
                                               size_t earlier_count,
                                               const assay_server_column *columns, size_t count,
                                               assay_arena *arena, assay_error *err);

#endif
