/* Tables that are published: load, look at, and make readable in a private catalog. */
#ifndef ASSAY_PUBLISHED_PUBLISHED_H
#define ASSAY_PUBLISHED_PUBLISHED_H

#include "pipeline/step.h"
#include "table/table.h"

/* Loads "layer.table" from where it lies, in the format that lies there; where there is nothing:
 * exists = false in the format that storage.yaml says. */
ASSAY_NODISCARD assay_status assay_published_load(const assay_project *project,
                                                  const assay_step_env *env, assay_conn *conn,
                                                  const char *name, assay_arena *arena,
                                                  assay_table **ret_table, assay_error *err);

/* A loaded table with the files of one snapshot. */
typedef struct assay_published_rows {
    const assay_table *table;
    const assay_snapshot *snapshot; /* NULL = no snapshot: no rows */
    const assay_schema *schema;
    assay_data_file *files;
    size_t count;
} assay_published_rows;

/* The rows of snapshot `snapshot_id` (-1 = the current one). */
ASSAY_NODISCARD assay_status assay_published_at(const assay_table *table, int64_t snapshot_id,
                                                const assay_step_env *env, assay_arena *arena,
                                                assay_published_rows *ret_rows, assay_error *err);

/* The view <layer>.<table> over these rows in the connection's current catalog. */
ASSAY_NODISCARD assay_status assay_published_view(assay_conn *conn, const char *name,
                                                  const assay_published_rows *rows,
                                                  assay_error *err);

/* The same over any query. */
ASSAY_NODISCARD assay_status assay_published_view_of(assay_conn *conn, const char *name,
                                                     const char *select, assay_error *err);

/* Makes views of every table of the warehouse that `text` mentions, the `known` ones aside. `text`
 * may be anything: mentions are looked for by name, and a view too many costs little. `at_us`: the
 * tables as they were then; INT64_MAX = now. */
typedef struct assay_published_wanted {
    const char *text;         /* NULL = every table */
    const char *const *known; /* names that are left alone */
    size_t known_count;
    int64_t at_us;
} assay_published_wanted;
ASSAY_NODISCARD assay_status assay_published_views(const assay_project *project,
                                                   const assay_step_env *env, assay_conn *conn,
                                                   const assay_published_wanted *wanted,
                                                   assay_arena *arena, assay_error *err);

/* ENOTFOUND 4062 for a table that is not there, with the nearest name that is. */
ASSAY_NODISCARD assay_status assay_published_missing(const assay_project *project,
                                                     const assay_step_env *env, const char *name,
                                                     assay_arena *arena, assay_error *err);

/* Whether `text` may read this table. SQL knows names in any case, so case does not count. */
bool assay_published_mentions(const char *text, const char *layer, const char *table);

/* Names of all tables of the warehouse ("layer.table"), sorted. */
ASSAY_NODISCARD assay_status assay_published_names(const assay_project *project,
                                                   const assay_step_env *env, assay_arena *arena,
                                                   const char ***ret_names, size_t *ret_count,
                                                   assay_error *err);

/* What a commit to, or an expiry of `table` works with; `env` must outlive it. */
assay_commit_env assay_published_commit_env(const assay_project *project, const assay_step_env *env,
                                            const assay_table *table);

/* What `keep` of storage.yaml leaves of a layer's tables, as of now. */
assay_expiry assay_published_expiry(const assay_project *project, const assay_step_env *env,
                                    const char *layer);

/* Splits "layer.table"; false where it is no such name. */
bool assay_published_split(const char *name, assay_arena *arena, const char **ret_layer,
                           const char **ret_table);

/* Column names and types as the user sees them. */
ASSAY_NODISCARD assay_status assay_published_columns(const assay_schema *schema, assay_arena *arena,
                                                     assay_column **ret_columns, size_t *ret_count,
                                                     assay_error *err);

#endif
