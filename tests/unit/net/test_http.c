#include "base/str.h"
#include "base/thread.h"
#include "net/gzip.h"
#include "net/http.h"
#include "support/exhaust.h"
#include "unit/net/server.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

struct fixture {
    test_server *server;
    assay_http *http;
    assay_http_response response;
    assay_error err;
    char url[256];
};

static int setup(void **state)
{
    static struct fixture fixture;

    memset(&fixture, 0, sizeof fixture);
    (void)unsetenv("http_proxy");
    (void)unsetenv("all_proxy");
    (void)unsetenv("ALL_PROXY");
    fixture.server = test_server_start();
    assert_int_equal(assay_http_new(&fixture.http, NULL), ASSAY_OK);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    assay_http_response_done(&fixture->response);
    assay_http_free(fixture->http);
    test_server_stop(fixture->server);
    return 0;
}

/* A GET of `path` that the test changes as it likes. */
static assay_http_request request_of(struct fixture *fixture, const char *path)
{
    (void)snprintf(fixture->url, sizeof fixture->url, "http://127.0.0.1:%d%s",
                   test_server_port(fixture->server), path);
    return (assay_http_request){.method = "GET", .url = fixture->url, .total_timeout_ms = 20000};
}

static assay_status send_it(struct fixture *fixture, const assay_http_request *request)
{
    assay_error_clear(&fixture->err);
    return assay_http_send(fixture->http, request, &fixture->response, &fixture->err);
}

static void any_answer_is_ok(void **state)
{
    struct fixture *fixture = *state;
    assay_http_request request = request_of(fixture, "/ok");

    assert_int_equal(send_it(fixture, &request), ASSAY_OK);
    assert_int_equal(fixture->response.status, 200);
    assert_string_equal(assay_buf_text(&fixture->response.body), "fine");
    assert_int_equal(fixture->response.retry_after_ms, -1);
    request = request_of(fixture, "/broken");
    assert_int_equal(send_it(fixture, &request), ASSAY_OK);
    assert_int_equal(fixture->response.status, 500);
    assert_string_equal(assay_buf_text(&fixture->response.body), "sorry");
    request = request_of(fixture, "/busy");
    assert_int_equal(send_it(fixture, &request), ASSAY_OK);
    assert_int_equal(fixture->response.status, 429);
    assert_int_equal(fixture->response.retry_after_ms, 7000);
    assert_string_equal(assay_buf_text(&fixture->response.body), "");
    request = request_of(fixture, "/none");
    request.method = "HEAD";
    assert_int_equal(send_it(fixture, &request), ASSAY_OK);
    assert_int_equal(fixture->response.status, 404);
}

static void a_post_carries_headers_bearer_and_body(void **state)
{
    static const char *const headers[] = {"Content-Type: application/json", "X-One: 1", NULL};
    struct fixture *fixture = *state;
    assay_http_request request = request_of(fixture, "/ok");

    request.method = "POST";
    request.headers = headers;
    request.bearer = "secret-token";
    request.body = "{\"a\":1}";
    request.body_size = 7;
    assert_int_equal(send_it(fixture, &request), ASSAY_OK);
    const struct test_server_seen *seen = test_server_seen(fixture->server);
    const char *head = assay_buf_text(&seen->head);
    assert_true(assay_str_starts(head, "POST /ok HTTP/1.1\r\n"));
    assert_true(assay_str_contains(head, "\r\nAuthorization: Bearer secret-token\r\n"));
    assert_true(assay_str_contains(head, "\r\nContent-Type: application/json\r\n"));
    assert_true(assay_str_contains(head, "\r\nX-One: 1\r\n"));
    assert_true(assay_str_contains(head, "\r\nUser-Agent: assay"));
    assert_false(assay_str_contains(head, "Expect:"));
    assert_string_equal(assay_buf_text(&seen->body), "{\"a\":1}");
    /* The next request of the same client knows nothing of it. */
    request = request_of(fixture, "/ok");
    assert_int_equal(send_it(fixture, &request), ASSAY_OK);
    assert_false(assay_str_contains(assay_buf_text(&seen->head), "Bearer"));
    assert_true(assay_str_starts(assay_buf_text(&seen->head), "GET /ok"));
    assert_int_equal(seen->body.size, 0);
}

static void other_methods_and_empty_bodies_work(void **state)
{
    struct fixture *fixture = *state;
    assay_http_request request = request_of(fixture, "/ok");
    const struct test_server_seen *seen = test_server_seen(fixture->server);

    request.method = "PUT";
    request.body = "x";
    request.body_size = 1;
    assert_int_equal(send_it(fixture, &request), ASSAY_OK);
    assert_true(assay_str_starts(assay_buf_text(&seen->head), "PUT /ok"));
    assert_false(assay_str_contains(assay_buf_text(&seen->head), "Content-Type"));
    assert_string_equal(assay_buf_text(&seen->body), "x");
    request = request_of(fixture, "/ok");
    request.method = "DELETE";
    assert_int_equal(send_it(fixture, &request), ASSAY_OK);
    assert_true(assay_str_starts(assay_buf_text(&seen->head), "DELETE /ok"));
    request = request_of(fixture, "/ok");
    request.method = "POST";
    request.body = "";
    assert_int_equal(send_it(fixture, &request), ASSAY_OK);
    assert_true(assay_str_contains(assay_buf_text(&seen->head), "Content-Length: 0"));
}

