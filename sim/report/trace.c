/*
 * sim/report/trace.c - see trace.h.
 */
#include "sim/report/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/vthread/identity.h"

enum { BUCKETS = 1 << 14, FRAMES_WALKED_MAX = 64 };

/* Shared: a run may be made by a child of this process. */
static void *map_memory(size_t size_bytes)
{
    void *memory = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED) {
        perror("heddle: no memory for a trace");
        abort();
    }
    return memory;
}

void trace_init(struct trace *trace, size_t steps_max, trace_name_fn *name_of)
{
    memset(trace, 0, sizeof(*trace));
    trace->capacity = steps_max;
    trace->steps = map_memory(steps_max * sizeof(*trace->steps));
    trace->objects = map_memory(TRACE_OBJECTS_MAX * sizeof(*trace->objects));
    trace->buckets = map_memory(BUCKETS * sizeof(*trace->buckets));
    trace->name_of = name_of;
    trace_reset(trace);
}

void trace_fini(struct trace *trace)
{
    munmap(trace->steps, trace->capacity * sizeof(*trace->steps));
    munmap(trace->objects, TRACE_OBJECTS_MAX * sizeof(*trace->objects));
    munmap(trace->buckets, BUCKETS * sizeof(*trace->buckets));
}

void trace_reset(struct trace *trace)
{
    trace->recorded = 0;
    trace->object_count = 0;
    trace->thread_last = TRACE_NOBODY;
    memset(trace->buckets, 0, BUCKETS * sizeof(*trace->buckets));
    memset(trace->threads, 0, sizeof(trace->threads));
}

size_t trace_count(const struct trace *trace)
{
    return trace->recorded < trace->capacity ? (size_t)trace->recorded : trace->capacity;
}

const struct trace_step *trace_at(const struct trace *trace, size_t index)
{
    uint64_t first = trace->recorded - trace_count(trace);

    return &trace->steps[(first + index) % trace->capacity];
}

size_t trace_find(const struct trace *trace, uint64_t step)
{
    const size_t count = trace_count(trace);
    const uint64_t first = count == 0 ? 0 : trace_at(trace, 0)->step; /* none is left out */

    return step < first || step - first >= count ? count : (size_t)(step - first);
}

bool trace_takes_lock(const struct trace_step *step)
{
    return step->kind == OP_LOCK || step->kind == OP_LOCK_READ ||
           (step->kind == OP_TRY_LOCK && step->has_value && step->value == 0);
}

const struct trace_object *trace_object(const struct trace *trace, uint32_t id)
{
    return id == 0 || id > trace->object_count ? NULL : &trace->objects[id];
}

uint32_t trace_intern(struct trace *trace, const void *object, const char *name)
{
    uint32_t *bucket = &trace->buckets[((uintptr_t)object >> 3) % BUCKETS];
    char short_name[TRACE_NAME_BYTES];

    if (object == NULL)
        return 0;
    snprintf(short_name, sizeof(short_name), "%s", name);
    for (uint32_t id = *bucket; id != 0; id = trace->objects[id].next) {
        struct trace_object *known = &trace->objects[id];
        if (known->address != object)
            continue;
        /* It may be named after its first use, and it may be another by now. */
        if (known->name[0] == '\0')
            memcpy(known->name, short_name, sizeof(known->name));
        if (short_name[0] == '\0' || strcmp(known->name, short_name) == 0)
            return id;
    }
    if (trace->object_count + 1 >= TRACE_OBJECTS_MAX)
        return 0;
    uint32_t id = ++trace->object_count;
    trace->objects[id].address = object;
    trace->objects[id].next = *bucket;
    memcpy(trace->objects[id].name, short_name, sizeof(short_name));
    *bucket = id;
    return id;
}

static uint32_t intern_named(struct trace *trace, const struct vthread *thread, const struct op *op)
{
    char name[TRACE_NAME_BYTES] = "";

    if (op->object != NULL && trace->name_of != NULL)
        trace->name_of(thread, op, name, sizeof(name));
    return trace_intern(trace, op->object, name);
}

/* Follows frame pointers from `frame` while they stay inside the thread's stack and rise. Notes the
 * return addresses behind `pc`: frames before it are the simulator's. */
