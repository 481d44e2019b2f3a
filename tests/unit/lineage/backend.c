#include "backend.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/vec.h"

enum { REQUEST_MAX = 32 * 1024 * 1024 };

struct test_backend {
    int listener, stop[2], port;
    assay_thread *thread;
    assay_lock *lock;
    test_backend_mode mode;
    size_t requests;
    assay_vec bodies; /* char * */
    assay_buf head;
};

/* The header line `name` of a request, its value copied to `value`; false where there is none. */
static bool find_header(const char *request, const char *name, char *value, size_t size)
{
    size_t length = strlen(name);

    for (const char *line = strstr(request, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, length) == 0 && line[2 + length] == ':') {
            const char *text = line + 3 + length;
            text += strspn(text, " ");
            (void)snprintf(value, size, "%.*s", (int)strcspn(text, "\r"), text);
            return true;
        }
    return false;
}

static void reply(int fd, const char *status, const char *more, const char *body)
{
    char text[1024];
    int size = snprintf(text, sizeof text,
                        "HTTP/1.1 %s\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n%s",
                        status, more, strlen(body), body);
    if (send(fd, text, (size_t)size, MSG_NOSIGNAL) != (ssize_t)size)
        return;
    (void)shutdown(fd, SHUT_WR);
}

/* Reads one request; false where the client or the test ended first. */
static bool read_request(const test_backend *backend, int fd, assay_buf *request, size_t *ret_body)
{
    size_t want = 0;

    for (;;) {
        struct pollfd ready[2] = {{.fd = fd, .events = POLLIN},
                                  {.fd = backend->stop[0], .events = POLLIN}};
        char chunk[65536];
        if (poll(ready, 2, -1) < 0 || ready[1].revents != 0)
            return false;
        ssize_t got = recv(fd, chunk, sizeof chunk, 0);
        if (got <= 0 || request->size > REQUEST_MAX)
            return false;
        assay_buf_append(request, chunk, (size_t)got);
        const char *end = strstr(assay_buf_text(request), "\r\n\r\n");
        if (end == NULL)
            continue;
        *ret_body = (size_t)(end + 4 - request->data);
        char length[32] = "0";
        (void)find_header(request->data, "content-length", length, sizeof length);
        want = (size_t)strtoul(length, NULL, 10);
        if (request->size >= *ret_body + want)
            return true;
    }
}

static void keep(test_backend *backend, const assay_buf *request, size_t body)
{
    char *text = assay_mem_new(request->size - body + 1, 1);
    assert_non_null(text);
    memcpy(text, request->data + body, request->size - body);
    assert_int_equal(assay_vec_push(&backend->bodies, &text, NULL), ASSAY_OK);
}

static void answer(test_backend *backend, int fd, const assay_buf *request, size_t body)
{
    assay_lock_acquire(backend->lock);
    test_backend_mode mode = backend->mode;
    backend->requests++;
    assay_buf_clear(&backend->head);
    assay_buf_append(&backend->head, request->data, body);
    if (mode == TEST_BACKEND_BUSY)
        backend->mode = TEST_BACKEND_OK;
    if (mode == TEST_BACKEND_OK)
        keep(backend, request, body);
    assay_lock_release(backend->lock);

    switch (mode) {
    case TEST_BACKEND_OK:
        reply(fd, "201 Created", "", "");
        break;
    case TEST_BACKEND_ERROR:
        reply(fd, "500 Internal Server Error", "", "broken");
        break;
    case TEST_BACKEND_BUSY:
        reply(fd, "429 Too Many Requests", "Retry-After: 1\r\n", "");
        break;
    case TEST_BACKEND_REFUSE: {
        char key[128] = "no key";
        (void)find_header(request->data, "authorization", key, sizeof key);
        reply(fd, "422 Unprocessable Content", "", key);
        break;
    }
    case TEST_BACKEND_SILENT: {
        struct pollfd ready[2] = {{.fd = fd, .events = POLLIN},
                                  {.fd = backend->stop[0], .events = POLLIN}};
        (void)poll(ready, 2, -1);
        break;
    }
    case TEST_BACKEND_CLOSE:
        break;
    }
}

static void serve(void *argument)
{
    test_backend *backend = argument;

    for (;;) {
        struct pollfd ready[2] = {{.fd = backend->listener, .events = POLLIN},
                                  {.fd = backend->stop[0], .events = POLLIN}};
        if (poll(ready, 2, -1) < 0 || ready[1].revents != 0)
            return;
        int fd = accept(backend->listener, NULL, NULL);
        if (fd < 0)
            continue;
        ASSAY_AUTO(assay_buf_done) assay_buf request = ASSAY_BUF_EMPTY;
        size_t body = 0;
        if (read_request(backend, fd, &request, &body))
            answer(backend, fd, &request, body);
        (void)close(fd);
    }
}

test_backend *test_backend_start(int port)
{
    test_backend *backend = assay_mem_new(1, sizeof *backend);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int on = 1;

    assert_non_null(backend);
    backend->bodies = ASSAY_VEC_OF(char *);
    backend->lock = assay_lock_new();
    backend->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(backend->listener >= 0);
    assert_int_equal(setsockopt(backend->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    assert_int_equal(bind(backend->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(backend->listener, 16), 0);
    assert_int_equal(getsockname(backend->listener, (struct sockaddr *)&address, &size), 0);
    backend->port = ntohs(address.sin_port);
    assert_int_equal(pipe(backend->stop), 0);
    assert_int_equal(assay_thread_start(serve, backend, &backend->thread, NULL), ASSAY_OK);
    return backend;
}

void test_backend_stop(test_backend *backend)
{
    assert_int_equal(write(backend->stop[1], "x", 1), 1);
    assay_thread_join(backend->thread);
    (void)close(backend->listener);
    (void)close(backend->stop[0]);
    (void)close(backend->stop[1]);
    for (size_t i = 0; i < backend->bodies.count; i++)
        assay_mem_free(*(char **)assay_vec_at(&backend->bodies, i));
    assay_vec_done(&backend->bodies);
    assay_buf_done(&backend->head);
    assay_lock_free(backend->lock);
    assay_mem_free(backend);
}

int test_backend_port(const test_backend *backend)
{
    return backend->port;
}

void test_backend_set(test_backend *backend, test_backend_mode mode)
{
    assay_lock_acquire(backend->lock);
    backend->mode = mode;
    assay_lock_release(backend->lock);
}

size_t test_backend_accepted(test_backend *backend)
{
    assay_lock_acquire(backend->lock);
    size_t count = backend->bodies.count;
    assay_lock_release(backend->lock);
    return count;
}

size_t test_backend_requests(test_backend *backend)
{
    assay_lock_acquire(backend->lock);
    size_t count = backend->requests;
    assay_lock_release(backend->lock);
    return count;
}

const char *test_backend_body(test_backend *backend, size_t index)
{
    assay_lock_acquire(backend->lock);
    assert_true(index < backend->bodies.count);
    const char *body = *(char **)assay_vec_at(&backend->bodies, index);
    assay_lock_release(backend->lock);
    return body;
}

const char *test_backend_head(test_backend *backend)
{
    assay_lock_acquire(backend->lock);
    const char *head = assay_buf_text(&backend->head);
    assay_lock_release(backend->lock);
    return head;
}
