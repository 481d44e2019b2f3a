#include "lib/places.h"

#include "base/path.h"

const char *assay_places_lineage(const assay_context *context, assay_arena *arena)
{
    const assay_lineage_config *config = context->steps->lineage_config;

    if (!config->enabled || config->transport_count == 0)
        return NULL;
    const assay_lineage_transport *transport = &config->transports[0];
    switch (transport->backend) {
    case ASSAY_LINEAGE_HTTP:
        return assay_arena_text(arena, transport->url);
    case ASSAY_LINEAGE_FILE:
        return assay_path_relative(context->project->root, transport->path);
    case ASSAY_LINEAGE_CONSOLE:
        return "console";
    case ASSAY_LINEAGE_NONE:
        break;
    }
    return NULL;
}
