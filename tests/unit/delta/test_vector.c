#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "delta/vector.h"
#include "support/folder.h"
#include "text/json.h"

/* Magic, one 32-bit bitmap with key 0, one array container: rows 1, 7. */
static const unsigned char two_rows[] = {0xd1, 0xd3, 0x39, 0x64, 1,    0,    0, 0, 0, 0, 0, 0,
                                         0,    0,    0,    0,    0x3a, 0x30, 0, 0, 1, 0, 0, 0,
                                         0,    0,    1,    0,    16,   0,    0, 0, 1, 0, 7, 0};

static void an_array_container_decodes(void **state)
{
    assay_arena *arena = assay_arena_new();
    int64_t *rows = NULL;
    size_t count = 0;

    (void)state;
    assert_int_equal(assay_delta_vector_decode(two_rows, sizeof(two_rows), arena, &rows, &count,
                                               NULL),
                     ASSAY_OK);
    assert_int_equal(count, 2);
    assert_int_equal(rows[0], 1);
    assert_int_equal(rows[1], 7);
    assay_arena_free(arena);
}

static void runs_and_high_keys_decode(void **state)
{
    /* Key 1 of the 64-bit map; cookie with runs; one container, key 2: run 10..12. */
    static const unsigned char bytes[] = {0xd1, 0xd3, 0x39, 0x64, 1, 0,    0,    0, 0, 0, 0,
                                          0,    1,    0,    0,    0, 0x3b, 0x30, 0, 0, 1, 2,
                                          0,    2,    0,    1,    0, 10,   0,    2, 0};
    assay_arena *arena = assay_arena_new();
    int64_t *rows = NULL;
    size_t count = 0;

    (void)state;
    assert_int_equal(assay_delta_vector_decode(bytes, sizeof(bytes), arena, &rows, &count, NULL),
                     ASSAY_OK);
    assert_int_equal(count, 3);
    assert_true(rows[0] == (1LL << 32 | 2 << 16 | 10));
    assert_true(rows[2] == (1LL << 32 | 2 << 16 | 12));
    assay_arena_free(arena);
}

static void every_cut_of_a_vector_is_refused(void **state)
{
    assay_arena *arena = assay_arena_new();
    int64_t *rows = NULL;
    size_t count = 0;

    (void)state;
    for (size_t size = 0; size < sizeof(two_rows); size++)
        assert_int_equal(assay_delta_vector_decode(two_rows, size, arena, &rows, &count, NULL),
                         ASSAY_EDATA);
    assay_arena_free(arena);
}

static void a_vector_whose_file_is_gone_is_named(void **state)
{
    static const char text[] =
        "{\"storageType\":\"u\",\"pathOrInlineDv\":\"ab^-aqEH.-t@S}K{vb[*k^\","
        "\"offset\":4,\"sizeInBytes\":40,\"cardinality\":6}";
    test_folder *folder = *state;
    assay_store *store = NULL;
    assay_value *descriptor = NULL;
    assay_error err = {0};
    int64_t *rows = NULL;
    size_t count = 0;

    assert_int_equal(assay_store_open_local(folder->path, &store, NULL), ASSAY_OK);
    assert_int_equal(assay_json_parse(text, strlen(text), "test", folder->arena, &descriptor, NULL),
                     ASSAY_OK);
    assert_int_equal(assay_delta_vector_read(folder->path, descriptor, store, folder->arena, &rows,
                                             &count, &err),
                     ASSAY_EDATA);
    /* The example of PROTOCOL.md, "Derived Fields". */
    assert_non_null(
        strstr(err.message, "/ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin"));
    assay_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_array_container_decodes),
        cmocka_unit_test(runs_and_high_keys_decode),
        cmocka_unit_test(every_cut_of_a_vector_is_refused),
        cmocka_unit_test_setup_teardown(a_vector_whose_file_is_gone_is_named, test_folder_setup,
                                        test_folder_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
