#include "base/str.h"
#include "warehouse/apply.h"
#include "warehouse/evolve.h"
#include "warehouse/stage.h"
#include "warehouse/stage_files.h"
#include "warehouse/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* The exact text of every statement that publishing sends, by dialect. */

static const char *const keys[] = {"id"};

static const assay_column columns[] = {
    {"id", "BIGINT"}, {"v", "INTEGER"}, {"name", "VARCHAR"}, {"doc", "JSON"}, {"op", "VARCHAR"}};

enum { COLUMN_COUNT = 5 };

static const assay_warehouse_target lower = {"shop", "public", "orders"};
static const assay_warehouse_target upper = {"DB", "PUBLIC", "ORDERS"};

struct bench {
    assay_arena *arena;
    assay_buf buf;
    assay_warehouse_publication publication;
};

static int setup(void **state)
{
    static struct bench bench;

    bench = (struct bench){.arena = assay_arena_new(),
                           .buf = ASSAY_BUF_EMPTY,
                           .publication = {.to = "wh",
                                           .table = "orders",
                                           .mode = ASSAY_WAREHOUSE_MERGE,
                                           .keys = keys,
                                           .key_count = 1}};
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    assay_arena_free(bench->arena);
    assay_buf_done(&bench->buf);
    return 0;
}

static const assay_dialect *postgres(void)
{
    return assay_dialect_of(ASSAY_CONNECTION_POSTGRES);
}

static const assay_dialect *snowflake(void)
{
    return assay_dialect_of(ASSAY_CONNECTION_SNOWFLAKE);
}

/* The first `count` of the columns, mapped. */
static assay_mapping *map(struct bench *bench, const assay_dialect *dialect, size_t count)
{
    assay_mapping *mapping = NULL;
    assay_error err = {0};

    if (assay_mapping_make(dialect, &bench->publication, columns, count, bench->arena, &mapping,
                           &err) != ASSAY_OK)
        fail_msg("E%d: %s", err.number, err.message);
    return mapping;
}

static assay_apply_list apply(struct bench *bench, const assay_mapping *mapping)
{
    const assay_apply_place place = {.target = mapping->dialect->upper ? &upper : &lower,
                                     .stage = mapping->dialect->upper ? "STG" : "stg",
                                     .merges = mapping->dialect->tells_merge};
    assay_apply_list list;

    assert_int_equal(assay_apply_statements(mapping, &place, 1767225600000000, bench->arena, &list,
                                            NULL),
                     ASSAY_OK);
    return list;
}

static void an_append_is_one_insert(void **state)
{
    struct bench *bench = *state;

    bench->publication.mode = ASSAY_WAREHOUSE_APPEND;
    bench->publication.key_count = 0;
    assay_apply_list list = apply(bench, map(bench, postgres(), 2));
    assert_int_equal(list.count, 1);
    assert_string_equal(list.statements[0].sql,
                        "INSERT INTO \"public\".\"orders\" (\"id\", \"v\") SELECT s.\"id\", "
                        "s.\"v\" FROM \"public\".\"stg\" AS s");
    list = apply(bench, map(bench, snowflake(), 4));
    assert_string_equal(
        list.statements[0].sql,
        "INSERT INTO \"DB\".\"PUBLIC\".\"ORDERS\" (\"ID\", \"V\", \"NAME\", \"DOC\") SELECT "
        "s.\"ID\", s.\"V\", s.\"NAME\", s.\"DOC\" FROM (SELECT \"ID\" AS \"ID\", \"V\" AS "
        "\"V\", \"NAME\" AS \"NAME\", PARSE_JSON(\"DOC\") AS \"DOC\" FROM "
        "\"DB\".\"PUBLIC\".\"STG\") AS s");
}

