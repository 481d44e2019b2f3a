/* Tables with real rows, and what other engines' programs need to meet them:
 *     test_interop                   writes tables to a temporary folder and reads them back
 *     test_interop write FOLDER      writes them to FOLDER/<layer>/<table>, for other readers
 *     test_interop read FOLDER [ID]  prints one line of JSON about a table in any format
 *     test_interop append FOLDER     appends three rows to a table of columns id BIGINT, name TEXT
 *     test_interop replace FOLDER    puts three rows in the place of all
 * (tests/python/interop runs the last three). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/path.h"
#include "base/str.h"
#include "catalog/formats.h"
#include "engine/engine.h"
#include "table/scan.h"
#include "table/stage.h"
#include "text/json.h"

struct session {
    assay_arena *arena;
    assay_engine *engine;
    assay_conn *conn;
    assay_store *store;
    assay_clock clock;
    assay_random random;
    assay_commit_env env;
    assay_error err;
};

static void session_done(struct session *session)
{
    assay_store_close(session->store);
    assay_conn_close(session->conn);
    assay_engine_close(session->engine);
    assay_arena_free(session->arena);
}

static assay_status session_init(struct session *session)
{
    const assay_engine_options options = {.memory_limit = 512U << 20, .threads = 2};
    *session = (struct session){.arena = assay_arena_new(),
                                .clock = assay_clock_system(),
                                .random = assay_random_system()};
    session->env = (assay_commit_env){.clock = &session->clock,
                                      .random = &session->random,
                                      .assay_version = "0.1.0"};
    ASSAY_TRY(assay_engine_open(&options, &session->engine, &session->err));
    ASSAY_TRY(assay_conn_open(session->engine, &session->conn, &session->err));
    return assay_store_open_local("/", &session->store, &session->err);
}

/* ---- writing ---- */

/* One commit of a table under test. */
struct step {
    const char *table;  /* "gold/types" */
    const char *select; /* "" = roll back to the first snapshot */
    const char *partition_by[3];
    assay_change_kind kind;
};

#define TYPES(n)                                                                             \
    "SELECT " n "::TINYINT AS tiny, " n "::SMALLINT AS small, " n "::INTEGER AS i, " n       \
    "::BIGINT AS l, (" n " / 4)::FLOAT AS f, CASE WHEN " n " = 3 THEN 'nan'::DOUBLE ELSE " n \
    " / 8 END AS d, (" n " * 1.25)::DECIMAL(9,2) AS small_decimal, (" n                      \
    "::DECIMAL(38,0) * 1000000000000000000000000)::DECIMAL(38,4) AS big_decimal, DATE "      \
    "'1969-12-28' + " n "::INTEGER AS day, TIMESTAMP "                                       \
    "'1969-12-31 23:59:59.999999' + INTERVAL 1 HOUR * " n " AS naive, TIMESTAMPTZ "          \
    "'2024-02-29 00:00:00+00' + INTERVAL 1 DAY * " n " AS instant, 'caf\xc3\xa9 ' || " n     \
    " || repeat('x', 40) AS txt, ('\\xAA\\x00'::BLOB) AS raw, "                              \
    "'f79c3e09-677c-4bbd-a479-3f349cb785e7'::UUID AS u, " n " % 2 = 0 AS flag, CASE WHEN " n \
    " = 4 THEN NULL ELSE " n " END::INTEGER AS maybe"

#define NESTED                                                                                    \
    "SELECT n::BIGINT AS id, [n, NULL, n + 1]::BIGINT[] AS l, {'a': n, 'b': {'c': 'x' || n}} AS " \
    "st, MAP {'k' || n: n::DOUBLE} AS m, [{'x': n}] AS ls FROM range(5) t(n)"

#define ORDERS(from, to)                                                                           \
    "SELECT n::BIGINT AS id, CASE n % 3 WHEN 0 THEN 'de' WHEN 1 THEN 'o''r/x%2F' END AS country, " \
    "TIMESTAMP '1969-11-15 00:00:00' + INTERVAL 9 DAY * n AS at, (n * 1.5)::DECIMAL(10,2) AS "     \
    "amount FROM range(" #from "," #to ") t(n)"

