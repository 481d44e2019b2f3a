#include <stdio.h>

#include "iceberg/build.h"

struct total {
    const char *key;
    int64_t added, removed;
};

static assay_status put_number(assay_value *summary, const char *key, int64_t value,
                               assay_arena *arena, assay_error *err)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    return assay_value_set(summary, key, assay_value_text(arena, text), arena, err);
}

/* Zeros are left out, as Java does. */
static assay_status put_count(assay_value *summary, const char *key, int64_t value,
                              assay_arena *arena, assay_error *err)
{
    return value > 0 ? put_number(summary, key, value, arena, err) : ASSAY_OK;
}

static assay_status put_text(assay_value *summary, const char *key, const char *value,
                             assay_arena *arena, assay_error *err)
{
    if (value == NULL)
        return ASSAY_OK;
    return assay_value_set(summary, key, assay_value_text(arena, value), arena, err);
}

static const char *operation_of(const assay_iceberg_build *build)
{
    const assay_iceberg_tally *tally = &build->tally;
    if (tally->removed_files == 0 && tally->removed_delete_files == 0)
        return "append";
    return tally->added_files > 0 ? "overwrite" : "delete";
}

/* Total = previous + added - removed; left out where the previous one is not known. */
static assay_status put_totals(const assay_iceberg_build *build, assay_value *summary,
                               assay_error *err)
{
    const assay_iceberg_tally *tally = &build->tally;
    const struct total totals[] = {
        {"total-records", tally->added_rows, tally->removed_rows},
        {"total-files-size", tally->added_bytes, tally->removed_bytes},
        {"total-data-files", tally->added_files, tally->removed_files},
        {"total-delete-files", 0, tally->removed_delete_files},
        {"total-position-deletes", 0, tally->removed_position_deletes},
        {"total-equality-deletes", 0, tally->removed_equality_deletes},
    };
    bool fresh = build->parent == NULL || build->change->kind == ASSAY_CHANGE_REPLACE;
    for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++) {
        int64_t before = 0, removed = fresh ? 0 : totals[i].removed;
        if (!fresh)
            before = assay_iceberg_snapshot_total(build->parent, totals[i].key);
        if (before < 0 || before + totals[i].added < removed)
            continue;
        ASSAY_TRY(put_number(summary, totals[i].key, before + totals[i].added - removed,
                             build->arena, err));
    }
    return ASSAY_OK;
}

static assay_status put_counts(const assay_iceberg_build *build, assay_value *summary,
                               assay_error *err)
{
    const assay_iceberg_tally *tally = &build->tally;
    const struct total counts[] = {
        {"added-data-files", tally->added_files, 0},
        {"deleted-data-files", tally->removed_files, 0},
        {"added-records", tally->added_rows, 0},
        {"deleted-records", tally->removed_rows, 0},
        {"added-files-size", tally->added_bytes, 0},
        {"removed-files-size", tally->removed_bytes, 0},
        {"removed-delete-files", tally->removed_delete_files, 0},
        {"removed-position-deletes", tally->removed_position_deletes, 0},
        {"removed-equality-deletes", tally->removed_equality_deletes, 0},
    };
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        ASSAY_TRY(put_count(summary, counts[i].key, counts[i].added, build->arena, err));
    return put_number(summary, "changed-partition-count",
                      (int64_t)assay_map_count(build->partitions), build->arena, err);
}

assay_status assay_iceberg_build_summary(const assay_iceberg_build *build,
                                         assay_value **ret_summary, assay_error *err)
{
    const assay_change *change = build->change;
    assay_arena *arena = build->arena;
    assay_value *summary = assay_value_map(arena);
    ASSAY_TRY(assay_arena_check(summary, err));
    ASSAY_TRY(put_text(summary, "operation", operation_of(build), arena, err));
    ASSAY_TRY(put_counts(build, summary, err));
    ASSAY_TRY(put_totals(build, summary, err));
    ASSAY_TRY(put_text(summary, "engine-name", "assay", arena, err));
    ASSAY_TRY(put_text(summary, "engine-version", build->env->assay_version, arena, err));
    for (size_t i = 0; i < change->summary_count; i++)
        ASSAY_TRY(put_text(summary, change->summary[i].name, change->summary[i].value, arena, err));
    ASSAY_TRY(put_text(summary, "assay.state", change->state_path, arena, err));
    ASSAY_TRY(put_text(summary, "assay.run-id", change->run_id, arena, err));
    ASSAY_TRY(put_text(summary, "assay.commit-id", change->commit_id, arena, err));
    ASSAY_TRY(put_text(summary, "assay.verdict", change->verdict, arena, err));
    *ret_summary = summary;
    return ASSAY_OK;
}
