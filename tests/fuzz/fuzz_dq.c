/* config/dq.yaml: any text gives a config whose every check is either usable or says its problem,
 * or an error with a number. Conditions and parameters of its checks go through their own parsers
 * too. */
#include "fuzz.h"
#include "quality/plan.h"
#include "text/yaml.h"

#include <stdlib.h>

static void feed_check(const assay_quality_check *check, assay_arena *arena)
{
    const char *condition = assay_value_find_text(check->kwargs, "row_condition", NULL);
    const char *parser = assay_value_find_text(check->kwargs, "condition_parser", NULL);
    const assay_value *bound = assay_value_find(check->kwargs, "min_value");
    const char *sql = NULL;
    assay_error err;

    assay_error_clear(&err);
    if (check->expectation == NULL || check->name == NULL || check->kwargs == NULL)
        abort();
    if (condition != NULL && assay_dq_condition(condition, parser, arena, &sql, &err) == ASSAY_OK &&
        sql == NULL)
        abort();
    if (bound != NULL && assay_dq_param_resolve(bound, 0, arena, &bound, &err) == ASSAY_OK &&
        bound == NULL)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    const assay_yaml_source source = {(const char *)data, size, "config/dq.yaml", 1, 1};
    assay_quality_source quality = {.path = "config/dq.yaml"};
    assay_quality_config *config = NULL;
    assay_value *tree = NULL;
    assay_error err;

    assay_error_clear(&err);
    if (arena == NULL || assay_yaml_parse(&source, arena, &tree, &err) != ASSAY_OK)
        return 0;
    quality.tree = tree;
    if (assay_quality_config_load(&quality, arena, &config, &err) != ASSAY_OK) {
        if (err.number == 0)
            abort();
        return 0;
    }
    for (size_t i = 0; i < config->suite_count; i++) {
        if (config->suites[i].count == 0 && config->suites[i].problem == NULL)
            abort();
        for (size_t c = 0; c < config->suites[i].count; c++)
            feed_check(&config->suites[i].checks[c], arena);
    }
    return 0;
}
