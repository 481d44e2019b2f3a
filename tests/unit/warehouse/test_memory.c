#include "support/exhaust.h"
#include "warehouse/apply.h"
#include "warehouse/evolve.h"
#include "warehouse/names.h"
#include "warehouse/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Everything that is made before a statement is sent, with the 1st, 2nd, 3rd .. allocation failing.
 */

static const char *const keys[] = {"id"};

static const assay_column columns[] = {{"id", "BIGINT"},
                                       {"amount", "DECIMAL(10,2)"},
                                       {"doc", "JSON"},
                                       {"op", "VARCHAR"}};

static const assay_server_column there[] = {{"id", "integer", true, false, false},
                                            {"amount", "numeric(8,2)", false, false, false}};

static const char *const earlier[] = {"amount", "old"};

struct plan {
    assay_arena *arena;
    assay_buf buf;
};

static assay_status write_plan(struct plan *plan, const assay_warehouse_request *request,
                               assay_error *err)
{
    const assay_dialect *dialect = assay_dialect_of(request->connection->kind);
    assay_warehouse_target target;
    assay_mapping *mapping = NULL;
    assay_evolve_plan evolution;
    assay_apply_list list;
    char id[ASSAY_WAREHOUSE_ID_SIZE];

    ASSAY_TRY(assay_arena_check(plan->arena, err));
    ASSAY_TRY(assay_warehouse_publish_id(request, id, err));
    ASSAY_TRY(assay_warehouse_resolve(request->connection, request->publication, plan->arena,
                                      &target, err));
    ASSAY_TRY(
        assay_mapping_make(dialect, request->publication, columns, 4, plan->arena, &mapping, err));
    ASSAY_TRY(assay_evolve_create(mapping, &target, plan->arena, &evolution, err));
    ASSAY_TRY(assay_evolve_diff(mapping, &target, there, 2, plan->arena, &evolution, err));
    ASSAY_TRY(assay_evolve_gone(mapping, earlier, 2, there, 2, plan->arena, err));
    const assay_apply_place place = {.target = &target, .stage = "stage"};
    ASSAY_TRY(assay_apply_statements(mapping, &place, 0, plan->arena, &list, err));
    assay_mapping_select(mapping, request->snapshot, true, &plan->buf);
    assay_stages_create_sql(mapping, &target, "stage", &plan->buf);
    return assay_buf_check(&plan->buf, err);
}

static assay_status make_plan(void *user, assay_error *err)
{
    struct plan plan = {.arena = assay_arena_new(), .buf = ASSAY_BUF_EMPTY};
    assay_status status = write_plan(&plan, user, err);

    assay_arena_free(plan.arena);
    assay_buf_done(&plan.buf);
    return status;
}

static void a_plan_without_memory_says_so(void **state)
{
    const assay_connection_config connection = {.name = "wh",
                                                .type = "postgres",
                                                .kind = ASSAY_CONNECTION_POSTGRES,
                                                .database = "shop"};
    const assay_warehouse_publication publication = {.to = "wh",
                                                     .table = "Marts.\"Odd\"\"name\"",
                                                     .mode = ASSAY_WAREHOUSE_MERGE,
                                                     .keys = keys,
                                                     .key_count = 1,
                                                     .version = "amount",
                                                     .op_column = "op",
                                                     .delete_absent = true};
    const assay_warehouse_snapshot snapshot = {.table = "gold.t",
                                               .table_uuid = "u",
                                               .sequence = 1,
                                               .select = "FROM t"};
    assay_warehouse_request request = {.connection = &connection,
                                       .publication = &publication,
                                       .snapshot = &snapshot};

    (void)state;
    exhaust_allocations(make_plan, &request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_plan_without_memory_says_so)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
