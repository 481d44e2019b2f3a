#include "store/sigv4.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "store/hash.h"

enum { MAC_SIZE = 32, DATE_SIZE = 17, HEADERS_MAX = 64 };

/* One request on its way. */
struct signing {
    const assay_sigv4_request *request;
    const assay_aws_credentials *credentials;
    assay_arena *arena;
    char date[DATE_SIZE]; /* 20150830T123600Z */
    char hash[ASSAY_SHA256_TEXT_SIZE];
    const char *payload;
    assay_sigv4_pair headers[HEADERS_MAX]; /* names in lower case, sorted */
    size_t header_count;
    char *path, *query; /* encoded, as sent */
    char *signed_names; /* "host;x-amz-date" */
    char *scope;        /* 20150830/us-east-1/service/aws4_request */
    assay_sigv4_signed result;
};

static bool is_s3(const struct signing *signing)
{
    return assay_str_equal(signing->request->service, "s3");
}

static char *take(struct signing *signing, assay_buf *buf)
{
    char *text = buf->failed ? NULL : assay_arena_text(signing->arena, assay_buf_text(buf));

    assay_buf_done(buf);
    return text;
}

/* ---- encoding ---- */

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

/* UriEncode of the specification; '/' stays where `keep_slash`. */
static void append_encoded(assay_buf *buf, const char *text, bool keep_slash)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (is_unreserved(*at) || (keep_slash && *at == '/'))
            assay_buf_append_char(buf, *at);
        else
            assay_buf_append_format(buf, "%%%02X", (unsigned)(unsigned char)*at);
    }
}

static char *encoded(struct signing *signing, const char *text, bool keep_slash)
{
    assay_buf buf = ASSAY_BUF_EMPTY;

    append_encoded(&buf, text, keep_slash);
    return take(signing, &buf);
}

static int compare_pairs(const void *a, const void *b)
{
    const assay_sigv4_pair *left = a, *right = b;
    int order = strcmp(left->name, right->name);

    return order != 0 ? order : strcmp(left->value, right->value);
}

/* Sorted by the encoded names, then values. */
static assay_status encode_query(struct signing *signing, assay_error *err)
{
    const assay_sigv4_request *request = signing->request;
    assay_sigv4_pair *pairs =
        assay_arena_take(signing->arena, request->query_count + 1, sizeof *pairs);
    assay_buf buf = ASSAY_BUF_EMPTY;

    ASSAY_TRY(assay_arena_check(pairs, err));
    for (size_t i = 0; i < request->query_count; i++) {
        pairs[i].name = encoded(signing, request->query[i].name, false);
        pairs[i].value = encoded(signing, request->query[i].value, false);
        if (pairs[i].name == NULL || pairs[i].value == NULL)
            return assay_error_nomem(err);
    }
    qsort(pairs, request->query_count, sizeof *pairs, compare_pairs);
    for (size_t i = 0; i < request->query_count; i++) {
        if (i > 0)
            assay_buf_append_char(&buf, '&');
        assay_buf_append_text(&buf, pairs[i].name);
        assay_buf_append_char(&buf, '=');
        assay_buf_append_text(&buf, pairs[i].value);
    }
    signing->query = take(signing, &buf);
    return assay_arena_check(signing->query, err);
}

/* '.', '..' and '//' are resolved for every service but S3; a '/' at the end stays. */
static char *normal_path(struct signing *signing)
{
    const char *path = signing->request->path;
    size_t length = strlen(path);

    if (is_s3(signing))
        return assay_arena_text(signing->arena, path);
    char *normal = assay_path_normal(signing->arena, "/", path);
    if (normal == NULL || normal[1] == '\0' || length == 0 || path[length - 1] != '/')
        return normal;
    return assay_arena_format(signing->arena, "%s/", normal);
}

static assay_status encode_path(struct signing *signing, assay_error *err)
{
    char *normal = normal_path(signing);

    ASSAY_TRY(assay_arena_check(normal, err));
    signing->path = encoded(signing, normal, true);
    return assay_arena_check(signing->path, err);
}

/* ---- headers ---- */

