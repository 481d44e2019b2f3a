#include "base/path.h"
#include "fixture.h"
#include "pipeline/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void extract(shop *fixture, const char *path, const char *columns)
{
    char *text = assay_arena_format(fixture->arena,
                                    "source: { files: data/x*.csv }\n"
                                    "contract: { columns: { %s } }\n",
                                    columns);
    fixture_write(fixture, path, text);
}

/* Compiles everything. */
static assay_status compile(shop *fixture)
{
    assay_model **models = NULL;
    size_t count = 0;

    ASSAY_TRY(fixture_open(fixture));
    assert_int_equal(assay_graph_order(fixture->project, fixture->arena, &models, &count, NULL),
                     ASSAY_OK);
    return assay_compile(fixture->project, models, count, &fixture->env, fixture->conn,
                         &fixture->err);
}

/* ---- tokens ---- */

static void tokens_are_not_fooled_by_strings_names_and_comments(void **state)
{
    static const struct {
        const char *sql;
        assay_token_kind kind;
        const char *text;
    } cases[] = {
        {"  -- a;\n/* b; /* c */ ; */ select", ASSAY_TOKEN_WORD, "select"},
        {"'it''s;' x", ASSAY_TOKEN_TEXT, "'it''s;'"},
        {"e'a\\';b' x", ASSAY_TOKEN_TEXT, "e'a\\';b'"},
        {"\"we\"\"ird;\" x", ASSAY_TOKEN_NAME, "\"we\"\"ird;\""},
        {"$$ a ; $x $$ y", ASSAY_TOKEN_TEXT, "$$ a ; $x $$"},
        {"$q$ a $$ ; $q$ y", ASSAY_TOKEN_TEXT, "$q$ a $$ ; $q$"},
        {"$since)", ASSAY_TOKEN_PARAMETER, "$since"},
        {"$1", ASSAY_TOKEN_PARAMETER, "$1"},
        {"?", ASSAY_TOKEN_PARAMETER, "?"},
        {";", ASSAY_TOKEN_SEMICOLON, ";"},
        {"12e5", ASSAY_TOKEN_OTHER, "12e5"},
        {"'open", ASSAY_TOKEN_TEXT, "'open"},
        {"/* open", ASSAY_TOKEN_END, ""},
        {"", ASSAY_TOKEN_END, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assay_token token = assay_token_next(cases[i].sql, strlen(cases[i].sql), 0);

        assert_int_equal(token.kind, cases[i].kind);
        assert_int_equal(token.size, strlen(cases[i].text));
        assert_memory_equal(cases[i].sql + token.at, cases[i].text, token.size);
    }
}

/* ---- the graph ---- */

static void inputs_come_from_the_sql_and_not_from_its_with_names(void **state)
{
    shop *fixture = *state;

    extract(fixture, "models/bronze/orders.yaml", "id: INTEGER, d: DATE");
    extract(fixture, "models/bronze/x.yaml", "id: INTEGER");
    fixture_write(fixture, "models/silver/orders.sql",
                  "/* ---\nmode: full\npartition_by: [month(d)]\n--- */\n"
                  "with orders as (select * from Bronze.Orders)\n"
                  "select id, d from orders o\n"
                  "where id in (select id from bronze.x) and exists (select 1 from ORDERS);\n");
    fixture_write(fixture, "models/gold/g.sql",
                  "select (select max(id) from silver.orders) as m, count(*) as n\n"
                  "from range(3) r, bronze.orders join outside.t using (id)");
    static const char *const columns[] = {"id"};
    fixture_publish(fixture, "outside.t", columns, 1);
    if (compile(fixture) != ASSAY_OK)
        fail_msg("%s", fixture->err.message);

    const assay_model *orders = assay_project_model(fixture->project, "silver.orders");
    assert_int_equal(orders->input_count, 2);
    assert_string_equal(orders->inputs[0].name, "bronze.orders");
    assert_string_equal(orders->inputs[1].name, "bronze.x");
    assert_int_equal(orders->inputs[1].line, 7);
    assert_int_equal(orders->inputs[1].column, 29);
    assert_int_equal(orders->depth, 1);
    assert_int_equal(orders->column_count, 2);
    assert_string_equal(orders->columns[1].type, "DATE");
    assert_false(orders->is_volatile);

    const assay_model *gold = assay_project_model(fixture->project, "GOLD.g");
    assert_int_equal(gold->input_count, 3);
    assert_int_equal(gold->depth, 2);
    for (size_t i = 0; i < 3; i++)
        if (strcmp(gold->inputs[i].name, "outside.t") == 0) {
            assert_null(gold->inputs[i].model);
            assert_true(gold->inputs[i].published);
            assert_int_equal(gold->inputs[i].snapshot_id, 100);
        }
    assert_int_equal(assay_project_model(fixture->project, "bronze.orders")->reader_count, 2);
}

static void volatile_models_are_known(void **state)
{
    static const struct {
        const char *sql;
        bool is_volatile;
    } cases[] = {
        {"select 1 as a", false},
        {"select now() as a", true},
        {"select current_date as a", true},
        {"select random() as a", true},
        {"select uuid() as a", true},
        {"select a from range(3) t(a)", false},
        {"select * from read_csv('x.csv')", true},
        {"select unnest([1, 2]) as a", false},
    };
    shop *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture_write(fixture, "models/a/m.sql", cases[i].sql);
        assert_int_equal(fixture_open(fixture), ASSAY_OK);
        if (fixture->project->models[0]->is_volatile != cases[i].is_volatile)
            fail_msg("%s", cases[i].sql);
    }
}

