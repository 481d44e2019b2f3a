/* Foreign Arrow streams as tables that are read while a statement runs, batch by batch: nothing is
 * copied to a table of the engine first, so the memory limit holds for sources of any size. */
#ifndef ASSAY_ENGINE_STREAM_H
#define ASSAY_ENGINE_STREAM_H

#include "engine/engine.h"

struct ArrowArrayStream;

/* Opens the stream; called once for each time that a statement reads the table, on a thread of the
 * engine. The engine releases what it gives. */
typedef assay_status assay_stream_open(void *user, struct ArrowArrayStream *ret_stream,
                                       assay_error *err);

typedef struct assay_stream_table {
    const char *name;            /* unique in the engine for ever: a table function's */
    const assay_column *columns; /* as the stream will give them */
    size_t count;
    assay_stream_open *open;
    void *user; /* until assay_conn_close_stream */
} assay_stream_table;

typedef struct assay_stream assay_stream;

/* Makes the table function <name>(). The engine keeps an empty shell of it until it is closed. */
ASSAY_NODISCARD assay_status assay_conn_add_stream(assay_conn *conn,
                                                   const assay_stream_table *table,
                                                   assay_stream **ret_stream, assay_error *err);

/* From now on reading it fails. No statement may be reading it. NULL is allowed. */
void assay_conn_close_stream(assay_stream *stream);

#endif
