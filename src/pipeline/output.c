#include "pipeline/output.h"

#include "base/str.h"
#include "catalog/formats.h"
#include "pipeline/publication.h"
#include "pipeline/token.h"
#include "table/partition.h"
#include "text/excerpt.h"

#include <string.h>

/* ---- the engine's refusals ---- */

/* The part of `text` between `open` and `close`, cut to `size`. */
static bool between(const char *text, const char *open, const char *close, char *part, size_t size)
{
    const char *begin = strstr(text, open);

    if (begin == NULL)
        return false;
    begin += strlen(open);
    const char *end = strstr(begin, close);
    if (end == NULL || end == begin || (size_t)(end - begin) >= size)
        return false;
    memcpy(part, begin, (size_t)(end - begin));
    part[end - begin] = '\0';
    return true;
}

enum { NAME_MAX_SIZE = 256, CANDIDATES_MAX = 64 };

/* The nearest of the names that the engine offers: .. Candidate bindings: "y", "t.z" */
static const char *nearest_candidate(char *message, const char *column)
{
    const char *names[CANDIDATES_MAX] = {NULL};
    size_t count = 0;
    char *at = strstr(message, "Candidate bindings: ");

    while (at != NULL && count < CANDIDATES_MAX) {
        char *begin = strchr(at, '"');
        char *end = begin != NULL ? strchr(begin + 1, '"') : NULL;

        if (end == NULL)
            break;
        *end = '\0';
        const char *dot = strrchr(begin + 1, '.');
        names[count++] = dot != NULL ? dot + 1 : begin + 1;
        at = end + 1;
    }
    return assay_str_nearest(column, names, count);
}

/* The engine points at `c` of `c.amount`; the column stands after the dots. */
static void skip_qualifiers(const assay_model *model, assay_place *place)
{
    const char *line = model->source;
    int skipped = 0;

    for (int at = 1; at < place->line && line != NULL; at++) {
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    for (; line != NULL && *line != '\0' && *line != '\n' && skipped + 1 < place->column; line++)
        skipped += ((unsigned char)line[1] & 0xC0U) != 0x80U;
    for (;;) {
        assay_token token = {0};

        if (line == NULL)
            return;
        token = assay_token_next(line, strlen(line), 0);
        if (token.at != 0 || line[token.size] != '.' ||
            (token.kind != ASSAY_TOKEN_WORD && token.kind != ASSAY_TOKEN_NAME))
            return;
        for (size_t i = 0; i <= token.size; i++)
            place->column += ((unsigned char)line[i] & 0xC0U) != 0x80U;
        line += token.size + 1;
    }
}

/* Referenced column "x" not found in FROM clause! */
static assay_status refuse_column(const assay_model *model, assay_error *failure,
                                  const char *column, assay_error *err)
{
    assay_place place = {model->path, failure->line, failure->column};
    const char *nearest = nearest_candidate(failure->message, column);
    bool alone = model->input_count == 1;

    skip_qualifiers(model, &place);
    return assay_error_at(err, ASSAY_ECONFIG, 2107, place, "column '%s' not found%s%s%s%s%s",
                          column, alone ? " in " : "", alone ? model->inputs[0].name : "",
                          nearest != NULL ? ": did you mean '" : "", nearest != NULL ? nearest : "",
                          nearest != NULL ? "'?" : "");
}

assay_status assay_output_refuse(const assay_model *model, assay_error *failure, assay_error *err)
{
    char column[NAME_MAX_SIZE] = "";

    if (failure->code == ASSAY_ENOMEM || failure->code == ASSAY_ECANCELLED)
        return assay_error_copy(err, failure);
    assay_model_place_error(model, failure);
    if (failure->code != ASSAY_ECONFIG)
        return assay_error_copy(err, failure);
    if (failure->line == 0)
        failure->line = model->sql_line;
    if (between(failure->message, "Referenced column \"", "\" not found", column, sizeof column) ||
        between(failure->message, "does not have a column named \"", "\"", column, sizeof column))
        return refuse_column(model, failure, column, err);
    failure->number = 2106;
    return assay_error_copy(err, failure);
}

/* ---- the columns ---- */

static bool names_equal(const assay_value *item, const char *name)
{
    const char *alias = assay_value_find_text(item, "alias", "");
    const assay_value *names = assay_value_find(item, "column_names");

    if (alias[0] == '\0' && names != NULL && names->count > 0)
        alias = names->items[names->count - 1]->text;
    return assay_str_equal_ci(alias, name);
}

/* Place of the second column of that name in the outermost select list, where the tree shows it. */
static assay_place place_of_output(const assay_model *model, const char *name, assay_conn *conn)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *scratch = assay_arena_new();
    assay_place place = {model->path, model->sql_line, model->sql_column};
    assay_value *tree = NULL;
    int seen = 0;

    if (scratch == NULL || assay_conn_parse(conn, model->sql, scratch, &tree, NULL) != ASSAY_OK)
        return place;
    const assay_value *statements = assay_value_find(tree, "statements");
    const assay_value *node =
        statements != NULL && statements->count > 0 ? statements->items[0] : tree;
    const assay_value *list = assay_value_find(assay_value_find(node, "node"), "select_list");
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        int64_t offset = assay_value_find_int(list->items[i], "query_location", -1);

        if (!names_equal(list->items[i], name) || ++seen < 2 || offset < 0)
            continue;
        assay_excerpt_position(model->sql, (size_t)offset, &place.line, &place.column);
        if (place.line == 1)
            place.column += model->sql_column - 1;
        place.line += model->sql_line - 1;
        break;
    }
    return place;
}

