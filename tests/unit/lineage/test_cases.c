/* The column lineage cases of ../shared/data/lineage, compared by the rules of their README. A case
 * passes when nothing fails; those that cannot pass are listed with the reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "engine/engine.h"
#include "lineage/columns.h"
#include "text/json.h"

/* Cases that do not pass, with the reason. */
static const struct {
    const char *id, *reason;
} known[] = {
    {NULL, NULL}, /* none today */
};

enum { CASES_MAX_BYTES = 64 * 1024 * 1024 };

struct run {
    assay_engine *engine;
    assay_arena *arena;
    const assay_value *one; /* the case */
    const assay_column_lineage *lineage;
    char failure[512];
};

static void fail_rule(struct run *run, int rule, const char *column, const assay_value *entry,
                      const char *more)
{
    if (run->failure[0] != '\0')
        return;
    (void)snprintf(run->failure, sizeof run->failure, "rule %d: column '%s', source %s.%s %s", rule,
                   column, assay_value_find_text(entry, "table", "?"),
                   assay_value_find_text(entry, "column", "?"), more);
}

/* "t" equals "main.t" and "db.main.t" as reported. */
static bool same_table(const char *reported, const char *expected)
{
    size_t a = strlen(reported);
    size_t b = strlen(expected);
    if (assay_str_equal_ci(reported, expected))
        return true;
    return a > b && reported[a - b - 1] == '.' && assay_str_equal_ci(reported + a - b, expected);
}

static bool same_source(const assay_lineage_column_input *input, const assay_value *entry)
{
    return same_table(input->table, assay_value_find_text(entry, "table", "")) &&
           assay_str_equal_ci(input->column, assay_value_find_text(entry, "column", ""));
}

static const assay_lineage_column *column_of(const struct run *run, const char *name)
{
    for (size_t i = 0; i < run->lineage->column_count; i++)
        if (assay_str_equal_ci(run->lineage->columns[i].name, name))
            return &run->lineage->columns[i];
    return NULL;
}

static bool is_direct(assay_lineage_subtype subtype)
{
    return subtype <= ASSAY_LINEAGE_AGGREGATION;
}

static bool wants_subtype(const assay_value *entry, const char *name)
{
    const assay_value *wanted = assay_value_find(entry, "subtype");
    if (wanted == NULL)
        return true;
    if (wanted->kind == ASSAY_VALUE_TEXT)
        return assay_str_equal(wanted->text, name);
    for (size_t i = 0; i < wanted->count; i++)
        if (assay_str_equal(wanted->items[i]->text, name))
            return true;
    return false;
}

/* Whether `inputs` hold the entry, as DIRECT (1), INDIRECT (0) or either (-1). */
static bool has(const assay_lineage_column_input *inputs, size_t count, const assay_value *entry,
                int direct)
{
    for (size_t i = 0; i < count; i++) {
        if (!same_source(&inputs[i], entry))
            continue;
        for (size_t k = 0; k < inputs[i].transformation_count; k++) {
            assay_lineage_subtype subtype = inputs[i].transformations[k].subtype;
            if ((direct < 0 || is_direct(subtype) == (direct == 1)) &&
                wants_subtype(entry, assay_lineage_subtype_name(subtype)))
                return true;
        }
    }
    return false;
}

/* True where IDENTITY is all that any DIRECT entry of the column expects of this source. */
static bool only_identity(const assay_value *entries, const assay_value *entry)
{
    for (size_t i = 0; i < entries->count; i++) {
        const assay_value *other = entries->items[i];
        if (!assay_str_equal(assay_value_find_text(other, "type", ""), "DIRECT") ||
            !assay_str_equal_ci(assay_value_find_text(other, "table", ""),
                                assay_value_find_text(entry, "table", "")) ||
            !assay_str_equal_ci(assay_value_find_text(other, "column", ""),
                                assay_value_find_text(entry, "column", "")))
            continue;
        if (!assay_str_equal(assay_value_find_text(other, "subtype", ""), "IDENTITY"))
            return false;
    }
    return true;
}

