#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "source/database.h"

/* Bounds of a window that the database is not asked for. */

enum { INT64_DIGITS = 18, MS_US = 1000, DATE_LENGTH = 10 };

/* The smallest whole number that the column's type has; one that is smaller than 64 bits hold is
 * INT64_MIN. */
static int64_t smallest_number(const assay_database_column *column)
{
    int precision = 0;
    int scale = 0;
    int64_t power = 1;

    if (assay_str_equal(column->type, "SMALLINT"))
        return INT16_MIN;
    if (assay_str_equal(column->type, "INTEGER"))
        return INT32_MIN;
    if (!assay_database_two_numbers(column->type, "DECIMAL(", &precision, &scale) ||
        precision - scale > INT64_DIGITS)
        return INT64_MIN;
    for (int i = scale; i < precision; i++)
        power *= 10;
    return 1 - power;
}

/* Fractions are cut off: the question is answered one too early at worst, and then a run compares
 * more rows than it must. */
static bool number_reaches_all(const assay_database_column *column, const char *high,
                               int64_t lookback)
{
    return strtoll(high, NULL, 10) < smallest_number(column) + lookback;
}

/* A source has no times before the year 1 that could be read. */
static bool time_reaches_all(const char *high, int64_t lookback_ms)
{
    static const char first[] = "0001-01-01";
    int64_t high_us = 0;
    int64_t first_us = 0;

    if (!assay_time_parse(high, &high_us) || !assay_time_parse(first, &first_us))
        return true;
    return high_us < first_us || lookback_ms > (high_us - first_us) / MS_US;
}

bool assay_database_reaches_all(const assay_database *database, const assay_database_column *column,
                                const char *high)
{
    int64_t lookback = 0;

    if (assay_database_is_time(column))
        return time_reaches_all(high, database->source->lookback_ms);
    return !assay_str_to_int64(database->source->lookback_number, &lookback) ||
           number_reaches_all(column, high, lookback);
}

assay_status assay_database_not_after_now(const assay_database *database,
                                          const assay_database_column *column, const char *high,
                                          const char **ret_high, assay_error *err)
{
    const assay_clock *clock = database->env->clock;
    char text[ASSAY_TIME_TEXT_SIZE];
    int64_t high_us = 0;
    int64_t now_us = clock->now_us(clock->user);
    bool zoned = assay_str_equal(column->type, "TIMESTAMP WITH TIME ZONE");
    bool date = assay_str_equal(column->type, "DATE");

    *ret_high = high;
    if (high == NULL || !assay_database_is_time(column) || !assay_time_parse(high, &high_us) ||
        high_us <= now_us)
        return ASSAY_OK;
    assay_time_format_sql(now_us, text);
    if (date)
        text[DATE_LENGTH] = '\0';
    *ret_high = assay_arena_format(database->arena, "%s%s", text, zoned ? "+00" : "");
    return assay_arena_check(*ret_high, err);
}
