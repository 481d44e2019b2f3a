/* A tiny HTTP server of one test on the loopback: one thread, one request after the other. */
#ifndef ASSAY_TEST_NET_SERVER_H
#define ASSAY_TEST_NET_SERVER_H

#include "base/buf.h"

typedef struct test_server test_server;

/* What the server saw and does; read it after the answer came. */
struct test_server_seen {
    int requests;
    assay_buf head; /* request line and headers of the last request */
    assay_buf body;
};

/* Starts listening on a free port. Paths: /ok 200, /broken 500, /busy 429 with Retry-After: 7,
 * /silent answers nothing until the client goes, /short closes in the middle of the body,
 * /large 100,000 bytes, /gzip a gzip body of "zipped", /to/<n> redirects n times to /ok,
 * /to-file and /to-gopher redirect to other schemes; everything else 404. */
test_server *test_server_start(void);
void test_server_stop(test_server *server);

int test_server_port(const test_server *server);
const struct test_server_seen *test_server_seen(const test_server *server);

#endif
