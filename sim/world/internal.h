/*
 * sim/world/internal.h - the world of one run, for the world's own files.
 *
 * Threads: none, the engine runs on one.
 */
#ifndef SIM_WORLD_INTERNAL_H
#define SIM_WORLD_INTERNAL_H

#include "sim/actor/client.h"
#include "sim/actor/server.h"
#include "sim/world/director.h"
#include "sim/world/node.h"
#include "sim/world/world.h"

enum world_phase {
    WORLD_STARTING, /* the nodes come up; nothing else happens */
    WORLD_RUNNING,  /* scripts and load */
    WORLD_STOPPING, /* everything asked for is done: the nodes are told to stop */
    WORLD_DRAINING, /* the nodes are gone: what is under way arrives */
};

struct world {
    const struct world_spec *spec;
    const struct scenario *scenario;
    enum world_phase phase;
    struct actor_env env;
    struct director director;
    struct host **hosts; /* by index of the actor; copies share one */
    struct node **nodes; /* by index of the actor; NULL for other kinds */
    struct client **clients;
    struct server **servers;
    uint64_t phase_since_ns;
    bool has_program; /* its one node is a program of the user's */
};

/* Hosts of the actors that `ref` names: calls `visit` for each. */
void world_each_host(struct world *world, const struct scenario_ref *ref,
                     void (*visit)(void *context, struct host *host), void *context);

#endif
