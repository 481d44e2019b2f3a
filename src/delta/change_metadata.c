#include <string.h>

#include "base/str.h"
#include "delta/change.h"
#include "delta/layout.h"
#include "delta/protocol.h"
#include "delta/schema.h"
#include "text/json.h"

static const char widening_property[] = "delta.enableTypeWidening";

/* Table properties of Delta that ask nothing of this writer that it does not do. */
static const char *const known_properties[] = {
    "delta.appendOnly",
    "delta.checkpointInterval",
    "delta.dataSkippingNumIndexedCols",
    "delta.deletedFileRetentionDuration",
    "delta.logRetentionDuration",
    "delta.enableExpiredLogCleanup",
    "delta.enableTypeWidening",
    "delta.isolationLevel",
    "delta.setTransactionRetentionDuration",
};

static assay_status set_text(assay_delta_change *change, assay_value *map, const char *key,
                             const char *text, assay_error *err)
{
    return assay_value_set(map, key, assay_value_text(change->arena, text), change->arena, err);
}

static assay_status check_property(const char *name, assay_error *err)
{
    if (!assay_str_starts(name, "delta."))
        return ASSAY_OK;
    for (size_t i = 0; i < sizeof(known_properties) / sizeof(known_properties[0]); i++) {
        if (strcmp(known_properties[i], name) == 0)
            return ASSAY_OK;
    }
    return assay_error_set(err, ASSAY_EUNSUPPORTED, 4212,
                           "the table property '%s' is not supported", name);
}

static assay_status write_tree(assay_delta_change *change, const assay_value *tree,
                               assay_value *metadata, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;

    assay_json_write(&text, tree, 0);
    ASSAY_TRY(assay_buf_check(&text, err));
    return set_text(change, metadata, "schemaString", assay_buf_text(&text), err);
}

/* metaData without what the schema and the spec decide. */
static assay_status begin_new(assay_delta_change *change, assay_value *metadata, assay_error *err)
{
    char id[ASSAY_UUID_TEXT_SIZE];
    assay_value *format = assay_value_map(change->arena);
    assay_value *configuration = assay_value_map(change->arena);

    ASSAY_TRY(assay_arena_check(format, err));
    ASSAY_TRY(assay_arena_check(configuration, err));
    assay_uuid_format(assay_uuid_v4(change->env->random), id);
    ASSAY_TRY(set_text(change, metadata, "id", id, err));
    ASSAY_TRY(set_text(change, format, "provider", "parquet", err));
    ASSAY_TRY(
        assay_value_set(format, "options", assay_value_map(change->arena), change->arena, err));
    ASSAY_TRY(assay_value_set(metadata, "format", format, change->arena, err));
    for (size_t i = 0; i < change->change->property_count; i++) {
        const assay_property *property = &change->change->properties[i];

        ASSAY_TRY(check_property(property->name, err));
        ASSAY_TRY(set_text(change, configuration, property->name, property->value, err));
    }
    ASSAY_TRY(assay_value_set(metadata, "configuration", configuration, change->arena, err));
    return assay_value_set(metadata, "createdTime", assay_value_int(change->arena, change->now_ms),
                           change->arena, err);
}

/* A copy of the base's metaData; members that a checkpoint gives as null are left out. */
static assay_status begin_from_base(assay_delta_change *change, assay_value *metadata,
                                    assay_error *err)
{
    const assay_value *base = change->loaded->state->metadata;

    for (size_t i = 0; i < base->count; i++) {
        if (base->items[i]->kind != ASSAY_VALUE_NULL)
            ASSAY_TRY(assay_value_set(metadata, base->keys[i],
                                      assay_value_copy(change->arena, base->items[i]),
                                      change->arena, err));
    }
    if (assay_value_find(metadata, "configuration") == NULL)
        return assay_value_set(metadata, "configuration", assay_value_map(change->arena),
                               change->arena, err);
    return ASSAY_OK;
}

static bool same_list(const assay_value *a, const assay_value *b)
{
    size_t a_count = a == NULL ? 0 : a->count;
    size_t b_count = b == NULL ? 0 : b->count;

    return a_count == b_count && (a_count == 0 || assay_value_equal(a, b));
}

