/* Rules over the table itself: columns, types, counts (facts: quality.md sections 3.2 and 3.5). */
#include "quality/plan.h"

#include <stdlib.h>
#include <string.h>

/* ---- types ---- */

/* What a requested name accepts: full DuckDB types, or the beginning of one with parameters. */
struct type_name {
    const char *name;
    const char *accepts; /* blank-separated; '(' at the end = any parameters */
};

static const struct type_name type_names[] = {
    {"INTEGER", "INTEGER"},
    {"INT", "INTEGER"},
    {"INT4", "INTEGER"},
    {"IntegerType", "INTEGER"},
    {"int32", "INTEGER"},
    {"INT32", "INTEGER"},
    {"BIGINT", "BIGINT"},
    {"INT8", "BIGINT"},
    {"LONG", "BIGINT"},
    {"LongType", "BIGINT"},
    {"long", "BIGINT"},
    {"int64", "BIGINT"},
    {"INT64", "BIGINT"},
    {"SMALLINT", "SMALLINT"},
    {"ShortType", "SMALLINT"},
    {"int16", "SMALLINT"},
    {"DOUBLE", "DOUBLE"},
    {"DOUBLE_PRECISION", "DOUBLE"},
    {"FLOAT8", "DOUBLE"},
    {"FLOAT64", "DOUBLE"},
    {"float64", "DOUBLE"},
    {"DoubleType", "DOUBLE"},
    {"FLOAT", "DOUBLE FLOAT"},
    {"REAL", "DOUBLE FLOAT"},
    {"FloatType", "DOUBLE FLOAT"},
    {"VARCHAR", "VARCHAR"},
    {"TEXT", "VARCHAR"},
    {"STRING", "VARCHAR"},
    {"CHAR", "VARCHAR"},
    {"NVARCHAR", "VARCHAR"},
    {"StringType", "VARCHAR"},
    {"str", "VARCHAR"},
    {"BOOLEAN", "BOOLEAN"},
    {"BOOL", "BOOLEAN"},
    {"BooleanType", "BOOLEAN"},
    {"BIT", "BOOLEAN BIT"},
    {"TINYINT", "BOOLEAN TINYINT"},
    {"TIMESTAMP", "TIMESTAMP"},
    {"DATETIME", "TIMESTAMP"},
    {"TimestampType", "TIMESTAMP TIMESTAMP_WITH_TIME_ZONE"},
    {"DATE", "DATE"},
    {"DateType", "DATE"},
    {"DECIMAL", "DECIMAL("},
    {"NUMERIC", "DECIMAL("},
    {"NUMBER", "DECIMAL("},
    {"DecimalType", "DECIMAL("},
    {"string", "VARCHAR"},
    {"int", "SMALLINT INTEGER BIGINT"},
    {"integer", "SMALLINT INTEGER BIGINT"},
    {"float", "FLOAT DOUBLE"},
    {"numeric", "TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT FLOAT "
                "DOUBLE DECIMAL("},
    {"bool", "BOOLEAN"},
    {"boolean", "BOOLEAN"},
    {"timestamp", "TIMESTAMP"},
    {"date", "DATE"},
    {"TIMESTAMPTZ", "TIMESTAMP_WITH_TIME_ZONE"},
    {"HUGEINT", "HUGEINT"},
    {"UTINYINT", "UTINYINT"},
    {"USMALLINT", "USMALLINT"},
    {"UINTEGER", "UINTEGER"},
    {"UBIGINT", "UBIGINT"},
    {"TIME", "TIME"},
    {"UUID", "UUID"},
    {"BLOB", "BLOB"},
    {"BINARY", "BLOB"},
    {"BinaryType", "BLOB"},
    {"JSON", "JSON"},
    {"INTERVAL", "INTERVAL"},
    {"double", "DOUBLE"},
    {"decimal", "DECIMAL("},
    {"bigint", "BIGINT"},
    {"smallint", "SMALLINT"},
    {"tinyint", "TINYINT"},
    {"varchar", "VARCHAR"},
    {"text", "VARCHAR"},
    {"char", "VARCHAR"},
    {"real", "FLOAT"},
    {"short", "SMALLINT"},
    {"byte", "TINYINT"},
    {"ByteType", "TINYINT"},
    {"timestamptz", "TIMESTAMP_WITH_TIME_ZONE"},
    {"TimestampNTZType", "TIMESTAMP"},
    {"binary", "BLOB"},
    {"uuid", "UUID"},
    {"time", "TIME"},
    {"json", "JSON"},
    {"hugeint", "HUGEINT"},
};

