#include "warehouse/mapping.h"

#include "base/str.h"
#include "base/vec.h"

#include <string.h>

static const char *const usual_deletions[] = {"D", "DELETE", "delete"};

/* ---- checks ---- */

static assay_status fail_column(const assay_warehouse_publication *publication, const char *what,
                                const char *name, const assay_column *columns, size_t count,
                                assay_error *err)
{
    const char *nearest = NULL;
    ASSAY_AUTO(assay_vec_done) assay_vec names = ASSAY_VEC_OF(const char *);

    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(assay_vec_push(&names, &columns[i].name, err));
    nearest = count > 0 ? assay_str_nearest(name, names.items, count) : NULL;
    if (nearest != NULL)
        return assay_error_at(err, ASSAY_ECONFIG, 7004, publication->place,
                              "no column '%s' for %s; nearest: '%s'", name, what, nearest);
    return assay_error_at(err, ASSAY_ECONFIG, 7004, publication->place, "no column '%s' for %s",
                          name, what);
}

static const assay_column *find_column(const char *name, const assay_column *columns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (assay_str_equal_ci(columns[i].name, name))
            return &columns[i];
    return NULL;
}

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (assay_str_equal_ci(names[i], name))
            return true;
    return false;
}

static assay_status check_listed(const assay_warehouse_publication *publication,
                                 const assay_column *columns, size_t count, assay_error *err)
{
    const char *missing = NULL;

    for (size_t i = 0; i < publication->column_count; i++)
        if (find_column(publication->columns[i], columns, count) == NULL)
            return fail_column(publication, "the list of columns", publication->columns[i], columns,
                               count, err);
    if (publication->column_count == 0)
        return ASSAY_OK;
    for (size_t i = 0; i < publication->key_count; i++)
        if (!is_among(publication->keys[i], publication->columns, publication->column_count))
            missing = publication->keys[i];
    if (publication->version != NULL &&
        !is_among(publication->version, publication->columns, publication->column_count))
        missing = publication->version;
    if (missing == NULL)
        return ASSAY_OK;
    return assay_error_at(err, ASSAY_ECONFIG, 7005, publication->place,
                          "'%s' is needed and not in the list of columns", missing);
}

static assay_status check_columns(const assay_warehouse_publication *publication,
                                  const assay_column *columns, size_t count, assay_error *err)
{
    ASSAY_TRY(check_listed(publication, columns, count, err));
    for (size_t i = 0; i < publication->key_count; i++) {
        if (find_column(publication->keys[i], columns, count) == NULL)
            return fail_column(publication, "the key", publication->keys[i], columns, count, err);
        for (size_t k = 0; k < i; k++)
            if (assay_str_equal_ci(publication->keys[i], publication->keys[k]))
                return assay_error_at(err, ASSAY_ECONFIG, 7003, publication->place,
                                      "column '%s' is in the key twice", publication->keys[i]);
    }
    if (publication->version != NULL && find_column(publication->version, columns, count) == NULL)
        return fail_column(publication, "the version", publication->version, columns, count, err);
    if (publication->op_column != NULL &&
        find_column(publication->op_column, columns, count) == NULL)
        return fail_column(publication, "soft deletes", publication->op_column, columns, count,
                           err);
    return ASSAY_OK;
}

static bool is_key(const assay_warehouse_publication *publication, const char *name)
{
    return is_among(name, publication->keys, publication->key_count);
}

/* What needs mode merge and what merge needs. */
static assay_status check_options(const assay_warehouse_publication *publication, assay_error *err)
{
    bool merge = publication->mode == ASSAY_WAREHOUSE_MERGE;
    const char *mode = assay_warehouse_mode_name(publication->mode);
    const char *odd = NULL;

    if (merge && publication->key_count == 0)
        return assay_error_at(err, ASSAY_ECONFIG, 7003, publication->place,
                              "mode merge into '%s' needs the key columns", publication->table);
    if (publication->version != NULL)
        odd = "version";
    if (publication->op_column != NULL || publication->delete_absent)
        odd = "soft deletes";
    if (publication->key_count > 0)
        odd = "key";
    if (!merge && odd != NULL)
        return assay_error_at(err, ASSAY_ECONFIG, 7005, publication->place,
                              "mode %s into '%s' takes no %s, only mode merge does", mode,
                              publication->table, odd);
    if (publication->op_column != NULL && is_key(publication, publication->op_column))
        return assay_error_at(err, ASSAY_ECONFIG, 7005, publication->place,
                              "column '%s' says what was deleted, so it cannot be a key",
                              publication->op_column);
    if (publication->version != NULL && is_key(publication, publication->version))
        return assay_error_at(err, ASSAY_ECONFIG, 7005, publication->place,
                              "version column '%s' cannot be a key", publication->version);
    return ASSAY_OK;
}

