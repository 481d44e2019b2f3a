#include "base/str.h"
#include "support/postgres.h"
#include "unit/warehouse/conformance.h"
#include "unit/warehouse/world.h"
#include "warehouse/names.h"

#include <pthread.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static assay_connection_config connection = {.name = "wh",
                                             .type = "postgres",
                                             .kind = ASSAY_CONNECTION_POSTGRES,
                                             .host = "127.0.0.1",
                                             .database = "postgres",
                                             .user = "admin",
                                             .password = {.text = "env:ASSAY_TEST_PASSWORD"},
                                             .sslmode = "disable",
                                             .login_timeout_ms = 20000,
                                             .request_timeout_ms = 60000,
                                             .statement_timeout_ms = 120000};

static int setup(void **state)
{
    *state = world_new(&connection);
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

static void assert_refused(struct world *world, assay_status status, int number, const char *part)
{
    assay_status got = world_publish(world);

    if (got != status || world->err.number != number ||
        !assay_str_contains(world->err.message, part))
        fail_msg("%s E%d: %s", assay_status_name(got), world->err.number, world->err.message);
}

static void rows_that_did_not_change_keep_their_place(void **state)
{
    struct world *world = *state;

    world_target(world, "places");
    world_published(world, "SELECT i AS id, i AS v, [i] AS l FROM range(10) t(i)");
    world_run(world, "CREATE TABLE before AS SELECT id, ctid::text AS place FROM ~");
    world_published(world, "SELECT i AS id, CASE WHEN i = 4 THEN 0 ELSE i END AS v, [i] AS l FROM "
                           "range(10) t(i)");
    assert_asked(world,
                 "SELECT string_agg(b.id::text, ',') FROM before b JOIN ~ t USING (id) WHERE "
                 "t.ctid::text <> b.place",
                 "4");
    assert_asked(world, "SELECT xmax::text FROM ~ WHERE id = 5", "0");
}

static void a_table_of_others_without_an_index_is_merged_into(void **state)
{
    struct world *world = *state;

    world_target(world, "theirs");
    world_run(world, "CREATE TABLE theirs (note text DEFAULT 'mine', id integer, doc json, n "
                     "numeric)");
    world_run(world, "INSERT INTO theirs VALUES ('kept', 1, '{}', 5)");
    world_published(world, "SELECT i AS id, '{\"a\": 1}'::JSON AS doc, i::SMALLINT AS n FROM "
                           "range(1, 3) t(i)");
    assert_int_equal(world->result.inserted, 1);
    assert_int_equal(world->result.updated, 1);
    assert_int_equal(world->result.change_count, 1);
    assert_asked(world, "SELECT string_agg(note, ',' ORDER BY id) FROM ~", "kept,mine");
    assert_asked(world,
                 "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = "
                 "'theirs'::regclass AND attname = 'id'",
                 "bigint");
}

static void a_partitioned_table_is_merged_into_too(void **state)
{
    struct world *world = *state;

    world_target(world, "parted");
    world_run(world, "CREATE TABLE parted (id bigint, v integer) PARTITION BY RANGE (id)");
    world_run(world, "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10)");
    world_run(world, "CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (10) TO (20)");
    world_published(world, "SELECT i AS id, i::INTEGER AS v FROM range(8, 12) t(i)");
    assert_int_equal(world->result.inserted, 4);
    world_published(world, "SELECT i AS id, 0::INTEGER AS v FROM range(11, 14) t(i)");
    assert_int_equal(world->result.inserted, 2);
    assert_int_equal(world->result.updated, 1);
}

static void keys_are_the_primary_key_of_a_table_that_is_made(void **state)
{
    struct world *world = *state;

    world_target(world, "keyed");
    world->keys[1] = "line";
    world->publication.key_count = 2;
    world_published(world, "SELECT 1 AS v, 'a' AS line, 7 AS id");
    assert_asked(world,
                 "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = "
                 "'keyed'::regclass AND contype = 'p'",
                 "PRIMARY KEY (line, id)");
}

static void a_schema_is_made_where_that_is_allowed(void **state)
{
    struct world *world = *state;

    world_target(world, "Marts.Orders");
    world_published(world, "SELECT 1 AS id");
    assert_string_equal(world->result.target.schema, "marts");
    assert_asked(world, "SELECT COUNT(*) FROM marts.orders", "1");
    assert_asked(world, "SELECT COUNT(*) FROM marts._assay_ledger", "1");
}

static void missing_privileges_say_what_is_missing(void **state)
{
    struct world *world = *state;
    assay_connection_config weak = connection;

    world_target(world, "nowhere.orders");
    world_run(world, "CREATE ROLE weak LOGIN PASSWORD 'weak'");
    world_run(world, "CREATE SCHEMA locked");
    world_run(world, "GRANT USAGE ON SCHEMA locked TO weak");
    (void)setenv("ASSAY_TEST_WEAK", "weak", 1);
    weak.user = "weak";
    weak.password.text = "env:ASSAY_TEST_WEAK";
    world->request.connection = &weak;
    world_rows(world, "SELECT 1 AS id");
    assert_refused(world, ASSAY_EIO, 3123, "schema 'nowhere' does not exist and cannot be made");
    world->publication.table = "locked.orders";
    assert_refused(world, ASSAY_EIO, 3123, "permission denied for schema locked");
    world->publication.table = "orders";
    assert_refused(world, ASSAY_EIO, 3123, "permission denied for table _assay_ledger");
    world->request.connection = &connection;
}

static void a_column_that_must_be_filled_is_named(void **state)
{
    struct world *world = *state;

    world_target(world, "demanding");
    world_run(world, "CREATE TABLE demanding (id bigint, must text NOT NULL)");
    world_rows(world, "SELECT 1::BIGINT AS id");
    assert_refused(world, ASSAY_EDATA, 7011,
                   "ALTER TABLE \"public\".\"demanding\" ALTER COLUMN \"must\" DROP NOT NULL");
}

static void the_statement_that_a_type_needs_is_one_that_the_server_takes(void **state)
{
    static const char NEEDED[] =
        "ALTER TABLE \"public\".\"textual\" ALTER COLUMN \"id\" TYPE bigint "
        "USING CAST(\"id\" AS bigint)";
    struct world *world = *state;

    world_target(world, "textual");
    world_run(world, "CREATE TABLE textual (id text)");
    world_rows(world, "SELECT 1::BIGINT AS id");
    assert_refused(world, ASSAY_EDATA, 7010, NEEDED);
    world_run(world, NEEDED);
    world_published(world, "SELECT 1::BIGINT AS id");
}

static void an_array_that_would_have_to_be_json_has_its_own_statement(void **state)
{
    static const char NEEDED[] = "ALTER TABLE \"public\".\"arrays\" ALTER COLUMN \"l\" TYPE jsonb "
                                 "USING to_jsonb(\"l\")";
    struct world *world = *state;

    world_target(world, "arrays");
    world_run(world, "CREATE TABLE arrays (id bigint, l text[])");
    world_run(world, "INSERT INTO arrays VALUES (1, '{a,b}')");
    world_rows(world, "SELECT 1::BIGINT AS id, ['c'] AS l");
    assert_refused(world, ASSAY_EDATA, 7010, NEEDED);
    world_run(world, NEEDED);
    world_published(world, "SELECT 1::BIGINT AS id, ['c'] AS l");
}

static void a_column_that_the_server_makes_is_refused_before_rows_are_sent(void **state)
{
    struct world *world = *state;

    world_target(world, "made");
    world_run(world,
              "CREATE TABLE made (id bigint, twice bigint GENERATED ALWAYS AS (id * 2) STORED, "
              "n bigint GENERATED ALWAYS AS IDENTITY, m bigint GENERATED BY DEFAULT AS IDENTITY)");
    world_rows(world, "SELECT 1::BIGINT AS id, 2::BIGINT AS twice");
    assert_refused(world, ASSAY_EDATA, 7012, "column 'twice' of 'made' is generated");
    world_rows(world, "SELECT 1::BIGINT AS id, 2::BIGINT AS n");
    assert_refused(world, ASSAY_EDATA, 7012, "column 'n' of 'made' is generated");
    world_published(world, "SELECT 1::BIGINT AS id, 7::BIGINT AS m");
    assert_asked(world, "SELECT id || ' ' || twice || ' ' || m FROM made", "1 2 7");
}

/* ---- interrupted ---- */

/* Ends the publisher's session once, when it says this phase. */
struct interruption {
    struct world *world;
    const char *at;
};

static void interrupt(void *user, const char *phase)
{
    struct interruption *interruption = user;

    if (interruption->at == NULL || strcmp(phase, interruption->at) != 0)
        return;
    interruption->at = NULL;
    (void)world_ask(interruption->world,
                    "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE "
                    "application_name LIKE 'assay %'");
}

static void a_session_that_ends_anywhere_is_tried_again(void **state)
{
    static const char *const phases[] = {"checking", "preparing", "loading", "applying",
                                         "committing"};
    struct world *world = *state;

    world_target(world, "interrupted");
    for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
        struct interruption interruption = {.world = world, .at = phases[i]};
        world->request.phase = interrupt;
        world->request.phase_user = &interruption;
        world_published(world,
                        assay_arena_format(world->arena,
                                           "SELECT i AS id, %zu AS v FROM range(50) t(i)", i));
        assert_null(interruption.at);
        assert_int_equal(world->result.attempts, 2);
        assert_int_equal(world->result.inserted + world->result.updated, 50);
        assert_int_equal(world_stages(world), 0);
    }
    assert_asked(world, "SELECT COUNT(*) FROM @._assay_ledger WHERE target = 'public.interrupted'",
                 "5");
    assert_asked(world, "SELECT COUNT(*) FROM ~ WHERE v = 4", "50");
}

