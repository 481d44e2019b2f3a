#include "quality/plan.h"

#include <math.h>
#include <string.h>

const assay_value *assay_dq_arg(const assay_dq_plan *plan, const char *name)
{
    const assay_value *value = assay_value_find(plan->check->kwargs, name);

    return value == NULL || value->kind == ASSAY_VALUE_NULL ? NULL : value;
}

/* The nearest column name of the table, for messages. */
static const char *nearest_column(const assay_dq_run *run, const char *name)
{
    const char **names = assay_arena_take(run->arena, run->column_count + 1, sizeof(*names));

    if (names == NULL)
        return NULL;
    for (size_t i = 0; i < run->column_count; i++)
        names[i] = run->columns[i].name;
    return assay_str_nearest(name, names, run->column_count);
}

assay_status assay_dq_column_of(const assay_dq_run *run, const assay_value *name, const char *kwarg,
                                const assay_dq_column **ret_column, assay_error *err)
{
    const char *near = NULL;

    if (name == NULL)
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "'%s' is missing", kwarg);
    if (name->kind != ASSAY_VALUE_TEXT && (name->text == NULL || name->kind == ASSAY_VALUE_NULL))
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "'%s' must be a column name, not a %s",
                               kwarg, assay_value_kind_name(name->kind));
    for (size_t i = 0; i < run->column_count; i++) {
        if (strcmp(run->columns[i].name, name->text) == 0) {
            *ret_column = &run->columns[i];
            return ASSAY_OK;
        }
    }
    for (size_t i = 0; i < run->column_count; i++) {
        if (assay_str_equal_ci(run->columns[i].name, name->text)) {
            *ret_column = &run->columns[i];
            return ASSAY_OK;
        }
    }
    near = nearest_column(run, name->text);
    if (near != NULL)
        return assay_error_set(err, ASSAY_ECONFIG, 5020,
                               "column '%s' not found in %s, did you mean '%s'?", name->text,
                               run->request->table, near);
    return assay_error_set(err, ASSAY_ECONFIG, 5020, "column '%s' not found in %s", name->text,
                           run->request->table);
}

assay_status assay_dq_arg_column(assay_dq_run *run, const assay_dq_plan *plan, const char *name,
                                 const assay_dq_column **ret_column, assay_error *err)
{
    const assay_dq_column *column = NULL;
    assay_dq_column *judged = NULL;
    bool nan_is_null = true;

    ASSAY_TRY(assay_dq_column_of(run, assay_dq_arg(plan, name), name, &column, err));
    ASSAY_TRY(assay_dq_arg_bool(plan, "nan_is_null", true, &nan_is_null, err));
    if (!nan_is_null && (column->family == ASSAY_DQ_FLOAT || column->family == ASSAY_DQ_DOUBLE)) {
        judged = assay_arena_bytes(run->arena, column, sizeof(*column));
        ASSAY_TRY(assay_arena_check(judged, err));
        judged->value = judged->sql;
        judged->field = NULL; /* statistics count NaN apart */
        column = judged;
    }
    *ret_column = column;
    return ASSAY_OK;
}

assay_status assay_dq_arg_columns(assay_dq_run *run, assay_dq_plan *plan, const char *name,
                                  size_t least, assay_error *err)
{
    const assay_value *list = assay_dq_arg(plan, name);
    const assay_dq_column **columns = NULL;
    size_t count = list != NULL && list->kind == ASSAY_VALUE_LIST ? list->count : 1;

    if (list == NULL)
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "'%s' is missing", name);
    if (count < least)
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "'%s' needs at least %zu column%s", name,
                               least, least == 1 ? "" : "s");
    columns = assay_arena_take(run->arena, count, sizeof(*columns));
    ASSAY_TRY(assay_arena_check(columns, err));
    for (size_t i = 0; i < count; i++)
        ASSAY_TRY(assay_dq_column_of(run, list->kind == ASSAY_VALUE_LIST ? list->items[i] : list,
                                     name, &columns[i], err));
    plan->judged = columns;
    plan->judged_count = count;
    plan->shape = ASSAY_DQ_RECORD;
    return ASSAY_OK;
}

