#include "base/clock.h"
#include "base/str.h"
#include "base/uuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void comparison_knows_null_and_case(void **state)
{
    (void)state;
    assert_true(assay_str_equal(NULL, NULL));
    assert_false(assay_str_equal(NULL, ""));
    assert_true(assay_str_equal_ci("AbC", "aBc"));
    assert_false(assay_str_equal_ci("ab", "abc"));
    assert_true(assay_str_starts("abc", "ab"));
    assert_true(assay_str_ends("a.parquet", ".parquet"));
    assert_false(assay_str_ends("t", ".parquet"));
    assert_true(assay_str_contains("abc", "b"));
    assert_true(assay_str_contains_ci("from Bronze.ORDERS", "orders"));
    assert_true(assay_str_contains_ci("abc", ""));
    assert_true(assay_str_contains_ci("", ""));
    assert_false(assay_str_contains_ci("orde", "orders"));
    assert_false(assay_str_contains_ci("", "a"));
    assert_true(assay_str_is_blank(" \t\r\n"));
    assert_true(assay_str_is_blank(NULL));
}

static void integers_are_read_whole_or_not(void **state)
{
    static const char *const bad[] = {"",    " 1", "1 ", "1x", "+", "-", "9223372036854775808",
                                      "0x1", "1.0"};
    int64_t value = 0;

    (void)state;
    assert_true(assay_str_to_int64("9223372036854775807", &value));
    assert_true(value == INT64_MAX);
    assert_true(assay_str_to_int64("-9223372036854775808", &value));
    assert_true(value == INT64_MIN);
    assert_true(assay_str_to_int64("+07", &value));
    assert_int_equal(value, 7);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(assay_str_to_int64(bad[i], &value));
}

static void doubles_round_trip_through_text(void **state)
{
    static const char *const bad[] = {"",    ".",     "e5", "1e",  "nan",
                                      "inf", "0x1p3", " 1", "1,5", "1e999"};
    static const double good[] = {0.1, 1e300, -2.5, 5e-324, 1.0 / 3, 123456789012345680.0, 0};
    char text[ASSAY_DOUBLE_TEXT_SIZE];
    double value = 0;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assay_str_format_double(good[i], text);
        assert_true(assay_str_to_double(text, &value));
        assert_memory_equal(&value, &good[i], sizeof value);
    }
    assay_str_format_double(0.1, text);
    assert_string_equal(text, "0.1");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(assay_str_to_double(bad[i], &value));
    assert_true(assay_str_to_double(".5", &value) && value > 0.4);
}

