/*
 * sim/memory/heap.h - the heap of a run: malloc and free of the code under test.
 *
 * Blocks lie at fixed addresses, so that a run does not depend on where the system puts things. A
 * shadow byte for each 16 bytes says what may be touched; the red zones around a block and the long
 * time that freed blocks stay out of use make misuse show. All is forgotten at the end of the run,
 * at the cost of what it touched.
 *
 * In a program linked with ASan or TSan the sanitizer's own malloc serves instead, because it knows
 * more; blocks that the run leaves behind are then freed one by one.
 *
 * Owner: the process.  Threads: none, the engine runs on one.
 */
#ifndef SIM_MEMORY_HEAP_H
#define SIM_MEMORY_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct process;

/* Where blocks and their shadow lie. Nothing else of a Linux process is near. */
#define HEAP_BASE UINT64_C(0x100000000000)
#define HEAP_BYTES (UINT64_C(1) << 35)
#define HEAP_BLOCK_BYTES_MAX (UINT64_C(1) << 30)
#define HEAP_SHADOW_BASE (HEAP_BASE + (UINT64_C(1) << 36))

enum { HEAP_GRANULE = 16, HEAP_FRAMES = 8 };

/* Shadow of a granule: how many of its first bytes may be touched, or why none. */
enum {
    HEAP_WILD = 0, /* never handed out in this run */
    HEAP_OPEN = HEAP_GRANULE,
    HEAP_REDZONE = 0x80,
    HEAP_HEADER = 0x81,
    HEAP_FREED = 0x82,
};

extern bool heap_has_shadow; /* false until the first run, and with a sanitizer's malloc */

/* ---- for the run ---- */

void heap_begin(void);
/* Frees what a sanitizer's malloc still has. */
void heap_end(void);

/* ---- for a program that is started again and again in one process ---- */

extern bool heap_is_booting; /* private to sim/memory */

/* What the program allocates before its main() comes from the same heap: from here on, until
 * heap_boot_end(). Before anything is allocated; no sanitizer's malloc may be linked. */
void heap_boot_begin(void);

/* What is allocated now is there at the start of every run: heap_begin() goes back to it, but for
 * the bytes of the blocks and of their shadow. These are the caller's to keep and put back; the
 * ranges, whole pages, are empty when nothing was allocated. */
struct heap_kept {
    char *blocks;
    size_t blocks_bytes;
    char *shadow;
    size_t shadow_bytes;
};
void heap_boot_end(struct heap_kept *kept);

static inline bool heap_contains(const volatile void *address)
{
    return heap_has_shadow && (uint64_t)(uintptr_t)address - HEAP_BASE < HEAP_BYTES;
}

/* ---- checks ---- */

/* Fails the run: the access is not to a living block. */
_Noreturn void heap_fail(const volatile void *address, size_t size_bytes, bool is_write,
                         const void *pc);

/* Code under test touches `size_bytes` (1..16, not across a granule) at `address`. Ends the run
 * with a finding when that is memory of the run's heap which it does not own. */
static inline void heap_check_small(const volatile void *address, size_t size_bytes, bool is_write,
                                    const void *pc)
{
    uint64_t offset = (uint64_t)(uintptr_t)address - HEAP_BASE;

    if (__builtin_expect(offset < HEAP_BYTES, 0) && heap_has_shadow) {
        uint8_t shadow = ((const uint8_t *)HEAP_SHADOW_BASE)[offset / HEAP_GRANULE];
        if (__builtin_expect(shadow != HEAP_OPEN, 0) &&
            (shadow > HEAP_OPEN || offset % HEAP_GRANULE + size_bytes > shadow))
            heap_fail(address, size_bytes, is_write, pc);
    }
}

/* The same for an object of any size: its first and last bytes. */
inline void heap_check(const volatile void *address, size_t size_bytes, bool is_write,
                       const void *pc)
{
    heap_check_small(address, 1, is_write, pc);
    if (__builtin_constant_p(size_bytes) && size_bytes == 1)
        return;
    heap_check_small((const volatile char *)address + size_bytes - 1, 1, is_write, pc);
}

/* The same for every byte of a range of any size. */
void heap_check_range(const volatile void *address, size_t size_bytes, bool is_write,
                      const void *pc);

/* With a sanitizer's malloc: who called free last, for its reports. */
extern const void *native_free_pc;

/* ---- reports ---- */

/* What an address is, for a crash report: "poisoned pointer: freed memory", "16 bytes into a freed
 * block of 64 bytes". Empty text when there is nothing to say. */
void heap_describe(const volatile void *address, char *out, size_t out_bytes);

/* Blocks that `process` (NULL: anybody) allocated and did not free: "2 blocks of 192 bytes
 * allocated in {pc:HEX}", sites in order of their counts, into `text`. Returns how many blocks. */
size_t heap_leaks(const struct process *process, char *text, size_t text_bytes);

/* The same of blocks that nobody can reach: first heap_reach_begin(), then heap_reach() for every
 * range of memory where the program may have pointers; what these lead to is followed. Answers are
 * good until the heap changes. */
void heap_reach_begin(void);
void heap_reach(const void *start, size_t size_bytes);
size_t heap_leaks_unreachable(const struct process *process, char *text, size_t text_bytes);

struct heap_stats {
    uint64_t allocation_count;
    uint64_t live_count;
    uint64_t live_bytes;
};
struct heap_stats heap_stats(void);

#endif
