/* The public golden tables of ../shared/data/tables: other engines wrote them, manifest.json says
 * what reading them must give. */
#ifndef ASSAY_TEST_GOLDEN_H
#define ASSAY_TEST_GOLDEN_H

#include "support/lake.h"
#include "text/value.h"

typedef struct golden {
    char *folder;                /* where the pack is unpacked */
    const assay_value *manifest; /* list of tables */
} golden;

/* Unpacks `pack` below the lake's folder. False where the material is absent: the test is skipped.
 */
bool golden_open(test_lake *lake, const char *pack, golden *ret_golden);

/* What came of one read. */
typedef struct golden_result {
    bool ok;
    assay_status status; /* of the refusal */
    char text[2048];     /* what differs, or the refusal's message */
} golden_result;

/* Loads and reads `location` (absolute, or below the lake) and compares columns, rows and digest
 * with `expect`, at snapshot `snapshot_id` (-1 = newest). */
golden_result golden_read(test_lake *lake, const assay_table_format *format, const char *location,
                          int64_t snapshot_id, const assay_value *expect);

/* True where `feature` is listed for the table. */
bool golden_has_feature(const assay_value *table, const char *feature);

#endif
