/* `assay init`: a small empty project, or an example whose sources the engine makes itself. */
#include <assay/pipeline.h>

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/path.h"
#include "base/str.h"
#include "base/thread.h"
#include "engine/engine.h"
#include "lib/document.h"
#include "lib/embedded.h"
#include "text/json.h"

struct example {
    const char *name;
    const assay_embedded_file *files;
    const size_t *count;
    const char *sources; /* script that makes the input files; NULL = none */
};

static const struct example EXAMPLES[] = {
    {"empty", assay_example_empty, &assay_example_empty_count, NULL},
    {"retail", assay_example_retail, &assay_example_retail_count, "sources/sources.sql"},
};

enum { EXAMPLE_COUNT = sizeof EXAMPLES / sizeof EXAMPLES[0] };

/* What one call of assay_init carries around. */
struct init {
    const assay_init_options *options;
    const char *root;
    assay_arena *arena;
    assay_value *files; /* LIST of the paths written */
    assay_conn *conn;
};

static assay_status find_example(const char *name, const struct example **ret_example,
                                 assay_error *err)
{
    const char *names[EXAMPLE_COUNT];

    for (size_t i = 0; i < EXAMPLE_COUNT; i++) {
        names[i] = EXAMPLES[i].name;
        if (assay_str_equal(EXAMPLES[i].name, name)) {
            *ret_example = &EXAMPLES[i];
            return ASSAY_OK;
        }
    }
    const char *nearest = assay_str_nearest(name, names, EXAMPLE_COUNT);
    return assay_error_set(err, ASSAY_EINVAL, 1003, "no example '%s'; there is '%s'", name,
                           nearest != NULL ? nearest : "retail");
}

/* `gitignore` is stored without its dot, so that it does not act inside our own repository. */
static const char *target_name(const char *path)
{
    return assay_str_equal(path, "gitignore") ? ".gitignore" : path;
}

static assay_status note_file(struct init *init, const char *path, assay_error *err)
{
    return assay_value_append(init->files, assay_value_text(init->arena, path), init->arena, err);
}

static assay_status make_parent(struct init *init, const char *path, assay_error *err)
{
    char *folder = assay_path_dir(init->arena, path);

    ASSAY_TRY(assay_arena_check(folder, err));
    return assay_path_make(folder, err);
}

static assay_status write_file(struct init *init, const assay_embedded_file *file, assay_error *err)
{
    const char *name = target_name(file->path);
    char *path = assay_path_join(init->arena, init->root, name);

    ASSAY_TRY(assay_arena_check(path, err));
    ASSAY_TRY(make_parent(init, path, err));
    ASSAY_TRY(assay_path_write(path, file->bytes, file->size, err));
    return note_file(init, name, err);
}

static assay_status set_variables(struct init *init, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_init_options *options = init->options;

    assay_buf_append_format(&sql, "SET VARIABLE seed = %lld", (long long)options->seed);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_execute(init->conn, sql.data, NULL, err));
    assay_buf_clear(&sql);
    assay_buf_append_format(&sql, "SET VARIABLE scale = %.9g::DOUBLE", options->scale);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_execute(init->conn, sql.data, NULL, err));
    assay_buf_clear(&sql);
    assay_buf_append_text(&sql, "SET VARIABLE export_day = CAST(");
    assay_sql_append_text(&sql, options->asof);
    assay_buf_append_text(&sql, " AS DATE)");
    ASSAY_TRY(assay_buf_check(&sql, err));
    return assay_conn_execute(init->conn, sql.data, NULL, err);
}

/* One "-- file PATH FORMAT [DAYS]" block of the script. */
struct source_block {
    const char *path;   /* with DAYS: {day} stands for the day */
    const char *format; /* csv, json; bytes = one text of hex digits */
    const char *query;
    int64_t days; /* 0 = one file */
};

static assay_status broken_script(assay_error *err)
{
    return assay_error_set(err, ASSAY_EINTERNAL, 9001, "the example's source script is broken");
}

static assay_status read_block(char *block, struct source_block *ret_block, assay_error *err)
{
    char *query = strchr(block, '\n');
    char *format = strchr(block, ' ');

    if (query == NULL || format == NULL || format > query)
        return broken_script(err);
    *query++ = '\0';
    *format++ = '\0';
    *ret_block = (struct source_block){block, format, query, 0};
    char *days = strchr(format, ' ');
    if (days != NULL)
        *days++ = '\0';
    if (days != NULL && !assay_str_to_int64(days, &ret_block->days))
        return broken_script(err);
    char *end = strrchr(query, ';');
    if (end != NULL)
        *end = '\0';
    return ASSAY_OK;
}

