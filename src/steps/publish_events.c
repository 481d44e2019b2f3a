#include "steps/publish_events.h"

#include <ctype.h>

#include "base/str.h"

static const assay_connection_config *connection_of(const assay_publish_job *publish)
{
    const assay_connections_config *config = publish->steps->project->connections;
    const assay_connection_config *connection = NULL;

    /* it was found before, or nothing would be published */
    if (assay_connections_use(config, publish->config->to.text, (assay_place){NULL, 0, 0},
                              &connection, NULL) != ASSAY_OK)
        return NULL;
    return connection;
}

/* A column's name as it is there; NULL where it is not published. */
static const char *name_there(const assay_publish_job *publish, const char *name, bool upper)
{
    const assay_publish_config *config = publish->config;
    bool listed = config->column_count == 0;

    for (size_t i = 0; i < config->column_count; i++)
        listed = listed || assay_str_equal_ci(config->columns[i].text, name);
    if (!listed || (config->delete_column.text != NULL &&
                    assay_str_equal_ci(config->delete_column.text, name)))
        return NULL;
    char *copy = assay_arena_text(publish->arena, name);
    for (char *at = copy; upper && at != NULL && *at != '\0'; at++)
        *at = (char)toupper((unsigned char)*at);
    return copy;
}

static assay_status set_fields(const assay_publish_job *publish, const assay_schema *schema,
                               bool upper, assay_lineage_dataset *dataset, assay_error *err)
{
    assay_lineage_field *fields = NULL;
    size_t count = 0;
    size_t kept = 0;

    ASSAY_TRY(assay_lineage_fields_of_schema(schema, publish->arena, &fields, &count, err));
    for (size_t i = 0; i < count; i++) {
        const char *name = name_there(publish, fields[i].name, upper);
        if (name == NULL)
            continue;
        fields[kept] = fields[i];
        fields[kept++].name = name;
    }
    dataset->fields = fields;
    dataset->field_count = kept;
    return ASSAY_OK;
}

/* ---- column lineage ---- */

static assay_status rename_columns(const assay_publish_job *publish,
                                   const assay_column_lineage *from, bool upper,
                                   assay_column_lineage *to, assay_error *err)
{
    *to = *from;
    to->column_count = 0;
    to->columns = assay_arena_take(publish->arena, from->column_count + 1, sizeof *to->columns);
    ASSAY_TRY(assay_arena_check(to->columns, err));
    for (size_t i = 0; i < from->column_count; i++) {
        const char *name = name_there(publish, from->columns[i].name, upper);
        if (name == NULL)
            continue;
        to->columns[to->column_count] = from->columns[i];
        to->columns[to->column_count++].name = name;
    }
    return ASSAY_OK;
}

static assay_status copy_columns(const assay_publish_job *publish, const assay_schema *schema,
                                 bool upper, assay_column_lineage *to, assay_error *err)
{
    static const assay_lineage_transformation IDENTITY = {ASSAY_LINEAGE_IDENTITY, false};
    assay_arena *arena = publish->arena;
    assay_lineage_column_input *inputs = assay_arena_take(arena, schema->count + 1, sizeof *inputs);

    to->columns = assay_arena_take(arena, schema->count + 1, sizeof *to->columns);
    ASSAY_TRY(assay_arena_check(inputs, err));
    ASSAY_TRY(assay_arena_check(to->columns, err));
    for (size_t i = 0; i < schema->count; i++) {
        const char *name = name_there(publish, schema->fields[i].name, upper);
        if (name == NULL)
            continue;
        inputs[i] = (assay_lineage_column_input){publish->table->name, schema->fields[i].name,
                                                 &IDENTITY, 1};
        to->columns[to->column_count++] = (assay_lineage_column){name, &inputs[i], 1};
    }
    return ASSAY_OK;
}

/* ---- the dataset ---- */

static const char *lifecycle_of(const assay_publish_job *publish,
                                const assay_warehouse_result *result)
{
    if (result->created)
        return "CREATE";
    if (result->change_count > 0)
        return "ALTER";
    return publish->config->mode == ASSAY_PUBLISH_CONFIG_OVERWRITE && !result->already ? "OVERWRITE"
                                                                                       : NULL;
}

static assay_status describe(const assay_step_facts *facts, const assay_publish_job *publish,
                             const assay_schema *schema, const assay_warehouse_result *result,
                             assay_lineage_dataset *dataset, assay_error *err)
{
    const assay_connection_config *connection = connection_of(publish);
    assay_column_lineage *columns = assay_arena_take(publish->arena, 1, sizeof *columns);

    ASSAY_TRY(assay_arena_check(columns, err));
    if (connection == NULL)
        return assay_error_set(err, ASSAY_EINTERNAL, 9001, "connection '%s' is gone",
                               publish->config->to.text);
    const assay_lineage_database place = {.type = connection->type,
                                          .host = connection->host,
                                          .port = connection->port,
                                          .account = connection->account,
                                          .database = result->target.database,
                                          .schema = result->target.schema,
                                          .table = result->target.table};
    bool upper = connection->kind == ASSAY_CONNECTION_SNOWFLAKE && !publish->config->preserve_case;
    *dataset = assay_lineage_dataset_init();
    ASSAY_TRY(assay_lineage_dataset_database(dataset, &place, publish->arena, err));
    ASSAY_TRY(set_fields(publish, schema, upper, dataset, err));
    if (facts->columns != NULL)
        ASSAY_TRY(rename_columns(publish, facts->columns, upper, columns, err));
    else
        ASSAY_TRY(copy_columns(publish, schema, upper, columns, err));
    dataset->columns = columns;
    dataset->lifecycle = lifecycle_of(publish, result);
    dataset->output_rows = result->rows;
    if (publish->model != NULL)
        dataset->documentation = publish->model->header.description;
    return ASSAY_OK;
}

static void set_query(assay_step_facts *facts, const assay_lineage_dataset *dataset,
                      const assay_warehouse_result *result)
{
    for (size_t i = 0; facts->query_id == NULL && i < result->query_count; i++) {
        if (assay_str_equal(result->queries[i].step, "ledger"))
            continue;
        facts->query_id = result->queries[i].id;
        facts->query_source = dataset->namespace;
    }
}

assay_status assay_facts_add_published(assay_step_facts *facts, const assay_publish_job *publish,
                                       const assay_schema *schema,
                                       const assay_warehouse_result *result, assay_error *err)
{
    assay_lineage_dataset *datasets =
        assay_arena_take(facts->arena, facts->published_count + 1, sizeof *datasets);

    ASSAY_TRY(assay_arena_check(datasets, err));
    for (size_t i = 0; i < facts->published_count; i++)
        datasets[i] = facts->published[i];
    assay_lineage_dataset *dataset = &datasets[facts->published_count];
    ASSAY_TRY(describe(facts, publish, schema, result, dataset, err));
    set_query(facts, dataset, result);
    facts->published = datasets;
    facts->published_count++;
    return ASSAY_OK;
}
