/* Action reconciliation (PROTOCOL.md): the state of a table at one version. */
#ifndef ASSAY_DELTA_REPLAY_H
#define ASSAY_DELTA_REPLAY_H

#include "delta/log.h"
#include "engine/engine.h"
#include "text/value.h"

/* A logical file that was added or removed. */
typedef struct assay_delta_file {
    const char *path;        /* absolute */
    const assay_value *body; /* of the action; members may be absent or null */
    int64_t version;         /* whose commit said it, -1 = it comes from a checkpoint */
} assay_delta_file;

/* The commitInfo of a version. */
typedef struct assay_delta_info {
    int64_t version;
    const assay_value *body;
} assay_delta_info;

typedef struct assay_delta_state {
    int64_t version;
    const assay_value *protocol, *metadata; /* bodies, never NULL */
    const assay_value **txns;               /* newest one of each appId */
    size_t txn_count;
    assay_delta_info *infos; /* of the commits that were read, ascending */
    size_t info_count;
    size_t domain_count;     /* domainMetadata that are in force */
    assay_delta_file *files; /* live ones; only where files were asked for */
    size_t file_count;
    assay_delta_file *tombstones; /* removed and not added again */
    size_t tombstone_count;
} assay_delta_state;

typedef struct assay_delta_replay_options {
    assay_store *store;
    assay_conn *conn; /* for checkpoints; NULL = a small engine is opened where one is read */
    bool with_files;
} assay_delta_replay_options;

/* The state at `version`, in `arena`. EDATA 4202 a gap, 4205 no protocol or no metaData, 4201
 * damaged. */
ASSAY_NODISCARD assay_status assay_delta_replay(const assay_delta_log *log, int64_t version,
                                                const assay_delta_replay_options *options,
                                                assay_arena *arena, assay_delta_state **ret_state,
                                                assay_error *err);

/* Parses the action of a line; *ret_body is the value of its key, NULL where it is no object. */
ASSAY_NODISCARD assay_status assay_delta_line_parse(const assay_delta_line *line, const char *path,
                                                    assay_arena *arena,
                                                    const assay_value **ret_body, assay_error *err);

/* The version of the txn of `app_id`, or -1. */
int64_t assay_delta_state_txn(const assay_delta_state *state, const char *app_id);

#endif