/* Whether the word is this type; '_' stands for the blanks of a type, '(' at its end for any
 * parameters. */
static bool is_type(const char *word, size_t size, const char *type)
{
    for (size_t i = 0; i < size; i++)
        if (type[i] == '\0' || (word[i] != type[i] && !(word[i] == '_' && type[i] == ' ')))
            return false;
    return word[size - 1] == '(' || type[size] == '\0';
}

/* Whether `type` is among the blank-separated ones. */
static bool accepts(const char *list, const char *type)
{
    while (*list != '\0') {
        size_t size = strcspn(list, " ");
        if (is_type(list, size, type))
            return true;
        list += size;
        list += strspn(list, " ");
    }
    return false;
}

/* Whether a column of `type` answers to `name`; 5022 where nobody knows the name. */
static assay_status type_matches(const char *name, const char *type, bool *ret_match,
                                 assay_error *err)
{
    const char *names[sizeof(type_names) / sizeof(type_names[0])];
    size_t count = sizeof(type_names) / sizeof(type_names[0]);
    const char *near = NULL;

    if (assay_str_equal_ci(name, type)) {
        *ret_match = true;
        return ASSAY_OK;
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = type_names[i].name;
        if (strcmp(type_names[i].name, name) == 0) {
            *ret_match = accepts(type_names[i].accepts, type);
            return ASSAY_OK;
        }
    }
    if (assay_str_starts(name, "DECIMAL(") || assay_str_starts(name, "STRUCT(") ||
        assay_str_starts(name, "MAP(") || assay_str_ends(name, "[]")) {
        *ret_match = false; /* a full type that is another one */
        return ASSAY_OK;
    }
    near = assay_str_nearest(name, names, count);
    return assay_error_set(err, ASSAY_ECONFIG, 5022, "unknown type '%s'%s%s%s", name,
                           near == NULL ? "" : ", did you mean '", near == NULL ? "" : near,
                           near == NULL ? "" : "'?");
}

static void settle_by_schema(assay_dq_plan *plan)
{
    plan->result->proof = ASSAY_CHECK_PROOF_SCHEMA;
}

/* variant 0: type_, 1: type_list */
assay_status assay_dq_compile_type(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const assay_dq_column *column = NULL;
    const assay_value *list = NULL;
    const char *name = NULL;
    bool match = false;
    bool any = false;

    ASSAY_TRY(assay_dq_arg_column(run, plan, "column", &column, err));
    if (plan->kind->variant == 0) {
        ASSAY_TRY(assay_dq_arg_text(plan, "type_", &name, err));
        ASSAY_TRY(type_matches(name, column->type, &any, err));
    } else {
        ASSAY_TRY(assay_dq_arg_texts(plan, "type_list", &list, err));
        any = list == NULL;
        for (size_t i = 0; list != NULL && i < list->count; i++) {
            ASSAY_TRY(type_matches(list->items[i]->text, column->type, &match, err));
            any = any || match;
        }
    }
    settle_by_schema(plan);
    plan->result->observed = assay_value_text(run->arena, column->type);
    if (any)
        assay_dq_pass(plan);
    else
        assay_dq_miss(run, plan, "column '%s' is %s", column->name, column->type);
    return ASSAY_OK;
}

/* ---- columns ---- */

static size_t find_name(const assay_dq_run *run, const char *name)
{
    for (size_t i = 0; i < run->column_count; i++)
        if (strcmp(run->columns[i].name, name) == 0)
            return i;
    return run->column_count;
}

assay_status assay_dq_compile_column_exists(assay_dq_run *run, assay_dq_plan *plan,
                                            assay_error *err)
{
    const char *name = NULL;
    int64_t index = 0;
    bool given = false;
    size_t found = 0;

    ASSAY_TRY(assay_dq_arg_text(plan, "column", &name, err));
    ASSAY_TRY(assay_dq_arg_whole(plan, "column_index", &given, &index, err));
    settle_by_schema(plan);
    found = find_name(run, name);
    if (found == run->column_count)
        assay_dq_miss(run, plan, "there is no column '%s'", name);
    else if (given && (index < 0 || (size_t)index != found))
        assay_dq_miss(run, plan, "column '%s' stands at position %zu, not %lld", name, found,
                      (long long)index);
    else
        assay_dq_pass(plan);
    return ASSAY_OK;
}

