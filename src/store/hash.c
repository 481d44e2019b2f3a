#include "store/hash.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

enum { PIECE_SIZE = 1 << 20 };

static void free_context(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

static void close_file(const int *file)
{
    if (*file >= 0)
        (void)close(*file);
}

static assay_status fail(assay_error *err)
{
    return assay_error_set(err, ASSAY_EINTERNAL, 9001, "cannot compute SHA-256");
}

static assay_status begin(EVP_MD_CTX *context, assay_error *err)
{
    if (context == NULL)
        return assay_error_nomem(err);
    return EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 ? ASSAY_OK : fail(err);
}

static assay_status finish(EVP_MD_CTX *context, char hex[ASSAY_SHA256_TEXT_SIZE], assay_error *err)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned size = 0;

    if (EVP_DigestFinal_ex(context, bytes, &size) != 1 || size != (ASSAY_SHA256_TEXT_SIZE - 1) / 2)
        return fail(err);
    for (unsigned i = 0; i < size; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 0x0FU];
    }
    hex[ASSAY_SHA256_TEXT_SIZE - 1] = '\0';
    return ASSAY_OK;
}

assay_status assay_sha256(const void *bytes, size_t size, char hex[ASSAY_SHA256_TEXT_SIZE],
                          assay_error *err)
{
    ASSAY_AUTO(free_context) EVP_MD_CTX *context = EVP_MD_CTX_new();

    ASSAY_TRY(begin(context, err));
    if (EVP_DigestUpdate(context, bytes, size) != 1)
        return fail(err);
    return finish(context, hex, err);
}

static assay_status hash_file(int file, const char *path, EVP_MD_CTX *context, void *piece,
                              assay_error *err)
{
    for (;;) {
        ssize_t got = read(file, piece, PIECE_SIZE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return assay_error_errno(err, errno, "cannot read '%s'", path);
        if (got == 0)
            return ASSAY_OK;
        if (EVP_DigestUpdate(context, piece, (size_t)got) != 1)
            return fail(err);
    }
}

assay_status assay_store_sha256_file(const char *path, char hex[ASSAY_SHA256_TEXT_SIZE],
                                     assay_error *err)
{
    ASSAY_AUTO(free_context) EVP_MD_CTX *context = EVP_MD_CTX_new();
    ASSAY_AUTO(assay_mem_freep) void *piece = assay_mem_new(PIECE_SIZE, 1);
    ASSAY_AUTO(close_file) int file = open(path, O_RDONLY | O_CLOEXEC);

    if (file < 0)
        return assay_error_errno(err, errno, "cannot open '%s'", path);
    if (piece == NULL)
        return assay_error_nomem(err);
    ASSAY_TRY(begin(context, err));
    ASSAY_TRY(hash_file(file, path, context, piece, err));
    return finish(context, hex, err);
}
