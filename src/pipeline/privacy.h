/* Which columns of a table hold personal data: those that its header says, and those that are made
 * of such columns of its inputs (SEMANTICS.md 4.5). */
#ifndef ASSAY_PIPELINE_PRIVACY_H
#define ASSAY_PIPELINE_PRIVACY_H

#include "lineage/columns.h"
#include "pipeline/model.h"

/* While compiling, inside the catalog of shadows: model->pii from the column lineage of `sql`. A
 * column that the header calls `pii: false` is none; a value that is only counted is none; where
 * lineage cannot be derived every column is taken for pii, if any input has some. */
ASSAY_NODISCARD assay_status assay_privacy_inherit(assay_model *model, const char *sql,
                                                   assay_conn *conn, assay_arena *arena,
                                                   assay_error *err);

/* The same from what the table's last commit said, where the model is not compiled. Not while a run
 * goes on. */
ASSAY_NODISCARD assay_status assay_privacy_learn(assay_model *model, const char *const *names,
                                                 size_t count, assay_arena *arena,
                                                 assay_error *err);

/* Whether a value of `source` may be read from a column of `type` that is made of it. */
bool assay_privacy_shows(const assay_lineage_column_input *source, const char *type,
                         const char *source_type);

#endif
