#include "pipeline/project.h"

#include "base/path.h"
#include "base/str.h"
#include "base/vec.h"
#include "catalog/sqlite.h"
#include "config/read.h"
#include "config/schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char quality_file[] = "config/dq.yaml";
static const char lineage_file[] = "config/lineage.yaml";
static const char models_folder[] = "models";

enum { MODELS_DEPTH_MAX = 32, FOLDER_MAX = 4096 };

assay_status assay_project_find(const char *start, bool exact, assay_arena *arena,
                                const char **ret_root, assay_error *err)
{
    assay_path_info info;
    char *folder = NULL;

    if (start != NULL && assay_path_is_absolute(start)) {
        folder = assay_path_normal(arena, "/", start);
    } else {
        char here[FOLDER_MAX];

        if (getcwd(here, sizeof here) == NULL)
            return assay_error_errno(err, errno, "cannot tell the working folder");
        folder = assay_path_normal(arena, here, start != NULL ? start : ".");
    }
    ASSAY_TRY(assay_arena_check(folder, err));
    for (char *at = folder;;) {
        char *file = assay_path_join(arena, at, "assay.yaml");

        ASSAY_TRY(assay_arena_check(file, err));
        ASSAY_TRY(assay_path_stat(file, &info, err));
        if (info.exists && !info.is_directory) {
            *ret_root = at;
            return ASSAY_OK;
        }
        if (exact || strcmp(at, "/") == 0)
            break;
        at = assay_path_dir(arena, at);
        ASSAY_TRY(assay_arena_check(at, err));
    }
    return assay_error_set(err, ASSAY_ECONFIG, 2001,
                           exact
                               ? "there is no assay.yaml in '%s'; `assay init` makes a project"
                               : "there is no assay.yaml in '%s' or above it; `assay init` makes a "
                                 "project",
                           folder);
}

static assay_status make_path(const assay_project *project, const char *part, assay_arena *arena,
                              const char **ret_path, assay_error *err)
{
    *ret_path = assay_path_normal(arena, project->root, part);
    return assay_arena_check(*ret_path, err);
}

/* The target's warehouse, else storage.yaml's, else lake. */
static assay_status resolve_warehouse(assay_project *project, assay_error *err)
{
    const assay_target_config *target = project->target_config;
    const char *written = target->warehouse;
    const char *path = NULL;
    assay_place place = assay_config_place(target->tree, "warehouse", project->config->path);

    if (written == NULL) {
        written = project->storage->warehouse;
        place = project->storage->warehouse_place;
    }
    ASSAY_TRY(assay_storage_local_path(written != NULL ? written : "lake", place, &path, err));
    return make_path(project, path, project->arena, &project->warehouse, err);
}

static assay_status open_catalog(assay_project *project, assay_error *err)
{
    const assay_storage_config *storage = project->storage;
    assay_sqlite_catalog_options options = {.name = storage->catalog_name};

    if (!assay_str_equal(storage->catalog, "sqlite"))
        return ASSAY_OK;
    if (storage->catalog_path != NULL)
        ASSAY_TRY(make_path(project, storage->catalog_path, project->arena, &options.path, err));
    else
        options.path = assay_path_join(project->arena, project->warehouse, "catalog.db");
    ASSAY_TRY(assay_arena_check(options.path, err));
    project->catalog_path = options.path;
    return assay_sqlite_catalog_new(&options, project->arena, &project->catalog, err);
}

static assay_status resolve_folders(assay_project *project, assay_error *err)
{
    const assay_value *reporting = assay_config_find(project->quality_tree, "reporting");
    const char *results = assay_config_text(reporting, "output_path", ".assay/results");
    char *state = assay_arena_format(project->arena, ".assay/%s", project->target);

    ASSAY_TRY(assay_arena_check(state, err));
    ASSAY_TRY(resolve_warehouse(project, err));
    ASSAY_TRY(open_catalog(project, err));
    ASSAY_TRY(make_path(project, state, project->arena, &project->state_dir, err));
    ASSAY_TRY(make_path(project, results, project->arena, &project->results_dir, err));
    project->spool_dir = assay_path_join(project->arena, project->state_dir, "lineage");
    ASSAY_TRY(assay_arena_check(project->spool_dir, err));
    if (project->target_config->temp_dir != NULL)
        return make_path(project, project->target_config->temp_dir, project->arena,
                         &project->temp_dir, err);
    project->temp_dir = assay_path_join(project->arena, project->state_dir, "tmp");
    return assay_arena_check(project->temp_dir, err);
}

