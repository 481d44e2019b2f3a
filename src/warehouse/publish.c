#include "warehouse/publish.h"

#include <poll.h>

/* The protocol: look, prepare (DDL), stage, then one transaction that locks, looks into the ledger,
 * applies and writes the ledger. Whatever is lost on the way, the next attempt begins by looking,
 * on a new login, whether the earlier one's transaction was committed. */

enum { BACKOFF_MS = 400, BACKOFF_MAX_MS = 4000 };

/* ---- guards ---- */

assay_status assay_publish_guard(const assay_warehouse_request *request,
                                 const assay_warehouse_standing *standing, assay_error *err)
{
    const assay_warehouse_snapshot *snapshot = request->snapshot;
    const assay_warehouse_publication *publication = request->publication;

    if (standing->sequence > snapshot->sequence)
        return assay_error_at(err, ASSAY_ECONFLICT, 7030, publication->place,
                              "commit %lld of '%s' is older than commit %lld, which '%s' already "
                              "has",
                              (long long)snapshot->sequence, snapshot->table,
                              (long long)standing->sequence, publication->table);
    if (publication->mode != ASSAY_WAREHOUSE_APPEND || standing->sequence == snapshot->after)
        return ASSAY_OK;
    (void)assay_error_at(err, ASSAY_ECONFLICT, 7031, publication->place,
                         "the rows of '%s' after commit %lld do not follow what '%s' has, commit "
                         "%lld",
                         snapshot->table, (long long)snapshot->after, publication->table,
                         (long long)standing->sequence);
    if (err != NULL)
        err->retryable = true;
    return ASSAY_ECONFLICT;
}

static void take_counts(assay_warehouse_result *result, const assay_ledger_counts *counts)
{
    result->rows = counts->rows;
    result->inserted = counts->inserted;
    result->updated = counts->updated;
    result->deleted = counts->deleted;
}

/* What another table has overwritten is to be published once more, and so is a commit whose number
 * another snapshot had. Not a stream: whoever names one wants it there once, whatever came after.
 */
static bool is_outdated(const assay_publishing *publishing,
                        const assay_warehouse_standing *standing)
{
    const assay_warehouse_snapshot *snapshot = publishing->request->snapshot;

    return snapshot->snapshot != NULL &&
           (standing->overwritten || assay_ledger_is_other(standing, snapshot));
}

/* *ret_done: the ledger has the publish id, which is all there is to do. */
static assay_status look_into_ledger(assay_publishing *publishing, assay_warehouse_session *session,
                                     bool *ret_done, assay_error *err)
{
    assay_warehouse_standing standing;
    assay_ledger_entry entry;

    *ret_done = false;
    ASSAY_TRY(assay_ledger_standing(session, &publishing->target, &standing, err));
    publishing->replaces = standing.published && is_outdated(publishing, &standing);
    if (!standing.published || publishing->replaces)
        return assay_publish_guard(publishing->request, &standing, err);
    ASSAY_TRY(assay_ledger_find(session, &publishing->target, &entry, err));
    take_counts(&publishing->result, &entry.counts);
    *ret_done = true;
    return ASSAY_OK;
}

/* The ledger may know a target that somebody dropped. Whole tables are sent once more: their row
 * goes before the table is made, so that whoever dies between leaves nothing that looks done. Of
 * rows that were added in many publications the earlier ones are not to be had again that way. */
static assay_status look_for_lost(assay_publishing *publishing, assay_warehouse_session *session,
                                  bool *done, assay_error *err)
{
    const assay_warehouse_publication *publication = publishing->request->publication;
    assay_warehouse_standing standing;

    if (publication->mode != ASSAY_WAREHOUSE_APPEND) {
        ASSAY_TRY(*done ? assay_ledger_forget(session, &publishing->target, err) : ASSAY_OK);
        *done = false;
        return ASSAY_OK;
    }
    ASSAY_TRY(assay_ledger_standing(session, &publishing->target, &standing, err));
    if (!standing.published && !standing.any)
        return ASSAY_OK;
    return assay_error_at(err, ASSAY_EDATA, 7033, publication->place,
                          "'%s' of '%s' is gone, or cannot be seen, and rows of '%s' were appended "
                          "to it: publish it once with mode overwrite",
                          publication->table, publication->to,
                          publishing->request->snapshot->table);
}

/* ---- staging ---- */

