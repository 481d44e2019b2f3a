#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { READ_STEP = 65536, TEMPORARY_TRIES = 100 };

static bool is_link(const char *path)
{
    struct stat found;

    return lstat(path, &found) == 0 && S_ISLNK(found.st_mode);
}

assay_status assay_path_stat(const char *path, assay_path_info *ret_info, assay_error *err)
{
    assay_path_info info = {0};
    struct stat found;

    if (stat(path, &found) != 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            return assay_error_errno(err, errno, "cannot look at '%s'", path);
        info.is_link = is_link(path);
        *ret_info = info;
        return ASSAY_OK;
    }
    info.exists = true;
    info.is_directory = S_ISDIR(found.st_mode);
    info.size = (int64_t)found.st_size;
    info.mtime_ns = (int64_t)found.st_mtim.tv_sec * 1000000000 + found.st_mtim.tv_nsec;
    info.is_link = is_link(path);
    *ret_info = info;
    return ASSAY_OK;
}

/* Makes one folder, and syncs the one above so that it survives a power failure, as far as that
 * may be read; one that exists is fine. */
static assay_status make_one(const char *path, assay_error *err)
{
    struct stat found;

    if (mkdir(path, 0777) == 0) {
        ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
        ASSAY_TRY(assay_arena_check(arena, err));
        char *above = assay_path_dir(arena, path);
        ASSAY_TRY(assay_arena_check(above, err));
        assay_status ignored = assay_path_sync(above, NULL);
        (void)ignored;
        return ASSAY_OK;
    }
    int failed = errno;
    if (stat(path, &found) == 0 && S_ISDIR(found.st_mode))
        return ASSAY_OK;
    return assay_error_errno(err, failed, "cannot create folder '%s'", path);
}

assay_status assay_path_make(const char *path, assay_error *err)
{
    struct stat found;

    if (path[0] == '\0' || (stat(path, &found) == 0 && S_ISDIR(found.st_mode)))
        return ASSAY_OK;
    ASSAY_AUTO(assay_mem_freep) char *part = assay_mem_copy_text(path);
    if (part == NULL)
        return assay_error_nomem(err);
    for (char *at = part + 1; *at != '\0'; at++) {
        if (*at != '/' || at[-1] == '/')
            continue;
        *at = '\0';
        ASSAY_TRY(make_one(part, err));
        *at = '/';
    }
    return make_one(part, err);
}

static void close_file(const int *file)
{
    if (*file >= 0)
        (void)close(*file);
}

