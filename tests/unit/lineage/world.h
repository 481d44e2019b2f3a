/* What the emitter's tests share: a folder, a config, events with numbers. */
#ifndef ASSAY_TEST_LINEAGE_WORLD_H
#define ASSAY_TEST_LINEAGE_WORLD_H

#include "lineage/emitter.h"
#include "support/folder.h"

typedef struct test_world {
    test_folder *folder;
    assay_arena *arena;
    char *spool;
    assay_lineage_config *config;
    assay_log *log;
    assay_buf logged; /* all records of level WARNING and above, a line each */
} test_world;

/* Setup and teardown of cmocka: *state is a world without a config. */
int test_world_setup(void **state);
int test_world_teardown(void **state);

/* Loads the YAML text as config/lineage.yaml; must succeed. */
void test_world_config(test_world *world, const char *yaml);
void test_world_config_http(test_world *world, int port, const char *more);

assay_lineage_emitter *test_world_open(test_world *world);

/* Emits event `number` of run `run`; must succeed. */
void test_world_emit(assay_lineage_emitter *emitter, int run, int number);
assay_status test_world_try_emit(assay_lineage_emitter *emitter, int run, int number,
                                 assay_error *err);

/* The number of the event whose JSON this is. */
int test_world_number(const char *json);

/* Whole text of a file below the world's folder, "" where it is absent. */
const char *test_world_read(test_world *world, const char *name);

/* Number of segments in the spool. */
size_t test_world_segments(test_world *world);

#endif
