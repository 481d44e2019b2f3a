/* The dialects; for dialect.c alone. */
#ifndef ASSAY_WAREHOUSE_DIALECT_TABLES_H
#define ASSAY_WAREHOUSE_DIALECT_TABLES_H

#include "warehouse/dialect.h"

extern const assay_dialect assay_dialect_postgres;
extern const assay_dialect assay_dialect_snowflake;

#endif
