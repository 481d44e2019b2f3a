/* What lies in `_delta_log` (PROTOCOL.md, "Delta Log Entries" and "Checkpoints").
 *
 * The listing is the truth; `_last_checkpoint` is only a hint for stores that list slowly and is
 * not read, so a stale or broken one does no harm. */
#ifndef ASSAY_DELTA_LOG_H
#define ASSAY_DELTA_LOG_H

#include "base/arena.h"
#include "store/store.h"

typedef struct assay_delta_checkpoint {
    int64_t version;
    bool json;          /* a V2 checkpoint whose top level is JSON */
    const char **paths; /* its files: one, or all parts */
    size_t path_count;
} assay_delta_checkpoint;

typedef struct assay_delta_log {
    const char *location; /* the table */
    const char *folder;   /* its _delta_log */
    int64_t *commits;     /* versions that have a JSON file, ascending */
    size_t commit_count;
    assay_delta_checkpoint *checkpoints; /* complete ones, ascending by version */
    size_t checkpoint_count;
    int64_t version; /* the newest; -1 = no table here */
} assay_delta_log;

enum {
    ASSAY_DELTA_COMMIT_BYTES_MAX = 1 << 30, /* of one commit file */
    ASSAY_DELTA_LINE_BYTES_MAX = 1 << 28    /* of one action */
};

ASSAY_NODISCARD assay_status assay_delta_log_list(const char *location, assay_store *store,
                                                  assay_arena *arena, assay_delta_log **ret_log,
                                                  assay_error *err);

bool assay_delta_log_has_commit(const assay_delta_log *log, int64_t version);

/* Where reading of `version` begins: *ret_checkpoint is the newest one not after it (NULL = at
 * version 0). A commit that is missing on the way is EDATA 4202, by its number. */
ASSAY_NODISCARD assay_status assay_delta_log_start(const assay_delta_log *log, int64_t version,
                                                   const assay_delta_checkpoint **ret_checkpoint,
                                                   assay_error *err);

/* "<folder>/00000000000000000007.json". NULL when memory is short. */
char *assay_delta_log_commit_path(const assay_delta_log *log, int64_t version, assay_arena *arena);

/* Reads a commit file whole. */
ASSAY_NODISCARD assay_status assay_delta_log_read_commit(const assay_delta_log *log,
                                                         int64_t version, assay_store *store,
                                                         assay_buf *buf, assay_error *err);

/* Walks the actions of newline-delimited JSON: begins with *at = 0; false at the end. `ret_kind` is
 * the action's key ("add"), `ret_line` the line, both slices of `text`. A line that is no object
 * has the kind "". */
typedef struct assay_delta_line {
    const char *kind;
    size_t kind_size;
    const char *text;
    size_t size;
} assay_delta_line;
bool assay_delta_log_next_line(const assay_buf *text, size_t *at, assay_delta_line *ret_line);
bool assay_delta_line_is(const assay_delta_line *line, const char *kind);

#endif
