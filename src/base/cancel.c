#include "base/cancel.h"

#include "base/mem.h"

#include <signal.h>
#include <stdatomic.h>

/* 0 = go on, -1 = stop without a signal, else the signal's number. Lock-free, so that a signal
 * handler may set it. */
struct assay_cancel {
    atomic_int request;
};

assay_cancel *assay_cancel_new(void)
{
    return assay_mem_new(1, sizeof(assay_cancel));
}

void assay_cancel_free(assay_cancel *cancel)
{
    assay_mem_free(cancel);
}

void assay_cancel_request(assay_cancel *cancel, int signal_number)
{
    int expected = 0;

    /* The first reason stays. */
    (void)atomic_compare_exchange_strong(&cancel->request, &expected,
                                         signal_number > 0 ? signal_number : -1);
}

bool assay_cancel_requested(const assay_cancel *cancel)
{
    return cancel != NULL && atomic_load(&cancel->request) != 0;
}

int assay_cancel_signal(const assay_cancel *cancel)
{
    int request = cancel != NULL ? atomic_load(&cancel->request) : 0;

    return request > 0 ? request : 0;
}

assay_status assay_cancel_check(const assay_cancel *cancel, assay_error *err)
{
    if (!assay_cancel_requested(cancel))
        return ASSAY_OK;
    int signal_number = assay_cancel_signal(cancel);
    if (signal_number == SIGINT)
        return assay_error_set(err, ASSAY_ECANCELLED, 1002, "interrupted by SIGINT");
    if (signal_number == SIGTERM)
        return assay_error_set(err, ASSAY_ECANCELLED, 1002, "interrupted by SIGTERM");
    if (signal_number != 0)
        return assay_error_set(err, ASSAY_ECANCELLED, 1002, "interrupted by signal %d",
                               signal_number);
    return assay_error_set(err, ASSAY_ECANCELLED, 1002, "cancelled");
}
