/* How errors and result documents are printed. */
#ifndef ASSAY_CLI_REPORT_H
#define ASSAY_CLI_REPORT_H

#include <assay/assay.h>

#include "cli/terminal.h"

/* "E2107 models/silver/orders.sql:14:9  message", the source line with a caret where the place is
 * known, and where to read more. `project` is the folder that err->path is relative to; may be
 * NULL. */
void assay_report_append_error(assay_buf *buf, const assay_error *err, const char *project,
                               bool colour);

/* Prints the error to stderr and gives the exit code. */
int assay_report_failure(const assay_cli_options *options, const assay_error *err,
                         const char *project);

/* Prints a document: as it is with --output json, else by `draw`, and what `complain` (NULL =
 * nothing) makes of it to stderr. Frees `json`. */
typedef void assay_report_draw(assay_buf *buf, const assay_value *document, assay_arena *arena);
int assay_report_document(const assay_cli_options *options, char *json, assay_report_draw *draw,
                          assay_report_draw *complain, assay_arena *arena);

/* The drawings of the documents. */
void assay_report_draw_plan(assay_buf *buf, const assay_value *document, assay_arena *arena);
void assay_report_draw_plan_problems(assay_buf *buf, const assay_value *document,
                                     assay_arena *arena);
void assay_report_draw_models(assay_buf *buf, const assay_value *document, assay_arena *arena);
void assay_report_draw_render(assay_buf *buf, const assay_value *document, assay_arena *arena);
void assay_report_draw_tables(assay_buf *buf, const assay_value *document, assay_arena *arena);
void assay_report_draw_table(assay_buf *buf, const assay_value *document, assay_arena *arena);
void assay_report_draw_history(assay_buf *buf, const assay_value *document, assay_arena *arena);
void assay_report_draw_expire(assay_buf *buf, const assay_value *document, assay_arena *arena);
void assay_report_draw_rollback(assay_buf *buf, const assay_value *document, assay_arena *arena);
void assay_report_draw_rows(assay_buf *buf, const assay_value *document, assay_arena *arena);
void assay_report_draw_checks(assay_buf *buf, const assay_value *document, assay_arena *arena);
void assay_report_draw_quarantine(assay_buf *buf, const assay_value *document, assay_arena *arena);
void assay_report_draw_replay(assay_buf *buf, const assay_value *document, assay_arena *arena);
void assay_report_draw_published(assay_buf *buf, const assay_value *document, assay_arena *arena);
void assay_report_draw_verified(assay_buf *buf, const assay_value *document, assay_arena *arena);
void assay_report_draw_runs(assay_buf *buf, const assay_value *document, assay_arena *arena);
void assay_report_draw_run(assay_buf *buf, const assay_value *document, assay_arena *arena);
void assay_report_draw_doctor(assay_buf *buf, const assay_value *document, assay_arena *arena);
void assay_report_draw_init(assay_buf *buf, const assay_value *document, assay_arena *arena);

/* "E2204 models/bronze/t.yaml:3:5  message" of the item's "error"; nothing where it has none. */
void assay_report_append_problem(assay_buf *buf, const assay_value *item);

/* Lines for the "publications" of one table or step (none: nothing), and of each of a list. */
void assay_report_append_published(assay_buf *buf, const assay_value *map, const char *name);
void assay_report_append_publications(assay_buf *buf, const assay_value *list);

#endif
