#include "base/map.h"
#include "base/path.h"
#include "delta/change.h"

/* The base's live files. */
static assay_status plan_base(assay_delta_change *change, int64_t version,
                              assay_data_file **ret_files, size_t *ret_count, assay_error *err)
{
    *ret_files = NULL;
    *ret_count = 0;
    if (!change->base->exists)
        return ASSAY_OK;
    return assay_delta_plan_files(change->base, version, change->store, change->arena, ret_files,
                                  ret_count, err);
}

static assay_status reserve(assay_delta_change *change, size_t added, size_t removed,
                            assay_error *err)
{
    change->added = assay_arena_take(change->arena, added + 1, sizeof(*change->added));
    change->removed = assay_arena_take(change->arena, removed + 1, sizeof(*change->removed));
    ASSAY_TRY(assay_arena_check(change->added, err));
    return assay_arena_check(change->removed, err);
}

static void add_file(assay_delta_change *change, const assay_data_file *file,
                     const assay_value *body)
{
    change->added[change->added_count++] = (assay_delta_new_file){file, body};
    change->added_bytes += file->size < 0 ? 0 : file->size;
    if (file->rows < 0 || change->added_rows < 0)
        change->added_rows = -1;
    else
        change->added_rows += file->rows;
}

static void remove_file(assay_delta_change *change, const assay_data_file *file)
{
    change->removed[change->removed_count++] = file;
    change->removed_bytes += file->size < 0 ? 0 : file->size;
    if (file->rows < 0 || change->removed_rows < 0)
        change->removed_rows = -1;
    else
        change->removed_rows += file->rows;
}

static assay_map *index_by_path(assay_data_file *files, size_t count)
{
    assay_map *map = assay_map_new();

    for (size_t i = 0; map != NULL && i < count; i++) {
        if (assay_map_put(map, files[i].path, &files[i], NULL) != ASSAY_OK) {
            assay_map_free(map);
            return NULL;
        }
    }
    return map;
}

/* Vacuumed files cannot come back: a table whose files are missing would fail every reader. */
static assay_status check_present(const assay_delta_change *change, const assay_data_file *file,
                                  assay_error *err)
{
    assay_path_info info = {.exists = false};

    ASSAY_TRY(assay_path_stat(file->path, &info, err));
    if (!info.exists)
        return assay_error_set(err, ASSAY_ENOTFOUND, 4214,
                               "version %lld of table '%s' cannot come back: its file '%s' is gone",
                               (long long)change->change->rollback_to, change->base->name,
                               file->path);
    return ASSAY_OK;
}

static assay_status roll_back(assay_delta_change *change, assay_data_file *current,
                              size_t current_count, assay_error *err)
{
    assay_data_file *target = NULL;
    size_t target_count = 0;
    ASSAY_AUTO(assay_map_freep) assay_map *now = index_by_path(current, current_count);
    ASSAY_AUTO(assay_map_freep) assay_map *then = NULL;

    ASSAY_TRY(plan_base(change, change->change->rollback_to, &target, &target_count, err));
    then = index_by_path(target, target_count);
    ASSAY_TRY(assay_arena_check(now, err));
    ASSAY_TRY(assay_arena_check(then, err));
    ASSAY_TRY(reserve(change, target_count, current_count, err));
    for (size_t i = 0; i < current_count; i++) {
        if (!assay_map_has(then, current[i].path))
            remove_file(change, &current[i]);
    }
    for (size_t i = 0; i < target_count; i++) {
        if (assay_map_has(now, target[i].path))
            continue;
        ASSAY_TRY(check_present(change, &target[i], err));
        add_file(change, &target[i], target[i].format_data);
    }
    return ASSAY_OK;
}

