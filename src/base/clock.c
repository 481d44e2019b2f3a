#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static const int64_t us_per_second = 1000000;
static const int64_t us_per_day = 86400 * (int64_t)1000000;

static int64_t read_clock(clockid_t id)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * us_per_second + now.tv_nsec / 1000;
}

static int64_t system_now_us(void *user)
{
    (void)user;
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_monotonic_us(void *user)
{
    (void)user;
    return read_clock(CLOCK_MONOTONIC);
}

assay_clock assay_clock_system(void)
{
    return (assay_clock){system_now_us, system_monotonic_us, NULL};
}

static void system_fill(void *user, void *bytes, size_t size)
{
    unsigned char *at = bytes;

    (void)user;
    while (size > 0) {
        /* Up to 256 bytes come whole, getrandom(2); only a signal can get in between before. */
        ssize_t got = getrandom(at, size < 256 ? size : 256, 0);
        if (got > 0) {
            at += got;
            size -= (size_t)got;
        } else if (got < 0 && errno != EINTR) {
            /* No kernel of Debian 12 lacks it; the clock is better than equal bytes. */
            int64_t now = read_clock(CLOCK_MONOTONIC) ^ read_clock(CLOCK_REALTIME) << 20;
            *at++ = (unsigned char)((uint64_t)now * 0x9E3779B97F4A7C15U >> 56);
            size--;
        }
    }
}

assay_random assay_random_system(void)
{
    return (assay_random){system_fill, NULL};
}

/* After Howard Hinnant's days_from_civil: eras of 400 years that begin on March 1st. */
int64_t assay_time_days_from_civil(int64_t year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

void assay_time_civil_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;

    *ret_day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *ret_month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *ret_year = year_of_era + era * 400 + (*ret_month <= 2 ? 1 : 0);
}

static void format_time(int64_t us, char separator, const char *zone, char *text)
{
    int64_t days = us / us_per_day;
    int64_t rest = us % us_per_day;
    int64_t year = 0;
    int month = 0;
    int day = 0;

    if (rest < 0) {
        rest += us_per_day;
        days--;
    }
    assay_time_civil_from_days(days, &year, &month, &day);
    int64_t second = rest / us_per_second;
    (void)snprintf(text, ASSAY_TIME_TEXT_SIZE, "%04lld-%02d-%02d%c%02d:%02d:%02d.%06d%s",
                   (long long)year, month, day, separator, (int)(second / 3600),
                   (int)(second / 60 % 60), (int)(second % 60), (int)(rest % us_per_second), zone);
}

void assay_time_format(int64_t us, char text[ASSAY_TIME_TEXT_SIZE])
{
    format_time(us, 'T', "Z", text);
}

void assay_time_format_sql(int64_t us, char text[ASSAY_TIME_TEXT_SIZE])
{
    format_time(us, ' ', "", text);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads from `min` to `max` digits at *at and moves it on. */
static bool read_digits(const char **at, int min, int max, int *ret_value)
{
    int value = 0;
    int count = 0;

    while (count < max && is_digit(**at)) {
        value = value * 10 + (**at - '0');
        (*at)++;
        count++;
    }
    if (count < min)
        return false;
    *ret_value = value;
    return true;
}

static bool skip_char(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

static int days_in_month(int year, int month)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : lengths[month - 1];
}

static bool read_date(const char **at, int64_t *ret_days)
{
    bool negative = skip_char(at, '-');
    int year = 0;
    int month = 0;
    int day = 0;

    if (!read_digits(at, 4, 6, &year) || !skip_char(at, '-') || !read_digits(at, 2, 2, &month) ||
        !skip_char(at, '-') || !read_digits(at, 2, 2, &day))
        return false;
    if (negative)
        year = -year;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return false;
    *ret_days = assay_time_days_from_civil(year, month, day);
    return true;
}

/* hh:mm[:ss[.fraction]]; digits of the fraction beyond the sixth are cut. */
static bool read_clock_time(const char **at, int64_t *ret_us)
{
    int hour = 0;
    int minute = 0;
    int second = 0;
    int64_t fraction = 0;

    if (!read_digits(at, 2, 2, &hour) || !skip_char(at, ':') || !read_digits(at, 2, 2, &minute))
        return false;
    if (skip_char(at, ':')) {
        if (!read_digits(at, 2, 2, &second))
            return false;
        if (skip_char(at, '.') || skip_char(at, ',')) {
            int count = 0;
            for (; count < 9 && is_digit(**at); count++, (*at)++)
                fraction = count < 6 ? fraction * 10 + (**at - '0') : fraction;
            if (count == 0)
                return false;
            for (; count < 6; count++)
                fraction *= 10;
        }
    }
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    *ret_us = ((hour * 60 + minute) * (int64_t)60 + second) * us_per_second + fraction;
    return true;
}

static bool read_zone(const char **at, int64_t *ret_offset_us)
{
    int hour = 0;
    int minute = 0;

    *ret_offset_us = 0;
    if (skip_char(at, 'Z') || skip_char(at, 'z') || **at == '\0')
        return true;
    bool west = **at == '-';
    if (!skip_char(at, '+') && !skip_char(at, '-'))
        return false;
    if (!read_digits(at, 2, 2, &hour))
        return false;
    bool colon = skip_char(at, ':');
    if ((colon || is_digit(**at)) && !read_digits(at, 2, 2, &minute))
        return false;
    if (hour > 23 || minute > 59)
        return false;
    *ret_offset_us = (hour * 60 + minute) * (int64_t)60 * us_per_second * (west ? -1 : 1);
    return true;
}

bool assay_time_parse(const char *text, int64_t *ret_us)
{
    const char *at = text;
    int64_t days = 0;
    int64_t time_us = 0;
    int64_t offset_us = 0;

    if (text == NULL || !read_date(&at, &days))
        return false;
    if (*at != '\0') {
        if (!skip_char(&at, 'T') && !skip_char(&at, 't') && !skip_char(&at, ' '))
            return false;
        if (!read_clock_time(&at, &time_us) || !read_zone(&at, &offset_us) || *at != '\0')
            return false;
    }
    /* One day of reserve on either side, so that time and offset cannot overflow. */
    if (days > INT64_MAX / us_per_day - 2 || days < INT64_MIN / us_per_day + 2)
        return false;
    *ret_us = days * us_per_day + time_us - offset_us;
    return true;
}
