#include "lineage/columns.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "lineage/plan.h"

static const struct {
    const char *type, *name;
} subtypes[ASSAY_LINEAGE_SUBTYPE_COUNT] = {
    [ASSAY_LINEAGE_IDENTITY] = {"DIRECT", "IDENTITY"},
    [ASSAY_LINEAGE_TRANSFORMATION] = {"DIRECT", "TRANSFORMATION"},
    [ASSAY_LINEAGE_AGGREGATION] = {"DIRECT", "AGGREGATION"},
    [ASSAY_LINEAGE_JOIN] = {"INDIRECT", "JOIN"},
    [ASSAY_LINEAGE_FILTER] = {"INDIRECT", "FILTER"},
    [ASSAY_LINEAGE_GROUP_BY] = {"INDIRECT", "GROUP_BY"},
    [ASSAY_LINEAGE_SORT] = {"INDIRECT", "SORT"},
    [ASSAY_LINEAGE_WINDOW] = {"INDIRECT", "WINDOW"},
    [ASSAY_LINEAGE_CONDITIONAL] = {"INDIRECT", "CONDITIONAL"},
};

const char *assay_lineage_subtype_type(assay_lineage_subtype subtype)
{
    return subtypes[subtype].type;
}

const char *assay_lineage_subtype_name(assay_lineage_subtype subtype)
{
    return subtypes[subtype].name;
}

static assay_status write_transformations(const assay_plan_edge *edge, assay_arena *arena,
                                          assay_lineage_column_input *input, assay_error *err)
{
    assay_lineage_transformation *made =
        assay_arena_take(arena, ASSAY_LINEAGE_SUBTYPE_COUNT, sizeof *made);
    ASSAY_TRY(assay_arena_check(made, err));

    for (int subtype = 0; subtype < ASSAY_LINEAGE_SUBTYPE_COUNT; subtype++)
        if ((edge->kinds & 1U << subtype) != 0)
            made[input->transformation_count++] =
                (assay_lineage_transformation){(assay_lineage_subtype)subtype,
                                               (edge->masked & 1U << subtype) != 0};
    input->transformations = made;
    return ASSAY_OK;
}

static int by_name(const void *a, const void *b)
{
    const assay_lineage_column_input *left = a;
    const assay_lineage_column_input *right = b;
    int order = strcmp(left->table, right->table);
    return order != 0 ? order : strcmp(left->column, right->column);
}

static assay_status make_inputs(const assay_plan_walk *walk, assay_plan_edges edges,
                                assay_lineage_column_input **ret_inputs, size_t *ret_count,
                                assay_error *err)
{
    assay_lineage_column_input *inputs = NULL;
    size_t count = 0;

    if (edges.count > 0) {
        inputs = assay_arena_take(walk->arena, edges.count, sizeof *inputs);
        ASSAY_TRY(assay_arena_check(inputs, err));
    }
    for (size_t i = 0; i < edges.count; i++) {
        const assay_plan_edge *edge = &edges.items[i];
        if (edge->kinds == 0)
            continue;
        const assay_plan_source *source =
            *(assay_plan_source *const *)assay_vec_at(&walk->sources, edge->source);
        inputs[count].table = source->table;
        inputs[count].column = source->column;
        ASSAY_TRY(write_transformations(edge, walk->arena, &inputs[count], err));
        count++;
    }
    if (count > 1)
        qsort(inputs, count, sizeof *inputs, by_name);
    *ret_inputs = inputs;
    *ret_count = count;
    return ASSAY_OK;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static assay_status make_tables(const assay_plan_walk *walk, assay_column_lineage *lineage,
                                assay_error *err)
{
    const assay_vec *scope = walk->scope;

    if (scope->count == 0)
        return ASSAY_OK;
    lineage->tables = assay_arena_take(walk->arena, scope->count, sizeof *lineage->tables);
    ASSAY_TRY(assay_arena_check(lineage->tables, err));
    for (size_t i = 0; i < scope->count; i++) {
        const assay_plan_edge *edge = assay_vec_at(scope, i);
        const assay_plan_source *source =
            *(assay_plan_source *const *)assay_vec_at(&walk->sources, edge->source);
        if (edge->kinds == 0)
            lineage->tables[lineage->table_count++] = source->table;
    }
    if (lineage->table_count > 1)
        qsort(lineage->tables, lineage->table_count, sizeof *lineage->tables, by_text);
    return ASSAY_OK;
}

static assay_status add_column(const assay_plan_walk *walk, const char *name,
                               const assay_plan_column *column, assay_column_lineage *lineage,
                               assay_error *err)
{
    assay_lineage_column *made = &lineage->columns[lineage->column_count];

    made->name = assay_arena_text(walk->arena, name);
    ASSAY_TRY(assay_arena_check(made->name, err));
    lineage->column_count++;
    return make_inputs(walk, column->edges, &made->inputs, &made->input_count, err);
}

/* Columns of a query. A facet has one member a name; of equal names (SELECT * of a join; a table
 * cannot have them) the last one counts, as it does for readers of JSON and of rows by name. */
static assay_status name_columns(const assay_lineage_plan *plan, const assay_plan_walk *walk,
                                 assay_plan_relation result, assay_column_lineage *lineage,
                                 assay_error *err)
{
    ASSAY_AUTO(assay_map_freep) assay_map *by_column = assay_map_new();

    if (by_column == NULL)
        return assay_error_nomem(err);
    for (size_t i = 0; i < result.count; i++)
        ASSAY_TRY(assay_map_put(by_column, plan->names[i], &result.columns[i], err));
    for (size_t i = 0; i < assay_map_count(by_column); i++)
        ASSAY_TRY(add_column(walk, assay_map_key_at(by_column, i), assay_map_value_at(by_column, i),
                             lineage, err));
    return ASSAY_OK;
}

static assay_status make_columns(const assay_lineage_plan *plan, const assay_plan_walk *walk,
                                 assay_plan_relation result, assay_column_lineage *lineage,
                                 assay_error *err)
{
    const assay_plan_target *target = &walk->target;
    size_t count = target->writes ? target->count : result.count;

    if (!target->writes && plan->name_count < result.count)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 6010,
                               "the plan has %zu columns, and %zu names are known", result.count,
                               plan->name_count);
    if (count > 0) {
        lineage->columns = assay_arena_take(walk->arena, count, sizeof *lineage->columns);
        ASSAY_TRY(assay_arena_check(lineage->columns, err));
    }
    if (!target->writes)
        return name_columns(plan, walk, result, lineage, err);
    for (size_t i = 0; i < count; i++)
        if (target->written[i])
            ASSAY_TRY(add_column(walk, target->names[i], &target->columns[i], lineage, err));
    return ASSAY_OK;
}

