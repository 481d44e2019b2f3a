/* Time and randomness as interfaces, so that tests are exact. Times are microseconds since
 * 1970-01-01T00:00:00Z. */
#ifndef ASSAY_BASE_CLOCK_H
#define ASSAY_BASE_CLOCK_H

#include "base/error.h"

/* Wall clock and monotonic clock. Any thread. */
typedef struct assay_clock {
    int64_t (*now_us)(void *user);       /* wall */
    int64_t (*monotonic_us)(void *user); /* for durations */
    void *user;
} assay_clock;

/* The system's clocks. */
assay_clock assay_clock_system(void);

/* Source of random bytes. Any thread. */
typedef struct assay_random {
    void (*fill)(void *user, void *bytes, size_t size);
    void *user;
} assay_random;

/* getrandom(2). */
assay_random assay_random_system(void);

enum { ASSAY_TIME_TEXT_SIZE = 40 };

/* "2026-11-25T03:04:05.678901Z" (always 6 digits) into `text`. */
void assay_time_format(int64_t us, char text[ASSAY_TIME_TEXT_SIZE]);

/* "2026-11-25 03:04:05.678901", as DuckDB writes a TIMESTAMP. */
void assay_time_format_sql(int64_t us, char text[ASSAY_TIME_TEXT_SIZE]);

/* Parses ISO 8601: date alone (midnight), 'T' or blank, fraction up to 9 digits (cut to 6), 'Z',
 * +hh:mm, +hhmm, +hh, or none (UTC). False where it is no moment. */
bool assay_time_parse(const char *text, int64_t *ret_us);

/* Days since 1970-01-01 <-> civil date, proleptic Gregorian. */
int64_t assay_time_days_from_civil(int64_t year, int month, int day);
void assay_time_civil_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day);

#endif
