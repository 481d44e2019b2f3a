/* Judges Arrow schemas and arrays before the engine reads them: it takes a layout on trust, and
 * rounds what is finer than its types in silence. */
#ifndef ASSAY_ENGINE_ARROW_CHECK_H
#define ASSAY_ENGINE_ARROW_CHECK_H

#include "base/error.h"
#include "engine/arrow.h"

/* Rows of at least one column, whose names differ (case ignored). EDATA 3019. */
ASSAY_NODISCARD assay_status assay_arrow_check_schema(const struct ArrowSchema *schema,
                                                      const char *stream, assay_error *err);

/* The array has the layout that its type in `schema` asks for, and no moment or interval that is
 * finer than a microsecond where the engine's type ends there. EDATA 3019. */
ASSAY_NODISCARD assay_status assay_arrow_check_array(const struct ArrowSchema *schema,
                                                     const struct ArrowArray *array,
                                                     const char *stream, assay_error *err);

#endif
