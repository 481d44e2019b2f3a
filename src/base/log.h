/* Log records go to the sink in the context; the library prints nothing itself. Any thread: the
 * sink is called under a lock. */
#ifndef ASSAY_BASE_LOG_H
#define ASSAY_BASE_LOG_H

#include "base/error.h"

typedef enum assay_log_level {
    ASSAY_LOG_DEBUG,
    ASSAY_LOG_INFO,
    ASSAY_LOG_WARNING,
    ASSAY_LOG_ERROR
} assay_log_level;

typedef void assay_log_sink(void *user, assay_log_level level, const char *message);

typedef struct assay_log assay_log;

/* `sink` may be NULL (records are dropped). Records below `level` are dropped. */
assay_log *assay_log_new(assay_log_sink *sink, void *user, assay_log_level level);
void assay_log_free(assay_log *log);

/* Formats one record; NULL log is allowed. */
void assay_log_write(assay_log *log, assay_log_level level, const char *format, ...)
    ASSAY_PRINTF(3, 4);
bool assay_log_wants(const assay_log *log, assay_log_level level);

#endif
