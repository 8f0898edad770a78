/*
 * sim/exercise/queue.c - requests of every worker that want slots of a backend's servers, queue for
 * them, get them, give them back, or lose patience; while servers fail, rest, and leave.
 *
 * Three of them: `queue` with one server that is always there; `queue-health` whose servers fail
 * now and then; `queue-removal` whose servers go into maintenance, come back and are removed.
 *
 * Property: each wish is answered or withdrawn: nobody waits beside a free slot, or for a server
 * that comes back with nobody noticing; who was handed a slot is told; no server has more requests
 * than its limit; nothing is touched after its owner withdrew it; what is removed is not found.
 */
#include <stdlib.h>

#include "core/base/atomic.h"
#include "core/base/hook.h"
#include "core/server/backend.h"
#include "core/server/idle.h"
#include "sim/exercise/exercise.h"
#include "sim/sched/sched.h"

enum { SERVERS_MAX = 2, QUEUE_MAX = 4, DOWN_NS = 20000, FALL = 1 };

enum mode { MODE_QUEUE, MODE_HEALTH, MODE_REMOVAL };

/* A request; its worker's. Made and freed each time, as an exchange is. */
struct wish {
    struct state *state;
    struct wish **place; /* where its worker keeps it */
    struct backend_ticket ticket;
    struct tasklet *tasklet;
    bool is_told; /* its owner knows that it has a slot */
};

struct state {
    struct exercise_run *run;
    enum mode mode;
    struct idle_set set;
    struct backend backend;
    _Atomic uint32_t held[SERVERS_MAX]; /* slots whose owners know of them */
    struct wish **wishes;               /* run->objects of each worker */
    bool is_closing[WORKERS_MAX];       /* each its worker's */
};

static struct wish **places_of(const struct state *state, unsigned worker)
{
    return &state->wishes[(size_t)worker * state->run->objects];
}

/* ---- a wish ---- */

static void hold(struct wish *wish)
{
    struct state *state = wish->state;
    struct server *server = atom_load(&wish->ticket.server);
    uint32_t held = atom_fetch_add(&state->held[server->index], 1, memory_order_relaxed) + 1;

    wish->is_told = true;
    if (held > server->options.limit)
        finding_fail(FINDING_INVARIANT, NULL, "invariant: a server has more requests than it may");
    if (atomic_load_explicit(&server->state, memory_order_relaxed) == SERVER_GONE)
        finding_fail(FINDING_INVARIANT, NULL, "invariant: a request has a server that was removed");
}

/* Its end: it gives back what it has, or leaves the queue. */
static void end_wish(struct wish *wish)
{
    struct server *server = atom_load(&wish->ticket.server);

    if (wish->is_told) {
        bool is_failure = wish->state->mode == MODE_HEALTH && exercise_draw(2) == 0;
        server_observe(server, !is_failure);
        atom_fetch_sub(&wish->state->held[server->index], 1, memory_order_relaxed);
    }
    backend_done(&wish->ticket);
    tasklet_free(wish->tasklet);
    *wish->place = NULL;
    exercise_part_end(wish->state->run);
    free(wish);
}

static struct tasklet *process_wish(struct tasklet *tasklet, void *ctx, uint32_t bits)
{
    struct wish *wish = ctx;

    (void)bits;
    if (wish->is_told || atom_load(&wish->ticket.server) == NULL)
        return tasklet;
    hold(wish);
    if (!wish->state->is_closing[worker_id()])
        return tasklet;
    end_wish(wish);
    return NULL;
}

static void make_wish(struct state *state, struct wish **place, int worker)
{
    struct wish *wish = calloc(1, sizeof(*wish));

    BUG_ON(wish == NULL);
    wish->state = state;
    wish->place = place;
    wish->tasklet = tasklet_new_on(state->run->rt, worker, process_wish, wish);
    BUG_ON(wish->tasklet == NULL);
    wish->ticket.tried = exercise_draw(1 << SERVERS_MAX);
    HOOK_NAME(&wish->ticket, "ticket", "ticket");
    HOOK_NAME(wish->tasklet, "tasklet", "wish");
    *place = wish;
    exercise_part_begin(state->run);
    switch (backend_want(&state->backend, &wish->ticket, wish->tasklet)) {
    case BACKEND_GOT:
        hold(wish);
        break;
    case BACKEND_QUEUED:
        break;
    case BACKEND_FULL:
    case BACKEND_NONE:
        end_wish(wish);
        break;
    }
}

