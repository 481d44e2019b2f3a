#include "base/path.h"
#include "support/exhaust.h"
#include "support/folder.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void paths_are_joined_and_split(void **state)
{
    test_folder *folder = *state;
    assay_arena *arena = folder->arena;

    assert_string_equal(assay_path_join(arena, "a", "b"), "a/b");
    assert_string_equal(assay_path_join(arena, "a/", "b"), "a/b");
    assert_string_equal(assay_path_join(arena, "a", "/b"), "/b");
    assert_string_equal(assay_path_join(arena, "", "b"), "b");
    assert_string_equal(assay_path_join(arena, "a", ""), "a");
    assert_string_equal(assay_path_base("a/b/c.sql"), "c.sql");
    assert_string_equal(assay_path_base("c"), "c");
    assert_string_equal(assay_path_dir(arena, "a/b/c"), "a/b");
    assert_string_equal(assay_path_dir(arena, "/c"), "/");
    assert_string_equal(assay_path_dir(arena, "c"), ".");
    assert_true(assay_path_is_absolute("/a"));
    assert_false(assay_path_is_absolute("a"));
}

static void paths_are_normalised_by_text(void **state)
{
    test_folder *folder = *state;
    assay_arena *arena = folder->arena;

    assert_string_equal(assay_path_normal(arena, "/a/b", "../c/./d//e"), "/a/c/d/e");
    assert_string_equal(assay_path_normal(arena, "/a", "/x/../y/"), "/y");
    assert_string_equal(assay_path_normal(arena, "/a", "../../.."), "/");
    assert_string_equal(assay_path_normal(arena, "/", "..a/b.."), "/..a/b..");
    assert_string_equal(assay_path_normal(arena, "/a/", ""), "/a");
    assert_string_equal(assay_path_relative("/a/b", "/a/b/c"), "c");
    assert_string_equal(assay_path_relative("/a/b/", "/a/b//c"), "c");
    assert_string_equal(assay_path_relative("/a/b", "/a/bc"), "/a/bc");
    assert_string_equal(assay_path_relative("/a/b", "/a/b"), "/a/b");
}

static void a_file_is_written_read_and_replaced(void **state)
{
    test_folder *folder = *state;
    char *path = test_folder_path(folder, "file");
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    assay_path_info info;
    assay_error err = {0};

    assert_int_equal(assay_path_stat(path, &info, &err), ASSAY_OK);
    assert_false(info.exists);
    assert_int_equal(assay_path_write(path, "one", 3, &err), ASSAY_OK);
    assert_int_equal(assay_path_write(path, "second", 6, &err), ASSAY_OK);
    assay_buf_append_text(&buf, "> ");
    assert_int_equal(assay_path_read(path, 6, &buf, &err), ASSAY_OK);
    assert_string_equal(assay_buf_text(&buf), "> second");
    char start[9] = "........";
    size_t size = 0;
    assert_int_equal(assay_path_read_start(path, start, 3, &size, &err), ASSAY_OK);
    assert_int_equal(size, 3);
    assert_int_equal(assay_path_read_start(path, start, sizeof start, &size, &err), ASSAY_OK);
    assert_int_equal(size, 6);
    assert_memory_equal(start, "second", 6);
    assert_int_equal(assay_path_read_start(test_folder_path(folder, "none"), start, 1, &size, &err),
                     ASSAY_ENOTFOUND);
    assert_int_equal(assay_path_stat(path, &info, &err), ASSAY_OK);
    assert_true(info.exists && !info.is_directory && !info.is_link);
    assert_int_equal(info.size, 6);
    assert_true(info.mtime_ns > 0);
    assert_int_equal(test_folder_count(folder, "."), 1);
}

static void a_file_over_the_limit_is_refused(void **state)
{
    test_folder *folder = *state;
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    assay_error err = {0};

    test_folder_write(folder, "file", "0123456789");
    assay_buf_append_text(&buf, "kept");
    assert_int_equal(assay_path_read(test_folder_path(folder, "file"), 9, &buf, &err), ASSAY_EDATA);
    assert_int_equal(err.number, 1307);
    assert_string_equal(assay_buf_text(&buf), "kept");
    assert_int_equal(assay_path_read("/dev/zero", 100000, &buf, &err), ASSAY_EDATA);
}

