/* Column types and schemas as every format understands them (facts: "Types" table). */
#ifndef ASSAY_TABLE_TYPE_H
#define ASSAY_TABLE_TYPE_H

#include "base/arena.h"
#include "base/buf.h"

typedef enum assay_type_kind {
    ASSAY_TYPE_BOOLEAN,
    ASSAY_TYPE_INT8,
    ASSAY_TYPE_INT16,
    ASSAY_TYPE_INT32,
    ASSAY_TYPE_INT64,
    ASSAY_TYPE_FLOAT,
    ASSAY_TYPE_DOUBLE,
    ASSAY_TYPE_DECIMAL,
    ASSAY_TYPE_DATE,
    ASSAY_TYPE_TIME,
    ASSAY_TYPE_TIMESTAMP,   /* naive, microseconds */
    ASSAY_TYPE_TIMESTAMPTZ, /* an instant, microseconds */
    ASSAY_TYPE_STRING,
    ASSAY_TYPE_BINARY,
    ASSAY_TYPE_UUID,
    ASSAY_TYPE_LIST,
    ASSAY_TYPE_STRUCT,
    ASSAY_TYPE_MAP
} assay_type_kind;

typedef struct assay_field assay_field;

typedef struct assay_type {
    assay_type_kind kind;
    int precision, scale; /* DECIMAL */
    assay_field
        *fields; /* STRUCT: members; LIST: [0] = "element"; MAP: [0] = "key", [1] = "value" */
    size_t field_count;
} assay_type;

struct assay_field {
    int32_t id; /* field id, unique for the table's life, from 1; 0 = not assigned yet */
    const char *name;
    assay_type type;
    bool required;
    const char *doc;      /* NULL = none */
    const char *original; /* DuckDB type text as the user sees it where the stored type is wider or
                           * other (TINYINT, UUID in Delta, ENUM ..); NULL = the type itself */
};

typedef struct assay_schema {
    int32_t id; /* schema id of the table, from 0 */
    assay_field *fields;
    size_t count;
    int32_t last_field_id; /* highest id ever given in this table */
} assay_schema;

enum { ASSAY_TYPE_DEPTH_MAX = 32, ASSAY_SCHEMA_COLUMNS_MAX = 10000 };

/* Parses DuckDB's type text ("DECIMAL(10,2)", "STRUCT(a INTEGER, "b c" VARCHAR[])", "MAP(..)") to
 * the type that is stored; *ret_original is the text where it is not the stored type's own
 * (unsigned -> next wider, UBIGINT -> DECIMAL(20,0), HUGEINT -> DECIMAL(38,0), ENUM and JSON ->
 * STRING, TIMESTAMP_S/_MS -> TIMESTAMP), else NULL. TIMESTAMP_NS, TIMETZ, INTERVAL, BIT, UNION and
 * unknown types: EUNSUPPORTED 4001 that names `column` and what to cast to. Columns without a type
 * (the engine's "NULL" type) are 4002. */
ASSAY_NODISCARD assay_status assay_type_parse(const char *text, const char *column,
                                              assay_arena *arena, assay_type *ret_type,
                                              const char **ret_original, assay_error *err);

/* DuckDB's text of a type. */
void assay_type_format(assay_buf *buf, const assay_type *type);
/* The type of a field as the user sees it: originals instead of stored types, nested ones too. */
void assay_field_format_type(assay_buf *buf, const assay_field *field);
/* Whether that text differs from the stored type's. */
bool assay_field_has_original(const assay_field *field);
bool assay_type_equal(const assay_type *a, const assay_type *b); /* ids and docs ignored */
bool assay_type_is_nested(const assay_type *type);

/* True where every value of `from` is a value of `to` and the formats can widen without rewriting
 * (INT32 -> INT64, FLOAT -> DOUBLE, DECIMAL(p,s) -> DECIMAL(p2 >= p, s), also inside the small
 * integers). Equal types are true. */
bool assay_type_can_widen(const assay_type *from, const assay_type *to);

/* True where every value of `incoming` can be stored in `column` without loss (INT64 in
 * DECIMAL(20,0), INT32 in DOUBLE, DECIMAL(5,1) in DECIMAL(9,2) ..): the write casts, the table's
 * schema stays. Whatever can widen is accepted. */
bool assay_type_accepts(const assay_type *column, const assay_type *incoming);

/* Finds a top-level column (names compare without case, as in DuckDB); NULL if none. */
const assay_field *assay_schema_find(const assay_schema *schema, const char *name);
/* Finds any field, nested too, by id; NULL if none. */
const assay_field *assay_schema_find_id(const assay_schema *schema, int32_t id);
ASSAY_NODISCARD assay_status assay_schema_copy(const assay_schema *schema, assay_arena *arena,
                                               assay_schema **ret_schema, assay_error *err);

ASSAY_NODISCARD assay_status assay_field_copy(const assay_field *field, assay_arena *arena,
                                              assay_field *ret_field, assay_error *err);

/* Gives the fields and all that is in them new ids after *last_id, in Iceberg's order. */
void assay_schema_assign_ids(assay_field *fields, size_t count, int32_t *last_id);

/* Builds a schema from names and DuckDB types; ids are assigned from 1 in the order of Iceberg
 * (columns first, then nested, level by level). Duplicate names (without case) are 4003. */
struct assay_column;
ASSAY_NODISCARD assay_status assay_schema_from_columns(const struct assay_column *columns,
                                                       size_t count, assay_arena *arena,
                                                       assay_schema **ret_schema, assay_error *err);

/* What a write may do to the schema. */
typedef enum assay_schema_policy {
    ASSAY_SCHEMA_REPLACE, /* mode full: anything; same name and type keep their id */
    ASSAY_SCHEMA_EVOLVE,  /* add columns and widen; a missing column becomes NULL */
    ASSAY_SCHEMA_FREEZE   /* exactly the same columns (order is free) */
} assay_schema_policy;

/* The schema that `table` has after a write of `incoming` (ids 0 or own). *ret_changed says
 * whether it differs from `table`. A change that the policy forbids is 4010 (names the column, old
 * and new type). The order of the result: table's columns, then new ones; with REPLACE incoming's
 * order. */
ASSAY_NODISCARD assay_status assay_schema_merge(const assay_schema *table,
                                                const assay_schema *incoming,
                                                assay_schema_policy policy, assay_arena *arena,
                                                assay_schema **ret_schema, bool *ret_changed,
                                                assay_error *err);

#endif
