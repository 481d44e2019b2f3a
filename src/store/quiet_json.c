#include "store/quiet_json.h"

#include "text/json.h"

assay_status assay_quiet_json_parse(const char *text, size_t size, assay_arena *arena,
                                    assay_value **ret_tree, assay_error *err)
{
    assay_value *tree = NULL;
    assay_status status = assay_json_parse(text, size, "secret", arena, &tree, NULL);

    if (status == ASSAY_ENOMEM)
        return assay_error_nomem(err);
    *ret_tree = status == ASSAY_OK && tree->kind == ASSAY_VALUE_MAP ? tree : NULL;
    return ASSAY_OK;
}
