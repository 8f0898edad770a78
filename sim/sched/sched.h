/*
 * sim/sched/sched.h - the scheduler: one OS thread hops between virtual threads, point by point.
 *
 * A point is the only place where another thread can come to run. A thread announces its next
 * operation with sched_point() *before* doing it; the strategy then picks who goes on, knowing what
 * every thread is about to do. Between two points a thread runs alone, so the code of the simulator
 * called after a point (a lock model, a kernel call) is atomic and needs no lock.
 *
 * Time is virtual: each step costs `step_cost_ns`, and when nobody can run the clock jumps to the
 * next due timer. Nothing here reads a real clock.
 *
 * There is one scheduler in the process, because the code under test calls into it from anywhere;
 * it is reset between runs.
 *
 * Threads: one OS thread; each function says whether it is called on a virtual thread, from a lane,
 * or between runs.
 */
#ifndef SIM_SCHED_SCHED_H
#define SIM_SCHED_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/arena.h"
#include "sim/sched/vthread.h"

#define TIME_NEVER UINT64_MAX

/* ---- the running thread ---- */

/* private: what struct sched begins with, for the functions below: they are asked at each wrapped
 * call. */
struct sched_head {
    struct vthread *current;
    struct vthread *self; /* current, when it is a virtual thread in code under test */
    uint64_t steps;
    uint64_t now_ns;
    uint32_t bypass; /* >0: wrapped calls go to the real system */
};
extern struct sched sched;

static inline const struct sched_head *sched_head(void)
{
    return (const struct sched_head *)(const void *)&sched;
}

/* The virtual thread whose code is running, the lane that is stepping, or NULL outside a run. */
static inline struct vthread *sched_self(void)
{
    return sched_head()->current;
}

/* True when the caller is code under test on a virtual thread: the wrapped calls are simulated then
 * and go to the real system otherwise. */
static inline bool sched_is_simulated(void)
{
    return sched_head()->self != NULL && sched_head()->bypass == 0;
}

/* Between these, calls made on a virtual thread reach the real system: for the simulator's own
 * needs in the middle of a simulated call. They nest. */
void sched_bypass_begin(void);
void sched_bypass_end(void);

/* Memory of the current run. */
struct arena *sched_arena(void);

/* Virtual time since the run began. */
static inline uint64_t sched_now_ns(void)
{
    return sched_head()->now_ns;
}

static inline uint64_t sched_step_count(void)
{
    return sched_head()->steps;
}

/* ---- points; on a virtual thread ---- */

/* The caller is about to do `kind` on `object`. Others may run before this returns. Pending signal
 * handlers run here too. */
void sched_point(enum op_kind kind, const void *object, const char *label, const void *pc);

/* Tells spin detection what an atomic read or write found and left (D7). After the operation. */
void sched_memory_result(const volatile void *address, uint64_t found, uint64_t left);

/* The caller wants others to run: a yield, a pause in a spin loop. A point. */
void sched_yield_point(const char *label, const void *pc);

/* Mixes a result into the trace hash (a byte count, an fd, an error): what was observed, never an
 * address. */
void sched_trace_value(uint64_t value);

/* ---- blocking; on a virtual thread ---- */

/* Parks the caller until sched_unpark(), until `deadline_ns` (TIME_NEVER for none), or, when
 * `is_interruptible`, until a signal is pending. `op` says what for; `holder` is the one thread
 * that can end the wait, or NULL. Call sched_point() first. */
enum park_result sched_park(const struct op *op, struct vthread *holder, uint64_t deadline_ns,
                            bool is_interruptible);

/* Makes a parked thread runnable; nothing happens to a thread that is not parked. Anywhere. */
void sched_unpark(struct vthread *thread);

/* Takes an unparked thread that has not run since back into its park (somebody else got what it was
 * woken for). `holder` replaces the one named at the park. If its deadline passed meanwhile it
 * stays runnable and sees PARK_TIMEOUT. */
void sched_repark(struct vthread *thread, struct vthread *holder);

/* A signal handler is pending for `thread`: ends an interruptible park. Anywhere. */
void sched_interrupt(struct vthread *thread);

/* `thread` gets no step until `until_ns`, as if the system ran something else. From a lane. */
void sched_stall(struct vthread *thread, uint64_t until_ns);

/* A queue of threads parked for the same thing, in order of arrival. Storage may live inside an
 * object of the code under test; all zero is an empty queue. */
