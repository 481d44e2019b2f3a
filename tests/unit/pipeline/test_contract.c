/* The output of a model against its contract, and pii that is inherited. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "pipeline/contract.h"
#include "pipeline/graph.h"
#include "unit/pipeline/fixture.h"

/* Compiles silver.t with this header and query; its model, or NULL with world->err. */
static const assay_model *compiled(shop *world, const char *header, const char *sql)
{
    const char *text = assay_arena_format(world->arena, "/* ---\n%s--- */\n%s\n", header, sql);

    fixture_write(world, "models/silver/t.sql", text);
    assert_int_equal(fixture_open(world), ASSAY_OK);
    if (assay_compile(world->project, world->project->models, world->project->model_count,
                      &world->env, world->conn, &world->err) != ASSAY_OK)
        return NULL;
    return assay_project_model(world->project, "silver.t");
}

static const char *columns_of(shop *world, const assay_model *model)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;

    for (size_t i = 0; model != NULL && i < model->column_count; i++)
        assay_buf_append_format(&text, "%s%s %s", i > 0 ? ", " : "", model->columns[i].name,
                                model->columns[i].type);
    return model != NULL ? assay_arena_text(world->arena, assay_buf_text(&text))
                         : world->err.message;
}

static void the_output_becomes_what_the_contract_says(void **state)
{
    static const struct {
        const char *header, *sql, *columns;
    } cases[] = {
        {"contract: { columns: { a: BIGINT } }\n", "select 1::int as a, 'x' as b",
         "a BIGINT, b VARCHAR"},
        {"contract: { columns: { a: INTEGER } }\n", "select 1::bigint as a", "a BIGINT"},
        {"contract: { columns: { a: INTEGER }, type_change: freeze }\n", "select 1::bigint as a",
         "a INTEGER"},
        {"contract: { columns: { a: INTEGER }, new_column: freeze }\n", "select 1 as a, 2 as b",
         "a INTEGER"},
        {"contract: { columns: { a: INTEGER, b: DATE }, missing_column: evolve }\n",
         "select 1 as a -- comment", "a INTEGER, b DATE"},
        {"contract: { columns: { A: INTEGER } }\n", "select 1 as a", "a INTEGER"},
        {"contract: { columns: { a: { nullable: false } } }\n", "select 1 as a", "a INTEGER"},
    };
    shop *world = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const assay_model *model = compiled(world, cases[i].header, cases[i].sql);
        assert_string_equal(columns_of(world, model), cases[i].columns);
    }
}

static void what_breaks_is_named_with_both_types_and_the_place(void **state)
{
    static const struct {
        const char *header, *sql;
        int number, line, column;
        const char *words;
    } cases[] = {
        {"contract:\n  columns:\n    a: INTEGER\n", "select 'x' as a", 2121, 4, 5,
         "'a' of 'silver.t' is VARCHAR, and the contract says INTEGER"},
        {"contract: { columns: { a: INTEGER }, type_change: fail }\n", "select 1::bigint as a",
         2121, 2, 24, "BIGINT"},
        {"contract: { columns: { a: INTEGER }, new_column: fail }\n", "select 1 as a, 'x' as b",
         2122, 2, 1, "'b' (VARCHAR)"},
        {"contract: { columns: { a: INTEGER, b: DATE } }\n", "select 1 as a", 2123, 2, 36,
         "'b' (DATE)"},
        {"contract: { columns: { b: { type: DATE, nullable: false } }, missing_column: evolve }\n",
         "select 1 as a", 2123, 2, 24, "'b'"},
        {"contract: { columns: { a: NOTYPE } }\n", "select 1 as a", 4001, 2, 24, "NOTYPE"},
    };
    shop *world = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_null(compiled(world, cases[i].header, cases[i].sql));
        if (world->err.number != cases[i].number || world->err.line != cases[i].line ||
            world->err.column != cases[i].column ||
            !assay_str_contains(world->err.message, cases[i].words))
            fail_msg("%zu: E%d %d:%d %s", i, world->err.number, world->err.line, world->err.column,
                     world->err.message);
    }
}

static void the_query_is_wrapped_only_where_it_differs(void **state)
{
    shop *world = *state;
    const char *sql = NULL;

    const assay_model *same =
        compiled(world, "contract: { columns: { a: INTEGER } }\n", "select 1 as a");
    assert_int_equal(assay_contract_wrap(same, "q", world->arena, &sql, NULL), ASSAY_OK);
    assert_string_equal(sql, "q");
    const assay_model *wider =
        compiled(world, "contract: { columns: { a: BIGINT } }\n", "select 1 as a, 2 as b");
    assert_int_equal(assay_contract_wrap(wider, "q", world->arena, &sql, NULL), ASSAY_OK);
    assert_string_equal(sql, "SELECT CAST(\"a\" AS BIGINT) AS \"a\", \"b\" FROM (\nq\n)");
}

static void pii_goes_from_model_to_model(void **state)
{
    shop *world = *state;

    fixture_write(
        world, "models/bronze/p.sql",
        "/* ---\ncolumns: { mail: { pii: true } }\n--- */\nselect 1 as id, 'x' as mail\n");
    fixture_write(world, "models/silver/mid.sql",
                  "/* ---\ncolumns: { token: { pii: false } }\n--- */\n"
                  "select id, lower(mail) as name, md5(mail) as token from bronze.p\n");
    const assay_model *model =
        compiled(world, "description: x\n",
                 "select id, name || '!' as shout, token, count(name) over () as n, (select "
                 "max(name) from silver.mid) as last from silver.mid");
    assert_non_null(model);
    assert_true(assay_model_has_pii(model));
    assert_true(assay_model_column_is_pii(model, "SHOUT"));
    assert_true(assay_model_column_is_pii(model, "last"));
    assert_false(assay_model_column_is_pii(model, "id"));
    assert_false(assay_model_column_is_pii(model, "token"));
    const assay_model *mid = assay_project_model(world->project, "silver.mid");
    assert_true(assay_model_column_is_pii(mid, "name"));
    assert_false(assay_model_column_is_pii(mid, "token"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_output_becomes_what_the_contract_says),
        TEST(what_breaks_is_named_with_both_types_and_the_place),
        TEST(the_query_is_wrapped_only_where_it_differs),
        TEST(pii_goes_from_model_to_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
