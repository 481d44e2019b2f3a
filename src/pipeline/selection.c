#include "pipeline/selection.h"

#include "base/path.h"
#include "base/str.h"

#include <string.h>

/* ---- atoms ---- */

static bool has_glob(const char *value)
{
    return strpbrk(value, "*?[{") != NULL;
}

static bool path_matches(const assay_model *model, const char *value)
{
    if (assay_str_starts(value, "./"))
        value += 2;
    size_t size = strlen(value);
    while (size > 0 && value[size - 1] == '/')
        size--;
    if (has_glob(value))
        return assay_str_glob(value, model->path);
    return strncmp(model->path, value, size) == 0 &&
           (model->path[size] == '\0' || model->path[size] == '/');
}

static bool tag_matches(const assay_model *model, const char *value)
{
    for (size_t i = 0; i < model->header.tag_count; i++)
        if (assay_str_equal(model->header.tags[i].text, value) ||
            (has_glob(value) && assay_str_glob(value, model->header.tags[i].text)))
            return true;
    return false;
}

static bool name_matches(const assay_model *model, const char *value)
{
    return assay_str_equal_ci(model->name, value) ||
           (has_glob(value) && assay_str_glob(value, model->name));
}

static bool matches(const assay_model *model, const char *method, const char *value)
{
    if (strcmp(method, "layer") == 0)
        return assay_str_equal(model->layer, value) ||
               (has_glob(value) && assay_str_glob(value, model->layer));
    if (strcmp(method, "tag") == 0)
        return tag_matches(model, value);
    if (strcmp(method, "path") == 0)
        return path_matches(model, value);
    if (method[0] == '\0' && (strchr(value, '/') != NULL))
        return path_matches(model, value);
    return name_matches(model, value);
}

/* ---- what a term did not find ---- */

enum { CANDIDATES_MAX = 2000 };

static size_t collect_candidates(const assay_project *project, const char *method,
                                 const char **names)
{
    size_t count = 0;

    for (size_t i = 0; i < project->model_count; i++) {
        const assay_model *model = project->models[i];

        if (strcmp(method, "tag") == 0)
            for (size_t j = 0; j < model->header.tag_count && count < CANDIDATES_MAX; j++)
                names[count++] = model->header.tags[j].text;
        else if (count < CANDIDATES_MAX)
            names[count++] = strcmp(method, "layer") == 0  ? model->layer
                             : strcmp(method, "path") == 0 ? model->path
                                                           : model->name;
    }
    return count;
}

