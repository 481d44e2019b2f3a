#include "store/private_key.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/str.h"

static void free_bio(BIO **bio)
{
    (void)BIO_free(*bio);
}

static void free_key(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

/* OpenSSL asks for the passphrase; the size without NUL, 0 = there is none. */
static int give_passphrase(char *buffer, int size, int writing, void *user)
{
    const assay_secret *passphrase = user;
    size_t length = assay_secret_size(passphrase);

    (void)writing;
    if (passphrase == NULL || size < 0 || length > (size_t)size)
        return 0;
    memcpy(buffer, assay_secret_reveal(passphrase), length);
    return (int)length;
}

static assay_status refuse(assay_place place, const char *why, assay_error *err)
{
    return assay_error_at(err, ASSAY_EAUTH, 1268, place, "the private key %s", why);
}

/* What the first line says. */
static assay_status check_begin(const char *text, const assay_secret *passphrase, assay_place place,
                                assay_error *err)
{
    if (assay_str_contains(text, "-----BEGIN RSA PRIVATE KEY-----"))
        return refuse(place, "is of PKCS #1: make it PKCS #8 by `openssl pkcs8 -topk8`", err);
    if (assay_str_contains(text, "-----BEGIN ENCRYPTED PRIVATE KEY-----"))
        return passphrase != NULL
                   ? ASSAY_OK
                   : refuse(place, "is encrypted: the connection needs 'private_key_passphrase'",
                            err);
    if (!assay_str_contains(text, "-----BEGIN PRIVATE KEY-----"))
        return refuse(place, "is no PEM file of PKCS #8 (-----BEGIN PRIVATE KEY-----)", err);
    return ASSAY_OK;
}

assay_status assay_private_key_check(const assay_secret *key, const assay_secret *passphrase,
                                     assay_place place, assay_error *err)
{
    const char *text = assay_secret_reveal(key);
    bool locked = assay_str_contains(text, "-----BEGIN ENCRYPTED PRIVATE KEY-----");
    void *user = NULL;

    ASSAY_TRY(check_begin(text, passphrase, place, err));
    memcpy(&user, &passphrase, sizeof user); /* OpenSSL does not write to it */
    ASSAY_AUTO(free_bio) BIO *bio = BIO_new_mem_buf(text, (int)assay_secret_size(key));
    if (bio == NULL)
        return assay_error_nomem(err);
    ASSAY_AUTO(free_key)
    EVP_PKEY *parsed = PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, user);
    ERR_clear_error();
    if (parsed == NULL)
        return refuse(place,
                      locked ? "cannot be opened: the passphrase is wrong, or the file is damaged"
                             : "is damaged",
                      err);
    if (!EVP_PKEY_is_a(parsed, "RSA"))
        return refuse(place, "is no RSA key, the only kind that Snowflake takes", err);
    return ASSAY_OK;
}
