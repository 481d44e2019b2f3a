/* Selectors and the tokens of SQL: every cut lies inside the text, and every walk ends. */
#include "fuzz.h"
#include "pipeline/selection.h"
#include "pipeline/token.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    assay_selector selector;
    const char *problem = NULL;
    size_t at = 0;

    if (assay_selector_parse(text, size, &selector, &problem)) {
        if (selector.value_size == 0 || selector.value > size ||
            selector.value_size > size - selector.value)
            abort();
    } else if (problem == NULL) {
        abort();
    }
    for (;;) {
        assay_token token = assay_token_next(text, size, at);

        if (token.kind == ASSAY_TOKEN_END)
            return 0;
        if (token.size == 0 || token.at < at || token.at > size || token.size > size - token.at)
            abort();
        at = token.at + token.size;
    }
}
