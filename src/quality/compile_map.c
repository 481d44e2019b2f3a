/* Rules over one column, value by value (facts: quality.md section 3.1). */
#include "quality/plan.h"

#include <string.h>

static assay_status demand_text(const assay_dq_column *column, assay_error *err)
{
    if (column->family == ASSAY_DQ_TEXT)
        return ASSAY_OK;
    return assay_error_set(err, ASSAY_ECONFIG, 5021, "column '%s' is %s, not text", column->name,
                           column->type);
}

/* variant 0: not null, 1: null */
assay_status assay_dq_compile_null(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const assay_dq_column *column = NULL;
    assay_dq_metric *rows = assay_dq_metric_rows(run, plan);
    assay_dq_metric *values = NULL;
    const char *from = assay_dq_from(run, plan);
    const char *proof = NULL;

    ASSAY_TRY(assay_dq_arg_column(run, plan, "column", &column, err));
    ASSAY_TRY(assay_dq_rows_column(run, plan, column, "TRUE", err));
    plan->result->judges_nulls = true;
    plan->slots[ASSAY_DQ_JUDGED] = rows;
    plan->unexpected =
        assay_dq_sql(run, "%s IS %sNULL", column->value, plan->kind->variant == 0 ? "" : "NOT ");
    proof = assay_dq_proof_values(run, plan, column);
    if (plan->kind->variant == 1)
        values = assay_dq_metric_values(run, plan, column);
    else if (proof != NULL)
        values = assay_dq_metric_of(run, ASSAY_DQ_LANE_METADATA, NULL,
                                    assay_dq_sql(run, "%lld::BIGINT - %s",
                                                 (long long)run->file_rows, proof));
    else
        values = assay_dq_metric_of(run, ASSAY_DQ_LANE_SCAN, from,
                                    assay_dq_sql(run, "count_if(%s)::BIGINT", plan->unexpected));
    plan->slots[ASSAY_DQ_UNEXPECTED] = values;
    return ASSAY_OK;
}

/* Whether the statistics already show that every value lies within. */
static assay_dq_metric *within_proof(assay_dq_run *run, const assay_dq_plan *plan,
                                     const assay_dq_column *column, const assay_dq_bounds *bounds)
{
    const char *low = NULL;
    const char *high = NULL;

    if (!assay_dq_proof_range(run, plan, column, &low, &high))
        return NULL;
    return assay_dq_metric_of(run, ASSAY_DQ_LANE_METADATA, NULL,
                              assay_dq_sql(run, "(%s AND %s)", assay_dq_within(run, low, bounds),
                                           assay_dq_within(run, high, bounds)));
}

/* min > max is an error; compared where both are plain numbers or moments. */
static assay_status demand_order(assay_dq_run *run, assay_dq_plan *plan,
                                 const assay_dq_bounds *bounds)
{
    if (bounds->min != NULL && bounds->max != NULL)
        plan->probe = assay_dq_sql(run,
                                   "SELECT CASE WHEN %s > %s THEN error('min_value is greater "
                                   "than max_value') END",
                                   bounds->min, bounds->max);
    return ASSAY_OK;
}

assay_status assay_dq_compile_between(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const assay_dq_column *column = NULL;
    assay_dq_bounds bounds = {0};

    ASSAY_TRY(assay_dq_arg_column(run, plan, "column", &column, err));
    ASSAY_TRY(assay_dq_bounds_read(run, plan, column->family, &bounds, err));
    if (bounds.min == NULL && bounds.max == NULL)
        return assay_error_set(err, ASSAY_ECONFIG, 5022,
                               "min_value and max_value are both missing");
    ASSAY_TRY(demand_order(run, plan, &bounds));
    ASSAY_TRY(
        assay_dq_rows_column(run, plan, column, assay_dq_within(run, column->value, &bounds), err));
    if (plan->slots[ASSAY_DQ_UNEXPECTED] != NULL)
        plan->slots[ASSAY_DQ_UNEXPECTED]->shortcut = within_proof(run, plan, column, &bounds);
    return ASSAY_OK;
}

