/* Row-level deletes of format version 2 (spec, "Delete Formats" and "Scan Planning"), turned into
 * row positions of the data files. Private to the room. */
#ifndef ASSAY_ICEBERG_DELETES_H
#define ASSAY_ICEBERG_DELETES_H

#include "iceberg/table_data.h"

enum { ASSAY_ICEBERG_DELETES_MAX = 2000000 }; /* deleted rows in one snapshot */

/* Fills deleted_rows of `files` (made of `live`, in the same order) from the delete files in
 * `deletes` (assay_iceberg_live_entry) and takes the deleted rows off `rows`. Deletion vectors are
 * EUNSUPPORTED 4108. The files are read by a small engine of its own. */
ASSAY_NODISCARD assay_status assay_iceberg_apply_deletes(const assay_iceberg_location *location,
                                                         const assay_vec *live,
                                                         const assay_vec *deletes,
                                                         assay_data_file *files, assay_arena *arena,
                                                         assay_error *err);

#endif
