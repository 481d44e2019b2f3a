/* Rows of files whose statistics do not tell them: statistics are optional in the log. */
#ifndef ASSAY_DELTA_COUNT_H
#define ASSAY_DELTA_COUNT_H

#include "table/file.h"

/* Fills `rows` where it is -1 from the footers of the files. What cannot be read stays unknown: a
 * scan says what is wrong with such a file. */
ASSAY_NODISCARD assay_status assay_delta_count_rows(assay_data_file *files, size_t count,
                                                    assay_error *err);

#endif
