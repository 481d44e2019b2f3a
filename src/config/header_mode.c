/* The mode of a model and the keys that belong to it (SEMANTICS.md 1.2 to 1.5). */
#include "base/str.h"
#include "config/read.h"
#include "config/schema.h"
#include "config/shared.h"

static const char *const mode_names[] = {"full", "append", "merge", "replace_partitions",
                                         "scd2", NULL};

const char *assay_load_mode_name(assay_load_mode mode)
{
    return mode_names[mode];
}

enum { OF_MERGE = 1 << ASSAY_LOAD_MERGE, OF_HISTORY = 1 << ASSAY_LOAD_SCD2 };

/* A key that has a meaning in some modes only, and where it must be there. */
struct rule {
    const char *key;
    unsigned modes;    /* that may have it */
    unsigned required; /* that must have it */
};

static const unsigned every_mode = ~0U;
static const unsigned keyed_modes = OF_MERGE | OF_HISTORY;

static assay_status refuse_key(const assay_value *tree, const char *path, const char *key,
                               assay_load_mode mode, assay_error *err)
{
    return assay_error_at(err, ASSAY_ECONFIG, 2012, assay_config_place(tree, key, path),
                          "'%s' has no meaning in mode '%s'", key, mode_names[mode]);
}

static assay_status refuse_lack(const assay_value *tree, const char *path, const char *key,
                                assay_load_mode mode, assay_error *err)
{
    return assay_error_at(err, ASSAY_ECONFIG, 2030, assay_config_place(tree, "mode", path),
                          "mode '%s' needs '%s'", mode_names[mode], key);
}

/* An empty list says nothing: a merge without a key would add every row again. */
static bool is_empty(const assay_value *value)
{
    return value == NULL || (value->kind == ASSAY_VALUE_LIST && value->count == 0);
}

static assay_status check_keys(const assay_value *tree, const char *path, assay_load_mode mode,
                               assay_error *err)
{
    const struct rule rules[] = {
        {"key", every_mode, keyed_modes},
        {"version", keyed_modes, OF_HISTORY},
        {"delete_when", keyed_modes, 0},
        {"soft_delete", OF_MERGE, 0},
        {"partition_by", every_mode, 1U << ASSAY_LOAD_REPLACE_PARTITIONS},
    };

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const assay_value *value = assay_config_find(tree, rules[i].key);
        if (value != NULL && (rules[i].modes & 1U << mode) == 0)
            return refuse_key(tree, path, rules[i].key, mode, err);
        if (is_empty(value) && (rules[i].required & 1U << mode) != 0)
            return refuse_lack(tree, path, rules[i].key, mode, err);
    }
    return ASSAY_OK;
}

static assay_status check_tracking(const assay_model_header *header, const char *path,
                                   assay_error *err)
{
    for (size_t i = 0; i < header->column_count; i++) {
        const assay_column_note *note = &header->columns[i];
        const assay_place place = {path, note->line, note->column};
        if (note->track == ASSAY_TRACK_UNSAID)
            continue;
        if (header->mode != ASSAY_LOAD_SCD2)
            return assay_error_at(err, ASSAY_ECONFIG, 2012, place,
                                  "'track' of column '%s' has no meaning in mode '%s'", note->name,
                                  mode_names[header->mode]);
        for (size_t k = 0; k < header->key_count; k++)
            if (assay_str_equal_ci(header->key[k].text, note->name))
                return assay_error_at(err, ASSAY_ECONFIG, 2012, place,
                                      "'track' has no meaning for the key column '%s'", note->name);
        if (assay_str_equal_ci(header->version.text, note->name))
            return assay_error_at(err, ASSAY_ECONFIG, 2012, place,
                                  "'track' has no meaning for the version column '%s'", note->name);
    }
    return ASSAY_OK;
}

static assay_named read_named(const assay_value *tree, const char *key, const char *path)
{
    assay_place place = assay_config_place(tree, key, path);

    return (assay_named){assay_config_text(tree, key, NULL), place.line, place.column};
}

assay_status assay_header_read_mode(const assay_value *tree, const char *path,
                                    assay_load_mode otherwise, assay_model_header *header,
                                    assay_error *err)
{
    header->mode = (assay_load_mode)assay_config_enum(tree, "mode", mode_names, (int)otherwise);
    ASSAY_TRY(check_keys(tree, path, header->mode, err));
    if (header->mode == ASSAY_LOAD_FULL && assay_config_find(tree, "new_rows_of") != NULL)
        return assay_error_at(err, ASSAY_ECONFIG, 2012,
                              assay_config_place(tree, "new_rows_of", path),
                              "'new_rows_of' has no meaning in mode 'full': the table would lose "
                              "its older rows");
    header->version = read_named(tree, "version", path);
    header->delete_when = read_named(tree, "delete_when", path);
    header->soft_delete = assay_config_bool(tree, "soft_delete", false);
    if (header->soft_delete && header->delete_when.text == NULL)
        return assay_error_at(err, ASSAY_ECONFIG, 2030,
                              assay_config_place(tree, "soft_delete", path),
                              "'soft_delete' needs 'delete_when': no row deletes");
    return check_tracking(header, path, err);
}