/* variant 0: between, 1: equal */
assay_status assay_dq_compile_lengths(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const assay_dq_column *column = NULL;
    assay_dq_bounds bounds = {0};
    const char *length = NULL;
    int64_t number = 0;
    bool min_given = false;
    bool max_given = false;

    ASSAY_TRY(assay_dq_arg_column(run, plan, "column", &column, err));
    ASSAY_TRY(demand_text(column, err));
    length = assay_dq_sql(run, "length(%s)", column->value);
    if (plan->kind->variant == 1) {
        ASSAY_TRY(assay_dq_arg_whole(plan, "value", &min_given, &number, err));
        if (!min_given)
            return assay_error_set(err, ASSAY_ECONFIG, 5022, "'value' is missing");
        return assay_dq_rows_column(run, plan, column,
                                    assay_dq_sql(run, "(%s = %lld)", length, (long long)number),
                                    err);
    }
    ASSAY_TRY(assay_dq_bounds_read(run, plan, ASSAY_DQ_INTEGER, &bounds, err));
    ASSAY_TRY(assay_dq_arg_whole(plan, "min_value", &min_given, &number, err));
    ASSAY_TRY(assay_dq_arg_whole(plan, "max_value", &max_given, &number, err));
    if (!min_given && !max_given)
        return assay_error_set(err, ASSAY_ECONFIG, 5022,
                               "min_value and max_value are both missing");
    return assay_dq_rows_column(run, plan, column, assay_dq_within(run, length, &bounds), err);
}

assay_status assay_dq_members(assay_dq_run *run, const assay_dq_plan *plan,
                              const assay_dq_column *column, const char *name,
                              assay_dq_set *ret_set, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf list = ASSAY_BUF_EMPTY;
    const assay_value *value = assay_dq_arg(plan, name);
    assay_dq_set set = {.null = value == NULL, .list = ""};

    if (value != NULL && value->kind != ASSAY_VALUE_LIST)
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "'%s' must be a list, not a %s", name,
                               assay_value_kind_name(value->kind));
    for (size_t i = 0; value != NULL && i < value->count; i++) {
        const char *member = NULL;
        ASSAY_TRY(assay_dq_member(run, value->items[i], column, &member, err));
        if (member == NULL) {
            set.dropped += value->items[i]->kind == ASSAY_VALUE_NULL ? 0 : 1;
            continue;
        }
        assay_buf_append_text(&list, set.count == 0 ? "" : ", ");
        assay_buf_append_text(&list, member);
        set.count++;
    }
    ASSAY_TRY(assay_buf_check(&list, err));
    set.list = assay_dq_keep(run, &list);
    *ret_set = set;
    return ASSAY_OK;
}

const char *assay_dq_is_member(assay_dq_run *run, const char *value, const assay_dq_set *set)
{
    if (set->count == 0)
        return "FALSE";
    if (set->count <= ASSAY_DQ_SET_SMALL)
        return assay_dq_sql(run, "coalesce(%s IN (%s), FALSE)", value, set->list);
    return assay_dq_sql(run, "coalesce(%s IN (SELECT unnest([%s])), FALSE)", value, set->list);
}

/* variant 0: in, 1: not in */
assay_status assay_dq_compile_set(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const assay_dq_column *column = NULL;
    const char *expected = "TRUE";
    assay_dq_set set = {0};

    ASSAY_TRY(assay_dq_arg_column(run, plan, "column", &column, err));
    ASSAY_TRY(assay_dq_members(run, plan, column, "value_set", &set, err));
    if (!set.null)
        expected = assay_dq_sql(run, "%s%s", plan->kind->variant == 1 ? "NOT " : "",
                                assay_dq_is_member(run, column->value, &set));
    plan->evidence_order = set.count > ASSAY_DQ_SET_SMALL;
    return assay_dq_rows_column(run, plan, column, expected, err);
}

/* How the kinds of regex and LIKE differ. */
struct pattern {
    const char *kwarg;
    bool list, like, negated;
};

