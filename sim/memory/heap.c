/*
 * sim/memory/heap.c - the run's heap: see heap.h.
 *
 * An extent is [lead][header][memory][red zone]. Extents are cut from one end of the heap and keep
 * their size class for the run; freed ones wait in a queue, then are used again for the same class.
 */
#include "sim/memory/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/memory/block.h"
#include "sim/memory/native.h"
#include "sim/sched/crash.h"
#include "sim/sched/sched.h"
#include "sim/vthread/disturb.h"

enum {
    REDZONE_BYTES = 16,
    REDZONE_BYTE = 0xfa,
    CLASSES = 160,
    CLASS_STEP_BYTES = 32,
    CLASSES_LINEAR = 32, /* up to 1 KiB in steps of 32 bytes, then four classes to a doubling */
    QUARANTINE_BYTES = 1 << 20,
    POISON_BYTES_MAX = 4096,
    KEEP_BYTES = 16 << 20,                 /* of what a run touched, kept for the next one */
    BOOT_UNIT_BYTES = 4096 * HEAP_GRANULE, /* whole pages of memory and of shadow */
};

/* sim/race/race.h; linked into the explore build only. */
void race_freed(const volatile void *address, size_t size_bytes, const void *pc)
    __attribute__((weak));

/* The one copy that is not inlined: sim/race asks for it by name. */
extern void heap_check(const volatile void *address, size_t size_bytes, bool is_write,
                       const void *pc);

bool heap_has_shadow;
bool heap_is_booting;

static struct heap {
    uint64_t used_bytes; /* cut off so far */
    uint64_t fresh_word; /* what memory holds that is given out */
    struct block *free[CLASSES];
    uint32_t free_class_max; /* no class above has free blocks */
    struct block *live_head;
    struct block *live_tail;
    struct block *quarantine_head;
    struct block *quarantine_tail;
    uint64_t quarantine_bytes;
    struct heap_stats stats;
} heap;

/* As every run finds it: empty, or with what the program allocated before its main(). */
static struct heap heap_at_start;

static uint8_t *shadow_of(uint64_t offset)
{
    return (uint8_t *)HEAP_SHADOW_BASE + offset / HEAP_GRANULE;
}

static uint64_t offset_of(const volatile void *address)
{
    return (uint64_t)(uintptr_t)address - HEAP_BASE;
}

/* ---- the run ---- */

