#include "engine/connection.h"

#include <string.h>

#include "base/str.h"

/* Takes `value`; the text is the engine's own cast to VARCHAR. */
static assay_status take_text(duckdb_value value, assay_arena *arena, const char **ret_text,
                              assay_error *err)
{
    char *text = duckdb_get_varchar(value);
    const char *copy = assay_arena_text(arena, text);

    duckdb_free(text);
    duckdb_destroy_value(&value);
    ASSAY_TRY(assay_arena_check(copy, err));
    *ret_text = copy;
    return ASSAY_OK;
}

static assay_status set_text(assay_value *cell, duckdb_value value, assay_arena *arena,
                             assay_error *err)
{
    cell->kind = ASSAY_VALUE_TEXT;
    return take_text(value, arena, &cell->text, err);
}

/* A number that a double may not hold: the exact digits stay in `text`. */
static assay_status set_exact(assay_value *cell, duckdb_value value, assay_arena *arena,
                              assay_error *err)
{
    cell->kind = ASSAY_VALUE_REAL;
    ASSAY_TRY(take_text(value, arena, &cell->text, err));
    (void)assay_str_to_double(cell->text, &cell->real);
    return ASSAY_OK;
}

static assay_status set_int(assay_value *cell, int64_t value)
{
    cell->kind = ASSAY_VALUE_INT;
    cell->integer = value;
    return ASSAY_OK;
}

static assay_status set_real(assay_value *cell, double value)
{
    cell->kind = ASSAY_VALUE_REAL;
    cell->real = value;
    return ASSAY_OK;
}

static assay_status read_integer(const void *data, duckdb_type id, idx_t row, assay_value *cell,
                                 assay_arena *arena, assay_error *err)
{
    if (id == DUCKDB_TYPE_TINYINT)
        return set_int(cell, ((const int8_t *)data)[row]);
    if (id == DUCKDB_TYPE_SMALLINT)
        return set_int(cell, ((const int16_t *)data)[row]);
    if (id == DUCKDB_TYPE_INTEGER)
        return set_int(cell, ((const int32_t *)data)[row]);
    if (id == DUCKDB_TYPE_BIGINT)
        return set_int(cell, ((const int64_t *)data)[row]);
    if (id == DUCKDB_TYPE_UTINYINT)
        return set_int(cell, ((const uint8_t *)data)[row]);
    if (id == DUCKDB_TYPE_USMALLINT)
        return set_int(cell, ((const uint16_t *)data)[row]);
    if (id == DUCKDB_TYPE_UINTEGER)
        return set_int(cell, ((const uint32_t *)data)[row]);
    uint64_t value = ((const uint64_t *)data)[row];
    if (value <= INT64_MAX)
        return set_int(cell, (int64_t)value);
    return set_exact(cell, duckdb_create_uint64(value), arena, err);
}

static assay_status read_decimal(const void *data, duckdb_logical_type type, idx_t row,
                                 assay_value *cell, assay_arena *arena, assay_error *err)
{
    duckdb_type internal = duckdb_decimal_internal_type(type);
    duckdb_decimal decimal = {duckdb_decimal_width(type), duckdb_decimal_scale(type), {0, 0}};
    int64_t small = 0;

    if (internal == DUCKDB_TYPE_HUGEINT) {
        decimal.value = ((const duckdb_hugeint *)data)[row];
        return set_exact(cell, duckdb_create_decimal(decimal), arena, err);
    }
    if (internal == DUCKDB_TYPE_SMALLINT)
        small = ((const int16_t *)data)[row];
    else if (internal == DUCKDB_TYPE_INTEGER)
        small = ((const int32_t *)data)[row];
    else
        small = ((const int64_t *)data)[row];
    decimal.value.lower = (uint64_t)small;
    decimal.value.upper = small < 0 ? -1 : 0;
    return set_exact(cell, duckdb_create_decimal(decimal), arena, err);
}

