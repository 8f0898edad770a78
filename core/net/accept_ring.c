#include "core/net/accept_ring.h"

#include <stdlib.h>

#include "core/base/atomic.h"
#include "core/base/err.h"

static uint32_t head_of(uint32_t index)
{
    return index >> 16;
}

static uint32_t tail_of(uint32_t index)
{
    return index & 0xffff;
}

static uint32_t after(const struct accept_ring *ring, uint32_t slot)
{
    return slot + 1 == ring->slots_count ? 0 : slot + 1;
}

static uint32_t count_of(const struct accept_ring *ring, uint32_t index)
{
    uint32_t head = head_of(index);
    uint32_t tail = tail_of(index);

    return tail >= head ? tail - head : tail + ring->slots_count - head;
}

int accept_ring_init(struct accept_ring *ring, uint32_t entries)
{
    BUG_ON(entries == 0 || entries > ACCEPT_RING_ENTRIES_MAX);
    atomic_init(&ring->index, 0);
    ring->slots_count = entries + 1;
    ring->slots = calloc(ring->slots_count, sizeof(*ring->slots));
    return ring->slots != NULL ? 0 : -ERR_MEMORY;
}

void accept_ring_fini(struct accept_ring *ring)
{
    BUG_ON(ring->slots != NULL && accept_ring_peek_count(ring) != 0);
    free(ring->slots);
    ring->slots = NULL;
}

int accept_ring_push(struct accept_ring *ring, struct conn *conn)
{
    uint32_t index = atom_load(&ring->index);
    uint32_t tail;

    do {
        tail = tail_of(index);
        if (after(ring, tail) == head_of(index)) {
            MARK("accept_ring.full");
            return -ERR_FULL;
        }
        /* pair: accept_ring.head. Acquires the consumer's clearing of the slot that is reserved:
         * our store must come after it, or the connection would be wiped out. */
    } while (!atom_cas(&ring->index, &index, (index & 0xffff0000) | after(ring, tail),
                       memory_order_acquire));
    /* pair: accept_ring.slot. Releases the connection's fields. */
    atom_store_release(&ring->slots[tail], conn);
    return 0;
}

struct conn *accept_ring_pop(struct accept_ring *ring)
{
    uint32_t index = atom_load(&ring->index);
    uint32_t head = head_of(index);
    struct conn *conn;

    if (head == tail_of(index))
        return NULL;
    /* pair: accept_ring.slot. Acquires what the producer wrote into the connection. */
    while ((conn = atom_load_acquire(&ring->slots[head])) == NULL) {
        MARK("accept_ring.reserved");
        cpu_relax();
    }
    atom_store(&ring->slots[head], (struct conn *)NULL);
    /* pair: accept_ring.head. Releases the cleared slot to the producer that reserves it next. */
    while (!atom_cas(&ring->index, &index, after(ring, head) << 16 | tail_of(index),
                     memory_order_release))
        ;
    return conn;
}

uint32_t accept_ring_count(struct accept_ring *ring)
{
    return count_of(ring, atom_load(&ring->index));
}

uint32_t accept_ring_peek_count(const struct accept_ring *ring)
{
    return count_of(ring, atomic_load_explicit(&ring->index, memory_order_relaxed));
}
