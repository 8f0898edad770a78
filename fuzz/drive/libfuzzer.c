#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/drive/drive.h"

enum { LINE_BYTES = 4096, STABILITY_INPUTS_MAX = 400, INPUT_BYTES_MAX = 65536 };

#define MERGE_NS_MAX (60 * NS_PER_S)
/* The engine looks at its clock between runs, and says goodbye in its own time; but nobody waits
 * for long after an interrupt. */
#define END_NS_MAX (20 * NS_PER_S)
#define HURRY_NS_MAX NS_PER_S

struct args {
    const char *items[DRIVE_ARGS_MAX];
    char texts[16][DRIVE_PATH_BYTES];
    size_t count;
    size_t text_count;
};

static void add(struct args *args, const char *text)
{
    if (args->count < DRIVE_ARGS_MAX - 1)
        args->items[args->count++] = text;
}

static void add_text(struct args *args, const char *name, const char *value)
{
    char *text = args->texts[args->text_count++];

    snprintf(text, DRIVE_PATH_BYTES, "%s%s", name, value);
    add(args, text);
}

static void add_number(struct args *args, const char *name, uint64_t value)
{
    char number[24];

    snprintf(number, sizeof(number), "%llu", (unsigned long long)value);
    add_text(args, name, number);
}

/* "cov: 1110" of a line, if it is there. */
static void read_number(const char *line, const char *name, uint64_t *value)
{
    const char *at = strstr(line, name);

    if (at != NULL)
        *value = strtoull(at + strlen(name), NULL, 10);
}

/* "#2048 NEW    cov: 1110 ft: 4037 corp: 67/35Kb lim: 4096 exec/s: 1024 rss: 28Mb ...", of a
 * session that forks: "#2048: cov: 1110 ft: 4037 corp: 67 exec/s: 1024 oom/timeout/crash: 0/0/1" */
static void read_line(struct drive *drive, const char *line)
{
    if (line[0] == '#') {
        drive->runs = strtoull(line + 1, NULL, 10);
        read_number(line, " cov: ", &drive->edges);
        read_number(line, " corp: ", &drive->inputs);
    }
    read_number(line, "stat::number_of_executed_units: ", &drive->runs);
    if (strstr(line, "Test unit written to") != NULL)
        drive->crashes++;
}

/* Reads on in the log from `*at`: whole lines only. */
static void read_log(struct drive *drive, FILE *log)
{
    char line[LINE_BYTES];
    long begin = ftell(log);

    clearerr(log);
    while (fgets(line, sizeof(line), log) != NULL) {
        size_t len = strlen(line);
        if (line[len - 1] != '\n' && len < sizeof(line) - 1)
            break; /* the rest is not written yet */
        read_line(drive, line);
        begin = ftell(log);
    }
    fseek(log, begin, SEEK_SET);
}

static bool watch(struct drive *drive, pid_t pid, FILE *log)
{
    const struct timespec pause = {.tv_nsec = 200000000};
    uint64_t limit_ns = drive->time_ns.value + END_NS_MAX;
    bool is_told = false;
    int status = 0;

    while (!child_is_over(pid, &status)) {
        nanosleep(&pause, NULL);
        read_log(drive, log);
        drive->elapsed_ns = drive_now_ns() - drive->begun_ns;
        drive_progress(drive);
        if (!is_told && (drive_is_interrupted() || drive->elapsed_ns > limit_ns)) {
            is_told = true;
            limit_ns = drive->elapsed_ns + (drive_is_interrupted() ? HURRY_NS_MAX : END_NS_MAX);
            /* While a worker runs its parent is deaf. */
            kill(-pid, SIGINT);
        } else if (is_told && drive->elapsed_ns > limit_ns) {
            kill(-pid, SIGKILL);
        }
    }
    drive->elapsed_ns = drive_now_ns() - drive->begun_ns;
    read_log(drive, log);
    return (drive->runs > 0 || drive_is_interrupted()) &&
           !(WIFEXITED(status) && WEXITSTATUS(status) == 127);
}

/*
 * Stability: each input's features in one process and in another.
 */

struct sample {
    const char *folder;
    size_t count;
};

static void sample_one(void *context, const char *path, const char *name)
{
    struct sample *sample = context;
    char to[DRIVE_PATH_BYTES];

    if (sample->count >= STABILITY_INPUTS_MAX)
        return;
    path_join(to, sample->folder, name);
    sample->count += file_copy(path, to);
}

