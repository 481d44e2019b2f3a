/* Why a PostgreSQL server refuses a login; for this room. libpq gives the SQLSTATE of every failure
 * but that of the login itself, which is text in the server's language. */
#ifndef ASSAY_ADBC_STARTUP_H
#define ASSAY_ADBC_STARTUP_H

#include "base/error.h"

typedef struct assay_adbc_server {
    const char *host; /* a name, an address, or the folder of the socket (it begins with '/') */
    int port;
    const char *user, *database;
} assay_adbc_server;

/* Begins a login without encryption and password and looks at the first answer within a second or
 * two: true where the server answers at all; `state` is then the SQLSTATE of its refusal, or
 * "28000" where it would go on with the login (so that what failed came later: the password). */
bool assay_adbc_ask_startup(const assay_adbc_server *server, char state[6]);

#endif
