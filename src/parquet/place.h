/* Where the versions of a Parquet table lie, and the link that names the current one. */
#ifndef ASSAY_PARQUET_PLACE_H
#define ASSAY_PARQUET_PLACE_H

#include "base/arena.h"

typedef struct assay_parquet_place {
    const char *location; /* "<layer>/<table>": the link */
    const char *name;     /* "<table>" */
    const char *folder;   /* "<layer>/.<table>" */
} assay_parquet_place;

/* What stands at the location. */
typedef enum assay_parquet_kind {
    ASSAY_PARQUET_ABSENT,
    ASSAY_PARQUET_LINK,  /* a link */
    ASSAY_PARQUET_EMPTY, /* a folder without data: at most state files of a first commit */
    ASSAY_PARQUET_FOLDER /* a folder with data, or a file */
} assay_parquet_kind;

ASSAY_NODISCARD assay_status assay_parquet_place_make(const char *location, assay_arena *arena,
                                                      assay_parquet_place *ret_place,
                                                      assay_error *err);

/* "<folder>/v<n>". NULL when memory is short. */
char *assay_parquet_version_path(const assay_parquet_place *place, int64_t version,
                                 assay_arena *arena);

/* The versions that are there, ascending. */
ASSAY_NODISCARD assay_status assay_parquet_versions(const assay_parquet_place *place,
                                                    assay_arena *arena, int64_t **ret_versions,
                                                    size_t *ret_count, assay_error *err);

ASSAY_NODISCARD assay_status assay_parquet_look(const assay_parquet_place *place,
                                                assay_arena *arena, assay_parquet_kind *ret_kind,
                                                assay_error *err);

/* True where the link names `version`. */
bool assay_parquet_link_is(const assay_parquet_place *place, int64_t version, assay_arena *arena);

/* Makes the link name the highest version, whoever else does the same at this moment. */
ASSAY_NODISCARD assay_status assay_parquet_publish(const assay_parquet_place *place,
                                                   assay_arena *arena, assay_error *err);

#endif
