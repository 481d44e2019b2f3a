/* What a mode makes of the rows of a query: how they are told apart, which of them win, and which
 * columns the table has beside the query's (SEMANTICS: modes merge and scd2).
 *
 * Thread rule: plain data; any thread. */
#ifndef ASSAY_PIPELINE_SHAPE_H
#define ASSAY_PIPELINE_SHAPE_H

#include "config/header.h"
#include "engine/engine.h"
#include "pipeline/model.h"

/* Columns that scd2 adds: from when on a state held and until when (NULL = still), whether it is
 * the open one, a key of the state, further versions at which the source said the same, and
 * versions at which it said that the row is deleted. The last two are what lets late rows cut the
 * intervals as if they had come in time. */
#define ASSAY_HISTORY_START "effective_start"
#define ASSAY_HISTORY_END "effective_end"
#define ASSAY_HISTORY_CURRENT "is_current"
#define ASSAY_HISTORY_KEY "surrogate_key"
#define ASSAY_HISTORY_CONFIRMED "_confirmed_at"
#define ASSAY_HISTORY_DELETED "_deleted_at"

/* Columns that soft_delete adds. */
#define ASSAY_MERGE_IS_DELETED "_is_deleted"
#define ASSAY_MERGE_DELETED_AT "_deleted_at"

typedef struct assay_row_rules {
    const char *const *key;
    size_t key_count;        /* 0 = rows are not told apart */
    const char *version;     /* NULL = none */
    const char *delete_when; /* NULL = no row deletes */
    bool soft_delete;
    bool history; /* scd2 */
    const char *const *tracked;
    size_t tracked_count; /* 0 = all but the untracked ones */
    const char *const *untracked;
    size_t untracked_count;
} assay_row_rules;

/* The rules of a header; without key_count in modes that have none. */
ASSAY_NODISCARD assay_status assay_row_rules_read(const assay_model_header *header,
                                                  assay_arena *arena, assay_row_rules *ret_rules,
                                                  assay_error *err);

/* Whether a change of this column, neither key nor version, makes history. */
bool assay_row_rules_tracks(const assay_row_rules *rules, const char *column);

/* Whether the table has columns beside the query's. */
bool assay_row_rules_add_columns(const assay_row_rules *rules);

/* Whether the mode itself makes that column of the table, which the query does not give. */
bool assay_row_rules_make(const assay_row_rules *rules, const char *column);

/* A query with the columns of the table: `sql` and what the rules add. Its values are not the
 * table's, but come from the same columns, so that types and column lineage can be read from it. */
void assay_row_rules_append_shape(assay_buf *buf, const assay_row_rules *rules, const char *sql);

/* The same as text of the arena; `sql` itself where nothing is added. */
ASSAY_NODISCARD assay_status assay_row_rules_shape(const assay_row_rules *rules, const char *sql,
                                                   assay_arena *arena, const char **ret_sql,
                                                   assay_error *err);

/* Checks that delete_when is a condition over the columns of `sql` (2031, without a place). */
ASSAY_NODISCARD assay_status assay_row_rules_check_condition(const assay_row_rules *rules,
                                                             const char *sql, assay_conn *conn,
                                                             assay_error *err);

/* While compiling, inside the catalog of shadows: from the columns of the query, which stand in
 * `model`, to those of the table. `sql` is the query as it is bound. */
ASSAY_NODISCARD assay_status assay_model_apply_shape(assay_model *model, const char *sql,
                                                     assay_conn *conn, assay_arena *arena,
                                                     assay_error *err);

#endif
