#include "base/path.h"
#include "base/str.h"
#include "base/thread.h"
#include "store/store.h"
#include "support/exhaust.h"
#include "support/folder.h"
#include "unit/store/conformance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct rooms {
    const test_folder *folder;
    int count;
};

static assay_store *open_local(void *user)
{
    struct rooms *rooms = user;
    char name[32];
    assay_store *store = NULL;

    (void)snprintf(name, sizeof name, "store%d", rooms->count++);
    assert_int_equal(assay_store_open_local(test_folder_path(rooms->folder, name), &store, NULL),
                     ASSAY_OK);
    return store;
}

static assay_store *open_memory(void *user)
{
    assay_store *store = NULL;

    (void)user;
    assert_int_equal(assay_store_open_memory(&store, NULL), ASSAY_OK);
    return store;
}

/* A moved view of a store in memory: the contract holds in it as anywhere. */
static assay_store *moved_inner;

static assay_store *open_moved(void *user)
{
    assay_store *store = NULL;

    (void)user;
    assay_store_closep(&moved_inner);
    assert_int_equal(assay_store_open_memory(&moved_inner, NULL), ASSAY_OK);
    assert_int_equal(assay_store_open_moved(moved_inner, "a", "elsewhere/a", &store, NULL),
                     ASSAY_OK);
    return store;
}

static void the_moved_store_keeps_the_contract(void **state)
{
    (void)state;
    conformance_run(open_moved, NULL);
    assay_store_closep(&moved_inner);
}

static void a_moved_folder_is_found_under_both_names(void **state)
{
    ASSAY_AUTO(assay_store_closep) assay_store *inner = NULL;
    ASSAY_AUTO(assay_store_closep) assay_store *moved = NULL;
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_store_info info;
    char key[ASSAY_STORE_KEY_MAX + 1];
    assay_error err = {0};

    (void)state;
    assert_int_equal(assay_store_open_memory(&inner, NULL), ASSAY_OK);
    assert_int_equal(assay_store_open_moved(inner, "/lake/t/", "/lake/.t/x/", &moved, NULL),
                     ASSAY_OK);
    assert_int_equal(assay_store_put(moved, "/lake/t/metadata/v1", "one", 3, NULL), ASSAY_OK);
    assert_int_equal(assay_store_put(moved, "/lake/tables", "two", 3, NULL), ASSAY_OK);
    assert_int_equal(assay_store_get(inner, "/lake/.t/x/metadata/v1", 9, &text, NULL), ASSAY_OK);
    assert_int_equal(assay_store_get(inner, "/lake/tables", 9, &text, NULL), ASSAY_OK);
    assert_string_equal(assay_buf_text(&text), "onetwo");
    assert_int_equal(assay_store_head(inner, "/lake/t/metadata/v1", &info, NULL), ASSAY_OK);
    assert_false(info.exists);

    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    memcpy(key, "/lake/t/", 8);
    assert_int_equal(assay_store_head(moved, key, &info, &err), ASSAY_EINVAL);
    assert_int_equal(err.number, 1311);
}

static void the_local_store_keeps_the_contract(void **state)
{
    struct rooms rooms = {*state, 0};

    conformance_run(open_local, &rooms);
}

static void the_memory_store_keeps_the_contract(void **state)
{
    (void)state;
    conformance_run(open_memory, NULL);
}

static assay_store *open_here(const test_folder *folder)
{
    assay_store *store = NULL;

    assert_int_equal(assay_store_open_local(folder->path, &store, NULL), ASSAY_OK);
    return store;
}

static void an_absolute_key_leaves_the_root(void **state)
{
    test_folder *folder = *state;
    ASSAY_AUTO(assay_store_closep) assay_store *store = NULL;
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    assert_int_equal(assay_store_open_local("/nowhere", &store, NULL), ASSAY_OK);
    char *path = test_folder_path(folder, "x/object");
    assert_int_equal(assay_store_put(store, path, "here", 4, NULL), ASSAY_OK);
    assert_int_equal(assay_path_read(path, 10, &buf, NULL), ASSAY_OK);
    assert_string_equal(assay_buf_text(&buf), "here");
}

enum { PROCESSES = 8, ROUNDS = 60 };

