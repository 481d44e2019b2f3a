/* YAML in (1.1 as libyaml reads it, core schema): block and flow style, anchors, merge keys no.
 * Every value keeps its place; duplicate keys are errors; depth, size and alias expansion are
 * limited. Any thread. */
#ifndef ASSAY_TEXT_YAML_H
#define ASSAY_TEXT_YAML_H

#include "text/value.h"

enum { ASSAY_YAML_DEPTH_MAX = 100, ASSAY_YAML_NODES_MAX = 1000000 };

typedef struct assay_yaml_source {
    const char *bytes;
    size_t size;
    const char *path; /* for messages: relative to the project */
    int first_line;   /* line number of the first line, 1 for a whole file */
    int first_column; /* column of the first byte of every line, 1 for a whole file */
} assay_yaml_source;

/* Parses one document; an empty one is NULL kind. true/false/yes/no.. follow the YAML 1.2 core
 * schema (true, false, null, ~, ints, floats, .inf, .nan; `yes` and `no` stay text, dates stay
 * text). Errors: ECONFIG 1110 (syntax), 1111 (duplicate key), 1112 (limit) with their place. */
ASSAY_NODISCARD assay_status assay_yaml_parse(const assay_yaml_source *source, assay_arena *arena,
                                              assay_value **ret_value, assay_error *err);

/* Gives a scalar that was not quoted its kind by the core schema (YAML 1.2.2 section 10.3.2). */
void assay_yaml_resolve(assay_value *scalar);

/* Looks a variable up; NULL = not set. */
typedef const char *assay_template_lookup(void *user, const char *name);

/* Expands ${NAME} and ${NAME:-default}, and $${ to ${, in every unquoted and quoted scalar of the
 * tree, in place, and resolves the kind of unquoted scalars again. Any other $ stays. A name that
 * is not set and has no default is ECONFIG 1120 with its place. */
ASSAY_NODISCARD assay_status assay_template_expand(assay_value *tree, const char *path,
                                                   assay_template_lookup *lookup, void *user,
                                                   assay_arena *arena, assay_error *err);

/* The process environment as a lookup (`user` is not used). */
const char *assay_template_environment(void *user, const char *name);

#endif
