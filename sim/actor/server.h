/*
 * sim/actor/server.h - servers behind the nodes: scripted, or answering every request by
 * themselves.
 *
 *     server.c         listening, accepting, scripts
 *     serving_h1.c     requests and answers of one connection, by protocol
 *     serving_h2.c
 *     serving_fcgi.c
 *     serving.c        what an automatic one draws for each answer: its moods
 *
 * Owner: the world; lives in the run's arena.  Threads: none; on the server's lane.
 */
#ifndef SIM_ACTOR_SERVER_H
#define SIM_ACTOR_SERVER_H

#include "sim/actor/fcgi_end.h"
#include "sim/actor/h2_end.h"
#include "sim/actor/http.h"
#include "sim/actor/peer.h"
#include "sim/actor/script.h"

/* One accepted connection. */
struct session {
    struct session *next;
    struct server *server;
    struct peer peer;
    struct http_reader reader; /* h1 */
    bool is_reading;
    struct timer timer;
    bool is_answering;        /* h1: its delay runs */
    struct h2_end *h2;        /* h2 */
    struct h2_stream *stream; /* the script's */
    struct fcgi_end *fcgi;    /* fcgi */
    struct fcgi_request *request;
    bool is_leaving;           /* closes when what is under way is answered */
    bool was_open;             /* TLS: the handshake is over, and a ticket was drawn for it */
    struct timer idle_timer;   /* armed: will close then, unless it is busy */
    struct timer ticket_timer; /* armed: will send a ticket then */
};

/* A whole request, as scripts look at it. */
struct asked {
    const char *method;
    const char *target;
    uint64_t body_bytes;
};

/* What differs by protocol. */
struct session_ops {
    void (*begin)(struct session *session); /* accepted */
    void (*serve)(struct session *session); /* an automatic one: something changed */
    void (*pump)(struct session *session);  /* a scripted one: likewise */
    /* The next whole request, which becomes the one that scripts answer. */
    bool (*take)(struct session *session, struct asked *asked);
    /* To that one. `message` lacks what follows from the request. */
    void (*respond)(struct session *session, struct message *message,
                    const struct scenario_event *event);
    bool (*is_busy)(const struct session *session); /* a request is under way */
};

extern const struct session_ops serving_h1_ops;
extern const struct session_ops serving_h2_ops;
extern const struct session_ops serving_fcgi_ops;

struct server {
    const struct scenario_actor *plan;
    const struct session_ops *ops;
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

/*
 * What an automatic one draws (serving.c); an option that is not there draws nothing.
 */

/* Begins TLS if the server has it, and reads slowly if it is drawn. */
void serving_begin_moods(struct session *session);
/* Something changed: a ticket for a handshake that is over. */
void serving_look(struct session *session);
/* In front of an answer: in tiny pieces, with a pause in the middle. */
void serving_draw_moods(struct session *session, uint64_t body_bytes);
/* Behind it: a ticket, or the end, some time later. */
void serving_rest(struct session *session);
/* A 200 with the body that is drawn, to a request for `target` with `method`. */
struct message serving_answer(struct session *session, const char *method, const char *target);
/* `rate` is one of the SERVER form's. */
bool serving_draw(const struct scenario_value *rate);

#endif
