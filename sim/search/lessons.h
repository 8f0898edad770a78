/*
 * sim/search/lessons.h - what a run brought: who handed what on to whom, that was not seen before.
 *
 * A hand-off is an operation on an object that another thread touched last, one of them a write: a
 * pair of places. Runs that show new pairs are runs worth having, and the arms of the portfolio are
 * judged by that. Places are labels or offsets, so every build judges alike.
 *
 * Owner: the process; one campaign's set.  Threads: none, the engine runs on one.
 */
#ifndef SIM_SEARCH_LESSONS_H
#define SIM_SEARCH_LESSONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/sched/strategy.h"

/* Forgets all pairs. */
void lessons_begin(void);

/* The same strategy, watched: its ops until the next call. `is_learned`: what it brings is added to
 * the campaign's set; `is_noted`: the run's own pairs can be asked for. */
const struct strategy_ops *lessons_watch(const struct strategy_ops *ops, bool is_learned,
                                         bool is_noted);

/* The pairs of the last run that was noted, each once; those beyond some thousands are left out. */
const uint64_t *lessons_noted(size_t *count);

/* The pairs that were new in the runs since the last call. */
uint64_t lessons_take(void);

#endif
