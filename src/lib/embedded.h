/* Files that travel inside the library, as cmake/AssayEmbed.cmake makes them of examples/. */
#ifndef ASSAY_LIB_EMBEDDED_H
#define ASSAY_LIB_EMBEDDED_H

#include <stddef.h>

/* One file: `path` is relative to examples/ ("retail/assay.yaml"), `data` is closed by a zero
 * that `size` does not count. */
typedef struct assay_embedded_file {
    const char *path;
    const unsigned char *data;
    size_t size;
} assay_embedded_file;

/* Sorted by path; closed by an entry without a path. */
extern const assay_embedded_file assay_examples[];
extern const size_t assay_examples_count;

#endif
