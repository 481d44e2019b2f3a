/* Manifests of ADBC drivers. */
#include "fuzz/fuzz.h"

#include "adbc/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_adbc_manifest manifest;

    if (arena == NULL || size > 65536)
        return 0;
    const char *text = assay_arena_text_n(arena, (const char *)data, size);
    if (text != NULL)
        (void)assay_adbc_manifest_parse(text, size, "fuzz.toml", arena, &manifest, NULL);
    return 0;
}