static assay_status choose_target(const assay_project_options *options, assay_project *project,
                                  assay_variables *variables, assay_error *err)
{
    const char *name = options->target;

    if (name == NULL && variables->environment != NULL)
        name = variables->environment(variables->environment_user, "ASSAY_TARGET");
    if (name != NULL && name[0] == '\0')
        name = NULL;
    ASSAY_TRY(assay_project_config_target(project->config, name, &project->target_config, err));
    project->target = project->target_config->name;
    variables->project = project->config->vars;
    variables->target = project->target_config->variables;
    return ASSAY_OK;
}

static assay_status load_config(const assay_project_options *options, assay_project *project,
                                assay_variables *variables, assay_error *err)
{
    assay_project_config *config = NULL;
    assay_storage_config *storage = NULL;
    assay_connections_config *connections = NULL;
    assay_value *quality = NULL, *lineage = NULL;
    assay_arena *arena = project->arena;

    ASSAY_TRY(assay_project_config_load(project->root, variables->environment,
                                        variables->environment_user, arena, &config, err));
    project->config = config;
    project->name = config->name;
    ASSAY_TRY(choose_target(options, project, variables, err));
    ASSAY_TRY(assay_storage_config_load(project->root, project->target_config->format, variables,
                                        arena, &storage, err));
    project->storage = storage;
    ASSAY_TRY(assay_connections_config_load(project->root, variables,
                                            project->target_config->connections, arena,
                                            &connections, err));
    project->connections = connections;
    ASSAY_TRY(
        assay_config_file_load(project->root, quality_file, true, variables, arena, &quality, err));
    ASSAY_TRY(
        assay_config_file_load(project->root, lineage_file, true, variables, arena, &lineage, err));
    project->quality_tree = quality;
    project->quality_path = quality_file;
    project->lineage_tree = lineage;
    project->lineage_path = lineage_file;
    return resolve_folders(project, err);
}

static bool is_model_file(const char *name)
{
    return assay_str_ends(name, ".sql") || assay_str_ends(name, ".yaml") ||
           assay_str_ends(name, ".yml");
}

