/* A database as the source of an extract: one table or query of a connection, read through the
 * engine. What the kinds of databases do differently is an assay_database_kind. */
#ifndef ASSAY_SOURCE_DATABASE_H
#define ASSAY_SOURCE_DATABASE_H

#include "base/buf.h"
#include "pipeline/step.h"

typedef struct assay_database assay_database;

/* How a column's value reaches the engine. */
typedef enum assay_remote_form {
    ASSAY_REMOTE_PLAIN, /* as it is */
    ASSAY_REMOTE_TEXT,  /* the database's own text of it */
    ASSAY_REMOTE_CAST,  /* cast to `remote_type` by the database */
    ASSAY_REMOTE_JSON   /* JSON text (arrays of arrays) */
} assay_remote_form;

typedef struct assay_database_column {
    const char *name;
    const char *declared; /* the database's name of its type: "numeric(10,2)" */
    const char *type;     /* DuckDB type that holds it exactly */
    assay_remote_form remote;
    const char *remote_type;
    bool hex;            /* a list of BLOB whose elements come as hex text, but from a scan */
    const char *guard;   /* the one value of its type that `type` cannot hold ("NaN"), else NULL */
    bool guard_element;  /* it may hide in an array */
    bool guard_below;    /* no value below `guard` can be held */
    bool local_cast;     /* what comes is cast to `type` by the engine */
    const char *arrives; /* DuckDB type of what comes in a stream; NULL = `type` */
    bool digits;         /* a number of any size, as text */
    bool parallel;       /* a parallel scan of the table gives it as well */
    bool not_null;
} assay_database_column;

/* A SELECT in the database's SQL, with the columns that it gives. */
typedef struct assay_database_select {
    const char *sql;
    const assay_column *columns; /* NULL = the engine asks for them */
    size_t count;
} assay_database_select;

/* Contract:
 * - open connects: EAUTH 2221, EIO 2222 (retryable), ENOTFOUND 3021 or 3101. close undoes it.
 * - query runs a small SELECT and gives its rows.
 * - look finds the table (ENOTFOUND 2220 with the nearest) or describes the query: sets from,
 *   schema, table, columns.
 * - append_rows appends a FROM item of the engine that gives the rows of a SELECT of the database.
 * - append_value appends a column as the database must give it.
 * - append_back appends the literal `text` of a column's type moved back by a lookback.
 * - fail turns what the engine said while it read into an error about the source. */
typedef struct assay_database_kind {
    assay_status (*open)(assay_database *database, assay_error *err);
    void (*close)(assay_database *database);
    assay_status (*query)(assay_database *database, const char *sql, size_t limit,
                          assay_rows **ret_rows, assay_error *err);
    assay_status (*look)(assay_database *database, assay_error *err);
    assay_status (*append_rows)(assay_database *database, const assay_database_select *select,
                                assay_buf *buf, assay_error *err);
    void (*append_value)(const assay_database_column *column, assay_buf *buf);
    void (*append_back)(const assay_database *database, const assay_database_column *column,
                        const char *text, assay_buf *buf);
    assay_status (*fail)(const assay_database *database, const assay_error *why, assay_error *err);
} assay_database_kind;

extern const assay_database_kind assay_database_postgres, assay_database_snowflake;

struct assay_database {
    const assay_database_kind *kind;
    const assay_step_env *env;
    const assay_model *model;
    const assay_database_source *source;
    const assay_connection_config *connection;
    assay_conn *conn; /* where it is read */
    assay_arena *arena;
    const char *label;   /* "shop_db.sales.orders", "shop_db" for a query: the column _source */
    const char *catalog; /* name under which the engine has it; also of its secret */
    bool has_secret, attached, text_protocol;
    const char *schema, *table; /* as the database writes them; NULL = a query */
    const char *from;           /* FROM item in the database's SQL, whose alias is q */
    bool scannable;             /* the table can be scanned in parallel */
    assay_database_column *columns;
    size_t column_count;
    void *data; /* the kind's own */
};

