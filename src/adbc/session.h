/* One connection of a driver, and the thread that alone calls it; for this room.
 *
 * Drivers block: a login to a server that accepts and never answers takes minutes, a cancel may
 * hang like what it should stop. So every call is a job of the session's own thread; who asked
 * waits for it within limits and gives the session up when they pass. A session that was given up
 * is freed by its thread when the driver returns. */
#ifndef ASSAY_ADBC_SESSION_H
#define ASSAY_ADBC_SESSION_H

#include <stdatomic.h>

#include "adbc/driver.h"
#include "adbc/startup.h"
#include "base/thread.h"

enum { ASSAY_ADBC_OPTIONS_MAX = 32, ASSAY_ADBC_HIDDEN_MAX = 4 };

typedef struct assay_adbc_option {
    const char *name, *value;
} assay_adbc_option;

typedef struct assay_adbc_session assay_adbc_session;

/* Runs on the session's thread. */
typedef assay_status assay_adbc_job(assay_adbc_session *session, assay_error *err);

struct assay_adbc_session {
    assay_arena *arena; /* of what login needs, until the end */
    assay_lock *lock;   /* guards what follows */
    assay_condition *changed;
    int owners;          /* who asked, the thread, a cancel on its way */
    assay_adbc_job *job; /* NULL = none */
    assay_status status; /* of the last job */
    assay_error failure; /* of the last job */
    bool leave, left;    /* the thread shall end; it has released everything */
    bool armed;          /* the statement may be cancelled */
    bool cancelling;     /* a cancel is under way: the statement must stay */
    bool given_up;       /* nobody waits for the job any more */

    /* Touched by the thread only, between asking and answering by nobody else. */
    struct AdbcDriver driver;
    struct AdbcDatabase database;
    struct AdbcConnection connection;
    struct AdbcStatement statement;
    struct ArrowArrayStream stream; /* of the statement */
    bool has_driver, has_database, has_connection, has_statement;

    /* For login. */
    assay_adbc_library library;
    assay_adbc_option options[ASSAY_ADBC_OPTIONS_MAX];
    size_t option_count;
    assay_secret *hidden[ASSAY_ADBC_HIDDEN_MAX]; /* may not appear in messages */
    size_t hidden_count;

    assay_adbc_server server; /* postgres: asked why a login is refused; texts in the arena */

    /* What jobs take and give. */
    assay_connection_kind kind;
    char *sql;                 /* of the statement */
    char *tag;                 /* query tag, NULL = none */
    bool small;                /* the result is small: no COPY of PostgreSQL */
    int64_t affected;          /* rows */
    struct ArrowSchema schema; /* read from the stream */
    struct ArrowArray array;   /* read from the stream */
    char *target_schema, *target_table;
    bool target_append, target_temporary;
    struct ArrowArrayStream source; /* of an ingest */
};

/* How long the caller waits, and whether it may be stopped. */
typedef struct assay_adbc_limits {
    const assay_cancel *cancel; /* may be NULL */
    atomic_bool *stop;          /* assay_adbc_cancel was called; may be NULL */
    int64_t timeout_ms;
    const char *timeout_name; /* "statement_timeout" */
} assay_adbc_limits;

/* A session with its thread, not logged in. */
assay_status assay_adbc_session_new(assay_adbc_session **ret_session, assay_error *err);

/* Runs one job. ETIMEOUT 3111 or ECANCELLED 3117 where it was stopped or given up; then
 * session->given_up may be true, and only assay_adbc_session_leave is allowed. */
assay_status assay_adbc_session_run(assay_adbc_session *session, assay_adbc_job *job,
                                    const assay_adbc_limits *limits, assay_error *err);

/* For jobs: from here on the statement may be cancelled; from here on no more, it may be released.
 */
void assay_adbc_session_arm(assay_adbc_session *session);
void assay_adbc_session_disarm(assay_adbc_session *session);

/* Ends the session: logs out within a few seconds, else leaves that to its thread. */
void assay_adbc_session_leave(assay_adbc_session *session);

/* Wakes whoever waits in assay_adbc_session_run. */
void assay_adbc_session_wake(assay_adbc_session *session);

/* An option of the database; a secret is kept as hidden and taken over on success. NULL value =
 * nothing. */
assay_status assay_adbc_session_option(assay_adbc_session *session, const char *name,
                                       const char *value, assay_error *err);
assay_status assay_adbc_session_secret(assay_adbc_session *session, const char *name,
                                       assay_secret **secret, assay_error *err);

/* ---- jobs (jobs.c) ---- */

assay_adbc_job assay_adbc_job_login;
assay_adbc_job assay_adbc_job_execute; /* session->sql -> affected */
assay_adbc_job assay_adbc_job_query;   /* session->sql -> stream */
assay_adbc_job assay_adbc_job_schema;  /* -> schema */
assay_adbc_job assay_adbc_job_next;    /* -> array */
assay_adbc_job assay_adbc_job_close;   /* releases stream and statement */
assay_adbc_job assay_adbc_job_ingest;  /* source, target -> affected */
void assay_adbc_logout(assay_adbc_session *session);

/* ---- options of login (login.c) ---- */

/* Fills the options of `connection`, with its secrets resolved. */
assay_status assay_adbc_login_options(const assay_adbc_request *request,
                                      assay_adbc_session *session, assay_error *err);

/* ---- rows (rows.c) ---- */

/* Reads a stream to its end or to `limit` rows (0 = ASSAY_ROWS_MAX). */
assay_status assay_adbc_rows_read(struct ArrowArrayStream *stream, size_t limit, assay_arena *arena,
                                  assay_rows **ret_rows, assay_error *err);

#endif
