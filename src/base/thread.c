#include "base/thread.h"

#include "base/mem.h"
#include "base/sysinfo.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

struct assay_thread {
    pthread_t handle;
    assay_thread_main *run;
    void *argument;
};

struct assay_lock {
    pthread_mutex_t mutex;
};

struct assay_condition {
    pthread_cond_t cond;
};

static void *run_thread(void *argument)
{
    const assay_thread *thread = argument;

    thread->run(thread->argument);
    return NULL;
}

/* `thread` belongs to `begin` from here on where it is started. */
static assay_status start(assay_thread *thread, void *(*begin)(void *), pthread_t *ret_handle,
                          assay_error *err)
{
    sigset_t all;
    sigset_t before;

    /* Signals belong to the thread that installed the handlers: a new thread begins with all of
     * them blocked. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(ret_handle, NULL, begin, thread);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed == 0)
        return ASSAY_OK;
    assay_mem_free(thread);
    return assay_error_errno(err, failed, "cannot start a thread");
}

static assay_thread *new_thread(assay_thread_main *run, void *argument)
{
    assay_thread *thread = assay_mem_new(1, sizeof *thread);

    if (thread != NULL) {
        thread->run = run;
        thread->argument = argument;
    }
    return thread;
}

assay_status assay_thread_start(assay_thread_main *run, void *argument, assay_thread **ret_thread,
                                assay_error *err)
{
    assay_thread *thread = new_thread(run, argument);
    pthread_t handle;

    if (thread == NULL)
        return assay_error_nomem(err);
    ASSAY_TRY(start(thread, run_thread, &handle, err));
    thread->handle = handle;
    *ret_thread = thread;
    return ASSAY_OK;
}

/* Nobody else may look at `thread` once this runs. */
static void *run_detached(void *argument)
{
    assay_thread *thread = argument;
    assay_thread_main *run = thread->run;
    void *user = thread->argument;

    (void)pthread_detach(pthread_self());
    assay_mem_free(thread);
    run(user);
    return NULL;
}

assay_status assay_thread_start_detached(assay_thread_main *run, void *argument, assay_error *err)
{
    assay_thread *thread = new_thread(run, argument);
    pthread_t handle;

    return thread != NULL ? start(thread, run_detached, &handle, err) : assay_error_nomem(err);
}

void assay_thread_join(assay_thread *thread)
{
    if (thread == NULL)
        return;
    (void)pthread_join(thread->handle, NULL);
    assay_mem_free(thread);
}

int assay_thread_processors(void)
{
    return assay_sysinfo_processors("");
}

assay_lock *assay_lock_new(void)
{
    assay_lock *lock = assay_mem_new(1, sizeof *lock);

    if (lock != NULL && pthread_mutex_init(&lock->mutex, NULL) != 0) {
        assay_mem_free(lock);
        return NULL;
    }
    return lock;
}

void assay_lock_free(assay_lock *lock)
{
    if (lock == NULL)
        return;
    (void)pthread_mutex_destroy(&lock->mutex);
    assay_mem_free(lock);
}

void assay_lock_acquire(assay_lock *lock)
{
    (void)pthread_mutex_lock(&lock->mutex);
}

void assay_lock_release(assay_lock *lock)
{
    (void)pthread_mutex_unlock(&lock->mutex);
}

assay_condition *assay_condition_new(void)
{
    assay_condition *condition = assay_mem_new(1, sizeof *condition);
    pthread_condattr_t attributes;

    if (condition == NULL)
        return NULL;
    if (pthread_condattr_init(&attributes) != 0) {
        assay_mem_free(condition);
        return NULL;
    }
    /* Waits are durations: a change of the wall clock must not stretch them. */
    bool made = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                pthread_cond_init(&condition->cond, &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
    if (!made) {
        assay_mem_free(condition);
        return NULL;
    }
    return condition;
}

void assay_condition_free(assay_condition *condition)
{
    if (condition == NULL)
        return;
    (void)pthread_cond_destroy(&condition->cond);
    assay_mem_free(condition);
}

void assay_condition_wait(assay_condition *condition, assay_lock *lock)
{
    (void)pthread_cond_wait(&condition->cond, &lock->mutex);
}

bool assay_condition_wait_ms(assay_condition *condition, assay_lock *lock, int64_t ms)
{
    struct timespec until = {0, 0};

    if (ms < 0)
        ms = 0;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    return pthread_cond_timedwait(&condition->cond, &lock->mutex, &until) != ETIMEDOUT;
}

void assay_condition_signal(assay_condition *condition)
{
    (void)pthread_cond_signal(&condition->cond);
}

void assay_condition_broadcast(assay_condition *condition)
{
    (void)pthread_cond_broadcast(&condition->cond);
}
