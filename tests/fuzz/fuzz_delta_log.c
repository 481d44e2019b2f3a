/* A commit file of any bytes: loading and planning the table must end in rows or in an error. The
 * same bytes are taken for a deletion vector too. */
#include "fuzz/fuzz.h"

#include "delta/delta.h"
#include "delta/vector.h"

static const char commit[] = "/t/_delta_log/00000000000000000000.json";

static void plan(const assay_table *table, assay_store *store, assay_arena *arena)
{
    assay_data_file *files = NULL;
    size_t count = 0;
    assay_error err = {0};
    assay_status status =
        assay_delta_format.plan_files(table, -1, store, arena, &files, &count, &err);

    (void)status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_store_closep) assay_store *store = NULL;
    assay_table *table = NULL;
    int64_t *rows = NULL;
    size_t count = 0;
    assay_status status = ASSAY_OK;

    if (arena == NULL || assay_store_open_memory(&store, NULL) != ASSAY_OK ||
        assay_store_put(store, commit, data, size, NULL) != ASSAY_OK)
        return 0;
    if (assay_delta_format.load("t", "/t", store, NULL, arena, &table, NULL) == ASSAY_OK &&
        table->exists)
        plan(table, store, arena);
    status = assay_delta_vector_decode(data, size, arena, &rows, &count, NULL);
    (void)status;
    return 0;
}
