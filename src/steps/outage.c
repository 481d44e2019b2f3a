#include "steps/outage.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/thread.h"

struct outage {
    int64_t since_us;
    assay_error why;
};

struct assay_outages {
    assay_lock *lock;
    assay_map *by_connection; /* of struct outage */
};

assay_outages *assay_outages_new(void)
{
    assay_outages *outages = assay_mem_new(1, sizeof *outages);

    if (outages == NULL)
        return NULL;
    outages->lock = assay_lock_new();
    outages->by_connection = assay_map_new();
    if (outages->lock == NULL || outages->by_connection == NULL)
        assay_outages_freep(&outages);
    return outages;
}

void assay_outages_freep(assay_outages **outages)
{
    if (*outages == NULL)
        return;
    const assay_map *map = (*outages)->by_connection;
    for (size_t i = 0; map != NULL && i < assay_map_count(map); i++)
        assay_mem_free(assay_map_value_at(map, i));
    assay_map_freep(&(*outages)->by_connection);
    assay_lock_free((*outages)->lock);
    assay_mem_free(*outages);
    *outages = NULL;
}

/* The record of a connection, made where there is none; NULL when memory is short. */
static struct outage *record_of(assay_outages *outages, const char *connection)
{
    struct outage *outage = assay_map_find(outages->by_connection, connection);

    if (outage != NULL)
        return outage;
    outage = assay_mem_new(1, sizeof *outage);
    if (outage == NULL ||
        assay_map_put(outages->by_connection, connection, outage, NULL) == ASSAY_OK)
        return outage;
    assay_mem_free(outage);
    return NULL;
}

void assay_outages_note(assay_outages *outages, const char *connection, int64_t monotonic_us,
                        const assay_error *why)
{
    assay_lock_acquire(outages->lock);
    struct outage *outage = record_of(outages, connection);
    if (outage != NULL)
        *outage = (struct outage){monotonic_us, *why};
    assay_lock_release(outages->lock);
}

bool assay_outages_find(assay_outages *outages, const char *connection, int64_t monotonic_us,
                        assay_error *ret_why)
{
    assay_lock_acquire(outages->lock);
    const struct outage *outage = assay_map_find(outages->by_connection, connection);
    bool found =
        outage != NULL && monotonic_us - outage->since_us < (int64_t)ASSAY_OUTAGE_MS * 1000;
    if (found)
        *ret_why = outage->why;
    assay_lock_release(outages->lock);
    if (!found)
        return false;
    ret_why->path[0] = '\0'; /* that was the place of the one that tried */
    ret_why->line = 0;
    ret_why->column = 0;
    return true;
}