static void a_cycle_shows_its_path(void **state)
{
    shop *fixture = *state;

    fixture_write(fixture, "models/a/one.sql", "select * from a.three");
    fixture_write(fixture, "models/a/two.sql", "select * from a.one");
    fixture_write(fixture, "models/a/three.sql", "select *\nfrom a.two");
    fixture_write(fixture, "models/a/after.sql", "select * from a.two");
    assert_int_equal(fixture_open(fixture), ASSAY_ECONFIG);
    assert_int_equal(fixture->err.number, 2110);
    assert_non_null(strstr(fixture->err.message, "reads a.one"));
    assert_non_null(strstr(fixture->err.message, "a.three reads a.two"));
    assert_null(strstr(fixture->err.message, "after"));
}

static void a_model_that_reads_itself_is_a_cycle(void **state)
{
    shop *fixture = *state;

    fixture_write(fixture, "models/a/one.sql", "select *\n  from a.one");
    assert_int_equal(fixture_open(fixture), ASSAY_ECONFIG);
    fixture_expect(fixture, 2110, "models/a/one.sql", 2, 8, "a.one reads a.one");
}

/* Each is refused with its number and place. */
static void wrong_models_are_refused_with_their_place(void **state)
{
    static const struct {
        const char *sql;
        assay_status status;
        int number, line, column;
        const char *part;
    } cases[] = {
        {"select 1 as a;\nselect 2", ASSAY_ECONFIG, 2101, 2, 1, "second statement"},
        {"insert into x values (1)", ASSAY_ECONFIG, 2102, 1, 1, "'insert'"},
        {"/* ---\nmode: full\n--- */\n  create table t (a int)", ASSAY_ECONFIG, 2102, 4, 3,
         "'create'"},
        {"describe bronze.t", ASSAY_ECONFIG, 2102, 1, 1, "not a query"},
        {"select *\nfrom query_table('bronze.t')", ASSAY_ECONFIG, 2102, 2, 6, "names its tables"},
        {"pivot bronze.t on id using count(*)", ASSAY_ECONFIG, 2103, 1, 1, "IN"},
        {"/* --- { mode: full } --- */ select from where", ASSAY_ECONFIG, 2104, 1, 42, "where"},
        {"select *\nfrom bronze.tt", ASSAY_ECONFIG, 2105, 2, 6, "did you mean 'bronze.t'"},
        {"select *\nfrom t", ASSAY_ECONFIG, 2115, 2, 6, "did you mean 'bronze.t'"},
        {"select * from 'x.csv'", ASSAY_ECONFIG, 2115, 1, 15, "layer.table"},
        {"select id,\n  amont\nfrom bronze.t", ASSAY_ECONFIG, 2107, 2, 3,
         "'amont' not found in bronze.t: did you mean 'amount'"},
        {"/* --- { mode: full } --- */ select x.amont from bronze.t x", ASSAY_ECONFIG, 2107, 1, 39,
         "'amont' not found in bronze.t: did you mean 'amount'"},
        {"select '\xC3\xA4' as a, \"we ird\".zzz from bronze.t as \"we ird\"", ASSAY_ECONFIG, 2107,
         1, 27, "'zzz' not found in bronze.t"},
        {"select id + [1] as a\nfrom bronze.t", ASSAY_ECONFIG, 2106, 1, 11, "+"},
        {"select nofunction(id) as a from bronze.t", ASSAY_ECONFIG, 2106, 1, 8, "nofunction"},
        {"select id,\n amount as ID from bronze.t", ASSAY_ECONFIG, 2108, 2, 2, "comes twice"},
        {"/* ---\nmode: append\n--- */ select id from bronze.t", ASSAY_ECONFIG, 2111, 2, 1,
         "new_rows_of"},
        {"/* ---\nmode: append\nnew_rows_of: [bronze.u]\n--- */ select id from bronze.t",
         ASSAY_ECONFIG, 2112, 3, 15, "bronze.u"},
        {"select $x as a", ASSAY_ECONFIG, 2116, 1, 8, "$since"},
        {"-- nothing\n", ASSAY_ECONFIG, 2005, 1, 1, "no query"},
        {"/* ---\ncolumns: { emial: { pii: true } }\n--- */ select id as email from bronze.t",
         ASSAY_ECONFIG, 2120, 2, 12, "did you mean 'email'"},
        {"/* ---\nkey: [idd]\n--- */ select id from bronze.t", ASSAY_ECONFIG, 2120, 2, 7, "idd"},
        {"/* ---\npartition_by: [month(id)]\n--- */ select id from bronze.t", ASSAY_ECONFIG, 4021,
         2, 16, ""},
        {"select interval 1 day as i from bronze.t", ASSAY_EUNSUPPORTED, 4001, 1, 1, "'i'"},
        {"/* ---\nmode: full\nx: 1\n--- */ select 1", ASSAY_ECONFIG, 1201, 3, 1, "'x'"},
        {"/* ---\nmode: [full\n--- */ select 1", ASSAY_ECONFIG, 1110, 3, 1, ""},
    };
    shop *fixture = *state;

    extract(fixture, "models/bronze/t.yaml", "id: INTEGER, amount: INTEGER");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture_write(fixture, "models/silver/m.sql", cases[i].sql);
        assay_status status = compile(fixture);
        if (fixture->err.number != cases[i].number || status != cases[i].status ||
            fixture->err.line != cases[i].line || fixture->err.column != cases[i].column ||
            strstr(fixture->err.message, cases[i].part) == NULL)
            fail_msg("%s\n -> %s E%d %s:%d:%d %s", cases[i].sql, assay_status_name(status),
                     fixture->err.number, fixture->err.path, fixture->err.line, fixture->err.column,
                     fixture->err.message);
    }
}

