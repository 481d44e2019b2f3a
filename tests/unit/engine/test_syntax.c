#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/path.h"
#include "engine/arrow.h"
#include "engine/catalog.h"
#include "engine/engine.h"
#include "world.h"

/* 2020-02-29 23:59:58.000007 UTC */
static const int64_t moment = 1583020798000007;

static const char *text_of(struct world *world, const char *sql)
{
    const char *text = NULL;
    assay_error err = {0};

    if (assay_conn_query_text(world->conn, sql, world->arena, &text, &err) != ASSAY_OK)
        fail_msg("%s: %s", sql, err.message);
    return text;
}

static void run(struct world *world, const char *sql)
{
    assay_error err = {0};

    if (assay_conn_execute(world->conn, sql, NULL, &err) != ASSAY_OK)
        fail_msg("%s: %s", sql, err.message);
}

static void the_clock_is_fixed_in_every_form_of_the_question(void **state)
{
    struct world *world = *state;
    static const char *const cases[][2] = {
        {"now()", "2020-02-29 23:59:58.000007+00"},
        {"CURRENT_TIMESTAMP", "2020-02-29 23:59:58.000007+00"},
        {"get_current_timestamp()", "2020-02-29 23:59:58.000007+00"},
        {"transaction_timestamp()", "2020-02-29 23:59:58.000007+00"},
        {"pg_catalog.now()", NULL},
        {"current_date", "2020-02-29"},
        {"today()", "2020-02-29"},
        {"current_date - 29", "2020-01-31"},
        {"localtimestamp", "2020-02-29 23:59:58.000007"},
        {"current_localtimestamp()", "2020-02-29 23:59:58.000007"},
        {"localtime", "23:59:58.000007"},
        {"current_time", "23:59:58.000007"},
        {"current_localtime()", "23:59:58.000007"},
        {"extract(year FROM now())", "2020"},
        {"age(TIMESTAMP '2020-02-28')", "1 day"},
        {"age(TIMESTAMP '2020-03-01', TIMESTAMP '2020-02-28')", "2 days"},
        {"date_trunc('month', now())::DATE", "2020-02-01"},
    };

    assert_int_equal(assay_engine_catalog_open(world->conn, "step", NULL), ASSAY_OK);
    assert_int_equal(assay_engine_catalog_clock(world->conn, moment, NULL), ASSAY_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char sql[256];
        if (cases[i][1] == NULL)
            continue;
        (void)snprintf(sql, sizeof sql, "SELECT (%s)::VARCHAR", cases[i][0]);
        assert_string_equal(text_of(world, sql), cases[i][1]);
    }
    assay_engine_catalog_close(world->conn, "step");
}

static void the_clock_is_fixed_inside_views_copies_and_subqueries(void **state)
{
    struct world *world = *state;

    assert_int_equal(assay_engine_catalog_open(world->conn, "step", NULL), ASSAY_OK);
    assert_int_equal(assay_engine_catalog_view(world->conn, "silver", "v",
                                               "SELECT now() AS n, current_date AS d", NULL),
                     ASSAY_OK);
    assert_int_equal(assay_engine_catalog_clock(world->conn, moment, NULL), ASSAY_OK);
    assert_string_equal(text_of(world, "SELECT n::VARCHAR FROM silver.v"),
                        "2020-02-29 23:59:58.000007+00");
    assert_string_equal(text_of(world, "SELECT (SELECT max(d) FROM silver.v)::VARCHAR"),
                        "2020-02-29");
    run(world, "CREATE TABLE t AS SELECT current_timestamp AS c FROM silver.v");
    assert_string_equal(text_of(world, "SELECT c::VARCHAR FROM t"),
                        "2020-02-29 23:59:58.000007+00");
    assert_int_equal(assay_engine_catalog_clock(world->conn, moment + 1000000, NULL), ASSAY_OK);
    assert_string_equal(text_of(world, "SELECT n::VARCHAR FROM silver.v"),
                        "2020-02-29 23:59:59.000007+00");
    assay_engine_catalog_close(world->conn, "step");
}

