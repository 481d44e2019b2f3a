/* One change on its way to a commit file. */
#ifndef ASSAY_DELTA_CHANGE_H
#define ASSAY_DELTA_CHANGE_H

#include "delta/loaded.h"

/* A file that becomes live, new or brought back. */
typedef struct assay_delta_new_file {
    const assay_data_file *file;
    const assay_value *body; /* of the add that it had before, NULL = a new file */
} assay_delta_new_file;

typedef struct assay_delta_change {
    const assay_table *base;
    const assay_delta_loaded *loaded; /* of the base */
    const assay_change *change;
    const assay_commit_env *env;
    assay_store *store;
    assay_arena *arena; /* of this attempt */
    int64_t version;    /* that is made */
    int64_t now_ms;
    const assay_value *protocol, *metadata; /* actions to write, NULL = as before */
    const assay_value *metadata_after;      /* in force after the commit */
    assay_delta_new_file *added;
    size_t added_count;
    const assay_data_file **removed;
    size_t removed_count;
    int64_t added_rows, added_bytes, removed_rows, removed_bytes; /* rows -1 unknown */
    int64_t rows, files, bytes; /* of the table after it, -1 unknown */
} assay_delta_change;

/* Decides protocol and metaData of the commit. */
ASSAY_NODISCARD assay_status assay_delta_change_metadata(assay_delta_change *change,
                                                         assay_error *err);

/* Decides which files come and go, and the totals. */
ASSAY_NODISCARD assay_status assay_delta_change_files(assay_delta_change *change, assay_error *err);

/* Writes the commit file's text. */
ASSAY_NODISCARD assay_status assay_delta_change_write(const assay_delta_change *change,
                                                      assay_buf *out, assay_error *err);

#endif
