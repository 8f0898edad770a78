/*
 * sim/sched/internal.h - what the scheduler's own files share. Nobody else includes it but
 * sim/race, which asks who runs at each memory access.
 *
 * Threads: none, the engine runs on one.
 */
#ifndef SIM_SCHED_INTERNAL_H
#define SIM_SCHED_INTERNAL_H

#include "sim/sched/sched.h"
#include "sim/sched/strategy.h"

enum { SPIN_WINDOW = 8, SPIN_GRANT_MAX = 4096, SPIN_ROUNDS = 3 };

/* One read that changed nothing, in a thread's window since it last got something done. */
struct spin_read {
    const volatile void *address;
    const void *pc;
    const char *label; /* the place in the source; NULL: the code does not say, `pc` is it */
    uint64_t value;
    uint32_t repeats;
};

/* D7, per thread. `grant` is how many more times the thread may repeat a window before it is
 * parked: doubled each time everybody waits for it, so that a bounded wait ends and an endless one
 * is told apart from it in a bounded number of steps. */
struct spin {
    struct spin_read reads[SPIN_WINDOW];
    uint32_t read_count;
    uint32_t grant;
    bool is_parked;
    struct spin *next_parked;
    struct vthread *thread;
};

struct sched {
    /* Hot. */
    struct vthread *current;
    struct vthread *self; /* current, when it is a virtual thread in code under test */
    uint64_t steps;
    uint64_t steps_max;
    uint64_t now_ns;
    uint64_t next_due_ns; /* of the heap's top; TIME_NEVER when empty */
    uint64_t step_cost_ns;
    uint64_t hash;
    bool is_ending;
    struct vthread *stack_owner; /* whose stack is in use; NULL on the engine's */
    uint32_t bypass;             /* >0: wrapped calls go to the real system */
    const struct strategy_ops *strategy;
    uint32_t count_alone; /* of enabled threads that need no decision: 1, or 0 for who sees all */
    struct vthread *yielded; /* to be passed over at the next decision if anybody else can run */
    struct spin *spin_parked;
    struct strategy_run run;

    struct vthread *threads[VTHREADS_MAX];
    struct vthread *last; /* who made the last step: the "current" of a decision on the engine */
    struct vthread *clock_lane;
    struct identity *zombie; /* its thread ended; still to be given back */
    bool zombie_is_abandoned;
    uint64_t switches;
    uint64_t sequence;
    uint64_t time_ns_max;

    struct timer **heap; /* 1-based */
    uint32_t heap_count;
    uint32_t heap_capacity;

    const struct run_spec *spec;
    struct finding finding;
    struct arena arena;
    void *main_stack_pointer;
    void *engine_stack_pointer;
    bool is_running;
};

extern struct sched sched;

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
    thread->spin->read_count = 0;
}
/* Everybody waits: lets parked spinners try again. True when any may. */
bool spin_retry_all(void);
void spin_new(struct vthread *thread);
void spin_unpark(struct vthread *thread); /* bookkeeping when it is woken or killed */

/* Goes to the engine's stack for good (the caller's stack is abandoned) or until resumed. */
void sched_switch_to_engine(struct vthread *from);
_Noreturn void sched_leave_run(void);

/* Who goes on after `current` did a step; runs lanes on the way. NULL when nobody can run. */
struct vthread *sched_decide(struct vthread *current);
/* On a virtual thread: lets the strategy's pick go on; returns when the caller is picked again. */
void sched_reschedule(struct vthread *self);

#endif
