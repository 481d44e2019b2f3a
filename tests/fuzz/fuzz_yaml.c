/* Any bytes as YAML with templates: read or refused, and an excerpt of what was refused. */
#include "fuzz/fuzz.h"

#include "base/buf.h"
#include "text/excerpt.h"
#include "text/json.h"
#include "text/yaml.h"

#include <stdlib.h>
#include <string.h>

static const char *lookup(void *user, const char *name)
{
    (void)user;
    return strcmp(name, "A") == 0 ? "1" : NULL;
}

/* YAML also has infinity, NaN and digits that JSON writes in another way, so that the trees can
 * differ; the text must be JSON all the same. */
static void check_written(const assay_value *value, assay_arena *arena)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    assay_value *again = NULL;

    assay_json_write(&buf, value, 0);
    if (assay_json_parse(assay_buf_text(&buf), buf.size, NULL, arena, &again, NULL) != ASSAY_OK)
        abort();
}

static void show_excerpt(const char *text, const assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    if (err->line < 1 || err->column < 1)
        abort();
    assay_excerpt_append(&buf, text, err->line, err->column);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_value *value = NULL;
    assay_error err = {0};

    if (arena == NULL)
        return 0;
    const char *text = assay_arena_text_n(arena, (const char *)data, size);
    assay_yaml_source source = {text, size, "f", 1, 1};
    if (text == NULL)
        return 0;
    assay_status status = assay_yaml_parse(&source, arena, &value, &err);
    if (status == ASSAY_OK) {
        check_written(value, arena);
        status = assay_template_expand(value, "f", lookup, NULL, arena, &err);
    }
    if (status == ASSAY_OK)
        check_written(value, arena);
    else if (status == ASSAY_ECONFIG)
        show_excerpt(text, &err);
    else
        abort();
    return 0;
}
