/*
 * sim/sched/aim.h - what of the base run is worth aiming at: objects that several threads touch.
 *
 * Owner: the process; an index over the current profile.  Threads: none, the engine runs on one.
 */
#ifndef SIM_SCHED_AIM_H
#define SIM_SCHED_AIM_H

#include <stdbool.h>
#include <stdint.h>

/* An object that several threads touched and one wrote, drawn by how often it was touched or, one
 * time in two, all alike. 0 when there is none. Draws from the scheduler's stream. */
uint16_t aim_object(void);

/* One of the accesses to `object` in the base run, as an index in profile.steps. */
uint32_t aim_access(uint16_t object);

/* 0..n-1 from the scheduler's stream. */
uint32_t aim_below(uint32_t n);

#endif
