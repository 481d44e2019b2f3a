#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "avro/container.h"
#include "base/mem.h"
#include "text/json.h"

static const char SCHEMA[] =
    "{\"type\":\"record\",\"name\":\"all\",\"fields\":["
    "{\"name\":\"b\",\"type\":\"boolean\",\"field-id\":1},"
    "{\"name\":\"i\",\"type\":\"int\",\"field-id\":2},"
    "{\"name\":\"l\",\"type\":\"long\",\"field-id\":3},"
    "{\"name\":\"f\",\"type\":\"float\",\"field-id\":4},"
    "{\"name\":\"d\",\"type\":\"double\",\"field-id\":5},"
    "{\"name\":\"y\",\"type\":\"bytes\",\"field-id\":6},"
    "{\"name\":\"s\",\"type\":\"string\",\"field-id\":7},"
    "{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"fx\",\"size\":3,"
    "\"logicalType\":\"decimal\",\"precision\":6,\"scale\":2},\"field-id\":8},"
    "{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"en\",\"symbols\":[\"A\",\"B\"]},"
    "\"field-id\":9},"
    "{\"name\":\"a\",\"type\":[\"null\",{\"type\":\"array\",\"items\":\"long\","
    "\"element-id\":11}],\"default\":null,\"field-id\":10},"
    "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":\"int\"},\"field-id\":12},"
    "{\"name\":\"plain\",\"type\":[\"null\",\"string\"]}]}";

struct fixture {
    assay_arena *arena;
    assay_avro_writer *writer;
    assay_value *schema;
};

static int setup(void **state)
{
    struct fixture *fixture = assay_mem_new(1, sizeof *fixture);
    fixture->arena = assay_arena_new();
    assert_int_equal(assay_json_parse(SCHEMA, strlen(SCHEMA), "schema", fixture->arena,
                                      &fixture->schema, NULL),
                     ASSAY_OK);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    assay_avro_writer_free(fixture->writer);
    assay_arena_free(fixture->arena);
    assay_mem_free(fixture);
    return 0;
}

enum { FIELDS = 12 };

static void fill_record(assay_avro_value *fields, assay_avro_value *items, int64_t number)
{
    static const char *keys[] = {"one", "two"};
    static assay_avro_value map_items[2];
    map_items[0] = assay_avro_int(1);
    map_items[1] = assay_avro_int(-2);
    items[0] = assay_avro_long(number);
    items[1] = assay_avro_long(INT64_MIN);
    fields[0] = assay_avro_boolean(number % 2 == 0);
    fields[1] = assay_avro_int((int32_t)-number);
    fields[2] = assay_avro_long(number * 1000003);
    fields[3] = assay_avro_double(0.5);
    fields[3].kind = ASSAY_AVRO_FLOAT;
    fields[4] = assay_avro_double(-1e300);
    fields[5] = assay_avro_bytes("a\0b", 3);
    fields[6] = assay_avro_text("caf\xc3\xa9");
    fields[7] = assay_avro_bytes("\x01\x02\x03", 3);
    fields[7].kind = ASSAY_AVRO_FIXED;
    fields[8] = (assay_avro_value){.kind = ASSAY_AVRO_ENUM, .integer = 1};
    fields[9] = number % 3 == 0
                    ? assay_avro_null()
                    : (assay_avro_value){.kind = ASSAY_AVRO_ARRAY, .items = items, .count = 2};
    fields[10] =
        (assay_avro_value){.kind = ASSAY_AVRO_MAP, .items = map_items, .keys = keys, .count = 2};
    fields[11] = assay_avro_text("by name");
}

static const assay_buf *write_records(struct fixture *fixture, assay_codec codec, int count)
{
    const assay_avro_pair metadata[] = {{"schema-id", "0"}, {"content", "data"}};
    const assay_buf *file = NULL;
    const assay_avro_writer_options options = {.schema = fixture->schema,
                                               .codec = codec,
                                               .sync = "0123456789abcde",
                                               .metadata = metadata,
                                               .metadata_count = 2};
    assert_int_equal(assay_avro_writer_new(&options, fixture->arena, &fixture->writer, NULL),
                     ASSAY_OK);
    for (int i = 0; i < count; i++) {
        assay_avro_value fields[FIELDS], items[2];
        fill_record(fields, items, i);
        const assay_avro_value record = {.kind = ASSAY_AVRO_RECORD,
                                         .items = fields,
                                         .count = FIELDS};
        assert_int_equal(assay_avro_writer_append(fixture->writer, &record, NULL), ASSAY_OK);
    }
    assert_int_equal(assay_avro_writer_finish(fixture->writer, &file, NULL), ASSAY_OK);
    return file;
}

