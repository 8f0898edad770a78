/*
 * sim/memory/block.c - what is known about a block, in words; see block.h and heap.h.
 */
#include "sim/memory/block.h"

#include <stdio.h>
#include <string.h>

#include "sim/kernel/process.h"
#include "sim/memory/native.h"
#include "sim/posix/thread.h"
#include "sim/sched/sched.h"
#include "sim/vthread/identity.h"

/* sim/race/race.h; linked into the explore build only. */
size_t race_callers(const void *pc, const void **out, size_t out_max) __attribute__((weak));

enum { POISON_REACH_BYTES = 1 << 16, LEAK_SITES_MAX = 64 };

/* By frame pointers, up to `high`. Code without them leaves anything in the register: only
 * plausible links count. */
static void walk_frames(struct block_trace *trace, const void *frame, uintptr_t high)
{
    uintptr_t low = (uintptr_t)frame;
    uintptr_t next = *(const uintptr_t *)frame;

    for (int i = 1; i < HEAP_FRAMES; i++) {
        if (next <= low || next + 2 * sizeof(void *) > high || next % sizeof(void *) != 0)
            break;
        low = next;
        next = *(const uintptr_t *)low;
        if (next < high)
            trace->pcs[i] = ((const void *const *)low)[1];
    }
}

void block_trace_take(struct block_trace *trace, const void *pc, const void *frame)
{
    struct vthread *self = sched_self();

    *trace = (struct block_trace){.pcs = {pc}, .thread_name = "main"};
    if (self == NULL) /* before main() */
        return;
    trace->thread_name = self->name;
    if (race_callers != NULL && race_callers(pc, trace->pcs, HEAP_FRAMES) != 0)
        return;
    const struct posix_thread *posix = self->posix;
    uintptr_t high = self->identity == NULL ? 0 : (uintptr_t)self->identity->stack_top;
    if (posix != NULL && posix->exit_jump != NULL) /* from there on it is the simulator's stack */
        high = (uintptr_t)posix->exit_jump;
    walk_frames(trace, frame, high);
}

struct block *block_around(const volatile void *address)
{
    uint64_t offset = (uint64_t)(uintptr_t)address - HEAP_BASE;
    const uint8_t *shadow = (const uint8_t *)HEAP_SHADOW_BASE;

    if (!heap_has_shadow || offset >= HEAP_BYTES)
        return NULL;
    uint64_t granule = offset / HEAP_GRANULE;
    if (shadow[granule] == HEAP_WILD)
        return NULL;
    /* Inside a header: it is the block after it. In its memory or red zone: the one before. */
    while (shadow[granule] == HEAP_HEADER && shadow[granule + 1] == HEAP_HEADER)
        granule++;
    while (granule > 0 && shadow[granule] != HEAP_HEADER && shadow[granule] != HEAP_WILD)
        granule--;
    if (shadow[granule] != HEAP_HEADER)
        return NULL;
    return (struct block *)(uintptr_t)(HEAP_BASE + (granule + 1) * HEAP_GRANULE) - 1;
}

static size_t print_trace(char *out, size_t out_bytes, const char *verb,
                          const struct block_trace *trace)
{
    int used = snprintf(out, out_bytes, "%s by %s in", verb, trace->thread_name);

    for (int i = 0; i < HEAP_FRAMES && trace->pcs[i] != NULL && (size_t)used < out_bytes; i++)
        used += snprintf(out + used, out_bytes - (size_t)used, "%s {pc:%lx}", i == 0 ? "" : " <-",
                         (unsigned long)trace->pcs[i]);
    used += snprintf(out + used, out_bytes - (size_t)used, "\n");
    return (size_t)used;
}

void block_explain(const struct block *block, char *out, size_t out_bytes)
{
    size_t used = (size_t)snprintf(out, out_bytes, "a block of %zu bytes\n", block->size_bytes);

    used += print_trace(out + used, out_bytes - used, "allocated", &block->allocated);
    if (block->magic == BLOCK_FREED)
        (void)print_trace(out + used, out_bytes - used, "freed", &block->freed);
}

