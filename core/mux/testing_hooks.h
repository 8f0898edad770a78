/*
 * core/mux/testing_hooks.h - the hooks of a simulated build, for tests that refuse allocations one
 * by one.
 *
 * Only for tests, of the _sim twins.  Threads: one.
 */
#ifndef CORE_MUX_TESTING_HOOKS_H
#define CORE_MUX_TESTING_HOOKS_H

#include <stdbool.h>

/* The `left`-th allocation of those that count is refused, while `is_on`. */
struct testing_refusal {
    bool is_on;
    bool has_all; /* all count; else only what muxes take for messages: buffers, heads, streams */
    unsigned left;
    bool has_failed; /* one was refused */
};

struct testing_refusal *testing_refusal(void);

#endif
