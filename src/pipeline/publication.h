/* Publications: `publish:` of a model against the rest of the project, and what came of one. */
#ifndef ASSAY_PIPELINE_PUBLICATION_H
#define ASSAY_PIPELINE_PUBLICATION_H

#include "pipeline/project.h"
#include "warehouse/warehouse.h"

typedef enum assay_publication_state {
    ASSAY_PUBLICATION_DONE,    /* the table there holds the snapshot now */
    ASSAY_PUBLICATION_ALREADY, /* it held it before: nothing was done */
    ASSAY_PUBLICATION_PENDING, /* the outside system may be ready later: the next run tries again */
    ASSAY_PUBLICATION_FAILED,  /* refused: keys, columns, privileges .. */
    ASSAY_PUBLICATION_SKIPPED, /* not tried: the step of the table has not ended well */
    ASSAY_PUBLICATION_STATE_COUNT
} assay_publication_state;

const char *assay_publication_state_name(assay_publication_state state); /* "published" .. */

/* One table of an outside database after an attempt. Numbers are -1 where unknown. */
typedef struct assay_publication {
    const char *to, *table, *mode; /* as the model says them */
    assay_publication_state state;
    const char *publish_id; /* NULL = not known */
    const char *server;     /* server and database that `to` meant then; NULL = not known */
    int64_t snapshot_id, number;
    int64_t known; /* number of the newest commit that is known to have got there */
    int64_t rows, inserted, updated, deleted;
    int64_t elapsed_us;
    assay_error error; /* PENDING and FAILED: why */
} assay_publication;

/* What `publish:` asks for, with every number unknown; the caller says the state. */
assay_publication assay_publication_of(const assay_publish_config *config);

/* Every entry of the model as SKIPPED; NULL when memory is short or there are none. */
const assay_publication *assay_publication_skip_all(const assay_model *model, assay_arena *arena);

/* A failure that is worth another try leaves the publication pending: those with exit code 4, and
 * an interrupt. */
assay_publication_state assay_publication_state_of(const assay_error *failure);

/* The one whose failure decides the exit code (SEMANTICS.md 3.1), or NULL. */
const assay_publication *assay_publication_decisive(const assay_publication *publications,
                                                    size_t count);

/* A deep copy in `arena`; NULL when memory is short or there are none. */
assay_publication *assay_publication_copy(assay_arena *arena, const assay_publication *publications,
                                          size_t count);

/* An entry as the warehouse room takes it; `path` is of the file it stands in, NULL = none. */
ASSAY_NODISCARD assay_status assay_publication_make(const assay_publish_config *config,
                                                    const char *path, assay_arena *arena,
                                                    assay_warehouse_publication *ret_publication,
                                                    assay_error *err);

/* The entries of `publish:` against connections and the entries of other models. ECONFIG 1241,
 * 2402, 2403 with their place. */
ASSAY_NODISCARD assay_status assay_publication_check_targets(const assay_project *project,
                                                             const assay_model *model,
                                                             assay_error *err);

/* The same entries against the columns of the model, which must be bound, and what the warehouse
 * room says of them: ECONFIG 2120, 70xx. */
ASSAY_NODISCARD assay_status assay_publication_check(const assay_project *project,
                                                     const assay_model *model, assay_error *err);

#endif
