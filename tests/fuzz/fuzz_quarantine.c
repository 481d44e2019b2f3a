/* A record of a CSV file that stands alone, and the list of a state file: both come from outside.
 */
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "source/csv_record.h"
#include "steps/quarantine.h"
#include "text/json.h"

static void fit(const char *text, const assay_source_dialect *dialect)
{
    int fitting = 0;

    for (size_t fields = 0; fields < 8; fields++)
        fitting += assay_csv_record_fits(text, dialect, fields) ? 1 : 0;
    if (fitting > 1)
        abort(); /* a record has one number of fields */
}

/* What is read of a list is written so that it is read alike. */
static void read_list(const char *text, size_t size, assay_arena *arena)
{
    assay_value *tree = NULL;
    assay_value *again = NULL;
    assay_quarantine_entry *entries = NULL;
    size_t count = 0;
    size_t count_again = 0;

    if (assay_json_parse(text, size, "fuzz", arena, &tree, NULL) != ASSAY_OK)
        return;
    assay_state_file state = {.quarantine = tree};
    if (assay_quarantine_entries(&state, arena, &entries, &count, NULL) != ASSAY_OK)
        return;
    const assay_quarantine_news news = {.step = "step", .run = "run", .rows = 1};
    if (assay_quarantine_next(&state, &news, arena, &again, NULL) != ASSAY_OK)
        return;
    state.quarantine = again;
    if (assay_quarantine_entries(&state, arena, &entries, &count_again, NULL) != ASSAY_OK ||
        count_again > count + 1)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const assay_source_dialect usual = {.delimiter = ",", .quote = "\"", .escape = "\""};
    static const assay_source_dialect odd = {.delimiter = "||", .quote = "'", .escape = "\\"};
    static const assay_source_dialect bare = {.delimiter = ";", .quote = "", .escape = ""};
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();

    if (arena == NULL || size > 65536)
        return 0;
    const char *text = assay_arena_text_n(arena, (const char *)data, size);
    if (text == NULL)
        return 0;
    fit(text, &usual);
    fit(text, &odd);
    fit(text, &bare);
    read_list(text, strlen(text), arena);
    return 0;
}
