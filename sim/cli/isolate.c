/*
 * sim/cli/isolate.c - see isolate.h.
 *
 * What is tried: the dull run, alone in a process; and again in another one, once before and once
 * after some other runs. This process must not run anything itself before it is decided.
 */
#include "sim/cli/isolate.h"

#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/cli/subject.h"
#include "sim/foreign/apart.h"
#include "sim/foreign/output.h"
#include "sim/search/search.h"

enum { TRIALS_BETWEEN = 6, PROBE_SECONDS_MAX = 60 };

/* What a run came to. */
struct outline {
    struct run_result result;
    uint64_t output_hash;
};

struct probe {
    const struct target *target;
    struct outline first;
    struct outline again;
    bool is_done;
};

static uint64_t hash_output(void)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    size_t len_bytes;
    const char *text = output_text(&len_bytes, NULL);

    for (size_t i = 0; i < len_bytes; i++)
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static void run_trial(const struct probe *probe, uint64_t number, struct outline *outline)
{
    struct trial trial;

    trial_derive(CLI_SEED_DEFAULT, number, NULL, &trial);
    search_replay(probe->target, &trial, NULL, NULL, &outline->result);
    outline->output_hash = hash_output();
}

static void probe_alone(void *context)
{
    struct probe *probe = context;

    run_trial(probe, 0, &probe->first);
    probe->is_done = true;
}

static void probe_after_others(void *context)
{
    struct probe *probe = context;
    struct outline other;

    run_trial(probe, 0, &probe->first);
    for (uint64_t number = 1; number <= TRIALS_BETWEEN; number++)
        run_trial(probe, number, &other);
    run_trial(probe, 0, &probe->again);
    probe->is_done = true;
}

/* NULL when they are the same. */
static const char *difference(const struct outline *a, const struct outline *b)
{
    if (strcmp(a->result.finding.title, b->result.finding.title) != 0)
        return "ends otherwise";
    if (a->result.trace_hash != b->result.trace_hash)
        return "takes another path";
    if (a->output_hash != b->output_hash)
        return "prints something else";
    return NULL;
}

/* Why restarting is not safe; NULL when it is. */
static const char *find_reason(const struct target *target)
{
    struct probe *probes =
        mmap(NULL, 2 * sizeof(*probes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct probe *alone = &probes[0];
    struct probe *shared = &probes[1];
    const char *reason = NULL;

    if (probes == MAP_FAILED)
        return "there is no memory to try";
    alone->target = target;
    shared->target = target;
    (void)apart_call(probe_alone, alone, PROBE_SECONDS_MAX);
    (void)apart_call(probe_after_others, shared, PROBE_SECONDS_MAX);
    if (!alone->is_done)
        reason = NULL; /* it does not even run alone: no difference is to be seen */
    else if (!shared->is_done)
        reason = "does not end";
    else if (difference(&alone->first, &shared->first) == NULL) /* else it differs by itself */
        reason = difference(&shared->first, &shared->again);
    (void)munmap(probes, 2 * sizeof(*probes));
    return reason;
}

int isolate_choose(const struct command *command, const char *word, struct subject *subject)
{
    const bool is_auto = word == NULL || strcmp(word, "auto") == 0;
    const bool is_process = word != NULL && strcmp(word, "process") == 0;

    if (!is_auto && !is_process && strcmp(word, "restart") != 0)
        return cli_usage(command, "--isolate: '%s' is none of auto, restart, process", word);
    if (!foreign_is_here())
        return word == NULL || is_auto
                   ? 0
                   : cli_usage(command, "--isolate: only for a program built with heddle cc");
    const char *reason = is_auto ? find_reason(&subject->target) : NULL;
    if (reason != NULL)
        cli_say("%s: state survives a restart: the same run %s after others; using "
                "--isolate=process",
                subject->name, reason);
    subject->isolation = is_auto ? NULL : word;
    if (is_process || reason != NULL)
        apart_begin();
    return 0;
}
