/*
 * core/rt/isolate.h - one worker alone: everybody else stands still where it can do no harm.
 *
 * A worker is harmless while it waits in its poller or between harmless begin and end: it then
 * touches nothing that another worker may touch. isolate_begin() returns when all other workers are
 * harmless and keeps them so until isolate_end(). isolate_begin_full() wants them in their pollers,
 * where they hold no reference to anything either.
 *
 * Never isolate, and never end a harmless section, while holding a lock that somebody may wait for:
 * who waits for a lock is not harmless. At most one worker is not harmless between begin and end.
 *
 * Threads: the workers of the instance.
 */
#ifndef CORE_RT_ISOLATE_H
#define CORE_RT_ISOLATE_H

#include <stdbool.h>
#include <stdint.h>

struct rt;
struct worker;

enum { ISOLATE_NOBODY = -1 };

struct isolate {
    _Atomic uint64_t enabled;  /* bit per worker that takes part: from its start until it left */
    _Atomic uint64_t harmless; /* bit per worker that touches nothing shared, outside its poller */
    _Atomic uint64_t idle;     /* bit per worker that waits in its poller: harmless as well */
    /* Low half: workers that want to be alone. High half: those that want all others in their
     * pollers. Apart, because they do not stop who ends a harmless section half way through its
     * work: that one must go on to reach its poller. */
    _Atomic uint64_t requests;
    _Atomic int next;  /* the worker that will be alone once all are harmless, or ISOLATE_NOBODY */
    _Atomic int owner; /* the worker that is alone, or ISOLATE_NOBODY */
};

void isolate_init(struct isolate *isolate);

/* Waits until the caller is alone. Not re-entrant. */
void isolate_begin(void);

/* The same, with all others in their pollers. */
void isolate_begin_full(void);

/* Lets the others go on. */
void isolate_end(void);

/* Is the calling worker alone now? */
bool isolate_is_mine(void);

/* From here to the end the caller touches nothing shared, and may be overtaken by an isolation. */
void isolate_harmless_begin(void);

/* Waits while somebody is, or wants to be, alone (not at all if that is the caller). */
void isolate_harmless_end(void);

/* Does anybody want to be, or is anybody, alone? */
bool isolate_is_wanted(struct worker *worker);

/* The poller's pair: also idle. */
void isolate_idle_begin(struct worker *worker);
void isolate_idle_end(struct worker *worker);

/* A worker that left is waited for no more. */
void isolate_leave(struct worker *worker);

/* Aborts if the calling worker is at work while another one is alone. */
void isolate_check_working(struct worker *worker);

#endif