static char *lower_name(struct signing *signing, const char *name)
{
    char *lower = assay_arena_text(signing->arena, name);

    for (char *at = lower; at != NULL && *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    return lower;
}

/* Without blanks at the ends, and with single ones inside. */
static char *trimmed(struct signing *signing, const char *value)
{
    assay_buf buf = ASSAY_BUF_EMPTY;
    bool blank = false;

    for (const char *at = value; *at != '\0'; at++) {
        if (*at == ' ' || *at == '\t') {
            blank = true;
            continue;
        }
        if (blank && buf.size > 0)
            assay_buf_append_char(&buf, ' ');
        blank = false;
        assay_buf_append_char(&buf, *at);
    }
    return take(signing, &buf);
}

static assay_status add_header(struct signing *signing, const char *name, const char *value,
                               assay_error *err)
{
    if (signing->header_count >= HEADERS_MAX)
        return assay_error_set(err, ASSAY_EINVAL, 1266, "a request has more than %d headers",
                               HEADERS_MAX);
    assay_sigv4_pair *header = &signing->headers[signing->header_count++];
    header->name = lower_name(signing, name);
    header->value = trimmed(signing, value);
    return header->name != NULL && header->value != NULL ? ASSAY_OK : assay_error_nomem(err);
}

static int compare_names(const void *a, const void *b)
{
    const assay_sigv4_pair *left = a, *right = b;

    return strcmp(left->name, right->name);
}

static assay_status collect_headers(struct signing *signing, assay_error *err)
{
    const assay_sigv4_request *request = signing->request;
    const assay_secret *token = signing->credentials->session_token;

    for (size_t i = 0; i < request->header_count; i++)
        ASSAY_TRY(add_header(signing, request->headers[i].name, request->headers[i].value, err));
    ASSAY_TRY(add_header(signing, "host", request->host, err));
    ASSAY_TRY(add_header(signing, "x-amz-date", signing->date, err));
    if (is_s3(signing))
        ASSAY_TRY(add_header(signing, "x-amz-content-sha256", signing->payload, err));
    if (token != NULL)
        ASSAY_TRY(add_header(signing, "x-amz-security-token", assay_secret_reveal(token), err));
    qsort(signing->headers, signing->header_count, sizeof *signing->headers, compare_names);
    return ASSAY_OK;
}

/* ---- the steps of the specification ---- */

static assay_status make_canonical(struct signing *signing, assay_error *err)
{
    const assay_sigv4_request *request = signing->request;
    assay_buf names = ASSAY_BUF_EMPTY, buf = ASSAY_BUF_EMPTY;

    assay_buf_append_format(&buf, "%s\n", request->method);
    append_encoded(&buf, is_s3(signing) ? "" : signing->path, true);
    assay_buf_append_format(&buf, "%s\n%s\n", is_s3(signing) ? signing->path : "", signing->query);
    for (size_t i = 0; i < signing->header_count; i++) {
        const assay_sigv4_pair *header = &signing->headers[i];

        assay_buf_append_format(&buf, "%s:%s\n", header->name, header->value);
        assay_buf_append_format(&names, "%s%s", i > 0 ? ";" : "", header->name);
    }
    signing->signed_names = take(signing, &names);
    if (signing->signed_names == NULL) {
        assay_buf_done(&buf);
        return assay_error_nomem(err);
    }
    assay_buf_append_format(&buf, "\n%s\n%s", signing->signed_names, signing->payload);
    signing->result.canonical = take(signing, &buf);
    return assay_arena_check(signing->result.canonical, err);
}

static assay_status make_to_sign(struct signing *signing, assay_error *err)
{
    char hash[ASSAY_SHA256_TEXT_SIZE];
    const char *canonical = signing->result.canonical;

    ASSAY_TRY(assay_sha256(canonical, strlen(canonical), hash, err));
    signing->scope = assay_arena_format(signing->arena, "%.8s/%s/%s/aws4_request", signing->date,
                                        signing->request->region, signing->request->service);
    ASSAY_TRY(assay_arena_check(signing->scope, err));
    signing->result.to_sign = assay_arena_format(signing->arena, "AWS4-HMAC-SHA256\n%s\n%s\n%s",
                                                 signing->date, signing->scope, hash);
    return assay_arena_check(signing->result.to_sign, err);
}

static bool mac(const void *key, size_t key_size, const char *text, unsigned char out[MAC_SIZE])
{
    unsigned size = 0;
    unsigned char made[EVP_MAX_MD_SIZE];

    if (HMAC(EVP_sha256(), key, (int)key_size, (const unsigned char *)text, strlen(text), made,
             &size) == NULL ||
        size != MAC_SIZE)
        return false;
    memcpy(out, made, MAC_SIZE);
    return true;
}

static assay_status fail_mac(assay_error *err)
{
    return assay_error_set(err, ASSAY_EINTERNAL, 9001, "cannot compute a signature");
}

/* HMAC(HMAC(HMAC(HMAC("AWS4" + key, date), region), service), "aws4_request") */
static assay_status derive_key(const struct signing *signing, unsigned char key[MAC_SIZE],
                               assay_error *err)
{
    const assay_secret *secret = signing->credentials->secret_key;
    size_t length = assay_secret_size(secret), size = length + 4;
    char *first = assay_mem_new(size + 1, 1);
    char day[9];

    if (first == NULL)
        return assay_error_nomem(err);
    memcpy(first, "AWS4", sizeof "AWS4");
    memcpy(first + 4, assay_secret_reveal(secret), length + 1);
    memcpy(day, signing->date, 8);
    day[8] = '\0';
    bool made = mac(first, size, day, key) && mac(key, MAC_SIZE, signing->request->region, key) &&
                mac(key, MAC_SIZE, signing->request->service, key) &&
                mac(key, MAC_SIZE, "aws4_request", key);
    assay_mem_wipe(first, size);
    assay_mem_free(first);
    return made ? ASSAY_OK : fail_mac(err);
}

static assay_status make_signature(struct signing *signing, assay_error *err)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char key[MAC_SIZE] = {0};
    char *hex = assay_arena_take(signing->arena, 2 * MAC_SIZE + 1, 1);

    ASSAY_TRY(assay_arena_check(hex, err));
    ASSAY_TRY(derive_key(signing, key, err));
    bool made = mac(key, MAC_SIZE, signing->result.to_sign, key);
    for (size_t i = 0; i < MAC_SIZE; i++) {
        hex[2 * i] = digits[key[i] >> 4];
        hex[2 * i + 1] = digits[key[i] & 15U];
    }
    assay_mem_wipe(key, sizeof key);
    signing->result.signature = hex;
    return made ? ASSAY_OK : fail_mac(err);
}