static assay_status refuse_atom(const assay_project *project, const char *method, const char *value,
                                assay_arena *arena, assay_error *err)
{
    const char *what = method[0] == '\0' || strcmp(method, "name") == 0 ? "model" : method;
    const char *nearest = NULL;

    if (strcmp(what, "model") == 0) {
        nearest = assay_project_nearest(project, value);
    } else {
        const char **names = assay_arena_take(arena, CANDIDATES_MAX, sizeof *names);

        ASSAY_TRY(assay_arena_check(names, err));
        size_t count = collect_candidates(project, method, names);
        nearest = assay_str_nearest(value, names, count);
    }
    return assay_error_set(err, ASSAY_ECONFIG, 2020, "no %s matches '%s'%s%s%s", what, value,
                           nearest != NULL ? ": did you mean '" : "",
                           nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

/* ---- sets of models ---- */

struct choice {
    const assay_project *project;
    assay_arena *arena;
    assay_error *err;
};

static bool *new_set(const struct choice *choice)
{
    return assay_arena_take(choice->arena, choice->project->model_count + 1, sizeof(bool));
}

/* Adds what lies `depth` steps away (-1 = any) in one direction. `near` holds the distance already
 * known. */
static void spread(const struct choice *choice, const assay_model *model, bool up, int depth,
                   bool *set, int *near)
{
    size_t count = up ? model->input_count : model->reader_count;

    if (depth == 0)
        return;
    for (size_t i = 0; i < count; i++) {
        const assay_model *next = up ? model->inputs[i].model : model->readers[i];
        int left = depth < 0 ? -1 : depth - 1;

        if (next == NULL || near[next->index] == -1 || (left >= 0 && near[next->index] > left))
            continue;
        near[next->index] = left < 0 ? -1 : left + 1;
        set[next->index] = true;
        spread(choice, next, up, left, set, near);
    }
}

static assay_status spread_all(const struct choice *choice, const bool *from, bool up, int depth,
                               bool *set)
{
    int *near = assay_arena_take(choice->arena, choice->project->model_count + 1, sizeof *near);

    ASSAY_TRY(assay_arena_check(near, choice->err));
    for (size_t i = 0; i < choice->project->model_count; i++)
        if (from[i])
            spread(choice, choice->project->models[i], up, depth, set, near);
    return ASSAY_OK;
}

/* Marks in `set` what one term selects, and in `named` the model it is the name of. */
static assay_status select_term(const struct choice *choice, const char *term, size_t size,
                                bool *set, bool *named)
{
    const assay_project *project = choice->project;
    assay_selector selector;
    const char *problem = NULL;
    size_t found = 0;

    if (!assay_selector_parse(term, size, &selector, &problem))
        return assay_error_set(choice->err, ASSAY_ECONFIG, 2021, "the selector '%.*s' is wrong: %s",
                               (int)size, term, problem);
    char *value = assay_arena_text_n(choice->arena, term + selector.value, selector.value_size);
    bool *atoms = new_set(choice);
    ASSAY_TRY(assay_arena_check(value, choice->err));
    ASSAY_TRY(assay_arena_check(atoms, choice->err));
    for (size_t i = 0; i < project->model_count; i++) {
        atoms[i] = matches(project->models[i], selector.method, value);
        found += atoms[i];
        set[i] = set[i] || atoms[i];
        named[i] = named[i] || (atoms[i] && assay_str_equal_ci(project->models[i]->name, value));
    }
    if (found == 0)
        return refuse_atom(project, selector.method, value, choice->arena, choice->err);
    if (selector.up)
        ASSAY_TRY(spread_all(choice, atoms, true, selector.up_depth, set));
    if (selector.down)
        ASSAY_TRY(spread_all(choice, atoms, false, selector.down_depth, set));
    if (!selector.at)
        return ASSAY_OK;
    bool *below = new_set(choice);
    ASSAY_TRY(assay_arena_check(below, choice->err));
    memcpy(below, atoms, project->model_count * sizeof *below);
    ASSAY_TRY(spread_all(choice, atoms, false, -1, below));
    for (size_t i = 0; i < project->model_count; i++)
        set[i] = set[i] || below[i];
    return spread_all(choice, below, true, -1, set);
}

/* A word: terms with commas between them, all of which must select a model. */
static assay_status select_word(const struct choice *choice, const char *word, size_t size,
                                bool *set, bool *named)
{
    size_t count = choice->project->model_count;
    bool *all = new_set(choice);

    ASSAY_TRY(assay_arena_check(all, choice->err));
    memset(all, true, count * sizeof *all);
    for (size_t at = 0; at <= size;) {
        const char *comma = at < size ? memchr(word + at, ',', size - at) : NULL;
        size_t end = comma != NULL ? (size_t)(comma - word) : size;
        bool *one = new_set(choice);

        ASSAY_TRY(assay_arena_check(one, choice->err));
        ASSAY_TRY(select_term(choice, word + at, end - at, one, named));
        for (size_t i = 0; i < count; i++)
            all[i] = all[i] && one[i];
        at = end + 1;
    }
    for (size_t i = 0; i < count; i++)
        set[i] = set[i] || all[i];
    return ASSAY_OK;
}

/* Words may come as arguments of their own, or with blanks between them in one. */
static assay_status select_words(const struct choice *choice, const char *const *texts,
                                 size_t text_count, bool *set, bool *named)
{
    size_t words = 0;

    for (size_t i = 0; i < text_count; i++) {
        const char *at = texts[i] + strspn(texts[i], " \t\n");

        while (*at != '\0') {
            size_t size = strcspn(at, " \t\n");

            if (++words > ASSAY_SELECTION_TERMS_MAX)
                return assay_error_set(choice->err, ASSAY_ECONFIG, 2021,
                                       "the selection has more than %d words",
                                       ASSAY_SELECTION_TERMS_MAX);
            ASSAY_TRY(select_word(choice, at, size, set, named));
            at += size;
            at += strspn(at, " \t\n");
        }
    }
    return ASSAY_OK;
}

static bool has_words(const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!assay_str_is_blank(texts[i]))
            return true;
    return false;
}

assay_status assay_selection_parse(const assay_project *project, const assay_selection_words *words,
                                   assay_arena *arena, assay_selection *ret_selection,
                                   assay_error *err)
{
    struct choice choice = {project, arena, err};
    size_t count = project->model_count;
    bool *set = new_set(&choice);
    bool *named = new_set(&choice);
    bool *out = new_set(&choice);
    bool *ignored = new_set(&choice);

    if (set == NULL || named == NULL || out == NULL || ignored == NULL)
        return assay_error_nomem(err);
    if (has_words(words->select, words->select_count))
        ASSAY_TRY(select_words(&choice, words->select, words->select_count, set, named));
    else
        memset(set, true, count * sizeof *set);
    ASSAY_TRY(select_words(&choice, words->exclude, words->exclude_count, out, ignored));

    assay_selection selection = {set, named, 0};
    for (size_t i = 0; i < count; i++) {
        set[i] = set[i] && !out[i];
        named[i] = named[i] && set[i];
        selection.count += set[i];
    }
    *ret_selection = selection;
    return ASSAY_OK;
}

assay_status assay_selection_models(const assay_project *project, const assay_selection *selection,
                                    assay_arena *arena, assay_model ***ret_models,
                                    size_t *ret_count, assay_error *err)
{
    assay_model **models = NULL;
    size_t all = 0, count = 0;

    ASSAY_TRY(assay_graph_order(project, arena, &models, &all, err));
    for (size_t i = 0; i < all; i++)
        if (selection->selected[models[i]->index])
            models[count++] = models[i];
    *ret_models = models;
    *ret_count = count;
    return ASSAY_OK;
}
