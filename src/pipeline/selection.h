/* The selection grammar:
 *   term  := [N]'+' atom '+'[N] | '@' atom
 *   atom  := name | glob | 'layer:' x | 'tag:' x | 'path:' p | 'name:' x
 *   words = union, comma inside a word = intersection. */
#ifndef ASSAY_PIPELINE_SELECTION_H
#define ASSAY_PIPELINE_SELECTION_H

#include "pipeline/graph.h"

enum { ASSAY_SELECTION_TERMS_MAX = 1000 };

typedef struct assay_selection {
    bool *selected; /* by model index */
    bool *named;    /* by model index: written out as its own name, not reached by a pattern */
    size_t count;   /* of selected models */
} assay_selection;

/* The words of a selection; NULL and 0 = none. */
typedef struct assay_selection_words {
    const char *const *select;
    size_t select_count;
    const char *const *exclude;
    size_t exclude_count;
} assay_selection_words;

/* No words in `select` = all models. The graph must have been built. An atom that matches nothing
 * is ECONFIG 2020 with the nearest match; bad grammar 2021; a selection that ends empty because of
 * `exclude` is not an error. */
ASSAY_NODISCARD assay_status assay_selection_parse(const assay_project *project,
                                                   const assay_selection_words *words,
                                                   assay_arena *arena,
                                                   assay_selection *ret_selection,
                                                   assay_error *err);

/* The selected models, inputs before readers. */
ASSAY_NODISCARD assay_status assay_selection_models(const assay_project *project,
                                                    const assay_selection *selection,
                                                    assay_arena *arena, assay_model ***ret_models,
                                                    size_t *ret_count, assay_error *err);

/* One term cut into its parts; pure, for the fuzz target. False where the grammar is broken:
 * *ret_problem says why. */
typedef struct assay_selector {
    bool at;                  /* @x: x, its readers, and everything those read */
    bool up, down;            /* +x, x+ */
    int up_depth, down_depth; /* -1 = all */
    const char *method;       /* "", "name", "layer", "tag", "path": points to constants */
    size_t value, value_size; /* slice of the term */
} assay_selector;
bool assay_selector_parse(const char *term, size_t size, assay_selector *ret_selector,
                          const char **ret_problem);

#endif
