#include "catalog/sqlite.h"

#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "base/uuid.h"
#include "base/vec.h"
#include "db/db.h"
#include "iceberg/file_name.h"
#include "iceberg/location.h"

enum { BUSY_MS = 10000, NUMBER_MAX = 99999999 };

/* The tables as Iceberg's JDBC catalog and PyIceberg make them. */
static const char SCHEMA[] =
    "CREATE TABLE IF NOT EXISTS iceberg_tables ("
    "catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL, "
    "table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000), "
    "previous_metadata_location VARCHAR(1000), iceberg_type VARCHAR(5), "
    "PRIMARY KEY (catalog_name, table_namespace, table_name));"
    "CREATE TABLE IF NOT EXISTS iceberg_namespace_properties ("
    "catalog_name VARCHAR(255) NOT NULL, namespace VARCHAR(255) NOT NULL, "
    "property_key VARCHAR(255) NOT NULL, property_value VARCHAR(1000), "
    "PRIMARY KEY (catalog_name, namespace, property_key));";

/* The tables of a catalog; version 0 of the schema has no column iceberg_type, and no views. */
#define IS_TABLE_V1 " AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)"

struct sqlite {
    const char *path, *name;
    int busy_ms;
};

/* An open database and the key of one table in it. */
struct session {
    const struct sqlite *catalog;
    assay_db *db;
    bool has_tables; /* iceberg_tables is there */
    bool has_type;   /* .. with its column iceberg_type */
    const char *space, *table;
};

static void session_done(struct session *session)
{
    assay_db_close(session->db);
}

/* The numbers of the state database say that it can be deleted; a catalog cannot. */
static assay_status fail(assay_status status, assay_error *err)
{
    int number = status == ASSAY_ELOCKED ? 4405 : status == ASSAY_EDATA ? 4406 : 4407;
    if (err != NULL && status != ASSAY_ENOMEM && status != ASSAY_ECANCELLED)
        err->number = number;
    return status;
}

#define TRY_DB(expression)                     \
    do {                                       \
        assay_status db_status = (expression); \
        if (db_status != ASSAY_OK)             \
            return fail(db_status, err);       \
    } while (0)

static assay_status look_at_schema(struct session *session, assay_error *err)
{
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;
    bool row = false;
    TRY_DB(assay_db_prepare(session->db,
                            "SELECT count(*), sum(lower(name) = 'iceberg_type') "
                            "FROM pragma_table_info('iceberg_tables')",
                            &statement, err));
    TRY_DB(assay_db_step(statement, &row, err));
    session->has_tables = row && assay_db_column_int(statement, 0) > 0;
    session->has_type = row && assay_db_column_int(statement, 1) > 0;
    return ASSAY_OK;
}

/* Opens the database; without `create` session->db stays NULL where there is none. */
static assay_status open_session(const assay_iceberg_catalog *catalog, bool create,
                                 struct session *session, assay_error *err)
{
    session->catalog = catalog->state;
    assay_status status = assay_db_open_shared(session->catalog->path, session->catalog->busy_ms,
                                               create, &session->db, err);
    if (status == ASSAY_ENOTFOUND && !create)
        return ASSAY_OK;
    TRY_DB(status);
    return look_at_schema(session, err);
}

/* "silver.orders" is table orders of namespace silver. */
static assay_status split(struct session *session, const assay_iceberg_identity *identity,
                          assay_arena *arena, assay_error *err)
{
    const char *dot = strrchr(identity->name, '.');
    if (dot == NULL)
        return assay_error_set(err, ASSAY_EINVAL, 1003, "'%s' is no table name (layer.table)",
                               identity->name);
    session->space = assay_arena_text_n(arena, identity->name, (size_t)(dot - identity->name));
    session->table = assay_arena_text(arena, dot + 1);
    ASSAY_TRY(assay_arena_check(session->space, err));
    return assay_arena_check(session->table, err);
}

/* Prepares `sql`, whose first parameters are the key of the table. */
static assay_status prepare(const struct session *session, const char *sql,
                            assay_db_statement **ret_statement, assay_error *err)
{
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;
    TRY_DB(assay_db_prepare(session->db, sql, &statement, err));
    TRY_DB(assay_db_bind_text(statement, 1, session->catalog->name, err));
    TRY_DB(assay_db_bind_text(statement, 2, session->space, err));
    TRY_DB(assay_db_bind_text(statement, 3, session->table, err));
    *ret_statement = ASSAY_TAKE(&statement);
    return ASSAY_OK;
}

/* ---- load ---- */

