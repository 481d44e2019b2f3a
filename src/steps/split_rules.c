/* Which rules split rows: those of the contract, then the suite's checks with action quarantine. */
#include <string.h>

#include "base/str.h"
#include "base/vec.h"
#include "steps/gate.h"
#include "steps/split.h"
#include "steps/write.h"

/* The checks that say what the contract says of rows. */
struct contract_checks {
    const char **names;
    const assay_value **kwargs;
    const char **titles;
    assay_mark *places;
    size_t count;
};

static const assay_contract *contract_of(const assay_write *write)
{
    static const assay_contract none = {0};

    return write->model != NULL ? &write->model->header.contract : &none;
}

/* ---- the contract's checks ---- */

static assay_status add_check(struct contract_checks *checks, const char *kind, const char *title,
                              const assay_value *kwargs, const assay_contract_column *column)
{
    checks->names[checks->count] = kind;
    checks->kwargs[checks->count] = kwargs;
    checks->titles[checks->count] = title;
    checks->places[checks->count++] = (assay_mark){column->line, column->column};
    return ASSAY_OK;
}

static assay_status add_not_null(struct contract_checks *checks,
                                 const assay_contract_column *column, assay_arena *arena,
                                 assay_error *err)
{
    assay_value *kwargs = assay_value_map(arena);
    const char *title = assay_arena_format(arena, "contract.not_null(%s)", column->name);

    ASSAY_TRY(assay_arena_check(title, err));
    ASSAY_TRY(assay_arena_check(kwargs, err));
    ASSAY_TRY(assay_value_set(kwargs, "column", assay_value_text(arena, column->name), arena, err));
    return add_check(checks, "expect_column_values_to_not_be_null", title, kwargs, column);
}

static assay_status add_reference(struct contract_checks *checks,
                                  const assay_contract_column *column, assay_arena *arena,
                                  assay_error *err)
{
    assay_value *kwargs = assay_value_map(arena);
    const char *title = assay_arena_format(arena, "contract.references(%s)", column->name);
    assay_value *columns = assay_value_list(arena);

    ASSAY_TRY(assay_arena_check(title, err));
    ASSAY_TRY(assay_arena_check(kwargs, err));
    ASSAY_TRY(assay_arena_check(columns, err));
    ASSAY_TRY(assay_value_append(columns, assay_value_text(arena, column->name), arena, err));
    ASSAY_TRY(assay_value_set(kwargs, "column", columns, arena, err));
    ASSAY_TRY(assay_value_set(kwargs, "reference_table",
                              assay_value_text(arena, column->reference_table), arena, err));
    ASSAY_TRY(assay_value_set(kwargs, "reference_column",
                              assay_value_text(arena, column->reference_column), arena, err));
    return add_check(checks, "fk_exists", title, kwargs, column);
}

static assay_status add_key(struct contract_checks *checks, const assay_contract *contract,
                            assay_arena *arena, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf title = ASSAY_BUF_EMPTY;
    assay_value *kwargs = assay_value_map(arena);
    assay_value *columns = assay_value_list(arena);
    const assay_contract_column *first = NULL;

    ASSAY_TRY(assay_arena_check(kwargs, err));
    ASSAY_TRY(assay_arena_check(columns, err));
    for (size_t i = 0; i < contract->column_count; i++) {
        const assay_contract_column *column = &contract->columns[i];
        if (!column->key)
            continue;
        assay_buf_append_format(&title, "%s%s", first == NULL ? "contract.key(" : ", ",
                                column->name);
        first = first == NULL ? column : first;
        ASSAY_TRY(assay_value_append(columns, assay_value_text(arena, column->name), arena, err));
    }
    if (first == NULL)
        return ASSAY_OK;
    assay_buf_append_char(&title, ')');
    ASSAY_TRY(assay_buf_check(&title, err));
    ASSAY_TRY(assay_value_set(kwargs, "columns", columns, arena, err));
    const char *text = assay_arena_text(arena, title.data);
    ASSAY_TRY(assay_arena_check(text, err));
    return add_check(checks, "pk_unique", text, kwargs, first);
}

