/* "<pattern>\0<path>\0": matching ends; and the small parsers of text take anything. */
#include "fuzz/fuzz.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/path.h"
#include "base/str.h"
#include "base/uuid.h"

#include <stdlib.h>
#include <string.h>

static void read_small_things(const char *text)
{
    assay_uuid uuid;
    int64_t number = 0;
    uint64_t bytes = 0;
    double real = 0;
    char formatted[ASSAY_TIME_TEXT_SIZE];

    (void)assay_str_to_int64(text, &number);
    (void)assay_str_to_double(text, &real);
    (void)assay_str_to_size(text, &bytes);
    (void)assay_str_to_duration_ms(text, &number);
    (void)assay_uuid_parse(text, &uuid);
    if (assay_time_parse(text, &number)) {
        int64_t again = 0;
        assay_time_format(number, formatted);
        if (formatted[0] != '-' && (!assay_time_parse(formatted, &again) || again != number))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();

    if (arena == NULL || size > 4096)
        return 0;
    const char *pattern = assay_arena_text_n(arena, (const char *)data, size);
    if (pattern == NULL)
        return 0;
    size_t length = strlen(pattern);
    const char *path = length < size ? pattern + length + 1 : "";
    (void)assay_str_glob(pattern, path);
    (void)assay_str_distance(pattern, path, 10);
    (void)assay_path_normal(arena, path, pattern);
    read_small_things(pattern);
    return 0;
}
