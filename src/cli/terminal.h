/* What a terminal can do, and how text is laid out in it. */
#ifndef ASSAY_CLI_TERMINAL_H
#define ASSAY_CLI_TERMINAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "cli/options.h"
#include "text/value.h"

typedef enum assay_colour {
    ASSAY_COLOUR_NONE,
    ASSAY_COLOUR_GREEN,
    ASSAY_COLOUR_RED,
    ASSAY_COLOUR_YELLOW,
    ASSAY_COLOUR_GREY,
    ASSAY_COLOUR_BOLD
} assay_colour;

typedef struct assay_terminal {
    bool out_is_terminal, err_is_terminal;
    bool out_colour, err_colour;
    int width;
} assay_terminal;

/* Looks at stdout, stderr, NO_COLOR, TERM and --no-color. */
assay_terminal assay_terminal_detect(const assay_cli_options *options);

/* Escape sequences; "" where `on` is false. */
const char *assay_terminal_begin(bool on, assay_colour colour);
const char *assay_terminal_end(bool on);

/* "1,204", "18.4 MB", "0.42 s" into the buffer. */
void assay_terminal_count(assay_buf *buf, int64_t value);
void assay_terminal_bytes(assay_buf *buf, int64_t bytes);
void assay_terminal_duration(assay_buf *buf, int64_t us);

/* A table with a header line; cells are text, numbers right-aligned. `limit` cuts cells at that
 * many code points (0 = never). */
typedef struct assay_grid {
    const char **headers;
    const bool *right;
    size_t columns;
    const char **cells; /* rows * columns */
    size_t rows;
    size_t limit;
} assay_grid;
void assay_terminal_grid(assay_buf *buf, const assay_grid *grid);

/* The text a value has in a cell: NULL for null, JSON for lists and maps. */
const char *assay_terminal_cell(const assay_value *value, assay_arena *arena);

#endif
