/*
 * core/net/accept_ring.h - connections on their way to the worker that will serve them.
 *
 * A bounded ring of pointers, one for each worker. A producer reserves a slot by moving the tail
 * with compare-and-swap, then stores the pointer: the reservation orders the producers, the store
 * publishes. The one consumer finds the head's slot; if it is reserved but not stored yet it waits
 * for the store, which its producer does in its next instruction. It clears the slot before it
 * frees it by moving the head, so that a later producer's slot is always found empty until stored.
 *
 *     index:  head (16 bits) | tail (16 bits); one slot more than entries, so that full is not
 * empty
 *
 * Threads: push any worker; pop the one consumer; the rest as said.
 */
#ifndef CORE_NET_ACCEPT_RING_H
#define CORE_NET_ACCEPT_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"

enum { ACCEPT_RING_ENTRIES_MAX = 65535 };

struct conn;

struct accept_ring {
    _Atomic uint32_t index;
    uint32_t slots_count; /* entries + 1 */
    _Atomic(struct conn *) *slots;
};

/* `entries` is 1 .. ACCEPT_RING_ENTRIES_MAX. -ERR_MEMORY. */
MUST_CHECK int accept_ring_init(struct accept_ring *ring, uint32_t entries);

/* It must be empty: a connection in it would never be served. */
void accept_ring_fini(struct accept_ring *ring);

/* -ERR_FULL. */
MUST_CHECK int accept_ring_push(struct accept_ring *ring, struct conn *conn);

/* The oldest, or NULL. Waits for a producer that has reserved and not yet stored. */
struct conn *accept_ring_pop(struct accept_ring *ring);

/* How many are in it now: a snapshot. Any worker. */
uint32_t accept_ring_count(struct accept_ring *ring);

/* The same from outside any worker: no scheduling point. */
uint32_t accept_ring_peek_count(const struct accept_ring *ring);

#endif
