#include "warehouse/dialect_tables.h"

/* Types as format_type() spells them, so that equal types are equal texts. */

/* As text, since 1.10 and 1.1 are equal numbers and not equal documents. */
static const char json_text[] = "CAST(CAST(? AS jsonb) AS text)";

static const assay_type_map types[] = {
    {"BOOLEAN", NULL, "boolean", "boolean", NULL, ASSAY_CANON_TEXT, NULL},
    {"TINYINT", "CAST(? AS SMALLINT)", "smallint", "smallint", NULL, ASSAY_CANON_TEXT, NULL},
    {"UTINYINT", "CAST(? AS SMALLINT)", "smallint", "smallint", NULL, ASSAY_CANON_TEXT, NULL},
    {"SMALLINT", NULL, "smallint", "smallint", NULL, ASSAY_CANON_TEXT, NULL},
    {"USMALLINT", "CAST(? AS INTEGER)", "integer", "integer", NULL, ASSAY_CANON_TEXT, NULL},
    {"INTEGER", NULL, "integer", "integer", NULL, ASSAY_CANON_TEXT, NULL},
    {"UINTEGER", "CAST(? AS BIGINT)", "bigint", "bigint", NULL, ASSAY_CANON_TEXT, NULL},
    {"BIGINT", NULL, "bigint", "bigint", NULL, ASSAY_CANON_TEXT, NULL},
    {"UBIGINT", "CAST(? AS DECIMAL(20,0))", "numeric(20,0)", "numeric(20,0)", NULL,
     ASSAY_CANON_TEXT, NULL},
    {"HUGEINT", "CAST(? AS DECIMAL(38,0))", "numeric(38,0)", "numeric(38,0)", NULL,
     ASSAY_CANON_TEXT, NULL},
    {"UHUGEINT", "CAST(? AS DECIMAL(38,0))", "numeric(38,0)", "numeric(38,0)", NULL,
     ASSAY_CANON_TEXT, NULL},
    {"FLOAT", NULL, "real", "real", NULL, ASSAY_CANON_REAL, NULL},
    {"DOUBLE", NULL, "double precision", "double precision", NULL, ASSAY_CANON_REAL, NULL},
    {"DECIMAL", NULL, "numeric#", "numeric#", NULL, ASSAY_CANON_DECIMAL, NULL},
    {"VARCHAR", NULL, "text", "text", NULL, ASSAY_CANON_TEXT, NULL},
    {"ENUM", "CAST(? AS VARCHAR)", "text", "text", NULL, ASSAY_CANON_TEXT, NULL},
    {"BIT", "CAST(? AS VARCHAR)", "text", "text", NULL, ASSAY_CANON_TEXT, NULL},
    {"UUID", "CAST(? AS VARCHAR)", "text", "uuid", "CAST(? AS uuid)", ASSAY_CANON_TEXT, NULL},
    {"BLOB", NULL, "bytea", "bytea", NULL, ASSAY_CANON_BYTES, NULL},
    {"DATE", ASSAY_FINITE, "date", "date", NULL, ASSAY_CANON_DATE, NULL},
    {"TIME", NULL, "time without time zone", "time without time zone", NULL, ASSAY_CANON_TIME,
     NULL},
    {"TIME WITH TIME ZONE", "CAST(? AS VARCHAR)", "text", "time with time zone",
     "CAST(? AS time with time zone)", ASSAY_CANON_NONE, NULL},
    {"TIMESTAMP", ASSAY_FINITE, "timestamp without time zone", "timestamp without time zone", NULL,
     ASSAY_CANON_TIMESTAMP, NULL},
    {"TIMESTAMP_S", "CAST(? AS TIMESTAMP)", "timestamp without time zone",
     "timestamp without time zone", NULL, ASSAY_CANON_TIMESTAMP, NULL},
    {"TIMESTAMP_MS", "CAST(? AS TIMESTAMP)", "timestamp without time zone",
     "timestamp without time zone", NULL, ASSAY_CANON_TIMESTAMP, NULL},
    {"TIMESTAMP WITH TIME ZONE", ASSAY_FINITE, "timestamp with time zone",
     "timestamp with time zone", NULL, ASSAY_CANON_INSTANT, NULL},
    {"INTERVAL", "CAST(? AS VARCHAR)", "text", "interval", "CAST(? AS interval)", ASSAY_CANON_NONE,
     NULL},
    {"JSON", "CAST(? AS VARCHAR)", "text", "jsonb", "CAST(? AS jsonb)", ASSAY_CANON_JSON,
     json_text},
    {"STRUCT", "CAST(to_json(?) AS VARCHAR)", "text", "jsonb", "CAST(? AS jsonb)", ASSAY_CANON_JSON,
     json_text},
    {"MAP", "CAST(to_json(?) AS VARCHAR)", "text", "jsonb", "CAST(? AS jsonb)", ASSAY_CANON_JSON,
     json_text},
    {"UNION", "CAST(to_json(?) AS VARCHAR)", "text", "jsonb", "CAST(? AS jsonb)", ASSAY_CANON_JSON,
     json_text},
    {"LIST", "CAST(to_json(?) AS VARCHAR)", "text", "jsonb", "CAST(? AS jsonb)", ASSAY_CANON_JSON,
     json_text},
};

