#include "base/path.h"
#include "base/str.h"
#include "base/sysinfo.h"
#include "base/thread.h"
#include "store/hash.h"
#include "store/lock.h"
#include "support/exhaust.h"
#include "support/folder.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int64_t fixed_now(void *user)
{
    (void)user;
    return 0;
}

static assay_store_lock_request request_of(const test_folder *folder, const char *run,
                                           int64_t wait_ms)
{
    return (assay_store_lock_request){
        .path = test_folder_path(folder, "locks/silver.orders"),
        .what = "silver.orders",
        .run = run,
        .clock = {fixed_now, fixed_now, NULL},
        .wait_ms = wait_ms,
    };
}

static void the_loser_learns_who_holds_the_lock(void **state)
{
    test_folder *folder = *state;
    assay_store_lock_request first = request_of(folder, "run-1", 0);
    assay_store_lock_request second = request_of(folder, "run-2", 30);
    assay_store_lock *lock = NULL;
    assay_store_lock *other = NULL;
    assay_error err = {0};
    char pid[64];

    assert_int_equal(assay_store_lock_acquire(&first, &lock, &err), ASSAY_OK);
    assert_int_equal(assay_store_lock_acquire(&second, &other, &err), ASSAY_ELOCKED);
    assert_int_equal(err.number, 1320);
    assert_true(err.retryable);
    (void)snprintf(pid, sizeof pid, "process %lld,", (long long)assay_sysinfo_pid());
    assert_true(assay_str_contains(err.message, "'silver.orders'"));
    assert_true(assay_str_contains(err.message, pid));
    assert_true(assay_str_contains(err.message, "run run-1"));
    assert_true(assay_str_contains(err.message, "since 1970-01-01T00:00:00.000000Z"));
    assay_store_lock_releasep(&lock);
    assert_int_equal(assay_store_lock_acquire(&second, &other, &err), ASSAY_OK);
    assay_store_lock_release(other);
    assay_store_lock_release(NULL);
}

static void a_holder_without_a_name_is_said_too(void **state)
{
    test_folder *folder = *state;
    assay_store_lock_request request = request_of(folder, "run-1", 0);
    assay_store_lock *lock = NULL;
    assay_error err = {0};

    assert_int_equal(assay_store_lock_acquire(&request, &lock, &err), ASSAY_OK);
    assert_int_equal(truncate(request.path, 3), 0);
    assay_store_lock *other = NULL;
    assert_int_equal(assay_store_lock_acquire(&request, &other, &err), ASSAY_ELOCKED);
    assert_string_equal(err.message, "'silver.orders' is locked by another process");
    assay_store_lock_release(lock);
}

static void hold_until_killed(const test_folder *folder, int ready)
{
    assay_store_lock_request request = request_of(folder, "child", 0);
    assay_store_lock *lock = NULL;

    assay_status status = assay_store_lock_acquire(&request, &lock, NULL);
    if (status != ASSAY_OK || write(ready, "x", 1) != 1)
        _exit(1);
    for (;;)
        (void)pause();
}

static void the_lock_goes_with_its_process(void **state)
{
    test_folder *folder = *state;
    int ready[2];
    char byte = 0;

    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0)
        hold_until_killed(folder, ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assay_store_lock_request request = request_of(folder, "parent", 0);
    assay_store_lock *lock = NULL;
    assert_int_equal(assay_store_lock_acquire(&request, &lock, NULL), ASSAY_ELOCKED);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(assay_store_lock_acquire(&request, &lock, NULL), ASSAY_OK);
    assay_store_lock_release(lock);
    (void)close(ready[0]);
    (void)close(ready[1]);
}

struct waiter {
    assay_store_lock_request request;
    assay_status status;
    assay_error err;
};

static void wait_for_lock(void *argument)
{
    struct waiter *waiter = argument;
    assay_store_lock *lock = NULL;

    waiter->status = assay_store_lock_acquire(&waiter->request, &lock, &waiter->err);
    assay_store_lock_release(lock);
}

