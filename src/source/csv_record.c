#include "source/csv_record.h"

#include <string.h>

static bool starts(const char *text, const char *mark)
{
    return mark != NULL && mark[0] != '\0' && strncmp(text, mark, strlen(mark)) == 0;
}

/* Behind the quoted field that begins at `text`, or NULL where its quote is not closed. */
static const char *skip_quoted(const char *text, const assay_source_dialect *dialect)
{
    const char *quote = dialect->quote;
    const char *escape = dialect->escape;

    for (text += strlen(quote); *text != '\0';) {
        if (starts(text, escape) && text[strlen(escape)] != '\0' &&
            (starts(text + strlen(escape), quote) || starts(text + strlen(escape), escape)))
            text += strlen(escape) + 1;
        else if (starts(text, quote))
            return text + strlen(quote);
        else
            text++;
    }
    return NULL;
}

/* Behind a field without quotes; a line end ends the record, which may not go on behind it. */
static const char *skip_plain(const char *text, const assay_source_dialect *dialect)
{
    while (*text != '\0' && !starts(text, dialect->delimiter)) {
        if (*text == '\n' || *text == '\r')
            return NULL;
        text++;
    }
    return text;
}

bool assay_csv_record_fits(const char *text, const assay_source_dialect *dialect, size_t fields)
{
    size_t count = 0;

    for (;;) {
        text =
            starts(text, dialect->quote) ? skip_quoted(text, dialect) : skip_plain(text, dialect);
        if (text == NULL)
            return false;
        count++;
        if (*text == '\0')
            return count == fields;
        if (!starts(text, dialect->delimiter))
            return false;
        text += strlen(dialect->delimiter);
    }
}
