/* config/connections.yaml: what is outside the project. Every key is checked and typed here; a
 * secret stays a reference (env:NAME, file:PATH, aws-secret:NAME#key) until it is used
 * (store/secrets.h).
 *
 * Everything lives in the arena of loading and is read-only afterwards: any thread. */
#ifndef ASSAY_CONFIG_CONNECTIONS_H
#define ASSAY_CONFIG_CONNECTIONS_H

#include "config/file.h"

typedef enum assay_connection_kind {
    ASSAY_CONNECTION_POSTGRES,
    ASSAY_CONNECTION_REDSHIFT,
    ASSAY_CONNECTION_SNOWFLAKE,
    ASSAY_CONNECTION_S3
} assay_connection_kind;

/* Where a secret comes from, and where the user wrote that. */
typedef struct assay_secret_ref {
    const char *text; /* "env:SHOP_DB_PASSWORD"; NULL = not said */
    assay_place place;
    int64_t timeout_ms; /* to look it up: the connection's login_timeout; 0 = no limit of its own */
} assay_secret_ref;

/* How Snowflake is logged in to. */
typedef enum assay_snowflake_auth {
    ASSAY_SNOWFLAKE_KEY_PAIR, /* private_key, private_key_passphrase where it is encrypted */
    ASSAY_SNOWFLAKE_PASSWORD, /* password */
    ASSAY_SNOWFLAKE_PAT,      /* token: a programmatic access token */
    ASSAY_SNOWFLAKE_OAUTH     /* token: an OAuth access token */
} assay_snowflake_auth;

/* One connection. Members that its type does not have are NULL, 0 or false. */
typedef struct assay_connection_config {
    const char *name;
    const char *type; /* "postgres", "redshift", "snowflake", "s3" */
    const char *path; /* file it stands in */
    const assay_value *tree;
    assay_connection_kind kind;
    assay_place place;
    const char *root; /* folder of the project: relative paths begin there */

    /* postgres, redshift, snowflake. A redshift connection with `secret` may lack them here. */
    const char *host; /* snowflake: NULL = the account's own */
    int port;         /* snowflake: 0 = by the protocol */
    const char *database, *schema, *user;
    assay_secret_ref password;
    const char *driver; /* path of the ADBC driver; NULL = searched for */

    /* postgres, redshift */
    const char *sslmode, *sslrootcert; /* as libpq understands them */
    const char *options;               /* libpq's options: "-c search_path=shop" */

    /* redshift */
    assay_secret_ref secret; /* JSON with host, port, dbname, username, password */
    const char *unload_to, *iam_role;

    /* snowflake */
    const char *account, *warehouse, *role;
    const char *protocol; /* "https", "http" */
    assay_snowflake_auth auth;
    assay_secret_ref private_key, private_key_passphrase, token;

    /* s3, and the store of aws-secret references */
    const char *region;   /* NULL = the usual chain of AWS */
    const char *endpoint; /* "http://127.0.0.1:9000"; NULL = AWS */
    const char *profile;  /* of ~/.aws; NULL = AWS_PROFILE, else default */
    bool path_style;      /* bucket in the path instead of the host; default: with an endpoint */
    bool has_keys;        /* key_id, secret_key (and session_token) stand in `credentials` */
    assay_secret_ref key_id, secret_key, session_token;

    /* always set */
    int64_t login_timeout_ms, request_timeout_ms, statement_timeout_ms;
} assay_connection_config;

typedef struct assay_connections_config {
    assay_connection_config *connections;
    size_t count;
} assay_connections_config;

/* `<root>/config/connections.yaml` (absent = none); `over` (MAP or NULL, from the target) goes
 * first. A secret that stands in the file itself is ECONFIG 1240; what a type lacks, 1244. */
ASSAY_NODISCARD assay_status assay_connections_config_load(
    const char *root, assay_variables *variables, const assay_value *over, assay_arena *arena,
    assay_connections_config **ret_config, assay_error *err);

/* The connection of that name; unknown: ECONFIG 1241 with the nearest. `place` is where it is
 * used. */
ASSAY_NODISCARD assay_status assay_connections_use(const assay_connections_config *config,
                                                   const char *name, assay_place place,
                                                   const assay_connection_config **ret_connection,
                                                   assay_error *err);

#endif
