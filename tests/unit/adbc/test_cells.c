#include "adbc/cells.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Cell 0 of a column of that format over `data` (and `bytes` behind its offsets). */
static assay_value *cell(assay_arena *arena, const char *format, const void *data,
                         const void *bytes, const char *type)
{
    const struct ArrowSchema schema = {.format = format, .name = "c"};
    const void *buffers[3] = {NULL, data, bytes};
    const struct ArrowArray array = {.length = 1, .n_buffers = 3, .buffers = buffers};
    assay_adbc_column column;
    assay_value *value = NULL;

    assert_int_equal(assay_adbc_column_read(&schema, arena, &column, NULL), ASSAY_OK);
    assert_string_equal(column.type, type);
    assert_int_equal(assay_adbc_cell_read(&column, &array, 0, arena, &value, NULL), ASSAY_OK);
    return value;
}

static void expect_text(const char *format, const void *data, const char *type,
                        const char *expected)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();

    assert_string_equal(cell(arena, format, data, NULL, type)->text, expected);
}

static void integers_keep_all_their_bits(void **state)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const int8_t small = -128;
    const uint32_t large = UINT32_MAX;
    const int64_t least = INT64_MIN;
    const uint64_t most = UINT64_MAX;

    (void)state;
    assert_int_equal(cell(arena, "c", &small, NULL, "TINYINT")->integer, -128);
    assert_int_equal(cell(arena, "C", &small, NULL, "UTINYINT")->integer, 128);
    assert_int_equal(cell(arena, "I", &large, NULL, "UINTEGER")->integer, UINT32_MAX);
    assert_true(cell(arena, "l", &least, NULL, "BIGINT")->integer == INT64_MIN);
    assay_value *value = cell(arena, "L", &most, NULL, "UBIGINT");
    assert_int_equal(value->kind, ASSAY_VALUE_REAL);
    assert_string_equal(value->text, "18446744073709551615");
}

static void decimals_keep_all_their_digits(void **state)
{
    /* little-endian 128 bits: 10^38 - 1, its negative, 1, -1, 0 */
    static const uint64_t most[] = {0x098A223FFFFFFFFFU, 0x4B3B4CA85A86C47AU};
    static const uint64_t least[] = {0xF675DDC000000001U, 0xB4C4B357A5793B85U};
    static const uint64_t one[] = {1, 0}, minus_one[] = {UINT64_MAX, UINT64_MAX}, none[] = {0, 0};

    (void)state;
    expect_text("d:38,0", most, "DECIMAL(38,0)", "99999999999999999999999999999999999999");
    expect_text("d:38,38", most, "DECIMAL(38,38)", "0.99999999999999999999999999999999999999");
    expect_text("d:38,10", least, "DECIMAL(38,10)", "-9999999999999999999999999999.9999999999");
    expect_text("d:10,2,128", one, "DECIMAL(10,2)", "0.01");
    expect_text("d:10,0", minus_one, "DECIMAL(10,0)", "-1");
    expect_text("d:10,3", minus_one, "DECIMAL(10,3)", "-0.001");
    expect_text("d:10,3", none, "DECIMAL(10,3)", "0.000");
}

static void moments_are_written_as_the_engine_does(void **state)
{
    const int64_t us = 1764378123450000, before = -1, second = 1764378123, ns = 1764378123000000001;
    const int64_t infinite = INT64_MAX, minus_infinite = -INT64_MAX;
    const int32_t day = 20421, early = -719529, never = INT32_MAX;

    (void)state;
    expect_text("tsu:", &us, "TIMESTAMP", "2025-11-29 01:02:03.45");
    expect_text("tsu:UTC", &us, "TIMESTAMP WITH TIME ZONE", "2025-11-29 01:02:03.45+00");
    expect_text("tsu:", &before, "TIMESTAMP", "1969-12-31 23:59:59.999999");
    expect_text("tss:", &second, "TIMESTAMP_S", "2025-11-29 01:02:03");
    expect_text("tsn:", &ns, "TIMESTAMP_NS", "2025-11-29 01:02:03.000000001");
    expect_text("tsu:", &infinite, "TIMESTAMP", "infinity");
    expect_text("tsu:", &minus_infinite, "TIMESTAMP", "-infinity");
    expect_text("tdD", &day, "DATE", "2025-11-29");
    expect_text("tdD", &early, "DATE", "0002-12-31 (BC)");
    expect_text("tdD", &never, "DATE", "infinity");
}

