/* The schema tables of the files this room reads. */
#ifndef ASSAY_CONFIG_TABLES_H
#define ASSAY_CONFIG_TABLES_H

#include "config/schema.h"

extern const assay_key_table assay_table_project;    /* assay.yaml */
extern const assay_key_table assay_table_storage;    /* config/storage.yaml */
extern const assay_key_table assay_table_header;     /* header of models/x/y.sql */
extern const assay_key_table assay_table_extract;    /* models/x/y.yaml */
extern const assay_key_table assay_table_connection; /* `type` of one connection */

extern const assay_key_table assay_table_s3_credentials; /* keys of an s3 connection */

/* The table of one connection type ("postgres" ..), or NULL. */
const assay_key_table *assay_table_connection_of(const char *type);

#endif
