#include "pipeline/model.h"

#include "base/path.h"
#include "base/str.h"
#include "config/read.h"
#include "config/schema.h"
#include "pipeline/token.h"
#include "text/excerpt.h"

#include <string.h>

/* Schemas that mean something else to the engine or to assay. */
static const char *const reserved_layers[] = {"main",       "temp",
                                              "system",     "information_schema",
                                              "pg_catalog", "quarantine"};

static bool is_name(const char *text, size_t size)
{
    if (size == 0 || (text[0] >= '0' && text[0] <= '9'))
        return false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_'))
            return false;
    }
    return true;
}

/* models/<layer>/../<table>.<ending> -> layer and table. */
static assay_status read_name(assay_model *model, assay_arena *arena, assay_error *err)
{
    const char *path = model->path + strlen("models/");
    const char *slash = strchr(path, '/');
    const char *base = assay_path_base(path);
    const char *dot = strrchr(base, '.');
    assay_place place = {model->path, 0, 0};

    if (slash == NULL)
        return assay_error_at(err, ASSAY_ECONFIG, 2003, place,
                              "a model lies in a folder of its layer: models/<layer>/%s", base);
    if (!is_name(path, (size_t)(slash - path)) || !is_name(base, (size_t)(dot - base)))
        return assay_error_at(err, ASSAY_ECONFIG, 2003, place,
                              "layer and table of '%s' may hold letters, digits and '_' only, and "
                              "begin with no digit",
                              model->path);
    model->layer = assay_arena_text_n(arena, path, (size_t)(slash - path));
    ASSAY_TRY(assay_arena_check(model->layer, err));
    model->table = assay_arena_text_n(arena, base, (size_t)(dot - base));
    ASSAY_TRY(assay_arena_check(model->table, err));
    for (size_t i = 0; i < sizeof reserved_layers / sizeof reserved_layers[0]; i++)
        if (assay_str_equal_ci(model->layer, reserved_layers[i]))
            return assay_error_at(err, ASSAY_ECONFIG, 2003, place,
                                  "the layer name '%s' is reserved", model->layer);
    model->name = assay_arena_format(arena, "%s.%s", model->layer, model->table);
    return assay_arena_check(model->name, err);
}

static assay_status read_file(const char *root, assay_model *model, assay_arena *arena,
                              size_t *ret_size, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_path_info info;
    const char *full = assay_path_join(arena, root, model->path);

    ASSAY_TRY(assay_arena_check(full, err));
    ASSAY_TRY(assay_path_stat(full, &info, err));
    if (info.size > ASSAY_MODEL_FILE_MAX)
        return assay_error_at(err, ASSAY_ECONFIG, 2006, (assay_place){model->path, 0, 0},
                              "the model is larger than %d bytes", ASSAY_MODEL_FILE_MAX);
    assay_status status = assay_path_read(full, ASSAY_MODEL_FILE_MAX, &text, err);
    if (status != ASSAY_OK)
        return assay_error_wrap_status(err, status, "reading '%s'", model->path);
    if (memchr(assay_buf_text(&text), '\0', text.size) != NULL ||
        !assay_str_is_utf8(assay_buf_text(&text), text.size))
        return assay_error_at(err, ASSAY_ECONFIG, 2006, (assay_place){model->path, 0, 0},
                              "the model is not UTF-8 text");
    model->source = assay_arena_text_n(arena, assay_buf_text(&text), text.size);
    *ret_size = text.size;
    return assay_arena_check(model->source, err);
}

static assay_place place_at(const assay_model *model, const char *text, size_t offset)
{
    assay_place place = {model->path, 0, 0};

    assay_excerpt_position(text, offset, &place.line, &place.column);
    return place;
}

static assay_status check_parameter(assay_model *model, const char *sql, assay_token token,
                                    assay_error *err)
{
    bool since = token.size == 6 && memcmp(sql + token.at, "$since", 6) == 0;
    bool until = token.size == 6 && memcmp(sql + token.at, "$until", 6) == 0;

    model->uses_since = model->uses_since || since;
    model->uses_until = model->uses_until || until;
    if (since || until)
        return ASSAY_OK;
    return assay_error_at(err, ASSAY_ECONFIG, 2116, place_at(model, sql, token.at),
                          "unknown parameter '%.*s': models have $since and $until",
                          (int)token.size, sql + token.at);
}

/* Finds where the one statement begins and ends, and its parameters. */
static assay_status read_sql(assay_model *model, size_t size, size_t from, assay_arena *arena,
                             assay_error *err)
{
    const char *text = model->source;
    size_t begin = from;
    size_t end = size;

    if (begin == 0 && assay_str_starts(text, "\xEF\xBB\xBF"))
        begin = 3;
    while (begin < size && strchr(" \t\r\n", text[begin]) != NULL)
        begin++;
    assay_token token = assay_token_next(text, size, begin);
    if (token.kind == ASSAY_TOKEN_END || token.kind == ASSAY_TOKEN_SEMICOLON)
        return assay_error_at(err, ASSAY_ECONFIG, 2005, place_at(model, text, begin),
                              "the model has no query");
    for (; token.kind != ASSAY_TOKEN_END;
         token = assay_token_next(text, size, token.at + token.size)) {
        if (token.kind == ASSAY_TOKEN_SEMICOLON && end == size)
            end = token.at;
        else if (token.kind != ASSAY_TOKEN_SEMICOLON && end != size)
            return assay_error_at(err, ASSAY_ECONFIG, 2101, place_at(model, text, token.at),
                                  "a model is one query: here a second statement begins");
        else if (token.kind == ASSAY_TOKEN_PARAMETER)
            ASSAY_TRY(check_parameter(model, text, token, err));
    }
    while (end > begin && strchr(" \t\r\n", text[end - 1]) != NULL)
        end--;
    assay_excerpt_position(text, begin, &model->sql_line, &model->sql_column);
    model->sql = assay_arena_text_n(arena, text + begin, end - begin);
    return assay_arena_check(model->sql, err);
}

