/* The first line of a CSV file: files that begin alike are written alike. */
#ifndef ASSAY_SOURCE_CSV_HEADER_H
#define ASSAY_SOURCE_CSV_HEADER_H

#include "source/source.h"

/* Length of the header of the file that begins with these bytes, with its line end, where it says
 * all of the dialect: 0 where the line does not end, or where a quote or a backslash in the bytes
 * could mean more than the dialect, which must be the usual one, says. */
size_t assay_csv_header_size(const char *bytes, size_t size, const assay_source_dialect *dialect);

#endif