static assay_status check_names(const assay_model *model, assay_conn *conn, assay_error *err)
{
    for (size_t i = 0; i < model->column_count; i++)
        for (size_t j = 0; j < i; j++)
            if (assay_str_equal_ci(model->columns[i].name, model->columns[j].name)) {
                assay_place place = {model->path, 0, 0};

                if (model->kind == ASSAY_MODEL_TRANSFORM)
                    place = place_of_output(model, model->columns[i].name, conn);
                return assay_error_at(err, ASSAY_ECONFIG, 2108, place,
                                      "the output column '%s' comes twice (names compare without "
                                      "case)",
                                      model->columns[i].name);
            }
    return ASSAY_OK;
}

enum { COLUMNS_MAX = 512 };

assay_status assay_output_check_column(const assay_model *model, const char *key,
                                       const assay_named *named, assay_error *err)
{
    const char *names[COLUMNS_MAX] = {NULL};
    size_t count = 0;

    for (size_t i = 0; i < model->column_count; i++) {
        if (assay_str_equal_ci(model->columns[i].name, named->text))
            return ASSAY_OK;
        if (count < COLUMNS_MAX)
            names[count++] = model->columns[i].name;
    }
    const char *nearest = assay_str_nearest(named->text, names, count);
    return assay_error_at(err, ASSAY_ECONFIG, 2120,
                          (assay_place){model->path, named->line, named->column},
                          "'%s' names the column '%s', which '%s' does not have%s%s%s", key,
                          named->text, model->name, nearest != NULL ? ": did you mean '" : "",
                          nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

/* A misspelled pii column would be shown: so every name must exist. */
static assay_status check_header_columns(const assay_model *model, assay_error *err)
{
    const assay_model_header *header = &model->header;

    for (size_t i = 0; i < header->column_count; i++) {
        const assay_column_note *note = &header->columns[i];
        const assay_named named = {note->name, note->line, note->column};
        ASSAY_TRY(assay_output_check_column(model, "columns", &named, err));
    }
    for (size_t i = 0; i < header->key_count; i++)
        ASSAY_TRY(assay_output_check_column(model, "key", &header->key[i], err));
    return ASSAY_OK;
}

static assay_status check_partition(const assay_model *model, const assay_schema *schema,
                                    assay_arena *arena, assay_error *err)
{
    const assay_model_header *header = &model->header;

    for (size_t i = 0; i < header->partition_count; i++) {
        const assay_named *named = &header->partition_by[i];
        assay_partition_spec *spec = NULL;
        assay_status status = assay_partition_parse(&named->text, 1, schema, arena, &spec, err);

        if (status != ASSAY_OK) {
            assay_error_place(err, (assay_place){model->path, named->line, named->column});
            return status;
        }
    }
    return ASSAY_OK;
}

/* What the format of the layer cannot hold is refused before anything runs. */
static assay_status check_types(const assay_project *project, const assay_model *model,
                                const assay_schema *schema, assay_error *err)
{
    const assay_table_format *format =
        assay_format_find(assay_project_format(project, model->name));

    for (size_t i = 0; format != NULL && i < schema->count; i++) {
        assay_type stored;

        ASSAY_TRY(format->stored_type(&schema->fields[i], project->arena, &stored, err));
    }
    return ASSAY_OK;
}

assay_status assay_output_check_quarantine(const assay_project *project, const assay_model *model,
                                           assay_error *err)
{
    const assay_model *twin = assay_project_quarantine_twin(project, model->name);

    if (twin == NULL)
        return ASSAY_OK;
    return assay_error_at(err, ASSAY_ECONFIG, 2216, (assay_place){model->path, 1, 1},
                          "'%s' and '%s' (%s) would share one quarantine table: rename one",
                          model->name, twin->name, twin->path);
}

assay_status assay_output_check(const assay_project *project, const assay_model *model,
                                assay_conn *conn, assay_error *err)
{
    assay_schema *schema = NULL;

    if (model->column_count == 0)
        return assay_error_at(err, ASSAY_ECONFIG, 2109, assay_model_place(model, NULL),
                              "'%s' has no columns", model->name);
    ASSAY_TRY(check_names(model, conn, err));
    ASSAY_TRY(check_header_columns(model, err));
    ASSAY_TRY(assay_publication_check(project, model, err));
    assay_status status = assay_schema_from_columns(model->columns, model->column_count,
                                                    project->arena, &schema, err);
    if (status == ASSAY_OK)
        status = check_types(project, model, schema, err);
    if (status != ASSAY_OK) {
        assay_error_place(err, (assay_place){model->path, model->sql_line, model->sql_column});
        return status;
    }
    return check_partition(model, schema, project->arena, err);
}
