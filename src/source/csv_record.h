/* One record of a CSV file that stands alone. */
#ifndef ASSAY_SOURCE_CSV_RECORD_H
#define ASSAY_SOURCE_CSV_RECORD_H

#include "source/source.h"

/* Does `text` split into exactly `fields` fields of the dialect, with every quote closed? Only such
 * a record may stand among others in a file: it cannot swallow its neighbours. */
bool assay_csv_record_fits(const char *text, const assay_source_dialect *dialect, size_t fields);

#endif
