/* Parquet files that other engines wrote (marker `shared`): each is read as a folder that assay did
 * not make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/path.h"
#include "base/str.h"
#include "parquet/parquet.h"
#include "support/golden.h"

/* The file alone in a folder of its own. */
static char *folder_of(test_lake *lake, const char *path, size_t number)
{
    char *folder = assay_arena_format(lake->arena, "%s/one-%zu", lake->folder->path, number);
    char *command = assay_arena_format(lake->arena, "cp '%s' '%s/'", path, folder);

    assert_int_equal(assay_path_make(folder, NULL), ASSAY_OK);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): paths of this test */
    return folder;
}

static bool may_refuse(const assay_value *expect, const golden_result *result)
{
    const assay_value *words = assay_value_find(expect, "may_refuse");

    for (size_t i = 0; words != NULL && result->status != ASSAY_OK && i < words->count; i++) {
        if (assay_str_contains(result->text, words->items[i]->text))
            return true;
    }
    return false;
}

static void files_of_other_engines_read_right(void **state)
{
    test_lake *lake = *state;
    int wrong = 0, right = 0, refused = 0;
    golden pack;

    if (!golden_open(lake, "parquet-golden.tar.zst", &pack))
        skip();
    for (size_t i = 0; i < pack.manifest->count; i++) {
        const assay_value *table = pack.manifest->items[i];
        const assay_value *expect = assay_value_find(table, "expect");
        char *path = assay_arena_format(lake->arena, "%s/%s", pack.folder,
                                        assay_value_find_text(table, "path", ""));
        golden_result result;

        if (strcmp(assay_value_find_text(table, "format", ""), "parquet") != 0)
            continue;
        if (assay_str_ends(path, ".parquet"))
            path = folder_of(lake, path, i);
        result = golden_read(lake, &assay_parquet_format, path, -1, expect);
        right += result.ok ? 1 : 0;
        refused += !result.ok && may_refuse(expect, &result) ? 1 : 0;
        if (!result.ok && !may_refuse(expect, &result)) {
            print_error("%s: %s\n", assay_value_find_text(table, "name", ""), result.text);
            wrong++;
        }
    }
    print_message("%d read right, %d refused, %d wrong\n", right, refused, wrong);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_of_other_engines_read_right, lake_setup,
                                        lake_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
