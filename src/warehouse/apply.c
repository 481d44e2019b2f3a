#include "warehouse/apply.h"

/* What the statements of one publication have in common. */
struct application {
    const assay_mapping *mapping;
    const assay_warehouse_target *target;
    const char *stage;
    bool merges;
    assay_arena *arena;
    assay_apply_statement *statements;
    size_t *count;
};

static assay_status push(const struct application *application, const char *step,
                         assay_apply_counts counts, const assay_buf *sql, assay_error *err)
{
    ASSAY_TRY(assay_buf_check(sql, err));
    const char *text = assay_arena_text(application->arena, assay_buf_text(sql));
    ASSAY_TRY(assay_arena_check(text, err));
    application->statements[(*application->count)++] =
        (assay_apply_statement){.step = step, .sql = text, .counts = counts};
    return ASSAY_OK;
}

/* ---- pieces ---- */

static void append_target(const struct application *application, assay_buf *buf)
{
    assay_dialect_table(application->mapping->dialect, buf, application->target,
                        application->target->table);
}

static bool has_decoding(const assay_mapping *mapping)
{
    for (size_t i = 0; i < mapping->count; i++)
        if (mapping->columns[i].map->decode != NULL)
            return true;
    return false;
}

static void append_pattern(assay_buf *buf, const char *pattern, const char *alias, const char *name)
{
    ASSAY_AUTO(assay_buf_done) assay_buf column = ASSAY_BUF_EMPTY;

    if (alias != NULL)
        assay_dialect_column(&column, alias, name);
    else
        assay_sql_append_name(&column, name);
    assay_dialect_apply(buf, pattern, assay_buf_text(&column), NULL);
    buf->failed = buf->failed || column.failed;
}

/* The staging table as s, its columns in the target's types: SET and VALUES then take plain
 * columns. */
static void append_source(const struct application *application, assay_buf *buf)
{
    const assay_mapping *mapping = application->mapping;

    if (!has_decoding(mapping)) {
        assay_dialect_table(mapping->dialect, buf, application->target, application->stage);
        assay_buf_append_text(buf, " AS s");
        return;
    }
    for (size_t i = 0; i < mapping->count; i++) {
        assay_buf_append_text(buf, i == 0 ? "(SELECT " : ", ");
        append_pattern(buf, mapping->columns[i].map->decode, NULL, mapping->columns[i].name);
        assay_buf_append_text(buf, " AS ");
        assay_sql_append_name(buf, mapping->columns[i].name);
    }
    if (mapping->op_column != NULL) {
        assay_buf_append_text(buf, ", ");
        assay_sql_append_name(buf, mapping->is_deleted);
        assay_buf_append_text(buf, ", ");
        assay_sql_append_name(buf, mapping->deleted_at);
    }
    assay_buf_append_text(buf, " FROM ");
    assay_dialect_table(mapping->dialect, buf, application->target, application->stage);
    assay_buf_append_text(buf, ") AS s");
}

/* t.key = s.key for all. NULL keys: what is compared must stay something that can be hashed, so on
 * PostgreSQL the text and whether there is one are. */
static void append_keys(const assay_mapping *mapping, const char *target, assay_buf *buf)
{
    const char *between = "";

    for (size_t i = 0; i < mapping->count; i++) {
        const char *name = mapping->columns[i].name;
        if (!mapping->columns[i].key)
            continue;
        assay_buf_append_text(buf, between);
        between = " AND ";
        if (mapping->publication->null_keys && !mapping->dialect->joins_nulls) {
            append_pattern(buf, "COALESCE(CAST(? AS text), '')", target, name);
            append_pattern(buf, " = COALESCE(CAST(? AS text), '')", "s", name);
            append_pattern(buf, " AND (? IS NULL)", target, name);
            append_pattern(buf, " = (? IS NULL)", "s", name);
            continue;
        }
        assay_dialect_column(buf, target, name);
        assay_buf_append_text(buf,
                              mapping->publication->null_keys ? " IS NOT DISTINCT FROM " : " = ");
        assay_dialect_column(buf, "s", name);
    }
}

/* The versions in order; a target without one takes any. */
static void append_not_stale(const assay_mapping *mapping, const char *target, assay_buf *buf)
{
    if (mapping->version == NULL)
        return;
    assay_buf_append_text(buf, " AND (");
    assay_dialect_column(buf, target, mapping->version->name);
    assay_buf_append_text(buf, " IS NULL OR ");
    assay_dialect_column(buf, "s", mapping->version->name);
    assay_buf_append_text(buf, " >= ");
    assay_dialect_column(buf, target, mapping->version->name);
    assay_buf_append_char(buf, ')');
}

