/* C11 atomics, __atomic and __sync builtins count right from two threads. PLANT: one of them loads
 * and stores instead. */
#include <pthread.h>
#include <stdatomic.h>

static atomic_int c11;
static int gnu;
static int old;
static long wide;
static atomic_flag held = ATOMIC_FLAG_INIT;
static int guarded;

static void *work(void *arg)
{
    atomic_fetch_add_explicit(&c11, 1, memory_order_relaxed);
#ifdef PLANT
    __atomic_store_n(&gnu, __atomic_load_n(&gnu, __ATOMIC_SEQ_CST) + 1, __ATOMIC_SEQ_CST);
#else
    __atomic_add_fetch(&gnu, 1, __ATOMIC_SEQ_CST);
#endif
    (void)__sync_fetch_and_add(&old, 1);
    long seen = __atomic_load_n(&wide, __ATOMIC_RELAXED);
    while (
        !__atomic_compare_exchange_n(&wide, &seen, seen + 1, 1, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        ;
    while (atomic_flag_test_and_set_explicit(&held, memory_order_acquire))
        ;
    guarded++;
    atomic_flag_clear_explicit(&held, memory_order_release);
    return arg;
}

int main(void)
{
    pthread_t threads[2];

    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return c11 == 2 && gnu == 2 && old == 2 && wide == 2 && guarded == 2 ? 0 : 7;
}
