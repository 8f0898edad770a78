/*
 * sim/world/node.h - a node of a scenario: a simulated process that runs the core's server.
 *
 * Owner: the world; lives in the run's arena.  Threads: none; node_main runs on a virtual thread.
 */
#ifndef SIM_WORLD_NODE_H
#define SIM_WORLD_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/proxy/config.h"
#include "sim/actor/script.h"
#include "sim/exercise/exercise.h"
#include "sim/kernel/process.h"
#include "sim/world/config.h"

struct proxy;

enum node_state {
    NODE_STARTING, /* until it waits in epoll for the first time */
    NODE_RUNNING,
    NODE_STOPPING, /* was told to */
    NODE_GONE,     /* exited, or killed */
};

struct node {
    const struct scenario_actor *plan;
    struct actor_env *env;
    const struct config *config; /* of this run: ranges drawn */
    struct host *host;
    struct process *process;
    struct vthread *main;
    struct exercise_run exercise; /* instead of a proxy, when its exercise is not NULL */
    struct proxy *proxy;          /* NULL until made and once freed */
    struct vthread *lane;         /* of its script */
    struct script script;
    enum node_state state;
    int exit_status;
    bool is_killed;       /* nothing is given back then */
    bool is_leak_checked; /* `end quiet` */
    const char *thread_prefix;
};

/* A node whose process starts at once. `config` is borrowed for the run; `exercise` says what to
 * run instead of the proxy, or NULL. `is_alone`: the only node, whose threads need no prefix.
 * `is_leak_checked`: what it holds at its end is a finding. */
struct node *node_new(const struct scenario_actor *plan, struct actor_env *env, struct host *host,
                      const struct config *config, const struct exercise_plan *exercise,
                      bool is_alone, bool is_leak_checked);

/* Begins its script, when every node is up. */
void node_begin(struct node *node);

/* Starts the process again after it has gone. */
void node_start(struct node *node);

/* Sends the signal, as kill() would. */
void node_signal(struct node *node, int signo);

/* Gone at once, as with SIGKILL. */
void node_kill(struct node *node);

/* The core's invariants; `is_quiet` when nobody can run. Ends the run when one is broken. */
void node_check(struct node *node, bool is_quiet);

#endif