static assay_status load_models(assay_project *project, const char *folder,
                                assay_variables *variables, assay_vec *models, int depth,
                                assay_error *err)
{
    char **names = NULL;
    size_t count = 0;
    const char *full = assay_path_join(project->arena, project->root, folder);

    ASSAY_TRY(assay_arena_check(full, err));
    if (depth > MODELS_DEPTH_MAX)
        return assay_error_set(err, ASSAY_ECONFIG, 2007, "'%s' lies more than %d folders deep",
                               folder, MODELS_DEPTH_MAX);
    ASSAY_TRY(assay_path_list(full, project->arena, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        assay_path_info info;
        assay_model *model = NULL;
        const char *path = assay_path_join(project->arena, folder, names[i]);
        const char *inner = assay_path_join(project->arena, full, names[i]);

        ASSAY_TRY(assay_arena_check(path, err));
        ASSAY_TRY(assay_arena_check(inner, err));
        if (names[i][0] == '.')
            continue;
        ASSAY_TRY(assay_path_stat(inner, &info, err));
        if (info.is_directory) {
            ASSAY_TRY(load_models(project, path, variables, models, depth + 1, err));
            continue;
        }
        if (!is_model_file(names[i]))
            continue;
        if (models->count >= ASSAY_MODELS_MAX)
            return assay_error_set(err, ASSAY_ECONFIG, 2007, "the project has more than %d models",
                                   ASSAY_MODELS_MAX);
        ASSAY_TRY(assay_model_load(project->root, path, variables, project->arena, &model, err));
        ASSAY_TRY(assay_vec_push(models, &model, err));
    }
    return ASSAY_OK;
}

static int lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* Names compare without case, as the engine does. */
static int compare_names(const char *a, const char *b)
{
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return lower(*a) - lower(*b);
}

static int compare_models(const void *a, const void *b)
{
    const assay_model *const *left = a;
    const assay_model *const *right = b;
    int order = compare_names((*left)->name, (*right)->name);

    return order != 0 ? order : strcmp((*left)->path, (*right)->path);
}

static assay_status sort_models(assay_project *project, const assay_vec *models, assay_error *err)
{
    ASSAY_TRY(
        assay_vec_to_arena(models, project->arena, &project->models, &project->model_count, err));
    if (project->model_count > 1)
        qsort(project->models, project->model_count, sizeof *project->models, compare_models);
    for (size_t i = 0; i < project->model_count; i++) {
        assay_model *model = project->models[i];

        model->index = i;
        if (i > 0 && compare_names(project->models[i - 1]->name, model->name) == 0)
            return assay_error_at(err, ASSAY_ECONFIG, 2004, (assay_place){model->path, 1, 1},
                                  "the table '%s' has two models: '%s' and '%s'", model->name,
                                  project->models[i - 1]->path, model->path);
        if (model->extract != NULL && model->extract->connection.text != NULL) {
            const assay_connection_config *connection = NULL;
            assay_named used = model->extract->connection;

            ASSAY_TRY(assay_connections_use(project->connections, used.text,
                                            (assay_place){model->path, used.line, used.column},
                                            &connection, err));
        }
    }
    return ASSAY_OK;
}

static const char *const known_layers[] = {"bronze", "silver", "gold"};

static bool has_layer(const assay_project *project, const char *name)
{
    for (size_t i = 0; i < project->layer_count; i++)
        if (assay_str_equal(project->layers[i], name))
            return true;
    return false;
}

static assay_status collect_layers(assay_project *project, assay_error *err)
{
    size_t most = project->model_count + project->config->layer_count +
                  sizeof known_layers / sizeof known_layers[0];

    project->layers = assay_arena_take(project->arena, most, sizeof *project->layers);
    ASSAY_TRY(assay_arena_check(project->layers, err));
    for (size_t i = 0; i < sizeof known_layers / sizeof known_layers[0]; i++)
        project->layers[project->layer_count++] = known_layers[i];
    for (size_t i = 0; i < project->config->layer_count; i++)
        if (!has_layer(project, project->config->layers[i].name))
            project->layers[project->layer_count++] = project->config->layers[i].name;
    for (size_t i = 0; i < project->model_count; i++)
        if (!has_layer(project, project->models[i]->layer))
            project->layers[project->layer_count++] = project->models[i]->layer;
    return ASSAY_OK;
}

/* A misspelled layer would keep the format of the others. */
static assay_status check_storage_layers(const assay_project *project, assay_error *err)
{
    const assay_storage_config *storage = project->storage;

    for (size_t i = 0; i < storage->layer_count; i++) {
        const assay_layer_storage *layer = &storage->layers[i];

        if (has_layer(project, layer->layer) || assay_str_equal(layer->layer, "quarantine"))
            continue;
        const char *nearest =
            assay_str_nearest(layer->layer, project->layers, project->layer_count);
        return assay_error_at(err, ASSAY_ECONFIG, 1234,
                              (assay_place){storage->path, layer->line, layer->column},
                              "no model and no key of assay.yaml names the layer '%s'%s%s%s",
                              layer->layer, nearest != NULL ? ": did you mean '" : "",
                              nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
    }
    return ASSAY_OK;
}

assay_status assay_project_open(const assay_project_options *options, assay_arena *arena,
                                assay_project **ret_project, assay_error *err)
{
    ASSAY_AUTO(assay_vec_done) assay_vec models = ASSAY_VEC_OF(assay_model *);
    assay_project *project = assay_arena_take(arena, 1, sizeof *project);
    assay_variables variables = {
        .environment =
            options->environment != NULL ? options->environment : assay_template_environment,
        .environment_user = options->environment_user,
    };

    ASSAY_TRY(assay_arena_check(project, err));
    project->arena = arena;
    ASSAY_TRY(assay_project_find(options->start, options->exact, arena, &project->root, err));
    ASSAY_TRY(load_config(options, project, &variables, err));
    ASSAY_TRY(load_models(project, models_folder, &variables, &models, 0, err));
    ASSAY_TRY(sort_models(project, &models, err));
    ASSAY_TRY(collect_layers(project, err));
    ASSAY_TRY(check_storage_layers(project, err));
    *ret_project = project;
    return ASSAY_OK;
}

const assay_model *assay_project_model(const assay_project *project, const char *name)
{
    size_t low = 0, high = project->model_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_names(name, project->models[middle]->name);

        if (order == 0)
            return project->models[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const char *assay_project_nearest(const assay_project *project, const char *name)
{
    const char *best = NULL;
    size_t best_distance = strlen(name) / 3 > 2 ? strlen(name) / 3 : 2;

    for (size_t i = 0; i < project->model_count; i++) {
        const char *other = project->models[i]->name;
        size_t distance = assay_str_distance(name, other, best_distance);

        /* `orders` is near `silver.orders` */
        if (strchr(name, '.') == NULL && assay_str_equal_ci(name, project->models[i]->table))
            distance = 0;
        if (distance <= best_distance && (best == NULL || distance < best_distance)) {
            best = other;
            best_distance = distance;
        }
    }
    return best;
}

assay_status assay_project_model_unknown(const assay_project *project, const char *name,
                                         assay_error *err)
{
    const char *nearest = assay_project_nearest(project, name);

    if (nearest != NULL)
        return assay_error_set(err, ASSAY_ECONFIG, 2002,
                               "there is no model '%s': did you mean '%s'?", name, nearest);
    return assay_error_set(err, ASSAY_ECONFIG, 2002, "there is no model '%s'", name);
}

static size_t layer_size(const char *table)
{
    const char *dot = strchr(table, '.');

    return dot != NULL ? (size_t)(dot - table) : strlen(table);
}

static bool is_one_name(const char *a, const char *b)
{
    for (; *a != '\0' && *b != '\0'; a++, b++) {
        char left[] = {*a == '.' ? '_' : *a, '\0'};
        char right[] = {*b == '.' ? '_' : *b, '\0'};
        if (!assay_str_equal_ci(left, right))
            return false;
    }
    return *a == *b;
}

const assay_model *assay_project_quarantine_twin(const assay_project *project, const char *table)
{
    for (size_t i = 0; i < project->model_count; i++)
        if (is_one_name(project->models[i]->name, table) &&
            !assay_str_equal_ci(project->models[i]->name, table))
            return project->models[i];
    return NULL;
}

/* A quarantine table `quarantine.<layer>_<table>` follows the project's format. */
const char *assay_project_format(const assay_project *project, const char *table)
{
    char layer[64] = "";
    size_t size = layer_size(table);

    if (size < sizeof layer)
        memcpy(layer, table, size);
    return assay_storage_format(project->storage, layer);
}

char *assay_project_location(const assay_project *project, const char *table, assay_arena *arena)
{
    size_t size = layer_size(table);
    const char *rest = table[size] == '.' ? table + size + 1 : "";

    return assay_arena_format(arena, "%s/%.*s/%s", project->warehouse, (int)size, table, rest);
}

bool assay_project_layer_strict(const assay_project *project, const char *layer)
{
    for (size_t i = 0; i < project->config->layer_count; i++)
        if (assay_str_equal(project->config->layers[i].name, layer))
            return project->config->layers[i].strict;
    return false;
}
