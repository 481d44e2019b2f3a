/* Publishing: one pinned snapshot of a table lands in one table of a warehouse, exactly once.
 *
 * A warehouse is Snowflake or PostgreSQL; what differs between them is data (dialect.h). The rows
 * travel from the engine to a staging table of the warehouse as a stream (PostgreSQL: binary COPY)
 * or as Parquet files (Snowflake: PUT and COPY INTO), none passes through this room one at a time.
 * Then one transaction applies them and writes a row of the ledger, `_ASSAY_LEDGER`, which lies in
 * the target's schema. The publish id is made of what is published where and how, so that a second
 * try by any process finds the first one's row in the ledger and does nothing.
 *
 * Thread rule: a request belongs to one thread while a function works on it; several requests may
 * be worked on at once by several threads, each with its own connection to the engine. */
#ifndef ASSAY_WAREHOUSE_WAREHOUSE_H
#define ASSAY_WAREHOUSE_WAREHOUSE_H

#include "base/log.h"
#include "engine/engine.h"
#include "store/secrets.h"

/* ---- what the user asks for ---- */

typedef enum assay_warehouse_mode {
    ASSAY_WAREHOUSE_APPEND,    /* the rows are added */
    ASSAY_WAREHOUSE_OVERWRITE, /* the table then holds these rows and no others */
    ASSAY_WAREHOUSE_MERGE      /* by key: new ones are inserted, changed ones updated */
} assay_warehouse_mode;

/* "append", "overwrite", "merge". Never NULL. */
const char *assay_warehouse_mode_name(assay_warehouse_mode mode);
bool assay_warehouse_mode_parse(const char *text, assay_warehouse_mode *ret_mode);

/* One entry of `publish:`. All text lives as long as the request. Column names are those of the
 * source, their case is ignored. */
typedef struct assay_warehouse_publication {
    const char *to;    /* name of the connection, for messages */
    const char *table; /* "ORDERS", "ANALYTICS.ORDERS", "DB.ANALYTICS.ORDERS", "\"Odd.Name\".t" */
    assay_place place; /* where the user wrote it; path NULL = nowhere */
    assay_warehouse_mode mode;
    const char *const *keys; /* MERGE only */
    size_t key_count;
    bool null_keys;      /* NULL is a key like any other; otherwise a NULL in a key is refused */
    const char *version; /* MERGE: a row older than the target's is left out; NULL = none */
    /* MERGE, soft deletes. `op_column` is a column of the source that says what happened to the
     * row; where its text is one of `op_deleted` the target's row is marked instead of updated. The
     * column itself is not published. `delete_absent`: keys of the target that the snapshot does
     * not have are marked, so the snapshot must be the whole table. */
    const char *op_column;
    const char *const *op_deleted; /* none = "D", "DELETE" and "delete" */
    size_t op_deleted_count;
    bool delete_absent;
    /* Only these columns are published, keys and version among them; none = all. The op column need
     * not be one of them. */
    const char *const *columns;
    size_t column_count;
    const char *const *pii; /* columns whose values no message shows */
    size_t pii_count;
    bool preserve_case; /* names as they are; otherwise in the case that the warehouse folds plain
                           names to: upper on Snowflake, lower on PostgreSQL */
} assay_warehouse_publication;

/* What the marks of soft deletes are called, in the case of the target: a BOOLEAN and a timestamp
 * (the commit time of the snapshot that brought the deletion). */
#define ASSAY_WAREHOUSE_IS_DELETED "_is_deleted"
#define ASSAY_WAREHOUSE_DELETED_AT "_deleted_at"

/* Judges a publication without any connection: keys where and only where they belong, columns that
 * the source has (nearest named), a table name that can be read, options that go together, no two
 * columns that become one name, types that the warehouse can hold. `type` is the connection's type
 * ("postgres", "snowflake"); `columns` are the source's as assay_conn_describe gives them (count 0
 * = unknown, columns are not looked at). ECONFIG 7001..7009 at the publication's place. */
ASSAY_NODISCARD assay_status assay_warehouse_check(const assay_warehouse_publication *publication,
                                                   const char *type, const assay_column *columns,
                                                   size_t count, assay_error *err);

