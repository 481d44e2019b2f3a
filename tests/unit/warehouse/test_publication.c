#include "base/str.h"
#include "warehouse/evolve.h"
#include "warehouse/names.h"
#include "warehouse/publish.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What needs no server: checks, names, types, the publish id, the guard of the ledger. */

static const char *const keys[] = {"id", "line"};

static const assay_column columns[] = {{"id", "BIGINT"},
                                       {"line", "VARCHAR"},
                                       {"amount", "DECIMAL(10,2)"},
                                       {"op", "VARCHAR"},
                                       {"doc", "STRUCT(a INTEGER)"}};

static assay_warehouse_publication merging(void)
{
    return (assay_warehouse_publication){.to = "wh",
                                         .table = "orders",
                                         .place = {"models/gold/orders.sql", 3, 5},
                                         .mode = ASSAY_WAREHOUSE_MERGE,
                                         .keys = keys,
                                         .key_count = 1};
}

static void assert_checked(const assay_warehouse_publication *publication, const char *type,
                           int number, const char *part)
{
    assay_error err = {0};
    assay_status status =
        assay_warehouse_check(publication, type, columns, sizeof columns / sizeof columns[0], &err);

    assert_int_equal(err.number, number);
    assert_int_equal(status, number == 0 ? ASSAY_OK : ASSAY_ECONFIG);
    if (number == 0)
        return;
    if (!assay_str_contains(err.message, part))
        fail_msg("'%s' is not in: %s", part, err.message);
    assert_string_equal(err.path, "models/gold/orders.sql");
    assert_int_equal(err.line, 3);
}

static void a_publication_that_makes_sense_is_accepted(void **state)
{
    assay_warehouse_publication publication = merging();

    (void)state;
    assert_checked(&publication, "postgres", 0, NULL);
    publication.table = "\"A \"\"b\"\"\".Orders";
    publication.version = "AMOUNT";
    publication.op_column = "Op";
    assert_checked(&publication, "snowflake", 0, NULL);
}

static void what_contradicts_itself_is_named_with_its_place(void **state)
{
    const char *const listed[] = {"line", "amount"};
    const char *const twice[] = {"id", "ID"};
    const char *const nested[] = {"doc"};
    assay_warehouse_publication publication = merging();

    (void)state;
    assert_checked(&publication, "s3", 7009, "of type s3");
    publication.table = "a..b";
    assert_checked(&publication, "postgres", 7001, "'a..b'");
    publication.table = "a.b.c.d";
    assert_checked(&publication, "postgres", 7001, "more than three parts");
    publication.table = "\"open";
    assert_checked(&publication, "postgres", 7001, "quotes do not close");
    publication.table = "public._Assay_Ledger";
    assert_checked(&publication, "postgres", 7001, "its own tables");
    publication.table = "\"_ASSAY_STG_X\"";
    assert_checked(&publication, "snowflake", 7001, "its own tables");
    publication = merging();
    publication.key_count = 0;
    assert_checked(&publication, "postgres", 7003, "needs the key");
    publication = merging();
    publication.keys = twice;
    publication.key_count = 2;
    assert_checked(&publication, "postgres", 7003, "twice");
    publication = merging();
    publication.keys = nested;
    assert_checked(&publication, "postgres", 7003, "cannot be a key");
    publication = merging();
    publication.version = "amuont";
    assert_checked(&publication, "postgres", 7004, "nearest: 'amount'");
    publication = merging();
    publication.mode = ASSAY_WAREHOUSE_APPEND;
    assert_checked(&publication, "postgres", 7005, "takes no key");
    publication = merging();
    publication.columns = listed;
    publication.column_count = 2;
    assert_checked(&publication, "postgres", 7005, "'id' is needed");
    publication = merging();
    publication.op_column = "id";
    assert_checked(&publication, "postgres", 7005, "cannot be a key");
}