static void append_is_marked(const assay_mapping *mapping, const char *target, assay_buf *buf)
{
    append_pattern(buf, "COALESCE(?, FALSE)", target, mapping->is_deleted);
}

/* Whether there is anything that an update could change. */
static bool can_change(const assay_mapping *mapping)
{
    for (size_t i = 0; i < mapping->count; i++)
        if (!mapping->columns[i].key)
            return true;
    return mapping->gone_count > 0 || mapping->is_deleted != NULL;
}

/* (t.a IS DISTINCT FROM s.a OR ..) */
static void append_changed(const assay_mapping *mapping, const char *target, assay_buf *buf)
{
    const char *between = "(";

    for (size_t i = 0; i < mapping->count; i++) {
        const assay_mapped_column *column = &mapping->columns[i];
        if (column->key)
            continue;
        assay_buf_append_text(buf, between);
        append_pattern(buf, column->map->compare, target, column->name);
        assay_buf_append_text(buf, " IS DISTINCT FROM ");
        append_pattern(buf, column->map->compare, "s", column->name);
        between = " OR ";
    }
    for (size_t i = 0; i < mapping->gone_count; i++) {
        assay_buf_append_text(buf, between);
        append_pattern(buf, "? IS NOT NULL", target, mapping->gone[i]);
        between = " OR ";
    }
    if (mapping->is_deleted != NULL) {
        assay_buf_append_text(buf, between);
        append_is_marked(mapping, target, buf);
    }
    assay_buf_append_char(buf, ')');
}

/* "a" = s."a", .. and the row lives. */
static void append_assignments(const assay_mapping *mapping, assay_buf *buf)
{
    const char *between = "";

    for (size_t i = 0; i < mapping->count; i++) {
        if (mapping->columns[i].key)
            continue;
        assay_buf_append_text(buf, between);
        append_pattern(buf, "? = ", NULL, mapping->columns[i].name);
        assay_dialect_column(buf, "s", mapping->columns[i].name);
        between = ", ";
    }
    for (size_t i = 0; i < mapping->gone_count; i++) {
        assay_buf_append_text(buf, between);
        append_pattern(buf, "? = NULL", NULL, mapping->gone[i]);
        between = ", ";
    }
    if (mapping->is_deleted != NULL) {
        assay_buf_append_text(buf, between);
        append_pattern(buf, "? = FALSE", NULL, mapping->is_deleted);
        append_pattern(buf, ", ? = NULL", NULL, mapping->deleted_at);
    }
}

static void append_not_deletion(const assay_mapping *mapping, const char *before, assay_buf *buf)
{
    if (mapping->op_column == NULL)
        return;
    assay_buf_append_text(buf, before);
    append_pattern(buf, "NOT ?", "s", mapping->is_deleted);
}

static void append_insert_columns(const assay_mapping *mapping, assay_buf *buf)
{
    for (size_t i = 0; i < mapping->count; i++) {
        assay_buf_append_text(buf, i == 0 ? " (" : ", ");
        assay_sql_append_name(buf, mapping->columns[i].name);
    }
    if (mapping->is_deleted != NULL)
        append_pattern(buf, ", ?", NULL, mapping->is_deleted);
    assay_buf_append_char(buf, ')');
}

static void append_insert_values(const assay_mapping *mapping, assay_buf *buf)
{
    for (size_t i = 0; i < mapping->count; i++) {
        assay_buf_append_text(buf, i == 0 ? "" : ", ");
        assay_dialect_column(buf, "s", mapping->columns[i].name);
    }
    if (mapping->is_deleted != NULL)
        assay_buf_append_text(buf, ", FALSE");
}

/* ---- statements ---- */

static void begin_insert(const struct application *application, assay_buf *sql)
{
    assay_buf_append_text(sql, "INSERT INTO ");
    append_target(application, sql);
    append_insert_columns(application->mapping, sql);
    assay_buf_append_text(sql, " SELECT ");
    append_insert_values(application->mapping, sql);
    assay_buf_append_text(sql, " FROM ");
    append_source(application, sql);
}

static assay_status write_append(const struct application *application, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    begin_insert(application, &sql);
    return push(application, "insert", ASSAY_APPLY_INSERTS, &sql, err);
}

