/* Dates in any usual form, as dateutil's parser takes them. Accepted, blanks and commas free:
 *
 *   numbers joined by - / or .      2024-02-29, 29/02/2024, 2.29.24, 2024-02, 02/2024
 *   with a month's name             29 Feb 2024, February 29th, 2024, Feb 2024, 29-Feb-24
 *   digits alone                    20240229, 240229, 202402291030, 20240229103000, 2024, 29
 *   a time, alone or with a date    10:30, 10:30:05.123, 10 pm, 10h30m, T103000
 *   weekday and zone                Thu, Thursday; Z, UTC, GMT, EST, +02:00, -0530, +2
 *
 * A number fits its place (month 1-12, day 1-31 and within its month, hour 0-23 ..), or the text is
 * no date. */
#include "quality/date_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { TEXT_MAX = 100, WORD_MAX = 12, PARTS_MAX = 3 };

/* What has been seen so far. */
struct date {
    const char *at;
    int parts[PARTS_MAX];  /* numbers of the date in order */
    int digits[PARTS_MAX]; /* and how many digits they had */
    int count;
    int month; /* by name */
    bool time, weekday, meridiem, zone;
    int hour;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads up to 14 digits; their number, or -1. */
static int read_digits(struct date *d, long long *ret_value)
{
    int count = 0;
    long long value = 0;

    while (is_digit(*d->at) && count < 15) {
        value = value * 10 + (*d->at - '0');
        d->at++;
        count++;
    }
    *ret_value = value;
    return count == 0 || count == 15 ? -1 : count;
}

static bool add_part(struct date *d, int value, int digits)
{
    if (d->count == PARTS_MAX)
        return false;
    d->parts[d->count] = value;
    d->digits[d->count] = digits;
    d->count++;
    return true;
}

static bool set_time(struct date *d, int hour, int minute, int second)
{
    if (d->time || hour > 24 || minute > 59 || second > 59 ||
        (hour == 24 && (minute > 0 || second > 0)))
        return false;
    d->time = true;
    d->hour = hour;
    return true;
}

/* :mm[:ss[.fraction]] after the hour */
static bool read_clock(struct date *d, int hour)
{
    long long minute = 0;
    long long second = 0;

    d->at++;
    if (read_digits(d, &minute) > 2)
        return false;
    if (*d->at == ':') {
        d->at++;
        if (!is_digit(*d->at) || read_digits(d, &second) > 2)
            return false;
        if ((*d->at == '.' || *d->at == ',') && is_digit(d->at[1]))
            for (d->at++; is_digit(*d->at); d->at++)
                continue;
    }
    return set_time(d, hour, (int)minute, (int)second);
}

/* Six and more digits: a date, a time after T, or both. */
static bool read_packed(struct date *d, long long value, int digits)
{
    if (digits == 6 && d->count > 0)
        return set_time(d, (int)(value / 10000), (int)(value / 100 % 100), (int)(value % 100));
    if (digits == 14 &&
        !set_time(d, (int)(value / 10000 % 100), (int)(value / 100 % 100), (int)(value % 100)))
        return false;
    if (digits == 12 && !set_time(d, (int)(value / 100 % 100), (int)(value % 100), 0))
        return false;
    value = digits == 14 ? value / 1000000 : digits == 12 ? value / 10000 : value;
    if ((digits != 6 && digits != 8 && digits != 12 && digits != 14) || d->count > 0)
        return false;
    return add_part(d, (int)(value / 10000), digits == 6 ? 2 : 4) &&
           add_part(d, (int)(value / 100 % 100), 2) && add_part(d, (int)(value % 100), 2);
}

static bool read_number(struct date *d)
{
    long long value = 0;
    int digits = read_digits(d, &value);

    if (digits < 0)
        return false;
    if (*d->at == ':' && is_digit(d->at[1]) && digits <= 2)
        return read_clock(d, (int)value);
    if (digits > 5)
        return read_packed(d, value, digits);
    if (digits == 4 && d->count == PARTS_MAX && !d->time) /* T1030 */
        return set_time(d, (int)(value / 100), (int)(value % 100), 0);
    if (digits == 2 && d->count == PARTS_MAX && !d->time) /* T10 */
        return set_time(d, (int)value, 0, 0);
    return digits <= 4 && add_part(d, (int)value, digits);
}

/* ---- words ---- */

/* Index of the name that `word` is, or begins with at least three letters; -1 = none. */
static int find_name(const char *word, const char *const *names, int count)
{
    size_t size = strlen(word);

    for (int i = 0; i < count; i++)
        if (strcmp(names[i], word) == 0 || (size == 3 && strncmp(names[i], word, 3) == 0))
            return i;
    return -1;
}

static bool is_among(const char *word, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(*words, word) == 0)
            return true;
    return false;
}

/* 10 pm: the number before is the hour. */
static bool read_meridiem(struct date *d)
{
    if (d->meridiem)
        return false;
    d->meridiem = true;
    if (assay_str_starts(d->at, ".m")) /* a.m. */
        d->at += 2;
    if (d->time)
        return d->hour >= 1 && d->hour <= 12;
    if (d->count == 0)
        return false;
    d->count--;
    return d->parts[d->count] >= 1 && set_time(d, d->parts[d->count], 0, 0) && d->hour <= 12;
}

/* 10h, 30m, 5s: the number before is part of a time. */
static bool read_unit(struct date *d, const char *word)
{
    if (d->count == 0)
        return false;
    d->count--;
    if (d->parts[d->count] > (word[0] == 'h' ? 24 : 59))
        return false;
    d->time = true;
    return true;
}

