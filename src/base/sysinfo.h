/* What the machine and the cgroup grant this process, and who it is. Any thread. */
#ifndef ASSAY_BASE_SYSINFO_H
#define ASSAY_BASE_SYSINFO_H

#include "base/error.h"

/* Processors this process may use: the affinity mask, cut by the cpu quota of its cgroup (v2
 * cpu.max, v1 cpu.cfs_quota_us) and of every cgroup above; at least 1. `root` is put before
 * /proc and /sys: "" for the system itself, a folder in tests. */
int assay_sysinfo_processors(const char *root);

/* Bytes of memory this process may use: physical memory, cut by the memory limit of its cgroup
 * and of every cgroup above. False where nothing is known. */
bool assay_sysinfo_memory(uint64_t *ret_bytes);

/* As assay_sysinfo_memory, with /proc and /sys below `root`. */
bool assay_sysinfo_memory_below(const char *root, uint64_t *ret_bytes);

enum { ASSAY_SYSINFO_NAME_SIZE = 256 };

/* Host name and user name for records and messages; "unknown" where there is none. */
void assay_sysinfo_host(char name[ASSAY_SYSINFO_NAME_SIZE]);
void assay_sysinfo_user(char name[ASSAY_SYSINFO_NAME_SIZE]);

/* The number of this process. */
int64_t assay_sysinfo_pid(void);

#endif
