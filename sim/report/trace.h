/*
 * sim/report/trace.h - what happened, step by step: the last steps of a run, kept for its story.
 *
 * A trace is recorded while a run is replayed, by the scheduler's trace callback. It lives in a
 * mapping of its own and allocates nothing on the way, so that recording cannot change the run.
 * Objects get numbers in order of first use and keep the name they had then: an address that is
 * used again under another name is another object.
 *
 * Owner: the command that replays.  Threads: one; trace_step() runs on the stepping thread's stack.
 */
#ifndef SIM_REPORT_TRACE_H
#define SIM_REPORT_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/sched/sched.h"

enum {
    TRACE_STEPS_DEFAULT = 100000,
    TRACE_OBJECTS_MAX = 1 << 15,
    TRACE_STACK_MAX = 8,
    TRACE_NAME_BYTES = 40,
    TRACE_LABEL_BYTES = 40,
    TRACE_NOBODY = UINT32_MAX,
};

/* Writes what the object of `op` is called, or nothing. Called during the run. */
typedef void trace_name_fn(const struct vthread *thread, const struct op *op, char *out,
                           size_t out_bytes);

struct trace_object {
    const void *address;
    uint32_t next;               /* private: chain of its hash bucket, 0 ends it */
    char name[TRACE_NAME_BYTES]; /* empty: nobody named it */
};

struct trace_step {
    uint64_t step;
    uint64_t time_ns;
    uint32_t thread_id;
    uint32_t object_id; /* 0: none */
    enum op_kind kind;
    bool was_preempting; /* the thread of the step before could have gone on */
    uint64_t cause_step; /* of a lane: the step that armed its timer; 0: before the first */
    bool has_value;
    int64_t value;                      /* what the step came to: a call's result, or -errno */
    const char *label;                  /* static words, may be NULL */
    const void *pc;                     /* return address in the code under test, may be NULL */
    const void *stack[TRACE_STACK_MAX]; /* callers of pc, innermost first, NULL at the end */
};

/* A thread at the end of the run. */
struct trace_thread {
    char name[VTHREAD_NAME_BYTES];
    uint32_t who;
    bool is_known; /* it made a step or was there at the end */
    bool is_lane;
    enum vthread_state state;
    uint32_t holder_id; /* who alone could end its wait, or TRACE_NOBODY */
    /* What it waits in while parked, what it was about to do otherwise; thread_id is its own. */
    struct trace_step last;
    uint64_t recorded_last; /* private: trace.recorded after its last step; 0: it made none */
};

struct trace {
    struct trace_step *steps; /* a ring */
    size_t capacity;
    uint64_t recorded;            /* steps seen, of which the last `capacity` are there */
    uint32_t thread_last;         /* of the step before */
    struct trace_object *objects; /* by id, 1-based */
    uint32_t object_count;
    uint32_t *buckets;
    struct trace_thread threads[VTHREADS_MAX];
    trace_name_fn *name_of; /* may be NULL */
};

/* Aborts when there is no memory. */
void trace_init(struct trace *trace, size_t steps_max, trace_name_fn *name_of);
void trace_fini(struct trace *trace);
/* Forgets everything, before another run. */
void trace_reset(struct trace *trace);

/* For run_spec.trace, with the trace as its context. */
void trace_step(void *context, const struct vthread *thread, const struct op *op);
/* For run_spec.trace_value, with the same context. */
void trace_value(void *context, uint64_t value);
/* After the run and before the next: how each thread ended. */
void trace_end(struct trace *trace);

/* Recorded steps, oldest first. */
size_t trace_count(const struct trace *trace);
const struct trace_step *trace_at(const struct trace *trace, size_t index);
/* Index of the run's step of that number; trace_count() when it was not kept. */
size_t trace_find(const struct trace *trace, uint64_t step);
/* Whether the step takes a lock, which is then held, or waited for if it is the thread's last. */
bool trace_takes_lock(const struct trace_step *step);
/* The object of a step, NULL when there is none. */
const struct trace_object *trace_object(const struct trace *trace, uint32_t id);

/* Adds a step as it is, and gives an object its number: what trace_step is made of. */
void trace_add(struct trace *trace, const struct trace_step *step);
uint32_t trace_intern(struct trace *trace, const void *object, const char *name);

#endif