static assay_status read_string(const void *data, duckdb_type id, idx_t row, assay_value *cell,
                                assay_arena *arena, assay_error *err)
{
    duckdb_string_t string = ((const duckdb_string_t *)data)[row];
    const char *bytes = duckdb_string_t_data(&string);
    uint32_t size = duckdb_string_t_length(string);

    if (id == DUCKDB_TYPE_BLOB)
        return set_text(cell, duckdb_create_blob((const uint8_t *)bytes, size), arena, err);
    if (id == DUCKDB_TYPE_BIT) {
        ASSAY_AUTO(assay_buf_done) assay_buf copy = ASSAY_BUF_EMPTY;
        assay_buf_append(&copy, bytes, size);
        ASSAY_TRY(assay_buf_check(&copy, err));
        duckdb_bit bit = {(uint8_t *)copy.data, size};
        return set_text(cell, duckdb_create_bit(bit), arena, err);
    }
    cell->kind = ASSAY_VALUE_TEXT;
    cell->text = assay_arena_text_n(arena, bytes, size);
    return assay_arena_check(cell->text, err);
}

/* A UUID lies in the vector as a HUGEINT with its highest bit flipped, so that it sorts. */
static duckdb_value uuid_value(duckdb_hugeint stored)
{
    duckdb_uhugeint plain = {stored.lower, (uint64_t)stored.upper ^ ((uint64_t)1 << 63)};

    return duckdb_create_uuid(plain);
}

static assay_status read_enum(const void *data, duckdb_logical_type type, idx_t row,
                              assay_value *cell, assay_arena *arena, assay_error *err)
{
    duckdb_type internal = duckdb_enum_internal_type(type);
    uint32_t index = 0;

    if (internal == DUCKDB_TYPE_UTINYINT)
        index = ((const uint8_t *)data)[row];
    else if (internal == DUCKDB_TYPE_USMALLINT)
        index = ((const uint16_t *)data)[row];
    else
        index = ((const uint32_t *)data)[row];
    char *text = duckdb_enum_dictionary_value(type, index);
    cell->kind = ASSAY_VALUE_TEXT;
    cell->text = assay_arena_text(arena, text);
    duckdb_free(text);
    return assay_arena_check(cell->text, err);
}

/* Types whose text is the engine's cast of the raw value; NULL for others. */
static duckdb_value raw_value(const void *data, duckdb_type id, idx_t row)
{
    if (id == DUCKDB_TYPE_DATE)
        return duckdb_create_date(((const duckdb_date *)data)[row]);
    if (id == DUCKDB_TYPE_TIME)
        return duckdb_create_time(((const duckdb_time *)data)[row]);
    if (id == DUCKDB_TYPE_TIME_NS)
        return duckdb_create_time_ns(((const duckdb_time_ns *)data)[row]);
    if (id == DUCKDB_TYPE_TIME_TZ)
        return duckdb_create_time_tz_value(((const duckdb_time_tz *)data)[row]);
    if (id == DUCKDB_TYPE_TIMESTAMP)
        return duckdb_create_timestamp(((const duckdb_timestamp *)data)[row]);
    if (id == DUCKDB_TYPE_TIMESTAMP_TZ)
        return duckdb_create_timestamp_tz(((const duckdb_timestamp *)data)[row]);
    if (id == DUCKDB_TYPE_TIMESTAMP_S)
        return duckdb_create_timestamp_s(((const duckdb_timestamp_s *)data)[row]);
    if (id == DUCKDB_TYPE_TIMESTAMP_MS)
        return duckdb_create_timestamp_ms(((const duckdb_timestamp_ms *)data)[row]);
    if (id == DUCKDB_TYPE_TIMESTAMP_NS)
        return duckdb_create_timestamp_ns(((const duckdb_timestamp_ns *)data)[row]);
    if (id == DUCKDB_TYPE_INTERVAL)
        return duckdb_create_interval(((const duckdb_interval *)data)[row]);
    if (id == DUCKDB_TYPE_UUID)
        return uuid_value(((const duckdb_hugeint *)data)[row]);
    return NULL;
}

static assay_status read_items(duckdb_vector child, duckdb_logical_type type,
                               duckdb_list_entry entry, assay_value *cell, assay_arena *arena,
                               assay_error *err)
{
    cell->kind = ASSAY_VALUE_LIST;
    cell->items = assay_arena_take(arena, (size_t)entry.length + 1, sizeof(assay_value *));
    ASSAY_TRY(assay_arena_check(cell->items, err));
    for (idx_t i = 0; i < entry.length; i++)
        ASSAY_TRY(assay_engine_cell(child, type, entry.offset + i, arena, &cell->items[i], err));
    cell->count = (size_t)entry.length;
    cell->capacity = (size_t)entry.length;
    return ASSAY_OK;
}

