#include "store/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "base/thread.h"
#include "store/aws_secret.h"
#include "store/credentials.h"

/* A value that was fetched, by the reference without its #key. */
struct kept {
    struct kept *next;
    char *id;
    assay_secret *value;
    int64_t until_us; /* monotonic */
};

struct assay_secrets {
    assay_secrets_options options;
    assay_lock *lock; /* guards what follows, also while a value is fetched: one asks for all */
    assay_aws *aws;
    struct kept *first;
};

assay_status assay_secrets_new(const assay_secrets_options *options, assay_secrets **ret_secrets,
                               assay_error *err)
{
    assay_secrets *secrets = assay_mem_new(1, sizeof *secrets);

    if (secrets == NULL)
        return assay_error_nomem(err);
    secrets->options = *options;
    secrets->lock = assay_lock_new();
    if (secrets->lock == NULL) {
        assay_secrets_free(secrets);
        return assay_error_nomem(err);
    }
    *ret_secrets = secrets;
    return ASSAY_OK;
}

static void free_kept(struct kept *kept)
{
    assay_secret_free(kept->value);
    assay_mem_free(kept->id);
    assay_mem_free(kept);
}

void assay_secrets_free(assay_secrets *secrets)
{
    if (secrets == NULL)
        return;
    for (struct kept *kept = secrets->first; kept != NULL;) {
        struct kept *next = kept->next;

        free_kept(kept);
        kept = next;
    }
    assay_aws_free(secrets->aws);
    assay_lock_free(secrets->lock);
    assay_mem_free(secrets);
}

void assay_secrets_freep(assay_secrets **secrets)
{
    assay_secrets_free(*secrets);
}

/* ---- env:NAME ---- */

static assay_status from_environment(const assay_secret_ref *ref, const char *name,
                                     assay_secret **ret_secret, assay_error *err)
{
    const char *value = getenv(name);

    if (value == NULL || value[0] == '\0')
        return assay_error_at(err, ASSAY_EAUTH, 1260, ref->place,
                              "the environment has no variable '%s'", name);
    return assay_secret_new(value, strlen(value), ret_secret, err);
}

/* ---- file:PATH ---- */

/* Editors of Windows begin UTF-8 with it. */
static const char bom[] = "\xef\xbb\xbf";
enum { BOM_SIZE = sizeof bom - 1 };

static void close_file(const int *file)
{
    if (*file >= 0)
        (void)close(*file);
}

static char *secret_path(const assay_secrets *secrets, const char *path, assay_arena *arena)
{
    const char *home = getenv("HOME");

    if (assay_str_starts(path, "~/") && home != NULL)
        return assay_path_join(arena, home, path + 2);
    return assay_path_join(arena, secrets->options.root != NULL ? secrets->options.root : ".",
                           path);
}

/* Container runtimes make such files readable for all users of the container (mode 0444), which are
 * those that may have the secret. */
static bool is_of_container(const char *path)
{
    return assay_str_starts(path, "/run/secrets/") || assay_str_starts(path, "/var/run/secrets/");
}

static assay_status check_mode(const assay_secret_ref *ref, int file, const char *path,
                               assay_error *err)
{
    struct stat info;

    if (fstat(file, &info) != 0)
        return assay_error_errno(err, errno, "cannot look at the secret file '%s'", path);
    if (!S_ISREG(info.st_mode))
        return assay_error_at(err, ASSAY_EAUTH, 1260, ref->place,
                              "the secret file '%s' is not a file", path);
    if ((info.st_mode & S_IROTH) != 0 && !is_of_container(path))
        return assay_error_at(err, ASSAY_EAUTH, 1261, ref->place,
                              "everybody can read the secret file '%s': run `chmod 600 '%s'`", path,
                              path);
    return ASSAY_OK;
}

