/*
 * sim/sched/sched.c - points, decisions, switches and the run loop; see sched.h.
 *
 * Three places are hopped between: the caller of sched_run, the engine's loop (which gets the world
 * going, goes quiet and jumps the clock; it lives further down the caller's own stack, which is
 * what the sanitizers expect of the OS thread), and each virtual thread's stack. A decision at a
 * point is made on the stack of the thread that stopped there, and goes straight to the thread
 * picked; the engine's stack is entered only when nobody can run.
 */
#include "sim/sched/sched.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/random.h"
#include "sim/sched/crash.h"
#include "sim/sched/internal.h"
#include "sim/vthread/identity.h"

enum {
    ENGINE_STACK_GAP_BYTES = 4096, /* between sched_run's frame and the engine's first */
    ARENA_BYTES = 1 << 30,
    STARVED_STEPS = 1000,
    CLOCK_STREAK_FREE = 16, /* clock reads in a row before time is made to pass faster */
    CLOCK_STREAK_DOUBLINGS_MAX = 20,
};

void __tsan_acquire(void *addr) __attribute__((weak));
void __tsan_release(void *addr) __attribute__((weak));
void AnnotateIgnoreReadsBegin(const char *file, int line) __attribute__((weak));
void AnnotateIgnoreReadsEnd(const char *file, int line) __attribute__((weak));

struct sched sched __attribute__((aligned(CACHE_LINE_BYTES)));
void (*sched_signal_handler)(struct vthread *self);

static const char *const op_words[] = {
#define X(name, word, writes) word,
    OP_KINDS(X)
#undef X
};

const char *op_kind_word(enum op_kind kind)
{
    return op_words[kind];
}

struct arena *sched_arena(void)
{
    return &sched.arena;
}

size_t sched_thread_count(void)
{
    return sched.run.thread_count;
}

struct vthread *sched_thread(size_t index)
{
    return sched.threads[index];
}

void sched_trace_value(uint64_t value)
{
    if (__builtin_expect(sched.is_watched, 0) && sched.spec->trace_value != NULL)
        sched.spec->trace_value(sched.spec->trace_context, value);
    sched_hash(value);
}

void sched_bypass_begin(void)
{
    sched.bypass++;
}

void sched_bypass_end(void)
{
    sched.bypass--;
}

/* ---- decisions ---- */

/* The dull successor: the thread itself, or the next one by number, round and round. */
static struct vthread *pick_dull(const struct vthread *current, const struct vthread *passed_over)
{
    const struct strategy_run *run = &sched.run;
    uint32_t start = 0;

    if (current != NULL) {
        if (current != passed_over && strategy_is_enabled(run, current))
            return sched.threads[current->id];
        start = current->id + 1;
    }
    if (run->thread_count <= 64 && start < 64) {
        uint64_t after = run->enabled[0] >> start << start;
        uint64_t bits = after != 0 ? after : run->enabled[0];
        return bits == 0 ? NULL : sched.threads[__builtin_ctzll(bits)];
    }
    uint32_t words = (run->thread_count + 63) / 64;
    for (uint32_t pass = 0; pass < 2; pass++) {
        uint32_t from = pass == 0 ? start : 0;
        for (uint32_t w = from / 64; w < words; w++) {
            uint64_t bits = run->enabled[w];
            if (w == from / 64)
                bits &= ~UINT64_C(0) << (from % 64);
            if (bits != 0)
                return sched.threads[w * 64 + (uint32_t)__builtin_ctzll(bits)];
        }
    }
    return NULL;
}

static struct vthread *pick_recorded(struct vthread *current, uint32_t who, uint32_t count)
{
    uint32_t wanted = choice_sched_recorded(who, count);

    if (wanted == 0)
        return NULL;
    for (uint32_t i = 0; i < sched.run.thread_count; i++) {
        struct vthread *thread = sched.threads[i];
        if (thread->who == wanted && (thread != current || thread == sched.yielded) &&
            strategy_is_enabled(&sched.run, thread))
            return thread;
    }
    return NULL;
}

