/*
 * sim/cli/cmd_demo.c - heddle demo: a real deadlock found, told, and replayed in a new process.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/cli/files.h"
#include "sim/cli/hunt.h"
#include "sim/cli/outcome.h"
#include "sim/cli/plants.h"
#include "sim/cli/subject.h"

enum { SEARCH_SCHEDULES = 20000, CLEAN_SCHEDULES = 5000, HASH_DIGITS = 16 };

#define SEARCH_TIME_NS UINT64_C(60000000000)
#define CLEAN_TIME_NS UINT64_C(10000000000)

static const char plant_id[] = "K01";

static void print_seconds(uint64_t time_ns)
{
    printf("%" PRIu64 ".%02" PRIu64 "s", time_ns / 1000000000, time_ns / 10000000 % 100);
}

/* As short as the user can paste it. */
static const char *scenario_path(const struct plant_info *plant)
{
    static char path[PATH_MAX];
    char root[PATH_MAX];
    char here[PATH_MAX];

    const bool is_here = realpath(files_root(), root) != NULL &&
                         getcwd(here, sizeof(here)) != NULL && strcmp(root, here) == 0;
    snprintf(path, sizeof(path), "%s%sscenarios/%s.scn", is_here ? "" : files_root(),
             is_here ? "" : "/", plant->scenario);
    return path;
}

static bool search(const struct subject *subject, uint64_t schedules, uint64_t time_ns,
                   struct search_result *result)
{
    const struct hunt hunt = {.target = &subject->target,
                              .seed = CLI_SEED_DEFAULT,
                              .schedules_max = schedules,
                              .time_ns_max = time_ns,
                              .jobs = 1,
                              .is_apart = true,
                              .has_progress = true};

    return hunt_run(&hunt, result);
}

/* What the new process prints: the first line of its standard output. */
static bool read_line(int fd, char *out, size_t out_bytes)
{
    size_t len = 0;

    for (;;) {
        ssize_t count = read(fd, out + len, out_bytes - 1 - len);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        len += (size_t)count;
    }
    out[len] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return len > 0;
}

/* Runs this program once more with `argv` and takes its first line. */
static bool run_anew(char *const *argv, char *out, size_t out_bytes)
{
    int ends[2];

    fflush(NULL);
    if (pipe(ends) != 0)
        return false;
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execv("/proc/self/exe", argv);
        _exit(CLI_CANNOT);
    }
    close(ends[1]);
    const bool is_read = pid > 0 && read_line(ends[0], out, out_bytes);
    close(ends[0]);
    int status = 0;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return is_read && WIFEXITED(status) && WEXITSTATUS(status) == CLI_FOUND;
}

static int replay_anew(const struct subject *subject, const struct search_finding *finding)
{
    char seed[32];
    char trial[32];
    char hash[64];
    char want[HASH_DIGITS + 1];
    char *const argv[] = {"heddle",
                          "replay",
                          (char *)(uintptr_t)subject->name,
                          "--plant",
                          (char *)(uintptr_t)plant_id,
                          "--seed",
                          seed,
                          "--trial",
                          trial,
                          "--hash",
                          NULL};

    snprintf(seed, sizeof(seed), "0x%" PRIx64, finding->trial.campaign_seed);
    snprintf(trial, sizeof(trial), "%" PRIu64, finding->trial.number);
    snprintf(want, sizeof(want), "%016" PRIx64, finding->trace_hash);
    if (!run_anew(argv, hash, sizeof(hash))) {
        cli_say("the replay in a new process failed");
        return CLI_DIVERGED;
    }
    printf("\n3. The same run in a new process: heddle replay ... --seed %s --trial %s\n", seed,
           trial);
    printf("   trace when found  %s\n   trace replayed    %s  %s\n", want, hash,
           strcmp(want, hash) == 0 ? "the same, step by step" : "DIFFERENT");
    return strcmp(want, hash) == 0 ? 0 : CLI_DIVERGED;
}

