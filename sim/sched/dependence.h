/*
 * sim/sched/dependence.h - which steps of two threads may not change places.
 *
 * A step is what a thread does from one stop to the next: the operation that it announced, what it
 * goes on with after a park, or a lane's next timer. An *action* says what the step touches. Two
 * steps that are not dependent give the same world in either order, and neither makes the other
 * possible or impossible.
 *
 * What is not in it, because it is known otherwise or left out on purpose:
 * - who made a thread, woke it or armed its timer comes before it (the explorer keeps track);
 * - the addresses that malloc gives depend on the order of calls; code whose behaviour depends on
 *   the numbers of addresses is not covered;
 * - a clock's value: it stands still while anybody can run (see sim/search/exhaustive.h);
 * - plain memory, unless memory points are on: that is what the race detector is for.
 *
 * Owner: none, pure.  Threads: none, the engine runs on one.
 */
#ifndef SIM_SCHED_DEPENDENCE_H
#define SIM_SCHED_DEPENDENCE_H

#include "sim/sched/vthread.h"

enum { ACTION_TOUCHES_MAX = 16 };

/* How a step touches an object. Two touches of one object commute when both only read, when both
 * are what readers of a lock do, and when both put something into a semaphore. */
enum touch_kind {
    TOUCH_READ,
    TOUCH_WRITE,
    TOUCH_TRY,            /* takes a lock or finds that it cannot; never waits */
    TOUCH_ACQUIRE,        /* takes a lock; cannot happen while another has it */
    TOUCH_ACQUIRE_SHARED, /* as one of several readers */
    TOUCH_DOWN,           /* a semaphore; cannot happen while it is 0 */
    TOUCH_UP,
    TOUCH_RELEASE,
    TOUCH_RELEASE_SHARED,
};

struct touch {
    const void *object;
    enum touch_kind kind;
};

enum action_scope {
    SCOPE_TOUCHES, /* what is listed */
    SCOPE_KERNEL,  /* anything of the kernel */
    SCOPE_ALL,     /* anything at all: the end of a process, signals */
};

struct action {
    enum op_kind kind;
    enum action_scope scope;
    bool is_kernel; /* a kernel call or a lane, whatever its scope */
    bool may_wait;  /* a step that finds it cannot be done yet leaves no trace but a waiter */
    uint8_t touch_count;
    struct touch touches[ACTION_TOUCHES_MAX];
};

/* What `thread` does next; it is runnable or about to be. */
void action_of(const struct vthread *thread, struct action *out);

/* Whether `thread`, parked or woken, spins: it goes on when something that it read has changed. */
bool action_is_of_spin(const struct vthread *thread);

bool action_is_dependent(const struct action *a, const struct action *b);

/* `later` was dependent on `earlier`, which came first. False when it could not have come first:
 * every pair of touches that they share is a release and the taking that it made possible. */
bool action_may_precede(const struct action *later, const struct action *earlier);

/* The same of what two threads do next; quick where memory and locks are all there is to it. */
bool thread_is_dependent(const struct vthread *a, const struct vthread *b);

/* The same by announced operations alone. */
bool op_is_dependent(const struct op *a, const struct op *b);

/* Adds what a kernel call on `file` touches; set by sim/kernel. NULL: every kernel call is
 * dependent on every other. */
extern void (*action_kernel_touches)(const struct op *op, struct action *action);

/* Adds what a timer of the kernel touches when it fires, if that is known; false when it may be
 * anything of the kernel. Set by sim/kernel. */
extern bool (*action_timer_touches)(const struct timer *timer, struct action *action);

/* For these two: adds one. Beyond the capacity the action's scope becomes the kernel.
 */
void action_add(struct action *action, const void *object, enum touch_kind kind);

#endif