/* Reads letters in lower case; *ret_upper says whether all were capitals. */
static bool take_word(struct date *d, char word[WORD_MAX], bool *ret_upper)
{
    size_t size = 0;

    *ret_upper = true;
    for (; isalpha((unsigned char)*d->at) != 0; d->at++) {
        if (size + 1 == WORD_MAX)
            return false;
        *ret_upper = *ret_upper && isupper((unsigned char)*d->at) != 0;
        word[size++] = (char)tolower((unsigned char)*d->at);
    }
    word[size] = '\0';
    return true;
}

static bool set_month(struct date *d, int month)
{
    bool first = d->month == 0;

    d->month = month;
    return first;
}

/* A zone stands once, after a time. */
static bool set_zone(struct date *d)
{
    bool first = !d->zone;

    d->zone = true;
    return first && d->time;
}

static bool read_word(struct date *d)
{
    static const char *const months[] = {"january",   "february", "march",    "april",
                                         "may",       "june",     "july",     "august",
                                         "september", "october",  "november", "december"};
    static const char *const weekdays[] = {"monday", "tuesday",  "wednesday", "thursday",
                                           "friday", "saturday", "sunday"};
    static const char *const noise[] = {"t",  "at", "on", "and", "of", "st",
                                        "nd", "rd", "th", "ad",  NULL};
    static const char *const zones[] = {"z", "utc", "gmt", NULL};
    static const char *const units[] = {"h",       "hour", "hours", "m",      "min",     "minute",
                                        "minutes", "s",    "sec",   "second", "seconds", NULL};
    static const char *const halves[] = {"am", "pm", "a", "p", NULL};
    char word[WORD_MAX];
    bool upper = true;

    if (!take_word(d, word, &upper))
        return false;
    if (strcmp(word, "sept") == 0)
        return set_month(d, 9);
    if (find_name(word, months, 12) >= 0)
        return set_month(d, find_name(word, months, 12) + 1);
    if (find_name(word, weekdays, 7) >= 0) {
        bool first = !d->weekday;
        d->weekday = true;
        return first;
    }
    if (is_among(word, halves))
        return read_meridiem(d);
    if (is_among(word, noise))
        return true;
    if (is_among(word, units))
        return read_unit(d, word);
    if (is_among(word, zones) || (d->time && upper && strlen(word) >= 3 && strlen(word) <= 5))
        return set_zone(d);
    return false;
}

/* +02:00, -0530, +2 after a time */
static bool read_offset(struct date *d)
{
    long long hours = 0;
    long long minutes = 0;
    int digits = 0;

    d->at++;
    digits = read_digits(d, &hours);
    if (digits < 1 || digits > 4 || digits == 3)
        return false;
    if (digits == 4) {
        minutes = hours % 100;
        hours /= 100;
    } else if (*d->at == ':') {
        d->at++;
        if (read_digits(d, &minutes) != 2)
            return false;
    }
    d->zone = true;
    return hours < 24 && minutes < 60;
}

/* ---- what it adds up to ---- */

static int month_days(int month, int year)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year < 100 ? year % 4 == 0 : (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

/* Whether year, month and day of these parts can be; -1 = not given. */
static bool is_day(const struct date *d, int year, int month, int day)
{
    int y = year < 0 ? 2000 : d->parts[year];
    int m = month < 0 ? d->month : d->parts[month];
    int n = day < 0 ? 1 : d->parts[day];

    if (m == 0 && month < 0)
        m = 1;
    if ((month >= 0 && d->digits[month] > 2) || (day >= 0 && d->digits[day] > 2))
        return false;
    return m >= 1 && m <= 12 && n >= 1 && n <= month_days(m, y) &&
           (year < 0 || y >= (d->digits[year] > 2 ? 1 : 0));
}

static bool adds_up(const struct date *d)
{
    if (d->month != 0) {
        switch (d->count) {
        case 0:
            return true;
        case 1:
            return is_day(d, 0, -1, -1) || is_day(d, -1, -1, 0);
        case 2:
            return is_day(d, 0, -1, 1) || is_day(d, 1, -1, 0);
        default:
            return false;
        }
    }
    switch (d->count) {
    case 0:
        return d->time || d->weekday;
    case 1:
        return d->digits[0] > 2 || is_day(d, -1, -1, 0) || d->parts[0] > 31;
    case 2:
        return is_day(d, 0, 1, -1) || is_day(d, 1, 0, -1) || is_day(d, -1, 0, 1) ||
               is_day(d, -1, 1, 0);
    default:
        return is_day(d, 0, 1, 2) || is_day(d, 2, 0, 1) || is_day(d, 2, 1, 0) || is_day(d, 0, 2, 1);
    }
}

bool assay_dq_is_date_text(const char *text)
{
    struct date d = {.at = text};

    if (strlen(text) > TEXT_MAX || assay_str_is_blank(text))
        return false;
    while (*d.at != '\0') {
        bool good = true;
        if (is_digit(*d.at))
            good = read_number(&d);
        else if (isalpha((unsigned char)*d.at) != 0)
            good = read_word(&d);
        else if ((*d.at == '+' || *d.at == '-') && d.time && !d.zone && is_digit(d.at[1]))
            good = read_offset(&d);
        else if (strchr(" \t,/.-", *d.at) != NULL)
            d.at++;
        else
            return false;
        if (!good)
            return false;
    }
    return adds_up(&d);
}
