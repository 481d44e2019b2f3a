#include "config/contract.h"

#include <string.h>

#include "base/str.h"
#include "config/read.h"
#include "config/schema.h"

static const char *const policy_names[] = {"evolve", "freeze", "fail", NULL};
static const char *const bad_row_names[] = {"fail", "drop", "quarantine", NULL};

const char *assay_bad_row_name(assay_bad_row policy)
{
    return bad_row_names[policy];
}

const assay_contract_column *assay_contract_find(const assay_contract *contract, const char *name)
{
    for (size_t i = 0; i < contract->column_count; i++)
        if (assay_str_equal_ci(contract->columns[i].name, name))
            return &contract->columns[i];
    return NULL;
}

bool assay_contract_has_row_rules(const assay_contract *contract)
{
    for (size_t i = 0; i < contract->column_count; i++)
        if (contract->columns[i].not_null || contract->columns[i].reference_table != NULL)
            return true;
    return false;
}

/* layer.table.column */
static assay_status read_reference(const assay_value *map, const char *path, assay_arena *arena,
                                   assay_contract_column *column, assay_error *err)
{
    const char *text = assay_config_text(map, "references", NULL);
    const char *last = text != NULL ? strrchr(text, '.') : NULL;
    const char *first = text != NULL ? strchr(text, '.') : NULL;

    if (text == NULL)
        return ASSAY_OK;
    if (first == last || first == text || first + 1 == last || last[1] == '\0')
        return assay_error_at(err, ASSAY_ECONFIG, 1256, assay_config_place(map, "references", path),
                              "'%s' is no reference: it reads layer.table.column", text);
    column->reference_table = assay_arena_text_n(arena, text, (size_t)(last - text));
    column->reference_column = last + 1;
    return assay_arena_check(column->reference_table, err);
}

static assay_status read_column(const assay_value *columns, size_t index, const char *path,
                                assay_arena *arena, assay_contract_column *column, assay_error *err)
{
    const assay_value *item = columns->items[index];
    const assay_place place = assay_config_place(columns, columns->keys[index], path);

    *column = (assay_contract_column){.name = columns->keys[index],
                                      .type = assay_config_scalar(item),
                                      .line = place.line,
                                      .column = place.column};
    if (item->kind != ASSAY_VALUE_MAP)
        return ASSAY_OK;
    column->type = assay_config_text(item, "type", NULL);
    column->key = assay_config_bool(item, "key", false);
    column->not_null = column->key || !assay_config_bool(item, "nullable", true);
    return read_reference(item, path, arena, column, err);
}

static assay_status read_columns(const assay_value *map, const char *path, assay_arena *arena,
                                 assay_contract *contract, assay_error *err)
{
    const assay_value *columns = assay_config_find(map, "columns");

    if (columns == NULL || columns->count == 0)
        return ASSAY_OK;
    contract->columns = assay_arena_take(arena, columns->count, sizeof *contract->columns);
    ASSAY_TRY(assay_arena_check(contract->columns, err));
    for (size_t i = 0; i < columns->count; i++) {
        if (assay_contract_find(contract, columns->keys[i]) != NULL)
            return assay_error_at(err, ASSAY_ECONFIG, 1255,
                                  assay_config_place(columns, columns->keys[i], path),
                                  "the column '%s' stands twice in the contract (names compare "
                                  "without case)",
                                  columns->keys[i]);
        ASSAY_TRY(read_column(columns, i, path, arena, &contract->columns[i], err));
        contract->column_count++;
    }
    return ASSAY_OK;
}

assay_status assay_contract_read(const assay_value *tree, const char *path, assay_arena *arena,
                                 assay_contract *ret_contract, assay_error *err)
{
    const assay_value *map = assay_config_find(tree, "contract");
    const assay_place place = assay_config_place(tree, "contract", path);
    assay_contract contract = {.given = map != NULL, .line = place.line, .column = place.column};

    contract.new_column = (assay_contract_policy)assay_config_enum(map, "new_column", policy_names,
                                                                   ASSAY_CONTRACT_EVOLVE);
    contract.type_change =
        (assay_contract_policy)assay_config_enum(map, "type_change", policy_names,
                                                 ASSAY_CONTRACT_EVOLVE);
    contract.missing_column =
        (assay_contract_policy)assay_config_enum(map, "missing_column", policy_names,
                                                 ASSAY_CONTRACT_FAIL);
    contract.bad_row =
        (assay_bad_row)assay_config_enum(map, "bad_row", bad_row_names, ASSAY_BAD_ROW_FAIL);
    ASSAY_TRY(read_columns(map, path, arena, &contract, err));
    *ret_contract = contract;
    return ASSAY_OK;
}
