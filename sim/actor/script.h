/*
 * sim/actor/script.h - an actor's lines, performed one after the other in virtual time.
 *
 * `+d` performs a line d after the end of the one before. An expectation then waits until it is
 * met;
 * `..d` gives it d, otherwise the world's bound: an expectation that nobody meets is a finding.
 *
 * Owner: the actor (arena).  Threads: none; on the actor's lane.
 */
#ifndef SIM_ACTOR_SCRIPT_H
#define SIM_ACTOR_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/input/scenario.h"
#include "sim/sched/sched.h"

#define ACTOR_BOUND_NS_DEFAULT UINT64_C(60000000000)

/* What all actors of a world share. */
struct actor_env {
    uint64_t bound_ns;     /* within which an expectation is met */
    bool is_stopping;      /* a node was told to stop, or killed: refusals are no surprise */
    bool is_disturbed;     /* faults, cuts or aborts are part of this scenario */
    uint32_t leaves;       /* how often a server left without a word */
    uint32_t breaks;       /* or broke off in the middle of an answer */
    uint32_t excused;      /* requests that failed because of it */
    uint32_t scripts_busy; /* scripts with lines left */
    uint32_t actors_busy;  /* load clients with requests left */
};

enum script_outcome { SCRIPT_DONE, SCRIPT_WAIT };

struct script {
    struct actor_env *env;
    const struct scenario_script *lines;
    size_t next;
    struct vthread *lane;
    const char *who;
    struct timer timer;
    uint64_t since_ns;    /* end of the previous line */
    uint64_t deadline_ns; /* of the expectation being waited for */
    bool is_waiting;
    bool is_performing;
    enum script_outcome (*perform)(void *context, const struct scenario_event *event);
    void *context;
};

/* Starts at virtual time now. All of `script` is overwritten. */
void script_begin(struct script *script, struct actor_env *env, const struct scenario_script *lines,
                  struct vthread *lane, const char *who,
                  enum script_outcome (*perform)(void *context, const struct scenario_event *event),
                  void *context);

/* Something changed: a waiting expectation is tried again. */
void script_poke(struct script *script);

bool script_is_over(const struct script *script);

/* `who` does not get what a line expects: a finding, whose detail names the line. Its title does
 * not, so that it stays the same when other lines come and go. Printf-like. */
_Noreturn void script_fail(const char *who, const struct scenario_event *event, const char *what,
                           ...) __attribute__((format(printf, 3, 4)));
/* The same, of a line that waits for something. */
_Noreturn void script_fail_waiting(const char *who, const struct scenario_event *event,
                                   const char *why);

/* An inclusive range drawn for this run (choice class RANGE). */
uint64_t draw_from(const struct range *range);

/* One event in `ppm` of a million. */
bool draw_chance(uint64_t ppm);

#endif
