/*
 * fuzz/feedback/map.h - the counters where the fuzzer's engine sees them.
 *
 * Owner: the process.  Threads: none, the engine runs on one.
 */
#ifndef FUZZ_FEEDBACK_MAP_H
#define FUZZ_FEEDBACK_MAP_H

#include <stdbool.h>
#include <stdint.h>

/* `number` below FEEDBACK_COUNTERS; counts up to 255. */
void map_hit(uint16_t number, uint8_t count);

/* Takes back what map_hit() said of `number` where no engine does it. */
void map_clear(uint16_t number);

uint8_t map_counter(uint16_t number);

/* Whether the code that was run since the engine last cleared its counters has an edge that none
 * had at an earlier call. True when there are no such counters. */
bool map_has_new_code(void);

#endif
