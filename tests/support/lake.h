/* A folder with an engine, a store and fixed time, in which tests write and read tables of any
 * format through the format's own interface. Failures end the running test. */
#ifndef ASSAY_TEST_LAKE_H
#define ASSAY_TEST_LAKE_H

#include "engine/engine.h"
#include "store/store.h"
#include "support/folder.h"
#include "table/stage.h"
#include "table/table.h"

typedef struct test_lake {
    test_folder *folder;
    assay_arena *arena;
    assay_engine *engine;
    assay_conn *conn;
    assay_store *store;
    assay_clock clock;
    assay_random random;
    int64_t now_us; /* what the clock says; every commit adds a second */
    int commits;
} test_lake;

/* Setup and teardown of cmocka: *state is a lake. */
int lake_setup(void **state);
int lake_teardown(void **state);

/* "<folder>/<name>". */
char *lake_path(test_lake *lake, const char *name);

/* Loads the table at `name`; must succeed. */
assay_table *lake_load(test_lake *lake, const assay_table_format *format, const char *name);

/* What a write does. */
typedef struct lake_write {
    assay_change_kind kind;
    const char *select;              /* the rows to add, NULL = none */
    const char *const *partition_by; /* entries as in a header; NULL = as the table has it */
    size_t partition_count;
    const assay_data_file *removed; /* for OVERWRITE */
    size_t removed_count;
    int64_t rollback_to;
    const assay_property *properties;
    size_t property_count;
} lake_write;

/* Stages, writes a state file and commits on `base` without retries. The schema is the query's
 * merged with the table's (EVOLVE for appends and overwrites). */
assay_status lake_commit(test_lake *lake, const assay_table *base, const lake_write *write,
                         assay_error *err);

/* lake_commit on the table as it is now; must succeed. */
void lake_put(test_lake *lake, const assay_table_format *format, const char *name,
              assay_change_kind kind, const char *select);

/* SQL of the rows of a snapshot (-1 = current); must succeed. */
const char *lake_scan(test_lake *lake, const assay_table *table, int64_t snapshot_id);

/* The first cell of `query`, in which %s is replaced by the scan of the table at `name`. */
const char *lake_ask(test_lake *lake, const assay_table_format *format, const char *name,
                     int64_t snapshot_id, const char *query);

/* Text of one cell of any query. */
const char *lake_cell(test_lake *lake, const char *sql);

#endif
