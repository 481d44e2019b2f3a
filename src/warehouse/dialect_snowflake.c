#include "warehouse/dialect_tables.h"

/* Types as DESCRIBE TABLE spells them. NUMBER cannot change its scale, only grow. */

static const assay_type_map types[] = {
    {"BOOLEAN", NULL, "BOOLEAN", "BOOLEAN", NULL, ASSAY_CANON_TEXT, NULL},
    {"TINYINT", NULL, "NUMBER(3,0)", "NUMBER(3,0)", NULL, ASSAY_CANON_TEXT, NULL},
    {"UTINYINT", NULL, "NUMBER(3,0)", "NUMBER(3,0)", NULL, ASSAY_CANON_TEXT, NULL},
    {"SMALLINT", NULL, "NUMBER(5,0)", "NUMBER(5,0)", NULL, ASSAY_CANON_TEXT, NULL},
    {"USMALLINT", NULL, "NUMBER(5,0)", "NUMBER(5,0)", NULL, ASSAY_CANON_TEXT, NULL},
    {"INTEGER", NULL, "NUMBER(10,0)", "NUMBER(10,0)", NULL, ASSAY_CANON_TEXT, NULL},
    {"UINTEGER", NULL, "NUMBER(10,0)", "NUMBER(10,0)", NULL, ASSAY_CANON_TEXT, NULL},
    {"BIGINT", NULL, "NUMBER(19,0)", "NUMBER(19,0)", NULL, ASSAY_CANON_TEXT, NULL},
    /* Above 2^63-1 COPY refuses a raw UINT_64. */
    {"UBIGINT", "CAST(? AS DECIMAL(20,0))", "NUMBER(20,0)", "NUMBER(20,0)", NULL, ASSAY_CANON_TEXT,
     NULL},
    {"HUGEINT", "CAST(? AS DECIMAL(38,0))", "NUMBER(38,0)", "NUMBER(38,0)", NULL, ASSAY_CANON_TEXT,
     NULL},
    {"UHUGEINT", "CAST(? AS DECIMAL(38,0))", "NUMBER(38,0)", "NUMBER(38,0)", NULL, ASSAY_CANON_TEXT,
     NULL},
    {"FLOAT", "CAST(? AS DOUBLE)", "FLOAT", "FLOAT", NULL, ASSAY_CANON_REAL, NULL},
    {"DOUBLE", NULL, "FLOAT", "FLOAT", NULL, ASSAY_CANON_REAL, NULL},
    {"DECIMAL", NULL, "NUMBER#", "NUMBER#", NULL, ASSAY_CANON_DECIMAL, NULL},
    {"VARCHAR", NULL, "VARCHAR", "VARCHAR", NULL, ASSAY_CANON_TEXT, NULL},
    {"ENUM", "CAST(? AS VARCHAR)", "VARCHAR", "VARCHAR", NULL, ASSAY_CANON_TEXT, NULL},
    {"BIT", "CAST(? AS VARCHAR)", "VARCHAR", "VARCHAR", NULL, ASSAY_CANON_TEXT, NULL},
    /* Parquet's UUID would arrive as BINARY. */
    {"UUID", "CAST(? AS VARCHAR)", "VARCHAR(36)", "VARCHAR(36)", NULL, ASSAY_CANON_TEXT, NULL},
    {"BLOB", NULL, "BINARY", "BINARY", NULL, ASSAY_CANON_BYTES, NULL},
    {"DATE", ASSAY_FINITE, "DATE", "DATE", NULL, ASSAY_CANON_DATE, NULL},
    {"TIME", NULL, "TIME(6)", "TIME(6)", NULL, ASSAY_CANON_TIME, NULL},
    {"TIME WITH TIME ZONE", "CAST(? AS VARCHAR)", "VARCHAR", "VARCHAR", NULL, ASSAY_CANON_TEXT,
     NULL},
    {"TIMESTAMP", ASSAY_FINITE, "TIMESTAMP_NTZ(6)", "TIMESTAMP_NTZ(6)", NULL, ASSAY_CANON_TIMESTAMP,
     NULL},
    {"TIMESTAMP_S", "CAST(? AS TIMESTAMP)", "TIMESTAMP_NTZ(6)", "TIMESTAMP_NTZ(6)", NULL,
     ASSAY_CANON_TIMESTAMP, NULL},
    {"TIMESTAMP_MS", "CAST(? AS TIMESTAMP)", "TIMESTAMP_NTZ(6)", "TIMESTAMP_NTZ(6)", NULL,
     ASSAY_CANON_TIMESTAMP, NULL},
    {"TIMESTAMP_NS", NULL, "TIMESTAMP_NTZ(9)", "TIMESTAMP_NTZ(9)", NULL, ASSAY_CANON_TIMESTAMP,
     NULL},
    /* An instant and no offset: _TZ would keep the session's offset beside it. */
    {"TIMESTAMP WITH TIME ZONE", ASSAY_FINITE, "TIMESTAMP_LTZ(6)", "TIMESTAMP_LTZ(6)", NULL,
     ASSAY_CANON_INSTANT, NULL},
    {"INTERVAL", "CAST(? AS VARCHAR)", "VARCHAR", "VARCHAR", NULL, ASSAY_CANON_TEXT, NULL},
    /* A JSON text that is copied straight into a VARIANT stays a text. */
    {"JSON", "CAST(? AS VARCHAR)", "VARCHAR", "VARIANT", "PARSE_JSON(?)", ASSAY_CANON_NONE,
     "TO_JSON(?)"},
    {"STRUCT", "CAST(to_json(?) AS VARCHAR)", "VARCHAR", "OBJECT", "CAST(PARSE_JSON(?) AS OBJECT)",
     ASSAY_CANON_NONE, "TO_JSON(?)"},
    {"MAP", "CAST(to_json(?) AS VARCHAR)", "VARCHAR", "OBJECT", "CAST(PARSE_JSON(?) AS OBJECT)",
     ASSAY_CANON_NONE, "TO_JSON(?)"},
    {"UNION", "CAST(to_json(?) AS VARCHAR)", "VARCHAR", "VARIANT", "PARSE_JSON(?)",
     ASSAY_CANON_NONE, "TO_JSON(?)"},
    {"LIST", "CAST(to_json(?) AS VARCHAR)", "VARCHAR", "ARRAY", "CAST(PARSE_JSON(?) AS ARRAY)",
     ASSAY_CANON_NONE, "TO_JSON(?)"},
};