/* The one plan of a document of json_serialize_plan. */
static assay_status root_of(const assay_value *plan, const assay_value **ret_root, assay_error *err)
{
    *ret_root = plan;
    if (assay_value_find(plan, "plans") == NULL)
        return ASSAY_OK;
    if (assay_plan_count(plan, "plans") != 1)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 6010,
                               "the statement has %zu plans, not one",
                               assay_plan_count(plan, "plans"));
    *ret_root = assay_plan_item(plan, "plans", 0);
    return ASSAY_OK;
}

static assay_status run_walk(const assay_lineage_plan *plan, assay_plan_walk *walk,
                             assay_column_lineage *lineage, assay_error *err)
{
    const assay_value *root = NULL;
    assay_plan_relation result = {NULL, 0};
    assay_plan_edges dataset = {NULL, 0};

    ASSAY_TRY(root_of(plan->plan, &root, err));
    ASSAY_TRY(assay_plan_operator(walk, root, &result, err));
    ASSAY_TRY(make_columns(plan, walk, result, lineage, err));
    ASSAY_TRY(assay_plan_edges_close(walk, walk->scope, &dataset, err));
    ASSAY_TRY(make_inputs(walk, dataset, &lineage->dataset, &lineage->dataset_count, err));
    ASSAY_TRY(make_tables(walk, lineage, err));
    lineage->output =
        walk->target.writes ? assay_arena_text(walk->arena, walk->target.table) : plan->output;
    return !walk->target.writes ? ASSAY_OK : assay_arena_check(lineage->output, err);
}

assay_status assay_lineage_columns_of_plan(const assay_lineage_plan *plan, assay_arena *arena,
                                           assay_column_lineage **ret_lineage, assay_error *err)
{
    ASSAY_AUTO(assay_plan_walk_done) assay_plan_walk walk = {.depth = 0};
    ASSAY_AUTO(assay_vec_done) assay_vec scope = ASSAY_VEC_OF(assay_plan_edge);
    assay_column_lineage *lineage = assay_arena_take(arena, 1, sizeof *lineage);

    ASSAY_TRY(assay_arena_check(lineage, err));
    ASSAY_TRY(assay_plan_walk_init(&walk, arena, plan->catalog, err));
    walk.scope = &scope;
    ASSAY_TRY(run_walk(plan, &walk, lineage, err));
    *ret_lineage = lineage;
    return ASSAY_OK;
}

/* The plan of a CREATE VIEW has no child: its query is planned on its own. */
static assay_status view_query(assay_conn *conn, const assay_value *info, assay_arena *arena,
                               const char **ret_sql, assay_error *err)
{
    assay_value *tree = assay_value_map(arena);
    assay_value *statements = assay_value_list(arena);
    assay_value *query = assay_value_find(info, "query");

    ASSAY_TRY(assay_arena_check(tree, err));
    ASSAY_TRY(assay_arena_check(statements, err));
    if (query == NULL)
        return assay_error_set(err, ASSAY_EUNSUPPORTED, 6010, "the plan of the view has no query");
    ASSAY_TRY(assay_value_set(tree, "error", assay_value_bool(arena, false), arena, err));
    ASSAY_TRY(assay_value_append(statements, query, arena, err));
    ASSAY_TRY(assay_value_set(tree, "statements", statements, arena, err));
    return assay_conn_unparse(conn, tree, arena, ret_sql, err);
}

