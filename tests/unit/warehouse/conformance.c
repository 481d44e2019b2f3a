#include "unit/warehouse/conformance.h"

#include "base/str.h"
#include "unit/warehouse/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const assay_connection_config *tested;

static int setup(void **state)
{
    *state = world_new(tested);
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

static void assert_counts(const struct world *world, int64_t inserted, int64_t updated,
                          int64_t deleted)
{
    const assay_warehouse_result *result = &world->result;

    if (result->inserted != inserted || result->updated != updated || result->deleted != deleted)
        fail_msg("+%lld ~%lld -%lld instead of +%lld ~%lld -%lld", (long long)result->inserted,
                 (long long)result->updated, (long long)result->deleted, (long long)inserted,
                 (long long)updated, (long long)deleted);
}

static void assert_refused(struct world *world, assay_status status, int number, const char *part)
{
    assay_status got = world_publish(world);

    if (got != status || world->err.number != number)
        fail_msg("%s E%d: %s", assay_status_name(got), world->err.number, world->err.message);
    if (!assay_str_contains(world->err.message, part))
        fail_msg("'%s' is not in: %s", part, world->err.message);
}

static void a_merge_inserts_updates_and_leaves_the_rest_alone(void **state)
{
    struct world *world = *state;

    world_target(world, "merged");
    world_published(world, "SELECT i AS id, 'n' || i AS name FROM range(10) t(i)");
    assert_true(world->result.created);
    assert_int_equal(world->result.rows, 10);
    assert_counts(world, 10, 0, 0);
    world_published(world, "SELECT i AS id, CASE WHEN i = 3 THEN NULL ELSE 'n' || i END AS name "
                           "FROM range(2, 12) t(i)");
    assert_counts(world, 2, 1, 0);
    assert_false(world->result.created);
    assert_asked(world, "SELECT COUNT(*) FROM ~", "12");
    assert_asked(world, "SELECT name FROM ~ WHERE id = 3", "NULL");
    assert_asked(world,
                 "SELECT COUNT(*) FROM @._assay_ledger WHERE source_table = 'gold.orders' "
                 "AND table_uuid = 'merged'",
                 "2");
    assert_int_equal(world_stages(world), 0);
}

static void the_same_commit_is_published_once(void **state)
{
    struct world *world = *state;

    world_target(world, "once");
    world->publication.mode = ASSAY_WAREHOUSE_APPEND;
    world->publication.key_count = 0;
    world_published(world, "SELECT 1 AS id");
    assert_false(world->result.already);
    assert_int_equal(world_publish(world), ASSAY_OK);
    assert_true(world->result.already);
    assert_counts(world, 1, 0, 0);
    assert_asked(world, "SELECT COUNT(*) FROM ~", "1");
}

static void an_append_follows_what_was_published_or_is_refused(void **state)
{
    struct world *world = *state;

    world_target(world, "appended");
    world->publication.mode = ASSAY_WAREHOUSE_APPEND;
    world->publication.key_count = 0;
    world_published(world, "SELECT 1 AS id");
    world_published(world, "SELECT 2 AS id");
    assert_counts(world, 1, 0, 0);
    assert_asked(world, "SELECT COUNT(*) FROM ~", "2");
    world->snapshot.sequence++;
    world_rows(world, "SELECT 3 AS id");
    assert_refused(world, ASSAY_ECONFLICT, 7031, "after commit 3");
    assert_true(world->err.retryable);
    assert_asked(world, "SELECT COUNT(*) FROM ~", "2");
    assert_int_equal(world_stages(world), 0);
}

static void an_overwrite_leaves_these_rows_and_no_others(void **state)
{
    struct world *world = *state;

    world_target(world, "overwritten");
    world->publication.mode = ASSAY_WAREHOUSE_OVERWRITE;
    world->publication.key_count = 0;
    world_published(world, "SELECT i AS id FROM range(5) t(i)");
    world_published(world, "SELECT i AS id FROM range(3, 6) t(i)");
    assert_counts(world, 3, 0, 5);
    assert_asked(world, "SELECT COUNT(*) FROM ~", "3");
    world_published(world, "SELECT i AS id FROM range(0) t(i)");
    assert_counts(world, 0, 0, 3);
    assert_asked(world, "SELECT COUNT(*) FROM ~", "0");
}

static void an_older_commit_is_refused(void **state)
{
    struct world *world = *state;

    world_target(world, "ordered");
    world->snapshot.sequence = 7;
    world_published(world, "SELECT 1 AS id, 'new' AS name");
    world->snapshot.sequence = 5;
    world->snapshot.select = "SELECT 1 AS id, 'old' AS name";
    assert_refused(world, ASSAY_ECONFLICT, 7030,
                   "commit 5 of 'gold.orders' is older than commit 8");
    assert_asked(world, "SELECT name FROM ~", "new");
    assert_int_equal(world_stages(world), 0);
}

static void a_deletion_marks_the_row_and_a_return_clears_the_mark(void **state)
{
    struct world *world = *state;

    world_target(world, "marked");
    world->publication.op_column = "op";
    world_published(world, "SELECT * FROM (VALUES (1, 'a', 'I'), (2, 'b', 'I')) t(id, name, op)");
    assert_counts(world, 2, 0, 0);
    world_published(
        world, "SELECT * FROM (VALUES (1, NULL::VARCHAR, 'D'), (3, NULL, 'D')) t(id, name, op)");
    assert_counts(world, 0, 0, 1);
    assert_asked(world, "SELECT name FROM ~ WHERE id = 1 AND _is_deleted", "a");
    assert_asked(world, "SELECT COUNT(*) FROM ~ WHERE _deleted_at = '2026-01-01 00:00:00+00'", "1");
    assert_asked(world, "SELECT COUNT(*) FROM ~", "2");
    world_published(world, "SELECT 1 AS id, 'a' AS name, 'U' AS op");
    assert_counts(world, 0, 1, 0);
    assert_asked(world, "SELECT COUNT(*) FROM ~ WHERE NOT _is_deleted AND _deleted_at IS NULL",
                 "2");
}

static void what_is_absent_is_marked(void **state)
{
    struct world *world = *state;

    world_target(world, "absent");
    world->publication.delete_absent = true;
    world_published(world, "SELECT i AS id, i AS v FROM range(4) t(i)");
    world_published(world, "SELECT i AS id, i AS v FROM range(2) t(i)");
    assert_counts(world, 0, 0, 2);
    world_published(world, "SELECT i AS id, i AS v FROM range(3) t(i)");
    assert_counts(world, 0, 1, 0);
    assert_asked(world, "SELECT COUNT(*) FROM ~ WHERE _is_deleted", "1");
    world_published(world, "SELECT i AS id, i AS v FROM range(3) t(i)");
    assert_counts(world, 0, 0, 0);
}

static void a_row_that_is_older_than_the_targets_is_left_out(void **state)
{
    struct world *world = *state;

    world_target(world, "versioned");
    world->publication.version = "v";
    world->publication.op_column = "op";
    world_published(world, "SELECT 1 AS id, 10 AS v, 'ten' AS name, 'I' AS op");
    world_published(world, "SELECT 1 AS id, 9 AS v, 'nine' AS name, 'U' AS op");
    assert_counts(world, 0, 0, 0);
    assert_asked(world, "SELECT name FROM ~", "ten");
    world_published(world, "SELECT 1 AS id, 12 AS v, NULL::VARCHAR AS name, 'D' AS op");
    assert_counts(world, 0, 0, 1);
    world_published(world, "SELECT 1 AS id, 11 AS v, 'eleven' AS name, 'U' AS op");
    assert_counts(world, 0, 0, 0);
    assert_asked(world, "SELECT COUNT(*) FROM ~ WHERE _is_deleted AND v = 12", "1");
    world_published(world, "SELECT 1 AS id, 13 AS v, 'thirteen' AS name, 'U' AS op");
    assert_counts(world, 0, 1, 0);
}

static void of_several_rows_the_newest_version_is_published(void **state)
{
    struct world *world = *state;

    world_target(world, "newest");
    world->publication.version = "v";
    world_published(world, "SELECT * FROM (VALUES (1, 1, 'a'), (1, 3, 'c'), (1, 2, 'b'), (2, 1, "
                           "'x'), (2, 1, 'x')) t(id, v, name)");
    assert_counts(world, 2, 0, 0);
    assert_int_equal(world->result.rows, 2);
    assert_asked(world, "SELECT name FROM ~ WHERE id = 1", "c");
    world_rows(world, "SELECT * FROM (VALUES (1, 4, 'a'), (1, 4, 'b')) t(id, v, name)");
    assert_refused(world, ASSAY_EDATA, 7021, "(id=1)");
}

static void a_table_of_keys_alone_is_merged(void **state)
{
    struct world *world = *state;

    world_target(world, "all_keys");
    world->keys[1] = "line";
    world->publication.key_count = 2;
    world_published(world, "SELECT 1 AS id, 'a' AS line");
    world_published(world, "SELECT 1 AS id, unnest(['a', 'b']) AS line");
    assert_counts(world, 1, 0, 0);
    assert_asked(world, "SELECT COUNT(*) FROM ~", "2");
}

static void a_null_in_a_key_is_refused_unless_it_was_asked_for(void **state)
{
    struct world *world = *state;

    world_target(world, "null_keys");
    world->keys[1] = "line";
    world->publication.key_count = 2;
    world_rows(world, "SELECT * FROM (VALUES (1, NULL, 5), (2, 'a', 6)) t(id, line, v)");
    assert_refused(world, ASSAY_EDATA, 7020, "(id=1, line=NULL)");
    world->publication.null_keys = true;
    assert_int_equal(world_publish(world), ASSAY_OK);
    assert_counts(world, 2, 0, 0);
    world_published(world, "SELECT * FROM (VALUES (1, NULL, 7), (2, 'a', 6)) t(id, line, v)");
    assert_counts(world, 0, 1, 0);
    assert_asked(world, "SELECT v FROM ~ WHERE line IS NULL", "7");
}

static void one_key_in_several_rows_is_refused_with_samples(void **state)
{
    struct world *world = *state;
    const char *pii[] = {"id"};

    world_target(world, "duplicates");
    world_rows(world, "SELECT * FROM (VALUES (1, 'a'), (1, 'b'), (2, 'c')) t(id, name)");
    assert_refused(world, ASSAY_EDATA, 7021, "(id=1)");
    world->publication.pii = pii;
    world->publication.pii_count = 1;
    assert_refused(world, ASSAY_EDATA, 7021, "(id=***)");
    assert_int_equal(world_stages(world), 0);
}

static void columns_are_added_widened_and_emptied(void **state)
{
    struct world *world = *state;

    world_target(world, "evolving");
    world_published(world, "SELECT 1 AS id, 2::SMALLINT AS n, 1.5::DECIMAL(5,2) AS d, 'x' AS gone");
    world_published(world, "SELECT 1 AS id, 3000000000 AS n, 1234567.25::DECIMAL(12,2) AS d, "
                           "DATE '2026-02-03' AS added");
    assert_int_equal(world->result.change_count, 3);
    assert_counts(world, 0, 1, 0);
    assert_asked(world,
                 "SELECT COUNT(*) FROM ~ WHERE n = 3000000000 AND d = 1234567.25 AND added = "
                 "'2026-02-03' AND gone IS NULL",
                 "1");
    world_published(world, "SELECT 1 AS id, 7::SMALLINT AS n, 1.5::DECIMAL(5,2) AS d");
    assert_int_equal(world->result.change_count, 0);
    assert_asked(world, "SELECT COUNT(*) FROM ~ WHERE n = 7 AND added IS NULL", "1");
    world_rows(world, "SELECT 1 AS id, 'seven' AS n");
    assert_refused(world, ASSAY_EDATA, 7010, "ALTER TABLE");
    assert_asked(world, "SELECT n FROM ~", "7");
}

static void names_are_quoted_and_folded(void **state)
{
    struct world *world = *state;

    world_target(world, "\"Odd \"\"name\"\"; -- \\\"");
    world->keys[0] = "the id";
    world_published(world, "SELECT 1 AS \"the id\", 'it''s \\ \"q\"' AS \"select\", 2 AS \"?#\"");
    world_published(world, "SELECT 1 AS \"the id\", 'it''s' AS \"select\", 2 AS \"?#\"");
    assert_counts(world, 0, 1, 0);
    assert_asked(world, "SELECT COUNT(*) FROM ~", "1");
    world_run(world, "DROP TABLE ~");
}

static void a_publication_of_no_rows_makes_the_table(void **state)
{
    struct world *world = *state;

    world_target(world, "nothing");
    world_published(world, "SELECT 1 AS id, 'a' AS name WHERE false");
    assert_true(world->result.created);
    assert_counts(world, 0, 0, 0);
    assert_asked(world, "SELECT COUNT(*) FROM ~", "0");
}

static void the_ledger_says_where_a_table_stands(void **state)
{
    struct world *world = *state;
    assay_warehouse_standing standing;

    world_target(world, "standing");
    world_rows(world, "SELECT 1 AS id");
    assert_int_equal(assay_warehouse_look(&world->request, &standing, &world->err), ASSAY_OK);
    assert_false(standing.published || standing.any || standing.of_another_table);
    assert_int_equal(standing.sequence, ASSAY_WAREHOUSE_BEGINNING);
    assert_int_equal(world_publish(world), ASSAY_OK);
    assert_int_equal(assay_warehouse_look(&world->request, &standing, &world->err), ASSAY_OK);
    assert_true(standing.published && standing.any);
    assert_int_equal(standing.sequence, 1);
    world->snapshot.table_uuid = "another";
    assert_int_equal(assay_warehouse_look(&world->request, &standing, &world->err), ASSAY_OK);
    assert_false(standing.published || standing.any);
    assert_true(standing.of_another_table);
}

static void only_listed_columns_are_published(void **state)
{
    struct world *world = *state;
    const char *columns[] = {"id", "b"};

    world_target(world, "listed");
    world->publication.columns = columns;
    world->publication.column_count = 2;
    world_published(world, "SELECT 1 AS id, 2 AS a, 3 AS b");
    assert_asked(world, "SELECT b FROM ~", "3");
    world_published(world, "SELECT 1 AS id, 5 AS a, 3 AS b");
    assert_counts(world, 0, 0, 0);
}

/* ---- reconciliation ---- */

/* Every type with its edges; `most` is the largest HUGEINT. */
static const char *types_select(struct world *world, const char *most)
{
    return assay_arena_format(
        world->arena,
        "SELECT i AS id, CASE i %% 3 WHEN 0 THEN NULL WHEN 1 THEN true ELSE false END AS b, "
        "CASE WHEN i <> 2 THEN (-128)::TINYINT END AS i8, (-32768)::SMALLINT AS i16, "
        "2147483647::INTEGER AS i32, (-9223372036854775807)::BIGINT AS i64, 255::UTINYINT AS u8, "
        "65535::USMALLINT AS u16, 4294967295::UINTEGER AS u32, 18446744073709551615::UBIGINT AS "
        "u64, "
        "%s::HUGEINT AS i128, (i * 0.1)::FLOAT AS f, "
        "(i / 7.0)::DOUBLE AS d, (-12345678901234567890.0123456789)::DECIMAL(38,10) AS dec, "
        "0.05::DECIMAL(5,2) AS small, 'é ''q\\ ' || i AS t, '' AS empty, 'ab\\x00\\xFF'::BLOB AS "
        "bin, DATE '1969-12-31' + i::INTEGER AS day, TIME '23:59:59.999999' AS tm, "
        "TIMESTAMP '1969-12-31 23:59:59.000001' AS ts, TIMESTAMPTZ '2026-01-01 00:00:00.5+02' AS "
        "tz, "
        "'11111111-2222-3333-4444-555555555555'::UUID AS uid, '{\"a\": [1, null]}'::JSON AS j, "
        "{'x': i, 'y': 'z'} AS st, [i, NULL] AS li, MAP {'k': i} AS m, 'low'::ENUM('low', 'high') "
        "AS e "
        "FROM range(5) t(i)",
        most);
}

static assay_warehouse_verification verified(struct world *world)
{
    assay_warehouse_verification verification;

    assay_error_clear(&world->err);
    if (assay_warehouse_verify(&world->request, world->arena, &verification, &world->err) !=
        ASSAY_OK)
        fail_msg("E%d: %s", world->err.number, world->err.message);
    return verification;
}

static void every_type_arrives_and_is_not_touched_again(void **state)
{
    struct world *world = *state;

    world_target(world, "types");
    /* The stand-in keeps NUMBER(38,0) in 64 bits, Snowflake does not. */
    const char *most =
        world->snowflake ? "9223372036854775807" : "99999999999999999999999999999999999999";
    const char *select = types_select(world, most);
    world_published(world, select);
    assert_counts(world, 5, 0, 0);
    assay_warehouse_verification verification = verified(world);
    for (size_t i = 0; i < verification.column_count; i++)
        if (!verification.columns[i].equal)
            fail_msg("column %s differs", verification.columns[i].column);
    assert_true(verification.equal);
    assert_int_equal(verification.source_rows, 5);
    world_published(world, select);
    assert_counts(world, 0, 0, 0);
    assert_int_equal(world->result.change_count, 0);
}

static const assay_warehouse_difference *find_difference(
    const assay_warehouse_verification *verification, const char *key)
{
    for (size_t i = 0; i < verification->difference_count; i++)
        if (assay_str_equal(verification->differences[i].key, key))
            return &verification->differences[i];
    fail_msg("no difference of %s among %zu", key, verification->difference_count);
    return NULL;
}

static void rows_that_differ_are_named(void **state)
{
    struct world *world = *state;

    world_target(world, "compared");
    world_rows(world, "SELECT i AS id, i * 2 AS v, 'n' || i AS name FROM range(100) t(i)");
    assay_warehouse_verification verification;
    assert_int_equal(assay_warehouse_verify(&world->request, world->arena, &verification,
                                            &world->err),
                     ASSAY_ENOTFOUND);
    assert_int_equal(world->err.number, 7050);
    assert_int_equal(world_publish(world), ASSAY_OK);
    assert_true(verified(world).equal);
    world_run(world, "UPDATE ~ SET v = 1 WHERE id = 7");
    world_run(world, "DELETE FROM ~ WHERE id = 8");
    world_run(world, "INSERT INTO ~ (id, v, name) VALUES (1000, NULL, 'x')");
    verification = verified(world);
    assert_false(verification.equal);
    assert_int_equal(verification.source_rows, 100);
    assert_int_equal(verification.target_rows, 100);
    assert_int_equal(verification.difference_count, 3);
    assert_int_equal(find_difference(&verification, "id=7")->kind, ASSAY_WAREHOUSE_DIFFERENT);
    assert_string_equal(find_difference(&verification, "id=7")->column, "v");
    assert_int_equal(find_difference(&verification, "id=8")->kind, ASSAY_WAREHOUSE_MISSING);
    assert_int_equal(find_difference(&verification, "id=1000")->kind, ASSAY_WAREHOUSE_EXTRA);
}

static void values_that_change_places_between_rows_are_a_difference(void **state)
{
    struct world *world = *state;

    world_target(world, "swapped");
    world->publication.mode = ASSAY_WAREHOUSE_OVERWRITE;
    world->publication.key_count = 0;
    world_published(world, "SELECT i AS id, i AS v FROM range(3) t(i)");
    world_run(world, "UPDATE ~ SET v = CASE id WHEN 0 THEN 1 WHEN 1 THEN 0 ELSE v END");
    assay_warehouse_verification verification = verified(world);
    assert_false(verification.equal);
    assert_int_equal(verification.difference_count, 4);
    assert_int_equal(find_difference(&verification, "id=0, v=0")->kind, ASSAY_WAREHOUSE_MISSING);
    assert_int_equal(find_difference(&verification, "id=0, v=1")->kind, ASSAY_WAREHOUSE_EXTRA);
}

static void rows_that_are_marked_count_as_gone(void **state)
{
    struct world *world = *state;

    world_target(world, "gone_rows");
    world->publication.delete_absent = true;
    world_published(world, "SELECT i AS id, i AS v FROM range(4) t(i)");
    world_published(world, "SELECT i AS id, i AS v FROM range(2) t(i)");
    assay_warehouse_verification verification = verified(world);
    assert_true(verification.equal);
    assert_int_equal(verification.target_rows, 2);
}

int conformance_run(const char *name, const assay_connection_config *connection)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_merge_inserts_updates_and_leaves_the_rest_alone),
        CASE(the_same_commit_is_published_once),
        CASE(an_append_follows_what_was_published_or_is_refused),
        CASE(an_overwrite_leaves_these_rows_and_no_others),
        CASE(an_older_commit_is_refused),
        CASE(a_deletion_marks_the_row_and_a_return_clears_the_mark),
        CASE(what_is_absent_is_marked),
        CASE(a_row_that_is_older_than_the_targets_is_left_out),
        CASE(of_several_rows_the_newest_version_is_published),
        CASE(a_table_of_keys_alone_is_merged),
        CASE(a_null_in_a_key_is_refused_unless_it_was_asked_for),
        CASE(one_key_in_several_rows_is_refused_with_samples),
        CASE(columns_are_added_widened_and_emptied),
        CASE(names_are_quoted_and_folded),
        CASE(a_publication_of_no_rows_makes_the_table),
        CASE(the_ledger_says_where_a_table_stands),
        CASE(only_listed_columns_are_published),
        CASE(every_type_arrives_and_is_not_touched_again),
        CASE(rows_that_differ_are_named),
        CASE(values_that_change_places_between_rows_are_a_difference),
        CASE(rows_that_are_marked_count_as_gone),
    };
#undef CASE

    tested = connection;
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}
