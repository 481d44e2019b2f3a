#include "base/sysinfo.h"

#include "base/str.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 1024, FILE_SIZE = 16384, CGROUP_DEPTH_MAX = 64 };

/* Reads the beginning of a small file of /proc or /sys; false where it cannot be read. */
static bool read_small(const char *root, const char *path, char *text, size_t size)
{
    char whole[PATH_SIZE];
    int length = snprintf(whole, sizeof whole, "%s%s", root, path);

    if (length < 0 || (size_t)length >= sizeof whole)
        return false;
    int file = open(whole, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    size_t filled = 0;
    while (filled < size - 1) {
        ssize_t got = read(file, text + filled, size - 1 - filled);
        if (got <= 0)
            break;
        filled += (size_t)got;
    }
    text[filled] = '\0';
    (void)close(file);
    return filled > 0;
}

/* Counts the processors of a list like "0-3,8": Cpus_allowed_list of proc(5). */
static int count_list(const char *list)
{
    int count = 0;
    const char *at = list;

    while (*at >= '0' && *at <= '9') {
        char *end = NULL;
        long first = strtol(at, &end, 10);
        long last = first;
        if (*end == '-')
            last = strtol(end + 1, &end, 10);
        if (last >= first && last - first < 65536)
            count += (int)(last - first + 1);
        at = *end == ',' ? end + 1 : end;
    }
    return count;
}

static int affinity_count(const char *root)
{
    static const char name[] = "\nCpus_allowed_list:";
    char text[FILE_SIZE];

    if (read_small(root, "/proc/self/status", text, sizeof text)) {
        const char *found = strstr(text, name);
        int count =
            found != NULL
                ? count_list(found + sizeof name - 1 + strspn(found + sizeof name - 1, " \t"))
                : 0;
        if (count > 0)
            return count;
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

/* Is `name` one of the comma-separated controllers of a line of /proc/self/cgroup? */
static bool has_controller(const char *list, size_t size, const char *name)
{
    size_t length = strlen(name);

    for (size_t at = 0; at < size;) {
        size_t end = at;
        while (end < size && list[end] != ',')
            end++;
        if (end - at == length && memcmp(list + at, name, length) == 0)
            return true;
        at = end + 1;
    }
    return false;
}

/* Finds the path of this process's cgroup for `controller`: cgroups(7),
 * "<id>:<controllers>:<path>", where version 2 has an empty list of controllers. */
static bool find_cgroup(const char *root, const char *controller, bool v2, char *path, size_t size)
{
    char text[FILE_SIZE];

    if (!read_small(root, "/proc/self/cgroup", text, sizeof text))
        return false;
    for (char *line = text; line != NULL && *line != '\0';) {
        char *end = strchr(line, '\n');
        if (end != NULL)
            *end = '\0';
        char *list = strchr(line, ':');
        char *where = list != NULL ? strchr(list + 1, ':') : NULL;
        if (where != NULL) {
            size_t list_size = (size_t)(where - list - 1);
            bool matches = v2 ? list_size == 0 : has_controller(list + 1, list_size, controller);
            if (matches && strlen(where + 1) < size) {
                memcpy(path, where + 1, strlen(where + 1) + 1);
                return true;
            }
        }
        line = end != NULL ? end + 1 : NULL;
    }
    return false;
}

/* Reads one limit of a cgroup folder; false where it has none. */
typedef bool read_limit(const char *root, const char *folder, double *ret_limit);

/* The lowest limit of the cgroup `path` and all above it. In a container the path may not exist
 * below the mount, then only the mount's root answers. */
static bool lowest_limit(const char *root, const char *mount, char *path, read_limit *read,
                         double *ret_limit)
{
    bool found = false;

    for (int depth = 0; depth < CGROUP_DEPTH_MAX; depth++) {
        char folder[PATH_SIZE];
        double limit = 0;
        const char *shown = strcmp(path, "/") == 0 ? "" : path;
        int length = snprintf(folder, sizeof folder, "%s%s", mount, shown);
        if (length > 0 && (size_t)length < sizeof folder && read(root, folder, &limit) &&
            (!found || limit < *ret_limit)) {
            *ret_limit = limit;
            found = true;
        }
        char *slash = strrchr(path, '/');
        if (slash == NULL || path[0] == '\0')
            break;
        *slash = '\0';
    }
    return found;
}

static bool read_in(const char *root, const char *folder, const char *name, char *text, size_t size)
{
    char path[PATH_SIZE];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);

    return length > 0 && (size_t)length < sizeof path && read_small(root, path, text, size);
}

/* cpu.max of version 2: "<quota|max> <period>". */
static bool read_cpu_v2(const char *root, const char *folder, double *ret_limit)
{
    char text[128];
    long long quota = 0;
    long long period = 0;

    if (!read_in(root, folder, "cpu.max", text, sizeof text))
        return false;
    char *end = NULL;
    quota = strtoll(text, &end, 10);
    if (end == text)
        return false; /* "max" */
    period = strtoll(end, NULL, 10);
    if (quota <= 0 || period <= 0)
        return false;
    *ret_limit = (double)quota / (double)period;
    return true;
}

/* cpu.cfs_quota_us of version 1; -1 is no limit. */
static bool read_cpu_v1(const char *root, const char *folder, double *ret_limit)
{
    char quota_text[128];
    char period_text[128];

    if (!read_in(root, folder, "cpu.cfs_quota_us", quota_text, sizeof quota_text) ||
        !read_in(root, folder, "cpu.cfs_period_us", period_text, sizeof period_text))
        return false;
    long long quota = strtoll(quota_text, NULL, 10);
    long long period = strtoll(period_text, NULL, 10);
    if (quota <= 0 || period <= 0)
        return false;
    *ret_limit = (double)quota / (double)period;
    return true;
}

static bool read_bytes(const char *root, const char *folder, const char *name, double *ret_limit)
{
    char text[128];
    char *end = NULL;

    if (!read_in(root, folder, name, text, sizeof text))
        return false;
    unsigned long long bytes = strtoull(text, &end, 10);
    if (end == text || bytes == 0)
        return false; /* "max" */
    *ret_limit = (double)bytes;
    return true;
}

static bool read_memory_v2(const char *root, const char *folder, double *ret_limit)
{
    return read_bytes(root, folder, "memory.max", ret_limit);
}

static bool read_memory_v1(const char *root, const char *folder, double *ret_limit)
{
    return read_bytes(root, folder, "memory.limit_in_bytes", ret_limit);
}

int assay_sysinfo_processors(const char *root)
{
    int count = affinity_count(root);
    char path[PATH_SIZE];
    double quota = 0;
    double lowest = count;

    if (find_cgroup(root, "cpu", true, path, sizeof path) &&
        lowest_limit(root, "/sys/fs/cgroup", path, read_cpu_v2, &quota) && quota < lowest)
        lowest = quota;
    if (find_cgroup(root, "cpu", false, path, sizeof path) &&
        lowest_limit(root, "/sys/fs/cgroup/cpu", path, read_cpu_v1, &quota) && quota < lowest)
        lowest = quota;
    int whole = (int)lowest;
    if ((double)whole < lowest)
        whole++; /* 1.5 processors keep two threads busy */
    return whole < 1 ? 1 : whole;
}

static bool physical_memory(const char *root, uint64_t *ret_bytes)
{
    char text[FILE_SIZE];

    if (!read_small(root, "/proc/meminfo", text, sizeof text))
        return false;
    const char *found = strstr(text, "MemTotal:");
    if (found == NULL)
        return false;
    unsigned long long kib = strtoull(found + strlen("MemTotal:"), NULL, 10);
    *ret_bytes = (uint64_t)kib * 1024;
    return kib > 0;
}

bool assay_sysinfo_memory_below(const char *root, uint64_t *ret_bytes)
{
    char path[PATH_SIZE];
    double limit = 0;
    uint64_t bytes = 0;
    bool known = physical_memory(root, &bytes);

    /* A limit above physical memory is none: version 1 writes "no limit" as a huge number. */
    if (find_cgroup(root, "memory", true, path, sizeof path) &&
        lowest_limit(root, "/sys/fs/cgroup", path, read_memory_v2, &limit) &&
        (!known || limit < (double)bytes)) {
        bytes = (uint64_t)limit;
        known = true;
    }
    if (find_cgroup(root, "memory", false, path, sizeof path) &&
        lowest_limit(root, "/sys/fs/cgroup/memory", path, read_memory_v1, &limit) && known &&
        limit < (double)bytes)
        bytes = (uint64_t)limit;
    if (known)
        *ret_bytes = bytes;
    return known;
}

bool assay_sysinfo_memory(uint64_t *ret_bytes)
{
    return assay_sysinfo_memory_below("", ret_bytes);
}

static void copy_name(const char *from, char *name)
{
    (void)snprintf(name, ASSAY_SYSINFO_NAME_SIZE, "%s",
                   from != NULL && from[0] != '\0' ? from : "unknown");
}

void assay_sysinfo_host(char name[ASSAY_SYSINFO_NAME_SIZE])
{
    char host[ASSAY_SYSINFO_NAME_SIZE] = "";

    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    copy_name(host, name);
}

void assay_sysinfo_user(char name[ASSAY_SYSINFO_NAME_SIZE])
{
    struct passwd entry;
    struct passwd *found = NULL;
    char space[4096];

    if (getpwuid_r(geteuid(), &entry, space, sizeof space, &found) == 0 && found != NULL)
        copy_name(found->pw_name, name);
    else
        copy_name(getenv("USER"), name);
}

int64_t assay_sysinfo_pid(void)
{
    return (int64_t)getpid();
}
