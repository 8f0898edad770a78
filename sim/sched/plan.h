/*
 * sim/sched/plan.h - serial arrangements of pieces of threads, few pieces first.
 *
 * From the base run (profile.h): a plan says which thread does how many of its operations, then
 * which other does how many, and so on; whoever is not in it does all that it can either before or
 * after. Plans are listed in the order of their promise and without repetition. Threads that did
 * the same are represented by one of them (two where they meet each other), which is what keeps the
 * list as short with a hundred threads as with three. Only such places are cut where the thread has
 * just met the one that comes next and is going to meet it again, and where that one can get on.
 *
 * Owner: the process; one list, of the current profile.  Threads: none, the engine runs on one.
 */
#ifndef SIM_SCHED_PLAN_H
#define SIM_SCHED_PLAN_H

#include <stdbool.h>
#include <stdint.h>

enum { PLAN_PIECES_MAX = 3, PLANS_MAX = 4096 };

#define PLAN_TO_THE_END UINT32_MAX

struct plan_piece {
    uint16_t thread; /* index in profile.threads */
    uint32_t until;  /* it stops before this operation of its own, counted from 0 */
};

struct plan {
    struct plan_piece pieces[PLAN_PIECES_MAX];
    uint8_t piece_count;
    bool is_rest_first; /* the others come before the pieces, else after them */
};

/* How many plans the current profile has; 0 when there is none. */
uint32_t plan_count(void);
/* `index` below plan_count(). */
const struct plan *plan_at(uint32_t index);

#endif
