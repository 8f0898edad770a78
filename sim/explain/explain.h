/*
 * sim/explain/explain.h - what decides a failing run: the nearest run that passes, and the two
 * operations whose order makes the difference.
 *
 * From a failing recording, one interruption at a time is moved: the interrupted thread goes on a
 * little longer before the others get their turn, until the run passes. The operation it just got
 * done is one of the pair. Then the others are cut short, until the run passes too: the last
 * operation they need is the other one. Both claims are thereby runs, not guesses.
 *
 * Owner: the command.  Threads: one; between runs.
 */
#ifndef SIM_EXPLAIN_EXPLAIN_H
#define SIM_EXPLAIN_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/shrink/attempt.h"

enum explain_kind {
    EXPLAIN_NOTHING, /* no passing run is near */
    EXPLAIN_ORDER,   /* the order of two operations */
    EXPLAIN_CHOICE,  /* one choice that is not about threads: a fault, a delay, a value */
    EXPLAIN_ALWAYS,  /* the dull run fails too, and every other that was tried */
};

/* A step of a run, by who made it and the run's own count. */
struct explain_step {
    uint64_t step; /* of the run, from 1 */
    uint32_t thread_id;
    struct op op; /* addresses are of the run */
};

struct explanation {
    enum explain_kind kind;
    struct recording failing; /* the interruption as late as it may be */
    struct recording passing; /* the nearest that passes */
    /* ORDER: fails when `first` comes before `second`; as the failing run made them. */
    struct explain_step first;
    struct explain_step second;
    /* ORDER: `second` in the passing run. */
    struct explain_step passing_second;
    bool is_same_object;
    bool is_between_threads; /* `first` is not the network's or the clock's */
    bool is_stuck;           /* `second` is the last that its thread does in the failing run */
    /* CHOICE: which of the failing recording's. */
    size_t choice;
    uint64_t run_count;
};

struct explain_spec {
    const struct target *target;
    const struct recording *recording; /* 1-minimal is best: see sim/shrink */
    const char *title;
    bool is_deadlock; /* that is what the title is about */
    void (*expand)(struct finding *finding);
};

void explain_run(const struct explain_spec *spec, struct explanation *out);
void explanation_fini(struct explanation *explanation);

#endif
