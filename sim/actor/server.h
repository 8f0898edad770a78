/*
 * sim/actor/server.h - servers behind the nodes: scripted, or answering every request by
 * themselves.
 *
 * Owner: the world; lives in the run's arena.  Threads: none; on the server's lane.
 */
#ifndef SIM_ACTOR_SERVER_H
#define SIM_ACTOR_SERVER_H

#include "sim/actor/http.h"
#include "sim/actor/peer.h"
#include "sim/actor/script.h"

/* One accepted connection. */
struct session {
    struct session *next;
    struct server *server;
    struct peer peer;
    struct http_reader reader;
    bool is_reading;
    struct timer timer;
    bool is_answering; /* its delay runs */
};

struct server {
    const struct scenario_actor *plan;
    struct actor_env *env;
    struct process *process;
    struct vthread *lane;
    int fd; /* -1: refusing */
    struct lane_watch watch;
    struct session *sessions;
    struct session *session_tail;
    struct session *current; /* the script's */
    struct script script;
    bool is_accepting;
    uint64_t answers;
};

/* Listens at once: it is there before the nodes are. */
struct server *server_new(const struct scenario_actor *plan, struct actor_env *env,
                          struct host *host);

/* Starts its script, when the nodes are ready. */
void server_begin(struct server *server);

/* Closes everything, when everything else is over. */
void server_finish(struct server *server);

#endif
