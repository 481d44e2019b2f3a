/* The allocation-failure loop: a body is run again and again, with the 1st, 2nd, 3rd .. allocation
 * failing, until it runs through. Every earlier run must say ENOMEM; the leak sanitizer sees what
 * it left behind. */
#ifndef ASSAY_TEST_EXHAUST_H
#define ASSAY_TEST_EXHAUST_H

#include "base/error.h"

typedef assay_status exhaust_body(void *user, assay_error *err);

/* Fails the running test where a run gives anything but ENOMEM, or where the loop has no end. */
void exhaust_allocations(exhaust_body *body, void *user);

#endif