static const assay_type_pair pairs[] = {
    {"NUMBER", "NUMBER", ASSAY_TYPE_BY_PRECISION, 0},
    {"VARCHAR", "VARCHAR", ASSAY_TYPE_BY_LENGTH, 0},
    {"BINARY", "BINARY", ASSAY_TYPE_FITS, 0},
    {"TIME", "TIME", ASSAY_TYPE_BY_DIGITS, 6},
    {"TIMESTAMP_NTZ", "TIMESTAMP_NTZ", ASSAY_TYPE_BY_DIGITS, 6},
    {"TIMESTAMP_LTZ", "TIMESTAMP_LTZ", ASSAY_TYPE_BY_DIGITS, 6},
    {"TIMESTAMP_LTZ", "TIMESTAMP_TZ", ASSAY_TYPE_BY_DIGITS, 6},
    {"OBJECT", "VARIANT", ASSAY_TYPE_FITS, 0},
    {"ARRAY", "VARIANT", ASSAY_TYPE_FITS, 0},
};

static const char *const session[] = {
    "ALTER SESSION SET TIMEZONE = 'UTC', LOCK_TIMEOUT = 300",
    NULL,
};

static const char *const transaction[] = {NULL};

/* Ten hexadecimal digits, each by its character less '0', weighed by powers of 64. */
#define DIGIT(place, weight) "(CAST(ASCII(SUBSTR(?, " place ", 1)) AS BIGINT) - 48) * " weight
#define NUMBER_OF_DIGITS                                                                                                 \
    DIGIT("1", "1")                                                                                                      \
    " + " DIGIT("2", "64") " + " DIGIT("3", "4096") " + " DIGIT("4", "262144") " + " DIGIT("5", "16777216") " + " DIGIT( \
        "6",                                                                                                             \
        "1073741824") " + " DIGIT("7",                                                                                   \
                                  "68719476736") " + " DIGIT("8",                                                        \
                                                             "4398046511104") " + " DIGIT("9",                           \
                                                                                          "281474"                       \
                                                                                          "976710"                       \
                                                                                          "656") " + " DIGIT("10",       \
                                                                                                             "18014398509481984")

