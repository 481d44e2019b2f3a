/* A table format for tests: data files in <location>/data, snapshots as small objects in a store.
 * Its commit can be told to lose races and to leave the outcome unknown. */
#ifndef ASSAY_TEST_FAKE_FORMAT_H
#define ASSAY_TEST_FAKE_FORMAT_H

#include "table/table.h"

/* Reads by field id and holds UUID; small integers become INTEGER. */
extern const assay_table_format fake_by_id;
/* Reads by name; UUID and TIME become text. */
extern const assay_table_format fake_by_name;

/* What the next commits do (each takes one step off): */
typedef struct fake_orders {
    int lose;           /* somebody else commits first */
    int unknown_done;   /* EUNKNOWN_OUTCOME, and it is there */
    int unknown_absent; /* EUNKNOWN_OUTCOME, and it is not */
    bool load_fails;    /* after the commit, loading fails */
    int commits;        /* calls so far */
} fake_orders;

extern fake_orders fake_next;

#endif
