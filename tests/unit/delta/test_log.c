#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "delta/log.h"
#include "support/folder.h"

struct place {
    test_folder *folder;
    assay_store *store;
};

static int setup(void **state)
{
    void *folder = NULL;
    static struct place place;

    if (test_folder_setup(&folder) != 0)
        return -1;
    place.folder = folder;
    *state = &place;
    return assay_store_open_local(place.folder->path, &place.store, NULL) == ASSAY_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct place *place = *state;
    void *folder = place->folder;

    assay_store_close(place->store);
    return test_folder_teardown(&folder);
}

static void touch(const struct place *place, const char *name)
{
    char *path = assay_arena_format(place->folder->arena, "_delta_log/%s", name);

    test_folder_write(place->folder, path, "{}\n");
}

static assay_delta_log *list(const struct place *place)
{
    assay_delta_log *log = NULL;

    assert_int_equal(assay_delta_log_list(place->folder->path, place->store, place->folder->arena,
                                          &log, NULL),
                     ASSAY_OK);
    return log;
}

static void a_folder_without_a_log_is_no_table(void **state)
{
    assert_int_equal(list(*state)->version, -1);
}

static void other_names_in_the_log_are_passed_over(void **state)
{
    touch(*state, "00000000000000000000.json");
    touch(*state, "00000000000000000001.json");
    touch(*state, "00000000000000000001.crc");
    touch(*state, "00000000000000000000.00000000000000000001.compacted.json");
    touch(*state, "00000000000000000002.json.tmp");
    touch(*state, "0000000000000000003.json");
    touch(*state, "_last_checkpoint");
    assert_int_equal(list(*state)->version, 1);
    assert_int_equal(list(*state)->checkpoint_count, 0);
}

static void a_checkpoint_with_a_part_missing_is_none(void **state)
{
    const assay_delta_checkpoint *start = NULL;
    assay_delta_log *log = NULL;

    touch(*state, "00000000000000000002.checkpoint.0000000001.0000000002.parquet");
    touch(*state, "00000000000000000002.checkpoint.0000000002.0000000002.parquet");
    touch(*state, "00000000000000000004.checkpoint.0000000001.0000000002.parquet");
    touch(*state, "00000000000000000003.json");
    touch(*state, "00000000000000000004.json");
    log = list(*state);
    assert_int_equal(log->checkpoint_count, 1);
    assert_int_equal(log->checkpoints[0].path_count, 2);
    assert_int_equal(assay_delta_log_start(log, 4, &start, NULL), ASSAY_OK);
    assert_int_equal(start->version, 2);
}

static void checkpoints_with_a_uuid_and_in_json_count(void **state)
{
    assay_delta_log *log = NULL;

    touch(*state, "00000000000000000002.checkpoint.7d17ac10-5cc3-401b-bd1a-9c82dd2ea032.parquet");
    touch(*state, "00000000000000000005.checkpoint.7d17ac10-5cc3-401b-bd1a-9c82dd2ea033.json");
    touch(*state, "00000000000000000005.checkpoint.parquet");
    log = list(*state);
    assert_int_equal(log->version, 5);
    assert_int_equal(log->checkpoint_count, 2);
    assert_false(log->checkpoints[0].json);
}

static void a_gap_is_named_by_its_version(void **state)
{
    const assay_delta_checkpoint *start = NULL;
    assay_error err = {0};

    touch(*state, "00000000000000000000.json");
    touch(*state, "00000000000000000001.json");
    touch(*state, "00000000000000000003.json");
    assert_int_equal(assay_delta_log_start(list(*state), 3, &start, &err), ASSAY_EDATA);
    assert_int_equal(err.number, 4202);
    assert_non_null(strstr(err.message, "version 2"));
    assert_int_equal(assay_delta_log_start(list(*state), 1, &start, &err), ASSAY_OK);
}

static void lines_are_cut_and_told_by_their_key(void **state)
{
    assay_buf text = ASSAY_BUF_EMPTY;
    assay_delta_line line;
    size_t at = 0;

    (void)state;
    assay_buf_append_text(&text, "{\"add\":{}}\r\n\n  { \"metaData\" : {} }\nnonsense");
    assert_true(assay_delta_log_next_line(&text, &at, &line));
    assert_true(assay_delta_line_is(&line, "add"));
    assert_true(assay_delta_log_next_line(&text, &at, &line));
    assert_true(assay_delta_line_is(&line, "metaData"));
    assert_true(assay_delta_log_next_line(&text, &at, &line));
    assert_true(assay_delta_line_is(&line, ""));
    assert_false(assay_delta_log_next_line(&text, &at, &line));
    assay_buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_folder_without_a_log_is_no_table, setup, teardown),
        cmocka_unit_test_setup_teardown(other_names_in_the_log_are_passed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(a_checkpoint_with_a_part_missing_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(checkpoints_with_a_uuid_and_in_json_count, setup, teardown),
        cmocka_unit_test_setup_teardown(a_gap_is_named_by_its_version, setup, teardown),
        cmocka_unit_test(lines_are_cut_and_told_by_their_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
