/* Column lineage of statements, in short form: column: table.column[SUBTYPE,..] .., '!' = masking,
 * '*' = the whole dataset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "lineage/columns.h"
#include "support/exhaust.h"

static const char *const setup[] = {
    "create table a(id int, name varchar, v decimal(10,2), d date)",
    "create table b(id int, cat varchar, score double, l int[], s struct(x int, y int))",
    "create table k(id int primary key, n varchar, m int)",
    "create schema silver",
    "create table silver.o(id int, g int generated always as (id + 1), t varchar)",
    "create view w as select id wid, name || 'x' wn from a where v > 0",
    "create macro dbl(x) as x * 2",
    "create macro tm(y) as table select id, cat from b where id > y",
};

static const struct {
    const char *sql, *expect;
} cases[] = {
    /* expressions */
    {"select id, v + 1 as t, cast(name as int) as c, 7 as one from a",
     "id: a.id[IDENTITY]; t: a.v[TRANSFORMATION]; c: a.name[IDENTITY]; one:; *:"},
    {"select case when v > 1 then id end as x, coalesce(name, 'n') as y, nullif(id, 3) as z from a",
     "x: a.id[IDENTITY] a.v[CONDITIONAL]; y: a.name[IDENTITY,CONDITIONAL]; "
     "z: a.id[IDENTITY,CONDITIONAL]; *:"},
    {"select md5(name) as m, upper(md5(name)) as u, sha256(name) as s from a",
     "m: a.name[TRANSFORMATION!]; u: a.name[TRANSFORMATION!]; s: a.name[TRANSFORMATION!]; *:"},
    {"select list_transform(l, z -> z + id) as lt, s.x as sx, l[1] as first from b",
     "lt: b.id[TRANSFORMATION] b.l[TRANSFORMATION]; sx: b.s[TRANSFORMATION]; "
     "first: b.l[TRANSFORMATION]; *:"},
    {"select dbl(a.id) as d, t.* from a, tm(3) t",
     "d: a.id[TRANSFORMATION]; id: b.id[IDENTITY]; cat: b.cat[IDENTITY]; *: b.id[FILTER]"},
    /* aggregates and windows */
    {"select count(id) as c, count(*) as n, sum(v) filter (where id > 1) as s from a",
     "c: a.id[AGGREGATION!]; n:; s: a.id[CONDITIONAL] a.v[AGGREGATION]; *:"},
    {"select name, max(v) as m from a group by name having sum(v) > 3",
     "name: a.name[IDENTITY]; m: a.v[AGGREGATION]; *: a.name[GROUP_BY] a.v[FILTER]"},
    {"select string_agg(name, ',' order by v) as s from a", "s: a.name[AGGREGATION] a.v[SORT]; *:"},
    {"select lag(v, 1, id) over (partition by name order by d) as l, row_number() over () as r "
     "from a",
     "l: a.d[WINDOW] a.id[TRANSFORMATION] a.name[WINDOW] a.v[TRANSFORMATION]; r:; *:"},
    {"select id from a qualify row_number() over (partition by name order by d) = 1",
     "id: a.id[IDENTITY]; *: a.d[FILTER] a.name[FILTER]"},
    {"select distinct on (id) name from a order by id, v",
     "name: a.name[IDENTITY]; *: a.id[GROUP_BY,SORT] a.v[SORT]"},
    /* joins and subqueries */
    {"select a.id, b.cat from a left join b using (id)",
     "id: a.id[IDENTITY]; cat: b.cat[IDENTITY]; *: a.id[JOIN] b.id[JOIN]"},
    {"select a.id from a semi join b on a.id = b.id",
     "id: a.id[IDENTITY]; *: a.id[JOIN] b.id[JOIN]"},
    {"select id from a where id in (select id from b)",
     "id: a.id[IDENTITY]; *: a.id[FILTER] b.id[FILTER]"},
    {"select id in (select id from b) as f from a", "f: a.id[CONDITIONAL] b.id[CONDITIONAL]; *:"},
    {"select id from a where exists (select 1 from b where b.id = a.id)",
     "id: a.id[IDENTITY]; *: a.id[FILTER] b.id[FILTER]"},
    {"select id, (select max(score) from b where b.id = a.id) as m from a",
     "id: a.id[IDENTITY]; m: b.score[AGGREGATION]; *: a.id[FILTER] b.id[FILTER]"},
    {"select (select name from a limit 1) as n from b", "n: a.name[IDENTITY]; *:"},
    {"select b.id, t.c from b, generate_series(1, b.id) t(c)",
     "id: b.id[IDENTITY]; c: b.id[TRANSFORMATION]; *:"},
    {"select b.id, u.x from b, unnest(b.l) u(x)", "id: b.id[IDENTITY]; x: b.l[TRANSFORMATION]; *:"},
    {"select q.s from a, lateral (select sum(score) as s from b where b.id = a.id group by cat) q",
     "s: b.score[AGGREGATION]; *: a.id[FILTER] b.cat[GROUP_BY] b.id[FILTER]"},
    /* sets, CTEs, views */
    {"select id from a union all select id + 1 from b",
     "id: a.id[IDENTITY] b.id[TRANSFORMATION]; *:"},
    {"select id from a except all select id from b", "id: a.id[IDENTITY]; *: b.id[FILTER]"},
    {"with unused as (select id from a where v > 9), z as (select * from b) select z.id from z",
     "id: b.id[IDENTITY]; *:"},
    {"with recursive r(n, p) as (select id, name from a union all select n + 1, r.p || b.cat "
     "from r join b on b.id = n) select * from r",
     "n: a.id[IDENTITY,TRANSFORMATION]; p: a.name[IDENTITY,TRANSFORMATION] "
     "b.cat[TRANSFORMATION]; *: a.id[JOIN] b.id[JOIN]"},
    {"select wn from w where wid > 3", "wn: a.name[TRANSFORMATION]; *: a.id[FILTER] a.v[FILTER]"},
    {"select x from (pivot a on name in ('x', 'y') using sum(v) group by id)",
     "x: a.name[CONDITIONAL] a.v[AGGREGATION]; *: a.id[GROUP_BY]"},
    /* statements */
    {"insert into k(m, id) select id, 5 from a", "k -> id:; m: a.id[IDENTITY]; *:"},
    {"insert into silver.o(id, t) select id, name from a",
     "silver.o -> id: a.id[IDENTITY]; t: a.name[IDENTITY]; *:"},
    {"insert into k select id, name, 1 from a on conflict do update set n = excluded.n",
     "k -> id: a.id[IDENTITY]; n: a.name[IDENTITY]; m:; *: a.id[JOIN,GROUP_BY] k.id[JOIN]"},
    {"update silver.o set t = (select max(name) from a where a.id = o.id) where id > 1",
     "silver.o -> t: a.name[AGGREGATION]; *: a.id[FILTER] silver.o.id[FILTER]"},
    {"merge into k using a on k.id = a.id when matched and a.v > 3 then update set m = a.v "
     "when not matched then insert (id, n) values (a.id, upper(a.name))",
     "k -> id: a.id[IDENTITY]; n: a.name[TRANSFORMATION]; m: a.v[IDENTITY]; "
     "*: a.id[JOIN] a.v[FILTER] k.id[JOIN]"},
    {"delete from k using a where a.id = k.id", "k -> *: a.id[FILTER] k.id[FILTER]"},
    {"create table t9 as select id as x from a", "t9 -> x: a.id[IDENTITY]; *:"},
    {"create view silver.vv(q, r) as select wid, wn from w",
     "silver.vv -> q: a.id[IDENTITY]; r: a.name[TRANSFORMATION]; *: a.v[FILTER]"},
    {"copy (select id from a) to 'x.parquet'", "x.parquet -> id: a.id[IDENTITY]; *:"},
};

