/* libpq's connection text ("host='..' port='..' .."), for ADBC's PostgreSQL driver and for ATTACH
 * of the engine's postgres extension. It holds the password: keep it as a secret. */
#ifndef ASSAY_ADBC_CONNINFO_H
#define ASSAY_ADBC_CONNINFO_H

#include "store/secrets.h"

/* With timeouts: connect_timeout, tcp_user_timeout, keepalives, and statement_timeout among the
 * server's options (not for redshift, which refuses unknown ones). */
ASSAY_NODISCARD assay_status assay_conninfo_make(const assay_connection_config *connection,
                                                 const assay_login *login,
                                                 assay_secret **ret_conninfo, assay_error *err);

#endif
