#include "adbc/startup.h"

#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"

enum { WAIT_MS = 2000, ANSWER_SIZE = 2048, PROTOCOL = 196608 /* 3.0 */ };

static void close_file(const int *file)
{
    if (*file >= 0)
        (void)close(*file);
}

static bool wait_for(int file, short events)
{
    struct pollfd wait = {.fd = file, .events = events};

    return poll(&wait, 1, WAIT_MS) == 1 && (wait.revents & (POLLERR | POLLNVAL)) == 0;
}

static int connect_to(int family, const struct sockaddr *address, socklen_t size)
{
    int failed = 0;
    socklen_t failed_size = sizeof failed;
    int file = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (file < 0)
        return -1;
    if (connect(file, address, size) == 0 ||
        (wait_for(file, POLLOUT) &&
         getsockopt(file, SOL_SOCKET, SO_ERROR, &failed, &failed_size) == 0 && failed == 0))
        return file;
    (void)close(file);
    return -1;
}

static int connect_to_socket(const assay_adbc_server *server)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(address.sun_path, sizeof address.sun_path, "%s/.s.PGSQL.%d", server->host,
                          server->port);

    if (length < 0 || (size_t)length >= sizeof address.sun_path)
        return -1;
    const void *any = &address;
    return connect_to(AF_UNIX, any, sizeof address);
}

static int connect_to_host(const assay_adbc_server *server)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char port[16];
    int file = -1;

    (void)snprintf(port, sizeof port, "%d", server->port);
    if (getaddrinfo(server->host, port, &hints, &found) != 0)
        return -1;
    for (const struct addrinfo *at = found; at != NULL && file < 0; at = at->ai_next)
        file = connect_to(at->ai_family, at->ai_addr, at->ai_addrlen);
    freeaddrinfo(found);
    return file;
}

static void append_int(assay_buf *buf, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        assay_buf_append_char(buf, (char)(value >> shift & 0xFFU));
}

/* StartupMessage (PostgreSQL, "Message Formats"): length, protocol, names and values, 0. */
static bool send_startup(int file, const assay_adbc_server *server)
{
    ASSAY_AUTO(assay_buf_done) assay_buf body = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf message = ASSAY_BUF_EMPTY;

    append_int(&body, PROTOCOL);
    assay_buf_append(&body, "user", sizeof "user");
    assay_buf_append(&body, server->user, strlen(server->user) + 1);
    assay_buf_append(&body, "database", sizeof "database");
    assay_buf_append(&body, server->database, strlen(server->database) + 1);
    assay_buf_append_char(&body, '\0');
    append_int(&message, (uint32_t)body.size + 4);
    assay_buf_append(&message, body.data, body.size);
    return !body.failed && !message.failed &&
           send(file, message.data, message.size, MSG_NOSIGNAL) == (ssize_t)message.size;
}

/* ErrorResponse: 'E', length, fields of a letter and a text; C is the SQLSTATE. */
static bool read_state(const char *answer, size_t size, char state[6])
{
    for (size_t at = 5; at < size && answer[at] != '\0';) {
        size_t length = strnlen(answer + at + 1, size - at - 1);

        if (answer[at] == 'C' && length == 5) {
            memcpy(state, answer + at + 1, 5);
            state[5] = '\0';
            return true;
        }
        at += length + 2;
    }
    return false;
}

bool assay_adbc_ask_startup(const assay_adbc_server *server, char state[6])
{
    ASSAY_AUTO(close_file)
    int file = server->host[0] == '/' ? connect_to_socket(server) : connect_to_host(server);
    char answer[ANSWER_SIZE];

    if (file < 0 || !send_startup(file, server) || !wait_for(file, POLLIN))
        return false;
    ssize_t got = recv(file, answer, sizeof answer, 0);
    if (got < 1)
        return false;
    if (answer[0] == 'R') {
        memcpy(state, "28000", 6);
        return true;
    }
    return answer[0] == 'E' && read_state(answer, (size_t)got, state);
}
