/* What the halves of the history share. For this room alone. */
#ifndef ASSAY_PIPELINE_HISTORY_ROWS_H
#define ASSAY_PIPELINE_HISTORY_ROWS_H

#include "base/vec.h"
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

/* Appends the row that the statement stands on to `items`, or leaves it out. */
typedef assay_status assay_history_push(assay_db_statement *statement, assay_arena *arena,
                                        assay_vec *items, assay_error *err);

/* All rows of a statement that is bound; the items live in `arena`. */
ASSAY_NODISCARD assay_status assay_history_read_rows(assay_db_statement *statement,
                                                     size_t item_size, assay_history_push *push,
                                                     assay_arena *arena, void *ret_items,
                                                     size_t *ret_count, assay_error *err);

#endif
