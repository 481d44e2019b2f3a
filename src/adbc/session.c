#include "adbc/session.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

enum {
    POLL_MS = 100,   /* how often the cancel flag is looked at */
    GRACE_MS = 5000, /* for what was cancelled to end */
    LEAVE_MS = 5000, /* for the thread to log out */
};

static void drop(assay_adbc_session *session)
{
    assay_lock_acquire(session->lock);
    bool last = --session->owners == 0;
    assay_lock_release(session->lock);
    if (!last)
        return;
    for (size_t i = 0; i < session->hidden_count; i++)
        assay_secret_free(session->hidden[i]);
    assay_mem_free(session->sql);
    assay_mem_free(session->tag);
    assay_mem_free(session->target_schema);
    assay_mem_free(session->target_table);
    assay_condition_free(session->changed);
    assay_lock_free(session->lock);
    assay_arena_free(session->arena);
    assay_mem_free(session);
}

/* What the job left where nobody takes it. */
static void release_results(assay_adbc_session *session)
{
    if (session->schema.release != NULL)
        session->schema.release(&session->schema);
    if (session->array.release != NULL)
        session->array.release(&session->array);
    if (session->source.release != NULL)
        session->source.release(&session->source);
}

static void run_jobs(void *argument)
{
    assay_adbc_session *session = argument;

    assay_lock_acquire(session->lock);
    while (!session->leave) {
        assay_adbc_job *job = session->job;

        if (job == NULL) {
            assay_condition_wait(session->changed, session->lock);
            continue;
        }
        assay_lock_release(session->lock);
        assay_error failure = {0};
        assay_status status = job(session, &failure);
        assay_lock_acquire(session->lock);
        session->status = status;
        session->failure = failure;
        session->job = NULL;
        assay_condition_broadcast(session->changed);
    }
    assay_lock_release(session->lock);
    release_results(session);
    assay_adbc_logout(session);
    assay_lock_acquire(session->lock);
    session->left = true;
    assay_condition_broadcast(session->changed);
    assay_lock_release(session->lock);
    drop(session);
}

assay_status assay_adbc_session_new(assay_adbc_session **ret_session, assay_error *err)
{
    assay_adbc_session *session = assay_mem_new(1, sizeof *session);

    if (session == NULL)
        return assay_error_nomem(err);
    session->arena = assay_arena_new();
    session->lock = assay_lock_new();
    session->changed = assay_condition_new();
    session->owners = 2;
    assay_status status = ASSAY_OK;
    if (session->arena == NULL || session->lock == NULL || session->changed == NULL)
        status = assay_error_nomem(err);
    else
        status = assay_thread_start_detached(run_jobs, session, err);
    if (status != ASSAY_OK) {
        assay_condition_free(session->changed);
        assay_lock_free(session->lock);
        assay_arena_free(session->arena);
        assay_mem_free(session);
        return status;
    }
    *ret_session = session;
    return ASSAY_OK;
}

/* ---- stopping ---- */

static void send_cancel(void *argument)
{
    assay_adbc_session *session = argument;
    struct AdbcError error = ADBC_ERROR_INIT;

    /* What the driver says of it does not matter: the statement's own end does. */
    if (session->driver.StatementCancel != NULL &&
        session->driver.StatementCancel(&session->statement, &error) != ADBC_STATUS_OK &&
        error.release != NULL)
        error.release(&error);
    assay_lock_acquire(session->lock);
    session->cancelling = false;
    assay_condition_broadcast(session->changed);
    assay_lock_release(session->lock);
    drop(session);
}

/* Under the lock. False where there is nothing that could be cancelled. */
static bool begin_cancel(assay_adbc_session *session)
{
    if (!session->armed)
        return false;
    session->cancelling = true;
    session->owners++;
    if (assay_thread_start_detached(send_cancel, session, NULL) == ASSAY_OK)
        return true;
    session->cancelling = false;
    session->owners--;
    return false;
}

void assay_adbc_session_arm(assay_adbc_session *session)
{
    assay_lock_acquire(session->lock);
    session->armed = true;
    assay_lock_release(session->lock);
}

void assay_adbc_session_disarm(assay_adbc_session *session)
{
    assay_lock_acquire(session->lock);
    session->armed = false;
    while (session->cancelling)
        assay_condition_wait(session->changed, session->lock);
    assay_lock_release(session->lock);
}

enum stop { STOP_NONE, STOP_TIMEOUT, STOP_CANCEL };

struct wait {
    const assay_adbc_limits *limits;
    assay_clock clock;
    int64_t until_us; /* of the job, then of the grace */
    enum stop stop;
};

static int64_t now_us(const struct wait *wait)
{
    return wait->clock.monotonic_us(wait->clock.user);
}

