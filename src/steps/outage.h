/* Outside databases that were not reached a moment ago: a run with many tables waits for the login
 * of one publication, not of each.
 *
 * Thread rule: shared by all threads. */
#ifndef ASSAY_STEPS_OUTAGE_H
#define ASSAY_STEPS_OUTAGE_H

#include "base/error.h"

enum { ASSAY_OUTAGE_MS = 60 * 1000 }; /* then it is tried again */

typedef struct assay_outages assay_outages;

assay_outages *assay_outages_new(void); /* NULL when memory is short */
void assay_outages_freep(assay_outages **outages);

/* Remembers why a connection was not reached; short memory forgets it. */
void assay_outages_note(assay_outages *outages, const char *connection, int64_t monotonic_us,
                        const assay_error *why);

/* True where the connection was not reached lately; *ret_why says why, without the place
 * of the one that tried. */
bool assay_outages_find(assay_outages *outages, const char *connection, int64_t monotonic_us,
                        assay_error *ret_why);

#endif
