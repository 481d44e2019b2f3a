/* The emitter: events go to a durable spool first and from there to the transports.
 *
 * emit appends to a segment of the spool and returns; a writer thread makes segments durable
 * (group commit) and sender threads, one a transport, deliver: at least once, in the order of the
 * spool, so events of a run keep their order. Nothing that a backend does or does not do reaches
 * the caller of emit. What a backend refuses for good (4xx but 408, 425 and 429) goes to
 * `refused-<transport>.jsonl` beside the spool, with the answer.
 *
 * A folder may be shared by processes; what a dead one left is sent by the next one.
 *
 * Thread rule: emit from any thread; open and close from one. */
#ifndef ASSAY_LINEAGE_EMITTER_H
#define ASSAY_LINEAGE_EMITTER_H

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "lineage/config.h"
#include "lineage/event.h"

typedef struct assay_lineage_emitter assay_lineage_emitter;

/* Takes one event of the console transport: a line of JSON without a line feed. Any thread, one at
 * a time. */
typedef void assay_lineage_print(void *user, const char *line);

typedef struct assay_lineage_emitter_options {
    const assay_lineage_config *config; /* must live as long as the emitter */
    const char *folder;                 /* of the spool; made where it is missing */
    assay_clock clock;
    assay_random random;
    assay_log *log;             /* may be NULL */
    assay_lineage_print *print; /* console; NULL = the log, level INFO */
    void *print_user;
} assay_lineage_emitter_options;

enum {
    ASSAY_LINEAGE_EVENT_MAX = 16 * 1024 * 1024,  /* bytes of one event */
    ASSAY_LINEAGE_SEGMENT_MAX = 8 * 1024 * 1024, /* a new segment begins behind this */
    ASSAY_LINEAGE_CLOSE_MS = 250
};

/* A config that is not enabled gives an emitter that does nothing. EIO 6030 where the folder
 * cannot be written. */
ASSAY_NODISCARD assay_status assay_lineage_open(const assay_lineage_emitter_options *options,
                                                assay_lineage_emitter **ret_emitter,
                                                assay_error *err);

/* Writes the event and queues it: no file or network wait beyond one write(2). NULL emitter: OK.
 * An event that is not valid is EINVAL 6020, one that is too large EDATA 6021; where the spool
 * is full (ENOSPC, spool_limit) it is EIO 6031 and counted as lost. */
ASSAY_NODISCARD assay_status assay_lineage_emit(assay_lineage_emitter *emitter,
                                                const assay_lineage_event *event, assay_error *err);

/* Waits until everything emitted so far is on disk. */
ASSAY_NODISCARD assay_status assay_lineage_sync(assay_lineage_emitter *emitter, assay_error *err);

/* Waits until everything is delivered or refused, at most `timeout_ms`; true where it is. */
bool assay_lineage_drain(assay_lineage_emitter *emitter, int64_t timeout_ms);

/* Makes everything durable, delivers for at most `timeout_ms` more, stops the threads and frees the
 * emitter; what is left waits in the spool for the next run. NULL is allowed. */
void assay_lineage_close(assay_lineage_emitter *emitter, int64_t timeout_ms);
void assay_lineage_closep(assay_lineage_emitter **emitter); /* with ASSAY_LINEAGE_CLOSE_MS */

typedef struct assay_lineage_counts {
    int64_t emitted;   /* events of this emitter */
    int64_t delivered; /* by transport, so an event to two transports counts twice */
    int64_t refused;   /* written to the refused file */
    int64_t lost;      /* could not be written to the spool */
    int64_t retries;   /* tries that failed and are repeated */
    int64_t waiting;   /* deliveries that this emitter still has to make, older runs' included */
} assay_lineage_counts;

assay_lineage_counts assay_lineage_emitter_counts(assay_lineage_emitter *emitter);

/* What lies in a spool folder, without an emitter. */
typedef struct assay_lineage_spool_state {
    int64_t segments, bytes;
    int64_t events;  /* that at least one transport of `config` still has to get */
    int64_t refused; /* in refused files */
} assay_lineage_spool_state;

ASSAY_NODISCARD assay_status assay_lineage_spool_look(const char *folder,
                                                      const assay_lineage_config *config,
                                                      assay_lineage_spool_state *ret_state,
                                                      assay_error *err);

/* Adds to `ended` the run ids whose terminal event (COMPLETE, FAIL, ABORT) lies in a segment of the
 * folder, or lay in one that was sent and deleted since for a process that had died. To be asked
 * before an emitter is opened: what is in here was emitted and is not to be emitted again. */
ASSAY_NODISCARD assay_status assay_lineage_spool_ended(const char *folder, assay_map *ended,
                                                       assay_error *err);

#endif
