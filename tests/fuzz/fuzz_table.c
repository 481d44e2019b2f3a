/* The texts of a table that come from outside: a column's type, a value of it, a state file. Parsed
 * or refused; what was parsed reads back equal. The first byte chooses. */
#include "fuzz/fuzz.h"

#include "store/store.h"
#include "table/datum.h"
#include "table/state.h"

#include <stdlib.h>
#include <string.h>

static void try_type(const char *text, assay_arena *arena)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    assay_type type = {0};
    assay_type again = {0};
    const char *original = NULL;
    assay_error err = {0};

    assay_status status = assay_type_parse(text, "c", arena, &type, &original, &err);
    if (status == ASSAY_ENOMEM)
        return;
    if (status != ASSAY_OK) {
        if (err.number != 4001 && err.number != 4002)
            abort();
        return;
    }
    assay_type_format(&buf, &type);
    if (assay_type_parse(assay_buf_text(&buf), "c", arena, &again, NULL, NULL) != ASSAY_OK ||
        !assay_type_equal(&type, &again))
        abort();
}

static void try_datum(const char *text, uint8_t kind, assay_arena *arena)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    bool exact = false;
    assay_type type = {.kind = (assay_type_kind)(kind % (ASSAY_TYPE_MAP + 1)),
                       .precision = 38,
                       .scale = kind % 39};

    assay_datum datum = assay_datum_parse(text, &type, arena);
    if (!datum.known)
        return;
    assay_datum_format(&buf, &datum, &type);
    assay_datum again = assay_datum_parse(assay_buf_text(&buf), &type, arena);
    if (!again.known || assay_datum_compare(&datum, &again) != 0)
        abort();
    assay_datum upper = assay_datum_truncate(&datum, 4, true, arena, &exact);
    assay_datum lower = assay_datum_truncate(&datum, 4, false, arena, &exact);
    if (!lower.known || assay_datum_compare(&lower, &datum) > 0)
        abort();
    if (upper.known && assay_datum_compare(&upper, &datum) < 0)
        abort();
}

static void try_state(const uint8_t *data, size_t size, assay_arena *arena)
{
    ASSAY_AUTO(assay_store_closep) assay_store *store = NULL;
    assay_state_file *state = NULL;
    assay_error err = {0};

    if (assay_store_open_memory(&store, NULL) != ASSAY_OK ||
        assay_store_put(store, "/t/_assay/s.json", data, size, NULL) != ASSAY_OK)
        return;
    if (assay_state_file_load("/t", "_assay/s.json", store, arena, &state, &err) != ASSAY_OK &&
        err.number != 4050)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();

    if (arena == NULL || size < 2)
        return 0;
    char *text = assay_arena_text_n(arena, (const char *)data + 2, size - 2);
    if (text == NULL)
        return 0;
    if (data[0] % 3 == 0)
        try_type(text, arena);
    else if (data[0] % 3 == 1)
        try_datum(text, data[1], arena);
    else
        try_state(data + 2, size - 2, arena);
    return 0;
}