/* What is wrong in the text of an extract: its connection, or the name of its table. Nothing is
 * asked of the database. ECONFIG 1241, 2229, EUNSUPPORTED 2227. */
ASSAY_NODISCARD assay_status assay_database_check(const assay_project *project,
                                                  const assay_model *model, assay_error *err);

/* Opens the extract's connection. `conn` is used until close, which ends everything that was made.
 */
ASSAY_NODISCARD assay_status assay_database_open(const assay_step_env *env,
                                                 const assay_project *project,
                                                 const assay_model *model, assay_conn *conn,
                                                 assay_arena *arena, assay_database **ret_database,
                                                 assay_error *err);
/* Looks at its table or query. EDATA 2230 where the columns cannot be told apart, or are none. */
ASSAY_NODISCARD assay_status assay_database_look(assay_database *database, assay_error *err);
void assay_database_close(assay_database *database); /* NULL is allowed */
void assay_database_closep(assay_database **database);

/* Where the extract names its table or query. */
assay_place assay_database_place(const assay_database *database);

/* The column of that name, exactly or else without case; NULL = none. */
const assay_database_column *assay_database_find(const assay_database *database, const char *name);

/* The name of a table as the user wrote it: schema and table, or the table alone. */
enum { ASSAY_DATABASE_NAME_PARTS = 2 };
typedef struct assay_database_name {
    const char *parts[ASSAY_DATABASE_NAME_PARTS];
    bool quoted[ASSAY_DATABASE_NAME_PARTS];
    size_t count;
} assay_database_name;

/* ECONFIG 2229 where it is none. */
ASSAY_NODISCARD assay_status assay_database_parse_name(assay_database *database,
                                                       assay_database_name *ret_name,
                                                       assay_error *err);

/* Sets database->from by schema and table, else by the query. */
ASSAY_NODISCARD assay_status assay_database_make_from(assay_database *database, assay_error *err);

/* ---- PostgreSQL and Redshift ---- */

/* A mark for the connections of one reading (net/silence.h): request_timeout and a little, at
 * random.
 */
int assay_postgres_mark(const assay_connection_config *connection, const assay_random *random);

/* Parameters of libpq without those of the login: timeouts, TLS, and settings of the session, so
 * that texts of values mean the same everywhere. */
ASSAY_NODISCARD assay_status assay_postgres_conninfo(const assay_connection_config *connection,
                                                     int mark_ms, assay_buf *buf, assay_error *err);

/* What the engine's extension said, as an error of the connection: EAUTH 2221, ETIMEOUT 2223, EIO
 * 2222 (retryable), else EDATA 2225. */
assay_status assay_postgres_judge(const char *name, assay_place place, const assay_error *why,
                                  assay_error *err);

/* The kind's fail, for its other file too. */
assay_status assay_postgres_fail(const assay_database *database, const assay_error *why,
                                 assay_error *err);

/* Finds the table or describes the query, and maps the types of its columns. */
ASSAY_NODISCARD assay_status assay_postgres_look(assay_database *database, assay_error *err);

typedef struct assay_postgres_type {
    const char *name;    /* pg_type.typname of the base type (of a domain) */
    const char *element; /* of an array: its elements' typname; NULL = no array */
    bool builtin;        /* the type, or the element's, lies in pg_catalog */
    bool is_enum;        /* the type, or the element's */
    int modifier;        /* atttypmod, -1 = none */
    int dimensions;      /* declared, 0 = not said */
} assay_postgres_type;

/* Decides how a column of that type is read: fills type, remote, remote_type, guard, local_cast,
 * digits and parallel. Every type has a form that keeps the value exactly, if need be as text. */
ASSAY_NODISCARD assay_status assay_postgres_map(const assay_postgres_type *type, assay_arena *arena,
                                                assay_database_column *column, assay_error *err);

/* The two numbers behind `prefix`: "DECIMAL(10,2)" with "DECIMAL(", Arrow's "d:10,2" with "d:". */
bool assay_database_two_numbers(const char *text, const char *prefix, int *ret_first,
                                int *ret_second);

