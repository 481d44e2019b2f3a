#include "adbc/source.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/thread.h"

struct assay_adbc_source {
    assay_lock *lock;
    struct ArrowArrayStream stream; /* release NULL = ended */
    int owners;                     /* the caller, and whoever holds the lent stream */
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

static int lent_schema(struct ArrowArrayStream *lent, struct ArrowSchema *out)
{
    assay_adbc_source *source = lent->private_data;
    int failed = ECANCELED;

    memset(out, 0, sizeof *out);
    assay_lock_acquire(source->lock);
    if (source->stream.release != NULL)
        failed = source->stream.get_schema(&source->stream, out);
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
        failed = source->stream.get_next(&source->stream, out);
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

void assay_adbc_source_end(assay_adbc_source *source)
{
    assay_lock_acquire(source->lock);
    if (source->stream.release != NULL)
        source->stream.release(&source->stream);
    source->stream.release = NULL;
    assay_lock_release(source->lock);
    drop(source);
}