static assay_status take_row(assay_db_statement *statement, const assay_iceberg_identity *identity,
                             assay_arena *arena, assay_iceberg_pointer *ret_pointer,
                             assay_error *err)
{
    const char *location = assay_db_column_text(statement, 0);
    const char *type = assay_db_column_text(statement, 1);
    if (type != NULL && !assay_str_equal(type, "TABLE"))
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4408, "'%s' is no table in the catalog: %s",
                               identity->name, type);
    if (location == NULL)
        return assay_error_set(err, ASSAY_EDATA, 4406, "the catalog names no metadata of '%s'",
                               identity->name);
    assay_iceberg_pointer pointer = {.exists = true};
    pointer.recorded = assay_arena_text(arena, location);
    ASSAY_TRY(assay_arena_check(pointer.recorded, err));
    ASSAY_TRY(assay_iceberg_location_absolute(location, arena, &pointer.path, err));
    (void)assay_iceberg_name_of(assay_path_base(pointer.path), &pointer.version);
    *ret_pointer = pointer;
    return ASSAY_OK;
}

static assay_status sqlite_load(const assay_iceberg_catalog *catalog,
                                const assay_iceberg_identity *identity, assay_store *store,
                                assay_arena *arena, assay_iceberg_pointer *ret_pointer,
                                assay_error *err)
{
    (void)store;
    ASSAY_AUTO(session_done) struct session session = {0};
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;
    bool row = false;
    ASSAY_TRY(split(&session, identity, arena, err));
    ASSAY_TRY(open_session(catalog, false, &session, err));
    *ret_pointer = (assay_iceberg_pointer){.version = -1};
    if (!session.has_tables)
        return ASSAY_OK;
    ASSAY_TRY(prepare(&session,
                      session.has_type
                          ? "SELECT metadata_location, iceberg_type FROM iceberg_tables WHERE "
                            "catalog_name = ? AND table_namespace = ? AND table_name = ?"
                          : "SELECT metadata_location, NULL FROM iceberg_tables WHERE "
                            "catalog_name = ? AND table_namespace = ? AND table_name = ?",
                      &statement, err));
    TRY_DB(assay_db_step(statement, &row, err));
    return row ? take_row(statement, identity, arena, ret_pointer, err) : ASSAY_OK;
}

/* ---- commit ---- */

/* Where the next metadata file goes: beside the one before, with the next number. */
struct next {
    const char *path;     /* for the store */
    const char *recorded; /* for the catalog, as the one before was written */
};

static assay_status name_next(const assay_iceberg_identity *identity,
                              const assay_iceberg_pointer *base, const assay_random *random,
                              assay_arena *arena, struct next *ret_next, assay_error *err)
{
    char uuid[ASSAY_UUID_TEXT_SIZE];
    const char *folder = assay_path_join(arena, identity->location, "metadata");
    const char *recorded = folder;
    int64_t number = base->exists && base->version < NUMBER_MAX ? base->version + 1 : 0;
    if (base->exists) {
        folder = assay_path_dir(arena, base->path);
        recorded = assay_path_dir(arena, base->recorded);
    }
    ASSAY_TRY(assay_arena_check(folder, err));
    ASSAY_TRY(assay_arena_check(recorded, err));
    assay_uuid_format(assay_uuid_v4(random), uuid);
    const char *name =
        assay_arena_format(arena, "%05lld-%s.metadata.json", (long long)number, uuid);
    ASSAY_TRY(assay_arena_check(name, err));
    ret_next->path = assay_path_join(arena, folder, name);
    ret_next->recorded = assay_path_join(arena, recorded, name);
    ASSAY_TRY(assay_arena_check(ret_next->path, err));
    return assay_arena_check(ret_next->recorded, err);
}

static assay_status lost(const assay_iceberg_identity *identity, assay_error *err)
{
    return assay_error_set(err, ASSAY_ECONFLICT, 4401, "table '%s': another commit was first",
                           identity->name);
}

/* The move of the pointer, for who still has the base that `statement` is bound to. */
static assay_status run_move(const struct session *session, assay_db_statement *statement,
                             const assay_iceberg_identity *identity, assay_error *err)
{
    bool row = false;
    assay_status status = assay_db_step(statement, &row, err);
    if (status == ASSAY_EEXISTS) /* the primary key: somebody made the table first */
        return lost(identity, err);
    TRY_DB(status);
    return assay_db_changes(session->db) == 1 ? ASSAY_OK : lost(identity, err);
}

static assay_status note_namespace(const struct session *session, assay_error *err)
{
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;
    bool row = false;
    TRY_DB(assay_db_prepare(session->db,
                            "INSERT OR IGNORE INTO iceberg_namespace_properties (catalog_name, "
                            "namespace, property_key, property_value) VALUES (?, ?, 'exists', "
                            "'true')",
                            &statement, err));
    TRY_DB(assay_db_bind_text(statement, 1, session->catalog->name, err));
    TRY_DB(assay_db_bind_text(statement, 2, session->space, err));
    TRY_DB(assay_db_step(statement, &row, err));
    return ASSAY_OK;
}