static void columns_that_cannot_land_are_named(void **state)
{
    const assay_column marked[] = {{"id", "BIGINT"}, {"_Is_Deleted", "BOOLEAN"}};
    const assay_column same[] = {{"id", "BIGINT"}, {"ID", "BIGINT"}};
    const assay_column fine[] = {{"id", "BIGINT"}, {"t", "TIMESTAMP_NS"}};
    const assay_column wide[] = {
        {"id", "BIGINT"},
        {"a123456789b123456789c123456789d123456789e123456789f123456789g123456789", "DATE"}};
    assay_warehouse_publication publication = merging();
    assay_error err = {0};

    (void)state;
    publication.delete_absent = true;
    assert_int_equal(assay_warehouse_check(&publication, "snowflake", marked, 2, &err),
                     ASSAY_ECONFIG);
    assert_int_equal(err.number, 7006);
    publication.delete_absent = false;
    assert_int_equal(assay_warehouse_check(&publication, "snowflake", same, 2, &err),
                     ASSAY_ECONFIG);
    assert_int_equal(err.number, 7006);
    assert_int_equal(assay_warehouse_check(&publication, "snowflake", fine, 2, &err), ASSAY_OK);
    assert_int_equal(assay_warehouse_check(&publication, "postgres", fine, 2, &err), ASSAY_ECONFIG);
    assert_int_equal(err.number, 7007);
    assert_int_equal(assay_warehouse_check(&publication, "postgres", wide, 2, &err), ASSAY_ECONFIG);
    assert_int_equal(err.number, 7008);
}

/* ---- names ---- */

static assay_connection_config snowflake(void)
{
    return (assay_connection_config){.name = "wh",
                                     .type = "snowflake",
                                     .kind = ASSAY_CONNECTION_SNOWFLAKE,
                                     .database = "analytics",
                                     .schema = "Public"};
}

static assay_connection_config postgres(void)
{
    return (assay_connection_config){.name = "wh",
                                     .type = "postgres",
                                     .kind = ASSAY_CONNECTION_POSTGRES,
                                     .database = "shop"};
}

static void assert_resolved(const assay_connection_config *connection, const char *table,
                            bool preserve_case, const char *expected)
{
    assay_arena *arena = assay_arena_new();
    assay_warehouse_publication publication = merging();
    assay_warehouse_target target;
    assay_error err = {0};

    publication.table = table;
    publication.preserve_case = preserve_case;
    if (assay_warehouse_resolve(connection, &publication, arena, &target, &err) != ASSAY_OK)
        fail_msg("E%d: %s", err.number, err.message);
    assert_string_equal(assay_arena_format(arena, "%s|%s|%s", target.database, target.schema,
                                           target.table),
                        expected);
    assay_arena_free(arena);
}

static void a_tables_name_is_folded_and_completed(void **state)
{
    assay_connection_config sf = snowflake();
    assay_connection_config pg = postgres();

    (void)state;
    assert_resolved(&sf, "orders", false, "ANALYTICS|PUBLIC|ORDERS");
    assert_resolved(&sf, "Db.Mart.orders", false, "DB|MART|ORDERS");
    assert_resolved(&sf, "Db.Mart.orders", true, "Db|Mart|orders");
    assert_resolved(&sf, "\"Db.x\".mart.\"o\"\"q\"", false, "Db.x|MART|o\"q");
    assert_resolved(&pg, "ORDERS", false, "shop|public|orders");
    assert_resolved(&pg, "Marts.\"ORDERS\"", false, "shop|marts|ORDERS");
    assert_resolved(&pg, "shop.marts.orders", false, "shop|marts|orders");
}

static void a_database_that_is_not_said_or_not_reached_is_an_error(void **state)
{
    assay_arena *arena = assay_arena_new();
    assay_connection_config pg = postgres();
    assay_connection_config sf = snowflake();
    assay_warehouse_publication publication = merging();
    assay_warehouse_target target;
    assay_error err = {0};

    (void)state;
    publication.table = "other.public.orders";
    assert_int_equal(assay_warehouse_resolve(&pg, &publication, arena, &target, &err),
                     ASSAY_ECONFIG);
    assert_int_equal(err.number, 7002);
    sf.database = NULL;
    publication.table = "orders";
    assert_int_equal(assay_warehouse_resolve(&sf, &publication, arena, &target, &err),
                     ASSAY_ECONFIG);
    assert_int_equal(err.number, 7002);
    assay_arena_free(arena);
}

