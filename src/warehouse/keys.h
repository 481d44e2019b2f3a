/* The keys of what is about to be merged, judged in the engine before anything is sent. */
#ifndef ASSAY_WAREHOUSE_KEYS_H
#define ASSAY_WAREHOUSE_KEYS_H

#include "warehouse/mapping.h"

/* EDATA 7020 a NULL in a key that was not allowed, 7021 one key in several rows: without a version
 * any two, with one two different rows of the highest version. Both name some keys. *ret_newest:
 * keys do repeat, and the row of the highest version is the one to publish. */
ASSAY_NODISCARD assay_status assay_keys_check(const assay_warehouse_request *request,
                                              const assay_mapping *mapping, bool *ret_newest,
                                              assay_error *err);

/* "id=7, line=2" from the cells of a row that begins with the keys; values of pii columns are ***.
 * NULL when memory is short. */
const char *assay_keys_text(const assay_mapping *mapping, const assay_rows *rows, size_t row,
                            assay_arena *arena);

#endif