static assay_status create(struct session *session, const assay_iceberg_identity *identity,
                           const struct next *next, assay_error *err)
{
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;
    TRY_DB(assay_db_execute(session->db, SCHEMA, err));
    ASSAY_TRY(look_at_schema(session, err));
    ASSAY_TRY(note_namespace(session, err));
    ASSAY_TRY(prepare(session,
                      session->has_type
                          ? "INSERT INTO iceberg_tables (catalog_name, table_namespace, "
                            "table_name, metadata_location, iceberg_type) VALUES (?, ?, ?, ?, "
                            "'TABLE')"
                          : "INSERT INTO iceberg_tables (catalog_name, table_namespace, "
                            "table_name, metadata_location) VALUES (?, ?, ?, ?)",
                      &statement, err));
    TRY_DB(assay_db_bind_text(statement, 4, next->recorded, err));
    return run_move(session, statement, identity, err);
}

static assay_status advance(const struct session *session, const assay_iceberg_identity *identity,
                            const assay_iceberg_pointer *base, const struct next *next,
                            assay_error *err)
{
    static const char UPDATE[] = "UPDATE iceberg_tables SET metadata_location = ?4, "
                                 "previous_metadata_location = ?5 WHERE catalog_name = ?1 AND "
                                 "table_namespace = ?2 AND table_name = ?3 AND "
                                 "metadata_location = ?5";
    static const char UPDATE_V1[] = "UPDATE iceberg_tables SET metadata_location = ?4, "
                                    "previous_metadata_location = ?5 WHERE catalog_name = ?1 AND "
                                    "table_namespace = ?2 AND table_name = ?3 AND "
                                    "metadata_location = ?5" IS_TABLE_V1;
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;
    if (!session->has_tables)
        return lost(identity, err);
    ASSAY_TRY(prepare(session, session->has_type ? UPDATE_V1 : UPDATE, &statement, err));
    TRY_DB(assay_db_bind_text(statement, 4, next->recorded, err));
    TRY_DB(assay_db_bind_text(statement, 5, base->recorded, err));
    return run_move(session, statement, identity, err);
}

/* A COMMIT that failed for want of a lock or of room did not happen; after another failure of the
 * disk nobody can say. */
static assay_status commit_transaction(const struct session *session,
                                       const assay_iceberg_identity *identity, assay_error *err)
{
    assay_error local = {0};
    assay_status status = assay_db_commit(session->db, &local);
    if (status == ASSAY_OK)
        return ASSAY_OK;
    assay_db_abort(session->db);
    (void)assay_error_copy(err, &local);
    if (status == ASSAY_ELOCKED || status == ASSAY_ENOMEM || local.number == 1303)
        return fail(status, err);
    if (err != NULL)
        err->number = 4409;
    return assay_error_wrap_status(err, ASSAY_EUNKNOWN_OUTCOME,
                                   "whether the commit to table '%s' happened is not known",
                                   identity->name);
}

static assay_status move_pointer(struct session *session, const assay_iceberg_identity *identity,
                                 const assay_iceberg_pointer *base, const struct next *next,
                                 assay_error *err)
{
    if (session->db == NULL) /* the table was in a database that is gone */
        return lost(identity, err);
    TRY_DB(assay_db_begin(session->db, err));
    assay_status status = base->exists ? advance(session, identity, base, next, err)
                                       : create(session, identity, next, err);
    if (status != ASSAY_OK) {
        assay_db_abort(session->db);
        return status;
    }
    return commit_transaction(session, identity, err);
}

static assay_status publish(const assay_iceberg_catalog *catalog,
                            const assay_iceberg_identity *identity,
                            const assay_iceberg_pointer *base, const struct next *next,
                            assay_arena *arena, assay_error *err)
{
    ASSAY_AUTO(session_done) struct session session = {0};
    const struct sqlite *sqlite = catalog->state;
    ASSAY_TRY(split(&session, identity, arena, err));
    if (!base->exists) {
        const char *folder = assay_path_dir(arena, sqlite->path);
        ASSAY_TRY(assay_arena_check(folder, err));
        ASSAY_TRY(assay_path_make(folder, err));
    }
    ASSAY_TRY(open_session(catalog, !base->exists, &session, err));
    return move_pointer(&session, identity, base, next, err);
}

/* A table that was registered from the folder catalog: without the hint a reader of the folder sees
 * that it went on under numbers. */
