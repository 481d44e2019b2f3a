#include "lineage/spool.h"

#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { POSITION_SIZE = 24, READ_CHUNK = 64 * 1024 };
static const char segment_prefix[] = "segment-";
static const char segment_suffix[] = ".jsonl";

bool assay_spool_is_segment(const char *name)
{
    return assay_str_starts(name, segment_prefix) && assay_str_ends(name, segment_suffix);
}

static assay_status new_segment(const char *folder, const char *name,
                                assay_spool_segment **ret_segment, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf path = ASSAY_BUF_EMPTY;
    assay_buf_append_format(&path, "%s/%s", folder, name);
    ASSAY_TRY(assay_buf_check(&path, err));

    assay_spool_segment *segment = assay_mem_new(1, sizeof *segment);
    if (segment == NULL)
        return assay_error_nomem(err);
    segment->fd = -1;
    segment->path = assay_mem_copy_text(path.data);
    if (segment->path == NULL) {
        assay_spool_free(segment);
        return assay_error_nomem(err);
    }
    *ret_segment = segment;
    return ASSAY_OK;
}

static void free_segmentp(assay_spool_segment **segment)
{
    assay_spool_free(*segment);
}

assay_status assay_spool_create(const char *folder, const char *name,
                                assay_spool_segment **ret_segment, assay_error *err)
{
    ASSAY_AUTO(free_segmentp) assay_spool_segment *segment = NULL;

    ASSAY_TRY(new_segment(folder, name, &segment, err));
    segment->fd = open(segment->path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (segment->fd < 0)
        return assay_error_errno(err, errno, "cannot make '%s'", segment->path);
    /* Somebody who looks for leftovers may have taken the empty file already. */
    if (flock(segment->fd, LOCK_EX | LOCK_NB) != 0)
        return assay_error_set(err, ASSAY_EEXISTS, 0, "'%s' was taken by another process",
                               segment->path);
    *ret_segment = ASSAY_TAKE(&segment);
    return ASSAY_OK;
}

/* Bytes up to and with the last line feed. */
static assay_status whole_lines(int fd, int64_t size, const char *path, int64_t *ret_size,
                                assay_error *err)
{
    char chunk[READ_CHUNK];
    int64_t end = size;

    while (end > 0) {
        int64_t begin = end > READ_CHUNK ? end - READ_CHUNK : 0;
        ssize_t got = pread(fd, chunk, (size_t)(end - begin), (off_t)begin);
        if (got != (ssize_t)(end - begin))
            return assay_error_errno(err, got < 0 ? errno : EIO, "cannot read '%s'", path);
        for (ssize_t i = got; i > 0; i--)
            if (chunk[i - 1] == '\n') {
                *ret_size = begin + i;
                return ASSAY_OK;
            }
        end = begin;
    }
    *ret_size = 0;
    return ASSAY_OK;
}

static assay_status take_over(assay_spool_segment *segment, const assay_lineage_config *config,
                              bool *ret_taken, assay_error *err)
{
    struct stat info;

    segment->fd = open(segment->path, O_RDWR | O_APPEND | O_CLOEXEC);
    if (segment->fd < 0) {
        *ret_taken = false;
        return errno == ENOENT ? ASSAY_OK
                               : assay_error_errno(err, errno, "cannot open '%s'", segment->path);
    }
    *ret_taken = flock(segment->fd, LOCK_EX | LOCK_NB) == 0;
    if (!*ret_taken)
        return ASSAY_OK;
    if (fstat(segment->fd, &info) != 0)
        return assay_error_errno(err, errno, "cannot read '%s'", segment->path);
    /* Its owner may have finished and deleted it between our open and our lock. */
    *ret_taken = info.st_nlink > 0;
    if (!*ret_taken)
        return ASSAY_OK;
    ASSAY_TRY(whole_lines(segment->fd, (int64_t)info.st_size, segment->path, &segment->size, err));
    if (segment->size < (int64_t)info.st_size && ftruncate(segment->fd, (off_t)segment->size) != 0)
        return assay_error_errno(err, errno, "cannot cut '%s'", segment->path);
    for (size_t i = 0; i < config->transport_count; i++)
        segment->done[i] = assay_spool_load(segment, config->transports[i].name);
    return ASSAY_OK;
}

assay_status assay_spool_adopt(const char *folder, const char *name,
                               const assay_lineage_config *config,
                               assay_spool_segment **ret_segment, assay_error *err)
{
    ASSAY_AUTO(free_segmentp) assay_spool_segment *segment = NULL;
    bool taken = false;

    ASSAY_TRY(new_segment(folder, name, &segment, err));
    ASSAY_TRY(take_over(segment, config, &taken, err));
    *ret_segment = taken ? ASSAY_TAKE(&segment) : NULL;
    return ASSAY_OK;
}

static ssize_t write_all(int fd, const char *bytes, size_t size)
{
    size_t written = 0;

    while (written < size) {
        ssize_t got = write(fd, bytes + written, size - written);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -1;
        written += (size_t)got;
    }
    return (ssize_t)written;
}

assay_status assay_spool_append(assay_spool_segment *segment, const char *line, size_t size,
                                assay_error *err)
{
    if (write_all(segment->fd, line, size) < 0) {
        int native = errno;
        /* O_APPEND: what is left of a cut line goes before the next one is written. */
        if (ftruncate(segment->fd, (off_t)segment->size) != 0)
            return assay_error_errno(err, errno, "cannot cut '%s'", segment->path);
        return assay_error_errno(err, native, "cannot write '%s'", segment->path);
    }
    segment->size += (int64_t)size;
    return ASSAY_OK;
}

assay_status assay_spool_read(const assay_spool_segment *segment, int64_t from, int64_t to,
                              assay_buf *buf, assay_error *err)
{
    size_t want = ASSAY_SPOOL_BLOCK;

    for (;;) {
        size_t size = (int64_t)want < to - from ? want : (size_t)(to - from);
        assay_buf_clear(buf);
        assay_buf_reserve(buf, size + 1);
        ASSAY_TRY(assay_buf_check(buf, err));
        ssize_t got = pread(segment->fd, buf->data, size, (off_t)from);
        if (got != (ssize_t)size)
            return assay_error_errno(err, got < 0 ? errno : EIO, "cannot read '%s'", segment->path);
        while (size > 0 && buf->data[size - 1] != '\n')
            size--;
        buf->data[size] = '\0';
        buf->size = size;
        if (size > 0)
            return ASSAY_OK;
        if ((int64_t)want >= to - from)
            return assay_error_set(err, ASSAY_EDATA, 6032, "'%s' has a line without an end",
                                   segment->path);
        want *= 2;
    }
}

assay_status assay_spool_count(const assay_spool_segment *segment, int64_t from, int64_t *ret_lines,
                               assay_error *err)
{
    char chunk[READ_CHUNK];
    int64_t lines = 0;

    while (from < segment->size) {
        size_t size =
            segment->size - from > READ_CHUNK ? (size_t)READ_CHUNK : (size_t)(segment->size - from);
        ssize_t got = pread(segment->fd, chunk, size, (off_t)from);
        if (got <= 0)
            return assay_error_errno(err, got < 0 ? errno : EIO, "cannot read '%s'", segment->path);
        for (ssize_t i = 0; i < got; i++)
            lines += chunk[i] == '\n' ? 1 : 0;
        from += got;
    }
    *ret_lines = lines;
    return ASSAY_OK;
}

assay_status assay_spool_sync(const assay_spool_segment *segment, assay_error *err)
{
    if (fdatasync(segment->fd) != 0)
        return assay_error_errno(err, errno, "cannot sync '%s'", segment->path);
    return ASSAY_OK;
}

static void position_path(const assay_spool_segment *segment, const char *transport,
                          assay_buf *path)
{
    assay_buf_append_format(path, "%s.%s.done", segment->path, transport);
}

assay_status assay_spool_save(const assay_spool_segment *segment, const char *transport,
                              int64_t done, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf path = ASSAY_BUF_EMPTY;
    char text[POSITION_SIZE];

    position_path(segment, transport, &path);
    ASSAY_TRY(assay_buf_check(&path, err));
    /* Always the same number of bytes, so that an older position is overwritten whole. */
    int size = snprintf(text, sizeof text, "%020lld\n", (long long)done);
    int fd = open(path.data, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return assay_error_errno(err, errno, "cannot write '%s'", path.data);
    ssize_t written = pwrite(fd, text, (size_t)size, 0);
    int native = errno;
    (void)close(fd);
    return written == (ssize_t)size
               ? ASSAY_OK
               : assay_error_errno(err, written < 0 ? native : EIO, "cannot write '%s'", path.data);
}

int64_t assay_spool_load(const assay_spool_segment *segment, const char *transport)
{
    ASSAY_AUTO(assay_buf_done) assay_buf path = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    int64_t done = 0;
    char before = '\n';

    position_path(segment, transport, &path);
    if (path.failed || assay_path_read(path.data, POSITION_SIZE, &text, NULL) != ASSAY_OK)
        return 0;
    if (text.size == 0 || text.data[text.size - 1] != '\n')
        return 0;
    text.data[text.size - 1] = '\0';
    /* Only the begin of a line can be a position; of anything else all is sent again. */
    if (!assay_str_to_int64(text.data, &done) || done < 0 || done > segment->size ||
        (done > 0 && (pread(segment->fd, &before, 1, (off_t)(done - 1)) != 1 || before != '\n')))
        return 0;
    return done;
}

void assay_spool_delete(const assay_spool_segment *segment)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const char *base = assay_path_base(segment->path);
    char **names = NULL;
    size_t count = 0;

    (void)unlink(segment->path);
    char *folder = arena != NULL ? assay_path_dir(arena, segment->path) : NULL;
    if (folder == NULL || assay_path_list(folder, arena, &names, &count, NULL) != ASSAY_OK)
        return;
    for (size_t i = 0; i < count; i++) {
        const char *path = NULL;
        if (assay_str_starts(names[i], base) && assay_str_ends(names[i], ".done"))
            path = assay_path_join(arena, folder, names[i]);
        if (path != NULL)
            (void)unlink(path);
    }
}

void assay_spool_free(assay_spool_segment *segment)
{
    if (segment == NULL)
        return;
    if (segment->fd >= 0)
        (void)close(segment->fd); /* gives the lock back */
    assay_mem_free(segment->path);
    assay_mem_free(segment);
}

void assay_spool_refused_path(const char *folder, const char *transport, assay_buf *path)
{
    assay_buf_append_format(path, "%s/refused-%s.jsonl", folder, transport);
}