static const struct pattern patterns[] = {
    {"regex", false, false, false},           {"regex", false, false, true},
    {"regex_list", true, false, false},       {"regex_list", true, false, true},
    {"like_pattern", false, true, false},     {"like_pattern", false, true, true},
    {"like_pattern_list", true, true, false}, {"like_pattern_list", true, true, true},
};

static const char *match_sql(assay_dq_run *run, const assay_dq_column *column,
                             const struct pattern *pattern, const char *text)
{
    if (pattern->like)
        return assay_dq_sql(run, "(%s LIKE %s)", column->value, assay_dq_quote_text(run, text));
    return assay_dq_sql(run, "regexp_matches(%s, %s)", column->value,
                        assay_dq_quote_text(run, text));
}

/* match_on any (default) or all: *ret_all. */
static assay_status read_match_on(const assay_dq_plan *plan, bool *ret_all, assay_error *err)
{
    const char *match_on = "any";

    if (assay_dq_arg(plan, "match_on") != NULL)
        ASSAY_TRY(assay_dq_arg_text(plan, "match_on", &match_on, err));
    if (strcmp(match_on, "any") != 0 && strcmp(match_on, "all") != 0)
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "'match_on' must be any or all, not '%s'",
                               match_on);
    *ret_all = strcmp(match_on, "all") == 0;
    return ASSAY_OK;
}

/* Every pattern alone on an empty text: what the engine refuses is an error of this check alone. */
static const char *probe_sql(assay_dq_run *run, const assay_value *list)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;

    assay_buf_append_text(&buf, "SELECT TRUE");
    for (size_t i = 0; i < list->count; i++) {
        assay_buf_append_text(&buf, ", regexp_matches('', ");
        assay_sql_append_text(&buf, list->items[i]->text);
        assay_buf_append_char(&buf, ')');
    }
    return assay_dq_keep(run, &buf);
}

/* The texts of the pattern argument, one or a list of at least one. */
static assay_status read_patterns(assay_dq_run *run, const assay_dq_plan *plan,
                                  const struct pattern *pattern, const assay_value **ret_list,
                                  assay_error *err)
{
    assay_value *single = NULL;
    const char *text = NULL;

    if (pattern->list) {
        ASSAY_TRY(assay_dq_arg_texts(plan, pattern->kwarg, ret_list, err));
        if (*ret_list == NULL || (*ret_list)->count == 0)
            return assay_error_set(err, ASSAY_ECONFIG, 5022, "'%s' is missing or empty",
                                   pattern->kwarg);
        return ASSAY_OK;
    }
    ASSAY_TRY(assay_dq_arg_text(plan, pattern->kwarg, &text, err));
    single = assay_value_list(run->arena);
    ASSAY_TRY(assay_arena_check(single, err));
    ASSAY_TRY(assay_value_append(single, assay_value_text(run->arena, text), run->arena, err));
    *ret_list = single;
    return ASSAY_OK;
}

assay_status assay_dq_compile_pattern(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf buf = ASSAY_BUF_EMPTY;
    const struct pattern *pattern = &patterns[plan->kind->variant];
    const assay_dq_column *column = NULL;
    const assay_value *list = NULL;
    bool all = false;

    ASSAY_TRY(assay_dq_arg_column(run, plan, "column", &column, err));
    ASSAY_TRY(demand_text(column, err));
    ASSAY_TRY(read_patterns(run, plan, pattern, &list, err));
    if (pattern->list)
        ASSAY_TRY(read_match_on(plan, &all, err));
    if (!pattern->like)
        plan->probe = probe_sql(run, list);
    /* the negative form is "none matches", whatever match_on says */
    assay_buf_append_text(&buf, pattern->negated ? "NOT (" : "(");
    for (size_t i = 0; i < list->count; i++) {
        assay_buf_append_text(&buf, i == 0 ? "" : all && !pattern->negated ? " AND " : " OR ");
        assay_buf_append_text(&buf, match_sql(run, column, pattern, list->items[i]->text));
    }
    assay_buf_append_char(&buf, ')');
    ASSAY_TRY(assay_buf_check(&buf, err));
    return assay_dq_rows_column(run, plan, column, assay_dq_keep(run, &buf), err);
}

