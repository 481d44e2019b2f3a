/* A cut of SQL text into tokens: enough to find statements' ends, parameters and words, without
 * being fooled by strings, quoted names and comments. Pure; any thread. */
#ifndef ASSAY_PIPELINE_TOKEN_H
#define ASSAY_PIPELINE_TOKEN_H

#include "base/error.h"

typedef enum assay_token_kind {
    ASSAY_TOKEN_END,
    ASSAY_TOKEN_WORD,      /* keyword or plain name */
    ASSAY_TOKEN_NAME,      /* "quoted name" */
    ASSAY_TOKEN_TEXT,      /* 'text', e'text', $$text$$ */
    ASSAY_TOKEN_PARAMETER, /* $name, $1, ? */
    ASSAY_TOKEN_SEMICOLON,
    ASSAY_TOKEN_OTHER /* one byte of anything else, or a number */
} assay_token_kind;

typedef struct assay_token {
    assay_token_kind kind;
    size_t at, size; /* bytes of the text, marks included */
} assay_token;

/* The token at or after offset `from`, blanks and comments skipped. What is not closed reaches to
 * the end of the text. */
assay_token assay_token_next(const char *sql, size_t size, size_t from);

/* True where the token is the word `word` (lower case), case ignored. */
bool assay_token_is(const char *sql, assay_token token, const char *word);

#endif