/* ---- windows ---- */

/* Whether a column can be a watermark: times (DATE, TIMESTAMP ..) and numbers. */
bool assay_database_is_time(const assay_database_column *column);
bool assay_database_is_number(const assay_database_column *column);

/* Whether the source's lookback goes from `high` to below every value that the column's type can
 * have, which no database could compute: then there is no lower bound. */
bool assay_database_reaches_all(const assay_database *database, const assay_database_column *column,
                                const char *high);

/* `high`, or the present where it is a time to come: a watermark in the future would keep out every
 * row until then. Columns without a time zone are taken for UTC. NULL stays NULL. */
ASSAY_NODISCARD assay_status assay_database_not_after_now(const assay_database *database,
                                                          const assay_database_column *column,
                                                          const char *high, const char **ret_high,
                                                          assay_error *err);

/* Which rows a run reads. Texts are literals of the watermark's type as the database writes them;
 * NULL = no bound. */
typedef struct assay_database_window {
    const assay_database_column *column; /* NULL = everything is read */
    bool interval;                       /* --from/--to: [from, to) */
    const char *from, *to;
    const char *low;    /* rows from here on may be there already */
    const char *seen;   /* rows up to here may be there already */
    const char *high;   /* largest value as the run began; NULL = there is none */
    bool nothing_known; /* no rows are there already */
} assay_database_window;

/* Finds the window by the state of the last commit (NULL = none) and asks the database for the
 * largest value. A state of another source, column or type of time is none. `nothing_known`: the
 * table is empty or will be replaced. ECONFIG 2224 for a column
 * that is not there or not of a fitting type, EDATA 2226 where the largest value is infinite. */
ASSAY_NODISCARD assay_status assay_database_window_find(
    assay_database *database, const assay_step_context *context, const assay_state_file *state,
    bool nothing_known, assay_database_window *ret_window, assay_error *err);

/* Conditions over the window's column (with the alias q) in the database's SQL: rows that cannot be
 * in the table yet, and those that may. False = there are none of that kind, and nothing was
 * appended. */
bool assay_database_window_fresh(const assay_database_window *window, assay_buf *buf);
bool assay_database_window_again(const assay_database_window *window, assay_buf *buf);
/* The first one in the engine's SQL, over a scan. */
bool assay_database_window_scan(const assay_database_window *window, assay_buf *buf);
/* The second one in the engine's SQL, over rows of the table that is written. */
bool assay_database_window_there(const assay_database_window *window, assay_buf *buf);

/* The watermark to store with the rows of the window; NULL = none. */
ASSAY_NODISCARD assay_status assay_database_window_state(assay_database *database,
                                                         const assay_database_window *window,
                                                         const assay_state_file *state,
                                                         assay_value **ret_watermark,
                                                         assay_error *err);

/* ---- reading ---- */

typedef struct assay_database_read {
    const assay_column *columns; /* of the table, without the bronze ones */
    size_t count;
    const assay_database_window *window;
    const char *there;         /* SELECT of the rows that are published; NULL = none */
    const assay_column *known; /* columns that it has */
    size_t known_count;
    const char *run_id;
    int64_t now_us;
} assay_database_read;

/* The SELECT of one consistent snapshot of the source with the bronze columns; rows of the window
 * that are there already are left out. */
ASSAY_NODISCARD assay_status assay_database_append_select(assay_database *database,
                                                          const assay_database_read *read,
                                                          assay_buf *buf, assay_error *err);

/* Of the query "q" of the database: q."name", and the same cast to a type of the database. */
void assay_database_append_plain(const assay_database_column *column, assay_buf *buf);
void assay_database_append_cast(const assay_database_column *column, const char *type,
                                assay_buf *buf);

/* The bronze columns: _source, _loaded_at, _run_id. */
extern const assay_column assay_database_bronze[];
extern const size_t assay_database_bronze_count;

#endif