static void the_clock_of_one_connection_is_not_the_clock_of_another(void **state)
{
    struct world *world = *state;
    assay_conn *other = NULL;
    const char *text = NULL;

    assert_int_equal(assay_engine_catalog_clock(world->conn, moment, NULL), ASSAY_OK);
    assert_int_equal(assay_conn_open(world->engine, &other, NULL), ASSAY_OK);
    assert_int_equal(assay_conn_query_text(other, "SELECT now()::VARCHAR", world->arena, &text,
                                           NULL),
                     ASSAY_OK);
    assert_null(strstr(text, "2020-02-29"));
    assay_conn_close(other);
}

static void private_catalogs_do_not_see_one_another(void **state)
{
    struct world *world = *state;
    assay_conn *other = NULL;
    assay_column columns[] = {{"id", "BIGINT"}, {"we\"ird", "STRUCT(a INTEGER, \"b c\" VARCHAR)"}};

    assert_int_equal(assay_conn_open(world->engine, &other, NULL), ASSAY_OK);
    assert_int_equal(assay_engine_catalog_open(world->conn, "a b", NULL), ASSAY_OK);
    assert_int_equal(assay_engine_catalog_open(other, "other", NULL), ASSAY_OK);
    assert_int_equal(assay_engine_catalog_view(world->conn, "bronze", "orders", "SELECT 1 AS x",
                                               NULL),
                     ASSAY_OK);
    assert_int_equal(assay_engine_catalog_table(other, "bronze", "orders", columns, 2, NULL),
                     ASSAY_OK);
    assert_string_equal(text_of(world, "SELECT x FROM bronze.orders"), "1");
    assert_int_equal(assay_conn_execute(other, "SELECT id, \"we\"\"ird\".a FROM bronze.orders",
                                        NULL, NULL),
                     ASSAY_OK);
    assay_engine_catalog_close(world->conn, "a b");
    assert_int_equal(assay_conn_execute(world->conn, "FROM bronze.orders", NULL, NULL),
                     ASSAY_ECONFIG);
    assay_engine_catalog_close(other, "other");
    assay_conn_close(other);
}

static void a_view_places_its_errors_in_the_select(void **state)
{
    struct world *world = *state;
    assay_error err = {0};

    assert_int_equal(assay_engine_catalog_view(world->conn, "main", "v", "SELECT 1,\n  foo", &err),
                     ASSAY_ECONFIG);
    assert_int_equal(err.line, 2);
    assert_int_equal(err.column, 3);
}

static void statements_are_counted(void **state)
{
    struct world *world = *state;
    size_t count = 9;
    assay_error err = {0};

    assert_int_equal(assay_conn_count_statements(world->conn, "SELECT ';' -- ;\n;", &count, &err),
                     ASSAY_OK);
    assert_int_equal(count, 1);
    assert_int_equal(assay_conn_count_statements(world->conn, "SELECT 1; SELECT 2", &count, &err),
                     ASSAY_OK);
    assert_int_equal(count, 2);
    assert_int_equal(assay_conn_count_statements(world->conn, " -- nothing", &count, &err),
                     ASSAY_OK);
    assert_int_equal(count, 0);
    assert_int_equal(assay_conn_count_statements(world->conn, "SELECT 1;\nSELEC 2", &count, &err),
                     ASSAY_ECONFIG);
    assert_int_equal(err.line, 2);
    assert_int_equal(err.column, 1);
}

static void a_tree_goes_there_and_back(void **state)
{
    struct world *world = *state;
    assay_value *tree = NULL;
    const char *sql = NULL;

    assert_int_equal(assay_conn_parse(world->conn,
                                      "select  a, -- c\n 'it''s' as \"x y\", 1.50 from b.c "
                                      "where d between 1 and 99999999999999999999",
                                      world->arena, &tree, NULL),
                     ASSAY_OK);
    assert_int_equal(assay_conn_unparse(world->conn, tree, world->arena, &sql, NULL), ASSAY_OK);
    assert_string_equal(sql, "SELECT a, 'it''s' AS \"x y\", 1.50 FROM b.c "
                             "WHERE (d BETWEEN 1 AND 99999999999999999999)");
}

