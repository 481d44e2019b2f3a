/* What the files of `assay doctor` share. */
#ifndef ASSAY_LIB_DOCTOR_H
#define ASSAY_LIB_DOCTOR_H

#include "lib/context.h"
#include "text/value.h"

typedef struct assay_doctor_state {
    assay_context *context;
    assay_arena *arena;
    assay_value *findings;
    bool ok;
} assay_doctor_state;

/* One line: what was looked at, whether it is well, what was seen, what to do. */
ASSAY_NODISCARD assay_status assay_doctor_find(assay_doctor_state *doctor, const char *what,
                                               bool ok, const char *seen, const char *fix,
                                               assay_error *err);

/* Logs in to every connection of the project, within its timeouts. */
ASSAY_NODISCARD assay_status assay_doctor_connections(assay_doctor_state *doctor, assay_error *err);

#endif
