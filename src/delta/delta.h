/* Delta Lake tables (protocol of delta.io, PROTOCOL.md) behind the interface of table/table.h. */
#ifndef ASSAY_DELTA_DELTA_H
#define ASSAY_DELTA_DELTA_H

#include "table/table.h"

/* The format "delta". A loaded table is plain data; plan_files and snapshot_schema open a small
 * engine of their own where they must read a checkpoint, so that they need no connection. */
extern const assay_table_format assay_delta_format;

#endif
