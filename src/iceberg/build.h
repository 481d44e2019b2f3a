/* The manifests of one commit attempt. Private to the room. */
#ifndef ASSAY_ICEBERG_BUILD_H
#define ASSAY_ICEBERG_BUILD_H

#include "base/map.h"
#include "base/vec.h"
#include "iceberg/table_data.h"

/* What the commit adds and removes, for the summary. */
typedef struct assay_iceberg_tally {
    int64_t added_files, added_rows, added_bytes;
    int64_t removed_files, removed_rows, removed_bytes;
    int64_t removed_delete_files, removed_position_deletes, removed_equality_deletes;
} assay_iceberg_tally;

typedef struct assay_iceberg_build {
    assay_iceberg_location location;        /* over the edited metadata */
    const assay_iceberg_metadata *metadata; /* as it will be: schema and specs of the change */
    const assay_iceberg_snapshot *parent;   /* NULL = none */
    const assay_change *change;
    const assay_commit_env *env;
    assay_store *store;
    assay_arena *arena; /* of the attempt */
    int64_t snapshot_id, sequence;
    assay_uuid commit_uuid; /* stays the same when the commit is tried again */
    assay_uuid attempt_uuid;
    int manifest_count;     /* written so far */
    assay_vec list;         /* assay_iceberg_manifest: the new snapshot's manifests */
    assay_vec written;      /* const char *: files of this attempt alone, local paths */
    const char *added_path; /* manifest of the added files: the same in every attempt */
    assay_iceberg_tally tally;
    assay_map *partitions; /* distinct partitions that changed */
} assay_iceberg_build;

ASSAY_NODISCARD assay_status assay_iceberg_build_init(assay_iceberg_build *build, assay_error *err);
void assay_iceberg_build_done(assay_iceberg_build *build);

/* Writes all manifests that the change needs and fills list and tally. */
ASSAY_NODISCARD assay_status assay_iceberg_build_manifests(assay_iceberg_build *build,
                                                           assay_error *err);

/* Writes one manifest of entries and appends its line to the list. */
ASSAY_NODISCARD assay_status assay_iceberg_build_add(assay_iceberg_build *build,
                                                     const assay_partition_spec *spec, int content,
                                                     const assay_iceberg_entry *entries,
                                                     size_t count, assay_error *err);

/* Replaces the many small data manifests of a list by few (commit.manifest.*). */
ASSAY_NODISCARD assay_status assay_iceberg_build_merge(assay_iceberg_build *build, assay_vec *kept,
                                                       assay_error *err);

/* Counts the partition of an entry that the change adds or removes. */
ASSAY_NODISCARD assay_status assay_iceberg_build_touch(assay_iceberg_build *build, int32_t spec_id,
                                                       const assay_iceberg_entry *entry,
                                                       assay_error *err);

/* Writes the manifest list; *ret_path is its recorded path. */
ASSAY_NODISCARD assay_status assay_iceberg_build_list(assay_iceberg_build *build,
                                                      const char **ret_path, assay_error *err);

/* Removes what the attempt wrote, when nothing will ever refer to it; where the commit will be
 * tried again
 * (`retry`), its manifest of added files stays. */
void assay_iceberg_build_discard(assay_iceberg_build *build, bool retry);

/* The summary of the snapshot: operation, counts, totals, assay's own keys. */
ASSAY_NODISCARD assay_status assay_iceberg_build_summary(const assay_iceberg_build *build,
                                                         assay_value **ret_summary,
                                                         assay_error *err);

#endif