static void a_staging_tables_name_tells_its_owner(void **state)
{
    assay_arena *arena = assay_arena_new();
    const assay_dialect *dialect = assay_dialect_of(ASSAY_CONNECTION_POSTGRES);
    assay_clock clock = assay_clock_system();
    assay_random random = assay_random_system();
    assay_stage_owner self = assay_names_owner(&clock, &random);
    assay_stage_owner owner;

    (void)state;
    const char *name = assay_names_stage(dialect, "A very long name, with dots. and more than fits",
                                         "0123456789abcdef", &self, arena);
    assert_true(strlen(name) <= dialect->name_max);
    assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(name));
    assert_true(assay_str_starts(name, "_assay_stg_a_very_long_name"));
    assert_true(assay_str_contains(name, "__01234567_"));
    assert_true(assay_names_parse_stage(name, &owner));
    assert_int_equal(owner.pid, getpid());
    assert_int_equal(owner.created_s, self.created_s);
    assert_int_equal(owner.host, self.host);
    assert_int_equal(owner.salt, self.salt);
    assert_false(assay_names_parse_stage("_assay_stg_orders", &owner));
    assert_false(assay_names_parse_stage("_assay_ledger", &owner));
    assay_arena_free(arena);
}

static void staging_is_left_where_its_process_is_gone_or_it_is_old(void **state)
{
    enum { NO_PROCESS = 0x7FFFFFF0 };
    assay_stage_owner self = {.created_s = 1000000, .host = 1, .pid = getpid()};
    assay_stage_owner other = self;

    (void)state;
    assert_false(assay_names_is_left(&other, &self));
    other.pid = getppid();
    assert_false(assay_names_is_left(&other, &self));
    other.pid = NO_PROCESS;
    assert_true(assay_names_is_left(&other, &self));
    other.host = 2;
    assert_false(assay_names_is_left(&other, &self));
    other.created_s -= ASSAY_STAGE_KEEP_S + 1;
    assert_true(assay_names_is_left(&other, &self));
}

/* ---- types ---- */

static void what_an_existing_column_takes_is_a_table(void **state)
{
    static const struct {
        assay_connection_kind kind;
        const char *wants, *has;
        assay_type_fit fit;
        const char *type; /* that it gets */
    } cases[] = {
        {ASSAY_CONNECTION_POSTGRES, "integer", "integer", ASSAY_FIT_SAME, "integer"},
        {ASSAY_CONNECTION_POSTGRES, "integer", "bigint", ASSAY_FIT_SAME, "bigint"},
        {ASSAY_CONNECTION_POSTGRES, "bigint", "integer", ASSAY_FIT_WIDEN, "bigint"},
        {ASSAY_CONNECTION_POSTGRES, "bigint", "numeric", ASSAY_FIT_SAME, "numeric"},
        {ASSAY_CONNECTION_POSTGRES, "bigint", "numeric(19,0)", ASSAY_FIT_SAME, "numeric(19,0)"},
        {ASSAY_CONNECTION_POSTGRES, "bigint", "numeric(20,2)", ASSAY_FIT_REFUSED, NULL},
        {ASSAY_CONNECTION_POSTGRES, "numeric(12,2)", "numeric(10,4)", ASSAY_FIT_WIDEN,
         "numeric(14,4)"},
        {ASSAY_CONNECTION_POSTGRES, "numeric(38,0)", "numeric(38,10)", ASSAY_FIT_REFUSED, NULL},
        {ASSAY_CONNECTION_POSTGRES, "double precision", "real", ASSAY_FIT_WIDEN,
         "double precision"},
        {ASSAY_CONNECTION_POSTGRES, "real", "double precision", ASSAY_FIT_SAME, "double precision"},
        {ASSAY_CONNECTION_POSTGRES, "text", "character varying(20)", ASSAY_FIT_WIDEN, "text"},
        {ASSAY_CONNECTION_POSTGRES, "text", "character varying", ASSAY_FIT_SAME,
         "character varying"},
        {ASSAY_CONNECTION_POSTGRES, "text", "character(5)", ASSAY_FIT_REFUSED, NULL},
        {ASSAY_CONNECTION_POSTGRES, "text", "integer", ASSAY_FIT_REFUSED, NULL},
        {ASSAY_CONNECTION_POSTGRES, "timestamp without time zone", "timestamp with time zone",
         ASSAY_FIT_REFUSED, NULL},
        {ASSAY_CONNECTION_POSTGRES, "timestamp without time zone", "timestamp(3) without time zone",
         ASSAY_FIT_REFUSED, NULL},
        {ASSAY_CONNECTION_POSTGRES, "jsonb", "json", ASSAY_FIT_SAME, "json"},
        {ASSAY_CONNECTION_SNOWFLAKE, "NUMBER(10,0)", "NUMBER(38,0)", ASSAY_FIT_SAME,
         "NUMBER(38,0)"},
        {ASSAY_CONNECTION_SNOWFLAKE, "NUMBER(19,0)", "NUMBER(10,0)", ASSAY_FIT_WIDEN,
         "NUMBER(19,0)"},
        {ASSAY_CONNECTION_SNOWFLAKE, "NUMBER(12,4)", "NUMBER(12,2)", ASSAY_FIT_REFUSED, NULL},
        {ASSAY_CONNECTION_SNOWFLAKE, "VARCHAR", "VARCHAR(16777216)", ASSAY_FIT_SAME,
         "VARCHAR(16777216)"},
        {ASSAY_CONNECTION_SNOWFLAKE, "VARCHAR", "VARCHAR(20)", ASSAY_FIT_WIDEN, "VARCHAR"},
        {ASSAY_CONNECTION_SNOWFLAKE, "VARCHAR(36)", "VARCHAR(20)", ASSAY_FIT_WIDEN, "VARCHAR(36)"},
        {ASSAY_CONNECTION_SNOWFLAKE, "TIMESTAMP_NTZ(6)", "TIMESTAMP_NTZ(9)", ASSAY_FIT_SAME,
         "TIMESTAMP_NTZ(9)"},
        {ASSAY_CONNECTION_SNOWFLAKE, "TIMESTAMP_NTZ(9)", "TIMESTAMP_NTZ(6)", ASSAY_FIT_REFUSED,
         NULL},
        {ASSAY_CONNECTION_SNOWFLAKE, "TIMESTAMP_NTZ(6)", "DATE", ASSAY_FIT_REFUSED, NULL},
        {ASSAY_CONNECTION_SNOWFLAKE, "OBJECT", "VARIANT", ASSAY_FIT_SAME, "VARIANT"},
    };
    assay_arena *arena = assay_arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *type = NULL;
        assay_type_fit fit = assay_types_fit(assay_dialect_of(cases[i].kind), cases[i].wants,
                                             cases[i].has, arena, &type);
        if (fit != cases[i].fit || (cases[i].type != NULL && !assay_str_equal(type, cases[i].type)))
            fail_msg("%s into %s: fit %d, type %s", cases[i].wants, cases[i].has, (int)fit, type);
    }
    assay_arena_free(arena);
}