static void an_overwrite_empties_first(void **state)
{
    struct bench *bench = *state;

    bench->publication.mode = ASSAY_WAREHOUSE_OVERWRITE;
    bench->publication.key_count = 0;
    assay_apply_list list = apply(bench, map(bench, snowflake(), 1));
    assert_int_equal(list.count, 2);
    assert_string_equal(list.statements[0].sql, "DELETE FROM \"DB\".\"PUBLIC\".\"ORDERS\"");
    assert_int_equal(list.statements[0].counts, ASSAY_APPLY_DELETES);
}

static void a_merge_on_postgresql_updates_what_changed_and_inserts_what_is_new(void **state)
{
    struct bench *bench = *state;

    bench->publication.version = "v";
    assay_apply_list list = apply(bench, map(bench, postgres(), 3));
    assert_int_equal(list.count, 2);
    assert_string_equal(
        list.statements[0].sql,
        "UPDATE \"public\".\"orders\" AS t SET \"v\" = s.\"v\", \"name\" = s.\"name\" FROM "
        "\"public\".\"stg\" AS s WHERE t.\"id\" = s.\"id\" AND (t.\"v\" IS NULL OR s.\"v\" >= "
        "t.\"v\") AND (t.\"v\" IS DISTINCT FROM s.\"v\" OR t.\"name\" IS DISTINCT FROM "
        "s.\"name\")");
    assert_string_equal(
        list.statements[1].sql,
        "INSERT INTO \"public\".\"orders\" (\"id\", \"v\", \"name\") SELECT s.\"id\", s.\"v\", "
        "s.\"name\" FROM \"public\".\"stg\" AS s WHERE NOT EXISTS (SELECT 1 FROM "
        "\"public\".\"orders\" AS t WHERE t.\"id\" = s.\"id\")");
}

static void a_merge_on_snowflake_is_one_statement(void **state)
{
    struct bench *bench = *state;
    const char *gone[] = {"OLD"};

    assay_mapping *mapping = map(bench, snowflake(), 2);
    mapping->gone = gone;
    mapping->gone_count = 1;
    assay_apply_list list = apply(bench, mapping);
    assert_int_equal(list.count, 1);
    assert_string_equal(
        list.statements[0].sql,
        "MERGE INTO \"DB\".\"PUBLIC\".\"ORDERS\" AS t USING \"DB\".\"PUBLIC\".\"STG\" AS s ON "
        "t.\"ID\" = s.\"ID\" WHEN MATCHED AND (t.\"V\" IS DISTINCT FROM s.\"V\" OR t.\"OLD\" IS "
        "NOT "
        "NULL) THEN UPDATE SET \"V\" = s.\"V\", \"OLD\" = NULL WHEN NOT MATCHED THEN INSERT "
        "(\"ID\", \"V\") VALUES (s.\"ID\", s.\"V\")");
}

static void postgresql_merges_in_one_statement_where_it_can(void **state)
{
    struct bench *bench = *state;
    const assay_apply_place place = {.target = &lower, .stage = "stg", .merges = true};
    assay_apply_list list;

    assert_int_equal(assay_apply_statements(map(bench, postgres(), 2), &place, 0, bench->arena,
                                            &list, NULL),
                     ASSAY_OK);
    assert_int_equal(list.count, 1);
    assert_string_equal(
        list.statements[0].sql,
        "MERGE INTO \"public\".\"orders\" AS t USING \"public\".\"stg\" AS s ON t.\"id\" = "
        "s.\"id\" WHEN MATCHED AND (t.\"v\" IS DISTINCT FROM s.\"v\") THEN UPDATE SET \"v\" = "
        "s.\"v\" WHEN NOT MATCHED THEN INSERT (\"id\", \"v\") VALUES (s.\"id\", s.\"v\")");
}

static void a_table_of_keys_alone_has_no_update(void **state)
{
    struct bench *bench = *state;

    assay_apply_list list = apply(bench, map(bench, postgres(), 1));
    assert_int_equal(list.count, 1);
    assert_string_equal(list.statements[0].step, "insert");
    list = apply(bench, map(bench, snowflake(), 1));
    assert_false(assay_str_contains(list.statements[0].sql, "WHEN MATCHED"));
}

