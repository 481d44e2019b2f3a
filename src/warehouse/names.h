/* Names of the target and of the tables that publishing keeps beside it. */
#ifndef ASSAY_WAREHOUSE_NAMES_H
#define ASSAY_WAREHOUSE_NAMES_H

#include "warehouse/dialect.h"

#define ASSAY_WAREHOUSE_LEDGER "_assay_ledger"
#define ASSAY_WAREHOUSE_LOCK "_assay_lock"
#define ASSAY_WAREHOUSE_STAGE "_assay_stg_" /* what every staging table begins with */

/* Reads the publication's `table` and fills in what it leaves out. ECONFIG 7001, 7002. */
ASSAY_NODISCARD assay_status assay_names_target(const assay_dialect *dialect,
                                                const assay_connection_config *connection,
                                                const assay_warehouse_publication *publication,
                                                assay_arena *arena,
                                                assay_warehouse_target *ret_target,
                                                assay_error *err);

/* Whether `table` can be read at all, without a connection. ECONFIG 7001. */
ASSAY_NODISCARD assay_status assay_names_check(const assay_dialect *dialect,
                                               const assay_warehouse_publication *publication,
                                               assay_error *err);

/* "DB.SCHEMA.TABLE" as the ledger keeps it; NULL when memory is short. */
const char *assay_names_text(const assay_dialect *dialect, const assay_warehouse_target *target,
                             assay_arena *arena);

/* Who made a staging table: a moment, a machine and a process, which stand in its name. */
typedef struct assay_stage_owner {
    int64_t created_s; /* since 1970 */
    unsigned host;     /* 16 bits of a hash of the host's name */
    int64_t pid;
    unsigned salt; /* 16 random bits */
} assay_stage_owner;

assay_stage_owner assay_names_owner(const assay_clock *clock, const assay_random *random);

/* "_ASSAY_STG_ORDERS__0a1b2c3d_<owner>": letters, digits and '_' only, so that it can be written
 * without quotes too, and within the dialect's limit. NULL when memory is short. */
const char *assay_names_stage(const assay_dialect *dialect, const char *table,
                              const char *publish_id, const assay_stage_owner *owner,
                              assay_arena *arena);

/* Who made the staging table of that name; false where it is none of ours. */
bool assay_names_parse_stage(const char *name, assay_stage_owner *ret_owner);

enum { ASSAY_STAGE_KEEP_S = 24 * 60 * 60 };

/* Whether a staging table can be dropped: its process is gone, or was on another machine and it is
 * older than ASSAY_STAGE_KEEP_S. */
bool assay_names_is_left(const assay_stage_owner *owner, const assay_stage_owner *self);

#endif