static void sizes_know_decimal_and_binary_units(void **state)
{
    static const char *const bad[] = {"", "MB", "-1", "5 XB", "1 2", "12MB x", "1e30"};
    uint64_t bytes = 0;

    (void)state;
    assert_true(assay_str_to_size("512MB", &bytes) && bytes == 512000000);
    assert_true(assay_str_to_size("2 GiB", &bytes) && bytes == 2147483648U);
    assert_true(assay_str_to_size("1048576", &bytes) && bytes == 1048576);
    assert_true(assay_str_to_size("1.5kib", &bytes) && bytes == 1536);
    assert_true(assay_str_to_size(" 0 ", &bytes) && bytes == 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(assay_str_to_size(bad[i], &bytes));
}

static void durations_know_their_units(void **state)
{
    static const char *const bad[] = {"", "5", "s", "-1s", "1 fortnight", "1h x", "1e30 days"};
    int64_t ms = 0;

    (void)state;
    assert_true(assay_str_to_duration_ms("10s", &ms) && ms == 10000);
    assert_true(assay_str_to_duration_ms("2 hours", &ms) && ms == 7200000);
    assert_true(assay_str_to_duration_ms("7 days", &ms) && ms == 604800000);
    assert_true(assay_str_to_duration_ms("500ms", &ms) && ms == 500);
    assert_true(assay_str_to_duration_ms("1h 30m", &ms) && ms == 5400000);
    assert_true(assay_str_to_duration_ms("0", &ms) && ms == 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(assay_str_to_duration_ms(bad[i], &ms));
}

static void the_nearest_name_is_suggested(void **state)
{
    static const char *const names[] = {"total_amount", "customer_id", "format", "id"};

    (void)state;
    assert_int_equal(assay_str_distance("kitten", "sitting", 9), 3);
    assert_int_equal(assay_str_distance("kitten", "sitting", 2), 3);
    assert_int_equal(assay_str_distance("", "abc", 5), 3);
    assert_string_equal(assay_str_nearest("total_amnt", names, 4), "total_amount");
    assert_string_equal(assay_str_nearest("fromat", names, 4), "format");
    assert_string_equal(assay_str_nearest("FORMAT", names, 4), "format");
    assert_null(assay_str_nearest("xyzzy", names, 4));
    assert_null(assay_str_nearest("xy", names, 4));
    assert_null(assay_str_nearest("anything", names, 0));
}

struct glob_case {
    const char *pattern;
    const char *path;
    bool matches;
};

static void globs_match_as_a_shell_does(void **state)
{
    static const struct glob_case cases[] = {
        {"*.csv", "a.csv", true},
        {"*.csv", "d/a.csv", false},
        {"d/?.csv", "d/a.csv", true},
        {"?", "\xC3\xA4", true},
        {"?", "/", false},
        {"**/*.csv", "a.csv", true},
        {"**/*.csv", "x/y/a.csv", true},
        {"d/**", "d/x/y", true},
        {"d/**/z/*.c", "d/z/a.c", true},
        {"d/**/z/*.c", "d/a/b/z/a.c", true},
        {"d/**/z/*.c", "dz/a.c", false},
        {"[a-c]x", "bx", true},
        {"[!a-c]x", "bx", false},
        {"[]a]x", "]x", true},
        {"[x", "[x", true},
        {"{a,b}.csv", "b.csv", true},
        {"{a,b}.csv", "c.csv", false},
        {"{a,{b,c}d}e", "cde", true},
        {"x{,y}z", "xz", true},
        {"{a/b,c}/d", "a/b/d", true},
        {"p{a*,b}q", "paaaq", true},
        {"\\*", "*", true},
        {"\\*", "a", false},
        {"{a", "{a", true},
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"a*b*c", "aXbYbZc", true},
        {"orders_*.csv.gz", "orders_2026.csv.gz", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (assay_str_glob(cases[i].pattern, cases[i].path) != cases[i].matches)
            fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].path);
    }
}

static void a_hostile_glob_ends(void **state)
{
    char path[400];

    (void)state;
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_false(assay_str_glob("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", path));
    assert_false(assay_str_glob("{a,aa}{a,aa}{a,aa}{a,aa}{a,aa}{a,aa}{a,aa}{a,aa}**b", path));
}

static void utf8_is_checked_strictly(void **state)
{
    static const char *const bad[] = {"\x80",
                                      "\xC0\xAF",
                                      "\xE0\x80\x80",
                                      "\xED\xA0\x80",
                                      "\xF4\x90\x80\x80",
                                      "\xF8\x88\x80\x80\x80",
                                      "\xE2\x82",
                                      "a\xFF"};
    static const char good[] = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80";

    (void)state;
    assert_true(assay_str_is_utf8(good, sizeof good - 1));
    assert_int_equal(assay_str_code_points(good), 4);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(assay_str_is_utf8(bad[i], strlen(bad[i])));
}

static void civil_dates_and_days_are_inverse(void **state)
{
    (void)state;
    assert_int_equal(assay_time_days_from_civil(1970, 1, 1), 0);
    assert_int_equal(assay_time_days_from_civil(2000, 3, 1), 11017);
    for (int64_t days = -800000; days < 800000; days += 13) {
        int64_t year = 0;
        int month = 0;
        int day = 0;
        assay_time_civil_from_days(days, &year, &month, &day);
        assert_true(month >= 1 && month <= 12 && day >= 1 && day <= 31);
        assert_int_equal(assay_time_days_from_civil(year, month, day), days);
    }
}

struct time_case {
    const char *text;
    const char *formatted; /* NULL = no moment */
};

