/* Profile files of AWS, as both kinds. */
#include "fuzz/fuzz.h"

#include "store/aws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();

    if (arena == NULL || size > 65536)
        return 0;
    const char *text = assay_arena_text_n(arena, (const char *)data, size);
    for (int is_config = 0; text != NULL && is_config < 2; is_config++) {
        assay_value *profiles = assay_value_map(arena);
        if (profiles != NULL &&
            assay_aws_profile_parse(text, size, is_config != 0, arena, profiles, NULL) != ASSAY_OK)
            return 0;
    }
    return 0;
}
