#include "delta/replay.h"

#include <string.h>

#include "base/map.h"
#include "base/path.h"
#include "base/str.h"
#include "base/vec.h"
#include "delta/checkpoint.h"
#include "delta/uri.h"
#include "text/json.h"

/* The engine that reads a checkpoint where the caller has none at hand. */
enum { OWN_ENGINE_MEMORY = 1 << 30 };

struct replay {
    const assay_delta_log *log;
    const assay_delta_replay_options *options;
    assay_arena *arena;
    assay_delta_state *state;
    assay_map *txns, *domains, *files, *tombstones;
    assay_vec sidecars, infos;
    int64_t version; /* of the commit that is read, -1 in a checkpoint */
};

static void replay_done(struct replay *replay)
{
    assay_map_free(replay->txns);
    assay_map_free(replay->domains);
    assay_map_free(replay->files);
    assay_map_free(replay->tombstones);
    assay_vec_done(&replay->sidecars);
    assay_vec_done(&replay->infos);
}

static assay_status damaged(const struct replay *replay, const char *what, assay_error *err)
{
    return assay_error_set(err, ASSAY_EDATA, 4201, "the log of '%s' is damaged: %s",
                           replay->log->location, what);
}

/* A logical file is its path and its deletion vector (PROTOCOL.md, "Action Reconciliation"). */
static char *file_key(const char *path, const assay_value *body, assay_arena *arena)
{
    const assay_value *vector = assay_value_find(body, "deletionVector");
    const assay_value *offset = assay_value_find(vector, "offset");

    if (vector == NULL || vector->kind != ASSAY_VALUE_MAP)
        return assay_arena_text(arena, path);
    return assay_arena_format(arena, "%s\n%s%s@%lld", path,
                              assay_value_find_text(vector, "storageType", ""),
                              assay_value_find_text(vector, "pathOrInlineDv", ""),
                              offset != NULL && offset->kind == ASSAY_VALUE_INT
                                  ? (long long)offset->integer
                                  : -1LL);
}

static assay_status take_file(struct replay *replay, const assay_value *body, bool is_add,
                              assay_error *err)
{
    const char *uri = assay_value_find_text(body, "path", NULL);
    assay_delta_file *file = NULL;
    char *key = NULL;

    if (!replay->options->with_files)
        return ASSAY_OK;
    if (uri == NULL)
        return damaged(replay, "a file has no path", err);
    file = assay_arena_take(replay->arena, 1, sizeof(*file));
    ASSAY_TRY(assay_arena_check(file, err));
    file->path = assay_delta_uri_resolve(replay->arena, replay->log->location, uri);
    ASSAY_TRY(assay_arena_check(file->path, err));
    file->body = body;
    file->version = replay->version;
    key = file_key(file->path, body, replay->arena);
    ASSAY_TRY(assay_arena_check(key, err));
    if (is_add) {
        assay_map_remove(replay->tombstones, key);
        return assay_map_put(replay->files, key, file, err);
    }
    assay_map_remove(replay->files, key);
    return assay_map_put(replay->tombstones, key, file, err);
}

static assay_status put_named(assay_map *map, const assay_value *body, const char *key,
                              assay_error *err)
{
    /* The map hands out what was put in; nothing writes through it. */
    union {
        const assay_value *in;
        void *out;
    } value = {.in = body};

    return assay_map_put(map, assay_value_find_text(body, key, ""), value.out, err);
}

static assay_status take_info(struct replay *replay, const assay_value *body, assay_error *err)
{
    assay_delta_info info = {replay->version, body};

    return assay_vec_push(&replay->infos, &info, err);
}

static assay_status take_action(void *user, const char *kind, const assay_value *body,
                                assay_error *err)
{
    struct replay *replay = user;

    if (strcmp(kind, "add") == 0 || strcmp(kind, "remove") == 0)
        return take_file(replay, body, kind[0] == 'a', err);
    if (strcmp(kind, "protocol") == 0)
        replay->state->protocol = body;
    else if (strcmp(kind, "metaData") == 0)
        replay->state->metadata = body;
    else if (strcmp(kind, "txn") == 0)
        return put_named(replay->txns, body, "appId", err);
    else if (strcmp(kind, "domainMetadata") == 0)
        return put_named(replay->domains, body, "domain", err);
    else if (strcmp(kind, "sidecar") == 0)
        return assay_vec_push(&replay->sidecars, &body, err);
    else if (strcmp(kind, "commitInfo") == 0)
        return take_info(replay, body, err);
    return ASSAY_OK;
}