/* Whether the row that is referred to passes is not known while rows are sorted. */
static assay_status check_reference(const assay_write *write, const assay_contract_column *column,
                                    assay_error *err)
{
    if (!assay_str_equal_ci(column->reference_table, write->table))
        return ASSAY_OK;
    return assay_error_at(err, ASSAY_ECONFIG, 2214,
                          (assay_place){write->model->path, column->line, column->column},
                          "the contract of '%s' cannot be judged: column '%s' refers to its own "
                          "table; use a check of config/dq.yaml",
                          write->table, column->name);
}

static assay_status list_checks(const assay_write *write, assay_arena *arena,
                                struct contract_checks *ret_checks, assay_error *err)
{
    const assay_contract *contract = contract_of(write);
    size_t most = 2 * contract->column_count + 1;
    struct contract_checks checks = {
        .names = assay_arena_take(arena, most, sizeof *checks.names),
        .kwargs = assay_arena_take(arena, most, sizeof *checks.kwargs),
        .titles = assay_arena_take(arena, most, sizeof *checks.titles),
        .places = assay_arena_take(arena, most, sizeof *checks.places),
    };

    if (checks.names == NULL || checks.kwargs == NULL || checks.titles == NULL ||
        checks.places == NULL)
        return assay_error_nomem(err);
    ASSAY_TRY(add_key(&checks, contract, arena, err));
    for (size_t i = 0; i < contract->column_count; i++) {
        const assay_contract_column *column = &contract->columns[i];
        if (column->not_null && !column->key)
            ASSAY_TRY(add_not_null(&checks, column, arena, err));
        if (column->reference_table == NULL)
            continue;
        ASSAY_TRY(check_reference(write, column, err));
        ASSAY_TRY(add_reference(&checks, column, arena, err));
    }
    *ret_checks = checks;
    return ASSAY_OK;
}

/* ---- masks ---- */

static assay_status masks_of(const assay_write *write, const assay_quality_suite *suite,
                             assay_arena *arena, assay_mask_rules *ret_masks, assay_error *err)
{
    const assay_write_known *known = &write->known;
    bool is_known = known->select == write->select;
    const assay_quality_request request = {.conn = write->conn,
                                           .table = write->table,
                                           .suite = suite,
                                           .relation = write->select,
                                           .columns = is_known ? known->columns : NULL,
                                           .column_count = is_known ? known->count : 0,
                                           .now_us = write->now_us,
                                           .cancel = write->steps->env->cancel};

    return assay_quality_mask_rules(&request, arena, ret_masks, err);
}

static void push(assay_split *split, assay_split_rule rule)
{
    split->rules[split->count++] = rule;
}

/* ---- the contract ---- */

static assay_status add_contract(const assay_write *write, assay_split *split,
                                 const struct contract_checks *checks, assay_arena *arena,
                                 assay_error *err)
{
    const assay_contract *contract = contract_of(write);
    const assay_quality_spec spec = {write->table, checks->names, checks->kwargs, checks->count};
    assay_quality_suite *suite = NULL;
    assay_mask_rules masks = {0};

    if (checks->count == 0)
        return ASSAY_OK;
    ASSAY_TRY(assay_quality_suite_of(&spec, arena, &suite, err));
    for (size_t i = 0; i < suite->count; i++)
        suite->checks[i].action = ASSAY_CHECK_ACTION_QUARANTINE;
    ASSAY_TRY(masks_of(write, suite, arena, &masks, err));
    for (size_t i = 0; i < masks.count; i++) {
        size_t index = (size_t)(masks.items[i].check - suite->checks);
        push(split, (assay_split_rule){.name = checks->titles[index],
                                       .policy = contract->bad_row,
                                       .mask = &masks.items[i],
                                       .line = checks->places[index].line,
                                       .column = checks->places[index].column});
    }
    if (masks.problem == NULL)
        return ASSAY_OK;
    const assay_mark place = checks->places[masks.problem_check - suite->checks];
    return assay_error_at(err, ASSAY_ECONFIG, 2214,
                          (assay_place){write->model->path, place.line, place.column},
                          "the contract of '%s' cannot be judged: %s", write->table, masks.problem);
}