static void times_of_day_have_their_fraction(void **state)
{
    const int64_t us = INT64_C(86399999999), ms = 3723004;
    const int32_t noon = 43200;

    (void)state;
    expect_text("ttu", &us, "TIME", "23:59:59.999999");
    expect_text("ttm", &ms, "TIME", "01:02:03.004");
    expect_text("tts", &noon, "TIME", "12:00:00");
}

static void texts_and_bytes_are_cut_by_their_offsets(void **state)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const int32_t small[] = {2, 5};
    const int64_t large[] = {0, 3};
    const int32_t empty[] = {0, 0};

    (void)state;
    assert_string_equal(cell(arena, "u", small, "xxabcxx", "VARCHAR")->text, "abc");
    assert_string_equal(cell(arena, "U", large, "abcd", "VARCHAR")->text, "abc");
    assert_string_equal(cell(arena, "u", empty, NULL, "VARCHAR")->text, "");
    assert_string_equal(cell(arena, "z", large, "\x01\"z", "BLOB")->text, "");
    assert_string_equal(cell(arena, "Z", large, "\x01\"z", "BLOB")->text, "\\x01\\x22z");
}

static void nulls_and_offsets_are_seen(void **state)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const struct ArrowSchema schema = {.format = "i", .name = "c"};
    const int32_t values[] = {1, 2, 3, 4};
    const uint8_t valid = 0x0B; /* 1, 2, 4 */
    const void *buffers[] = {&valid, values};
    const struct ArrowArray array = {
        .length = 3, .offset = 1, .null_count = -1, .n_buffers = 2, .buffers = buffers};
    assay_adbc_column column;
    assay_value *value = NULL;

    (void)state;
    assert_int_equal(assay_adbc_column_read(&schema, arena, &column, NULL), ASSAY_OK);
    assert_int_equal(assay_adbc_cell_read(&column, &array, 0, arena, &value, NULL), ASSAY_OK);
    assert_int_equal(value->integer, 2);
    assert_int_equal(assay_adbc_cell_read(&column, &array, 1, arena, &value, NULL), ASSAY_OK);
    assert_int_equal(value->kind, ASSAY_VALUE_NULL);
    assert_int_equal(assay_adbc_cell_read(&column, &array, 2, arena, &value, NULL), ASSAY_OK);
    assert_int_equal(value->integer, 4);
}

static void types_that_are_not_read_are_refused(void **state)
{
    static const char *const formats[] = {"+l", "+s",   "tin", "tDu",  "d:76,0,256", "d:0,0",
                                          "e",  "w:16", "ts",  "tsx:", "vu"};

    (void)state;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
        const struct ArrowSchema schema = {.format = formats[i], .name = "odd"};
        assay_adbc_column column;
        assay_error err = {0};

        assert_int_equal(assay_adbc_column_read(&schema, arena, &column, &err), ASSAY_EUNSUPPORTED);
        assert_int_equal(err.number, 3120);
        assert_true(assay_str_contains(err.message, "'odd'"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_keep_all_their_bits),
        cmocka_unit_test(decimals_keep_all_their_digits),
        cmocka_unit_test(moments_are_written_as_the_engine_does),
        cmocka_unit_test(times_of_day_have_their_fraction),
        cmocka_unit_test(texts_and_bytes_are_cut_by_their_offsets),
        cmocka_unit_test(nulls_and_offsets_are_seen),
        cmocka_unit_test(types_that_are_not_read_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