/* ---- the drivers ---- */

static void change_server(struct state *state)
{
    struct server *server = &state->backend.servers[exercise_draw(state->backend.servers_count)];

    switch (exercise_draw(4)) {
    case 0:
        (void)server_set_ready(server);
        break;
    case 1:
        (void)server_set_maintenance(server);
        break;
    default:
        (void)server_remove(server);
        break;
    }
}

/* Whoever still waits afterwards has to be answered: there must be who can. */
static void close_worker(struct state *state, unsigned worker)
{
    state->is_closing[worker] = true;
    if (state->mode == MODE_REMOVAL) {
        for (uint32_t i = 0; i < state->backend.servers_count; i++)
            (void)server_set_ready(&state->backend.servers[i]);
    }
    for (uint32_t i = 0; i < state->run->objects; i++) {
        struct wish *wish = places_of(state, worker)[i];
        if (wish != NULL && wish->is_told)
            end_wish(wish);
    }
}

static void step(struct exercise_run *run, int worker, uint32_t round)
{
    struct state *state = run->state;
    struct wish **place = &places_of(state, (unsigned)worker)[exercise_draw(run->objects)];

    backend_check(&state->backend, false);
    if (round + 1 == run->rounds)
        close_worker(state, (unsigned)worker);
    else if (state->mode == MODE_REMOVAL && exercise_draw(2) == 0)
        change_server(state);
    else if (*place == NULL)
        make_wish(state, place, worker);
    else
        end_wish(*place);
}

static void begin(struct exercise_run *run, enum mode mode)
{
    static const struct backend_options backend = {
        .name = "app", .balance = BACKEND_LEASTCONN, .queue_max = QUEUE_MAX};
    const struct server_options server = {.name = "s",
                                          /* Room for a probe beside what was there before. */
                                          .limit = mode == MODE_HEALTH ? 2 : 1,
                                          .idle_max = UINT32_MAX,
                                          .fall = FALL,
                                          .down_ns = DOWN_NS};
    struct state *state = calloc(1, sizeof(*state));

    BUG_ON(state == NULL);
    state->wishes = calloc((size_t)run->workers * run->objects, sizeof(*state->wishes));
    BUG_ON(state->wishes == NULL);
    run->state = state;
    state->run = run;
    state->mode = mode;
    BUG_ON(idle_set_init(&state->set, run->rt, run->workers) != 0);
    BUG_ON(backend_init(&state->backend, &state->set, &backend) != 0);
    for (uint32_t i = 0; i < (mode == MODE_QUEUE ? 1 : SERVERS_MAX); i++)
        BUG_ON(backend_add_server(&state->backend, &server) != 0);
    exercise_drive(run, step);
}

static void check_quiet(const struct exercise_run *run)
{
    const struct state *state = run->state;

    for (unsigned worker = 0; worker < run->workers; worker++) {
        for (uint32_t i = 0; i < run->objects; i++) {
            const struct wish *wish = places_of(state, worker)[i];
            if (wish != NULL && !wish->is_told &&
                atomic_load_explicit(&wish->ticket.server, memory_order_relaxed) != NULL)
                finding_fail(FINDING_LOST_WAKEUP, NULL,
                             "lost-wakeup: a request has a slot and does not know of it");
        }
    }
    backend_check(&state->backend, true);
}

static void end(struct exercise_run *run)
{
    struct state *state = run->state;

    backend_fini(&state->backend);
    idle_set_fini(&state->set);
    free(state->wishes);
    free(state);
    run->state = NULL;
}

static void begin_queue(struct exercise_run *run)
{
    begin(run, MODE_QUEUE);
}

static void begin_health(struct exercise_run *run)
{
    begin(run, MODE_HEALTH);
}

static void begin_removal(struct exercise_run *run)
{
    begin(run, MODE_REMOVAL);
}

const struct exercise exercise_queue = {
    .name = "queue",
    .begin = begin_queue,
    .check_quiet = check_quiet,
    .end = end,
};

const struct exercise exercise_queue_health = {
    .name = "queue-health",
    .begin = begin_health,
    .check_quiet = check_quiet,
    .end = end,
};

const struct exercise exercise_queue_removal = {
    .name = "queue-removal",
    .begin = begin_removal,
    .check_quiet = check_quiet,
    .end = end,
};
