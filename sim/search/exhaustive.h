/*
 * sim/search/exhaustive.h - every trace of a small program, once.
 *
 * A trace is what several interleavings have in common when they differ only in the order of steps
 * that do not depend on each other (sim/sched/dependence.h). The explorer runs the target again and
 * again, looks for races in what happened, and has each of them happen the other way round, unless
 * that has been seen: optimal dynamic partial order reduction with wakeup trees and sleep sets.
 * Each completed run is another trace; a run that turns out to be a repetition is cut short and
 * counted apart ("blocked").
 *
 * What is held fixed: everything that is not a thread's or a lane's turn is as in the dull run (no
 * faults, whole reads, the oldest waiter first). Time stands still while anybody can run, so a
 * time-out comes only when nothing else can happen; whoever polls the clock makes it move, and what
 * came before then is not moved past it.
 *
 * A thread that spins is blocked (design D7) when it has read the same four times in vain, and goes
 * on when something that it read has changed or nobody else can. How often it read in vain before
 * is part of the trace, and so is its going on: a loop that is bounded, reads one place five times
 * and more and finds nothing new is taken for a spinner, and the writes that could have come
 * between its later reads come before them or after all of them.
 *
 * A run that ends with a finding ends there: what its other threads would have done is not explored
 * from it, but the other orders of what they were about to do are.
 *
 * Owner: the caller.  Threads: one exploration a process.
 */
#ifndef SIM_SEARCH_EXHAUSTIVE_H
#define SIM_SEARCH_EXHAUSTIVE_H

#include "sim/search/search.h"

/* For names in reports; it cannot be asked for a run by itself. */
extern const struct strategy_ops strategy_exhaustive;

struct exhaustive_run {
    const struct run_result *result;
    uint64_t class_hash; /* names the trace */
    uint32_t events;
    bool is_blocked; /* a repetition, cut short: no trace */
};

struct exhaustive_spec {
    const struct search_spec *search; /* its seed, strategy and shards are not used */
    /* After each run when not NULL. */
    void (*each)(void *context, const struct exhaustive_run *run);
    void *context;
};

/* Fills `result` as search_run() does, and what is known of the whole: its `exhaustive`. */
void exhaustive_run(const struct exhaustive_spec *spec, struct search_result *result);

#endif