static void a_gzip_body_is_received_right(void **state)
{
    struct fixture *fixture = *state;
    assay_http_request request = request_of(fixture, "/ok");
    ASSAY_AUTO(assay_buf_done) assay_buf body = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf back = ASSAY_BUF_EMPTY;

    for (int i = 0; i < 5000; i++)
        assay_buf_append_format(&body, "{\"event\":%d}\n", i);
    request.method = "POST";
    request.body = body.data;
    request.body_size = body.size;
    request.gzip_body = true;
    assert_int_equal(send_it(fixture, &request), ASSAY_OK);
    const struct test_server_seen *seen = test_server_seen(fixture->server);
    assert_true(assay_str_contains(assay_buf_text(&seen->head), "\r\nContent-Encoding: gzip\r\n"));
    assert_true(seen->body.size < body.size / 2);
    z_stream stream = {0};
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    assay_buf_reserve(&back, body.size);
    stream.next_in = (Bytef *)seen->body.data;
    stream.avail_in = (uInt)seen->body.size;
    stream.next_out = (Bytef *)back.data;
    stream.avail_out = (uInt)body.size;
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.total_out, body.size);
    assert_memory_equal(back.data, body.data, body.size);
    (void)inflateEnd(&stream);
}

static void a_gzip_answer_is_unpacked(void **state)
{
    struct fixture *fixture = *state;
    assay_http_request request = request_of(fixture, "/gzip");

    assert_int_equal(send_it(fixture, &request), ASSAY_OK);
    assert_string_equal(assay_buf_text(&fixture->response.body), "zipped");
}

static void a_silent_server_is_a_timeout(void **state)
{
    struct fixture *fixture = *state;
    assay_http_request request = request_of(fixture, "/silent");

    request.total_timeout_ms = 100;
    assert_int_equal(send_it(fixture, &request), ASSAY_ETIMEOUT);
    assert_int_equal(fixture->err.number, 1402);
    assert_true(fixture->err.retryable);
    assert_int_equal(fixture->response.status, 0);
}

static void a_connection_that_ends_early_is_retryable(void **state)
{
    struct fixture *fixture = *state;
    assay_http_request request = request_of(fixture, "/short");

    assert_int_equal(send_it(fixture, &request), ASSAY_EIO);
    assert_int_equal(fixture->err.number, 1400);
    assert_true(fixture->err.retryable);
}

static void a_closed_port_is_no_connection(void **state)
{
    struct fixture *fixture = *state;
    assay_http_request request = request_of(fixture, "/ok");

    /* Nobody listens on the discard port of a loopback address of our own. */
    request.url = "http://user:hidden@127.0.0.1:9/path?token=hidden";
    assert_int_equal(send_it(fixture, &request), ASSAY_EIO);
    assert_int_equal(fixture->err.number, 1401);
    assert_true(fixture->err.retryable);
    assert_false(assay_str_contains(fixture->err.message, "hidden"));
    assert_true(assay_str_contains(fixture->err.message, "http://127.0.0.1:9/path"));
}

static void an_answer_over_the_limit_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assay_http_request request = request_of(fixture, "/large");

    request.response_limit = 99999;
    assert_int_equal(send_it(fixture, &request), ASSAY_EDATA);
    assert_int_equal(fixture->err.number, 1403);
    request.response_limit = 100000;
    assert_int_equal(send_it(fixture, &request), ASSAY_OK);
    assert_int_equal(fixture->response.body.size, 100000);
}

static void redirects_stay_with_http_and_end(void **state)
{
    struct fixture *fixture = *state;
    assay_http_request request = request_of(fixture, "/to/3");

    assert_int_equal(send_it(fixture, &request), ASSAY_OK);
    assert_int_equal(fixture->response.status, 200);
    request = request_of(fixture, "/to/50");
    assert_int_equal(send_it(fixture, &request), ASSAY_EIO);
    assert_false(fixture->err.retryable);
    request = request_of(fixture, "/to-file");
    assert_int_equal(send_it(fixture, &request), ASSAY_EIO);
    assert_false(fixture->err.retryable);
    assert_int_equal(fixture->response.body.size, 0);
    request = request_of(fixture, "/to-gopher");
    assert_int_equal(send_it(fixture, &request), ASSAY_EIO);
}