assay_status assay_delta_line_parse(const assay_delta_line *line, const char *path,
                                    assay_arena *arena, const assay_value **ret_body,
                                    assay_error *err)
{
    assay_value *action = NULL;
    assay_status status = ASSAY_OK;

    *ret_body = NULL;
    if (line->size > ASSAY_DELTA_LINE_BYTES_MAX)
        return assay_error_set(err, ASSAY_EDATA, 4201, "an action in '%s' is too large", path);
    status = assay_json_parse(line->text, line->size, path, arena, &action, err);
    if (status == ASSAY_ENOMEM)
        return status;
    if (status != ASSAY_OK)
        return assay_error_set(err, ASSAY_EDATA, 4201, "the commit '%s' is damaged: not JSON",
                               path);
    if (action->kind == ASSAY_VALUE_MAP && action->count > 0 &&
        action->items[0]->kind == ASSAY_VALUE_MAP)
        *ret_body = action->items[0];
    return ASSAY_OK;
}

/* Adds, removes and change files need not be parsed where only the table's own facts are asked. */
static bool is_wanted(const struct replay *replay, const assay_delta_line *line)
{
    static const char *const facts[] = {"protocol",       "metaData", "txn",
                                        "domainMetadata", "sidecar",  "commitInfo"};

    if (assay_delta_line_is(line, "add") || assay_delta_line_is(line, "remove"))
        return replay->options->with_files;
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        if (assay_delta_line_is(line, facts[i]))
            return true;
    }
    return line->kind_size == 0;
}

static assay_status read_lines(struct replay *replay, const assay_buf *text, const char *path,
                               assay_error *err)
{
    assay_delta_line line;
    size_t at = 0;

    while (assay_delta_log_next_line(text, &at, &line)) {
        const assay_value *body = NULL;
        char *kind = NULL;

        if (!is_wanted(replay, &line))
            continue;
        ASSAY_TRY(assay_delta_line_parse(&line, path, replay->arena, &body, err));
        kind = assay_arena_text_n(replay->arena, line.kind, line.kind_size);
        ASSAY_TRY(assay_arena_check(kind, err));
        if (body != NULL)
            ASSAY_TRY(take_action(replay, kind, body, err));
    }
    return ASSAY_OK;
}

static assay_status read_sidecars(struct replay *replay, assay_conn *conn, assay_error *err)
{
    for (size_t i = 0; replay->options->with_files && i < replay->sidecars.count; i++) {
        const assay_value *body = *(const assay_value **)assay_vec_at(&replay->sidecars, i);
        const char *name = assay_value_find_text(body, "path", "");
        char *path = assay_arena_format(replay->arena, "%s/_sidecars", replay->log->folder);

        path = path == NULL ? NULL : assay_delta_uri_resolve(replay->arena, path, name);
        ASSAY_TRY(assay_arena_check(path, err));
        ASSAY_TRY(
            assay_delta_checkpoint_read(conn, path, true, replay->arena, take_action, replay, err));
    }
    return ASSAY_OK;
}

static assay_status read_checkpoint_with(struct replay *replay,
                                         const assay_delta_checkpoint *checkpoint, assay_conn *conn,
                                         assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;

    for (size_t i = 0; i < checkpoint->path_count; i++) {
        const char *path = checkpoint->paths[i];

        if (checkpoint->json) {
            ASSAY_TRY(assay_store_get(replay->options->store, path, ASSAY_DELTA_COMMIT_BYTES_MAX,
                                      &text, err));
            ASSAY_TRY(read_lines(replay, &text, path, err));
        } else {
            ASSAY_TRY(assay_delta_checkpoint_read(conn, path, replay->options->with_files,
                                                  replay->arena, take_action, replay, err));
        }
    }
    return read_sidecars(replay, conn, err);
}

static assay_status read_checkpoint(struct replay *replay, const assay_delta_checkpoint *checkpoint,
                                    assay_error *err)
{
    assay_engine_options options = {.memory_limit = OWN_ENGINE_MEMORY, .threads = 1};
    ASSAY_AUTO(assay_engine_closep) assay_engine *engine = NULL;
    ASSAY_AUTO(assay_conn_closep) assay_conn *own = NULL;
    assay_conn *conn = replay->options->conn;

    replay->version = -1;
    if (conn == NULL) {
        ASSAY_TRY(assay_engine_open(&options, &engine, err));
        ASSAY_TRY(assay_conn_open(engine, &own, err));
        conn = own;
    }
    if (read_checkpoint_with(replay, checkpoint, conn, err) != ASSAY_OK)
        return assay_error_wrap(err, "reading checkpoint %lld of '%s'",
                                (long long)checkpoint->version, replay->log->location);
    return ASSAY_OK;
}

