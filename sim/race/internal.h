/*
 * sim/race/internal.h - what the files of sim/race share; nobody else includes it.
 *
 * An access is remembered as one word, a record:
 *
 *     63..56  thread (struct race_thread.number)
 *     55..32  that thread's clock then
 *     31..10  call stack (callstack.h)
 *      9..8   kind: 8 written, 9 atomic
 *      7..0   which of the cell's bytes
 *
 * A record whose clock is not above race.base is of an earlier run: the slot is free.
 *
 * Threads: none, the engine runs on one.
 */
#ifndef SIM_RACE_INTERNAL_H
#define SIM_RACE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/race/callstack.h"
#include "sim/race/race.h"
#include "sim/race/vclock.h"
#include "sim/sched/internal.h"

#define RACE_PC __builtin_return_address(0)

enum { RACE_THREADS_MAX = 256, RACE_CLOCK_MAX = (1 << 24) - 1 };

enum { KIND_READ = 0, KIND_WRITE = 1, KIND_ATOMIC = 2, KIND_COUNT = 4 };

enum {
    RECORD_KIND_SHIFT = 8,
    RECORD_STACK_SHIFT = 10,
    RECORD_CLOCK_SHIFT = 32,
    RECORD_THREAD_SHIFT = 56,
};

static inline uint32_t record_mask(uint64_t record)
{
    return (uint8_t)record;
}

static inline unsigned record_kind(uint64_t record)
{
    return record >> RECORD_KIND_SHIFT & 3;
}

static inline uint32_t record_stack(uint64_t record)
{
    return (uint32_t)record >> RECORD_STACK_SHIFT;
}

static inline uint32_t record_clock(uint64_t record)
{
    return (uint32_t)(record >> RECORD_CLOCK_SHIFT) & RACE_CLOCK_MAX;
}

static inline uint32_t record_thread(uint64_t record)
{
    return (uint32_t)(record >> RECORD_THREAD_SHIFT);
}

/* Whatever would race with an access of kind `b` would race with one of kind `a` too. */
static inline bool kind_covers(unsigned a, unsigned b)
{
    /* [a] is the set of b. A plain write clashes with all; an atomic write with what is plain; a
     * plain read with writes; an atomic read with plain writes. */
    static const uint8_t covers[KIND_COUNT] = {
        [KIND_READ] = 1 << KIND_READ | 1 << KIND_ATOMIC,
        [KIND_WRITE] = 0xf,
        [KIND_ATOMIC] = 1 << KIND_ATOMIC,
        [KIND_ATOMIC | KIND_WRITE] = 1 << KIND_ATOMIC | 1 << (KIND_ATOMIC | KIND_WRITE),
    };

    return (covers[a] >> b & 1) != 0;
}

static inline bool kinds_clash(unsigned a, unsigned b)
{
    return ((a | b) & KIND_WRITE) != 0 && (a & b & KIND_ATOMIC) == 0;
}

/* ---- threads ---- */

/* A call that has not returned. */
struct race_frame {
    const void *pc; /* return address in the caller */
    uintptr_t stack_pointer;
    uint32_t stack; /* callstack number of this and all below; 0: not asked for yet */
};

enum { FRAMES_FIRST = 16, FRAMES_MAX = 1024 };

struct race_thread {
    uint64_t epoch; /* thread and clock of its records */
    struct vclock clock;
    struct race_frame *frames;
    uint32_t depth; /* may be beyond FRAMES_MAX; what is beyond is not kept */
    uint32_t capacity;
    uint32_t ignore; /* >0: plain accesses do not count */
    uint32_t number;
    uintptr_t stack_bottom; /* of the borrowed stack */
    uintptr_t stack_low;    /* how far down it was used */

    struct vclock pending; /* what relaxed loads saw, for an acquire fence */
    struct vclock fenced;  /* the clock at the last release fence */
    bool has_pending;
    bool has_fenced;