static void check_record(const assay_avro_value *record, int64_t number)
{
    assert_int_equal(assay_avro_find_int(record, 1, "b", -1), number % 2 == 0);
    assert_int_equal(assay_avro_find_int(record, 2, "i", -1), -number);
    assert_int_equal(assay_avro_find_int(record, 3, "l", -1), number * 1000003);
    assert_true(assay_avro_find(record, 4, "f")->real == 0.5);
    assert_true(assay_avro_find(record, 5, "d")->real == -1e300);
    assert_int_equal(assay_avro_find(record, 6, "y")->size, 3);
    assert_memory_equal(assay_avro_find(record, 6, "y")->bytes, "a\0b", 3);
    assert_string_equal(assay_avro_find_text(record, 7, "s"), "caf\xc3\xa9");
    assert_memory_equal(assay_avro_find(record, 8, "x")->bytes, "\x01\x02\x03", 3);
    assert_int_equal(assay_avro_find(record, 8, "x")->type->precision, 6);
    assert_int_equal(assay_avro_find(record, 9, "e")->integer, 1);
    const assay_avro_value *array = assay_avro_find(record, 10, "a");
    if (number % 3 == 0) {
        assert_null(array);
    } else {
        assert_int_equal(array->count, 2);
        assert_int_equal(array->type->element_id, 11);
        assert_int_equal(array->items[0].integer, number);
        assert_true(array->items[1].integer == INT64_MIN);
    }
    assert_string_equal(assay_avro_find(record, 12, "m")->keys[1], "two");
    assert_int_equal(assay_avro_find(record, 12, "m")->items[1].integer, -2);
    assert_string_equal(assay_avro_find_text(record, 99, "plain"), "by name");
    assert_null(assay_avro_find(record, 98, "s"));
}

static void round_trip(struct fixture *fixture, assay_codec codec, int count)
{
    ASSAY_AUTO(assay_avro_reader_closep) assay_avro_reader *reader = NULL;
    assay_error err = {0};
    const assay_buf *file = write_records(fixture, codec, count);
    assert_int_equal(assay_avro_reader_open(file->data, file->size, "x", fixture->arena, &reader,
                                            &err),
                     ASSAY_OK);
    assert_string_equal(assay_avro_reader_metadata(reader, "content"), "data");
    assert_null(assay_avro_reader_metadata(reader, "absent"));
    for (int i = 0; i <= count; i++) {
        assay_avro_value *record = NULL;
        assert_int_equal(assay_avro_reader_next(reader, fixture->arena, &record, &err), ASSAY_OK);
        if (i == count)
            assert_null(record);
        else
            check_record(record, i);
    }
}

static void values_of_all_kinds_come_back_uncompressed(void **state)
{
    round_trip(*state, ASSAY_CODEC_NULL, 10);
}

static void many_blocks_come_back_deflated(void **state)
{
    round_trip(*state, ASSAY_CODEC_DEFLATE, 5000);
}

static void an_empty_file_has_no_objects(void **state)
{
    round_trip(*state, ASSAY_CODEC_DEFLATE, 0);
}

/* Reads a file to its end; every cut must be an error or a clean end, never a crash. */
static assay_status read_all(const char *bytes, size_t size, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_avro_reader_closep) assay_avro_reader *reader = NULL;
    ASSAY_TRY(assay_avro_reader_open(bytes, size, "x", arena, &reader, err));
    for (;;) {
        assay_avro_value *record = NULL;
        ASSAY_TRY(assay_avro_reader_next(reader, arena, &record, err));
        if (record == NULL)
            return ASSAY_OK;
    }
}

static void every_cut_of_a_file_is_noticed(void **state)
{
    const assay_buf *file = write_records(*state, ASSAY_CODEC_NULL, 3);
    size_t clean = 0;
    for (size_t size = 0; size < file->size; size++) {
        assay_error err = {0};
        if (read_all(file->data, size, &err) == ASSAY_OK)
            clean++;
        else
            assert_true(err.number == 4501 || err.number == 4502);
    }
    assert_int_equal(clean, 1); /* exactly behind the header */
}