static void what_is_not_one_select_is_refused(void **state)
{
    struct world *world = *state;
    static const char *const cases[] = {"CREATE TABLE x AS SELECT 1", "SELECT 1; SELECT 2", "",
                                        "PIVOT (SELECT 1 a, 2 b) ON a USING sum(b)",
                                        "INSERT INTO x VALUES (1)"};
    assay_value *tree = NULL;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assay_error err = {0};
        assert_int_equal(assay_conn_parse(world->conn, cases[i], world->arena, &tree, &err),
                         ASSAY_ECONFIG);
        assert_int_equal(err.number, 3010);
    }
    assay_error err = {0};
    assert_int_equal(assay_conn_parse(world->conn, "SELECT\n 1 frm x y", world->arena, &tree, &err),
                     ASSAY_ECONFIG);
    assert_int_equal(err.number, 3001);
    assert_int_equal(err.line, 2);
}

static void a_plan_is_bound_in_the_current_catalog(void **state)
{
    struct world *world = *state;
    assay_column columns[] = {{"id", "BIGINT"}};
    assay_value *plan = NULL;
    assay_error err = {0};

    assert_int_equal(assay_engine_catalog_open(world->conn, "shadow", NULL), ASSAY_OK);
    assert_int_equal(assay_engine_catalog_table(world->conn, "bronze", "orders", columns, 1, NULL),
                     ASSAY_OK);
    assert_int_equal(assay_conn_plan(world->conn, "SELECT sum(id) FROM bronze.orders", world->arena,
                                     &plan, &err),
                     ASSAY_OK);
    assert_int_equal(assay_value_find(plan, "plans")->count, 1);
    assert_int_equal(assay_conn_plan(world->conn, "SELECT\n idd FROM bronze.orders", world->arena,
                                     &plan, &err),
                     ASSAY_ECONFIG);
    assert_int_equal(err.number, 3002);
    assert_int_equal(err.line, 2);
    assert_int_equal(err.column, 2);
    assert_int_equal(assay_conn_plan(world->conn, "PIVOT (SELECT 1 a, 2 b) ON a USING sum(b)",
                                     world->arena, &plan, &err),
                     ASSAY_EUNSUPPORTED);
    assert_int_equal(err.number, 3011);
    assay_engine_catalog_close(world->conn, "shadow");
}

static bool is_volatile(struct world *world, const char *sql)
{
    assay_value *tree = NULL;

    assert_int_equal(assay_conn_parse(world->conn, sql, world->arena, &tree, NULL), ASSAY_OK);
    return assay_engine_tree_is_volatile(tree, NULL);
}

/* What the connection keeps prepared sees what is there when it is asked. */
static void trees_and_plans_follow_the_catalog(void **state)
{
    static const assay_column columns[] = {{"id", "BIGINT"}};
    static const char select[] = "SELECT id FROM bronze.later";
    struct world *world = *state;
    assay_value *answer = NULL;
    const char *text = NULL;
    assay_error err = {0};

    for (int round = 0; round < 2; round++) {
        assert_int_equal(assay_engine_catalog_open(world->conn, "passing", &err), ASSAY_OK);
        assert_int_equal(assay_conn_plan(world->conn, select, world->arena, &answer, &err),
                         ASSAY_ECONFIG);
        assert_int_equal(assay_engine_catalog_table(world->conn, "bronze", "later", columns, 1,
                                                    &err),
                         ASSAY_OK);
        assert_int_equal(assay_conn_plan(world->conn, select, world->arena, &answer, &err),
                         ASSAY_OK);
        assert_int_equal(assay_conn_parse(world->conn, select, world->arena, &answer, &err),
                         ASSAY_OK);
        assert_int_equal(assay_conn_unparse(world->conn, answer, world->arena, &text, &err),
                         ASSAY_OK);
        assert_string_equal(text, select);
        assay_engine_catalog_close(world->conn, "passing");
    }
}