static assay_status read_commits(struct replay *replay, int64_t from, int64_t to, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;

    for (int64_t v = from; v <= to; v++) {
        char *path = assay_delta_log_commit_path(replay->log, v, replay->arena);

        ASSAY_TRY(assay_arena_check(path, err));
        ASSAY_TRY(assay_delta_log_read_commit(replay->log, v, replay->options->store, &text, err));
        replay->version = v;
        ASSAY_TRY(read_lines(replay, &text, path, err));
    }
    return ASSAY_OK;
}

static assay_status copy_files(const assay_map *map, assay_arena *arena,
                               assay_delta_file **ret_files, size_t *ret_count, assay_error *err)
{
    size_t count = assay_map_count(map);
    assay_delta_file *files = assay_arena_take(arena, count + 1, sizeof(*files));

    ASSAY_TRY(assay_arena_check(files, err));
    for (size_t i = 0; i < count; i++)
        files[i] = *(const assay_delta_file *)assay_map_value_at(map, i);
    *ret_files = files;
    *ret_count = count;
    return ASSAY_OK;
}

static assay_status finish(struct replay *replay, assay_error *err)
{
    assay_delta_state *state = replay->state;

    if (state->protocol == NULL || state->metadata == NULL)
        return assay_error_set(err, ASSAY_EDATA, 4205, "the log of '%s' has no %s action",
                               replay->log->location,
                               state->protocol == NULL ? "protocol" : "metaData");
    ASSAY_TRY(copy_files(replay->files, replay->arena, &state->files, &state->file_count, err));
    ASSAY_TRY(copy_files(replay->tombstones, replay->arena, &state->tombstones,
                         &state->tombstone_count, err));
    ASSAY_TRY(
        assay_vec_to_arena(&replay->infos, replay->arena, &state->infos, &state->info_count, err));
    state->txn_count = assay_map_count(replay->txns);
    state->txns = assay_arena_take(replay->arena, state->txn_count + 1, sizeof(*state->txns));
    ASSAY_TRY(assay_arena_check(state->txns, err));
    for (size_t i = 0; i < state->txn_count; i++)
        state->txns[i] = assay_map_value_at(replay->txns, i);
    for (size_t i = 0; i < assay_map_count(replay->domains); i++) {
        if (!assay_value_find_bool(assay_map_value_at(replay->domains, i), "removed", false))
            state->domain_count++;
    }
    return ASSAY_OK;
}

assay_status assay_delta_replay(const assay_delta_log *log, int64_t version,
                                const assay_delta_replay_options *options, assay_arena *arena,
                                assay_delta_state **ret_state, assay_error *err)
{
    ASSAY_AUTO(replay_done)
    struct replay replay = {.log = log,
                            .options = options,
                            .arena = arena,
                            .state = assay_arena_take(arena, 1, sizeof(assay_delta_state)),
                            .txns = assay_map_new(),
                            .domains = assay_map_new(),
                            .files = assay_map_new(),
                            .tombstones = assay_map_new(),
                            .sidecars = ASSAY_VEC_OF(const assay_value *),
                            .infos = ASSAY_VEC_OF(assay_delta_info)};
    const assay_delta_checkpoint *start = NULL;

    if (replay.state == NULL || replay.txns == NULL || replay.domains == NULL ||
        replay.files == NULL || replay.tombstones == NULL)
        return assay_error_nomem(err);
    replay.state->version = version;
    ASSAY_TRY(assay_delta_log_start(log, version, &start, err));
    if (start != NULL)
        ASSAY_TRY(read_checkpoint(&replay, start, err));
    ASSAY_TRY(read_commits(&replay, start == NULL ? 0 : start->version + 1, version, err));
    ASSAY_TRY(finish(&replay, err));
    *ret_state = replay.state;
    return ASSAY_OK;
}

int64_t assay_delta_state_txn(const assay_delta_state *state, const char *app_id)
{
    for (size_t i = 0; i < state->txn_count; i++) {
        if (assay_str_equal(assay_value_find_text(state->txns[i], "appId", ""), app_id))
            return assay_value_find_int(state->txns[i], "version", -1);
    }
    return -1;
}
