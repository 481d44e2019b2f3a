#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/thread.h"
#include "cli/session.h"

enum { STOP_WAIT_MS = 4000, EXIT_SIGNAL = 128 };

struct assay_signals {
    assay_context *context;
    assay_thread *thread;
    atomic_int caught;
    atomic_bool done;
};

static void fill(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGUSR1); /* wakes the watcher at the end */
}

void assay_signals_block(void)
{
    sigset_t set;

    fill(&set);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Waits for the next signal, at most `ms` (-1 = for ever); 0 = none came. */
static int wait_signal(const sigset_t *set, int ms)
{
    const struct timespec limit = {ms / 1000, (long)(ms % 1000) * 1000000};

    int number = ms < 0 ? sigwaitinfo(set, NULL) : sigtimedwait(set, NULL, &limit);
    return number > 0 ? number : 0;
}

static void watch(void *argument)
{
    struct assay_signals *signals = argument;
    sigset_t set;
    int number = 0;

    fill(&set);
    while (number != SIGINT && number != SIGTERM) {
        number = wait_signal(&set, -1);
        if (atomic_load(&signals->done))
            return;
    }
    atomic_store(&signals->caught, number);
    assay_context_cancel(signals->context, number);
    int second = wait_signal(&set, STOP_WAIT_MS);
    if (!atomic_load(&signals->done) && (second == 0 || second == SIGINT || second == SIGTERM))
        _exit(EXIT_SIGNAL + number); /* nothing that was published depends on a tidy end */
}

struct assay_signals *assay_signals_begin(assay_context *context)
{
    struct assay_signals *signals = assay_mem_new(1, sizeof *signals);

    if (signals == NULL)
        return NULL;
    signals->context = context;
    if (assay_thread_start(watch, signals, &signals->thread, NULL) != ASSAY_OK) {
        assay_mem_free(signals);
        return NULL;
    }
    return signals;
}

void assay_signals_end(struct assay_signals *signals)
{
    if (signals == NULL)
        return;
    atomic_store(&signals->done, true);
    (void)kill(getpid(), SIGUSR1);
    assay_thread_join(signals->thread);
    assay_mem_free(signals);
}

int assay_signals_caught(const struct assay_signals *signals)
{
    return signals != NULL ? atomic_load(&signals->caught) : 0;
}
