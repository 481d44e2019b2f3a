#include "lineage/send.h"

#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TAIL_CHUNK = 64 * 1024, LOCK_TRIES = 40, LOCK_WAIT_MS = 5 };

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* gives the lock back */
}

static assay_status make_folder(const char *path, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const char *folder = arena != NULL ? assay_path_dir(arena, path) : NULL;

    if (folder == NULL)
        return assay_error_nomem(err);
    return assay_path_make(folder, err);
}

/* Ends the file with a line feed. A last line that is a whole object (somebody's editor left the
 * line feed out) is completed; one that a kill has cut is taken off: the spool still has it. */
static assay_status mend_tail(int fd, const char *path, int64_t size, assay_error *err)
{
    char chunk[TAIL_CHUNK];
    char last = '\n';
    int64_t end = size;

    if (size == 0)
        return ASSAY_OK;
    if (pread(fd, &last, 1, (off_t)(size - 1)) != 1)
        return assay_error_errno(err, errno, "cannot read '%s'", path);
    if (last == '\n')
        return ASSAY_OK;
    if (last == '}')
        return write(fd, "\n", 1) == 1 ? ASSAY_OK
                                       : assay_error_errno(err, errno, "cannot write '%s'", path);
    while (end > 0) {
        int64_t begin = end > TAIL_CHUNK ? end - TAIL_CHUNK : 0;
        ssize_t got = pread(fd, chunk, (size_t)(end - begin), (off_t)begin);
        if (got != (ssize_t)(end - begin))
            return assay_error_errno(err, got < 0 ? errno : EIO, "cannot read '%s'", path);
        while (got > 0 && chunk[got - 1] != '\n')
            got--;
        end = begin + got;
        if (got > 0)
            break;
    }
    return ftruncate(fd, (off_t)end) == 0 ? ASSAY_OK
                                          : assay_error_errno(err, errno, "cannot cut '%s'", path);
}

static assay_status append_locked(int fd, const char *path, const char *bytes, size_t size,
                                  assay_error *err)
{
    struct stat info;
    size_t written = 0;

    if (fstat(fd, &info) != 0)
        return assay_error_errno(err, errno, "cannot read '%s'", path);
    if (S_ISREG(info.st_mode)) {
        ASSAY_TRY(mend_tail(fd, path, (int64_t)info.st_size, err));
        if (fstat(fd, &info) != 0)
            return assay_error_errno(err, errno, "cannot read '%s'", path);
    }
    while (written < size) {
        ssize_t got = write(fd, bytes + written, size - written);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            int native = errno;
            if (S_ISREG(info.st_mode) && ftruncate(fd, info.st_size) != 0)
                return assay_error_errno(err, errno, "cannot cut '%s'", path);
            return assay_error_errno(err, native, "cannot write '%s'", path);
        }
        written += (size_t)got;
    }
    if (S_ISREG(info.st_mode) && fdatasync(fd) != 0)
        return assay_error_errno(err, errno, "cannot sync '%s'", path);
    return ASSAY_OK;
}

/* Waits a little for the lock: whoever was stopped while he held it must not hold us. */
static assay_status lock_file(int fd, const char *path, assay_error *err)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return ASSAY_OK;
        if (errno != EWOULDBLOCK && errno != EINTR)
            break;
        (void)poll(NULL, 0, LOCK_WAIT_MS);
    }
    return assay_error_errno(err, errno, "cannot lock '%s'", path);
}

assay_status assay_send_append(const char *path, const char *bytes, size_t size, assay_error *err)
{
    ASSAY_AUTO(close_fd) int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

    if (fd < 0 && errno == ENOENT) {
        ASSAY_TRY(make_folder(path, err));
        fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    }
    if (fd < 0)
        return assay_error_errno(err, errno, "cannot open '%s'", path);
    ASSAY_TRY(lock_file(fd, path, err));
    return append_locked(fd, path, bytes, size, err);
}
