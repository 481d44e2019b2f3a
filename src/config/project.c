#include "config/project.h"

#include "base/str.h"
#include "config/read.h"
#include "config/tables.h"

#include <string.h>

static const char project_file[] = "assay.yaml";

/* Everything but `vars` may use `vars`, which itself uses the environment alone. */
static assay_status expand(assay_value *tree, assay_variables *variables, assay_arena *arena,
                           assay_error *err)
{
    assay_variables alone = {NULL, NULL, variables->environment, variables->environment_user};
    assay_value *vars = assay_value_find(tree, "vars");

    if (vars != NULL)
        ASSAY_TRY(
            assay_template_expand(vars, project_file, assay_variables_lookup, &alone, arena, err));
    variables->project = vars;
    for (size_t i = 0; i < tree->count; i++)
        if (tree->items[i] != vars)
            ASSAY_TRY(assay_template_expand(tree->items[i], project_file, assay_variables_lookup,
                                            variables, arena, err));
    return ASSAY_OK;
}

static bool is_simple_name(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

    return name[0] != '\0' && name[0] != '.' && name[strspn(name, allowed)] == '\0';
}

static assay_status read_target(const char *name, const assay_value *tree, assay_place place,
                                assay_target_config *ret_target, assay_error *err)
{
    if (!is_simple_name(name))
        return assay_error_at(
            err, ASSAY_ECONFIG, 1221, place,
            "the target name '%s' may hold letters, digits, '_', '-' and '.' only", name);
    if (assay_str_equal(assay_config_text(tree, "engine", NULL), "spark"))
        return assay_error_at(err, ASSAY_EUNSUPPORTED, 2015,
                              assay_config_place(tree, "engine", project_file),
                              "the engine 'spark' of target '%s' is not built in this version",
                              name);
    *ret_target = (assay_target_config){
        .name = name,
        .warehouse = assay_config_text(tree, "warehouse", NULL),
        .format = assay_config_text(tree, "format", NULL),
        .variables = assay_config_find(tree, "variables"),
        .connections = assay_config_find(tree, "connections"),
        .memory_limit = assay_config_size(tree, "memory_limit", 0),
        .threads = (int)assay_config_int(tree, "threads", 0),
        .jobs = (int)assay_config_int(tree, "jobs", 0),
        .temp_dir = assay_config_text(tree, "temp_dir", NULL),
        .lock_wait_ms = assay_config_duration_ms(tree, "lock_wait", -1),
        .tree = tree,
        .line = place.line,
        .column = place.column,
    };
    return ASSAY_OK;
}

/* A project without targets has one, "local", with all defaults. */
static assay_status read_targets(const assay_value *tree, assay_arena *arena,
                                 assay_project_config *config, assay_error *err)
{
    const assay_value *targets = assay_config_find(tree, "targets");
    size_t count = targets != NULL && targets->count > 0 ? targets->count : 1;

    config->targets = assay_arena_take(arena, count, sizeof *config->targets);
    ASSAY_TRY(assay_arena_check(config->targets, err));
    config->target_count = count;
    if (targets == NULL || targets->count == 0)
        return read_target("local", NULL, (assay_place){project_file, 1, 1}, &config->targets[0],
                           err);
    for (size_t i = 0; i < count; i++) {
        const assay_value *item =
            targets->items[i]->kind == ASSAY_VALUE_MAP ? targets->items[i] : NULL;

        ASSAY_TRY(read_target(targets->keys[i], item,
                              assay_config_place(targets, targets->keys[i], project_file),
                              &config->targets[i], err));
    }
    return ASSAY_OK;
}

static assay_status read_layers(const assay_value *tree, assay_arena *arena,
                                assay_project_config *config, assay_error *err)
{
    const assay_value *layers = assay_config_find(tree, "layers");

    if (layers == NULL || layers->count == 0)
        return ASSAY_OK;
    config->layers = assay_arena_take(arena, layers->count, sizeof *config->layers);
    ASSAY_TRY(assay_arena_check(config->layers, err));
    config->layer_count = layers->count;
    for (size_t i = 0; i < layers->count; i++)
        config->layers[i] = (assay_layer_config){
            layers->keys[i],
            assay_str_equal(assay_config_text(layers->items[i], "schema", "evolve"), "strict")};
    return ASSAY_OK;
}

assay_status assay_project_config_load(const char *root, assay_template_lookup *environment,
                                       void *environment_user, assay_arena *arena,
                                       assay_project_config **ret_config, assay_error *err)
{
    assay_variables variables = {NULL, NULL, environment, environment_user};
    assay_value *tree = NULL;

    ASSAY_TRY(assay_config_file_load(root, project_file, false, NULL, arena, &tree, err));
    if (tree->kind == ASSAY_VALUE_MAP)
        ASSAY_TRY(expand(tree, &variables, arena, err));
    ASSAY_TRY(assay_config_check(tree, &assay_table_project, project_file, err));

    assay_project_config *config = assay_arena_take(arena, 1, sizeof *config);
    ASSAY_TRY(assay_arena_check(config, err));
    config->path = project_file;
    config->name = assay_config_text(tree, "name", "");
    config->vars = assay_config_find(tree, "vars");
    ASSAY_TRY(read_targets(tree, arena, config, err));
    ASSAY_TRY(read_layers(tree, arena, config, err));
    *ret_config = config;
    return ASSAY_OK;
}

enum { NAMES_MAX = 64 };

assay_status assay_project_config_target(const assay_project_config *config, const char *name,
                                         const assay_target_config **ret_target, assay_error *err)
{
    const char *names[NAMES_MAX] = {NULL};
    size_t count = 0;

    if (name == NULL) {
        *ret_target = &config->targets[0];
        return ASSAY_OK;
    }
    for (size_t i = 0; i < config->target_count; i++) {
        if (assay_str_equal(config->targets[i].name, name)) {
            *ret_target = &config->targets[i];
            return ASSAY_OK;
        }
        if (count < NAMES_MAX)
            names[count++] = config->targets[i].name;
    }
    const char *nearest = assay_str_nearest(name, names, count);
    return assay_error_set(err, ASSAY_ECONFIG, 1220, "unknown target '%s'%s%s%s", name,
                           nearest != NULL ? ": did you mean '" : "; the first of assay.yaml is '",
                           nearest != NULL ? nearest : names[0], nearest != NULL ? "'?" : "'");
}
