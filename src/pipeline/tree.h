/* What a model's syntax tree says: tables it reads, and what else. For this room alone. */
#ifndef ASSAY_PIPELINE_TREE_H
#define ASSAY_PIPELINE_TREE_H

#include "base/vec.h"
#include "text/value.h"

enum { ASSAY_TREE_DEPTH_MAX = 4000 };

/* A table as the SQL names it; offset -1 = not known. */
typedef struct assay_tree_reference {
    const char *catalog, *schema, *table; /* "" = not given */
    int64_t offset;
} assay_tree_reference;

typedef struct assay_tree_facts {
    assay_vec references;  /* of assay_tree_reference, in order of the tree; CTEs left out */
    bool reads_outside;    /* a table function that reads what is no table: files, settings .. */
    const char *forbidden; /* what a model may not do; NULL = nothing */
    int64_t forbidden_offset;
} assay_tree_facts;

#define ASSAY_TREE_FACTS_EMPTY \
    ((assay_tree_facts){ASSAY_VEC_OF(assay_tree_reference), false, NULL, -1})

/* For ASSAY_AUTO. */
void assay_tree_facts_done(assay_tree_facts *facts);

/* Walks a tree of assay_conn_parse. The texts belong to the tree. */
ASSAY_NODISCARD assay_status assay_tree_read(const assay_value *tree, assay_tree_facts *facts,
                                             assay_error *err);

#endif