/* ---- columns ---- */

static assay_status check_key(const assay_mapping *mapping, const assay_mapped_column *column,
                              assay_error *err)
{
    if (!column->key ||
        (column->map->canon != ASSAY_CANON_NONE && column->map->canon != ASSAY_CANON_JSON))
        return ASSAY_OK;
    return assay_error_at(err, ASSAY_ECONFIG, 7003, mapping->publication->place,
                          "column '%s' of type %s cannot be a key in %s", column->source,
                          column->engine_type, mapping->dialect->name);
}

static assay_status map_column(const assay_mapping *mapping, const assay_column *column,
                               assay_arena *arena, assay_mapped_column *mapped, assay_error *err)
{
    const assay_dialect *dialect = mapping->dialect;
    const assay_warehouse_publication *publication = mapping->publication;

    mapped->source = assay_arena_text(arena, column->name);
    mapped->engine_type = assay_arena_text(arena, column->type);
    mapped->key = is_key(publication, column->name);
    mapped->map = assay_types_find(dialect, column->type);
    if (mapped->map == NULL)
        return assay_error_at(err, ASSAY_ECONFIG, 7007, publication->place,
                              "%s has no type for column '%s' of type %s; cast it in the model",
                              dialect->name, column->name, column->type);
    mapped->name = publication->preserve_case ? mapped->source
                                              : assay_dialect_fold(dialect, arena, column->name);
    mapped->wire = assay_types_text(mapped->map->wire, column->type, arena);
    mapped->type = assay_types_text(mapped->map->type, column->type, arena);
    if (mapped->source == NULL || mapped->engine_type == NULL || mapped->name == NULL ||
        mapped->wire == NULL || mapped->type == NULL)
        return assay_error_nomem(err);
    if (strlen(mapped->name) > dialect->name_max)
        return assay_error_at(err, ASSAY_ECONFIG, 7008, publication->place,
                              "column name '%s' is longer than the %zu bytes that %s allows",
                              mapped->name, dialect->name_max, dialect->name);
    return ASSAY_OK;
}

static assay_status check_unique(const assay_mapping *mapping, const assay_mapped_column *column,
                                 assay_error *err)
{
    const char *other = NULL;

    for (const assay_mapped_column *c = mapping->columns; c < column; c++)
        if (assay_str_equal(c->name, column->name))
            other = c->source;
    if (mapping->is_deleted != NULL && (assay_str_equal(column->name, mapping->is_deleted) ||
                                        assay_str_equal(column->name, mapping->deleted_at)))
        other = "the mark of soft deletes";
    if (other == NULL)
        return ASSAY_OK;
    return assay_error_at(err, ASSAY_ECONFIG, 7006, mapping->publication->place,
                          "column '%s' and '%s' would both be '%s' in the target", column->source,
                          other, column->name);
}

static assay_status name_marks(assay_mapping *mapping, assay_arena *arena, assay_error *err)
{
    const assay_warehouse_publication *publication = mapping->publication;

    if (publication->op_column == NULL && !publication->delete_absent)
        return ASSAY_OK;
    mapping->is_deleted = ASSAY_WAREHOUSE_IS_DELETED;
    mapping->deleted_at = ASSAY_WAREHOUSE_DELETED_AT;
    if (!publication->preserve_case) {
        mapping->is_deleted = assay_dialect_fold(mapping->dialect, arena, mapping->is_deleted);
        mapping->deleted_at = assay_dialect_fold(mapping->dialect, arena, mapping->deleted_at);
    }
    return mapping->is_deleted != NULL && mapping->deleted_at != NULL ? ASSAY_OK
                                                                      : assay_error_nomem(err);
}

static assay_status map_columns(assay_mapping *mapping, const assay_column *columns, size_t count,
                                assay_arena *arena, assay_error *err)
{
    const assay_warehouse_publication *publication = mapping->publication;

    for (size_t i = 0; i < count; i++) {
        assay_mapped_column *mapped = &mapping->columns[mapping->count];
        if (assay_str_equal_ci(columns[i].name, publication->op_column)) {
            mapping->op_column = assay_arena_text(arena, columns[i].name);
            ASSAY_TRY(assay_arena_check(mapping->op_column, err));
            continue;
        }
        if (publication->column_count > 0 &&
            !is_among(columns[i].name, publication->columns, publication->column_count))
            continue;
        ASSAY_TRY(map_column(mapping, &columns[i], arena, mapped, err));
        ASSAY_TRY(check_unique(mapping, mapped, err));
        ASSAY_TRY(check_key(mapping, mapped, err));
        if (assay_str_equal_ci(columns[i].name, publication->version))
            mapping->version = mapped;
        mapping->count++;
    }
    return ASSAY_OK;
}

