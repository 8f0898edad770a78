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

static void *produce(void *arg)
{
    for (int i = 0; i < VALUES; i++) {
        enter();
        slot[i % SLOTS] = i;
        used++;
        leave();
    }
    return arg;
}

static void *consume(void *arg)
{
    for (int i = 0; i < VALUES; i++) {
        enter();
        if (used > 0) {
            int value = slot[taken % SLOTS];
            used--;
            assert(value == taken && "values come in order");
            taken++;
        }
        leave();
    }
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
