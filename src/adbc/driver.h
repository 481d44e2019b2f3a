/* Which drivers there are, where their libraries lie and how they are loaded; for this room. */
#ifndef ASSAY_ADBC_DRIVER_H
#define ASSAY_ADBC_DRIVER_H

#include <arrow-adbc/adbc.h>

#include "adbc/adbc.h"

/* One row of the table of drivers. */
typedef struct assay_adbc_kind {
    assay_connection_kind connection;
    const char *name;    /* of its manifest: "snowflake" */
    const char *library; /* as its package calls it */
    const char *install; /* commands that install it */
} assay_adbc_kind;

/* The driver of a connection; EUNSUPPORTED 3103 where its type has none. */
assay_status assay_adbc_kind_of(const assay_connection_config *connection,
                                const assay_adbc_kind **ret_kind, assay_error *err);

/* A library and the function that begins it. */
typedef struct assay_adbc_library {
    const char *path;
    const char *entrypoint;
} assay_adbc_library;

/* The connection's `driver:` (a library or a manifest), else NAME.toml or the library itself in
 * ADBC_DRIVER_PATH, the user's and the system's folder, else what lies with assay. */
assay_status assay_adbc_search(const assay_adbc_request *request, const assay_adbc_kind *kind,
                               assay_arena *arena, assay_adbc_library *ret_library,
                               assay_error *err);

/* Loads the library for good and fills `driver`; ECONFIG 3102. */
assay_status assay_adbc_load(const assay_adbc_library *library, struct AdbcDriver *driver,
                             assay_error *err);

/* Turns what a driver says into an error of adbc.h's list; `error` stays the caller's. `what` goes
 * before the message. */
assay_status assay_adbc_fail(AdbcStatusCode code, const struct AdbcError *error, const char *what,
                             assay_error *err);

/* The category of an SQLSTATE for an error that was made without one. */
assay_status assay_adbc_fail_by_state(const char *state, assay_error *err);

/* What the text of a login of PostgreSQL that failed without an SQLSTATE tells about its reason;
 * false where it tells nothing, `err` then stays as it is. */
bool assay_adbc_fail_by_login(assay_error *err);

#endif