static void keys_with_null_are_compared_so_that_they_can_be_hashed(void **state)
{
    struct bench *bench = *state;

    bench->publication.null_keys = true;
    assay_apply_list list = apply(bench, map(bench, postgres(), 1));
    assert_true(assay_str_ends(list.statements[0].sql,
                               "WHERE COALESCE(CAST(t.\"id\" AS text), '') = "
                               "COALESCE(CAST(s.\"id\" AS text), '') AND (t.\"id\" IS NULL) = "
                               "(s.\"id\" IS NULL))"));
    list = apply(bench, map(bench, snowflake(), 1));
    assert_true(assay_str_contains(list.statements[0].sql,
                                   "ON t.\"ID\" IS NOT DISTINCT FROM s.\"ID\" WHEN"));
}

static void deletions_mark_before_the_merge_and_absence_after_it(void **state)
{
    struct bench *bench = *state;

    bench->publication.op_column = "op";
    bench->publication.delete_absent = true;
    bench->publication.version = "v";
    assay_apply_list list = apply(bench, map(bench, snowflake(), COLUMN_COUNT));
    assert_int_equal(list.count, 3);
    assert_true(assay_str_starts(
        list.statements[0].sql,
        "UPDATE \"DB\".\"PUBLIC\".\"ORDERS\" SET \"_IS_DELETED\" = TRUE, \"_DELETED_AT\" = "
        "s.\"_DELETED_AT\", \"V\" = s.\"V\" FROM (SELECT "));
    assert_true(assay_str_ends(
        list.statements[0].sql,
        " WHERE \"ORDERS\".\"ID\" = s.\"ID\" AND s.\"_IS_DELETED\" AND (NOT "
        "COALESCE(\"ORDERS\".\"_IS_DELETED\", FALSE) OR \"ORDERS\".\"V\" IS DISTINCT FROM s.\"V\") "
        "AND (\"ORDERS\".\"V\" IS NULL OR s.\"V\" >= \"ORDERS\".\"V\")"));
    assert_true(
        assay_str_contains(list.statements[1].sql, "WHEN NOT MATCHED AND NOT s.\"_IS_DELETED\""));
    assert_true(assay_str_contains(list.statements[1].sql,
                                   "TO_JSON(t.\"DOC\") IS DISTINCT FROM TO_JSON(s.\"DOC\")"));
    assert_true(assay_str_starts(
        list.statements[2].sql,
        "UPDATE \"DB\".\"PUBLIC\".\"ORDERS\" SET \"_IS_DELETED\" = TRUE, \"_DELETED_AT\" = "
        "CAST('2026-01-01 00:00:00.000000' AS TIMESTAMP_LTZ(6)) WHERE NOT "
        "COALESCE(\"ORDERS\".\"_IS_DELETED\", FALSE) AND NOT EXISTS (SELECT 1 FROM "));
}

/* ---- tables ---- */

static void a_target_has_its_keys_as_primary_key_where_they_are_enforced(void **state)
{
    struct bench *bench = *state;
    assay_evolve_plan plan;

    bench->publication.op_column = "op";
    assert_int_equal(assay_evolve_create(map(bench, postgres(), COLUMN_COUNT), &lower, bench->arena,
                                         &plan, NULL),
                     ASSAY_OK);
    assert_string_equal(
        plan.statements[0],
        "CREATE TABLE IF NOT EXISTS \"public\".\"orders\" (\"id\" bigint, \"v\" integer, \"name\" "
        "text, \"doc\" jsonb, \"_is_deleted\" boolean, \"_deleted_at\" timestamp with time zone, "
        "PRIMARY KEY (\"id\"))");
    assert_int_equal(assay_evolve_create(map(bench, snowflake(), COLUMN_COUNT), &upper,
                                         bench->arena, &plan, NULL),
                     ASSAY_OK);
    assert_string_equal(
        plan.statements[0],
        "CREATE TABLE IF NOT EXISTS \"DB\".\"PUBLIC\".\"ORDERS\" (\"ID\" NUMBER(19,0), \"V\" "
        "NUMBER(10,0), \"NAME\" VARCHAR, \"DOC\" VARIANT, \"_IS_DELETED\" BOOLEAN, "
        "\"_DELETED_AT\" TIMESTAMP_LTZ(6))");
}

