/*
 * sim/race/callstack.c - see callstack.h: a hash table of nodes that doubles when half full.
 */
#include "sim/race/callstack.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "sim/sched/sched.h"

enum {
    TABLE_FIRST = 1 << 12,
    CODE_SHIFT = 6, /* what is called from within 64 bytes of code has its entries side by side */
    GROUP_SHIFT = 2,
};

struct node {
    const void *pc;
    uint32_t caller;
    uint32_t hash;
};

/* All that a lookup needs, in one place. */
struct entry {
    const void *pc;
    uint32_t caller;
    uint32_t id; /* 0: free */
};

static struct {
    struct node *nodes; /* [0] is not used */
    uint32_t node_count;
    struct entry *table;
    uint32_t table_size;
} depot;

static void *reserve(size_t size_bytes)
{
    sched_bypass_begin(); /* not a call of the thread that runs */
    void *memory = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    sched_bypass_end();
    if (memory == MAP_FAILED) {
        perror("heddle: cannot reserve memory for call stacks");
        abort();
    }
    return memory;
}

static void table_put(uint32_t id)
{
    const struct node *node = &depot.nodes[id];
    uint32_t slot = node->hash & (depot.table_size - 1);

    while (depot.table[slot].id != 0)
        slot = (slot + 1) & (depot.table_size - 1);
    depot.table[slot] = (struct entry){.pc = node->pc, .caller = node->caller, .id = id};
}

static void grow(void)
{
    if (depot.nodes == NULL) {
        depot.nodes = reserve(sizeof(struct node) * CALLSTACK_COUNT_MAX);
        depot.node_count = 1;
    } else {
        (void)munmap(depot.table, depot.table_size * sizeof(*depot.table));
    }
    depot.table_size = depot.table_size == 0 ? TABLE_FIRST : depot.table_size * 2;
    depot.table = reserve(depot.table_size * sizeof(*depot.table));
    for (uint32_t id = 1; id < depot.node_count; id++)
        table_put(id);
}

static __attribute__((noinline)) uint32_t add(uint32_t caller, const void *pc, uint32_t hash)
{
    if (depot.node_count == CALLSTACK_COUNT_MAX)
        return 0;
    if (depot.node_count * 2 >= depot.table_size)
        grow();
    uint32_t id = depot.node_count++;
    depot.nodes[id] = (struct node){.pc = pc, .caller = caller, .hash = hash};
    table_put(id);
    return id;
}

/* Code that lies together is run together: one line of the cache for a few of its calls. */
static uint32_t hash_of(uint32_t caller, const void *pc)
{
    const uintptr_t at = (uintptr_t)pc;
    const uint64_t mixed =
        ((uint64_t)(at >> CODE_SHIFT) ^ (uint64_t)caller << 40) * UINT64_C(0x9e3779b97f4a7c15);

    return (uint32_t)(mixed >> 32) << GROUP_SHIFT |
           (uint32_t)(at >> (CODE_SHIFT - GROUP_SHIFT) & ((1U << GROUP_SHIFT) - 1));
}

uint32_t callstack_push(uint32_t caller, const void *pc)
{
    uint32_t hash = hash_of(caller, pc);

    if (__builtin_expect(depot.table == NULL, 0))
        grow();
    uint32_t slot = hash & (depot.table_size - 1);
    for (; depot.table[slot].id != 0; slot = (slot + 1) & (depot.table_size - 1)) {
        const struct entry *entry = &depot.table[slot];
        if (entry->pc == pc && entry->caller == caller)
            return entry->id;
    }
    return add(caller, pc, hash);
}

size_t callstack_pcs(uint32_t stack, const void **out, size_t out_max)
{
    size_t count = 0;

    for (; stack != 0 && count < out_max; stack = depot.nodes[stack].caller)
        out[count++] = depot.nodes[stack].pc;
    return count;
}
