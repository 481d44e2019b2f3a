#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct number_row {
    int number;
    assay_status status;
    int exit_code; /* 0 = the status's */
    const char *title;
    const char *explanation;
};

#define ASSAY_ERROR_NUMBER(number, status, title, explanation) \
    {(number), (status), 0, (title), (explanation)},
#define ASSAY_ERROR_NUMBER_EXIT(number, status, exit_code, title, explanation) \
    {(number), (status), (exit_code), (title), (explanation)},
static const struct number_row numbers[] = {
#include "base/error_codes.def"
};
#undef ASSAY_ERROR_NUMBER
#undef ASSAY_ERROR_NUMBER_EXIT

static const struct number_row *find_number(int number)
{
    size_t low = 0;
    size_t high = sizeof numbers / sizeof numbers[0];

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (numbers[middle].number == number)
            return &numbers[middle];
        if (numbers[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

struct status_row {
    const char *name;
    int exit_code;
};

/* The exit codes of PRODUCT.md: EAUTH and ETIMEOUT are outside systems that are worth a retry. */
static const struct status_row statuses[] = {
    [ASSAY_OK] = {"OK", 0},
    [ASSAY_ENOMEM] = {"ENOMEM", 1},
    [ASSAY_EINVAL] = {"EINVAL", 2},
    [ASSAY_ECONFIG] = {"ECONFIG", 2},
    [ASSAY_ENOTFOUND] = {"ENOTFOUND", 1},
    [ASSAY_EEXISTS] = {"EEXISTS", 1},
    [ASSAY_ECONFLICT] = {"ECONFLICT", 1},
    [ASSAY_EUNKNOWN_OUTCOME] = {"EUNKNOWN_OUTCOME", 1},
    [ASSAY_EDATA] = {"EDATA", 1},
    [ASSAY_EGATE] = {"EGATE", 3},
    [ASSAY_EIO] = {"EIO", 1},
    [ASSAY_EAUTH] = {"EAUTH", 4},
    [ASSAY_ETIMEOUT] = {"ETIMEOUT", 4},
    [ASSAY_ECANCELLED] = {"ECANCELLED", 130},
    [ASSAY_EUNSUPPORTED] = {"EUNSUPPORTED", 2},
    [ASSAY_ELOCKED] = {"ELOCKED", 6},
    [ASSAY_EINTERNAL] = {"EINTERNAL", 5},
};

static const size_t status_count = sizeof statuses / sizeof statuses[0];

const char *assay_status_name(assay_status status)
{
    size_t index = (size_t)status;

    return index < status_count ? statuses[index].name : "UNKNOWN";
}

int assay_status_exit_code(assay_status status)
{
    size_t index = (size_t)status;

    return index < status_count ? statuses[index].exit_code : 5;
}

/* Numbers of outside databases: a conflict there ends with somebody else's transaction, one here
 * asks for another plan. */
static bool is_of_database(int number)
{
    enum { DRIVER_FIRST = 3100, DRIVER_LAST = 3199, PUBLISH_FIRST = 7000, PUBLISH_LAST = 7999 };

    return (number >= DRIVER_FIRST && number <= DRIVER_LAST) ||
           (number >= PUBLISH_FIRST && number <= PUBLISH_LAST);
}

int assay_error_exit_code(const assay_error *err)
{
    enum { TRY_AGAIN = 4 };
    const struct number_row *row = err != NULL ? find_number(err->number) : NULL;

    if (err == NULL)
        return 0;
    if (row != NULL && row->exit_code != 0)
        return row->exit_code;
    bool again = err->code == ASSAY_EIO || err->code == ASSAY_EUNKNOWN_OUTCOME ||
                 (err->code == ASSAY_ECONFLICT && is_of_database(err->number));
    return err->retryable && again ? TRY_AGAIN : assay_status_exit_code(err->code);
}

int assay_exit_code_rank(int exit_code)
{
    static const int ORDER[] = {130, 143, 5, 2, 3, 1, 4, 6};
    enum { COUNT = sizeof ORDER / sizeof ORDER[0] };

    for (int i = 0; i < COUNT; i++)
        if (ORDER[i] == exit_code)
            return i;
    return COUNT;
}

bool assay_error_is_graver(const assay_error *err, const assay_error *than)
{
    if (err->code == ASSAY_OK || than->code == ASSAY_OK)
        return err->code != ASSAY_OK;
    return assay_exit_code_rank(assay_error_exit_code(err)) <
           assay_exit_code_rank(assay_error_exit_code(than));
}

void assay_error_clear(assay_error *err)
{
    if (err != NULL)
        memset(err, 0, sizeof *err);
}

const char *assay_error_title(int number)
{
    const struct number_row *row = find_number(number);

    return row != NULL ? row->title : NULL;
}

const char *assay_error_explanation(int number)
{
    const struct number_row *row = find_number(number);

    return row != NULL ? row->explanation : NULL;
}

assay_status assay_error_number_status(int number)
{
    const struct number_row *row = find_number(number);

    return row != NULL ? row->status : ASSAY_EINTERNAL;
}

size_t assay_error_count(void)
{
    return sizeof numbers / sizeof numbers[0];
}

int assay_error_number_at(size_t index)
{
    return index < assay_error_count() ? numbers[index].number : 0;
}

/* Takes a UTF-8 sequence off the end of `text` that was cut in its middle. */
static void trim_cut_sequence(char *text, size_t length)
{
    size_t back = 0;

    while (back < 3 && back < length && ((unsigned char)text[length - 1 - back] & 0xC0U) == 0x80U)
        back++;
    if (back >= length)
        return;
    unsigned char lead = (unsigned char)text[length - 1 - back];
    size_t needed = lead >= 0xF0U ? 4 : lead >= 0xE0U ? 3 : lead >= 0xC0U ? 2 : 1;
    if (needed > back + 1)
        text[length - 1 - back] = '\0';
}

static ASSAY_PRINTF(3, 0) void format_text(char *text, size_t size, const char *format,
                                           va_list arguments)
{
    int length = vsnprintf(text, size, format, arguments);

    if (length < 0)
        text[0] = '\0';
    else if ((size_t)length >= size)
        trim_cut_sequence(text, size - 1);
}

/* Appends as much of `more` as fits after the `*length` bytes of err's message. */
static void append_message(assay_error *err, size_t *length, const char *more)
{
    size_t room = sizeof err->message - 1 - *length;
    size_t size = strlen(more);
    bool cut = size > room;

    if (cut)
        size = room;
    memcpy(err->message + *length, more, size);
    *length += size;
    err->message[*length] = '\0';
    if (cut)
        trim_cut_sequence(err->message, *length);
}

static ASSAY_PRINTF(4, 0) assay_status
    set_list(assay_error *err, assay_status code, int number, const char *format, va_list arguments)
{
    if (err == NULL)
        return code;
    /* An argument may point into err itself, so the text is made before err is emptied. */
    char message[ASSAY_ERROR_MESSAGE_SIZE];
    format_text(message, sizeof message, format, arguments);
    assay_error_clear(err);
    err->code = code;
    err->number = number;
    memcpy(err->message, message, strlen(message) + 1);
    return code;
}

assay_status assay_error_set(assay_error *err, assay_status code, int number, const char *format,
                             ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)set_list(err, code, number, format, arguments);
    va_end(arguments);
    return code;
}

void assay_error_place(assay_error *err, assay_place place)
{
    if (err == NULL)
        return;
    if (err->path[0] == '\0' && place.path != NULL) {
        size_t size = strlen(place.path);
        bool cut = size > sizeof err->path - 1;
        if (cut)
            size = sizeof err->path - 1;
        memcpy(err->path, place.path, size);
        err->path[size] = '\0';
        if (cut)
            trim_cut_sequence(err->path, size);
    }
    if (err->line == 0) {
        err->line = place.line;
        err->column = place.column;
    }
}

assay_status assay_error_at(assay_error *err, assay_status code, int number, assay_place place,
                            const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)set_list(err, code, number, format, arguments);
    va_end(arguments);
    assay_error_place(err, place);
    return code;
}

struct errno_row {
    int native;
    assay_status status;
    int number;
};

static const struct errno_row errno_rows[] = {
    {ENOENT, ASSAY_ENOTFOUND, 1301}, {ENOTDIR, ASSAY_ENOTFOUND, 1301}, {EACCES, ASSAY_EIO, 1302},
    {EPERM, ASSAY_EIO, 1302},        {ENOSPC, ASSAY_EIO, 1303},        {EDQUOT, ASSAY_EIO, 1303},
    {EROFS, ASSAY_EIO, 1304},        {EMFILE, ASSAY_EIO, 1305},        {ENFILE, ASSAY_EIO, 1305},
    {EEXIST, ASSAY_EEXISTS, 1306},   {ENOMEM, ASSAY_ENOMEM, 1001},
};

assay_status assay_error_errno(assay_error *err, int native, const char *format, ...)
{
    struct errno_row row = {native, ASSAY_EIO, 1300};
    va_list arguments;

    for (size_t i = 0; i < sizeof errno_rows / sizeof errno_rows[0]; i++) {
        if (errno_rows[i].native == native)
            row = errno_rows[i];
    }
    va_start(arguments, format);
    (void)set_list(err, row.status, row.number, format, arguments);
    va_end(arguments);
    if (err != NULL) {
        char reason[128] = "unknown error";
        (void)strerror_r(native, reason, sizeof reason);
        size_t length = strlen(err->message);
        append_message(err, &length, ": ");
        append_message(err, &length, reason);
        err->native = native;
    }
    return row.status;
}

assay_status assay_error_wrap(assay_error *err, const char *format, ...)
{
    char context[ASSAY_ERROR_MESSAGE_SIZE];
    char cause[ASSAY_ERROR_MESSAGE_SIZE];
    size_t length = 0;
    va_list arguments;

    if (err == NULL)
        return ASSAY_EINTERNAL;
    va_start(arguments, format);
    format_text(context, sizeof context, format, arguments);
    va_end(arguments);
    memcpy(cause, err->message, sizeof cause);
    cause[sizeof cause - 1] = '\0';
    append_message(err, &length, context);
    append_message(err, &length, ": ");
    append_message(err, &length, cause);
    return err->code != ASSAY_OK ? err->code : ASSAY_EINTERNAL;
}

assay_status assay_error_wrap_status(assay_error *err, assay_status status, const char *format, ...)
{
    char context[ASSAY_ERROR_MESSAGE_SIZE];
    va_list arguments;

    if (err == NULL)
        return status;
    va_start(arguments, format);
    format_text(context, sizeof context, format, arguments);
    va_end(arguments);
    err->code = status;
    return assay_error_wrap(err, "%s", context);
}

assay_status assay_error_copy(assay_error *to, const assay_error *from)
{
    if (from == NULL)
        return ASSAY_EINTERNAL;
    if (to != NULL && to != from)
        *to = *from;
    return from->code;
}

assay_status assay_error_nomem(assay_error *err)
{
    return assay_error_set(err, ASSAY_ENOMEM, 1001, "out of memory");
}
