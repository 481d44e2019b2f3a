/* A warehouse under test: a connection, an engine whose tables are published, and the eyes to see
 * what landed. Failures end the running test. */
#ifndef ASSAY_TEST_WAREHOUSE_WORLD_H
#define ASSAY_TEST_WAREHOUSE_WORLD_H

#include "adbc/adbc.h"
#include "support/folder.h"
#include "warehouse/warehouse.h"

struct world {
    const assay_connection_config *connection;
    bool snowflake;
    test_folder *folder;
    assay_arena *arena;
    assay_engine *engine;
    assay_conn *conn;
    assay_secrets *secrets;
    assay_adbc *eye; /* a login of the test's own */
    assay_clock clock;
    const char *keys[4]; /* of the publication; count in it */
    assay_warehouse_publication publication;
    assay_warehouse_snapshot snapshot;
    assay_warehouse_request request;
    assay_warehouse_result result;
    assay_error err;
};

struct world *world_new(const assay_connection_config *connection);
void world_free(struct world *world);

/* Publishes into this table next; each test has one of its own. Mode merge by `id`. */
void world_target(struct world *world, const char *table);

/* The rows to publish as the next commit of the table. */
void world_rows(struct world *world, const char *select);

assay_status world_publish(struct world *world);

/* Publishes and fails the test where that does not work. */
void world_published(struct world *world, const char *select);

/* Runs a statement on the server. */
void world_run(struct world *world, const char *sql);

/* One cell as text, "NULL" for NULL. "~" in the query stands for the target as SQL names it, names
 * in it are in upper case for Snowflake. */
const char *world_ask(struct world *world, const char *sql);

/* Tables in the target's schema that begin like a staging table. */
size_t world_stages(struct world *world);

#define assert_asked(world, sql, expected) assert_string_equal(world_ask(world, sql), expected)

#endif
