#include "core/server/server.h"

#include <string.h>

#include "core/base/atomic.h"
#include "core/base/err.h"
#include "core/base/hook.h"
#include "core/plant/plant.h"
#include "core/rt/isolate.h"
#include "core/rt/worker.h"
#include "core/server/backend.h"

/*
 * pair: backend.queue. Slots and those who wait for one:
 *
 *     who waits                         who makes a slot
 *     queue_count++                     served--, or state = UP
 *     look at state and served          look at queue_count
 *
 * All are seq_cst: with less, each could miss the other, and a request would wait beside a free
 * slot for ever.
 */

const char *server_state_name(enum server_state state)
{
    static const char *const names[] = {
#define SERVER_NAME(name, text, next) [SERVER_##name] = (text),
        SERVER_STATES(SERVER_NAME)
#undef SERVER_NAME
    };

    return names[state];
}

/* server.lock, or nobody knows it yet. */
static void move(struct server *server, enum server_state to)
{
    static const unsigned next[] = {
#define SERVER_NEXT(name, text, next) [SERVER_##name] = (next),
        SERVER_STATES(SERVER_NEXT)
#undef SERVER_NEXT
    };

    BUG_ON((next[atom_load(&server->state)] & (1U << to)) == 0);
    /* pair: backend.queue. Also releases down_until_ns to who finds it DOWN. */
    atom_store_seq_cst(&server->state, (int)to);
}

void server_init(struct server *server, struct backend *backend, uint32_t index,
                 const struct server_options *options)
{
    memset(server, 0, sizeof(*server));
    server->backend = backend;
    server->set = backend->set;
    server->index = index;
    server->options = *options;
    lock_init(&server->lock, "server.lock");
    idle_server_init(server);
    HOOK_NAME(server, "server", server->options.name);
}

void server_fini(struct server *server)
{
    BUG_ON(atom_load(&server->served) != 0);
    idle_server_fini(server);
    lock_fini(&server->lock);
}

/* --- slots --- */

static uint32_t limit_of(const struct server *server)
{
    return server->options.limit != 0 ? server->options.limit : UINT32_MAX;
}

/* How many slots there are while it has `served` requests. */
static uint32_t slots_now(struct server *server, int state, uint32_t served)
{
    switch ((enum server_state)state) {
    case SERVER_UP:
        return limit_of(server);
    case SERVER_PROBE:
        /* Who tried it has left without a word. */
        if (served == 0)
            return 1;
        break;
    case SERVER_DOWN:
        break;
    case SERVER_MAINT:
    case SERVER_GONE:
        return 0;
    }
    /* Requests from before the failures do not count: they may be there for long. */
    return worker_now_ns() >= atom_load(&server->down_until_ns) ? limit_of(server) : 0;
}

bool server_is_usable(struct server *server)
{
    /* pair: backend.queue. */
    int state = atom_load_seq_cst(&server->state);

    return slots_now(server, state, atom_load(&server->served)) != 0;
}

bool server_has_slot(struct server *server, uint32_t *served)
{
    /* pair: backend.queue. */
    int state = atom_load_seq_cst(&server->state);

    *served = atom_load_seq_cst(&server->served);
    return *served < slots_now(server, state, *served);
}

/* The one request that tries whether it is well: under the lock, so that it is one. */
static bool take_probe_slot(struct server *server)
{
    bool is_taken = false;
    uint64_t until_ns = 0;

    lock_take(&server->lock);
    int state = atom_load(&server->state);
    if (state == SERVER_DOWN || state == SERVER_PROBE) {
        uint32_t served = atom_load_seq_cst(&server->served); /* pair: backend.queue */
        while (!is_taken && served < slots_now(server, state, served))
            is_taken = atom_cas(&server->served, &served, served + 1, memory_order_seq_cst);
    }
    if (is_taken) {
        /* If nothing is heard of it for as long, the next one tries. */
        until_ns = worker_now_ns() + server->options.down_ns;
        atom_store(&server->down_until_ns, until_ns);
        if (state == SERVER_DOWN)
            move(server, SERVER_PROBE);
    }
    lock_give(&server->lock);
    if (!is_taken)
        return false;
    backend_schedule_probe(server->backend, until_ns);
    if (PLANT(C59a)) {
        /* It may serve again, so the queue is served: by one who is serving it, under its lock. */
        backend_serve_queue(server->backend);
    }
    return true;
}

static bool take_slot(struct server *server)
{
    /* pair: backend.queue. */
    int state = atom_load_seq_cst(&server->state);
    uint32_t served = atom_load_seq_cst(&server->served);

    if (state == SERVER_DOWN || state == SERVER_PROBE)
        return served < slots_now(server, state, served) && take_probe_slot(server);
    do {
        if (served >= slots_now(server, state, served))
            return false;
    } while (!atom_cas(&server->served, &served, served + 1, memory_order_seq_cst));
    return true;
}

bool server_take_slot(struct server *server)
{
    if (!take_slot(server))
        return false;
    atom_fetch_add(&server->served_total, 1, memory_order_relaxed);
    return true;
}

void server_give_slot(struct server *server)
{
    struct backend *backend = server->backend;

    /* pair: backend.queue. */
    BUG_ON(atom_fetch_sub(&server->served, 1, memory_order_seq_cst) == 0);
    if (atom_load_seq_cst(&backend->queue_count) == 0)
        return;
    atom_store(&backend->ready, server);
    backend_serve_queue(backend);
}

