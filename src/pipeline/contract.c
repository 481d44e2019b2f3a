#include "pipeline/contract.h"

#include "base/str.h"
#include "engine/exact.h"
#include "table/type.h"

/* ---- types ---- */

/* The engine's own name of a type: TIMESTAMPTZ, INT8. */
static assay_status find_engine_name(const char *type, assay_conn *conn, assay_arena *arena,
                                     const char **ret_name, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    assay_column *columns = NULL;
    size_t count = 0;

    assay_buf_append_format(&sql, "SELECT CAST(NULL AS %s) AS c", type);
    ASSAY_TRY(assay_buf_check(&sql, err));
    ASSAY_TRY(assay_conn_describe(conn, sql.data, arena, &columns, &count, err));
    *ret_name = count == 1 ? columns[0].type : type;
    return ASSAY_OK;
}

static assay_status check_type(const assay_model *model, const assay_contract_column *declared,
                               assay_conn *conn, assay_arena *arena, assay_error *err)
{
    assay_type type;
    assay_error why = {0};
    assay_error unknown = {0};
    const char *name = declared->type;

    assay_status status = assay_type_parse(name, declared->name, arena, &type, NULL, &why);
    if (status != ASSAY_OK && status != ASSAY_ENOMEM && model->kind == ASSAY_MODEL_EXTRACT) {
        status = find_engine_name(name, conn, arena, &name, &unknown);
        if (status == ASSAY_OK)
            status = assay_type_parse(name, declared->name, arena, &type, NULL, &why);
    }
    if (status == ASSAY_OK)
        return ASSAY_OK;
    if (status == ASSAY_ENOMEM)
        return assay_error_nomem(err);
    assay_error_place(&why, (assay_place){model->path, declared->line, declared->column});
    return assay_error_copy(err, &why);
}

assay_status assay_contract_check(const assay_model *model, assay_conn *conn, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const assay_contract *contract = &model->header.contract;

    ASSAY_TRY(assay_arena_check(arena, err));
    for (size_t i = 0; i < contract->column_count; i++)
        if (contract->columns[i].type != NULL)
            ASSAY_TRY(check_type(model, &contract->columns[i], conn, arena, err));
    return ASSAY_OK;
}

/* ---- the output ---- */

/* What becomes of the columns of one model, or of one load. */
struct binding {
    const assay_contract_rows *rows;
    assay_arena *arena;
    assay_buf list; /* of the SELECT */
    assay_column *columns;
    size_t count;
    bool differs; /* from what the query gives */
};

static assay_place place_of(const struct binding *binding, const assay_contract_column *column)
{
    const assay_contract *contract = binding->rows->contract;

    return (assay_place){binding->rows->path, column != NULL ? column->line : contract->line,
                         column != NULL ? column->column : contract->column};
}

/* What a model gives is wrong before anything runs; what is loaded is wrong as data are. */
struct breach {
    assay_status status;
    int type_differs, new_column, missing_column; /* error numbers */
};

static const struct breach *breach_of(const struct binding *binding)
{
    static const struct breach of_model = {ASSAY_ECONFIG, 2121, 2122, 2123};
    static const struct breach of_load = {ASSAY_EDATA, 2205, 2204, 2209};

    return binding->rows->is_load ? &of_load : &of_model;
}

static bool has_column(const assay_column *columns, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (assay_str_equal_ci(columns[i].name, name))
            return true;
    return false;
}

/* `from` = NULL: the column is not there; `from` = `to`: nothing can be lost. `to` = NULL: it stays
 * as it is. */
static void add(struct binding *binding, const char *name, const char *from, const char *to)
{
    ASSAY_AUTO(assay_buf_done) assay_buf value = ASSAY_BUF_EMPTY;
    assay_buf *list = &binding->list;

    assay_buf_append_text(list, binding->count > 0 ? ", " : "");
    assay_sql_append_name(&value, name);
    if (to != NULL && from == NULL) {
        assay_buf_append_format(list, "CAST(NULL AS %s) AS ", to);
        binding->differs = true;
    } else if (to != NULL) {
        const assay_exact_cast cast = {assay_buf_text(&value), from, to, name};
        assay_sql_append_exact_cast(list, &cast);
        assay_buf_append_text(list, " AS ");
        binding->differs = true;
    }
    assay_buf_append_text(list, assay_buf_text(&value));
    list->failed = list->failed || value.failed;
}

static void keep(struct binding *binding, const char *name, const char *type)
{
    binding->columns[binding->count++] = (assay_column){name, type};
}

