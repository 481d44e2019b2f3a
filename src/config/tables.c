#include "config/tables.h"

#include "base/str.h"

#define ROWS(rows) (rows), sizeof(rows) / sizeof(rows)[0]

/* Short forms of a row; a row that is not of these shapes is written out. */
#define TEXT(name, otherwise, doc)                              \
    {                                                           \
        name, ASSAY_KEY_TEXT, NULL, otherwise, doc, NULL, false \
    }
#define BOOL(name, otherwise, doc)                              \
    {                                                           \
        name, ASSAY_KEY_BOOL, NULL, otherwise, doc, NULL, false \
    }
#define INT(name, otherwise, doc)                              \
    {                                                          \
        name, ASSAY_KEY_INT, NULL, otherwise, doc, NULL, false \
    }
#define SIZE(name, otherwise, doc)                              \
    {                                                           \
        name, ASSAY_KEY_SIZE, NULL, otherwise, doc, NULL, false \
    }
#define DURATION(name, otherwise, doc)                              \
    {                                                               \
        name, ASSAY_KEY_DURATION, NULL, otherwise, doc, NULL, false \
    }
#define ENUM(name, choices, otherwise, doc)                        \
    {                                                              \
        name, ASSAY_KEY_ENUM, choices, otherwise, doc, NULL, false \
    }
#define TEXTS(name, doc)                                    \
    {                                                       \
        name, ASSAY_KEY_TEXTS, NULL, NULL, doc, NULL, false \
    }
#define TEXT_MAP(name, doc)                                    \
    {                                                          \
        name, ASSAY_KEY_TEXT_MAP, NULL, NULL, doc, NULL, false \
    }
#define MAP(name, table, doc)                              \
    {                                                      \
        name, ASSAY_KEY_MAP, NULL, NULL, doc, table, false \
    }
#define MAP_OF(name, table, doc)                              \
    {                                                         \
        name, ASSAY_KEY_MAP_OF, NULL, NULL, doc, table, false \
    }
#define LIST_OF(name, table, doc)                              \
    {                                                          \
        name, ASSAY_KEY_LIST_OF, NULL, NULL, doc, table, false \
    }
#define ANY(name, doc)                                    \
    {                                                     \
        name, ASSAY_KEY_ANY, NULL, NULL, doc, NULL, false \
    }

#define FORMATS "iceberg|delta|parquet"
#define MODES "full|append|merge|replace_partitions|scd2"

/* ---- assay.yaml ---- */

static const assay_key target_rows[] = {
    TEXT("warehouse", "lake", "folder of the tables, absolute or relative to the project"),
    ENUM("format", FORMATS, NULL, "table format of every layer; goes before config/storage.yaml"),
    ENUM("engine", "duckdb|spark", "duckdb", "what computes; spark is not built yet"),
    TEXT_MAP("variables", "values of ${NAME} in all files; they go before `vars` and the "
                          "environment"),
    ANY("connections", "connections of this target; they go before config/connections.yaml"),
    SIZE("memory_limit", NULL, "memory of the whole process; default 75 % of the machine's"),
    INT("threads", NULL, "threads of the engine; default: the processors of the process"),
    INT("jobs", NULL, "steps that run at once; default: the processors, at most 4"),
    TEXT("temp_dir", NULL, "where the engine spills to; default .assay/<target>/tmp"),
    DURATION("lock_wait", "10s", "how long a step waits for a table that another run holds"),
};
static const assay_key_table target_table = {"target", "a target", "One place to run against.",
                                             ROWS(target_rows)};

static const assay_key layer_rows[] = {
    ENUM("schema", "evolve|strict", "evolve",
         "what a full rebuild may do to the columns of a table: strict refuses changes"),
    TEXT("description", NULL, "one line about the layer"),
};
static const assay_key_table layer_table = {"layer", "a layer", "What a layer allows.",
                                            ROWS(layer_rows)};

static const assay_key project_rows[] = {
    {"name", ASSAY_KEY_TEXT, NULL, NULL, "name of the project", NULL, true},
    TEXT("version", NULL, "version of the project, for people"),
    TEXT("description", NULL, "one line about the project"),
    MAP_OF("targets", &target_table, "places to run against; the first is the default"),
    MAP_OF("layers", &layer_table, "policies by layer (bronze, silver, gold ..)"),
    TEXT_MAP("vars", "values of ${NAME} in all files, before the environment"),
};
const assay_key_table assay_table_project = {"assay", "assay.yaml",
                                             "The project: it lies where this file lies.",
                                             ROWS(project_rows)};

