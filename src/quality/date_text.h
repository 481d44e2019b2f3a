/* Inside the room: the lenient date parser. Pure; any thread. */
#ifndef ASSAY_QUALITY_DATE_TEXT_H
#define ASSAY_QUALITY_DATE_TEXT_H

#include <stdbool.h>

/* Whether the text is a date, a time or both in one of the forms that date_text.c lists. */
bool assay_dq_is_date_text(const char *text);

#endif