static assay_status read_secret(const assay_secret_ref *ref, int file, const char *path,
                                char *bytes, size_t *ret_size, assay_error *err)
{
    size_t size = 0;

    for (;;) {
        ssize_t got = read(file, bytes + size, ASSAY_SECRET_SIZE_MAX + 1 - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return assay_error_errno(err, errno, "cannot read the secret file '%s'", path);
        size += (size_t)got;
        if (got == 0 || size > ASSAY_SECRET_SIZE_MAX)
            break;
    }
    if (size > ASSAY_SECRET_SIZE_MAX)
        return assay_error_at(err, ASSAY_EAUTH, 1260, ref->place,
                              "the secret file '%s' is larger than %d bytes", path,
                              ASSAY_SECRET_SIZE_MAX);
    while (size > 0 && (bytes[size - 1] == '\n' || bytes[size - 1] == '\r'))
        size--;
    if (size == 0)
        return assay_error_at(err, ASSAY_EAUTH, 1260, ref->place, "the secret file '%s' is empty",
                              path);
    *ret_size = size;
    return ASSAY_OK;
}

static assay_status from_file(const assay_secrets *secrets, const assay_secret_ref *ref,
                              const char *text, assay_secret **ret_secret, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_mem_freep) char *bytes = assay_mem_new(ASSAY_SECRET_SIZE_MAX + 1, 1);
    size_t size = 0;

    if (arena == NULL || bytes == NULL)
        return assay_error_nomem(err);
    const char *path = secret_path(secrets, text, arena);
    ASSAY_TRY(assay_arena_check(path, err));
    ASSAY_AUTO(close_file) int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return assay_error_at(err, ASSAY_EAUTH, 1260, ref->place,
                              "the secret file '%s' cannot be opened: %s", path, strerror(errno));
    ASSAY_TRY(check_mode(ref, file, path, err));
    assay_status status = read_secret(ref, file, path, bytes, &size, err);
    size_t begin =
        status == ASSAY_OK && size >= BOM_SIZE && memcmp(bytes, bom, BOM_SIZE) == 0 ? BOM_SIZE : 0;
    if (status == ASSAY_OK)
        status = assay_secret_new(bytes + begin, size - begin, ret_secret, err);
    assay_mem_wipe(bytes, ASSAY_SECRET_SIZE_MAX + 1);
    return status;
}

/* ---- aws-secret:NAME#key ---- */

static int64_t monotonic(const assay_secrets *secrets)
{
    return secrets->options.clock->monotonic_us(secrets->options.clock->user);
}

/* Takes the entry of `id` out of the list, or gives NULL. */
static struct kept *take_kept(assay_secrets *secrets, const char *id)
{
    for (struct kept **at = &secrets->first; *at != NULL; at = &(*at)->next) {
        struct kept *kept = *at;

        if (assay_str_equal(kept->id, id)) {
            *at = kept->next;
            return kept;
        }
    }
    return NULL;
}

static assay_status keep(assay_secrets *secrets, const char *id, assay_secret *value,
                         assay_error *err)
{
    struct kept *kept = assay_mem_new(1, sizeof *kept);

    if (kept == NULL)
        return assay_error_nomem(err);
    kept->id = assay_mem_copy_text(id);
    if (kept->id == NULL || assay_secret_copy(value, &kept->value, err) != ASSAY_OK) {
        free_kept(kept);
        return assay_error_nomem(err);
    }
    kept->until_us = monotonic(secrets) + (int64_t)ASSAY_SECRETS_KEEP_MS * 1000;
    kept->next = secrets->first;
    secrets->first = kept;
    return ASSAY_OK;
}

/* `until_us`: 0 = no limit. */
static assay_status fetch(assay_secrets *secrets, const char *id, int64_t until_us,
                          assay_secret **ret_secret, assay_error *err)
{
    ASSAY_AUTO(assay_secret_freep) assay_secret *value = NULL;
    const assay_aws_options options = {.clock = secrets->options.clock,
                                       .cancel = secrets->options.cancel};
    struct kept *kept = take_kept(secrets, id);

    if (kept != NULL && kept->until_us > monotonic(secrets)) {
        kept->next = secrets->first;
        secrets->first = kept;
        return assay_secret_copy(kept->value, ret_secret, err);
    }
    if (kept != NULL)
        free_kept(kept);
    if (secrets->aws == NULL)
        ASSAY_TRY(assay_aws_new(&options, &secrets->aws, err));
    assay_aws_limit(secrets->aws, until_us);
    ASSAY_TRY(assay_aws_secret_get(secrets->aws, id, &value, err));
    ASSAY_TRY(keep(secrets, id, value, err));
    *ret_secret = ASSAY_TAKE(&value);
    return ASSAY_OK;
}

