/*
 * sim/exercise/takeover.c - workers steal each other's descriptors, use them, delete them.
 *
 * Each object is a socket pair whose one end belongs to a worker, as an idle connection does, and
 * whose other end drivers write to. Any worker may take it over under the object's lock; the owner
 * may delete it and open another, whose number may be the same.
 *
 * Property: a handler runs only on the worker that owns the descriptor (F7); what is written is
 * read; every descriptor is closed once (F2).
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/atomic.h"
#include "core/base/hook.h"
#include "core/base/lock.h"
#include "sim/exercise/exercise.h"
#include "sim/sched/sched.h"

struct object {
    struct lock lock; /* guards all but `owner`, which handlers read */
    struct exercise_run *run;
    _Atomic int owner; /* worker */
    int fd;            /* -1: none */
    int far_fd;
};

struct state {
    uint32_t count;
    struct object *objects;
};

/* An open object belongs to one worker at a time; a handler of another one is the bug. */
static void check_owner(const struct object *object)
{
    if (atom_load(&object->owner) != worker_id())
        finding_fail(FINDING_INVARIANT, NULL,
                     "invariant: a descriptor is handled by a worker that does not own it");
}

static void handle(struct rt *rt, int fd, void *owner)
{
    struct object *object = owner;
    char bytes[16];

    check_owner(object);
    if (read(fd, bytes, sizeof(bytes)) < 0)
        fd_cant_recv(rt, fd);
    check_owner(object);
}

static void open_on(struct object *object, int worker)
{
    int fds[2];

    BUG_ON(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0);
    object->fd = fds[0];
    object->far_fd = fds[1];
    atom_store(&object->owner, worker);
    BUG_ON(fd_insert(object->run->rt, object->fd, object, handle, UINT64_C(1) << worker) != 0);
    fd_want_recv(object->run->rt, object->fd);
}

static void close_object(struct object *object)
{
    int fd = object->fd;

    object->fd = -1;
    fd_delete(object->run->rt, fd);
    (void)close(object->far_fd);
}

/* As an idle connection is stolen: the lock keeps the old owner from deleting it meanwhile. */
static void steal(struct object *object, int worker)
{
    if (fd_takeover(object->run->rt, object->fd, object) != 0)
        return;
    atom_store(&object->owner, worker);
    fd_want_recv(object->run->rt, object->fd);
}

static void use(struct object *object, int worker)
{
    int owner = atom_load(&object->owner);
    uint32_t draw = exercise_draw(4);

    if (object->fd < 0)
        open_on(object, worker);
    else if (owner != worker)
        steal(object, worker);
    else if (draw == 0)
        close_object(object);
    if (object->fd >= 0 && draw != 1)
        (void)write(object->far_fd, "x", 1);
}

static void step(struct exercise_run *run, int worker, uint32_t round)
{
    struct state *state = run->state;
    struct object *object = &state->objects[exercise_draw(state->count)];

    (void)round;
    lock_take(&object->lock);
    use(object, worker);
    lock_give(&object->lock);
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
        lock_init(&object->lock, "object.lock");
        object->run = run;
        object->fd = -1;
        open_on(object, 0);
    }
    exercise_drive(run, step);
}

/* Alive and quiet: whatever was written to it has been read by its owner. */
static void check_quiet(const struct exercise_run *run)
{
    const struct state *state = run->state;

    for (uint32_t i = 0; i < state->count; i++) {
        const struct object *object = &state->objects[i];
        if (object->fd >= 0 && exercise_is_readable(run, object->fd))
            finding_fail(FINDING_LOST_WAKEUP, NULL,
                         "lost-wakeup: a stolen descriptor is readable and its owner polls it not");
    }
}

static void end(struct exercise_run *run)
{
    struct state *state = run->state;

    for (uint32_t i = 0; i < state->count; i++) {
        if (state->objects[i].fd >= 0)
            close_object(&state->objects[i]);
        lock_fini(&state->objects[i].lock);
    }
    free(state->objects);
    free(state);
    run->state = NULL;
}

const struct exercise exercise_takeover = {
    .name = "takeover",
    .begin = begin,
    .check_quiet = check_quiet,
    .end = end,
};
