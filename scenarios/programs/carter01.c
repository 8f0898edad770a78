/*
 * carter01.c - readers and writers share a room; the first one in takes it, the last one out
 * frees it.
 *
 * `book` protects the two counts, `room` is held by whichever kind is inside. Two more threads
 * only read the book.
 *
 * Wrong: a reader has the room and has closed the book. A writer opens the book and, holding
 * it, waits for the room. The reader needs the book to leave: deadlock.
 *
 * Right (-DFIXED): nobody waits for the room with the book in hand.
 */
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t book = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t room = PTHREAD_MUTEX_INITIALIZER;
static int readers;
static int writers;

static void enter(int *count)
{
#ifdef FIXED
    pthread_mutex_lock(&room);
    pthread_mutex_lock(&book);
    ++*count;
    pthread_mutex_unlock(&book);
#else
    pthread_mutex_lock(&book);
    if (++*count == 1)
        pthread_mutex_lock(&room);
    pthread_mutex_unlock(&book);
#endif
}

static void leave(int *count)
{
    pthread_mutex_lock(&book);
    if (--*count == 0)
        pthread_mutex_unlock(&room);
    pthread_mutex_unlock(&book);
}

static void *read_once(void *arg)
{
    enter(&readers);
    leave(&readers);
    return arg;
}

static void *write_once(void *arg)
{
    enter(&writers);
    leave(&writers);
    return arg;
}

static void *look_into_book(void *arg)
{
    pthread_mutex_lock(&book);
    int *inside = arg;
    *inside = readers + writers;
    pthread_mutex_unlock(&book);
    return NULL;
}

int main(void)
{
    pthread_t reader, writer, first, second;
    int seen[2];

    pthread_create(&reader, NULL, read_once, NULL);
    pthread_create(&writer, NULL, write_once, NULL);
    pthread_create(&first, NULL, look_into_book, &seen[0]);
    pthread_create(&second, NULL, look_into_book, &seen[1]);
    pthread_join(reader, NULL);
    pthread_join(writer, NULL);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    return 0;
}
