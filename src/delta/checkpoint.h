/* Checkpoints as Parquet: read in any layout, written classic (PROTOCOL.md, "Checkpoints"). */
#ifndef ASSAY_DELTA_CHECKPOINT_H
#define ASSAY_DELTA_CHECKPOINT_H

#include "delta/replay.h"

/* Takes one action; kinds as in JSON. */
typedef assay_status assay_delta_action_sink(void *user, const char *kind, const assay_value *body,
                                             assay_error *err);

/* Reads a Parquet file of actions; without `with_files` only those that are no add or remove.
 * Values live in `arena`. */
ASSAY_NODISCARD assay_status assay_delta_checkpoint_read(assay_conn *conn, const char *path,
                                                         bool with_files, assay_arena *arena,
                                                         assay_delta_action_sink *sink, void *user,
                                                         assay_error *err);

/* Writes the checkpoint of `state` (with files) and `_last_checkpoint`. Removed files older than
 * the table keeps them are left out. The table must not need more than a classic checkpoint holds.
 */
ASSAY_NODISCARD assay_status assay_delta_checkpoint_write(const assay_delta_log *log,
                                                          const assay_delta_state *state,
                                                          int64_t now_ms, assay_store *store,
                                                          assay_conn *conn, assay_error *err);

/* False where a classic checkpoint by this writer would lose something of the table. */
bool assay_delta_checkpoint_possible(const assay_delta_state *state);

#endif
