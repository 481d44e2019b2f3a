/* The header of a model: any text gives a split inside the text or an error. */
#include "config/header.h"
#include "fuzz.h"
#include "text/yaml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const char *text = (const char *)data;
    assay_header_split split;
    assay_model_header header;
    assay_value *tree = NULL;
    assay_error err;

    assay_error_clear(&err);
    if (arena == NULL ||
        assay_header_split_text(text, size, "models/a/b.sql", &split, &err) != ASSAY_OK)
        return 0;
    if (split.yaml > size || split.yaml_size > size - split.yaml || split.sql > size)
        abort();
    assay_yaml_source source = {text + split.yaml, split.yaml_size, "models/a/b.sql",
                                split.yaml_line > 0 ? split.yaml_line : 1,
                                split.yaml_column > 0 ? split.yaml_column : 1};
    if (split.yaml_size > 0 && assay_yaml_parse(&source, arena, &tree, &err) != ASSAY_OK)
        return 0;
    if (assay_model_header_read(tree, "models/a/b.sql", arena, &header, &err) != ASSAY_OK &&
        err.number == 0)
        abort();
    return 0;
}
