#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/drive/drive.h"

enum { LINE_BYTES = 4096, NUMBER_BYTES = 24 };

/* Seeds are run first, which the engine's clock does not count. */
#define START_NS_MAX (120 * NS_PER_S)
/* To say goodbye in, behind an interrupt. */
#define HURRY_NS_MAX NS_PER_S

/* Unattended, and on any machine. */
static void set_environment(const struct drive *drive)
{
    drive_setenv("AFL_NO_UI", "1");
    drive_setenv("AFL_SKIP_CPUFREQ", "1");
    /* Runs repeat: one more run shows as much as seven. */
    drive_setenv("AFL_FAST_CAL", "1");
    drive_setenv("AFL_NO_AFFINITY", "1");
    drive_setenv("AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES", "1");
    drive_setenv("AFL_SKIP_CRASHES", "1"); /* of the seeds: they are tried first of all */
    drive_setenv("AFL_FORKSRV_INIT_TMOUT", "60000");
    if (!drive->is_keep_going)
        drive_setenv("AFL_BENCH_UNTIL_CRASH", "1");
    if (drive->mutator != NULL)
        drive_setenv("AFL_CUSTOM_MUTATOR_LIBRARY", drive->mutator);
    /* What the engine insists on; a report in words comes when the input is run alone. */
    setenv("ASAN_OPTIONS", "abort_on_error=1:symbolize=0:detect_leaks=0", 1);
    setenv("UBSAN_OPTIONS", "abort_on_error=1:halt_on_error=1:symbolize=0", 1);
    setenv("TSAN_OPTIONS", "abort_on_error=1:halt_on_error=1:symbolize=0", 1);
}

/* "saved_crashes     : 3" */
static bool read_stat(const char *line, const char *name, uint64_t *value)
{
    size_t len = strlen(name);

    if (strncmp(line, name, len) != 0 || (line[len] != ' ' && line[len] != ':'))
        return false;
    const char *at = strchr(line, ':');
    if (at != NULL)
        *value = strtoull(at + 1, NULL, 10);
    return at != NULL;
}

/* "100.00%", in hundredths of a percent. */
static void read_stability(struct drive *drive, const char *line)
{
    unsigned whole, part;

    if (sscanf(line, "stability : %u.%2u", &whole, &part) == 2) {
        drive->stability_bp = whole * 100 + part;
        drive->has_stability = true;
    }
}

/* Written when the session begins and ends, and once a minute. */
static void read_stats(struct drive *drive, const char *path)
{
    FILE *file = fopen(path, "r");
    char line[LINE_BYTES];

    if (file == NULL)
        return;
    while (fgets(line, sizeof(line), file) != NULL) {
        (void)read_stat(line, "execs_done", &drive->runs);
        (void)read_stat(line, "execs_per_sec", &drive->runs_per_second);
        (void)read_stat(line, "edges_found", &drive->edges);
        (void)read_stat(line, "corpus_count", &drive->inputs);
        (void)read_stat(line, "saved_crashes", &drive->crashes);
        read_stability(drive, line);
    }
    fclose(file);
}

/* Its last line is five seconds old at most: relative_time, cycles_done, cur_item, corpus_count,
 * pending_total, pending_favs, map_size, saved_crashes, saved_hangs, max_depth, execs_per_sec,
 * total_execs, edges_found. */
static void read_plot(struct drive *drive, const char *path)
{
    unsigned long long seconds, inputs, crashes, runs, edges;
    FILE *file = fopen(path, "r");
    char line[LINE_BYTES];

    if (file == NULL)
        return;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "%llu, %*u, %*u, %llu, %*u, %*u, %*f%%, %llu, %*u, %*u, %*f, %llu, %llu",
                   &seconds, &inputs, &crashes, &runs, &edges) != 5)
            continue;
        drive->runs = runs;
        drive->inputs = inputs;
        drive->crashes = crashes;
        drive->edges = edges;
    }
    fclose(file);
}

static bool watch(struct drive *drive, pid_t pid, const char *instance)
{
    const struct timespec pause = {.tv_nsec = 200000000};
    uint64_t limit_ns = drive->time_ns.value + START_NS_MAX;
    char stats[DRIVE_PATH_BYTES], plot[DRIVE_PATH_BYTES];
    bool is_told = false;
    int status = 0;

    path_join(stats, instance, "fuzzer_stats");
    path_join(plot, instance, "plot_data");
    while (!child_is_over(pid, &status)) {
        nanosleep(&pause, NULL);
        read_plot(drive, plot);
        drive->elapsed_ns = drive_now_ns() - drive->begun_ns;
        drive_progress(drive);
        if (drive->elapsed_ns > limit_ns)
            kill(-pid, SIGKILL);
        if (!is_told && drive_is_interrupted()) {
            is_told = true;
            limit_ns = drive->elapsed_ns + HURRY_NS_MAX;
            kill(pid, SIGINT);
        }
    }
    child_end_orphans();
    drive->elapsed_ns = drive_now_ns() - drive->begun_ns;
    read_stats(drive, stats);
    return drive->runs > 0 || drive_is_interrupted();
}