assay_status assay_dq_arg_judged(assay_dq_run *run, assay_dq_plan *plan,
                                 const assay_dq_column **ret_column, assay_error *err)
{
    const assay_dq_column **one = assay_arena_take(run->arena, 1, sizeof(*one));

    ASSAY_TRY(assay_arena_check(one, err));
    ASSAY_TRY(assay_dq_arg_column(run, plan, "column", &one[0], err));
    plan->judged = one;
    plan->judged_count = 1;
    plan->shape = ASSAY_DQ_SINGLE;
    *ret_column = one[0];
    return ASSAY_OK;
}

assay_status assay_dq_arg_text(const assay_dq_plan *plan, const char *name, const char **ret_text,
                               assay_error *err)
{
    const assay_value *value = assay_dq_arg(plan, name);

    if (value == NULL)
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "'%s' is missing", name);
    if (value->kind != ASSAY_VALUE_TEXT)
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "'%s' must be text, not a %s", name,
                               assay_value_kind_name(value->kind));
    *ret_text = value->text;
    return ASSAY_OK;
}

assay_status assay_dq_arg_bool(const assay_dq_plan *plan, const char *name, bool otherwise,
                               bool *ret_value, assay_error *err)
{
    const assay_value *value = assay_dq_arg(plan, name);

    if (value != NULL && value->kind != ASSAY_VALUE_BOOL)
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "'%s' must be true or false, not a %s",
                               name, assay_value_kind_name(value->kind));
    *ret_value = value == NULL ? otherwise : value->boolean;
    return ASSAY_OK;
}

assay_status assay_dq_arg_texts(const assay_dq_plan *plan, const char *name,
                                const assay_value **ret_list, assay_error *err)
{
    const assay_value *list = assay_dq_arg(plan, name);

    if (list == NULL) {
        *ret_list = NULL;
        return ASSAY_OK;
    }
    if (list->kind != ASSAY_VALUE_LIST)
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "'%s' must be a list, not a %s", name,
                               assay_value_kind_name(list->kind));
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i]->kind != ASSAY_VALUE_TEXT)
            return assay_error_set(err, ASSAY_ECONFIG, 5022, "'%s' must hold texts, not a %s", name,
                                   assay_value_kind_name(list->items[i]->kind));
    *ret_list = list;
    return ASSAY_OK;
}

bool assay_dq_value_real(const assay_value *value, double *ret_real)
{
    if (value == NULL)
        return false;
    if (value->kind == ASSAY_VALUE_INT) {
        *ret_real = (double)value->integer;
        return true;
    }
    if (value->kind == ASSAY_VALUE_REAL) {
        *ret_real = value->real;
        return true;
    }
    return false;
}

assay_status assay_dq_arg_real(const assay_dq_plan *plan, const char *name, bool *ret_given,
                               double *ret_value, assay_error *err)
{
    const assay_value *value = assay_dq_arg(plan, name);
    double real = 0;

    *ret_given = value != NULL;
    if (value == NULL)
        return ASSAY_OK;
    if (!assay_dq_value_real(value, &real) || isnan(real))
        return assay_error_set(err, ASSAY_ECONFIG, 5022, "'%s' must be a number, not a %s", name,
                               assay_value_kind_name(value->kind));
    *ret_value = real;
    return ASSAY_OK;
}

assay_status assay_dq_arg_whole(const assay_dq_plan *plan, const char *name, bool *ret_given,
                                int64_t *ret_value, assay_error *err)
{
    const assay_value *value = assay_dq_arg(plan, name);

    *ret_given = value != NULL;
    if (value == NULL)
        return ASSAY_OK;
    if (value->kind == ASSAY_VALUE_INT) {
        *ret_value = value->integer;
        return ASSAY_OK;
    }
    /* 4.0 is the whole number 4; bounds beyond 2^53 are integers already */
    if (value->kind == ASSAY_VALUE_REAL && fabs(value->real) <= 9007199254740992.0 &&
        floor(value->real) == value->real) {
        *ret_value = (int64_t)value->real;
        return ASSAY_OK;
    }
    return assay_error_set(err, ASSAY_ECONFIG, 5022, "'%s' must be a whole number", name);
}

assay_status assay_dq_arg_mostly(assay_dq_plan *plan, assay_error *err)
{
    bool given = false;
    double mostly = 1.0;

    ASSAY_TRY(assay_dq_arg_real(plan, "mostly", &given, &mostly, err));
    if (mostly < 0.0 || mostly > 1.0)
        return assay_error_set(err, ASSAY_ECONFIG, 5022,
                               "'mostly' must lie between 0 and 1, not %g", mostly);
    plan->mostly = mostly;
    return ASSAY_OK;
}
