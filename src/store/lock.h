/* Locks between processes: flock(2) on a file that names its holder. A lock only saves work,
 * correctness rests on put_new alone (SEMANTICS 2.6). It goes with its process, so that there is
 * no stale lock; the file stays. Any thread. */
#ifndef ASSAY_STORE_LOCK_H
#define ASSAY_STORE_LOCK_H

#include "base/cancel.h"
#include "base/clock.h"

typedef struct assay_store_lock assay_store_lock;

typedef struct assay_store_lock_request {
    const char *path;           /* the file; its folder is made */
    const char *what;           /* what is locked, for the message: "silver.orders" */
    const char *run;            /* id of the run that wants it */
    assay_clock clock;          /* for the start that the file tells */
    int64_t wait_ms;            /* how long to wait for another holder; 0 = not at all */
    const assay_cancel *cancel; /* ends the wait; may be NULL */
} assay_store_lock_request;

/* Takes the lock. ELOCKED 1320, with pid, run and start of the holder, where it stays taken. */
ASSAY_NODISCARD assay_status assay_store_lock_acquire(const assay_store_lock_request *request,
                                                      assay_store_lock **ret_lock,
                                                      assay_error *err);

/* Gives it back; NULL is allowed. */
void assay_store_lock_release(assay_store_lock *lock);
void assay_store_lock_releasep(assay_store_lock **lock);

#endif
