/* Extensions of the engine: signed files of exactly its version, loaded by their path. Nothing is
 * ever fetched or looked for in a home folder of the engine. */
#ifndef ASSAY_ENGINE_EXTENSION_H
#define ASSAY_ENGINE_EXTENSION_H

#include "engine/engine.h"

/* Loads "postgres_scanner" (or "httpfs" ..) from where the parts of an installation lie
 * (base/parts.h); once is enough for all connections, and more do no harm. Not there: ENOTFOUND
 * 3021 with the command that fetches it; there and refused: EUNSUPPORTED 3022. */
ASSAY_NODISCARD assay_status assay_conn_load_extension(assay_conn *conn, const char *name,
                                                       assay_error *err);

#endif