/* Judges the keys once, and decides which rows are staged. */
static assay_status choose_rows(assay_publishing *publishing, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf select = ASSAY_BUF_EMPTY;
    const assay_warehouse_request *request = publishing->request;
    bool newest = false;

    if (publishing->select != NULL)
        return ASSAY_OK;
    ASSAY_TRY(assay_keys_check(request, publishing->mapping, &newest, err));
    assay_mapping_select(publishing->mapping, request->snapshot, newest, &select);
    ASSAY_TRY(assay_buf_check(&select, err));
    publishing->select = assay_arena_text(publishing->arena, assay_buf_text(&select));
    publishing->expected = newest ? -1 : request->snapshot->rows;
    return assay_arena_check(publishing->select, err);
}

static assay_status fill(assay_publishing *publishing, assay_warehouse_session *session,
                         const assay_stage_table *stage, int64_t *ret_rows, assay_error *err)
{
    ASSAY_TRY(
        assay_stages_load(session, &publishing->target, stage, publishing->select, ret_rows, err));
    if (publishing->expected < 0 || publishing->expected == *ret_rows)
        return ASSAY_OK;
    return assay_error_set(err, ASSAY_EDATA, 7023, "%lld rows of '%s' were staged instead of %lld",
                           (long long)*ret_rows, publishing->request->snapshot->table,
                           (long long)publishing->expected);
}

/* ---- the transaction ---- */

/* A rule or a trigger of the target may take rows, which is its owner's will, and must be seen. */
static void tell_taken(const assay_publishing *publishing, const assay_ledger_counts *counts)
{
    const assay_warehouse_publication *publication = publishing->request->publication;

    if (publication->mode != ASSAY_WAREHOUSE_MERGE && counts->inserted != counts->rows)
        assay_log_write(publishing->request->log, ASSAY_LOG_WARNING,
                        "'%s' of '%s' took %lld rows where %lld were sent: a rule or a trigger of "
                        "the table has the others",
                        publication->table, publication->to, (long long)counts->inserted,
                        (long long)counts->rows);
}

static assay_status apply(assay_publishing *publishing, assay_warehouse_session *session,
                          const assay_stage_table *stage, int64_t rows, assay_error *err)
{
    assay_apply_place place = {.target = &publishing->target, .stage = stage->name};
    assay_ledger_counts counts = {.rows = rows};
    assay_apply_list list;

    ASSAY_TRY(assay_apply_can_merge(session, &publishing->target, &place.merges, err));
    ASSAY_TRY(assay_apply_statements(publishing->mapping, &place,
                                     publishing->request->snapshot->committed_us, publishing->arena,
                                     &list, err));
    ASSAY_TRY(assay_apply_run(session, &publishing->target, &list, &counts, err));
    tell_taken(publishing, &counts);
    ASSAY_TRY(assay_session_step(session, "committing", err));
    if (publishing->replaces)
        ASSAY_TRY(assay_ledger_forget(session, &publishing->target, err));
    ASSAY_TRY(assay_ledger_write(session, &publishing->target, publishing->mapping, &counts, err));
    take_counts(&publishing->result, &counts);
    return ASSAY_OK;
}

/* Between begin and commit. Once the lock is held, the transaction of any earlier attempt has
 * ended, so that what the ledger says is final. */
static assay_status fill_transaction(assay_publishing *publishing, assay_warehouse_session *session,
                                     const assay_stage_table *stage, int64_t rows, bool *ret_done,
                                     assay_error *err)
{
    ASSAY_TRY(assay_ledger_lock(session, &publishing->target, err));
    ASSAY_TRY(look_into_ledger(publishing, session, ret_done, err));
    publishing->commit_sent = false;
    if (*ret_done)
        return ASSAY_OK;
    return apply(publishing, session, stage, rows, err);
}

static assay_status transact(assay_publishing *publishing, assay_warehouse_session *session,
                             const assay_stage_table *stage, int64_t rows, assay_error *err)
{
    bool own = publishing->commit_sent; /* what is found may be an earlier attempt's */
    bool done = false;

    ASSAY_TRY(assay_session_step(session, "applying", err));
    ASSAY_TRY(assay_adbc_begin(session->adbc, err));
    assay_status status = fill_transaction(publishing, session, stage, rows, &done, err);
    if (status != ASSAY_OK || done) {
        assay_status rolled_back = assay_adbc_rollback(session->adbc, NULL);
        (void)rolled_back;
        publishing->result.already = done && !own;
        return status;
    }
    publishing->commit_sent = true;
    status = assay_adbc_commit(session->adbc, err);
    if (status != ASSAY_EUNKNOWN_OUTCOME)
        publishing->commit_sent = false;
    return status;
}

/* ---- one attempt ---- */