/* Whoever yields waits for somebody. If one of those who could run has not for very long, it is the
 * one: without this a strategy that keeps its favourites would make an endless loop of any wait. */
static struct vthread *pick_starved(void)
{
    const struct strategy_run *run = &sched.run;
    struct vthread *oldest = NULL;

    for (uint32_t i = 0; i < run->thread_count; i++) {
        struct vthread *thread = sched.threads[i];
        if (strategy_is_enabled(run, thread) &&
            (oldest == NULL || thread->last_step < oldest->last_step))
            oldest = thread;
    }
    return oldest != NULL && sched.steps - oldest->last_step > STARVED_STEPS ? oldest : NULL;
}

/* For a strategy that sees all: nobody is passed over but by the strategy. What a recording would
 * do without being told is the same as ever. */
static struct vthread *pick_seeing_all(struct vthread *current, uint32_t who, uint32_t count)
{
    struct vthread *dull = pick_dull(current, sched.yielded);
    bool is_certain = sched.yielded == NULL || pick_starved() == NULL;
    struct vthread *picked = sched.strategy->pick(&sched.run, current, dull);

    sched.yielded = NULL;
    if (picked != NULL)
        choice_sched_record(who, count, picked->who, sched.steps, picked == dull && is_certain);
    return picked;
}

/* With a yield, a recording, a strategy that sees all; or in the beginning. */
static __attribute__((noinline)) struct vthread *pick_rarely(struct vthread *current)
{
    struct strategy_run *run = &sched.run;
    struct vthread *yielded = sched.yielded;
    struct vthread *picked;

    uint32_t who = current == NULL ? 0 : current->who;
    uint32_t count = current == NULL ? 0 : current->decision_count++;
    if (__builtin_expect(sched.count_alone == 0, 0))
        return pick_seeing_all(current, who, count);
    struct vthread *recorded =
        sched.strategy == &strategy_recorded ? pick_recorded(current, who, count) : NULL;
    sched.yielded = NULL;
    if (run->enabled_count == 1 && current != NULL && strategy_is_enabled(run, current))
        return current;
    if (run->enabled_count == 1)
        return pick_dull(current, NULL);
    /* A thread that yielded is not asked again while somebody else can run. */
    bool is_passed_over = yielded != NULL && strategy_is_enabled(run, yielded);
    if (is_passed_over)
        sched_disable(yielded);
    struct vthread *dull = pick_dull(current, yielded);
    struct vthread *starved = is_passed_over ? pick_starved() : NULL;
    if (recorded != NULL) {
        picked = recorded;
    } else if (starved != NULL) {
        picked = starved;
    } else {
        run->steps = sched.steps;
        picked = sched.strategy->pick(run, current, dull);
    }
    if (is_passed_over)
        sched_enable(yielded);
    choice_sched_record(who, count, picked->who, sched.steps, picked == dull);
    return picked;
}

static inline __attribute__((always_inline)) struct vthread *pick_next(struct vthread *current)
{
    struct strategy_run *run = &sched.run;

    if (__builtin_expect(!sched.is_pick_plain || sched.yielded != NULL || current == NULL, 0))
        return pick_rarely(current);
    uint32_t count = current->decision_count++;
    struct vthread *dull = strategy_is_enabled(run, current) ? current : pick_dull(current, NULL);
    if (run->enabled_count == 1)
        return dull;
    run->steps = sched.steps;
    struct vthread *picked = sched.strategy->pick(run, current, dull);
    choice_sched_record(current->who, count, picked->who, sched.steps, picked == dull);
    return picked;
}

void sched_watch_step(struct vthread *thread)
{
    if (sched.strategy->stepped != NULL)
        sched.strategy->stepped(&sched.run, thread);
    if (sched.spec->trace != NULL)
        sched.spec->trace(sched.spec->trace_context, thread, &thread->next);
}