bool server_conn_begin(struct server *server, struct idle_conn *conn, const struct idle_ops *ops)
{
    int state = atom_load(&server->state);

    /* Should it leave right now: it does not go before all are harmless, and then sees the count.
     */
    if (state == SERVER_MAINT || state == SERVER_GONE)
        return false;
    idle_begin(conn, server, ops);
    return true;
}

/* --- health --- */

static void note_success(struct server *server)
{
    bool is_back = false;

    if (atom_load(&server->failures) != 0)
        atom_store(&server->failures, 0);
    if (atom_load(&server->state) != SERVER_PROBE)
        return;
    lock_take(&server->lock);
    if (atom_load(&server->state) == SERVER_PROBE) {
        move(server, SERVER_UP);
        is_back = true;
        if (PLANT(C59b)) {
            /* Who serves the queue holds its lock and may want this one. */
            backend_serve_queue(server->backend);
        }
    }
    lock_give(&server->lock);
    if (is_back)
        backend_serve_queue(server->backend);
}

static void note_failure(struct server *server)
{
    uint32_t failures = atom_fetch_add(&server->failures, 1, memory_order_relaxed) + 1;
    uint64_t until_ns = 0;

    atom_fetch_add(&server->failed_total, 1, memory_order_relaxed);
    if (server->options.fall == 0)
        return;
    if (atom_load(&server->state) == SERVER_UP && failures < server->options.fall)
        return;
    lock_take(&server->lock);
    int state = atom_load(&server->state);
    if (state == SERVER_PROBE || (state == SERVER_UP && failures >= server->options.fall)) {
        until_ns = worker_now_ns() + server->options.down_ns;
        atom_store(&server->down_until_ns, until_ns);
        atom_store(&server->failures, 0);
        move(server, SERVER_DOWN);
    }
    lock_give(&server->lock);
    if (until_ns == 0)
        return;
    atom_fetch_add(&server->down_total, 1, memory_order_relaxed);
    backend_schedule_probe(server->backend, until_ns);
}

void server_observe(struct server *server, bool is_ok)
{
    if (is_ok)
        note_success(server);
    else
        note_failure(server);
}

/* --- leaving, and coming back --- */

bool server_set_maintenance(struct server *server)
{
    lock_take(&server->lock);
    int state = atom_load(&server->state);
    if (state != SERVER_MAINT && state != SERVER_GONE)
        move(server, SERVER_MAINT);
    lock_give(&server->lock);
    /* Who puts back a connection looks at the state under the lock under which we look for it. */
    if (state != SERVER_GONE)
        idle_evict(server);
    return state != SERVER_GONE;
}

bool server_set_ready(struct server *server)
{
    bool is_back = false;

    lock_take(&server->lock);
    int state = atom_load(&server->state);
    if (state != SERVER_UP && state != SERVER_GONE) {
        atom_store(&server->failures, 0);
        move(server, SERVER_UP);
        is_back = true;
    }
    lock_give(&server->lock);
    if (is_back)
        backend_serve_queue(server->backend);
    return state != SERVER_GONE;
}

/* Is it the only one that could serve those who wait? */
static bool is_waited_for(const struct server *server)
{
    struct backend *backend = server->backend;

    if (atom_load(&backend->queue_count) == 0)
        return false;
    for (uint32_t i = 0; i < backend->servers_count; i++) {
        struct server *other = &backend->servers[i];

        if (other != server && atom_load(&other->state) != SERVER_GONE)
            return false;
    }
    return true;
}

static bool is_used(const struct server *server)
{
    return atom_load(&server->served) != 0 || atom_load(&server->conns_used) != 0 ||
           atom_load(&server->conns_idle) != 0 || is_waited_for(server);
}

/* So that it is found no more. */
static void forget_ready(struct server *server)
{
    struct backend *backend = server->backend;

    if (atom_load(&backend->ready) == server)
        atom_store(&backend->ready, NULL);
}

/* What speaks against removing it in `state`. */
static int refusal(int state)
{
    if (state == SERVER_GONE)
        return -ERR_NOT_FOUND;
    return state != SERVER_MAINT ? -ERR_BUSY : 0;
}

int server_remove(struct server *server)
{
    int state = atom_load(&server->state);
    int status = refusal(state);

    /* Not worth stopping everybody for. */
    if (status != 0)
        return status;
    if (PLANT(C61a)) {
        /* In two steps, and while others work: who gives back a slot names it again. */
        forget_ready(server);
    }
    isolate_begin();
    if (!PLANT(C61b)) {
        /* What was true before may be so no more: it is ready again, or another one removed it. */
        state = atom_load(&server->state);
    }
    status = refusal(state);
    if (status == 0 && is_used(server))
        status = -ERR_BUSY;
    if (status == 0) {
        if (!PLANT(C61a))
            forget_ready(server);
        lock_take(&server->lock);
        move(server, SERVER_GONE);
        lock_give(&server->lock);
    }
    isolate_end();
    return status;
}

/* --- checks: plain reads, between steps --- */

#define PEEK(p) atomic_load_explicit((p), memory_order_relaxed)

void server_check(const struct server *server)
{
    const struct backend *backend = server->backend;
    uint32_t limit = server->options.limit;

    BUG_ON(server != &backend->servers[server->index]);
    BUG_ON(limit != 0 && PEEK(&server->served) > limit);
    if (PEEK(&server->state) != SERVER_GONE)
        return;
    BUG_ON(PEEK(&server->served) != 0);
    BUG_ON(PEEK(&server->conns_used) != 0 || PEEK(&server->conns_idle) != 0);
    BUG_ON(PEEK(&backend->ready) == server);
}
