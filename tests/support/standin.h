/* The stand-in for Snowflake (tests/python/standin) for one test program. */
#ifndef ASSAY_TEST_STANDIN_H
#define ASSAY_TEST_STANDIN_H

typedef struct test_standin test_standin;

/* The password of the user "ETL"; there is a database "TEST". */
extern const char test_standin_password[];

/* NULL where its environment (tools/bootstrap-test) is not there, or it does not start. */
test_standin *test_standin_start(void);
void test_standin_stop(test_standin *server);
int test_standin_port(const test_standin *server);

#endif
