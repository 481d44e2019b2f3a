#include "base/secret.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct assay_secret {
    size_t size;
    char *text; /* NUL-terminated */
};

/* A shorter one is part of too many words. */
enum { SCRUB_MIN = 4, ENCODED_SIZE = 3 };

assay_status assay_secret_new(const void *bytes, size_t size, assay_secret **ret_secret,
                              assay_error *err)
{
    ASSAY_AUTO(assay_secret_freep) assay_secret *secret = assay_mem_new(1, sizeof *secret);

    if (secret == NULL)
        return assay_error_nomem(err);
    secret->text = assay_mem_new(size + 1, 1);
    if (secret->text == NULL)
        return assay_error_nomem(err);
    if (size > 0)
        memcpy(secret->text, bytes, size);
    secret->size = size;
    *ret_secret = ASSAY_TAKE(&secret);
    return ASSAY_OK;
}

assay_status assay_secret_copy(const assay_secret *secret, assay_secret **ret_secret,
                               assay_error *err)
{
    return assay_secret_new(assay_secret_reveal(secret), assay_secret_size(secret), ret_secret,
                            err);
}

void assay_secret_free(assay_secret *secret)
{
    if (secret == NULL)
        return;
    if (secret->text != NULL)
        assay_mem_wipe(secret->text, secret->size);
    assay_mem_free(secret->text);
    assay_mem_free(secret);
}

void assay_secret_freep(assay_secret **secret)
{
    assay_secret_free(*secret);
}

const char *assay_secret_reveal(const assay_secret *secret)
{
    return secret != NULL ? secret->text : "";
}

size_t assay_secret_size(const assay_secret *secret)
{
    return secret != NULL ? secret->size : 0;
}

const char *assay_secret_show(const assay_secret *secret)
{
    (void)secret;
    return "***";
}

/* Length of the form of `secret` at `at`: as it is, or with any of its bytes percent-encoded (RFC
 * 3986 section 2.1); 0 where it does not stand there. */
static size_t length_at(const assay_secret *secret, const char *at)
{
    const char *from = at;

    for (size_t i = 0; i < secret->size; i++) {
        char upper[ENCODED_SIZE + 1], lower[ENCODED_SIZE + 1];
        unsigned byte = (unsigned char)secret->text[i];

        (void)snprintf(upper, sizeof upper, "%%%02X", byte);
        (void)snprintf(lower, sizeof lower, "%%%02x", byte);
        if (strncmp(at, upper, ENCODED_SIZE) == 0 || strncmp(at, lower, ENCODED_SIZE) == 0)
            at += ENCODED_SIZE;
        else if (*at != '\0' && *at == secret->text[i])
            at++;
        else
            return 0;
    }
    return (size_t)(at - from);
}

void assay_secret_scrub(const assay_secret *secret, char *text)
{
    if (secret == NULL || secret->size < SCRUB_MIN)
        return;
    for (char *at = text; *at != '\0'; at++) {
        size_t length = length_at(secret, at);

        if (length == 0)
            continue;
        memcpy(at, "***", 3);
        memmove(at + 3, at + length, strlen(at + length) + 1);
        at += 2;
    }
}
