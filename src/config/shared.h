/* What headers and extracts read alike; for this room alone. */
#ifndef ASSAY_CONFIG_SHARED_H
#define ASSAY_CONFIG_SHARED_H

#include "config/header.h"

/* The keys that both have, from a tree that was checked; `mode` is the default. */
ASSAY_NODISCARD assay_status assay_header_read_shared(const assay_value *tree, const char *path,
                                                      assay_load_mode mode, assay_arena *arena,
                                                      assay_model_header *ret_header,
                                                      assay_error *err);

/* The mode and the keys that only some modes have; `otherwise` is the mode where none is said. */
ASSAY_NODISCARD assay_status assay_header_read_mode(const assay_value *tree, const char *path,
                                                    assay_load_mode otherwise,
                                                    assay_model_header *header, assay_error *err);

#endif