/* A column of the query that the contract gives a type. */
static assay_status add_declared(struct binding *binding, const assay_column *found,
                                 const assay_contract_column *declared, assay_error *err)
{
    assay_contract_policy policy = binding->rows->contract->type_change;
    const struct breach *breach = breach_of(binding);
    assay_type have;
    assay_type want;
    const char *original = NULL;

    ASSAY_TRY(assay_type_parse(found->type, found->name, binding->arena, &have, &original, err));
    if (assay_type_parse(declared->type, declared->name, binding->arena, &want, &original, err) !=
        ASSAY_OK) {
        assay_error_place(err, place_of(binding, declared));
        return err != NULL ? err->code : ASSAY_ECONFIG;
    }
    bool fits = assay_type_can_widen(&have, &want);
    if (assay_type_equal(&have, &want)) {
        add(binding, found->name, found->type, NULL);
        keep(binding, found->name, found->type);
        return ASSAY_OK;
    }
    if (fits || policy == ASSAY_CONTRACT_FREEZE) {
        add(binding, found->name, fits ? declared->type : found->type, declared->type);
        keep(binding, found->name, declared->type);
        return ASSAY_OK;
    }
    if (policy == ASSAY_CONTRACT_EVOLVE && assay_type_can_widen(&want, &have)) {
        add(binding, found->name, found->type, NULL);
        keep(binding, found->name, found->type);
        return ASSAY_OK;
    }
    return assay_error_at(err, breach->status, breach->type_differs, place_of(binding, declared),
                          "column '%s' of %s is %s, and the contract says %s", found->name,
                          binding->rows->what, found->type, declared->type);
}

static assay_status add_found(struct binding *binding, const assay_column *found, assay_error *err)
{
    const assay_contract *contract = binding->rows->contract;
    const assay_contract_column *declared = assay_contract_find(contract, found->name);
    const struct breach *breach = breach_of(binding);
    bool known = declared != NULL ||
                 has_column(binding->rows->known, binding->rows->known_count, found->name);

    if (declared != NULL && declared->type != NULL)
        return add_declared(binding, found, declared, err);
    if (!known && contract->new_column == ASSAY_CONTRACT_FAIL)
        return assay_error_at(err, breach->status, breach->new_column, place_of(binding, NULL),
                              "%s has a column '%s' (%s) that the contract does not have",
                              binding->rows->what, found->name, found->type);
    if (!known && contract->new_column == ASSAY_CONTRACT_FREEZE) {
        binding->differs = true;
        return ASSAY_OK;
    }
    add(binding, found->name, found->type, NULL);
    keep(binding, found->name, found->type);
    return ASSAY_OK;
}

static assay_status add_missing(struct binding *binding, const assay_contract_column *declared,
                                assay_error *err)
{
    const struct breach *breach = breach_of(binding);

    if (binding->rows->contract->missing_column == ASSAY_CONTRACT_FAIL || declared->type == NULL ||
        declared->not_null)
        return assay_error_at(err, breach->status, breach->missing_column,
                              place_of(binding, declared),
                              "%s does not give the column '%s' (%s) of the contract",
                              binding->rows->what, declared->name,
                              declared->type != NULL ? declared->type : "any type");
    add(binding, declared->name, NULL, declared->type);
    keep(binding, declared->name, declared->type);
    return ASSAY_OK;
}

static assay_status bind(struct binding *binding, assay_error *err)
{
    const assay_contract_rows *rows = binding->rows;
    const assay_contract *contract = rows->contract;

    for (size_t i = 0; i < rows->count; i++)
        ASSAY_TRY(add_found(binding, &rows->columns[i], err));
    for (size_t i = 0; i < contract->column_count; i++)
        if (!has_column(rows->columns, rows->count, contract->columns[i].name))
            ASSAY_TRY(add_missing(binding, &contract->columns[i], err));
    return assay_buf_check(&binding->list, err);
}

assay_status assay_contract_project(const assay_contract_rows *rows, assay_arena *arena,
                                    assay_contract_projection *ret_projection, assay_error *err)
{
    struct binding binding = {.rows = rows, .arena = arena, .list = ASSAY_BUF_EMPTY};

    *ret_projection = (assay_contract_projection){.columns = rows->columns, .count = rows->count};
    if (rows->contract->column_count == 0)
        return ASSAY_OK;
    binding.columns = assay_arena_take(arena, rows->count + rows->contract->column_count,
                                       sizeof *binding.columns);
    ASSAY_TRY(assay_arena_check(binding.columns, err));
    assay_status status = bind(&binding, err);
    const char *list = assay_arena_text(arena, assay_buf_text(&binding.list));
    assay_buf_done(&binding.list);
    ASSAY_TRY(status);
    ASSAY_TRY(assay_arena_check(list, err));
    if (binding.differs)
        *ret_projection = (assay_contract_projection){list, binding.columns, binding.count};
    return ASSAY_OK;
}

assay_status assay_contract_bind(assay_model *model, assay_arena *arena, assay_error *err)
{
    const assay_contract_rows rows = {.contract = &model->header.contract,
                                      .path = model->path,
                                      .what = assay_arena_format(arena, "'%s'", model->name),
                                      .columns = model->columns,
                                      .count = model->column_count};
    assay_contract_projection projection;

    ASSAY_TRY(assay_arena_check(rows.what, err));
    ASSAY_TRY(assay_contract_project(&rows, arena, &projection, err));
    model->projection = projection.list;
    model->columns = projection.columns;
    model->column_count = projection.count;
    return ASSAY_OK;
}

assay_status assay_contract_wrap(const assay_model *model, const char *sql, assay_arena *arena,
                                 const char **ret_sql, assay_error *err)
{
    *ret_sql = sql;
    if (model->projection == NULL)
        return ASSAY_OK;
    *ret_sql = assay_arena_format(arena, "SELECT %s FROM (\n%s\n)", model->projection, sql);
    return assay_arena_check(*ret_sql, err);
}
