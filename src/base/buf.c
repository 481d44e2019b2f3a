#include "base/buf.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

void assay_buf_done(assay_buf *buf)
{
    if (buf == NULL)
        return;
    assay_mem_free(buf->data);
    *buf = ASSAY_BUF_EMPTY;
}

void assay_buf_clear(assay_buf *buf)
{
    buf->size = 0;
    buf->failed = false;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

void assay_buf_reserve(assay_buf *buf, size_t extra)
{
    if (buf->failed)
        return;
    if (extra >= SIZE_MAX - buf->size) {
        buf->failed = true;
        return;
    }
    size_t needed = buf->size + extra + 1;
    if (needed <= buf->capacity)
        return;
    size_t capacity = buf->capacity == 0 ? FIRST_CAPACITY : buf->capacity;
    while (capacity < needed)
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    char *data = assay_mem_resize(buf->data, capacity, 1);
    if (data == NULL) {
        buf->failed = true;
        return;
    }
    buf->data = data;
    buf->capacity = capacity;
    buf->data[buf->size] = '\0';
}

void assay_buf_append(assay_buf *buf, const void *bytes, size_t size)
{
    assay_buf_reserve(buf, size);
    if (buf->failed)
        return;
    if (size > 0)
        memcpy(buf->data + buf->size, bytes, size);
    buf->size += size;
    buf->data[buf->size] = '\0';
}

void assay_buf_append_text(assay_buf *buf, const char *text)
{
    assay_buf_append(buf, text, strlen(text));
}

void assay_buf_append_char(assay_buf *buf, char c)
{
    assay_buf_append(buf, &c, 1);
}

void assay_buf_append_format_list(assay_buf *buf, const char *format, va_list arguments)
{
    va_list again;

    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length < 0)
        buf->failed = true;
    else
        assay_buf_reserve(buf, (size_t)length);
    if (!buf->failed) {
        (void)vsnprintf(buf->data + buf->size, (size_t)length + 1, format, again);
        buf->size += (size_t)length;
    }
    va_end(again);
}

void assay_buf_append_format(assay_buf *buf, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    assay_buf_append_format_list(buf, format, arguments);
    va_end(arguments);
}

const char *assay_buf_text(const assay_buf *buf)
{
    return buf->data != NULL ? buf->data : "";
}

assay_status assay_buf_check(const assay_buf *buf, assay_error *err)
{
    return buf->failed ? assay_error_nomem(err) : ASSAY_OK;
}