/* DELETE and not TRUNCATE: on PostgreSQL that one lets readers see an empty table and wait for the
 * insert, and does not say how many rows went. */
static assay_status write_overwrite(const struct application *application, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&sql, "DELETE FROM ");
    append_target(application, &sql);
    ASSAY_TRY(push(application, "delete", ASSAY_APPLY_DELETES, &sql, err));
    return write_append(application, err);
}

/* "UPDATE target": the name by which its columns are told from those of s. Snowflake gives the
 * target of an update no other name than its own. */
static assay_status begin_update(const struct application *application, assay_buf *sql,
                                 const char **ret_self, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf name = ASSAY_BUF_EMPTY;

    assay_buf_append_text(sql, "UPDATE ");
    append_target(application, sql);
    if (!application->mapping->dialect->has_databases) {
        assay_buf_append_text(sql, " AS t");
        *ret_self = "t";
        return ASSAY_OK;
    }
    assay_sql_append_name(&name, application->target->table);
    ASSAY_TRY(assay_buf_check(&name, err));
    *ret_self = assay_arena_text(application->arena, assay_buf_text(&name));
    return assay_arena_check(*ret_self, err);
}

/* Marks the rows whose deletion was staged. Their other columns stay, a deletion often has only its
 * key; the version goes along, so that older rows stay out. */
static assay_status write_mark(const struct application *application, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_mapping *mapping = application->mapping;
    const char *self = NULL;

    ASSAY_TRY(begin_update(application, &sql, &self, err));
    append_pattern(&sql, " SET ? = TRUE", NULL, mapping->is_deleted);
    append_pattern(&sql, ", ? = ", NULL, mapping->deleted_at);
    assay_dialect_column(&sql, "s", mapping->deleted_at);
    if (mapping->version != NULL) {
        append_pattern(&sql, ", ? = ", NULL, mapping->version->name);
        assay_dialect_column(&sql, "s", mapping->version->name);
    }
    assay_buf_append_text(&sql, " FROM ");
    append_source(application, &sql);
    assay_buf_append_text(&sql, " WHERE ");
    append_keys(mapping, self, &sql);
    append_pattern(&sql, " AND ?", "s", mapping->is_deleted);
    assay_buf_append_text(&sql, " AND (NOT ");
    append_is_marked(mapping, self, &sql);
    if (mapping->version != NULL) {
        append_pattern(&sql, " OR ?", self, mapping->version->name);
        append_pattern(&sql, " IS DISTINCT FROM ?", "s", mapping->version->name);
    }
    assay_buf_append_char(&sql, ')');
    append_not_stale(mapping, self, &sql);
    return push(application, "mark", ASSAY_APPLY_DELETES, &sql, err);
}

static assay_status write_update(const struct application *application, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_mapping *mapping = application->mapping;

    if (!can_change(mapping))
        return ASSAY_OK;
    assay_buf_append_text(&sql, "UPDATE ");
    append_target(application, &sql);
    assay_buf_append_text(&sql, " AS t SET ");
    append_assignments(mapping, &sql);
    assay_buf_append_text(&sql, " FROM ");
    append_source(application, &sql);
    assay_buf_append_text(&sql, " WHERE ");
    append_keys(mapping, "t", &sql);
    append_not_deletion(mapping, " AND ", &sql);
    append_not_stale(mapping, "t", &sql);
    assay_buf_append_text(&sql, " AND ");
    append_changed(mapping, "t", &sql);
    return push(application, "update", ASSAY_APPLY_UPDATES, &sql, err);
}

static assay_status write_insert_new(const struct application *application, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_mapping *mapping = application->mapping;

    begin_insert(application, &sql);
    assay_buf_append_text(&sql, " WHERE ");
    if (mapping->op_column != NULL)
        append_pattern(&sql, "NOT ? AND ", "s", mapping->is_deleted);
    assay_buf_append_text(&sql, "NOT EXISTS (SELECT 1 FROM ");
    append_target(application, &sql);
    assay_buf_append_text(&sql, " AS t WHERE ");
    append_keys(mapping, "t", &sql);
    assay_buf_append_char(&sql, ')');
    return push(application, "insert", ASSAY_APPLY_INSERTS, &sql, err);
}

