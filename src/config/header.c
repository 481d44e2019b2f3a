#include "config/header.h"

#include "base/str.h"
#include "config/read.h"
#include "config/shared.h"
#include "config/tables.h"

static assay_tracking tracking_of(const assay_value *note)
{
    if (assay_config_find(note, "track") == NULL)
        return ASSAY_TRACK_UNSAID;
    return assay_config_bool(note, "track", true) ? ASSAY_TRACK_YES : ASSAY_TRACK_NO;
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
            .says_pii = assay_config_find(item, "pii") != NULL,
            .doc = assay_config_text(item, "doc", NULL),
            .track = tracking_of(item),
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
    ASSAY_TRY(assay_config_texts(tree, "key", arena, &header.key, &header.key_count, err));
    ASSAY_TRY(assay_config_texts(tree, "new_rows_of", arena, &header.new_rows_of,
                                 &header.new_rows_count, err));
    ASSAY_TRY(assay_config_texts(tree, "partition_by", arena, &header.partition_by,
                                 &header.partition_count, err));
    ASSAY_TRY(assay_config_texts(tree, "tags", arena, &header.tags, &header.tag_count, err));
    ASSAY_TRY(read_columns(tree, arena, &header, err));
    ASSAY_TRY(assay_contract_read(tree, path, arena, &header.contract, err));
    ASSAY_TRY(assay_header_read_mode(tree, path, mode, &header, err));
    ASSAY_TRY(
        assay_publish_config_read(tree, path, arena, &header.publish, &header.publish_count, err));
    *ret_header = header;
    return ASSAY_OK;
}

assay_status assay_model_header_read(const assay_value *tree, const char *path, assay_arena *arena,
                                     assay_model_header *ret_header, assay_error *err)
{
    ASSAY_TRY(assay_config_check(tree, &assay_table_header, path, err));
    return assay_header_read_shared(tree, path, ASSAY_LOAD_FULL, arena, ret_header, err);
}

assay_status assay_model_header_partitions(const assay_model_header *header, assay_arena *arena,
                                           const char *const **ret_entries, size_t *ret_count,
                                           assay_error *err)
{
    size_t count = header != NULL ? header->partition_count : 0;
    const char **entries = assay_arena_take(arena, count + 1, sizeof *entries);

    ASSAY_TRY(assay_arena_check(entries, err));
    for (size_t i = 0; i < count; i++)
        entries[i] = header->partition_by[i].text;
    *ret_entries = entries;
    *ret_count = count;
    return ASSAY_OK;
}
