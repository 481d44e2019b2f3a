#include "adbc/source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/thread.h"

struct assay_adbc_source {
    assay_lock *lock;
    struct ArrowArrayStream stream; /* release NULL = ended */
    int owners;                     /* the caller, and whoever holds the lent stream */
    int failed;                     /* what the rows said when they failed: an errno value */
    char message[ASSAY_ERROR_MESSAGE_SIZE];
};

static void drop(assay_adbc_source *source)
{
    assay_lock_acquire(source->lock);
    bool last = --source->owners == 0;
    assay_lock_release(source->lock);
    if (!last)
        return;
    assay_lock_free(source->lock);
    assay_mem_free(source);
}

/* Under the lock. */
static int keep_failure(assay_adbc_source *source, int failed)
{
    if (failed == 0)
        return 0;
    const char *message = source->stream.get_last_error(&source->stream);

    source->failed = failed;
    (void)snprintf(source->message, sizeof source->message, "%s",
                   message != NULL ? message : "no reason is said");
    return failed;
}

static int lent_schema(struct ArrowArrayStream *lent, struct ArrowSchema *out)
{
    assay_adbc_source *source = lent->private_data;
    int failed = ECANCELED;

    memset(out, 0, sizeof *out);
    assay_lock_acquire(source->lock);
    if (source->stream.release != NULL)
        failed = keep_failure(source, source->stream.get_schema(&source->stream, out));
    assay_lock_release(source->lock);
    return failed;
}

static int lent_next(struct ArrowArrayStream *lent, struct ArrowArray *out)
{
    assay_adbc_source *source = lent->private_data;
    int failed = ECANCELED;

    memset(out, 0, sizeof *out);
    assay_lock_acquire(source->lock);
    if (source->stream.release != NULL)
        failed = keep_failure(source, source->stream.get_next(&source->stream, out));
    assay_lock_release(source->lock);
    return failed;
}

static const char *lent_error(struct ArrowArrayStream *lent)
{
    assay_adbc_source *source = lent->private_data;
    const char *message = "the load was given up";

    assay_lock_acquire(source->lock);
    if (source->stream.release != NULL)
        message = source->stream.get_last_error(&source->stream);
    assay_lock_release(source->lock);
    return message;
}

static void lent_release(struct ArrowArrayStream *lent)
{
    drop(lent->private_data);
    lent->release = NULL;
    lent->private_data = NULL;
}

assay_status assay_adbc_source_new(struct ArrowArrayStream *stream, assay_adbc_source **ret_source,
                                   struct ArrowArrayStream *ret_lent, assay_error *err)
{
    assay_adbc_source *source = assay_mem_new(1, sizeof *source);

    if (source == NULL)
        return assay_error_nomem(err);
    source->lock = assay_lock_new();
    if (source->lock == NULL) {
        assay_mem_free(source);
        return assay_error_nomem(err);
    }
    source->owners = 2;
    source->stream = *stream;
    stream->release = NULL;
    *ret_lent = (struct ArrowArrayStream){.get_schema = lent_schema,
                                          .get_next = lent_next,
                                          .get_last_error = lent_error,
                                          .release = lent_release,
                                          .private_data = source};
    *ret_source = source;
    return ASSAY_OK;
}

assay_status assay_adbc_source_error(assay_adbc_source *source, assay_error *err)
{
    assay_status status = ASSAY_OK;

    assay_lock_acquire(source->lock);
    if (source->failed == ENOMEM)
        status = assay_error_nomem(err);
    else if (source->failed == ECANCELED)
        status = assay_error_set(err, ASSAY_ECANCELLED, 3117, "the load was cancelled");
    else if (source->failed != 0)
        status = assay_error_set(err, ASSAY_EDATA, 3122, "the rows of the load cannot be read: %s",
                                 source->message);
    assay_lock_release(source->lock);
    return status;
}

void assay_adbc_source_end(assay_adbc_source *source)
{
    assay_lock_acquire(source->lock);
    if (source->stream.release != NULL)
        source->stream.release(&source->stream);
    source->stream.release = NULL;
    assay_lock_release(source->lock);
    drop(source);
}
