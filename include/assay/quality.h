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
 * shut. A table that cannot be judged (there is none yet, or it is damaged) has an "error" in the
 * document, and the others are judged all the same; the status is that of the gravest of both. The
 * document is returned then too, unless the only table that was asked for has the error. */
ASSAY_API ASSAY_NODISCARD assay_status assay_check(assay_context *context,
                                                   const assay_check_options *options,
                                                   char **ret_json, assay_error *err);

/* Runs the suite of `table` on the rows of a stream, which is consumed and released; nothing is
 * written. */
ASSAY_API ASSAY_NODISCARD assay_status assay_quality_run_stream(assay_context *context,
                                                                struct ArrowArrayStream *stream,
                                                                const char *table, char **ret_json,
                                                                assay_error *err);

/* ---- quarantine: rows that broke a rule and were kept out of a table ---- */

/* JSON: per table how many rows are in quarantine, by which run and which rules. `table` NULL = all
 * tables. */
ASSAY_API ASSAY_NODISCARD assay_status assay_quarantine_list(assay_context *context,
                                                             const char *table, char **ret_json,
                                                             assay_error *err);

typedef struct assay_quarantine_options {
    const char *run; /* rows of this run alone, by the beginning of its id; NULL = all */
    int64_t limit;   /* show: rows at most; 0 = 100 */
} assay_quarantine_options;

/* Rows of `table` in quarantine with the rules they broke, as a document of rows (assay_query).
 * Values of pii columns, and records of tables that have some, are shown as ***. */
ASSAY_API ASSAY_NODISCARD assay_status
assay_quarantine_show(assay_context *context, const char *table,
                      const assay_quarantine_options *options, char **ret_json, assay_error *err);

/* Sends the rows through the rules again, after the source's or the rules' fix; records that could
 * not be read are read again. What passes enters the table and leaves quarantine in one commit;
 * the rest stays. ENOTFOUND where nothing is in quarantine, EGATE where the table's gate is shut.
 * JSON: rows, replayed, left, snapshot_id. */
ASSAY_API ASSAY_NODISCARD assay_status
assay_quarantine_replay(assay_context *context, const char *table,
                        const assay_quarantine_options *options, char **ret_json, assay_error *err);

#ifdef __cplusplus
}
#endif

#endif
