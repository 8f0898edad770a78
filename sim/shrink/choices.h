/*
 * sim/shrink/choices.h - as few choices as the title needs.
 *
 * Delta debugging over a recording: pieces of it are left out, halves first, single choices last,
 * until none can go; then values are lowered.
 *
 * Threads: one; between runs.
 */
#ifndef SIM_SHRINK_CHOICES_H
#define SIM_SHRINK_CHOICES_H

#include "sim/shrink/attempt.h"

/* `recording` ends in the attempt's title, and does so afterwards. `is_over` (may be NULL) is asked
 * now and then: true stops early. */
void choices_reduce(struct attempt *attempt, struct recording *recording,
                    bool (*is_over)(void *context), void *context);

#endif