/* ---- what is sent ---- */

static assay_status make_headers(struct signing *signing, assay_error *err)
{
    const char **headers =
        assay_arena_take(signing->arena, signing->header_count + 2, sizeof *headers);
    size_t count = 0;

    ASSAY_TRY(assay_arena_check(headers, err));
    for (size_t i = 0; i < signing->header_count; i++) {
        const assay_sigv4_pair *header = &signing->headers[i];

        if (assay_str_equal(header->name, "host"))
            continue;
        headers[count] = assay_arena_format(signing->arena, "%s: %s", header->name, header->value);
        ASSAY_TRY(assay_arena_check(headers[count++], err));
    }
    headers[count] = assay_arena_format(
        signing->arena,
        "Authorization: AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
        assay_secret_reveal(signing->credentials->key_id), signing->scope, signing->signed_names,
        signing->result.signature);
    ASSAY_TRY(assay_arena_check(headers[count], err));
    signing->result.headers = headers;
    signing->result.target =
        assay_arena_format(signing->arena, "%s%s%s", signing->path,
                           signing->query[0] != '\0' ? "?" : "", signing->query);
    return assay_arena_check(signing->result.target, err);
}

/* "2015-08-30T12:36:00.000000Z" -> "20150830T123600Z" */
static void format_date(int64_t us, char date[DATE_SIZE])
{
    char text[ASSAY_TIME_TEXT_SIZE];
    size_t length = 0;

    assay_time_format(us, text);
    for (const char *at = text; *at != '\0' && *at != '.' && length < DATE_SIZE - 2; at++)
        if (*at != '-' && *at != ':')
            date[length++] = *at;
    date[length++] = 'Z';
    date[length] = '\0';
}

assay_status assay_sigv4_sign(const assay_sigv4_request *request,
                              const assay_aws_credentials *credentials, assay_arena *arena,
                              assay_sigv4_signed *ret_signed, assay_error *err)
{
    struct signing signing = {.request = request, .credentials = credentials, .arena = arena};

    format_date(request->now_us, signing.date);
    ASSAY_TRY(assay_sha256(request->body_size > 0 ? request->body : "", request->body_size,
                           signing.hash, err));
    signing.payload = request->payload_hash != NULL ? request->payload_hash : signing.hash;
    ASSAY_TRY(encode_path(&signing, err));
    ASSAY_TRY(encode_query(&signing, err));
    ASSAY_TRY(collect_headers(&signing, err));
    ASSAY_TRY(make_canonical(&signing, err));
    ASSAY_TRY(make_to_sign(&signing, err));
    ASSAY_TRY(make_signature(&signing, err));
    ASSAY_TRY(make_headers(&signing, err));
    *ret_signed = signing.result;
    return ASSAY_OK;
}
