/*
 * sim/search/execution.h - one run as a partial order: what happened before what, and the races.
 *
 * An event is one step of one thread. It happens after the steps of its own thread, after what it
 * depends on (sim/sched/dependence.h), after the step that made its thread able to go on, after the
 * last step of a thread that it joined, and after everything from before the clock last jumped. A
 * race is a pair of dependent events that could have come in the other order.
 *
 * Owner: the explorer.  Threads: one.
 */
#ifndef SIM_SEARCH_EXECUTION_H
#define SIM_SEARCH_EXECUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/search/wakeup.h"

enum { EXECUTION_THREADS_MAX = 64, EXECUTION_EVENTS_MAX = 1 << 16 };

struct event {
    uint32_t thread;
    uint32_t number;  /* of its thread's events, from 1 */
    uint32_t enabler; /* without which it could not go on; not who let go of a lock */
    uint32_t joined;
    uint32_t floor;      /* events before this one come from before a jump of the clock */
    bool is_spinning_on; /* goes on because something that it read changed */
    enum { TRIED_NOT, TRIED_IN_VAIN, TRIED_AND_TOOK } tried; /* a mutex; TRIED_NOT: not known */
    uint32_t level; /* of the semaphore that it touches, before it did */
    struct action action;
};

/* Of each thread, how many of its events came before. */
struct clock {
    uint32_t of[EXECUTION_THREADS_MAX];
};

struct race {
    uint32_t first;
    uint32_t second; /* an event, or EXECUTION_EVENTS_MAX + i: pending event i */
};

struct execution {
    struct event *events;
    struct clock *clocks;
    uint32_t count;
    struct race *races;
    uint32_t race_count;
    uint32_t race_capacity;
    bool is_race_lost; /* there was no room for one */
    /* What threads were about to do when the run ended. */
    struct event pending[EXECUTION_THREADS_MAX];
    uint32_t pending_count;
};

void execution_init(struct execution *execution);
void execution_fini(struct execution *execution);

/* Adds an event (its number is filled in) with its clock, and its races with those before. False
 * when there are too many. */
bool execution_add(struct execution *execution, struct event *event);
/* The races of pending event `index` with those that happened. */
void execution_race_pending(struct execution *execution, uint32_t index);

const struct event *execution_event(const struct execution *execution, uint32_t id);
bool execution_is_before(const struct execution *execution, uint32_t first, uint32_t second);

/* The reversal of a race: what happened after its first event and not because of it, then the
 * second. Returns the count; `steps` has room for EXECUTION_EVENTS_MAX + 1. */
size_t execution_reversal(const struct execution *execution, const struct race *race,
                          struct step *steps);

/* Names the trace: the same for runs that differ only in the order of what does not depend on each
 * other, and (as hashes go) different for others. */
uint64_t execution_class(const struct execution *execution);

#endif
