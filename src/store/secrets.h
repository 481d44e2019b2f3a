/* Secrets by reference: env:NAME, file:PATH (~ is the home folder, trailing line ends are dropped,
 * a file that everybody can read is refused unless a container runtime put it below /run/secrets)
 * and aws-secret:NAME#key (AWS Secrets Manager; without #key the whole text). Fails closed: there
 * is never a second place to look.
 *
 * Values of Secrets Manager are kept for ASSAY_SECRETS_KEEP_MS and wiped at the end. Any thread. */
#ifndef ASSAY_STORE_SECRETS_H
#define ASSAY_STORE_SECRETS_H

#include "base/cancel.h"
#include "base/clock.h"
#include "base/secret.h"
#include "config/connections.h"

enum { ASSAY_SECRETS_KEEP_MS = 5 * 60 * 1000, ASSAY_SECRET_SIZE_MAX = 64 * 1024 };

typedef struct assay_secrets assay_secrets;

/* Everything outlives the secrets; `cancel` and `root` may be NULL. */
typedef struct assay_secrets_options {
    const assay_clock *clock;
    const assay_cancel *cancel;
    const char *root; /* where relative paths of file: begin; NULL = the working folder */
} assay_secrets_options;

ASSAY_NODISCARD assay_status assay_secrets_new(const assay_secrets_options *options,
                                               assay_secrets **ret_secrets, assay_error *err);
void assay_secrets_free(assay_secrets *secrets); /* wipes; NULL is allowed */
void assay_secrets_freep(assay_secrets **secrets);

/* The value of a reference; the caller frees it. EAUTH 1260 where the variable, file, secret or
 * key is not there, empty or with NUL bytes, 1261 where the file is readable by everybody, 1262
 * where AWS refuses; EIO or ETIMEOUT 1263 (retryable) where AWS does not answer. No message holds a
 * part of a value. */
ASSAY_NODISCARD assay_status assay_secrets_resolve(assay_secrets *secrets,
                                                   const assay_secret_ref *ref,
                                                   assay_secret **ret_secret, assay_error *err);

/* Drops what is kept of a reference, so that the next resolve asks again (a login was refused: the
 * secret may have been rotated). False where nothing was kept: asking again is no use. */
bool assay_secrets_forget(assay_secrets *secrets, const assay_secret_ref *ref);

/* What a login with a password needs, with a redshift connection's `secret` looked into. */
typedef struct assay_login {
    const char *host; /* texts live as long as the login */
    int port;
    const char *database;
    const char *user;
    assay_secret *password; /* NULL = none was said */
    assay_arena *arena;
} assay_login;

ASSAY_NODISCARD assay_status assay_login_resolve(assay_secrets *secrets,
                                                 const assay_connection_config *connection,
                                                 assay_login *ret_login, assay_error *err);
void assay_login_done(assay_login *login); /* for ASSAY_AUTO; wipes */

/* Forgets every secret of the connection. True where one came from a store that may know a newer
 * one: a login that was refused is tried once more then. */
bool assay_login_forget(assay_secrets *secrets, const assay_connection_config *connection);

#endif
