/*
 * sim/search/search.h - a campaign over one target: trial after trial until a budget is spent.
 *
 * Owner: the caller.  Threads: one campaign a process; parallel jobs are processes over shards.
 */
#ifndef SIM_SEARCH_SEARCH_H
#define SIM_SEARCH_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/sched/sched.h"
#include "sim/search/sketch.h"
#include "sim/search/trial.h"

/* Something that can be run again and again: a scenario, a small program. */
struct target {
    const char *name; /* as the user gave it */
    void *context;
    /* Fills everything of `spec` but strategy, source, base_steps and trace; called before each run
     * (cheap). */
    void (*prepare)(void *context, struct run_spec *spec);
};

enum { SEARCH_FINDINGS_MAX = 64 };

struct search_finding {
    struct finding finding; /* title symbolised */
    struct trial trial;
    uint64_t steps;
    uint64_t trace_hash;
    uint64_t count; /* trials that ended with this title */
    /* Of an exhaustive search, whose runs no seed names: the recording; heap, stays for good. NULL
     * otherwise. */
    struct choice_deviation *deviations;
    size_t deviation_count;
};

/* How far an exhaustive search has come (sim/search/exhaustive.h). All zero for others. */
struct search_extent {
    bool is_exhaustive;
    bool is_complete;     /* there is nothing more to explore */
    uint64_t traces;      /* explored, each once */
    uint64_t blocked;     /* runs that were cut short: repetitions of a trace */
    uint64_t estimate;    /* of all traces; `traces` when complete */
    const char *obstacle; /* static: why it cannot be finished at all, or NULL */
};

struct search_result;

struct search_spec {
    const struct target *target;
    uint64_t campaign_seed;
    uint64_t schedules_max;               /* trials below this number; 0: no bound */
    uint64_t time_ns_max;                 /* real time; 0: no bound */
    const struct strategy_spec *strategy; /* NULL: the portfolio */
    uint32_t shard_index, shard_count;    /* 0, 1 for all */
    uint64_t first;                       /* trials below are somebody else's */
    bool keep_going;                      /* go on after the first finding, one of each title */
    bool check_determinism;               /* run each finding twice; the base run too */
    bool has_sketch;                      /* watch some of the trials, for result.sketch */
    uint32_t kinds;                       /* bit set over enum finding_kind; 0: all count */
    /* May be NULL; called about ten times a second of real time. */
    void (*progress)(void *context, const struct search_result *so_far);
    void *progress_context;
};

struct search_result {
    uint64_t schedules;
    uint64_t points;
    uint64_t behaviours; /* distinct trace hashes, counted up to a bound */
    uint64_t base_steps;
    uint64_t elapsed_ns; /* real */
    struct search_extent extent;
    struct sketch sketch; /* of those that were watched; an exhaustive search leaves it empty */
    size_t finding_count;
    struct search_finding findings[SEARCH_FINDINGS_MAX];
};

/* Fills `result` (caller's storage, large). */
void search_run(const struct search_spec *spec, struct search_result *result);

/* Finds out the strategy of a trial that depends on what its campaign's first runs showed: repeats
 * them when it has to. */
void search_settle(const struct target *target, struct trial *trial);

/* One trial again, exactly; `trace` as in struct run_spec. The choices' deviations are in
 * choice_deviations() afterwards. */
void search_replay(const struct target *target, const struct trial *trial,
                   void (*trace)(void *context, const struct vthread *thread, const struct op *op),
                   void *trace_context, struct run_result *result);

/* A run from a recording (a reproducer's deviations). */
void search_replay_recorded(const struct target *target, const struct choice_deviation *deviations,
                            size_t count,
                            void (*trace)(void *context, const struct vthread *thread,
                                          const struct op *op),
                            void *trace_context, struct run_result *result);

#endif
