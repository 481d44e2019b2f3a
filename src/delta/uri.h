/* Paths of data files as the log records them: URIs (RFC 2396), relative to the table or absolute
 * (PROTOCOL.md, "Add File and Remove File"). */
#ifndef ASSAY_DELTA_URI_H
#define ASSAY_DELTA_URI_H

#include "base/arena.h"

/* Percent-encodes everything but unreserved characters and '/'. NULL when memory is short. */
char *assay_delta_uri_encode(assay_arena *arena, const char *path);

/* Decodes %XX once; a '%' that begins no escape stays. NULL when memory is short. */
char *assay_delta_uri_decode(assay_arena *arena, const char *uri);

/* The absolute path of a recorded file: "file:" schemes removed, decoded, '.' and '..' resolved,
 * relative ones below `location`. Other schemes stay as they are. NULL when memory is short. */
char *assay_delta_uri_resolve(assay_arena *arena, const char *location, const char *uri);

#endif