/* ---- config/storage.yaml ---- */

static const assay_key keep_rows[] = {
    INT("snapshots", "10", "the newest snapshots that always stay readable"),
    INT("days", "7", "snapshots that are younger than this stay readable"),
};
static const assay_key_table keep_table = {
    "keep", "keep", "Snapshots that stay; older ones go when both limits are passed.",
    ROWS(keep_rows)};

static const assay_key layer_storage_rows[] = {
    ENUM("format", FORMATS, NULL, "table format of this layer"),
    MAP("keep", &keep_table, "what stays in this layer"),
};
static const assay_key_table layer_storage_table = {"layer-storage",
                                                    "layers of config/storage.yaml",
                                                    "Storage of one layer.",
                                                    ROWS(layer_storage_rows)};

static const assay_key iceberg_rows[] = {
    TEXT("catalog_impl", NULL, "Java class or kind of the catalog; hadoop = our folder catalog"),
    TEXT("uri", NULL,
         "sqlite: its database; jdbc:sqlite:PATH or a path; default catalog.db in "
         "the warehouse"),
    TEXT("catalog_name", "assay", "sqlite: the name that other programs call the catalog by"),
    TEXT("io_impl", NULL, "Java class of the file access; HadoopFileIO = local disk"),
    TEXT("warehouse", NULL, "alias of `warehouse`"),
};
static const assay_key_table iceberg_table = {"iceberg", "iceberg of config/storage.yaml",
                                              "Options of Iceberg tables.", ROWS(iceberg_rows)};

static const assay_key delta_rows[] = {
    BOOL("enable_optimizations", "false", "accepted: assay writes files of the right size itself"),
    BOOL("auto_compact", "false", "accepted: see `assay table optimize`"),
};
static const assay_key_table delta_table = {"delta", "delta of config/storage.yaml",
                                            "Options of Delta tables.", ROWS(delta_rows)};

static const assay_key parquet_rows[] = {
    ENUM("compression", "zstd", "zstd", "codec of the data files"),
};
static const assay_key_table parquet_table = {"parquet", "parquet of config/storage.yaml",
                                              "Options of plain Parquet tables.",
                                              ROWS(parquet_rows)};

static const assay_key storage_rows[] = {
    ENUM("format", FORMATS, "iceberg", "table format of every layer"),
    TEXT("warehouse", "lake", "folder of the tables; a target's warehouse goes before it"),
    TEXT("catalog", "folder", "where Iceberg keeps its pointers: folder or sqlite"),
    MAP_OF("layers", &layer_storage_table, "what differs in one layer"),
    MAP("iceberg", &iceberg_table, "options of Iceberg tables"),
    MAP("delta", &delta_table, "options of Delta tables"),
    MAP("parquet", &parquet_table, "options of Parquet tables"),
    MAP("keep", &keep_table, "snapshots that stay readable"),
    SIZE("target_file_size", "256MiB", "size that data files aim at"),
};
const assay_key_table assay_table_storage = {"storage", "config/storage.yaml",
                                             "How and where tables are stored.",
                                             ROWS(storage_rows)};

/* ---- what models share ---- */

static const assay_key column_rows[] = {
    BOOL("pii", "false", "values of this column never appear in output, results, logs, events"),
    TEXT("doc", NULL, "one line about the column"),
    BOOL("track", NULL, "scd2: whether a change makes history; default: yes, where none says true"),
};
static const assay_key_table column_table = {"column", "a column", "What is said of a column.",
                                             ROWS(column_rows)};

static const assay_key contract_column_rows[] = {
    TEXT("type", NULL, "type of the column"),
    BOOL("nullable", "true", "false: rows without a value break the contract"),
    BOOL("key", "false", "part of the key: never missing, and no two rows have the same"),
    TEXT("references", NULL, "layer.table.column that must have the value"),
};
static const assay_key_table contract_column_table = {
    "contract-column", "a column of a contract", "What is promised of a column: a type, or more.",
    ROWS(contract_column_rows)};

