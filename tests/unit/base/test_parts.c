#include "base/parts.h"

#include "base/str.h"
#include "support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void a_part_is_found_in_the_cache_folder(void **state)
{
    test_folder *folder = *state;
    const char *path = NULL;

    test_folder_write(folder, "drivers/none-such.so", "x");
    (void)setenv("ASSAY_CACHE", folder->path, 1);
    assert_int_equal(assay_parts_find("drivers/none-such.so", folder->arena, &path, NULL),
                     ASSAY_OK);
    assert_string_equal(path, test_folder_path(folder, "drivers/none-such.so"));
    (void)unsetenv("ASSAY_CACHE");
}

static void the_cache_folder_follows_the_conventions_of_the_desktop(void **state)
{
    test_folder *folder = *state;
    const char *path = NULL;

    test_folder_write(folder, "assay/extensions/none-such", "x");
    (void)setenv("XDG_CACHE_HOME", folder->path, 1);
    assert_int_equal(assay_parts_find("extensions/none-such", folder->arena, &path, NULL),
                     ASSAY_OK);
    assert_non_null(path);
    assert_true(assay_str_ends(path, "/assay/extensions/none-such"));
    (void)unsetenv("XDG_CACHE_HOME");
}

static void a_part_that_is_nowhere_is_no_error(void **state)
{
    test_folder *folder = *state;
    const char *path = "something";

    (void)setenv("ASSAY_CACHE", folder->path, 1);
    assert_int_equal(assay_parts_find("drivers/none-such.so", folder->arena, &path, NULL),
                     ASSAY_OK);
    assert_null(path);
    (void)unsetenv("ASSAY_CACHE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_part_is_found_in_the_cache_folder, test_folder_setup,
                                        test_folder_teardown),
        cmocka_unit_test_setup_teardown(the_cache_folder_follows_the_conventions_of_the_desktop,
                                        test_folder_setup, test_folder_teardown),
        cmocka_unit_test_setup_teardown(a_part_that_is_nowhere_is_no_error, test_folder_setup,
                                        test_folder_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
