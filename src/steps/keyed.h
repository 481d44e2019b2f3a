/* Rows told apart by a key: from the rows of a query and the table as it is to the files that are
 * written again, for merge and scd2 alike. Private to this room.
 *
 * All is computed by the engine in tables of the write's private catalog:
 *   __assay_batch   the query's rows in the table's types; __assay_gone = the row deletes
 *   __assay_hit     (__f, __r ..): rows of the table whose key stands in the batch
 *   __assay_rows    rows as the table should have them, with their number __n
 *   __assay_chosen  the same as a view, without numbers, where all of them are new
 *   __assay_act     (__b, __f, __r, __a): what happens: row __b of __assay_rows, in place of row
 * __r of file __f; __a = 'i' inserted, 'u' updated, 'd' deleted
 */
#ifndef ASSAY_STEPS_KEYED_H
#define ASSAY_STEPS_KEYED_H

#include "steps/write.h"

#define KEYED_BATCH "__assay_batch"
#define KEYED_GONE "__assay_gone"
#define KEYED_HIT "__assay_hit"
#define KEYED_ROWS "__assay_rows"
#define KEYED_CHOSEN "__assay_chosen"
#define KEYED_ACT "__assay_act"
#define KEYED_FILES "__assay_files" /* type of file names; a number follows */

typedef struct assay_keyed {
    assay_write *write;
    const assay_row_rules *rules;
    bool fresh;                  /* nothing of the table stays: it is new, or rebuilt as a whole */
    const assay_schema *schema;  /* of the table afterwards */
    bool *from_query;            /* of each of its columns: the query gives it */
    bool *made;                  /* of each of its columns: stands in __assay_rows */
    assay_published_rows base;   /* as it was planned against; no files where fresh */
    assay_data_file *candidates; /* files that may hold a key of the batch */
    size_t candidate_count;
    bool all_new;             /* no row of the table can be meant: __assay_act is not made */
    const char *rows;         /* what holds the rows as the table should have them */
    int files_type;           /* number of the type of file names */
    assay_data_file *touched; /* files that are written again */
    size_t touched_count;
    int64_t inserted, updated, deleted; /* rows */
} assay_keyed;

/* ---- keyed.c: the plan ---- */

/* Makes __assay_batch and says what the table's schema will be. NULL in a key or version is EDATA
 * 4070. */
ASSAY_NODISCARD assay_status assay_keyed_read(assay_keyed *keyed, assay_error *err);

/* Finds what the batch changes: fills touched and the counts. Nothing is written. */
ASSAY_NODISCARD assay_status assay_keyed_plan(assay_keyed *keyed, assay_error *err);

/* The query whose rows replace those of the touched files. */
ASSAY_NODISCARD assay_status assay_keyed_select(assay_keyed *keyed, const char **ret_sql,
                                                assay_error *err);

/* What leaves the rows of that query which come or change: a join of t; NULL = all do. */
ASSAY_NODISCARD assay_status assay_keyed_batch(assay_keyed *keyed, const char **ret_join,
                                               assay_error *err);

/* Whether one of these files has a key of the batch. */
ASSAY_NODISCARD assay_status assay_keyed_look(assay_keyed *keyed, const assay_data_file *files,
                                              size_t count, bool *ret_found, assay_error *err);

/* ---- keyed_merge.c and keyed_history.c: __assay_rows and __assay_act ---- */

/* Merge: the highest version wins; 4071, 4072, 4073. */
ASSAY_NODISCARD assay_status assay_keyed_merge(assay_keyed *keyed, assay_error *err);

/* The history of every key of the batch anew, from what the table knows and the batch; 4072. */
ASSAY_NODISCARD assay_status assay_keyed_history(assay_keyed *keyed, assay_error *err);

/* keyed_new.c: the same where all_new, for batches that delete nothing and whose columns are all
 * tracked. *ret_made: false where it is none of these, or contradicts itself: nothing is made. */
ASSAY_NODISCARD assay_status assay_keyed_new_history(assay_keyed *keyed, bool *ret_made,
                                                     assay_error *err);

/* ---- keyed_sql.c: pieces of SQL ---- */

/* t."a" = b."a" AND t."b" = b."b" */
void assay_keyed_append_match(assay_buf *buf, const assay_keyed *keyed, const char *left,
                              const char *right);
/* b."a", b."b"; `alias` "" = no alias. */
void assay_keyed_append_key(assay_buf *buf, const assay_keyed *keyed, const char *alias);
void assay_keyed_append_column(assay_buf *buf, const char *alias, const char *name);
bool assay_keyed_is_key(const assay_keyed *keyed, const char *name);

/* A column of history that is computed, and from what. */
typedef struct assay_keyed_made {
    const char *name, *sql;
} assay_keyed_made;

/* Appends the SQL of the column `name`; false where it is none of `made`. */
bool assay_keyed_append_made(assay_buf *buf, const char *name, const assay_keyed_made *made,
                             size_t count);
/* surrogate_key of history; `start` is the SQL of effective_start. */
void assay_keyed_append_surrogate(assay_buf *buf, const assay_keyed *keyed, const char *alias,
                                  const char *start);
/* Whether rows of the batch have numbers: a column of theirs called rowid hides those. */
bool assay_keyed_has_numbers(const assay_keyed *keyed);
/* The type of column i as the user sees it. */
void assay_keyed_append_type(assay_buf *buf, const assay_keyed *keyed, size_t column);
/* (SELECT ..) with file columns, under `alias`. */
ASSAY_NODISCARD assay_status assay_keyed_append_scan(assay_buf *buf, const assay_keyed *keyed,
                                                     const assay_data_file *files, size_t count,
                                                     const char *alias, assay_error *err);
/* A row's file in the type of file names: CAST(t.__assay_file AS ..). */
void assay_keyed_append_file(assay_buf *buf, const assay_keyed *keyed, const char *alias);

/* Runs what the buffer holds and empties it. */
ASSAY_NODISCARD assay_status assay_keyed_run(assay_keyed *keyed, assay_buf *sql, assay_error *err);
/* The first cell as a number; empties the buffer. */
ASSAY_NODISCARD assay_status assay_keyed_ask(assay_keyed *keyed, assay_buf *sql, int64_t *ret_value,
                                             assay_error *err);

/* "id = '7', line = '1'" of the first row of `from` ("__assay_batch GROUP BY .."); values of pii
 * columns are ***. */
ASSAY_NODISCARD assay_status assay_keyed_name_row(assay_keyed *keyed, const char *from,
                                                  const char **ret_text, assay_error *err);

/* Makes __assay_hit over `files`: `more` are further columns of it (", b.__n AS __b"), over t, a
 * row of the table, and b, one of `relation`. */
ASSAY_NODISCARD assay_status assay_keyed_find_hits(assay_keyed *keyed, const char *relation,
                                                   const char *more, assay_error *err);

/* The candidates that `condition` of __assay_hit (NULL = all of it) names. */
ASSAY_NODISCARD assay_status assay_keyed_hit_files(assay_keyed *keyed, const char *table,
                                                   const char *condition,
                                                   assay_data_file **ret_files, size_t *ret_count,
                                                   assay_error *err);

#endif
