/* What the halves of the history share. For this room alone. */
#ifndef ASSAY_PIPELINE_HISTORY_ROWS_H
#define ASSAY_PIPELINE_HISTORY_ROWS_H

#include "db/db.h"
#include "pipeline/history.h"

enum { ASSAY_PROCESS_START_SIZE = 64 };

/* The moment a process began, as the kernel tells it, so that a pid that was given again is not
 * taken for the old process; "" where there is no such process or it cannot be told. */
void assay_history_process_start(int64_t pid, char text[ASSAY_PROCESS_START_SIZE]);

/* The same process lives when its pid does and began when it did (`start`: NULL, "" = not known).
 */
bool assay_history_is_alive(int64_t pid, const char *start);

assay_db *assay_history_db(assay_history *history);

#endif