static assay_status write_bytes(struct init *init, const char *query, const char *path,
                                assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf bytes = ASSAY_BUF_EMPTY;
    const char *hex = NULL;

    ASSAY_TRY(assay_conn_query_text(init->conn, query, init->arena, &hex, err));
    for (; hex != NULL && hex[0] != '\0' && hex[1] != '\0'; hex += 2)
        assay_buf_append_char(&bytes, (char)(assay_str_hex_digit(hex[0]) * 16 +
                                             assay_str_hex_digit(hex[1])));
    ASSAY_TRY(assay_buf_check(&bytes, err));
    return assay_path_write(path, bytes.data, bytes.size, err);
}

static assay_status make_file(struct init *init, const struct source_block *block, const char *name,
                              assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    char *path = assay_path_join(init->arena, init->root, name);

    ASSAY_TRY(assay_arena_check(path, err));
    ASSAY_TRY(make_parent(init, path, err));
    if (assay_str_equal(block->format, "bytes")) {
        ASSAY_TRY(write_bytes(init, block->query, path, err));
        return note_file(init, name, err);
    }
    assay_buf_append_format(&sql, "COPY (%s) TO ", block->query);
    assay_sql_append_text(&sql, path);
    assay_buf_append_text(&sql, assay_str_equal(block->format, "csv") ? " (FORMAT csv, HEADER true)"
                                                                      : " (FORMAT json)");
    ASSAY_TRY(assay_buf_check(&sql, err));
    if (assay_conn_execute(init->conn, sql.data, NULL, err) != ASSAY_OK)
        return assay_error_wrap(err, "making '%s'", name);
    return note_file(init, name, err);
}

/* `path` with each `mark` replaced. */
static const char *path_of_day(struct init *init, const char *path, const char *mark,
                               const char *day)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;

    for (const char *at = strstr(path, mark); at != NULL; at = strstr(path, mark)) {
        assay_buf_append(&text, path, (size_t)(at - path));
        assay_buf_append_text(&text, day);
        path = at + strlen(mark);
    }
    assay_buf_append_text(&text, path);
    return text.failed ? NULL : assay_arena_text(init->arena, assay_buf_text(&text));
}

/* Sets the variable `day` to that many days before the export. */
static assay_status set_day(struct init *init, int64_t before, const char **ret_day,
                            assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_format(&sql,
                            "SET VARIABLE day = (getvariable('export_day') - %lld)::DATE::VARCHAR",
                            (long long)before);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_execute(init->conn, sql.data, NULL, err));
    return assay_conn_query_text(init->conn, "SELECT getvariable('day')", init->arena, ret_day,
                                 err);
}

static assay_status make_source(struct init *init, char *text, assay_error *err)
{
    struct source_block block;

    ASSAY_TRY(read_block(text, &block, err));
    /* one file lies in the folder of the last day where its path says {last} */
    const char *mark = block.days > 0 ? "{day}" : "{last}";
    for (int64_t before = block.days > 0 ? block.days : 1; before > 0; before--) {
        const char *day = NULL;
        ASSAY_TRY(set_day(init, before, &day, err));
        const char *name = path_of_day(init, block.path, mark, day);
        ASSAY_TRY(assay_arena_check(name, err));
        ASSAY_TRY(make_file(init, &block, name, err));
    }
    return ASSAY_OK;
}

static assay_status run_statements(assay_conn *conn, char *script, assay_error *err)
{
    char *statement = script;

    for (char *end = strchr(statement, ';'); end != NULL; end = strchr(statement, ';')) {
        *end = '\0';
        ASSAY_TRY(assay_conn_execute(conn, statement, NULL, err));
        statement = end + 1;
    }
    return ASSAY_OK;
}

