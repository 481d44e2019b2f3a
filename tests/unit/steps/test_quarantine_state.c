#include "steps/quarantine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "text/json.h"

static assay_arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = assay_arena_new();
    return arena == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    assay_arena_free(arena);
    return 0;
}

/* A state whose list is this JSON. */
static assay_state_file state_of(const char *json)
{
    assay_value *list = NULL;

    assert_int_equal(assay_json_parse(json, strlen(json), "test", arena, &list, NULL), ASSAY_OK);
    return (assay_state_file){.quarantine = list};
}

/* The list after `news` on top of `json` (NULL = nothing before), as JSON. */
static const char *next(const char *json, assay_quarantine_news news)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_state_file previous = {0};
    assay_value *list = NULL;
    assay_error err = {0};

    if (json != NULL)
        previous = state_of(json);
    if (assay_quarantine_next(json != NULL ? &previous : NULL, &news, arena, &list, &err) !=
        ASSAY_OK)
        return assay_arena_format(arena, "%d", err.number);
    if (list == NULL)
        return "none";
    assay_json_write(&text, list, 0);
    return assay_arena_text(arena, assay_buf_text(&text));
}

static void a_commit_adds_its_rows_and_keeps_those_before(void **state)
{
    (void)state;
    assert_string_equal(next(NULL, (assay_quarantine_news){.step = "s", .run = "r"}), "none");
    assert_string_equal(next(NULL, (assay_quarantine_news){.step = "s", .run = "r", .rows = 3}),
                        "[{\"step\":\"s\",\"run\":\"r\",\"rows\":3}]");
    assert_string_equal(next("[{\"step\":\"a\",\"run\":\"r\",\"rows\":2,\"closed\":\"0\"}]",
                             (assay_quarantine_news){.step = "s", .run = "r", .rows = 1}),
                        "[{\"step\":\"a\",\"run\":\"r\",\"rows\":2,\"closed\":\"0\"},"
                        "{\"step\":\"s\",\"run\":\"r\",\"rows\":1}]");
}

static void closed_rows_are_joined_and_an_entry_without_open_rows_leaves(void **state)
{
    static const char before[] =
        "[{\"step\":\"a\",\"run\":\"r\",\"rows\":10,\"closed\":\"0-1,7\"}]";
    const assay_quarantine_closing middle = {"a", "2-4,8"};
    const assay_quarantine_closing rest = {"a", "2-6,8-9"};

    (void)state;
    assert_string_equal(next(before,
                             (assay_quarantine_news){.closings = &middle, .closing_count = 1}),
                        "[{\"step\":\"a\",\"run\":\"r\",\"rows\":10,\"closed\":\"0-4,7-8\"}]");
    assert_string_equal(next(before,
                             (assay_quarantine_news){.closings = &rest, .closing_count = 1}),
                        "none");
}

static void rows_that_do_not_count_any_more_cannot_be_closed_again(void **state)
{
    static const char before[] =
        "[{\"step\":\"a\",\"run\":\"r\",\"rows\":10,\"closed\":\"0-1,7\"}]";
    static const assay_quarantine_closing wrong[] = {{"a", "1"},
                                                     {"a", "5-8"},
                                                     {"a", "9-20"},
                                                     {"b", "0"}};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_string_equal(next(before, (assay_quarantine_news){.closings = &wrong[i],
                                                                 .closing_count = 1}),
                            "4040");
}

static void entries_tell_how_many_rows_are_open(void **state)
{
    const assay_state_file one =
        state_of("[{\"step\":\"a\",\"run\":\"r\",\"rows\":10,\"closed\":\"0-1,7\"},"
                 "{\"step\":\"b\",\"rows\":1}]");
    assay_quarantine_entry *entries = NULL;
    size_t count = 0;

    (void)state;
    assert_int_equal(assay_quarantine_entries(&one, arena, &entries, &count, NULL), ASSAY_OK);
    assert_int_equal(count, 2);
    assert_int_equal(entries[0].open, 7);
    assert_int_equal(entries[1].open, 1);
    assert_string_equal(entries[1].run, "");
    assert_int_equal(assay_quarantine_entries(NULL, arena, &entries, &count, NULL), ASSAY_OK);
    assert_int_equal(count, 0);
}

static void a_damaged_list_is_refused(void **state)
{
    static const char *const lists[] = {
        "[{\"run\":\"r\",\"rows\":1}]",
        "[{\"step\":\"a\"}]",
        "[{\"step\":\"a\",\"rows\":3,\"closed\":\"x\"}]",
        "[{\"step\":\"a\",\"rows\":3,\"closed\":\"0,\"}]",
        "[{\"step\":\"a\",\"rows\":3,\"closed\":\"2-1\"}]",
        "[{\"step\":\"a\",\"rows\":3,\"closed\":\"0-1,1\"}]",
        "[{\"step\":\"a\",\"rows\":3,\"closed\":\"0-3\"}]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const assay_state_file one = state_of(lists[i]);
        assay_quarantine_entry *entries = NULL;
        size_t count = 0;
        assay_error err = {0};
        if (assay_quarantine_entries(&one, arena, &entries, &count, &err) != ASSAY_EDATA)
            fail_msg("taken: %s", lists[i]);
        assert_int_equal(err.number, 4050);
    }
}

static void row_numbers_become_ranges(void **state)
{
    static const int64_t rows[] = {0, 1, 2, 5, 7, 8};
    ASSAY_AUTO(assay_buf_done) assay_buf where = ASSAY_BUF_EMPTY;
    const assay_quarantine_entry entry = {.step = "a", .closed = "0-2,5"};

    (void)state;
    assert_string_equal(assay_quarantine_ranges(rows, 6, arena), "0-2,5,7-8");
    assert_string_equal(assay_quarantine_ranges(rows, 0, arena), "");
    assert_int_equal(assay_quarantine_append_open(&where, &entry, NULL), ASSAY_OK);
    assert_string_equal(assay_buf_text(&where),
                        " AND _error_row NOT BETWEEN 0 AND 2 AND _error_row NOT BETWEEN 5 AND 5");
}

static void the_table_of_a_table_is_named_after_it(void **state)
{
    (void)state;
    assert_string_equal(assay_quarantine_name("silver.orders", arena), "quarantine.silver_orders");
    assert_true(assay_quarantine_is_column("_ERROR_rules"));
    assert_false(assay_quarantine_is_column("_source_file"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_commit_adds_its_rows_and_keeps_those_before),
        TEST(closed_rows_are_joined_and_an_entry_without_open_rows_leaves),
        TEST(rows_that_do_not_count_any_more_cannot_be_closed_again),
        TEST(entries_tell_how_many_rows_are_open),
        TEST(a_damaged_list_is_refused),
        TEST(row_numbers_become_ranges),
        TEST(the_table_of_a_table_is_named_after_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
