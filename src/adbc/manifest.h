/* Manifests of drivers; for this room. */
#ifndef ASSAY_ADBC_MANIFEST_H
#define ASSAY_ADBC_MANIFEST_H

#include "base/arena.h"

/* What a manifest says (https://arrow.apache.org/adbc/current/format/driver_manifests.html). */
typedef struct assay_adbc_manifest {
    const char *library;    /* of this platform; NULL = none is said */
    const char *entrypoint; /* NULL = AdbcDriverInit */
} assay_adbc_manifest;

/* Parses the TOML that manifests are written in: tables, text, numbers, comments. ECONFIG 3104 with
 * line where it is something else, or another manifest_version than 1. */
assay_status assay_adbc_manifest_parse(const char *text, size_t size, const char *path,
                                       assay_arena *arena, assay_adbc_manifest *ret_manifest,
                                       assay_error *err);

#endif