/* Whole-number bounds in order. */
static assay_status read_counts(const assay_dq_plan *plan, int64_t *ret_min, int64_t *ret_max,
                                assay_error *err)
{
    bool given = false;

    *ret_min = INT64_MIN;
    *ret_max = INT64_MAX;
    ASSAY_TRY(assay_dq_arg_whole(plan, "min_value", &given, ret_min, err));
    ASSAY_TRY(assay_dq_arg_whole(plan, "max_value", &given, ret_max, err));
    if (*ret_min > *ret_max)
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "min_value is greater than max_value");
    return ASSAY_OK;
}

static assay_status read_exact(const assay_dq_plan *plan, int64_t *ret_min, int64_t *ret_max,
                               assay_error *err)
{
    bool given = false;

    ASSAY_TRY(assay_dq_arg_whole(plan, "value", &given, ret_min, err));
    if (!given)
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "'value' is missing");
    *ret_max = *ret_min;
    return ASSAY_OK;
}

/* variant 0: between, 1: equal */
assay_status assay_dq_compile_column_count(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    int64_t min = 0;
    int64_t max = 0;
    int64_t count = (int64_t)run->column_count;

    ASSAY_TRY(plan->kind->variant == 0 ? read_counts(plan, &min, &max, err)
                                       : read_exact(plan, &min, &max, err));
    settle_by_schema(plan);
    plan->result->observed = assay_value_int(run->arena, count);
    if (count >= min && count <= max)
        assay_dq_pass(plan);
    else
        assay_dq_miss(run, plan, "the table has %lld columns", (long long)count);
    return ASSAY_OK;
}

static void append_text(assay_dq_run *run, assay_value *list, const char *text)
{
    if (list == NULL ||
        assay_value_append(list, assay_value_text(run->arena, text), run->arena, NULL) != ASSAY_OK)
        run->failed = true;
}

static assay_value *observed_columns(assay_dq_run *run)
{
    assay_value *list = assay_value_list(run->arena);

    for (size_t i = 0; i < run->column_count; i++)
        append_text(run, list, run->columns[i].name);
    return list;
}

/* {"Expected Column Position", "Expected", "Found"}; null where one side ends */
static void add_mismatch(assay_dq_run *run, assay_value *list, size_t position,
                         const char *expected, const char *found)
{
    assay_value *map = assay_value_map(run->arena);
    assay_arena *arena = run->arena;
    assay_value *left =
        expected == NULL ? assay_value_null(arena) : assay_value_text(arena, expected);
    assay_value *right = found == NULL ? assay_value_null(arena) : assay_value_text(arena, found);

    if (map == NULL ||
        assay_value_set(map, "Expected Column Position", assay_value_int(arena, (int64_t)position),
                        arena, NULL) != ASSAY_OK ||
        assay_value_set(map, "Expected", left, arena, NULL) != ASSAY_OK ||
        assay_value_set(map, "Found", right, arena, NULL) != ASSAY_OK ||
        assay_value_append(list, map, arena, NULL) != ASSAY_OK)
        run->failed = true;
}

