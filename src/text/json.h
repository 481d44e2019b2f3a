/* JSON in and out (RFC 8259). Integers are exact to 64 bits; duplicate keys are errors; depth and
 * size are limited. Any thread. */
#ifndef ASSAY_TEXT_JSON_H
#define ASSAY_TEXT_JSON_H

#include "base/buf.h"
#include "text/value.h"

enum { ASSAY_JSON_DEPTH_MAX = 200 };

/* Parses one document. `path` is only for messages. Integers that do not fit 64 bits become REAL
 * with their digits in `text`. Errors: EDATA 1101 with line and column. */
ASSAY_NODISCARD assay_status assay_json_parse(const char *bytes, size_t size, const char *path,
                                              assay_arena *arena, assay_value **ret_value,
                                              assay_error *err);

/* The same with another limit of nesting than ASSAY_JSON_DEPTH_MAX, for documents whose writer is
 * trusted and nests deeply (the engine's trees). */
ASSAY_NODISCARD assay_status assay_json_parse_deep(const char *bytes, size_t size, const char *path,
                                                   int depth_max, assay_arena *arena,
                                                   assay_value **ret_value, assay_error *err);

/* Writes `value` compactly (indent = 0) or with `indent` blanks a level. REAL values that carry
 * `text` are written as that text; NaN and infinity become null. */
void assay_json_write(assay_buf *buf, const assay_value *value, int indent);

/* Writes a JSON string literal with its quotes. Invalid UTF-8 is replaced by U+FFFD. */
void assay_json_write_text(assay_buf *buf, const char *text);

/* A streaming writer for larger output: keeps commas and nesting right. */
typedef struct assay_json_writer {
    assay_buf *buf;
    bool need_comma;
} assay_json_writer;

assay_json_writer assay_json_writer_init(assay_buf *buf);
void assay_json_begin_map(assay_json_writer *writer);
void assay_json_end_map(assay_json_writer *writer);
void assay_json_begin_list(assay_json_writer *writer);
void assay_json_end_list(assay_json_writer *writer);
void assay_json_key(assay_json_writer *writer, const char *key);
void assay_json_text(assay_json_writer *writer, const char *text); /* NULL writes null */
void assay_json_int(assay_json_writer *writer, int64_t value);
void assay_json_real(assay_json_writer *writer, double value);
void assay_json_bool(assay_json_writer *writer, bool value);
void assay_json_null(assay_json_writer *writer);
void assay_json_value(assay_json_writer *writer, const assay_value *value);

#endif