void sched_fail_bound(const struct vthread *thread)
{
    if (sched.steps > sched.steps_max)
        finding_fail(FINDING_STEP_BOUND, thread->next.pc, "step-bound: %llu steps",
                     (unsigned long long)sched.steps_max);
    finding_fail(FINDING_TIME_BOUND, thread->next.pc, "time-bound: %llu ms",
                 (unsigned long long)(sched.time_ns_max / 1000000));
}

static __attribute__((noinline)) void run_lane(struct vthread *lane)
{
    struct vthread *owner = sched.self;

    sched.current = lane;
    sched.self = NULL;
    sched.stack_owner = owner;
    sched_account_step(lane);
    lane_step(lane);
    sched.self = owner;
    sched.stack_owner = NULL;
    if (__builtin_expect(sched.is_ending, 0))
        sched_leave_run();
    /* The step killed the thread on whose stack it ran. */
    if (__builtin_expect(owner != NULL && owner->state == VTHREAD_DONE, 0)) {
        sched.last = lane;
        sched_switch_to_engine(owner);
    }
}

/* Who goes on after `current` did a step; runs lanes on the way. NULL when nobody can run. */
static inline __attribute__((always_inline)) struct vthread *decide(struct vthread *current)
{
    for (;;) {
        if (__builtin_expect(sched.now_ns >= sched.next_due_ns, 0))
            timer_collect();
        if (__builtin_expect(sched.run.enabled_count == 0, 0)) {
            sched.last = current;
            return NULL;
        }
        struct vthread *next = pick_next(current);
        if (__builtin_expect(next == NULL, 0)) {
            sched.last = current;
            return NULL;
        }
        if (!next->is_lane)
            return next;
        run_lane(next);
        current = next;
    }
}

/* ---- switching ---- */

/* To be called whenever a thread stops, as it may be for good: what it did comes before the next
 * run, which finds the same memory. Only the engine acquires this, so nothing is ordered within a
 * run. */
static inline void release_to_next_run(void)
{
#ifdef HEDDLE_BUILD_TSAN
    __tsan_release(&sched.zombie);
#endif
}

/* Leaves the stack in use, whose pointer goes to `save`, for that of `next`. */
static inline void switch_to_thread(void **save, struct vthread *next)
{
    sched.current = next;
    sched.self = next;
    sched.switches++;
    identity_switch(save, next->stack_pointer, next->tls_base);
}

void sched_switch_to_engine(struct vthread *from)
{
    sched.current = NULL;
    sched.self = NULL;
    release_to_next_run();
    identity_switch(&from->stack_pointer, sched.engine_stack_pointer, identity_own_tls_base());
}

void sched_reschedule(struct vthread *self)
{
    struct vthread *next = decide(self);

    if (next == self) {
        sched.current = self; /* a lane may have run on the way */
    } else if (__builtin_expect(next != NULL, 1)) {
        release_to_next_run();
        switch_to_thread(&self->stack_pointer, next);
    } else {
        sched_switch_to_engine(self);
    }
}

void sched_leave_run(void)
{
    void *abandoned;

    sched.current = NULL;
    sched.self = NULL;
    release_to_next_run();
    identity_switch(&abandoned, sched.main_stack_pointer,
                    sched.is_on_engine ? IDENTITY_SAME_TLS : identity_own_tls_base());
    __builtin_unreachable();
}

/* ---- points ---- */

/* Reading the clock in a loop is a wait for time to pass: let it pass faster and faster. */
void sched_hurry_clock(struct vthread *self)
{
    if (++self->clock_streak <= CLOCK_STREAK_FREE)
        return;
    uint32_t doublings = self->clock_streak - CLOCK_STREAK_FREE;
    if (doublings > CLOCK_STREAK_DOUBLINGS_MAX)
        doublings = CLOCK_STREAK_DOUBLINGS_MAX;
    /* Also where a step costs nothing, or the wait would be for ever. */
    sched.now_ns += (sched.step_cost_ns == 0 ? 1 : sched.step_cost_ns) << doublings;
}

void sched_point(enum op_kind kind, const void *object, const char *label, const void *pc)
{
    sched_point_inline(kind, object, label, pc);
}