static void a_waiter_gets_the_lock_when_it_is_given_back(void **state)
{
    struct waiter waiter = {request_of(*state, "waiter", 60000), ASSAY_OK, {0}};
    assay_store_lock_request request = request_of(*state, "holder", 0);
    assay_store_lock *lock = NULL;
    assay_thread *thread = NULL;

    assert_int_equal(assay_store_lock_acquire(&request, &lock, NULL), ASSAY_OK);
    assert_int_equal(assay_thread_start(wait_for_lock, &waiter, &thread, NULL), ASSAY_OK);
    assay_store_lock_release(lock);
    assay_thread_join(thread);
    assert_int_equal(waiter.status, ASSAY_OK);
}

static void a_cancelled_waiter_stops(void **state)
{
    struct waiter waiter = {request_of(*state, "waiter", 60000), ASSAY_OK, {0}};
    assay_store_lock_request request = request_of(*state, "holder", 0);
    assay_store_lock *lock = NULL;
    assay_cancel *cancel = assay_cancel_new();

    waiter.request.cancel = cancel;
    assert_int_equal(assay_store_lock_acquire(&request, &lock, NULL), ASSAY_OK);
    assay_cancel_request(cancel, SIGINT);
    wait_for_lock(&waiter);
    assert_int_equal(waiter.status, ASSAY_ECANCELLED);
    assay_store_lock_release(lock);
    assay_cancel_free(cancel);
}

static assay_status take_lock(void *user, assay_error *err)
{
    assay_store_lock_request request = request_of(user, "run", 0);
    assay_store_lock *lock = NULL;

    ASSAY_TRY(assay_store_lock_acquire(&request, &lock, err));
    assay_store_lock_release(lock);
    return ASSAY_OK;
}

static assay_status lock_again(void *user, assay_error *err)
{
    const assay_store_lock_request *request = user;
    assay_store_lock *lock = NULL;

    ASSAY_TRY(assay_store_lock_acquire(request, &lock, err));
    assay_store_lock_release(lock);
    return ASSAY_OK;
}

static void locks_survive_every_failed_allocation(void **state)
{
    assay_store_lock_request request = request_of(*state, "run", 0);

    assert_int_equal(take_lock(*state, NULL), ASSAY_OK);
    exhaust_allocations(lock_again, &request);
}

static void hashes_are_those_of_the_standard(void **state)
{
    test_folder *folder = *state;
    char hex[ASSAY_SHA256_TEXT_SIZE];
    assay_error err = {0};

    /* FIPS 180-4, examples "" and "abc" */
    assert_int_equal(assay_sha256("", 0, hex, &err), ASSAY_OK);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    test_folder_write(folder, "abc", "abc");
    assert_int_equal(assay_store_sha256_file(test_folder_path(folder, "abc"), hex, &err), ASSAY_OK);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(assay_store_sha256_file(test_folder_path(folder, "none"), hex, &err),
                     ASSAY_ENOTFOUND);
    assert_int_equal(err.number, 1301);
    assert_int_equal(assay_store_sha256_file(folder->path, hex, &err), ASSAY_EIO);
}

static void a_large_file_hashes_like_its_bytes(void **state)
{
    test_folder *folder = *state;
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    char of_bytes[ASSAY_SHA256_TEXT_SIZE];
    char of_file[ASSAY_SHA256_TEXT_SIZE];

    for (int i = 0; i < 300000; i++)
        assay_buf_append_format(&buf, "%d,", i);
    test_folder_write(folder, "large", assay_buf_text(&buf));
    assert_int_equal(assay_sha256(buf.data, buf.size, of_bytes, NULL), ASSAY_OK);
    assert_int_equal(assay_store_sha256_file(test_folder_path(folder, "large"), of_file, NULL),
                     ASSAY_OK);
    assert_string_equal(of_bytes, of_file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_folder_setup, test_folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_loser_learns_who_holds_the_lock),
        TEST(a_holder_without_a_name_is_said_too),
        TEST(the_lock_goes_with_its_process),
        TEST(a_waiter_gets_the_lock_when_it_is_given_back),
        TEST(a_cancelled_waiter_stops),
        TEST(locks_survive_every_failed_allocation),
        TEST(hashes_are_those_of_the_standard),
        TEST(a_large_file_hashes_like_its_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
