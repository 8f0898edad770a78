/*
 * sim/exercise/idle.c - workers that reuse, steal, evict and purge each other's idle connections.
 *
 * The workload is core/mux/work's; here are the draws, and a few mixtures of it:
 *
 *     idle           everything a bit
 *     idle-steal     few questions of many workers: each is asked over a stolen connection
 *     idle-tls       the same over TLS
 *     idle-close     servers that close what is idle, and connections that grow old
 *     idle-evict     servers that leave, and fds that are scarce
 *     idle-session   clients that keep connections to themselves, and leave
 *
 * Property: see core/mux/work/work.h.
 */
#include "core/mux/work/work.h"
#include "sim/exercise/exercise.h"
#include "sim/sched/sched.h"

enum { IDLE_NS = 30000, PURGE_NS = 40000 };

static uint32_t draw(void *ctx, uint32_t n)
{
    (void)ctx;
    return exercise_draw(n);
}

static void fail(void *ctx, const char *what)
{
    (void)ctx;
    finding_fail(FINDING_INVARIANT, NULL, "invariant: %s", what);
}

static void begin_part(void *ctx)
{
    exercise_part_begin(ctx);
}

static void end_part(void *ctx)
{
    exercise_part_end(ctx);
}

static void step(struct exercise_run *run, int worker, uint32_t round)
{
    (void)round;
    work_step(run->state, worker);
}

static void begin(struct exercise_run *run, struct work_options options)
{
    const struct work_host host = {
        .ctx = run, .draw = draw, .fail = fail, .begin_part = begin_part, .end_part = end_part};

    options.asks_max = run->objects;
    run->state = work_new(&options, &host, run->rt, run->workers);
    BUG_ON(run->state == NULL);
    exercise_drive(run, step);
}

static void check_quiet(const struct exercise_run *run)
{
    work_check_quiet(run->state);
}

static void end(struct exercise_run *run)
{
    work_free(run->state);
    run->state = NULL;
}

static void begin_idle(struct exercise_run *run)
{
    begin(run, (struct work_options){
                   .ask = 8,
                   .leave = 1,
                   .close = 1,
                   .evict = 1,
                   .evict_some = 1,
                   .end_session = 1,
                   .check = 1,
                   .private_share = 1,
                   .close_share = 1,
                   .idle_ns = exercise_draw(2) == 0 ? 0 : IDLE_NS,
                   .purge_ns = exercise_draw(2) == 0 ? 0 : PURGE_NS,
                   .idle_max = exercise_draw(4) == 0 ? 1 : UINT32_MAX,
               });
}

static void begin_steal(struct exercise_run *run)
{
    begin(run, (struct work_options){.ask = 6, .check = 1, .idle_max = UINT32_MAX});
}

static void begin_tls(struct exercise_run *run)
{
    begin(run, (struct work_options){.ask = 6,
                                     .check = 1,
                                     .idle_max = UINT32_MAX,
                                     .has_tls = true,
                                     .certificate_file = "none.pem", /* the stand-in's reads none */
                                     .key_file = "none.key"});
}

static void begin_close(struct exercise_run *run)
{
    begin(run,
          (struct work_options){
              .ask = 4, .close = 2, .close_share = 3, .idle_ns = IDLE_NS, .idle_max = UINT32_MAX});
}

static void begin_evict(struct exercise_run *run)
{
    begin(run, (struct work_options){.ask = 4,
                                     .evict = 1,
                                     .evict_some = 1,
                                     .close = 1,
                                     .close_share = 2,
                                     .purge_ns = PURGE_NS,
                                     .idle_max = UINT32_MAX});
}

static void begin_session(struct exercise_run *run)
{
    begin(run, (struct work_options){.ask = 4,
                                     .end_session = 2,
                                     .evict = 1,
                                     .private_share = 6,
                                     .close_share = 1,
                                     .idle_max = UINT32_MAX});
}

const struct exercise exercise_idle = {
    .name = "idle", .begin = begin_idle, .check_quiet = check_quiet, .end = end};

const struct exercise exercise_idle_steal = {
    .name = "idle-steal", .begin = begin_steal, .check_quiet = check_quiet, .end = end};

const struct exercise exercise_idle_tls = {
    .name = "idle-tls", .begin = begin_tls, .check_quiet = check_quiet, .end = end};

const struct exercise exercise_idle_close = {
    .name = "idle-close", .begin = begin_close, .check_quiet = check_quiet, .end = end};

const struct exercise exercise_idle_evict = {
    .name = "idle-evict", .begin = begin_evict, .check_quiet = check_quiet, .end = end};

const struct exercise exercise_idle_session = {
    .name = "idle-session", .begin = begin_session, .check_quiet = check_quiet, .end = end};