static const assay_key contract_rows[] = {
    {"columns", ASSAY_KEY_SHORT_OR_MAP_OF, NULL, NULL,
     "columns and their types, or maps; default: what the first load finds", &contract_column_table,
     false},
    ENUM("new_column", "evolve|freeze|fail", "evolve",
         "a column that neither the contract nor the table has; freeze leaves it out"),
    ENUM("type_change", "evolve|freeze|fail", "evolve",
         "a column whose type differs; evolve widens it where possible, freeze casts the values"),
    ENUM("missing_column", "evolve|freeze|fail", "fail",
         "a column that is not there; evolve and freeze: its values are NULL"),
    ENUM("bad_row", "fail|drop|quarantine", "fail",
         "rows that are broken, do not convert, or break nullable, key or references"),
};
static const assay_key_table contract_table = {"contract", "contract of a table",
                                               "What rows and columns must be like.",
                                               ROWS(contract_rows)};

static const assay_key publish_rows[] = {
    {"to", ASSAY_KEY_TEXT, NULL, NULL, "name of a connection", NULL, true},
    {"table", ASSAY_KEY_TEXT, NULL, NULL, "the table there: [database.][schema.]table", NULL, true},
    ENUM("mode", "overwrite|append|merge", "overwrite", "how rows reach the table there"),
    TEXTS("key", "merge: columns that name a row"),
    TEXT("version", NULL, "merge: column; rows older than the table's are left out"),
    TEXT("soft_delete", NULL,
         "merge: rows stay there, marked; `absence` = those that vanished, else the column that "
         "says so"),
    TEXTS("deleted_values", "values of that column that delete; default D, DELETE, delete"),
    BOOL("preserve_case", "false", "names as written, where the database folds them"),
    TEXTS("columns", "those that are published; default: all"),
};
static const assay_key_table publish_table = {
    "publish", "publish of a model", "A table of an outside database that follows this one.",
    ROWS(publish_rows)};

static const assay_key header_rows[] = {
    TEXT("description", NULL, "one line about the table"),
    MAP("contract", &contract_table, "what rows and columns must be like"),
    ENUM("mode", MODES, "full", "how rows reach the table"),
    TEXTS("key", "columns that identify a row"),
    TEXT("version", NULL, "merge and scd2: column whose highest value wins"),
    TEXT("delete_when", NULL, "merge and scd2: SQL condition of rows that delete"),
    BOOL("soft_delete", "false", "merge: deleted rows stay, marked"),
    TEXTS("new_rows_of", "inputs of which only rows not consumed yet are read"),
    TEXTS("partition_by", "columns, or year(c), month(c), day(c), hour(c)"),
    TEXTS("tags", "words for the selector tag:x"),
    MAP_OF("columns", &column_table, "what is said of columns: pii, doc, track"),
    BOOL("allow_empty", "false", "full: the table may become empty"),
    LIST_OF("publish", &publish_table, "tables of outside databases that it is published to"),
};
const assay_key_table assay_table_header = {
    "header", "the header of a model",
    "YAML in the comment that leads models/<layer>/<table>.sql, between `/* ---` and `--- */`.",
    ROWS(header_rows)};

/* ---- extracts ---- */

static const assay_key csv_rows[] = {
    TEXT("delimiter", NULL, "between fields; default: sniffed"),
    TEXT("quote", NULL, "around fields; default: sniffed"),
    TEXT("escape", NULL, "before a quote inside a field; default: sniffed"),
    TEXT("comment", NULL, "begins lines that are no records; default: sniffed"),
    BOOL("header", NULL, "whether the first record names the columns; default: sniffed"),
    INT("skip", "0", "lines before the header"),
    ENUM("encoding", "utf-8|utf-16|latin-1", "utf-8", "character encoding of the files"),
    TEXTS("null", "texts that mean NULL; default: the empty field"),
    TEXT("date_format", NULL, "of DATE columns, as strptime; default: ISO 8601"),
    TEXT("timestamp_format", NULL, "of TIMESTAMP columns, as strptime; default: ISO 8601"),
    TEXT("decimal_separator", ".", "inside numbers"),
    SIZE("max_line_size", "2MB", "the longest record that is read"),
};
static const assay_key_table csv_table = {"csv", "csv of a source",
                                          "The dialect of CSV files; what is not said is sniffed.",
                                          ROWS(csv_rows)};

static const assay_key json_rows[] = {
    ENUM("layout", "auto|lines|array", "auto", "one object a line, or one array of objects"),
};
static const assay_key_table json_table = {"json", "json of a source", "The form of JSON files.",
                                           ROWS(json_rows)};