/* ---- what is published ---- */

enum { ASSAY_WAREHOUSE_BEGINNING = -1 };

typedef struct assay_warehouse_snapshot {
    const char *table;      /* "gold.orders", for messages, ledger and tags */
    const char *table_uuid; /* who the table is; another table of the same name has another */
    int64_t sequence;       /* number of the commit (SEMANTICS 2.8); grows with each */
    const char *snapshot;   /* the format's id of it, for the ledger; may be NULL */
    int64_t committed_us;   /* when it was committed */
    /* APPEND: `select` gives the rows added after the commit of this number; the transaction
     * commits only if the ledger's newest of this table is exactly that one, so that no row is
     * doubled or lost by a race. ASSAY_WAREHOUSE_BEGINNING = all rows, nothing was published yet.
     * Not looked at in the other modes. */
    int64_t after;
    /* SQL for `conn` without a closing semicolon: the pinned rows. It runs more than once and gives
     * the same each time. */
    const char *select;
    int64_t rows; /* how many these are; -1 = unknown, else they are counted against it */
} assay_warehouse_snapshot;

typedef struct assay_warehouse_request {
    assay_conn *conn; /* the engine, where snapshot.select makes sense; busy meanwhile */
    const assay_connection_config *connection; /* postgres or snowflake */
    assay_secrets *secrets;
    const char *driver_dirs; /* tests: as in assay_adbc_request; else NULL */
    const assay_warehouse_publication *publication;
    const assay_warehouse_snapshot *snapshot;
    const char *run_id, *step_id; /* for ledger, query tag and application name; may be NULL */
    const char *temp_dir; /* absolute; for the files on their way to Snowflake; made if need be */
    assay_clock clock;
    assay_random random;
    const assay_cancel *cancel;                   /* may be NULL */
    assay_log *log;                               /* may be NULL */
    void (*phase)(void *user, const char *phase); /* static text, "staging" ..; may be NULL */
    void *phase_user;
} assay_warehouse_request;

/* ---- publishing ---- */

enum { ASSAY_WAREHOUSE_ID_SIZE = 17 };

/* The deterministic id: SHA-256 of target, table uuid, sequence, mode, keys and mapping (version of
 * the type mapping and the options that change what lands), its first 16 hex digits. */
ASSAY_NODISCARD assay_status assay_warehouse_publish_id(const assay_warehouse_request *request,
                                                        char id[ASSAY_WAREHOUSE_ID_SIZE],
                                                        assay_error *err);

/* Where the rows land, as the warehouse spells it, for lineage and reports. */
typedef struct assay_warehouse_target {
    const char *database, *schema, *table;
} assay_warehouse_target;

/* Resolves what the publication's table name leaves out from the connection (PostgreSQL: schema
 * "public"). No network. ECONFIG 7002 where neither says a database or a schema. */
ASSAY_NODISCARD assay_status assay_warehouse_resolve(const assay_connection_config *connection,
                                                     const assay_warehouse_publication *publication,
                                                     assay_arena *arena,
                                                     assay_warehouse_target *ret_target,
                                                     assay_error *err);

typedef struct assay_warehouse_query {
    const char *step; /* "load", "merge", "delete", "ledger" .. */
    const char *id;   /* as the warehouse gave it */
} assay_warehouse_query;

typedef struct assay_warehouse_result {
    char publish_id[ASSAY_WAREHOUSE_ID_SIZE];
    assay_warehouse_target target;
    bool already; /* the ledger had it: nothing was done now, the counts are those of then */
    bool created; /* the target was created */
    int attempts; /* 1 = nothing was lost on the way */
    int64_t rows; /* of the snapshot's select */
    int64_t inserted, updated, deleted; /* deleted: rows marked, or gone by overwrite */
    const char *const *changes;         /* DDL that the target got: "ADD COLUMN ..", as text */
    size_t change_count;
    const assay_warehouse_query *queries; /* empty where the driver tells no ids (PostgreSQL) */
    size_t query_count;
} assay_warehouse_result;

