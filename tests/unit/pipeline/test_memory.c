/* Every allocation of opening, linking, selecting and compiling a project may fail. */
#include "fixture.h"
#include "pipeline/selection.h"
#include "support/exhaust.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
    if (fixture_setup(state) != 0)
        return 1;
    shop *fixture = *state;

    fixture_write(fixture, "assay.yaml",
                  "name: shop\nvars: { A: b }\n"
                  "targets: { local: { warehouse: 'lake-${A}', connections: {} } }\n"
                  "layers: { gold: { schema: strict } }\n");
    fixture_write(fixture, "config/storage.yaml",
                  "format: delta\nlayers: { gold: { format: iceberg } }\ndelta: {}\n"
                  "keep: { snapshots: 3 }\n");
    fixture_write(fixture, "config/connections.yaml", "s: { type: s3, region: r }\n");
    fixture_write(fixture, "config/dq.yaml", "dq: { enabled: true }\n");
    fixture_write(fixture, "models/bronze/x.yaml",
                  "source: { files: data/x.csv, csv: { null: [a, b] } }\n"
                  "contract: { columns: { a: INTEGER, d: DATE } }\n");
    fixture_write(fixture, "models/silver/x.sql",
                  "/* ---\nmode: append\nnew_rows_of: [bronze.x]\npartition_by: [month(d)]\n"
                  "columns: { a: { pii: true } }\n--- */\n"
                  "with x as (select * from bronze.x) select a, d from x where d > $since");
    return 0;
}

static assay_status open_project(const shop *fixture, assay_arena *arena,
                                 assay_project **ret_project, assay_error *err)
{
    assay_project_options options = {.start = fixture->folder->path, .exact = true};

    return assay_project_open(&options, arena, ret_project, err);
}

static assay_status open_only(void *user, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_project *project = NULL;

    ASSAY_TRY(assay_arena_check(arena, err));
    return open_project(user, arena, &project, err);
}

typedef assay_status compile_call(assay_project *project, assay_model *const *selected,
                                  size_t count, const assay_step_env *env, assay_conn *conn,
                                  assay_error *err);

static assay_status open_and_compile_by(shop *fixture, compile_call *call, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const char *select[] = {"+silver.x"};
    assay_selection_words words = {.select = select, .select_count = 1};
    assay_selection selection;
    assay_project *project = NULL;
    assay_model **models = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(open_project(fixture, arena, &project, err));
    ASSAY_TRY(assay_graph_build(project, fixture->conn, err));
    ASSAY_TRY(assay_selection_parse(project, &words, arena, &selection, err));
    ASSAY_TRY(assay_selection_models(project, &selection, arena, &models, &count, err));
    ASSAY_TRY(call(project, models, count, &fixture->env, fixture->conn, err));

    /* closing the private catalog cannot fail for its caller; short of memory it stays open */
    const char *catalog = NULL;
    ASSAY_TRY(
        assay_conn_query_text(fixture->conn, "select current_database()", arena, &catalog, err));
    if (strcmp(catalog, "memory") == 0)
        return ASSAY_OK;
    ASSAY_TRY(assay_conn_execute(fixture->conn, "use memory; detach assay_compile", NULL, err));
    return assay_error_nomem(err);
}

static assay_status open_and_compile(void *user, assay_error *err)
{
    return open_and_compile_by(user, assay_compile, err);
}

static assay_status open_and_compile_each(void *user, assay_error *err)
{
    return open_and_compile_by(user, assay_compile_each, err);
}

static void opening_a_project_survives_every_lack_of_memory(void **state)
{
    exhaust_allocations(open_only, *state);
}

static void compiling_a_project_survives_every_lack_of_memory(void **state)
{
    shop *fixture = *state;

    /* the fakes are made before, so that they take no memory of their own */
    (void)fixture_table(fixture, "bronze.x");
    (void)fixture_table(fixture, "silver.x");
    exhaust_allocations(open_and_compile, fixture);
}

static void compiling_on_beside_a_broken_source_survives_every_lack_of_memory(void **state)
{
    shop *fixture = *state;

    fixture_table(fixture, "bronze.x")->broken = ASSAY_EDATA;
    (void)fixture_table(fixture, "silver.x");
    exhaust_allocations(open_and_compile_each, fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(opening_a_project_survives_every_lack_of_memory, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(compiling_a_project_survives_every_lack_of_memory, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(
            compiling_on_beside_a_broken_source_survives_every_lack_of_memory, setup,
            fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
