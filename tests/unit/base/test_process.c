#include "base/cancel.h"
#include "base/log.h"
#include "base/sysinfo.h"
#include "base/thread.h"
#include "support/exhaust.h"
#include "support/folder.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct counter {
    assay_lock *lock;
    assay_condition *condition;
    int value;
    bool go;
};

static void count_up(void *argument)
{
    struct counter *counter = argument;

    assay_lock_acquire(counter->lock);
    while (!counter->go)
        assay_condition_wait(counter->condition, counter->lock);
    assay_lock_release(counter->lock);
    for (int i = 0; i < 1000; i++) {
        assay_lock_acquire(counter->lock);
        counter->value++;
        assay_lock_release(counter->lock);
    }
}

static void threads_count_under_a_lock(void **state)
{
    struct counter counter = {assay_lock_new(), assay_condition_new(), 0, false};
    assay_thread *threads[4];

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(assay_thread_start(count_up, &counter, &threads[i], NULL), ASSAY_OK);
    assay_lock_acquire(counter.lock);
    counter.go = true;
    assay_condition_broadcast(counter.condition);
    assay_lock_release(counter.lock);
    for (size_t i = 0; i < 4; i++)
        assay_thread_join(threads[i]);
    assert_int_equal(counter.value, 4000);
    assay_lock_acquire(counter.lock);
    assert_false(assay_condition_wait_ms(counter.condition, counter.lock, 5));
    assay_lock_release(counter.lock);
    assay_condition_free(counter.condition);
    assay_lock_free(counter.lock);
    assay_thread_join(NULL);
}

static void a_cancel_keeps_its_first_reason(void **state)
{
    assay_cancel *cancel = assay_cancel_new();
    assay_error err = {0};

    (void)state;
    assert_false(assay_cancel_requested(NULL));
    assert_int_equal(assay_cancel_check(cancel, &err), ASSAY_OK);
    assay_cancel_request(cancel, SIGTERM);
    assay_cancel_request(cancel, SIGINT);
    assert_true(assay_cancel_requested(cancel));
    assert_int_equal(assay_cancel_signal(cancel), SIGTERM);
    assert_int_equal(assay_cancel_check(cancel, &err), ASSAY_ECANCELLED);
    assert_string_equal(err.message, "interrupted by SIGTERM");
    assert_int_equal(err.number, 1002);
    assay_cancel_free(cancel);
    cancel = assay_cancel_new();
    assay_cancel_request(cancel, 0);
    assert_int_equal(assay_cancel_signal(cancel), 0);
    assert_int_equal(assay_cancel_check(cancel, NULL), ASSAY_ECANCELLED);
    assay_cancel_free(cancel);
}

static void keep_record(void *user, assay_log_level level, const char *message)
{
    char *kept = user;

    (void)snprintf(kept, 64, "%d %s", (int)level, message);
}

static void records_below_the_level_are_dropped(void **state)
{
    char kept[64] = "";
    assay_log *log = assay_log_new(keep_record, kept, ASSAY_LOG_INFO);

    (void)state;
    assay_log_write(log, ASSAY_LOG_DEBUG, "no");
    assert_string_equal(kept, "");
    assay_log_write(log, ASSAY_LOG_WARNING, "%s %d", "yes", 1);
    assert_string_equal(kept, "2 yes 1");
    assert_false(assay_log_wants(NULL, ASSAY_LOG_ERROR));
    assay_log_write(NULL, ASSAY_LOG_ERROR, "nowhere");
    assay_log_free(log);
}