static const struct step STEPS[] = {
    {"gold/types",
     TYPES("n") ", TIME '23:30:00.000001' AS clock FROM range(7) t(n)",
     {NULL},
     ASSAY_CHANGE_REPLACE},
    {"gold/nested", NESTED, {NULL}, ASSAY_CHANGE_REPLACE},
    {"silver/orders", ORDERS(0, 9), {"month(at)", "country"}, ASSAY_CHANGE_APPEND},
    {"silver/orders", ORDERS(9, 12), {"month(at)", "country"}, ASSAY_CHANGE_APPEND},
    {"silver/replaced", "SELECT 1::BIGINT AS id, 'a' AS name", {NULL}, ASSAY_CHANGE_APPEND},
    {"silver/replaced", "SELECT 2::BIGINT AS id, 'b' AS name", {NULL}, ASSAY_CHANGE_APPEND},
    {"silver/replaced",
     "SELECT 3::BIGINT AS id, 'c' AS name, 1.5::DOUBLE AS extra",
     {NULL},
     ASSAY_CHANGE_REPLACE},
    {"silver/rolled", "SELECT 1::BIGINT AS id, 'a' AS name", {NULL}, ASSAY_CHANGE_APPEND},
    {"silver/rolled", "SELECT 2::BIGINT AS id, 'b' AS name", {NULL}, ASSAY_CHANGE_REPLACE},
    {"silver/rolled", "", {NULL}, ASSAY_CHANGE_ROLLBACK},
    {"silver/evolved",
     "SELECT 1::INTEGER AS id, 0.5::FLOAT AS f, 1.25::DECIMAL(9,2) AS d",
     {NULL},
     ASSAY_CHANGE_APPEND},
    {"silver/evolved",
     "SELECT 5000000000::BIGINT AS id, 1e100::DOUBLE AS f, 123456789012.25::DECIMAL(14,2) AS d, "
     "'n' AS added",
     {NULL},
     ASSAY_CHANGE_APPEND},
    {"gold/days", ORDERS(0, 6), {"day(at)"}, ASSAY_CHANGE_REPLACE},
    {"gold/hours", ORDERS(0, 6), {"hour(at)"}, ASSAY_CHANGE_REPLACE},
    {"gold/years", ORDERS(0, 6), {"year(at)"}, ASSAY_CHANGE_REPLACE},
    {"gold/common", TYPES("n") " FROM range(7) t(n)", {NULL}, ASSAY_CHANGE_REPLACE},
};

enum { STEP_COUNT = sizeof STEPS / sizeof STEPS[0] };

static size_t partition_count(const struct step *step)
{
    size_t count = 0;
    while (count < 3 && step->partition_by[count] != NULL)
        count++;
    return count;
}

static assay_status schema_of(struct session *session, const assay_table *table,
                              const struct step *step, assay_schema **ret_schema)
{
    assay_column *columns = NULL;
    size_t count = 0;
    assay_schema *incoming = NULL;
    bool changed = false;
    assay_arena *arena = session->arena;
    ASSAY_TRY(
        assay_conn_describe(session->conn, step->select, arena, &columns, &count, &session->err));
    ASSAY_TRY(assay_schema_from_columns(columns, count, arena, &incoming, &session->err));
    if (!table->exists) {
        *ret_schema = incoming;
        return ASSAY_OK;
    }
    return assay_schema_merge(table->schema, incoming,
                              step->kind == ASSAY_CHANGE_REPLACE ? ASSAY_SCHEMA_REPLACE
                                                                 : ASSAY_SCHEMA_EVOLVE,
                              arena, ret_schema, &changed, &session->err);
}

static assay_status stage(struct session *session, const assay_table *table,
                          const struct step *step, assay_change *change)
{
    assay_schema *schema = NULL;
    assay_partition_spec *spec = NULL;
    assay_stage_result staged = {0};
    ASSAY_TRY(schema_of(session, table, step, &schema));
    ASSAY_TRY(assay_partition_parse(step->partition_by, partition_count(step), schema,
                                    session->arena, &spec, &session->err));
    const assay_stage_request request = {.table = table,
                                         .schema = schema,
                                         .spec = spec,
                                         .select = step->select,
                                         .stage_id = change->commit_id};
    ASSAY_TRY(assay_stage_write(session->conn, &request, session->arena, &staged, &session->err));
    change->schema = schema;
    change->spec = spec;
    change->added = staged.files;
    change->added_count = staged.count;
    return ASSAY_OK;
}

static assay_status load(struct session *session, const assay_table_format *format,
                         const char *location, assay_table **ret_table)
{
    return format->load("test.table", location, session->store, session->conn, session->arena,
                        ret_table, &session->err);
}

