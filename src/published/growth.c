#include "published/growth.h"

#include "base/map.h"
#include "base/path.h"

/* Names of data files are unique for ever and survive moves (hard links of the Parquet format), so
 * files are told apart by name. */
assay_status assay_growth_between(const assay_published_rows *then, const assay_published_rows *now,
                                  assay_arena *arena, assay_growth *ret_growth, assay_error *err)
{
    ASSAY_AUTO(assay_map_freep) assay_map *old = assay_map_new();
    assay_growth growth = {.lost = then->count};

    ASSAY_TRY(assay_arena_check(old, err));
    growth.added = assay_arena_take(arena, now->count + 1, sizeof *growth.added);
    ASSAY_TRY(assay_arena_check(growth.added, err));
    for (size_t i = 0; i < then->count; i++)
        ASSAY_TRY(assay_map_put(old, assay_path_base(then->files[i].path), &then->files[i], err));
    for (size_t i = 0; i < now->count; i++) {
        const assay_data_file *file = assay_map_find(old, assay_path_base(now->files[i].path));
        if (file == NULL)
            growth.added[growth.added_count++] = now->files[i];
        else if (file->rows == now->files[i].rows)
            growth.lost--;
    }
    *ret_growth = growth;
    return ASSAY_OK;
}
