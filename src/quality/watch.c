/* A limit of time and a wish to stop, for queries that would not notice by themselves. */
#include "base/thread.h"
#include "quality/plan.h"

#include "base/mem.h"

enum { POLL_MS = 20 };

struct assay_dq_watch {
    assay_conn *conn;
    const assay_cancel *cancel;
    assay_clock clock;
    int64_t timeout_ms;
    assay_lock *lock;
    assay_condition *changed;
    assay_thread *thread;
    int64_t deadline_us; /* monotonic; 0 = nothing runs */
    bool timed_out, cancelled, stop;
};

/* Interrupts what runs when its time is over; called under the lock, so that the query that runs is
 * the one the deadline belongs to. */
static void look(struct assay_dq_watch *watch)
{
    if (watch->deadline_us == 0)
        return;
    if (assay_cancel_requested(watch->cancel))
        watch->cancelled = true;
    else if (watch->clock.monotonic_us(watch->clock.user) >= watch->deadline_us)
        watch->timed_out = true;
    if (watch->cancelled || watch->timed_out)
        assay_conn_interrupt(watch->conn);
}

static void watch_main(void *argument)
{
    struct assay_dq_watch *watch = argument;

    assay_lock_acquire(watch->lock);
    while (!watch->stop) {
        if (watch->deadline_us == 0)
            assay_condition_wait(watch->changed, watch->lock);
        else
            (void)assay_condition_wait_ms(watch->changed, watch->lock, POLL_MS);
        look(watch);
    }
    assay_lock_release(watch->lock);
}

void assay_dq_watch_closep(struct assay_dq_watch **watch)
{
    struct assay_dq_watch *w = *watch;

    if (w == NULL)
        return;
    if (w->thread != NULL) {
        assay_lock_acquire(w->lock);
        w->stop = true;
        assay_condition_broadcast(w->changed);
        assay_lock_release(w->lock);
        assay_thread_join(w->thread);
    }
    assay_condition_free(w->changed);
    assay_lock_free(w->lock);
    assay_mem_free(w);
    *watch = NULL;
}

assay_status assay_dq_watch_open(const assay_quality_request *request,
                                 struct assay_dq_watch **ret_watch, assay_error *err)
{
    ASSAY_AUTO(assay_dq_watch_closep)
    struct assay_dq_watch *watch = assay_mem_new(1, sizeof(*watch));

    if (watch == NULL)
        return assay_error_nomem(err);
    watch->conn = request->conn;
    watch->cancel = request->cancel;
    watch->clock = assay_clock_system();
    watch->timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : ASSAY_QUALITY_TIMEOUT_MS;
    watch->lock = assay_lock_new();
    watch->changed = assay_condition_new();
    if (watch->lock == NULL || watch->changed == NULL)
        return assay_error_nomem(err);
    ASSAY_TRY(assay_thread_start(watch_main, watch, &watch->thread, err));
    *ret_watch = ASSAY_TAKE(&watch);
    return ASSAY_OK;
}

static void set_deadline(struct assay_dq_watch *watch, int64_t deadline_us)
{
    assay_lock_acquire(watch->lock);
    watch->deadline_us = deadline_us;
    assay_condition_signal(watch->changed);
    assay_lock_release(watch->lock);
}

assay_status assay_dq_watch_query(struct assay_dq_watch *watch, const char *sql, size_t limit,
                                  assay_arena *arena, assay_rows **ret_rows, assay_error *err)
{
    assay_status status = ASSAY_OK;

    if (assay_cancel_requested(watch->cancel))
        return assay_error_set(err, ASSAY_ECANCELLED, 5027, "the run was cancelled");
    watch->timed_out = false;
    set_deadline(watch, watch->clock.monotonic_us(watch->clock.user) + watch->timeout_ms * 1000);
    status = assay_conn_query(watch->conn, sql, limit, arena, ret_rows, err);
    set_deadline(watch, 0);
    if (status != ASSAY_OK && watch->timed_out)
        return assay_error_set(err, ASSAY_ETIMEOUT, 5026, "no answer within %lld ms",
                               (long long)watch->timeout_ms);
    if (status != ASSAY_OK && (watch->cancelled || status == ASSAY_ECANCELLED))
        return assay_error_set(err, ASSAY_ECANCELLED, 5027, "the run was cancelled");
    return status;
}
