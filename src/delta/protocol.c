#include "delta/protocol.h"

#include <string.h>

#include "base/str.h"

enum { READER_FEATURES = 3, WRITER_FEATURES = 7, LEGACY_WRITER_MAX = 6 };

/* What must hold before a table with the feature may be written. */
enum write_rule {
    WRITE_ALWAYS,
    WRITE_UNLESS_CONFIG,      /* `key` of the configuration is "true" */
    WRITE_UNLESS_CONFIG_PART, /* a key of the configuration begins with `key` */
    WRITE_UNLESS_FIELD_PART,  /* metadata of a field has a key that begins with `key` */
    WRITE_UNLESS_MAPPED,      /* column mapping is on */
    WRITE_NEVER
};

struct feature {
    const char *name;
    int legacy_writer; /* first writer version that implies it, 0 = none */
    enum write_rule rule;
    const char *key;
};

static const struct feature features[] = {
    {"appendOnly", 2, WRITE_ALWAYS, NULL},
    {"invariants", 2, WRITE_UNLESS_FIELD_PART, "delta.invariants"},
    {"checkConstraints", 3, WRITE_UNLESS_CONFIG_PART, "delta.constraints."},
    {"changeDataFeed", 4, WRITE_UNLESS_CONFIG, "delta.enableChangeDataFeed"},
    {"generatedColumns", 4, WRITE_UNLESS_FIELD_PART, "delta.generationExpression"},
    {"columnMapping", 5, WRITE_UNLESS_MAPPED, "delta.columnMapping.mode"},
    {"identityColumns", 6, WRITE_UNLESS_FIELD_PART, "delta.identity."},
    {"allowColumnDefaults", 0, WRITE_UNLESS_FIELD_PART, "CURRENT_DEFAULT"},
    {"timestampNtz", 0, WRITE_ALWAYS, NULL},
    {"v2Checkpoint", 0, WRITE_ALWAYS, NULL},
    {"vacuumProtocolCheck", 0, WRITE_ALWAYS, NULL},
    {"deletionVectors", 0, WRITE_ALWAYS, NULL},
    {"typeWidening", 0, WRITE_ALWAYS, NULL},
    {"typeWidening-preview", 0, WRITE_ALWAYS, NULL},
    {"domainMetadata", 0, WRITE_ALWAYS, NULL},
    {"inCommitTimestamp", 0, WRITE_UNLESS_CONFIG, "delta.enableInCommitTimestamps"},
    {"icebergCompatV1", 0, WRITE_UNLESS_CONFIG, "delta.enableIcebergCompatV1"},
    {"icebergCompatV2", 0, WRITE_UNLESS_CONFIG, "delta.enableIcebergCompatV2"},
    {"rowTracking", 0, WRITE_NEVER, NULL},
};

static const size_t feature_count = sizeof(features) / sizeof(features[0]);

static const struct feature *find_feature(const char *name)
{
    for (size_t i = 0; i < feature_count; i++) {
        if (strcmp(features[i].name, name) == 0)
            return &features[i];
    }
    return NULL;
}

const char *assay_delta_config(const assay_value *metadata, const char *key)
{
    return assay_value_find_text(assay_value_find(metadata, "configuration"), key, NULL);
}

bool assay_delta_config_true(const assay_value *metadata, const char *key)
{
    const char *text = assay_delta_config(metadata, key);

    return text != NULL && assay_str_equal_ci(text, "true");
}

int64_t assay_delta_config_int(const assay_value *metadata, const char *key, int64_t otherwise)
{
    const char *text = assay_delta_config(metadata, key);
    int64_t number = 0;

    return text != NULL && assay_str_to_int64(text, &number) ? number : otherwise;
}

static bool list_has(const assay_value *list, const char *name)
{
    if (list == NULL || list->kind != ASSAY_VALUE_LIST)
        return false;
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i]->kind == ASSAY_VALUE_TEXT && strcmp(list->items[i]->text, name) == 0)
            return true;
    }
    return false;
}

bool assay_delta_protocol_has(const assay_value *protocol, const char *feature)
{
    return list_has(assay_value_find(protocol, "readerFeatures"), feature) ||
           list_has(assay_value_find(protocol, "writerFeatures"), feature);
}

static bool is_mapped(const assay_value *metadata)
{
    const char *mode = assay_delta_config(metadata, "delta.columnMapping.mode");

    return mode != NULL && !assay_str_equal_ci(mode, "none");
}

/* Features of readers that are in the list although nothing here knows them. */
static const char *unknown_reader_feature(const assay_value *protocol)
{
    const assay_value *list = assay_value_find(protocol, "readerFeatures");

    for (size_t i = 0; list != NULL && list->kind == ASSAY_VALUE_LIST && i < list->count; i++) {
        const assay_value *item = list->items[i];
        const struct feature *feature =
            item->kind == ASSAY_VALUE_TEXT ? find_feature(item->text) : NULL;

        if (feature == NULL)
            return item->kind == ASSAY_VALUE_TEXT ? item->text : "?";
    }
    return NULL;
}

