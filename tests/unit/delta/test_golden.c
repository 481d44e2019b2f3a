/* Delta tables that other engines wrote (marker `shared`): what needs only what is built reads
 * right, the rest is refused by the feature's name, none is misread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "delta/delta.h"
#include "delta/loaded.h"
#include "delta/protocol.h"
#include "support/golden.h"

/* What this reader refuses by name. */
static const char *const refused_features[] = {"columnMapping", "variantType", "variant", NULL};

struct tally {
    int right, refused, wrong;
};

static void report(struct tally *tally, const char *name, int64_t version, const char *what)
{
    tally->wrong++;
    print_error("%s@%lld: %s\n", name, (long long)version, what);
}

static bool names_refused_feature(const golden_result *result)
{
    for (size_t i = 0; refused_features[i] != NULL; i++) {
        if (assay_str_contains(result->text, refused_features[i]))
            return result->status == ASSAY_EUNSUPPORTED;
    }
    return false;
}

/* Whether the refusal is of the kind that the manifest asks for. */
static bool is_expected(const assay_value *error, const golden_result *result)
{
    static const struct {
        const char *kind, *number;
    } numbers[] = {{"log-gap", "E4202"},
                   {"missing-protocol", "E4205"},
                   {"missing-metadata", "E4205"},
                   {"unsupported-feature", "E4203"},
                   {"unsupported-protocol", "E4203"},
                   {"no-table", "no table"},
                   {"missing-data-file", "golden/delta"},
                   {"missing-data-file", "No files found"},
                   {"missing-deletion-vector", "E4219"}};
    const char *kind = assay_value_find_text(error, "kind", "");
    const assay_value *words = assay_value_find(error, "must_name");
    bool any = assay_value_find_bool(error, "any", false);
    bool found = any ? false : true;

    for (size_t i = 0; words != NULL && i < words->count; i++) {
        bool here = assay_str_contains(result->text, words->items[i]->text);

        found = any ? found || here : found && here;
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (strcmp(kind, numbers[i].kind) == 0 && found &&
            assay_str_contains(result->text, numbers[i].number))
            return true;
    }
    return false;
}

/* Refusals that the manifest itself allows, by a word of their message. */
static bool may_refuse(const assay_value *expect, const golden_result *result)
{
    const assay_value *words = assay_value_find(expect, "may_refuse");

    for (size_t i = 0; words != NULL && result->status != ASSAY_OK && i < words->count; i++) {
        if (assay_str_contains(result->text, words->items[i]->text))
            return true;
    }
    return false;
}

static void check_read(test_lake *lake, const char *name, const char *location, int64_t version,
                       const assay_value *expect, struct tally *tally)
{
    golden_result result = golden_read(lake, &assay_delta_format, location, version, expect);
    const assay_value *error = assay_value_find(expect, "error");

    if (error != NULL) {
        if (result.ok || !is_expected(error, &result))
            report(tally, name, version, result.ok ? "was read" : result.text);
        else
            tally->right++;
    } else if (result.ok) {
        tally->right++;
    } else if (may_refuse(expect, &result) || names_refused_feature(&result)) {
        tally->refused++;
    } else {
        report(tally, name, version, result.text);
    }
}

/* A table that a writer without the feature must not write is refused by its name. */
static void check_guard(test_lake *lake, const char *name, const char *location,
                        const assay_value *words, struct tally *tally)
{
    const assay_delta_loaded *loaded = NULL;
    assay_table *table = NULL;
    assay_error err = {0};

    if (words == NULL || assay_delta_format.load(name, location, lake->store, lake->conn,
                                                 lake->arena, &table, &err) != ASSAY_OK)
        return;
    loaded = table->format_data;
    if (assay_delta_protocol_check_write(name, loaded->state->protocol, loaded->state->metadata,
                                         loaded->schema_tree, ASSAY_CHANGE_APPEND,
                                         &err) != ASSAY_EUNSUPPORTED ||
        !assay_str_contains(err.message, words->items[0]->text))
        report(tally, name, -1, "is written without the feature");
}

static void check_txns(test_lake *lake, const char *name, const char *location,
                       const assay_value *txns, struct tally *tally)
{
    const assay_delta_loaded *loaded = NULL;
    assay_table *table = NULL;

    if (txns == NULL || assay_delta_format.load(name, location, lake->store, lake->conn,
                                                lake->arena, &table, NULL) != ASSAY_OK)
        return;
    loaded = table->format_data;
    for (size_t i = 0; i < txns->count; i++) {
        if (assay_delta_state_txn(loaded->state, txns->keys[i]) != txns->items[i]->integer)
            report(tally, name, -1, "another version of an application transaction");
    }
}

static void check_table(test_lake *lake, const golden *pack, const assay_value *table,
                        struct tally *tally)
{
    const char *name = assay_value_find_text(table, "name", "");
    const assay_value *expect = assay_value_find(table, "expect");
    const assay_value *reads = assay_value_find(expect, "reads");
    char *location = assay_arena_format(lake->arena, "%s/%s", pack->folder,
                                        assay_value_find_text(table, "path", ""));

    check_read(lake, name, location, -1, expect, tally);
    for (size_t i = 0; reads != NULL && i < reads->count; i++)
        check_read(lake, name, location, assay_value_find_int(reads->items[i], "version", 0),
                   reads->items[i], tally);
    check_guard(lake, name, location, assay_value_find(expect, "write_refuse_unless_supported"),
                tally);
    check_txns(lake, name, location, assay_value_find(expect, "txn"), tally);
}

static void tables_of_other_engines_read_right_or_are_refused_by_feature(void **state)
{
    test_lake *lake = *state;
    struct tally tally = {0, 0, 0};
    golden pack;

    if (!golden_open(lake, "delta-golden.tar.zst", &pack))
        skip();
    for (size_t i = 0; i < pack.manifest->count; i++) {
        const assay_value *table = pack.manifest->items[i];

        if (strcmp(assay_value_find_text(table, "format", ""), "delta") == 0)
            check_table(lake, &pack, table, &tally);
    }
    print_message("%d reads right, %d refused by feature, %d wrong\n", tally.right, tally.refused,
                  tally.wrong);
    assert_int_equal(tally.wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            tables_of_other_engines_read_right_or_are_refused_by_feature, lake_setup,
            lake_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
