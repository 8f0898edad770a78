/*
 * sim/sched/profile.h - what the dull run of a target did, for the strategies that aim.
 *
 * The base run of a campaign is noted step by step: who did what to which object. Afterwards the
 * runs of that campaign can ask what a thread's next operation is about, in names that do not
 * depend on addresses or on who came first: an object is the n-th that a thread comes across, and
 * the base run tells which threads' ordinals are the same object; a thread is its parent and its
 * place among the parent's children; a place in the code is the operation's label, or where that is
 * missing the program counter as an offset into the executable. So a run is a pure function of its
 * seed and of the base run, which anybody can repeat.
 *
 * What comes after the tables are full is not named, which only makes the strategies aim less well.
 *
 * Owner: the process; the profile stays until the next profile_begin().  Threads: none, the engine
 * runs on one.
 */
#ifndef SIM_SCHED_PROFILE_H
#define SIM_SCHED_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/sched/strategy.h"

enum {
    PROFILE_STEPS_MAX = 16384,
    PROFILE_OBJECTS_MAX = 4096,
    PROFILE_NOBODY = UINT16_MAX, /* a thread that the base run did not have */
};

struct profile_step {
    uint32_t site;
    uint16_t object; /* 0: none, or one too many */
    uint16_t thread; /* index in profile.threads */
    uint8_t kind;    /* enum op_kind */
    bool is_write;
};

struct profile_thread {
    uint64_t path;
    uint16_t parent;     /* PROFILE_NOBODY for the first threads and for lanes */
    uint16_t class;      /* threads of one class did the same to the same objects; the lowest index
                            among them */
    uint32_t step_first; /* its steps in profile.steps, linked by profile.step_next */
    uint32_t step_last;
    uint32_t step_count;
    uint64_t shape; /* hash of all its steps */
    bool is_lane;
};

struct profile_object {
    uint32_t access_count;
    uint16_t thread_first;
    bool is_shared;  /* by two threads or more */
    bool is_written; /* by one of them */
};

struct profile {
    bool is_complete; /* a base run has been noted */
    bool is_noting;
    uint32_t version; /* another number for each base run */
    uint32_t step_count;
    uint32_t thread_count;
    uint32_t object_count; /* objects are 1..object_count */
    struct profile_step steps[PROFILE_STEPS_MAX];
    uint32_t step_next[PROFILE_STEPS_MAX]; /* the same thread's next, UINT32_MAX after the last */
    struct profile_thread threads[VTHREADS_MAX];
    struct profile_object objects[PROFILE_OBJECTS_MAX];
};
extern struct profile profile;

/* Places are program counters whether or not they have labels: for programs that exist in one build
 * only, whose labels are no more than the names of calls. Off at first; between campaigns. */
void profile_by_code_set(bool is_on);

/* The next run is the base run, under strategy_noted; profile_end() after it. */
void profile_begin(void);
void profile_end(void);
extern const struct strategy_ops strategy_noted; /* dull, and noting what happens */

/* ---- for strategies, in a run of theirs ---- */

/* At begin and spawned of each strategy that asks for names. */
void profile_run_begin(void);
void profile_run_spawned(const struct strategy_run *run, const struct vthread *thread);

/* What `thread` is about to do. The same answer until it has done it; cheap then. Every operation
 * must be asked for once, so a strategy asks in `stepped` too. */
struct profile_name {
    uint32_t site;
    uint16_t object; /* as in the base run; 0 when unknown */
    uint16_t thread;
};
const struct profile_name *profile_next(const struct vthread *thread);
/* The same for the operation that is happening now, in `stepped`. */
const struct profile_name *profile_now(const struct vthread *thread);

/* Their objects alone, for who wants no more. */
uint16_t profile_next_object(const struct vthread *thread);
uint16_t profile_now_object(const struct vthread *thread);

/* The place in the code alone, whatever the object: the same in every process. */
uint32_t profile_place(const struct op *op);

/* The running thread that the base run had under this index, NULL when it is not there. */
struct vthread *profile_running(const struct strategy_run *run, uint16_t index);

#endif