struct waitq {
    struct waiter *head;
    struct waiter *tail;
    uint32_t count;
};
void waitq_add(struct waitq *queue, struct waiter *waiter, struct vthread *thread);
void waitq_remove(struct waitq *queue, struct waiter *waiter); /* no-op when not queued */
/* Parks the caller on `queue`; dequeued when this returns. */
enum park_result waitq_park(struct waitq *queue, const struct op *op, struct vthread *holder,
                            uint64_t deadline_ns, bool is_interruptible);
/* Dequeues and unparks one waiter, which one being a choice (the oldest when dull), or all. */
bool waitq_wake_one(struct waitq *queue);
void waitq_wake_all(struct waitq *queue);

/* ---- timers and lanes ---- */

/* Storage is the caller's (arena). Fires as a step of `lane`, in (due, sequence) order. */
struct timer {
    uint64_t due_ns;
    uint64_t sequence;
    struct vthread *lane;
    void (*fire)(struct timer *timer);
    void *context;
    struct timer *due_next; /* private */
    struct timer *due_prev; /* private */
    uint32_t heap_index;    /* private; 1-based, 0 when not in the heap */
    bool is_due;            /* private; on its lane's list, not fired yet */
    uint64_t armed_step;    /* the run's step in which it was armed: what it comes from */
};
/* `timer` must not be armed. `object` is what firing touches, for the strategies (NULL: all). */
void timer_arm(struct timer *timer, struct vthread *lane, uint64_t due_ns,
               void (*fire)(struct timer *), void *context);
void timer_cancel(struct timer *timer); /* no-op when not armed */
bool timer_is_armed(const struct timer *timer);

/* A new lane; between the start of the run and its end. `name` is copied. */
struct vthread *sched_lane_new(const char *name);
/* The lane of the clock: time-outs and timerfds. */
struct vthread *sched_clock_lane(void);

/* ---- virtual threads ---- */

/* A new virtual thread, runnable, which will call entry(arg) and end when that returns. NULL when
 * VTHREADS_MAX are alive. `name` is copied and made unique in the run by a suffix if need be. */
struct vthread *sched_spawn(const char *name, struct process *process, void (*entry)(void *arg),
                            void *arg);
/* Ends the calling virtual thread; its stack is given back. */
_Noreturn void sched_exit(void);
/* Ends every virtual thread of `process` without unwinding (the process was killed or exited). If
 * the caller is one of them this does not return. */
void sched_kill_process(struct process *process);

size_t sched_thread_count(void);
struct vthread *sched_thread(size_t index); /* in order of creation, lanes included */

/* Called on a virtual thread at a point when has_pending_signal is set; set by sim/posix. */
extern void (*sched_signal_handler)(struct vthread *self);

/* ---- findings ---- */

/* X(enumerator, word, property that was broken, in one sentence) */
#define FINDING_KINDS(X)                                                                           \
    X(NONE, "none", "")                                                                            \
    X(CRASH, "crash", "Code under test never makes the processor trap.")                           \
    X(ASSERT, "assert", "An assertion of the code under test holds.")                              \
    X(HEAP_USE_AFTER_FREE, "heap-use-after-free", "Freed memory is never touched again.")          \
    X(HEAP_MISUSE, "heap-misuse", "Memory is freed once, and only if it was allocated.")           \
    X(SANITIZER, "sanitizer", "The sanitizer has nothing to report.")                              \
    X(DATA_RACE, "data-race", "Two accesses to the same memory, one a write, are ordered.")        \
    X(DEADLOCK, "deadlock", "No thread waits for ever for another that waits for it.")             \
    X(LIVELOCK, "livelock", "Threads that run get something done.")                                \
    X(LOST_WAKEUP, "lost-wakeup", "When work is queued for a sleeping thread, somebody wakes it.") \
    X(LIVENESS, "liveness", "After faults end every request is answered within its bound.")        \
    X(LEAK, "leak", "At quiet nothing is left: no fd, connection, timer, task or byte.")           \
    X(INVARIANT, "invariant", "The invariants of the code under test hold at every quiet moment.") \
    X(DATA, "data", "Bytes that go in at one end come out at the other, unchanged.")               \
    X(LOCK_MISUSE, "lock-misuse", "Locks are used as POSIX allows.")                               \
    X(FD_MISUSE, "fd-misuse", "Only open file descriptors are used, and closed once.")             \
    X(UNSUPPORTED, "unsupported", "Only simulated calls are made.")                                \
    X(EXPECTATION, "expectation", "The scenario's expectations are met.")                          \
    X(NONDETERMINISM, "nondeterminism", "The same choices give the same run.")                     \
    X(STEP_BOUND, "step-bound", "A run ends within its bound of steps.")                           \
    X(TIME_BOUND, "time-bound", "A run ends within its bound of virtual time.")

