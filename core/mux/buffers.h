/*
 * core/mux/buffers.h - the bounded storage of everything in flight, and who waits for it.
 *
 * Kinds with a bound each, because bytes flow
 *
 *     client -> UP_IN -> UP_DATA -> UP_OUT -> server -> DOWN_IN -> DOWN_DATA -> DOWN_OUT -> client
 *
 * and who waits for a kind waits only for those further down, so there is no circle, however little
 * there is: clients that pipeline hold UP_IN until they are answered, and a server may read no more
 * until its answer is read, which needs the kinds of DOWN alone. Each
 * worker has its share, so that nobody ever waits for another worker; within a worker it is first
 * come, first served: a newcomer does not overtake who waits.
 *
 * A server's slot is scarce too. Requests that wait for one keep what they have sent so far, in
 * UP_IN and UP_DATA, and who has it may want just that storage. So they who have a server go before
 * all others, and may take one more than the bound.
 *
 * Threads: taking, from the calling worker's share; giving back and cancelling, the worker that
 * took or waits, or who is alone.
 */
#ifndef CORE_MUX_BUFFERS_H
#define CORE_MUX_BUFFERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/base/pool.h"
#include "core/rt/worker.h"

struct tasklet;

enum { BUFFERS_RESERVE = 1 }; /* of a kind and worker, for who has a server */

enum buffer_kind {
    BUFFER_DOWN_OUT,  /* made for a client, to be sent */
    BUFFER_DOWN_DATA, /* payload of an answer, between two muxes */
    BUFFER_DOWN_IN,   /* received from a server, to be parsed */
    BUFFER_UP_OUT,    /* made for a server, to be sent */
    BUFFER_UP_DATA,   /* payload of a request, between two muxes */
    BUFFER_UP_IN,     /* received from a client, to be parsed */
    BUFFER_KINDS
};

/* What a mux receives into, and sends from. */
static inline enum buffer_kind buffer_kind_in(bool is_front)
{
    return is_front ? BUFFER_UP_IN : BUFFER_DOWN_IN;
}

static inline enum buffer_kind buffer_kind_out(bool is_front)
{
    return is_front ? BUFFER_DOWN_OUT : BUFFER_UP_OUT;
}

/* Somebody's place in a queue. All zero: in none. */
struct buffer_wait {
    struct list link;
    struct tasklet *tasklet; /* woken when its turn has come; NULL: in no queue */
    enum buffer_kind kind;
    int worker;      /* whose share */
    bool has_server; /* set by its owner before it takes: see above */
    bool is_ahead;   /* it is queued as one that has */
};

struct buffer_share {
    unsigned count[BUFFER_KINDS]; /* taken */
    struct list waiting[BUFFER_KINDS];
};

struct buffers {
    struct pool pool; /* of size_bytes, and behind them who took it */
    size_t size_bytes;
    unsigned count_max; /* of each kind on each worker; and the reserve */
    unsigned workers;
    struct buffer_share shares[WORKERS_MAX];
};

/* `count_max` (> 0) of `size_bytes` each, of each kind, for each of `workers`. */
void buffers_init(struct buffers *buffers, size_t size_bytes, unsigned count_max, unsigned workers);
void buffers_fini(struct buffers *buffers);

/*
 * Gives `buf` (area NULL) storage. False: none is left, or others wait; then `wait` is queued with
 * `tasklet`, which is woken when it should try again, and until it has tried nobody overtakes it.
 * An allocation that fails is also false, and the first who waits is woken to try again. The waiter
 * of a pending wait that it needs no more calls buffer_wait_cancel().
 */
MUST_CHECK bool buffer_take(struct buffers *buffers, enum buffer_kind kind, struct buf *buf,
                            struct buffer_wait *wait, struct tasklet *tasklet);

/* Takes the storage of `buf` back (nothing if it has none) and wakes the first who waits. */
void buffer_give(struct buffers *buffers, enum buffer_kind kind, struct buf *buf);

void buffer_wait_cancel(struct buffers *buffers, struct buffer_wait *wait);

/* Somebody has the reserve of the calling worker's share: its holder keeps nothing in it that waits
 * for a server. */
bool buffers_are_short(const struct buffers *buffers, enum buffer_kind kind);

static inline bool buffer_is_waiting(const struct buffer_wait *wait)
{
    return wait->tasklet != NULL;
}

/* From outside any worker; when quiet nobody may wait while there is room. */
void buffers_check(const struct buffers *buffers, bool is_quiet);

#endif
