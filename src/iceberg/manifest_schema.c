#include <stdio.h>
#include <string.h>

#include "iceberg/manifest.h"
#include "iceberg/schema_json.h"
#include "text/json.h"

/* The names of the records are those some readers expect. Optional fields are ["null", T] with the
 * default null, required ones are plain (spec, "Manifests" and appendix A). */
static const char ENTRY_HEAD[] =
    "{\"type\":\"record\",\"name\":\"manifest_entry\",\"fields\":["
    "{\"name\":\"status\",\"type\":\"int\",\"field-id\":0},"
    "{\"name\":\"snapshot_id\",\"type\":[\"null\",\"long\"],\"default\":null,\"field-id\":1},"
    "{\"name\":\"sequence_number\",\"type\":[\"null\",\"long\"],\"default\":null,\"field-id\":3},"
    "{\"name\":\"file_sequence_number\",\"type\":[\"null\",\"long\"],\"default\":null,"
    "\"field-id\":4},"
    "{\"name\":\"data_file\",\"field-id\":2,\"type\":";

#define INT_MAP(name, id, key, value, value_type)                                \
    "{\"name\":\"" name "\",\"type\":[\"null\",{\"type\":\"array\",\"items\":"   \
    "{\"type\":\"record\",\"name\":\"k" key "_v" value "\",\"fields\":["         \
    "{\"name\":\"key\",\"type\":\"int\",\"field-id\":" key "},"                  \
    "{\"name\":\"value\",\"type\":\"" value_type "\",\"field-id\":" value "}]}," \
    "\"logicalType\":\"map\"}],\"default\":null,\"field-id\":" id "},"

static const char ENTRY_FILE_HEAD[] =
    "{\"type\":\"record\",\"name\":\"r2\",\"fields\":["
    "{\"name\":\"content\",\"type\":\"int\",\"field-id\":134},"
    "{\"name\":\"file_path\",\"type\":\"string\",\"field-id\":100},"
    "{\"name\":\"file_format\",\"type\":\"string\",\"field-id\":101},"
    "{\"name\":\"partition\",\"field-id\":102,\"type\":";

static const char ENTRY_FILE_TAIL[] =
    "},{\"name\":\"record_count\",\"type\":\"long\",\"field-id\":103},"
    "{\"name\":\"file_size_in_bytes\",\"type\":\"long\",\"field-id\":104}," INT_MAP("column_sizes",
                                                                                    "108", "117",
                                                                                    "118", "long")
        INT_MAP("value_counts", "109", "119", "120", "long")
            INT_MAP("null_value_counts", "110", "121", "122", "long")
                INT_MAP("nan_value_counts", "137", "138", "139", "long")
                    INT_MAP("lower_bounds", "125", "126", "127", "bytes")
                        INT_MAP("upper_bounds", "128", "129", "130",
                                "bytes") "{\"name\":\"key_metadata\",\"type\":[\"null\",\"bytes\"],"
                                         "\"default\":null,\"field-id\":131},"
                                         "{\"name\":\"split_offsets\",\"type\":[\"null\",{\"type\":"
                                         "\"array\",\"items\":\"long\","
                                         "\"element-id\":133}],\"default\":null,\"field-id\":132},"
                                         "{\"name\":\"equality_ids\",\"type\":[\"null\",{\"type\":"
                                         "\"array\",\"items\":\"int\","
                                         "\"element-id\":136}],\"default\":null,\"field-id\":135},"
                                         "{\"name\":\"sort_order_id\",\"type\":[\"null\",\"int\"],"
                                         "\"default\":null,\"field-id\":140},"
                                         "{\"name\":\"referenced_data_file\",\"type\":[\"null\","
                                         "\"string\"],\"default\":null,"
                                         "\"field-id\":143}]}";

