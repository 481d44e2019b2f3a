/* Avro schemas as Iceberg uses them: kinds, names, and the attributes that stock Avro libraries
 * drop (field-id, element-id, logicalType, adjust-to-utc). Plain data in an arena; any thread. */
#ifndef ASSAY_AVRO_TYPE_H
#define ASSAY_AVRO_TYPE_H

#include "text/value.h"

typedef enum assay_avro_kind {
    ASSAY_AVRO_NULL,
    ASSAY_AVRO_BOOLEAN,
    ASSAY_AVRO_INT,
    ASSAY_AVRO_LONG,
    ASSAY_AVRO_FLOAT,
    ASSAY_AVRO_DOUBLE,
    ASSAY_AVRO_BYTES,
    ASSAY_AVRO_STRING,
    ASSAY_AVRO_FIXED,
    ASSAY_AVRO_ENUM,
    ASSAY_AVRO_ARRAY,
    ASSAY_AVRO_MAP,
    ASSAY_AVRO_RECORD,
    ASSAY_AVRO_UNION
} assay_avro_kind;

typedef struct assay_avro_type assay_avro_type;

typedef struct assay_avro_field {
    const char *name;
    int32_t id; /* field-id; -1 where the schema has none */
    const assay_avro_type *type;
} assay_avro_field;

struct assay_avro_type {
    assay_avro_kind kind;
    const char *name;         /* RECORD, FIXED, ENUM */
    const char *logical;      /* logicalType, NULL = none */
    bool adjust_to_utc;       /* of timestamps; false where not said */
    int precision, scale;     /* of decimals */
    size_t size;              /* FIXED */
    assay_avro_field *fields; /* RECORD */
    size_t field_count;
    const assay_avro_type *items;     /* ARRAY, MAP (its values) */
    int32_t element_id;               /* ARRAY; -1 where the schema has none */
    const assay_avro_type **branches; /* UNION */
    size_t branch_count;
    const char **symbols; /* ENUM */
    size_t symbol_count;
};

enum {
    ASSAY_AVRO_TYPE_DEPTH_MAX = 32,   /* nesting of a schema */
    ASSAY_AVRO_TYPE_COUNT_MAX = 65536 /* types in one schema */
};

/* Builds the type of a parsed schema document. A document that is no Avro schema is EDATA 4502. */
ASSAY_NODISCARD assay_status assay_avro_type_parse(const assay_value *document, assay_arena *arena,
                                                   const assay_avro_type **ret_type,
                                                   assay_error *err);

/* "record", "long" .. for messages. */
const char *assay_avro_kind_name(assay_avro_kind kind);

#endif
