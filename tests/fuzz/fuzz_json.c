/* Any bytes: parsed or refused with a place; what was parsed reads back equal. */
#include "fuzz/fuzz.h"

#include "text/json.h"

#include <stdlib.h>

static void check_round_trip(const assay_value *value, assay_arena *arena)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    assay_value *again = NULL;

    assay_json_write(&buf, value, 1);
    if (assay_json_parse(assay_buf_text(&buf), buf.size, NULL, arena, &again, NULL) != ASSAY_OK ||
        !assay_value_equal(value, again))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_value *value = NULL;
    assay_error err = {0};

    if (arena == NULL)
        return 0;
    if (assay_json_parse((const char *)data, size, "f", arena, &value, &err) == ASSAY_OK)
        check_round_trip(value, arena);
    else if (err.code != ASSAY_EDATA || err.line < 1 || err.column < 1)
        abort();
    return 0;
}
