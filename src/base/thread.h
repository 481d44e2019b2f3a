/* Threads, locks and conditions over pthread. Failing to make one is a status; locking a valid
 * lock cannot fail. */
#ifndef ASSAY_BASE_THREAD_H
#define ASSAY_BASE_THREAD_H

#include "base/error.h"

typedef struct assay_thread assay_thread;
typedef struct assay_lock assay_lock;
typedef struct assay_condition assay_condition;
typedef void assay_thread_main(void *argument);

ASSAY_NODISCARD assay_status assay_thread_start(assay_thread_main *run, void *argument,
                                                assay_thread **ret_thread, assay_error *err);
/* A thread that nobody waits for: what it touches must live until it ends. */
ASSAY_NODISCARD assay_status assay_thread_start_detached(assay_thread_main *run, void *argument,
                                                         assay_error *err);
/* Waits for the end and frees the handle; NULL is allowed. */
void assay_thread_join(assay_thread *thread);
/* Processors this process may use (affinity and cgroup quota), at least 1. */
int assay_thread_processors(void);

assay_lock *assay_lock_new(void);
void assay_lock_free(assay_lock *lock);
void assay_lock_acquire(assay_lock *lock);
void assay_lock_release(assay_lock *lock);

assay_condition *assay_condition_new(void);
void assay_condition_free(assay_condition *condition);
void assay_condition_wait(assay_condition *condition, assay_lock *lock);
/* False when `ms` passed without a signal. */
bool assay_condition_wait_ms(assay_condition *condition, assay_lock *lock, int64_t ms);
void assay_condition_signal(assay_condition *condition);
void assay_condition_broadcast(assay_condition *condition);

#endif