static void map_fixed(uint64_t base, uint64_t size_bytes)
{
    void *at = mmap((void *)base, size_bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

    if (at != (void *)base) {
        fprintf(stderr, "heddle: cannot reserve the heap of the runs at %#llx\n",
                (unsigned long long)base);
        abort();
    }
}

static void describe_crash(const void *address, char *out, size_t out_bytes)
{
    heap_describe(address, out, out_bytes);
}

static void map_once(void)
{
    if (heap_has_shadow)
        return;
    map_fixed(HEAP_BASE, HEAP_BYTES);
    map_fixed(HEAP_SHADOW_BASE, HEAP_BYTES / HEAP_GRANULE);
    heap_has_shadow = true;
    crash_describe = describe_crash;
}

void heap_boot_begin(void)
{
    map_once();
    heap.fresh_word = BLOCK_FRESH_WORD;
    heap_is_booting = true;
}

void heap_boot_end(struct heap_kept *kept)
{
    heap_is_booting = false;
    heap.used_bytes = (heap.used_bytes + BOOT_UNIT_BYTES - 1) / BOOT_UNIT_BYTES * BOOT_UNIT_BYTES;
    heap_at_start = heap;
    heap_at_start.stats = (struct heap_stats){0};
    *kept = (struct heap_kept){
        .blocks = (char *)HEAP_BASE,
        .blocks_bytes = heap.used_bytes,
        .shadow = (char *)HEAP_SHADOW_BASE,
        .shadow_bytes = heap.used_bytes / HEAP_GRANULE,
    };
}

/* Forgets what the last run cut off. */
static void wipe(void)
{
    uint64_t start = heap_at_start.used_bytes;
    uint64_t keep = start + KEEP_BYTES;

    if (heap.used_bytes < keep)
        keep = heap.used_bytes;
    if (keep != start) /* writing nothing to a page that was never touched takes long */
        memset(shadow_of(start), HEAP_WILD, (keep - start) / HEAP_GRANULE);
    if (heap.used_bytes > keep) {
        /* The shadow's page that `keep` ends in was wiped by hand up to there; the rest is whole.
         */
        madvise((void *)(HEAP_BASE + keep), heap.used_bytes - keep, MADV_DONTNEED);
        madvise(shadow_of(keep), (heap.used_bytes - keep) / HEAP_GRANULE, MADV_DONTNEED);
    }
}

void heap_begin(void)
{
    if (native_is_used()) {
        native_begin();
        return;
    }
    map_once();
    wipe();
    uint32_t classes = heap.free_class_max;
    if (heap_at_start.free_class_max > classes)
        classes = heap_at_start.free_class_max;
    if (classes != 0)
        memcpy((void *)heap.free, (const void *)heap_at_start.free,
               (classes + 1) * sizeof(heap.free[0]));
    bool is_moved = (disturb_bits & DISTURB_HEAP_PLACE) != 0;
    heap.used_bytes = heap_at_start.used_bytes + (is_moved ? DISTURB_HEAP_OFFSET_BYTES : 0);
    heap.fresh_word =
        (disturb_bits & DISTURB_HEAP_BYTES) != 0 ? BLOCK_FRESH_WORD_DISTURBED : BLOCK_FRESH_WORD;
    heap.free_class_max = heap_at_start.free_class_max;
    heap.live_head = heap_at_start.live_head;
    heap.live_tail = heap_at_start.live_tail;
    heap.quarantine_head = heap_at_start.quarantine_head;
    heap.quarantine_tail = heap_at_start.quarantine_tail;
    heap.quarantine_bytes = heap_at_start.quarantine_bytes;
    heap.stats = (struct heap_stats){0};
}

void heap_end(void)
{
    if (native_is_used())
        native_end();
}

/* ---- sizes ---- */

static uint64_t round_up(uint64_t bytes, uint64_t unit)
{
    return (bytes + unit - 1) & ~(unit - 1);
}

/* The class of extents of at least `bytes`, and their size. */
static uint32_t class_of(uint64_t bytes, uint64_t *class_bytes)
{
    if (bytes <= (uint64_t)CLASSES_LINEAR * CLASS_STEP_BYTES) {
        *class_bytes = round_up(bytes, CLASS_STEP_BYTES);
        return (uint32_t)(*class_bytes / CLASS_STEP_BYTES) - 1;
    }
    uint32_t log = 63 - (uint32_t)__builtin_clzll(bytes - 1); /* 2^log < bytes <= 2^(log + 1) */
    uint64_t step = UINT64_C(1) << (log - 2);
    *class_bytes = round_up(bytes, step);
    return CLASSES_LINEAR + (log - 10) * 4 +
           (uint32_t)((*class_bytes - (UINT64_C(1) << log)) / step) - 1;
}

static void fill(void *memory, uint64_t word, size_t size_bytes)
{
    uint64_t *words = memory;

    for (size_t i = 0; i < size_bytes / sizeof(word); i++)
        words[i] = word;
    memcpy((char *)memory + size_bytes / sizeof(word) * sizeof(word), &word,
           size_bytes % sizeof(word));
}

/* ---- blocks ---- */

/* The bytes after the memory, up to the end of its red zone's last checked byte. */
static size_t tail_bytes(const struct block *block)
{
    return round_up(block->size_bytes, HEAP_GRANULE) - block->size_bytes + REDZONE_BYTES;
}

static char *memory_of(const struct block *block)
{
    return (char *)(uintptr_t)(block + 1);
}

static char *extent_of(const struct block *block, uint64_t *bytes)
{
    *bytes = (uint64_t)block->extent_bytes * HEAP_GRANULE;
    return (char *)(uintptr_t)block - block->lead_bytes;
}

static char *cut_extent(uint64_t class_bytes, uint32_t class)
{
    struct block *block = heap.free[class];
    uint64_t bytes;

    if (block != NULL) {
        heap.free[class] = block->next;
        return extent_of(block, &bytes);
    }
    if (class_bytes > HEAP_BYTES - heap.used_bytes)
        return NULL;
    char *extent = (char *)(uintptr_t)(HEAP_BASE + heap.used_bytes);
    heap.used_bytes += class_bytes;
    return extent;
}

static void mark_shadow(const struct block *block, const char *extent, uint64_t extent_bytes)
{
    uint64_t start = offset_of(memory_of(block));
    uint8_t *shadow = shadow_of(start);
    size_t whole = block->size_bytes / HEAP_GRANULE;
    size_t rest = block->size_bytes % HEAP_GRANULE;
    uint64_t after = start + (whole + (rest != 0)) * HEAP_GRANULE;

    if (block->lead_bytes != 0)
        memset(shadow_of(offset_of(extent)), HEAP_REDZONE, block->lead_bytes / HEAP_GRANULE);
    memset(shadow_of(offset_of(block)), HEAP_HEADER, sizeof(*block) / HEAP_GRANULE);
    memset(shadow, HEAP_OPEN, whole);
    if (rest != 0)
        shadow[whole] = (uint8_t)rest;
    memset(shadow_of(after), HEAP_REDZONE,
           (offset_of(extent) + extent_bytes - after) / HEAP_GRANULE);
}

static void link_live(struct block *block)
{
    block->next = NULL;
    block->prev = heap.live_tail;
    if (heap.live_tail != NULL)
        heap.live_tail->next = block;
    else
        heap.live_head = block;
    heap.live_tail = block;
    heap.stats.allocation_count++;
    heap.stats.live_count++;
    heap.stats.live_bytes += block->size_bytes;
}

static void unlink_live(struct block *block)
{
    if (block->prev != NULL)
        block->prev->next = block->next;
    else
        heap.live_head = block->next;
    if (block->next != NULL)
        block->next->prev = block->prev;
    else
        heap.live_tail = block->prev;
    heap.stats.live_count--;
    heap.stats.live_bytes -= block->size_bytes;
}

struct block *block_first_live(void)
{
    return heap.live_head;
}

struct heap_stats heap_stats(void)
{
    return heap.stats;
}

void *heap_take(size_t size_bytes, size_t alignment, bool is_zeroed, const void *pc,
                const void *frame)
{
    uint64_t slack = alignment > HEAP_GRANULE ? alignment - HEAP_GRANULE : 0;
    uint64_t class_bytes;

    if (size_bytes > HEAP_BLOCK_BYTES_MAX || slack > HEAP_BLOCK_BYTES_MAX)
        return NULL;
    uint32_t class =
        class_of(sizeof(struct block) + slack + round_up(size_bytes, HEAP_GRANULE) + REDZONE_BYTES,
                 &class_bytes);
    char *extent = cut_extent(class_bytes, class);
    if (extent == NULL)
        return NULL;
    uintptr_t memory = (uintptr_t)extent + sizeof(struct block);
    if (slack != 0)
        memory = round_up(memory, alignment);
    struct block *block = (struct block *)memory - 1;
    block->size_bytes = size_bytes;
    block->extent_bytes = (uint32_t)(class_bytes / HEAP_GRANULE);
    block->lead_bytes = (uint32_t)((uintptr_t)block - (uintptr_t)extent);
    block->magic = BLOCK_LIVE;
    block->process = heap_is_booting ? NULL : sched_self()->process;
    block_trace_take(&block->allocated, pc, frame);
    link_live(block);
    mark_shadow(block, extent, class_bytes);
    if (is_zeroed)
        memset((void *)memory, 0, size_bytes);
    else
        fill((void *)memory, heap.fresh_word, size_bytes);
    memset((char *)memory + size_bytes, REDZONE_BYTE, tail_bytes(block));
    return (void *)memory;
}

/* The oldest freed blocks may be used again once enough others have been freed after them. */
static void release_quarantine(void)
{
    while (heap.quarantine_bytes > QUARANTINE_BYTES && heap.quarantine_head != NULL) {
        struct block *block = heap.quarantine_head;
        uint64_t extent_bytes;
        uint64_t class_bytes;

        heap.quarantine_head = block->next;
        if (heap.quarantine_head == NULL)
            heap.quarantine_tail = NULL;
        (void)extent_of(block, &extent_bytes);
        heap.quarantine_bytes -= extent_bytes;
        uint32_t class = class_of(extent_bytes, &class_bytes);
        block->next = heap.free[class];
        heap.free[class] = block;
        if (class > heap.free_class_max)
            heap.free_class_max = class;
    }
}

static _Noreturn void fail_block(const struct block *block, const void *pc, const char *what)
{
    char detail[FINDING_DETAIL_BYTES];

    block_explain(block, detail, sizeof(detail));
    finding_fail_detail(FINDING_HEAP_MISUSE, pc, detail, "%s in {pc:%lx}", what, (unsigned long)pc);
}

struct block *heap_block_of(void *memory, const char *what, const void *pc)
{
    uint64_t offset = offset_of(memory);
    struct block *block = (struct block *)memory - 1;
    char title[64];

    if (offset % HEAP_GRANULE == 0 && offset >= sizeof(*block) &&
        *shadow_of(offset - 1) == HEAP_HEADER) {
        if (block->magic == BLOCK_LIVE)
            return block;
        if (block->magic == BLOCK_FREED) {
            (void)snprintf(title, sizeof(title), "double-%s", what);
            fail_block(block, pc, title);
        }
    }
    (void)snprintf(title, sizeof(title), "invalid-%s", what);
    block = block_around(memory);
    if (block != NULL)
        fail_block(block, pc, title);
    finding_fail(FINDING_HEAP_MISUSE, pc, "%s in {pc:%lx}", title, (unsigned long)pc);
}

/* Word by word from the end: a tail has at least two. */
static bool is_redzone(const unsigned char *tail, size_t size_bytes)
{
    const uint64_t whole = UINT64_C(0x0101010101010101) * REDZONE_BYTE;
    uint64_t word;

    for (; size_bytes >= sizeof(word); size_bytes -= sizeof(word)) {
        memcpy(&word, tail + size_bytes - sizeof(word), sizeof(word));
        if (word != whole)
            return false;
    }
    while (size_bytes > 0 && tail[size_bytes - 1] == REDZONE_BYTE)
        size_bytes--;
    return size_bytes == 0;
}

void heap_give(void *memory, const void *pc, const void *frame)
{
    struct block *block = heap_block_of(memory, "free", pc);
    size_t rest = tail_bytes(block);
    const unsigned char *tail = (const unsigned char *)memory + block->size_bytes;

    if (!is_redzone(tail, rest))
        fail_block(block, pc, "heap-buffer-overflow found by free");
    if (race_freed != NULL)
        race_freed(memory, block->size_bytes, pc);
    unlink_live(block);
    block->magic = BLOCK_FREED;
    block_trace_take(&block->freed, pc, frame);
    size_t poison = block->size_bytes < POISON_BYTES_MAX ? block->size_bytes : POISON_BYTES_MAX;
    fill(memory, BLOCK_FREED_WORD, poison);
    memset(shadow_of(offset_of(memory)), HEAP_FREED,
           round_up(block->size_bytes, HEAP_GRANULE) / HEAP_GRANULE);
    block->next = NULL;
    if (heap.quarantine_tail != NULL)
        heap.quarantine_tail->next = block;
    else
        heap.quarantine_head = block;
    heap.quarantine_tail = block;
    heap.quarantine_bytes += (uint64_t)block->extent_bytes * HEAP_GRANULE;
    release_quarantine();
}