static void moments_are_read_and_written(void **state)
{
    static const struct time_case cases[] = {
        {"1970-01-01", "1970-01-01T00:00:00.000000Z"},
        {"2026-11-25T03:04:05.678901Z", "2026-11-25T03:04:05.678901Z"},
        {"2026-11-25 03:04:05", "2026-11-25T03:04:05.000000Z"},
        {"2026-11-25T03:04", "2026-11-25T03:04:00.000000Z"},
        {"2026-11-25T03:04:05.5+02:00", "2026-11-25T01:04:05.500000Z"},
        {"2026-11-25T03:04:05-0530", "2026-11-25T08:34:05.000000Z"},
        {"2026-11-25 03:04:05.123456789+00", "2026-11-25T03:04:05.123456Z"},
        {"1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"},
        {"0001-01-01", "0001-01-01T00:00:00.000000Z"},
        {"2024-02-29", "2024-02-29T00:00:00.000000Z"},
        {"2023-02-29", NULL},
        {"2026-13-01", NULL},
        {"2026-11-25T24:00:00Z", NULL},
        {"2026-11-25T03:04:05.Z", NULL},
        {"2026-11-25T03:04:05Zx", NULL},
        {"2026-11-25x", NULL},
        {"2026-11-25T03:04:05+2", NULL},
        {"26-11-25", NULL},
        {"999999-01-01", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[ASSAY_TIME_TEXT_SIZE];
        int64_t us = 0;
        bool read = assay_time_parse(cases[i].text, &us);
        if (read != (cases[i].formatted != NULL))
            fail_msg("'%s'", cases[i].text);
        if (!read)
            continue;
        assay_time_format(us, text);
        assert_string_equal(text, cases[i].formatted);
    }
    char text[ASSAY_TIME_TEXT_SIZE];
    assay_time_format_sql(1, text);
    assert_string_equal(text, "1970-01-01 00:00:00.000001");
    assay_time_format(INT64_MIN, text);
    assay_time_format(INT64_MAX, text);
}

static int64_t fixed_now(void *user)
{
    return *(const int64_t *)user;
}

static void fixed_fill(void *user, void *bytes, size_t size)
{
    memset(bytes, *(const int *)user, size);
}

static void uuids_follow_rfc_9562(void **state)
{
    int64_t now = 0x0123456789AB * (int64_t)1000 + 500;
    int byte = 0xFF;
    assay_clock clock = {fixed_now, fixed_now, &now};
    assay_random random = {fixed_fill, &byte};
    char text[ASSAY_UUID_TEXT_SIZE];
    assay_uuid back;

    (void)state;
    assay_uuid_format(assay_uuid_v4(&random), text);
    assert_string_equal(text, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    assay_uuid_format(assay_uuid_v7(&clock, &random), text);
    assert_string_equal(text, "01234567-89ab-7800-bfff-ffffffffffff");
    assert_true(assay_uuid_parse("01234567-89AB-7800-bfff-ffffffffffff", &back));
    char again[ASSAY_UUID_TEXT_SIZE];
    assay_uuid_format(back, again);
    assert_string_equal(again, text);
    assert_false(assay_uuid_parse("01234567-89ab-7800-bfff-fffffffffff", &back));
    assert_false(assay_uuid_parse("01234567x89ab-7800-bfff-ffffffffffff", &back));
    assert_false(assay_uuid_parse("g1234567-89ab-7800-bfff-ffffffffffff", &back));
    assert_false(assay_uuid_parse(NULL, &back));
}

static void system_uuids_differ_and_order(void **state)
{
    assay_clock clock = assay_clock_system();
    assay_random random = assay_random_system();
    assay_uuid before = assay_uuid_v7(&clock, &random);

    (void)state;
    int64_t begin = clock.now_us(clock.user);
    while (clock.now_us(clock.user) - begin < 2000) {
    }
    assay_uuid after = assay_uuid_v7(&clock, &random);
    assert_true(memcmp(before.bytes, after.bytes, 16) < 0);
    assay_uuid one = assay_uuid_v4(&random);
    assay_uuid two = assay_uuid_v4(&random);
    assert_memory_not_equal(one.bytes, two.bytes, 16);
    assert_true(clock.monotonic_us(clock.user) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparison_knows_null_and_case),
        cmocka_unit_test(integers_are_read_whole_or_not),
        cmocka_unit_test(doubles_round_trip_through_text),
        cmocka_unit_test(sizes_know_decimal_and_binary_units),
        cmocka_unit_test(durations_know_their_units),
        cmocka_unit_test(the_nearest_name_is_suggested),
        cmocka_unit_test(globs_match_as_a_shell_does),
        cmocka_unit_test(a_hostile_glob_ends),
        cmocka_unit_test(utf8_is_checked_strictly),
        cmocka_unit_test(civil_dates_and_days_are_inverse),
        cmocka_unit_test(moments_are_read_and_written),
        cmocka_unit_test(uuids_follow_rfc_9562),
        cmocka_unit_test(system_uuids_differ_and_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