static assay_status stage_and_apply(assay_publishing *publishing, assay_warehouse_session *session,
                                    assay_error *err)
{
    assay_stage_table stage;
    int64_t rows = 0;

    ASSAY_TRY(assay_stages_create(session, &publishing->target, publishing->mapping, &stage, err));
    publishing->stages[publishing->stage_count++] = stage;
    ASSAY_TRY(assay_session_step(session, "loading", err));
    assay_status status = fill(publishing, session, &stage, &rows, err);
    if (status == ASSAY_OK)
        status = transact(publishing, session, &stage, rows, err);
    if (status != ASSAY_EUNKNOWN_OUTCOME)
        assay_stages_drop(session, &publishing->target, &stage);
    return status;
}

static assay_status keep_queries(assay_publishing *publishing,
                                 const assay_warehouse_session *session, assay_error *err)
{
    assay_warehouse_query *queries = NULL;

    ASSAY_TRY(assay_vec_to_arena(&session->queries, publishing->arena, &queries,
                                 &publishing->result.query_count, err));
    publishing->result.queries = queries;
    return ASSAY_OK;
}

/* What this publication's own earlier attempts could not drop. */
static void drop_earlier(const assay_publishing *publishing, assay_warehouse_session *session)
{
    for (size_t i = 0; i < publishing->stage_count; i++)
        assay_stages_drop(session, &publishing->target, &publishing->stages[i]);
}

static assay_status work(assay_publishing *publishing, assay_warehouse_session *session,
                         assay_error *err)
{
    assay_server_state state;
    bool done = false;

    ASSAY_TRY(assay_session_step(session, "checking", err));
    ASSAY_TRY(assay_server_look(session, &publishing->target, &state, err));
    if (state.ledger)
        ASSAY_TRY(look_into_ledger(publishing, session, &done, err));
    if (state.ledger && !state.target)
        ASSAY_TRY(look_for_lost(publishing, session, &done, err));
    assay_stages_clean(session, &publishing->target, &state);
    drop_earlier(publishing, session);
    if (done) {
        /* An earlier attempt's own commit, whose answer was lost, is this publication's doing. */
        publishing->result.already = !publishing->commit_sent;
        publishing->commit_sent = false;
        return ASSAY_OK;
    }
    ASSAY_TRY(choose_rows(publishing, err));
    ASSAY_TRY(assay_session_step(session, "preparing", err));
    ASSAY_TRY(assay_publish_prepare(publishing, session, &state, err));
    ASSAY_TRY(stage_and_apply(publishing, session, err));
    return keep_queries(publishing, session, err);
}

static assay_status attempt(assay_publishing *publishing, bool *ret_reached, assay_error *err)
{
    ASSAY_AUTO(assay_session_done) assay_warehouse_session session = {.adbc = NULL};
    const assay_warehouse_request *request = publishing->request;

    if (request->phase != NULL)
        request->phase(request->phase_user, "connecting");
    ASSAY_TRY(assay_session_open(request, publishing->result.publish_id, publishing->arena,
                                 &session, err));
    *ret_reached = true;
    return work(publishing, &session, err);
}

/* ---- all attempts ---- */

/* What may go away by itself. Our own conflicts do not: the caller must bring other rows. A limit
 * of time that passes twice will pass again. */
static bool can_retry(const assay_error *failure, int attempt)
{
    enum { OWN_FIRST = 7000, OWN_LAST = 7999, LOCK_ROW = 7032 };

    if (failure->code == ASSAY_ETIMEOUT && attempt > 0)
        return false;
    if (failure->number >= OWN_FIRST && failure->number <= OWN_LAST && failure->number != LOCK_ROW)
        return false;
    return failure->retryable || failure->code == ASSAY_EUNKNOWN_OUTCOME;
}

/* Waits longer each time, and never in step with another publisher. */
static assay_status back_off(const assay_warehouse_request *request, int attempt, assay_error *err)
{
    enum { SLICE_MS = 50 };
    uint16_t dice = 0;
    int64_t wait_ms = (int64_t)BACKOFF_MS << attempt;

    request->random.fill(request->random.user, &dice, sizeof dice);
    wait_ms = wait_ms > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : wait_ms;
    wait_ms = wait_ms / 2 + dice % (wait_ms / 2 + 1);
    for (; wait_ms > 0; wait_ms -= SLICE_MS) {
        ASSAY_TRY(assay_cancel_check(request->cancel, err));
        (void)poll(NULL, 0, wait_ms < SLICE_MS ? (int)wait_ms : SLICE_MS);
    }
    return ASSAY_OK;
}

