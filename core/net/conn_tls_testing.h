/*
 * core/net/conn_tls_testing.h - two ends of a socket in one instance, for tests of TLS.
 *
 * One thread plays the workers by changing identity, turn by turn, so each interleaving is written
 * down. It is worker 0 unless the test says otherwise.
 *
 * Threads: the test's.
 */
#ifndef CORE_NET_CONN_TLS_TESTING_H
#define CORE_NET_CONN_TLS_TESTING_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/lock.h"
#include "core/base/pool.h"
#include "core/net/conn.h"
#include "core/rt/rt.h"
#include "core/tls/session.h"

enum { WORKERS = 2, FD_MAX = 64, CLIENT = 0, SERVER = 1, IN_BYTES = 4096 };

struct end {
    struct conn *conn;
    struct tasklet *waiter;
    int wakes;
    struct buf in;
    uint8_t area[IN_BYTES];
};

struct world {
    struct rt *rt;
    struct pool conns;
    struct lock idle_locks[WORKERS];
    struct tls_context *contexts[2];
    struct end ends[2];
};

/* Attached to worker 0 and in the clear. `tasklets_max` as in rt_config. */
void world_init(struct world *world, const struct tls_library *library, unsigned tasklets_max);

/* Whoever owns the ends ends them; nothing may be left. */
void world_fini(struct world *world);

/* The calling thread is that worker from now on. */
void world_as(struct world *world, int worker);

/* One turn of one worker: its poller and its queues. Or ten. */
void world_turn(struct world *world, int worker);
void world_turns(struct world *world, int worker);

/* TLS at both ends, and both wait for the handshake's end; or until they have been told. */
void world_start(struct world *world);
void world_shake(struct world *world);

/* The conn and its waiter. */
void end_fini(struct end *end);

/* Counts a wake-up of the end that is its ctx. */
struct tasklet *end_on_wake(struct tasklet *tasklet, void *ctx, uint32_t state);

size_t end_send(struct end *end, const char *text);

/* What was received and not yet looked at. */
void end_assert_holds(struct end *end, const char *text);

#endif