assay_status assay_mapping_make(const assay_dialect *dialect,
                                const assay_warehouse_publication *publication,
                                const assay_column *columns, size_t count, assay_arena *arena,
                                assay_mapping **ret_mapping, assay_error *err)
{
    assay_mapping *mapping = assay_arena_take(arena, 1, sizeof *mapping);

    ASSAY_TRY(assay_arena_check(mapping, err));
    ASSAY_TRY(check_options(publication, err));
    if (count > 0)
        ASSAY_TRY(check_columns(publication, columns, count, err));
    mapping->dialect = dialect;
    mapping->publication = publication;
    mapping->columns = assay_arena_take(arena, count + 1, sizeof *mapping->columns);
    ASSAY_TRY(assay_arena_check(mapping->columns, err));
    ASSAY_TRY(name_marks(mapping, arena, err));
    ASSAY_TRY(map_columns(mapping, columns, count, arena, err));
    *ret_mapping = mapping;
    return ASSAY_OK;
}

/* ---- the query ---- */

/* Whether the row is a deletion, as an expression over the source. */
static void append_deletion(const assay_mapping *mapping, assay_buf *buf)
{
    const assay_warehouse_publication *publication = mapping->publication;
    bool usual = publication->op_deleted_count == 0;

    assay_buf_append_text(buf, "coalesce(list_contains(");
    if (usual)
        assay_sql_append_texts(buf, usual_deletions,
                               sizeof usual_deletions / sizeof usual_deletions[0]);
    else
        assay_sql_append_texts(buf, publication->op_deleted, publication->op_deleted_count);
    assay_buf_append_text(buf, ", CAST(");
    assay_sql_append_name(buf, mapping->op_column);
    assay_buf_append_text(buf, " AS VARCHAR)), false)");
}

static void append_marks(const assay_mapping *mapping, const assay_warehouse_snapshot *snapshot,
                         assay_buf *buf)
{
    char moment[ASSAY_TIME_TEXT_SIZE];

    assay_time_format(snapshot->committed_us, moment);
    assay_buf_append_text(buf, ", ");
    append_deletion(mapping, buf);
    assay_buf_append_text(buf, " AS ");
    assay_sql_append_name(buf, mapping->is_deleted);
    assay_buf_append_text(buf, ", CASE WHEN ");
    append_deletion(mapping, buf);
    assay_buf_append_text(buf, " THEN CAST(");
    assay_sql_append_text(buf, moment);
    assay_buf_append_text(buf, " AS TIMESTAMP WITH TIME ZONE) END AS ");
    assay_sql_append_name(buf, mapping->deleted_at);
}

static void append_encoded(const assay_mapped_column *column, assay_buf *buf)
{
    ASSAY_AUTO(assay_buf_done) assay_buf quoted = ASSAY_BUF_EMPTY;

    assay_sql_append_name(&quoted, column->source);
    assay_dialect_apply(buf, column->map->encode, assay_buf_text(&quoted), NULL);
    buf->failed = buf->failed || quoted.failed;
    assay_buf_append_text(buf, " AS ");
    assay_sql_append_name(buf, column->name);
}

/* The newest row of each key; ties are equal rows (they were checked), so any will do. */
static void append_newest(const assay_mapping *mapping, assay_buf *buf)
{
    assay_buf_append_text(buf, " QUALIFY row_number() OVER (PARTITION BY ");
    for (size_t i = 0; i < mapping->publication->key_count; i++) {
        assay_buf_append_text(buf, i > 0 ? ", " : "");
        assay_sql_append_name(buf, mapping->publication->keys[i]);
    }
    assay_buf_append_text(buf, " ORDER BY ");
    assay_sql_append_name(buf, mapping->version->source);
    assay_buf_append_text(buf, " DESC NULLS LAST) = 1");
}

void assay_mapping_select(const assay_mapping *mapping, const assay_warehouse_snapshot *snapshot,
                          bool newest, assay_buf *buf)
{
    assay_buf_append_text(buf, "SELECT ");
    for (size_t i = 0; i < mapping->count; i++) {
        assay_buf_append_text(buf, i > 0 ? ", " : "");
        append_encoded(&mapping->columns[i], buf);
    }
    if (mapping->op_column != NULL)
        append_marks(mapping, snapshot, buf);
    assay_buf_append_text(buf, " FROM (\n");
    assay_buf_append_text(buf, snapshot->select);
    assay_buf_append_text(buf, "\n) AS source");
    if (newest)
        append_newest(mapping, buf);
}