static assay_status load_transform(assay_model *model, size_t size, assay_variables *variables,
                                   assay_arena *arena, assay_error *err)
{
    assay_header_split split;
    assay_value *tree = NULL;

    ASSAY_TRY(assay_header_split_text(model->source, size, model->path, &split, err));
    if (split.yaml_size > 0) {
        assay_yaml_source source = {model->source + split.yaml, split.yaml_size, model->path,
                                    split.yaml_line, split.yaml_column};

        ASSAY_TRY(assay_yaml_parse(&source, arena, &tree, err));
        ASSAY_TRY(assay_template_expand(tree, model->path, assay_variables_lookup, variables, arena,
                                        err));
    }
    ASSAY_TRY(assay_model_header_read(tree, model->path, arena, &model->header, err));
    return read_sql(model, size, split.sql, arena, err);
}

static assay_status load_extract(assay_model *model, size_t size, assay_variables *variables,
                                 assay_arena *arena, assay_error *err)
{
    assay_yaml_source source = {model->source, size, model->path, 1, 1};
    assay_extract_config *extract = NULL;
    assay_value *tree = NULL;

    ASSAY_TRY(assay_yaml_parse(&source, arena, &tree, err));
    ASSAY_TRY(
        assay_template_expand(tree, model->path, assay_variables_lookup, variables, arena, err));
    ASSAY_TRY(assay_extract_read(tree, model->path, arena, &extract, &model->header, err));
    model->extract = extract;
    return ASSAY_OK;
}

assay_status assay_model_load(const char *root, const char *path, assay_variables *variables,
                              assay_arena *arena, assay_model **ret_model, assay_error *err)
{
    size_t size = 0;
    assay_model *model = assay_arena_take(arena, 1, sizeof *model);

    ASSAY_TRY(assay_arena_check(model, err));
    model->path = path;
    ASSAY_TRY(read_name(model, arena, err));
    ASSAY_TRY(read_file(root, model, arena, &size, err));
    model->kind = assay_str_ends(path, ".sql") ? ASSAY_MODEL_TRANSFORM : ASSAY_MODEL_EXTRACT;
    if (model->kind == ASSAY_MODEL_TRANSFORM)
        ASSAY_TRY(load_transform(model, size, variables, arena, err));
    else
        ASSAY_TRY(load_extract(model, size, variables, arena, err));
    *ret_model = model;
    return ASSAY_OK;
}

assay_status assay_model_bind_interval(const assay_model *model, int64_t since_us, int64_t until_us,
                                       assay_arena *arena, const char **ret_sql, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    size_t size = strlen(model->sql);
    size_t copied = 0;

    if (!model->uses_since && !model->uses_until) {
        *ret_sql = model->sql;
        return ASSAY_OK;
    }
    for (assay_token token = assay_token_next(model->sql, size, 0); token.kind != ASSAY_TOKEN_END;
         token = assay_token_next(model->sql, size, token.at + token.size)) {
        char time[ASSAY_TIME_TEXT_SIZE];

        if (token.kind != ASSAY_TOKEN_PARAMETER)
            continue;
        bool since = memcmp(model->sql + token.at, "$since", token.size) == 0;
        assay_time_format_sql(since ? since_us : until_us, time);
        assay_buf_append(&sql, model->sql + copied, token.at - copied);
        assay_buf_append_text(&sql, "TIMESTAMP ");
        assay_sql_append_text(&sql, time);
        copied = token.at + token.size;
    }
    assay_buf_append(&sql, model->sql + copied, size - copied);
    ASSAY_TRY(assay_buf_check(&sql, err));
    *ret_sql = assay_arena_text(arena, assay_buf_text(&sql));
    return assay_arena_check(*ret_sql, err);
}

void assay_model_place_error(const assay_model *model, assay_error *err)
{
    if (err == NULL)
        return;
    if (err->line > 0) {
        if (err->line == 1 && err->column > 0)
            err->column += model->sql_column - 1;
        err->line += model->sql_line - 1;
    }
    assay_error_place(err, (assay_place){model->path, err->line, err->column});
}

assay_place assay_model_place(const assay_model *model, const char *key)
{
    assay_place place = assay_config_place(model->header.tree, key, model->path);

    if (place.line == 0 && model->kind == ASSAY_MODEL_TRANSFORM) {
        place.line = model->sql_line;
        place.column = model->sql_column;
    }
    return place;
}

bool assay_model_has_pii(const assay_model *model)
{
    for (size_t i = 0; i < model->header.column_count; i++)
        if (model->header.columns[i].pii)
            return true;
    return model->pii_count > 0;
}

bool assay_model_column_is_pii(const assay_model *model, const char *column)
{
    for (size_t i = 0; i < model->header.column_count; i++)
        if (model->header.columns[i].pii &&
            assay_str_equal_ci(model->header.columns[i].name, column))
            return true;
    for (size_t i = 0; i < model->pii_count; i++)
        if (assay_str_equal_ci(model->pii[i], column))
            return true;
    return false;
}
