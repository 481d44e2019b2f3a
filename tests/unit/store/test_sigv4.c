/* The examples that AWS publishes: the signing examples of the General Reference, the aws4 test
 * suite, and "Examples: Signature Calculations" of S3's API reference. */
#include "store/sigv4.h"

#include "base/str.h"
#include "support/exhaust.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    assay_arena *arena;
    assay_aws_credentials suite, s3;
};

static assay_secret *secret(const char *text)
{
    assay_secret *made = NULL;

    assert_int_equal(assay_secret_new(text, strlen(text), &made, NULL), ASSAY_OK);
    return made;
}

static int setup(void **state)
{
    static struct fixture fixture;

    fixture.arena = assay_arena_new();
    fixture.suite.key_id = secret("AKIDEXAMPLE");
    fixture.suite.secret_key = secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    fixture.s3.key_id = secret("AKIAIOSFODNN7EXAMPLE");
    fixture.s3.secret_key = secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    assay_aws_credentials_done(&fixture->suite);
    assay_aws_credentials_done(&fixture->s3);
    assay_arena_free(fixture->arena);
    return 0;
}

static const int64_t SUITE_US = INT64_C(1440938160) * 1000000; /* 2015-08-30T12:36:00Z */
static const int64_t S3_US = INT64_C(1369353600) * 1000000;    /* 2013-05-24T00:00:00Z */

static assay_sigv4_request suite_request(const char *method, const char *path)
{
    return (assay_sigv4_request){.method = method,
                                 .host = "example.amazonaws.com",
                                 .path = path,
                                 .service = "service",
                                 .region = "us-east-1",
                                 .now_us = SUITE_US};
}

static assay_sigv4_request s3_request(const char *method, const char *path)
{
    return (assay_sigv4_request){.method = method,
                                 .host = "examplebucket.s3.amazonaws.com",
                                 .path = path,
                                 .service = "s3",
                                 .region = "us-east-1",
                                 .now_us = S3_US};
}

static assay_sigv4_signed sign(struct fixture *fixture, const assay_sigv4_request *request,
                               const assay_aws_credentials *credentials)
{
    assay_sigv4_signed made = {0};

    assert_int_equal(assay_sigv4_sign(request, credentials, fixture->arena, &made, NULL), ASSAY_OK);
    return made;
}

