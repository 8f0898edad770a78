/*
 * sim/sched/internal.h - what the scheduler's own files share. Nobody else includes it but those
 * who are asked at each atomic, lock or memory access: sim/race, and two files of sim/posix.
 *
 * Threads: none, the engine runs on one.
 */
#ifndef SIM_SCHED_INTERNAL_H
#define SIM_SCHED_INTERNAL_H

#include "sim/sched/sched.h"
#include "sim/sched/strategy.h"

enum { SPIN_WINDOW = 8, SPIN_GRANT_MAX = 4096, SPIN_ROUNDS = 3 };

enum { CACHE_LINE_BYTES = 64 };

/* One read that changed nothing, in a thread's window since it last got something done. */
struct spin_read {
    const volatile void *address;
    const void *pc;
    const char *label; /* the place in the source; NULL: the code does not say, `pc` is it */
    uint64_t value;
    uint32_t repeats;
};

/* D7, per thread; how many reads are in the window is vthread.spin_reads. `grant` is how many more
 * times the thread may repeat a window before it is parked: doubled each time everybody waits for
 * it, so that a bounded wait ends and an endless one is told apart from it in a bounded number of
 * steps. */
struct spin {
    struct vthread *thread;
    struct spin *next_parked;
    uint32_t grant;
    bool is_parked;
    uint64_t signatures; /* a byte of each read's address, the first read's lowest */
    struct spin_read reads[SPIN_WINDOW];
};

struct sched {
    /* Hot. The first members are those of struct sched_head. */
    union {
        struct sched_head head;
        struct {
            struct vthread *current;
            struct vthread *self;
            uint64_t steps;
            uint64_t now_ns;
            uint32_t bypass;
            uint32_t count_alone; /* of enabled threads that need no decision: 1, or 0 for who sees
                                   * all */
            bool is_ending;
            bool is_watched;    /* somebody follows every step */
            bool is_pick_plain; /* the strategy is asked, and nobody else */
            bool is_on_engine;  /* it is the engine's own stack that is in use */
            bool is_running;
            bool zombie_is_abandoned;
        };
    };
    uint64_t next_due_ns; /* of the heap's top; TIME_NEVER when empty */
    uint64_t hash;
    uint64_t step_cost_ns;
    uint64_t steps_max;
    uint64_t time_ns_max;
    const struct strategy_ops *strategy;
    struct vthread *yielded; /* to be passed over at the next decision if anybody else can run */
    struct spin *spin_parked;
    uint64_t switches;
    struct strategy_run run;

    struct vthread *threads[VTHREADS_MAX];
    struct vthread *last; /* who made the last step: the "current" of a decision on the engine */
    struct vthread *stack_owner; /* during a lane's step: on whose stack, or NULL */
    struct vthread *clock_lane;
    struct identity *zombie; /* its thread ended; still to be given back */
    uint64_t names_seen;     /* bit set over the low bits of every `who` */
    uint64_t sequence;

    struct timer **heap; /* 1-based */
    uint32_t heap_count;
    uint32_t heap_capacity;

    const struct run_spec *spec;
    struct finding finding;
    struct arena arena;
    void *main_stack_pointer;
    void *engine_stack_pointer;
};

static inline void sched_enable(struct vthread *thread)
{
    if (__builtin_expect(thread->is_stalled, 0))
        return;
    uint64_t bit = UINT64_C(1) << (thread->id & 63);
    uint64_t *word = &sched.run.enabled[thread->id >> 6];
    sched.run.enabled_count += (*word & bit) == 0;
    *word |= bit;
}

static inline void sched_disable(struct vthread *thread)
{
    uint64_t bit = UINT64_C(1) << (thread->id & 63);
    uint64_t *word = &sched.run.enabled[thread->id >> 6];
    sched.run.enabled_count -= (*word & bit) != 0;
    *word &= ~bit;
}

static inline bool strategy_is_enabled(const struct strategy_run *run, const struct vthread *thread)
{
    return (run->enabled[thread->id >> 6] >> (thread->id & 63) & 1) != 0;
}

