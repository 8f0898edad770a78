/*
 * sim/actor/client.h - clients: from a script, or issuing requests by themselves.
 *
 * client.c has connections, scripts, and HTTP/1.1; client_h2.c the load over H2.
 *
 * Owner: the world; lives in the run's arena.  Threads: none; on the client's lane.
 */
#ifndef SIM_ACTOR_CLIENT_H
#define SIM_ACTOR_CLIENT_H

#include "sim/actor/h2_end.h"
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
    struct h2_end *h2; /* of the present connection; NULL: speaks no H2 */

    /* A load client's. */
    uint64_t requests_left;
    uint64_t requests_sent;
    bool is_awaiting; /* an answer */
    bool is_first_on_connection;
    uint32_t streams_busy;     /* h2: requests under way */
    uint32_t streams_sent;     /* h2: on this connection */
    uint32_t streams_answered; /* h2: likewise */
    uint32_t retries;
};

/* A client with a process (on `host`) and a lane of its own; it begins at once. */
struct client *client_new(const struct scenario_actor *plan, struct actor_env *env,
                          struct host *host);

/* Closes what is still open, when everything else is over. */
void client_finish(struct client *client);

/* For the parts of this module. */

/* A fresh connection, on which nothing was asked yet; the one before is closed. */
void client_open(struct client *client, const struct addr *addr);
/* The next request of a load. */
struct message client_draw_request(struct client *client);
/* Nothing is left to do. */
void client_load_end(struct client *client);
/* Is an answer with this status what a load may get? Ends the run if not. */
void client_check_status(const struct client *client, uint32_t status);
/* A request got no answer (`is_partial`: half of one), for no reason of ours. Ends the run if the
 * scenario gives no reason either. */
void client_check_lost(const struct client *client, bool is_partial, bool is_stale);

/* H2: the load begins; something changed. */
void client_h2_load(struct client *client);
void client_h2_changed(struct client *client);
/* H2: `< STATUS`. */
enum script_outcome client_h2_await(struct client *client, const struct scenario_event *event);

#endif
