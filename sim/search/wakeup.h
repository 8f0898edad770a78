/*
 * sim/search/wakeup.h - what is still to be explored from a node: trees of sequences of steps.
 *
 * A wakeup tree (Abdulla, Aronis, Jonsson, Sagonas: "Optimal dynamic partial order reduction",
 * POPL 2014) holds sequences that each lead to a trace not seen yet. A path from the root is one
 * sequence; a child is a step of one thread, with what it touches. A sleeping thread is one whose
 * next step has been explored from here in all its consequences.
 *
 * Owner: the explorer's nodes.  Threads: one.
 */
#ifndef SIM_SEARCH_WAKEUP_H
#define SIM_SEARCH_WAKEUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/sched/dependence.h"
#include "sim/search/slab.h"

#define STEP_NONE UINT32_MAX

/* One step of a sequence. What has to come before it is known by what it touches and by these. */
struct step {
    uint32_t thread;
    uint32_t event;   /* its number in the execution it is from, or STEP_NONE */
    uint32_t enabler; /* the event that made its thread able to go on, or STEP_NONE */
    uint32_t joined;  /* the thread whose end it waited for, or STEP_NONE */
    const struct action *action;
};

struct wake {
    struct wake *child; /* the first to be explored */
    struct wake *next;  /* sibling */
    uint32_t thread;
    struct action action;
};

struct sleeper {
    struct sleeper *next;
    uint32_t thread;
    struct action action;
};

/* Adds `steps` (destroyed) below `*tree` unless a sequence that is there covers it. True when it
 * was added. */
bool wakeup_insert(struct slab *slab, struct wake **tree, struct step *steps, size_t count);
void wakeup_free(struct slab *slab, struct wake *tree);
size_t wakeup_width(const struct wake *tree); /* children at the root */

/* Whether a sleeping thread could begin an execution that starts with `steps`: all of those have
 * been explored. */
bool sleep_covers(const struct sleeper *sleep, const struct step *steps, size_t count);
bool sleep_has(const struct sleeper *sleep, uint32_t thread);
/* Those of `sleep` whom a step of `action` does not wake. */
struct sleeper *sleep_after(struct slab *slab, const struct sleeper *sleep,
                            const struct action *action);
void sleep_add(struct slab *slab, struct sleeper **sleep, uint32_t thread,
               const struct action *action);
void sleep_free(struct slab *slab, struct sleeper *sleep);

#endif