void sched_yield_point(const char *label, const void *pc)
{
    struct vthread *self = sched.self;

    if (self == NULL || sched.bypass != 0)
        return;
    sched.yielded = self;
    sched.strategy->yielded(&sched.run, self);
    sched_point(OP_YIELD, NULL, label, pc);
}

/* ---- the end of virtual threads ---- */

static void end_thread(struct vthread *thread)
{
    sched_disable(thread);
    if (thread->deadline != NULL)
        timer_cancel(thread->deadline);
    if (thread->stall_end != NULL)
        timer_cancel(thread->stall_end);
    if (thread->park_queue != NULL)
        waitq_remove(thread->park_queue, &thread->park_waiter);
    spin_unpark(thread);
    thread->state = VTHREAD_DONE;
}

void sched_exit(void)
{
    struct vthread *self = sched.self;

    end_thread(self);
    /* Not &sched: the end of one thread does not come before the start of the next. */
    if (__tsan_release != NULL)
        __tsan_release(&sched.zombie);
    sched.zombie = self->identity;
    sched.current = NULL;
    sched.self = NULL; /* lanes that run now run on nobody's stack */
    struct vthread *next = sched.is_ending ? NULL : decide(self);
    if (next == NULL) {
        sched_switch_to_engine(self);
    } else {
        /* Given back before it is left: nobody takes it meanwhile. */
        identity_give(sched.zombie, false);
        sched.zombie = NULL;
        switch_to_thread(&self->stack_pointer, next);
    }
    abort(); /* nobody resumes a thread that ended */
}

void sched_kill_process(struct process *process)
{
    struct vthread *owner = sched.self != NULL ? sched.self : sched.stack_owner;
    bool is_own = false;

    for (uint32_t i = 0; i < sched.run.thread_count; i++) {
        struct vthread *thread = sched.threads[i];
        if (thread->process != process || thread->is_lane || thread->state == VTHREAD_DONE)
            continue;
        end_thread(thread);
        if (thread == owner)
            is_own = true;
        else
            identity_give(thread->identity, true);
    }
    if (!is_own)
        return;
    sched.zombie = owner->identity;
    sched.zombie_is_abandoned = true;
    if (sched.current == owner) {
        sched.last = owner;
        sched_switch_to_engine(owner);
        abort();
    }
    /* A lane's step on that stack: run_lane leaves it. */
}

/* ---- a run ---- */

/* Nobody can run: spinners try again, then the world looks, then the clock jumps. False at the end.
 */
static bool go_on_from_quiet(void)
{
    if (spin_retry_all())
        return true;
    if (!sched.spec->quiet(sched.spec->context, sched.next_due_ns) || sched.is_ending)
        return false;
    if (sched.run.enabled_count != 0)
        return true;
    if (sched.next_due_ns == TIME_NEVER)
        return false;
    if (sched.next_due_ns > sched.now_ns)
        sched.now_ns = sched.next_due_ns;
    return true;
}

static void engine_main(void *arg)
{
    (void)arg;
    sched.is_on_engine = true;
    sched.spec->start(sched.spec->context);
    while (!sched.is_ending) {
        if (sched.zombie != NULL) {
            struct identity *zombie = sched.zombie;
            sched.zombie = NULL;
            identity_give(zombie, sched.zombie_is_abandoned);
            sched.zombie_is_abandoned = false;
        }
        struct vthread *next = decide(sched.last);
        if (next == NULL) {
            sched.current = NULL;
            if (!go_on_from_quiet())
                break;
            continue;
        }
        sched.is_on_engine = false;
        switch_to_thread(&sched.engine_stack_pointer, next);
        sched.is_on_engine = true;
    }
    sched_leave_run();
}

