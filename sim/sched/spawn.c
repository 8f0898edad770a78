/*
 * sim/sched/spawn.c - new virtual threads and lanes: their number, their name, their first step.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sched/internal.h"
#include "sim/vthread/disturb.h"
#include "sim/vthread/identity.h"

void __tsan_acquire(void *addr) __attribute__((weak));

/* By number. A number given a second time in a run, when all are used up, has its thread in the
 * arena: whoever remembers the first one may still look at it. */
static struct {
    struct vthread thread;
    struct spin spin;
} __attribute__((aligned(CACHE_LINE_BYTES))) slots[VTHREADS_MAX];

static void thread_main(void *arg)
{
    struct vthread *self = arg;

    if (__tsan_acquire != NULL)
        __tsan_acquire(&sched);
    sched_after_point(self);
    self->entry(self->entry_arg);
    sched_exit();
}

/* A number whose thread has ended, once every number has been given. */
static uint32_t find_used_id(void)
{
    for (uint32_t i = 0; i < VTHREADS_MAX; i++) {
        if (sched.threads[i]->state == VTHREAD_DONE && !sched.threads[i]->is_lane)
            return i;
    }
    return UINT32_MAX;
}

/* True when some thread of this run may have that `who`: one word says no for most. */
static bool may_be_taken(uint32_t who)
{
    uint64_t bit = UINT64_C(1) << (who & 63);
    bool is_seen = (sched.names_seen & bit) != 0;

    sched.names_seen |= bit;
    return is_seen;
}

static void name_thread(struct vthread *thread, const char *name)
{
    for (size_t i = 0; i < sizeof(thread->name) - 1 && name[i] != '\0'; i++)
        thread->name[i] = name[i]; /* the rest is zero */
    thread->who = choice_who(thread->name);
    if (!may_be_taken(thread->who))
        return;
    for (uint32_t n = 2, i = 0; i < sched.run.thread_count; i++) {
        struct vthread *other = sched.threads[i];
        if (other == NULL || other == thread || other->who != thread->who)
            continue;
        (void)snprintf(thread->name, sizeof(thread->name), "%.10s.%u", name, n++);
        thread->who = choice_who(thread->name);
        i = UINT32_MAX; /* again from the start */
    }
    (void)may_be_taken(thread->who);
}

static struct vthread *new_thread(const char *name)
{
    struct vthread *thread;
    struct spin *spin;
    uint32_t id;

    if (sched.run.thread_count < VTHREADS_MAX) {
        id = sched.run.thread_count++;
        thread = &slots[id].thread;
        spin = &slots[id].spin;
        memset(thread, 0, sizeof(*thread));
    } else {
        id = find_used_id();
        if (id == UINT32_MAX)
            return NULL;
        thread = arena_take(&sched.arena, sizeof(*thread));
        spin = arena_take(&sched.arena, sizeof(*spin));
    }
    spin_new(thread, spin);
    thread->id = id;
    thread->parent_id = sched.self == NULL ? VTHREAD_NOBODY : sched.self->id;
    sched.threads[id] = thread;
    name_thread(thread, name);
    return thread;
}

struct vthread *sched_lane_new(const char *name)
{
    struct vthread *lane = new_thread(name);

    if (lane == NULL) {
        fprintf(stderr, "heddle: more than %d threads and actors in one world\n", VTHREADS_MAX);
        abort();
    }
    lane->is_lane = true;
    lane->state = VTHREAD_PARKED;
    lane->next.kind = OP_LANE;
    sched.strategy->spawned(&sched.run, lane);
    return lane;
}

struct vthread *sched_clock_lane(void)
{
    return sched.clock_lane;
}

struct vthread *sched_spawn(const char *name, struct process *process, void (*entry)(void *arg),
                            void *arg)
{
    struct vthread *thread = new_thread(name);

    if (thread == NULL)
        return NULL;
    sched_bypass_begin();
    thread->identity = identity_take();
    sched_bypass_end();
    thread->entry = entry;
    thread->entry_arg = arg;
    thread->stack_pointer =
        identity_prepare_stack(disturb_stack(thread->identity), thread_main, thread);
    thread->tls_base = thread->identity->tls_base;
    thread->process = process;
    thread->state = VTHREAD_RUNNABLE;
    thread->next = (struct op){.kind = OP_START, .label = "start"};
    sched.strategy->spawned(&sched.run, thread);
    sched_enable(thread);
    return thread;
}
