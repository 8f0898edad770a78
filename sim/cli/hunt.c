/*
 * sim/cli/hunt.c - see hunt.h.
 */
#include "sim/cli/hunt.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/base/real.h"
#include "sim/cli/cli.h"
#include "sim/cli/progress.h"
#include "sim/cli/rerun.h"
#include "sim/search/exhaustive.h"

enum { WATCH_NS = 20000000, WORKER_OK = 0 };

/* A worker process. */
struct shard {
    struct search_result *result; /* shared, being filled while the worker runs */
    pid_t pid;                    /* 0 once it is gone */
    bool is_done;
    bool is_stopped; /* by us: it could not have found anything earlier */
};

struct watch {
    const struct hunt *hunt;
    struct shard shards[HUNT_JOBS_MAX];
    unsigned running;
    uint64_t begin_ns;
    struct progress progress;
};

/* Worker J of this hunt's jobs runs every jobs'th trial of the hunt's own shard. */
static uint32_t shard_count(const struct hunt *hunt)
{
    return hunt->shard_count == 0 ? 1 : hunt->shard_count;
}

static uint32_t stride_of(const struct hunt *hunt)
{
    return shard_count(hunt) * hunt->jobs;
}

static uint32_t index_of(const struct hunt *hunt, unsigned worker)
{
    return hunt->shard_index + shard_count(hunt) * worker;
}

static uint64_t count_below(uint64_t number, uint32_t index, uint32_t stride)
{
    return number <= index ? 0 : (number - index + stride - 1) / stride;
}

static void fill_spec(const struct hunt *hunt, unsigned shard, struct search_spec *spec)
{
    *spec = (struct search_spec){
        .target = hunt->target,
        .campaign_seed = hunt->seed,
        .schedules_max = hunt->schedules_max,
        .time_ns_max = hunt->time_ns_max,
        .strategy = hunt->strategy,
        .shard_index = index_of(hunt, shard),
        .shard_count = stride_of(hunt),
        .first = hunt->first,
        .keep_going = hunt->keep_going,
        .check_determinism = true,
        .has_sketch = hunt->has_sketch,
        .kinds = hunt->kinds,
    };
}

/* ---- in this process ---- */

static void show_own_progress(void *context, const struct search_result *result)
{
    progress_show(context, &(struct progress_state){.schedules = result->schedules,
                                                    .behaviours = result->behaviours,
                                                    .findings = result->finding_count,
                                                    .traces = result->extent.traces,
                                                    .estimate = result->extent.estimate,
                                                    .elapsed_ns = result->elapsed_ns});
}

static void run_here(const struct hunt *hunt, struct search_result *result)
{
    struct search_spec spec;
    struct progress progress;

    fill_spec(hunt, 0, &spec);
    if (hunt->has_progress) {
        progress_begin(&progress, hunt->schedules_max, hunt->time_ns_max);
        spec.progress = show_own_progress;
        spec.progress_context = &progress;
    }
    if (hunt->strategy != NULL && hunt->strategy->ops == &strategy_exhaustive)
        exhaustive_run(&(struct exhaustive_spec){.search = &spec}, result);
    else
        search_run(&spec, result);
    if (hunt->has_progress)
        progress_end(&progress);
}

/* ---- in workers ---- */