static void check_direct(struct run *run, const assay_lineage_column *column,
                         const assay_value *entries, const assay_value *entry)
{
    const assay_value *masking = assay_value_find(entry, "masking");
    bool masked = false;

    if (!has(column->inputs, column->input_count, entry, 1))
        fail_rule(run, 2, column->name, entry, "is not DIRECT with the subtype");
    for (size_t i = 0; i < column->input_count; i++) {
        const assay_lineage_column_input *input = &column->inputs[i];
        if (!same_source(input, entry))
            continue;
        for (size_t k = 0; k < input->transformation_count; k++) {
            assay_lineage_subtype subtype = input->transformations[k].subtype;
            if (!is_direct(subtype))
                continue;
            masked = masked || input->transformations[k].masking;
            if (subtype != ASSAY_LINEAGE_IDENTITY && only_identity(entries, entry))
                fail_rule(run, 2, column->name, entry, "is more than IDENTITY");
        }
    }
    if (masking != NULL && masking->kind == ASSAY_VALUE_BOOL && masking->boolean != masked)
        fail_rule(run, 3, column->name, entry, "has another masking");
}

static void check_entry(struct run *run, const assay_lineage_column *column,
                        const assay_value *entries, const assay_value *entry)
{
    const char *type = assay_value_find_text(entry, "type", NULL);
    const assay_column_lineage *lineage = run->lineage;

    if (type == NULL) {
        if (!has(column->inputs, column->input_count, entry, -1) &&
            !has(lineage->dataset, lineage->dataset_count, entry, -1))
            fail_rule(run, 1, column->name, entry, "is not reported");
    } else if (assay_str_equal(type, "DIRECT")) {
        check_direct(run, column, entries, entry);
    } else if (!has(column->inputs, column->input_count, entry, 0) &&
               !has(lineage->dataset, lineage->dataset_count, entry, 0)) {
        fail_rule(run, 4, column->name, entry, "is not INDIRECT with the subtype");
    }
}

static bool listed(const assay_value *entries, const assay_lineage_column_input *input,
                   const char *output)
{
    for (size_t i = 0; entries != NULL && i < entries->count; i++) {
        const char *only = assay_value_find_text(entries->items[i], "output", NULL);
        if (same_source(input, entries->items[i]) &&
            (output == NULL || only == NULL || assay_str_equal_ci(only, output)))
            return true;
    }
    return false;
}

static void check_complete(struct run *run, const assay_lineage_column *column,
                           const assay_value *entries)
{
    const assay_value *optional = assay_value_find(run->one, "optional");

    for (size_t i = 0; i < column->input_count; i++) {
        const assay_lineage_column_input *input = &column->inputs[i];
        bool direct = false;
        for (size_t k = 0; k < input->transformation_count; k++)
            direct = direct || is_direct(input->transformations[k].subtype);
        if (!direct || listed(entries, input, NULL) || listed(optional, input, column->name))
            continue;
        if (run->failure[0] == '\0')
            (void)snprintf(run->failure, sizeof run->failure,
                           "rule 5: column '%s' has the source %s.%s too", column->name,
                           input->table, input->column);
    }
}

static bool allowed_indirect(const struct run *run, const assay_lineage_column_input *input,
                             const char *subtype)
{
    const assay_value *lists[2] = {assay_value_find(run->one, "indirect"),
                                   assay_value_find(run->one, "optional")};
    const assay_value *expect = assay_value_find(run->one, "expect");

    for (size_t l = 0; l < 2; l++)
        for (size_t i = 0; lists[l] != NULL && i < lists[l]->count; i++)
            if (same_source(input, lists[l]->items[i]) &&
                wants_subtype(lists[l]->items[i], subtype))
                return true;
    for (size_t c = 0; c < expect->count; c++)
        for (size_t i = 0; i < expect->items[c]->count; i++) {
            const assay_value *entry = expect->items[c]->items[i];
            if (assay_str_equal(assay_value_find_text(entry, "type", ""), "INDIRECT") &&
                same_source(input, entry) && wants_subtype(entry, subtype))
                return true;
        }
    return false;
}