static void engine_types_have_their_row(void **state)
{
    static const struct {
        const char *engine, *postgres, *snowflake;
    } cases[] = {
        {"DECIMAL(12,2)", "numeric(12,2)", "NUMBER(12,2)"},
        {"INTEGER[]", "jsonb", "ARRAY"},
        {"DECIMAL(5,1)[3]", "jsonb", "ARRAY"},
        {"STRUCT(a INTEGER, b VARCHAR[])", "jsonb", "OBJECT"},
        {"MAP(VARCHAR, INTEGER)", "jsonb", "OBJECT"},
        {"ENUM('a', 'b')", "text", "VARCHAR"},
        {"TIME", "time without time zone", "TIME(6)"},
        {"TIME WITH TIME ZONE", "time with time zone", "VARCHAR"},
        {"TIMESTAMP WITH TIME ZONE", "timestamp with time zone", "TIMESTAMP_LTZ(6)"},
        {"TIMESTAMP_MS", "timestamp without time zone", "TIMESTAMP_NTZ(6)"},
        {"TIMESTAMP_NS", NULL, "TIMESTAMP_NTZ(9)"},
        {"UBIGINT", "numeric(20,0)", "NUMBER(20,0)"},
        {"UUID", "uuid", "VARCHAR(36)"},
        {"GEOMETRY", NULL, NULL},
    };
    assay_arena *arena = assay_arena_new();
    const assay_dialect *pg = assay_dialect_of(ASSAY_CONNECTION_POSTGRES);
    const assay_dialect *sf = assay_dialect_of(ASSAY_CONNECTION_SNOWFLAKE);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *engine = cases[i].engine;
        const assay_type_map *row = assay_types_find(pg, engine);
        const char *type = row != NULL ? assay_types_text(row->type, engine, arena) : NULL;
        if (!assay_str_equal(type, cases[i].postgres))
            fail_msg("%s is %s in PostgreSQL", engine, type);
        row = assay_types_find(sf, engine);
        type = row != NULL ? assay_types_text(row->type, engine, arena) : NULL;
        if (!assay_str_equal(type, cases[i].snowflake))
            fail_msg("%s is %s in Snowflake", engine, type);
    }
    assay_arena_free(arena);
}

