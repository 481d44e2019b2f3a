/* What lineage says of a database as a source. */
#ifndef ASSAY_STEPS_DATABASE_FACTS_H
#define ASSAY_STEPS_DATABASE_FACTS_H

#include "source/database.h"
#include "steps/events.h"

/* The input dataset, by what the project says: it stands in START, before anything is asked. A
 * query reads tables that nobody has named: its input is the database. */
ASSAY_NODISCARD assay_status assay_database_facts_input(assay_step_facts *facts,
                                                        const assay_project *project,
                                                        assay_error *err);

/* Column lineage of a table: every column comes from the one of its name, rows by the watermark. */
ASSAY_NODISCARD assay_status assay_database_facts_columns(assay_step_facts *facts,
                                                          const assay_database *database,
                                                          const assay_database_window *window,
                                                          const assay_column *columns, size_t count,
                                                          assay_error *err);

#endif
