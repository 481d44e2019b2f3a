#include "cli/report.h"

#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "text/excerpt.h"
#include "text/json.h"

enum { SOURCE_MAX = 16 * 1024 * 1024 };

/* ---- errors ---- */

static void append_excerpt(assay_buf *buf, const assay_error *err, const char *project)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_buf_done) assay_buf source = ASSAY_BUF_EMPTY;

    if (arena == NULL || err->path[0] == '\0' || err->line == 0 || project == NULL)
        return;
    char *path = assay_path_join(arena, project, err->path);
    if (path != NULL && assay_path_read(path, SOURCE_MAX, &source, NULL) == ASSAY_OK)
        assay_excerpt_append(buf, assay_buf_text(&source), err->line, err->column);
}

void assay_report_append_error(assay_buf *buf, const assay_error *err, const char *project,
                               bool colour)
{
    assay_buf_append_text(buf, assay_terminal_begin(colour, ASSAY_COLOUR_RED));
    if (err->number != 0)
        assay_buf_append_format(buf, "E%d", err->number);
    else
        assay_buf_append_text(buf, "error");
    assay_buf_append_text(buf, assay_terminal_end(colour));
    if (err->path[0] != '\0') {
        assay_buf_append_format(buf, " %s", err->path);
        if (err->line > 0)
            assay_buf_append_format(buf, ":%d", err->line);
        if (err->line > 0 && err->column > 0)
            assay_buf_append_format(buf, ":%d", err->column);
        assay_buf_append_char(buf, ' ');
    }
    assay_buf_append_format(buf, " %s\n", err->message);
    append_excerpt(buf, err, project);
}

static void append_json_error(assay_buf *buf, const assay_error *err)
{
    assay_json_writer json = assay_json_writer_init(buf);

    assay_json_begin_map(&json);
    assay_json_key(&json, "schema_version");
    assay_json_int(&json, 1);
    assay_json_key(&json, "event");
    assay_json_text(&json, "error");
    assay_json_key(&json, "status");
    assay_json_text(&json, assay_status_name(err->code));
    assay_json_key(&json, "number");
    assay_json_int(&json, err->number);
    assay_json_key(&json, "path");
    assay_json_text(&json, err->path[0] != '\0' ? err->path : NULL);
    assay_json_key(&json, "line");
    assay_json_int(&json, err->line);
    assay_json_key(&json, "column");
    assay_json_int(&json, err->column);
    assay_json_key(&json, "message");
    assay_json_text(&json, err->message);
    assay_json_end_map(&json);
    assay_buf_append_char(buf, '\n');
}

int assay_report_failure(const assay_cli_options *options, const assay_error *err,
                         const char *project)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    assay_terminal terminal = assay_terminal_detect(options);

    if (options->format == ASSAY_CLI_OUTPUT_JSON) {
        append_json_error(&buf, err);
        (void)fputs(assay_buf_text(&buf), stdout);
    } else {
        assay_report_append_error(&buf, err, project, terminal.err_colour);
        (void)fputs(assay_buf_text(&buf), stderr);
    }
    return assay_error_exit_code(err);
}

/* ---- documents ---- */

int assay_report_document(const assay_cli_options *options, char *json, assay_report_draw *draw,
                          assay_report_draw *complain, assay_arena *arena)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf problems = ASSAY_BUF_EMPTY;
    assay_value *document = NULL;
    assay_error err = {0};

    if (options->format == ASSAY_CLI_OUTPUT_JSON) {
        printf("%s\n", json);
        assay_text_free(json);
        return 0;
    }
    assay_status status = assay_json_parse(json, strlen(json), "result", arena, &document, &err);
    if (status == ASSAY_OK) {
        draw(&buf, document, arena);
        if (complain != NULL)
            complain(&problems, document, arena);
        status = assay_buf_check(&buf, &err);
    }
    if (status == ASSAY_OK)
        status = assay_buf_check(&problems, &err);
    if (status == ASSAY_OK) {
        (void)fputs(assay_buf_text(&buf), stdout);
        (void)fflush(stdout);
        (void)fputs(assay_buf_text(&problems), stderr);
    }
    assay_text_free(json);
    return status == ASSAY_OK ? 0 : assay_report_failure(options, &err, NULL);
}
