/* Avro container files: any bytes are read to their end or refused. */
#include "fuzz/fuzz.h"

#include "avro/container.h"
#include "base/arena.h"

enum { OBJECTS_MAX = 10000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_avro_reader_closep) assay_avro_reader *reader = NULL;
    if (arena == NULL ||
        assay_avro_reader_open((const char *)data, size, "fuzz", arena, &reader, NULL) != ASSAY_OK)
        return 0;
    for (int i = 0; i < OBJECTS_MAX; i++) {
        assay_avro_value *value = NULL;
        if (assay_avro_reader_next(reader, arena, &value, NULL) != ASSAY_OK || value == NULL)
            return 0;
    }
    return 0;
}
