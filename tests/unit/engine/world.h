/* An engine with one connection, for the tests of this room. */
#ifndef ASSAY_TESTS_ENGINE_WORLD_H
#define ASSAY_TESTS_ENGINE_WORLD_H

#include "engine/engine.h"

struct world {
    assay_engine *engine;
    assay_conn *conn;
    assay_arena *arena;
};

/* 0, or -1 with the reason printed; `threads` 0 = the engine's own number. */
int world_open(struct world *world, int threads);
void world_close(struct world *world);

/* For a group of tests whose state is a world. */
int world_set_up(void **state);
int world_tear_down(void **state);

#endif
