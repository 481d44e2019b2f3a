/* What is there on the server. */
#ifndef ASSAY_WAREHOUSE_SERVER_H
#define ASSAY_WAREHOUSE_SERVER_H

#include "warehouse/names.h"
#include "warehouse/session.h"

typedef struct assay_server_state {
    bool schema, target, ledger, lock;
    const char **stages; /* staging tables of any publication */
    size_t stage_count;
} assay_server_state;

/* Two small queries over the server's catalog. */
ASSAY_NODISCARD assay_status assay_server_look(assay_warehouse_session *session,
                                               const assay_warehouse_target *target,
                                               assay_server_state *ret_state, assay_error *err);

typedef struct assay_server_column {
    const char *name, *type; /* type as assay_type_map has it */
    bool not_null, has_default;
    bool generated; /* the server makes its values and takes none */
} assay_server_column;

/* The columns of the target, in order. */
ASSAY_NODISCARD assay_status assay_server_columns(assay_warehouse_session *session,
                                                  const assay_warehouse_target *target,
                                                  assay_server_column **ret_columns,
                                                  size_t *ret_count, assay_error *err);

#endif
