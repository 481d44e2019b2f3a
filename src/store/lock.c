#include "store/lock.h"

#include "base/mem.h"
#include "base/path.h"
#include "base/sysinfo.h"
#include "text/json.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* flock(2) has no time limit of its own, so that waiting is asking again. */
enum { POLL_MS = 25, HOLDER_SIZE_MAX = 4096 };

struct assay_store_lock {
    int file;
};

static assay_status open_file(const char *path, int *ret_file, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();

    ASSAY_TRY(assay_arena_check(arena, err));
    char *folder = assay_path_dir(arena, path);
    ASSAY_TRY(assay_arena_check(folder, err));
    ASSAY_TRY(assay_path_make(folder, err));
    *ret_file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*ret_file < 0)
        return assay_error_errno(err, errno, "cannot open lock '%s'", path);
    return ASSAY_OK;
}

/* Says who holds the lock. A holder that has not written its name yet has just begun. */
static assay_status fail_locked(const assay_store_lock_request *request, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_buf_done) assay_buf bytes = ASSAY_BUF_EMPTY;
    assay_value *holder = NULL;

    ASSAY_TRY(assay_arena_check(arena, err));
    bool known = assay_path_read(request->path, HOLDER_SIZE_MAX, &bytes, NULL) == ASSAY_OK &&
                 assay_json_parse(assay_buf_text(&bytes), bytes.size, request->path, arena, &holder,
                                  NULL) == ASSAY_OK;
    if (known)
        (void)assay_error_set(err, ASSAY_ELOCKED, 1320,
                              "'%s' is locked by process %lld, run %s, since %s", request->what,
                              (long long)assay_value_find_int(holder, "pid", 0),
                              assay_value_find_text(holder, "run", "unknown"),
                              assay_value_find_text(holder, "started", "unknown"));
    else
        (void)assay_error_set(err, ASSAY_ELOCKED, 1320, "'%s' is locked by another process",
                              request->what);
    if (err != NULL)
        err->retryable = true;
    return ASSAY_ELOCKED;
}

static assay_status wait_for(int file, const assay_store_lock_request *request, assay_error *err)
{
    assay_clock clock = assay_clock_system();
    int64_t begin = clock.monotonic_us(clock.user);

    for (;;) {
        if (flock(file, LOCK_EX | LOCK_NB) == 0)
            return ASSAY_OK;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return assay_error_errno(err, errno, "cannot lock '%s'", request->path);
        ASSAY_TRY(assay_cancel_check(request->cancel, err));
        if (clock.monotonic_us(clock.user) - begin >= request->wait_ms * 1000)
            return fail_locked(request, err);
        (void)poll(NULL, 0, POLL_MS);
    }
}

/* Writes pid, run, host and start into the file. It is information only: where the disk is full
 * the lock holds all the same. */
static assay_status tell_holder(int file, const assay_store_lock_request *request, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    char host[ASSAY_SYSINFO_NAME_SIZE];
    char started[ASSAY_TIME_TEXT_SIZE];
    assay_json_writer writer = assay_json_writer_init(&text);

    assay_sysinfo_host(host);
    assay_time_format(request->clock.now_us(request->clock.user), started);
    assay_json_begin_map(&writer);
    assay_json_key(&writer, "pid");
    assay_json_int(&writer, assay_sysinfo_pid());
    assay_json_key(&writer, "run");
    assay_json_text(&writer, request->run);
    assay_json_key(&writer, "started");
    assay_json_text(&writer, started);
    assay_json_key(&writer, "host");
    assay_json_text(&writer, host);
    assay_json_end_map(&writer);
    assay_buf_append_char(&text, '\n');
    ASSAY_TRY(assay_buf_check(&text, err));
    if (ftruncate(file, 0) == 0) {
        ssize_t written = pwrite(file, text.data, text.size, 0);
        (void)written;
    }
    return ASSAY_OK;
}

assay_status assay_store_lock_acquire(const assay_store_lock_request *request,
                                      assay_store_lock **ret_lock, assay_error *err)
{
    ASSAY_AUTO(assay_store_lock_releasep) assay_store_lock *lock = assay_mem_new(1, sizeof *lock);

    if (lock == NULL)
        return assay_error_nomem(err);
    lock->file = -1;
    ASSAY_TRY(open_file(request->path, &lock->file, err));
    ASSAY_TRY(wait_for(lock->file, request, err));
    ASSAY_TRY(tell_holder(lock->file, request, err));
    *ret_lock = ASSAY_TAKE(&lock);
    return ASSAY_OK;
}

void assay_store_lock_release(assay_store_lock *lock)
{
    if (lock == NULL)
        return;
    if (lock->file >= 0)
        (void)close(lock->file);
    assay_mem_free(lock);
}

void assay_store_lock_releasep(assay_store_lock **lock)
{
    assay_store_lock_release(*lock);
    *lock = NULL;
}
