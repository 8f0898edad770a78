/*
 * sim/foreign/pages.c - see pages.h.
 */
#include "sim/foreign/pages.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/sched/crash.h"
#include "sim/sched/sched.h"

enum {
    RANGES_MAX = 64,
    WATCH_AGAIN_PAGES = 64,  /* fewer cost less than their traps */
    WATCH_AGAIN_EVERY = 256, /* restarts */
};

enum page_state {
    PAGE_IS_COPIED = 1,
    PAGE_IS_WRITABLE = 2,
};

/* The three tables are as long as the range asks; only what is used of them takes memory. */
struct range {
    char *start;
    size_t size_bytes;
    char *copies;
    uint8_t *states;   /* enum page_state, by page */
    uint32_t *written; /* numbers of writable pages */
    size_t written_count;
};

static struct {
    struct range ranges[RANGES_MAX];
    size_t count;
    uint32_t restarts;
} pages;

static struct range *range_of(const char *address)
{
    for (size_t i = 0; i < pages.count; i++) {
        struct range *range = &pages.ranges[i];
        if (address >= range->start && address < range->start + range->size_bytes)
            return range;
    }
    return NULL;
}

static _Noreturn void fail(const char *what)
{
    perror(what);
    abort();
}

/* In the handler of a trap: makes a page writable that is not yet. */
static bool let_go(void *address)
{
    struct range *range = range_of(address);

    if (range == NULL)
        return false;
    const size_t number = (size_t)((char *)address - range->start) / PAGES_BYTES;
    char *page = range->start + number * PAGES_BYTES;
    if ((range->states[number] & PAGE_IS_WRITABLE) != 0)
        return false; /* the trap is the program's own */
    if ((range->states[number] & PAGE_IS_COPIED) == 0)
        memcpy(range->copies + number * PAGES_BYTES, page, PAGES_BYTES);
    sched_bypass_begin(); /* not a call of the thread that trapped */
    const bool is_open = mprotect(page, PAGES_BYTES, PROT_READ | PROT_WRITE) == 0;
    sched_bypass_end();
    if (!is_open)
        return false;
    range->states[number] = PAGE_IS_COPIED | PAGE_IS_WRITABLE;
    range->written[range->written_count++] = (uint32_t)number;
    return true;
}

static void *reserve(size_t size_bytes)
{
    void *memory = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        fail("heddle: no memory to keep the program's");
    return memory;
}

static void watch(struct range *range)
{
    if (mprotect(range->start, range->size_bytes, PROT_READ) != 0)
        fail("heddle: cannot watch the program's memory");
    for (size_t i = 0; i < range->written_count; i++)
        range->states[range->written[i]] = PAGE_IS_COPIED;
    range->written_count = 0;
}

bool pages_watch(void *start, size_t size_bytes)
{
    const size_t page_count = size_bytes / PAGES_BYTES;

    if (size_bytes == 0)
        return true;
    if (pages.count == RANGES_MAX)
        return false;
    struct range *range = &pages.ranges[pages.count++];
    *range = (struct range){
        .start = start,
        .size_bytes = size_bytes,
        .copies = reserve(size_bytes),
        .states = reserve(page_count),
        .written = reserve(page_count * sizeof(range->written[0])),
    };
    crash_mend = let_go;
    watch(range);
    return true;
}

void pages_restore(void)
{
    const bool is_time = ++pages.restarts % WATCH_AGAIN_EVERY == 0;

    for (size_t i = 0; i < pages.count; i++) {
        struct range *range = &pages.ranges[i];
        for (size_t j = 0; j < range->written_count; j++) {
            const size_t offset = (size_t)range->written[j] * PAGES_BYTES;
            memcpy(range->start + offset, range->copies + offset, PAGES_BYTES);
        }
        if (is_time && range->written_count >= WATCH_AGAIN_PAGES)
            watch(range);
    }
}

void pages_touch(void *start, size_t size_bytes)
{
    char *const end = (char *)start + size_bytes;

    if (pages.count == 0)
        return;
    for (char *at = start; at < end; at = (char *)(((uintptr_t)at | (PAGES_BYTES - 1)) + 1)) {
        volatile char *byte = at;
        if (range_of(at) != NULL)
            *byte = *byte;
    }
}

void pages_each_written(void (*visit)(const void *page, size_t size_bytes))
{
    for (size_t i = 0; i < pages.count; i++)
        for (size_t j = 0; j < pages.ranges[i].written_count; j++)
            visit(pages.ranges[i].start + (size_t)pages.ranges[i].written[j] * PAGES_BYTES,
                  PAGES_BYTES);
}