/* The names of seeds, and of what was found before, stay visible in the queue's. */
static void stage_one(void *context, const char *path, const char *name)
{
    const char *folder = context;
    char to[DRIVE_PATH_BYTES];

    path_join(to, folder, name);
    /* The engine wants no empty one. */
    if (file_bytes(path) == 0)
        return;
    /* Another folder may have another input of that name. */
    if (!(access(to, F_OK) == 0 ? file_keep(path, folder, NULL) : file_copy(path, to)))
        fprintf(stderr, "heddle: cannot copy %s\n", path);
}

/* What is new in the queue goes back to the corpus. */
static void keep_new(void *context, const char *path, const char *name)
{
    struct drive *drive = context;

    if (strncmp(name, "id:", 3) == 0 && strstr(name, ",orig:") == NULL &&
        !file_keep(path, drive->corpus, NULL))
        fprintf(stderr, "heddle: cannot keep %s\n", path);
}

/* "... Test case 'id:000000,time:0,execs:0,orig:NAME' results in a crash, skipping": such a seed is
 * in no folder of the engine's. */
static void keep_crashed_seeds(struct drive *drive, const char *in)
{
    char folder[DRIVE_PATH_BYTES], from[DRIVE_PATH_BYTES], to[DRIVE_PATH_BYTES], line[LINE_BYTES];
    FILE *log = fopen(drive->log, "r");

    path_join(folder, drive->scratch, "crashed");
    if (log == NULL || !folder_make(folder))
        abort();
    while (fgets(line, sizeof(line), log) != NULL) {
        char *name = strstr(line, ",orig:");
        char *end = name == NULL ? NULL : strstr(name, "' results in a crash");

        if (end == NULL)
            continue;
        *end = '\0';
        name += strlen(",orig:");
        path_join(from, in, name);
        path_join(to, folder, name);
        if (!file_copy(from, to))
            fprintf(stderr, "heddle: cannot keep %s\n", from);
    }
    fclose(log);
    findings_keep(drive, folder, "", false);
}

static pid_t start(struct drive *drive, const char *in, const char *out)
{
    const char *args[DRIVE_ARGS_MAX] = {"afl-fuzz", "-i", in, "-o", out, "-t", "5000+"};
    char seconds[NUMBER_BYTES], seed[NUMBER_BYTES];
    size_t count = 7;

    /* Its clock has no fractions, and 0 is no limit. */
    snprintf(seconds, sizeof(seconds), "%llu",
             (unsigned long long)((drive->time_ns.value + NS_PER_S - 1) / NS_PER_S));
    snprintf(seed, sizeof(seed), "%llu", (unsigned long long)drive->seed.value);
    args[count++] = "-V";
    args[count++] = seconds;
    args[count++] = "-s";
    args[count++] = seed;
    if (file_bytes(drive->dictionary) > 0) {
        args[count++] = "-x";
        args[count++] = drive->dictionary;
    }
    for (size_t i = 0; i < drive->extra_count && count < DRIVE_ARGS_MAX - 3; i++)
        args[count++] = drive->extra[i];
    args[count++] = "--";
    args[count++] = drive->program;
    int fd = open(drive->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    struct child_io io = {.out = fd, .is_new = true};
    pid_t pid = fd < 0 ? -1 : child_start(args, &io);
    if (fd >= 0)
        close(fd);
    return pid;
}

bool drive_afl(struct drive *drive)
{
    char in[DRIVE_PATH_BYTES], out[DRIVE_PATH_BYTES], instance[DRIVE_PATH_BYTES];
    char queue[DRIVE_PATH_BYTES], crashes[DRIVE_PATH_BYTES], hangs[DRIVE_PATH_BYTES];

    path_join(in, drive->scratch, "in");
    path_join(out, drive->scratch, "out");
    path_join(instance, out, "default");
    path_join(queue, instance, "queue");
    path_join(crashes, instance, "crashes");
    path_join(hangs, instance, "hangs");
    if (!folder_make(in))
        return false;
    (void)folder_each(drive->seeds, stage_one, in);
    (void)folder_each(drive->corpus, stage_one, in);
    if (drive->also != NULL)
        (void)folder_each(drive->also, stage_one, in);
    set_environment(drive);
    drive->begun_ns = drive_now_ns();
    pid_t pid = start(drive, in, out);
    bool is_run = pid > 0 && watch(drive, pid, instance);
    unsetenv("ASAN_OPTIONS");
    unsetenv("UBSAN_OPTIONS");
    unsetenv("TSAN_OPTIONS");
    drive_set_sanitizers();
    drive->crashes = 0;
    keep_crashed_seeds(drive, in);
    findings_keep(drive, crashes, "id:", false);
    findings_keep(drive, hangs, "id:", true);
    (void)folder_each(queue, keep_new, drive);
    /* When each of the seeds crashes the engine refuses to begin. */
    return is_run || drive->crashes > 0;
}