static void every_flipped_byte_is_survived(void **state)
{
    const assay_buf *file = write_records(*state, ASSAY_CODEC_DEFLATE, 20);
    for (size_t i = 0; i < file->size; i++) {
        file->data[i] = (char)(file->data[i] ^ 0x55);
        assay_status status = read_all(file->data, file->size, NULL);
        assert_true(status == ASSAY_OK || status == ASSAY_EDATA || status == ASSAY_EUNSUPPORTED);
        file->data[i] = (char)(file->data[i] ^ 0x55);
    }
}

static void an_unknown_codec_is_refused_by_name(void **state)
{
    static const char FILE_BYTES[] = "Obj\x01\x02\x14"
                                     "avro.codec\x0csnappy\x00"
                                     "0123456789abcdef";
    assay_error err = {0};
    (void)state;
    assert_int_equal(read_all(FILE_BYTES, sizeof FILE_BYTES - 1, &err), ASSAY_EUNSUPPORTED);
    assert_int_equal(err.number, 4503);
    assert_non_null(strstr(err.message, "snappy"));
}

static void a_hostile_count_does_not_allocate(void **state)
{
    /* An array of nulls needs no bytes: its count alone must not decide. */
    struct fixture *fixture = *state;
    static const assay_avro_type NOTHING = {.kind = ASSAY_AVRO_NULL};
    static const assay_avro_type ARRAY = {.kind = ASSAY_AVRO_ARRAY, .items = &NOTHING};
    ASSAY_AUTO(assay_buf_done) assay_buf bytes = ASSAY_BUF_EMPTY;
    assay_avro_value value;
    assay_error err = {0};
    assay_avro_encode_long(INT64_MAX, &bytes);
    assay_avro_cursor cursor = assay_avro_cursor_init(bytes.data, bytes.size);
    assert_int_equal(assay_avro_decode(&cursor, &ARRAY, fixture->arena, &value, &err), ASSAY_EDATA);
    assert_int_equal(err.number, 4504);
}

static void a_negative_block_count_carries_its_size(void **state)
{
    struct fixture *fixture = *state;
    static const assay_avro_type LONG = {.kind = ASSAY_AVRO_LONG};
    static const assay_avro_type ARRAY = {.kind = ASSAY_AVRO_ARRAY, .items = &LONG};
    ASSAY_AUTO(assay_buf_done) assay_buf bytes = ASSAY_BUF_EMPTY;
    assay_avro_value value;
    assay_avro_encode_long(-2, &bytes);
    assay_avro_encode_long(2, &bytes);
    assay_avro_encode_long(7, &bytes);
    assay_avro_encode_long(8, &bytes);
    assay_avro_encode_long(1, &bytes);
    assay_avro_encode_long(9, &bytes);
    assay_avro_encode_long(0, &bytes);
    assay_avro_cursor cursor = assay_avro_cursor_init(bytes.data, bytes.size);
    assert_int_equal(assay_avro_decode(&cursor, &ARRAY, fixture->arena, &value, NULL), ASSAY_OK);
    assert_int_equal(value.count, 3);
    assert_int_equal(value.items[2].integer, 9);
}

static void refuse_schema(assay_arena *arena, const char *text)
{
    assay_value *document = NULL;
    const assay_avro_type *type = NULL;
    assay_error err = {0};
    assert_int_equal(assay_json_parse(text, strlen(text), "x", arena, &document, NULL), ASSAY_OK);
    if (assay_avro_type_parse(document, arena, &type, &err) != ASSAY_EDATA)
        fail_msg("accepted: %s", text);
    assert_int_equal(err.number, 4502);
}

