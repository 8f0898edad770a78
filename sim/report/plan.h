/*
 * sim/report/plan.h - which steps of a trace tell the story, and in which lanes.
 *
 * From the trace alone: who holds which lock and waits for whom at the end, which threads that
 * makes matter, which steps touched what they quarrel over. The rest is folded away.
 *
 * Owner: story_print.  Threads: any; pure but for memory of its own.
 */
#ifndef SIM_REPORT_PLAN_H
#define SIM_REPORT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/report/trace.h"

enum { PLAN_LANES_MAX = 6, PLAN_ROWS_MAX = 96, PLAN_HELD_MAX = 8, PLAN_SPINS_MIN = 4 };

enum plan_end_kind {
    PLAN_END_NONE,   /* a lane, or nobody */
    PLAN_END_DONE,   /* the thread has ended */
    PLAN_END_RUNS,   /* it could go on */
    PLAN_END_WAITS,  /* for a lock */
    PLAN_END_SPINS,  /* reads the same again and again */
    PLAN_END_SLEEPS, /* in a wait or a call that somebody may end */
};

struct plan_held {
    uint32_t object_id;
    size_t taken_index; /* the step that took it */
    bool is_shared;
};

/* How one thread ended. */
struct plan_end {
    enum plan_end_kind kind;
    uint32_t object_id;
    uint32_t holder_id;  /* who it waits for, or last wrote what it spins on; TRACE_NOBODY */
    size_t writer_index; /* spins: the step of the last write by another, SIZE_MAX when none */
    const struct trace_step *at;
    size_t last_index; /* its last recorded step, SIZE_MAX when none is left */
    struct plan_held held[PLAN_HELD_MAX];
    uint32_t held_count;
};

/* What is known of one step beyond itself. */
struct plan_note {
    uint32_t holder_id; /* a lock that was held: by whom; else TRACE_NOBODY */
    uint32_t repeats;   /* how many times in a row, this one included, when it spins */
    uint32_t score;
    bool is_absorbed; /* a later repeat speaks for it */
    bool is_shown;
};

enum plan_row_kind { PLAN_ROW_STEP, PLAN_ROW_FOLD };

struct plan_row {
    enum plan_row_kind kind;
    size_t index;       /* of the step, or the first one folded */
    size_t count;       /* steps folded, those absorbed not counted */
    size_t end;         /* one past the last one folded */
    uint32_t thread_id; /* fold: the only thread in it, else TRACE_NOBODY */
};

struct plan {
    struct plan_end ends[VTHREADS_MAX];
    struct plan_note *notes;        /* by trace index */
    uint32_t lanes[PLAN_LANES_MAX]; /* thread ids, ascending */
    size_t lane_count;
    struct plan_row rows[PLAN_ROWS_MAX];
    size_t row_count;
    size_t steps_before; /* recorded steps before the first row */
};

/* `rows_wanted` bounds the steps shown, folds come on top. */
void plan_init(struct plan *plan, const struct trace *trace, const struct finding *finding,
               size_t lanes_max, size_t rows_wanted);
void plan_fini(struct plan *plan);

/* The lane of a thread, lane_count when it has none. */
size_t plan_lane(const struct plan *plan, uint32_t thread_id);

#endif
