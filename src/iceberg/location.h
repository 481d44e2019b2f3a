/* Where files are: paths in metadata are absolute and written once, tables are opened by folder. A
 * path below the location that the metadata names is found below the folder that was opened. */
#ifndef ASSAY_ICEBERG_LOCATION_H
#define ASSAY_ICEBERG_LOCATION_H

#include "iceberg/metadata.h"

typedef struct assay_iceberg_location {
    const char *recorded;                   /* of the metadata, no trailing slash */
    const char *local;                      /* absolute folder that was opened */
    const assay_iceberg_metadata *metadata; /* for write.data.path and the like */
} assay_iceberg_location;

/* Absolute local path of a folder or file that a catalog or a metadata file names by an absolute
 * path or a file: URL; anything else is EUNSUPPORTED 4104. */
ASSAY_NODISCARD assay_status assay_iceberg_location_absolute(const char *recorded,
                                                             assay_arena *arena,
                                                             const char **ret_path,
                                                             assay_error *err);

/* Absolute local path of a recorded one. A file of another file system is EUNSUPPORTED 4104, one
 * outside the storage of the table EDATA 4105. */
ASSAY_NODISCARD assay_status assay_iceberg_location_local(const assay_iceberg_location *location,
                                                          const char *recorded, assay_arena *arena,
                                                          const char **ret_path, assay_error *err);

/* The form in which a local path is recorded; NULL when memory is short. */
const char *assay_iceberg_location_recorded(const assay_iceberg_location *location,
                                            const char *path, assay_arena *arena);

/* ASSAY_OK where the folder is the place that the metadata names; a table that was moved or copied
 * is read only: EUNSUPPORTED 4106. */
ASSAY_NODISCARD assay_status assay_iceberg_location_writable(const assay_iceberg_location *location,
                                                             assay_error *err);

#endif