static assay_status write_merge(const struct application *application, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_mapping *mapping = application->mapping;

    assay_buf_append_text(&sql, "MERGE INTO ");
    append_target(application, &sql);
    assay_buf_append_text(&sql, " AS t USING ");
    append_source(application, &sql);
    assay_buf_append_text(&sql, " ON ");
    append_keys(mapping, "t", &sql);
    if (can_change(mapping)) {
        assay_buf_append_text(&sql, " WHEN MATCHED AND ");
        append_changed(mapping, "t", &sql);
        append_not_deletion(mapping, " AND ", &sql);
        append_not_stale(mapping, "t", &sql);
        assay_buf_append_text(&sql, " THEN UPDATE SET ");
        append_assignments(mapping, &sql);
    }
    assay_buf_append_text(&sql, " WHEN NOT MATCHED");
    append_not_deletion(mapping, " AND ", &sql);
    assay_buf_append_text(&sql, " THEN INSERT");
    append_insert_columns(mapping, &sql);
    assay_buf_append_text(&sql, " VALUES (");
    append_insert_values(mapping, &sql);
    assay_buf_append_char(&sql, ')');
    return push(application, "merge", ASSAY_APPLY_MERGES, &sql, err);
}

/* Marks the rows whose keys the snapshot does not have; MERGE has no clause for them on Snowflake,
 * nor on PostgreSQL before 17. */
static assay_status write_absent(const struct application *application, int64_t committed_us,
                                 assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const assay_mapping *mapping = application->mapping;
    const char *self = NULL;
    char moment[ASSAY_TIME_TEXT_SIZE];

    assay_time_format_sql(committed_us, moment);
    ASSAY_TRY(begin_update(application, &sql, &self, err));
    append_pattern(&sql, " SET ? = TRUE", NULL, mapping->is_deleted);
    append_pattern(&sql, ", ? = CAST(", NULL, mapping->deleted_at);
    assay_dialect_text(mapping->dialect, &sql, moment);
    assay_buf_append_text(&sql, " AS ");
    assay_buf_append_text(&sql, mapping->dialect->instant);
    assay_buf_append_text(&sql, ") WHERE NOT ");
    append_is_marked(mapping, self, &sql);
    assay_buf_append_text(&sql, " AND NOT EXISTS (SELECT 1 FROM ");
    append_source(application, &sql);
    assay_buf_append_text(&sql, " WHERE ");
    append_keys(mapping, self, &sql);
    assay_buf_append_char(&sql, ')');
    return push(application, "absent", ASSAY_APPLY_DELETES, &sql, err);
}

static assay_status write_merging(const struct application *application, int64_t committed_us,
                                  assay_error *err)
{
    const assay_mapping *mapping = application->mapping;

    if (mapping->op_column != NULL)
        ASSAY_TRY(write_mark(application, err));
    if (application->merges) {
        ASSAY_TRY(write_merge(application, err));
    } else {
        ASSAY_TRY(write_update(application, err));
        ASSAY_TRY(write_insert_new(application, err));
    }
    if (!mapping->publication->delete_absent)
        return ASSAY_OK;
    return write_absent(application, committed_us, err);
}

assay_status assay_apply_statements(const assay_mapping *mapping, const assay_apply_place *place,
                                    int64_t committed_us, assay_arena *arena,
                                    assay_apply_list *ret_list, assay_error *err)
{
    assay_apply_list list = {.count = 0};
    struct application application = {.mapping = mapping,
                                      .target = place->target,
                                      .stage = place->stage,
                                      .merges = place->merges,
                                      .arena = arena,
                                      .statements = list.statements,
                                      .count = &list.count};

    switch (mapping->publication->mode) {
    case ASSAY_WAREHOUSE_APPEND:
        ASSAY_TRY(write_append(&application, err));
        break;
    case ASSAY_WAREHOUSE_OVERWRITE:
        ASSAY_TRY(write_overwrite(&application, err));
        break;
    case ASSAY_WAREHOUSE_MERGE:
        ASSAY_TRY(write_merging(&application, committed_us, err));
        break;
    }
    *ret_list = list;
    return ASSAY_OK;
}

/* ---- counting a merge ---- */

/* 'schema.table' as PostgreSQL reads it for a regclass. */
static assay_status append_regclass(const assay_warehouse_session *session,
                                    const assay_warehouse_target *target, assay_buf *sql,
                                    assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf name = ASSAY_BUF_EMPTY;

    assay_dialect_table(session->dialect, &name, target, target->table);
    ASSAY_TRY(assay_buf_check(&name, err));
    assay_buf_append_text(sql, "CAST(");
    assay_dialect_text(session->dialect, sql, assay_buf_text(&name));
    assay_buf_append_text(sql, " AS regclass)");
    return ASSAY_OK;
}

