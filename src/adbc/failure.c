/* What drivers say about a failure, as an error of ours. SQLSTATE decides where there is one (the
 * classes of ISO 9075 and PostgreSQL's appendix A), then Snowflake's number, then ADBC's status,
 * which drivers choose freely. */
#include <string.h>

#include "adbc/driver.h"
#include "base/str.h"

struct category {
    assay_status status;
    int number;
    bool retryable;
};

static const struct category refused_login = {ASSAY_EAUTH, 3110, false};
static const struct category timed_out = {ASSAY_ETIMEOUT, 3111, true};
static const struct category not_reached = {ASSAY_EIO, 3112, true};
static const struct category conflict = {ASSAY_ECONFLICT, 3113, true};
static const struct category bad_data = {ASSAY_EDATA, 3114, false};
static const struct category bad_statement = {ASSAY_EDATA, 3115, false};
static const struct category other = {ASSAY_EIO, 3116, false};
static const struct category cancelled = {ASSAY_ECANCELLED, 3117, false};
static const struct category not_supported = {ASSAY_EUNSUPPORTED, 3103, false};
static const struct category not_allowed = {ASSAY_EIO, 3123, false};
static const struct category no_database = {ASSAY_ENOTFOUND, 3124, false};
static const struct category not_secure = {ASSAY_EIO, 3125, false};
static const struct category ended_there = {ASSAY_EIO, 3126, true};

struct state_row {
    const char *begin; /* of the SQLSTATE */
    const struct category *category;
};

/* The first that fits. */
static const struct state_row states[] = {
    {"08", &not_reached},      /* connection exception */
    {"0A", &bad_statement},    /* feature not supported: of what is there, by the server */
    {"21", &bad_data},         /* cardinality violation */
    {"22", &bad_data},         /* data exception */
    {"23", &bad_data},         /* integrity constraint violation */
    {"25006", &bad_statement}, /* read-only transaction: a standby */
    {"28", &refused_login},    /* invalid authorization */
    {"3D", &no_database},      /* invalid catalog name */
    {"3F", &no_database},      /* invalid schema name */
    {"40", &conflict},         /* transaction rollback: serialization, deadlock */
    {"42501", &not_allowed},   /* insufficient privilege */
    {"42", &bad_statement},    /* syntax error or access rule violation */
    {"44", &bad_data},         /* WITH CHECK OPTION violation */
    {"53", &not_reached},      /* insufficient resources: too many connections, disk full */
    {"55P03", &conflict},      /* lock not available */
    {"57014", &ended_there},   /* query canceled; what we cancel is told before this is read */
    {"57P", &not_reached},     /* shut down, crashed, starting */
    {"P0", &bad_data},         /* raised by a function there: a trigger refuses the row */
};

struct vendor_row {
    int32_t first, last;
    const struct category *category;
};

/* Snowflake: server codes (six digits in the documentation, without leading noughts here) and those
 * of its Go driver (26xxxx). The first that fits. */
static const struct vendor_row vendor_codes[] = {
    {604, 604, &ended_there},         /* statement cancelled */
    {625, 625, &conflict},            /* statement aborted: waited for a lock */
    {630, 630, &timed_out},           /* statement reached its timeout */
    {606, 606, &bad_statement},       /* no active warehouse */
    {904, 904, &bad_statement},       /* unknown column */
    {1003, 1003, &bad_statement},     /* syntax */
    {2003, 2003, &bad_statement},     /* object does not exist or not authorized */
    {2043, 2043, &bad_statement},     /* the same, of operations */
    {3001, 3001, &not_allowed},       /* insufficient privileges */
    {100000, 109999, &bad_data},      /* conversion, NULL, length, duplicate row in MERGE */
    {390110, 390115, &not_reached},   /* the session or its tokens are gone */
    {390000, 399999, &refused_login}, /* login */
    {260000, 260006, &bad_statement}, /* configuration of the driver */
    {260007, 260999, &not_reached},   /* service not there, cannot connect */
    {261000, 262999, &not_reached},   /* requests and chunks of a result */
    {264000, 264999, &not_reached},   /* files of PUT */
};

static const struct category *by_state(const char *state)
{
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (assay_str_starts(state, states[i].begin))
            return states[i].category;
    return &other;
}

static const struct category *by_vendor(int32_t code)
{
    for (size_t i = 0; i < sizeof vendor_codes / sizeof vendor_codes[0]; i++)
        if (code >= vendor_codes[i].first && code <= vendor_codes[i].last)
            return vendor_codes[i].category;
    return NULL;
}