static assay_status overwrite(assay_delta_change *change, assay_data_file *current,
                              size_t current_count, assay_error *err)
{
    ASSAY_AUTO(assay_map_freep) assay_map *live = index_by_path(current, current_count);

    ASSAY_TRY(assay_arena_check(live, err));
    ASSAY_TRY(reserve(change, change->change->added_count, change->change->removed_count, err));
    for (size_t i = 0; i < change->change->removed_count; i++) {
        const assay_data_file *file = assay_map_find(live, change->change->removed[i].path);

        if (file == NULL)
            return assay_error_set(err, ASSAY_ECONFLICT, 4216,
                                   "table '%s': file '%s' is not in version %lld any more",
                                   change->base->name, change->change->removed[i].path,
                                   (long long)change->version - 1);
        remove_file(change, file);
    }
    return ASSAY_OK;
}

static assay_status replace(assay_delta_change *change, const assay_data_file *current,
                            size_t current_count, assay_error *err)
{
    ASSAY_TRY(reserve(change, change->change->added_count, current_count, err));
    for (size_t i = 0; i < current_count; i++)
        remove_file(change, &current[i]);
    return ASSAY_OK;
}

static int64_t total(int64_t before, int64_t added, int64_t removed)
{
    return before < 0 || added < 0 || removed < 0 ? -1 : before + added - removed;
}

static void sum_files(const assay_data_file *files, size_t count, int64_t *ret_rows,
                      int64_t *ret_bytes)
{
    *ret_rows = 0;
    *ret_bytes = 0;
    for (size_t i = 0; i < count; i++) {
        *ret_rows = *ret_rows < 0 || files[i].rows < 0 ? -1 : *ret_rows + files[i].rows;
        *ret_bytes += files[i].size < 0 ? 0 : files[i].size;
    }
}

static void set_totals(assay_delta_change *change, int64_t rows, int64_t files, int64_t bytes)
{
    change->rows = total(rows, change->added_rows, change->removed_rows);
    change->files = total(files, (int64_t)change->added_count, (int64_t)change->removed_count);
    change->bytes = total(bytes, change->added_bytes, change->removed_bytes);
}

/* An append needs not know the files of the base where its snapshot tells the totals. */
static bool totals_are_known(const assay_table *base)
{
    return !base->exists || (base->current != NULL && base->current->rows >= 0 &&
                             base->current->files >= 0 && base->current->bytes >= 0);
}

static void take_added(assay_delta_change *change)
{
    for (size_t i = 0; i < change->change->added_count; i++)
        add_file(change, &change->change->added[i], NULL);
}

static assay_status append(assay_delta_change *change, assay_error *err)
{
    const assay_snapshot *current = change->base->exists ? change->base->current : NULL;

    ASSAY_TRY(reserve(change, change->change->added_count, 0, err));
    take_added(change);
    set_totals(change, current == NULL ? 0 : current->rows, current == NULL ? 0 : current->files,
               current == NULL ? 0 : current->bytes);
    return ASSAY_OK;
}

assay_status assay_delta_change_files(assay_delta_change *change, assay_error *err)
{
    assay_change_kind kind = change->change->kind;
    assay_data_file *current = NULL;
    size_t count = 0;
    int64_t rows = 0, bytes = 0;

    if (kind == ASSAY_CHANGE_APPEND && totals_are_known(change->base))
        return append(change, err);
    ASSAY_TRY(plan_base(change, -1, &current, &count, err));
    switch (kind) {
    case ASSAY_CHANGE_APPEND:
        ASSAY_TRY(reserve(change, change->change->added_count, 0, err));
        break;
    case ASSAY_CHANGE_REPLACE:
        ASSAY_TRY(replace(change, current, count, err));
        break;
    case ASSAY_CHANGE_OVERWRITE:
        ASSAY_TRY(overwrite(change, current, count, err));
        break;
    case ASSAY_CHANGE_ROLLBACK:
        ASSAY_TRY(roll_back(change, current, count, err));
        break;
    }
    if (kind != ASSAY_CHANGE_ROLLBACK)
        take_added(change);
    sum_files(current, count, &rows, &bytes);
    set_totals(change, rows, (int64_t)count, bytes);
    return ASSAY_OK;
}
