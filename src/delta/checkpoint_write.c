#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "base/str.h"
#include "delta/checkpoint.h"
#include "delta/protocol.h"
#include "text/json.h"

enum { CHECKPOINT_BYTES_MAX = 1 << 30, OBJECT_BYTES_MIN = 1 << 20 };

static const int64_t default_retention_ms = 7LL * 24 * 3600 * 1000;

/* The classic schema; maps and lists are what the engine writes as 3-level Parquet types. */
static const char columns_head[] =
    "{txn: 'STRUCT(appId VARCHAR, \"version\" BIGINT, lastUpdated BIGINT)', "
    "metaData: 'STRUCT(id VARCHAR, \"name\" VARCHAR, description VARCHAR, "
    "format STRUCT(provider VARCHAR, options MAP(VARCHAR, VARCHAR)), schemaString VARCHAR, "
    "partitionColumns VARCHAR[], \"configuration\" MAP(VARCHAR, VARCHAR), createdTime BIGINT)', "
    "protocol: 'STRUCT(minReaderVersion INTEGER, minWriterVersion INTEGER, "
    "readerFeatures VARCHAR[], writerFeatures VARCHAR[])', "
    "\"add\": 'STRUCT(path VARCHAR, partitionValues MAP(VARCHAR, VARCHAR), size BIGINT, "
    "modificationTime BIGINT, dataChange BOOLEAN, stats VARCHAR, tags MAP(VARCHAR, VARCHAR)";
static const char columns_middle[] =
    ")', remove: 'STRUCT(path VARCHAR, deletionTimestamp BIGINT, dataChange BOOLEAN, "
    "extendedFileMetadata BOOLEAN, partitionValues MAP(VARCHAR, VARCHAR), size BIGINT";
static const char columns_vector[] =
    ", deletionVector STRUCT(storageType VARCHAR, pathOrInlineDv VARCHAR, \"offset\" INTEGER, "
    "sizeInBytes INTEGER, cardinality BIGINT)";

static const char *const add_keys[] = {"path",          "partitionValues",
                                       "size",          "modificationTime",
                                       "stats",         "tags",
                                       "deletionVector"};
static const char *const remove_keys[] = {
    "path", "deletionTimestamp", "extendedFileMetadata", "partitionValues",
    "size", "deletionVector"};

struct names {
    char *json, *parquet, *final, *hint;
};

static void remove_temporary(const char *path)
{
    assay_status status = path == NULL ? ASSAY_OK : assay_path_remove(path, NULL);

    (void)status; /* at worst a hidden file stays */
}

/* The temporary files must not outlive the writing of the checkpoint. */
static void names_done(struct names *names)
{
    remove_temporary(names->json);
    remove_temporary(names->parquet);
}

bool assay_delta_checkpoint_possible(const assay_delta_state *state)
{
    static const char *const more[] = {"domainMetadata", "rowTracking", "v2Checkpoint",
                                       "checkpointProtection", "clustering"};

    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        if (assay_delta_protocol_has(state->protocol, more[i]))
            return false;
    }
    return state->domain_count == 0;
}

static void write_body(assay_buf *out, const char *kind, const assay_value *body,
                       const char *const *keys, size_t count)
{
    assay_json_writer writer = assay_json_writer_init(out);

    assay_json_begin_map(&writer);
    assay_json_key(&writer, kind);
    if (keys == NULL) {
        assay_json_value(&writer, body);
    } else {
        assay_json_begin_map(&writer);
        for (size_t i = 0; i < count; i++) {
            const assay_value *item = assay_value_find(body, keys[i]);

            if (item == NULL || item->kind == ASSAY_VALUE_NULL)
                continue;
            assay_json_key(&writer, keys[i]);
            assay_json_value(&writer, item);
        }
        assay_json_key(&writer, "dataChange");
        assay_json_bool(&writer, false);
        assay_json_end_map(&writer);
    }
    assay_json_end_map(&writer);
    assay_buf_append_char(out, '\n');
}

/* "interval 1 week"; what is not understood keeps the default. */
static int64_t tombstone_retention_ms(const assay_value *metadata)
{
    const char *text = assay_delta_config(metadata, "delta.deletedFileRetentionDuration");
    int64_t ms = default_retention_ms;

    if (text != NULL && assay_str_starts(text, "interval "))
        text += strlen("interval ");
    return text != NULL && assay_str_to_duration_ms(text, &ms) ? ms : default_retention_ms;
}