static void processors_honour_affinity_and_quota_of_version_2(void **state)
{
    test_folder *root = *state;

    test_folder_write(root, "proc/self/status", "Name:\tx\nCpus_allowed_list:\t0-5,8,10-11\n");
    assert_int_equal(assay_sysinfo_processors(root->path), 9);
    test_folder_write(root, "proc/self/cgroup", "0::/a/b\n");
    test_folder_write(root, "sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    assert_int_equal(assay_sysinfo_processors(root->path), 9);
    test_folder_write(root, "sys/fs/cgroup/a/cpu.max", "350000 100000\n");
    assert_int_equal(assay_sysinfo_processors(root->path), 4);
    test_folder_write(root, "sys/fs/cgroup/cpu.max", "50000 100000\n");
    assert_int_equal(assay_sysinfo_processors(root->path), 1);
}

static void processors_honour_quota_of_version_1(void **state)
{
    test_folder *root = *state;

    test_folder_write(root, "proc/self/status", "Name:\tx\nCpus_allowed_list:\t0-15\n");
    test_folder_write(root, "proc/self/cgroup", "5:memory:/m\n4:cpu,cpuacct:/gone/away\n");
    test_folder_write(root, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    test_folder_write(root, "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    assert_int_equal(assay_sysinfo_processors(root->path), 16);
    test_folder_write(root, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
    assert_int_equal(assay_sysinfo_processors(root->path), 2);
    assert_true(assay_thread_processors() >= 1);
}

static void memory_is_what_the_lowest_limit_says(void **state)
{
    test_folder *root = *state;
    uint64_t bytes = 0;

    assert_false(assay_sysinfo_memory_below(root->path, &bytes));
    test_folder_write(root, "proc/meminfo", "MemTotal:       1048576 kB\nMemFree: 1 kB\n");
    assert_true(assay_sysinfo_memory_below(root->path, &bytes));
    assert_true(bytes == 1073741824U);
    test_folder_write(root, "proc/self/cgroup", "3:memory:/m\n0::/a\n");
    test_folder_write(root, "sys/fs/cgroup/a/memory.max", "max\n");
    test_folder_write(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    assert_true(assay_sysinfo_memory_below(root->path, &bytes));
    assert_true(bytes == 1073741824U);
    test_folder_write(root, "sys/fs/cgroup/a/memory.max", "536870912\n");
    assert_true(assay_sysinfo_memory_below(root->path, &bytes));
    assert_true(bytes == 536870912U);
    test_folder_write(root, "sys/fs/cgroup/memory/m/memory.limit_in_bytes", "1000000\n");
    assert_true(assay_sysinfo_memory_below(root->path, &bytes));
    assert_true(bytes == 1000000U);
    assert_true(assay_sysinfo_memory(&bytes) && bytes > 1000000U);
}

static void host_user_and_pid_are_known(void **state)
{
    char name[ASSAY_SYSINFO_NAME_SIZE];

    (void)state;
    assay_sysinfo_host(name);
    assert_true(strlen(name) > 0);
    assay_sysinfo_user(name);
    assert_true(strlen(name) > 0);
    assert_int_equal(assay_sysinfo_pid(), getpid());
}

static void do_nothing(void *argument)
{
    (void)argument;
}

static assay_status start_thread_and_log(void *user, assay_error *err)
{
    assay_thread *thread = NULL;

    (void)user;
    ASSAY_TRY(assay_thread_start(do_nothing, NULL, &thread, err));
    assay_thread_join(thread);
    assay_log *log = assay_log_new(NULL, NULL, ASSAY_LOG_DEBUG);
    if (log == NULL)
        return assay_error_nomem(err);
    assay_log_free(log);
    assay_condition *condition = assay_condition_new();
    if (condition == NULL)
        return assay_error_nomem(err);
    assay_condition_free(condition);
    return ASSAY_OK;
}

static void handles_survive_every_failed_allocation(void **state)
{
    (void)state;
    exhaust_allocations(start_thread_and_log, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_folder_setup, test_folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(threads_count_under_a_lock),
        TEST(a_cancel_keeps_its_first_reason),
        TEST(records_below_the_level_are_dropped),
        TEST(processors_honour_affinity_and_quota_of_version_2),
        TEST(processors_honour_quota_of_version_1),
        TEST(memory_is_what_the_lowest_limit_says),
        TEST(host_user_and_pid_are_known),
        TEST(handles_survive_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