static assay_status add_suite(const assay_write *write, assay_split *split,
                              const assay_quality_suite *suite, assay_arena *arena,
                              assay_error *err)
{
    assay_mask_rules masks = {0};

    if (suite == NULL)
        return ASSAY_OK;
    ASSAY_TRY(masks_of(write, suite, arena, &masks, err));
    for (size_t i = 0; i < masks.count; i++)
        push(split, (assay_split_rule){.name = masks.items[i].check->name,
                                       .policy = ASSAY_BAD_ROW_QUARANTINE,
                                       .check = masks.items[i].check,
                                       .mask = &masks.items[i]});
    return ASSAY_OK;
}

static assay_status make_bad(assay_split *split, assay_arena *arena, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf bad = ASSAY_BUF_EMPTY;

    for (size_t i = 0; i < split->count; i++) {
        const assay_mask_rule *mask = split->rules[i].mask;
        if (mask != NULL && mask->broken != NULL)
            assay_buf_append_format(&bad, "%s%s", bad.size > 0 ? " OR " : "", mask->broken);
        split->keyed = split->keyed || (mask != NULL && mask->key_count > 0);
    }
    ASSAY_TRY(assay_buf_check(&bad, err));
    if (bad.size == 0)
        return ASSAY_OK;
    split->bad = assay_arena_text(arena, bad.data);
    return assay_arena_check(split->bad, err);
}

static bool quarantines(const assay_quality_suite *suite)
{
    for (size_t i = 0; suite != NULL && i < suite->count; i++)
        if (suite->checks[i].action == ASSAY_CHECK_ACTION_QUARANTINE)
            return true;
    return false;
}

/* Tables that the rules mention: those of the contract, and what the suite's arguments name. */
static assay_status open_references(const assay_write *write, const assay_quality_suite *suite,
                                    assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
    const assay_contract *contract = contract_of(write);

    for (size_t i = 0; i < contract->column_count; i++)
        if (contract->columns[i].reference_table != NULL)
            assay_buf_append_format(&text, "%s ", contract->columns[i].reference_table);
    if (suite != NULL)
        assay_buf_append_text(&text, assay_steps_suite_text(write->steps, suite));
    ASSAY_TRY(assay_buf_check(&text, err));
    return assay_gate_open_references(write, assay_buf_text(&text), err);
}

assay_status assay_split_open(const assay_write *write, assay_arena *arena, assay_split *ret_split,
                              assay_error *err)
{
    const assay_quality_config *config = write->steps->quality;
    const assay_quality_suite *suite =
        config != NULL ? assay_quality_suite_find(config, write->table) : NULL;
    struct contract_checks checks = {0};
    assay_split split = {0};

    if (!quarantines(suite))
        suite = NULL;
    ASSAY_TRY(list_checks(write, arena, &checks, err));
    size_t most = checks.count + (suite != NULL ? suite->count : 0) + 1;
    split.rules = assay_arena_take(arena, most, sizeof *split.rules);
    ASSAY_TRY(assay_arena_check(split.rules, err));
    if (checks.count > 0 || suite != NULL)
        ASSAY_TRY(open_references(write, suite, err));
    ASSAY_TRY(add_contract(write, &split, &checks, arena, err));
    ASSAY_TRY(add_suite(write, &split, suite, arena, err));
    if (write->broken != NULL)
        push(&split,
             (assay_split_rule){.name = "contract.record", .policy = contract_of(write)->bad_row});
    ASSAY_TRY(make_bad(&split, arena, err));
    *ret_split = split;
    return ASSAY_OK;
}