static assay_status read_list(duckdb_vector vector, duckdb_logical_type type, idx_t row,
                              assay_value *cell, assay_arena *arena, assay_error *err)
{
    const duckdb_list_entry *entries = duckdb_vector_get_data(vector);
    ASSAY_AUTO(duckdb_destroy_logical_type)
    duckdb_logical_type child = duckdb_list_type_child_type(type);

    return read_items(duckdb_list_vector_get_child(vector), child, entries[row], cell, arena, err);
}

static assay_status read_array(duckdb_vector vector, duckdb_logical_type type, idx_t row,
                               assay_value *cell, assay_arena *arena, assay_error *err)
{
    idx_t size = duckdb_array_type_array_size(type);
    ASSAY_AUTO(duckdb_destroy_logical_type)
    duckdb_logical_type child = duckdb_array_type_child_type(type);
    duckdb_list_entry entry = {row * size, size};

    return read_items(duckdb_array_vector_get_child(vector), child, entry, cell, arena, err);
}

static assay_status take_pairs(assay_value *cell, idx_t count, assay_arena *arena, assay_error *err)
{
    cell->kind = ASSAY_VALUE_MAP;
    cell->items = assay_arena_take(arena, (size_t)count + 1, sizeof(assay_value *));
    cell->keys = assay_arena_take(arena, (size_t)count + 1, sizeof(const char *));
    if (cell->items == NULL || cell->keys == NULL)
        return assay_error_nomem(err);
    cell->count = (size_t)count;
    cell->capacity = (size_t)count;
    return ASSAY_OK;
}

static assay_status read_struct(duckdb_vector vector, duckdb_logical_type type, idx_t row,
                                assay_value *cell, assay_arena *arena, assay_error *err)
{
    idx_t count = duckdb_struct_type_child_count(type);

    ASSAY_TRY(take_pairs(cell, count, arena, err));
    for (idx_t i = 0; i < count; i++) {
        char *name = duckdb_struct_type_child_name(type, i);
        cell->keys[i] = assay_arena_text(arena, name);
        duckdb_free(name);
        ASSAY_TRY(assay_arena_check(cell->keys[i], err));
        ASSAY_AUTO(duckdb_destroy_logical_type)
        duckdb_logical_type child = duckdb_struct_type_child_type(type, i);
        ASSAY_TRY(assay_engine_cell(duckdb_struct_vector_get_child(vector, i), child, row, arena,
                                    &cell->items[i], err));
    }
    return ASSAY_OK;
}

/* The text of a map's key: as it stands, or as it would stand in SQL. */
static assay_status key_text(const assay_value *key, assay_arena *arena, const char **ret_text,
                             assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;

    if (key->kind == ASSAY_VALUE_TEXT) {
        *ret_text = key->text;
        return ASSAY_OK;
    }
    assay_sql_append_value(&text, key);
    ASSAY_TRY(assay_buf_check(&text, err));
    *ret_text = assay_arena_text(arena, assay_buf_text(&text));
    return assay_arena_check(*ret_text, err);
}

static assay_status read_map(duckdb_vector vector, duckdb_logical_type type, idx_t row,
                             assay_value *cell, assay_arena *arena, assay_error *err)
{
    const duckdb_list_entry *entries = duckdb_vector_get_data(vector);
    duckdb_list_entry entry = entries[row];
    duckdb_vector pairs = duckdb_list_vector_get_child(vector);
    ASSAY_AUTO(duckdb_destroy_logical_type)
    duckdb_logical_type key_type = duckdb_map_type_key_type(type);
    ASSAY_AUTO(duckdb_destroy_logical_type)
    duckdb_logical_type value_type = duckdb_map_type_value_type(type);

    ASSAY_TRY(take_pairs(cell, entry.length, arena, err));
    for (idx_t i = 0; i < entry.length; i++) {
        assay_value *key = NULL;
        ASSAY_TRY(assay_engine_cell(duckdb_struct_vector_get_child(pairs, 0), key_type,
                                    entry.offset + i, arena, &key, err));
        ASSAY_TRY(key_text(key, arena, &cell->keys[i], err));
        ASSAY_TRY(assay_engine_cell(duckdb_struct_vector_get_child(pairs, 1), value_type,
                                    entry.offset + i, arena, &cell->items[i], err));
    }
    return ASSAY_OK;
}