static void volatile_queries_are_recognised_wherever_the_call_stands(void **state)
{
    struct world *world = *state;
    static const char *const changing[] = {"SELECT now()",
                                           "SELECT CURRENT_DATE",
                                           "SELECT 1 FROM x WHERE a < Random()",
                                           "WITH q AS (SELECT uuid() u) FROM q",
                                           "SELECT (SELECT max(t) FROM y WHERE t < today())",
                                           "FROM x USING SAMPLE 10%",
                                           "FROM x TABLESAMPLE reservoir(5 ROWS)",
                                           "SELECT age(t) FROM x",
                                           "SELECT nextval('s')",
                                           "SELECT list_transform(l, v -> v + random()) FROM x",
                                           "SELECT a FROM x ORDER BY random()",
                                           "SELECT a FROM x JOIN y ON x.d = current_date",
                                           "SELECT localtimestamp",
                                           "SELECT pg_catalog.now()"};
    static const char *const steady[] = {"SELECT 1",
                                         "SELECT \"date\", a.current FROM a",
                                         "SELECT age(a, b) FROM x",
                                         "FROM x USING SAMPLE reservoir(5 ROWS) REPEATABLE (3)",
                                         "SELECT error('x')",
                                         "SELECT now FROM x",
                                         "SELECT t.current_date FROM t"};

    for (size_t i = 0; i < sizeof changing / sizeof changing[0]; i++)
        if (!is_volatile(world, changing[i]))
            fail_msg("taken as steady: %s", changing[i]);
    for (size_t i = 0; i < sizeof steady / sizeof steady[0]; i++)
        if (is_volatile(world, steady[i]))
            fail_msg("taken as volatile: %s", steady[i]);
}

static void every_volatile_function_of_the_engine_is_known(void **state)
{
    struct world *world = *state;
    assay_rows *rows = NULL;

    assert_int_equal(assay_conn_query(world->conn,
                                      "SELECT DISTINCT function_name FROM duckdb_functions() "
                                      "WHERE stability = 'VOLATILE' AND function_name NOT IN "
                                      "('error', 'stats', 'sleep_ms', 'write_log')",
                                      0, world->arena, &rows, NULL),
                     ASSAY_OK);
    assert_true(rows->count > 5);
    for (size_t i = 0; i < rows->count; i++) {
        char sql[128];
        (void)snprintf(sql, sizeof sql, "SELECT %s()", rows->cells[i][0]->text);
        if (!is_volatile(world, sql))
            fail_msg("not known as volatile: %s", rows->cells[i][0]->text);
    }
}

static void copy_tells_the_statistics_of_its_files(void **state)
{
    struct world *world = *state;
    assay_written_file *files = NULL;
    size_t count = 0;
    char folder[] = "/tmp/assay_copy_XXXXXX";
    assay_error err = {0};

    assert_non_null(mkdtemp(folder));
    char *sql = assay_arena_format(
        world->arena,
        "COPY (SELECT i AS a, {'x.\"y': [i]} AS s, CASE WHEN i = 3 THEN NULL ELSE 'p' || i %% 2 "
        "END "
        "AS p FROM range(10) t(i)) TO '%s/out' (FORMAT parquet, RETURN_STATS, PARTITION_BY (p))",
        folder);
    assert_int_equal(assay_conn_copy(world->conn, sql, world->arena, &files, &count, &err),
                     ASSAY_OK);
    assert_int_equal(assay_path_remove_tree(folder, NULL), ASSAY_OK);
    assert_int_equal(count, 3);
    int64_t rows = 0;
    bool saw_null = false;
    for (size_t i = 0; i < count; i++) {
        rows += files[i].rows;
        assert_true(files[i].size > 0);
        assert_true(files[i].footer_size > 0);
        assert_int_equal(files[i].partition_count, 1);
        assert_string_equal(files[i].partition_names[0], "p");
        saw_null = saw_null || files[i].partition_values[0] == NULL;
        assert_int_equal(files[i].column_count, 2);
        assert_string_equal(files[i].columns[1].path[1], "x.\"y");
        assert_string_equal(files[i].columns[1].path[2], "element");
        assert_int_equal(files[i].columns[1].depth, 3);
        assert_int_equal(files[i].columns[0].null_count, 0);
    }
    assert_int_equal(rows, 10);
    assert_true(saw_null);
}

