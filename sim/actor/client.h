/*
 * sim/actor/client.h - clients: from a script, or issuing requests by themselves.
 *
 * Owner: the world; lives in the run's arena.  Threads: none; on the client's lane.
 */
#ifndef SIM_ACTOR_CLIENT_H
#define SIM_ACTOR_CLIENT_H

#include "sim/actor/http.h"
#include "sim/actor/peer.h"
#include "sim/actor/script.h"

enum { METHODS_MAX = 16 };

struct client {
    const struct scenario_actor *plan;
    struct actor_env *env;
    struct process *process;
    struct vthread *lane;
    struct peer peer;
    struct script script;
    struct http_reader reader;
    struct timer timer;
    bool is_reading;                              /* the reader is in the middle of a response */
    char methods[METHODS_MAX][HTTP_METHOD_BYTES]; /* of requests not answered yet, oldest first */
    uint32_t method_count;

    /* A load client's. */
    uint64_t requests_left;
    uint64_t requests_sent;
    bool is_awaiting; /* an answer */
    bool is_first_on_connection;
};

/* A client with a process (on `host`) and a lane of its own; it begins at once. */
struct client *client_new(const struct scenario_actor *plan, struct actor_env *env,
                          struct host *host);

/* Closes what is still open, when everything else is over. */
void client_finish(struct client *client);

#endif