static const char LIST_SCHEMA[] =
    "{\"type\":\"record\",\"name\":\"manifest_file\",\"fields\":["
    "{\"name\":\"manifest_path\",\"type\":\"string\",\"field-id\":500},"
    "{\"name\":\"manifest_length\",\"type\":\"long\",\"field-id\":501},"
    "{\"name\":\"partition_spec_id\",\"type\":\"int\",\"field-id\":502},"
    "{\"name\":\"content\",\"type\":\"int\",\"field-id\":517},"
    "{\"name\":\"sequence_number\",\"type\":\"long\",\"field-id\":515},"
    "{\"name\":\"min_sequence_number\",\"type\":\"long\",\"field-id\":516},"
    "{\"name\":\"added_snapshot_id\",\"type\":\"long\",\"field-id\":503},"
    "{\"name\":\"added_files_count\",\"type\":\"int\",\"field-id\":504},"
    "{\"name\":\"existing_files_count\",\"type\":\"int\",\"field-id\":505},"
    "{\"name\":\"deleted_files_count\",\"type\":\"int\",\"field-id\":506},"
    "{\"name\":\"added_rows_count\",\"type\":\"long\",\"field-id\":512},"
    "{\"name\":\"existing_rows_count\",\"type\":\"long\",\"field-id\":513},"
    "{\"name\":\"deleted_rows_count\",\"type\":\"long\",\"field-id\":514},"
    "{\"name\":\"partitions\",\"type\":[\"null\",{\"type\":\"array\",\"items\":"
    "{\"type\":\"record\",\"name\":\"r508\",\"fields\":["
    "{\"name\":\"contains_null\",\"type\":\"boolean\",\"field-id\":509},"
    "{\"name\":\"contains_nan\",\"type\":[\"null\",\"boolean\"],\"default\":null,"
    "\"field-id\":518},"
    "{\"name\":\"lower_bound\",\"type\":[\"null\",\"bytes\"],\"default\":null,\"field-id\":510},"
    "{\"name\":\"upper_bound\",\"type\":[\"null\",\"bytes\"],\"default\":null,\"field-id\":511}"
    "]},\"element-id\":508}],\"default\":null,\"field-id\":507},"
    "{\"name\":\"key_metadata\",\"type\":[\"null\",\"bytes\"],\"default\":null,\"field-id\":519}"
    "]}";

/* Avro names are [A-Za-z_][A-Za-z0-9_]*: other characters become _xHH, a leading digit gets a '_'.
 */
static void append_avro_name(assay_buf *buf, const char *name)
{
    for (const char *at = name; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        bool digit = c >= '0' && c <= '9';
        if (digit && at == name)
            assay_buf_append_char(buf, '_');
        if (letter || digit)
            assay_buf_append_char(buf, (char)c);
        else
            assay_buf_append_format(buf, "_x%X", (unsigned)c);
    }
}

size_t assay_iceberg_decimal_size(int precision)
{
    assay_int128 values = 1;
    for (int i = 0; i < precision; i++)
        values *= 10;
    for (size_t size = 1; size < 16; size++) {
        if (((assay_int128)1 << (8 * size - 1)) >= values)
            return size;
    }
    return 16;
}

static const char *plain_avro_name(assay_type_kind kind)
{
    switch (kind) {
    case ASSAY_TYPE_BOOLEAN:
        return "\"boolean\"";
    case ASSAY_TYPE_INT8:
    case ASSAY_TYPE_INT16:
    case ASSAY_TYPE_INT32:
        return "\"int\"";
    case ASSAY_TYPE_INT64:
        return "\"long\"";
    case ASSAY_TYPE_FLOAT:
        return "\"float\"";
    case ASSAY_TYPE_DOUBLE:
        return "\"double\"";
    case ASSAY_TYPE_STRING:
        return "\"string\"";
    case ASSAY_TYPE_BINARY:
        return "\"bytes\"";
    case ASSAY_TYPE_DATE:
        return "{\"type\":\"int\",\"logicalType\":\"date\"}";
    case ASSAY_TYPE_TIME:
        return "{\"type\":\"long\",\"logicalType\":\"time-micros\"}";
    case ASSAY_TYPE_TIMESTAMP:
        return "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\",\"adjust-to-utc\":false}";
    case ASSAY_TYPE_TIMESTAMPTZ:
        return "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\",\"adjust-to-utc\":true}";
    case ASSAY_TYPE_DECIMAL:
    case ASSAY_TYPE_UUID:
    case ASSAY_TYPE_LIST:
    case ASSAY_TYPE_STRUCT:
    case ASSAY_TYPE_MAP:
        break;
    }
    return NULL;
}