/* The script begins with macros, then come the file blocks. */
static assay_status run_script(struct init *init, char *script, assay_error *err)
{
    static const char MARK[] = "\n-- file ";
    char *block = strstr(script, MARK);

    if (block == NULL)
        return broken_script(err);
    *block = '\0';
    block += sizeof MARK - 1;
    ASSAY_TRY(run_statements(init->conn, script, err));
    while (block != NULL) {
        char *next = strstr(block, MARK);
        if (next != NULL) {
            *next = '\0';
            next += sizeof MARK - 1;
        }
        ASSAY_TRY(make_source(init, block, err));
        block = next;
    }
    return ASSAY_OK;
}

/* What follows this line is made on demand only. */
static const char FAULTS[] = "\n-- faults: ";

static assay_status make_sources(struct init *init, const assay_embedded_file *script,
                                 assay_error *err)
{
    ASSAY_AUTO(assay_engine_closep) assay_engine *engine = NULL;
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    const assay_engine_options engine_options = {0};
    char *text = assay_arena_text_n(init->arena, (const char *)script->bytes, script->size);

    ASSAY_TRY(assay_arena_check(text, err));
    ASSAY_TRY(assay_engine_open(&engine_options, &engine, err));
    ASSAY_TRY(assay_conn_open(engine, &conn, err));
    init->conn = conn;
    ASSAY_TRY(set_variables(init, err));
    char *faults = strstr(text, FAULTS);
    if (faults != NULL)
        *faults++ = '\0';
    ASSAY_TRY(run_script(init, text, err));
    return init->options->faults && faults != NULL ? run_script(init, faults, err) : ASSAY_OK;
}

static assay_status check_options(const assay_init_options *options, assay_error *err)
{
    int64_t moment = 0;

    if (!(options->scale > 0 && options->scale <= 1000))
        return assay_error_set(err, ASSAY_EINVAL, 1003, "--scale must lie in 0..1000, not %g",
                               options->scale);
    if (!assay_time_parse(options->asof, &moment))
        return assay_error_set(err, ASSAY_EINVAL, 1003, "--asof '%s' is no date", options->asof);
    return ASSAY_OK;
}

static assay_status check_folder(struct init *init, assay_error *err)
{
    assay_path_info info;
    char *project = assay_path_join(init->arena, init->root, "assay.yaml");

    ASSAY_TRY(assay_arena_check(project, err));
    ASSAY_TRY(assay_path_stat(project, &info, err));
    if (info.exists)
        return assay_error_set(err, ASSAY_EEXISTS, 1004,
                               "'%s' exists already; init does not change a project", project);
    return ASSAY_OK;
}

static assay_status fill(struct init *init, const struct example *example, assay_error *err)
{
    const assay_embedded_file *script = NULL;

    for (size_t i = 0; i < *example->count; i++) {
        const assay_embedded_file *file = &example->files[i];
        if (example->sources != NULL && assay_str_equal(file->path, example->sources))
            script = file;
        else if (!assay_str_equal(file->path, "assay.yaml"))
            ASSAY_TRY(write_file(init, file, err));
    }
    if (script != NULL)
        ASSAY_TRY(make_sources(init, script, err));
    /* assay.yaml comes last: a folder without it is no project, so a broken init can be repeated */
    for (size_t i = 0; i < *example->count; i++)
        if (assay_str_equal(example->files[i].path, "assay.yaml"))
            ASSAY_TRY(write_file(init, &example->files[i], err));
    return ASSAY_OK;
}

assay_status assay_init(const assay_init_options *options, char **ret_json, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    struct init init = {.options = options, .arena = arena};
    const struct example *example = NULL;
    char here[PATH_MAX];

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(check_options(options, err));
    ASSAY_TRY(find_example(options->example != NULL ? options->example : "empty", &example, err));
    if (getcwd(here, sizeof here) == NULL)
        return assay_error_errno(err, errno, "cannot tell the working folder");
    init.root = assay_path_normal(arena, here, options->directory);
    init.files = assay_value_list(arena);
    ASSAY_TRY(assay_arena_check(init.root, err));
    ASSAY_TRY(assay_arena_check(init.files, err));
    ASSAY_TRY(check_folder(&init, err));
    ASSAY_TRY(fill(&init, example, err));

    assay_value *document = NULL;
    ASSAY_TRY(assay_document_new(arena, "init", &document, err));
    ASSAY_TRY(assay_value_set(document, "project", assay_value_text(arena, init.root), arena, err));
    ASSAY_TRY(assay_value_set(document, "files", init.files, arena, err));
    return assay_document_take(document, ret_json, err);
}
