#include "steps/publish_memory.h"

#include "support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const assay_publish_config orders = {.to = {"pg", 1, 1}, .table = {"marts.orders", 1, 1}};
static const assay_publish_config other = {.to = {"pg", 1, 1}, .table = {"marts.other", 1, 1}};

static const assay_publication published = {.to = "pg",
                                            .table = "marts.orders",
                                            .mode = "merge",
                                            .state = ASSAY_PUBLICATION_DONE,
                                            .publish_id = "0123456789abcdef",
                                            .snapshot_id = 3776207205136740581,
                                            .number = 7,
                                            .rows = 10,
                                            .inserted = 1,
                                            .updated = 2,
                                            .deleted = 0,
                                            .elapsed_us = 5};

static assay_project project_in(const test_folder *folder)
{
    return (assay_project){.state_dir = folder->path};
}

static bool recall(const test_folder *folder, const assay_publish_config *config,
                   assay_publication *publication)
{
    const assay_project project = project_in(folder);
    bool found = false;

    assert_int_equal(assay_publish_recall(&project, "gold.orders", config, folder->arena,
                                          publication, &found, NULL),
                     ASSAY_OK);
    return found;
}

static void remember(const test_folder *folder, const assay_publication *publication)
{
    const assay_project project = project_in(folder);

    assert_int_equal(assay_publish_remember(&project, "gold.orders", publication, NULL), ASSAY_OK);
}

static void what_was_published_is_remembered_by_its_place(void **state)
{
    const test_folder *folder = *state;
    assay_publication found;

    assert_false(recall(folder, &orders, &found));
    remember(folder, &published);
    assert_true(recall(folder, &orders, &found));
    assert_int_equal(found.state, ASSAY_PUBLICATION_DONE);
    assert_string_equal(found.publish_id, "0123456789abcdef");
    assert_int_equal(found.snapshot_id, 3776207205136740581);
    assert_int_equal(found.number, 7);
    assert_int_equal(found.rows, 10);
    assert_int_equal(found.updated, 2);
    assert_int_equal(found.error.code, ASSAY_OK);
    assert_false(recall(folder, &other, &found));
}

static void the_last_word_on_a_place_counts_and_others_stay(void **state)
{
    const test_folder *folder = *state;
    assay_publication second = published;
    assay_publication failed = published;
    assay_publication found;

    second.table = "marts.other";
    failed.state = ASSAY_PUBLICATION_PENDING;
    failed.publish_id = "fedcba9876543210";
    failed.error = (assay_error){.code = ASSAY_EIO,
                                 .retryable = true,
                                 .number = 3112,
                                 .message = "'db' is \"not\" reached"};
    remember(folder, &published);
    remember(folder, &second);
    remember(folder, &failed);
    assert_true(recall(folder, &orders, &found));
    assert_int_equal(found.state, ASSAY_PUBLICATION_PENDING);
    assert_string_equal(found.publish_id, "fedcba9876543210");
    assert_int_equal(found.error.number, 3112);
    assert_true(found.error.retryable);
    assert_string_equal(found.error.message, "'db' is \"not\" reached");
    assert_true(recall(folder, &other, &found));
    assert_int_equal(found.state, ASSAY_PUBLICATION_DONE);
}

static void what_got_there_is_known_until_the_server_is_another_one(void **state)
{
    const test_folder *folder = *state;
    assay_publication done = published;
    assay_publication failed = published;
    assay_publication found;

    done.server = "postgres a:1/d";
    failed.server = "postgres a:1/d";
    failed.state = ASSAY_PUBLICATION_FAILED;
    failed.number = 8;
    failed.error = (assay_error){.code = ASSAY_EDATA, .number = 3114, .message = "no"};
    remember(folder, &done);
    remember(folder, &failed);
    remember(folder, &failed);
    assert_true(recall(folder, &orders, &found));
    assert_string_equal(found.server, "postgres a:1/d");
    assert_int_equal(found.number, 8);
    assert_int_equal(found.known, 7);
    failed.server = "postgres b:1/d";
    remember(folder, &failed);
    assert_true(recall(folder, &orders, &found));
    assert_int_equal(found.known, -1);
}

static void a_file_that_cannot_be_understood_is_no_memory_and_is_replaced(void **state)
{
    static const char *const texts[] = {"", "{", "[]", "{\"version\": 2, \"publications\": []}",
                                        "{\"version\": 1, \"publications\": [7]}"};
    const test_folder *folder = *state;
    assay_publication found;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        test_folder_write(folder, "publications/gold.orders.json", texts[i]);
        assert_false(recall(folder, &orders, &found));
        remember(folder, &published);
        assert_true(recall(folder, &orders, &found));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_folder_setup, test_folder_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_was_published_is_remembered_by_its_place),
        TEST(the_last_word_on_a_place_counts_and_others_stay),
        TEST(what_got_there_is_known_until_the_server_is_another_one),
        TEST(a_file_that_cannot_be_understood_is_no_memory_and_is_replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
