/*
 * sim/race/shadow.h - a place beside each 8 bytes of memory of the code under test.
 *
 * Address space is reserved per 16 MiB region of program memory as it is met, and committed by the
 * system page by page. Nothing is cleared between runs: records say by themselves that they are
 * old (internal.h), and so do the numbers of synchronisation objects.
 *
 * Owner: the process.  Threads: none, the engine runs on one.
 */
#ifndef SIM_RACE_SHADOW_H
#define SIM_RACE_SHADOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CELL_SHIFT = 3, /* 8 bytes of memory */
    CELL_SLOTS = 4,
    BLOCK_SHIFT = 9, /* 512 bytes: what is skipped at once when untouched */
    REGION_SHIFT = 24,
    ADDRESS_BITS = 47,
    REGION_COUNT = 1 << (ADDRESS_BITS - REGION_SHIFT),
    REGION_CELLS = 1 << (REGION_SHIFT - CELL_SHIFT),
    REGION_BLOCKS = 1 << (REGION_SHIFT - BLOCK_SHIFT),
};

struct cell {
    uint64_t slots[CELL_SLOTS];
};

struct sync_ref {
    uint32_t run;   /* that `index` belongs to */
    uint32_t index; /* of the first object within these 8 bytes */
};

struct region {
    struct cell cells[REGION_CELLS];
    struct sync_ref syncs[REGION_CELLS];
    uint32_t touched[REGION_BLOCKS]; /* number of the last run with a record or object there */
    struct region *next;             /* on a page of its own */
};

extern struct region **shadow_regions;

struct region *shadow_region_new(uintptr_t address);

/* `address` must be below 1 << ADDRESS_BITS: user space. */
static inline struct region *shadow_region(uintptr_t address)
{
    struct region *region = shadow_regions[address >> REGION_SHIFT];

    return __builtin_expect(region != NULL, 1) ? region : shadow_region_new(address);
}

static inline size_t shadow_index(uintptr_t address)
{
    return (address & ((UINT64_C(1) << REGION_SHIFT) - 1)) >> CELL_SHIFT;
}

static inline struct cell *shadow_cell(uintptr_t address)
{
    return &shadow_region(address)->cells[shadow_index(address)];
}

static inline struct sync_ref *shadow_sync(uintptr_t address)
{
    return &shadow_region(address)->syncs[shadow_index(address)];
}

static inline uint32_t *shadow_touched(uintptr_t address)
{
    return &shadow_region(address)->touched[shadow_index(address) >> (BLOCK_SHIFT - CELL_SHIFT)];
}

static inline bool shadow_covers(uintptr_t address)
{
    return address >> ADDRESS_BITS == 0;
}

/* Once in the process, before anything else. */
void shadow_init(void);

/* Forgets every record and object of a range. */
void shadow_clear(uintptr_t address, size_t size_bytes, uint32_t run);

/* Forgets everything. */
void shadow_wipe(void);

#endif
