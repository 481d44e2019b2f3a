#include "base/uuid.h"
#include "base/str.h"

#include <string.h>

/* Where the four hyphens of the text form stand (RFC 9562 section 4). */
static bool is_hyphen_place(size_t place)
{
    return place == 8 || place == 13 || place == 18 || place == 23;
}

static void set_version(assay_uuid *uuid, unsigned version)
{
    uuid->bytes[6] = (uint8_t)((uuid->bytes[6] & 0x0FU) | (version << 4));
    uuid->bytes[8] = (uint8_t)((uuid->bytes[8] & 0x3FU) | 0x80U);
}

assay_uuid assay_uuid_v4(const assay_random *random)
{
    assay_uuid uuid;

    random->fill(random->user, uuid.bytes, sizeof uuid.bytes);
    set_version(&uuid, 4);
    return uuid;
}

/* RFC 9562 section 5.7: 48 bits of milliseconds, then random; rand_a holds the fraction of the
 * millisecond (section 6.2, method 3), so that ids of one process order within it. */
assay_uuid assay_uuid_v7(const assay_clock *clock, const assay_random *random)
{
    assay_uuid uuid;
    int64_t us = clock->now_us(clock->user);
    uint64_t now = us > 0 ? (uint64_t)us : 0;
    uint64_t ms = now / 1000;
    uint64_t fraction = (now % 1000) * 4096 / 1000;

    random->fill(random->user, uuid.bytes, sizeof uuid.bytes);
    for (unsigned i = 0; i < 6; i++)
        uuid.bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    uuid.bytes[6] = (uint8_t)(fraction >> 8);
    uuid.bytes[7] = (uint8_t)fraction;
    set_version(&uuid, 7);
    return uuid;
}

void assay_uuid_format(assay_uuid uuid, char text[ASSAY_UUID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;

    for (size_t i = 0; i < sizeof uuid.bytes; i++) {
        if (is_hyphen_place(at))
            text[at++] = '-';
        text[at++] = digits[uuid.bytes[i] >> 4];
        text[at++] = digits[uuid.bytes[i] & 0x0FU];
    }
    text[at] = '\0';
}

bool assay_uuid_parse(const char *text, assay_uuid *ret_uuid)
{
    assay_uuid uuid = {{0}};
    size_t nibble = 0;

    if (text == NULL || strlen(text) != ASSAY_UUID_TEXT_SIZE - 1)
        return false;
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (is_hyphen_place(i)) {
            if (text[i] != '-')
                return false;
            continue;
        }
        int digit = assay_str_hex_digit(text[i]);
        if (digit < 0)
            return false;
        uuid.bytes[nibble / 2] = (uint8_t)((unsigned)uuid.bytes[nibble / 2] << 4 | (unsigned)digit);
        nibble++;
    }
    *ret_uuid = uuid;
    return true;
}
