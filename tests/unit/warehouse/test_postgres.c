#include "support/postgres.h"
#include "unit/warehouse/conformance.h"
#include "unit/warehouse/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static assay_connection_config connection = {.name = "wh",
                                             .type = "postgres",
                                             .kind = ASSAY_CONNECTION_POSTGRES,
                                             .host = "127.0.0.1",
                                             .database = "postgres",
                                             .user = "admin",
                                             .password = {.text = "env:ASSAY_TEST_PASSWORD"},
                                             .sslmode = "disable",
                                             .login_timeout_ms = 20000,
                                             .request_timeout_ms = 60000,
                                             .statement_timeout_ms = 120000};

int main(void)
{
    test_postgres *server = test_postgres_start();

    if (server == NULL) {
        (void)printf("1..0 # SKIP no PostgreSQL server (Debian: apt-get install postgresql)\n");
        return 0;
    }
    connection.port = test_postgres_port(server);
    (void)setenv("ASSAY_TEST_PASSWORD", test_postgres_password, 1);
    int failed = conformance_run("postgres", &connection);
    test_postgres_stop(server);
    return failed;
}