/* "NAME#key" -> "NAME" in the arena; *ret_key NULL where there is none. */
static char *split_key(const char *text, assay_arena *arena, const char **ret_key)
{
    const char *hash = strchr(text, '#');

    *ret_key = hash != NULL ? hash + 1 : NULL;
    return hash != NULL ? assay_arena_text_n(arena, text, (size_t)(hash - text))
                        : assay_arena_text(arena, text);
}

static assay_status from_aws(assay_secrets *secrets, const assay_secret_ref *ref, const char *text,
                             assay_secret **ret_secret, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_secret_freep) assay_secret *whole = NULL;
    const char *key = NULL;

    ASSAY_TRY(assay_arena_check(arena, err));
    const char *id = split_key(text, arena, &key);
    ASSAY_TRY(assay_arena_check(id, err));
    /* who waits for another one's answer waits within the same time */
    int64_t until_us = ref->timeout_ms > 0 ? monotonic(secrets) + ref->timeout_ms * 1000 : 0;
    assay_lock_acquire(secrets->lock);
    assay_status status = fetch(secrets, id, until_us, &whole, err);
    assay_lock_release(secrets->lock);
    if (status == ASSAY_OK && key != NULL)
        return assay_aws_secret_member(whole, id, key, ref->place, ret_secret, err);
    if (status == ASSAY_OK)
        *ret_secret = ASSAY_TAKE(&whole);
    else
        assay_error_place(err, ref->place);
    return status;
}

/* A value that is empty or that C's texts would cut is none: a login without it would look for
 * another password elsewhere (libpq: PGPASSWORD, ~/.pgpass), or use a part. */
static assay_status check_value(const assay_secret_ref *ref, const assay_secret *secret,
                                assay_error *err)
{
    size_t size = assay_secret_size(secret);

    if (size == 0)
        return assay_error_at(err, ASSAY_EAUTH, 1260, ref->place, "the secret '%s' is empty",
                              ref->text);
    if (strlen(assay_secret_reveal(secret)) != size)
        return assay_error_at(err, ASSAY_EAUTH, 1260, ref->place,
                              "the secret '%s' holds a NUL byte, which no login can use (a text in "
                              "UTF-16 has them: save it as UTF-8)",
                              ref->text);
    return ASSAY_OK;
}

static assay_status look_up(assay_secrets *secrets, const assay_secret_ref *ref,
                            assay_secret **ret_secret, assay_error *err)
{
    const char *colon = ref->text != NULL ? strchr(ref->text, ':') : NULL;

    if (colon == NULL)
        return assay_error_at(err, ASSAY_EAUTH, 1260, ref->place, "there is no reference here");
    if (assay_str_starts(ref->text, "env:"))
        return from_environment(ref, colon + 1, ret_secret, err);
    if (assay_str_starts(ref->text, "file:"))
        return from_file(secrets, ref, colon + 1, ret_secret, err);
    return from_aws(secrets, ref, colon + 1, ret_secret, err);
}

assay_status assay_secrets_resolve(assay_secrets *secrets, const assay_secret_ref *ref,
                                   assay_secret **ret_secret, assay_error *err)
{
    ASSAY_AUTO(assay_secret_freep) assay_secret *secret = NULL;

    ASSAY_TRY(look_up(secrets, ref, &secret, err));
    ASSAY_TRY(check_value(ref, secret, err));
    *ret_secret = ASSAY_TAKE(&secret);
    return ASSAY_OK;
}

bool assay_secrets_forget(assay_secrets *secrets, const assay_secret_ref *ref)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const char *key = NULL;

    if (arena == NULL || ref->text == NULL || !assay_str_starts(ref->text, "aws-secret:"))
        return false;
    const char *id = split_key(strchr(ref->text, ':') + 1, arena, &key);
    if (id == NULL)
        return false;
    assay_lock_acquire(secrets->lock);
    struct kept *kept = take_kept(secrets, id);
    assay_lock_release(secrets->lock);
    if (kept == NULL)
        return false;
    free_kept(kept);
    return true;
}
