/* The one suite that publishing passes on every dialect. */
#ifndef ASSAY_TEST_WAREHOUSE_CONFORMANCE_H
#define ASSAY_TEST_WAREHOUSE_CONFORMANCE_H

#include "config/connections.h"

/* Runs all cases against the connection; the number of those that failed. */
int conformance_run(const char *name, const assay_connection_config *connection);

#endif
