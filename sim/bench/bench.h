/*
 * sim/bench/bench.h - what the suites of the benchmark share: clocks, rows, options.
 *
 * Owner: the process.  Threads: one.
 */
#ifndef SIM_BENCH_BENCH_H
#define SIM_BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>

struct bench_options {
    bool is_json;
    double seconds;       /* that each row may take */
    const char *root;     /* where scenarios/ is */
    const char *strategy; /* of explore, where a suite calls it; NULL: the portfolio */
    unsigned trials;      /* seeds from which a program is explored */
};
extern struct bench_options bench_options;

/* Real time of one processor-bound thread. */
double bench_now_s(void);

/* One row: printed as a line of the table, or as JSON. `budget` and `value` in `unit`; `budget` of
 * 0: none. `detail` may be NULL. */
void bench_row(const char *suite, const char *name, double value, const char *unit, double budget,
               const char *detail);

/* The suites. */
void bench_engine(void);
void bench_programs(void);
void bench_scores(void);
void bench_scenario(void);
void bench_memory(void);
void bench_scale(void);

#endif