static void staging_of_dead_publishers_is_dropped_and_of_living_ones_kept(void **state)
{
    struct world *world = *state;
    assay_stage_owner owner = assay_names_owner(&world->clock, &world->request.random);
    const assay_dialect *dialect = assay_dialect_of(ASSAY_CONNECTION_POSTGRES);

    world_target(world, "cleaned");
    const char *living =
        assay_names_stage(dialect, "cleaned", "0123456789abcdef", &owner, world->arena);
    owner.created_s -= 2 * (int64_t)ASSAY_STAGE_KEEP_S;
    const char *old =
        assay_names_stage(dialect, "cleaned", "0123456789abcdef", &owner, world->arena);
    world_run(world, assay_arena_format(world->arena, "CREATE TABLE %s (a int)", living));
    world_run(world, assay_arena_format(world->arena, "CREATE TABLE %s (a int)", old));
    world_published(world, "SELECT 1 AS id");
    assert_int_equal(world_stages(world), 1);
    world_run(world, assay_arena_format(world->arena, "DROP TABLE %s", living));
}

/* ---- at once ---- */

struct publisher {
    struct world *world;
    assay_status status;
};

static void *publish_thread(void *user)
{
    struct publisher *publisher = user;

    publisher->status = world_publish(publisher->world);
    return NULL;
}

