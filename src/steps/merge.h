/* Writes whose rows are told apart by a key (merge, scd2): plan, stage, test, commit. */
#ifndef ASSAY_STEPS_MERGE_H
#define ASSAY_STEPS_MERGE_H

#include "steps/write.h"

/* As assay_write_run, which calls it where the write has rules. Only files with rows that change
 * are written again; nothing that changes = no commit. Where another commit comes first and has
 * touched the same keys or files, all is computed again on what it left (snapshot isolation: no
 * update is lost); ECONFLICT 4040 where that cannot be, or was not enough. */
ASSAY_NODISCARD assay_status assay_merge_run(assay_write *write, assay_write_outcome *ret_outcome,
                                             assay_error *err);

#endif