assay_status assay_delta_protocol_check_read(const char *name, const assay_value *protocol,
                                             const assay_value *metadata, assay_error *err)
{
    int64_t reader = assay_value_find_int(protocol, "minReaderVersion", 1);
    const char *unknown = unknown_reader_feature(protocol);

    if (unknown != NULL)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4203,
                               "table '%s' needs the reader feature '%s' (protocol %lld)", name,
                               unknown, (long long)reader);
    if (reader > READER_FEATURES)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4203,
                               "table '%s' needs reader version %lld; up to %d is understood", name,
                               (long long)reader, (int)READER_FEATURES);
    if (is_mapped(metadata))
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4203,
                               "table '%s' uses the feature 'columnMapping' (mode '%s')", name,
                               assay_delta_config(metadata, "delta.columnMapping.mode"));
    return ASSAY_OK;
}

/* The first key of `map` that begins with `prefix`, or NULL. */
static const char *key_with_prefix(const assay_value *map, const char *prefix)
{
    for (size_t i = 0; map != NULL && map->kind == ASSAY_VALUE_MAP && i < map->count; i++) {
        if (assay_str_starts(map->keys[i], prefix))
            return map->keys[i];
    }
    return NULL;
}

/* Looks through the fields of a schema tree, nested ones too. */
static bool field_has_key(const assay_value *node, const char *prefix, int depth)
{
    if (node == NULL || depth > ASSAY_TYPE_DEPTH_MAX * 2)
        return false;
    if (key_with_prefix(assay_value_find(node, "metadata"), prefix) != NULL)
        return true;
    for (size_t i = 0; i < node->count; i++) {
        const assay_value *item = node->items[i];

        if ((item->kind == ASSAY_VALUE_MAP || item->kind == ASSAY_VALUE_LIST) &&
            field_has_key(item, prefix, depth + 1))
            return true;
    }
    return false;
}

/* A column of type void can only hold NULL. */
static bool has_void(const assay_value *node, int depth)
{
    const assay_value *fields = assay_value_find(node, "fields");

    for (size_t i = 0; fields != NULL && depth <= ASSAY_TYPE_DEPTH_MAX && i < fields->count; i++) {
        const assay_value *type = assay_value_find(fields->items[i], "type");

        if (assay_str_equal(assay_value_find_text(fields->items[i], "type", ""), "void") ||
            has_void(type, depth + 1))
            return true;
    }
    return false;
}

static bool is_in_the_way(const struct feature *feature, const assay_value *metadata,
                          const assay_value *schema_tree)
{
    switch (feature->rule) {
    case WRITE_ALWAYS:
        return false;
    case WRITE_UNLESS_CONFIG:
        return assay_delta_config_true(metadata, feature->key);
    case WRITE_UNLESS_CONFIG_PART:
        return key_with_prefix(assay_value_find(metadata, "configuration"), feature->key) != NULL;
    case WRITE_UNLESS_FIELD_PART:
        return field_has_key(schema_tree, feature->key, 0);
    case WRITE_UNLESS_MAPPED:
        return is_mapped(metadata);
    case WRITE_NEVER:
        break;
    }
    return true;
}

static assay_status refuse_write(const char *name, const char *feature, assay_error *err)
{
    return assay_error_set(err, ASSAY_EUNSUPPORTED, 4204,
                           "cannot write table '%s': it uses the feature '%s'", name, feature);
}

static assay_status check_listed(const char *name, const assay_value *protocol,
                                 const char *list_name, assay_error *err)
{
    const assay_value *list = assay_value_find(protocol, list_name);

    for (size_t i = 0; list != NULL && list->kind == ASSAY_VALUE_LIST && i < list->count; i++) {
        const assay_value *item = list->items[i];
        const struct feature *feature =
            item->kind == ASSAY_VALUE_TEXT ? find_feature(item->text) : NULL;

        if (feature == NULL || feature->rule == WRITE_NEVER)
            return refuse_write(name, item->kind == ASSAY_VALUE_TEXT ? item->text : "?", err);
    }
    return ASSAY_OK;
}

