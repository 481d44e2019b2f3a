/* Rows that break a rule of the contract or of the suite, split from the good ones: rules over
 * single rows in the pass that writes, keys by a look at the key columns of what was written
 * (facts: quality.md section 9).
 *
 * Which copy of a key stays: one that is in the table already; else, of files, the first record in
 * the order of the files; of models, the highest version where the header names one, then the first
 * in the order of all columns. A row that breaks another rule displaces no copy. In modes merge and
 * scd2 the mode itself decides which copy counts, so keys split nothing there. */
#ifndef ASSAY_STEPS_SPLIT_H
#define ASSAY_STEPS_SPLIT_H

#include "config/contract.h"
#include "quality/quality.h"
#include "table/stage.h"

struct assay_write;

/* The temporary table of rows that broke a rule: the table's columns, __assay_rules (INTEGER[],
 * which of split->rules), __assay_record and __assay_record_format (VARCHAR, of records that could
 * not be read) and __assay_reason (VARCHAR). */
#define ASSAY_SPLIT_ROWS "\"temp\".\"main\".\"__assay_split\""

typedef struct assay_split_rule {
    const char *name; /* "contract.key(id)", or the check's */
    assay_bad_row policy;
    const assay_quality_check *check; /* of the suite; NULL = of the contract */
    const assay_mask_rule *mask;      /* NULL = records that could not be read */
    int line, column;                 /* in the model's file; of the contract alone */
    int64_t rows;                     /* that broke it */
} assay_split_rule;

typedef struct assay_split {
    assay_split_rule *rules;
    size_t count;
    const char *bad; /* predicate for the pass that writes; NULL = no rule over single rows */
    bool keyed;      /* there are keys */
    bool opened;     /* ASSAY_SPLIT_ROWS is there */
    int64_t input_rows, quarantined, dropped;
} assay_split;

/* Finds the rules; tables that they refer to become readable in the connection. A rule of the
 * contract that cannot be judged is an error, one of the suite shuts the gate later. */
ASSAY_NODISCARD assay_status assay_split_open(const struct assay_write *write, assay_arena *arena,
                                              assay_split *ret_split, assay_error *err);

/* What the pass that writes has given. */
typedef struct assay_split_subject {
    const assay_schema *schema;  /* of the table */
    const assay_data_file *base; /* files that stay, whose keys are taken */
    size_t base_count;
    const assay_stage_request *stage; /* as it was written */
} assay_split_subject;

/* Takes the bad rows of `stage` into ASSAY_SPLIT_ROWS, looks for copies of keys among the good
 * ones, writes those without the copies where there are any, and counts. A broken rule with policy
 * fail is EDATA 2213. What was written under `*stage` is gone or in *stage. */
ASSAY_NODISCARD assay_status assay_split_take(const struct assay_write *write, assay_split *split,
                                              const assay_split_subject *subject,
                                              assay_stage_result *stage, const char **stage_id,
                                              assay_error *err);

/* For modes that compare the rows with the table before they write: runs the query once into a
 * temporary table, takes the bad rows out of it, and counts as above. *ret_select gives the good
 * ones. */
ASSAY_NODISCARD assay_status assay_split_batch(const struct assay_write *write, assay_split *split,
                                               const char **ret_select, assay_error *err);

/* After a lost race: EDATA 2213 .. is not asked again; ECONFLICT 4040 where a staged key is in the
 * table by now. */
ASSAY_NODISCARD assay_status assay_split_recheck(const struct assay_write *write,
                                                 const assay_split *split,
                                                 const assay_split_subject *subject,
                                                 const assay_stage_result *stage, assay_error *err);

/* Drops ASSAY_SPLIT_ROWS. */
void assay_split_close(const struct assay_write *write, assay_split *split);

/* ---- split_dropped.c ---- */

/* Rows that broke only rules with policy drop leave ASSAY_SPLIT_ROWS, into the run's results
 * without values of pii columns; ones that broke others too are kept. */
ASSAY_NODISCARD assay_status assay_split_drop(const struct assay_write *write, assay_split *split,
                                              assay_error *err);

/* ---- split_sql.c ---- */

/* SELECT of the rows of `relation` with __assay_rules: which rules over single rows each breaks. */
void assay_split_append_marked(assay_buf *buf, const assay_split *split, const char *relation);

/* Makes ASSAY_SPLIT_REPEATED: the keys of rule `index` that stand more than once in `relation`.
 * They are few; first they are found alone, so that nothing but the key columns is read where none
 * is. */
#define ASSAY_SPLIT_REPEATED "\"temp\".\"main\".\"__assay_repeated\""
void assay_split_append_repeated(assay_buf *buf, const assay_split *split, size_t index,
                                 const char *relation);

/* Rows of `relation` (with __assay_file and __assay_row) that are further copies of a key of rule
 * `index`, of those in ASSAY_SPLIT_REPEATED: SELECT __assay_file, __assay_row, <index>. */
void assay_split_append_copies(assay_buf *buf, const assay_split *split, size_t index,
                               const char *relation, const char *order);

/* Rows of `relation` whose key of rule `index` stands in `base`: the same columns. */
void assay_split_append_taken(assay_buf *buf, const assay_split *split, size_t index,
                              const char *relation, const char *base);

/* UPDATE that adds rule `index` to those rows of ASSAY_SPLIT_ROWS whose key stands in `good`. */
void assay_split_append_also(assay_buf *buf, const assay_split *split, size_t index,
                             const char *good);

#endif