static void append_inputs(assay_buf *text, const char *name,
                          const assay_lineage_column_input *inputs, size_t count)
{
    assay_buf_append_format(text, "%s:", name);
    for (size_t i = 0; i < count; i++) {
        assay_buf_append_format(text, " %s.%s[", inputs[i].table, inputs[i].column);
        for (size_t k = 0; k < inputs[i].transformation_count; k++)
            assay_buf_append_format(text, "%s%s%s", k > 0 ? "," : "",
                                    assay_lineage_subtype_name(
                                        inputs[i].transformations[k].subtype),
                                    inputs[i].transformations[k].masking ? "!" : "");
        assay_buf_append_char(text, ']');
    }
}

static void append_lineage(assay_buf *text, const assay_column_lineage *lineage)
{
    if (lineage->output != NULL)
        assay_buf_append_format(text, "%s -> ", lineage->output);
    for (size_t i = 0; i < lineage->column_count; i++) {
        append_inputs(text, lineage->columns[i].name, lineage->columns[i].inputs,
                      lineage->columns[i].input_count);
        assay_buf_append_text(text, "; ");
    }
    append_inputs(text, "*", lineage->dataset, lineage->dataset_count);
}

static int open_connection(void **state)
{
    static assay_engine *engine;
    assay_engine_options options = {.threads = 1};
    assay_conn *conn = NULL;

    assert_int_equal(assay_engine_open(&options, &engine, NULL), ASSAY_OK);
    assert_int_equal(assay_conn_open(engine, &conn, NULL), ASSAY_OK);
    for (size_t i = 0; i < sizeof setup / sizeof *setup; i++)
        assert_int_equal(assay_conn_execute(conn, setup[i], NULL, NULL), ASSAY_OK);
    static void *both[2];
    both[0] = conn;
    both[1] = engine;
    *state = both;
    return 0;
}

