/* JSON that holds secrets: where it is broken nobody is shown what stands there. For this room. */
#ifndef ASSAY_STORE_QUIET_JSON_H
#define ASSAY_STORE_QUIET_JSON_H

#include "text/value.h"

/* *ret_tree is NULL where the text is no JSON object; only ENOMEM is an error. */
assay_status assay_quiet_json_parse(const char *text, size_t size, assay_arena *arena,
                                    assay_value **ret_tree, assay_error *err);

#endif
