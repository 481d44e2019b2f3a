/* How errors are made inside assay. `err` may be NULL everywhere: then only the status is said. */
#ifndef ASSAY_BASE_ERROR_H
#define ASSAY_BASE_ERROR_H

#include <assay/error.h>

#include <stdarg.h>

/* Returns early with the status of `expression` unless it is ASSAY_OK. */
#define ASSAY_TRY(expression)                   \
    do {                                        \
        assay_status try_status = (expression); \
        if (try_status != ASSAY_OK)             \
            return try_status;                  \
    } while (0)

/* Cleans the variable up when it leaves scope: ASSAY_AUTO(assay_buf_done) assay_buf b = ...
 * The function takes a pointer to the variable. */
#define ASSAY_AUTO(function) __attribute__((cleanup(function)))

/* Moves a pointer out of an ASSAY_AUTO variable: *ret_x = ASSAY_TAKE(&x) */
#define ASSAY_TAKE(pointer_to_variable)                                    \
    __extension__({                                                        \
        __typeof__(pointer_to_variable) take_from = (pointer_to_variable); \
        __typeof__(*take_from) take_value = *take_from;                    \
        *take_from = NULL;                                                 \
        take_value;                                                        \
    })

/* Sets `err` to code and message; `number` is an E-number or 0. Returns `code`. */
assay_status assay_error_set(assay_error *err, assay_status code, int number, const char *format,
                             ...) ASSAY_PRINTF(4, 5);

/* As assay_error_set, with the place in a file the user wrote. `path` may be NULL. */
typedef struct assay_place {
    const char *path; /* as the user knows it: relative to the project */
    int line;         /* 1-based, 0 = unknown */
    int column;       /* 1-based, in code points, 0 = unknown */
} assay_place;

assay_status assay_error_at(assay_error *err, assay_status code, int number, assay_place place,
                            const char *format, ...) ASSAY_PRINTF(5, 6);

/* Sets `err` from errno value `native`: "<message>: <strerror>". Returns the status that fits:
 * ENOENT -> ENOTFOUND, EEXIST -> EEXISTS, ENOMEM -> ENOMEM, else EIO. */
assay_status assay_error_errno(assay_error *err, int native, const char *format, ...)
    ASSAY_PRINTF(3, 4);

/* Puts "<context>: " before the message, once a module border. Returns err's code, or
 * EINTERNAL where err is NULL; use assay_error_wrap_status to keep a known status. */
assay_status assay_error_wrap(assay_error *err, const char *format, ...) ASSAY_PRINTF(2, 3);

/* As assay_error_wrap, and sets err's code to `status`, which is returned also where err is NULL.
 */
assay_status assay_error_wrap_status(assay_error *err, assay_status status, const char *format, ...)
    ASSAY_PRINTF(3, 4);

/* Gives an existing error a place if it has none yet. */
void assay_error_place(assay_error *err, assay_place place);

/* Copies everything of `from` to `to` (either may be NULL). Returns from's code. */
assay_status assay_error_copy(assay_error *to, const assay_error *from);

/* Out of memory, said without allocating. Returns ASSAY_ENOMEM. */
assay_status assay_error_nomem(assay_error *err);

/* Which of several exit codes decides: the one of the lowest rank (SEMANTICS.md 3.1: the first
 * present of 130/143, 5, 2, 3, 1, 4; a lock comes after them, success last). */
int assay_exit_code_rank(int exit_code);

/* Whether `err` decides the exit code beside `than`; false where they have the same rank. */
bool assay_error_is_graver(const assay_error *err, const assay_error *than);

/* Visits the table of all E-numbers in ascending order. */
size_t assay_error_count(void);
int assay_error_number_at(size_t index);

/* The status that belongs to E-number `number` (ASSAY_EINTERNAL where there is none). */
assay_status assay_error_number_status(int number);

#endif