static void broken_schemas_are_refused(void **state)
{
    struct fixture *fixture = *state;
    refuse_schema(fixture->arena, "\"unheard\"");
    refuse_schema(fixture->arena, "[]");
    refuse_schema(fixture->arena, "[[\"null\"]]");
    refuse_schema(fixture->arena, "{\"type\":\"array\"}");
    refuse_schema(fixture->arena, "{\"type\":\"record\",\"name\":\"a\"}");
    refuse_schema(fixture->arena, "{\"type\":\"fixed\",\"name\":\"a\",\"size\":-1}");
    refuse_schema(fixture->arena, "{\"type\":\"record\",\"name\":\"a\",\"fields\":[{\"name\":\"x\","
                                  "\"type\":\"int\",\"field-id\":\"one\"}]}");
    refuse_schema(fixture->arena, "{\"type\":\"record\",\"name\":\"a\",\"fields\":[{\"name\":\"x\","
                                  "\"type\":{\"type\":\"fixed\",\"name\":\"a\",\"size\":1}}]}");
}

static void a_recursive_schema_is_bounded_by_depth(void **state)
{
    struct fixture *fixture = *state;
    static const char TEXT[] = "{\"type\":\"record\",\"name\":\"a\",\"fields\":[{\"name\":\"x\","
                               "\"type\":[\"null\",\"a\"]}]}";
    assay_value *document = NULL;
    const assay_avro_type *type = NULL;
    assay_avro_value value;
    char bytes[200];
    memset(bytes, 2, sizeof bytes); /* always the branch "a" */
    assert_int_equal(assay_json_parse(TEXT, strlen(TEXT), "x", fixture->arena, &document, NULL),
                     ASSAY_OK);
    assert_int_equal(assay_avro_type_parse(document, fixture->arena, &type, NULL), ASSAY_OK);
    assay_avro_cursor cursor = assay_avro_cursor_init(bytes, sizeof bytes);
    assert_int_equal(assay_avro_decode(&cursor, type, fixture->arena, &value, NULL), ASSAY_EDATA);
}

static void gzip_comes_back_within_its_limit(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_buf_done) assay_buf packed = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf plain = ASSAY_BUF_EMPTY;
    char text[4000];
    assay_error err = {0};
    memset(text, 'x', sizeof text);
    assert_int_equal(assay_codec_compress(ASSAY_CODEC_GZIP, text, sizeof text, &packed, &err),
                     ASSAY_OK);
    assert_true(packed.size < 100);
    assert_int_equal(assay_codec_expand(ASSAY_CODEC_GZIP, packed.data, packed.size, sizeof text,
                                        &plain, &err),
                     ASSAY_OK);
    assert_memory_equal(plain.data, text, sizeof text);
    assert_int_equal(assay_codec_expand(ASSAY_CODEC_GZIP, packed.data, packed.size, sizeof text - 1,
                                        &plain, &err),
                     ASSAY_EDATA);
    assert_int_equal(err.number, 4504);
    assert_int_equal(assay_codec_expand(ASSAY_CODEC_GZIP, packed.data, packed.size - 5, sizeof text,
                                        &plain, &err),
                     ASSAY_EDATA);
    assert_int_equal(err.number, 4501);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    const assay_buf *file = write_records(*state, ASSAY_CODEC_DEFLATE, 2);
    for (size_t nth = 1; nth < 10000; nth++) {
        assay_mem_fail_at(nth);
        assay_status status = ASSAY_ENOMEM;
        assay_arena *arena = assay_arena_new();
        if (arena != NULL) {
            ASSAY_AUTO(assay_avro_reader_closep) assay_avro_reader *reader = NULL;
            assay_avro_value *record = NULL;
            status = assay_avro_reader_open(file->data, file->size, "x", arena, &reader, NULL);
            if (status == ASSAY_OK)
                status = assay_avro_reader_next(reader, arena, &record, NULL);
        }
        assay_mem_fail_at(0);
        assay_arena_free(arena);
        if (status == ASSAY_OK)
            return;
        assert_int_equal(status, ASSAY_ENOMEM);
    }
    fail_msg("it never succeeds");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_of_all_kinds_come_back_uncompressed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(many_blocks_come_back_deflated, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_file_has_no_objects, setup, teardown),
        cmocka_unit_test_setup_teardown(every_cut_of_a_file_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(every_flipped_byte_is_survived, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unknown_codec_is_refused_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hostile_count_does_not_allocate, setup, teardown),
        cmocka_unit_test_setup_teardown(a_negative_block_count_carries_its_size, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_schemas_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_recursive_schema_is_bounded_by_depth, setup, teardown),
        cmocka_unit_test_setup_teardown(gzip_comes_back_within_its_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(running_out_of_memory_leaks_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
