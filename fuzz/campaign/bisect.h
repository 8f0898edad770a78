/*
 * fuzz/campaign/bisect.h - which commit brought each open finding, when that is asked for.
 *
 * Threads: one.
 */
#ifndef FUZZ_CAMPAIGN_BISECT_H
#define FUZZ_CAMPAIGN_BISECT_H

#include <stdbool.h>
#include <stddef.h>

#include "fuzz/campaign/store.h"

/* heddle campaign bisect DIR GOOD..BAD: the exit code. */
int campaign_bisect(const char *folder, const char *range);

/* "GOOD..BAD: what came of it"; false when it was never asked. */
bool bisect_answer(struct store *store, const char *title, char *out, size_t out_bytes);

#endif