void heap_fail(const volatile void *address, size_t size_bytes, bool is_write, const void *pc)
{
    const struct block *block = block_around(address);
    const char *access = is_write ? "write" : "read";
    unsigned long at = (unsigned long)pc;
    char detail[FINDING_DETAIL_BYTES];

    (void)size_bytes;
    if (block == NULL)
        finding_fail(FINDING_HEAP_MISUSE, pc, "wild-pointer %s in {pc:%lx}", access, at);
    long offset = (long)((uintptr_t)address - (uintptr_t)(block + 1));
    int used = snprintf(detail, sizeof(detail), "%ld bytes %s ", offset < 0 ? -offset : offset,
                        offset < 0 ? "before" : "into");
    block_explain(block, detail + used, sizeof(detail) - (size_t)used);
    if (block->magic == BLOCK_FREED)
        finding_fail_detail(FINDING_HEAP_USE_AFTER_FREE, pc, detail,
                            "heap-use-after-free %s in {pc:%lx}", access, at);
    finding_fail_detail(FINDING_HEAP_MISUSE, pc, detail, "heap-buffer-overflow %s in {pc:%lx}",
                        access, at);
}

void heap_check_range(const volatile void *address, size_t size_bytes, bool is_write,
                      const void *pc)
{
    uintptr_t at = (uintptr_t)address;
    uintptr_t end = at + size_bytes;

    if (!heap_contains(address))
        return;
    while (at < end) {
        uintptr_t granule_end = (at | (HEAP_GRANULE - 1)) + 1;
        uintptr_t stop = granule_end < end ? granule_end : end;
        heap_check_small((const volatile void *)at, stop - at, is_write, pc);
        at = stop;
    }
}

static bool is_near(const volatile void *address, uint64_t word)
{
    uint64_t reach = POISON_REACH_BYTES;

    return (uint64_t)(uintptr_t)address - word + reach < 2 * reach;
}

void heap_describe(const volatile void *address, char *out, size_t out_bytes)
{
    const struct block *block = block_around(address);

    out[0] = '\0';
    if (is_near(address, BLOCK_FREED_WORD))
        (void)snprintf(out, out_bytes, "poisoned pointer: read from freed memory\n");
    else if (is_near(address, BLOCK_FRESH_WORD) || is_near(address, BLOCK_FRESH_WORD_DISTURBED))
        (void)snprintf(out, out_bytes, "poisoned pointer: read from uninitialised memory\n");
    else if ((uintptr_t)address < POISON_REACH_BYTES)
        (void)snprintf(out, out_bytes, "null pointer\n");
    else if (block != NULL)
        (void)snprintf(out, out_bytes, "%s block of %zu bytes\n",
                       block->magic == BLOCK_FREED ? "freed" : "living", block->size_bytes);
}

/* ---- leaks ---- */

struct leak_site {
    const void *pcs[HEAP_FRAMES];
    size_t size_bytes;
    size_t count;
};

struct leak_sites {
    struct leak_site sites[LEAK_SITES_MAX];
    size_t site_count;
    size_t block_count;
};

static void add_leak(struct leak_sites *leaks, const void *const *pcs, size_t size_bytes)
{
    size_t i = 0;

    leaks->block_count++;
    while (i < leaks->site_count && (leaks->sites[i].size_bytes != size_bytes ||
                                     memcmp((const void *)leaks->sites[i].pcs, (const void *)pcs,
                                            sizeof(leaks->sites[i].pcs)) != 0))
        i++;
    if (i == LEAK_SITES_MAX)
        return;
    if (i == leaks->site_count) {
        leaks->sites[i] = (struct leak_site){.size_bytes = size_bytes};
        memcpy((void *)leaks->sites[i].pcs, (const void *)pcs, sizeof(leaks->sites[i].pcs));
        leaks->site_count++;
    }
    leaks->sites[i].count++;
}

