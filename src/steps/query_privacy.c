#include "steps/query_privacy.h"

#include "base/str.h"
#include "engine/catalog.h"
#include "lineage/columns.h"
#include "pipeline/privacy.h"
#include "published/published.h"

static const char CATALOG[] = "query_privacy";

/* A table that the query mentions. */
struct mention {
    const char *name;
    assay_column *columns;
    size_t count;
    bool *pii; /* by column */
};

struct looking {
    const assay_query_privacy *privacy;
    const char *sql;
    assay_arena *arena;
    assay_conn *conn; /* of its own: that of the step has the tables' rows under these names */
    assay_vec mentions;
    bool any_pii;
};

/* ---- tables ---- */

static bool is_listed(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (assay_str_equal_ci(names[i], name))
            return true;
    return false;
}

/* What its model says, and its last commit said. */
static assay_status add_mention(struct looking *looking, const char *name,
                                const assay_schema *schema, const assay_state_file *state,
                                assay_error *err)
{
    const assay_model *model = assay_project_model(looking->privacy->write->steps->project, name);
    struct mention mention = {.name = name};
    const char *layer = NULL;
    const char *table = NULL;

    ASSAY_TRY(
        assay_published_columns(schema, looking->arena, &mention.columns, &mention.count, err));
    mention.pii = assay_arena_take(looking->arena, mention.count + 1, sizeof *mention.pii);
    ASSAY_TRY(assay_arena_check(mention.pii, err));
    for (size_t i = 0; i < mention.count; i++) {
        const char *column = mention.columns[i].name;
        mention.pii[i] = (model != NULL && assay_model_column_is_pii(model, column)) ||
                         (state != NULL && is_listed(state->pii, state->pii_count, column));
        looking->any_pii = looking->any_pii || mention.pii[i];
    }
    if (!assay_published_split(name, looking->arena, &layer, &table))
        return assay_error_set(err, ASSAY_EINVAL, 1003, "'%s' is no table name", name);
    ASSAY_TRY(assay_engine_catalog_table(looking->conn, layer, table, mention.columns,
                                         mention.count, err));
    return assay_vec_push(&looking->mentions, &mention, err);
}

static assay_status add_published(struct looking *looking, const char *name, assay_error *err)
{
    const assay_steps *steps = looking->privacy->write->steps;
    assay_state_file *state = NULL;
    assay_table *table = NULL;
    const char *layer = NULL;
    const char *short_name = NULL;
    int foreign = 0;

    if (!assay_published_split(name, looking->arena, &layer, &short_name) ||
        !assay_published_mentions(looking->sql, layer, short_name) ||
        assay_str_equal_ci(name, looking->privacy->write->table))
        return ASSAY_OK;
    ASSAY_TRY(assay_published_load(steps->project, steps->env, looking->conn, name, looking->arena,
                                   &table, err));
    if (!table->exists || table->schema == NULL)
        return ASSAY_OK;
    ASSAY_TRY(
        assay_state_file_current(table, steps->env->store, looking->arena, &state, &foreign, err));
    return add_mention(looking, name, table->schema, state, err);
}

static assay_status add_tables(struct looking *looking, assay_error *err)
{
    const assay_write *write = looking->privacy->write;
    const char **names = NULL;
    size_t count = 0;

    ASSAY_TRY(add_mention(looking, write->table, looking->privacy->schema, NULL, err));
    ASSAY_TRY(assay_published_names(write->steps->project, write->steps->env, looking->arena,
                                    &names, &count, err));
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(add_published(looking, names[i], err));
    return ASSAY_OK;
}

/* ---- columns of the query ---- */

static bool comes_from_pii(const struct looking *looking, const assay_lineage_column *column,
                           const char *type)
{
    for (size_t i = 0; i < column->input_count; i++) {
        const assay_lineage_column_input *source = &column->inputs[i];
        for (size_t k = 0; k < looking->mentions.count; k++) {
            const struct mention *mention = &((const struct mention *)looking->mentions.items)[k];
            for (size_t c = 0; c < mention->count; c++)
                if (mention->pii[c] && assay_str_equal_ci(mention->name, source->table) &&
                    assay_str_equal_ci(mention->columns[c].name, source->column) &&
                    assay_privacy_shows(source, type, mention->columns[c].type))
                    return true;
        }
    }
    return false;
}

static assay_status hide(const struct looking *looking, const char *const *names, size_t count,
                         bool *hidden, assay_error *err)
{
    assay_column_lineage *lineage = NULL;
    assay_column *columns = NULL;
    size_t column_count = 0;

    ASSAY_TRY(assay_conn_describe(looking->conn, looking->sql, looking->arena, &columns,
                                  &column_count, err));
    ASSAY_TRY(assay_lineage_columns(looking->conn, looking->sql, looking->arena, &lineage, err));
    if (lineage->column_count != column_count)
        return ASSAY_OK;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < column_count; k++)
            if (assay_str_equal_ci(names[i], columns[k].name))
                hidden[i] = comes_from_pii(looking, &lineage->columns[k], columns[k].type);
    return ASSAY_OK;
}

static assay_status look(struct looking *looking, const char *const *names, size_t count,
                         bool *hidden, assay_error *err)
{
    ASSAY_TRY(assay_engine_catalog_open(looking->conn, CATALOG, err));
    assay_status status = add_tables(looking, err);
    if (status == ASSAY_OK && !looking->any_pii)
        for (size_t i = 0; i < count; i++)
            hidden[i] = false;
    else if (status == ASSAY_OK)
        status = hide(looking, names, count, hidden, err);
    assay_engine_catalog_close(looking->conn, CATALOG);
    return status;
}

void assay_query_privacy_hides(const void *user, const char *sql, const char *const *names,
                               size_t count, bool *hidden)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    struct looking looking = {.privacy = user,
                              .sql = sql,
                              .arena = arena,
                              .mentions = ASSAY_VEC_OF(struct mention)};
    assay_error failure = {.code = ASSAY_OK};

    for (size_t i = 0; i < count; i++)
        hidden[i] = true;
    if (arena != NULL &&
        assay_conn_open(looking.privacy->write->steps->env->engine, &conn, &failure) == ASSAY_OK) {
        looking.conn = conn;
        (void)look(&looking, names, count, hidden, &failure); /* what is not known stays hidden */
    }
    assay_vec_done(&looking.mentions);
}
