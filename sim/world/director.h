/*
 * sim/world/director.h - what a scenario does to the world itself: links, cuts, faults, stalls,
 * clocks.
 *
 * Owner: the world.  Threads: none; from run_spec.start or on the director's lane.
 */
#ifndef SIM_WORLD_DIRECTOR_H
#define SIM_WORLD_DIRECTOR_H

#include "sim/actor/script.h"
#include "sim/world/node.h"

struct world;

struct director {
    struct world *world;
    struct vthread *lane;
    struct script script;
};

/* Applies what holds from the start. */
void director_set_up(struct director *director, struct world *world);

/* Begins the timed part. */
void director_begin(struct director *director);

#endif
