/*
 * circular_buffer.c - one producer, one consumer, a ring of four slots, and no lock.
 *
 * Each side owns one end of the ring, which is fine; both also update `used`, which is not.
 *
 * Wrong: the consumer reads `used` to take one off, the producer adds one, the consumer writes:
 * an element is in the ring that the count does not know.
 *
 * Right (-DFIXED): the count is changed under a lock.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

enum { SLOTS = 4, VALUES = 3 };

static int slot[SLOTS];
static int used;
static int taken;
#ifdef FIXED
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
#endif

static void enter(void)
{
#ifdef FIXED
    pthread_mutex_lock(&lock);
#endif
}

static void leave(void)
{
#ifdef FIXED
    pthread_mutex_unlock(&lock);
#endif
}

/* Not inlined, as if the ring had a file of its own: a loop could keep the count in a register. */
__attribute__((noinline)) static void put(int value)
{
    enter();
    slot[value % SLOTS] = value;
    used++;
    leave();
}

__attribute__((noinline)) static void get(void)
{
    enter();
    if (used > 0) {
        assert(slot[taken % SLOTS] == taken && "values come in order");
        taken++;
        used--;
    }
    leave();
}

static void *produce(void *arg)
{
    for (int value = 0; value < VALUES; value++)
        put(value);
    return arg;
}

static void *consume(void *arg)
{
    for (int i = 0; i < VALUES; i++)
        get();
    return arg;
}

int main(void)
{
    pthread_t producer, consumer;

    pthread_create(&producer, NULL, produce, NULL);
    pthread_create(&consumer, NULL, consume, NULL);
    pthread_join(producer, NULL);
    pthread_join(consumer, NULL);
    assert(used == VALUES - taken);
    return 0;
}
