/* Functions of ours in SQL, from one text to another. */
#ifndef ASSAY_ENGINE_TEXT_FUNCTION_H
#define ASSAY_ENGINE_TEXT_FUNCTION_H

#include "engine/engine.h"

/* Appends what becomes of `text` to `result`; false = there is nothing to be made of it, which
 * gives NULL. NULL is not asked, it stays NULL. Called by threads of the engine, several at once.
 */
typedef struct assay_text_function {
    const char *name;
    bool (*run)(const char *text, size_t size, assay_buf *result);
} assay_text_function;

/* Makes `function`, which lives for ever, known to all connections of the engine. Doing so again
 * is fine. EINTERNAL 3019. */
ASSAY_NODISCARD assay_status assay_conn_add_text_function(assay_conn *conn,
                                                          const assay_text_function *function,
                                                          assay_error *err);

#endif