static assay_status give_up(const assay_publishing *publishing, const assay_error *failure,
                            assay_error *err)
{
    const char *target = publishing->request->publication->table;

    if (publishing->commit_sent)
        (void)assay_error_set(err, ASSAY_EUNKNOWN_OUTCOME, 7040,
                              "the answer to the commit of publication %s into '%s' was lost, and "
                              "the ledger cannot be asked: %s",
                              publishing->result.publish_id, target, failure->message);
    else if (failure->code == ASSAY_EUNKNOWN_OUTCOME)
        (void)assay_error_set(err, ASSAY_EIO, 7041,
                              "the connection was lost before anything was published into '%s': %s",
                              target, failure->message);
    else
        return assay_error_copy(err, failure);
    if (err != NULL)
        err->retryable = true;
    return publishing->commit_sent ? ASSAY_EUNKNOWN_OUTCOME : ASSAY_EIO;
}

static assay_status try_all(assay_publishing *publishing, assay_error *err)
{
    assay_error failure = {0};
    bool reached = false;

    for (int i = 0; i < ASSAY_PUBLISH_ATTEMPTS_MAX; i++) {
        assay_error_clear(&failure);
        publishing->result.attempts = i + 1;
        assay_status status = attempt(publishing, &reached, &failure);
        if (status == ASSAY_OK)
            return ASSAY_OK;
        /* A warehouse that was never reached is the caller's to try again, later. */
        if (!reached || (!can_retry(&failure, i) && !publishing->commit_sent) ||
            i + 1 == ASSAY_PUBLISH_ATTEMPTS_MAX)
            break;
        assay_log_write(publishing->request->log, ASSAY_LOG_WARNING,
                        "publishing '%s' to '%s', attempt %d: %s",
                        publishing->request->snapshot->table,
                        publishing->request->publication->table, i + 1, failure.message);
        if (back_off(publishing->request, i, &failure) != ASSAY_OK)
            break;
    }
    return give_up(publishing, &failure, err);
}

static assay_status begin(assay_publishing *publishing, assay_error *err)
{
    const assay_warehouse_request *request = publishing->request;
    assay_column *columns = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_warehouse_publish_id(request, publishing->result.publish_id, err));
    ASSAY_TRY(assay_warehouse_resolve(request->connection, request->publication, publishing->arena,
                                      &publishing->target, err));
    publishing->dialect = assay_dialect_of(request->connection->kind);
    ASSAY_TRY(assay_conn_describe(request->conn, request->snapshot->select, publishing->arena,
                                  &columns, &count, err));
    return assay_mapping_make(publishing->dialect, request->publication, columns, count,
                              publishing->arena, &publishing->mapping, err);
}

assay_status assay_warehouse_publish(const assay_warehouse_request *request, assay_arena *arena,
                                     assay_warehouse_result *ret_result, assay_error *err)
{
    assay_publishing publishing = {.request = request, .arena = arena};

    ASSAY_TRY(begin(&publishing, err));
    ASSAY_TRY(try_all(&publishing, err));
    publishing.result.target = publishing.target;
    publishing.result.created = publishing.created;
    publishing.result.changes = publishing.changes;
    publishing.result.change_count = publishing.change_count;
    *ret_result = publishing.result;
    return ASSAY_OK;
}

/* ---- looking ---- */

static assay_status look_for_rows(assay_warehouse_session *session,
                                  const assay_warehouse_target *target, bool *ret_filled,
                                  assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_rows *rows = NULL;

    assay_buf_append_text(&sql, "SELECT 1 FROM ");
    assay_dialect_table(session->dialect, &sql, target, target->table);
    assay_buf_append_text(&sql, " LIMIT 1");
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_session_query(session, assay_buf_text(&sql), &rows, err));
    *ret_filled = rows->count > 0;
    return ASSAY_OK;
}

assay_status assay_warehouse_look(const assay_warehouse_request *request,
                                  assay_warehouse_standing *ret_standing, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_session_done) assay_warehouse_session session = {.adbc = NULL};
    char id[ASSAY_WAREHOUSE_ID_SIZE];
    assay_warehouse_target target;
    assay_server_state state;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_warehouse_publish_id(request, id, err));
    ASSAY_TRY(
        assay_warehouse_resolve(request->connection, request->publication, arena, &target, err));
    ASSAY_TRY(assay_session_open(request, id, arena, &session, err));
    ASSAY_TRY(assay_server_look(&session, &target, &state, err));
    assay_warehouse_standing standing = {.sequence = ASSAY_WAREHOUSE_BEGINNING};
    if (state.ledger)
        ASSAY_TRY(assay_ledger_standing(&session, &target, &standing, err));
    standing.published = standing.published && state.target;
    if (state.target && !standing.any)
        ASSAY_TRY(look_for_rows(&session, &target, &standing.filled, err));
    *ret_standing = standing;
    return ASSAY_OK;
}