static void files_of_models_are_named_after_their_table(void **state)
{
    shop *fixture = *state;

    fixture_write(fixture, "models/silver/crm/accounts.sql", "select 1 as a");
    fixture_write(fixture, "models/silver/notes.md", "no model");
    fixture_write(fixture, "models/silver/.hidden.sql", "no model");
    assert_int_equal(fixture_open(fixture), ASSAY_OK);
    assert_int_equal(fixture->project->model_count, 1);
    assert_string_equal(fixture->project->models[0]->name, "silver.accounts");

    fixture_write(fixture, "models/silver/Accounts.sql", "select 1 as a");
    assert_int_equal(fixture_open(fixture), ASSAY_ECONFIG);
    assert_int_equal(fixture->err.number, 2004);
    fixture_write(fixture, "models/silver/Accounts.sql", "select 1 as a");
}

static void bad_names_of_models_are_refused(void **state)
{
    static const char *const paths[] = {"models/x.sql", "models/a/b-c.sql", "models/a/1b.sql",
                                        "models/main/t.sql", "models/quarantine/t.sql"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        shop *fixture = *state;

        fixture_write(fixture, paths[i], "select 1 as a");
        assert_int_equal(fixture_open(fixture), ASSAY_ECONFIG);
        fixture_expect(fixture, 2003, paths[i], 0, 0, "");
        assert_int_equal(assay_path_remove_tree(test_folder_path(fixture->folder, "models"), NULL),
                         ASSAY_OK);
    }
}

