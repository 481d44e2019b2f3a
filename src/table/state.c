#include "table/state.h"

#include <string.h>

#include "base/map.h"
#include "base/path.h"
#include "base/str.h"
#include "base/vec.h"
#include "text/json.h"

/* A state file holds what its commit consumed and the name of the one before it; every 50th holds
 * the whole list, so that loading reads at most 50 objects. */
enum {
    STATE_VERSION = 1,
    STATE_BYTES_MAX = 64 << 20,
    CHAIN_LENGTH = 50,
    CHAIN_MAX = 1000 /* what is read of others' making */
};

static assay_status damaged(const char *path, const char *why, assay_error *err)
{
    return assay_error_set(err, ASSAY_EDATA, 4050, "state file '%s' is damaged: %s", path, why);
}

char *assay_state_file_path(int64_t number, const char *commit_id, assay_arena *arena)
{
    return assay_arena_format(arena, "_assay/state-%lld-%s.json", (long long)number, commit_id);
}

/* ---- out ---- */

static void write_file(assay_json_writer *writer, const assay_consumed_file *file)
{
    assay_json_begin_map(writer);
    assay_json_key(writer, "path");
    assay_json_text(writer, file->path);
    assay_json_key(writer, "size");
    assay_json_int(writer, file->size);
    assay_json_key(writer, "mtime_ns");
    assay_json_int(writer, file->mtime_ns);
    assay_json_key(writer, "sha256");
    assay_json_text(writer, file->sha256);
    assay_json_key(writer, "rows");
    assay_json_int(writer, file->rows);
    assay_json_key(writer, "bad_rows");
    assay_json_int(writer, file->bad_rows);
    assay_json_end_map(writer);
}

static void write_input(assay_json_writer *writer, const assay_consumed_input *input)
{
    assay_json_begin_map(writer);
    assay_json_key(writer, "table");
    assay_json_text(writer, input->table);
    assay_json_key(writer, "uuid");
    assay_json_text(writer, input->uuid);
    assay_json_key(writer, "snapshot_id");
    assay_json_int(writer, input->snapshot_id);
    assay_json_key(writer, "number");
    assay_json_int(writer, input->number);
    assay_json_end_map(writer);
}

static void write_text(assay_json_writer *writer, const char *key, const char *text)
{
    assay_json_key(writer, key);
    assay_json_text(writer, text);
}

static void write_value(assay_json_writer *writer, const char *key, const assay_value *value)
{
    if (value == NULL)
        return;
    assay_json_key(writer, key);
    assay_json_value(writer, value);
}

static void write_pii(assay_json_writer *writer, const assay_state_file *state)
{
    if (state->pii_count == 0)
        return;
    assay_json_key(writer, "pii");
    assay_json_begin_list(writer);
    for (size_t i = 0; i < state->pii_count; i++)
        assay_json_text(writer, state->pii[i]);
    assay_json_end_list(writer);
}

struct chain {
    const char *previous; /* NULL = none: the file holds the whole list */
    int64_t length;       /* files in the chain, this one included */
    size_t from;          /* first consumed file that is written out */
};

static void write_state(assay_buf *buf, const assay_state_file *state, const struct chain *chain)
{
    assay_json_writer writer = assay_json_writer_init(buf);

    assay_json_begin_map(&writer);
    assay_json_key(&writer, "version");
    assay_json_int(&writer, STATE_VERSION);
    assay_json_key(&writer, "number");
    assay_json_int(&writer, state->number);
    write_text(&writer, "run_id", state->run_id);
    write_text(&writer, "step_run_id", state->step_run_id);
    write_text(&writer, "commit_id", state->commit_id);
    write_text(&writer, "skip_key", state->skip_key);
    write_text(&writer, "verdict", state->verdict);
    write_text(&writer, "suite_hash", state->suite_hash);
    assay_json_key(&writer, "rows");
    assay_json_int(&writer, state->rows);
    write_value(&writer, "gate", state->gate);
    write_value(&writer, "watermark", state->watermark);
    write_value(&writer, "quarantine", state->quarantine);
    write_pii(&writer, state);
    write_text(&writer, "previous", chain->previous);
    assay_json_key(&writer, "chain");
    assay_json_int(&writer, chain->length);
    assay_json_key(&writer, "inputs");
    assay_json_begin_list(&writer);
    for (size_t i = 0; i < state->input_count; i++)
        write_input(&writer, &state->inputs[i]);
    assay_json_end_list(&writer);
    assay_json_key(&writer, "files");
    assay_json_begin_list(&writer);
    for (size_t i = chain->from; i < state->file_count; i++)
        write_file(&writer, &state->files[i]);
    assay_json_end_list(&writer);
    assay_json_end_map(&writer);
    assay_buf_append_char(buf, '\n');
}

/* ---- in ---- */

