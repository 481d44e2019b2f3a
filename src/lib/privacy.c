#include "lib/privacy.h"

#include "base/map.h"
#include "base/str.h"
#include "pipeline/privacy.h"
#include "published/published.h"
#include "steps/outcome.h"
#include "steps/quarantine.h"

static assay_model *find_model(const assay_context *context, const char *name)
{
    for (size_t i = 0; i < context->project->model_count; i++)
        if (assay_str_equal(context->project->models[i]->name, name))
            return context->project->models[i];
    return NULL;
}

assay_status assay_privacy_of_table(assay_context *context, const assay_table *table,
                                    assay_error *err)
{
    assay_model *model = find_model(context, table->name);
    assay_state_file *state = NULL;
    int foreign = 0;

    if (model == NULL || !table->exists)
        return ASSAY_OK;
    ASSAY_TRY(
        assay_state_file_current(table, context->store, context->arena, &state, &foreign, err));
    return state != NULL
               ? assay_privacy_learn(model, state->pii, state->pii_count, context->arena, err)
               : ASSAY_OK;
}

assay_status assay_privacy_owner(assay_context *context, const assay_table *table,
                                 const assay_model **ret_owner, assay_error *err)
{
    ASSAY_TRY(assay_privacy_of_table(context, table, err));
    *ret_owner = find_model(context, table->name);
    return ASSAY_OK;
}

/* ---- queries ---- */

/* Names of the pii columns of one table, in lower case. */
static assay_status collect_table(assay_context *context, assay_conn *conn, const char *name,
                                  assay_arena *arena, assay_map *columns, assay_error *err)
{
    const assay_model *model = find_model(context, name);
    assay_table *table = NULL;
    assay_state_file *state = NULL;
    int foreign = 0;

    for (size_t i = 0; model != NULL && i < model->header.column_count; i++)
        if (model->header.columns[i].pii)
            ASSAY_TRY(assay_map_put(columns, model->header.columns[i].name,
                                    &model->header.columns[i], err));
    ASSAY_TRY(
        assay_published_load(context->project, &context->env, conn, name, arena, &table, err));
    if (!table->exists)
        return ASSAY_OK;
    ASSAY_TRY(assay_state_file_current(table, context->store, arena, &state, &foreign, err));
    for (size_t i = 0; state != NULL && i < state->pii_count; i++)
        ASSAY_TRY(assay_map_put(columns, state->pii[i], state, err));
    return ASSAY_OK;
}

/* Of a quarantine table the columns are those of the table it belongs to. */
static bool is_mentioned(const char *sql, const char *name, assay_arena *arena)
{
    const char *layer = NULL;
    const char *table = NULL;
    char *joined = NULL;

    if (!assay_published_split(name, arena, &layer, &table))
        return false;
    joined = assay_arena_format(arena, "%s_%s", layer, table);
    return assay_published_mentions(sql, layer, table) ||
           (joined != NULL && assay_str_contains_ci(sql, joined));
}

static assay_status collect(assay_context *context, assay_conn *conn, const char *sql,
                            assay_arena *arena, assay_map *columns, assay_error *err)
{
    const char **names = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_published_names(context->project, &context->env, arena, &names, &count, err));
    for (size_t i = 0; i < count; i++)
        if (is_mentioned(sql, names[i], arena))
            ASSAY_TRY(collect_table(context, conn, names[i], arena, columns, err));
    return ASSAY_OK;
}

void assay_privacy_hide_error(assay_context *context, assay_conn *conn, const char *sql,
                              assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_map_freep) assay_map *columns = assay_map_new();

    if (arena == NULL || columns == NULL ||
        collect(context, conn, sql, arena, columns, NULL) != ASSAY_OK ||
        assay_map_count(columns) > 0)
        assay_step_hide_words(err);
}

/* A record as it came may hold a value of any column. */
static bool is_pii(const assay_map *columns, const char *name)
{
    if (assay_map_count(columns) > 0 && assay_str_equal_ci(name, ASSAY_QUARANTINE_RECORD))
        return true;
    for (size_t i = 0; i < assay_map_count(columns); i++)
        if (assay_str_equal_ci(assay_map_key_at(columns, i), name))
            return true;
    return false;
}

assay_status assay_privacy_hide_columns(assay_context *context, assay_conn *conn, const char *sql,
                                        assay_arena *arena, const char **ret_sql, assay_error *err)
{
    ASSAY_AUTO(assay_map_freep) assay_map *columns = assay_map_new();
    ASSAY_AUTO(assay_buf_done) assay_buf hidden = ASSAY_BUF_EMPTY;
    assay_column *found = NULL;
    size_t count = 0;
    bool any = false;

    ASSAY_TRY(assay_arena_check(columns, err));
    ASSAY_TRY(collect(context, conn, sql, arena, columns, err));
    ASSAY_TRY(assay_conn_describe(conn, sql, arena, &found, &count, err));
    assay_buf_append_text(&hidden, "SELECT * REPLACE (");
    for (size_t i = 0; i < count; i++) {
        if (!is_pii(columns, found[i].name))
            continue;
        assay_buf_append_text(&hidden, any ? ", CASE WHEN " : "CASE WHEN ");
        assay_sql_append_name(&hidden, found[i].name);
        assay_buf_append_text(&hidden, " IS NOT NULL THEN '***' END AS ");
        assay_sql_append_name(&hidden, found[i].name);
        any = true;
    }
    assay_buf_append_format(&hidden, ") FROM (%s\n)", sql);
    ASSAY_TRY(assay_buf_check(&hidden, err));
    *ret_sql = any ? assay_arena_text(arena, hidden.data) : sql;
    return assay_arena_check(*ret_sql, err);
}
