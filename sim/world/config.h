/*
 * sim/world/config.h - the configuration that each node of a scenario runs with.
 *
 * A node's directives are the core's own words, read by the core's own parser. Nodes without ranges
 * are parsed once for all runs; with ranges, values are drawn and the text is parsed for each run.
 *
 * Owner: the target; outlives runs.  Threads: none; node_configs_draw in run_spec.start.
 */
#ifndef SIM_WORLD_CONFIG_H
#define SIM_WORLD_CONFIG_H

#include "core/proxy/config.h"
#include "sim/input/scenario.h"

struct exercise;

/* `exercise NAME rounds=.. objects=.. locked` of a node. */
struct exercise_plan {
    const struct exercise *exercise; /* NULL: the node runs the proxy */
    struct range rounds;
    struct range objects;
    bool is_locked;
};

struct node_configs {
    const struct scenario *scenario;
    struct config *configs;          /* by index of the actor */
    struct exercise_plan *exercises; /* likewise */
    bool *has_ranges;
};

/* `configs` is zero the first time; initialising again frees what it had. The scenario has been
 * checked: what the core refuses whatever is drawn was refused then. */
void node_configs_init(struct node_configs *configs, const struct scenario *scenario);

/* The configuration of actor `index` in this run; valid until the next draw of the same actor. Ends
 * the run with a finding when the drawn values are refused. */
const struct config *node_configs_draw(struct node_configs *configs, size_t index);

#endif