assay_status assay_dq_compile_strftime(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const assay_dq_column *column = NULL;
    const char *format = NULL;

    ASSAY_TRY(assay_dq_arg_column(run, plan, "column", &column, err));
    ASSAY_TRY(demand_text(column, err));
    ASSAY_TRY(assay_dq_arg_text(plan, "strftime_format", &format, err));
    format = assay_dq_quote_text(run, format);
    /* a format that does not survive a round trip would call every value wrong, or none */
    plan->probe = assay_dq_sql(run,
                               "SELECT strptime(strftime(TIMESTAMP '2019-04-01 13:14:15.678901', "
                               "%s), %s)",
                               format, format);
    return assay_dq_rows_column(run, plan, column,
                                assay_dq_sql(run, "(try_strptime(%s, %s) IS NOT NULL)",
                                             column->value, format),
                                err);
}

assay_status assay_dq_compile_json(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const assay_dq_column *column = NULL;

    ASSAY_TRY(assay_dq_arg_column(run, plan, "column", &column, err));
    return assay_dq_rows_column(run, plan, column,
                                column->family == ASSAY_DQ_TEXT
                                    ? assay_dq_sql(run, "json_valid(%s)", column->value)
                                    : "FALSE",
                                err);
}

assay_status assay_dq_compile_not_future(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const assay_dq_column *column = NULL;
    char now[ASSAY_TIME_TEXT_SIZE];

    ASSAY_TRY(assay_dq_arg_column(run, plan, "column", &column, err));
    if (!assay_dq_is_temporal(column->family))
        return assay_error_set(err, ASSAY_ECONFIG, 5021, "column '%s' is %s, not a date or time",
                               column->name, column->type);
    assay_time_format_sql(run->request->now_us, now);
    return assay_dq_rows_column(run, plan, column,
                                assay_dq_sql(run, "(%s <= '%s%s'::%s)", column->value, now,
                                             column->family == ASSAY_DQ_TIMESTAMPTZ ? "+00" : "",
                                             column->family == ASSAY_DQ_TIMESTAMPTZ ? "TIMESTAMPTZ"
                                                                                    : "TIMESTAMP"),
                                err);
}

/* Which columns a predicate of the user reads is not known: the whole record is the evidence. */
static assay_status judge_all_columns(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    plan->judged = assay_arena_take(run->arena, run->column_count + 1, sizeof(*plan->judged));
    ASSAY_TRY(assay_arena_check(plan->judged, err));
    for (size_t i = 0; i < run->column_count; i++)
        plan->judged[i] = &run->columns[i];
    plan->judged_count = run->column_count;
    plan->shape = ASSAY_DQ_RECORD;
    return ASSAY_OK;
}

assay_status assay_dq_compile_expression(assay_dq_run *run, assay_dq_plan *plan, assay_error *err)
{
    const char *predicate = NULL;
    size_t statements = 0;

    ASSAY_TRY(assay_dq_arg_text(plan, "expression", &predicate, err));
    /* alone it must be one statement, so that no parenthesis of it closes ours */
    ASSAY_TRY(assay_conn_count_statements(run->request->conn,
                                          assay_dq_sql(run, "SELECT 1 WHERE %s\n", predicate),
                                          &statements, err));
    if (statements != 1)
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "'expression' must be one predicate");
    ASSAY_TRY(assay_dq_rows_record(run, plan, NULL, assay_dq_sql(run, "(%s\n)", predicate), err));
    ASSAY_TRY(judge_all_columns(run, plan, err));
    plan->slots[ASSAY_DQ_UNEXPECTED] =
        assay_dq_metric_of(run, ASSAY_DQ_LANE_USER, plan->evidence_source,
                           assay_dq_sql(run, "count_if(%s)::BIGINT", plan->unexpected));
    return ASSAY_OK;
}
