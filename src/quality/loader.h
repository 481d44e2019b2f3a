/* Inside the room: what the reading of config/dq.yaml shares between its files. */
#ifndef ASSAY_QUALITY_LOADER_H
#define ASSAY_QUALITY_LOADER_H

#include "base/vec.h"
#include "quality/plan.h"

enum { ASSAY_DQ_NO_ACTION = -1, ASSAY_DQ_RULES = 6 };

/* Defaults of one group of kinds (validation_rules). */
typedef struct assay_dq_rule {
    const char *name;
    bool disabled;
    int action; /* assay_check_action or ASSAY_DQ_NO_ACTION */
} assay_dq_rule;

/* A suite while its sections are read. */
typedef struct assay_dq_draft {
    const char *name, *table;
    assay_vec checks; /* assay_quality_check */
    const char *problem;
    int problem_number;
    int line, column;
} assay_dq_draft;

typedef struct assay_dq_loader {
    const char *path;
    assay_arena *arena;
    const char *const *layers;
    size_t layer_count;
    assay_quality_config *config;
    int default_action;
    assay_dq_rule rules[ASSAY_DQ_RULES];
    assay_vec drafts;     /* assay_dq_draft * */
    assay_vec thresholds; /* assay_quality_threshold */
    assay_vec notes;      /* const char * */
    assay_vec required;   /* const char * */
    size_t check_count;
} assay_dq_loader;

/* The place of a value / of key `index` of a map. */
assay_place assay_dq_place(const assay_dq_loader *loader, const assay_value *value);
assay_place assay_dq_key_place(const assay_dq_loader *loader, const assay_value *map, size_t index);

/* Names that may stand at a place. */
typedef struct assay_dq_names {
    const char *const *names;
    size_t count;
} assay_dq_names;

/* 5001: unknown key `index` of `map`, with the nearest of `known`. */
assay_status assay_dq_unknown_key(const assay_dq_loader *loader, const assay_value *map,
                                  size_t index, const char *where, assay_dq_names known,
                                  assay_error *err);
/* 5002: `what` must be a `kind`. */
assay_status assay_dq_wrong_kind(const assay_dq_loader *loader, const assay_value *value,
                                 const char *what, const char *kind, assay_error *err);

/* "fail_fast" .. and "critical" .. ; 5002 with the nearest. */
ASSAY_NODISCARD assay_status assay_dq_read_action(const assay_dq_loader *loader,
                                                  const assay_value *value, int *ret_action,
                                                  assay_error *err);
ASSAY_NODISCARD assay_status assay_dq_read_severity(const assay_dq_loader *loader,
                                                    const assay_value *value,
                                                    assay_check_severity *ret_severity,
                                                    int *ret_action, assay_error *err);

/* One check as a dialect sees it. */
typedef struct assay_dq_item {
    const assay_value *type;   /* the kind's name as TEXT value, for its place */
    const char *name;          /* of the kind */
    const assay_value *kwargs; /* MAP or NULL */
    const assay_value
        *extras;      /* MAP with keys of the check beside its kwargs (dialect C), or NULL */
    int action;       /* of the section it stands in, or ASSAY_DQ_NO_ACTION */
    int fallback;     /* where nothing else says one */
    bool inline_type; /* `type` in kwargs is the kind's name (dialect A) */
} assay_dq_item;

/* Adds the check, or one for each of its columns. */
ASSAY_NODISCARD assay_status assay_dq_add_check(assay_dq_loader *loader, assay_dq_draft *draft,
                                                const assay_dq_item *item, assay_error *err);

/* The draft of `table`, made where it is new. */
ASSAY_NODISCARD assay_status assay_dq_draft_of(assay_dq_loader *loader, const char *table,
                                               const char *name, assay_place place,
                                               assay_dq_draft **ret_draft, assay_error *err);

/* bronze / silver / gold: dialects A and B; expectations: dialect C. */
ASSAY_NODISCARD assay_status assay_dq_load_layer(assay_dq_loader *loader, const char *layer,
                                                 const assay_value *section, assay_error *err);
ASSAY_NODISCARD assay_status assay_dq_load_expectations(assay_dq_loader *loader,
                                                        const assay_value *section,
                                                        assay_error *err);

/* Drafts become suites. */
ASSAY_NODISCARD assay_status assay_dq_finish_suites(assay_dq_loader *loader, assay_error *err);
/* Name, hash and problem of one. */
ASSAY_NODISCARD assay_status assay_dq_finish_suite(const assay_dq_draft *draft, assay_arena *arena,
                                                   assay_quality_suite *ret_suite,
                                                   assay_error *err);

#endif