static assay_status ask_number(assay_warehouse_session *session, const assay_buf *sql,
                               int64_t *ret_number, assay_error *err)
{
    assay_rows *rows = NULL;

    ASSAY_TRY(assay_buf_check(sql, err));
    ASSAY_TRY(assay_session_query(session, assay_buf_text(sql), &rows, err));
    *ret_number = rows->count > 0 ? assay_session_int(rows, 0, 0) : 0;
    return ASSAY_OK;
}

assay_status assay_apply_can_merge(assay_warehouse_session *session,
                                   const assay_warehouse_target *target, bool *ret_can,
                                   assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    int64_t can = 1;

    if (!session->dialect->tells_merge) {
        assay_buf_append_text(&sql, "SELECT COUNT(*) FROM pg_catalog.pg_class WHERE relkind = 'r' "
                                    "AND CAST(current_setting('server_version_num') AS integer) >= "
                                    "150000 AND CAST(current_setting('track_counts') AS boolean) "
                                    "AND oid = ");
        ASSAY_TRY(append_regclass(session, target, &sql, err));
        ASSAY_TRY(ask_number(session, &sql, &can, err));
    }
    *ret_can = can != 0;
    return ASSAY_OK;
}

/* What the server has counted for this session and not yet reported: rows inserted in the target.
 */
static assay_status count_inserted(assay_warehouse_session *session,
                                   const assay_warehouse_target *target, int64_t *ret_count,
                                   assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&sql, "SELECT pg_catalog.pg_stat_get_xact_tuples_inserted(");
    ASSAY_TRY(append_regclass(session, target, &sql, err));
    assay_buf_append_char(&sql, ')');
    return ask_number(session, &sql, ret_count, err);
}

static assay_status run_counted_merge(assay_warehouse_session *session,
                                      const assay_warehouse_target *target, const char *sql,
                                      assay_ledger_counts *counts, assay_error *err)
{
    int64_t before = 0;
    int64_t after = 0;
    int64_t affected = 0;

    ASSAY_TRY(count_inserted(session, target, &before, err));
    ASSAY_TRY(assay_session_run(session, sql, &affected, err));
    ASSAY_TRY(count_inserted(session, target, &after, err));
    counts->inserted += after - before;
    counts->updated += affected - (after - before);
    return ASSAY_OK;
}

static assay_status run_telling_merge(assay_warehouse_session *session,
                                      const assay_apply_statement *statement,
                                      assay_ledger_counts *counts, assay_error *err)
{
    assay_rows *rows = NULL;

    ASSAY_TRY(assay_session_query(session, statement->sql, &rows, err));
    counts->inserted += rows->count > 0 ? assay_session_int(rows, 0, 0) : 0;
    if (rows->count > 0 && rows->column_count > 1)
        counts->updated += assay_session_int(rows, 0, 1);
    return assay_session_note(session, statement->step, err);
}

/* ---- running them ---- */

static assay_status run(assay_warehouse_session *session, const assay_warehouse_target *target,
                        const assay_apply_statement *statement, assay_ledger_counts *counts,
                        assay_error *err)
{
    int64_t affected = 0;

    if (statement->counts == ASSAY_APPLY_MERGES)
        return session->dialect->tells_merge
                   ? run_telling_merge(session, statement, counts, err)
                   : run_counted_merge(session, target, statement->sql, counts, err);
    ASSAY_TRY(assay_session_count(session, statement->step, statement->sql, &affected, err));
    switch (statement->counts) {
    case ASSAY_APPLY_INSERTS:
        counts->inserted += affected;
        break;
    case ASSAY_APPLY_UPDATES:
        counts->updated += affected;
        break;
    case ASSAY_APPLY_DELETES:
        counts->deleted += affected;
        break;
    case ASSAY_APPLY_MERGES:
        break;
    }
    return ASSAY_OK;
}

assay_status assay_apply_run(assay_warehouse_session *session, const assay_warehouse_target *target,
                             const assay_apply_list *list, assay_ledger_counts *counts,
                             assay_error *err)
{
    for (const char *const *sql = session->dialect->transaction; *sql != NULL; sql++)
        ASSAY_TRY(assay_session_run(session, *sql, NULL, err));
    for (size_t i = 0; i < list->count; i++)
        ASSAY_TRY(run(session, target, &list->statements[i], counts, err));
    return ASSAY_OK;
}
