/* docs/guide/reference.md and docs/guide/schemas/ are what the schema tables say. With
 * ASSAY_REGENERATE=1 in the environment this test writes them anew. */
#include "base/arena.h"
#include "base/path.h"
#include "config/schema.h"
#include "text/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DOCUMENT_MAX = 1024 * 1024 };

static const char introduction[] =
    "# Every key of every file\n\n"
    "This page is made from the tables in `src/config/tables.c`; a unit test keeps it true.\n"
    "`<name>` stands for any name. An unknown key is an error with its place and the nearest\n"
    "known key, never ignored. Every text may hold `${NAME}` or `${NAME:-default}`; names are\n"
    "looked up in the target's `variables`, then in `vars`, then in the environment.\n"
    "The keys of config/dq.yaml are in [quality.md](quality.md), those of config/lineage.yaml in\n"
    "[lineage.md](lineage.md). JSON schemas for editors lie in [schemas](schemas).\n\n";

static void expect_file(const char *name, const assay_buf *text)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_buf_done) assay_buf found = ASSAY_BUF_EMPTY;
    const char *path = assay_path_join(arena, ASSAY_TEST_SOURCE_DIR "/docs/guide", name);

    if (getenv("ASSAY_REGENERATE") != NULL) {
        assert_int_equal(assay_path_make(assay_path_dir(arena, path), NULL), ASSAY_OK);
        assert_int_equal(assay_path_write(path, assay_buf_text(text), text->size, NULL), ASSAY_OK);
    }
    assert_int_equal(assay_path_read(path, DOCUMENT_MAX, &found, NULL), ASSAY_OK);
    if (strcmp(assay_buf_text(&found), assay_buf_text(text)) != 0)
        fail_msg("docs/guide/%s is not what the tables say: run this test with ASSAY_REGENERATE=1",
                 name);
}

static void the_reference_of_the_guide_is_what_the_tables_say(void **state)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;

    (void)state;
    assay_buf_append_text(&text, introduction);
    for (size_t i = 0; i < assay_config_table_count(); i++)
        assay_config_append_reference(&text, assay_config_table_at(i));
    expect_file("reference.md", &text);
}

static void the_schemas_for_editors_are_what_the_tables_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < assay_config_table_count(); i++) {
        ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
        ASSAY_AUTO(assay_buf_done) assay_buf compact = ASSAY_BUF_EMPTY;
        ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
        const assay_key_table *table = assay_config_table_at(i);
        assay_value *tree = NULL;

        assay_config_append_json_schema(&compact, table);
        assert_int_equal(assay_json_parse(assay_buf_text(&compact), compact.size, "schema", arena,
                                          &tree, NULL),
                         ASSAY_OK);
        assay_json_write(&text, tree, 2);
        assay_buf_append_char(&text, '\n');
        expect_file(assay_arena_format(arena, "schemas/%s.json", table->name), &text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_of_the_guide_is_what_the_tables_say),
        cmocka_unit_test(the_schemas_for_editors_are_what_the_tables_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