assay_status assay_delta_protocol_check_write(const char *name, const assay_value *protocol,
                                              const assay_value *metadata,
                                              const assay_value *schema_tree,
                                              assay_change_kind kind, assay_error *err)
{
    int64_t writer = assay_value_find_int(protocol, "minWriterVersion", 2);

    ASSAY_TRY(check_listed(name, protocol, "writerFeatures", err));
    if (writer > WRITER_FEATURES)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4204,
                               "cannot write table '%s': it needs writer version %lld; up to %d is "
                               "understood",
                               name, (long long)writer, (int)WRITER_FEATURES);
    /* What the table uses counts, whatever its protocol says: some writers set the property only.
     */
    for (size_t i = 0; i < feature_count; i++) {
        if (features[i].rule != WRITE_NEVER && is_in_the_way(&features[i], metadata, schema_tree))
            return refuse_write(name, features[i].name, err);
    }
    if (has_void(schema_tree, 0))
        return refuse_write(name, "void", err);
    if (kind != ASSAY_CHANGE_APPEND && assay_delta_config_true(metadata, "delta.appendOnly"))
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 4204,
                               "cannot replace rows of table '%s': its property 'delta.appendOnly' "
                               "is true",
                               name);
    return ASSAY_OK;
}

/* ---- the protocol action of a commit ---- */

static assay_status add_name(assay_value *list, const char *name, assay_arena *arena,
                             assay_error *err)
{
    if (list_has(list, name))
        return ASSAY_OK;
    return assay_value_append(list, assay_value_text(arena, name), arena, err);
}

static assay_status copy_names(const assay_value *from, assay_value *to, assay_arena *arena,
                               assay_error *err)
{
    for (size_t i = 0; from != NULL && from->kind == ASSAY_VALUE_LIST && i < from->count; i++) {
        if (from->items[i]->kind == ASSAY_VALUE_TEXT)
            ASSAY_TRY(add_name(to, from->items[i]->text, arena, err));
    }
    return ASSAY_OK;
}

/* Moving to version 7 makes the features explicit that the old version implied. */
static assay_status add_implied(int64_t reader, int64_t writer, assay_value *readers,
                                assay_value *writers, assay_arena *arena, assay_error *err)
{
    for (size_t i = 0; writer <= LEGACY_WRITER_MAX && i < feature_count; i++) {
        if (features[i].legacy_writer > 0 && features[i].legacy_writer <= writer)
            ASSAY_TRY(add_name(writers, features[i].name, arena, err));
    }
    if (reader == 2) {
        ASSAY_TRY(add_name(readers, "columnMapping", arena, err));
        ASSAY_TRY(add_name(writers, "columnMapping", arena, err));
    }
    return ASSAY_OK;
}

static assay_status make_protocol(int64_t reader, int64_t writer, assay_value *readers,
                                  assay_value *writers, assay_arena *arena,
                                  assay_value **ret_protocol, assay_error *err)
{
    assay_value *protocol = assay_value_map(arena);

    ASSAY_TRY(assay_arena_check(protocol, err));
    ASSAY_TRY(
        assay_value_set(protocol, "minReaderVersion", assay_value_int(arena, reader), arena, err));
    ASSAY_TRY(
        assay_value_set(protocol, "minWriterVersion", assay_value_int(arena, writer), arena, err));
    if (reader >= READER_FEATURES)
        ASSAY_TRY(assay_value_set(protocol, "readerFeatures", readers, arena, err));
    if (writer >= WRITER_FEATURES)
        ASSAY_TRY(assay_value_set(protocol, "writerFeatures", writers, arena, err));
    *ret_protocol = protocol;
    return ASSAY_OK;
}

assay_status assay_delta_protocol_with(const assay_value *base, const char *const *names,
                                       size_t count, assay_arena *arena, assay_value **ret_protocol,
                                       assay_error *err)
{
    int64_t reader = assay_value_find_int(base, "minReaderVersion", 1);
    int64_t writer = assay_value_find_int(base, "minWriterVersion", 2);
    assay_value *readers = assay_value_list(arena);
    assay_value *writers = assay_value_list(arena);
    bool complete = base != NULL;

    ASSAY_TRY(assay_arena_check(readers, err));
    ASSAY_TRY(assay_arena_check(writers, err));
    for (size_t i = 0; i < count; i++)
        complete = complete && assay_delta_protocol_has(base, names[i]);
    if (complete) {
        *ret_protocol = NULL;
        return ASSAY_OK;
    }
    if (count == 0)
        return make_protocol(reader, writer, readers, writers, arena, ret_protocol, err);
    ASSAY_TRY(copy_names(assay_value_find(base, "readerFeatures"), readers, arena, err));
    ASSAY_TRY(copy_names(assay_value_find(base, "writerFeatures"), writers, arena, err));
    ASSAY_TRY(add_implied(reader, writer, readers, writers, arena, err));
    for (size_t i = 0; i < count; i++) {
        ASSAY_TRY(add_name(readers, names[i], arena, err));
        ASSAY_TRY(add_name(writers, names[i], arena, err));
    }
    return make_protocol(READER_FEATURES, WRITER_FEATURES, readers, writers, arena, ret_protocol,
                         err);
}
