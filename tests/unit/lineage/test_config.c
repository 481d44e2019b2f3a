/* config/lineage.yaml and the OPENLINEAGE_* variables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/str.h"
#include "lineage/config.h"

#define RUN "01890a5d-ac96-774b-bcce-b302099a8057"
#define ROOT "01890a5d-ac96-774b-bcce-b302099a8058"

/* An environment as pairs of name and value, closed by NULL. */
struct environment {
    const char *const *pairs;
};

static const char *look_up(void *user, const char *name)
{
    const struct environment *environment = user;

    for (const char *const *pair = environment->pairs; pair != NULL && *pair != NULL; pair += 2)
        if (strcmp(pair[0], name) == 0)
            return pair[1];
    return NULL;
}

static assay_status load(assay_arena *arena, const char *yaml, const char *const *environment,
                         assay_lineage_config **ret_config, assay_error *err)
{
    struct environment variables = {environment};
    assay_lineage_source source = {.path = "config/lineage.yaml",
                                   .root = "/proj",
                                   .project = "shop",
                                   .environment = look_up,
                                   .environment_user = &variables};
    assay_value *tree = NULL;

    if (yaml != NULL) {
        assay_yaml_source text = {.bytes = yaml,
                                  .size = strlen(yaml),
                                  .path = source.path,
                                  .first_line = 1,
                                  .first_column = 1};
        assert_int_equal(assay_yaml_parse(&text, arena, &tree, err), ASSAY_OK);
    }
    source.tree = tree;
    return assay_lineage_config_load(&source, arena, ret_config, err);
}

