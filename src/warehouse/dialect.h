/* What differs between warehouses, as data, and the writer of SQL for them. */
#ifndef ASSAY_WAREHOUSE_DIALECT_H
#define ASSAY_WAREHOUSE_DIALECT_H

#include "warehouse/warehouse.h"

/* How the text of a value is made canonical, so that both sides hash the same (verify). */
typedef enum assay_warehouse_canon {
    ASSAY_CANON_TEXT,    /* the same as text everywhere, once it has the wanted type */
    ASSAY_CANON_DECIMAL, /* the engine writes .5 where all digits are behind the point */
    ASSAY_CANON_REAL,
    ASSAY_CANON_BYTES,
    ASSAY_CANON_DATE,
    ASSAY_CANON_TIME,
    ASSAY_CANON_TIMESTAMP,
    ASSAY_CANON_INSTANT,
    ASSAY_CANON_JSON, /* as a jsonb prints it */
    ASSAY_CANON_NONE  /* only whether it is NULL */
} assay_warehouse_canon;

/* jsonb.h's function in the engine. */
#define ASSAY_JSONB_FUNCTION "assay_jsonb_text"

/* Encodes dates and timestamps: no driver and no file of Parquet carries infinite ones there. */
#define ASSAY_FINITE                                                                             \
    "CASE WHEN isinf(?) THEN error('an infinite date or timestamp cannot be published') ELSE ? " \
    "END"

enum { ASSAY_CANON_COUNT = ASSAY_CANON_NONE + 1 };

/* One row of a type map. In SQL texts '?' stands for the value and '#' for the source's
 * "(precision,scale)"; NULL = the value itself. */
typedef struct assay_type_map {
    const char *engine; /* DuckDB's name of the type; STRUCT, MAP, LIST .. for all of them */
    const char *encode; /* engine: the value as it travels */
    const char *wire;   /* type of the staging column */
    const char *type;   /* type of the target's column, as the server spells it */
    const char *decode; /* server: from the staging column to the target's */
    assay_warehouse_canon canon;
    const char *compare; /* server: what is compared to see whether a value changed */
} assay_type_map;

/* What an existing column of type `has` is to a source that wants `wants`. */
typedef enum assay_type_rule {
    ASSAY_TYPE_FITS,         /* takes every value as it is */
    ASSAY_TYPE_WIDENS,       /* the server changes it in place to `wants` */
    ASSAY_TYPE_BY_PRECISION, /* both have (p,s): fits where digits and scale do, else widens */
    ASSAY_TYPE_BY_LENGTH,    /* texts of (n) characters, none = any: fits or widens */
    ASSAY_TYPE_BY_DIGITS     /* fits where `has` keeps so many digits before the point, or of a
                                second's fraction */
} assay_type_rule;

typedef struct assay_type_pair {
    const char *wants, *has; /* names without arguments */
    assay_type_rule rule;
    int digits; /* BY_DIGITS, where `wants` does not say them itself */
} assay_type_pair;

typedef struct assay_dialect {
    assay_connection_kind kind;
    const char *name;           /* "PostgreSQL" */
    const char *default_schema; /* NULL = one must be said */
    size_t name_max;            /* bytes of a name */
    bool upper;                 /* plain names are folded to upper case, else to lower */
    bool has_databases;         /* a name may begin with its database */
    bool backslash;             /* '\' in a text literal escapes */
    bool by_files;              /* staging: PUT and COPY INTO; else the stream is ingested */
    bool tells_merge;           /* every server has MERGE, and its result has the counts */
    bool joins_nulls;           /* IS NOT DISTINCT FROM can be a hash join */
    bool has_tags;              /* a statement carries a tag and gets an id */
    bool keeps_keys;            /* PRIMARY KEY is enforced */
    bool scale_changes;         /* a decimal column may get another scale */
    const char *stage_kind;     /* "UNLOGGED ", before TABLE */
    const char *stage_options;  /* after the columns */
    const char *text, *short_text, *number, *boolean, *instant; /* types of own columns */
    const char *now;      /* the time of the statement, not of its transaction */
    const char *set_type; /* after ALTER COLUMN "x", before a type */
    bool names_cast;      /* a change to a type of another kind says USING how values become it */
    const char *const *session;     /* statements of each new session, closed by NULL */
    const char *const *transaction; /* statements of the transaction that applies, likewise */
    const assay_type_map *types;
    size_t type_count;
    const assay_type_pair *pairs;
    size_t pair_count;
    /* verify: canonical text of a value ('#' is the wanted type), and of an MD5 in hexadecimal
     * digits an integer below 2^63, on the server and in the engine */
    const char *server_canon[ASSAY_CANON_COUNT], *engine_canon[ASSAY_CANON_COUNT];
    const char *server_number, *engine_number;
} assay_dialect;

/* NULL where the connection is of a kind that nothing is published to. */
const assay_dialect *assay_dialect_of(assay_connection_kind kind);

/* ---- writing SQL ---- */

/* 'it''s', as the dialect reads it; NULL writes NULL. */
void assay_dialect_text(const assay_dialect *dialect, assay_buf *buf, const char *text);

/* An own name in the dialect's case, quoted: "_assay_ledger". */
void assay_dialect_own_name(const assay_dialect *dialect, assay_buf *buf, const char *name);

/* A plain name as the dialect folds it: ASCII letters only. NULL when memory is short. */
const char *assay_dialect_fold(const assay_dialect *dialect, assay_arena *arena, const char *name);

/* "DB"."SCHEMA"."TABLE" of a table in the target's schema. */
void assay_dialect_table(const assay_dialect *dialect, assay_buf *buf,
                         const assay_warehouse_target *target, const char *table);

/* "DB"."SCHEMA" of the target. */
void assay_dialect_schema(const assay_dialect *dialect, assay_buf *buf,
                          const assay_warehouse_target *target);

/* s."name" */
void assay_dialect_column(assay_buf *buf, const char *alias, const char *name);

/* `pattern` with `expression` for each '?' and `arguments` for '#' (NULL = nothing). */
void assay_dialect_apply(assay_buf *buf, const char *pattern, const char *expression,
                         const char *arguments);

#endif
