/* The source line with a caret that stands under an error message. */
#ifndef ASSAY_TEXT_EXCERPT_H
#define ASSAY_TEXT_EXCERPT_H

#include "base/buf.h"

/* Appends "   14 |        total_amnt as amount,\n      |        ^^^^^^^^^^\n" for line `line` of
 * `source` (the whole text), caret below `column` over the identifier that begins there. Nothing
 * where the line does not exist. */
void assay_excerpt_append(assay_buf *buf, const char *source, int line, int column);

/* Line and column (1-based, in code points) of byte `offset` of `source`. */
void assay_excerpt_position(const char *source, size_t offset, int *ret_line, int *ret_column);

#endif
