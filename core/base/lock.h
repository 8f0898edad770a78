/*
 * core/base/lock.h - mutexes and reader-writer locks with a label.
 *
 * Plain POSIX locks. The label ("listener.lock") is what people read in a deadlock's title; only a
 * simulated build keeps it. Lock order is written at each lock's declaration.
 *
 * Threads: any.
 */
#ifndef CORE_BASE_LOCK_H
#define CORE_BASE_LOCK_H

#include <pthread.h>
#include <stdbool.h>

#include "core/base/attr.h"
#include "core/base/hook.h"

struct lock {
    pthread_mutex_t mutex;
};

struct rwlock {
    pthread_rwlock_t rwlock;
};

static inline void lock_init(struct lock *lock, const char *label)
{
    BUG_ON(pthread_mutex_init(&lock->mutex, NULL) != 0);
    HOOK_NAME(&lock->mutex, "lock", label);
    (void)label;
}

static inline void lock_fini(struct lock *lock)
{
    BUG_ON(pthread_mutex_destroy(&lock->mutex) != 0);
}

/* Always inlined, so that the lock call's return address is the line that wanted the lock. */
__attribute__((always_inline)) static inline void lock_take(struct lock *lock)
{
    BUG_ON(pthread_mutex_lock(&lock->mutex) != 0);
}

__attribute__((always_inline)) static inline bool lock_try_take(struct lock *lock)
{
    return pthread_mutex_trylock(&lock->mutex) == 0;
}

__attribute__((always_inline)) static inline void lock_give(struct lock *lock)
{
    BUG_ON(pthread_mutex_unlock(&lock->mutex) != 0);
}

static inline void rwlock_init(struct rwlock *lock, const char *label)
{
    BUG_ON(pthread_rwlock_init(&lock->rwlock, NULL) != 0);
    HOOK_NAME(&lock->rwlock, "rwlock", label);
    (void)label;
}

static inline void rwlock_fini(struct rwlock *lock)
{
    BUG_ON(pthread_rwlock_destroy(&lock->rwlock) != 0);
}

__attribute__((always_inline)) static inline void rwlock_take_read(struct rwlock *lock)
{
    BUG_ON(pthread_rwlock_rdlock(&lock->rwlock) != 0);
}

__attribute__((always_inline)) static inline void rwlock_take_write(struct rwlock *lock)
{
    BUG_ON(pthread_rwlock_wrlock(&lock->rwlock) != 0);
}

__attribute__((always_inline)) static inline void rwlock_give(struct rwlock *lock)
{
    BUG_ON(pthread_rwlock_unlock(&lock->rwlock) != 0);
}

#endif
