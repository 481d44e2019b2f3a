/* What a scan must know of files that assay did not write; private to this room. */
#ifndef ASSAY_TABLE_SCAN_FILES_H
#define ASSAY_TABLE_SCAN_FILES_H

#include "table/scan.h"

/* Sets ret_by_name[i] where file i carries no field ids. EUNSUPPORTED 4035 where a nested field has
 * another name in a file than in the schema: the engine resolves those by name. */
ASSAY_NODISCARD assay_status assay_scan_files_look(struct assay_conn *conn,
                                                   const assay_schema *schema,
                                                   const assay_data_file *files, size_t count,
                                                   bool *ret_by_name, assay_error *err);

#endif
