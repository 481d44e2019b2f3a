#include "config/source_database.h"

#include "base/str.h"
#include "config/read.h"
#include "config/schema.h"

static assay_named read_named(const assay_value *map, const char *key)
{
    const assay_value *value = assay_config_find(map, key);

    if (value == NULL)
        return (assay_named){NULL, 0, 0};
    return (assay_named){assay_config_scalar(value), value->line, value->column};
}

static assay_status refuse_file_keys(const assay_value *tree, const char *path, assay_error *err)
{
    static const char *const of_files[] = {"format", "csv", "json", "hive", "compression"};
    const assay_value *source = assay_config_find(tree, "source");

    for (size_t i = 0; i < sizeof of_files / sizeof of_files[0]; i++)
        if (assay_config_find(source, of_files[i]) != NULL)
            return assay_error_at(err, ASSAY_ECONFIG, 1252,
                                  assay_config_place(source, of_files[i], path),
                                  "'%s' has no meaning for a database", of_files[i]);
    if (assay_config_find(tree, "changed_file") != NULL)
        return assay_error_at(err, ASSAY_ECONFIG, 1252,
                              assay_config_place(tree, "changed_file", path),
                              "'changed_file' has no meaning for a database");
    return ASSAY_OK;
}

static assay_status check_place(const assay_value *tree, const assay_database_source *source,
                                const char *path, assay_error *err)
{
    if ((source->table.text != NULL) == (source->query.text != NULL))
        return assay_error_at(err, ASSAY_ECONFIG, 1251, assay_config_place(tree, "source", path),
                              "a source with a 'connection' has either a 'table' or a 'query'");
    const assay_named *given = source->table.text != NULL ? &source->table : &source->query;
    if (assay_str_is_blank(given->text))
        return assay_error_at(err, ASSAY_ECONFIG, 1251,
                              (assay_place){path, given->line, given->column},
                              "the %s of the source is empty",
                              given == &source->table ? "table" : "query");
    return ASSAY_OK;
}

/* Whether it must be a time or a number is known when the column's type is. */
static assay_status read_lookback(assay_database_source *source, const char *path, assay_error *err)
{
    const char *text = source->lookback.text;
    int64_t number = 0;

    source->lookback_ms = -1;
    if (text == NULL) {
        source->lookback_ms = 0;
        source->lookback_number = "0";
        return ASSAY_OK;
    }
    if (assay_str_to_int64(text, &number) && number >= 0)
        source->lookback_number = text;
    else if (!assay_str_to_duration_ms(text, &source->lookback_ms) || source->lookback_ms < 0)
        return assay_error_at(err, ASSAY_ECONFIG, 1257,
                              (assay_place){path, source->lookback.line, source->lookback.column},
                              "the lookback '%s' is neither a duration ('2 hours') nor a number",
                              text);
    return ASSAY_OK;
}

assay_status assay_database_source_read(const assay_value *tree, const char *path,
                                        assay_arena *arena,
                                        const assay_database_source **ret_source, assay_error *err)
{
    const assay_value *from = assay_config_find(tree, "source");
    const assay_value *watermark = assay_config_find(tree, "watermark");
    assay_database_source *source = assay_arena_take(arena, 1, sizeof *source);

    ASSAY_TRY(assay_arena_check(source, err));
    source->connection = read_named(from, "connection");
    source->table = read_named(from, "table");
    source->query = read_named(from, "query");
    source->watermark = read_named(watermark, "column");
    source->lookback = read_named(watermark, "lookback");
    ASSAY_TRY(check_place(tree, source, path, err));
    ASSAY_TRY(refuse_file_keys(tree, path, err));
    ASSAY_TRY(read_lookback(source, path, err));
    *ret_source = source;
    return ASSAY_OK;
}
