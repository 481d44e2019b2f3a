/* The files of examples/ that are part of the binary. */
#ifndef ASSAY_LIB_EMBEDDED_H
#define ASSAY_LIB_EMBEDDED_H

#include <stddef.h>

typedef struct assay_embedded_file {
    const char *path; /* relative to the folder that was embedded */
    const unsigned char *bytes;
    size_t size;
} assay_embedded_file;

extern const assay_embedded_file assay_example_empty[];
extern const size_t assay_example_empty_count;
extern const assay_embedded_file assay_example_retail[];
extern const size_t assay_example_retail_count;

#endif