static void what_cannot_be_opened_says_why(void **state)
{
    test_folder *folder = *state;
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    assay_error err = {0};

    assert_int_equal(assay_path_read(test_folder_path(folder, "no"), 9, &buf, &err),
                     ASSAY_ENOTFOUND);
    assert_int_equal(err.number, 1301);
    assert_int_equal(assay_path_read(folder->path, 9, &buf, &err), ASSAY_EIO);
    assert_int_equal(assay_path_sync(test_folder_path(folder, "no"), &err), ASSAY_ENOTFOUND);
    assert_int_equal(assay_path_write(test_folder_path(folder, "no/file"), "", 0, &err),
                     ASSAY_ENOTFOUND);
    test_folder_write(folder, "file", "");
    assert_int_equal(assay_path_make(test_folder_path(folder, "file/below"), &err), ASSAY_EEXISTS);
    assert_int_equal(assay_path_make(test_folder_path(folder, "file"), &err), ASSAY_EEXISTS);
    assert_int_equal(assay_path_list(test_folder_path(folder, "file"), folder->arena,
                                     &(char **){NULL}, &(size_t){0}, &err),
                     ASSAY_ENOTFOUND);
}

static void a_failed_write_leaves_nothing_behind(void **state)
{
    test_folder *folder = *state;

    test_folder_write(folder, "file", "before");
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {4096, 4096};
        static char bytes[10000];
        assay_error err = {0};
        if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR || setrlimit(RLIMIT_FSIZE, &limit) != 0)
            _exit(1);
        assay_status status =
            assay_path_write(test_folder_path(folder, "file"), bytes, sizeof bytes, &err);
        _exit(status == ASSAY_EIO && err.number == 1300 ? 0 : 2);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    assert_int_equal(test_folder_count(folder, "."), 1);
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    assert_int_equal(assay_path_read(test_folder_path(folder, "file"), 99, &buf, NULL), ASSAY_OK);
    assert_string_equal(assay_buf_text(&buf), "before");
}

static void permission_denied_has_its_number(void **state)
{
    test_folder *folder = *state;

    assert_int_equal(chmod(folder->path, 0555), 0);
    pid_t child = fork();
    if (child == 0) {
        assay_error err = {0};
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(1);
        assay_status status = assay_path_write(test_folder_path(folder, "file"), "", 0, &err);
        _exit(status == ASSAY_EIO && err.number == 1302 ? 0 : 2);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(chmod(folder->path, 0755), 0);
    assert_int_equal(result, 0);
    assert_int_equal(test_folder_count(folder, "."), 0);
}

static void folders_are_made_listed_and_removed(void **state)
{
    test_folder *folder = *state;
    char **names = NULL;
    size_t count = 0;
    assay_error err = {0};

    test_folder_write(folder, "d/b/x", "1");
    test_folder_write(folder, "d/a", "2");
    test_folder_write(folder, "outside", "3");
    assert_int_equal(symlink("../outside", test_folder_path(folder, "d/link")), 0);
    assert_int_equal(symlink("..", test_folder_path(folder, "d/up")), 0);
    assert_int_equal(assay_path_make(test_folder_path(folder, "d//b/"), &err), ASSAY_OK);
    assert_int_equal(assay_path_list(test_folder_path(folder, "d"), folder->arena, &names, &count,
                                     &err),
                     ASSAY_OK);
    assert_int_equal(count, 4);
    assert_string_equal(names[0], "a");
    assert_string_equal(names[3], "up");
    assert_int_equal(assay_path_remove(test_folder_path(folder, "d/none"), &err), ASSAY_OK);
    assert_int_equal(assay_path_remove_tree(test_folder_path(folder, "d"), &err), ASSAY_OK);
    assert_int_equal(assay_path_remove_tree(test_folder_path(folder, "d"), &err), ASSAY_OK);
    assert_int_equal(test_folder_count(folder, "."), 1);
    assert_int_equal(test_folder_count(folder, "none"), 0);
}

/* The paths that a glob finds, joined by blanks. */
static const char *found(const test_folder *folder, const char *pattern)
{
    char **paths = NULL;
    size_t count = 0;
    const char *text = "";

    assert_int_equal(assay_path_glob(folder->path, pattern, folder->arena, &paths, &count, NULL),
                     ASSAY_OK);
    for (size_t i = 0; i < count; i++)
        text = assay_arena_format(folder->arena, "%s%s%s", text, i > 0 ? " " : "", paths[i]);
    return text;
}

static void a_glob_finds_files_in_the_form_of_its_pattern(void **state)
{
    test_folder *folder = *state;

    test_folder_write(folder, "raw/b.csv", "");
    test_folder_write(folder, "raw/a.csv", "");
    test_folder_write(folder, "raw/.hidden.csv", "");
    test_folder_write(folder, "raw/x/c.csv", "");
    test_folder_write(folder, "raw/x/y/d.csv", "");
    test_folder_write(folder, "raw/day=1/p.parquet", "");
    assert_int_equal(symlink("..", test_folder_path(folder, "raw/x/loop")), 0);
    assert_string_equal(found(folder, "raw/*.csv"), "raw/a.csv raw/b.csv");
    assert_string_equal(found(folder, "raw/**/*.csv"),
                        "raw/a.csv raw/b.csv raw/x/c.csv raw/x/y/d.csv");
    assert_string_equal(found(folder, "raw/*/*.csv"), "raw/x/c.csv");
    assert_string_equal(found(folder, "raw/day=*/*"), "raw/day=1/p.parquet");
    assert_string_equal(found(folder, "raw/{a,b}.csv"), "raw/a.csv raw/b.csv");
    assert_string_equal(found(folder, "*/b.csv"), "raw/b.csv");
    assert_string_equal(found(folder, "raw/.h*"), "raw/.hidden.csv");
    assert_string_equal(found(folder, "raw/a.csv"), "raw/a.csv");
    assert_string_equal(found(folder, "raw"), "");
    assert_string_equal(found(folder, "none/*.csv"), "");
    char *absolute = test_folder_path(folder, "raw/b.*");
    assert_string_equal(found(folder, absolute), test_folder_path(folder, "raw/b.csv"));
}

static assay_status write_list_and_glob(void *user, assay_error *err)
{
    const test_folder *folder = user;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    char **names = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_arena_check(arena, err));
    char *path = assay_path_join(arena, folder->path, "d/e/f");
    ASSAY_TRY(assay_arena_check(path, err));
    char *parent = assay_path_dir(arena, path);
    ASSAY_TRY(assay_arena_check(parent, err));
    ASSAY_TRY(assay_path_make(parent, err));
    ASSAY_TRY(assay_path_write(path, "x", 1, err));
    ASSAY_TRY(assay_path_list(parent, arena, &names, &count, err));
    return assay_path_glob(folder->path, "d/**", arena, &names, &count, err);
}

