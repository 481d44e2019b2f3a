/* `assay doctor`: looks at everything a run would need and says what is wrong and what to do. */
#include <assay/pipeline.h>

#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/path.h"
#include "base/sysinfo.h"
#include "lib/doctor.h"
#include "lib/document.h"
#include "lib/places.h"

static const uint64_t DISK_LOW = 1U << 30;

assay_status assay_doctor_find(assay_doctor_state *doctor, const char *what, bool ok,
                               const char *seen, const char *fix, assay_error *err)
{
    assay_value *map = assay_value_map(doctor->arena);

    doctor->ok = doctor->ok && ok;
    ASSAY_TRY(assay_value_append(doctor->findings, map, doctor->arena, err));
    ASSAY_TRY(assay_document_text(map, "what", what, doctor->arena, err));
    ASSAY_TRY(assay_document_bool(map, "ok", ok, doctor->arena, err));
    ASSAY_TRY(assay_document_text(map, "seen", seen, doctor->arena, err));
    return assay_document_text(map, "fix", ok ? NULL : fix, doctor->arena, err);
}

static assay_status look_at_engine(assay_doctor_state *doctor, assay_error *err)
{
    char text[128];
    uint64_t memory = 0;

    (void)snprintf(text, sizeof text, "assay %s, DuckDB %s", ASSAY_VERSION, assay_engine_version());
    ASSAY_TRY(assay_doctor_find(doctor, "versions", true, text, NULL, err));
    if (assay_sysinfo_memory(&memory)) {
        (void)snprintf(text, sizeof text, "%llu MB, %d processors",
                       (unsigned long long)(memory >> 20), assay_sysinfo_processors(""));
        ASSAY_TRY(assay_doctor_find(doctor, "machine", true, text, NULL, err));
    }
    return ASSAY_OK;
}

static assay_status look_at_folder(assay_doctor_state *doctor, const char *what, const char *path,
                                   assay_error *err)
{
    struct statvfs disk;
    char text[512];
    assay_error problem = {0};

    if (assay_path_make(path, &problem) != ASSAY_OK)
        return assay_doctor_find(doctor, what, false, problem.message, "make the folder writable",
                                 err);
    if (access(path, W_OK) != 0)
        return assay_doctor_find(doctor, what, false, path, "make the folder writable", err);
    if (statvfs(path, &disk) != 0)
        return assay_doctor_find(doctor, what, true, path, NULL, err);
    uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    (void)snprintf(text, sizeof text, "%s, %llu MB free", path,
                   (unsigned long long)(free_bytes >> 20));
    return assay_doctor_find(doctor, what, free_bytes >= DISK_LOW, text, "make room on the disk",
                             err);
}

static assay_status look_at_models(assay_doctor_state *doctor, assay_error *err)
{
    assay_error problem = {0};
    char text[128];

    if (assay_context_graph(doctor->context, &problem) != ASSAY_OK)
        return assay_doctor_find(doctor, "models", false, problem.message, "correct the model",
                                 err);
    (void)snprintf(text, sizeof text, "%zu models", doctor->context->project->model_count);
    return assay_doctor_find(doctor, "models", true, text, NULL, err);
}

static assay_status look_at_quality(assay_doctor_state *doctor, assay_error *err)
{
    const assay_quality_config *config = doctor->context->steps->quality;
    char text[160];

    if (config == NULL)
        return assay_doctor_find(doctor, "suites", true,
                                 "no config/dq.yaml: every table is untested", NULL, err);
    for (size_t i = 0; i < config->suite_count; i++)
        if (config->suites[i].problem != NULL)
            return assay_doctor_find(doctor, "suites", false, config->suites[i].problem,
                                     "correct the suite: its gate is shut", err);
    (void)snprintf(text, sizeof text, "%zu suites", config->suite_count);
    return assay_doctor_find(doctor, "suites", true, text, NULL, err);
}

static assay_status look_at_lineage(assay_doctor_state *doctor, assay_error *err)
{
    assay_lineage_spool_state state;
    assay_error problem = {0};
    const char *place = assay_places_lineage(doctor->context, doctor->arena);
    char text[512];

    if (place == NULL)
        return assay_doctor_find(doctor, "lineage", true, "switched off", NULL, err);
    assay_status status =
        assay_lineage_spool_look(doctor->context->project->spool_dir,
                                 doctor->context->steps->lineage_config, &state, &problem);
    if (status != ASSAY_OK)
        return assay_doctor_find(doctor, "lineage", false, problem.message,
                                 "look at the spool's folder", err);
    (void)snprintf(text, sizeof text, "to %s; %lld events wait, %lld were refused", place,
                   (long long)state.events, (long long)state.refused);
    return assay_doctor_find(doctor, "lineage", state.refused == 0, text,
                             "see refused-*.jsonl in the spool for the backend's answers", err);
}

static assay_status look_at_all(assay_doctor_state *doctor, assay_error *err)
{
    const assay_project *project = doctor->context->project;

    ASSAY_TRY(look_at_engine(doctor, err));
    ASSAY_TRY(assay_doctor_find(doctor, "project", true, project->root, NULL, err));
    ASSAY_TRY(look_at_folder(doctor, "warehouse", project->warehouse, err));
    ASSAY_TRY(look_at_folder(doctor, "state", project->state_dir, err));
    ASSAY_TRY(look_at_models(doctor, err));
    ASSAY_TRY(look_at_quality(doctor, err));
    ASSAY_TRY(look_at_lineage(doctor, err));
    return assay_doctor_connections(doctor, err);
}

assay_status assay_doctor(assay_context *context, char **ret_json, assay_error *err)
{
    ASSAY_AUTO(assay_arena_freep) assay_arena *arena = assay_arena_new();
    assay_doctor_state doctor = {.context = context, .arena = arena, .ok = true};
    assay_value *document = NULL;

    assay_error_clear(err);
    ASSAY_TRY(assay_arena_check(arena, err));
    ASSAY_TRY(assay_document_new(arena, "doctor", &document, err));
    doctor.findings = assay_value_list(arena);
    ASSAY_TRY(assay_value_set(document, "findings", doctor.findings, arena, err));
    ASSAY_TRY(look_at_all(&doctor, err));
    ASSAY_TRY(assay_document_bool(document, "ok", doctor.ok, arena, err));
    ASSAY_TRY(assay_document_take(document, ret_json, err));
    return doctor.ok ? ASSAY_OK
                     : assay_error_set(err, ASSAY_ECONFIG, 1010, "a run would not come through");
}