static void start_worker(struct watch *watch, unsigned index)
{
    struct shard *shard = &watch->shards[index];
    const pid_t parent = getpid();
    struct search_spec spec;

    fflush(NULL);
    shard->pid = fork();
    if (shard->pid < 0) {
        perror("heddle: cannot start a worker");
        exit(CLI_CANNOT);
    }
    if (shard->pid > 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(CLI_CANNOT);
    fill_spec(watch->hunt, index, &spec);
    search_run(&spec, shard->result);
    _exit(WORKER_OK);
}

/* The lowest trial of a finding so far. Of a worker that runs on nothing is taken: it may be in the
 * middle of writing it down. */
static uint64_t lowest_found(const struct watch *watch)
{
    uint64_t lowest = UINT64_MAX;

    for (unsigned i = 0; i < watch->hunt->jobs; i++) {
        const struct search_result *result = watch->shards[i].result;
        for (size_t f = 0; watch->shards[i].is_done && f < result->finding_count; f++)
            if (result->findings[f].trial.number < lowest)
                lowest = result->findings[f].trial.number;
    }
    return lowest;
}

static void stop(struct shard *shard)
{
    shard->is_stopped = true;
    kill(shard->pid, SIGKILL);
}

/* Workers whose next trial is past the lowest finding have nothing to add. */
static void stop_late_workers(struct watch *watch)
{
    uint64_t lowest = watch->hunt->keep_going ? UINT64_MAX : lowest_found(watch);

    for (unsigned i = 0; i < watch->hunt->jobs && lowest != UINT64_MAX; i++) {
        struct shard *shard = &watch->shards[i];
        const uint32_t stride = stride_of(watch->hunt);
        const uint32_t index = index_of(watch->hunt, i);
        const uint64_t before = count_below(watch->hunt->first, index, stride);
        const uint64_t next = index + (before + shard->result->schedules) * stride;
        if (shard->pid != 0 && !shard->is_stopped && next > lowest)
            stop(shard);
    }
}

static bool reap(struct watch *watch)
{
    bool is_good = true;

    for (unsigned i = 0; i < watch->hunt->jobs; i++) {
        struct shard *shard = &watch->shards[i];
        int status;
        if (shard->pid == 0 || waitpid(shard->pid, &status, WNOHANG) != shard->pid)
            continue;
        shard->pid = 0;
        watch->running--;
        shard->is_done = WIFEXITED(status) && WEXITSTATUS(status) == WORKER_OK;
        if (shard->is_done || shard->is_stopped)
            continue;
        is_good = false;
        if (WIFSIGNALED(status))
            cli_say("a worker was killed by signal %d (%s)", WTERMSIG(status),
                    strsignal(WTERMSIG(status)));
        else
            cli_say("a worker ended with exit code %d", WEXITSTATUS(status));
    }
    return is_good;
}

static void show_progress(struct watch *watch)
{
    struct progress_state state = {.elapsed_ns = real_now_ns() - watch->begin_ns};

    for (unsigned i = 0; i < watch->hunt->jobs; i++) {
        state.schedules += watch->shards[i].result->schedules;
        state.behaviours += watch->shards[i].result->behaviours;
        state.findings += watch->shards[i].result->finding_count;
    }
    progress_show(&watch->progress, &state);
}

static bool watch_workers(struct watch *watch)
{
    const struct timespec pause = {.tv_nsec = WATCH_NS};
    bool is_good = true;
    unsigned round = 0;

    while (watch->running > 0) {
        if (!reap(watch)) {
            is_good = false;
            for (unsigned i = 0; i < watch->hunt->jobs; i++)
                if (watch->shards[i].pid != 0)
                    stop(&watch->shards[i]);
        }
        stop_late_workers(watch);
        if (watch->hunt->has_progress && ++round % 5 == 0)
            show_progress(watch);
        if (watch->running > 0)
            nanosleep(&pause, NULL);
    }
    return is_good;
}

/* ---- merging ---- */

static void merge_finding(struct search_result *result, const struct search_finding *finding)
{
    struct search_finding *same = NULL;

    for (size_t i = 0; i < result->finding_count && same == NULL; i++)
        if (strcmp(result->findings[i].finding.title, finding->finding.title) == 0)
            same = &result->findings[i];
    if (same == NULL && result->finding_count < SEARCH_FINDINGS_MAX) {
        result->findings[result->finding_count++] = *finding;
    } else if (same != NULL) {
        const uint64_t count = same->count + finding->count;
        if (finding->trial.number < same->trial.number)
            *same = *finding;
        same->count = count;
    }
}

static int compare_findings(const void *a, const void *b)
{
    const struct search_finding *left = a;
    const struct search_finding *right = b;

    return left->trial.number < right->trial.number   ? -1
           : left->trial.number > right->trial.number ? 1
                                                      : 0;
}

/* Titles are symbolised first: the same function at two addresses is one finding. */
static void merge(const struct search_result *part, struct search_result *result)
{
    result->schedules += part->schedules;
    result->points += part->points;
    result->behaviours += part->behaviours;
    sketch_merge(&result->sketch, &part->sketch);
    result->extent = part->extent; /* of the one job that there is then */
    if (result->base_steps == 0)
        result->base_steps = part->base_steps;
    for (size_t i = 0; i < part->finding_count; i++) {
        struct search_finding finding = part->findings[i];
        rerun_expand(&finding.finding);
        merge_finding(result, &finding);
    }
}

/* What one job would have said, when the search ended at its first finding. */
static void settle(const struct hunt *hunt, struct search_result *result)
{
    qsort(result->findings, result->finding_count, sizeof(result->findings[0]), compare_findings);
    if (hunt->keep_going || result->finding_count == 0)
        return;
    result->finding_count = 1;
    result->findings[0].count = 1;
    const uint32_t index = hunt->shard_index;
    const uint32_t stride = shard_count(hunt);
    result->schedules = count_below(result->findings[0].trial.number + 1, index, stride) -
                        count_below(hunt->first, index, stride);
}

static void *share(size_t size_bytes)
{
    void *memory =
        mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        perror("heddle: no memory for workers");
        exit(CLI_CANNOT);
    }
    return memory;
}

bool hunt_run(const struct hunt *hunt, struct search_result *result)
{
    static struct watch watch;
    const size_t size_bytes = hunt->jobs * sizeof(*result);
    struct search_result *results = share(size_bytes);
    bool is_good = true;

    watch = (struct watch){.hunt = hunt, .running = hunt->jobs, .begin_ns = real_now_ns()};
    for (unsigned i = 0; i < hunt->jobs; i++)
        watch.shards[i].result = &results[i];
    if (hunt->jobs == 1 && !hunt->is_apart) {
        run_here(hunt, results);
    } else {
        for (unsigned i = 0; i < hunt->jobs; i++)
            start_worker(&watch, i);
        progress_begin(&watch.progress, hunt->schedules_max, hunt->time_ns_max);
        is_good = watch_workers(&watch);
        progress_end(&watch.progress);
    }
    memset(result, 0, sizeof(*result));
    for (unsigned i = 0; i < hunt->jobs; i++)
        if (!watch.shards[i].is_stopped)
            merge(&results[i], result);
    settle(hunt, result);
    /* One worker knows better than whoever looks at it now and then. */
    result->elapsed_ns = hunt->jobs == 1 ? results[0].elapsed_ns : real_now_ns() - watch.begin_ns;
    munmap(results, size_bytes);
    return is_good;
}
