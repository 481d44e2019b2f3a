#include "config/read.h"

#include "base/str.h"

const assay_value *assay_config_find(const assay_value *map, const char *key)
{
    const assay_value *value = assay_value_find(map, key);

    return value != NULL && value->kind != ASSAY_VALUE_NULL ? value : NULL;
}

const char *assay_config_scalar(const assay_value *value)
{
    if (value == NULL)
        return NULL;
    switch (value->kind) {
    case ASSAY_VALUE_TEXT:
    case ASSAY_VALUE_INT:
    case ASSAY_VALUE_REAL:
        return value->text;
    case ASSAY_VALUE_BOOL:
        if (value->text != NULL)
            return value->text;
        return value->boolean ? "true" : "false";
    case ASSAY_VALUE_NULL:
    case ASSAY_VALUE_LIST:
    case ASSAY_VALUE_MAP:
        return NULL;
    }
    return NULL;
}

const char *assay_config_text(const assay_value *map, const char *key, const char *otherwise)
{
    const char *text = assay_config_scalar(assay_config_find(map, key));

    return text != NULL ? text : otherwise;
}

bool assay_config_bool(const assay_value *map, const char *key, bool otherwise)
{
    const assay_value *value = assay_config_find(map, key);

    return value != NULL && value->kind == ASSAY_VALUE_BOOL ? value->boolean : otherwise;
}

int64_t assay_config_int(const assay_value *map, const char *key, int64_t otherwise)
{
    const assay_value *value = assay_config_find(map, key);

    return value != NULL && value->kind == ASSAY_VALUE_INT ? value->integer : otherwise;
}

uint64_t assay_config_size(const assay_value *map, const char *key, uint64_t otherwise)
{
    const char *text = assay_config_text(map, key, NULL);
    uint64_t bytes = 0;

    return text != NULL && assay_str_to_size(text, &bytes) ? bytes : otherwise;
}

int64_t assay_config_duration_ms(const assay_value *map, const char *key, int64_t otherwise)
{
    const char *text = assay_config_text(map, key, NULL);
    int64_t ms = 0;

    return text != NULL && assay_str_to_duration_ms(text, &ms) ? ms : otherwise;
}

int assay_config_enum(const assay_value *map, const char *key, const char *const *names,
                      int otherwise)
{
    const char *text = assay_config_text(map, key, NULL);

    for (int i = 0; text != NULL && names[i] != NULL; i++)
        if (assay_str_equal(text, names[i]))
            return i;
    return otherwise;
}

static assay_named named_of(const assay_value *value)
{
    return (assay_named){assay_config_scalar(value), value->line, value->column};
}

assay_status assay_config_texts(const assay_value *map, const char *key, assay_arena *arena,
                                assay_named **ret_texts, size_t *ret_count, assay_error *err)
{
    const assay_value *value = assay_config_find(map, key);
    bool list = value != NULL && value->kind == ASSAY_VALUE_LIST;
    size_t count = value == NULL ? 0 : list ? value->count : 1;
    assay_named *texts = NULL;

    if (count > 0) {
        texts = assay_arena_take(arena, count, sizeof *texts);
        ASSAY_TRY(assay_arena_check(texts, err));
        for (size_t i = 0; i < count; i++)
            texts[i] = named_of(list ? value->items[i] : value);
    }
    *ret_texts = texts;
    *ret_count = count;
    return ASSAY_OK;
}
