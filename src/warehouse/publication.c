#include "warehouse/mapping.h"
#include "warehouse/names.h"

#include "base/str.h"
#include "store/hash.h"

#include <string.h>

static const char *const mode_names[] = {
    [ASSAY_WAREHOUSE_APPEND] = "append",
    [ASSAY_WAREHOUSE_OVERWRITE] = "overwrite",
    [ASSAY_WAREHOUSE_MERGE] = "merge",
};

const char *assay_warehouse_mode_name(assay_warehouse_mode mode)
{
    return mode_names[mode];
}

bool assay_warehouse_mode_parse(const char *text, assay_warehouse_mode *ret_mode)
{
    for (size_t i = 0; i < sizeof mode_names / sizeof mode_names[0]; i++) {
        if (assay_str_equal(text, mode_names[i])) {
            *ret_mode = (assay_warehouse_mode)i;
            return true;
        }
    }
    return false;
}

static assay_status fail_type(const assay_warehouse_publication *publication, const char *type,
                              assay_error *err)
{
    return assay_error_at(err, ASSAY_ECONFIG, 7009, publication->place,
                          "connection '%s' is of type %s, to which nothing can be published; "
                          "postgres and snowflake can",
                          publication->to, type);
}

static const assay_dialect *find_dialect(const char *type)
{
    static const struct {
        const char *type;
        assay_connection_kind kind;
    } kinds[] = {{"postgres", ASSAY_CONNECTION_POSTGRES},
                 {"snowflake", ASSAY_CONNECTION_SNOWFLAKE}};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (assay_str_equal(kinds[i].type, type))
            return assay_dialect_of(kinds[i].kind);
    return NULL;
}

assay_status assay_warehouse_check(const assay_warehouse_publication *publication, const char *type,
                                   const assay_column *columns, size_t count, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const assay_dialect *dialect = find_dialect(type);
    assay_mapping *mapping = NULL;

    ASSAY_TRY(assay_arena_check(arena, err));
    if (dialect == NULL)
        return fail_type(publication, type, err);
    ASSAY_TRY(assay_names_check(dialect, publication, err));
    return assay_mapping_make(dialect, publication, columns, count, arena, &mapping, err);
}

assay_status assay_warehouse_resolve(const assay_connection_config *connection,
                                     const assay_warehouse_publication *publication,
                                     assay_arena *arena, assay_warehouse_target *ret_target,
                                     assay_error *err)
{
    const assay_dialect *dialect = assay_dialect_of(connection->kind);

    if (dialect == NULL)
        return fail_type(publication, connection->type, err);
    return assay_names_target(dialect, connection, publication, arena, ret_target, err);
}

/* With its length, so that no two lists of parts make the same text. */
static void append_part(assay_buf *buf, const char *name, const char *value)
{
    assay_buf_append_format(buf, "%s %zu %s\n", name, strlen(value), value);
}

/* Grows when what lands of the same rows changes, so that they are published again. */
enum { MAPPING_VERSION = 1 };

static void append_mapping(assay_buf *buf, const assay_warehouse_publication *publication)
{
    assay_buf_append_format(buf, "mapping %d\n", MAPPING_VERSION);
    if (publication->version != NULL)
        append_part(buf, "version", publication->version);
    if (publication->op_column != NULL)
        append_part(buf, "op", publication->op_column);
    for (size_t i = 0; i < publication->op_deleted_count; i++)
        append_part(buf, "deleted", publication->op_deleted[i]);
    for (size_t i = 0; i < publication->column_count; i++)
        append_part(buf, "column", publication->columns[i]);
    assay_buf_append_format(buf, "absent %d nulls %d case %d\n", publication->delete_absent,
                            publication->null_keys, publication->preserve_case);
}

assay_status assay_warehouse_publish_id(const assay_warehouse_request *request,
                                        char id[ASSAY_WAREHOUSE_ID_SIZE], assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    const assay_warehouse_publication *publication = request->publication;
    assay_warehouse_target target;
    char hex[ASSAY_SHA256_TEXT_SIZE];

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_warehouse_resolve(request->connection, publication, arena, &target, err));
    const assay_dialect *dialect = assay_dialect_of(request->connection->kind);
    const char *text = assay_names_text(dialect, &target, arena);
    ASSAY_TRY(assay_arena_check(text, err));
    append_part(&buf, "dialect", dialect->name);
    append_part(&buf, "target", text);
    append_part(&buf, "table", request->snapshot->table_uuid);
    assay_buf_append_format(&buf, "commit %lld\n", (long long)request->snapshot->sequence);
    append_part(&buf, "mode", assay_warehouse_mode_name(publication->mode));
    for (size_t i = 0; i < publication->key_count; i++)
        append_part(&buf, "key", publication->keys[i]);
    append_mapping(&buf, publication);
    ASSAY_TRY(assay_buf_check(&buf, err));
    ASSAY_TRY(assay_sha256(buf.data, buf.size, hex, err));
    memcpy(id, hex, ASSAY_WAREHOUSE_ID_SIZE - 1);
    id[ASSAY_WAREHOUSE_ID_SIZE - 1] = '\0';
    return ASSAY_OK;
}
