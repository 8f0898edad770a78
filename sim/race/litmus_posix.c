/*
 * sim/race/litmus_posix.c - see litmus_posix.h.
 */
#include "sim/race/litmus_posix.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

enum { WORKERS = 3 };

static struct {
    pthread_mutex_t lock;
    pthread_mutex_t other_lock;
    pthread_cond_t cond;
    pthread_rwlock_t rwlock;
    pthread_barrier_t barrier;
    pthread_spinlock_t spin;
    pthread_once_t once;
    sem_t sem;
    int data;
    int more;
    int slots[WORKERS];
    bool is_ready;
    int *heap;
    atomic_int count;
} shared;

static void begin(void)
{
    static const pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_mutex_init(&shared.lock, NULL);
    (void)pthread_mutex_init(&shared.other_lock, NULL);
    (void)pthread_cond_init(&shared.cond, NULL);
    (void)pthread_rwlock_init(&shared.rwlock, NULL);
    (void)pthread_barrier_init(&shared.barrier, NULL, WORKERS);
    (void)pthread_spin_init(&shared.spin, PTHREAD_PROCESS_PRIVATE);
    (void)sem_init(&shared.sem, 0, 0);
    shared.once = once;
    shared.data = 0;
    shared.more = 0;
    shared.is_ready = false;
    shared.heap = NULL;
    atomic_store_explicit(&shared.count, 0, memory_order_relaxed);
    for (int i = 0; i < WORKERS; i++)
        shared.slots[i] = 0;
}

/* Runs `entry` on `count` threads, each with its number, and joins them. */
static int run_threads(void *(*entry)(void *), int count)
{
    pthread_t threads[WORKERS];

    for (int i = 0; i < count; i++) {
        if (pthread_create(&threads[i], NULL, entry, (void *)(size_t)i) != 0)
            return 1;
    }
    for (int i = 0; i < count; i++)
        (void)pthread_join(threads[i], NULL);
    return 0;
}

/* ---- start and end ---- */

static void *write_data(void *arg)
{
    (void)arg;
    shared.data++;
    return NULL;
}

static int created_and_joined(void *arg)
{
    (void)arg;
    begin();
    shared.data = 1;
    int err = run_threads(write_data, 1);
    shared.data++;
    return err;
}

static int read_before_join(void *arg)
{
    pthread_t thread;

    (void)arg;
    begin();
    if (pthread_create(&thread, NULL, write_data, NULL) != 0)
        return 1;
    shared.more = shared.data;
    (void)pthread_join(thread, NULL);
    return 0;
}

static int two_writers(void *arg)
{
    (void)arg;
    begin();
    return run_threads(write_data, 2);
}

static int detached_writer(void *arg)
{
    pthread_t thread;

    (void)arg;
    begin();
    if (pthread_create(&thread, NULL, write_data, NULL) != 0)
        return 1;
    (void)pthread_detach(thread);
    write_data(NULL);
    return 0;
}

/* Threads one after the other on the same stack: a variable there has no past. */
static void *own_variable(void *arg)
{
    volatile int own[8];

    for (int i = 0; i < 8; i++)
        own[i] = (int)(size_t)arg;
    return (void *)(size_t)own[3];
}

static int stacks_used_again(void *arg)
{
    (void)arg;
    begin();
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, own_variable, arg) != 0)
            return 1;
        (void)pthread_detach(thread);
    }
    return run_threads(own_variable, WORKERS);
}

/* ---- locks ---- */

static void *add_locked(void *arg)
{
    (void)arg;
    (void)pthread_mutex_lock(&shared.lock);
    shared.data++;
    (void)pthread_mutex_unlock(&shared.lock);
    return NULL;
}

static int under_a_mutex(void *arg)
{
    (void)arg;
    begin();
    return run_threads(add_locked, WORKERS);
}

static void *add_under_either(void *arg)
{
    pthread_mutex_t *lock = arg == NULL ? &shared.lock : &shared.other_lock;

    (void)pthread_mutex_lock(lock);
    shared.data++;
    (void)pthread_mutex_unlock(lock);
    return NULL;
}

static int under_two_mutexes(void *arg)
{
    (void)arg;
    begin();
    return run_threads(add_under_either, 2);
}

static void *try_to_add(void *arg)
{
    (void)arg;
    if (pthread_mutex_trylock(&shared.lock) == 0) {
        shared.data++;
        (void)pthread_mutex_unlock(&shared.lock);
    }
    return NULL;
}

static int under_trylock(void *arg)
{
    (void)arg;
    begin();
    return run_threads(try_to_add, WORKERS);
}

static void *try_and_add_anyway(void *arg)
{
    (void)arg;
    int err = pthread_mutex_trylock(&shared.lock);
    shared.data++;
    if (err == 0)
        (void)pthread_mutex_unlock(&shared.lock);
    return NULL;
}