static void drop_hint(const assay_iceberg_pointer *base, assay_store *store, assay_arena *arena)
{
    int64_t number = 0;
    if (!base->exists ||
        assay_iceberg_name_of(assay_path_base(base->path), &number) != ASSAY_ICEBERG_NAME_VERSIONED)
        return;
    const char *folder = assay_path_dir(arena, base->path);
    const char *hint = folder != NULL ? assay_path_join(arena, folder, "version-hint.text") : NULL;
    assay_status ignored = hint != NULL ? assay_store_remove(store, hint, NULL) : ASSAY_ENOMEM;
    (void)ignored;
}

static assay_status sqlite_commit(const assay_iceberg_catalog *catalog,
                                  const assay_iceberg_identity *identity,
                                  const assay_iceberg_pointer *base, const assay_buf *metadata,
                                  assay_store *store, const assay_random *random, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    struct next next = {0};
    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(name_next(identity, base, random, arena, &next, err));
    ASSAY_TRY(assay_store_put_new(store, next.path, assay_buf_text(metadata), metadata->size, err));
    assay_status status = publish(catalog, identity, base, &next, arena, err);
    if (status != ASSAY_OK && status != ASSAY_EUNKNOWN_OUTCOME) {
        /* Nobody knows the name: a file that stays is only litter, which expiry removes. */
        assay_status ignored = assay_store_remove(store, next.path, NULL);
        (void)ignored;
    }
    if (status == ASSAY_OK)
        drop_hint(base, store, arena);
    return status;
}

/* ---- list ---- */

static bool is_name(const char *text)
{
    return text != NULL && text[0] != '\0' && strpbrk(text, "./") == NULL;
}

static assay_status sqlite_list(const assay_iceberg_catalog *catalog, const char *root,
                                assay_store *store, assay_arena *arena, char ***ret_names,
                                size_t *ret_count, assay_error *err)
{
    (void)root;
    (void)store;
    static const char SELECT[] = "SELECT table_namespace, table_name FROM iceberg_tables WHERE "
                                 "catalog_name = ? ORDER BY 1, 2";
    static const char SELECT_V1[] = "SELECT table_namespace, table_name FROM iceberg_tables WHERE "
                                    "catalog_name = ?" IS_TABLE_V1 " ORDER BY 1, 2";
    ASSAY_AUTO(session_done) struct session session = {0};
    ASSAY_AUTO(assay_db_statement_freep) assay_db_statement *statement = NULL;
    ASSAY_AUTO(assay_vec_done) assay_vec names = ASSAY_VEC_OF(char *);
    bool row = false;
    ASSAY_TRY(open_session(catalog, false, &session, err));
    if (!session.has_tables)
        return assay_vec_to_arena(&names, arena, ret_names, ret_count, err);
    TRY_DB(assay_db_prepare(session.db, session.has_type ? SELECT_V1 : SELECT, &statement, err));
    TRY_DB(assay_db_bind_text(statement, 1, session.catalog->name, err));
    TRY_DB(assay_db_step(statement, &row, err));
    while (row) {
        const char *space = assay_db_column_text(statement, 0);
        const char *table = assay_db_column_text(statement, 1);
        if (is_name(space) && is_name(table)) {
            char *name = assay_arena_format(arena, "%s/%s", space, table);
            ASSAY_TRY(assay_arena_check(name, err));
            ASSAY_TRY(assay_vec_push(&names, &name, err));
        }
        TRY_DB(assay_db_step(statement, &row, err));
    }
    return assay_vec_to_arena(&names, arena, ret_names, ret_count, err);
}

assay_status assay_sqlite_catalog_new(const assay_sqlite_catalog_options *options,
                                      assay_arena *arena, const assay_iceberg_catalog **ret_catalog,
                                      assay_error *err)
{
    assay_iceberg_catalog *catalog = assay_arena_take(arena, 1, sizeof *catalog);
    struct sqlite *sqlite = assay_arena_take(arena, 1, sizeof *sqlite);
    ASSAY_TRY(assay_arena_check(catalog, err));
    ASSAY_TRY(assay_arena_check(sqlite, err));
    sqlite->path = assay_arena_text(arena, options->path);
    sqlite->name = assay_arena_text(arena, options->name);
    sqlite->busy_ms = options->busy_ms > 0 ? options->busy_ms : BUSY_MS;
    ASSAY_TRY(assay_arena_check(sqlite->path, err));
    ASSAY_TRY(assay_arena_check(sqlite->name, err));
    *catalog = (assay_iceberg_catalog){.name = "sqlite",
                                       .load = sqlite_load,
                                       .commit = sqlite_commit,
                                       .list = sqlite_list,
                                       .state = sqlite};
    *ret_catalog = catalog;
    return ASSAY_OK;
}