static void begin_run(const struct run_spec *spec)
{
    arena_reset(&sched.arena);
    /* A run may have been left in the middle of such a part. */
    sched.bypass = 0;
    sched.spec = spec;
    sched.current = NULL;
    sched.self = NULL;
    sched.last = NULL;
    sched.names_seen = 0;
    sched.steps = 0;
    sched.switches = 0;
    sched.sequence = 0;
    sched.now_ns = 0;
    sched.hash = 0;
    sched.is_ending = false;
    sched.yielded = NULL;
    sched.spin_parked = NULL;
    sched.zombie = NULL;
    sched.zombie_is_abandoned = false;
    sched.stack_owner = NULL;
    sched.steps_max = spec->steps_max == 0 ? UINT64_MAX : spec->steps_max;
    sched.time_ns_max = spec->time_ns_max == 0 ? UINT64_MAX : spec->time_ns_max;
    sched.step_cost_ns = spec->step_cost_ns;
    sched.finding.kind = FINDING_NONE;
    sched.finding.title[0] = '\0';
    sched.finding.detail[0] = '\0';
    timer_reset();

    static const struct strategy_spec dull = {.ops = &strategy_dull};
    struct strategy_run *run = &sched.run;
    run->spec = spec->strategy == NULL ? &dull : spec->strategy;
    memset(run->enabled, 0, sizeof(run->enabled));
    run->enabled_count = 0;
    run->thread_count = 0;
    run->threads = sched.threads;
    run->steps = 0;
    run->base_steps = spec->base_steps;
    sched.strategy = run->spec->ops;
    sched.count_alone = sched.strategy->sees_all ? 0 : 1;
    sched.is_pick_plain = !sched.strategy->sees_all && sched.strategy != &strategy_recorded;
    sched.is_watched =
        spec->trace != NULL || spec->trace_value != NULL || sched.strategy->stepped != NULL;
    choice_begin(&spec->source);
    if (choice_clock_is_still())
        sched.step_cost_ns = 0;
    sched.strategy->begin(run);
    sched.clock_lane = sched_lane_new("clock");
}

/* Stacks in the middle of something are abandoned with their run. */
static void take_back_identities(void)
{
    if (sched.zombie != NULL)
        identity_give(sched.zombie, sched.zombie_is_abandoned);
    sched.zombie = NULL;
    for (uint32_t i = 0; i < sched.run.thread_count; i++) {
        struct vthread *thread = sched.threads[i];
        if (!thread->is_lane && thread->state != VTHREAD_DONE)
            identity_give(thread->identity, thread->next.kind != OP_START || thread->steps != 0);
    }
}

void (*sched_run_instead)(const struct run_spec *spec, struct run_result *result);

__attribute__((noinline)) void sched_run(const struct run_spec *spec, struct run_result *result)
{
    if (__builtin_expect(sched_run_instead != NULL, 0)) {
        sched_run_instead(spec, result);
        return;
    }
    begin_run(spec);
    if (__tsan_release != NULL)
        __tsan_release(&sched);
    /* Oracles look at everything from here while every thread stands still: not a race. */
    if (AnnotateIgnoreReadsBegin != NULL)
        AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    crash_arm();
    sched.is_running = true;
    void *engine = identity_prepare_stack(
        (char *)__builtin_frame_address(0) - ENGINE_STACK_GAP_BYTES, engine_main, NULL);
    identity_switch(&sched.main_stack_pointer, engine, IDENTITY_SAME_TLS);
    sched.is_running = false;
    sched.current = NULL;
    sched.self = NULL;
    if (__tsan_acquire != NULL)
        __tsan_acquire(&sched.zombie);
    if (spec->finish != NULL)
        spec->finish(spec->context);
    if (AnnotateIgnoreReadsEnd != NULL)
        AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
    take_back_identities();
    /* Most runs find nothing, and a finding is large. */
    if (sched.finding.kind != FINDING_NONE) {
        result->finding = sched.finding;
    } else {
        result->finding.kind = FINDING_NONE;
        result->finding.title[0] = '\0';
        result->finding.detail[0] = '\0';
    }
    result->steps = sched.steps;
    result->switches = sched.switches;
    result->time_ns = sched.now_ns;
    result->trace_hash = random_mix(sched.hash);
}

void sched_init(void)
{
    if (sched.arena.base != NULL)
        return;
    arena_init(&sched.arena, ARENA_BYTES);
    identity_init();
    crash_init();
}