static void judge_ordered(assay_dq_run *run, assay_dq_plan *plan, const assay_value *list)
{
    assay_value *mismatched = assay_value_list(run->arena);
    size_t longest = list->count > run->column_count ? list->count : run->column_count;

    for (size_t i = 0; i < longest && mismatched != NULL; i++) {
        const char *expected = i < list->count ? list->items[i]->text : NULL;
        const char *found = i < run->column_count ? run->columns[i].name : NULL;
        if (!assay_str_equal(expected, found))
            add_mismatch(run, mismatched, i, expected, found);
    }
    if (mismatched == NULL) {
        run->failed = true;
    } else if (mismatched->count == 0) {
        assay_dq_pass(plan);
    } else {
        assay_dq_detail(run, plan, "mismatched", mismatched);
        assay_dq_miss(run, plan, "%zu columns stand elsewhere or are missing", mismatched->count);
    }
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of one side that the other lacks, sorted, as a list. */
static assay_value *sorted_list(assay_dq_run *run, const char **names, size_t count)
{
    assay_value *list = assay_value_list(run->arena);

    qsort(names, count, sizeof(*names), compare_texts);
    for (size_t i = 0; i < count; i++)
        append_text(run, list, names[i]);
    return list;
}

static void judge_set(assay_dq_run *run, assay_dq_plan *plan, const assay_value *set, bool exact)
{
    size_t set_count = set == NULL ? 0 : set->count;
    const char **missing = assay_arena_take(run->arena, set_count + 1, sizeof(*missing));
    const char **unexpected =
        assay_arena_take(run->arena, run->column_count + 1, sizeof(*unexpected));
    assay_value *mismatched = assay_value_map(run->arena);
    size_t missing_count = 0;
    size_t unexpected_count = 0;

    if (missing == NULL || unexpected == NULL || mismatched == NULL) {
        run->failed = true;
        return;
    }
    for (size_t i = 0; i < set_count; i++)
        if (find_name(run, set->items[i]->text) == run->column_count)
            missing[missing_count++] = set->items[i]->text;
    for (size_t i = 0; i < run->column_count; i++) {
        bool named = false;
        for (size_t j = 0; j < set_count; j++)
            named = named || strcmp(set->items[j]->text, run->columns[i].name) == 0;
        if (!named && exact)
            unexpected[unexpected_count++] = run->columns[i].name;
    }
    if (unexpected_count > 0 &&
        assay_value_set(mismatched, "unexpected", sorted_list(run, unexpected, unexpected_count),
                        run->arena, NULL) != ASSAY_OK)
        run->failed = true;
    if (missing_count > 0 &&
        assay_value_set(mismatched, "missing", sorted_list(run, missing, missing_count), run->arena,
                        NULL) != ASSAY_OK)
        run->failed = true;
    assay_dq_detail(run, plan, "mismatched", mismatched);
    if (missing_count + unexpected_count == 0)
        assay_dq_pass(plan);
    else if (missing_count > 0)
        assay_dq_miss(run, plan, "column '%s' is missing", missing[0]);
    else
        assay_dq_miss(run, plan, "column '%s' is not expected", unexpected[0]);
}

/* variant 0: ordered list, 1: set, 2: all of `columns` exist */
assay_status assay_dq_compile_columns(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    static const char *const arguments[] = {"column_list", "column_set", "columns"};
    const assay_value *list = NULL;
    bool exact = true;

    ASSAY_TRY(assay_dq_arg_texts(plan, arguments[plan->kind->variant], &list, err));
    if (plan->kind->variant == 2 && (list == NULL || list->count == 0))
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "'columns' is missing or empty");
    if (plan->kind->variant == 1)
        ASSAY_TRY(assay_dq_arg_bool(plan, "exact_match", true, &exact, err));
    settle_by_schema(plan);
    plan->result->observed = observed_columns(run);
    if (plan->kind->variant == 0 && list == NULL)
        assay_dq_pass(plan);
    else if (plan->kind->variant == 0)
        judge_ordered(run, plan, list);
    else
        judge_set(run, plan, list, plan->kind->variant == 1 && exact);
    return ASSAY_OK;
}

/* ---- rows ---- */

struct count_bounds {
    int64_t min, max;
};

static void judge_row_count(assay_dq_run *run, assay_dq_plan *plan)
{
    const struct count_bounds *bounds = plan->extra;
    int64_t count = assay_dq_slot_int(plan, ASSAY_DQ_OBSERVED);

    plan->result->observed = assay_value_int(run->arena, count);
    if (count >= bounds->min && count <= bounds->max)
        assay_dq_pass(plan);
    else if (bounds->min == bounds->max)
        assay_dq_miss(run, plan, "%lld rows, expected %lld", (long long)count,
                      (long long)bounds->min);
    else if (count < bounds->min)
        assay_dq_miss(run, plan, "%lld rows, expected at least %lld", (long long)count,
                      (long long)bounds->min);
    else
        assay_dq_miss(run, plan, "%lld rows, expected at most %lld", (long long)count,
                      (long long)bounds->max);
}

/* variant 0: between, 1: equal, 2: at least `value`, 3: at least one */
assay_status assay_dq_compile_row_count(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    struct count_bounds *bounds = assay_arena_take(run->arena, 1, sizeof(*bounds));
    const char *proof = assay_dq_proof_rows(run, plan);

    ASSAY_TRY(assay_arena_check(bounds, err));
    if (plan->kind->variant == 0)
        ASSAY_TRY(read_counts(plan, &bounds->min, &bounds->max, err));
    else if (plan->kind->variant == 3)
        bounds->min = 1;
    else
        ASSAY_TRY(read_exact(plan, &bounds->min, &bounds->max, err));
    if (plan->kind->variant >= 2)
        bounds->max = INT64_MAX;
    plan->extra = bounds;
    plan->slots[ASSAY_DQ_OBSERVED] =
        proof != NULL
            ? assay_dq_metric_of(run, ASSAY_DQ_LANE_METADATA, NULL, proof)
            : assay_dq_metric_of(run, ASSAY_DQ_LANE_FOOTER, assay_dq_from(run, plan), "count(*)");
    plan->judge = judge_row_count;
    return ASSAY_OK;
}
