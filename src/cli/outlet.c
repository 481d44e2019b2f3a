#include "cli/outlet.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/thread.h"

enum { BLOCK = 65536, PATH_SIZE = 32 };

struct assay_outlet {
    int ends[2]; /* read, write */
    char path[PATH_SIZE];
    assay_thread *thread;
    int failure; /* errno of stdout, 0 = none */
    char block[BLOCK];
};

/* After a failure the rest is still read, so that the writer does not wait for ever. */
static void write_block(assay_outlet *outlet, size_t size)
{
    size_t done = 0;

    while (done < size && outlet->failure == 0) {
        ssize_t written = write(STDOUT_FILENO, outlet->block + done, size - done);
        if (written > 0)
            done += (size_t)written;
        else if (errno != EINTR)
            outlet->failure = errno;
    }
}

static void pump(void *argument)
{
    assay_outlet *outlet = argument;

    for (;;) {
        ssize_t size = read(outlet->ends[0], outlet->block, BLOCK);
        if (size > 0)
            write_block(outlet, (size_t)size);
        else if (size == 0 || errno != EINTR)
            return;
    }
}

assay_status assay_outlet_open(assay_outlet **ret_outlet, assay_error *err)
{
    assay_outlet *outlet = assay_mem_new(1, sizeof *outlet);

    if (outlet == NULL)
        return assay_error_nomem(err);
    if (pipe(outlet->ends) != 0) {
        assay_mem_free(outlet);
        return assay_error_errno(err, errno, "cannot make a pipe to stdout");
    }
    (void)snprintf(outlet->path, sizeof outlet->path, "/dev/fd/%d", outlet->ends[1]);
    assay_status status = assay_thread_start(pump, outlet, &outlet->thread, err);
    if (status != ASSAY_OK) {
        (void)close(outlet->ends[0]);
        (void)close(outlet->ends[1]);
        assay_mem_free(outlet);
        return status;
    }
    *ret_outlet = outlet;
    return ASSAY_OK;
}

const char *assay_outlet_path(const assay_outlet *outlet)
{
    return outlet->path;
}

assay_status assay_outlet_close(assay_outlet *outlet, assay_error *err)
{
    (void)close(outlet->ends[1]);
    assay_thread_join(outlet->thread);
    (void)close(outlet->ends[0]);
    int failure = outlet->failure;
    assay_mem_free(outlet);
    /* a reader that has seen enough is no failure */
    return failure == 0 || failure == EPIPE
               ? ASSAY_OK
               : assay_error_errno(err, failure, "cannot write to stdout");
}