static void a_query_travels_as_an_arrow_stream_to_another_connection(void **state)
{
    struct world *world = *state;
    struct ArrowArrayStream stream = {0};
    assay_conn *other = NULL;
    int64_t sum = 0;
    assay_error err = {0};

    assert_int_equal(assay_conn_query_stream(world->conn,
                                             "SELECT i, i::VARCHAR AS t, [i] AS l, "
                                             "DATE '2020-01-01' + i::INTEGER AS d "
                                             "FROM range(10000) r(i)",
                                             &stream, &err),
                     ASSAY_OK);
    assert_int_equal(assay_conn_open(world->engine, &other, NULL), ASSAY_OK);
    assert_int_equal(assay_engine_catalog_open(other, "in", NULL), ASSAY_OK);
    assert_int_equal(assay_conn_register_stream(other, "incoming", &stream, &err), ASSAY_OK);
    assert_null(stream.release);
    assert_int_equal(assay_conn_query_int(other,
                                          "SELECT sum(l[1] + length(t)) FROM incoming "
                                          "WHERE d >= DATE '2020-01-01'",
                                          &sum, &err),
                     ASSAY_OK);
    assert_int_equal(sum, 49995000 + 38890);
    assay_engine_catalog_close(other, "in");
    assay_conn_close(other);
}

static void an_arrow_stream_says_why_it_broke(void **state)
{
    struct world *world = *state;
    struct ArrowArrayStream stream = {0};
    struct ArrowArray array = {0};
    int result = 0;

    assert_int_equal(
        assay_conn_query_stream(world->conn,
                                "SELECT CASE WHEN i = 4900000 THEN error('broken') END "
                                "FROM range(5000000) t(i)",
                                &stream, NULL),
        ASSAY_OK);
    do {
        result = stream.get_next(&stream, &array);
        if (result == 0 && array.release != NULL)
            array.release(&array);
        else
            break;
    } while (true);
    assert_int_not_equal(result, 0);
    const char *why = stream.get_last_error(&stream);
    if (strcmp(why, "broken") != 0 && strstr(why, "the query failed while it was read") == NULL)
        fail_msg("%s", why);
    stream.release(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_clock_of_one_connection_is_not_the_clock_of_another),
        cmocka_unit_test(the_clock_is_fixed_in_every_form_of_the_question),
        cmocka_unit_test(the_clock_is_fixed_inside_views_copies_and_subqueries),
        cmocka_unit_test(private_catalogs_do_not_see_one_another),
        cmocka_unit_test(a_view_places_its_errors_in_the_select),
        cmocka_unit_test(statements_are_counted),
        cmocka_unit_test(a_tree_goes_there_and_back),
        cmocka_unit_test(what_is_not_one_select_is_refused),
        cmocka_unit_test(a_plan_is_bound_in_the_current_catalog),
        cmocka_unit_test(trees_and_plans_follow_the_catalog),
        cmocka_unit_test(volatile_queries_are_recognised_wherever_the_call_stands),
        cmocka_unit_test(every_volatile_function_of_the_engine_is_known),
        cmocka_unit_test(copy_tells_the_statistics_of_its_files),
        cmocka_unit_test(a_query_travels_as_an_arrow_stream_to_another_connection),
        cmocka_unit_test(an_arrow_stream_says_why_it_broke),
    };

    return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