static void check_indirect(struct run *run)
{
    const assay_value *indirect = assay_value_find(run->one, "indirect");
    const assay_value *expect = assay_value_find(run->one, "expect");
    const assay_column_lineage *lineage = run->lineage;

    if (indirect == NULL)
        return;
    for (size_t i = 0; i < indirect->count; i++) {
        bool everywhere = expect->count > 0;
        for (size_t c = 0; c < expect->count; c++) {
            const assay_lineage_column *column = column_of(run, expect->keys[c]);
            everywhere = everywhere && column != NULL &&
                         has(column->inputs, column->input_count, indirect->items[i], 0);
        }
        if (!everywhere && !has(lineage->dataset, lineage->dataset_count, indirect->items[i], 0))
            fail_rule(run, 6, "*", indirect->items[i], "is not in `dataset`");
    }
    for (size_t i = 0; i < lineage->dataset_count; i++)
        for (size_t k = 0; k < lineage->dataset[i].transformation_count; k++) {
            const char *name =
                assay_lineage_subtype_name(lineage->dataset[i].transformations[k].subtype);
            if (!allowed_indirect(run, &lineage->dataset[i], name) && run->failure[0] == '\0')
                (void)snprintf(run->failure, sizeof run->failure,
                               "rule 6: `dataset` has %s.%s %s too", lineage->dataset[i].table,
                               lineage->dataset[i].column, name);
        }
}

static void compare(struct run *run)
{
    const assay_value *expect = assay_value_find(run->one, "expect");

    for (size_t c = 0; c < expect->count; c++) {
        const assay_lineage_column *column = column_of(run, expect->keys[c]);
        if (column == NULL) {
            (void)snprintf(run->failure, sizeof run->failure, "no column '%s'", expect->keys[c]);
            return;
        }
        for (size_t i = 0; i < expect->items[c]->count; i++)
            check_entry(run, column, expect->items[c], expect->items[c]->items[i]);
        if (assay_value_find_bool(run->one, "complete", false))
            check_complete(run, column, expect->items[c]);
    }
    check_indirect(run);
}

static void append_name(assay_buf *sql, const char *name)
{
    const char *dot = strchr(name, '.');
    if (dot != NULL) {
        ASSAY_AUTO(assay_buf_done) assay_buf schema = ASSAY_BUF_EMPTY;
        assay_buf_append(&schema, name, (size_t)(dot - name));
        assay_sql_append_name(sql, assay_buf_text(&schema));
        assay_buf_append_char(sql, '.');
        name = dot + 1;
    }
    assay_sql_append_name(sql, name);
}

static assay_status make_table(assay_conn *conn, const char *name, const assay_value *columns,
                               assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf sql = ASSAY_BUF_EMPTY;
    const char *dot = strchr(name, '.');

    if (dot != NULL) {
        ASSAY_AUTO(assay_buf_done) assay_buf schema = ASSAY_BUF_EMPTY;
        assay_buf_append(&schema, name, (size_t)(dot - name));
        assay_buf_append_text(&sql, "CREATE SCHEMA IF NOT EXISTS ");
        assay_sql_append_name(&sql, assay_buf_text(&schema));
        ASSAY_TRY(assay_conn_execute(conn, assay_buf_text(&sql), NULL, err));
        assay_buf_clear(&sql);
    }
    assay_buf_append_text(&sql, "CREATE TABLE ");
    append_name(&sql, name);
    for (size_t i = 0; i < columns->count; i++) {
        assay_buf_append_text(&sql, i == 0 ? "(" : ", ");
        assay_sql_append_name(&sql, columns->keys[i]);
        assay_buf_append_format(&sql, " %s", columns->items[i]->text);
    }
    assay_buf_append_char(&sql, ')');
    return assay_conn_execute(conn, assay_buf_text(&sql), NULL, err);
}