/* Publishes. ASSAY_OK: the target holds the snapshot and the ledger says so.
 *
 * A failure leaves the target's rows as they were, except:
 * - EUNKNOWN_OUTCOME 7040 (retryable): the answer to COMMIT was lost and the warehouse cannot be
 *   asked any more. The same request later finds out by itself.
 * Others: EDATA 7020 (NULL in a key), 7021 (duplicate keys), both with samples; ECONFLICT 7030 (the
 * ledger has a newer commit of this table), 7031 (APPEND: `after` is not the newest; retryable);
 * EDATA 7010.. (the target's columns do not fit, with the statement that would be needed); EAUTH;
 * EIO and ETIMEOUT (retryable where the warehouse was not reached); ECANCELLED. */
ASSAY_NODISCARD assay_status assay_warehouse_publish(const assay_warehouse_request *request,
                                                     assay_arena *arena,
                                                     assay_warehouse_result *ret_result,
                                                     assay_error *err);

/* ---- the ledger ---- */

enum { ASSAY_WAREHOUSE_SNAPSHOT_SIZE = 160 };

typedef struct assay_warehouse_standing {
    bool published;   /* the request's publish id is in the ledger, and the target is there */
    bool any;         /* some commit of this table (uuid) is, for this target */
    int64_t sequence; /* newest of them; ASSAY_WAREHOUSE_BEGINNING where none */
    char snapshot[ASSAY_WAREHOUSE_SNAPSHOT_SIZE]; /* of that commit; "" = not known */
    bool of_another_table; /* rows of another table uuid were published to this target */
    bool overwritten; /* another table was published with mode overwrite after this one: what the
                         ledger knows of this one is not there any more */
    bool filled; /* assay_warehouse_look: no commit of this table is in the ledger, and the target
                    has rows all the same */
} assay_warehouse_standing;

/* What the ledger says. Reads only: no ledger yet, no schema yet = nothing was published. Of the
 * request's snapshot only table, table_uuid and sequence are looked at; conn may be NULL. */
ASSAY_NODISCARD assay_status assay_warehouse_look(const assay_warehouse_request *request,
                                                  assay_warehouse_standing *ret_standing,
                                                  assay_error *err);

/* ---- reconciliation ---- */

enum { ASSAY_WAREHOUSE_DIFFERENCES_MAX = 20 };

typedef enum assay_warehouse_difference_kind {
    ASSAY_WAREHOUSE_MISSING, /* in the snapshot, not in the target */
    ASSAY_WAREHOUSE_EXTRA,   /* in the target, not in the snapshot */
    ASSAY_WAREHOUSE_DIFFERENT
} assay_warehouse_difference_kind;

typedef struct assay_warehouse_difference {
    assay_warehouse_difference_kind kind;
    const char *key;    /* "order_id=7"; without keys the whole row */
    const char *column; /* DIFFERENT: the first column that differs, else NULL */
} assay_warehouse_difference;

typedef struct assay_warehouse_column_check {
    const char *column; /* of the source */
    bool equal;         /* the hashes of its values are the same on both sides */
    bool counted_only;  /* a type without canonical text (JSON on Snowflake): only NULLs were
                           compared */
} assay_warehouse_column_check;

typedef struct assay_warehouse_verification {
    bool equal;
    int64_t source_rows, target_rows; /* target: rows that are not marked as deleted */
    const assay_warehouse_column_check *columns;
    size_t column_count;
    const assay_warehouse_difference *differences; /* at most ASSAY_WAREHOUSE_DIFFERENCES_MAX */
    size_t difference_count;
} assay_warehouse_verification;

/* Compares the target with the snapshot, whose select must give the whole table: counts and hashes
 * of each column are computed on both sides, in 4,096 parts by key; of some parts that differ the
 * rows are then compared. Only reads. A target that does not exist is ENOTFOUND 7050. */
ASSAY_NODISCARD assay_status assay_warehouse_verify(const assay_warehouse_request *request,
                                                    assay_arena *arena,
                                                    assay_warehouse_verification *ret_verification,
                                                    assay_error *err);

#endif
