#include "cli/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "text/json.h"

enum { DEFAULT_WIDTH = 100 };

assay_terminal assay_terminal_detect(const assay_cli_options *options)
{
    struct winsize size;
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    bool colour = !options->no_color && (no_color == NULL || no_color[0] == '\0') && term != NULL &&
                  strcmp(term, "dumb") != 0;
    assay_terminal terminal = {.out_is_terminal = isatty(STDOUT_FILENO) == 1,
                               .err_is_terminal = isatty(STDERR_FILENO) == 1,
                               .width = DEFAULT_WIDTH};

    terminal.out_colour = colour && terminal.out_is_terminal;
    terminal.err_colour = colour && terminal.err_is_terminal;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        terminal.width = size.ws_col;
    return terminal;
}

const char *assay_terminal_begin(bool on, assay_colour colour)
{
    if (!on)
        return "";
    switch (colour) {
    case ASSAY_COLOUR_NONE:
        return "";
    case ASSAY_COLOUR_GREEN:
        return "\x1b[32m";
    case ASSAY_COLOUR_RED:
        return "\x1b[31m";
    case ASSAY_COLOUR_YELLOW:
        return "\x1b[33m";
    case ASSAY_COLOUR_GREY:
        return "\x1b[90m";
    case ASSAY_COLOUR_BOLD:
        return "\x1b[1m";
    }
    return "";
}

const char *assay_terminal_end(bool on)
{
    return on ? "\x1b[0m" : "";
}

void assay_terminal_count(assay_buf *buf, int64_t value)
{
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)value);

    for (int i = 0; i < length; i++) {
        assay_buf_append_char(buf, digits[i]);
        int left = length - 1 - i;
        if (left > 0 && left % 3 == 0 && digits[i] != '-')
            assay_buf_append_char(buf, ',');
    }
}

void assay_terminal_bytes(assay_buf *buf, int64_t bytes)
{
    static const char *const UNITS[] = {"B", "KB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 1000 && unit + 1 < sizeof UNITS / sizeof UNITS[0]) {
        value /= 1000;
        unit++;
    }
    assay_buf_append_format(buf, unit == 0 ? "%.0f %s" : "%.1f %s", value, UNITS[unit]);
}

void assay_terminal_duration(assay_buf *buf, int64_t us)
{
    double seconds = (double)us / 1e6;

    if (seconds < 60)
        assay_buf_append_format(buf, "%.2f s", seconds);
    else
        assay_buf_append_format(buf, "%lld min %02d s", (long long)(us / 60000000),
                                (int)(us / 1000000 % 60));
}

/* ---- tables ---- */

static size_t cell_width(const char *text, size_t limit)
{
    size_t width = assay_str_code_points(text);

    return limit > 0 && width > limit ? limit : width;
}

/* Appends a cell, cut and padded; line breaks become blanks so that rows stay rows. */
static void append_cell(assay_buf *buf, const char *text, size_t width, bool right, size_t limit)
{
    size_t full = assay_str_code_points(text);
    size_t shown = limit > 0 && full > limit ? limit : full;
    size_t taken = 0;

    for (size_t i = shown; right && i < width; i++)
        assay_buf_append_char(buf, ' ');
    for (const char *at = text; *at != '\0'; at++) {
        bool starts = ((unsigned char)*at & 0xC0) != 0x80;
        if (starts && taken == shown)
            break;
        if (starts && shown < full && taken + 1 == shown) {
            assay_buf_append_text(buf, "…");
            break;
        }
        taken += starts ? 1 : 0;
        assay_buf_append_char(buf, (unsigned char)*at < 0x20 ? ' ' : *at);
    }
    for (size_t i = shown; !right && i < width; i++)
        assay_buf_append_char(buf, ' ');
}

static size_t column_width(const assay_grid *grid, size_t column)
{
    size_t width = assay_str_code_points(grid->headers[column]);

    for (size_t row = 0; row < grid->rows; row++) {
        size_t cell = cell_width(grid->cells[row * grid->columns + column], grid->limit);
        width = cell > width ? cell : width;
    }
    return width;
}

static void trim_line(assay_buf *buf)
{
    while (buf->size > 0 && buf->data[buf->size - 1] == ' ')
        buf->data[--buf->size] = '\0';
    assay_buf_append_char(buf, '\n');
}

void assay_terminal_grid(assay_buf *buf, const assay_grid *grid)
{
    ASSAY_AUTO(assay_mem_freep) size_t *widths = assay_mem_new(grid->columns, sizeof *widths);

    if (widths == NULL) {
        buf->failed = true;
        return;
    }
    for (size_t i = 0; i < grid->columns; i++)
        widths[i] = column_width(grid, i);
    for (size_t row = 0; row <= grid->rows; row++) {
        const char **cells = row == 0 ? grid->headers : &grid->cells[(row - 1) * grid->columns];
        for (size_t i = 0; i < grid->columns; i++) {
            if (i > 0)
                assay_buf_append_text(buf, "  ");
            append_cell(buf, cells[i], widths[i], grid->right[i], grid->limit);
        }
        trim_line(buf);
    }
}

const char *assay_terminal_cell(const assay_value *value, assay_arena *arena)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    if (value == NULL || value->kind == ASSAY_VALUE_NULL)
        return "";
    if (value->kind == ASSAY_VALUE_TEXT)
        return value->text;
    assay_json_write(&buf, value, 0);
    const char *text = assay_arena_text(arena, assay_buf_text(&buf));
    return text != NULL ? text : "";
}
