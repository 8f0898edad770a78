/*
 * sim/exercise/shared_fd.c - descriptors that all workers handle: polled, stopped, deleted.
 *
 * Each object is an eventfd that every worker may handle. Drivers write to it, stop and want its
 * polling again, and in the end one of them deletes it while others may be inside. With `locked`,
 * handlers and the deleter take the object's lock, as listeners do.
 *
 * Property: what is written is read (no polling update is lost); the descriptor is closed once.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/atomic.h"
#include "core/base/hook.h"
#include "core/base/lock.h"
#include "sim/exercise/exercise.h"
#include "sim/sched/sched.h"

struct object {
    struct lock lock;
    struct exercise_run *run;
    _Atomic int fd; /* -1: deleted */
    _Atomic uint64_t written;
    _Atomic uint64_t read;
    _Atomic int users; /* drivers that may still write */
};

struct state {
    uint32_t count;
    struct object *objects;
};

static void handle(struct rt *rt, int fd, void *owner)
{
    struct object *object = owner;
    bool is_locked = object->run->is_locked;
    uint64_t value;

    if (is_locked)
        lock_take(&object->lock);
    if (atom_load(&object->fd) == fd) {
        /* An eventfd that never blocks. NOLINTNEXTLINE(*-unix.BlockInCriticalSection) */
        if (read(fd, &value, sizeof(value)) == (ssize_t)sizeof(value))
            atom_fetch_add(&object->read, value, memory_order_relaxed);
        else
            fd_cant_recv(rt, fd);
    }
    if (is_locked)
        lock_give(&object->lock);
}

static void put(struct object *object)
{
    uint64_t one = 1;

    atom_fetch_add(&object->written, 1, memory_order_relaxed);
    BUG_ON(write(atom_load(&object->fd), &one, sizeof(one)) != (ssize_t)sizeof(one));
}

/* The last driver deletes what it used. */
static void leave(struct exercise_run *run, struct object *object)
{
    /* Acquire and release: the others' writes are over. */
    if (atom_fetch_sub(&object->users, 1, memory_order_acq_rel) != 1)
        return;
    if (run->is_locked)
        lock_take(&object->lock);
    int fd = atom_load(&object->fd);
    atom_store(&object->fd, -1);
    fd_delete(run->rt, fd);
    if (run->is_locked)
        lock_give(&object->lock);
}

static void step(struct exercise_run *run, int worker, uint32_t round)
{
    struct state *state = run->state;
    struct object *object = &state->objects[exercise_draw(state->count)];
    int fd = atom_load(&object->fd);

    (void)worker;
    if (exercise_draw(3) == 0) {
        fd_stop_recv(run->rt, fd);
        put(object);
        fd_want_recv(run->rt, fd);
    } else {
        put(object);
    }
    if (round + 1 == run->rounds && exercise_draw(2) == 0) {
        for (uint32_t i = 0; i < state->count; i++)
            leave(run, &state->objects[i]);
    } else if (round + 1 == run->rounds) {
        for (uint32_t i = state->count; i-- > 0;)
            leave(run, &state->objects[i]);
    }
}

static void begin(struct exercise_run *run)
{
    struct state *state = calloc(1, sizeof(*state));

    BUG_ON(state == NULL);
    state->objects = calloc(run->objects, sizeof(struct object));
    BUG_ON(state->objects == NULL);
    run->state = state;
    state->count = run->objects;
    for (uint32_t i = 0; i < run->objects; i++) {
        struct object *object = &state->objects[i];
        int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        BUG_ON(fd < 0);
        lock_init(&object->lock, "object.lock");
        object->run = run;
        atom_store(&object->fd, fd);
        atom_store(&object->users, (int)run->workers);
        BUG_ON(fd_insert(run->rt, fd, object, handle, UINT64_MAX >> (64 - run->workers)) != 0);
        fd_want_recv(run->rt, fd);
    }
    exercise_drive(run, step);
}

/* Alive and quiet: everything written was read, or somebody is inside no more and the report is
 * lost. */
static void check_quiet(const struct exercise_run *run)
{
    const struct state *state = run->state;

    for (uint32_t i = 0; i < state->count; i++) {
        const struct object *object = &state->objects[i];
        uint64_t written = atomic_load_explicit(&object->written, memory_order_relaxed);
        uint64_t got = atomic_load_explicit(&object->read, memory_order_relaxed);
        if (atomic_load_explicit(&object->fd, memory_order_relaxed) >= 0 && written != got)
            finding_fail(FINDING_LOST_WAKEUP, NULL,
                         "lost-wakeup: a shared descriptor is readable and nobody polls it");
    }
}

static void end(struct exercise_run *run)
{
    struct state *state = run->state;

    for (uint32_t i = 0; i < state->count; i++)
        lock_fini(&state->objects[i].lock);
    free(state->objects);
    free(state);
    run->state = NULL;
}

const struct exercise exercise_shared_fd = {
    .name = "shared-fd",
    .begin = begin,
    .check_quiet = check_quiet,
    .end = end,
};
