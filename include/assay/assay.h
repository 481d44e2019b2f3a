/* assay: medallion pipelines whose every table is tested before it becomes visible.
 *
 * This header includes all others. The library prints nothing, has no global state, and is reached
 * through one assay_context. Results that have structure are JSON documents (UTF-8, NUL-terminated)
 * which the caller frees with assay_text_free; every document has a member "schema_version". */
#ifndef ASSAY_ASSAY_H
#define ASSAY_ASSAY_H

#include <assay/context.h>
#include <assay/error.h>
#include <assay/lineage.h>
#include <assay/pipeline.h>
#include <assay/publish.h>
#include <assay/quality.h>
#include <assay/table.h>

#endif
