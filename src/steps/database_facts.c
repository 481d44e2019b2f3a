#include "steps/database_facts.h"

#include <string.h>

#include "base/str.h"

static const char *or_else(const char *text, const char *otherwise)
{
    return text != NULL ? text : otherwise;
}

/* "sales.orders" as the user wrote it; parts in quotes as they are meant. */
static assay_status split_table(const char *given, assay_lineage_database *place,
                                assay_arena *arena, assay_error *err)
{
    char *text = assay_arena_text(arena, given);

    ASSAY_TRY(assay_arena_check(text, err));
    char *dot = strchr(text, '.');
    if (dot != NULL) {
        *dot = '\0';
        place->schema = text;
    }
    place->table = dot != NULL ? dot + 1 : text;
    return ASSAY_OK;
}

assay_status assay_database_facts_input(assay_step_facts *facts, const assay_project *project,
                                        assay_error *err)
{
    const assay_database_source *source = facts->model->extract->database;
    const assay_connection_config *connection = NULL;
    assay_lineage_dataset *dataset = assay_arena_take(facts->arena, 1, sizeof *dataset);

    ASSAY_TRY(assay_arena_check(dataset, err));
    ASSAY_TRY(assay_connections_use(project->connections, source->connection.text,
                                    assay_model_place(facts->model, "source.connection"),
                                    &connection, err));
    assay_lineage_database place = {.type = connection->type,
                                    .host = or_else(connection->host, connection->name),
                                    .account = or_else(connection->account, connection->name),
                                    .port = connection->port,
                                    .database = or_else(connection->database, connection->name),
                                    .schema = or_else(connection->schema, "public"),
                                    .table = "*"};
    if (source->table.text != NULL)
        ASSAY_TRY(split_table(source->table.text, &place, facts->arena, err));
    *dataset = assay_lineage_dataset_init();
    ASSAY_TRY(assay_lineage_dataset_database(dataset, &place, facts->arena, err));
    if (source->table.text == NULL) {
        dataset->name = place.database;
        dataset->dataset_type = NULL;
    }
    dataset->table = source->connection.text; /* what column lineage calls it */
    facts->inputs = dataset;
    facts->input_count = 1;
    return ASSAY_OK;
}

static assay_lineage_column_input *input_of(const assay_step_facts *facts, const char *column,
                                            const assay_lineage_transformation *how)
{
    assay_lineage_column_input *input = assay_arena_take(facts->arena, 1, sizeof *input);

    if (input != NULL)
        *input = (assay_lineage_column_input){.table = facts->inputs[0].table,
                                              .column = column,
                                              .transformations = how,
                                              .transformation_count = 1};
    return input;
}

assay_status assay_database_facts_columns(assay_step_facts *facts, const assay_database *database,
                                          const assay_database_window *window,
                                          const assay_column *columns, size_t count,
                                          assay_error *err)
{
    static const assay_lineage_transformation same = {ASSAY_LINEAGE_IDENTITY, false};
    static const assay_lineage_transformation filter = {ASSAY_LINEAGE_FILTER, false};
    assay_column_lineage *lineage = assay_arena_take(facts->arena, 1, sizeof *lineage);

    ASSAY_TRY(assay_arena_check(lineage, err));
    lineage->columns = assay_arena_take(facts->arena, count + 1, sizeof *lineage->columns);
    ASSAY_TRY(assay_arena_check(lineage->columns, err));
    for (size_t i = 0; i < count; i++) {
        const assay_database_column *source = assay_database_find(database, columns[i].name);
        if (source == NULL)
            continue;
        assay_lineage_column *column = &lineage->columns[lineage->column_count++];
        column->name = columns[i].name;
        column->inputs = input_of(facts, source->name, &same);
        column->input_count = 1;
        ASSAY_TRY(assay_arena_check(column->inputs, err));
    }
    if (window->column != NULL) {
        lineage->dataset = input_of(facts, window->column->name, &filter);
        lineage->dataset_count = 1;
        ASSAY_TRY(assay_arena_check(lineage->dataset, err));
    }
    facts->columns = lineage;
    return ASSAY_OK;
}
