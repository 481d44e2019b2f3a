#include "engine/extension.h"

#include <string.h>

#include "base/parts.h"

enum { NAME_SIZE = 64 };

/* "postgres_scanner" is packaged as "postgres-scanner". */
static void package_name(const char *name, char text[NAME_SIZE])
{
    size_t length = strlen(name);

    if (length >= NAME_SIZE)
        length = NAME_SIZE - 1;
    for (size_t i = 0; i < length; i++)
        text[i] = name[i] == '_' ? '-' : name[i];
    text[length] = '\0';
}

static assay_status missing(const char *name, assay_error *err)
{
    char package[NAME_SIZE];

    package_name(name, package);
    return assay_error_set(err, ASSAY_ENOTFOUND, 3021,
                           "the engine's extension '%s' is not installed; get it by `pip download "
                           "--no-deps duckdb-extension-%s==%s` and unpack its file "
                           "%s.duckdb_extension into the folder lib/assay/extensions beside the "
                           "program, or ~/.cache/assay/extensions",
                           name, package, assay_engine_version(), name);
}

assay_status assay_conn_load_extension(assay_conn *conn, const char *name, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const char *path = NULL;

    ASSAY_TRY(assay_arena_check(arena, err));
    const char *file = assay_arena_format(arena, "extensions/%s.duckdb_extension", name);
    ASSAY_TRY(assay_arena_check(file, err));
    ASSAY_TRY(assay_parts_find(file, arena, &path, err));
    if (path == NULL)
        return missing(name, err);
    assay_buf_append_text(&sql, "LOAD ");
    assay_sql_append_text(&sql, path);
    ASSAY_TRY(assay_buf_check(&sql, err));
    assay_error why = {0};
    assay_status status = assay_conn_execute(conn, sql.data, NULL, &why);
    if (status == ASSAY_OK)
        return ASSAY_OK;
    if (status == ASSAY_ENOMEM || status == ASSAY_ECANCELLED)
        return assay_error_copy(err, &why);
    return assay_error_set(err, ASSAY_EUNSUPPORTED, 3022, "the extension '%s' cannot be loaded: %s",
                           path, why.message);
}
