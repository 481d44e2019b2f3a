#include "base/log.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/thread.h"

struct assay_log {
    assay_log_sink *sink;
    void *user;
    assay_log_level level;
    assay_lock *lock;
};

assay_log *assay_log_new(assay_log_sink *sink, void *user, assay_log_level level)
{
    assay_log *log = assay_mem_new(1, sizeof *log);

    if (log == NULL)
        return NULL;
    log->sink = sink;
    log->user = user;
    log->level = level;
    log->lock = assay_lock_new();
    if (log->lock == NULL) {
        assay_mem_free(log);
        return NULL;
    }
    return log;
}

void assay_log_free(assay_log *log)
{
    if (log == NULL)
        return;
    assay_lock_free(log->lock);
    assay_mem_free(log);
}

bool assay_log_wants(const assay_log *log, assay_log_level level)
{
    return log != NULL && log->sink != NULL && level >= log->level;
}

void assay_log_write(assay_log *log, assay_log_level level, const char *format, ...)
{
    if (!assay_log_wants(log, level))
        return;
    ASSAY_AUTO(assay_buf_done) assay_buf message = ASSAY_BUF_EMPTY;
    va_list arguments;
    va_start(arguments, format);
    assay_buf_append_format_list(&message, format, arguments);
    va_end(arguments);
    const char *text =
        message.failed ? "a log record was lost: out of memory" : assay_buf_text(&message);
    assay_lock_acquire(log->lock);
    log->sink(log->user, level, text);
    assay_lock_release(log->lock);
}