static assay_status read_all(int file, const char *path, size_t limit, assay_buf *buf,
                             assay_error *err)
{
    size_t begin = buf->size;

    for (;;) {
        assay_buf_reserve(buf, READ_STEP);
        ASSAY_TRY(assay_buf_check(buf, err));
        ssize_t got = read(file, buf->data + buf->size, buf->capacity - buf->size - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return assay_error_errno(err, errno, "cannot read '%s'", path);
        if (got == 0)
            return ASSAY_OK;
        buf->size += (size_t)got;
        buf->data[buf->size] = '\0';
        if (buf->size - begin > limit)
            return assay_error_set(err, ASSAY_EDATA, 1307, "'%s' is larger than %zu bytes", path,
                                   limit);
    }
}

assay_status assay_path_read(const char *path, size_t limit, assay_buf *buf, assay_error *err)
{
    ASSAY_AUTO(close_file) int file = open(path, O_RDONLY | O_CLOEXEC);
    size_t begin = buf->size;
    struct stat found;

    if (file < 0)
        return assay_error_errno(err, errno, "cannot open '%s'", path);
    if (fstat(file, &found) != 0)
        return assay_error_errno(err, errno, "cannot look at '%s'", path);
    if (S_ISDIR(found.st_mode))
        return assay_error_errno(err, EISDIR, "cannot read '%s'", path);
    if (S_ISREG(found.st_mode) && found.st_size > 0 && (uintmax_t)found.st_size <= limit)
        assay_buf_reserve(buf, (size_t)found.st_size + 1);
    assay_status status = read_all(file, path, limit, buf, err);
    if (status != ASSAY_OK && buf->data != NULL && buf->size > begin) {
        buf->size = begin;
        buf->data[begin] = '\0';
    }
    return status;
}

assay_status assay_path_read_start(const char *path, void *bytes, size_t size, size_t *ret_size,
                                   assay_error *err)
{
    ASSAY_AUTO(close_file) int file = open(path, O_RDONLY | O_CLOEXEC);
    size_t read_size = 0;

    if (file < 0)
        return assay_error_errno(err, errno, "cannot open '%s'", path);
    while (read_size < size) {
        ssize_t got = read(file, (char *)bytes + read_size, size - read_size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return assay_error_errno(err, errno, "cannot read '%s'", path);
        if (got == 0)
            break;
        read_size += (size_t)got;
    }
    *ret_size = read_size;
    return ASSAY_OK;
}

assay_status assay_path_sync(const char *path, assay_error *err)
{
    ASSAY_AUTO(close_file) int file = open(path, O_RDONLY | O_CLOEXEC);

    if (file < 0)
        return assay_error_errno(err, errno, "cannot open '%s'", path);
    /* EINVAL: a file system whose folders cannot be synced has nothing to sync. */
    if (fsync(file) != 0 && errno != EINVAL)
        return assay_error_errno(err, errno, "cannot sync '%s'", path);
    return ASSAY_OK;
}

static assay_status write_all(int file, const void *bytes, size_t size, const char *path,
                              assay_error *err)
{
    const unsigned char *at = bytes;

    while (size > 0) {
        ssize_t put = write(file, at, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return assay_error_errno(err, errno, "cannot write '%s'", path);
        at += put;
        size -= (size_t)put;
    }
    if (fsync(file) != 0)
        return assay_error_errno(err, errno, "cannot sync '%s'", path);
    return ASSAY_OK;
}

/* Opens a new file ".<name>.<random>.tmp" beside `path`: a name that no reader looks at. */
static assay_status open_temporary(const char *path, assay_arena *arena, char **ret_name,
                                   int *ret_file, assay_error *err)
{
    assay_random random = assay_random_system();
    char *folder = assay_path_dir(arena, path);

    ASSAY_TRY(assay_arena_check(folder, err));
    for (int i = 0; i < TEMPORARY_TRIES; i++) {
        uint64_t number = 0;
        random.fill(random.user, &number, sizeof number);
        char *name = assay_arena_format(arena, "%s/.%.200s.%016llx.tmp", folder,
                                        assay_path_base(path), (unsigned long long)number);
        ASSAY_TRY(assay_arena_check(name, err));
        int file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file >= 0) {
            *ret_name = name;
            *ret_file = file;
            return ASSAY_OK;
        }
        if (errno != EEXIST)
            return assay_error_errno(err, errno, "cannot write '%s'", path);
    }
    return assay_error_errno(err, EEXIST, "cannot write '%s'", path);
}

assay_status assay_path_write_temporary(const char *path, const void *bytes, size_t size,
                                        assay_arena *arena, char **ret_name, assay_error *err)
{
    char *name = NULL;
    int file = -1;

    ASSAY_TRY(open_temporary(path, arena, &name, &file, err));
    assay_status status = write_all(file, bytes, size, path, err);
    if (close(file) != 0 && status == ASSAY_OK)
        status = assay_error_errno(err, errno, "cannot write '%s'", path);
    if (status != ASSAY_OK) {
        (void)unlink(name);
        return status;
    }
    *ret_name = name;
    return ASSAY_OK;
}

assay_status assay_path_write(const char *path, const void *bytes, size_t size, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    char *name = NULL;

    ASSAY_TRY(assay_arena_check(arena, err));
    char *folder = assay_path_dir(arena, path);
    ASSAY_TRY(assay_arena_check(folder, err));
    ASSAY_TRY(assay_path_write_temporary(path, bytes, size, arena, &name, err));
    if (rename(name, path) != 0) {
        int failed = errno;
        (void)unlink(name);
        return assay_error_errno(err, failed, "cannot write '%s'", path);
    }
    return assay_path_sync(folder, err);
}

assay_status assay_path_remove(const char *path, assay_error *err)
{
    if (unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR)
        return ASSAY_OK;
    return assay_error_errno(err, errno, "cannot delete '%s'", path);
}

/* renameat2(2) by number: its declaration is outside of POSIX. */
static int exchange(const char *a, const char *b)
{
    return (int)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

assay_status assay_path_exchange(const char *a, const char *b, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();

    ASSAY_TRY(assay_arena_check(arena, err));
    const char *folder_a = assay_path_dir(arena, a);
    const char *folder_b = assay_path_dir(arena, b);
    ASSAY_TRY(assay_arena_check(folder_a != NULL ? folder_b : NULL, err));
    if (exchange(a, b) != 0) {
        int failed = errno;
        if (failed == EINVAL || failed == ENOSYS)
            return assay_error_set(err, ASSAY_EUNSUPPORTED, 1312,
                                   "the file system of '%s' cannot let two folders trade places",
                                   folder_a);
        return assay_error_errno(err, failed, "cannot exchange '%s' and '%s'", a, b);
    }
    ASSAY_TRY(assay_path_sync(folder_a, err));
    return assay_path_sync(folder_b, err);
}
