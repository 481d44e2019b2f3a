#include "steps/publish_memory.h"

#include "base/path.h"
#include "base/str.h"
#include "text/json.h"

enum { MEMORY_VERSION = 1, MEMORY_BYTES_MAX = 1 << 20 };

static assay_status path_of(const assay_project *project, const char *table, assay_arena *arena,
                            char **ret_path, assay_error *err)
{
    *ret_path = assay_arena_format(arena, "%s/publications/%s.json", project->state_dir, table);
    return assay_arena_check(*ret_path, err);
}

/* NULL where there is none, or none that can be understood. */
static const assay_value *load(const char *path, assay_arena *arena)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_value *tree = NULL;

    if (assay_path_read(path, MEMORY_BYTES_MAX, &text, NULL) != ASSAY_OK ||
        assay_json_parse(assay_buf_text(&text), text.size, path, arena, &tree, NULL) != ASSAY_OK ||
        assay_value_find_int(tree, "version", 0) != MEMORY_VERSION)
        return NULL;
    return assay_value_find(tree, "publications");
}

static bool is_place(const assay_value *item, const char *to, const char *table)
{
    return assay_str_equal(assay_value_find_text(item, "to", NULL), to) &&
           assay_str_equal(assay_value_find_text(item, "table", NULL), table);
}

/* ---- recall ---- */

static void read_error(const assay_value *item, assay_publication *publication)
{
    const assay_value *error = assay_value_find(item, "error");
    const char *message = assay_value_find_text(error, "message", NULL);
    int number = (int)assay_value_find_int(error, "number", 0);

    if (message == NULL)
        return;
    (void)assay_error_set(&publication->error, assay_error_number_status(number), number, "%s",
                          message);
    publication->error.retryable = assay_value_find_bool(error, "retryable", false);
}

static assay_publication read_item(const assay_value *item)
{
    const char *state = assay_value_find_text(item, "state", "");
    assay_publication publication = {
        .to = assay_value_find_text(item, "to", NULL),
        .table = assay_value_find_text(item, "table", NULL),
        .mode = assay_value_find_text(item, "mode", ""),
        .state = ASSAY_PUBLICATION_PENDING,
        .publish_id = assay_value_find_text(item, "publish_id", NULL),
        .server = assay_value_find_text(item, "server", NULL),
        .snapshot_id = assay_value_find_int(item, "snapshot_id", -1),
        .number = assay_value_find_int(item, "number", -1),
        .known = assay_value_find_int(item, "known", -1),
        .rows = assay_value_find_int(item, "rows", -1),
        .inserted = assay_value_find_int(item, "inserted", -1),
        .updated = assay_value_find_int(item, "updated", -1),
        .deleted = assay_value_find_int(item, "deleted", -1),
        .elapsed_us = assay_value_find_int(item, "elapsed_us", -1),
    };

    for (int known = ASSAY_PUBLICATION_DONE; known <= ASSAY_PUBLICATION_FAILED; known++)
        if (assay_str_equal(assay_publication_state_name((assay_publication_state)known), state))
            publication.state = (assay_publication_state)known;
    read_error(item, &publication);
    return publication;
}

assay_status assay_publish_recall(const assay_project *project, const char *table,
                                  const assay_publish_config *config, assay_arena *arena,
                                  assay_publication *ret_publication, bool *ret_found,
                                  assay_error *err)
{
    char *path = NULL;

    *ret_found = false;
    ASSAY_TRY(path_of(project, table, arena, &path, err));
    const assay_value *list = load(path, arena);
    for (size_t i = 0; list != NULL && i < list->count && !*ret_found; i++) {
        if (!is_place(list->items[i], config->to.text, config->table.text))
            continue;
        *ret_publication = read_item(list->items[i]);
        *ret_found = true;
    }
    return ASSAY_OK;
}

/* ---- remember ---- */

static void write_text(assay_json_writer *json, const char *key, const char *text)
{
    assay_json_key(json, key);
    assay_json_text(json, text);
}

static void write_int(assay_json_writer *json, const char *key, int64_t value)
{
    assay_json_key(json, key);
    assay_json_int(json, value);
}

static void write_item(assay_json_writer *json, const assay_publication *publication, int64_t known)
{
    const assay_error *error = &publication->error;

    assay_json_begin_map(json);
    write_text(json, "to", publication->to);
    write_text(json, "table", publication->table);
    write_text(json, "mode", publication->mode);
    write_text(json, "state", assay_publication_state_name(publication->state));
    write_text(json, "publish_id", publication->publish_id);
    write_text(json, "server", publication->server);
    write_int(json, "snapshot_id", publication->snapshot_id);
    write_int(json, "number", publication->number);
    write_int(json, "known", known);
    write_int(json, "rows", publication->rows);
    write_int(json, "inserted", publication->inserted);
    write_int(json, "updated", publication->updated);
    write_int(json, "deleted", publication->deleted);
    write_int(json, "elapsed_us", publication->elapsed_us);
    if (error->code != ASSAY_OK) {
        assay_json_key(json, "error");
        assay_json_begin_map(json);
        write_int(json, "number", error->number);
        write_text(json, "message", error->message);
        assay_json_key(json, "retryable");
        assay_json_bool(json, error->retryable);
        assay_json_end_map(json);
    }
    assay_json_end_map(json);
}

/* A publication that failed takes nothing away from what got there before. */
static int64_t known_of(const assay_publication *publication, const assay_value *before)
{
    bool done = publication->state == ASSAY_PUBLICATION_DONE ||
                publication->state == ASSAY_PUBLICATION_ALREADY;

    if (done)
        return publication->number;
    if (before == NULL ||
        !assay_str_equal(assay_value_find_text(before, "server", NULL), publication->server))
        return -1;
    return assay_value_find_int(before, "known", -1);
}

assay_status assay_publish_remember(const assay_project *project, const char *table,
                                    const assay_publication *publication, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_json_writer json = assay_json_writer_init(&text);
    char *path = NULL;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(path_of(project, table, arena, &path, err));
    const assay_value *list = load(path, arena);
    const assay_value *before = NULL;
    assay_json_begin_map(&json);
    write_int(&json, "version", MEMORY_VERSION);
    assay_json_key(&json, "publications");
    assay_json_begin_list(&json);
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        if (is_place(list->items[i], publication->to, publication->table))
            before = list->items[i];
        else
            assay_json_value(&json, list->items[i]);
    }
    write_item(&json, publication, known_of(publication, before));
    assay_json_end_list(&json);
    assay_json_end_map(&json);
    assay_buf_append_char(&text, '\n');
    ASSAY_TRY(assay_buf_check(&text, err));
    const char *folder = assay_path_dir(arena, path);
    ASSAY_TRY(assay_arena_check(folder, err));
    ASSAY_TRY(assay_path_make(folder, err));
    return assay_path_write(path, text.data, text.size, err);
}