static assay_status run_step(struct session *session, const char *root, const struct step *step)
{
    const assay_table_format *format = assay_format_find("iceberg");
    const assay_snapshot *snapshot = NULL;
    assay_table *table = NULL;
    char commit_id[ASSAY_UUID_TEXT_SIZE];
    const char *location = assay_path_join(session->arena, root, step->table);
    assay_uuid_format(assay_uuid_v7(&session->clock, &session->random), commit_id);
    ASSAY_TRY(load(session, format, location, &table));
    assay_change change = {.kind = step->kind,
                           .schema = table->schema,
                           .spec = table->spec,
                           .commit_id = commit_id,
                           .run_id = "018f0000-0000-7000-8000-000000000001",
                           .verdict = "pass"};
    if (step->kind == ASSAY_CHANGE_ROLLBACK)
        change.rollback_to = table->snapshots[0].id;
    else
        ASSAY_TRY(stage(session, table, step, &change));
    return format->commit(table, &change, &session->env, session->store, session->conn, &snapshot,
                          &session->err);
}

static assay_status write_tables(struct session *session, const char *root)
{
    for (size_t i = 0; i < STEP_COUNT; i++)
        ASSAY_TRY(run_step(session, root, &STEPS[i]));
    return ASSAY_OK;
}

/* ---- reading ---- */

static assay_status scan_sql(struct session *session, const assay_table *table, int64_t snapshot_id,
                             assay_buf *sql, size_t *ret_files)
{
    assay_data_file *files = NULL;
    assay_schema *schema = NULL;
    const assay_scan_options options = {.conn = session->conn};
    ASSAY_TRY(table->format->plan_files(table, snapshot_id, session->store, session->arena, &files,
                                        ret_files, &session->err));
    ASSAY_TRY(
        table->format->snapshot_schema(table, snapshot_id, session->arena, &schema, &session->err));
    return assay_scan_append_sql(sql, table, schema, files, *ret_files, &options, &session->err);
}

static assay_status print_table(struct session *session, const char *location, int64_t snapshot_id)
{
    ASSAY_AUTO(assay_buf_done) assay_buf select = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf digest = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf out = ASSAY_BUF_EMPTY;
    const assay_table_format *format = NULL;
    assay_table *table = NULL;
    assay_rows *rows = NULL;
    assay_column *columns = NULL;
    size_t files = 0, count = 0;
    assay_arena *arena = session->arena;
    ASSAY_TRY(assay_format_detect(location, session->store, &format, &session->err));
    if (format == NULL)
        return assay_error_set(&session->err, ASSAY_ENOTFOUND, 0, "no table");
    ASSAY_TRY(load(session, format, location, &table));
    ASSAY_TRY(scan_sql(session, table, snapshot_id, &select, &files));
    ASSAY_TRY(assay_conn_describe(session->conn, assay_buf_text(&select), arena, &columns, &count,
                                  &session->err));
    assay_buf_append_format(&digest,
                            "SELECT count(*), md5(coalesce(string_agg(h, '' ORDER BY h), '')) FROM "
                            "(SELECT md5(to_json(t)::VARCHAR) AS h FROM (%s) AS t)",
                            assay_buf_text(&select));
    ASSAY_TRY(
        assay_conn_query(session->conn, assay_buf_text(&digest), 0, arena, &rows, &session->err));
    assay_json_writer writer = assay_json_writer_init(&out);
    assay_json_begin_map(&writer);
    assay_json_key(&writer, "files");
    assay_json_int(&writer, (int64_t)files);
    assay_json_key(&writer, "rows");
    assay_json_value(&writer, rows->cells[0][0]);
    assay_json_key(&writer, "digest");
    assay_json_value(&writer, rows->cells[0][1]);
    assay_json_key(&writer, "columns");
    assay_json_begin_list(&writer);
    for (size_t i = 0; i < count; i++) {
        assay_json_begin_list(&writer);
        assay_json_text(&writer, columns[i].name);
        assay_json_text(&writer, columns[i].type);
        assay_json_end_list(&writer);
    }
    assay_json_end_list(&writer);
    assay_json_end_map(&writer);
    (void)printf("%s\n", assay_buf_text(&out));
    return ASSAY_OK;
}

/* ---- the test of its own ---- */

