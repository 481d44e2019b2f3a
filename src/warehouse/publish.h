/* What the files of the publish protocol share. */
#ifndef ASSAY_WAREHOUSE_PUBLISH_H
#define ASSAY_WAREHOUSE_PUBLISH_H

#include "warehouse/apply.h"
#include "warehouse/keys.h"
#include "warehouse/stage.h"

enum { ASSAY_PUBLISH_ATTEMPTS_MAX = 5 };

/* One publication on its way, through all its attempts. */
typedef struct assay_publishing {
    const assay_warehouse_request *request;
    const assay_dialect *dialect;
    assay_arena *arena;
    assay_mapping *mapping;
    assay_warehouse_target target;
    const char *select;   /* what is staged; NULL = the keys were not judged yet */
    int64_t expected;     /* rows of it; -1 = not known */
    const char **changes; /* DDL of any attempt */
    size_t change_count;
    assay_stage_table stages[ASSAY_PUBLISH_ATTEMPTS_MAX]; /* of the attempts so far */
    size_t stage_count;
    bool created;
    bool replaces;    /* the ledger has a row of this publication that does not count any more */
    bool commit_sent; /* nobody knows what became of an earlier attempt's transaction */
    assay_warehouse_result result;
} assay_publishing;

/* Makes schema, ledger, lock and target, and carries changes of columns over: everything that is
 * DDL, before the transaction. */
ASSAY_NODISCARD assay_status assay_publish_prepare(assay_publishing *publishing,
                                                   assay_warehouse_session *session,
                                                   const assay_server_state *state,
                                                   assay_error *err);

/* ECONFLICT 7030, 7031 where the ledger's standing forbids the request's commit. */
ASSAY_NODISCARD assay_status assay_publish_guard(const assay_warehouse_request *request,
                                                 const assay_warehouse_standing *standing,
                                                 assay_error *err);

#endif