/* Exit status of a racing process: how many keys it won, or 255. */
static void race(const test_folder *folder, int process)
{
    assay_store *store = open_here(folder);
    char key[64];
    char text[32];
    int won = 0;

    for (int i = 0; i < ROUNDS; i++) {
        (void)snprintf(key, sizeof key, "_delta_log/%020d.json", i);
        int length = snprintf(text, sizeof text, "process %d", process);
        assay_status status = assay_store_put_new(store, key, text, (size_t)length, NULL);
        if (status != ASSAY_OK && status != ASSAY_ECONFLICT)
            _exit(255);
        won += status == ASSAY_OK ? 1 : 0;
    }
    assay_store_close(store);
    _exit(won);
}

static void exactly_one_process_wins_a_key(void **state)
{
    test_folder *folder = *state;
    int won = 0;

    for (int i = 0; i < PROCESSES; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            race(folder, i);
    }
    for (int i = 0; i < PROCESSES; i++) {
        int result = -1;
        assert_true(wait(&result) > 0);
        assert_true(WIFEXITED(result) && WEXITSTATUS(result) != 255);
        won += WEXITSTATUS(result);
    }
    assert_int_equal(won, ROUNDS);
    assert_int_equal(test_folder_count(folder, "_delta_log"), ROUNDS);
}

static void a_put_over_a_folder_leaves_nothing_behind(void **state)
{
    test_folder *folder = *state;
    ASSAY_AUTO(assay_store_closep) assay_store *store = open_here(folder);
    assay_error err = {0};

    test_folder_write(folder, "object/below", "");
    assert_int_equal(assay_store_put(store, "object", "x", 1, &err), ASSAY_EIO);
    assert_true(err.number >= 1300 && err.number < 1400);
    assert_int_equal(assay_store_put_new(store, "object", "x", 1, &err), ASSAY_ECONFLICT);
    assert_int_equal(test_folder_count(folder, "."), 1);
}

