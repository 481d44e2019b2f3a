/* The connections of `assay doctor`: driver or extension, secrets, login, `select 1`. */
#include <stdio.h>

#include "adbc/adbc.h"
#include "base/mem.h"
#include "engine/extension.h"
#include "lib/doctor.h"
#include "net/silence.h"
#include "source/database.h"
#include "store/aws_s3.h"

enum { SEEN_SIZE = 256, SQL_SIZE = 256 * 1024 };

struct trial {
    assay_doctor_state *doctor;
    const assay_connection_config *connection;
    char seen[SEEN_SIZE]; /* where it went well */
};

/* Extracts read PostgreSQL and Redshift through it, and files in S3. */
static assay_status look_for_extension(assay_context *context, const char *name, assay_error *err)
{
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;

    ASSAY_TRY(assay_conn_open(context->engine, &conn, err));
    return assay_conn_load_extension(conn, name, err);
}

/* ---- through ADBC ---- */

static assay_status try_adbc(struct trial *trial, assay_error *err)
{
    assay_context *context = trial->doctor->context;
    ASSAY_AUTO(assay_adbc_closep) assay_adbc *adbc = NULL;
    const assay_adbc_request request = {.connection = trial->connection,
                                        .secrets = context->secrets,
                                        .cancel = context->cancel,
                                        .log = context->log};
    assay_rows *rows = NULL;

    if (trial->connection->kind == ASSAY_CONNECTION_POSTGRES)
        ASSAY_TRY(look_for_extension(context, "postgres_scanner", err));
    ASSAY_TRY(assay_adbc_open(&request, &adbc, err));
    return assay_adbc_query(adbc, "SELECT 1", 1, trial->doctor->arena, &rows, err);
}

/* ---- through the engine's postgres extension ---- */

static void append_pair(assay_buf *sql, const char *name, const char *value)
{
    assay_buf_append_format(sql, ", %s ", name);
    assay_sql_append_text(sql, value);
}

/* The login is a secret of the engine, which never stands in its messages, unlike what ATTACH says.
 */
static assay_status make_secret(assay_conn *conn, const assay_login *login, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    char port[16];

    (void)snprintf(port, sizeof port, "%d", login->port);
    assay_buf_reserve(&sql, SQL_SIZE); /* no copy is left behind when it grows */
    assay_buf_append_text(&sql, "CREATE OR REPLACE TEMPORARY SECRET assay_doctor (TYPE postgres");
    append_pair(&sql, "HOST", login->host);
    append_pair(&sql, "PORT", port);
    append_pair(&sql, "DATABASE", login->database);
    append_pair(&sql, "USER", login->user);
    append_pair(&sql, "PASSWORD", assay_secret_reveal(login->password));
    assay_buf_append_char(&sql, ')');
    assay_status status = assay_buf_check(&sql, err);
    if (status == ASSAY_OK)
        status = assay_conn_execute(conn, sql.data, NULL, err);
    assay_mem_wipe(sql.data, sql.size);
    return status;
}

/* As an extract does: Redshift has no COPY .. TO STDOUT. */
static assay_status attach(assay_conn *conn, const assay_connection_config *connection, int mark_ms,
                           assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf conninfo = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;

    ASSAY_TRY(assay_conn_execute(conn, "SET pg_use_text_protocol = true", NULL, err));
    ASSAY_TRY(assay_postgres_conninfo(connection, mark_ms, &conninfo, err));
    assay_buf_append_text(&sql, "ATTACH ");
    assay_sql_append_text(&sql, conninfo.data);
    assay_buf_append_text(&sql, " AS assay_doctor (TYPE postgres, READ_ONLY, SECRET assay_doctor)");
    ASSAY_TRY(assay_buf_check(&sql, err));
    return assay_conn_execute(conn, assay_buf_text(&sql), NULL, err);
}

static assay_status ask_attached(assay_conn *conn, assay_error *err)
{
    int64_t one = 0;

    return assay_conn_query_int(conn, "SELECT * FROM postgres_query('assay_doctor', 'SELECT 1')",
                                &one, err);
}

/* What is not there any more cannot be left behind. */
static void clean_up(assay_conn *conn)
{
    static const char *const statements[] = {"DETACH DATABASE IF EXISTS assay_doctor",
                                             "DROP SECRET IF EXISTS assay_doctor"};

    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        assay_status ignored = assay_conn_execute(conn, statements[i], NULL, NULL);
        (void)ignored;
    }
}

/* What the extension says has no number that tells failures apart: it is found by its words, as for
 * an extract. */
static assay_status judge(const assay_connection_config *connection, assay_silence *silence,
                          assay_error *err)
{
    const assay_error why = err != NULL ? *err : (assay_error){0};

    if (assay_silence_broke(silence))
        return assay_error_set(err, ASSAY_ETIMEOUT, 2223,
                               "no answer within login_timeout of %lld ms",
                               (long long)connection->login_timeout_ms);
    return assay_postgres_judge(connection->name, connection->place, &why, err);
}

static assay_status log_in(struct trial *trial, assay_error *err)
{
    assay_context *context = trial->doctor->context;
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    ASSAY_AUTO(assay_silence_endp) assay_silence *silence = NULL;
    ASSAY_AUTO(assay_login_done) assay_login login = {0};
    int mark_ms = assay_postgres_mark(trial->connection, &context->random);

    ASSAY_TRY(assay_silence_watch(&context->clock, mark_ms, trial->connection->login_timeout_ms,
                                  &silence, err));
    ASSAY_TRY(assay_conn_open(context->engine, &conn, err));
    ASSAY_TRY(assay_conn_load_extension(conn, "postgres_scanner", err));
    ASSAY_TRY(assay_login_resolve(context->secrets, trial->connection, &login, err));
    assay_status status = make_secret(conn, &login, err);
    if (status == ASSAY_OK)
        status = attach(conn, trial->connection, mark_ms, err);
    if (status == ASSAY_OK)
        status = ask_attached(conn, err);
    clean_up(conn);
    if (status == ASSAY_OK)
        return ASSAY_OK;
    if (err != NULL)
        assay_secret_scrub(login.password, err->message);
    return judge(trial->connection, silence, err);
}