/* A UNION's vector is a STRUCT: the tag, then one child a member. */
static assay_status read_union(duckdb_vector vector, duckdb_logical_type type, idx_t row,
                               assay_arena *arena, assay_value **ret_value, assay_error *err)
{
    duckdb_vector tags = duckdb_struct_vector_get_child(vector, 0);
    uint8_t tag = ((const uint8_t *)duckdb_vector_get_data(tags))[row];
    ASSAY_AUTO(duckdb_destroy_logical_type)
    duckdb_logical_type member = duckdb_union_type_member_type(type, tag);

    return assay_engine_cell(duckdb_struct_vector_get_child(vector, (idx_t)tag + 1), member, row,
                             arena, ret_value, err);
}

static assay_status read_nested(duckdb_vector vector, duckdb_logical_type type, idx_t row,
                                assay_value *cell, assay_arena *arena, assay_error *err)
{
    duckdb_type id = duckdb_get_type_id(type);

    if (id == DUCKDB_TYPE_LIST)
        return read_list(vector, type, row, cell, arena, err);
    if (id == DUCKDB_TYPE_ARRAY)
        return read_array(vector, type, row, cell, arena, err);
    if (id == DUCKDB_TYPE_STRUCT)
        return read_struct(vector, type, row, cell, arena, err);
    if (id == DUCKDB_TYPE_MAP)
        return read_map(vector, type, row, cell, arena, err);
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_engine_type_text(&text, type);
    return assay_error_set(err, ASSAY_EUNSUPPORTED, 3014,
                           "a value of type '%s' cannot be shown; cast it to VARCHAR",
                           assay_buf_text(&text));
}

static assay_status read_scalar(duckdb_vector vector, duckdb_logical_type type, idx_t row,
                                assay_value *cell, assay_arena *arena, assay_error *err)
{
    const void *data = duckdb_vector_get_data(vector);
    duckdb_type id = duckdb_get_type_id(type);

    if (id == DUCKDB_TYPE_BOOLEAN) {
        cell->kind = ASSAY_VALUE_BOOL;
        cell->boolean = ((const bool *)data)[row];
        return ASSAY_OK;
    }
    if ((id >= DUCKDB_TYPE_TINYINT && id <= DUCKDB_TYPE_UBIGINT))
        return read_integer(data, id, row, cell, arena, err);
    if (id == DUCKDB_TYPE_FLOAT)
        return set_real(cell, (double)((const float *)data)[row]);
    if (id == DUCKDB_TYPE_DOUBLE)
        return set_real(cell, ((const double *)data)[row]);
    if (id == DUCKDB_TYPE_DECIMAL)
        return read_decimal(data, type, row, cell, arena, err);
    if (id == DUCKDB_TYPE_HUGEINT)
        return set_exact(cell, duckdb_create_hugeint(((const duckdb_hugeint *)data)[row]), arena,
                         err);
    if (id == DUCKDB_TYPE_UHUGEINT)
        return set_exact(cell, duckdb_create_uhugeint(((const duckdb_uhugeint *)data)[row]), arena,
                         err);
    if (id == DUCKDB_TYPE_VARCHAR || id == DUCKDB_TYPE_BLOB || id == DUCKDB_TYPE_BIT)
        return read_string(data, id, row, cell, arena, err);
    if (id == DUCKDB_TYPE_ENUM)
        return read_enum(data, type, row, cell, arena, err);
    duckdb_value value = raw_value(data, id, row);
    if (value != NULL)
        return set_text(cell, value, arena, err);
    return read_nested(vector, type, row, cell, arena, err);
}

assay_status assay_engine_cell(duckdb_vector vector, duckdb_logical_type type, idx_t row,
                               assay_arena *arena, assay_value **ret_value, assay_error *err)
{
    uint64_t *validity = duckdb_vector_get_validity(vector);
    assay_value *cell = assay_value_null(arena);

    ASSAY_TRY(assay_arena_check(cell, err));
    if (validity != NULL && !duckdb_validity_row_is_valid(validity, row)) {
        *ret_value = cell;
        return ASSAY_OK;
    }
    duckdb_type id = duckdb_get_type_id(type);
    if (id == DUCKDB_TYPE_UNION)
        return read_union(vector, type, row, arena, ret_value, err);
    if (id != DUCKDB_TYPE_SQLNULL)
        ASSAY_TRY(read_scalar(vector, type, row, cell, arena, err));
    *ret_value = cell;
    return ASSAY_OK;
}
