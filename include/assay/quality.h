/* Data-quality suites on published tables and on streams (the GERunner.run_suite of the original
 * system).
 *
 * Thread rule: as the context. */
#ifndef ASSAY_QUALITY_H
#define ASSAY_QUALITY_H

#include <assay/context.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ArrowArrayStream;

typedef struct assay_check_options {
    const char *const *select;  /* selectors, NULL-terminated; NULL = every table with a suite */
    const char *const *exclude; /* NULL-terminated; may be NULL */
    const char *result_format;  /* BOOLEAN_ONLY, BASIC, SUMMARY, COMPLETE; NULL = BASIC */
    const char *const *index_columns; /* unexpected_index_column_names; may be NULL */
    bool no_results;                  /* do not write result files */
} assay_check_options;

/* Runs the suites of the selected tables against what is published. The document is the
 * validation result in Great Expectations' shape, one entry a table. EGATE where any gate would be
 * shut; the document is returned then too. */
ASSAY_API ASSAY_NODISCARD assay_status assay_check(assay_context *context,
                                                   const assay_check_options *options,
                                                   char **ret_json, assay_error *err);

/* Runs the suite of `table` on the rows of a stream, which is consumed and released; nothing is
 * written. */
ASSAY_API ASSAY_NODISCARD assay_status assay_quality_run_stream(assay_context *context,
                                                                struct ArrowArrayStream *stream,
                                                                const char *table, char **ret_json,
                                                                assay_error *err);

#ifdef __cplusplus
}
#endif

#endif
