/*
 * sim/posix/tls_key.c - pthread_key_*, pthread_getspecific, pthread_once.
 *
 * The borrowed thread's own keys would keep their values from one run to the next, so a run has
 * keys of its own. Their numbers lie above glibc's: a key made before the run is still glibc's
 * business.
 */
#include "sim/posix/tls_key.h"

#include <errno.h>
#include <string.h>

#include "sim/memory/heap.h"
#include "sim/oracle/deadlock.h"
#include "sim/posix/names.h"
#include "sim/posix/sanitizer.h"
#include "sim/posix/signal.h"
#include "sim/posix/thread.h"
#include "sim/posix/wait.h"
#include "sim/posix/wrap_threads.h"

enum {
    KEY_FIRST = 1024, /* PTHREAD_KEYS_MAX of glibc */
    KEYS_MAX = 1024,
    DESTRUCTOR_ROUNDS = 4, /* PTHREAD_DESTRUCTOR_ITERATIONS */
    VALUES_FIRST = 8,
};

struct key {
    bool is_used;
    void (*destructor)(void *value);
};

struct key_table {
    uint32_t count; /* highest number ever given, and one */
    struct key keys[KEYS_MAX];
};

static bool is_valid(pthread_key_t key)
{
    return key >= KEY_FIRST && posix_run.keys != NULL && key - KEY_FIRST < posix_run.keys->count &&
           posix_run.keys->keys[key - KEY_FIRST].is_used;
}

static int new_key(pthread_key_t *key, void (*destructor)(void *value))
{
    if (posix_run.keys == NULL)
        posix_run.keys = arena_take(sched_arena(), sizeof(*posix_run.keys));
    struct key_table *table = posix_run.keys;
    uint32_t i = 0;
    while (i < KEYS_MAX && table->keys[i].is_used)
        i++;
    if (i == KEYS_MAX)
        return EAGAIN;
    table->keys[i] = (struct key){.is_used = true, .destructor = destructor};
    if (i >= table->count)
        table->count = i + 1;
    /* A number given again starts without values in every thread. */
    for (uint32_t t = 0; t < posix_run.thread_count; t++) {
        if (posix_run.threads[t]->key_capacity > i)
            posix_run.threads[t]->keys[i] = NULL;
    }
    *key = KEY_FIRST + i;
    return 0;
}

static int delete_key(pthread_key_t key)
{
    if (!is_valid(key))
        return EINVAL;
    posix_run.keys->keys[key - KEY_FIRST].is_used = false;
    return 0;
}

static void *get_value(pthread_key_t key)
{
    const struct posix_thread *self = posix_self();

    if (!is_valid(key) || key - KEY_FIRST >= self->key_capacity)
        return NULL;
    return self->keys[key - KEY_FIRST];
}

static int set_value(pthread_key_t key, void *value)
{
    struct posix_thread *self = posix_self();
    uint32_t i = key - KEY_FIRST;

    if (!is_valid(key))
        return EINVAL;
    if (i >= self->key_capacity) {
        uint32_t capacity = VALUES_FIRST;
        while (capacity <= i)
            capacity *= 2;
        void **values = arena_take(sched_arena(), capacity * sizeof(*values));
        if (self->key_capacity != 0)
            memcpy((void *)values, (const void *)self->keys, self->key_capacity * sizeof(*values));
        self->keys = values;
        self->key_capacity = capacity;
    }
    self->keys[i] = value;
    return 0;
}

void tls_key_run_destructors(struct posix_thread *self)
{
    bool is_left = self->key_capacity != 0;

    for (int round = 0; round < DESTRUCTOR_ROUNDS && is_left; round++) {
        is_left = false;
        for (uint32_t i = 0; i < self->key_capacity; i++) {
            void *value = self->keys[i];
            const struct key *key = &posix_run.keys->keys[i];
            if (value == NULL)
                continue;
            self->keys[i] = NULL;
            if (key->is_used && key->destructor != NULL) {
                key->destructor(value);
                is_left = true;
            }
        }
    }
}

/* ---- once ---- */

/* The word holds the run's number and one of these; any other run's word counts as fresh. */
enum { ONCE_RUNNING = 1, ONCE_DONE = 2, ONCE_STATE_BITS = 2, ONCE_NATIVE_DONE = 2 };