static size_t write_actions(const assay_delta_state *state, int64_t now_ms, assay_buf *out)
{
    int64_t oldest = now_ms - tombstone_retention_ms(state->metadata);
    size_t rows = 2 + state->txn_count + state->file_count;

    write_body(out, "protocol", state->protocol, NULL, 0);
    write_body(out, "metaData", state->metadata, NULL, 0);
    for (size_t i = 0; i < state->txn_count; i++)
        write_body(out, "txn", state->txns[i], NULL, 0);
    for (size_t i = 0; i < state->file_count; i++)
        write_body(out, "add", state->files[i].body, add_keys,
                   sizeof(add_keys) / sizeof(add_keys[0]));
    for (size_t i = 0; i < state->tombstone_count; i++) {
        const assay_value *body = state->tombstones[i].body;

        if (assay_value_find_int(body, "deletionTimestamp", 0) < oldest)
            continue;
        write_body(out, "remove", body, remove_keys, sizeof(remove_keys) / sizeof(remove_keys[0]));
        rows++;
    }
    return rows;
}

/* The engine reserves buffers for the largest object it is told of. */
static size_t longest_line(const assay_buf *text)
{
    assay_delta_line line;
    size_t at = 0, longest = OBJECT_BYTES_MIN;

    while (assay_delta_log_next_line(text, &at, &line))
        longest = line.size > longest ? line.size : longest;
    return longest + 1;
}

static assay_status copy_to_parquet(const struct names *names, const assay_buf *actions,
                                    bool vectors, assay_conn *conn, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&sql, "COPY (SELECT * FROM read_json(");
    assay_sql_append_text(&sql, names->json);
    assay_buf_append_format(&sql,
                            ", format = 'newline_delimited', maximum_object_size = %zu, columns = ",
                            longest_line(actions));
    assay_buf_append_text(&sql, columns_head);
    assay_buf_append_text(&sql, vectors ? columns_vector : "");
    assay_buf_append_text(&sql, columns_middle);
    assay_buf_append_text(&sql, vectors ? columns_vector : "");
    assay_buf_append_text(&sql, ")'})) TO ");
    assay_sql_append_text(&sql, names->parquet);
    assay_buf_append_text(&sql, " (FORMAT parquet)");
    ASSAY_TRY(assay_buf_check(&sql, err));
    return assay_conn_execute(conn, assay_buf_text(&sql), NULL, err);
}

/* PROTOCOL.md, "Last Checkpoint File": no `parts` for a single file. */
static assay_status write_hint(const struct names *names, const assay_delta_state *state,
                               size_t rows, size_t bytes, assay_store *store, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_json_writer writer = assay_json_writer_init(&text);

    assay_json_begin_map(&writer);
    assay_json_key(&writer, "version");
    assay_json_int(&writer, state->version);
    assay_json_key(&writer, "size");
    assay_json_int(&writer, (int64_t)rows);
    assay_json_key(&writer, "sizeInBytes");
    assay_json_int(&writer, (int64_t)bytes);
    assay_json_key(&writer, "numOfAddFiles");
    assay_json_int(&writer, (int64_t)state->file_count);
    assay_json_end_map(&writer);
    ASSAY_TRY(assay_buf_check(&text, err));
    return assay_store_put(store, names->hint, text.data, text.size, err);
}

static assay_status make_names(const assay_delta_log *log, int64_t version, assay_arena *arena,
                               struct names *ret_names, assay_error *err)
{
    long long number = (long long)version;
    long pid = (long)getpid();

    ret_names->json =
        assay_arena_format(arena, "%s/.%020lld.checkpoint.%ld.json", log->folder, number, pid);
    ret_names->parquet =
        assay_arena_format(arena, "%s/.%020lld.checkpoint.%ld.tmp", log->folder, number, pid);
    ret_names->final =
        assay_arena_format(arena, "%s/%020lld.checkpoint.parquet", log->folder, number);
    ret_names->hint = assay_path_join(arena, log->folder, "_last_checkpoint");
    ASSAY_TRY(assay_arena_check(ret_names->json, err));
    ASSAY_TRY(assay_arena_check(ret_names->parquet, err));
    ASSAY_TRY(assay_arena_check(ret_names->final, err));
    return assay_arena_check(ret_names->hint, err);
}

assay_status assay_delta_checkpoint_write(const assay_delta_log *log,
                                          const assay_delta_state *state, int64_t now_ms,
                                          assay_store *store, assay_conn *conn, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_buf_done) assay_buf actions = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf bytes = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(names_done) struct names names = {NULL, NULL, NULL, NULL};
    size_t rows = 0;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(make_names(log, state->version, arena, &names, err));
    rows = write_actions(state, now_ms, &actions);
    ASSAY_TRY(assay_buf_check(&actions, err));
    ASSAY_TRY(assay_path_write(names.json, actions.data, actions.size, err));
    ASSAY_TRY(copy_to_parquet(&names, &actions,
                              assay_delta_protocol_has(state->protocol, "deletionVectors"), conn,
                              err));
    ASSAY_TRY(assay_path_read(names.parquet, CHECKPOINT_BYTES_MAX, &bytes, err));
    ASSAY_TRY(assay_store_put(store, names.final, bytes.data, bytes.size, err));
    return write_hint(&names, state, rows, bytes.size, store, err);
}