/* Rows of a snapshot by position in time, compared with a query both ways. */
static void expect(struct session *session, const char *root, const char *name, size_t position,
                   const char *expected)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf compare = ASSAY_BUF_EMPTY;
    assay_table *table = NULL;
    size_t files = 0;
    int64_t different = -1;
    const char *location = assay_path_join(session->arena, root, name);
    assay_status status = load(session, assay_format_find("iceberg"), location, &table);
    if (status == ASSAY_OK)
        status = scan_sql(session, table, table->snapshots[position].id, &sql, &files);
    assay_buf_append_format(&compare,
                            "SELECT count(*) FROM (((%s) EXCEPT ALL (%s)) UNION ALL ((%s) EXCEPT "
                            "ALL (%s)))",
                            assay_buf_text(&sql), expected, expected, assay_buf_text(&sql));
    if (status == ASSAY_OK)
        status = assay_conn_query_int(session->conn, assay_buf_text(&compare), &different,
                                      &session->err);
    if (status != ASSAY_OK)
        fail_msg("%s: %s", name, session->err.message);
    if (different != 0)
        fail_msg("%s, snapshot %zu: %lld rows differ", name, position, (long long)different);
}

static void what_was_written_is_read_back_at_every_snapshot(void **state)
{
    (void)state;
    ASSAY_AUTO(session_done) struct session session;
    char root[] = "/tmp/assay-interop-XXXXXX";
    assert_non_null(mkdtemp(root));
    if (session_init(&session) != ASSAY_OK || write_tables(&session, root) != ASSAY_OK)
        fail_msg("%d %s", session.err.number, session.err.message);
    expect(&session, root, "gold/types", 0, STEPS[0].select);
    expect(&session, root, "gold/nested", 0, NESTED);
    expect(&session, root, "silver/orders", 0, ORDERS(0, 9));
    expect(&session, root, "silver/orders", 1, ORDERS(0, 12));
    expect(&session, root, "silver/replaced", 0, STEPS[4].select);
    expect(&session, root, "silver/replaced", 1,
           "SELECT * FROM (VALUES (1::BIGINT, 'a'), (2, 'b')) t(id, name)");
    expect(&session, root, "silver/replaced", 2, STEPS[6].select);
    expect(&session, root, "silver/rolled", 1, STEPS[8].select);
    expect(&session, root, "silver/rolled", 2, STEPS[7].select);
    expect(&session, root, "silver/evolved", 0, STEPS[10].select);
    expect(&session, root, "silver/evolved", 1,
           "SELECT * FROM (VALUES (1::BIGINT, 0.5::DOUBLE, 1.25::DECIMAL(14,2), NULL), "
           "(5000000000, 1e100, 123456789012.25, 'n')) t(id, f, d, added)");
    expect(&session, root, "gold/days", 0, ORDERS(0, 6));
    expect(&session, root, "gold/hours", 0, ORDERS(0, 6));
    expect(&session, root, "gold/years", 0, ORDERS(0, 6));
    assert_int_equal(assay_path_remove_tree(root, NULL), ASSAY_OK);
}

static assay_status run_mode(struct session *session, int argc, char **argv)
{
    const struct step append = {NULL,
                                "SELECT n::BIGINT AS id, 'assay ' || n AS name FROM range(3) t(n)",
                                {NULL},
                                ASSAY_CHANGE_APPEND};
    int64_t snapshot_id = -1;
    ASSAY_TRY(session_init(session));
    if (argc == 3 && assay_str_equal(argv[1], "write"))
        return write_tables(session, argv[2]);
    if (argc == 3 && (assay_str_equal(argv[1], "append") || assay_str_equal(argv[1], "replace"))) {
        struct step step = append;
        if (assay_str_equal(argv[1], "replace"))
            step.kind = ASSAY_CHANGE_REPLACE;
        step.table = argv[2];
        return run_step(session, "/", &step);
    }
    if (argc == 4 && !assay_str_to_int64(argv[3], &snapshot_id))
        return assay_error_set(&session->err, ASSAY_EINVAL, 0, "no snapshot id: '%s'", argv[3]);
    if (assay_str_equal(argv[1], "read") && argc >= 3)
        return print_table(session, argv[2], snapshot_id);
    return assay_error_set(&session->err, ASSAY_EINVAL, 0, "unknown mode '%s'", argv[1]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read_back_at_every_snapshot),
    };
    if (argc == 1)
        return cmocka_run_group_tests(tests, NULL, NULL);
    ASSAY_AUTO(session_done) struct session session = {0};
    if (run_mode(&session, argc, argv) == ASSAY_OK)
        return 0;
    (void)printf("{\"error\": \"%s\", \"number\": %d, \"message\": ",
                 assay_status_name(session.err.code), session.err.number);
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    assay_json_write_text(&text, session.err.message);
    (void)printf("%s}\n", assay_buf_text(&text));
    return 1;
}
