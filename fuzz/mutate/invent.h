/*
 * fuzz/mutate/invent.h - values out of nothing, of the kinds that a scenario's lines take.
 *
 * Threads: any, one at a time for each edit.
 */
#ifndef FUZZ_MUTATE_INVENT_H
#define FUZZ_MUTATE_INVENT_H

#include "fuzz/mutate/edit.h"

/* Gives line `index` arguments. False when there is something that cannot be made up. */
bool invent_arguments(struct edit *edit, size_t index);

/* Another value for parameter `param`. False when it cannot be made up. */
bool invent_value(struct edit *edit, const struct param_info *param, struct scenario_value *value);

/* A message of a protocol, legal or with one lie, as bytes. */
struct bytes invent_message(struct edit *edit, enum scenario_protocol protocol, bool is_client);
/* What is inside of one H2 frame of that type, or of a FastCGI record. */
struct bytes invent_frame(struct edit *edit, unsigned type);
struct bytes invent_record(struct edit *edit, unsigned type);

/* Changes some bytes, with the engine's mutator if there is one. At most `len_max` come out. */
struct bytes invent_bytes(struct edit *edit, struct bytes from, size_t len_max);

#endif
