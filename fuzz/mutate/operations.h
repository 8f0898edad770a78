/*
 * fuzz/mutate/operations.h - what can be done to a scenario, one thing each.
 *
 * Each draws from edit->random, and returns false when it found nothing to do.
 *
 * Threads: any, one at a time for each edit.
 */
#ifndef FUZZ_MUTATE_OPERATIONS_H
#define FUZZ_MUTATE_OPERATIONS_H

#include "fuzz/mutate/edit.h"

/* events.c */
bool operation_insert(struct edit *edit);
bool operation_delete(struct edit *edit);
bool operation_duplicate(struct edit *edit);
bool operation_swap(struct edit *edit);
bool operation_move(struct edit *edit);
bool operation_retime(struct edit *edit);

/* values.c */
bool operation_payload(struct edit *edit);
bool operation_grammar(struct edit *edit);
bool operation_value(struct edit *edit);
bool values_enlarge(struct edit *edit, uint64_t times);

/* faults.c */
bool operation_fault_add(struct edit *edit);
bool operation_fault_edit(struct edit *edit);

/* schedule.c */
void schedule_reseed(struct edit *edit, uint64_t seed, const char *strategy);
bool operation_reseed(struct edit *edit);
bool operation_record(struct edit *edit);
bool operation_switch(struct edit *edit);
bool operation_flip(struct edit *edit);
bool operation_switch_edit(struct edit *edit);
bool operation_pick(struct edit *edit);

#endif
