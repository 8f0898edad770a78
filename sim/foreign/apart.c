/*
 * sim/foreign/apart.c - see apart.h.
 *
 * A child has the parent's memory but not its parked threads. That is why the parent must have
 * none: it has run nothing, so it has lent no identity.
 */
#include "sim/foreign/apart.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/choice/choice.h"
#include "sim/sched/crash.h"
#include "sim/sched/sched.h"

enum { SHARED_BYTES_MAX = 1 << 20, LASTING_BYTES_MAX = 16 << 20 };

/* What a child leaves. Only what is written of it takes memory. */
struct legacy {
    struct run_result result;
    size_t unused_count;
    struct choice_deviation unused_first;
    size_t deviation_count;
    bool is_whole; /* written last */
    char shared[SHARED_BYTES_MAX];
    char lasting[LASTING_BYTES_MAX];
    struct choice_deviation deviations[CHOICE_DEVIATIONS_MAX];
};

static struct {
    struct legacy *legacy;
    const struct run_spec *spec; /* of the run that a child is to make */
    void *shared;
    size_t shared_bytes;
    pid_t owner; /* of `legacy` */
    bool is_on;
} apart;

bool apart_call(void (*work)(void *context), void *context, unsigned seconds_max)
{
    int status;

    (void)fflush(NULL);
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child < 0) {
        perror("heddle: cannot make a process for a run");
        exit(125);
    }
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        crash_init(); /* interval timers are not inherited */
        if (seconds_max != 0) {
            (void)signal(SIGALRM, SIG_DFL);
            (void)alarm(seconds_max);
        }
        work(context);
        (void)fflush(NULL);
        _exit(0);
    }
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            abort();
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* From the engine's own places to `legacy`, or back. */
static void copy_lasting(struct legacy *legacy, bool is_back)
{
    const struct lasting *list;
    const size_t count = sched_lasting(&list);
    size_t at = 0;

    for (size_t i = 0; i < count; i++) {
        if (list[i].size_bytes > LASTING_BYTES_MAX - at)
            abort();
        void *kept = legacy->lasting + at;
        memcpy(is_back ? list[i].memory : kept, is_back ? kept : list[i].memory,
               list[i].size_bytes);
        at += list[i].size_bytes;
    }
}

/* In the child. */
static void make_run(void *context)
{
    struct legacy *legacy = apart.legacy;
    const struct choice_deviation *unused_first = NULL;

    (void)context;
    sched_run_instead = NULL;
    sched_run(apart.spec, &legacy->result);
    const struct choice_deviation *deviations = choice_deviations(&legacy->deviation_count);
    memcpy(legacy->deviations, deviations, legacy->deviation_count * sizeof(*deviations));
    legacy->unused_count = choice_recorded_unused(&unused_first);
    if (unused_first != NULL)
        legacy->unused_first = *unused_first;
    if (apart.shared != NULL)
        memcpy(legacy->shared, apart.shared, apart.shared_bytes);
    copy_lasting(legacy, false);
    legacy->is_whole = true;
}

/* Not to be shared with other workers of a search, who are children of one process. */
static void make_legacy(void)
{
    apart.owner = getpid();
    apart.legacy = mmap(NULL, sizeof(*apart.legacy), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (apart.legacy == MAP_FAILED) {
        perror("heddle: no memory for runs in processes of their own");
        exit(125);
    }
}

static void run_apart(const struct run_spec *spec, struct run_result *result)
{
    if (apart.owner != getpid())
        make_legacy();
    struct legacy *legacy = apart.legacy;
    legacy->is_whole = false;
    apart.spec = spec;
    (void)apart_call(make_run, NULL, 0);
    if (!legacy->is_whole) {
        memset(result, 0, sizeof(*result));
        result->finding.kind = FINDING_CRASH;
        (void)snprintf(result->finding.title, sizeof(result->finding.title),
                       "crash: the process of the run was killed");
        return;
    }
    *result = legacy->result;
    choice_adopt(&spec->source, legacy->deviations, legacy->deviation_count, legacy->unused_count,
                 &legacy->unused_first);
    if (apart.shared != NULL)
        memcpy(apart.shared, legacy->shared, apart.shared_bytes);
    copy_lasting(legacy, true);
}

void apart_begin(void)
{
    sched_run_instead = run_apart;
    apart.is_on = true;
}

bool apart_is_on(void)
{
    return apart.is_on;
}

void apart_share(void *memory, size_t size_bytes)
{
    if (memory != NULL && size_bytes > SHARED_BYTES_MAX)
        abort();
    apart.shared = memory;
    apart.shared_bytes = size_bytes;
}
