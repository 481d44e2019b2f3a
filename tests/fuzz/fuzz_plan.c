/* A bound plan of any shape: column lineage must end in an answer or in an error. */
#include "fuzz/fuzz.h"

#include "lineage/columns.h"
#include "text/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_value *plan = NULL;
    assay_column_lineage *lineage = NULL;

    if (arena == NULL ||
        assay_json_parse((const char *)data, size, "fuzz", arena, &plan, NULL) != ASSAY_OK)
        return 0;
    const assay_lineage_plan input = {.plan = plan,
                                      .names = names,
                                      .name_count = sizeof names / sizeof *names,
                                      .catalog = "memory"};
    assay_status status = assay_lineage_columns_of_plan(&input, arena, &lineage, NULL);
    (void)status;
    return 0;
}
