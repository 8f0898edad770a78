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
#include "sim/foreign/foreign.h"
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
    const struct config *config; /* of this run: ranges drawn; NULL for a program */
    struct foreign_spec program; /* of the user's, instead of the core: when it has words */
    struct host *host;
    struct process *process;
    struct vthread *main;
    struct exercise_run exercise; /* instead of a proxy, when its exercise is not NULL */
    struct proxy *proxy;          /* NULL until made and once freed */
    struct vthread *lane;         /* of its script */
    struct script script;
    enum node_state state;
    int exit_status;
    int signo_sent;       /* the last one that asks it to end; 0: none */
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

/* The same for a program of the user's; `line` has its words. It is the only node. */
struct node *node_new_program(const struct scenario_actor *plan, struct actor_env *env,
                              struct host *host, const struct scenario_value *line,
                              bool is_leak_checked);

/* Whether it is ready for what the scenario does: a program is when it listens, or when nothing is
 * going on in it that would end soon. */
bool node_is_up(const struct node *node, uint64_t next_due_ns);

/* Begins its script, when every node is up. */
void node_begin(struct node *node);

/* Starts the process again after it has gone. */
void node_start(struct node *node);

/* Asks it to end, as an operator would: SIGUSR1, or SIGTERM for a program. */
void node_stop(struct node *node);

/* Sends the signal, as kill() would. */
void node_signal(struct node *node, int signo);

/* Gone at once, as with SIGKILL. */
void node_kill(struct node *node);

/* The core's invariants; `is_quiet` when nobody can run. Ends the run when one is broken. */
void node_check(struct node *node, bool is_quiet);

#endif