    struct vthread *thread;
};

struct race {
    uint32_t base;      /* clocks up to here are of earlier runs */
    uint32_t clock_max; /* the highest given so far */
    uint32_t run;       /* number of this run */
    bool has_points;
    bool has_atomic_points;
    bool is_keep_going;
    uint32_t seen_count; /* threads of the run when `is_alone` was found out */
    bool is_alone;
    uint32_t thread_count;
    struct race_thread *threads[RACE_THREADS_MAX];
};
extern struct race race;

/* First callback on a virtual thread: makes its clock, and begins a new run if this is one. */
struct race_thread *race_attach(struct vthread *thread);
/* A thread of execution with a number and a clock. */
struct race_thread *race_thread_new(struct vthread *thread);

/* The code under test that is running, or NULL. */
static inline struct race_thread *race_current(void)
{
    struct vthread *thread = sched.self;

    if (__builtin_expect(thread == NULL, 0))
        return NULL;
    struct race_thread *current = thread->race;
    return __builtin_expect(current != NULL, 1) ? current : race_attach(thread);
}

/* `address` is or was in use. */
static inline void race_note_stack(struct race_thread *self, uintptr_t address)
{
    if (address - self->stack_bottom < self->stack_low - self->stack_bottom)
        self->stack_low = address;
}

/* The thread's clock goes on: what it does from here is not part of what it has given out. */
void race_tick(struct race_thread *self);

/* The number of the call stack that ends in `pc`. */
uint32_t race_stack(struct race_thread *self, const void *pc);

/* ---- accesses ---- */

/* sim/memory/heap.h; NULL where it is not linked. */
void heap_check(const volatile void *address, size_t size_bytes, bool is_write, const void *pc)
    __attribute__((weak));
void heap_check_range(const volatile void *address, size_t size_bytes, bool is_write,
                      const void *pc) __attribute__((weak));
void heap_describe(const volatile void *address, char *out, size_t out_bytes) __attribute__((weak));

/* Ends the run when the access is to memory of its heap that it does not own. */
static inline void race_check_heap(const volatile void *address, size_t size_bytes, bool is_write,
                                   const void *pc)
{
    if (heap_check == NULL)
        return;
    if (size_bytes <= 16)
        heap_check(address, size_bytes, is_write, pc);
    else
        heap_check_range(address, size_bytes, is_write, pc);
}

/* Checks and notes an access of any size and alignment. */
void race_access(struct race_thread *self, uintptr_t address, size_t size_bytes, unsigned kind,
                 const void *pc);

/* Ends the run, or collects the race and returns. `earlier` is the record that it clashes with,
 * `now` that of this access, both in the cell at `address`. `what` names an access that is none
 * ("free"), or NULL. */
void race_report(struct race_thread *self, uintptr_t address, uint64_t earlier, uint64_t now,
                 const char *what, const void *pc);

/* Races there are known and harmless, says the program: they are not reported in this run. */
void race_benign_add(uintptr_t address, size_t size_bytes);
/* A new run: no such place is known. */
void race_benign_begin(void);

/* ---- synchronisation ---- */

/* C11 orders as the compiler passes them. */
enum { ORDER_RELAXED, ORDER_CONSUME, ORDER_ACQUIRE, ORDER_RELEASE, ORDER_ACQ_REL, ORDER_SEQ_CST };

/* A new run: forgets every object. */
void race_order_begin(void);
/* `self` comes after / before. */
void race_acquire(struct race_thread *self, const volatile void *object);
void race_release(struct race_thread *self, const volatile void *object);

/* What an atomic operation of `order` on `address` orders. A failed exchange is a load. */
void race_order_load(struct race_thread *self, const volatile void *address, int order);
void race_order_store(struct race_thread *self, const volatile void *address, int order);
void race_order_rmw(struct race_thread *self, const volatile void *address, int order);
void race_order_fence(struct race_thread *self, int order);

#endif
