/*
 * sim/posix/thread.h - a pthread of the simulated world: identity, end, join, and the locks it
 * holds.
 *
 * pthread_t is a number made from the thread's serial in the run: the same for the same choices,
 * and never given twice in a run, so that a stale one is noticed. What glibc thinks of the borrowed
 * thread underneath stays invisible.
 *
 * Owner: the run's arena; hangs off vthread.posix.  Threads: none, the engine runs on one.
 */
#ifndef SIM_POSIX_THREAD_H
#define SIM_POSIX_THREAD_H

#include <pthread.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "sim/posix/exit.h"
#include "sim/posix/run.h"
#include "sim/sched/sched.h"

enum { HELD_FIRST = 4 };

enum held_kind { HELD_MUTEX, HELD_READ, HELD_WRITE, HELD_SPIN };

/* A lock that a thread has, and the call that took it. A lock taken twice for reading is here
 * twice, a recursive mutex once. */
struct held_lock {
    const void *object;
    const void *pc;
    enum held_kind kind;
};

struct first_frame;

struct posix_thread {
    struct vthread *thread;
    struct posix_process *process;
    void *(*entry)(void *arg);
    int (*main)(void *arg); /* instead of entry: its return ends the process */
    void *arg;
    void *result;
    uint32_t serial;
    bool is_detached;
    bool has_ended;
    bool is_joined;
    bool has_first_frame; /* of ours: made by pthread_create, not by the world alone */
    struct waitq joiners;

    uint32_t held_count;
    uint32_t held_capacity;
    struct held_lock *held;
    struct held_lock held_first[HELD_FIRST];

    struct cxx_destructor *destructors; /* of C++ thread_local objects: sim/posix/cxx.c */
    void **keys;                        /* sim/posix/tls_key.c */
    uint32_t key_capacity;

    uint64_t signals_masked; /* bit signo - 1 */
    uint64_t signals_pending;
    uint64_t signals_awaited; /* while in sigwait */

    struct first_frame *exit_jump;   /* the thread's first frame */
    __pthread_unwind_buf_t *cleanup; /* pthread_cleanup_push in C */
    char name[16];                   /* pthread_setname_np */
};

/* ---- for the world ---- */

/* The first thread of `process` (which may be NULL in small tests): calls main(arg), and what that
 * returns is the exit status of the process. NULL when there are too many threads. */
struct vthread *posix_process_start(struct process *process, const char *thread_name,
                                    int (*main)(void *arg), void *arg);

/* The locks that `thread` holds, in the order it took them. */
void posix_held_locks(const struct vthread *thread,
                      void (*each)(void *context, const struct held_lock *held), void *context);

/* ---- for sim/posix ---- */

__attribute__((returns_nonnull)) struct posix_thread *posix_attach(struct vthread *thread);

/* The running thread; only while sched_is_simulated(). */
__attribute__((returns_nonnull)) static inline struct posix_thread *posix_self(void)
{
    struct vthread *thread = sched_self();
    struct posix_thread *self = thread->posix;

    return __builtin_expect(self != NULL, 1) ? self : posix_attach(thread);
}

static inline struct posix_thread *posix_of(struct vthread *thread)
{
    return thread->posix != NULL ? thread->posix : posix_attach(thread);
}

/* NULL when no thread of this run has (had) that handle. */
struct posix_thread *posix_thread_by_handle(pthread_t handle);
pthread_t posix_thread_handle(const struct posix_thread *thread);

void held_grow(struct posix_thread *self);

static inline void held_push(struct posix_thread *self, const void *object, enum held_kind kind,
                             const void *pc)
{
    if (__builtin_expect(self->held_count == self->held_capacity, 0))
        held_grow(self);
    self->held[self->held_count++] = (struct held_lock){.object = object, .pc = pc, .kind = kind};
}

/* The latest entry for `object`; NULL when the thread does not hold it. */
const struct held_lock *held_find(const struct posix_thread *self, const void *object);
void held_remove(struct posix_thread *self, const void *object);

static inline void held_pop(struct posix_thread *self, const void *object)
{
    if (__builtin_expect(self->held_count != 0 && self->held[self->held_count - 1].object == object,
                         1))
        self->held_count--;
    else
        held_remove(self, object);
}

/* An errno as a C11 thrd_ result. */
int thread_error11(int err);

/* Ends the calling thread from wherever it is: back to its first frame. */
_Noreturn void posix_thread_leave(struct posix_thread *self);

#endif