/* ---- the id and the guard ---- */

static void the_publish_id_is_made_of_what_is_published_where_and_how(void **state)
{
    char ids[6][ASSAY_WAREHOUSE_ID_SIZE];
    assay_connection_config connection = postgres();
    assay_warehouse_publication publication = merging();
    assay_warehouse_snapshot snapshot = {.table_uuid = "u-1", .sequence = 7};
    assay_warehouse_request request = {.connection = &connection,
                                       .publication = &publication,
                                       .snapshot = &snapshot};

    (void)state;
    assert_int_equal(assay_warehouse_publish_id(&request, ids[0], NULL), ASSAY_OK);
    assert_int_equal(strlen(ids[0]), 16);
    publication.to = "renamed";
    snapshot.select = "SELECT 1";
    request.run_id = "another";
    assert_int_equal(assay_warehouse_publish_id(&request, ids[1], NULL), ASSAY_OK);
    assert_string_equal(ids[1], ids[0]);
    snapshot.sequence = 8;
    assert_int_equal(assay_warehouse_publish_id(&request, ids[1], NULL), ASSAY_OK);
    snapshot.table_uuid = "u-2";
    assert_int_equal(assay_warehouse_publish_id(&request, ids[2], NULL), ASSAY_OK);
    publication.table = "marts.orders";
    assert_int_equal(assay_warehouse_publish_id(&request, ids[3], NULL), ASSAY_OK);
    publication.key_count = 2;
    assert_int_equal(assay_warehouse_publish_id(&request, ids[4], NULL), ASSAY_OK);
    publication.delete_absent = true;
    assert_int_equal(assay_warehouse_publish_id(&request, ids[5], NULL), ASSAY_OK);
    for (size_t i = 0; i < 6; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(ids[i], ids[k]);
}

static void the_guard_keeps_commits_in_order(void **state)
{
    assay_warehouse_publication publication = merging();
    assay_warehouse_snapshot snapshot = {.table = "gold.t", .sequence = 7, .after = 5};
    assay_warehouse_request request = {.publication = &publication, .snapshot = &snapshot};
    assay_warehouse_standing standing = {.any = true, .sequence = 8};
    assay_error err = {0};

    (void)state;
    assert_int_equal(assay_publish_guard(&request, &standing, &err), ASSAY_ECONFLICT);
    assert_int_equal(err.number, 7030);
    assert_false(err.retryable);
    standing.sequence = 7;
    assert_int_equal(assay_publish_guard(&request, &standing, &err), ASSAY_OK);
    publication.mode = ASSAY_WAREHOUSE_APPEND;
    standing.sequence = 5;
    assert_int_equal(assay_publish_guard(&request, &standing, &err), ASSAY_OK);
    standing.sequence = 6;
    assert_int_equal(assay_publish_guard(&request, &standing, &err), ASSAY_ECONFLICT);
    assert_int_equal(err.number, 7031);
    assert_true(err.retryable);
}

static void modes_have_their_names(void **state)
{
    assay_warehouse_mode mode = ASSAY_WAREHOUSE_APPEND;

    (void)state;
    assert_true(assay_warehouse_mode_parse("merge", &mode));
    assert_int_equal(mode, ASSAY_WAREHOUSE_MERGE);
    assert_string_equal(assay_warehouse_mode_name(ASSAY_WAREHOUSE_OVERWRITE), "overwrite");
    assert_false(assay_warehouse_mode_parse("MERGE", &mode));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_publication_that_makes_sense_is_accepted),
        cmocka_unit_test(what_contradicts_itself_is_named_with_its_place),
        cmocka_unit_test(columns_that_cannot_land_are_named),
        cmocka_unit_test(a_tables_name_is_folded_and_completed),
        cmocka_unit_test(a_database_that_is_not_said_or_not_reached_is_an_error),
        cmocka_unit_test(a_staging_tables_name_tells_its_owner),
        cmocka_unit_test(staging_is_left_where_its_process_is_gone_or_it_is_old),
        cmocka_unit_test(what_an_existing_column_takes_is_a_table),
        cmocka_unit_test(engine_types_have_their_row),
        cmocka_unit_test(the_publish_id_is_made_of_what_is_published_where_and_how),
        cmocka_unit_test(the_guard_keeps_commits_in_order),
        cmocka_unit_test(modes_have_their_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
