#include "net/silence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { MARK_MS = 54321, OTHER_MARK_MS = 54322, LIMIT_MS = 100, FAR_MS = 600000 };

/* Two ends of one connection over loopback; the first has the mark. */
struct connection {
    int ends[2];
};

static struct connection connect_marked(int mark_ms)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct connection made = {{-1, -1}};
    socklen_t size = sizeof address;
    unsigned int mark = (unsigned int)mark_ms;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    made.ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(setsockopt(made.ends[0], IPPROTO_TCP, TCP_USER_TIMEOUT, &mark, sizeof mark),
                     0);
    assert_int_equal(connect(made.ends[0], (struct sockaddr *)&address, sizeof address), 0);
    made.ends[1] = accept(listener, NULL, NULL);
    assert_true(made.ends[1] >= 0);
    (void)close(listener);
    return made;
}

static void disconnect(const struct connection *connection)
{
    (void)close(connection->ends[0]);
    (void)close(connection->ends[1]);
}

static void a_read_that_nobody_answers_ends_and_other_connections_stay(void **state)
{
    const assay_clock clock = assay_clock_system();
    ASSAY_AUTO(assay_silence_endp) assay_silence *silence = NULL;
    const struct connection marked = connect_marked(MARK_MS);
    const struct connection other = connect_marked(OTHER_MARK_MS);
    char byte = 'x';

    (void)state;
    assert_int_equal(assay_silence_watch(&clock, MARK_MS, LIMIT_MS, &silence, NULL), ASSAY_OK);
    assert_int_equal(recv(marked.ends[0], &byte, 1, 0), 0); /* waits for ever without the watch */
    assert_true(assay_silence_broke(silence));
    assert_int_equal(send(other.ends[0], &byte, 1, MSG_NOSIGNAL), 1);
    assert_int_equal(recv(other.ends[1], &byte, 1, 0), 1);
    disconnect(&marked);
    disconnect(&other);
}

static void a_watch_that_ends_in_time_leaves_its_connection_alone(void **state)
{
    const assay_clock clock = assay_clock_system();
    assay_silence *silence = NULL;
    const struct connection marked = connect_marked(MARK_MS);
    char byte = 'x';

    (void)state;
    assert_int_equal(assay_silence_watch(&clock, MARK_MS, FAR_MS, &silence, NULL), ASSAY_OK);
    assert_false(assay_silence_broke(silence));
    assay_silence_end(silence);
    assert_int_equal(send(marked.ends[1], &byte, 1, MSG_NOSIGNAL), 1);
    assert_int_equal(recv(marked.ends[0], &byte, 1, 0), 1);
    disconnect(&marked);
    assay_silence_end(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_that_nobody_answers_ends_and_other_connections_stay),
        cmocka_unit_test(a_watch_that_ends_in_time_leaves_its_connection_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