static assay_status read_object(const char *location, const char *path, assay_store *store,
                                assay_arena *arena, assay_value **ret_tree, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;

    if (!assay_str_starts(path, "_assay/") || assay_str_contains(path, ".."))
        return damaged(path, "it does not lie below _assay/", err);
    const char *key = assay_path_join(arena, location, path);
    ASSAY_TRY(assay_arena_check(key, err));
    assay_status status = assay_store_get(store, key, STATE_BYTES_MAX, &text, err);
    if (status == ASSAY_ENOTFOUND)
        return damaged(path, "it is not there", err);
    if (status == ASSAY_EINVAL)
        return damaged(path, "that is no path", err);
    if (status == ASSAY_EDATA)
        return assay_error_set(err, ASSAY_EDATA, 4051, "state file '%s' is larger than %d MiB",
                               path, STATE_BYTES_MAX >> 20);
    ASSAY_TRY(status);
    status = assay_json_parse(assay_buf_text(&text), text.size, path, arena, ret_tree, err);
    if (status == ASSAY_EDATA)
        return damaged(path, "it is no JSON", err);
    ASSAY_TRY(status);
    if (assay_value_find_int(*ret_tree, "version", 0) != STATE_VERSION)
        return damaged(path, "its version is not known", err);
    return ASSAY_OK;
}

static assay_status read_files(const assay_value *tree, const char *path, assay_map *by_path,
                               assay_arena *arena, assay_error *err)
{
    const assay_value *list = assay_value_find(tree, "files");

    /* From the newest back, as the chain is followed: the newest word on a path wins. */
    for (size_t i = list != NULL ? list->count : 0; i > 0; i--) {
        const assay_value *item = list->items[i - 1];
        const char *name = assay_value_find_text(item, "path", NULL);
        if (name == NULL)
            return damaged(path, "a consumed file has no path", err);
        if (assay_map_has(by_path, name))
            continue;
        assay_consumed_file *file = assay_arena_take(arena, 1, sizeof *file);
        ASSAY_TRY(assay_arena_check(file, err));
        *file = (assay_consumed_file){.path = name,
                                      .size = assay_value_find_int(item, "size", -1),
                                      .mtime_ns = assay_value_find_int(item, "mtime_ns", 0),
                                      .sha256 = assay_value_find_text(item, "sha256", NULL),
                                      .rows = assay_value_find_int(item, "rows", -1),
                                      .bad_rows = assay_value_find_int(item, "bad_rows", 0)};
        ASSAY_TRY(assay_map_put(by_path, name, file, err));
    }
    return ASSAY_OK;
}

static assay_status read_pii(const assay_value *tree, assay_arena *arena, assay_state_file *state,
                             assay_error *err)
{
    const assay_value *list = assay_value_find(tree, "pii");
    size_t count = list != NULL && list->kind == ASSAY_VALUE_LIST ? list->count : 0;
    const char **names = assay_arena_take(arena, count + 1, sizeof *names);

    ASSAY_TRY(assay_arena_check(names, err));
    for (size_t i = 0; i < count; i++)
        if (list->items[i]->kind == ASSAY_VALUE_TEXT)
            names[state->pii_count++] = list->items[i]->text;
    state->pii = names;
    return ASSAY_OK;
}

static assay_status read_inputs(const assay_value *tree, assay_arena *arena,
                                assay_state_file *state, assay_error *err)
{
    const assay_value *list = assay_value_find(tree, "inputs");

    state->input_count = list != NULL ? list->count : 0;
    state->inputs = assay_arena_take(arena, state->input_count + 1, sizeof *state->inputs);
    ASSAY_TRY(assay_arena_check(state->inputs, err));
    for (size_t i = 0; i < state->input_count; i++) {
        const assay_value *item = list->items[i];
        state->inputs[i] =
            (assay_consumed_input){.table = assay_value_find_text(item, "table", ""),
                                   .uuid = assay_value_find_text(item, "uuid", NULL),
                                   .snapshot_id = assay_value_find_int(item, "snapshot_id", -1),
                                   .number = assay_value_find_int(item, "number", -1)};
    }
    return ASSAY_OK;
}

static assay_status read_head(const assay_value *tree, assay_arena *arena, assay_state_file *state,
                              assay_error *err)
{
    state->number = assay_value_find_int(tree, "number", 0);
    state->run_id = assay_value_find_text(tree, "run_id", NULL);
    state->step_run_id = assay_value_find_text(tree, "step_run_id", NULL);
    state->commit_id = assay_value_find_text(tree, "commit_id", NULL);
    state->skip_key = assay_value_find_text(tree, "skip_key", NULL);
    state->verdict = assay_value_find_text(tree, "verdict", NULL);
    state->suite_hash = assay_value_find_text(tree, "suite_hash", NULL);
    state->rows = assay_value_find_int(tree, "rows", 0);
    state->gate = assay_value_find(tree, "gate");
    state->watermark = assay_value_find(tree, "watermark");
    state->quarantine = assay_value_find(tree, "quarantine");
    ASSAY_TRY(read_pii(tree, arena, state, err));
    return read_inputs(tree, arena, state, err);
}