static void a_post_is_not_redirected(void **state)
{
    struct fixture *fixture = *state;
    assay_http_request request = request_of(fixture, "/to/1");

    request.method = "POST";
    request.body = "x";
    request.body_size = 1;
    assert_int_equal(send_it(fixture, &request), ASSAY_OK);
    assert_int_equal(fixture->response.status, 302);
    assert_int_equal(test_server_seen(fixture->server)->requests, 1);
}

static void wrong_urls_and_line_breaks_are_refused(void **state)
{
    static const char *const urls[] = {
        "",        "file:///etc/passwd", "ftp://h/",         "example.org",
        "http://", "http://a b/",        "http://h/\r\nX: y"};
    static const char *const headers[] = {"X: a\r\nY: b", NULL};
    struct fixture *fixture = *state;
    assay_http_request request = request_of(fixture, "/ok");

    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        request.url = urls[i];
        if (send_it(fixture, &request) != ASSAY_ECONFIG || fixture->err.number != 1404)
            fail_msg("'%s': %s", urls[i], fixture->err.message);
    }
    request = request_of(fixture, "/ok");
    request.headers = headers;
    assert_int_equal(send_it(fixture, &request), ASSAY_EINVAL);
    request = request_of(fixture, "/ok");
    request.bearer = "a\nX: b";
    assert_int_equal(send_it(fixture, &request), ASSAY_EINVAL);
    request = request_of(fixture, "/ok");
    request.method = "GET /x\r\n";
    assert_int_equal(send_it(fixture, &request), ASSAY_EINVAL);
    assert_int_equal(test_server_seen(fixture->server)->requests, 0);
}

static void a_cancelled_request_stops(void **state)
{
    struct fixture *fixture = *state;
    assay_http_request request = request_of(fixture, "/silent");
    assay_cancel *cancel = assay_cancel_new();

    assay_cancel_request(cancel, SIGINT);
    request.cancel = cancel;
    assert_int_equal(send_it(fixture, &request), ASSAY_ECANCELLED);
    assert_int_equal(fixture->err.number, 1002);
    assay_cancel_free(cancel);
}

static void waits_grow_within_their_limits(void **state)
{
    (void)state;
    for (uint32_t random = 0; random < 5000; random += 7) {
        int64_t first = assay_http_backoff_ms(0, 100, 5000, random);
        int64_t third = assay_http_backoff_ms(2, 100, 5000, random);
        int64_t late = assay_http_backoff_ms(60, 100, 5000, random);
        assert_true(first >= 50 && first <= 100);
        assert_true(third >= 200 && third <= 400);
        assert_true(late >= 2500 && late <= 5000);
    }
    assert_int_equal(assay_http_backoff_ms(0, 100, 5000, 0), 100);
    assert_true(assay_http_backoff_ms(1000, INT64_MAX / 2, INT64_MAX, 0) > 0);
}

static void urls_are_percent_encoded(void **state)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    (void)state;
    assay_url_encode(&buf, "aZ09-._~ /?&=%+\xC3\xA4");
    assert_string_equal(assay_buf_text(&buf), "aZ09-._~%20%2F%3F%26%3D%25%2B%C3%A4");
}

/* To a port that nobody listens on: the server of the test would lose allocations too. */
static assay_status post_to_nobody(void *user, assay_error *err)
{
    static const char *const headers[] = {"X-One: 1", NULL};
    ASSAY_AUTO(assay_http_freep) assay_http *http = NULL;
    assay_http_response response = {0};
    assay_http_request request = {.method = "POST", .url = "http://127.0.0.1:9/", .bearer = "x"};

    (void)user;
    request.headers = headers;
    request.body = "body";
    request.body_size = 4;
    request.gzip_body = true;
    ASSAY_TRY(assay_http_new(&http, err));
    assay_status status = assay_http_send(http, &request, &response, err);
    assay_http_response_done(&response);
    return status == ASSAY_EIO ? ASSAY_OK : status;
}

static void requests_survive_every_failed_allocation(void **state)
{
    (void)state;
    exhaust_allocations(post_to_nobody, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(any_answer_is_ok),
        TEST(a_post_carries_headers_bearer_and_body),
        TEST(other_methods_and_empty_bodies_work),
        TEST(a_gzip_body_is_received_right),
        TEST(a_gzip_answer_is_unpacked),
        TEST(a_silent_server_is_a_timeout),
        TEST(a_connection_that_ends_early_is_retryable),
        TEST(a_closed_port_is_no_connection),
        TEST(an_answer_over_the_limit_is_refused),
        TEST(redirects_stay_with_http_and_end),
        TEST(a_post_is_not_redirected),
        TEST(wrong_urls_and_line_breaks_are_refused),
        TEST(a_cancelled_request_stops),
        TEST(waits_grow_within_their_limits),
        TEST(urls_are_percent_encoded),
        TEST(requests_survive_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
