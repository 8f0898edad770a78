/*
 * sim/memory/block.h - blocks of the run's heap; between heap.c and the reports about it.
 *
 * Threads: none, the engine runs on one.
 */
#ifndef SIM_MEMORY_BLOCK_H
#define SIM_MEMORY_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/memory/heap.h"

struct process;

/* Who did something to a block, and where: frames of the code under test, innermost first. */
struct block_trace {
    const void *pcs[HEAP_FRAMES];
    const char *thread_name; /* lives as long as the run */
};

/* Lies right before the memory it is about. */
struct block {
    struct block *prev; /* living blocks, in order of allocation */
    struct block *next; /* the same; or the next in quarantine or of its size's free list */
    struct process *process;
    size_t size_bytes;
    uint32_t extent_bytes; /* of the whole: from `lead_bytes` before this to the next one's */
    uint32_t lead_bytes;   /* before this header, for alignment */
    uint32_t magic;
    uint32_t reach_round; /* the last search for leaks that reached it */
    struct block_trace allocated;
    union {
        struct block_trace freed;
        struct block *reached_next; /* while living, in a search for leaks */
    };
};
_Static_assert(sizeof(struct block) % HEAP_GRANULE == 0, "blocks are aligned");

enum block_state { BLOCK_LIVE = 0x11bb, BLOCK_FREED = 0xdead };

/* Words that freed and fresh memory is filled with. As pointers they lead to where nothing is
 * mapped, so that a crash tells which of the two it followed. */
#define BLOCK_FREED_WORD UINT64_C(0x00003ddddddddddd)
#define BLOCK_FRESH_WORD UINT64_C(0x00003bebebebebeb)
#define BLOCK_FRESH_WORD_DISTURBED (~BLOCK_FRESH_WORD) /* no bit is the same */

/* The frames that called `pc`'s function, by frame pointers: `frame` is the wrapped call's own. */
void block_trace_take(struct block_trace *trace, const void *pc, const void *frame);

/* The block whose memory or red zone holds `address`; NULL when there is none. */
struct block *block_around(const volatile void *address);

struct block *block_first_live(void);

/* ---- taking and giving; on a virtual thread ---- */

/* NULL when there is no room for that. `alignment` is a power of two. */
void *heap_take(size_t size_bytes, size_t alignment, bool is_zeroed, const void *pc,
                const void *frame);
void heap_give(void *memory, const void *pc, const void *frame);
/* The living block that starts at `memory`; fails the run when there is none ("double-WHAT",
 * "invalid-WHAT"). */
struct block *heap_block_of(void *memory, const char *what, const void *pc);

/* `memory`, which is not the heap's, is given to `what` ("free"): fails the run when it cannot be
 * the C library's either ("invalid-WHAT"). */
void block_check_stray(const void *memory, const char *what, const void *pc);

/* "allocated by THREAD in {pc} < {pc}" and the like, one line each. */
void block_explain(const struct block *block, char *out, size_t out_bytes);

#endif
