#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/path.h"
#include "base/str.h"
#include "lineage/spool.h"
#include "text/json.h"

static void take_record(void *user, assay_log_level level, const char *message)
{
    test_world *world = user;
    if (level >= ASSAY_LOG_WARNING)
        assay_buf_append_format(&world->logged, "%s\n", message);
}

int test_world_setup(void **state)
{
    void *folder = NULL;
    if (test_folder_setup(&folder) != 0)
        return -1;
    test_world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world->folder = folder;
    world->arena = assay_arena_new();
    world->spool = test_folder_path(world->folder, "spool");
    world->log = assay_log_new(take_record, world, ASSAY_LOG_DEBUG);
    *state = world;
    return 0;
}

int test_world_teardown(void **state)
{
    test_world *world = *state;
    void *folder = world->folder;

    assay_log_free(world->log);
    assay_buf_done(&world->logged);
    assay_arena_free(world->arena);
    free(world);
    return test_folder_teardown(&folder);
}

void test_world_config(test_world *world, const char *yaml)
{
    assay_yaml_source text = {.bytes = yaml,
                              .size = strlen(yaml),
                              .path = "config/lineage.yaml",
                              .first_line = 1,
                              .first_column = 1};
    assay_lineage_source source = {.path = text.path,
                                   .root = world->folder->path,
                                   .project = "shop"};
    assay_value *tree = NULL;
    assay_error err = {.code = ASSAY_OK};

    assert_int_equal(assay_yaml_parse(&text, world->arena, &tree, &err), ASSAY_OK);
    source.tree = tree;
    if (assay_lineage_config_load(&source, world->arena, &world->config, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
}

void test_world_config_http(test_world *world, int port, const char *more)
{
    test_world_config(world, assay_arena_format(world->arena,
                                                "backend: http\nurl: http://127.0.0.1:%d\n"
                                                "retry: {wait: 5ms, max_wait: 20ms}\n%s",
                                                port, more));
}

assay_lineage_emitter *test_world_open(test_world *world)
{
    assay_lineage_emitter_options options = {.config = world->config,
                                             .folder = world->spool,
                                             .clock = assay_clock_system(),
                                             .random = assay_random_system(),
                                             .log = world->log};
    assay_lineage_emitter *emitter = NULL;
    assay_error err = {.code = ASSAY_OK};

    if (assay_lineage_open(&options, &emitter, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
    return emitter;
}

assay_status test_world_try_emit(assay_lineage_emitter *emitter, int run, int number,
                                 assay_error *err)
{
    assay_lineage_event event = assay_lineage_event_init();
    char id[64];
    char sql[64];

    (void)snprintf(id, sizeof id, "01890a5d-ac96-774b-bcce-b302099a%04x", run);
    (void)snprintf(sql, sizeof sql, "number=%d;", number);
    event.type = ASSAY_LINEAGE_RUNNING;
    event.time_us = 1764000000000000 + number;
    event.run_id = id;
    event.job_namespace = "shop";
    event.job_name = "shop.silver.orders";
    event.sql = sql;
    return assay_lineage_emit(emitter, &event, err);
}

void test_world_emit(assay_lineage_emitter *emitter, int run, int number)
{
    assay_error err = {.code = ASSAY_OK};
    if (test_world_try_emit(emitter, run, number, &err) != ASSAY_OK)
        fail_msg("%s", err.message);
}

int test_world_number(const char *json)
{
    const char *at = strstr(json, "number=");
    return at != NULL ? (int)strtol(at + strlen("number="), NULL, 10) : -1;
}

const char *test_world_read(test_world *world, const char *name)
{
    ASSAY_AUTO(assay_buf_done) assay_buf bytes = ASSAY_BUF_EMPTY;
    const char *path = test_folder_path(world->folder, name);

    if (assay_path_read(path, (size_t)64 << 20, &bytes, NULL) != ASSAY_OK)
        return "";
    return assay_arena_text(world->arena, assay_buf_text(&bytes));
}

size_t test_world_segments(test_world *world)
{
    char **names = NULL;
    size_t count = 0;
    size_t segments = 0;

    assert_int_equal(assay_path_list(world->spool, world->arena, &names, &count, NULL), ASSAY_OK);
    for (size_t i = 0; i < count; i++)
        segments += assay_spool_is_segment(names[i]) ? 1 : 0;
    return segments;
}
