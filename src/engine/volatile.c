#include "base/str.h"
#include "engine/engine.h"

/* Functions whose result depends on more than their arguments: duckdb_functions() of DuckDB 1.5
 * with stability VOLATILE (a test compares), the clock, and what samples. error(), stats(),
 * sleep_ms() and write_log() are volatile for the planner only. */
static const char *const volatile_functions[] = {
    "current_connection_id",
    "current_date",
    "current_localtime",
    "current_localtimestamp",
    "current_query",
    "current_query_id",
    "current_time",
    "current_timestamp",
    "current_transaction_id",
    "currval",
    "gen_random_uuid",
    "get_current_time",
    "get_current_timestamp",
    "localtime",
    "localtimestamp",
    "nextval",
    "now",
    "random",
    "reservoir_quantile",
    "setseed",
    "today",
    "transaction_timestamp",
    "txid_current",
    "uuid",
    "uuidv4",
    "uuidv7",
};

static const char *volatile_name(const char *name)
{
    for (size_t i = 0; i < sizeof volatile_functions / sizeof volatile_functions[0]; i++)
        if (assay_str_equal_ci(volatile_functions[i], name))
            return volatile_functions[i];
    return NULL;
}

/* CURRENT_DATE and its like come from the parser as names of a column. */
static const char *volatile_word(const assay_value *node)
{
    const assay_value *names = assay_value_find(node, "column_names");

    if (names == NULL || names->count != 1 || names->items[0]->kind != ASSAY_VALUE_TEXT)
        return NULL;
    const char *name = names->items[0]->text;
    if (!assay_str_starts(name, "current_") && !assay_str_starts(name, "CURRENT_") &&
        !assay_str_equal_ci(name, "localtime") && !assay_str_equal_ci(name, "localtimestamp"))
        return NULL;
    return volatile_name(name);
}

/* age(x) counts from today. */
static const char *volatile_call(const assay_value *node)
{
    const char *name = assay_value_find_text(node, "function_name", "");
    const assay_value *children = assay_value_find(node, "children");

    if (assay_str_equal_ci(name, "age") && children != NULL && children->count == 1)
        return "age";
    return volatile_name(name);
}

static const char *volatile_node(const assay_value *node)
{
    const char *kind = assay_value_find_text(node, "class", "");
    const assay_value *sample = assay_value_find(node, "sample");

    if (assay_str_equal(kind, "FUNCTION"))
        return volatile_call(node);
    if (assay_str_equal(kind, "COLUMN_REF"))
        return volatile_word(node);
    if (sample != NULL && sample->kind == ASSAY_VALUE_MAP &&
        assay_value_find_int(sample, "seed", -1) < 0)
        return "sample";
    return NULL;
}

bool assay_engine_tree_is_volatile(const assay_value *tree, const char **ret_function)
{
    if (tree == NULL || (tree->kind != ASSAY_VALUE_MAP && tree->kind != ASSAY_VALUE_LIST))
        return false;
    const char *function = tree->kind == ASSAY_VALUE_MAP ? volatile_node(tree) : NULL;
    if (function != NULL) {
        if (ret_function != NULL)
            *ret_function = function;
        return true;
    }
    for (size_t i = 0; i < tree->count; i++)
        if (assay_engine_tree_is_volatile(tree->items[i], ret_function))
            return true;
    return false;
}