static const struct category *by_status(AdbcStatusCode code)
{
    switch (code) {
    case ADBC_STATUS_NOT_IMPLEMENTED:
        return &not_supported;
    case ADBC_STATUS_NOT_FOUND:
    case ADBC_STATUS_ALREADY_EXISTS:
    case ADBC_STATUS_INVALID_ARGUMENT:
        return &bad_statement;
    case ADBC_STATUS_INVALID_DATA:
    case ADBC_STATUS_INTEGRITY:
        return &bad_data;
    case ADBC_STATUS_CANCELLED:
        return &cancelled;
    case ADBC_STATUS_TIMEOUT:
        return &timed_out;
    case ADBC_STATUS_UNAUTHENTICATED:
    case ADBC_STATUS_UNAUTHORIZED:
        return &refused_login;
    case ADBC_STATUS_IO:
    case ADBC_STATUS_INTERNAL: /* what Snowflake's driver gives where a transport breaks */
    case ADBC_STATUS_UNKNOWN:
        return &not_reached;
    default:
        return &other;
    }
}

static bool has_vendor_code(const struct AdbcError *error)
{
    return error->vendor_code != 0 && error->vendor_code != ADBC_ERROR_VENDOR_CODE_PRIVATE_DATA;
}

/* Not SUCCESS, and five characters. */
static bool has_state(const char *state)
{
    return strlen(state) == 5 && strcmp(state, "00000") != 0;
}

static const struct category *judge(AdbcStatusCode code, const struct AdbcError *error,
                                    const char *state)
{
    /* Snowflake gives 08004 and the like to refused logins: its number says more. */
    const struct category *category = has_vendor_code(error) ? by_vendor(error->vendor_code) : NULL;

    if (category != NULL)
        return category;
    return has_state(state) ? by_state(state) : by_status(code);
}

/* Drivers write whole paragraphs: one line is kept. */
static void flatten(char *text)
{
    char *to = text;

    for (const char *from = text; *from != '\0'; from++) {
        char c = *from == '\n' || *from == '\r' || *from == '\t' ? ' ' : *from;

        if (c != ' ' || (to != text && to[-1] != ' '))
            *to++ = c;
    }
    while (to != text && to[-1] == ' ')
        to--;
    *to = '\0';
}

assay_status assay_adbc_fail(AdbcStatusCode code, const struct AdbcError *error, const char *what,
                             assay_error *err)
{
    char state[sizeof error->sqlstate + 1] = "";
    const char *message = error->message != NULL ? error->message : "the driver says no more";

    memcpy(state, error->sqlstate, sizeof error->sqlstate);
    const struct category *category = judge(code, error, state);
    assay_status status =
        assay_error_set(err, category->status, category->number, "%s: %s", what, message);
    if (err == NULL)
        return status;
    flatten(err->message);
    err->retryable = category->retryable;
    err->native = has_vendor_code(error) ? error->vendor_code : (int)code;
    if (has_state(state))
        memcpy(err->sqlstate, state, sizeof err->sqlstate);
    return status;
}

static assay_status become(const struct category *category, const char *state, assay_error *err)
{
    if (err != NULL) {
        err->code = category->status;
        err->number = category->number;
        err->retryable = category->retryable;
        memcpy(err->sqlstate, state, strlen(state) + 1);
    }
    return category->status;
}

assay_status assay_adbc_fail_by_state(const char *state, assay_error *err)
{
    return become(by_state(state), state, err);
}

/* ---- refused logins ---- */

struct login_row {
    const char *text;
    const char *state; /* what the server would say where it is asked for it; "" = libpq's own */
    const struct category *category;
};

/* The driver hands on no SQLSTATE of a login, only libpq's text: libpq's own words (the driver has
 * no other language) and the server's in English. The first that is part of it. */
static const struct login_row logins[] = {
    {"password authentication failed", "28P01", &refused_login},
    {"does not support SSL", "", &not_secure},
    {"SSL error: ", "", &not_secure},
    {"server certificate for ", "", &not_secure},
    {"root certificate file ", "", &not_secure},
    {"sslmode value ", "", &not_secure},
    {"closed the connection unexpectedly", "08006", &not_reached},
    {"could not receive data from server", "08006", &not_reached},
    {"could not send data to server", "08006", &not_reached},
    {"SSL SYSCALL error: ", "08006", &not_reached},
    {"permission denied for database ", "42501", &not_allowed},
    {"too many connections for ", "53300", &not_reached},
    {"unrecognized configuration parameter ", "42704", &bad_statement},
    {"invalid value for parameter ", "22023", &bad_statement},
    {"permission denied to set parameter ", "42501", &not_allowed},
};

static const struct login_row *find_login(const char *message)
{
    static const struct login_row missing = {"", "3D000", &no_database};
    const char *database = strstr(message, "FATAL: database \"");

    for (size_t i = 0; i < sizeof logins / sizeof logins[0]; i++)
        if (assay_str_contains(message, logins[i].text))
            return &logins[i];
    return database != NULL && assay_str_contains(database, "\" does not exist") ? &missing : NULL;
}

bool assay_adbc_fail_by_login(assay_error *err)
{
    const struct login_row *row = find_login(err->message);

    if (row != NULL)
        (void)become(row->category, row->state, err);
    return row != NULL;
}
