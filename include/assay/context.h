/* The context: a project, its target, the embedded engine and the limits everything works under.
 *
 * Thread rule: one thread at a time uses a context, except assay_context_cancel, which any thread
 * may call (not a signal handler: wait for signals in a thread). */
#ifndef ASSAY_CONTEXT_H
#define ASSAY_CONTEXT_H

#include <assay/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct assay_context assay_context;

/* Importance of a log record. */
typedef enum assay_log_importance {
    ASSAY_IMPORTANCE_DEBUG,
    ASSAY_IMPORTANCE_INFO,
    ASSAY_IMPORTANCE_WARNING,
    ASSAY_IMPORTANCE_ERROR
} assay_log_importance;

/* Receives log records; called by any thread, one at a time. `message` is valid during the call. */
typedef void assay_log_receiver(void *user, assay_log_importance importance, const char *message);

/* All members may be 0 / NULL. Text is copied. */
typedef struct assay_context_options {
    const char *project;   /* folder; NULL = the nearest assay.yaml upwards of the working folder */
    const char *target;    /* NULL = $ASSAY_TARGET, else the first of assay.yaml */
    const char *now;       /* ISO 8601: the clock that models see; NULL = the time of opening */
    uint64_t memory_limit; /* bytes for the whole process; 0 = 75 % of what the machine allows */
    int threads;           /* of the engine; 0 = the processors of the process */
    assay_log_receiver *log; /* NULL = no log */
    void *log_user;
    assay_log_importance log_from; /* the least important record wanted */
} assay_context_options;

/* Opens the project and the engine. Errors: ECONFIG with the place for anything the user wrote,
 * ECONFIG 2001 where there is no project. The context belongs to the caller.
 *
 * A program whose project talks to Snowflake must have SNOWFLAKE_DISABLE_PLATFORM_DETECTION=true
 * and SF_DISABLE_MINICORE=true in its environment when it starts: the database's driver reads them
 * before any call could set them. Without them logins ask the network which cloud this is. */
ASSAY_API ASSAY_NODISCARD assay_status assay_context_open(const assay_context_options *options,
                                                          assay_context **ret_context,
                                                          assay_error *err);

/* Stops the sender, drains the lineage spool for up to 250 ms, frees everything; NULL is allowed.
 */
ASSAY_API void assay_context_close(assay_context *context);

/* Asks running work to stop; `signal_number` is kept for the exit code (0 = none). */
ASSAY_API void assay_context_cancel(assay_context *context, int signal_number);

/* Version of the library, "0.1.0", and of the engine, "1.5.5". */
ASSAY_API const char *assay_version(void);
ASSAY_API const char *assay_version_engine(void);

/* The project's folder, absolute; valid until the context is closed. */
ASSAY_API const char *assay_context_project(const assay_context *context);

/* Frees a text that a function of this library returned; NULL is allowed. */
ASSAY_API void assay_text_free(char *text);

#ifdef __cplusplus
}
#endif

#endif