static assay_status derive(struct run *run, assay_conn *conn, assay_error *err)
{
    const assay_value *tables = assay_value_find(run->one, "tables");
    const assay_value *setup = assay_value_find(run->one, "setup");
    assay_column_lineage *lineage = NULL;

    for (size_t i = 0; i < tables->count; i++)
        ASSAY_TRY(make_table(conn, tables->keys[i], tables->items[i], err));
    for (size_t i = 0; setup != NULL && i < setup->count; i++)
        ASSAY_TRY(assay_conn_execute(conn, setup->items[i]->text, NULL, err));
    ASSAY_TRY(assay_lineage_columns(conn, assay_value_find_text(run->one, "sql", ""), run->arena,
                                    &lineage, err));
    run->lineage = lineage;
    return ASSAY_OK;
}

static void run_case(struct run *run)
{
    ASSAY_AUTO(assay_engine_closep) assay_engine *engine = NULL;
    ASSAY_AUTO(assay_conn_closep) assay_conn *conn = NULL;
    assay_engine_options options = {.threads = 1};
    assay_error err = {.code = ASSAY_OK};

    run->failure[0] = '\0';
    assert_int_equal(assay_engine_open(&options, &engine, &err), ASSAY_OK);
    assert_int_equal(assay_conn_open(engine, &conn, &err), ASSAY_OK);
    if (derive(run, conn, &err) != ASSAY_OK)
        (void)snprintf(run->failure, sizeof run->failure, "%.480s", err.message);
    else
        compare(run);
    assay_conn_closep(&conn);
}

static const char *shared_folder(assay_arena *arena)
{
    const char *named = getenv("ASSAY_SHARED");
    return named != NULL ? named : assay_path_join(arena, ASSAY_TEST_SOURCE_DIR, "../shared");
}

static const char *known_reason(const char *id)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].id != NULL && assay_str_equal(known[i].id, id))
            return known[i].reason;
    return NULL;
}

static void every_public_case_agrees_or_is_listed_with_its_reason(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    ASSAY_AUTO(assay_buf_done) assay_buf bytes = ASSAY_BUF_EMPTY;
    assay_error err = {.code = ASSAY_OK};
    assay_value *file = NULL;
    size_t failed = 0;

    const char *path = getenv("ASSAY_LINEAGE_CASES");
    if (path == NULL)
        path =
            assay_path_join(arena, shared_folder(arena), "data/lineage/column_lineage_cases.json");
    if (assay_path_read(path, CASES_MAX_BYTES, &bytes, &err) != ASSAY_OK) {
        print_message("skipped: the cases of ../shared are not here (%s)\n", err.message);
        skip();
    }
    assert_int_equal(assay_json_parse(bytes.data, bytes.size, path, arena, &file, &err), ASSAY_OK);
    const assay_value *cases = assay_value_find(file, "cases");
    assert_non_null(cases);
    for (size_t i = 0; i < cases->count; i++) {
        ASSAY_AUTO(assay_arena_freep) assay_arena *memory = assay_arena_new();
        struct run run = {.arena = memory, .one = cases->items[i]};
        const char *id = assay_value_find_text(run.one, "id", "?");
        run_case(&run);
        if (run.failure[0] == '\0')
            continue;
        const char *reason = known_reason(id);
        print_message("%s: %s: %s\n", reason != NULL ? "known" : "FAILED", id,
                      reason != NULL ? reason : run.failure);
        failed += reason == NULL ? 1 : 0;
    }
    print_message("%zu cases\n", cases->count);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_public_case_agrees_or_is_listed_with_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
