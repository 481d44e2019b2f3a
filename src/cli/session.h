/* A command at work: the context, the signals, the way errors and results are printed. */
#ifndef ASSAY_CLI_SESSION_H
#define ASSAY_CLI_SESSION_H

#include <assay/assay.h>

#include "cli/progress.h"
#include "cli/report.h"

typedef struct assay_cli_session {
    const assay_cli_options *options;
    assay_arena *arena;
    assay_context *context;
    assay_progress *progress;
    struct assay_signals *signals;
} assay_cli_session;

/* Opens the project. On failure the error is printed and *ret_exit_code set. */
bool assay_cli_session_open(const assay_cli_options *options, assay_arena *arena,
                            assay_cli_session *ret_session, int *ret_exit_code);
void assay_cli_session_close(assay_cli_session *session);

/* Prints the error, closes nothing, gives the exit code: 130 or 143 where a signal asked to stop.
 */
int assay_cli_session_failure(const assay_cli_session *session, const assay_error *err);

/* Watches SIGINT and SIGTERM in a thread of its own and cancels the context; a second signal, or
 * work that does not stop within 1.5 s, ends the process. */
struct assay_signals *assay_signals_begin(assay_context *context);
void assay_signals_end(struct assay_signals *signals);
/* The signal that came; 0 = none. */
int assay_signals_caught(const struct assay_signals *signals);
/* Blocks the watched signals for all threads to come; called once, before any thread is made. */
void assay_signals_block(void);

#endif