/* Snowflake prints floating numbers in a form of its own: nine places count. */
static const char server_real[] = "CASE WHEN ? = CAST('NaN' AS FLOAT) THEN 'nan' WHEN ? >= 1e15 "
                                  "THEN 'large' WHEN ? <= -1e15 THEN '-large' ELSE "
                                  "CAST(CAST(? AS NUMBER(38,9)) AS VARCHAR) "
                                  "END";

static const char engine_real[] =
    "CASE WHEN isnan(?) THEN 'nan' WHEN ? >= 1e15 THEN 'large' WHEN ? <= "
    "-1e15 THEN '-large' ELSE CAST(CAST(? AS DECIMAL(38,9)) AS "
    "VARCHAR) END";
/* a digit before the point on both sides */
static const char server_decimal[] =
    "SUBSTR(REPLACE(REPLACE('~' || CAST(CAST(? AS #) AS VARCHAR), '~.', '~0.'), '~-.', '~-0.'), 2)";
static const char engine_decimal[] =
    "SUBSTR(REPLACE(REPLACE('~' || CAST(? AS VARCHAR), '~.', '~0.'), '~-.', '~-0.'), 2)";

const assay_dialect assay_dialect_snowflake = {
    .kind = ASSAY_CONNECTION_SNOWFLAKE,
    .name = "Snowflake",
    .name_max = 255,
    .upper = true,
    .has_databases = true,
    .backslash = true,
    .by_files = true,
    .tells_merge = true,
    .joins_nulls = true,
    .has_tags = true,
    .stage_kind = "TRANSIENT ",
    .stage_options = " DATA_RETENTION_TIME_IN_DAYS = 0",
    .text = "VARCHAR",
    .short_text = "VARCHAR(64)",
    .number = "NUMBER(19,0)",
    .boolean = "BOOLEAN",
    .instant = "TIMESTAMP_LTZ(6)",
    .now = "CURRENT_TIMESTAMP",
    .set_type = "SET DATA TYPE ",
    .session = session,
    .transaction = transaction,
    .types = types,
    .type_count = sizeof types / sizeof types[0],
    .pairs = pairs,
    .pair_count = sizeof pairs / sizeof pairs[0],
    .server_canon =
        {
            [ASSAY_CANON_TEXT] = "CAST(CAST(? AS #) AS VARCHAR)",
            [ASSAY_CANON_DECIMAL] = server_decimal,
            [ASSAY_CANON_REAL] = server_real,
            [ASSAY_CANON_BYTES] = "LOWER(HEX_ENCODE(?))",
            [ASSAY_CANON_DATE] = "TO_VARCHAR(?, 'YYYY-MM-DD')",
            [ASSAY_CANON_TIME] = "TO_VARCHAR(?, 'HH24:MI:SS.FF6')",
            [ASSAY_CANON_TIMESTAMP] = "TO_VARCHAR(?, 'YYYY-MM-DD HH24:MI:SS.FF6')",
            [ASSAY_CANON_INSTANT] =
                "TO_VARCHAR(CAST(? AS TIMESTAMP_NTZ), 'YYYY-MM-DD HH24:MI:SS.FF6')",
            [ASSAY_CANON_NONE] = "CASE WHEN ? IS NOT NULL THEN '1' END",
        },
    .engine_canon =
        {
            [ASSAY_CANON_TEXT] = "CAST(? AS VARCHAR)",
            [ASSAY_CANON_DECIMAL] = engine_decimal,
            [ASSAY_CANON_REAL] = engine_real,
            [ASSAY_CANON_BYTES] = "lower(hex(?))",
            [ASSAY_CANON_DATE] = "strftime(?, '%Y-%m-%d')",
            [ASSAY_CANON_TIME] = "strftime(DATE '1970-01-01' + ?, '%H:%M:%S.%f')",
            [ASSAY_CANON_TIMESTAMP] = "strftime(CAST(? AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%f')",
            [ASSAY_CANON_INSTANT] = "strftime(? AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S.%f')",
            [ASSAY_CANON_NONE] = "CASE WHEN ? IS NOT NULL THEN '1' END",
        },
    .server_number = NUMBER_OF_DIGITS,
    .engine_number = NUMBER_OF_DIGITS,
};
