/*
 * sim/exercise/exercise.h - workloads that drive the core's runtime without a proxy around it.
 *
 * A proxy uses a small part of what the runtime promises. An exercise is a node's program in its
 * place: tasks on every worker that wake, schedule, kill, isolate, share and steal as hard as the
 * contracts allow, together with what must hold of it. `exercise wake rounds=20` in a node block.
 *
 * Owner: the world; an exercise's state lives in the process's heap.  Threads: begin and end on the
 * node's main thread, as worker 0; check between steps, from no worker.
 */
#ifndef SIM_EXERCISE_EXERCISE_H
#define SIM_EXERCISE_EXERCISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/rt/rt.h"

struct exercise_run;
struct process;

struct exercise {
    const char *name;
    /* Makes the objects and the drivers. The calling thread is worker 0, nothing runs yet. */
    void (*begin)(struct exercise_run *run);
    /* Nobody can run: what must hold then. May be NULL. No hooked atomics, no locks. */
    void (*check_quiet)(const struct exercise_run *run);
    /* All workers have left: frees the objects. */
    void (*end)(struct exercise_run *run);
};

struct exercise_run {
    const struct exercise *exercise;
    struct rt *rt;
    unsigned workers;
    uint32_t rounds;  /* that each driver makes */
    uint32_t objects; /* that they work on */
    bool is_locked;   /* variant: callers hold a lock that the called want too */
    void *state;
    _Atomic int parts_left;
    void (*over)(void *context); /* when the last part has ended */
    void *context;
    struct process *process; /* whose descriptors they are, for check_quiet */
};

/* NULL when there is none of that name. */
const struct exercise *exercise_find(const char *name);
/* In order, NULL after the last. */
const struct exercise *exercise_at(size_t index);

/* The program of a node: runs it to its end; returns the exit status. `run` is the caller's
 * storage, all but rt and state filled in. */
int exercise_main(struct exercise_run *run);

/* ---- for the exercises ---- */

/* A driver's reason for the instance to go on, and its end. */
void exercise_part_begin(struct exercise_run *run);
void exercise_part_end(struct exercise_run *run);

/* A task bound to each worker that calls `step` once a turn, `rounds` times. */
void exercise_drive(struct exercise_run *run,
                    void (*step)(struct exercise_run *run, int worker, uint32_t round));

/* 0..n-1, from the run's choices. */
uint32_t exercise_draw(uint32_t n);

/* In check_quiet: would a read of `fd` find something? */
bool exercise_is_readable(const struct exercise_run *run, int fd);

#define EXERCISE(symbol, name, about) extern const struct exercise exercise_##symbol;
#include "sim/exercise/exercises.def"
#undef EXERCISE

#endif
