/*
 * sim/race/tsan_notes.c - what programs tell a race detector about themselves; see tsan.h.
 */
#include "sim/race/internal.h"
#include "sim/race/tsan.h"

/* sanitizer/tsan_interface.h */
enum {
    MUTEX_TRY_LOCK_FAILED = 1 << 5,
    FIBER_NO_SYNC = 1 << 0,
};

void __tsan_init(void)
{
    /* Each run sets itself up. */
}

void __tsan_acquire(void *object)
{
    struct race_thread *self = race_current();

    if (self != NULL)
        race_acquire(self, object);
}

void __tsan_release(void *object)
{
    struct race_thread *self = race_current();

    if (self != NULL)
        race_release(self, object);
}

void __tsan_ignore_thread_begin(void)
{
    struct race_thread *self = race_current();

    if (self != NULL)
        self->ignore++;
}

void __tsan_ignore_thread_end(void)
{
    struct race_thread *self = race_current();

    if (self != NULL && self->ignore != 0)
        self->ignore--;
}

/* ---- locks of the program's own making ---- */

/* Readers come after writers but not after each other: what they release lies one byte further. */
static void *readers(void *mutex)
{
    return (char *)mutex + 1;
}

void __tsan_mutex_create(void *mutex, unsigned flags)
{
    (void)mutex;
    (void)flags;
}

void __tsan_mutex_destroy(void *mutex, unsigned flags)
{
    (void)mutex;
    (void)flags;
}

/* The atomics inside a lock are its own business: the edges are told below. */
void __tsan_mutex_pre_lock(void *mutex, unsigned flags)
{
    (void)mutex;
    (void)flags;
    __tsan_ignore_thread_begin();
}

void __tsan_mutex_post_lock(void *mutex, unsigned flags, int recursion)
{
    (void)recursion;
    __tsan_ignore_thread_end();
    if ((flags & MUTEX_TRY_LOCK_FAILED) != 0)
        return;
    __tsan_acquire(mutex);
    if ((flags & TSAN_MUTEX_READ_LOCK) == 0)
        __tsan_acquire(readers(mutex));
}

int __tsan_mutex_pre_unlock(void *mutex, unsigned flags)
{
    __tsan_release((flags & TSAN_MUTEX_READ_LOCK) != 0 ? readers(mutex) : mutex);
    __tsan_ignore_thread_begin();
    return 1;
}

void __tsan_mutex_post_unlock(void *mutex, unsigned flags)
{
    (void)mutex;
    (void)flags;
    __tsan_ignore_thread_end();
}

void __tsan_mutex_pre_signal(void *mutex, unsigned flags)
{
    (void)mutex;
    (void)flags;
    __tsan_ignore_thread_begin();
}

void __tsan_mutex_post_signal(void *mutex, unsigned flags)
{
    (void)mutex;
    (void)flags;
    __tsan_ignore_thread_end();
}

/* A call out of the lock's code, and back. */
void __tsan_mutex_pre_divert(void *mutex, unsigned flags)
{
    (void)mutex;
    (void)flags;
    __tsan_ignore_thread_end();
}

void __tsan_mutex_post_divert(void *mutex, unsigned flags)
{
    (void)mutex;
    (void)flags;
    __tsan_ignore_thread_begin();
}

/* ---- fibers: several threads of execution on one thread ---- */

void *__tsan_get_current_fiber(void)
{
    return race_current();
}

void *__tsan_create_fiber(unsigned flags)
{
    const struct race_thread *self = race_current();

    (void)flags;
    return self == NULL ? NULL : race_thread_new(self->thread);
}

/* Its number stays taken until the thread it ran on ends. */
void __tsan_destroy_fiber(void *fiber)
{
    (void)fiber;
}

void __tsan_switch_to_fiber(void *fiber, unsigned flags)
{
    struct race_thread *self = race_current();
    struct race_thread *to = fiber;

    if (self == NULL || to == NULL)
        return;
    to->thread = self->thread;
    if ((flags & FIBER_NO_SYNC) == 0) {
        vclock_join(&to->clock, &self->clock);
        race_tick(self);
    }
    self->thread->race = to;
}

void __tsan_set_fiber_name(void *fiber, const char *name)
{
    (void)fiber;
    (void)name;
}

/* ---- accesses to an object as a whole ---- */

void *__tsan_external_register_tag(const char *object_type)
{
    return (void *)(uintptr_t)object_type;
}

void __tsan_external_register_header(void *tag, const char *header)
{
    (void)tag;
    (void)header;
}

void __tsan_external_assign_tag(void *object, void *tag)
{
    (void)object;
    (void)tag;
}

void __tsan_external_read(void *object, void *caller_pc, void *tag)
{
    (void)tag;
    race_range(object, 1, false, caller_pc);
}

void __tsan_external_write(void *object, void *caller_pc, void *tag)
{
    (void)tag;
    race_range(object, 1, true, caller_pc);
}

void __tsan_flush_memory(void)
{
}

void __tsan_check_no_mutexes_held(void)
{
}
