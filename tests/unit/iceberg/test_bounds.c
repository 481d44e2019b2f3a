#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "iceberg/bounds.h"
#include "iceberg/manifest.h"

static assay_arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = assay_arena_new();
    return arena == NULL;
}

static int teardown(void **state)
{
    (void)state;
    assay_arena_free(arena);
    return 0;
}

static void expect_bytes(const assay_datum *datum, const char *bytes, size_t size)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    assert_true(assay_iceberg_bound_encode(datum, &buf));
    assert_int_equal(buf.size, size);
    assert_memory_equal(buf.data, bytes, size);
}

static assay_datum number(assay_type_kind kind, int64_t value)
{
    return (assay_datum){.known = true, .kind = kind, .integer = value};
}

static assay_datum decimal(assay_int128 value)
{
    return (assay_datum){.known = true, .kind = ASSAY_TYPE_DECIMAL, .unscaled = value};
}

static assay_datum text(const char *value)
{
    return (assay_datum){.known = true,
                         .kind = ASSAY_TYPE_STRING,
                         .bytes = value,
                         .size = strlen(value)};
}

/* Iceberg spec, appendix D, "Binary single-value serialization". */
static void numbers_are_little_endian_and_decimals_minimal_big_endian(void **state)
{
    (void)state;
    const assay_datum i = number(ASSAY_TYPE_INT32, 34), s = number(ASSAY_TYPE_INT16, -2);
    const assay_datum l = number(ASSAY_TYPE_INT64, 34), b = number(ASSAY_TYPE_BOOLEAN, 1);
    const assay_datum zero = decimal(0), fourteen = decimal(1420), minus = decimal(-1);
    const assay_datum edge = decimal(128), low = decimal(-128);
    expect_bytes(&i, "\x22\0\0\0", 4);
    expect_bytes(&s, "\xfe\xff\xff\xff", 4);
    expect_bytes(&l, "\x22\0\0\0\0\0\0\0", 8);
    expect_bytes(&b, "\x01", 1);
    expect_bytes(&zero, "\0", 1);
    expect_bytes(&fourteen, "\x05\x8c", 2);
    expect_bytes(&minus, "\xff", 1);
    expect_bytes(&edge, "\x00\x80", 2);
    expect_bytes(&low, "\x80", 1);
}

static void nothing_is_written_for_null_and_unknown(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    const assay_datum null = {.known = true, .null = true, .kind = ASSAY_TYPE_INT32};
    const assay_datum unknown = {.kind = ASSAY_TYPE_INT32};
    assert_false(assay_iceberg_bound_encode(&null, &buf));
    assert_false(assay_iceberg_bound_encode(&unknown, &buf));
    assert_int_equal(buf.size, 0);
}

static void decimals_come_back_over_the_whole_range(void **state)
{
    (void)state;
    const assay_type type = {.kind = ASSAY_TYPE_DECIMAL, .precision = 38, .scale = 2};
    assay_int128 value = 1;
    for (int i = 0; i < 38; i++, value *= 10) {
        for (int sign = -1; sign <= 1; sign += 2) {
            ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
            const assay_datum datum = decimal(sign * value);
            assert_true(assay_iceberg_bound_encode(&datum, &buf));
            assay_datum back = assay_iceberg_bound_decode(buf.data, buf.size, &type, arena);
            assert_true(back.known);
            assert_true(back.unscaled == datum.unscaled);
        }
    }
}

static void promoted_columns_read_the_old_width(void **state)
{
    (void)state;
    const assay_type wide = {.kind = ASSAY_TYPE_INT64}, real = {.kind = ASSAY_TYPE_DOUBLE};
    const assay_type narrow = {.kind = ASSAY_TYPE_INT32};
    assay_datum datum = assay_iceberg_bound_decode("\xfe\xff\xff\xff", 4, &wide, arena);
    assert_true(datum.known && datum.integer == -2);
    datum = assay_iceberg_bound_decode("\0\0\0\x3f", 4, &real, arena);
    assert_true(datum.known && datum.real == 0.5);
    datum = assay_iceberg_bound_decode("\1\0\0\0\0\0\0\0", 8, &narrow, arena);
    assert_false(datum.known);
    assert_false(assay_iceberg_bound_decode("\1\2\3", 3, &wide, arena).known);
    assert_false(assay_iceberg_bound_decode(NULL, 0, &wide, arena).known);
}

static void floats_have_no_nan_and_signed_zeros(void **state)
{
    (void)state;
    assay_datum nan = {.known = true, .kind = ASSAY_TYPE_DOUBLE, .real = (double)NAN};
    assay_datum zero = {.known = true, .kind = ASSAY_TYPE_FLOAT, .real = 0.0};
    assert_false(assay_iceberg_bound_cut(&nan, false, arena).known);
    assay_datum lower = assay_iceberg_bound_cut(&zero, false, arena);
    assay_datum upper = assay_iceberg_bound_cut(&zero, true, arena);
    expect_bytes(&lower, "\0\0\0\x80", 4);
    expect_bytes(&upper, "\0\0\0\0", 4);
}

static void text_is_cut_by_code_points(void **state)
{
    (void)state;
    assay_datum accents = text("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
                               "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9z");
    assay_datum lower = assay_iceberg_bound_cut(&accents, false, arena);
    assay_datum upper = assay_iceberg_bound_cut(&accents, true, arena);
    assert_int_equal(lower.size, 32);
    assert_int_equal(upper.size, 32);
    assert_memory_equal(upper.bytes + 30, "\xc3\xaa", 2);
    assay_datum brief = text("0123456789abcdef");
    assert_int_equal(assay_iceberg_bound_cut(&brief, true, arena).size, 16);
}

static void binary_upper_bounds_round_up(void **state)
{
    (void)state;
    char bytes[20];
    memset(bytes, 0x11, sizeof bytes);
    bytes[15] = (char)0xff;
    assay_datum datum = {.known = true,
                         .kind = ASSAY_TYPE_BINARY,
                         .bytes = bytes,
                         .size = sizeof bytes};
    assay_datum upper = assay_iceberg_bound_cut(&datum, true, arena);
    assert_int_equal(upper.size, 15);
    assert_int_equal(upper.bytes[14], 0x12);
    assert_int_equal(assay_iceberg_bound_cut(&datum, false, arena).size, 16);
    memset(bytes, 0xff, sizeof bytes);
    assert_false(assay_iceberg_bound_cut(&datum, true, arena).known);
}

static void fixed_sizes_of_decimals_are_those_of_the_specification(void **state)
{
    (void)state;
    static const size_t SIZES[] = {1,  1,  2,  2,  3,  3,  4,  4,  4,  5,  5,  6,  6,
                                   6,  7,  7,  8,  8,  9,  9,  9,  10, 10, 11, 11, 11,
                                   12, 12, 13, 13, 13, 14, 14, 15, 15, 16, 16, 16};
    for (int precision = 1; precision <= 38; precision++)
        assert_int_equal(assay_iceberg_decimal_size(precision), SIZES[precision - 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_little_endian_and_decimals_minimal_big_endian),
        cmocka_unit_test(nothing_is_written_for_null_and_unknown),
        cmocka_unit_test(decimals_come_back_over_the_whole_range),
        cmocka_unit_test(promoted_columns_read_the_old_width),
        cmocka_unit_test(floats_have_no_nan_and_signed_zeros),
        cmocka_unit_test(text_is_cut_by_code_points),
        cmocka_unit_test(binary_upper_bounds_round_up),
        cmocka_unit_test(fixed_sizes_of_decimals_are_those_of_the_specification),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