static void permission_denied_is_clear_and_leaves_nothing(void **state)
{
    test_folder *folder = *state;

    assert_int_equal(chmod(folder->path, 0555), 0);
    pid_t child = fork();
    if (child == 0) {
        assay_error err = {0};
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(1);
        assay_store *store = open_here(folder);
        bool refused = assay_store_put_new(store, "object", "x", 1, &err) == ASSAY_EIO &&
                       err.number == 1302 && assay_str_contains(err.message, "object") &&
                       assay_store_put(store, "d/object", "x", 1, &err) == ASSAY_EIO &&
                       err.number == 1302;
        assay_store_close(store);
        _exit(refused ? 0 : 2);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(chmod(folder->path, 0755), 0);
    assert_int_equal(result, 0);
    assert_int_equal(test_folder_count(folder, "."), 0);
}

enum { SWAPS = 300 };

/* Lets "table" lead to "v1" and "v2" in turn, as a Parquet table's commits do. */
static void swap_link(void *argument)
{
    const char *root = argument;
    char link[300];
    char fresh[300];

    (void)snprintf(link, sizeof link, "%s/table", root);
    (void)snprintf(fresh, sizeof fresh, "%s/.table", root);
    for (int i = 0; i < SWAPS; i++) {
        assert_int_equal(symlink(i % 2 == 0 ? "v2" : "v1", fresh), 0);
        assert_int_equal(rename(fresh, link), 0);
    }
}

static void a_put_goes_through_a_link_that_is_swapped(void **state)
{
    test_folder *folder = *state;
    ASSAY_AUTO(assay_store_closep) assay_store *store = open_here(folder);
    assay_thread *thread = NULL;
    assay_error err = {0};
    char key[32];

    test_folder_write(folder, "v1/first", "");
    test_folder_write(folder, "v2/first", "");
    assert_int_equal(symlink("v1", test_folder_path(folder, "table")), 0);
    assert_int_equal(assay_thread_start(swap_link, folder->path, &thread, NULL), ASSAY_OK);
    for (int i = 0; i < SWAPS / 2; i++) {
        (void)snprintf(key, sizeof key, "table/new%d", i);
        if (assay_store_put_new(store, key, "x", 1, &err) != ASSAY_OK ||
            assay_store_put(store, "table/same", "x", 1, &err) != ASSAY_OK)
            fail_msg("%s", err.message);
    }
    assay_thread_join(thread);
    size_t count = test_folder_count(folder, "v1") + test_folder_count(folder, "v2");
    assert_true(count >= SWAPS / 2 + 3 && count <= SWAPS / 2 + 4);
}

enum { NOT_PERMITTED = 77, NEW_NAMESPACE = 0x00020000 };

/* In a child with a file system of 64 KiB over the folder, which nobody else sees. */
static void fill_small_disk(const test_folder *folder)
{
    static char bytes[40000];
    assay_error err = {0};

    if (syscall(SYS_unshare, NEW_NAMESPACE) != 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", folder->path, "tmpfs", 0, "size=64k") != 0)
        _exit(NOT_PERMITTED);
    assay_store *store = open_here(folder);
    if (assay_store_put_new(store, "one", bytes, sizeof bytes, &err) != ASSAY_OK)
        _exit(1);
    if (assay_store_put_new(store, "two", bytes, sizeof bytes, &err) != ASSAY_EIO ||
        err.number != 1303)
        _exit(2);
    if (assay_store_put(store, "one", "", 0, &err) != ASSAY_OK)
        _exit(3);
    if (assay_store_put(store, "two", bytes, sizeof bytes, &err) != ASSAY_OK)
        _exit(4);
    if (assay_store_put(store, "two", bytes, sizeof bytes, &err) != ASSAY_EIO || err.number != 1303)
        _exit(5);
    size_t left = test_folder_count(folder, ".");
    assay_store_close(store);
    _exit(left == 2 ? 0 : 6);
}

static void a_full_disk_is_clear_and_leaves_nothing(void **state)
{
    test_folder *folder = *state;
    pid_t child = fork();

    if (child == 0)
        fill_small_disk(folder);
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    if (WIFEXITED(result) && WEXITSTATUS(result) == NOT_PERMITTED) {
        print_message("skipped: this user may not mount a file system\n");
        skip();
    }
    assert_int_equal(result, 0);
}

static assay_status use_store(assay_store *store, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    assay_store_info info = {0};
    assay_store_names names = {NULL, 0};

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_store_remove(store, "d/new", err));
    ASSAY_TRY(assay_store_put(store, "d/object", "x", 1, err));
    ASSAY_TRY(assay_store_put_new(store, "d/new", "x", 1, err));
    ASSAY_TRY(assay_store_get(store, "d/object", 10, &buf, err));
    ASSAY_TRY(assay_store_head(store, "d/object", &info, err));
    ASSAY_TRY(assay_store_sync(store, "d/object", err));
    return assay_store_list(store, "d", arena, &names, err);
}

static assay_status open_and_use_local(void *user, assay_error *err)
{
    const test_folder *folder = user;
    ASSAY_AUTO(assay_store_closep) assay_store *store = NULL;

    ASSAY_TRY(assay_store_open_local(folder->path, &store, err));
    return use_store(store, err);
}

static assay_status open_and_use_memory(void *user, assay_error *err)
{
    ASSAY_AUTO(assay_store_closep) assay_store *store = NULL;

    (void)user;
    ASSAY_TRY(assay_store_open_memory(&store, err));
    return use_store(store, err);
}

static void stores_survive_every_failed_allocation(void **state)
{
    exhaust_allocations(open_and_use_local, *state);
    exhaust_allocations(open_and_use_memory, NULL);
    assert_int_equal(test_folder_count(*state, "d"), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_folder_setup, test_folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_local_store_keeps_the_contract),
        TEST(the_memory_store_keeps_the_contract),
        TEST(the_moved_store_keeps_the_contract),
        TEST(a_moved_folder_is_found_under_both_names),
        TEST(an_absolute_key_leaves_the_root),
        TEST(exactly_one_process_wins_a_key),
        TEST(a_put_over_a_folder_leaves_nothing_behind),
        TEST(permission_denied_is_clear_and_leaves_nothing),
        TEST(a_put_goes_through_a_link_that_is_swapped),
        TEST(a_full_disk_is_clear_and_leaves_nothing),
        TEST(stores_survive_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