enum finding_kind {
#define X(name, word, property) FINDING_##name,
    FINDING_KINDS(X)
#undef X
        FINDING_KIND_COUNT
};
const char *finding_kind_word(enum finding_kind kind);
const char *finding_kind_property(enum finding_kind kind);

enum { FINDING_TITLE_BYTES = 256, FINDING_DETAIL_BYTES = 2048 };

/* The first finding of a run. The title follows the grammar of design.md section 4. %pc-like
 * symbolising is the report's: titles that need function names are given as title parts below. */
struct finding {
    enum finding_kind kind;
    char title[FINDING_TITLE_BYTES];   /* may hold {pc:HEX}, replaced by the function's name */
    char detail[FINDING_DETAIL_BYTES]; /* more lines, same escapes; may be empty */
    uint64_t step;
    uint64_t time_ns;
    uint32_t thread_id; /* who ran, UINT32_MAX when nobody */
    const void *pc;
};

/* Records the finding (the first of a run counts) and ends the run. Anywhere in a run: on a virtual
 * thread its stack is abandoned. Printf-like; write a code address as {pc:%lx}. */
_Noreturn void finding_fail(enum finding_kind kind, const void *pc, const char *title, ...)
    __attribute__((format(printf, 3, 4)));
/* The same, with detail lines. */
_Noreturn void finding_fail_detail(enum finding_kind kind, const void *pc, const char *detail,
                                   const char *title, ...) __attribute__((format(printf, 4, 5)));
/* Records it without ending the step (for callbacks that must return); the run ends at the next
 * point. */
void finding_record(enum finding_kind kind, const void *pc, const char *title, ...)
    __attribute__((format(printf, 3, 4)));
/* The same, with detail lines. */
void finding_record_detail(enum finding_kind kind, const void *pc, const char *detail,
                           const char *title, ...) __attribute__((format(printf, 4, 5)));

/* Called where a finding was just noted, on the stack of who ran, when not NULL: for debuggers. */
extern void (*finding_noted)(void);

/* ---- a run; between runs ---- */

struct strategy_spec; /* sim/sched/strategy.h */

struct run_spec {
    const struct strategy_spec *strategy; /* NULL: dull */
    struct choice_source source;
    uint64_t steps_max;
    uint64_t time_ns_max;
    uint64_t step_cost_ns;
    uint64_t base_steps; /* length of the base run, for PCT; 0 when unknown */

    /* Builds the world: spawns the first threads and arms the first timers. */
    void (*start)(void *context);
    /* Nobody can run. `next_due_ns` is where the clock would jump, TIME_NEVER when nothing is
     * armed. Returns true to go on (it may have made threads runnable or armed timers), false when
     * the run is over. Oracles run here. */
    bool (*quiet)(void *context, uint64_t next_due_ns);
    /* After the run, whatever its end: gives back what the run's arena does not hold. May be NULL.
     */
    void (*finish)(void *context);
    void *context;
    /* Called at each step when not NULL (tracing). */
    void (*trace)(void *context, const struct vthread *thread, const struct op *op);
    /* Called with each sched_trace_value() when not NULL: what the running thread's step came to.
     */
    void (*trace_value)(void *context, uint64_t value);
    void *trace_context; /* of both */
};

struct run_result {
    struct finding finding; /* kind NONE when nothing was found */
    uint64_t steps;
    uint64_t switches;
    uint64_t time_ns;
    uint64_t trace_hash;
};

/* Runs one world to its end. Not reentrant. */
void sched_run(const struct run_spec *spec, struct run_result *result);

/* Memory of the engine that a run changes and later runs look at (what a base run showed): whoever
 * makes a run elsewhere brings it back. It holds no pointers to what a run allocates. Adding it
 * again does nothing. */
struct lasting {
    void *memory;
    size_t size_bytes;
};
void sched_lasting_add(void *memory, size_t size_bytes);
size_t sched_lasting(const struct lasting **list);

/* When set, does what sched_run() is asked for in its stead: sim/foreign, in another process. */
extern void (*sched_run_instead)(const struct run_spec *spec, struct run_result *result);

/* Once in the process: the pool of identities, signal stacks. After any fork. */
void sched_init(void);

#endif
