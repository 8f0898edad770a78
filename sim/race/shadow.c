/*
 * sim/race/shadow.c - see shadow.h.
 */
#include "sim/race/shadow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/sched/sched.h"

struct region **shadow_regions;

static struct region *all; /* through region.next */

static void *reserve(size_t size_bytes)
{
    sched_bypass_begin(); /* not a call of the thread that runs */
    void *memory = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    sched_bypass_end();
    if (memory == MAP_FAILED) {
        perror("heddle: cannot reserve shadow memory");
        abort();
    }
    return memory;
}

void shadow_init(void)
{
    if (shadow_regions == NULL)
        shadow_regions = reserve(REGION_COUNT * sizeof(*shadow_regions));
}

struct region *shadow_region_new(uintptr_t address)
{
    struct region *region = reserve(sizeof(*region));

    (void)madvise(region, sizeof(*region), MADV_NOHUGEPAGE);
    region->next = all;
    all = region;
    shadow_regions[address >> REGION_SHIFT] = region;
    return region;
}

/* The part of [address, end) within one block. */
static void clear_block(uintptr_t address, uintptr_t end)
{
    for (uintptr_t cell = address >> CELL_SHIFT; cell <= (end - 1) >> CELL_SHIFT; cell++) {
        memset(shadow_cell(cell << CELL_SHIFT), 0, sizeof(struct cell));
        *shadow_sync(cell << CELL_SHIFT) = (struct sync_ref){0};
    }
}

void shadow_clear(uintptr_t address, size_t size_bytes, uint32_t run)
{
    uintptr_t end = address + size_bytes;

    if (!shadow_covers(end))
        return;
    while (address < end) {
        uintptr_t next = ((address >> BLOCK_SHIFT) + 1) << BLOCK_SHIFT;
        if (next > end)
            next = end;
        if (*shadow_touched(address) == run)
            clear_block(address, next);
        address = next;
    }
}

void shadow_wipe(void)
{
    for (struct region *region = all; region != NULL; region = region->next)
        (void)madvise(region, offsetof(struct region, next), MADV_DONTNEED);
}
