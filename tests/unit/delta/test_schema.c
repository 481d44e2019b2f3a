#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "delta/schema.h"
#include "engine/engine.h"
#include "text/json.h"

static assay_value *parse(assay_arena *arena, const char *text)
{
    assay_value *tree = NULL;

    assert_int_equal(assay_delta_schema_parse("t", text, arena, &tree, NULL), ASSAY_OK);
    return tree;
}

static assay_schema *read_text(assay_arena *arena, const char *text)
{
    assay_schema *schema = NULL;
    assay_error err = {0};

    if (assay_delta_schema_read("t", parse(arena, text), arena, &schema, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
    return schema;
}

static const char *text_of(assay_arena *arena, const assay_value *tree)
{
    assay_buf buf = ASSAY_BUF_EMPTY;
    const char *text = NULL;

    assay_json_write(&buf, tree, 0);
    text = assay_arena_text(arena, assay_buf_text(&buf));
    assay_buf_done(&buf);
    return text;
}

static const char *type_text(assay_arena *arena, const assay_type *type)
{
    assay_buf buf = ASSAY_BUF_EMPTY;
    const char *text = NULL;

    assay_type_format(&buf, type);
    text = assay_arena_text(arena, assay_buf_text(&buf));
    assay_buf_done(&buf);
    return text;
}

static assay_schema *from_columns(assay_arena *arena, const assay_column *columns, size_t count)
{
    assay_schema *schema = NULL;

    assert_int_equal(assay_schema_from_columns(columns, count, arena, &schema, NULL), ASSAY_OK);
    return schema;
}

static assay_delta_schema_change write_over(assay_arena *arena, const assay_schema *schema,
                                            const assay_value *base, assay_delta_files files)
{
    assay_delta_schema_change change = {NULL, false, false};
    assay_error err = {0};

    if (assay_delta_schema_write(schema, base, files, arena, &change, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
    return change;
}

static void every_delta_type_is_read(void **state)
{
    static const char text[] =
        "{\"type\":\"struct\",\"fields\":["
        "{\"name\":\"a\",\"type\":\"byte\",\"nullable\":true,\"metadata\":{}},"
        "{\"name\":\"b\",\"type\":\"decimal(12, 3)\",\"nullable\":false,\"metadata\":"
        "{\"comment\":\"money\"}},"
        "{\"name\":\"c\",\"type\":{\"type\":\"array\",\"elementType\":\"timestamp_ntz\","
        "\"containsNull\":false},\"nullable\":true,\"metadata\":{}},"
        "{\"name\":\"d\",\"type\":{\"type\":\"map\",\"keyType\":\"string\",\"valueType\":{\"type\":"
        "\"struct\",\"fields\":[{\"name\":\"x y\",\"type\":\"timestamp\",\"nullable\":true,"
        "\"metadata\":{}}]},\"valueContainsNull\":true},\"nullable\":true,\"metadata\":{}}]}";
    assay_arena *arena = assay_arena_new();
    assay_schema *schema = read_text(arena, text);

    (void)state;
    assert_int_equal(schema->count, 4);
    assert_string_equal(type_text(arena, &schema->fields[0].type), "TINYINT");
    assert_string_equal(type_text(arena, &schema->fields[1].type), "DECIMAL(12,3)");
    assert_true(schema->fields[1].required);
    assert_string_equal(schema->fields[1].doc, "money");
    assert_string_equal(type_text(arena, &schema->fields[2].type), "TIMESTAMP[]");
    assert_true(schema->fields[2].type.fields[0].required);
    assert_string_equal(type_text(arena, &schema->fields[3].type),
                        "MAP(VARCHAR, STRUCT(\"x y\" TIMESTAMP WITH TIME ZONE))");
    /* Columns first, then members level by level. */
    assert_int_equal(schema->fields[3].id, 4);
    assert_int_equal(schema->fields[2].type.fields[0].id, 5);
    assert_int_equal(schema->fields[3].type.fields[1].id, 7);
    assert_int_equal(schema->last_field_id, 8);
    assay_arena_free(arena);
}

static void an_unknown_type_is_refused_by_its_name(void **state)
{
    static const char text[] = "{\"type\":\"struct\",\"fields\":[{\"name\":\"v\",\"type\":"
                               "\"variant\",\"nullable\":true,\"metadata\":{}}]}";
    assay_arena *arena = assay_arena_new();
    assay_schema *schema = NULL;
    assay_error err = {0};

    (void)state;
    assert_int_equal(assay_delta_schema_read("t", parse(arena, text), arena, &schema, &err),
                     ASSAY_EUNSUPPORTED);
    assert_int_equal(err.number, 4207);
    assert_non_null(strstr(err.message, "variant"));
    assay_arena_free(arena);
}

static void types_that_delta_lacks_come_back_as_they_were(void **state)
{
    static const assay_column columns[] = {{"id", "UUID"},          {"t", "TIME"},
                                           {"u", "UBIGINT"},        {"e", "VARCHAR"},
                                           {"s", "STRUCT(a UUID)"}, {"l", "TIME[]"},
                                           {"ts", "TIMESTAMP"},     {"small", "UTINYINT"},
                                           {"h", "HUGEINT"},        {"plain", "TINYINT"}};
    const size_t count = sizeof(columns) / sizeof(columns[0]);
    assay_arena *arena = assay_arena_new();
    assay_schema *schema = from_columns(arena, columns, count);
    assay_delta_schema_change change = write_over(arena, schema, NULL, ASSAY_DELTA_FILES_GO);
    assay_schema *back = read_text(arena, text_of(arena, change.tree));

    (void)state;
    assert_true(change.has_ntz);
    for (size_t i = 0; i < count; i++) {
        assert_true(assay_type_equal(&schema->fields[i].type, &back->fields[i].type));
        if (schema->fields[i].original == NULL)
            assert_null(back->fields[i].original);
        else
            assert_string_equal(schema->fields[i].original, back->fields[i].original);
    }
    assert_non_null(strstr(text_of(arena, change.tree), "\"assay.type\":\"UUID\""));
    assay_arena_free(arena);
}

static void what_assay_does_not_know_of_a_column_is_kept(void **state)
{
    static const char text[] =
        "{\"type\":\"struct\",\"fields\":["
        "{\"name\":\"a\",\"type\":\"string\",\"nullable\":true,\"metadata\":{\"x.y\":[1,2],"
        "\"comment\":\"c\"}},"
        "{\"name\":\"s\",\"type\":{\"type\":\"struct\",\"fields\":[{\"name\":\"m\",\"type\":"
        "\"long\",\"nullable\":true,\"metadata\":{\"k\":\"v\"}}]},\"nullable\":true,"
        "\"metadata\":{}}]}";
    assay_arena *arena = assay_arena_new();
    assay_value *tree = parse(arena, text);
    assay_delta_schema_change change =
        write_over(arena, read_text(arena, text), tree, ASSAY_DELTA_FILES_STAY_NOTED);

    (void)state;
    assert_true(assay_value_equal(tree, change.tree));
    assert_false(change.has_widened);
    assay_arena_free(arena);
}

static void a_wider_column_notes_its_type_change_where_files_stay(void **state)
{
    static const assay_column before[] = {{"a", "INTEGER"}, {"b", "VARCHAR"}};
    static const assay_column after[] = {{"a", "BIGINT"}, {"b", "VARCHAR"}, {"c", "DATE"}};
    assay_arena *arena = assay_arena_new();
    assay_delta_schema_change first =
        write_over(arena, from_columns(arena, before, 2), NULL, ASSAY_DELTA_FILES_GO);
    assay_delta_schema_change second =
        write_over(arena, from_columns(arena, after, 3), first.tree, ASSAY_DELTA_FILES_STAY_NOTED);
    assay_delta_schema_change third =
        write_over(arena, from_columns(arena, after, 3), first.tree, ASSAY_DELTA_FILES_GO);

    (void)state;
    assert_true(second.has_widened);
    assert_non_null(
        strstr(text_of(arena, second.tree),
               "\"delta.typeChanges\":[{\"fromType\":\"integer\",\"toType\":\"long\"}]"));
    assert_false(
        write_over(arena, from_columns(arena, after, 3), first.tree, ASSAY_DELTA_FILES_STAY)
            .has_widened);
    assert_false(third.has_widened);
    assert_null(strstr(text_of(arena, third.tree), "typeChanges"));
    assay_arena_free(arena);
}

static void a_name_that_delta_forbids_is_refused(void **state)
{
    assay_arena *arena = assay_arena_new();
    assay_field field = {.id = 1, .name = "a b", .type = {.kind = ASSAY_TYPE_STRING}};
    assay_type stored;
    assay_error err = {0};

    (void)state;
    assert_int_equal(assay_delta_stored_type(&field, arena, &stored, &err), ASSAY_EUNSUPPORTED);
    assert_int_equal(err.number, 4208);
    assert_non_null(strstr(err.message, "'a b'"));
    assay_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_delta_type_is_read),
        cmocka_unit_test(an_unknown_type_is_refused_by_its_name),
        cmocka_unit_test(types_that_delta_lacks_come_back_as_they_were),
        cmocka_unit_test(what_assay_does_not_know_of_a_column_is_kept),
        cmocka_unit_test(a_wider_column_notes_its_type_change_where_files_stay),
        cmocka_unit_test(a_name_that_delta_forbids_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
