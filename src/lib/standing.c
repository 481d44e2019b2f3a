#include "lib/standing.h"

#include "lib/document.h"
#include "steps/publish.h"

static assay_status add_item(assay_value *list, const assay_publication *publication,
                             assay_arena *arena, assay_error *err)
{
    const assay_error *error = &publication->error;
    assay_value *item = assay_value_map(arena);

    ASSAY_TRY(assay_value_append(list, item, arena, err));
    ASSAY_TRY(assay_document_text(item, "to", publication->to, arena, err));
    ASSAY_TRY(assay_document_text(item, "table", publication->table, arena, err));
    ASSAY_TRY(assay_document_text(item, "mode", publication->mode, arena, err));
    ASSAY_TRY(assay_document_text(item, "state", assay_publication_state_name(publication->state),
                                  arena, err));
    ASSAY_TRY(assay_document_text(item, "publish_id", publication->publish_id, arena, err));
    return assay_document_text(item, "error", error->code != ASSAY_OK ? error->message : NULL,
                               arena, err);
}

assay_status assay_standing_add(assay_context *context, assay_conn *conn, const assay_table *table,
                                assay_value *document, assay_arena *arena, assay_error *err)
{
    const assay_model *model = assay_project_model(context->project, table->name);
    assay_value *list = assay_value_list(arena);

    if (model == NULL || model->header.publish_count == 0 || table->current == NULL)
        return ASSAY_OK;
    ASSAY_TRY(assay_value_set(document, "publications", list, arena, err));
    for (size_t i = 0; i < model->header.publish_count; i++) {
        const assay_publish_job publish = {.steps = context->steps,
                                           .conn = conn,
                                           .arena = arena,
                                           .table = table,
                                           .snapshot = table->current,
                                           .config = &model->header.publish[i],
                                           .model = model};
        assay_publication publication;
        ASSAY_TRY(assay_publish_look(&publish, &publication, err));
        ASSAY_TRY(add_item(list, &publication, arena, err));
    }
    return ASSAY_OK;
}
