/* UUIDs: version 4 (random) and 7 (time-ordered), RFC 9562. */
#ifndef ASSAY_BASE_UUID_H
#define ASSAY_BASE_UUID_H

#include "base/clock.h"

enum { ASSAY_UUID_TEXT_SIZE = 37 };

typedef struct assay_uuid {
    uint8_t bytes[16];
} assay_uuid;

assay_uuid assay_uuid_v4(const assay_random *random);
assay_uuid assay_uuid_v7(const assay_clock *clock, const assay_random *random);
void assay_uuid_format(assay_uuid uuid, char text[ASSAY_UUID_TEXT_SIZE]);
bool assay_uuid_parse(const char *text, assay_uuid *ret_uuid);

#endif