__attribute__((no_sanitize("address", "thread"))) static void
walk_stack(const struct identity *identity, const void *frame, const void *pc, const void **out)
{
    const uintptr_t bottom = (uintptr_t)identity->stack_bottom;
    const uintptr_t top = (uintptr_t)identity->stack_top;
    uintptr_t at = (uintptr_t)frame;
    size_t count = 0;
    bool is_past_pc = false;

    for (int i = 0; i < FRAMES_WALKED_MAX && count < TRACE_STACK_MAX; i++) {
        if (at < bottom || at + 2 * sizeof(void *) > top || at % sizeof(void *) != 0)
            break;
        const uintptr_t next = *(const uintptr_t *)at;
        const void *address = *(const void *const *)(at + sizeof(void *));
        if (is_past_pc && address != NULL)
            out[count++] = address;
        is_past_pc = is_past_pc || address == pc;
        if (next <= at)
            break;
        at = next;
    }
}

/* `is_alive`: the operation's object is sure to exist and may be asked for its name. */
static void fill_step(struct trace *trace, struct trace_step *out, const struct vthread *thread,
                      const struct op *op, bool is_alive)
{
    *out = (struct trace_step){
        .step = sched_step_count(),
        .time_ns = sched_now_ns(),
        .thread_id = thread->id,
        .object_id =
            is_alive ? intern_named(trace, thread, op) : trace_intern(trace, op->object, ""),
        .kind = op->kind,
        .label = op->label,
        .pc = op->pc,
    };
    /* A lane does what its first due timer says. */
    if (thread->is_lane && thread->due_head != NULL)
        out->pc = (const char *)(uintptr_t)thread->due_head->fire + 1;
    if (thread->is_lane && thread->due_head != NULL)
        out->cause_step = thread->due_head->armed_step;
}

static bool could_run(uint32_t thread_id)
{
    return thread_id < sched_thread_count() && sched_thread(thread_id)->state == VTHREAD_RUNNABLE;
}

void trace_add(struct trace *trace, const struct trace_step *step)
{
    trace->steps[trace->recorded++ % trace->capacity] = *step;
    trace->thread_last = step->thread_id;
}

static struct trace_thread *note_thread(struct trace *trace, const struct vthread *thread)
{
    struct trace_thread *out = &trace->threads[thread->id];

    out->is_known = true;
    out->is_lane = thread->is_lane;
    out->who = thread->who;
    memcpy(out->name, thread->name, sizeof(out->name));
    return out;
}

void trace_step(void *context, const struct vthread *thread, const struct op *op)
{
    struct trace *trace = context;
    struct trace_step step;

    sched_bypass_begin();
    fill_step(trace, &step, thread, op, true);
    step.was_preempting = trace->thread_last != thread->id && could_run(trace->thread_last);
    if (!thread->is_lane && thread->identity != NULL)
        walk_stack(thread->identity, __builtin_frame_address(0), op->pc, step.stack);
    struct trace_thread *noted = note_thread(trace, thread);
    trace_add(trace, &step);
    noted->recorded_last = trace->recorded;
    sched_bypass_end();
}

void trace_value(void *context, uint64_t value)
{
    struct trace *trace = context;
    const struct vthread *self = sched_self();
    const uint64_t recorded = self == NULL ? 0 : trace->threads[self->id].recorded_last;

    if (recorded == 0 || trace->recorded - recorded >= trace->capacity)
        return;
    struct trace_step *step = &trace->steps[(recorded - 1) % trace->capacity];
    step->has_value = true;
    step->value = (int64_t)value;
}

void trace_end(struct trace *trace)
{
    for (size_t i = 0; i < sched_thread_count(); i++) {
        const struct vthread *thread = sched_thread(i);
        struct trace_thread *out = note_thread(trace, thread);
        bool is_parked = thread->state == VTHREAD_PARKED && !thread->is_lane;
        out->state = thread->state;
        out->holder_id =
            is_parked && thread->parked_holder != NULL ? thread->parked_holder->id : TRACE_NOBODY;
        /* What a thread did last may have done away with what it did it to. */
        fill_step(trace, &out->last, thread, is_parked ? &thread->parked_op : &thread->next,
                  is_parked);
    }
}
