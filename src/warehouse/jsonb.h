/* JSON as PostgreSQL prints a jsonb. */
#ifndef ASSAY_WAREHOUSE_JSONB_H
#define ASSAY_WAREHOUSE_JSONB_H

#include "base/buf.h"

/* Appends the text that CAST(CAST(text AS jsonb) AS text) has: keys by length, then by bytes, of
 * equal ones the last; numbers as numeric prints them, with all their digits; blanks and escapes of
 * its own. False where `text` is no JSON, or nests or counts beyond what is compared. */
bool assay_jsonb_text(const char *text, size_t size, assay_buf *result);

#endif