static int close_connection(void **state)
{
    void **both = *state;
    assay_conn_close(both[0]);
    assay_engine_close(both[1]);
    return 0;
}

static assay_conn *connection(void **state)
{
    void **both = *state;
    return both[0];
}

static void every_statement_has_its_lineage(void **state)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
        ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
        assay_column_lineage *lineage = NULL;
        assay_error err = {.code = ASSAY_OK};
        if (assay_lineage_columns(connection(state), cases[i].sql, arena, &lineage, &err) !=
            ASSAY_OK)
            fail_msg("%s: %s", cases[i].sql, err.message);
        append_lineage(&text, lineage);
        if (!assay_str_equal(assay_buf_text(&text), cases[i].expect))
            fail_msg("%s\n  is       %s\n  expected %s", cases[i].sql, assay_buf_text(&text),
                     cases[i].expect);
    }
}

static void the_tables_that_are_read_are_listed(void **state)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_column_lineage *lineage = NULL;

    assert_int_equal(assay_lineage_columns(connection(state),
                                           "with u as (select * from k) select 1 from w, silver.o",
                                           arena, &lineage, NULL),
                     ASSAY_OK);
    assert_int_equal(lineage->table_count, 2);
    assert_string_equal(lineage->tables[0], "a");
    assert_string_equal(lineage->tables[1], "silver.o");
}

static void what_has_no_lineage_is_refused_with_a_number(void **state)
{
    static const char *const refused[] = {
        "select 1; select 2",
        "selec",
        "select nope from a",
        "drop table a",
        "pivot a on name using sum(v)",
        "explain select 1",
        "select * from read_csv('/none.csv')",
    };

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
        assay_column_lineage *lineage = NULL;
        assay_error err = {.code = ASSAY_OK};
        assert_int_equal(assay_lineage_columns(connection(state), refused[i], arena, &lineage,
                                               &err),
                         ASSAY_EUNSUPPORTED);
        assert_int_equal(err.number, 6010);
    }
}

struct once {
    const assay_value *plan;
};

static assay_status walk_once(void *user, assay_error *err)
{
    static const char *const names[] = {"id", "m"};
    const struct once *once = user;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const assay_lineage_plan plan = {.plan = once->plan, .names = names, .name_count = 2};
    assay_column_lineage *lineage = NULL;

    if (arena == NULL)
        return assay_error_nomem(err);
    return assay_lineage_columns_of_plan(&plan, arena, &lineage, err);
}

static void walking_survives_every_failed_allocation(void **state)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_value *plan = NULL;

    assert_int_equal(
        assay_conn_plan(connection(state),
                        "with c as (select * from b where score > 1) select id, (select max(score) "
                        "from c where c.id = a.id) from a order by name",
                        arena, &plan, NULL),
        ASSAY_OK);
    struct once once = {plan};
    exhaust_allocations(walk_once, &once);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_statement_has_its_lineage),
        cmocka_unit_test(the_tables_that_are_read_are_listed),
        cmocka_unit_test(what_has_no_lineage_is_refused_with_a_number),
        cmocka_unit_test(walking_survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, open_connection, close_connection);
}
