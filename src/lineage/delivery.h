/* Inside of lineage: the emitter's state and its threads. `lock` guards everything below it; files
 * are read, synced and sent without it. */
#ifndef ASSAY_LINEAGE_DELIVERY_H
#define ASSAY_LINEAGE_DELIVERY_H

#include "base/thread.h"
#include "base/vec.h"
#include "lineage/emitter.h"
#include "lineage/send.h"
#include "lineage/spool.h"

typedef struct assay_delivery {
    assay_lineage_emitter *emitter;
    size_t index; /* of the transport */
    assay_send *send;
    assay_thread *thread;
    bool failing;          /* the last try failed */
    int64_t busy_since_us; /* begin of the try that is under way, 0 = none; monotonic */
} assay_delivery;

struct assay_lineage_emitter {
    assay_lineage_emitter_options options;
    char *folder;
    assay_clock clock; /* the system's: waits are real whatever the caller's clock says */
    assay_cancel *cancel;

    assay_lock *lock;
    assay_condition *changed;
    assay_vec segments;           /* assay_spool_segment *, oldest first */
    assay_spool_segment *current; /* the one that is written; last in `segments`, or NULL */
    int64_t spool_bytes;
    char session[ASSAY_SPOOL_NAME_SIZE]; /* begin of the names of our segments */
    int sequence;
    bool adopted;     /* leftovers have been looked for */
    bool more;        /* there are more leftovers than were taken over */
    bool new_segment; /* the folder must be synced */
    bool sync_failed;
    bool stopping; /* senders: end after the try that is under way */
    bool ending;   /* keeper: end after a last round */
    bool told_lost;
    assay_lineage_counts counts;

    assay_delivery deliveries[ASSAY_LINEAGE_TRANSPORTS_MAX];
    size_t delivery_count;
    assay_thread *keeper;
};

/* Main functions of the threads. */
assay_thread_main assay_delivery_run; /* assay_delivery */
assay_thread_main assay_keeper_run;   /* assay_lineage_emitter */

/* Segment `index`. */
assay_spool_segment *assay_emitter_segment(const assay_lineage_emitter *emitter, size_t index);

#endif
