#include "base/str.h"
#include "iceberg/build.h"

/* commit.manifest.min-count-to-merge and target-size-bytes of the Iceberg table properties. */
enum { MERGE_COUNT = 100, MERGE_BYTES = 8 * 1024 * 1024 };

static int64_t number_property(const assay_iceberg_metadata *metadata, const char *name,
                               int64_t otherwise)
{
    int64_t value = 0;
    const char *text = assay_iceberg_metadata_property(metadata, name);
    return text != NULL && assay_str_to_int64(text, &value) && value > 0 ? value : otherwise;
}

/* Live entries of a manifest become EXISTING ones of the merged manifest. */
static assay_status take_entries(assay_iceberg_build *build, const assay_iceberg_manifest *manifest,
                                 assay_vec *entries, assay_error *err)
{
    assay_iceberg_entry *list = NULL;
    size_t count = 0;
    ASSAY_TRY(assay_iceberg_entries_of(&build->location, manifest, build->store, build->arena,
                                       &list, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (list[i].status == ASSAY_ICEBERG_DELETED)
            continue;
        list[i].status = ASSAY_ICEBERG_EXISTING;
        ASSAY_TRY(assay_vec_push(entries, &list[i], err));
    }
    return ASSAY_OK;
}

static bool is_small(const assay_iceberg_manifest *manifest, int32_t spec_id, int64_t target)
{
    return manifest->content == 0 && manifest->spec_id == spec_id && manifest->length >= 0 &&
           manifest->length < target;
}

static assay_status merge_spec(assay_iceberg_build *build, const assay_partition_spec *spec,
                               const assay_vec *kept, int64_t target, assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec entries = ASSAY_VEC_OF(assay_iceberg_entry);
    int64_t bytes = 0;
    for (size_t i = 0; i < kept->count; i++) {
        const assay_iceberg_manifest *manifest = assay_vec_at(kept, i);
        if (!is_small(manifest, spec->id, target))
            continue;
        if (bytes + manifest->length > target && entries.count > 0) {
            ASSAY_TRY(assay_iceberg_build_add(build, spec, 0, entries.items, entries.count, err));
            entries.count = 0;
            bytes = 0;
        }
        ASSAY_TRY(take_entries(build, manifest, &entries, err));
        bytes += manifest->length;
    }
    if (entries.count == 0)
        return ASSAY_OK;
    return assay_iceberg_build_add(build, spec, 0, entries.items, entries.count, err);
}

/* True where a spec has so many small manifests that they are merged. */
static bool wants_merge(const assay_iceberg_build *build, int32_t spec_id, const assay_vec *kept,
                        int64_t target)
{
    int64_t small = 0;
    const char *enabled =
        assay_iceberg_metadata_property(build->metadata, "commit.manifest-merge.enabled");
    if (enabled != NULL && assay_str_equal_ci(enabled, "false"))
        return false;
    for (size_t i = 0; i < kept->count; i++)
        small += is_small(assay_vec_at(kept, i), spec_id, target) ? 1 : 0;
    return small >=
           number_property(build->metadata, "commit.manifest.min-count-to-merge", MERGE_COUNT);
}

assay_status assay_iceberg_build_merge(assay_iceberg_build *build, assay_vec *kept,
                                       assay_error *err)
{
    const assay_iceberg_metadata *metadata = build->metadata;
    int64_t target =
        number_property(metadata, "commit.manifest.target-size-bytes", (int64_t)MERGE_BYTES);
    for (size_t i = 0; i < metadata->spec_count; i++) {
        int32_t spec_id = metadata->specs[i].id;
        if (!wants_merge(build, spec_id, kept, target))
            continue;
        ASSAY_TRY(merge_spec(build, &metadata->specs[i], kept, target, err));
        size_t left = 0;
        for (size_t j = 0; j < kept->count; j++) {
            const assay_iceberg_manifest *manifest = assay_vec_at(kept, j);
            if (!is_small(manifest, spec_id, target))
                *(assay_iceberg_manifest *)assay_vec_at(kept, left++) = *manifest;
        }
        kept->count = left;
    }
    for (size_t i = 0; i < kept->count; i++)
        ASSAY_TRY(assay_vec_push(&build->list, assay_vec_at(kept, i), err));
    return ASSAY_OK;
}
