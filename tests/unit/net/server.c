#include "unit/net/server.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"
#include "net/gzip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct test_server {
    int listener;
    int stop[2]; /* a byte in this pipe ends the thread */
    int port;
    assay_thread *thread;
    struct test_server_seen seen;
};

static void send_all(int client, const void *bytes, size_t size)
{
    const char *at = bytes;

    while (size > 0) {
        ssize_t sent = send(client, at, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        at += sent;
        size -= (size_t)sent;
    }
}

static void answer(int client, const char *status, const char *headers, const assay_buf *body)
{
    ASSAY_AUTO(assay_buf_done) assay_buf head = ASSAY_BUF_EMPTY;

    assay_buf_append_format(&head, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n", status, headers,
                            body->size);
    send_all(client, assay_buf_text(&head), head.size);
    send_all(client, assay_buf_text(body), body->size);
}

static void redirect(int client, const char *where)
{
    ASSAY_AUTO(assay_buf_done) assay_buf headers = ASSAY_BUF_EMPTY;
    assay_buf empty = ASSAY_BUF_EMPTY;

    assay_buf_append_format(&headers, "Location: %s\r\n", where);
    answer(client, "302 Found", assay_buf_text(&headers), &empty);
}

static void answer_redirect(int client, const char *path)
{
    char where[64];
    long left = strtol(path + strlen("/to/"), NULL, 10);

    if (left > 1)
        (void)snprintf(where, sizeof where, "/to/%ld", left - 1);
    else
        (void)snprintf(where, sizeof where, "/ok");
    redirect(client, where);
}

/* Answers one path; false where the connection ends. */
static bool answer_path(const struct test_server *server, int client, const char *path)
{
    ASSAY_AUTO(assay_buf_done) assay_buf body = ASSAY_BUF_EMPTY;

    if (strcmp(path, "/ok") == 0) {
        assay_buf_append_text(&body, "fine");
        answer(client, "200 OK", "", &body);
    } else if (strcmp(path, "/broken") == 0) {
        assay_buf_append_text(&body, "sorry");
        answer(client, "500 Internal Server Error", "", &body);
    } else if (strcmp(path, "/busy") == 0) {
        answer(client, "429 Too Many Requests", "Retry-After: 7\r\n", &body);
    } else if (strcmp(path, "/silent") == 0) {
        struct pollfd wait[2] = {{client, POLLIN, 0}, {server->stop[0], POLLIN, 0}};
        (void)poll(wait, 2, -1);
        return false;
    } else if (strcmp(path, "/short") == 0) {
        static const char part[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart";
        send_all(client, part, sizeof part - 1);
        return false;
    } else if (strcmp(path, "/large") == 0) {
        for (int i = 0; i < 10000; i++)
            assay_buf_append_text(&body, "0123456789");
        answer(client, "200 OK", "", &body);
    } else if (strcmp(path, "/gzip") == 0) {
        assay_status status = assay_gzip("zipped", 6, &body, NULL);
        answer(client, status == ASSAY_OK ? "200 OK" : "500 Bad", "Content-Encoding: gzip\r\n",
               &body);
    } else if (assay_str_starts(path, "/to/")) {
        answer_redirect(client, path);
    } else if (strcmp(path, "/to-file") == 0) {
        redirect(client, "file:///etc/passwd");
    } else if (strcmp(path, "/to-gopher") == 0) {
        redirect(client, "gopher://127.0.0.1/");
    } else {
        answer(client, "404 Not Found", "", &body);
    }
    return true;
}

/* Reads at least up to `size` bytes of `buf`; false at the end of the connection. */
static bool fill(int client, assay_buf *buf, size_t size)
{
    char piece[4096];

    while (buf->size < size) {
        ssize_t got = recv(client, piece, sizeof piece, 0);
        if (got <= 0)
            return false;
        assay_buf_append(buf, piece, (size_t)got);
    }
    return true;
}

static size_t content_length(const char *head)
{
    const char *found = strstr(head, "Content-Length:");

    return found != NULL ? (size_t)strtoul(found + strlen("Content-Length:"), NULL, 10) : 0;
}

/* Reads one request into server->seen; false at the end of the connection. */
static bool read_request(struct test_server *server, int client)
{
    ASSAY_AUTO(assay_buf_done) assay_buf bytes = ASSAY_BUF_EMPTY;
    const char *end = NULL;

    while (end == NULL) {
        if (!fill(client, &bytes, bytes.size + 1))
            return false;
        end = strstr(assay_buf_text(&bytes), "\r\n\r\n");
    }
    size_t head_size = (size_t)(end - assay_buf_text(&bytes)) + 4;
    size_t body_size = content_length(assay_buf_text(&bytes));
    if (!fill(client, &bytes, head_size + body_size))
        return false;
    assay_buf_clear(&server->seen.head);
    assay_buf_append(&server->seen.head, bytes.data, head_size);
    assay_buf_clear(&server->seen.body);
    assay_buf_append(&server->seen.body, bytes.data + head_size, body_size);
    server->seen.requests++;
    return true;
}

static void serve_connection(struct test_server *server, int client)
{
    char path[256];

    while (read_request(server, client)) {
        if (sscanf(assay_buf_text(&server->seen.head), "%*s %255s", path) != 1)
            return;
        if (!answer_path(server, client, path))
            return;
        struct pollfd wait[2] = {{client, POLLIN, 0}, {server->stop[0], POLLIN, 0}};
        (void)poll(wait, 2, -1);
        if (wait[1].revents != 0)
            return;
    }
}

static void serve(void *argument)
{
    struct test_server *server = argument;

    for (;;) {
        struct pollfd wait[2] = {{server->listener, POLLIN, 0}, {server->stop[0], POLLIN, 0}};
        (void)poll(wait, 2, -1);
        if (wait[1].revents != 0)
            return;
        int client = accept(server->listener, NULL, NULL);
        if (client < 0)
            return;
        serve_connection(server, client);
        (void)close(client);
    }
}

test_server *test_server_start(void)
{
    struct test_server *server = assay_mem_new(1, sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;

    assert_non_null(server);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(server->listener >= 0);
    assert_int_equal(bind(server->listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server->listener, 8), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pipe(server->stop), 0);
    assert_int_equal(assay_thread_start(serve, server, &server->thread, NULL), ASSAY_OK);
    return server;
}

void test_server_stop(test_server *server)
{
    assert_int_equal(write(server->stop[1], "x", 1), 1);
    assay_thread_join(server->thread);
    (void)close(server->listener);
    (void)close(server->stop[0]);
    (void)close(server->stop[1]);
    assay_buf_done(&server->seen.head);
    assay_buf_done(&server->seen.body);
    assay_mem_free(server);
}

int test_server_port(const test_server *server)
{
    return server->port;
}

const struct test_server_seen *test_server_seen(const test_server *server)
{
    return &server->seen;
}