/* Delta has one list of partition columns for all files of a table. */
static assay_status check_columns(const assay_delta_change *change, const assay_value *columns,
                                  assay_error *err)
{
    bool replaces = change->change->kind == ASSAY_CHANGE_REPLACE;

    if (!change->base->exists || replaces ||
        same_list(columns, assay_value_find(change->loaded->state->metadata, "partitionColumns")))
        return ASSAY_OK;
    return assay_error_set(
        err, ASSAY_EUNSUPPORTED, 4215,
        "table '%s': Delta partitions all files alike; new partition columns need "
        "the table to be written anew (--full-refresh)",
        change->base->name);
}

static assay_status set_layout(assay_delta_change *change, assay_value *metadata, bool *changed,
                               assay_error *err)
{
    assay_value *configuration = assay_value_find(metadata, "configuration");
    const char *before = assay_value_find_text(configuration, assay_delta_partition_key, NULL);
    assay_value *columns = NULL;
    const char *property = NULL;

    ASSAY_TRY(assay_delta_layout_write(change->change->spec, change->change->schema, change->arena,
                                       &columns, &property, err));
    ASSAY_TRY(check_columns(change, columns, err));
    *changed = *changed || !same_list(columns, assay_value_find(metadata, "partitionColumns")) ||
               !assay_str_equal(before, property);
    ASSAY_TRY(assay_value_set(metadata, "partitionColumns", columns, change->arena, err));
    if (property != NULL)
        return set_text(change, configuration, assay_delta_partition_key, property, err);
    assay_value_unset(configuration, assay_delta_partition_key);
    return ASSAY_OK;
}

static assay_status set_protocol(assay_delta_change *change,
                                 const assay_delta_schema_change *schema, assay_error *err)
{
    const char *features[2];
    size_t count = 0;
    assay_value *protocol = NULL;

    if (schema->has_ntz)
        features[count++] = "timestampNtz";
    if (schema->has_widened)
        features[count++] = "typeWidening";
    ASSAY_TRY(
        assay_delta_protocol_with(change->base->exists ? change->loaded->state->protocol : NULL,
                                  features, count, change->arena, &protocol, err));
    change->protocol = protocol;
    return ASSAY_OK;
}

/* The feature typeWidening is declared where the table asks for it. By default it is not: delta-rs
 * refuses such tables, while it, Spark, DuckDB and assay all widen what older files hold as they
 * read. */
static assay_delta_files staying(const assay_delta_change *change)
{
    const assay_delta_state *state = change->loaded->state;
    bool noted = assay_delta_protocol_has(state->protocol, "typeWidening") ||
                 assay_delta_config_true(state->metadata, widening_property);

    return noted ? ASSAY_DELTA_FILES_STAY_NOTED : ASSAY_DELTA_FILES_STAY;
}

assay_status assay_delta_change_metadata(assay_delta_change *change, assay_error *err)
{
    assay_delta_schema_change schema = {NULL, false, false};
    bool exists = change->base->exists;
    bool replaces = change->change->kind == ASSAY_CHANGE_REPLACE ||
                    change->change->kind == ASSAY_CHANGE_ROLLBACK;
    const assay_value *tree = exists ? change->loaded->schema_tree : NULL;
    assay_value *metadata = assay_value_map(change->arena);
    bool changed = !exists;

    ASSAY_TRY(assay_arena_check(metadata, err));
    if (exists)
        ASSAY_TRY(assay_delta_protocol_check_write(change->base->name,
                                                   change->loaded->state->protocol,
                                                   change->loaded->state->metadata, tree,
                                                   change->change->kind, err));
    ASSAY_TRY(exists ? begin_from_base(change, metadata, err) : begin_new(change, metadata, err));
    ASSAY_TRY(assay_delta_schema_write(change->change->schema, tree,
                                       exists && !replaces ? staying(change) : ASSAY_DELTA_FILES_GO,
                                       change->arena, &schema, err));
    if (!exists || !assay_value_equal(tree, schema.tree)) {
        ASSAY_TRY(write_tree(change, schema.tree, metadata, err));
        changed = true;
    }
    ASSAY_TRY(set_layout(change, metadata, &changed, err));
    change->metadata = changed ? metadata : NULL;
    change->metadata_after = metadata;
    return set_protocol(change, &schema, err);
}
