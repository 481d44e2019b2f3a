#include "unit/warehouse/conformance.h"

#include <stdio.h>
#include <stdlib.h>

/* Runs where variables say on which port of this machine something speaks Snowflake over plain
 * HTTP, and who may use which database of it (tests/python/interop/test_warehouse.py sets them, and
 * those that Snowflake's driver needs from the start). */

static assay_connection_config connection = {.name = "wh",
                                             .type = "snowflake",
                                             .kind = ASSAY_CONNECTION_SNOWFLAKE,
                                             .host = "127.0.0.1",
                                             .account = "assay",
                                             .schema = "PUBLIC",
                                             .protocol = "http",
                                             .auth = ASSAY_SNOWFLAKE_PASSWORD,
                                             .password = {.text = "env:ASSAY_TEST_SF_PASSWORD"},
                                             .login_timeout_ms = 20000,
                                             .request_timeout_ms = 60000,
                                             .statement_timeout_ms = 120000};

int main(void)
{
    const char *port = getenv("ASSAY_TEST_SNOWFLAKE_PORT");
    const char *user = getenv("ASSAY_TEST_SNOWFLAKE_USER");
    const char *database = getenv("ASSAY_TEST_SNOWFLAKE_DATABASE");

    if (port == NULL || user == NULL || database == NULL) {
        (void)printf("1..0 # SKIP ASSAY_TEST_SNOWFLAKE_PORT, _USER or _DATABASE is not set\n");
        return 0;
    }
    connection.database = database;
    connection.port = (int)strtol(port, NULL, 10);
    connection.user = user;
    return conformance_run("snowflake", &connection);
}