/* What each input reaches, as lines "FT number feature..." of the file `control`. */
static bool measure(const struct drive *drive, const char *inputs, const char *control)
{
    struct args args = {0};
    char empty[DRIVE_PATH_BYTES];
    struct child_io io = {.out = -1};

    path_join(empty, drive->scratch, "merged");
    folder_remove(empty);
    if (!folder_make(empty))
        return false;
    add(&args, drive->program);
    add(&args, "-set_cover_merge=1");
    add_text(&args, "-artifact_prefix=", empty); /* what crashes is known already */
    add_text(&args, "-merge_control_file=", control);
    add(&args, empty);
    add(&args, inputs);
    pid_t pid = child_start(args.items, &io);
    return pid > 0 && child_wait(pid, MERGE_NS_MAX) != -1;
}

/* The next line of features; false when there is none. */
static bool next_features(FILE *file, char **line, size_t *size)
{
    while (file != NULL && getline(line, size, file) > 0) {
        if (strncmp(*line, "FT ", 3) == 0)
            return true;
    }
    return false;
}

static void compare(struct drive *drive, const char *a_path, const char *b_path)
{
    FILE *a = fopen(a_path, "r"), *b = fopen(b_path, "r");
    char *a_line = NULL, *b_line = NULL;
    size_t a_size = 0, b_size = 0, count = 0, same = 0;

    while (next_features(a, &a_line, &a_size)) {
        count++;
        same += next_features(b, &b_line, &b_size) && strcmp(a_line, b_line) == 0;
    }
    drive->has_stability = count > 0;
    drive->stability_bp = count > 0 ? (unsigned)(same * 10000 / count) : 0;
    free(a_line);
    free(b_line);
    if (a != NULL)
        fclose(a);
    if (b != NULL)
        fclose(b);
}

static void measure_stability(struct drive *drive)
{
    char inputs[DRIVE_PATH_BYTES], first[DRIVE_PATH_BYTES], second[DRIVE_PATH_BYTES];

    path_join(inputs, drive->scratch, "sample");
    path_join(first, drive->scratch, "first");
    path_join(second, drive->scratch, "second");
    if (!folder_make(inputs))
        return;
    struct sample sample = {.folder = inputs};
    (void)folder_each(drive->corpus, sample_one, &sample);
    (void)folder_each(drive->seeds, sample_one, &sample);
    if (measure(drive, inputs, first) && measure(drive, inputs, second))
        compare(drive, first, second);
}

bool drive_libfuzzer(struct drive *drive)
{
    struct args *args = calloc(1, sizeof(*args));
    char prefix[DRIVE_PATH_BYTES];

    if (args == NULL)
        abort();
    snprintf(prefix, sizeof(prefix), "%.*s/", DRIVE_PATH_BYTES - 2, drive->scratch);
    add(args, drive->program);
    /* The engine's clock has no fractions, and 0 is no limit. */
    add_number(args, "-max_total_time=", (drive->time_ns.value + NS_PER_S - 1) / NS_PER_S);
    add_number(args, "-seed=", drive->seed.value);
    add_number(args, "-max_len=", INPUT_BYTES_MAX);
    add(args, "-print_final_stats=1");
    add(args, "-rss_limit_mb=2560");
    if (drive->is_keep_going) {
        add(args, "-fork=1");
        add(args, "-ignore_crashes=1");
    }
    if (file_bytes(drive->dictionary) > 0)
        add_text(args, "-dict=", drive->dictionary);
    add_text(args, "-artifact_prefix=", prefix);
    for (size_t i = 0; i < drive->extra_count; i++)
        add(args, drive->extra[i]);
    add(args, drive->corpus);
    add(args, drive->seeds);
    if (drive->also != NULL)
        add(args, drive->also);
    int fd = open(drive->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    FILE *log = fopen(drive->log, "r");
    struct child_io io = {.out = fd, .is_new = true};
    /* Workers have a folder of their own there. */
    if (setenv("TMPDIR", drive->scratch, 1) != 0)
        abort();
    drive->begun_ns = drive_now_ns();
    pid_t pid = fd < 0 || log == NULL ? -1 : child_start(args->items, &io);
    bool is_run = pid > 0 && watch(drive, pid, log);

    if (fd >= 0)
        close(fd);
    if (log != NULL)
        fclose(log);
    free(args);
    if (!is_run)
        return false;
    static const char *const prefixes[] = {"crash-", "timeout-", "oom-", "leak-"};
    drive->crashes = 0;
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
        findings_keep(drive, drive->scratch, prefixes[i], false);
    if (!drive->is_unmeasured && !drive_is_interrupted())
        measure_stability(drive);
    return true;
}
