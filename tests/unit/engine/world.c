#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

int world_open(struct world *world, int threads)
{
    const assay_engine_options options = {.threads = threads};
    assay_error err = {0};

    *world = (struct world){.arena = assay_arena_new()};
    if (world->arena == NULL || assay_engine_open(&options, &world->engine, &err) != ASSAY_OK ||
        assay_conn_open(world->engine, &world->conn, &err) != ASSAY_OK) {
        print_error("%s\n", err.message);
        return -1;
    }
    return 0;
}

void world_close(struct world *world)
{
    assay_conn_close(world->conn);
    assay_engine_close(world->engine);
    assay_arena_free(world->arena);
}

int world_set_up(void **state)
{
    static struct world world;

    *state = &world;
    return world_open(&world, 0);
}

int world_tear_down(void **state)
{
    world_close(*state);
    return 0;
}