static inline void sched_hash(uint64_t value)
{
    uint64_t mixed = (sched.hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    sched.hash = mixed ^ (mixed >> 29);
}

/* Moves every due timer to its lane and enables the lane. */
void timer_collect(void);
/* One step of `lane`: fires its first due timer. */
void lane_step(struct vthread *lane);
void timer_reset(void);
/* Whether `timer` is the deadline of a park; its context is the thread then. */
bool sched_is_deadline(const struct timer *timer);

/* Forgets a thread's window: it got something done. */
static inline void spin_progress(struct vthread *thread)
{
    thread->spin_reads = 0;
}
/* A read at the thread's point found `value`: another one, or more of the same. */
void spin_note_read(struct vthread *self, const volatile void *address, uint64_t value);
/* Somebody changed what is at `address`. */
void spin_wake(const volatile void *address);
/* Everybody waits: lets parked spinners try again. True when any may. */
bool spin_retry_all(void);
void spin_new(struct vthread *thread, struct spin *spin);
void spin_unpark(struct vthread *thread); /* bookkeeping when it is woken or killed */

/* Goes to the engine's stack for good (the caller's stack is abandoned) or until resumed. */
void sched_switch_to_engine(struct vthread *from);
_Noreturn void sched_leave_run(void);

/* On a virtual thread: lets the strategy's pick go on; returns when the caller is picked again. */
void sched_reschedule(struct vthread *self);

/* ---- a point ---- */

/* The rare parts of what follows. */
void sched_hurry_clock(struct vthread *self);
void sched_watch_step(struct vthread *thread);
_Noreturn void sched_fail_bound(const struct vthread *thread);

/* The step that `thread` announced happens now. */
static inline void sched_account_step(struct vthread *thread)
{
    thread->steps++;
    thread->last_step = ++sched.steps;
    /* A plain access takes no time: with memory points a scenario's times mean the same. */
    sched.now_ns += thread->next.kind < OP_READ_MEM ? sched.step_cost_ns : 0;
    sched_hash((uint64_t)thread->id << 8 | thread->next.kind);
    if (__builtin_expect(sched.is_watched, 0))
        sched_watch_step(thread);
    if (__builtin_expect(sched.steps > sched.steps_max || sched.now_ns > sched.time_ns_max, 0))
        sched_fail_bound(thread);
}

/* The caller was picked: it goes on. */
static inline void sched_after_point(struct vthread *self)
{
    if (__builtin_expect(sched.is_ending, 0))
        sched_leave_run();
    sched_account_step(self);
    if (__builtin_expect(self->has_pending_signal, 0) && sched_signal_handler != NULL)
        sched_signal_handler(self);
}

/* Whether announcing `kind` shows that a thread does not spin. */
static inline bool op_is_progress(enum op_kind kind)
{
    const uint32_t waits = 1U << OP_CLOCK | 1U << OP_TRY_LOCK | 1U << OP_YIELD | 1U << OP_READ_MEM |
                           1U << OP_WRITE_MEM;
    return kind >= OP_LOCK && (waits >> kind & 1) == 0;
}

/* sched_point(), inlined for those who are asked at every atomic and every lock. */
static inline __attribute__((always_inline)) void
sched_point_inline(enum op_kind kind, const void *object, const char *label, const void *pc)
{
    struct vthread *self = sched.self;

    if (__builtin_expect(self == NULL || sched.bypass != 0, 0))
        return;
    self->next = (struct op){.kind = kind, .object = object, .label = label, .pc = pc};
    if (__builtin_expect(kind == OP_CLOCK, 0))
        sched_hurry_clock(self);
    else
        self->clock_streak = 0;
    if (op_is_progress(kind))
        spin_progress(self);
    /* Alone and nothing due: the decision is made before it is asked. */
    if (sched.run.enabled_count == sched.count_alone && sched.now_ns < sched.next_due_ns) {
        self->decision_count++;
        sched.yielded = NULL;
    } else {
        sched_reschedule(self);
    }
    sched_after_point(self);
}

/* sched_memory_result(), likewise. */
static inline __attribute__((always_inline)) void
sched_memory_result_inline(const volatile void *address, uint64_t found, uint64_t left)
{
    struct vthread *self = sched.self;

    if (found != left) {
        if (__builtin_expect(sched.spin_parked != NULL, 0))
            spin_wake(address);
        if (self != NULL)
            spin_progress(self);
    } else if (self != NULL && self->next.kind != OP_STORE) {
        spin_note_read(self, address, found);
    }
}

#endif