struct once_run {
    struct once_run *next;
    const pthread_once_t *once;
    struct vthread *runner;
};

static uint32_t once_word(uint32_t state)
{
    return posix_run.epoch << ONCE_STATE_BITS | state;
}

static struct vthread *once_runner(const pthread_once_t *once)
{
    for (struct once_run *run = posix_run.once_runs; run != NULL; run = run->next) {
        if (run->once == once)
            return run->runner;
    }
    return NULL;
}

static void once_forget(const pthread_once_t *once)
{
    struct once_run **link = &posix_run.once_runs;

    while (*link != NULL && (*link)->once != once)
        link = &(*link)->next;
    if (*link != NULL)
        *link = (*link)->next;
}

static void do_once(pthread_once_t *once, void (*init)(void), const char *label, const void *pc)
{
    const struct op op = {.kind = OP_LOCK, .object = once, .label = label, .pc = pc};
    volatile uint32_t *word = (volatile uint32_t *)once;

    sched_point(OP_LOCK, once, label, pc);
    heap_check(once, sizeof(*once), true, pc);
    while (*word == once_word(ONCE_RUNNING)) {
        struct vthread *runner = once_runner(once);
        if (runner == sched_self())
            deadlock_fail_self(&op);
        wait_check_cycle(&op, runner);
        if (wait_in(&posix_run.once_waiters, &op, runner, TIME_NEVER, true) == PARK_SIGNAL)
            (void)signal_deliver(sched_self());
    }
    if (*word == once_word(ONCE_DONE) || *word == ONCE_NATIVE_DONE) {
        sync_acquire(once);
        return;
    }
    struct once_run *run = arena_take(sched_arena(), sizeof(*run));
    *run = (struct once_run){.next = posix_run.once_runs, .once = once, .runner = sched_self()};
    posix_run.once_runs = run;
    names_first_use(once, "once");
    *word = once_word(ONCE_RUNNING);
    init();
    once_forget(once);
    *word = once_word(ONCE_DONE);
    sync_release(once);
    waitq_wake_all(&posix_run.once_waiters);
}

/* ---- the calls ---- */

int __wrap_pthread_key_create(pthread_key_t *key, void (*destructor)(void *value))
{
    return sched_is_simulated() ? new_key(key, destructor)
                                : __real_pthread_key_create(key, destructor);
}

int __wrap_pthread_key_delete(pthread_key_t key)
{
    return sched_is_simulated() && key >= KEY_FIRST ? delete_key(key)
                                                    : __real_pthread_key_delete(key);
}

void *__wrap_pthread_getspecific(pthread_key_t key)
{
    return sched_is_simulated() && key >= KEY_FIRST ? get_value(key)
                                                    : __real_pthread_getspecific(key);
}

int __wrap_pthread_setspecific(pthread_key_t key, const void *value)
{
    return sched_is_simulated() && key >= KEY_FIRST ? set_value(key, (void *)(uintptr_t)value)
                                                    : __real_pthread_setspecific(key, value);
}

int __wrap_pthread_once(pthread_once_t *once, void (*init)(void))
{
    if (!sched_is_simulated())
        return __real_pthread_once(once, init);
    do_once(once, init, "pthread_once", WRAP_PC);
    return 0;
}

int __wrap_tss_create(tss_t *key, tss_dtor_t destructor)
{
    if (!sched_is_simulated())
        return __real_tss_create(key, destructor);
    return new_key(key, destructor) == 0 ? thrd_success : thrd_error;
}

void __wrap_tss_delete(tss_t key)
{
    if (sched_is_simulated() && key >= KEY_FIRST)
        (void)delete_key(key);
    else
        __real_tss_delete(key);
}

void *__wrap_tss_get(tss_t key)
{
    return sched_is_simulated() && key >= KEY_FIRST ? get_value(key) : __real_tss_get(key);
}

int __wrap_tss_set(tss_t key, void *value)
{
    if (!sched_is_simulated() || key < KEY_FIRST)
        return __real_tss_set(key, value);
    return set_value(key, value) == 0 ? thrd_success : thrd_error;
}

void __wrap_call_once(once_flag *flag, void (*init)(void))
{
    if (sched_is_simulated())
        do_once(&flag->__data, init, "call_once", WRAP_PC);
    else
        __real_call_once(flag, init);
}
