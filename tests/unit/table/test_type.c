#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "table/partition.h"
#include "table/type.h"

static int begin(void **state)
{
    *state = assay_arena_new();
    return *state != NULL ? 0 : -1;
}

static int end(void **state)
{
    assay_arena_free(*state);
    return 0;
}

struct spelling {
    const char *text, *stored, *original;
};

static void types_are_parsed_to_what_is_stored(void **state)
{
    assay_arena *arena = *state;
    static const struct spelling cases[] = {
        {"TINYINT", "TINYINT", NULL},
        {"integer", "INTEGER", NULL},
        {"TIMESTAMP WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE", NULL},
        {"timestamptz", "TIMESTAMP WITH TIME ZONE", NULL},
        {"DOUBLE PRECISION", "DOUBLE", NULL},
        {"DECIMAL(10,2)", "DECIMAL(10,2)", NULL},
        {"NUMERIC( 10 )", "DECIMAL(10,0)", NULL},
        {"DECIMAL", "DECIMAL(18,3)", NULL},
        {"VARCHAR(20)", "VARCHAR", NULL},
        {"UTINYINT", "SMALLINT", "UTINYINT"},
        {"UINTEGER", "BIGINT", "UINTEGER"},
        {"UBIGINT", "DECIMAL(20,0)", "UBIGINT"},
        {"HUGEINT", "DECIMAL(38,0)", "HUGEINT"},
        {"JSON", "VARCHAR", "JSON"},
        {"TIMESTAMP_MS", "TIMESTAMP", "TIMESTAMP_MS"},
        {"ENUM('a', 'b)''(', 'c')", "VARCHAR", "ENUM('a', 'b)''(', 'c')"},
        {"INTEGER[]", "INTEGER[]", NULL},
        {"INTEGER[][]", "INTEGER[][]", NULL},
        {"INTEGER[3]", "INTEGER[]", "INTEGER[3]"},
        {"UTINYINT[]", "SMALLINT[]", NULL},
        {"STRUCT(a INTEGER, \"b \"\"c\" UUID[], Abc DATE)",
         "STRUCT(\"a\" INTEGER, \"b \"\"c\" UUID[], \"Abc\" DATE)", NULL},
        {"MAP(VARCHAR, STRUCT(x ENUM('q')))", "MAP(VARCHAR, STRUCT(\"x\" VARCHAR))", NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
        assay_type type = {0};
        const char *original = NULL;
        assay_error err = {0};
        if (assay_type_parse(cases[i].text, "c", arena, &type, &original, &err) != ASSAY_OK)
            fail_msg("%s: %s", cases[i].text, err.message);
        assay_type_format(&text, &type);
        assert_string_equal(assay_buf_text(&text), cases[i].stored);
        if (cases[i].original == NULL)
            assert_null(original);
        else
            assert_string_equal(original, cases[i].original);
    }
}

static void types_that_no_table_holds_are_refused_by_column(void **state)
{
    assay_arena *arena = *state;
    static const struct {
        const char *text;
        int number;
    } cases[] = {{"TIMESTAMP_NS", 4001},
                 {"INTERVAL", 4001},
                 {"BIT", 4001},
                 {"TIME WITH TIME ZONE", 4001},
                 {"UNION(a INTEGER, b DATE)", 4001},
                 {"STRUCT(a INTERVAL)", 4001},
                 {"MAP(VARCHAR, TIMETZ)", 4001},
                 {"\"NULL\"", 4002},
                 {"NULL[]", 4002},
                 {"WHATEVER", 4001},
                 {"", 4001},
                 {"STRUCT(a", 4001},
                 {"DECIMAL(50,2)", 4001},
                 {"INTEGER]", 4001},
                 {"DECIMAL(3,5)", 4001},
                 {"INTEGER[", 4001},
                 {"MAP(VARCHAR)", 4001},
                 {"STRUCT(\"a INTEGER)", 4001},
                 {"ENUM", 4001}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assay_type type = {0};
        assay_error err = {0};
        assert_int_equal(assay_type_parse(cases[i].text, "price", arena, &type, NULL, &err),
                         ASSAY_EUNSUPPORTED);
        assert_int_equal(err.number, cases[i].number);
        assert_non_null(strstr(err.message, "'price'"));
    }
    ASSAY_AUTO(assay_buf_done) assay_buf deep = ASSAY_BUF_EMPTY;
    for (int i = 0; i < 40; i++)
        assay_buf_append_text(&deep, "MAP(DATE,");
    assay_type type = {0};
    assert_int_equal(assay_type_parse(assay_buf_text(&deep), "price", arena, &type, NULL, NULL),
                     ASSAY_EUNSUPPORTED);
}

static assay_type type_of(assay_arena *arena, const char *text)
{
    assay_type type = {0};

    assert_int_equal(assay_type_parse(text, "c", arena, &type, NULL, NULL), ASSAY_OK);
    return type;
}

static void only_lossless_changes_widen(void **state)
{
    assay_arena *arena = *state;
    static const struct {
        const char *from, *to;
        bool widens, accepted;
    } cases[] = {
        {"INTEGER", "BIGINT", true, true},
        {"TINYINT", "SMALLINT", true, true},
        {"BIGINT", "INTEGER", false, false},
        {"FLOAT", "DOUBLE", true, true},
        {"DOUBLE", "FLOAT", false, false},
        {"DECIMAL(5,2)", "DECIMAL(9,2)", true, true},
        {"DECIMAL(5,2)", "DECIMAL(9,3)", false, true},
        {"DECIMAL(5,0)", "DECIMAL(5,2)", false, false},
        {"BIGINT", "DECIMAL(20,0)", false, true},
        {"BIGINT", "DECIMAL(18,0)", false, false},
        {"INTEGER", "DOUBLE", false, true},
        {"BIGINT", "DOUBLE", false, false},
        {"DATE", "TIMESTAMP", false, false},
        {"VARCHAR", "VARCHAR", true, true},
        {"INTEGER", "VARCHAR", false, false},
        {"STRUCT(A INTEGER)", "STRUCT(a INTEGER)", true, true},
        {"STRUCT(a INTEGER)", "STRUCT(b INTEGER)", false, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assay_type from = type_of(arena, cases[i].from);
        assay_type to = type_of(arena, cases[i].to);
        if (assay_type_can_widen(&from, &to) != cases[i].widens ||
            assay_type_accepts(&to, &from) != cases[i].accepted)
            fail_msg("%s -> %s", cases[i].from, cases[i].to);
    }
}

static assay_schema *schema_of(assay_arena *arena, const assay_column *columns, size_t count)
{
    assay_schema *schema = NULL;
    assay_error err = {0};

    if (assay_schema_from_columns(columns, count, arena, &schema, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
    return schema;
}

static void ids_are_given_in_the_order_of_iceberg(void **state)
{
    static const assay_column columns[] = {{"a", "INTEGER"},
                                           {"s", "STRUCT(x INTEGER, l STRUCT(q DATE)[])"},
                                           {"m", "MAP(VARCHAR, INTEGER[])"}};
    assay_schema *schema = schema_of(*state, columns, 3);
    const assay_type *s = &schema->fields[1].type;
    const assay_type *m = &schema->fields[2].type;

    assert_int_equal(schema->fields[2].id, 3);
    assert_int_equal(s->fields[0].id, 4);
    assert_int_equal(s->fields[1].id, 5);
    assert_int_equal(s->fields[1].type.fields[0].id, 6);
    assert_int_equal(s->fields[1].type.fields[0].type.fields[0].id, 7);
    assert_int_equal(m->fields[0].id, 8);
    assert_int_equal(m->fields[1].id, 9);
    assert_int_equal(m->fields[1].type.fields[0].id, 10);
    assert_int_equal(schema->last_field_id, 10);
    assert_ptr_equal(assay_schema_find(schema, "S"), &schema->fields[1]);
    assert_string_equal(assay_schema_find_id(schema, 7)->name, "q");
    assert_null(assay_schema_find_id(schema, 11));
}

static void duplicate_names_are_refused_at_every_level(void **state)
{
    static const assay_column top[] = {{"a", "INTEGER"}, {"A", "DATE"}};
    static const assay_column nested[] = {{"a", "STRUCT(x INTEGER, \"X\" DATE)"}};
    assay_schema *schema = NULL;
    assay_error err = {0};

    assert_int_equal(assay_schema_from_columns(top, 2, *state, &schema, &err), ASSAY_ECONFIG);
    assert_int_equal(err.number, 4003);
    assert_int_equal(assay_schema_from_columns(nested, 1, *state, &schema, &err), ASSAY_ECONFIG);
    assert_int_equal(err.number, 4003);
}

static assay_schema *merge(assay_arena *arena, const assay_schema *table,
                           const assay_column *columns, size_t count, assay_schema_policy policy,
                           bool *ret_changed)
{
    assay_schema *result = NULL;
    assay_error err = {0};

    if (assay_schema_merge(table, schema_of(arena, columns, count), policy, arena, &result,
                           ret_changed, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
    return result;
}

static void evolving_adds_columns_and_widens(void **state)
{
    assay_arena *arena = *state;
    static const assay_column old[] = {{"a", "INTEGER"},
                                       {"b", "VARCHAR"},
                                       {"s", "STRUCT(x INTEGER)"}};
    static const assay_column new[] = {{"n", "DATE"},
                                       {"S", "STRUCT(y DATE, x BIGINT)"},
                                       {"A", "BIGINT"}};
    bool changed = false;
    assay_schema *table = schema_of(arena, old, 3);
    assay_schema *result = merge(arena, table, new, 3, ASSAY_SCHEMA_EVOLVE, &changed);

    assert_true(changed);
    assert_int_equal(result->count, 4);
    assert_string_equal(result->fields[0].name, "a");
    assert_int_equal(result->fields[0].type.kind, ASSAY_TYPE_INT64);
    assert_int_equal(result->fields[0].id, 1);
    assert_int_equal(result->fields[2].type.fields[0].id, 4);
    assert_int_equal(result->fields[2].type.fields[0].type.kind, ASSAY_TYPE_INT64);
    assert_string_equal(result->fields[2].type.fields[1].name, "y");
    assert_string_equal(result->fields[3].name, "n");
    assert_int_equal(result->last_field_id, 6);
    (void)merge(arena, result, new, 3, ASSAY_SCHEMA_EVOLVE, &changed);
    assert_false(changed);
    (void)merge(arena, result, old, 3, ASSAY_SCHEMA_EVOLVE, &changed);
    assert_false(changed);
}

static void what_does_not_widen_is_refused_with_both_types(void **state)
{
    assay_arena *arena = *state;
    static const assay_column old[] = {{"a", "INTEGER"}};
    static const assay_column new[] = {{"a", "VARCHAR"}};
    static const assay_column more[] = {{"a", "INTEGER"}, {"b", "DATE"}};
    assay_schema *result = NULL;
    assay_error err = {0};
    assay_schema *table = schema_of(arena, old, 1);

    assert_int_equal(assay_schema_merge(table, schema_of(arena, new, 1), ASSAY_SCHEMA_EVOLVE, arena,
                                        &result, NULL, &err),
                     ASSAY_EDATA);
    assert_int_equal(err.number, 4010);
    assert_non_null(strstr(err.message, "'a' is INTEGER in the table and VARCHAR now"));
    assert_int_equal(assay_schema_merge(table, schema_of(arena, more, 2), ASSAY_SCHEMA_FREEZE,
                                        arena, &result, NULL, &err),
                     ASSAY_EDATA);
    assert_int_equal(assay_schema_merge(schema_of(arena, more, 2), table, ASSAY_SCHEMA_FREEZE,
                                        arena, &result, NULL, &err),
                     ASSAY_EDATA);
    assert_non_null(strstr(err.message, "'b'"));
}

static void replacing_keeps_the_ids_of_equal_columns(void **state)
{
    assay_arena *arena = *state;
    static const assay_column old[] = {{"a", "INTEGER"}, {"b", "VARCHAR"}, {"l", "INTEGER[]"}};
    static const assay_column new[] = {{"l", "INTEGER[]"}, {"b", "DATE"}, {"c", "DATE"}};
    bool changed = false;
    assay_schema *table = schema_of(arena, old, 3);
    assay_schema *result = merge(arena, table, new, 3, ASSAY_SCHEMA_REPLACE, &changed);

    assert_true(changed);
    assert_int_equal(result->fields[0].id, 3);
    assert_int_equal(result->fields[0].type.fields[0].id, 4);
    assert_int_equal(result->fields[1].id, 5);
    assert_int_equal(result->fields[2].id, 6);
    assert_int_equal(result->last_field_id, 6);
    (void)merge(arena, result, new, 3, ASSAY_SCHEMA_REPLACE, &changed);
    assert_false(changed);
}

static void originals_that_differ_fall_back_to_what_is_stored(void **state)
{
    assay_arena *arena = *state;
    static const assay_column old[] = {{"e", "ENUM('a')"}, {"u", "UINTEGER"}, {"j", "JSON"}};
    static const assay_column new[] = {{"e", "ENUM('a', 'b')"}, {"u", "BIGINT"}, {"j", "JSON"}};
    bool changed = false;
    assay_schema *result =
        merge(arena, schema_of(arena, old, 3), new, 3, ASSAY_SCHEMA_EVOLVE, &changed);

    assert_true(changed);
    assert_null(result->fields[0].original);
    assert_null(result->fields[1].original);
    assert_string_equal(result->fields[2].original, "JSON");
}

static void partitions_are_parsed_against_the_schema(void **state)
{
    assay_arena *arena = *state;
    static const assay_column columns[] = {{"order_date", "DATE"}, {"at", "TIMESTAMP"},
                                           {"country", "VARCHAR"}, {"price", "DOUBLE"},
                                           {"l", "INTEGER[]"},     {"at_day", "DATE"}};
    static const char *const good[] = {"month(order_date)", " Hours( at ) ", "COUNTRY",
                                       "\"at_day\""};
    static const struct {
        const char *text;
        int number;
    } bad[] = {{"nope", 4020},
               {"month(nope)", 4020},
               {"month(country)", 4021},
               {"hour(order_date)", 4021},
               {"price", 4021},
               {"l", 4021},
               {"bucket(4, country)", 4021},
               {"day(at)", 4022},
               {"month(at", 4021}};
    assay_schema *schema = schema_of(arena, columns, 6);
    assay_partition_spec *spec = NULL;
    assay_error err = {0};

    assert_int_equal(assay_partition_parse(good, 4, schema, arena, &spec, &err), ASSAY_OK);
    assert_string_equal(spec->fields[0].name, "order_date_month");
    assert_int_equal(spec->fields[0].source_id, 1);
    assert_int_equal(spec->fields[0].field_id, 1000);
    assert_int_equal(spec->fields[1].transform, ASSAY_TRANSFORM_HOUR);
    assert_string_equal(spec->fields[2].name, "country");
    assert_int_equal(spec->fields[3].field_id, 1003);
    assert_true(assay_partition_spec_equal(spec, spec));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(assay_partition_parse(&bad[i].text, 1, schema, arena, &spec, &err),
                         ASSAY_ECONFIG);
        if (err.number != bad[i].number)
            fail_msg("%s: E%d %s", bad[i].text, err.number, err.message);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(types_are_parsed_to_what_is_stored),
        TEST(types_that_no_table_holds_are_refused_by_column),
        TEST(only_lossless_changes_widen),
        TEST(ids_are_given_in_the_order_of_iceberg),
        TEST(duplicate_names_are_refused_at_every_level),
        TEST(evolving_adds_columns_and_widens),
        TEST(what_does_not_widen_is_refused_with_both_types),
        TEST(replacing_keeps_the_ids_of_equal_columns),
        TEST(originals_that_differ_fall_back_to_what_is_stored),
        TEST(partitions_are_parsed_against_the_schema),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