static void of_publishers_at_once_one_applies(void **state)
{
    enum { COUNT = 4 };
    struct publisher publishers[COUNT];
    pthread_t threads[COUNT];
    int applied = 0;

    for (int i = 0; i < COUNT; i++) {
        publishers[i].world = world_new(&connection);
        world_target(publishers[i].world, "raced");
        publishers[i].world->publication.mode = ASSAY_WAREHOUSE_APPEND;
        publishers[i].world->publication.key_count = 0;
        world_rows(publishers[i].world, "SELECT i AS id FROM range(1000) t(i)");
    }
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, publish_thread, &publishers[i]), 0);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < COUNT; i++) {
        if (publishers[i].status != ASSAY_OK)
            fail_msg("E%d: %s", publishers[i].world->err.number, publishers[i].world->err.message);
        applied += publishers[i].world->result.already ? 0 : 1;
    }
    assert_int_equal(applied, 1);
    assert_asked(publishers[0].world, "SELECT COUNT(*) FROM ~", "1000");
    assert_asked(publishers[0].world,
                 "SELECT COUNT(*) FROM @._assay_ledger WHERE target = 'public.raced'", "1");
    for (int i = 0; i < COUNT; i++)
        world_free(publishers[i].world);
    (void)state;
}

static int run_own(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(rows_that_did_not_change_keep_their_place),
        CASE(a_table_of_others_without_an_index_is_merged_into),
        CASE(a_partitioned_table_is_merged_into_too),
        CASE(keys_are_the_primary_key_of_a_table_that_is_made),
        CASE(a_schema_is_made_where_that_is_allowed),
        CASE(missing_privileges_say_what_is_missing),
        CASE(a_column_that_must_be_filled_is_named),
        CASE(the_statement_that_a_type_needs_is_one_that_the_server_takes),
        CASE(an_array_that_would_have_to_be_json_has_its_own_statement),
        CASE(a_column_that_the_server_makes_is_refused_before_rows_are_sent),
        CASE(a_session_that_ends_anywhere_is_tried_again),
        CASE(staging_of_dead_publishers_is_dropped_and_of_living_ones_kept),
        cmocka_unit_test(of_publishers_at_once_one_applies),
    };
#undef CASE

    return cmocka_run_group_tests_name("postgres alone", tests, NULL, NULL);
}

int main(void)
{
    test_postgres *server = test_postgres_start();

    if (server == NULL) {
        (void)printf("1..0 # SKIP no PostgreSQL server (Debian: apt-get install postgresql)\n");
        return 0;
    }
    connection.port = test_postgres_port(server);
    (void)setenv("ASSAY_TEST_PASSWORD", test_postgres_password, 1);
    int failed = conformance_run("postgres", &connection);
    failed += run_own();
    test_postgres_stop(server);
    return failed;
}
