/*
 * sim/sched/vthread.h - a thread of the simulated world: a virtual thread, or a lane.
 *
 * A virtual thread runs code under test on a borrowed identity (sim/vthread/identity.h). A lane has
 * no stack: it is the order of one part of the environment (the clock, the network, one actor), and
 * one step of it calls one due timer's function. Both compete for the next step under the same
 * strategies, which is how "the packet arrives just before the close" is explored.
 *
 * Owner: the run's arena; the scheduler.  Threads: none, the engine runs on one.
 */
#ifndef SIM_SCHED_VTHREAD_H
#define SIM_SCHED_VTHREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/choice/choice.h"

struct identity;
struct process;
struct spin;
struct timer;
struct waitq;

enum { VTHREADS_MAX = 256, VTHREAD_NAME_BYTES = 16 };

#define VTHREAD_NOBODY UINT32_MAX

/* X(enumerator, word in traces, writes its object) */
#define OP_KINDS(X)                                                                                \
    X(NONE, "none", 0)                                                                             \
    X(START, "start", 0)                                                                           \
    X(EXIT, "exit", 1)                                                                             \
    X(CREATE, "create", 1)                                                                         \
    X(JOIN, "join", 0)                                                                             \
    X(LOAD, "load", 0)                                                                             \
    X(STORE, "store", 1)                                                                           \
    X(RMW, "rmw", 1)                                                                               \
    X(CAS, "cas", 1)                                                                               \
    X(FENCE, "fence", 0)                                                                           \
    X(LOCK, "lock", 1)                                                                             \
    X(LOCK_READ, "lock-read", 1)                                                                   \
    X(TRY_LOCK, "try-lock", 1)                                                                     \
    X(UNLOCK, "unlock", 1)                                                                         \
    X(WAIT, "wait", 1)                                                                             \
    X(SIGNAL, "signal", 1)                                                                         \
    X(CALL, "call", 1) /* a kernel call; label names it, object is the file */                     \
    X(YIELD, "yield", 0)                                                                           \
    X(SLEEP, "sleep", 0)                                                                           \
    X(CLOCK, "clock", 0)                                                                           \
    X(LANE, "lane", 1) /* the lane's next due timer */                                             \
    X(READ_MEM, "read", 0)                                                                         \
    X(WRITE_MEM, "write", 1)

enum op_kind {
#define X(name, word, writes) OP_##name,
    OP_KINDS(X)
#undef X
        OP_KIND_COUNT
};

const char *op_kind_word(enum op_kind kind);

static inline bool op_kind_writes(enum op_kind kind)
{
#define X(name, word, writes) | (uint32_t)(writes) << OP_##name
    const uint32_t writing = 0 OP_KINDS(X);
#undef X
    return (writing >> kind & 1) != 0;
}

/* What a thread is about to do, announced before it does it. */
struct op {
    enum op_kind kind;
    const void *object; /* equality only: lock, address, kernel file. NULL conflicts with nothing */
    const char *label;  /* static: call name or source expression */
    const void *pc;     /* return address in the code under test, for people */
};

enum vthread_state {
    VTHREAD_FREE,
    VTHREAD_RUNNABLE,
    VTHREAD_PARKED,
    VTHREAD_DONE,
};

/* How a park ended. */
enum park_result { PARK_WOKEN, PARK_TIMEOUT, PARK_SIGNAL };

struct waiter {
    struct waiter *prev;
    struct waiter *next;
    struct vthread *thread;
    bool is_queued;
};

struct vthread {
    /* Hot: touched at each step. Two lines of the processor's cache. */
    uint32_t id;    /* index in the run, by creation order; stable for the same choices */
    uint32_t who;   /* choice_who(name) */
    struct op next; /* announced, not yet done */
    uint64_t steps;
    uint64_t last_step; /* of the run, when it last made one */
    uint32_t decision_count;
    uint32_t clock_streak; /* clock reads in a row */
    uint32_t spin_reads;   /* in its window: sim/sched/spin.c */
    bool is_lane;
    bool has_pending_signal;
    bool is_stalled; /* runnable or not, it gets no step (sched_stall) */
    bool is_parked_interruptible;
    void *stack_pointer; /* where to go on, while not running */
    uintptr_t tls_base;  /* of its identity */
    enum vthread_state state;
    enum park_result park_result;
    struct spin *spin;
    /* Owned by sim/posix/thread.c: entry, result, join state, keys. */
    void *posix;
    /* Owned by sim/race: its clock and its calls. */
    void *race;

    void (*entry)(void *arg);
    void *entry_arg;
    uint32_t parent_id; /* who made it; VTHREAD_NOBODY for the first threads and for lanes */
    uint32_t draw_counts[CHOICE_CLASS_COUNT];
    bool is_deadline_passed;

    /* A second object of its next step, or NULL: the mutex of a wait on a condition; the lock
     * itself when it is unlocked by a reader. Whoever sets it before a point or a park takes it
     * back after. */
    const void *second_object;

    /* What it waits for while parked: for deadlock reports. Runnable and not OP_NONE: it has been
     * woken, and goes on with that. */
    struct op parked_op;
    struct vthread *parked_holder; /* who could end the wait, if one thread alone; else NULL */
    uint64_t parked_since_ns;

    struct identity *identity; /* NULL for a lane */
    struct process *process;   /* NULL for a lane of the network */
    struct timer *deadline;    /* armed while parked with a deadline */
    struct timer *stall_end;
    struct waitq *park_queue; /* while in waitq_park */
    struct waiter park_waiter;

    /* Lane: due timers in order. */
    struct timer *due_head;
    struct timer *due_tail;

    char name[VTHREAD_NAME_BYTES];
};

#endif
