/* The folder catalog ("hadoop" style): `<table>/metadata/v<N>.metadata.json`, the highest N is
 * current, and version-hint.text only saves a listing. One writing engine (SEMANTICS.md 2.5). */
#ifndef ASSAY_CATALOG_FOLDER_H
#define ASSAY_CATALOG_FOLDER_H

#include "iceberg/iceberg.h"

/* The catalog over a store; it has no state. Any thread.
 * Numbers: a lost race is ECONFLICT 4401; metadata of which no file can be told to be current EDATA
 * 4402. Tables with numbered files of another catalog (00001-<uuid>.metadata.json) can be read, and
 * so can a metadata file that is the location. */
extern const assay_iceberg_catalog assay_folder_catalog;

/* Iceberg tables in the folder catalog: the format "iceberg" of the other rooms. */
extern const assay_table_format assay_iceberg_format;

#endif