/* Follows the chain from the newest back, so that the newest word on a path is read first. */
static assay_status follow(const char *location, const assay_value *tree, const char *path,
                           assay_store *store, assay_arena *arena, assay_map *by_path,
                           assay_error *err)
{
    for (int links = 0;; links++) {
        assay_value *next = NULL;
        ASSAY_TRY(read_files(tree, path, by_path, arena, err));
        const char *previous = assay_value_find_text(tree, "previous", NULL);
        if (previous == NULL)
            return ASSAY_OK;
        if (links == CHAIN_MAX)
            return damaged(path, "its chain does not end", err);
        ASSAY_TRY(read_object(location, previous, store, arena, &next, err));
        tree = next;
        path = previous;
    }
}

/* The oldest first. */
static assay_status list_files(const assay_map *by_path, assay_arena *arena,
                               assay_state_file *state, assay_error *err)
{
    size_t count = assay_map_count(by_path);

    state->files = assay_arena_take(arena, count + 1, sizeof *state->files);
    ASSAY_TRY(assay_arena_check(state->files, err));
    for (size_t i = 0; i < count; i++)
        state->files[i] = *(const assay_consumed_file *)assay_map_value_at(by_path, count - 1 - i);
    state->file_count = count;
    return ASSAY_OK;
}

assay_status assay_state_file_load(const char *location, const char *path, assay_store *store,
                                   assay_arena *arena, assay_state_file **ret_state,
                                   assay_error *err)
{
    ASSAY_AUTO(assay_map_freep) assay_map *by_path = assay_map_new();
    assay_state_file *state = assay_arena_take(arena, 1, sizeof *state);
    assay_value *tree = NULL;

    if (by_path == NULL || state == NULL)
        return assay_error_nomem(err);
    ASSAY_TRY(read_object(location, path, store, arena, &tree, err));
    ASSAY_TRY(read_head(tree, arena, state, err));
    ASSAY_TRY(follow(location, tree, path, store, arena, by_path, err));
    ASSAY_TRY(list_files(by_path, arena, state, err));
    *ret_state = state;
    return ASSAY_OK;
}

/* How the new file hangs on the one before it. */
static assay_status choose_chain(const char *location, const assay_state_chain *wanted,
                                 assay_store *store, assay_arena *arena, struct chain *chain,
                                 assay_error *err)
{
    assay_value *tree = NULL;

    *chain = (struct chain){NULL, 1, 0};
    if (wanted->previous_path == NULL)
        return ASSAY_OK;
    ASSAY_TRY(read_object(location, wanted->previous_path, store, arena, &tree, err));
    int64_t length = assay_value_find_int(tree, "chain", 1) + 1;
    if (length <= CHAIN_LENGTH)
        *chain = (struct chain){wanted->previous_path, length, wanted->new_files_from};
    return ASSAY_OK;
}

assay_status assay_state_file_save(const char *location, const assay_state_file *state,
                                   const assay_state_chain *wanted, assay_store *store,
                                   assay_arena *arena, const char **ret_path, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    struct chain chain;

    ASSAY_TRY(choose_chain(location, wanted, store, arena, &chain, err));
    write_state(&text, state, &chain);
    ASSAY_TRY(assay_buf_check(&text, err));
    if (text.size > STATE_BYTES_MAX)
        return assay_error_set(err, ASSAY_EDATA, 4051,
                               "the state of '%s' would be larger than %d MiB", location,
                               STATE_BYTES_MAX >> 20);
    const char *path = assay_state_file_path(state->number, state->commit_id, arena);
    ASSAY_TRY(assay_arena_check(path, err));
    const char *key = assay_path_join(arena, location, path);
    ASSAY_TRY(assay_arena_check(key, err));
    /* The name holds the commit's id, so nobody else writes it; a retry writes the same again. */
    ASSAY_TRY(assay_store_put(store, key, text.data, text.size, err));
    *ret_path = path;
    return ASSAY_OK;
}

assay_status assay_state_file_current(const assay_table *table, assay_store *store,
                                      assay_arena *arena, assay_state_file **ret_state,
                                      int *ret_foreign, assay_error *err)
{
    const assay_snapshot *snapshot = table->current;
    const char *path = NULL;
    int foreign = 0;

    while (snapshot != NULL && snapshot->state_path == NULL) {
        foreign++;
        snapshot = snapshot->parent >= 0 ? assay_table_snapshot(table, snapshot->parent) : NULL;
    }
    /* The snapshot may be expired; the table's property stays. */
    path = snapshot != NULL ? snapshot->state_path : assay_table_property(table, "assay.state");
    *ret_foreign = foreign;
    *ret_state = NULL;
    if (path == NULL)
        return ASSAY_OK;
    return assay_state_file_load(table->location, path, store, arena, ret_state, err);
}