static const assay_key source_rows[] = {
    TEXTS("files", "globs of the files, relative to the project or absolute"),
    ENUM("format", "csv|json|parquet", NULL, "of the files; default: by the name's ending"),
    MAP("csv", &csv_table, "dialect of CSV files"),
    MAP("json", &json_table, "form of JSON files"),
    BOOL("hive", "false", "folders named k=v become columns"),
    ENUM("compression", "auto|none|gzip|zstd", "auto", "auto = by the name's ending"),
    TEXT("connection", NULL, "read a database instead: a name of config/connections.yaml"),
    TEXT("table", NULL, "with `connection`: the table to read, as table or schema.table"),
    TEXT("query", NULL, "with `connection`: the SELECT to read, in the database's own SQL"),
};
static const assay_key_table source_table = {"source", "source of an extract",
                                             "Where the rows come from.", ROWS(source_rows)};

static const assay_key watermark_rows[] = {
    {"column", ASSAY_KEY_TEXT, NULL, NULL, "column whose values only grow: a time or a number",
     NULL, true},
    TEXT("lookback", "0", "how far back rows may still come: '2 hours', or a number"),
};
static const assay_key_table watermark_table = {"watermark", "watermark of an extract",
                                                "Which rows of a database are new.",
                                                ROWS(watermark_rows)};

static const assay_key extract_rows[] = {
    TEXT("description", NULL, "one line about the table"),
    {"source", ASSAY_KEY_MAP, NULL, NULL, "where the rows come from", &source_table, true},
    ENUM("mode", MODES, "append", "how rows reach the table; append and full are built"),
    MAP("contract", &contract_table, "what the source promises"),
    ENUM("changed_file", "fail|replace|append", "fail",
         "a file that was loaded and has new content"),
    MAP("watermark", &watermark_table, "databases: which rows are new; without it all are read"),
    TEXTS("key", "columns that identify a row"),
    TEXTS("partition_by", "columns, or year(c), month(c), day(c), hour(c)"),
    TEXTS("tags", "words for the selector tag:x"),
    MAP_OF("columns", &column_table, "what is said of columns: pii, doc, track"),
    BOOL("allow_empty", "false", "full: the table may become empty"),
    LIST_OF("publish", &publish_table, "tables of outside databases that it is published to"),
};
const assay_key_table assay_table_extract = {
    "extract", "an extract", "models/<layer>/<table>.yaml: files that become a table.",
    ROWS(extract_rows)};

/* ---- config/connections.yaml ---- */

#define CONNECTION_TYPE                                                                          \
    {                                                                                            \
        "type", ASSAY_KEY_ENUM, "postgres|redshift|snowflake|s3", NULL, "what it is", NULL, true \
    }
#define CONNECTION_TIMEOUTS                                                             \
    DURATION("login_timeout", "30s", "until the connection stands"),                    \
        DURATION("request_timeout", "60s", "until the server must answer one request"), \
        DURATION("statement_timeout", "1 hour", "of one statement")
#define PASSWORD TEXT("password", NULL, "reference: env:NAME, file:PATH, aws-secret:NAME#key")

static const assay_key connection_rows[] = {
    CONNECTION_TYPE,
};
const assay_key_table assay_table_connection = {
    "connection", "a connection", "config/connections.yaml: names, each with the keys of its type.",
    ROWS(connection_rows)};

