/* The format of a table is changed by one word of storage.yaml: the table that lies there in
 * another format is moved into the new one, its rows and its state with it, in one step. */
#ifndef ASSAY_STEPS_CONVERT_H
#define ASSAY_STEPS_CONVERT_H

#include "steps/steps.h"
#include "steps/write.h"

/* Where storage.yaml wants another format for the step's table than the one that lies there: writes
 * its current rows as a new table in the wanted format, in a hidden folder beside it, with the
 * state and the verdict that it has; lets the two trade places; removes the old one, whose history
 * ends here. *ret_note says so for people; NULL = nothing was to be done.
 *
 * Whatever fails before leaves the old table as it was: a column that the new format cannot hold
 * (4001), a commit of somebody else meanwhile (ECONFLICT 4040), a file system without exchange
 * (1312). A process that dies in it leaves at most hidden folders, which
 * assay_convert_discard_left removes. The caller holds the table's lock. */
ASSAY_NODISCARD assay_status assay_convert_if_switched(const assay_step_context *context,
                                                       const char **ret_note, assay_error *err);

/* Removes what a conversion of the table at `location` has left that died. */
ASSAY_NODISCARD assay_status assay_convert_discard_left(const char *location, assay_arena *arena,
                                                        assay_error *err);

/* What a conversion keeps for those who read new rows: a table property that names the tables it
 * was. True where `consumed` is of one of them; *ret_same says whether it is a snapshot whose rows
 * are exactly those of the first snapshot of `table`. */
bool assay_convert_came_from(const assay_table *table, const assay_consumed_input *consumed,
                             bool *ret_same);

#endif