/* What a column that is there can take or become. Whatever is not said here is refused. */
static const assay_type_pair pairs[] = {
    {"smallint", "integer", ASSAY_TYPE_FITS, 0},
    {"smallint", "bigint", ASSAY_TYPE_FITS, 0},
    {"integer", "bigint", ASSAY_TYPE_FITS, 0},
    {"smallint", "numeric", ASSAY_TYPE_BY_DIGITS, 5},
    {"integer", "numeric", ASSAY_TYPE_BY_DIGITS, 10},
    {"bigint", "numeric", ASSAY_TYPE_BY_DIGITS, 19},
    {"integer", "smallint", ASSAY_TYPE_WIDENS, 0},
    {"bigint", "smallint", ASSAY_TYPE_WIDENS, 0},
    {"bigint", "integer", ASSAY_TYPE_WIDENS, 0},
    {"numeric", "numeric", ASSAY_TYPE_BY_PRECISION, 0},
    {"real", "double precision", ASSAY_TYPE_FITS, 0},
    {"double precision", "real", ASSAY_TYPE_WIDENS, 0},
    {"text", "character varying", ASSAY_TYPE_BY_LENGTH, 0},
    {"jsonb", "json", ASSAY_TYPE_FITS, 0},
};

/* What the role or the database says instead would change how values are read and printed. */
static const char *const session[] = {
    "SET standard_conforming_strings = on",
    "SET DateStyle = 'ISO, YMD'",
    "SET IntervalStyle = 'postgres'",
    "SET TIME ZONE 'UTC'",
    "SET lock_timeout = '300s'",
    NULL,
};

/* What was answered is on disk, whatever the server's default; and the join of staging and target
 * may use more memory than a query of a page would get. */
static const char *const transaction[] = {
    "SET LOCAL synchronous_commit = on",
    "SET LOCAL work_mem = '128MB'",
    NULL,
};

/* Texts of floating numbers. */
static const char server_real[] = "CASE WHEN ? = 0 THEN '0' WHEN ? IN ('NaN', 'Infinity', "
                                  "'-Infinity') THEN lower(CAST(? AS text)) ELSE "
                                  "trim(to_char(CAST(? AS double precision), "
                                  "'9.99999999999999EEEE')) END";

static const char engine_real[] = "CASE WHEN ? = 0 THEN '0' WHEN isnan(?) THEN 'nan' WHEN isinf(?) "
                                  "THEN CASE WHEN ? > 0 THEN 'infinity' ELSE '-infinity' END ELSE "
                                  "printf('%.14e', CAST(? AS DOUBLE)) END";
static const char engine_json[] = ASSAY_JSONB_FUNCTION "(?)";
/* a digit before the point on both sides */
static const char engine_decimal[] =
    "SUBSTR(REPLACE(REPLACE('~' || CAST(? AS VARCHAR), '~.', '~0.'), '~-.', '~-0.'), 2)";

const assay_dialect assay_dialect_postgres = {
    .kind = ASSAY_CONNECTION_POSTGRES,
    .name = "PostgreSQL",
    .default_schema = "public",
    .name_max = 63,
    .keeps_keys = true,
    .scale_changes = true,
    .stage_kind = "UNLOGGED ",
    .stage_options = "",
    .text = "text",
    .short_text = "text",
    .number = "bigint",
    .boolean = "boolean",
    .instant = "timestamp with time zone",
    .now = "clock_timestamp()",
    .set_type = "TYPE ",
    .names_cast = true,
    .session = session,
    .transaction = transaction,
    .types = types,
    .type_count = sizeof types / sizeof types[0],
    .pairs = pairs,
    .pair_count = sizeof pairs / sizeof pairs[0],
    .server_canon =
        {
            [ASSAY_CANON_TEXT] = "CAST(CAST(? AS #) AS text)",
            [ASSAY_CANON_DECIMAL] = "CAST(CAST(? AS #) AS text)",
            [ASSAY_CANON_REAL] = server_real,
            [ASSAY_CANON_BYTES] = "encode(?, 'hex')",
            [ASSAY_CANON_DATE] = "CAST(? AS text)",
            [ASSAY_CANON_TIME] = "CAST(? AS text)",
            [ASSAY_CANON_TIMESTAMP] = "CAST(? AS text)",
            [ASSAY_CANON_INSTANT] = "CAST(? AS text)",
            [ASSAY_CANON_JSON] = json_text,
            [ASSAY_CANON_NONE] = "CASE WHEN ? IS NOT NULL THEN '1' END",
        },
    .engine_canon =
        {
            [ASSAY_CANON_TEXT] = "CAST(? AS VARCHAR)",
            [ASSAY_CANON_DECIMAL] = engine_decimal,
            [ASSAY_CANON_REAL] = engine_real,
            [ASSAY_CANON_BYTES] = "lower(hex(?))",
            [ASSAY_CANON_DATE] = "CAST(? AS VARCHAR)",
            [ASSAY_CANON_TIME] = "CAST(? AS VARCHAR)",
            [ASSAY_CANON_TIMESTAMP] = "CAST(? AS VARCHAR)",
            [ASSAY_CANON_INSTANT] = "CAST(? AS VARCHAR)",
            [ASSAY_CANON_JSON] = engine_json,
            [ASSAY_CANON_NONE] = "CASE WHEN ? IS NOT NULL THEN '1' END",
        },
    .server_number = "CAST(CAST('x' || substr(?, 1, 15) AS bit(60)) AS bigint)",
    .engine_number = "CAST('0x' || substr(?, 1, 15) AS BIGINT)",
};