static void the_plain_request_of_the_suite(void **state)
{
    struct fixture *fixture = *state;
    const assay_sigv4_request request = suite_request("GET", "/");
    assay_sigv4_signed made = sign(fixture, &request, &fixture->suite);

    assert_string_equal(made.canonical,
                        "GET\n/\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\n"
                        "host;x-amz-date\n"
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_string_equal(made.to_sign,
                        "AWS4-HMAC-SHA256\n20150830T123600Z\n"
                        "20150830/us-east-1/service/aws4_request\n"
                        "bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63");
    assert_string_equal(made.signature,
                        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    assert_string_equal(made.headers[0], "x-amz-date: 20150830T123600Z");
    assert_string_equal(made.headers[1],
                        "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/"
                        "service/aws4_request, SignedHeaders=host;x-amz-date, Signature="
                        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    assert_null(made.headers[2]);
}

static void a_plain_post_of_the_suite(void **state)
{
    struct fixture *fixture = *state;
    const assay_sigv4_request request = suite_request("POST", "/");

    assert_string_equal(sign(fixture, &request, &fixture->suite).signature,
                        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
}

static void the_query_is_sorted(void **state)
{
    struct fixture *fixture = *state;
    const assay_sigv4_pair query[] = {{"Param2", "value2"}, {"Param1", "value1"}};
    assay_sigv4_request request = suite_request("GET", "/");

    request.query = query;
    request.query_count = 2;
    assay_sigv4_signed made = sign(fixture, &request, &fixture->suite);
    assert_string_equal(made.target, "/?Param1=value1&Param2=value2");
    assert_string_equal(made.signature,
                        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
}

static void the_example_of_the_general_reference(void **state)
{
    struct fixture *fixture = *state;
    const assay_sigv4_pair query[] = {{"Version", "2010-05-08"}, {"Action", "ListUsers"}};
    const assay_sigv4_pair headers[] = {
        {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
    assay_sigv4_request request = suite_request("GET", "/");

    request.host = "iam.amazonaws.com";
    request.service = "iam";
    request.query = query;
    request.query_count = 2;
    request.headers = headers;
    request.header_count = 1;
    assert_string_equal(sign(fixture, &request, &fixture->suite).signature,
                        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}

static void the_path_is_made_normal_and_encoded_twice(void **state)
{
    struct fixture *fixture = *state;
    const assay_sigv4_request request = suite_request("GET", "/a/./b//../c d/");
    assay_sigv4_signed made = sign(fixture, &request, &fixture->suite);

    assert_string_equal(made.target, "/a/c%20d/");
    assert_true(assay_str_starts(made.canonical, "GET\n/a/c%2520d/\n\n"));
}

static void the_path_of_s3_is_encoded_once_and_taken_as_it_is(void **state)
{
    struct fixture *fixture = *state;
    const assay_sigv4_request request = s3_request("GET", "/a//./day=1/x y.parquet");
    assay_sigv4_signed made = sign(fixture, &request, &fixture->s3);

    assert_string_equal(made.target, "/a//./day%3D1/x%20y.parquet");
    assert_true(assay_str_starts(made.canonical, "GET\n/a//./day%3D1/x%20y.parquet\n\n"));
}

static void reading_an_object_of_s3(void **state)
{
    struct fixture *fixture = *state;
    const assay_sigv4_pair headers[] = {{"Range", "bytes=0-9"}};
    assay_sigv4_request request = s3_request("GET", "/test.txt");

    request.headers = headers;
    request.header_count = 1;
    assert_string_equal(sign(fixture, &request, &fixture->s3).signature,
                        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void writing_an_object_of_s3(void **state)
{
    struct fixture *fixture = *state;
    const assay_sigv4_pair headers[] = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                                        {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
    assay_sigv4_request request = s3_request("PUT", "/test$file.text");

    request.headers = headers;
    request.header_count = 2;
    request.body = "Welcome to Amazon S3.";
    request.body_size = strlen("Welcome to Amazon S3.");
    assay_sigv4_signed made = sign(fixture, &request, &fixture->s3);
    assert_string_equal(made.target, "/test%24file.text");
    assert_string_equal(made.signature,
                        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

static void a_parameter_without_value_of_s3(void **state)
{
    struct fixture *fixture = *state;
    const assay_sigv4_pair query[] = {{"lifecycle", ""}};
    assay_sigv4_request request = s3_request("GET", "/");

    request.query = query;
    request.query_count = 1;
    assert_string_equal(sign(fixture, &request, &fixture->s3).signature,
                        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

static void listing_a_bucket_of_s3(void **state)
{
    struct fixture *fixture = *state;
    const assay_sigv4_pair query[] = {{"prefix", "J"}, {"max-keys", "2"}};
    assay_sigv4_request request = s3_request("GET", "/");

    request.query = query;
    request.query_count = 2;
    assert_string_equal(sign(fixture, &request, &fixture->s3).signature,
                        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void blanks_of_headers_do_not_count(void **state)
{
    struct fixture *fixture = *state;
    const assay_sigv4_pair headers[] = {{"My-Header1", "  a   b  c  "}};
    assay_sigv4_request request = suite_request("GET", "/");

    request.headers = headers;
    request.header_count = 1;
    assert_true(assay_str_contains(sign(fixture, &request, &fixture->suite).canonical,
                                   "\nmy-header1:a b c\n"));
}

static void a_session_token_is_sent_and_signed(void **state)
{
    struct fixture *fixture = *state;
    assay_aws_credentials credentials = fixture->suite;
    ASSAY_AUTO(assay_secret_freep) assay_secret *token = secret("AQoDYXdzEPT//////////");
    const assay_sigv4_request request = suite_request("GET", "/");

    credentials.session_token = token;
    assay_sigv4_signed made = sign(fixture, &request, &credentials);
    assert_true(
        assay_str_contains(made.canonical, "\nx-amz-security-token:AQoDYXdzEPT//////////\n"));
    assert_true(assay_str_contains(made.canonical, "\nhost;x-amz-date;x-amz-security-token\n"));
    assert_string_equal(made.headers[1], "x-amz-security-token: AQoDYXdzEPT//////////");
}

static void a_payload_may_stay_unsigned(void **state)
{
    struct fixture *fixture = *state;
    assay_sigv4_request request = s3_request("PUT", "/x");

    request.payload_hash = "UNSIGNED-PAYLOAD";
    assay_sigv4_signed made = sign(fixture, &request, &fixture->s3);
    assert_true(assay_str_ends(made.canonical, "\nUNSIGNED-PAYLOAD"));
    assert_string_equal(made.headers[0], "x-amz-content-sha256: UNSIGNED-PAYLOAD");
}

static void too_many_headers_are_refused(void **state)
{
    struct fixture *fixture = *state;
    assay_sigv4_pair headers[64];
    assay_sigv4_request request = suite_request("GET", "/");
    assay_sigv4_signed made = {0};
    assay_error err = {0};

    for (size_t i = 0; i < 64; i++)
        headers[i] = (assay_sigv4_pair){"x", "y"};
    request.headers = headers;
    request.header_count = 64;
    assert_int_equal(assay_sigv4_sign(&request, &fixture->suite, fixture->arena, &made, &err),
                     ASSAY_EINVAL);
    assert_int_equal(err.number, 1266);
}

static assay_status sign_one(void *user, assay_error *err)
{
    struct fixture *fixture = user;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const assay_sigv4_pair query[] = {{"max-keys", "2"}, {"prefix", "J"}};
    assay_sigv4_request request = s3_request("GET", "/");
    assay_sigv4_signed made = {0};

    request.query = query;
    request.query_count = 2;
    ASSAY_TRY(assay_arena_check(arena, err));
    return assay_sigv4_sign(&request, &fixture->s3, arena, &made, err);
}

static void short_memory_is_a_status(void **state)
{
    exhaust_allocations(sign_one, *state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plain_request_of_the_suite),
        cmocka_unit_test(a_plain_post_of_the_suite),
        cmocka_unit_test(the_query_is_sorted),
        cmocka_unit_test(the_example_of_the_general_reference),
        cmocka_unit_test(the_path_is_made_normal_and_encoded_twice),
        cmocka_unit_test(the_path_of_s3_is_encoded_once_and_taken_as_it_is),
        cmocka_unit_test(reading_an_object_of_s3),
        cmocka_unit_test(writing_an_object_of_s3),
        cmocka_unit_test(a_parameter_without_value_of_s3),
        cmocka_unit_test(listing_a_bucket_of_s3),
        cmocka_unit_test(blanks_of_headers_do_not_count),
        cmocka_unit_test(a_session_token_is_sent_and_signed),
        cmocka_unit_test(a_payload_may_stay_unsigned),
        cmocka_unit_test(too_many_headers_are_refused),
        cmocka_unit_test(short_memory_is_a_status),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