static void add_native_leak(void *context, const void *pc, size_t size_bytes)
{
    const void *const pcs[HEAP_FRAMES] = {pc};

    add_leak(context, pcs, size_bytes);
}

static size_t print_site(char *out, size_t out_bytes, const struct leak_site *site)
{
    int used = snprintf(out, out_bytes, "%zu block%s of %zu bytes allocated in", site->count,
                        site->count == 1 ? "" : "s", site->size_bytes);

    for (int i = 0; i < HEAP_FRAMES && site->pcs[i] != NULL && (size_t)used < out_bytes; i++)
        used += snprintf(out + used, out_bytes - (size_t)used, "%s {pc:%lx}", i == 0 ? "" : " <-",
                         (unsigned long)site->pcs[i]);
    return (size_t)used;
}

static void print_sites(struct leak_sites *leaks, char *text, size_t text_bytes)
{
    size_t used = 0;

    if (text_bytes != 0)
        text[0] = '\0';
    while (leaks->site_count != 0 && used + 1 < text_bytes) {
        size_t most = 0;
        for (size_t i = 1; i < leaks->site_count; i++) {
            if (leaks->sites[i].count > leaks->sites[most].count)
                most = i;
        }
        if (used != 0)
            used += (size_t)snprintf(text + used, text_bytes - used, ", ");
        if (used < text_bytes)
            used += print_site(text + used, text_bytes - used, &leaks->sites[most]);
        leaks->site_count--;
        memmove(&leaks->sites[most], &leaks->sites[most + 1],
                (leaks->site_count - most) * sizeof(leaks->sites[0]));
    }
}

size_t heap_leaks(const struct process *process, char *text, size_t text_bytes)
{
    struct leak_sites leaks = {.site_count = 0};

    if (native_is_used())
        native_each(process, add_native_leak, &leaks);
    for (const struct block *block = block_first_live(); block != NULL; block = block->next) {
        if (process == NULL || block->process == process)
            add_leak(&leaks, block->allocated.pcs, block->size_bytes);
    }
    print_sites(&leaks, text, text_bytes);
    return leaks.block_count;
}

/* ---- what can be reached ---- */

static struct {
    struct block *found; /* reached, still to be looked into; linked by `reached_next` */
    uint32_t round;
} reach;

void heap_reach_begin(void)
{
    reach.found = NULL;
    reach.round++;
}

/* A pointer to any byte of a block, and to the one after it, keeps it. */
static void follow(uintptr_t pointer)
{
    struct block *block;

    if (pointer - HEAP_BASE >= HEAP_BYTES)
        return;
    block = block_around((const void *)pointer);
    if (block == NULL || block->magic != BLOCK_LIVE || block->reach_round == reach.round ||
        pointer - (uintptr_t)(block + 1) > block->size_bytes)
        return;
    block->reach_round = reach.round;
    block->reached_next = reach.found;
    reach.found = block;
}

static void scan(const void *start, size_t size_bytes)
{
    const uintptr_t first =
        ((uintptr_t)start + sizeof(uintptr_t) - 1) & ~(uintptr_t)(sizeof(uintptr_t) - 1);
    const uintptr_t end = (uintptr_t)start + size_bytes;

    for (uintptr_t at = first; at + sizeof(uintptr_t) <= end; at += sizeof(uintptr_t))
        follow(*(const volatile uintptr_t *)at);
}

void heap_reach(const void *start, size_t size_bytes)
{
    scan(start, size_bytes);
    while (reach.found != NULL) {
        const struct block *block = reach.found;
        reach.found = block->reached_next;
        scan(block + 1, block->size_bytes);
    }
}

size_t heap_leaks_unreachable(const struct process *process, char *text, size_t text_bytes)
{
    struct leak_sites leaks = {.site_count = 0};

    for (const struct block *block = block_first_live(); block != NULL; block = block->next) {
        if (block->process == process && block->reach_round != reach.round)
            add_leak(&leaks, block->allocated.pcs, block->size_bytes);
    }
    print_sites(&leaks, text, text_bytes);
    return leaks.block_count;
}