static assay_status describe_names(assay_conn *conn, const char *sql, assay_arena *arena,
                                   assay_lineage_plan *plan, assay_error *err)
{
    assay_column *columns = NULL;
    size_t count = 0;

    ASSAY_TRY(assay_conn_describe(conn, sql, arena, &columns, &count, err));
    const char **names = assay_arena_take(arena, count > 0 ? count : 1, sizeof *names);
    ASSAY_TRY(assay_arena_check(names, err));
    for (size_t i = 0; i < count; i++)
        names[i] = columns[i].name;
    plan->names = names;
    plan->name_count = count;
    return ASSAY_OK;
}

/* Column names of a view: those that it lists, then those of its query. */
static assay_status view_names(const assay_value *info, assay_lineage_plan *plan,
                               assay_arena *arena, assay_error *err)
{
    size_t listed = assay_plan_count(info, "aliases");
    const char **names = assay_arena_take(arena, plan->name_count + 1, sizeof *names);

    ASSAY_TRY(assay_arena_check(names, err));
    for (size_t i = 0; i < plan->name_count; i++)
        names[i] = i < listed && assay_plan_item(info, "aliases", i)->text != NULL
                       ? assay_plan_item(info, "aliases", i)->text
                       : plan->names[i];
    plan->names = names;
    return ASSAY_OK;
}

/* True where a node at or below the CTEs of the root writes something: then the target has the
 * names, and the statement cannot be described. */
static bool is_query(const assay_value *node)
{
    static const char *const writing[] = {
        "LOGICAL_INSERT",     "LOGICAL_UPDATE",       "LOGICAL_DELETE",
        "LOGICAL_MERGE_INTO", "LOGICAL_CREATE_TABLE", "LOGICAL_COPY_TO_FILE",
    };

    while (node != NULL) {
        const char *type = assay_value_find_text(node, "type", "");
        for (size_t i = 0; i < sizeof writing / sizeof *writing; i++)
            if (assay_str_equal(type, writing[i]))
                return false;
        node = assay_str_equal(type, "LOGICAL_MATERIALIZED_CTE")
                   ? assay_plan_item(node, "children", 1)
                   : assay_plan_item(node, "children", 0);
    }
    return true;
}

static assay_status lineage_of_view(assay_conn *conn, const assay_value *info,
                                    assay_lineage_plan *plan, assay_arena *arena, assay_error *err)
{
    assay_value *inner = NULL;
    const char *sql = NULL;
    const char *schema = assay_value_find_text(info, "schema", "main");
    const char *name = assay_value_find_text(info, "view_name", "");

    ASSAY_TRY(view_query(conn, info, arena, &sql, err));
    ASSAY_TRY(assay_conn_plan(conn, sql, arena, &inner, err));
    ASSAY_TRY(describe_names(conn, sql, arena, plan, err));
    ASSAY_TRY(view_names(info, plan, arena, err));
    plan->plan = inner;
    plan->output = assay_str_equal_ci(schema, "main")
                       ? assay_arena_text(arena, name)
                       : assay_arena_format(arena, "%s.%s", schema, name);
    return assay_arena_check(plan->output, err);
}

/* Fills what columns_of_plan needs: the plan, the names, the catalog. */
static assay_status prepare(assay_conn *conn, const char *sql, assay_arena *arena,
                            assay_lineage_plan *plan, assay_error *err)
{
    assay_value *tree = NULL;

    ASSAY_TRY(assay_conn_plan(conn, sql, arena, &tree, err));
    ASSAY_TRY(assay_conn_query_text(conn, "SELECT current_catalog()", arena, &plan->catalog, err));
    plan->plan = tree;

    const assay_value *root = NULL;
    ASSAY_TRY(root_of(tree, &root, err));
    if (assay_str_equal(assay_value_find_text(root, "type", ""), "LOGICAL_CREATE_VIEW"))
        return lineage_of_view(conn, assay_value_find(root, "info"), plan, arena, err);
    return is_query(root) ? describe_names(conn, sql, arena, plan, err) : ASSAY_OK;
}

assay_status assay_lineage_columns(assay_conn *conn, const char *sql, assay_arena *arena,
                                   assay_column_lineage **ret_lineage, assay_error *err)
{
    assay_lineage_plan plan = {.plan = NULL};
    assay_status status = prepare(conn, sql, arena, &plan, err);

    if (status == ASSAY_ENOMEM || status == ASSAY_ECANCELLED)
        return status;
    if (status != ASSAY_OK) {
        /* Whatever the engine says of the statement: here it only means that there is no lineage.
         */
        if (err != NULL)
            err->number = 6010;
        return assay_error_wrap_status(err, ASSAY_EUNSUPPORTED, "column lineage");
    }
    return assay_lineage_columns_of_plan(&plan, arena, ret_lineage, err);
}