static void staging_is_cheap_and_has_the_types_that_travel(void **state)
{
    struct bench *bench = *state;

    assay_stages_create_sql(map(bench, postgres(), 4), &lower, "stg", &bench->buf);
    assert_string_equal(assay_buf_text(&bench->buf),
                        "CREATE UNLOGGED TABLE \"public\".\"stg\" (\"id\" bigint, \"v\" integer, "
                        "\"name\" text, \"doc\" text)");
    assay_buf_clear(&bench->buf);
    assay_stages_create_sql(map(bench, snowflake(), 4), &upper, "STG", &bench->buf);
    assert_string_equal(assay_buf_text(&bench->buf),
                        "CREATE TRANSIENT TABLE \"DB\".\"PUBLIC\".\"STG\" (\"ID\" NUMBER(19,0), "
                        "\"V\" NUMBER(10,0), \"NAME\" VARCHAR, \"DOC\" VARCHAR) "
                        "DATA_RETENTION_TIME_IN_DAYS = 0");
}

static void ledger_and_lock_lie_in_the_targets_schema(void **state)
{
    struct bench *bench = *state;

    assay_ledger_create_sql(postgres(), &lower, &bench->buf);
    assert_string_equal(
        assay_buf_text(&bench->buf),
        "CREATE TABLE IF NOT EXISTS \"public\".\"_assay_ledger\" (\"publish_id\" text NOT NULL "
        "PRIMARY KEY, \"target\" text, \"source_table\" text, \"table_uuid\" text, \"sequence\" "
        "bigint, \"snapshot_id\" text, \"mode\" text, \"columns\" text, \"run_id\" text, "
        "\"step_id\" text, \"rows_staged\" bigint, \"rows_ins\" bigint, \"rows_upd\" bigint, "
        "\"rows_del\" bigint, \"ts\" timestamp with time zone)");
    assay_buf_clear(&bench->buf);
    assay_ledger_create_lock_sql(snowflake(), &upper, &bench->buf);
    assert_string_equal(assay_buf_text(&bench->buf),
                        "CREATE TABLE IF NOT EXISTS \"DB\".\"PUBLIC\".\"_ASSAY_LOCK\" (\"TARGET\" "
                        "VARCHAR NOT NULL PRIMARY KEY, \"HOLDER\" VARCHAR, \"TS\" "
                        "TIMESTAMP_LTZ(6))");
}

static void files_are_put_and_copied_by_name(void **state)
{
    struct bench *bench = *state;
    const char *names[] = {"part-0.parquet", "it's.parquet"};

    assay_stage_files_put_sql(snowflake(), "/tmp/it's \\ here/part-0.parquet", "STG", &bench->buf);
    assert_string_equal(assay_buf_text(&bench->buf),
                        "PUT 'file:///tmp/it''s \\\\ here/part-0.parquet' @%STG AUTO_COMPRESS = "
                        "FALSE SOURCE_COMPRESSION = NONE OVERWRITE = TRUE");
    assay_buf_clear(&bench->buf);
    assay_stage_files_copy_sql(snowflake(), &upper, "STG", names, 2, &bench->buf);
    assert_string_equal(
        assay_buf_text(&bench->buf),
        "COPY INTO \"DB\".\"PUBLIC\".\"STG\" FROM @%STG FILES = ('part-0.parquet', "
        "'it''s.parquet') FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE BINARY_AS_TEXT = "
        "FALSE USE_VECTORIZED_SCANNER = TRUE) MATCH_BY_COLUMN_NAME = CASE_SENSITIVE ON_ERROR = "
        "ABORT_STATEMENT FORCE = TRUE");
}

