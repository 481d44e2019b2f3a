/* Plain Parquet folders as tables (SEMANTICS.md 2.4).
 *
 * `<layer>/<table>` is a symbolic link to `.<table>/v<n>/` beside it. A version folder holds hard
 * links to its data files and `_assay/` with what load reads: version.json (schema, partitioning,
 * snapshot), files.json (files with statistics) and the state files.
 *
 * A commit prepares a folder whole, fsyncs it and renames it to `v<n>`; since a folder cannot be
 * renamed over one that is not empty, one writer alone gets each n. That rename is the commit:
 * assay takes the highest version for the table. The link, which is for all other readers, is then
 * swapped; where a crash came between, the next load or commit swaps it. So a version is never
 * shown unfinished, and never lost. */
#ifndef ASSAY_PARQUET_PARQUET_H
#define ASSAY_PARQUET_PARQUET_H

#include "table/table.h"

/* The format "parquet". A folder of Parquet files that assay did not make is read as it is, with
 * hive partition folders `k=v`, and never written. */
extern const assay_table_format assay_parquet_format;

#endif