static void since_and_until_become_literals(void **state)
{
    shop *fixture = *state;
    const char *sql = NULL;

    extract(fixture, "models/bronze/t.yaml", "id: INTEGER, ts: TIMESTAMP");
    fixture_write(fixture, "models/silver/m.sql",
                  "/* ---\nmode: append\n--- */\n"
                  "select id, '$since' as s from bronze.t where ts >= $since and ts < $until");
    if (compile(fixture) != ASSAY_OK)
        fail_msg("%s", fixture->err.message);
    const assay_model *model = assay_project_model(fixture->project, "silver.m");
    assert_true(model->uses_since);
    assert_true(model->uses_until);
    assert_int_equal(assay_model_bind_interval(model, 0, 86400000000, fixture->arena, &sql, NULL),
                     ASSAY_OK);
    assert_string_equal(sql, "select id, '$since' as s from bronze.t where ts >= TIMESTAMP "
                             "'1970-01-01 00:00:00.000000' and ts < TIMESTAMP "
                             "'1970-01-02 00:00:00.000000'");
}

static void the_nearest_project_above_is_found(void **state)
{
    shop *fixture = *state;
    const char *root = NULL;

    fixture_write(fixture, "models/a/b.sql", "select 1 as a");
    assert_int_equal(assay_project_find(test_folder_path(fixture->folder, "models/a"), false,
                                        fixture->arena, &root, NULL),
                     ASSAY_OK);
    assert_string_equal(root, fixture->folder->path);
    assert_int_equal(assay_project_find(test_folder_path(fixture->folder, "models/a"), true,
                                        fixture->arena, &root, &fixture->err),
                     ASSAY_ECONFIG);
    assert_int_equal(fixture->err.number, 2001);
}

static void a_project_resolves_folders_formats_and_variables(void **state)
{
    shop *fixture = *state;

    fixture_write(fixture, "assay.yaml",
                  "name: shop\ntargets: { dev: { warehouse: w, variables: { A: x } } }\n");
    fixture_write(fixture, "config/storage.yaml",
                  "format: ${F:-delta}\nlayers: { gold: { format: parquet } }\n");
    fixture_write(fixture, "config/dq.yaml", "reporting:\n  output_path: out/${A}/${HOST}\n");
    if (fixture_open(fixture) != ASSAY_OK)
        fail_msg("%s", fixture->err.message);
    const assay_project *project = fixture->project;
    assert_string_equal(project->warehouse, test_folder_path(fixture->folder, "w"));
    assert_string_equal(project->state_dir, test_folder_path(fixture->folder, ".assay/dev"));
    assert_string_equal(project->results_dir, test_folder_path(fixture->folder, "out/x/box"));
    assert_string_equal(assay_project_format(project, "gold.t"), "parquet");
    assert_string_equal(assay_project_format(project, "silver.t"), "delta");
    assert_string_equal(assay_project_location(project, "gold.t", fixture->arena),
                        test_folder_path(fixture->folder, "w/gold/t"));
    assert_null(project->lineage_tree);
    fixture_write(fixture, "assay.yaml",
                  "name: shop\ntargets:\n  p: { warehouse: 's3://b', variables: { A: x } }\n");
    assert_int_equal(fixture_open(fixture), ASSAY_EUNSUPPORTED);
    fixture_expect(fixture, 1232, "assay.yaml", 3, 8, "s3");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_not_fooled_by_strings_names_and_comments),
        TEST(inputs_come_from_the_sql_and_not_from_its_with_names),
        TEST(volatile_models_are_known),
        TEST(a_cycle_shows_its_path),
        TEST(a_model_that_reads_itself_is_a_cycle),
        TEST(wrong_models_are_refused_with_their_place),
        TEST(files_of_models_are_named_after_their_table),
        TEST(bad_names_of_models_are_refused),
        TEST(since_and_until_become_literals),
        TEST(the_nearest_project_above_is_found),
        TEST(a_project_resolves_folders_formats_and_variables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
