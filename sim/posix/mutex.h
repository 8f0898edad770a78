/*
 * sim/posix/mutex.h - what a pthread_mutex_t holds under the simulator.
 *
 * Threads: none; on a virtual thread after its point.
 */
#ifndef SIM_POSIX_MUTEX_H
#define SIM_POSIX_MUTEX_H

#include <pthread.h>
#include <stdint.h>

#include "sim/memory/heap.h"
#include "sim/posix/thread.h"
#include "sim/posix/wait.h"

/* What became of a robust mutex whose owner ended with it. */
enum mutex_robust {
    ROBUST_FINE,
    ROBUST_ORPHANED,  /* free; who takes it next is told */
    ROBUST_INHERITED, /* taken by who was told */
    ROBUST_LOST,      /* given back without pthread_mutex_consistent(): nobody gets it again */
};

enum { MUTEX_DESTROYED_DEPTH = -1, MUTEX_DESTROYED_KIND = -1 };

/* Overlays glibc's: zero is a free normal mutex, and `kind` is where static initialisers put it. A
 * free mutex looks free to glibc too. */
struct mutex {
    int32_t depth;   /* 0: free */
    uint32_t robust; /* enum mutex_robust, of a robust one */
    uint32_t unused_too;
    uint32_t epoch; /* of the run that the rest belongs to */
    int32_t kind;
    uint32_t unused_three;
    struct posix_thread *owner;
    struct waitq *waiters; /* a gate, made for the first waiter */
};
_Static_assert(sizeof(struct mutex) <= sizeof(pthread_mutex_t), "must fit");
_Static_assert(__builtin_offsetof(struct mutex, kind) ==
                   __builtin_offsetof(pthread_mutex_t, __data.__kind),
               "static initialisers");

/* First use in this run, or none since it was destroyed: makes it what its initialiser made it, or
 * fails the run when it is no mutex (any more). */
void mutex_adopt(pthread_mutex_t *raw, struct mutex *mutex, const char *what, const void *pc);

/* The mutex behind `raw` in this run. */
static inline struct mutex *mutex_of(pthread_mutex_t *raw, const char *what, const void *pc)
{
    struct mutex *mutex = (struct mutex *)(void *)raw;

    heap_check(raw, sizeof(*raw), true, pc);
    if (__builtin_expect(mutex->epoch != posix_run.epoch || mutex->depth < 0, 0))
        mutex_adopt(raw, mutex, what, pc);
    return mutex;
}

/* For condition variables: gives it up wholly and returns how deep it was; takes it so again. */
int32_t mutex_drop(pthread_mutex_t *raw, struct mutex *mutex);
void mutex_retake(pthread_mutex_t *raw, struct mutex *mutex, int32_t depth, const char *label,
                  const void *pc);
/* A thread ends: the robust mutexes that it holds are free, and remember that. */
void mutex_orphan_all(struct posix_thread *thread);
/* The queue of those who wait for it. */
struct waitq *mutex_waiters(struct mutex *mutex);

#endif
