/* A model: one extract (YAML) or one transform (SQL), its header, its place in the graph. */
#ifndef ASSAY_PIPELINE_MODEL_H
#define ASSAY_PIPELINE_MODEL_H

#include "base/clock.h"
#include "config/extract.h"
#include "config/header.h"
#include "engine/engine.h"

enum {
    ASSAY_MODEL_FILE_MAX = 4 * 1024 * 1024,
    ASSAY_MODELS_MAX = 20000,
    ASSAY_MODEL_INPUTS_MAX = 1000
};

typedef enum assay_model_kind { ASSAY_MODEL_EXTRACT, ASSAY_MODEL_TRANSFORM } assay_model_kind;

typedef struct assay_model assay_model;

/* A table that a model's SQL reads. */
typedef struct assay_model_input {
    const char *name;   /* "bronze.orders" */
    assay_model *model; /* NULL = outside input: a table of the warehouse without a model */
    bool new_rows;      /* named in new_rows_of */
    int line, column;   /* first mention in the file */

    /* filled by assay_compile: what the model is bound against, and what is published as it begins
     */
    bool published;
    int64_t snapshot_id; /* -1 = none */
    const char *uuid;    /* of the published table, NULL = none */
    const assay_column *columns;
    size_t column_count;
    const char *const *pii; /* columns that the last commit of the published table called pii */
    size_t pii_count;
} assay_model_input;

struct assay_model {
    const char *name;  /* "silver.orders" */
    const char *layer; /* "silver" */
    const char *table; /* "orders" */
    const char *path;  /* "models/silver/orders.sql": relative to the project */
    assay_model_kind kind;
    size_t index; /* in project->models */

    const char *source; /* the whole file */
    assay_model_header header;
    const assay_extract_config *extract; /* EXTRACT only */

    /* TRANSFORM: */
    const char *sql;             /* after the header, without a closing ';' */
    int sql_line;                /* line of the file where `sql` begins (its column is 1, or: */
    int sql_column;              /* column of the first byte on that line) */
    bool uses_since, uses_until; /* $since, $until */

    /* filled by assay_graph_build: */
    assay_model_input *inputs; /* in order of first mention */
    size_t input_count;
    assay_model **readers; /* models that read this one */
    size_t reader_count;
    const char *canonical_sql; /* unparsed syntax tree; EXTRACT: NULL */
    bool is_volatile;          /* calls now(), random() ..: never skipped */
    size_t depth;              /* longest way from a model without inputs */

    /* filled by assay_compile for selected models: */
    const char *const *pii; /* columns that are pii, inherited ones too; beside the header's */
    size_t pii_count;
    const char *projection; /* what the contract makes of the query's columns; NULL = nothing */
    assay_column *columns;  /* names and DuckDB types of the output */
    size_t column_count;
    bool compiled;
    /* assay_compile_each: why its sources do not let it be bound, and for a run: that an input was
     * never published; its step fails with that */
    const assay_error *failure;   /* NULL = none */
    const assay_error *unreached; /* its source is not reached, so that its step will likely fail */
    bool unbound;                 /* it reads one with a failure, at any distance */
    bool moved; /* an extract that it comes from is about to have other columns than its table */
    int failed_before; /* number of the error that its step ended with last; 0 = none */
    bool rebuilt;      /* by --full-refresh: the columns that its table has do not bind it */
};

/* Reads models/<layer>/<table>.{sql,yaml}; `path` is relative to `root`. */
ASSAY_NODISCARD assay_status assay_model_load(const char *root, const char *path,
                                              assay_variables *variables, assay_arena *arena,
                                              assay_model **ret_model, assay_error *err);

/* The SQL with $since and $until replaced by TIMESTAMP literals (the text itself where it has
 * none). Used by every execution and binding of a model. */
ASSAY_NODISCARD assay_status assay_model_bind_interval(const assay_model *model, int64_t since_us,
                                                       int64_t until_us, assay_arena *arena,
                                                       const char **ret_sql, assay_error *err);

/* Turns line and column of an error in `model->sql` into those of the file, and sets its path. */
void assay_model_place_error(const assay_model *model, assay_error *err);

/* Place of a header key ("mode", "columns.email"), else of the header, else of the file. */
assay_place assay_model_place(const assay_model *model, const char *key);

/* True where any column of it is pii. */
bool assay_model_has_pii(const assay_model *model);

/* True where the header says `columns: { <name>: { pii: true } }` (case ignored), or it is
 * inherited (pipeline/privacy.h) where the model is compiled. */
bool assay_model_column_is_pii(const assay_model *model, const char *column);

#endif
