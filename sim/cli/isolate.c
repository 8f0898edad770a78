/*
 * sim/cli/isolate.c - see isolate.h.
 *
 * What is tried: the dull run, alone in a process; and again in another one, once before and once
 * after some other runs. The dull run of a new process must be the same too. This process must not
 * run anything itself before it is decided.
 */
#include "sim/cli/isolate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/cli/program.h"
#include "sim/cli/rerun.h"
#include "sim/cli/subject.h"
#include "sim/foreign/apart.h"
#include "sim/foreign/output.h"
#include "sim/search/search.h"

enum { TRIALS_BETWEEN = 6, PROBE_SECONDS_MAX = 60, QUESTION_BYTES = 32, LINE_BYTES = 1024 };

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

/* ---- in another process ---- */

/* The dull run there and here, for those who ask "hash FD" and "steps FD". */
static void answer(const struct subject *subject, const char *question)
{
    struct trial trial;
    struct run_result result;
    char *end;

    trial_derive(CLI_SEED_DEFAULT, 0, NULL, &trial);
    const struct rerun_plan dull = {.subject = subject, .trial = &trial};
    const bool is_hash = question[0] == 'h';
    const int fd = (int)strtol(strchr(question, ' ') + 1, &end, 10);
    FILE *out = fdopen(fd, "w");
    if (out == NULL)
        _exit(CLI_CANNOT);
    if (is_hash) {
        rerun_bare(&dull, &result);
        fprintf(out, "%016" PRIx64 "\n", result.trace_hash);
    } else {
        rerun_write_steps(&dull, out);
    }
    (void)fflush(out);
    _exit(0);
}

struct inquiry {
    const struct subject *subject;
    const char *question;
};

static void answer_here(void *context)
{
    const struct inquiry *inquiry = context;

    answer(inquiry->subject, inquiry->question);
}

/* What a new process says to `word`, and what a copy of this one does. False when there is no
 * telling; the streams, where there are any, are the caller's to close. */
static bool ask_both(const struct subject *subject, const char *word, FILE **there, FILE **here)
{
    char question[QUESTION_BYTES];
    struct inquiry inquiry = {.subject = subject, .question = question};

    *there = tmpfile();
    *here = tmpfile();
    if (*there == NULL || *here == NULL)
        return false;
    (void)snprintf(question, sizeof(question), "%s %d", word, fileno(*there));
    bool is_good = program_ask(question, PROBE_SECONDS_MAX);
    (void)snprintf(question, sizeof(question), "%s %d", word, fileno(*here));
    is_good = is_good && apart_call(answer_here, &inquiry, PROBE_SECONDS_MAX);
    return fseek(*there, 0, SEEK_SET) == 0 && fseek(*here, 0, SEEK_SET) == 0 && is_good;
}

static void close_both(FILE *there, FILE *here)
{
    if (there != NULL)
        (void)fclose(there);
    if (here != NULL)
        (void)fclose(here);
}

/* The number of the first line that differs, with both; 0 when there is none. */
static unsigned first_difference(FILE *there, FILE *here, char lines[2][LINE_BYTES])
{
    for (unsigned number = 1;; number++) {
        const bool is_there = fgets(lines[0], LINE_BYTES, there) != NULL;
        const bool is_here = fgets(lines[1], LINE_BYTES, here) != NULL;
        if (!is_there && !is_here)
            return 0;
        if (!is_there || !is_here || strcmp(lines[0], lines[1]) != 0)
            return number;
    }
}

/* Whether the dull run is the same in a new process, where the system puts everything elsewhere. 0,
 * or CLI_DIVERGED after messages. */
static int check_new_process(const struct subject *subject)
{
    char lines[2][LINE_BYTES] = {"", ""};
    FILE *there;
    FILE *here;
    const bool is_same =
        !ask_both(subject, "hash", &there, &here) || first_difference(there, here, lines) == 0;

    close_both(there, here);
    if (is_same)
        return 0;
    cli_say("%s: the same run is another one in a new process: it depends on where the system puts "
            "code, variables or stacks, on the real time, or on chance",
            subject->name);
    const unsigned step =
        ask_both(subject, "steps", &there, &here) ? first_difference(there, here, lines) : 0;
    if (step != 0)
        cli_say("  they part at step %u\n  here:  %s  there: %s", step, lines[1], lines[0]);
    close_both(there, here);
    return CLI_DIVERGED;
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
    const char *question = getenv(PROGRAM_PROBE_VARIABLE);
    if (question != NULL && strchr(question, ' ') != NULL)
        answer(subject, question);
    if (foreign_early_threads() != 0) {
        cli_say(
            "%s: its constructors start %u thread%s, which run for real and in no schedule; start "
            "them in main()",
            subject->name, foreign_early_threads(), foreign_early_threads() == 1 ? "" : "s");
        return CLI_CANNOT;
    }
    const int exit_code = check_new_process(subject);
    if (exit_code != 0)
        return exit_code;
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
