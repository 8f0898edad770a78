/*
 * fuzz/campaign/entries.h - which titles are one bug.
 *
 * One mistake may end in several titles: a lost wake-up or an assertion, races of one access with
 * several others. Findings are one entry when the two steps that decide them (heddle explain) have
 * a place in the source in common; that of a helper in core/base is not counted, but its caller's.
 *
 * Threads: one.
 */
#ifndef FUZZ_CAMPAIGN_ENTRIES_H
#define FUZZ_CAMPAIGN_ENTRIES_H

#include <stddef.h>

#include "fuzz/campaign/store.h"

/* Appends the place of a step as explain tells it: "core/rt/task.c:60 "; nothing when it has none.
 * `out` holds text, `out_bytes` is all of it. */
void entries_add_site(const char *step, char *out, size_t out_bytes);

/* Fills finding.entry, the least title of each entry. Part of the caller's transaction. */
void entries_group(struct store *store);

#endif
