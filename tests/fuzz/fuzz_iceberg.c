/* Iceberg metadata and manifests: any bytes are read or refused. The first byte says which: 'm' a
 * metadata file, 'l' a manifest list, else a manifest. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "base/arena.h"
#include "iceberg/manifest.h"

static const char METADATA[] =
    "{\"format-version\":2,\"table-uuid\":\"9c12d441-03fe-4693-9a96-a0705ddf69c1\","
    "\"location\":\"/t\",\"last-sequence-number\":3,\"last-updated-ms\":1,\"last-column-id\":8,"
    "\"current-schema-id\":0,\"schemas\":[{\"type\":\"struct\",\"schema-id\":0,\"fields\":["
    "{\"id\":1,\"name\":\"id\",\"required\":false,\"type\":\"decimal(9,2)\"},"
    "{\"id\":2,\"name\":\"c\",\"required\":false,\"type\":\"string\"}]}],"
    "\"default-spec-id\":0,\"partition-specs\":[{\"spec-id\":0,\"fields\":[{\"name\":\"c\","
    "\"transform\":\"identity\",\"source-id\":2,\"field-id\":1000}]}],\"last-partition-id\":1000}";

static void read_manifest(const assay_buf *file, assay_arena *arena)
{
    const assay_iceberg_manifest manifest = {.path = "m", .spec_id = -1};
    assay_iceberg_metadata *metadata = NULL;
    assay_iceberg_entry *entries = NULL;
    size_t count = 0;
    if (assay_iceberg_metadata_parse(METADATA, sizeof METADATA - 1, "fuzz", arena, &metadata,
                                     NULL) != ASSAY_OK)
        return;
    assay_status ignored =
        assay_iceberg_manifest_read(file, &manifest, metadata, arena, &entries, &count, NULL);
    (void)ignored;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_buf_done) assay_buf file = ASSAY_BUF_EMPTY;
    assay_status ignored = ASSAY_OK;
    if (arena == NULL || size == 0)
        return 0;
    assay_buf_append(&file, data + 1, size - 1);
    if (data[0] == 'm') {
        assay_iceberg_metadata *metadata = NULL;
        ignored = assay_iceberg_metadata_parse(assay_buf_text(&file), file.size, "fuzz", arena,
                                               &metadata, NULL);
    } else if (data[0] == 'l') {
        assay_iceberg_manifest *list = NULL;
        size_t count = 0;
        ignored = assay_iceberg_manifest_list_read(&file, "fuzz", arena, &list, &count, NULL);
    } else {
        read_manifest(&file, arena);
    }
    (void)ignored;
    return 0;
}
