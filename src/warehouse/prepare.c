#include "warehouse/publish.h"

#include "warehouse/evolve.h"

/* ---- schema ---- */

/* CREATE SCHEMA IF NOT EXISTS asks for the privilege even where the schema exists, so only what is
 * missing is made. */
static assay_status make_schema(assay_publishing *publishing, assay_warehouse_session *session,
                                assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&sql, "CREATE SCHEMA IF NOT EXISTS ");
    assay_dialect_schema(publishing->dialect, &sql, &publishing->target);
    ASSAY_TRY(assay_buf_check(&sql, err));
    assay_status status = assay_session_ensure(session, assay_buf_text(&sql), err);
    if (status == ASSAY_OK)
        return ASSAY_OK;
    return assay_error_wrap_status(err, status, "schema '%s' does not exist and cannot be made",
                                   publishing->target.schema);
}

/* The stage of a table is named without its schema. */
static assay_status use_schema(assay_publishing *publishing, assay_warehouse_session *session,
                               assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    if (!publishing->dialect->by_files)
        return ASSAY_OK;
    assay_buf_append_text(&sql, "USE SCHEMA ");
    assay_dialect_schema(publishing->dialect, &sql, &publishing->target);
    ASSAY_TRY(assay_buf_check(&sql, err));
    return assay_session_run(session, assay_buf_text(&sql), NULL, err);
}

/* ---- target ---- */

static assay_status keep_changes(assay_publishing *publishing, const assay_evolve_plan *plan,
                                 assay_error *err)
{
    size_t count = publishing->change_count + plan->count;
    const char **changes = assay_arena_take(publishing->arena, count + 1, sizeof *changes);

    ASSAY_TRY(assay_arena_check(changes, err));
    for (size_t i = 0; i < count; i++)
        changes[i] = i < publishing->change_count ? publishing->changes[i]
                                                  : plan->changes[i - publishing->change_count];
    publishing->changes = changes;
    publishing->change_count = count;
    return ASSAY_OK;
}

static assay_status run_plan(assay_publishing *publishing, assay_warehouse_session *session,
                             const assay_evolve_plan *plan, assay_error *err)
{
    for (size_t i = 0; i < plan->count; i++) {
        assay_status status = assay_session_ensure(session, plan->statements[i], err);
        if (status != ASSAY_OK)
            return assay_error_wrap_status(err, status, "changing '%s'", publishing->target.table);
    }
    return keep_changes(publishing, plan, err);
}

static assay_status make_target(assay_publishing *publishing, assay_warehouse_session *session,
                                assay_error *err)
{
    assay_evolve_plan plan;

    ASSAY_TRY(assay_evolve_create(publishing->mapping, &publishing->target, publishing->arena,
                                  &plan, err));
    assay_status status = assay_session_ensure(session, plan.statements[0], err);
    if (status != ASSAY_OK)
        return assay_error_wrap_status(err, status, "creating '%s'", publishing->target.table);
    publishing->created = true;
    return ASSAY_OK;
}

/* Always looks at the columns, also of a target that was just made: another publisher may have
 * been faster, with other ones. */
static assay_status fit_target(assay_publishing *publishing, assay_warehouse_session *session,
                               assay_error *err)
{
    assay_mapping *mapping = publishing->mapping;
    assay_evolve_plan plan;
    assay_server_column *columns = NULL;
    const char **earlier = NULL;
    size_t count = 0;
    size_t earlier_count = 0;

    ASSAY_TRY(assay_server_columns(session, &publishing->target, &columns, &count, err));
    ASSAY_TRY(assay_evolve_diff(mapping, &publishing->target, columns, count, publishing->arena,
                                &plan, err));
    ASSAY_TRY(assay_ledger_columns(session, &publishing->target, &earlier, &earlier_count, err));
    ASSAY_TRY(
        assay_evolve_gone(mapping, earlier, earlier_count, columns, count, publishing->arena, err));
    return run_plan(publishing, session, &plan, err);
}

assay_status assay_publish_prepare(assay_publishing *publishing, assay_warehouse_session *session,
                                   const assay_server_state *state, assay_error *err)
{
    if (!state->schema)
        ASSAY_TRY(make_schema(publishing, session, err));
    ASSAY_TRY(use_schema(publishing, session, err));
    assay_status status = assay_ledger_prepare(session, &publishing->target, state, err);
    if (status != ASSAY_OK)
        return assay_error_wrap_status(err, status, "making the ledger in schema '%s'",
                                       publishing->target.schema);
    if (!state->target)
        ASSAY_TRY(make_target(publishing, session, err));
    return fit_target(publishing, session, err);
}
