/* Where parts of an installation lie that are loaded when they are needed: ADBC drivers and the
 * engine's extensions. Beside the program or the library first (lib/assay), then in the folder that
 * tools/bootstrap fills ($ASSAY_CACHE, $XDG_CACHE_HOME/assay, ~/.cache/assay). */
#ifndef ASSAY_BASE_PARTS_H
#define ASSAY_BASE_PARTS_H

#include "base/arena.h"

/* Path of "drivers/libadbc_driver_snowflake.so" or "extensions/httpfs.duckdb_extension" in the
 * first of those folders that has it; *ret_path NULL where none has. */
ASSAY_NODISCARD assay_status assay_parts_find(const char *name, assay_arena *arena,
                                              const char **ret_path, assay_error *err);

#endif
