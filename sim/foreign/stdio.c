/*
 * sim/foreign/stdio.c - calls of libc's stdio that would reach past the simulator: those that write
 * to a descriptor by themselves, that lock a stream, or that close one of ours.
 *
 * Threads: any; on a virtual thread they are simulated.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/foreign/output.h"
#include "sim/posix/run.h"
#include "sim/posix/wrap_threads.h"

enum { TEXT_BYTES = 4096 };

int __real_fclose(FILE *stream);
int __wrap_fclose(FILE *stream);
void __real_flockfile(FILE *stream);
void __wrap_flockfile(FILE *stream);
int __real_ftrylockfile(FILE *stream);
int __wrap_ftrylockfile(FILE *stream);
void __real_funlockfile(FILE *stream);
void __wrap_funlockfile(FILE *stream);
int __real_dprintf(int fd, const char *format, ...);
int __wrap_dprintf(int fd, const char *format, ...);
int __real_vdprintf(int fd, const char *format, va_list args);
int __wrap_vdprintf(int fd, const char *format, va_list args);
int __wrap___dprintf_chk(int fd, int flag, const char *format, ...);

/* ---- locks ---- */

/* A thread that was cut short never unlocks: so the locks of streams are the run's. */
struct stream_lock {
    struct stream_lock *next;
    FILE *stream;
    pthread_mutex_t mutex;
};

static struct {
    struct stream_lock *locks;
    uint32_t epoch; /* of the run that they belong to */
} streams;

static pthread_mutex_t *lock_of(FILE *stream)
{
    if (streams.epoch != posix_run.epoch) {
        streams.epoch = posix_run.epoch;
        streams.locks = NULL;
    }
    struct stream_lock *lock = streams.locks;
    while (lock != NULL && lock->stream != stream)
        lock = lock->next;
    if (lock == NULL) {
        lock = arena_take(sched_arena(), sizeof(*lock));
        *lock = (struct stream_lock){.next = streams.locks,
                                     .stream = stream,
                                     .mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP};
        streams.locks = lock;
    }
    return &lock->mutex;
}

void __wrap_flockfile(FILE *stream)
{
    if (sched_is_simulated())
        (void)__wrap_pthread_mutex_lock(lock_of(stream));
    else
        __real_flockfile(stream);
}

int __wrap_ftrylockfile(FILE *stream)
{
    return sched_is_simulated() ? __wrap_pthread_mutex_trylock(lock_of(stream))
                                : __real_ftrylockfile(stream);
}

void __wrap_funlockfile(FILE *stream)
{
    if (sched_is_simulated())
        (void)__wrap_pthread_mutex_unlock(lock_of(stream));
    else
        __real_funlockfile(stream);
}

/* ---- text to a descriptor ---- */

static int print(int fd, const char *format, va_list args)
{
    char text[TEXT_BYTES];
    char *longer = NULL;
    va_list again;

    va_copy(again, args);
    const int len = vsnprintf(text, sizeof(text), format, args);
    if (len >= (int)sizeof(text)) {
        longer = __real_malloc((size_t)len + 1);
        if (longer != NULL)
            (void)vsnprintf(longer, (size_t)len + 1, format, again);
    }
    va_end(again);
    if (len < 0 || (len >= (int)sizeof(text) && longer == NULL))
        return -1;
    /* By its name: that is the simulated call. */
    const ssize_t written = write(fd, longer == NULL ? text : longer, (size_t)len);
    __real_free(longer);
    return (int)written;
}

int __wrap_vdprintf(int fd, const char *format, va_list args)
{
    return sched_is_simulated() ? print(fd, format, args) : __real_vdprintf(fd, format, args);
}

int __wrap_dprintf(int fd, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    const int result = __wrap_vdprintf(fd, format, args);
    va_end(args);
    return result;
}

int __wrap___dprintf_chk(int fd, int flag, const char *format, ...)
{
    va_list args;

    (void)flag;
    va_start(args, format);
    const int result = __wrap_vdprintf(fd, format, args);
    va_end(args);
    return result;
}

/* ---- ends ---- */

int __wrap_fclose(FILE *stream)
{
    return output_is_stream(stream) ? fflush(stream) : __real_fclose(stream);
}
