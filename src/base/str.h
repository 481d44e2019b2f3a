/* Small functions over NUL-terminated text and text slices. Pure; any thread. */
#ifndef ASSAY_BASE_STR_H
#define ASSAY_BASE_STR_H

#include "base/error.h"

bool assay_str_equal(const char *a, const char *b);    /* NULL equals only NULL */
bool assay_str_equal_ci(const char *a, const char *b); /* ASCII case ignored */
bool assay_str_starts(const char *text, const char *prefix);
bool assay_str_ends(const char *text, const char *suffix);
bool assay_str_contains(const char *text, const char *part);
bool assay_str_contains_ci(const char *text, const char *part); /* ASCII case ignored */
bool assay_str_is_blank(const char *text);

/* Parses the whole text as a decimal number; false where it is not one or does not fit. */
bool assay_str_to_int64(const char *text, int64_t *ret_value);
bool assay_str_to_double(const char *text, double *ret_value);

enum { ASSAY_DOUBLE_TEXT_SIZE = 32 };

/* The shortest decimal text that reads back as `value`, with '.' whatever the locale. */
void assay_str_format_double(double value, char text[ASSAY_DOUBLE_TEXT_SIZE]);

/* "512MB", "2 GiB", "1048576" -> bytes (KB = 1000, KiB = 1024); false where it is no size. */
bool assay_str_to_size(const char *text, uint64_t *ret_bytes);

/* "10s", "2 hours", "7 days", "500ms" -> milliseconds; false where it is no duration. */
bool assay_str_to_duration_ms(const char *text, int64_t *ret_ms);

/* The value of a hexadecimal digit of either case, -1 where it is none. */
int assay_str_hex_digit(char c);

/* Edit distance, for "did you mean"; counts at most `limit` + 1. */
size_t assay_str_distance(const char *a, const char *b, size_t limit);

/* Nearest of `count` names to `name` within a third of its length (at least 2); NULL if none. */
const char *assay_str_nearest(const char *name, const char *const *names, size_t count);

/* Glob match of a whole path: * and ? do not cross '/', ** does, [a-z] and {a,b} work. */
bool assay_str_glob(const char *pattern, const char *path);

/* True where the pattern holds a character that assay_str_glob treats specially. */
bool assay_str_is_glob(const char *pattern);

/* Length of the valid UTF-8 sequence that begins at bytes[0], 0 where there is none. */
size_t assay_str_sequence(const char *bytes, size_t size);

/* True where the bytes are valid UTF-8. */
bool assay_str_is_utf8(const char *bytes, size_t size);

/* Length in code points of valid UTF-8 text. */
size_t assay_str_code_points(const char *text);

#endif
