#include "net/silence.h"

#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/thread.h"

enum {
    LOOK_MIN_MS = 50, /* between two looks: a tenth of the limit */
    LOOK_MAX_MS = 2000,
    LOOKS = 10,
    BUSY_PERCENT = 5, /* of one processor */
    MS_US = 1000,
    SECOND_US = 1000000,
    DECIMAL = 10
};

struct assay_silence {
    const assay_clock *clock;
    int mark_ms;
    int64_t limit_ms;
    assay_thread *thread;
    assay_lock *lock;
    assay_condition *ended;
    bool end, broke; /* under the lock */
    /* of the thread */
    int64_t looked_us, busy_us; /* monotonic: the last look, and the last that found work */
    int64_t used_us;            /* processor time of the process at the last look */
};

static int64_t monotonic_us(const assay_silence *silence)
{
    return silence->clock->monotonic_us(silence->clock->user);
}

/* ---- the connections ---- */

static bool is_marked(const assay_silence *silence, int file)
{
    unsigned int timeout_ms = 0;
    socklen_t size = sizeof timeout_ms;

    return getsockopt(file, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, &size) == 0 &&
           timeout_ms == (unsigned int)silence->mark_ms;
}

/* How long nothing came or went; bytes that nobody has read yet are no silence. */
static int64_t quiet_ms(int file)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    int unread = 0;

    if (ioctl(file, FIONREAD, &unread) != 0 || unread > 0 ||
        getsockopt(file, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return 0;
    return info.tcpi_last_data_recv < info.tcpi_last_data_sent ? info.tcpi_last_data_recv
                                                               : info.tcpi_last_data_sent;
}

/* The next marked connection of those that the process has open; -1 = no more. */
static int next_marked(const assay_silence *silence, DIR *folder)
{
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char *end = NULL;
        long file = strtol(entry->d_name, &end, DECIMAL);
        if (end != entry->d_name && *end == '\0' && is_marked(silence, (int)file))
            return (int)file;
    }
    return -1;
}

/* The least of `at_most_ms` and how long each of the connections has been quiet. */
static int64_t least_quiet_ms(const assay_silence *silence, int64_t at_most_ms)
{
    DIR *folder = opendir("/proc/self/fd");
    int64_t least = at_most_ms;

    if (folder == NULL)
        return least;
    for (int file = next_marked(silence, folder); file >= 0; file = next_marked(silence, folder)) {
        int64_t quiet = quiet_ms(file);
        least = quiet < least ? quiet : least;
    }
    (void)closedir(folder);
    return least;
}

static void shut_all(const assay_silence *silence)
{
    DIR *folder = opendir("/proc/self/fd");

    if (folder == NULL)
        return;
    for (int file = next_marked(silence, folder); file >= 0; file = next_marked(silence, folder))
        (void)shutdown(file, SHUT_RDWR);
    (void)closedir(folder);
}

/* ---- the thread ---- */

static int64_t processor_us(void)
{
    struct rusage usage = {0};

    (void)getrusage(RUSAGE_SELF, &usage);
    return ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * SECOND_US +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void look_for_work(assay_silence *silence)
{
    int64_t now_us = monotonic_us(silence);
    int64_t used_us = processor_us();

    if ((used_us - silence->used_us) * 100 > (now_us - silence->looked_us) * BUSY_PERCENT)
        silence->busy_us = now_us;
    silence->looked_us = now_us;
    silence->used_us = used_us;
}

static bool is_over(assay_silence *silence)
{
    look_for_work(silence);
    int64_t idle_ms = (silence->looked_us - silence->busy_us) / MS_US;
    return least_quiet_ms(silence, idle_ms) > silence->limit_ms;
}

static int64_t pause_ms(const assay_silence *silence)
{
    int64_t pause = silence->limit_ms / LOOKS;

    return pause < LOOK_MIN_MS ? LOOK_MIN_MS : pause > LOOK_MAX_MS ? LOOK_MAX_MS : pause;
}

/* Once the limit has passed, connections that are made anew are shut as well. */
static void watch(void *argument)
{
    assay_silence *silence = argument;

    assay_lock_acquire(silence->lock);
    while (!silence->end) {
        bool signalled = assay_condition_wait_ms(silence->ended, silence->lock, pause_ms(silence));
        if (signalled || silence->end)
            continue;
        silence->broke = silence->broke || is_over(silence);
        if (silence->broke)
            shut_all(silence);
    }
    assay_lock_release(silence->lock);
}

/* ---- begin and end ---- */

static assay_status begin(assay_silence *silence, assay_error *err)
{
    silence->lock = assay_lock_new();
    silence->ended = assay_condition_new();
    if (silence->lock == NULL || silence->ended == NULL)
        return assay_error_nomem(err);
    silence->looked_us = silence->busy_us = monotonic_us(silence);
    silence->used_us = processor_us();
    return assay_thread_start(watch, silence, &silence->thread, err);
}

assay_status assay_silence_watch(const assay_clock *clock, int mark_ms, int64_t limit_ms,
                                 assay_silence **ret_silence, assay_error *err)
{
    ASSAY_AUTO(assay_silence_endp) assay_silence *silence = assay_mem_new(1, sizeof *silence);

    if (silence == NULL)
        return assay_error_nomem(err);
    silence->clock = clock;
    silence->mark_ms = mark_ms;
    silence->limit_ms = limit_ms;
    ASSAY_TRY(begin(silence, err));
    *ret_silence = ASSAY_TAKE(&silence);
    return ASSAY_OK;
}

bool assay_silence_broke(assay_silence *silence)
{
    assay_lock_acquire(silence->lock);
    bool broke = silence->broke;
    assay_lock_release(silence->lock);
    return broke;
}

void assay_silence_end(assay_silence *silence)
{
    if (silence == NULL)
        return;
    if (silence->thread != NULL) {
        assay_lock_acquire(silence->lock);
        silence->end = true;
        assay_condition_signal(silence->ended);
        assay_lock_release(silence->lock);
        assay_thread_join(silence->thread);
    }
    assay_condition_free(silence->ended);
    assay_lock_free(silence->lock);
    assay_mem_free(silence);
}

void assay_silence_endp(assay_silence **silence)
{
    assay_silence_end(*silence);
    *silence = NULL;
}
