/* Escapes in the texts of JSON (RFC 8259 section 7), for whoever reads JSON in a way of its own. */
#ifndef ASSAY_TEXT_JSON_TEXT_H
#define ASSAY_TEXT_JSON_TEXT_H

#include "base/buf.h"

/* Appends what an escape stands for, as UTF-8. *at stands behind the backslash and moves behind the
 * escape. NULL, or what is wrong with it: \u0000 is refused, and half of a surrogate pair. */
ASSAY_NODISCARD const char *assay_json_unescape(const char **at, const char *end, assay_buf *out);

#endif
