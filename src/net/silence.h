/* A watch over connections that a library made which itself waits for ever: a server that is there
 * and says nothing (stopped, or behind a proxy that is not) is found by no keepalive. Where nothing
 * came or went for the limit, the connections are shut down, and the library's reads and writes end
 * with an error.
 *
 * The connections are known by a mark: their TCP_USER_TIMEOUT, which the caller has the library set
 * and no other connection of the process has. Connections that are not of TCP are not seen. */
#ifndef ASSAY_NET_SILENCE_H
#define ASSAY_NET_SILENCE_H

#include "base/clock.h"

typedef struct assay_silence assay_silence;

/* Any thread. `clock` outlives the watch. While the process computes (also somewhere else), silence
 * is not counted: connections are quiet too while their rows are worked on. */
ASSAY_NODISCARD assay_status assay_silence_watch(const assay_clock *clock, int mark_ms,
                                                 int64_t limit_ms, assay_silence **ret_silence,
                                                 assay_error *err);

/* Whether the limit has passed. */
bool assay_silence_broke(assay_silence *silence);

/* Ends the watch and waits for its thread; NULL is allowed. */
void assay_silence_end(assay_silence *silence);
void assay_silence_endp(assay_silence **silence);

#endif
