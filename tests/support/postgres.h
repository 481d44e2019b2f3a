/* A PostgreSQL server of one test program, below $TMPDIR; Debian's programs in
 * /usr/lib/postgresql. */
#ifndef ASSAY_TEST_POSTGRES_H
#define ASSAY_TEST_POSTGRES_H

#include <stdbool.h>

typedef struct test_postgres test_postgres;

/* The password of the user "admin" of the database "postgres". */
extern const char test_postgres_password[];

/* NULL where no programs are there, or they do not start. */
test_postgres *test_postgres_start(void);
void test_postgres_stop(test_postgres *server);

int test_postgres_port(const test_postgres *server);

/* Stops all processes of the server where they are, and lets them go on. */
void test_postgres_freeze(const test_postgres *server, bool frozen);

#endif