static const assay_key postgres_rows[] = {
    CONNECTION_TYPE,
    {"host", ASSAY_KEY_TEXT, NULL, NULL, "name, address or folder of the socket", NULL, true},
    INT("port", "5432", "port"),
    {"database", ASSAY_KEY_TEXT, NULL, NULL, "database", NULL, true},
    TEXT("schema", "public", "schema of tables that are named without one"),
    {"user", ASSAY_KEY_TEXT, NULL, NULL, "user", NULL, true},
    PASSWORD,
    ENUM("sslmode", "disable|allow|prefer|require|verify-ca|verify-full", "prefer",
         "as libpq understands it"),
    TEXT("sslrootcert", NULL, "file with the certificates that are trusted"),
    TEXT("options", NULL, "options of the server's session, as libpq takes them: -c name=value"),
    TEXT("driver", NULL, "path of the ADBC driver; null = searched for"),
    CONNECTION_TIMEOUTS,
};
static const assay_key redshift_rows[] = {
    CONNECTION_TYPE,
    TEXT("host", NULL, "name or address"),
    INT("port", "5439", "port"),
    TEXT("database", NULL, "database"),
    TEXT("schema", "public", "schema of tables that are named without one"),
    TEXT("user", NULL, "user"),
    PASSWORD,
    TEXT("secret", NULL,
         "reference to JSON with username, password, and host, port, dbname where not said here"),
    ENUM("sslmode", "disable|allow|prefer|require|verify-ca|verify-full", "require",
         "as libpq understands it"),
    TEXT("sslrootcert", NULL, "file with the certificates that are trusted"),
    TEXT("unload_to", NULL, "s3:// prefix for UNLOAD"),
    TEXT("iam_role", NULL, "role that UNLOAD writes with"),
    CONNECTION_TIMEOUTS,
};
static const assay_key snowflake_rows[] = {
    CONNECTION_TYPE,
    {"account", ASSAY_KEY_TEXT, NULL, NULL, "account identifier", NULL, true},
    {"user", ASSAY_KEY_TEXT, NULL, NULL, "user", NULL, true},
    ENUM("auth", "key_pair|password|pat|oauth", "key_pair", "how to log in"),
    TEXT("private_key", NULL, "key_pair: reference to the key (PEM, PKCS #8): file:PATH"),
    TEXT("private_key_passphrase", NULL, "key_pair: reference to the passphrase of the key"),
    PASSWORD,
    TEXT("token", NULL, "pat, oauth: reference to the token"),
    TEXT("warehouse", NULL, "virtual warehouse"),
    TEXT("database", NULL, "database"),
    TEXT("schema", NULL, "schema of tables that are named without one"),
    TEXT("role", NULL, "role"),
    TEXT("driver", NULL, "path of the ADBC driver; null = searched for"),
    TEXT("host", NULL, "host where it is not the account's own"),
    INT("port", NULL, "port; default: the protocol's"),
    ENUM("protocol", "https|http", "https", "http is for servers on this machine"),
    CONNECTION_TIMEOUTS,
};
static const assay_key s3_keys_rows[] = {
    {"key_id", ASSAY_KEY_TEXT, NULL, NULL, "reference to the access key", NULL, true},
    {"secret", ASSAY_KEY_TEXT, NULL, NULL, "reference to the secret key", NULL, true},
    TEXT("session_token", NULL, "reference to the session token"),
};
const assay_key_table assay_table_s3_credentials = {
    "s3-credentials", "credentials of an s3 connection",
    "Keys by reference. In their place may stand the word default_chain, which is the default.",
    ROWS(s3_keys_rows)};
static const assay_key s3_rows[] = {
    CONNECTION_TYPE,
    TEXT("region", NULL, "region; default: AWS_REGION, AWS_DEFAULT_REGION, the profile's"),
    TEXT("endpoint", NULL, "URL where it is not AWS"),
    TEXT("profile", NULL, "profile of ~/.aws; default: AWS_PROFILE"),
    BOOL("path_style", NULL, "the bucket stands in the path; default: true with an endpoint"),
    ANY("credentials", "default_chain, or { key_id, secret, session_token } by reference"),
    CONNECTION_TIMEOUTS,
};
static const assay_key_table connection_tables[] = {
    {"postgres", "a postgres connection", "PostgreSQL.", ROWS(postgres_rows)},
    {"redshift", "a redshift connection", "Amazon Redshift.", ROWS(redshift_rows)},
    {"snowflake", "a snowflake connection", "Snowflake.", ROWS(snowflake_rows)},
    {"s3", "an s3 connection", "Object stores that speak S3.", ROWS(s3_rows)},
};

const assay_key_table *assay_table_connection_of(const char *type)
{
    for (size_t i = 0; i < sizeof connection_tables / sizeof connection_tables[0]; i++)
        if (assay_str_equal(connection_tables[i].name, type))
            return &connection_tables[i];
    return NULL;
}

/* ---- the files, in the order of the reference ---- */

static const assay_key_table *const files[] = {
    &assay_table_project,        &assay_table_storage,    &assay_table_header,
    &assay_table_extract,        &assay_table_connection, &connection_tables[0],
    &connection_tables[1],       &connection_tables[2],   &connection_tables[3],
    &assay_table_s3_credentials,
};

size_t assay_config_table_count(void)
{
    return sizeof files / sizeof files[0];
}

const assay_key_table *assay_config_table_at(size_t index)
{
    return index < assay_config_table_count() ? files[index] : NULL;
}

const assay_key_table *assay_config_table_find(const char *name)
{
    for (size_t i = 0; i < assay_config_table_count(); i++)
        if (assay_str_equal(files[i]->name, name))
            return files[i];
    return NULL;
}