static assay_lineage_config *loaded(assay_arena *arena, const char *yaml,
                                    const char *const *environment)
{
    assay_lineage_config *config = NULL;
    assay_error err = {.code = ASSAY_OK};
    if (load(arena, yaml, environment, &config, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
    return config;
}

static void the_original_file_works_as_it_is(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const assay_lineage_config *config = loaded(arena,
                                                "enabled: true\n"
                                                "backend: marquez\n"
                                                "url: http://localhost:5000/\n"
                                                "namespace: retail\n"
                                                "api_key: ''\n"
                                                "datasets:\n"
                                                "- name: orders_raw\n"
                                                "  location: s3://raw/orders\n"
                                                "  layer: bronze\n"
                                                "  source: erp\n",
                                                NULL);

    assert_true(config->enabled);
    assert_string_equal(config->namespace, "retail");
    assert_int_equal(config->transport_count, 1);
    assert_int_equal(config->transports[0].backend, ASSAY_LINEAGE_HTTP);
    assert_string_equal(config->transports[0].url, "http://localhost:5000/api/v1/lineage");
    assert_null(config->transports[0].api_key);
    assert_int_equal(config->transports[0].timeout_ms, 5000);
    assert_string_equal(assay_lineage_config_dataset(config, "orders_raw")->location,
                        "s3://raw/orders");
    assert_null(assay_lineage_config_dataset(config, "other"));
}

static void relative_paths_begin_at_the_project(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const assay_lineage_config *config =
        loaded(arena, "backend: file\npath: .assay/lineage/events.jsonl\n", NULL);

    assert_string_equal(config->transports[0].path, "/proj/.assay/lineage/events.jsonl");
    assert_string_equal(config->namespace, "shop");
}

static void without_a_file_only_the_environment_switches_on(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const char *const environment[] = {"OPENLINEAGE_URL",
                                       "http://h:1",
                                       "OPENLINEAGE_ENDPOINT",
                                       "/x",
                                       "OPENLINEAGE_API_KEY",
                                       "k",
                                       "OPENLINEAGE_NAMESPACE",
                                       "n",
                                       NULL};

    assert_false(loaded(arena, NULL, NULL)->enabled);
    const assay_lineage_config *config = loaded(arena, NULL, environment);
    assert_true(config->enabled);
    assert_string_equal(config->transports[0].url, "http://h:1/x");
    assert_string_equal(config->transports[0].api_key, "k");
    assert_string_equal(config->namespace, "n");
}

static void the_file_goes_before_the_environment_but_disabled_wins(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const char *const environment[] = {"OPENLINEAGE_URL", "http://other", "OPENLINEAGE_NAMESPACE",
                                       "other", NULL};
    const char *const off[] = {"OPENLINEAGE_DISABLED", "true", NULL};
    const char yaml[] = "backend: http\nurl: http://mine\nnamespace: mine\n";

    const assay_lineage_config *config = loaded(arena, yaml, environment);
    assert_string_equal(config->transports[0].url, "http://mine/api/v1/lineage");
    assert_string_equal(config->namespace, "mine");
    assert_false(loaded(arena, yaml, off)->enabled);
    assert_false(loaded(arena, "enabled: false\nbackend: http\n", NULL)->enabled);
    assert_false(loaded(arena, "backend: none\n", NULL)->enabled);
}

static void the_run_that_started_us_is_known(void **state)
{
    (void)state;
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const char *const ids[] = {"OPENLINEAGE_PARENT_ID", "s3://x/dag.task/" RUN,
                               "OPENLINEAGE_ROOT_PARENT_ID", "ns/dag/" ROOT, NULL};
    const char *const context[] = {"OPENLINEAGE_PARENT_ID", "old/job/" ROOT, "OPENLINEAGE_CONTEXT",
                                   "{\"parent\":{\"run\":{\"runId\":\"" RUN
                                   "\"},\"job\":{\"namespace\":\"n\",\"name\":\"j\"}}}",
                                   NULL};
    const char *const broken[] = {"OPENLINEAGE_PARENT_ID", "nonsense", "OPENLINEAGE_CONTEXT", "{",
                                  NULL};

    const assay_lineage_config *config = loaded(arena, NULL, ids);
    assert_string_equal(config->parent.run_id, RUN);
    assert_string_equal(config->parent.namespace, "s3://x");
    assert_string_equal(config->parent.name, "dag.task");
    assert_string_equal(config->root.run_id, ROOT);
    config = loaded(arena, NULL, context);
    assert_string_equal(config->parent.name, "j");
    assert_null(loaded(arena, NULL, broken)->parent.run_id);
}

static void what_cannot_be_used_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        assay_status status;
        int number, line;
        const char *part;
    } cases[] = {
        {"enabled: true\nbackned: file\n", ASSAY_ECONFIG, 1201, 2, "backend"},
        {"backend: marqez\nurl: http://h\n", ASSAY_ECONFIG, 6001, 1, "marquez"},
        {"backend: kafka\n", ASSAY_EUNSUPPORTED, 6002, 1, "kafka"},
        {"backend: http\n", ASSAY_ECONFIG, 6001, 1, "url"},
        {"backend: http\nurl: ftp://h\n", ASSAY_ECONFIG, 6001, 2, "http://"},
        {"backend: http\nurl: http://u:p@h\n", ASSAY_ECONFIG, 6001, 2, "api_key"},
        {"backend: file\n", ASSAY_ECONFIG, 6001, 1, "path"},
        {"enabled: true\n", ASSAY_ECONFIG, 6001, 1, "no backend"},
        {"enabled: maybe\n", ASSAY_ECONFIG, 1202, 1, ""},
        {"backend: http\nurl: http://h\ntimeout: 1h\n", ASSAY_ECONFIG, 6001, 3, "timeout"},
        {"backend: http\nurl: http://h\nheaders:\n  'a b': x\n", ASSAY_ECONFIG, 6001, 4, "header"},
        {"transports:\n- {type: console, name: a}\n- {type: console, name: a}\n", ASSAY_ECONFIG,
         6001, 3, "same name"},
        {"backend: console\ndatasets:\n- {name: a}\n- {name: a}\n", ASSAY_ECONFIG, 6001, 4,
         "same name"},
        {"backend: console\ndatasets:\n- {location: a}\n", ASSAY_ECONFIG, 1204, 3, "name"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
        assay_lineage_config *config = NULL;
        assay_error err = {.code = ASSAY_OK};
        assert_int_equal(load(arena, cases[i].yaml, NULL, &config, &err), cases[i].status);
        if (err.number != cases[i].number || err.line != cases[i].line ||
            strstr(err.message, cases[i].part) == NULL)
            fail_msg("case %zu: E%d line %d: %s", i, err.number, err.line, err.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_original_file_works_as_it_is),
        cmocka_unit_test(relative_paths_begin_at_the_project),
        cmocka_unit_test(without_a_file_only_the_environment_switches_on),
        cmocka_unit_test(the_file_goes_before_the_environment_but_disabled_wins),
        cmocka_unit_test(the_run_that_started_us_is_known),
        cmocka_unit_test(what_cannot_be_used_is_refused_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
