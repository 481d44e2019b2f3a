/* Status codes and the error record of every assay function.
 *
 * Thread rule: an assay_error belongs to the caller and is touched by one thread at a time. */
#ifndef ASSAY_ERROR_H
#define ASSAY_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define ASSAY_NODISCARD __attribute__((warn_unused_result))
#define ASSAY_PRINTF(format_index, first_argument) \
    __attribute__((format(printf, format_index, first_argument)))
#define ASSAY_API __attribute__((visibility("default")))
#else
#define ASSAY_NODISCARD
#define ASSAY_PRINTF(format_index, first_argument)
#define ASSAY_API
#endif

/* What came of a call. Code branches on these, never on message text. */
typedef enum assay_status {
    ASSAY_OK = 0,
    ASSAY_ENOMEM,           /* out of memory, or a named limit on memory */
    ASSAY_EINVAL,           /* the caller's argument is wrong (usage) */
    ASSAY_ECONFIG,          /* something the user wrote is wrong: config, model, header, SQL */
    ASSAY_ENOTFOUND,        /* the named thing does not exist */
    ASSAY_EEXISTS,          /* it exists already */
    ASSAY_ECONFLICT,        /* a commit lost the race for certain; retry after a reload */
    ASSAY_EUNKNOWN_OUTCOME, /* a commit may or may not have happened; never delete files */
    ASSAY_EDATA,            /* data breaks a rule: broken record, duplicate key, corrupt file */
    ASSAY_EGATE,            /* a gate is shut */
    ASSAY_EIO,              /* the operating system or an outside system refused */
    ASSAY_EAUTH,            /* credentials are missing or refused */
    ASSAY_ETIMEOUT,         /* a limit of time was reached */
    ASSAY_ECANCELLED,       /* the caller asked to stop */
    ASSAY_EUNSUPPORTED,     /* understood, and not built or not possible in this format */
    ASSAY_ELOCKED,          /* somebody else holds the lock */
    ASSAY_EINTERNAL         /* a fault of assay */
} assay_status;

enum { ASSAY_ERROR_MESSAGE_SIZE = 1024, ASSAY_ERROR_PATH_SIZE = 256 };

/* The record of one failure: owned by the caller, no allocation, no thread-local state.
 * `sqlstate` is the five characters of ISO 9075 where a database said them, else "".
 * `number` is the E-number that `assay explain` knows (0 = none). `path`, `line` and `column`
 * (both 1-based, 0 = unknown) are the place in what the user wrote. */
typedef struct assay_error {
    assay_status code;
    bool retryable;
    int native; /* errno, CURLcode, HTTP status, SQLite code, vendor code of a database */
    int number;
    int line;
    int column;
    char sqlstate[6];
    char path[ASSAY_ERROR_PATH_SIZE];
    char message[ASSAY_ERROR_MESSAGE_SIZE];
} assay_error;

/* The status as its name, "ECONFLICT". Never NULL. Any thread. */
ASSAY_API const char *assay_status_name(assay_status status);

/* Empties `err` for the next call; NULL is allowed. */
ASSAY_API void assay_error_clear(assay_error *err);

/* The title of E-number `number`, or NULL where no such number exists. Any thread. */
ASSAY_API const char *assay_error_title(int number);

/* The longer explanation of E-number `number` that `assay explain` prints, or NULL. */
ASSAY_API const char *assay_error_explanation(int number);

/* The exit status of the command line for `status` (PRODUCT.md, exit codes). */
ASSAY_API int assay_status_exit_code(assay_status status);

/* The exit status for one failure: as its status says, and 4 where an outside system failed in a
 * way that is worth a retry. NULL and ASSAY_OK give 0. */
ASSAY_API int assay_error_exit_code(const assay_error *err);

#ifdef __cplusplus
}
#endif

#endif
