/* Names of metadata files: `v<N>.metadata.json` of the folder catalog, `<N>-<uuid>.metadata.json`
 * of catalogs that have a pointer of their own. */
#ifndef ASSAY_ICEBERG_FILE_NAME_H
#define ASSAY_ICEBERG_FILE_NAME_H

#include <stdbool.h>
#include <stdint.h>

typedef enum assay_iceberg_name_kind {
    ASSAY_ICEBERG_NAME_NONE,      /* no metadata file */
    ASSAY_ICEBERG_NAME_VERSIONED, /* v<N> */
    ASSAY_ICEBERG_NAME_NUMBERED,  /* <N>-<uuid> */
    ASSAY_ICEBERG_NAME_OTHER      /* a metadata file without a number */
} assay_iceberg_name_kind;

/* What the name (without folders) of a file says; *ret_number is N, or -1 where there is none.
 * Compressed files (`.gz.metadata.json`, `.metadata.json.gz`) count as the others. */
assay_iceberg_name_kind assay_iceberg_name_of(const char *name, int64_t *ret_number);

#endif