/* Named types carry the partition field's id, since a name may stand only once in a schema. */
static void append_avro_type(assay_buf *buf, const assay_type *type, int32_t field_id)
{
    const char *plain = plain_avro_name(type->kind);
    if (plain != NULL) {
        assay_buf_append_text(buf, plain);
    } else if (type->kind == ASSAY_TYPE_UUID) {
        assay_buf_append_format(buf,
                                "{\"type\":\"fixed\",\"name\":\"uuid_fixed_%d\",\"size\":16,"
                                "\"logicalType\":\"uuid\"}",
                                (int)field_id);
    } else {
        assay_buf_append_format(buf,
                                "{\"type\":\"fixed\",\"name\":\"decimal_%d_%d_%d\",\"size\":%zu,"
                                "\"logicalType\":\"decimal\",\"precision\":%d,\"scale\":%d}",
                                type->precision, type->scale, (int)field_id,
                                assay_iceberg_decimal_size(type->precision), type->precision,
                                type->scale);
    }
}

static void append_partition(assay_buf *buf, const assay_partition_spec *spec,
                             const assay_type *types)
{
    assay_buf_append_text(buf, "{\"type\":\"record\",\"name\":\"r102\",\"fields\":[");
    for (size_t i = 0; i < spec->count; i++) {
        assay_buf_append_text(buf, i > 0 ? ",{\"name\":\"" : "{\"name\":\"");
        append_avro_name(buf, spec->fields[i].name);
        assay_buf_append_text(buf, "\",\"type\":[\"null\",");
        append_avro_type(buf, &types[i], spec->fields[i].field_id);
        assay_buf_append_format(buf, "],\"default\":null,\"field-id\":%d}",
                                (int)spec->fields[i].field_id);
    }
    assay_buf_append_text(buf, "]}");
}

assay_status assay_iceberg_entry_schema(const assay_partition_spec *spec,
                                        const assay_type *partition_types, assay_arena *arena,
                                        assay_value **ret_schema, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_buf_append_text(&text, ENTRY_HEAD);
    assay_buf_append_text(&text, ENTRY_FILE_HEAD);
    append_partition(&text, spec, partition_types);
    assay_buf_append_text(&text, ENTRY_FILE_TAIL);
    assay_buf_append_text(&text, "}]}");
    ASSAY_TRY(assay_buf_check(&text, err));
    return assay_json_parse(assay_buf_text(&text), text.size, "manifest schema", arena, ret_schema,
                            err);
}

assay_status assay_iceberg_list_schema(assay_arena *arena, assay_value **ret_schema,
                                       assay_error *err)
{
    return assay_json_parse(LIST_SCHEMA, sizeof LIST_SCHEMA - 1, "manifest list schema", arena,
                            ret_schema, err);
}

assay_status assay_iceberg_partition_types(const assay_iceberg_metadata *metadata,
                                           const assay_partition_spec *spec, assay_arena *arena,
                                           assay_type **ret_types, assay_error *err)
{
    assay_type *types = assay_arena_take(arena, spec->count + 1, sizeof *types);
    ASSAY_TRY(assay_arena_check(types, err));
    for (size_t i = 0; i < spec->count; i++) {
        const assay_partition_field *field = &spec->fields[i];
        const assay_field *source = assay_iceberg_metadata_field(metadata, field->source_id);
        const assay_type *type = source != NULL ? &source->type : NULL;
        if (!assay_iceberg_partition_type(field, type, &types[i]))
            return assay_error_set(err, ASSAY_EUNSUPPORTED, 4102,
                                   "partition field '%.200s' uses the transform '%.60s', which is "
                                   "not supported",
                                   field->name, field->transform_text);
    }
    *ret_types = types;
    return ASSAY_OK;
}
