/* The source of an extract: which files are new, what columns they have, and the SELECT that reads
 * them. */
#ifndef ASSAY_SOURCE_SOURCE_H
#define ASSAY_SOURCE_SOURCE_H

#include "base/buf.h"
#include "pipeline/step.h"
#include "table/state.h"

enum { ASSAY_SOURCE_FILES_MAX = 100000, ASSAY_SOURCE_BAD_SHOWN = 3 };

/* How a CSV file is written: declared, else found by looking. */
typedef struct assay_source_dialect {
    const char *delimiter, *quote, *escape, *comment;
    bool header;
    int64_t skip;
} assay_source_dialect;

typedef struct assay_source_file {
    const char *path;  /* absolute */
    const char *given; /* relative to the project: how the user knows it */
    int64_t size, mtime_ns;
    const char *sha256;
    bool changed; /* a known path with other content */
    /* set by assay_source_look: */
    bool looked;
    const char *header;    /* CSV: the line that says all of its dialect; NULL = none does */
    assay_column *columns; /* as they stand in the file, with the types that it suggests */
    size_t column_count;
    assay_source_dialect dialect;
} assay_source_file;

/* What was seen in files before (source/looks). */
typedef struct assay_source_looks assay_source_looks;

/* One read of a source. Plain data in the arena. */
typedef struct assay_source {
    const assay_project *project;
    const assay_model *model;
    const assay_extract_config *config;
    assay_conn *conn;
    assay_arena *arena;
    assay_source_looks *looks; /* may be NULL */
    assay_source_file *files;  /* those to be loaded */
    size_t count;
    size_t matched;        /* files that the globs found */
    assay_column *columns; /* of the table, without the bronze columns */
    size_t column_count;
    const char *run_id; /* for _run_id; NULL = not reading */
    int64_t now_us;     /* for _loaded_at */
} assay_source;

/* Lists the files of the globs and keeps those that `state` (NULL = nothing was loaded) does not
 * know. A changed file is EDATA 2203 unless the extract's changed_file says otherwise. */
ASSAY_NODISCARD assay_status assay_source_list(assay_source *source, const assay_state_file *state,
                                               assay_error *err);

/* Looks into the files: header, dialect, types. */
ASSAY_NODISCARD assay_status assay_source_look(assay_source *source, assay_error *err);

/* Decides the table's columns: the contract's, the published ones, what the files have, by the
 * contract's policies. `published` may be empty. */
ASSAY_NODISCARD assay_status assay_source_decide(assay_source *source,
                                                 const assay_column *published,
                                                 size_t published_count, assay_error *err);

/* Appends the SELECT that reads all files with the bronze columns. Strict: one broken record fails
 * it. Tolerant: broken records are left out. */
ASSAY_NODISCARD assay_status assay_source_append_select(const assay_source *source, bool tolerant,
                                                        assay_buf *buf, assay_error *err);

/* Finds broken records: a temporary table `assay_bad_rows` (file VARCHAR, record BIGINT,
 * column_name VARCHAR, reason VARCHAR, text VARCHAR), and how such a text is to be read in
 * `assay_bad_formats` (file VARCHAR, format VARCHAR as JSON). *ret_count = how many. Only CSV and
 * JSON lines can have any. */
ASSAY_NODISCARD assay_status assay_source_find_bad(const assay_source *source, int64_t *ret_count,
                                                   assay_error *err);

/* Have the files stayed as they were while they were read? EIO 2206 (retryable) if not. */
ASSAY_NODISCARD assay_status assay_source_verify(const assay_source *source, assay_error *err);

/* The bronze columns (SEMANTICS.md 1.8), in their order. */
extern const assay_column assay_source_bronze[];
extern const size_t assay_source_bronze_count;
bool assay_source_is_bronze(const char *column);

#endif