static int trylock_not_asked(void *arg)
{
    (void)arg;
    begin();
    return run_threads(try_and_add_anyway, 2);
}

static void *read_or_write(void *arg)
{
    if (arg == NULL) {
        (void)pthread_rwlock_wrlock(&shared.rwlock);
        shared.data++;
    } else {
        (void)pthread_rwlock_rdlock(&shared.rwlock);
        shared.slots[(size_t)arg] = shared.data;
    }
    (void)pthread_rwlock_unlock(&shared.rwlock);
    return NULL;
}

static int under_a_rwlock(void *arg)
{
    (void)arg;
    begin();
    return run_threads(read_or_write, WORKERS);
}

static void *write_under_read_lock(void *arg)
{
    (void)arg;
    (void)pthread_rwlock_rdlock(&shared.rwlock);
    shared.data++;
    (void)pthread_rwlock_unlock(&shared.rwlock);
    return NULL;
}

static int writers_with_read_locks(void *arg)
{
    (void)arg;
    begin();
    return run_threads(write_under_read_lock, 2);
}

static void *add_spinning(void *arg)
{
    (void)arg;
    (void)pthread_spin_lock(&shared.spin);
    shared.data++;
    (void)pthread_spin_unlock(&shared.spin);
    return NULL;
}

static int under_a_spinlock(void *arg)
{
    (void)arg;
    begin();
    return run_threads(add_spinning, WORKERS);
}

/* ---- waiting ---- */

static void *wait_until_ready(void *arg)
{
    (void)arg;
    (void)pthread_mutex_lock(&shared.lock);
    while (!shared.is_ready)
        (void)pthread_cond_wait(&shared.cond, &shared.lock);
    (void)pthread_mutex_unlock(&shared.lock);
    shared.more = shared.data;
    return NULL;
}

static void *make_ready(void *arg)
{
    (void)arg;
    shared.data = 1;
    (void)pthread_mutex_lock(&shared.lock);
    shared.is_ready = true;
    (void)pthread_cond_signal(&shared.cond);
    (void)pthread_mutex_unlock(&shared.lock);
    return NULL;
}

static void *wait_or_make_ready(void *arg)
{
    return arg == NULL ? wait_until_ready(arg) : make_ready(arg);
}

static int by_a_condition(void *arg)
{
    (void)arg;
    begin();
    return run_threads(wait_or_make_ready, 2);
}

static void *make_ready_unlocked(void *arg)
{
    (void)arg;
    shared.is_ready = true;
    (void)pthread_mutex_lock(&shared.lock);
    (void)pthread_cond_signal(&shared.cond);
    (void)pthread_mutex_unlock(&shared.lock);
    return NULL;
}

static void *wait_or_make_ready_unlocked(void *arg)
{
    return arg == NULL ? wait_until_ready(arg) : make_ready_unlocked(arg);
}

static int condition_set_outside(void *arg)
{
    (void)arg;
    begin();
    return run_threads(wait_or_make_ready_unlocked, 2);
}

static void *meet_and_sum(void *arg)
{
    int sum = 0;

    shared.slots[(size_t)arg] = 1;
    (void)pthread_barrier_wait(&shared.barrier);
    for (int i = 0; i < WORKERS; i++)
        sum += shared.slots[i];
    return (void *)(size_t)sum;
}

static int by_a_barrier(void *arg)
{
    (void)arg;
    begin();
    return run_threads(meet_and_sum, WORKERS);
}

/* Writes again after the barrier what others read after it. */
static void *meet_and_write(void *arg)
{
    shared.slots[(size_t)arg] = 1;
    (void)pthread_barrier_wait(&shared.barrier);
    shared.slots[(size_t)arg] = shared.slots[((size_t)arg + 1) % WORKERS];
    return NULL;
}

static int written_after_the_barrier(void *arg)
{
    (void)arg;
    begin();
    return run_threads(meet_and_write, WORKERS);
}

static void *post_or_wait(void *arg)
{
    if (arg == NULL) {
        shared.data = 1;
        (void)sem_post(&shared.sem);
    } else {
        (void)sem_wait(&shared.sem);
        shared.more = shared.data;
    }
    return NULL;
}

static int by_a_semaphore(void *arg)
{
    (void)arg;
    begin();
    return run_threads(post_or_wait, 2);
}

static void *wait_then_post(void *arg)
{
    if (arg == NULL) {
        (void)sem_post(&shared.sem);
        shared.data = 1;
    } else {
        (void)sem_wait(&shared.sem);
        shared.more = shared.data;
    }
    return NULL;
}

static int posted_too_early(void *arg)
{
    (void)arg;
    begin();
    return run_threads(wait_then_post, 2);
}

static void set_up(void)
{
    shared.data = 7;
}

