#include "config/header.h"

#include "base/str.h"
#include "config/read.h"
#include "config/shared.h"
#include "config/tables.h"

static const char *const mode_names[] = {"full", "append", "merge", "replace_partitions",
                                         "scd2", NULL};

const char *assay_load_mode_name(assay_load_mode mode)
{
    return mode_names[mode];
}

static assay_status read_mode(const assay_value *tree, const char *path, assay_load_mode otherwise,
                              assay_load_mode *ret_mode, assay_error *err)
{
    assay_load_mode mode =
        (assay_load_mode)assay_config_enum(tree, "mode", mode_names, (int)otherwise);
    static const char *const of_merge[] = {"version", "delete_when", "soft_delete"};

    if (mode != ASSAY_LOAD_FULL && mode != ASSAY_LOAD_APPEND)
        return assay_error_at(err, ASSAY_EUNSUPPORTED, 2010, assay_config_place(tree, "mode", path),
                              "mode '%s' is not built in this version: full and append are",
                              mode_names[mode]);
    for (size_t i = 0; i < sizeof of_merge / sizeof of_merge[0]; i++)
        if (assay_config_find(tree, of_merge[i]) != NULL)
            return assay_error_at(err, ASSAY_ECONFIG, 2012,
                                  assay_config_place(tree, of_merge[i], path),
                                  "'%s' has no meaning in mode '%s'", of_merge[i],
                                  mode_names[mode]);
    if (assay_config_find(tree, "publish") != NULL)
        return assay_error_at(err, ASSAY_EUNSUPPORTED, 2011,
                              assay_config_place(tree, "publish", path),
                              "'publish' is not built in this version");
    if (mode == ASSAY_LOAD_FULL && assay_config_find(tree, "new_rows_of") != NULL)
        return assay_error_at(err, ASSAY_ECONFIG, 2012,
                              assay_config_place(tree, "new_rows_of", path),
                              "'new_rows_of' has no meaning in mode 'full': the table would lose "
                              "its older rows");
    *ret_mode = mode;
    return ASSAY_OK;
}

static assay_status read_columns(const assay_value *tree, assay_arena *arena,
                                 assay_model_header *header, assay_error *err)
{
    const assay_value *columns = assay_config_find(tree, "columns");

    if (columns == NULL || columns->count == 0)
        return ASSAY_OK;
    header->columns = assay_arena_take(arena, columns->count, sizeof *header->columns);
    ASSAY_TRY(assay_arena_check(header->columns, err));
    header->column_count = columns->count;
    for (size_t i = 0; i < columns->count; i++) {
        const assay_value *item = columns->items[i];
        assay_place place = assay_config_place(columns, columns->keys[i], NULL);

        header->columns[i] = (assay_column_note){
            .name = columns->keys[i],
            .pii = assay_config_bool(item, "pii", false),
            .doc = assay_config_text(item, "doc", NULL),
            .line = place.line,
            .column = place.column,
        };
    }
    return ASSAY_OK;
}

assay_status assay_header_read_shared(const assay_value *tree, const char *path,
                                      assay_load_mode mode, assay_arena *arena,
                                      assay_model_header *ret_header, assay_error *err)
{
    assay_model_header header = {.mode = mode, .tree = tree};

    if (tree == NULL || tree->kind == ASSAY_VALUE_NULL) {
        header.tree = NULL;
        *ret_header = header;
        return ASSAY_OK;
    }
    header.line = tree->line;
    header.column = tree->column;
    header.description = assay_config_text(tree, "description", NULL);
    header.allow_empty = assay_config_bool(tree, "allow_empty", false);
    ASSAY_TRY(read_mode(tree, path, mode, &header.mode, err));
    ASSAY_TRY(assay_config_texts(tree, "key", arena, &header.key, &header.key_count, err));
    ASSAY_TRY(assay_config_texts(tree, "new_rows_of", arena, &header.new_rows_of,
                                 &header.new_rows_count, err));
    ASSAY_TRY(assay_config_texts(tree, "partition_by", arena, &header.partition_by,
                                 &header.partition_count, err));
    ASSAY_TRY(assay_config_texts(tree, "tags", arena, &header.tags, &header.tag_count, err));
    ASSAY_TRY(read_columns(tree, arena, &header, err));
    *ret_header = header;
    return ASSAY_OK;
}

assay_status assay_model_header_read(const assay_value *tree, const char *path, assay_arena *arena,
                                     assay_model_header *ret_header, assay_error *err)
{
    ASSAY_TRY(assay_config_check(tree, &assay_table_header, path, err));
    return assay_header_read_shared(tree, path, ASSAY_LOAD_FULL, arena, ret_header, err);
}
