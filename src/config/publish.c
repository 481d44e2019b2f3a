#include "config/publish.h"

#include "base/str.h"
#include "config/read.h"
#include "config/schema.h"

static const char *const mode_names[] = {"overwrite", "append", "merge", NULL};

const char *assay_publish_config_mode_name(assay_publish_config_mode mode)
{
    return mode_names[mode];
}

static assay_named named(const assay_value *item, const char *key)
{
    const assay_value *value = assay_config_find(item, key);

    if (value == NULL)
        return (assay_named){NULL, 0, 0};
    return (assay_named){assay_config_scalar(value), value->line, value->column};
}

static assay_status refuse(const assay_value *item, const char *key, const char *path,
                           const char *why, assay_error *err)
{
    return assay_error_at(err, ASSAY_ECONFIG, 2401, assay_config_place(item, key, path), "%s", why);
}

static bool holds(const assay_named *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (assay_str_equal_ci(names[i].text, name))
            return true;
    return false;
}

static assay_status check_column(const assay_publish_config *config, const assay_named *name,
                                 const char *path, assay_error *err)
{
    if (name->text == NULL || holds(config->columns, config->column_count, name->text))
        return ASSAY_OK;
    return assay_error_at(err, ASSAY_ECONFIG, 2401, (assay_place){path, name->line, name->column},
                          "column '%s' is needed and not among 'columns'", name->text);
}

/* Columns that the table there needs must be among those that are published. */
static assay_status check_columns(const assay_publish_config *config, const char *path,
                                  assay_error *err)
{
    if (config->column_count == 0)
        return ASSAY_OK;
    for (size_t i = 0; i < config->key_count; i++)
        ASSAY_TRY(check_column(config, &config->key[i], path, err));
    return check_column(config, &config->version, path, err);
}

static assay_status check(const assay_value *item, const assay_publish_config *config,
                          const char *path, assay_error *err)
{
    static const char *const of_merge[] = {"key", "version", "soft_delete"};

    if (assay_str_is_blank(config->table.text))
        return refuse(item, "table", path, "'table' names no table", err);
    if (config->mode == ASSAY_PUBLISH_CONFIG_MERGE && config->key_count == 0)
        return refuse(item, "mode", path, "mode 'merge' needs 'key': the columns that name a row",
                      err);
    for (size_t i = 0; i < sizeof of_merge / sizeof of_merge[0]; i++)
        if (config->mode != ASSAY_PUBLISH_CONFIG_MERGE &&
            assay_config_find(item, of_merge[i]) != NULL)
            return assay_error_at(err, ASSAY_ECONFIG, 2401,
                                  assay_config_place(item, of_merge[i], path),
                                  "'%s' has no meaning in mode '%s'", of_merge[i],
                                  mode_names[config->mode]);
    if (config->delete_column.text == NULL && assay_config_find(item, "deleted_values") != NULL)
        return refuse(item, "deleted_values", path,
                      "'deleted_values' needs 'soft_delete' with the name of a column", err);
    return check_columns(config, path, err);
}

static assay_status read_soft_delete(const assay_value *item, assay_arena *arena,
                                     assay_publish_config *config, assay_error *err)
{
    assay_named soft_delete = named(item, "soft_delete");

    if (soft_delete.text == NULL)
        return ASSAY_OK;
    if (assay_str_equal(soft_delete.text, "absence")) {
        config->absent = true;
        return ASSAY_OK;
    }
    config->delete_column = soft_delete;
    return assay_config_texts(item, "deleted_values", arena, &config->deleted,
                              &config->deleted_count, err);
}

static assay_status read_item(const assay_value *item, const char *path, assay_arena *arena,
                              assay_publish_config *ret_config, assay_error *err)
{
    assay_publish_config config = {
        .to = named(item, "to"),
        .table = named(item, "table"),
        .mode = (assay_publish_config_mode)assay_config_enum(item, "mode", mode_names,
                                                             ASSAY_PUBLISH_CONFIG_OVERWRITE),
        .version = named(item, "version"),
        .preserve_case = assay_config_bool(item, "preserve_case", false),
        .line = item->line,
        .column = item->column,
    };

    ASSAY_TRY(assay_config_texts(item, "key", arena, &config.key, &config.key_count, err));
    ASSAY_TRY(
        assay_config_texts(item, "columns", arena, &config.columns, &config.column_count, err));
    ASSAY_TRY(read_soft_delete(item, arena, &config, err));
    ASSAY_TRY(check(item, &config, path, err));
    *ret_config = config;
    return ASSAY_OK;
}

assay_status assay_publish_config_read(const assay_value *tree, const char *path,
                                       assay_arena *arena, assay_publish_config **ret_items,
                                       size_t *ret_count, assay_error *err)
{
    const assay_value *list = assay_config_find(tree, "publish");
    assay_publish_config *items = NULL;

    *ret_items = NULL;
    *ret_count = 0;
    if (list == NULL || list->count == 0)
        return ASSAY_OK;
    if (list->count > ASSAY_PUBLICATIONS_MAX)
        return assay_error_at(err, ASSAY_ECONFIG, 2401, assay_config_place(tree, "publish", path),
                              "a table is published to at most %d places", ASSAY_PUBLICATIONS_MAX);
    items = assay_arena_take(arena, list->count, sizeof *items);
    ASSAY_TRY(assay_arena_check(items, err));
    for (size_t i = 0; i < list->count; i++)
        ASSAY_TRY(read_item(list->items[i], path, arena, &items[i], err));
    *ret_items = items;
    *ret_count = list->count;
    return ASSAY_OK;
}
