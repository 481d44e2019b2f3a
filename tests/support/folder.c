#include "support/folder.h"

#include "base/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

int test_folder_setup(void **state)
{
    assay_arena *arena = assay_arena_new();
    assert_non_null(arena);
    const char *base = getenv("TMPDIR");
    test_folder *folder = assay_arena_take(arena, 1, sizeof *folder);
    assert_non_null(folder);
    folder->arena = arena;
    folder->path = assay_arena_format(arena, "%s/assay-test-XXXXXX", base != NULL ? base : "/tmp");
    assert_non_null(folder->path);
    assert_non_null(mkdtemp(folder->path));
    *state = folder;
    return 0;
}

int test_folder_teardown(void **state)
{
    test_folder *folder = *state;

    assert_int_equal(assay_path_remove_tree(folder->path, NULL), ASSAY_OK);
    assay_arena_free(folder->arena);
    return 0;
}

char *test_folder_path(const test_folder *folder, const char *name)
{
    char *path = assay_path_join(folder->arena, folder->path, name);

    assert_non_null(path);
    return path;
}

void test_folder_write(const test_folder *folder, const char *name, const char *text)
{
    char *path = test_folder_path(folder, name);
    char *parent = assay_path_dir(folder->arena, path);

    assert_int_equal(assay_path_make(parent, NULL), ASSAY_OK);
    assert_int_equal(assay_path_write(path, text, strlen(text), NULL), ASSAY_OK);
}

size_t test_folder_count(const test_folder *folder, const char *name)
{
    char **names = NULL;
    size_t count = 0;

    assert_int_equal(assay_path_list(test_folder_path(folder, name), folder->arena, &names, &count,
                                     NULL),
                     ASSAY_OK);
    return count;
}
