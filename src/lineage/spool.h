/* Inside of lineage: segments of the spool. A segment is a file of JSON lines; who holds its lock
 * (flock) writes, sends and deletes it. Beside it lies one small file a transport with the number
 * of bytes that are delivered. Not thread-safe by itself: the emitter's lock guards the members,
 * while reading and syncing the file need no lock. */
#ifndef ASSAY_LINEAGE_SPOOL_H
#define ASSAY_LINEAGE_SPOOL_H

#include "base/buf.h"
#include "lineage/config.h"

typedef struct assay_spool_segment {
    char *path;
    int fd;
    int64_t size;                               /* bytes of whole lines */
    int64_t synced;                             /* bytes that are on disk for certain */
    int64_t done[ASSAY_LINEAGE_TRANSPORTS_MAX]; /* bytes delivered, by transport */
} assay_spool_segment;

enum {
    ASSAY_SPOOL_NAME_SIZE = 96,
    ASSAY_SPOOL_BLOCK = 1024 * 1024 /* bytes that are read at once, and more for a longer line */
};

/* Names of segments begin with this and sort by age. */
bool assay_spool_is_segment(const char *name);

/* Makes and locks `<folder>/<name>`; EEXISTS where the name is taken. */
ASSAY_NODISCARD assay_status assay_spool_create(const char *folder, const char *name,
                                                assay_spool_segment **ret_segment,
                                                assay_error *err);

/* Takes over what a dead process left: *ret_segment is NULL where it is locked or gone. A line
 * that was cut is taken off: its event was never acknowledged. */
ASSAY_NODISCARD assay_status assay_spool_adopt(const char *folder, const char *name,
                                               const assay_lineage_config *config,
                                               assay_spool_segment **ret_segment, assay_error *err);

/* Appends one line in one write; where that fails nothing of it stays. */
ASSAY_NODISCARD assay_status assay_spool_append(assay_spool_segment *segment, const char *line,
                                                size_t size, assay_error *err);

/* Reads whole lines between `from` and `to` into `buf` (emptied first), at least one. */
ASSAY_NODISCARD assay_status assay_spool_read(const assay_spool_segment *segment, int64_t from,
                                              int64_t to, assay_buf *buf, assay_error *err);

/* Number of lines from byte `from` on. */
ASSAY_NODISCARD assay_status assay_spool_count(const assay_spool_segment *segment, int64_t from,
                                               int64_t *ret_lines, assay_error *err);

ASSAY_NODISCARD assay_status assay_spool_sync(const assay_spool_segment *segment, assay_error *err);

/* Remembers what `transport` has got. Not synced: an event may be sent again, never lost. */
ASSAY_NODISCARD assay_status assay_spool_save(const assay_spool_segment *segment,
                                              const char *transport, int64_t done,
                                              assay_error *err);
int64_t assay_spool_load(const assay_spool_segment *segment, const char *transport);

/* Notes in the folder whose last event the segment has, before it is deleted: that a run has ended
 * must stay known until its own process, or the one that recovers it, has recorded it. */
ASSAY_NODISCARD assay_status assay_spool_note_ended(const char *folder,
                                                    const assay_spool_segment *segment,
                                                    assay_error *err);

/* Deletes the segment's files, positions of unknown transports too. */
void assay_spool_delete(const assay_spool_segment *segment);

/* Unlocks and frees; NULL is allowed. */
void assay_spool_free(assay_spool_segment *segment);

/* "<folder>/refused-<transport>.jsonl" */
void assay_spool_refused_path(const char *folder, const char *transport, assay_buf *path);

#endif