/* ---- the query ---- */

static void the_query_casts_names_and_marks(void **state)
{
    struct bench *bench = *state;
    const assay_warehouse_snapshot snapshot = {.select = "FROM src", .committed_us = 0};

    bench->publication.op_column = "OP";
    bench->publication.version = "v";
    assay_mapping_select(map(bench, snowflake(), COLUMN_COUNT), &snapshot, true, &bench->buf);
    assert_string_equal(
        assay_buf_text(&bench->buf),
        "SELECT \"id\" AS \"ID\", \"v\" AS \"V\", \"name\" AS \"NAME\", CAST(\"doc\" AS VARCHAR) "
        "AS "
        "\"DOC\", coalesce(list_contains(['D', 'DELETE', 'delete'], CAST(\"op\" AS VARCHAR)), "
        "false) AS \"_IS_DELETED\", CASE WHEN coalesce(list_contains(['D', 'DELETE', 'delete'], "
        "CAST(\"op\" AS VARCHAR)), false) THEN CAST('1970-01-01T00:00:00.000000Z' AS TIMESTAMP "
        "WITH TIME ZONE) END AS \"_DELETED_AT\" FROM (\nFROM src\n) AS source QUALIFY row_number() "
        "OVER (PARTITION BY \"id\" ORDER BY \"v\" DESC NULLS LAST) = 1");
}

static void each_side_of_a_reconciliation_is_one_pass(void **state)
{
    struct bench *bench = *state;
    const bool absent[] = {false, true};
    assay_verify_side side = {.mapping = map(bench, postgres(), 2),
                              .absent = absent,
                              .relation = "\"t\"",
                              .live = "NOT x",
                              .server = true};

    assay_verify_buckets_sql(&side, &bench->buf);
    assert_string_equal(
        assay_buf_text(&bench->buf),
        "SELECT SUBSTR(k, 1, 3), COUNT(*), CAST(SUM(CAST(CAST('x' || substr(r, 1, 15) AS bit(60)) "
        "AS bigint)) AS text), COUNT(c0), CAST(SUM(CAST(CAST('x' || substr(c0, 1, 15) AS bit(60)) "
        "AS bigint)) AS text) FROM (SELECT one, t0, c0, MD5('' || COALESCE(c0, '-')) AS k, MD5('' "
        "|| COALESCE(c0, '-')) AS r FROM (SELECT one, t0, MD5(t0) AS c0 FROM (SELECT 1 AS one, "
        "CAST(CAST(\"id\" AS bigint) AS text) AS t0 FROM \"t\" WHERE NOT x) AS texts) AS hashes) "
        "AS "
        "side GROUP BY SUBSTR(k, 1, 3)");
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(an_append_is_one_insert),
        CASE(an_overwrite_empties_first),
        CASE(a_merge_on_postgresql_updates_what_changed_and_inserts_what_is_new),
        CASE(a_merge_on_snowflake_is_one_statement),
        CASE(postgresql_merges_in_one_statement_where_it_can),
        CASE(a_table_of_keys_alone_has_no_update),
        CASE(keys_with_null_are_compared_so_that_they_can_be_hashed),
        CASE(deletions_mark_before_the_merge_and_absence_after_it),
        CASE(a_target_has_its_keys_as_primary_key_where_they_are_enforced),
        CASE(staging_is_cheap_and_has_the_types_that_travel),
        CASE(ledger_and_lock_lie_in_the_targets_schema),
        CASE(files_are_put_and_copied_by_name),
        CASE(the_query_casts_names_and_marks),
        CASE(each_side_of_a_reconciliation_is_one_pass),
    };
#undef CASE

    return cmocka_run_group_tests(tests, NULL, NULL);
}
