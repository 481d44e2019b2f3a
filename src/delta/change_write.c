#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "delta/change.h"
#include "delta/layout.h"
#include "delta/protocol.h"
#include "delta/stats.h"
#include "delta/uri.h"
#include "text/json.h"

static void write_line(assay_buf *out, const char *kind, const assay_value *body)
{
    assay_json_writer writer = assay_json_writer_init(out);

    assay_json_begin_map(&writer);
    assay_json_key(&writer, kind);
    assay_json_value(&writer, body);
    assay_json_end_map(&writer);
    assay_buf_append_char(out, '\n');
}

static void member_text(assay_json_writer *writer, const char *key, const char *text)
{
    assay_json_key(writer, key);
    assay_json_text(writer, text);
}

static void member_int(assay_json_writer *writer, const char *key, int64_t value)
{
    assay_json_key(writer, key);
    assay_json_int(writer, value);
}

/* ---- commitInfo ---- */

/* Metrics and parameters are text (PROTOCOL.md, "Commit Provenance Information"). */
static void member_metric(assay_json_writer *writer, const char *key, int64_t value)
{
    char text[32];
    size_t at = sizeof(text) - 1;

    if (value < 0)
        return;
    text[at] = '\0';
    do {
        text[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    member_text(writer, key, text + at);
}

static void write_metrics(assay_json_writer *writer, const assay_delta_change *change)
{
    assay_json_key(writer, "operationMetrics");
    assay_json_begin_map(writer);
    member_metric(writer, "numFiles", (int64_t)change->added_count);
    member_metric(writer, "numOutputRows", change->added_rows);
    member_metric(writer, "numOutputBytes", change->added_bytes);
    if (change->removed_count > 0) {
        member_metric(writer, "numRemovedFiles", (int64_t)change->removed_count);
        member_metric(writer, "numRemovedBytes", change->removed_bytes);
    }
    assay_json_end_map(writer);
}

static void write_parameters(assay_json_writer *writer, const assay_delta_change *change)
{
    ASSAY_AUTO(assay_buf_done) assay_buf columns = ASSAY_BUF_EMPTY;
    bool append = change->change->kind == ASSAY_CHANGE_APPEND;

    assay_json_key(writer, "operationParameters");
    assay_json_begin_map(writer);
    if (change->change->kind == ASSAY_CHANGE_ROLLBACK) {
        member_metric(writer, "version", change->change->rollback_to);
        member_text(writer, "timestamp", NULL);
    } else {
        assay_json_write(&columns, assay_value_find(change->metadata_after, "partitionColumns"), 0);
        member_text(writer, "mode", append ? "Append" : "Overwrite");
        member_text(writer, "partitionBy", assay_buf_text(&columns));
    }
    assay_json_end_map(writer);
}

/* What assay says of its own commit; other readers pass over it. */
static void write_own_info(assay_json_writer *writer, const assay_delta_change *change)
{
    const assay_change *what = change->change;

    assay_json_key(writer, "assay");
    assay_json_begin_map(writer);
    member_text(writer, "state", what->state_path);
    member_text(writer, "commitId", what->commit_id);
    member_text(writer, "runId", what->run_id);
    member_text(writer, "verdict", what->verdict);
    member_int(writer, "rows", change->rows);
    member_int(writer, "files", change->files);
    member_int(writer, "bytes", change->bytes);
    member_int(writer, "addedRows", change->added_rows);
    member_int(writer, "removedRows", change->removed_rows);
    if (what->summary_count > 0) {
        assay_json_key(writer, "summary");
        assay_json_begin_map(writer);
        for (size_t i = 0; i < what->summary_count; i++)
            member_text(writer, what->summary[i].name, what->summary[i].value);
        assay_json_end_map(writer);
    }
    assay_json_end_map(writer);
}

static assay_status write_info(const assay_delta_change *change, assay_buf *out, assay_error *err)
{
    assay_json_writer writer = assay_json_writer_init(out);
    bool append = change->change->kind == ASSAY_CHANGE_APPEND;
    const char *version = change->env->assay_version;
    char *engine = assay_arena_format(change->arena, "assay/%s", version == NULL ? "0" : version);

    ASSAY_TRY(assay_arena_check(engine, err));
    assay_json_begin_map(&writer);
    assay_json_key(&writer, "commitInfo");
    assay_json_begin_map(&writer);
    member_int(&writer, "timestamp", change->now_ms);
    member_text(&writer, "operation",
                change->change->kind == ASSAY_CHANGE_ROLLBACK ? "RESTORE" : "WRITE");
    write_parameters(&writer, change);
    if (change->version > 0)
        member_int(&writer, "readVersion", change->version - 1);
    member_text(&writer, "isolationLevel", "Serializable");
    assay_json_key(&writer, "isBlindAppend");
    assay_json_bool(&writer, append);
    write_metrics(&writer, change);
    member_text(&writer, "engineInfo", engine);
    member_text(&writer, "txnId", change->change->commit_id);
    write_own_info(&writer, change);
    assay_json_end_map(&writer);
    assay_json_end_map(&writer);
    assay_buf_append_char(out, '\n');
    return ASSAY_OK;
}

/* ---- txn ---- */

/* "_assay/state-7-<commit>.json" -> 7; the next commit number where there is none. */
static int64_t state_number(const assay_delta_change *change)
{
    const char *path = change->change->state_path;
    const char *found = path == NULL ? NULL : strstr(path, "state-");
    int64_t number = 0;

    if (found == NULL)
        return change->version + 1;
    for (const char *at = found + strlen("state-");
         *at >= '0' && *at <= '9' && number < INT64_MAX / 16; at++)
        number = number * 10 + (*at - '0');
    return number;
}

static void write_txn(const assay_delta_change *change, const char *app_id, int64_t version,
                      assay_buf *out)
{
    assay_json_writer writer = assay_json_writer_init(out);

    assay_json_begin_map(&writer);
    assay_json_key(&writer, "txn");
    assay_json_begin_map(&writer);
    member_text(&writer, "appId", app_id);
    member_int(&writer, "version", version);
    member_int(&writer, "lastUpdated", change->now_ms);
    assay_json_end_map(&writer);
    assay_json_end_map(&writer);
    assay_buf_append_char(out, '\n');
}

static void write_txns(const assay_delta_change *change, assay_buf *out)
{
    int64_t commit = assay_delta_commit_number(change->change->commit_id);

    if (change->change->state_path == NULL)
        return;
    write_txn(change, assay_delta_app_id, state_number(change), out);
    if (commit >= 0)
        write_txn(change, assay_delta_app_commit, commit, out);
}

/* ---- files ---- */

static assay_status set_version_tag(const assay_delta_change *change, assay_value *tags,
                                    assay_error *err)
{
    const char *text = assay_arena_format(change->arena, "%lld", (long long)change->version);

    ASSAY_TRY(assay_arena_check(text, err));
    return assay_value_set(tags, assay_delta_app_id, assay_value_text(change->arena, text),
                           change->arena, err);
}

static assay_status set_member(const assay_delta_change *change, assay_value *map, const char *key,
                               assay_value *item, assay_error *err)
{
    return assay_value_set(map, key, item, change->arena, err);
}

/* A file that comes back keeps what its add said. */
static assay_status revive(const assay_delta_change *change, const assay_value *before,
                           assay_value **ret_body, assay_error *err)
{
    assay_value *body = assay_value_map(change->arena);
    assay_value *tags = NULL;

    ASSAY_TRY(assay_arena_check(body, err));
    for (size_t i = 0; i < before->count; i++) {
        if (before->items[i]->kind != ASSAY_VALUE_NULL &&
            !assay_str_ends(before->keys[i], "_parsed"))
            ASSAY_TRY(set_member(change, body, before->keys[i],
                                 assay_value_copy(change->arena, before->items[i]), err));
    }
    ASSAY_TRY(set_member(change, body, "dataChange", assay_value_bool(change->arena, true), err));
    tags = assay_value_find(body, "tags");
    if (assay_value_find(tags, assay_delta_app_id) != NULL)
        ASSAY_TRY(set_version_tag(change, tags, err));
    *ret_body = body;
    return ASSAY_OK;
}

static assay_status set_stats(const assay_delta_change *change, const assay_data_file *file,
                              assay_value *body, assay_error *err)
{
    assay_delta_stats_options options = {NULL, 0, ASSAY_DELTA_STATS_COLUMNS};
    const char **columns = NULL;
    const char *text = NULL;

    ASSAY_TRY(assay_delta_layout_columns(change->change->spec, change->arena, &columns,
                                         &options.partition_count, err));
    options.partition_columns = columns;
    options.leaf_limit =
        assay_delta_config_int(change->metadata_after, "delta.dataSkippingNumIndexedCols",
                               ASSAY_DELTA_STATS_COLUMNS);
    ASSAY_TRY(
        assay_delta_stats_write(file, change->change->schema, &options, change->arena, &text, err));
    return set_member(change, body, "stats", assay_value_text(change->arena, text), err);
}

static assay_status make_add(const assay_delta_change *change, const assay_data_file *file,
                             assay_value **ret_body, assay_error *err)
{
    const char *path = assay_path_relative(change->base->location, file->path);
    assay_arena *arena = change->arena;
    assay_value *body = assay_value_map(arena);
    assay_value *tags = assay_value_map(arena);
    assay_value *values = NULL;
    const char *tag = NULL;
    char *uri = assay_delta_uri_encode(arena, path);

    ASSAY_TRY(assay_arena_check(body, err));
    ASSAY_TRY(assay_arena_check(tags, err));
    ASSAY_TRY(assay_arena_check(uri, err));
    ASSAY_TRY(assay_delta_partition_write(file, change->change->spec, change->change->schema, arena,
                                          &values, &tag, err));
    ASSAY_TRY(set_member(change, body, "path", assay_value_text(arena, uri), err));
    ASSAY_TRY(set_member(change, body, "partitionValues", values, err));
    ASSAY_TRY(set_member(change, body, "size", assay_value_int(arena, file->size), err));
    ASSAY_TRY(
        set_member(change, body, "modificationTime", assay_value_int(arena, change->now_ms), err));
    ASSAY_TRY(set_member(change, body, "dataChange", assay_value_bool(arena, true), err));
    ASSAY_TRY(set_stats(change, file, body, err));
    ASSAY_TRY(set_version_tag(change, tags, err));
    if (tag != NULL)
        ASSAY_TRY(
            set_member(change, tags, assay_delta_partition_key, assay_value_text(arena, tag), err));
    ASSAY_TRY(set_member(change, body, "tags", tags, err));
    *ret_body = body;
    return ASSAY_OK;
}

/* PROTOCOL.md, "Add File and Remove File": with extendedFileMetadata size and partition values are
 * there. */
static assay_status make_remove(const assay_delta_change *change, const assay_data_file *file,
                                assay_value **ret_body, assay_error *err)
{
    static const char *const kept[] = {"path", "partitionValues", "size", "deletionVector"};
    const assay_value *before = file->format_data;
    assay_arena *arena = change->arena;
    assay_value *body = assay_value_map(arena);

    ASSAY_TRY(assay_arena_check(body, err));
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        const assay_value *item = assay_value_find(before, kept[i]);

        if (item != NULL && item->kind != ASSAY_VALUE_NULL)
            ASSAY_TRY(set_member(change, body, kept[i], assay_value_copy(arena, item), err));
    }
    ASSAY_TRY(
        set_member(change, body, "deletionTimestamp", assay_value_int(arena, change->now_ms), err));
    ASSAY_TRY(set_member(change, body, "dataChange", assay_value_bool(arena, true), err));
    ASSAY_TRY(set_member(change, body, "extendedFileMetadata", assay_value_bool(arena, true), err));
    *ret_body = body;
    return ASSAY_OK;
}

assay_status assay_delta_change_write(const assay_delta_change *change, assay_buf *out,
                                      assay_error *err)
{
    ASSAY_TRY(write_info(change, out, err));
    if (change->protocol != NULL)
        write_line(out, "protocol", change->protocol);
    if (change->metadata != NULL)
        write_line(out, "metaData", change->metadata);
    write_txns(change, out);
    for (size_t i = 0; i < change->removed_count; i++) {
        assay_value *body = NULL;

        ASSAY_TRY(make_remove(change, change->removed[i], &body, err));
        write_line(out, "remove", body);
    }
    for (size_t i = 0; i < change->added_count; i++) {
        const assay_delta_new_file *added = &change->added[i];
        assay_value *body = NULL;

        ASSAY_TRY(added->body == NULL ? make_add(change, added->file, &body, err)
                                      : revive(change, added->body, &body, err));
        write_line(out, "add", body);
    }
    return assay_buf_check(out, err);
}
