/* A stand-in for a lineage backend on the loopback: one thread, one request a connection. */
#ifndef ASSAY_TEST_LINEAGE_BACKEND_H
#define ASSAY_TEST_LINEAGE_BACKEND_H

#include "base/error.h"

typedef struct test_backend test_backend;

/* How it treats requests from now on. */
typedef enum test_backend_mode {
    TEST_BACKEND_OK,     /* 201 */
    TEST_BACKEND_ERROR,  /* 500 */
    TEST_BACKEND_BUSY,   /* 429, Retry-After: 1, once; then as OK */
    TEST_BACKEND_REFUSE, /* 422 with a body that echoes the Authorization header */
    TEST_BACKEND_SILENT, /* takes the request and answers nothing until the client goes */
    TEST_BACKEND_CLOSE   /* closes the connection before the answer */
} test_backend_mode;

/* `port` 0 = any. */
test_backend *test_backend_start(int port);
void test_backend_stop(test_backend *backend);
int test_backend_port(const test_backend *backend);
void test_backend_set(test_backend *backend, test_backend_mode mode);

/* Requests that were answered with 201, and all of them. */
size_t test_backend_accepted(test_backend *backend);
size_t test_backend_requests(test_backend *backend);

/* Copies of accepted body `index` and of the head of the last request, until the backend stops. */
const char *test_backend_body(test_backend *backend, size_t index);
const char *test_backend_head(test_backend *backend);

#endif
