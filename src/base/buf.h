/* A growing byte buffer whose text is always NUL-terminated. Errors are sticky: when memory is
 * short every later append does nothing, and assay_buf_check says so once. One thread at a time. */
#ifndef ASSAY_BASE_BUF_H
#define ASSAY_BASE_BUF_H

#include "base/error.h"

typedef struct assay_buf {
    char *data; /* NULL while empty; use assay_buf_text for printing */
    size_t size;
    size_t capacity;
    bool failed;
} assay_buf;

#define ASSAY_BUF_EMPTY ((assay_buf){NULL, 0, 0, false})

/* Frees the bytes and makes the buffer empty; NULL is allowed. For ASSAY_AUTO(assay_buf_done). */
void assay_buf_done(assay_buf *buf);

/* Empties it, keeps the memory. */
void assay_buf_clear(assay_buf *buf);

void assay_buf_append(assay_buf *buf, const void *bytes, size_t size);
void assay_buf_append_text(assay_buf *buf, const char *text);
void assay_buf_append_char(assay_buf *buf, char c);
void assay_buf_append_format(assay_buf *buf, const char *format, ...) ASSAY_PRINTF(2, 3);
void assay_buf_append_format_list(assay_buf *buf, const char *format, va_list arguments)
    ASSAY_PRINTF(2, 0);

/* Makes room for `extra` more bytes. */
void assay_buf_reserve(assay_buf *buf, size_t extra);

/* The text, "" while empty. Valid until the next append. */
const char *assay_buf_text(const assay_buf *buf);

/* ASSAY_OK, or ENOMEM where an append failed. */
ASSAY_NODISCARD assay_status assay_buf_check(const assay_buf *buf, assay_error *err);

#endif