/* `reproducer` (PATH_MAX) is the file that was written, the target's own when none could be. */
static int find_and_show(const struct subject *subject, char *reproducer)
{
    static struct search_result result;

    if (!search(subject, SEARCH_SCHEDULES, SEARCH_TIME_NS, &result))
        return CLI_CANNOT;
    if (result.finding_count == 0) {
        cli_say("the planted bug was not found in %" PRIu64 " schedules", result.schedules);
        return CLI_CANNOT;
    }
    printf("   found in schedule %" PRIu64 ", after ", result.findings[0].trial.number);
    print_seconds(result.elapsed_ns);
    printf("\n\n2. What happens in it. Each column is a thread; time goes down.\n\n");
    struct outcome outcome = {.subject = subject,
                              .finding = &result.findings[0],
                              .out = access(".", W_OK) == 0 ? "heddle-out" : NULL,
                              .has_story = true};
    const int exit_code = outcome_show(&outcome);
    snprintf(reproducer, PATH_MAX, "%s",
             outcome.reproducer[0] == '\0' ? subject->name : outcome.reproducer);
    return exit_code != 0 ? exit_code : replay_anew(subject, &result.findings[0]);
}

static int show_clean(const struct command *command, const char *path)
{
    static struct search_result result;
    static struct subject subject;
    const struct operands targets = {.items = {path}, .count = 1};
    int exit_code = subject_open(&subject, command, &targets, NULL, false);

    if (exit_code != 0)
        return exit_code;
    printf("\n4. The same scenario without the plant: the code as it was mended.\n");
    fflush(stdout);
    if (!search(&subject, CLEAN_SCHEDULES, CLEAN_TIME_NS, &result)) {
        exit_code = CLI_CANNOT;
    } else if (result.finding_count > 0) {
        cli_say("the code without the plant fails too: %s", result.findings[0].finding.title);
        exit_code = CLI_FOUND;
    } else {
        printf("   nothing found in %" PRIu64 " schedules, ", result.schedules);
        print_seconds(result.elapsed_ns);
        printf("\n");
    }
    subject_close(&subject);
    return exit_code;
}

static void print_next(const char *path, const char *reproducer)
{
    const char *program = outcome_program();

    printf(
        "\nNext:\n"
        "  less %s\n      the scenario: who does what, and when\n"
        "  %s explore %s --plant %s --keep-going\n      everything that can go wrong in it\n"
        "  %s shrink %s -o small.scn\n"
        "      the smallest scenario and schedule that end the same way; then: explain small.scn\n"
        "  %s plants\n      every planted bug: is it found, and how fast\n"
        "  %s help\n      the other commands\n",
        path, program, path, plant_id, program, reproducer, program, program);
}

struct values {
    const char *build;
};

static const struct option_def options[] = {
    {"build", 0, OPTION_TEXT, "NAME", "plain, asan, tsan or explore (the launcher builds it)",
     offsetof(struct values, build)},
};

static int run(const struct command *command, int argc, char *const *argv)
{
    static struct subject subject;
    static char reproducer[PATH_MAX];
    struct values values = {NULL};
    struct operands none;
    int exit_code = 0;

    if (!cli_parse(command, argc, argv, &values, &none, 0, 0) ||
        !cli_check_build(command, values.build, &exit_code))
        return exit_code != 0 ? exit_code : CLI_USAGE;
    const struct plant_info *plant = &plants_all[plants_find(plant_id)];
    const char *path = scenario_path(plant);
    const struct option_list plants = {.items = {plant_id}, .count = 1};
    const struct operands targets = {.items = {path}, .count = 1};
    exit_code = subject_open(&subject, command, &targets, &plants, false);
    if (exit_code != 0)
        return exit_code;
    printf("1. A bug that a real proxy once had, planted again: %s %s\n   %s.\n"
           "   Searching the schedules of %s for it.\n",
           plant->id, plant->slug, plant->story, path);
    fflush(stdout);
    exit_code = find_and_show(&subject, reproducer);
    subject_close(&subject);
    if (exit_code == 0)
        exit_code = show_clean(command, path);
    if (exit_code == 0)
        print_next(path, reproducer);
    return exit_code;
}

const struct command cmd_demo = {
    .name = "demo",
    .operands = "",
    .summary = "find a planted race, see its story, replay it: start here",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