/* A password may have been rotated since it was looked up. */
static assay_status try_engine(struct trial *trial, assay_error *err)
{
    assay_status status = log_in(trial, err);

    return status == ASSAY_EAUTH &&
                   assay_login_forget(trial->doctor->context->secrets, trial->connection)
               ? log_in(trial, err)
               : status;
}

/* ---- S3 ---- */

static assay_status region_of(const struct trial *trial, const char **ret_region, assay_error *err)
{
    const assay_connection_config *connection = trial->connection;
    ASSAY_AUTO(assay_aws_freep) assay_aws *aws = NULL;
    const char *region = NULL;

    ASSAY_TRY(assay_aws_new(&(assay_aws_options){.profile = connection->profile,
                                                 .region = connection->region,
                                                 .clock = &trial->doctor->context->clock},
                            &aws, err));
    ASSAY_TRY(assay_aws_region(aws, &region, err));
    *ret_region = assay_arena_text(trial->doctor->arena, region);
    return assay_arena_check(*ret_region, err);
}

static assay_status try_s3(struct trial *trial, assay_error *err)
{
    assay_context *context = trial->doctor->context;
    ASSAY_AUTO(assay_aws_credentials_done) assay_aws_credentials credentials = {0};
    assay_aws_s3_look look = {.endpoint = trial->connection->endpoint,
                              .timeout_ms = trial->connection->login_timeout_ms,
                              .clock = &context->clock,
                              .cancel = context->cancel};
    bool listed = false;

    ASSAY_TRY(look_for_extension(context, "httpfs", err));
    ASSAY_TRY(assay_aws_connection_credentials(context->secrets, trial->connection, &context->clock,
                                               context->cancel, &credentials, err));
    ASSAY_TRY(region_of(trial, &look.region, err));
    ASSAY_TRY(assay_aws_s3_ask(&look, &credentials, &listed, err));
    (void)snprintf(trial->seen, sizeof trial->seen, "s3: credentials of the %s were taken%s",
                   credentials.source, listed ? "" : "; buckets may not be listed");
    return ASSAY_OK;
}

/* ---- each of them ---- */

static const char *fix_for(const assay_error *problem)
{
    static const struct {
        int number;
        const char *fix;
    } fixes[] = {
        {1261, "close the file to other users, as the message says"},
        {1262,
         "let the AWS credentials read the secret (secretsmanager:GetSecretValue, kms:Decrypt)"},
        {1263, "look at the AWS region, AWS_ENDPOINT_URL and the network, then try again"},
        {1264, "give AWS credentials, by AWS_PROFILE or as docs/guide/connections.md says"},
        {1265, "set AWS_REGION"},
        {1267, "correct AWS_ENDPOINT_URL"},
        {3124, "correct the database or schema in config/connections.yaml, or create it"},
        {3125, "give the server TLS, or correct sslmode and sslrootcert"},
    };

    for (size_t i = 0; i < sizeof fixes / sizeof fixes[0]; i++)
        if (problem->number == fixes[i].number)
            return fixes[i].fix;
    if (problem->code == ASSAY_ENOTFOUND)
        return "run tools/bootstrap, or install the driver as the message says";
    if (problem->code == ASSAY_EAUTH)
        return "correct the user, the secret or its reference in config/connections.yaml";
    if (problem->code == ASSAY_ETIMEOUT || problem->code == ASSAY_EIO)
        return "look at the address, the network and the server, then try again";
    return "correct the connection in config/connections.yaml";
}

static assay_status try_connection(struct trial *trial, assay_error *err)
{
    switch (trial->connection->kind) {
    case ASSAY_CONNECTION_POSTGRES:
    case ASSAY_CONNECTION_SNOWFLAKE:
        return try_adbc(trial, err);
    case ASSAY_CONNECTION_REDSHIFT:
        return try_engine(trial, err);
    case ASSAY_CONNECTION_S3:
        return try_s3(trial, err);
    }
    return ASSAY_OK;
}

static assay_status look_at(assay_doctor_state *doctor, const assay_connection_config *connection,
                            assay_error *err)
{
    struct trial trial = {.doctor = doctor, .connection = connection};
    const assay_clock *clock = &doctor->context->clock;
    assay_error problem = {0};
    char what[SEEN_SIZE];

    (void)snprintf(what, sizeof what, "connection %s", connection->name);
    int64_t begin = clock->monotonic_us(clock->user);
    assay_status status = try_connection(&trial, &problem);
    if (status == ASSAY_ENOMEM)
        return assay_error_copy(err, &problem);
    if (status != ASSAY_OK)
        return assay_doctor_find(doctor, what, false, problem.message, fix_for(&problem), err);
    if (trial.seen[0] == '\0')
        (void)snprintf(trial.seen, sizeof trial.seen, "%s: logged in within %lld ms",
                       connection->type,
                       (long long)((clock->monotonic_us(clock->user) - begin) / 1000));
    return assay_doctor_find(doctor, what, true, trial.seen, NULL, err);
}

assay_status assay_doctor_connections(assay_doctor_state *doctor, assay_error *err)
{
    const assay_connections_config *config = doctor->context->project->connections;

    for (size_t i = 0; i < config->count; i++)
        ASSAY_TRY(look_at(doctor, &config->connections[i], err));
    return ASSAY_OK;
}
