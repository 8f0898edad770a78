/*
 * sim/shrink/shrink.h - the smallest reproducer of a finding, as far as single steps lead.
 *
 * Zeller, Hildebrandt: "Simplifying and isolating failure-inducing input", TSE 2002, applied to the
 * choices; greedy passes over the scenario. What comes out still ends in the same title. A pass
 * that made the scenario smaller may need another schedule: some hundred are tried then.
 *
 * Owner: the command.  Threads: one; between runs.
 */
#ifndef SIM_SHRINK_SHRINK_H
#define SIM_SHRINK_SHRINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/shrink/attempt.h"

struct scenario;

struct shrink_state {
    size_t lines; /* of the scenario, and one for each choice */
    size_t choices;
    uint32_t preemptions;
    uint64_t run_count;
    uint64_t elapsed_ns; /* real */
    const char *doing;
};

struct shrink_spec {
    const struct scenario *scenario; /* its schedule is not looked at; borrowed */
    const struct recording *recording;
    const char *title;
    uint64_t time_ns_max; /* real; when it is over the best so far is the result */
    void *context;
    /* Makes a target of a scenario, which lives until the next call. False: it cannot run. */
    bool (*aim)(void *context, const struct scenario *scenario, struct target *target);
    void (*expand)(struct finding *finding); /* addresses in texts to names */
    /* May be NULL; called about ten times a second. */
    void (*progress)(void *context, const struct shrink_state *state);
};

struct shrink_result {
    struct scenario *scenario; /* without comments and schedule; scenario_free() */
    struct recording recording;
    struct shrink_state state;
    bool is_minimal; /* no single step makes it smaller; false: the time was over */
};

/* False when the recording does not end in the title. */
bool shrink_run(const struct shrink_spec *spec, struct shrink_result *result);
void shrink_result_fini(struct shrink_result *result);

#endif