static void *use_once(void *arg)
{
    (void)pthread_once(&shared.once, set_up);
    shared.slots[(size_t)arg] = shared.data;
    return NULL;
}

static int set_up_once(void *arg)
{
    (void)arg;
    begin();
    return run_threads(use_once, WORKERS);
}

/* ---- the heap ---- */

static void *read_and_drop(void *arg)
{
    int *object = shared.heap;

    shared.slots[(size_t)arg] = object[0];
    if (atomic_fetch_sub_explicit(&shared.count, 1, memory_order_acq_rel) == 1)
        free(object);
    return NULL;
}

static void *read_and_drop_relaxed(void *arg)
{
    int *object = shared.heap;

    shared.slots[(size_t)arg] = object[0];
    if (atomic_fetch_sub_explicit(&shared.count, 1, memory_order_relaxed) == 1)
        free(object);
    return NULL;
}

static int drop_by(void *(*entry)(void *))
{
    begin();
    shared.heap = malloc(64);
    if (shared.heap == NULL)
        return 1;
    shared.heap[0] = 5;
    atomic_store_explicit(&shared.count, 2, memory_order_relaxed);
    return run_threads(entry, 2);
}

static int last_reference_frees(void *arg)
{
    (void)arg;
    return drop_by(read_and_drop);
}

static int last_reference_relaxed(void *arg)
{
    (void)arg;
    return drop_by(read_and_drop_relaxed);
}

/* The second look is ordered after the free by the lock: no race, but a use of freed memory. */
static void *free_or_use(void *arg)
{
    (void)pthread_mutex_lock(&shared.lock);
    if (arg == NULL)
        free(shared.heap);
    else
        shared.more = shared.heap[0];
    (void)pthread_mutex_unlock(&shared.lock);
    return NULL;
}

static int used_after_free_in_order(void *arg)
{
    (void)arg;
    begin();
    shared.heap = malloc(64);
    if (shared.heap == NULL)
        return 1;
    shared.heap[0] = 5;
    return run_threads(free_or_use, 2);
}

static int written_past_the_end(void *arg)
{
    (void)arg;
    begin();
    volatile char *text = malloc(10);
    if (text == NULL)
        return 1;
    for (size_t i = 0; i < 9; i++)
        text[i] = 'x';
    text[10 + (size_t)shared.data] = 0;
    free((void *)text);
    return 0;
}

/* Memory that goes from thread to thread through the allocator alone. */
static void *take_and_give(void *arg)
{
    for (int i = 0; i < 4; i++) {
        volatile int *own = malloc(sizeof(*own));
        if (own == NULL)
            return arg;
        *own = i;
        free((void *)own);
    }
    return NULL;
}

static int blocks_used_again(void *arg)
{
    (void)arg;
    begin();
    return run_threads(take_and_give, WORKERS);
}

const struct litmus_posix litmus_posix_table[] = {
    {"created and joined", NULL, created_and_joined},
    {"read before the join", "data-race in read_before_join / write_data", read_before_join},
    {"two writers", "data-race in write_data / write_data", two_writers},
    {"a detached writer", "data-race in write_data / write_data", detached_writer},
    {"stacks used again", NULL, stacks_used_again},
    {"under a mutex", NULL, under_a_mutex},
    {"under two mutexes", "data-race in add_under_either / add_under_either", under_two_mutexes},
    {"under trylock", NULL, under_trylock},
    {"trylock not asked", "data-race in try_and_add_anyway / try_and_add_anyway",
     trylock_not_asked},
    {"under a rwlock", NULL, under_a_rwlock},
    {"writers with read locks", "data-race in write_under_read_lock / write_under_read_lock",
     writers_with_read_locks},
    {"under a spinlock", NULL, under_a_spinlock},
    {"by a condition", NULL, by_a_condition},
    {"condition set outside", "data-race in make_ready_unlocked / wait_until_ready",
     condition_set_outside},
    {"by a barrier", NULL, by_a_barrier},
    {"written after the barrier", "data-race in meet_and_write / meet_and_write",
     written_after_the_barrier},
    {"by a semaphore", NULL, by_a_semaphore},
    {"posted too early", "data-race in wait_then_post / wait_then_post", posted_too_early},
    {"set up once", NULL, set_up_once},
    {"last reference frees", NULL, last_reference_frees},
    {"last reference, relaxed", "data-race in read_and_drop_relaxed / read_and_drop_relaxed",
     last_reference_relaxed},
    {"used after free, in order", "heap-use-after-free read in free_or_use",
     used_after_free_in_order},
    {"written past the end", "heap-buffer-overflow write in written_past_the_end",
     written_past_the_end},
    {"blocks used again", NULL, blocks_used_again},
};
const size_t litmus_posix_count = sizeof(litmus_posix_table) / sizeof(litmus_posix_table[0]);
