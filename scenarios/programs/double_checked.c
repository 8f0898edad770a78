/*
 * double_checked.c - made by whoever needs it first, and looked for without the lock.
 *
 * The settings are made once, under a lock; who finds them made does not take it.
 *
 * Wrong: the pointer is published before what it points to is filled in. Another thread sees
 * the pointer, takes the short way, and reads a limit that is not there yet.
 *
 * Right (-DFIXED): filled in first, then published, by a store with release that a load with
 * acquire meets.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

struct settings {
    int limit;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(struct settings *) settings;

static struct settings *get_settings(void)
{
    struct settings *made = atomic_load_explicit(&settings, memory_order_acquire);

    if (made != NULL)
        return made;
    pthread_mutex_lock(&lock);
    made = atomic_load_explicit(&settings, memory_order_relaxed);
    if (made == NULL) {
        made = calloc(1, sizeof(*made));
        if (made == NULL)
            abort();
#ifdef FIXED
        made->limit = 10;
        atomic_store_explicit(&settings, made, memory_order_release);
#else
        atomic_store_explicit(&settings, made, memory_order_release);
        made->limit = 10;
#endif
    }
    pthread_mutex_unlock(&lock);
    return made;
}

static void *use(void *arg)
{
    assert(get_settings()->limit == 10);
    return arg;
}

int main(void)
{
    pthread_t one, other;

    pthread_create(&one, NULL, use, NULL);
    pthread_create(&other, NULL, use, NULL);
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    free(atomic_load(&settings));
    return 0;
}