static void files_survive_every_failed_allocation(void **state)
{
    test_folder *folder = *state;

    exhaust_allocations(write_list_and_glob, folder);
    assert_int_equal(test_folder_count(folder, "d/e"), 1);
}

static void two_paths_trade_places_whatever_they_are(void **state)
{
    test_folder *folder = *state;
    const char *there = test_folder_path(folder, "d/e/inner");
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_path_info info;
    assay_error err = {0};

    assert_int_equal(assay_path_make(test_folder_path(folder, "d/e"), &err), ASSAY_OK);
    assert_int_equal(assay_path_write(there, "x", 1, &err), ASSAY_OK);
    assert_int_equal(symlink("nowhere", test_folder_path(folder, "link")), 0);
    assert_int_equal(assay_path_exchange(test_folder_path(folder, "d/e"),
                                         test_folder_path(folder, "link"), &err),
                     ASSAY_OK);
    assert_int_equal(assay_path_read(test_folder_path(folder, "link/inner"), 9, &text, &err),
                     ASSAY_OK);
    assert_string_equal(assay_buf_text(&text), "x");
    assert_int_equal(assay_path_stat(test_folder_path(folder, "d/e"), &info, &err), ASSAY_OK);
    assert_false(info.exists);
    assert_int_equal(assay_path_exchange(test_folder_path(folder, "link"),
                                         test_folder_path(folder, "absent"), &err),
                     ASSAY_ENOTFOUND);
    assert_int_equal(err.number, 1301);
    assert_int_equal(assay_path_read(test_folder_path(folder, "link/inner"), 9, &text, &err),
                     ASSAY_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_folder_setup, test_folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(paths_are_joined_and_split),
        TEST(paths_are_normalised_by_text),
        TEST(a_file_is_written_read_and_replaced),
        TEST(a_file_over_the_limit_is_refused),
        TEST(what_cannot_be_opened_says_why),
        TEST(a_failed_write_leaves_nothing_behind),
        TEST(permission_denied_has_its_number),
        TEST(folders_are_made_listed_and_removed),
        TEST(a_glob_finds_files_in_the_form_of_its_pattern),
        TEST(two_paths_trade_places_whatever_they_are),
        TEST(files_survive_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