static enum stop reason_to_stop(const struct wait *wait)
{
    if (assay_cancel_requested(wait->limits->cancel) ||
        (wait->limits->stop != NULL && atomic_load(wait->limits->stop)))
        return STOP_CANCEL;
    return now_us(wait) >= wait->until_us ? STOP_TIMEOUT : STOP_NONE;
}

/* Waits for the job under the lock; false where it was given up. */
static bool wait_for_job(assay_adbc_session *session, struct wait *wait)
{
    while (session->job != NULL || session->cancelling) {
        int64_t left_ms = (wait->until_us - now_us(wait)) / 1000 + 1;

        (void)assay_condition_wait_ms(session->changed, session->lock,
                                      left_ms < POLL_MS ? left_ms : POLL_MS);
        if (session->job == NULL && !session->cancelling)
            break;
        if (wait->stop != STOP_NONE) {
            if (now_us(wait) >= wait->until_us)
                return false;
            continue;
        }
        wait->stop = reason_to_stop(wait);
        if (wait->stop == STOP_NONE)
            continue;
        if (!begin_cancel(session))
            return false;
        wait->until_us = now_us(wait) + (int64_t)GRACE_MS * 1000;
    }
    return true;
}

static assay_status fail_stopped(const struct wait *wait, bool answered, assay_error *err)
{
    const char *more = answered ? ""
                                : ", and the driver did not come back: the connection is "
                                  "given up";

    if (wait->stop == STOP_CANCEL)
        return assay_error_set(err, ASSAY_ECANCELLED, 3117, "cancelled%s", more);
    (void)assay_error_set(err, ASSAY_ETIMEOUT, 3111, "no answer within %s of %lld ms%s",
                          wait->limits->timeout_name, (long long)wait->limits->timeout_ms, more);
    if (err != NULL)
        err->retryable = true;
    return ASSAY_ETIMEOUT;
}

assay_status assay_adbc_session_run(assay_adbc_session *session, assay_adbc_job *job,
                                    const assay_adbc_limits *limits, assay_error *err)
{
    struct wait wait = {.limits = limits, .clock = assay_clock_system()};

    wait.until_us = now_us(&wait) + limits->timeout_ms * 1000;
    assay_lock_acquire(session->lock);
    session->job = job;
    assay_condition_broadcast(session->changed);
    bool answered = wait_for_job(session, &wait);
    session->given_up = !answered;
    assay_status status = answered ? session->status : ASSAY_ETIMEOUT;
    assay_error failure = session->failure;
    assay_lock_release(session->lock);

    if (!answered || (status != ASSAY_OK && wait.stop != STOP_NONE))
        return fail_stopped(&wait, answered, err);
    if (status != ASSAY_OK)
        (void)assay_error_copy(err, &failure);
    return status;
}

void assay_adbc_session_leave(assay_adbc_session *session)
{
    struct wait wait = {.clock = assay_clock_system()};

    wait.until_us = now_us(&wait) + (session->given_up ? 0 : (int64_t)LEAVE_MS * 1000);
    assay_lock_acquire(session->lock);
    session->leave = true;
    assay_condition_broadcast(session->changed);
    while (!session->left && now_us(&wait) < wait.until_us)
        (void)assay_condition_wait_ms(session->changed, session->lock, POLL_MS);
    assay_lock_release(session->lock);
    drop(session);
}

void assay_adbc_session_wake(assay_adbc_session *session)
{
    assay_lock_acquire(session->lock);
    assay_condition_broadcast(session->changed);
    assay_lock_release(session->lock);
}

/* ---- options ---- */

assay_status assay_adbc_session_option(assay_adbc_session *session, const char *name,
                                       const char *value, assay_error *err)
{
    if (value == NULL)
        return ASSAY_OK;
    if (session->option_count >= ASSAY_ADBC_OPTIONS_MAX)
        return assay_error_set(err, ASSAY_EINTERNAL, 9001, "a login has too many options");
    char *copy = assay_arena_text(session->arena, value);
    ASSAY_TRY(assay_arena_check(copy, err));
    session->options[session->option_count++] = (assay_adbc_option){name, copy};
    return ASSAY_OK;
}

assay_status assay_adbc_session_secret(assay_adbc_session *session, const char *name,
                                       assay_secret **secret, assay_error *err)
{
    if (session->hidden_count >= ASSAY_ADBC_HIDDEN_MAX ||
        session->option_count >= ASSAY_ADBC_OPTIONS_MAX)
        return assay_error_set(err, ASSAY_EINTERNAL, 9001, "a login has too many secrets");
    if (name != NULL)
        session->options[session->option_count++] =
            (assay_adbc_option){name, assay_secret_reveal(*secret)};
    session->hidden[session->hidden_count++] = ASSAY_TAKE(secret);
    return ASSAY_OK;
}
