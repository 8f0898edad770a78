/*
 * refcount.c - two threads drop the last two references to an object.
 *
 * Wrong: dropping and asking whether it was the last one are two operations. Both threads drop,
 * one sees that nothing is left and frees the object, the other asks a freed object; or both
 * see it, and both free it.
 *
 * Right (-DFIXED): the drop itself says what was there before. Release, so that what a thread
 * did to the object comes before the drop; acquire, so that freeing comes after all of it.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

struct object {
    atomic_int references;
};

static void drop(struct object *object)
{
#ifdef FIXED
    if (atomic_fetch_sub_explicit(&object->references, 1, memory_order_acq_rel) == 1)
        free(object);
#else
    atomic_fetch_sub(&object->references, 1);
    if (atomic_load(&object->references) == 0)
        free(object);
#endif
}

static void *use(void *arg)
{
    drop(arg);
    return NULL;
}

int main(void)
{
    pthread_t one, other;
    struct object *object = malloc(sizeof(*object));

    if (object == NULL)
        return 2;
    atomic_init(&object->references, 2);
    pthread_create(&one, NULL, use, object);
    pthread_create(&other, NULL, use, object);
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    return 0;
}
