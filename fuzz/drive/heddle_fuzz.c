/*
 * fuzz/drive/heddle_fuzz.c - `heddle fuzz`: one session of one target under one engine.
 *
 * The launcher, and `bazel run //fuzz:TARGET_fuzz_test_run`, give the arguments that say what was
 * built (--target to --mutator); the others are the user's, or, behind `--`, the engine's.
 *
 * Threads: main.
 */
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/drive/drive.h"

#define AT(field) offsetof(struct drive, field)

static const struct option_def defs[] = {
    {"time", 't', OPTION_DURATION, "TIME", "how long (60s)", AT(time_ns)},
    {"corpus", 'c', OPTION_TEXT, "DIR", "inputs are read from here too, and new ones written",
     AT(corpus_asked)},
    {"out", 'o', OPTION_TEXT, "DIR", "what is found (heddle-out/fuzz/TARGET)", AT(out)},
    {"seed", 's', OPTION_NUMBER, "N", "of the engine (1)", AT(seed)},
    {"keep-going", 'k', OPTION_FLAG, NULL, "behind the first finding too", AT(is_keep_going)},
    {"replay", 'r', OPTION_FLAG, NULL, "fuzz nothing: run the FILEs given, once each",
     AT(is_replay)},
    {"also", 0, OPTION_TEXT, "DIR", "more inputs to begin with; nothing is written there",
     AT(also)},
    {"merge", 0, OPTION_TEXT, "DIR", "fuzz nothing: the least corpus that reaches all, to DIR",
     AT(merge_to)},
    {"shrink", 0, OPTION_TEXT, "FILE", "fuzz nothing: the FILE of a finding made small",
     AT(shrink_to)},
    {"no-stability", 0, OPTION_FLAG, NULL, "do not measure it", AT(is_unmeasured)},
    {"attached", 0, OPTION_FLAG, NULL, "end when whoever started this has ended", AT(is_attached)},
    {"json", 0, OPTION_FLAG, NULL, "one JSON object a line, the summary last", AT(is_json)},
    {"help", 'h', OPTION_FLAG, NULL, "this", AT(is_help)},
    {"engine", 'e', OPTION_TEXT, "NAME", "libfuzzer (unless said) or afl", AT(engine)},
    {"build", 'b', OPTION_TEXT, "NAME", "plain (unless said), asan, tsan or explore", AT(build)},
    {"target", 0, OPTION_TEXT, "NAME", "what was built: its name,", AT(target)},
    {"program", 0, OPTION_TEXT, "FILE", "the program,", AT(program)},
    {"seeds", 0, OPTION_TEXT, "DIR", "its corpus,", AT(seeds)},
    {"dict", 0, OPTION_TEXT, "FILE", "its dictionary,", AT(dictionary)},
    {"mutator", 0, OPTION_TEXT, "FILE", "and, of afl, its mutator", AT(mutator)},
};

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static void watch_signals(void)
{
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
}

bool drive_is_interrupted(void)
{
    return interrupted != 0;
}

static unsigned long long seconds_of(uint64_t ns)
{
    return (unsigned long long)(ns / NS_PER_S);
}

void drive_progress(const struct drive *drive)
{
    struct winsize size;
    char line[256], stability[32] = "";
    uint64_t left_ns =
        drive->time_ns.value > drive->elapsed_ns ? drive->time_ns.value - drive->elapsed_ns : 0;

    if (!isatty(STDERR_FILENO))
        return;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 2)
        size.ws_col = 80;
    if (drive->has_stability)
        snprintf(stability, sizeof(stability), "stability %u.%02u %%, ", drive->stability_bp / 100,
                 drive->stability_bp % 100);
    uint64_t ms = drive->elapsed_ns / 1000000;
    snprintf(line, sizeof(line),
             "%s (%s, %s): %llu runs, %llu/s, %s%llu edges, %llu inputs, %llu crashes, %llu s left",
             drive->target, drive->engine, drive->build, (unsigned long long)drive->runs,
             (unsigned long long)(ms > 0 ? drive->runs * 1000 / ms : 0), stability,
             (unsigned long long)drive->edges, (unsigned long long)drive->inputs,
             (unsigned long long)drive->crashes, seconds_of(left_ns));
    fprintf(stderr, "\r\033[K%.*s", size.ws_col - 1, line);
}

void drive_progress_end(void)
{
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

/* How a person runs the input of a finding again. */
static void command_of(const struct drive *drive, const struct drive_finding *finding, char *out,
                       size_t size)
{
    if (finding->scenario[0] != '\0')
        snprintf(out, size, "./heddle replay %s", finding->scenario);
    else
        snprintf(out, size, "./heddle fuzz %s --engine %s --build %s --replay %s", drive->target,
                 drive->engine, drive->build, finding->path);
}

static void print_summary(const struct drive *drive)
{
    char command[2 * DRIVE_PATH_BYTES];

    for (size_t i = 0; i < drive->finding_count; i++) {
        const struct drive_finding *finding = &drive->findings[i];

        command_of(drive, finding, command, sizeof(command));
        printf("finding: %s\n    %u input%s; %u of %u replays; again: %s\n", finding->title,
               finding->inputs, finding->inputs == 1 ? "" : "s", finding->replays_same,
               finding->replays, command);
    }
    if (drive->unnamed > 0)
        printf("%zu more input%s in %s, not looked at\n", drive->unnamed,
               drive->unnamed == 1 ? "" : "s", drive->findings_folder);
    printf("%s (%s, %s): %llu runs in %llu.%llu s, %llu/s; ", drive->target, drive->engine,
           drive->build, (unsigned long long)drive->runs, seconds_of(drive->elapsed_ns),
           (unsigned long long)(drive->elapsed_ns / (NS_PER_S / 10) % 10),
           (unsigned long long)drive->runs_per_second);
    if (drive->has_stability)
        printf("stability %u.%02u %%; ", drive->stability_bp / 100, drive->stability_bp % 100);
    printf("%llu edges, %llu inputs; ", (unsigned long long)drive->edges,
           (unsigned long long)drive->inputs);
    if (drive->finding_count == 0)
        printf(drive->unnamed > 0 ? "nothing looked at\n" : "nothing found\n");
    else
        printf("%zu finding%s\n", drive->finding_count, drive->finding_count == 1 ? "" : "s");
}

/* A decimal as it is written here, so that no float comes near it. */
static struct json_object *json_decimal(uint64_t whole, unsigned part, unsigned places)
{
    char text[48];

    snprintf(text, sizeof(text), "%llu.%0*u", (unsigned long long)whole, (int)places, part);
    return json_object_new_double_s(strtod(text, NULL), text);
}

static struct json_object *json_finding(const struct drive *drive,
                                        const struct drive_finding *finding)
{
    struct json_object *row = json_object_new_object();
    char command[2 * DRIVE_PATH_BYTES];

    command_of(drive, finding, command, sizeof(command));
    json_object_object_add(row, "title", json_object_new_string(finding->title));
    json_object_object_add(row, "inputs", json_object_new_int64(finding->inputs));
    json_object_object_add(row, "replays",
                           json_object_new_boolean(finding->replays_same == finding->replays));
    json_object_object_add(row, "replays_tried", json_object_new_int64(finding->replays));
    json_object_object_add(row, "replays_same", json_object_new_int64(finding->replays_same));
    json_object_object_add(row, "reproducer", json_object_new_string(finding->path));
    json_object_object_add(row, "command", json_object_new_string(command));
    if (finding->scenario[0] != '\0')
        json_object_object_add(row, "scenario", json_object_new_string(finding->scenario));
    return row;
}

static void print_json(const struct drive *drive)
{
    struct json_object *row = json_object_new_object();
    struct json_object *findings = json_object_new_array();
    struct json_object *stability = NULL;

    for (size_t i = 0; i < drive->finding_count; i++)
        json_object_array_add(findings, json_finding(drive, &drive->findings[i]));
    if (drive->has_stability)
        stability = json_decimal(drive->stability_bp / 100, drive->stability_bp % 100, 2);
    json_object_object_add(row, "event", json_object_new_string("summary"));
    json_object_object_add(row, "target", json_object_new_string(drive->target));
    json_object_object_add(row, "engine", json_object_new_string(drive->engine));
    json_object_object_add(row, "build", json_object_new_string(drive->build));
    json_object_object_add(row, "seed", json_object_new_int64((int64_t)drive->seed.value));
    json_object_object_add(row, "seconds",
                           json_decimal(drive->elapsed_ns / NS_PER_S,
                                        (unsigned)(drive->elapsed_ns / (NS_PER_S / 1000) % 1000),
                                        3));
    json_object_object_add(row, "runs", json_object_new_int64((int64_t)drive->runs));
    json_object_object_add(row, "runs_per_second",
                           json_object_new_int64((int64_t)drive->runs_per_second));
    json_object_object_add(row, "stability", stability);
    json_object_object_add(row, "edges", json_object_new_int64((int64_t)drive->edges));
    json_object_object_add(row, "inputs", json_object_new_int64((int64_t)drive->inputs));
    json_object_object_add(row, "findings", findings);
    json_object_object_add(row, "unnamed", json_object_new_int64((int64_t)drive->unnamed));
    puts(json_object_to_json_string_ext(row,
                                        JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(row);
}

static void show_log(const struct drive *drive)
{
    FILE *log = fopen(drive->log, "r");
    char line[1024];

    fprintf(stderr, "heddle: %s did not run; it said (%s):\n", drive->engine, drive->log);
    while (log != NULL && fgets(line, sizeof(line), log) != NULL)
        fputs(line, stderr);
    if (log != NULL)
        fclose(log);
}

static bool prepare(struct drive *drive)
{
    static char out[DRIVE_PATH_BYTES];

    if (drive->out == NULL) {
        snprintf(out, sizeof(out), "heddle-out/fuzz/%s", drive->target);
        drive->out = out;
    }
    path_join(drive->findings_folder, drive->out, "findings");
    path_join(drive->corpus, drive->out, "corpus");
    if (drive->corpus_asked != NULL)
        snprintf(drive->corpus, sizeof(drive->corpus), "%s", drive->corpus_asked);
    path_join(drive->log, drive->out, "engine.log");
    path_join(drive->scratch, drive->out, "session.XXXXXX");
    return folder_make(drive->findings_folder) && folder_make(drive->corpus) &&
           mkdtemp(drive->scratch) != NULL;
}

/* What was found counts even when nobody has looked at it. */
static bool is_found(const struct drive *drive)
{
    return drive->finding_count > 0 || drive->unnamed > 0;
}

static int fuzz(struct drive *drive)
{
    bool is_afl = strcmp(drive->engine, "afl") == 0;

    if (!is_afl && strcmp(drive->engine, "libfuzzer") != 0) {
        fprintf(stderr, "heddle: this program has no engine; build it with --config=libfuzzer or "
                        "--config=afl\n");
        return EXIT_USAGE;
    }
    if (!prepare(drive)) {
        perror("heddle: the folder for what is found");
        return EXIT_CANNOT;
    }
    drive_set_sanitizers();
    watch_signals();
    bool is_run = is_afl ? drive_afl(drive) : drive_libfuzzer(drive);
    drive_progress_end();
    child_end_orphans();
    folder_remove(drive->scratch);
    if (!is_run) {
        show_log(drive);
        return EXIT_CANNOT;
    }
    uint64_t ms = drive->elapsed_ns / 1000000;
    if (drive->runs_per_second == 0 && ms > 0)
        drive->runs_per_second = drive->runs * 1000 / ms;
    if (drive->is_json)
        print_json(drive);
    else
        print_summary(drive);
    return is_found(drive) ? EXIT_FINDING : EXIT_CLEAN;
}

/* As `heddle replay --json` tells it. */
static void print_replay_json(const char *file, const char *title)
{
    struct json_object *row = json_object_new_object();

    json_object_object_add(row, "event", json_object_new_string("replay"));
    json_object_object_add(row, "file", json_object_new_string(file));
    json_object_object_add(row, "title", json_object_new_string(title));
    puts(json_object_to_json_string_ext(row,
                                        JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(row);
}

/* Each alone; what the program says of a finding is shown. */
static int replay(const struct drive *drive, const struct operands *files)
{
    char title[DRIVE_TITLE_BYTES];
    char log[] = "/tmp/heddle-replay.XXXXXX";
    int fd = mkstemp(log);
    int result = EXIT_CLEAN;

    if (fd < 0 || files->count == 0) {
        fprintf(stderr, "heddle: --replay wants files\n");
        return EXIT_USAGE;
    }
    close(fd);
    drive_set_sanitizers();
    for (size_t i = 0; i < files->count; i++) {
        if (access(files->items[i], R_OK) != 0) {
            perror(files->items[i]);
            result = EXIT_BAD_INPUT;
            break;
        }
        const bool is_found = findings_run(drive, files->items[i], log, title);
        if (drive->is_json) {
            print_replay_json(files->items[i], title);
            result = is_found ? EXIT_FINDING : result;
            continue;
        }
        if (!is_found) {
            printf("%s: nothing found\n", files->items[i]);
            continue;
        }
        result = EXIT_FINDING;
        FILE *said = fopen(log, "r");
        char line[1024];
        while (said != NULL && fgets(line, sizeof(line), said) != NULL)
            fputs(line, stderr);
        if (said != NULL)
            fclose(said);
        printf("%s: %s\n", files->items[i], title);
    }
    unlink(log);
    return result;
}

static void print_usage(FILE *file)
{
    fprintf(file, "usage: heddle fuzz TARGET [OPTION]... [-- ARGUMENT OF THE ENGINE...]\n");
    options_print(defs, ARRAY_LEN(defs), file);
}

int main(int argc, char **argv)
{
    struct drive *drive = calloc(1, sizeof(*drive));
    static struct operands operands;
    char error[OPTION_ERROR_BYTES];
    int own = 1;

    if (drive == NULL)
        return EXIT_CANNOT;
    while (own < argc && strcmp(argv[own], "--") != 0)
        own++;
    if (own < argc) {
        drive->extra = (const char *const *)argv + own + 1;
        drive->extra_count = (size_t)(argc - own - 1);
    }
    if (!options_parse(defs, ARRAY_LEN(defs), own - 1, argv + 1, drive, &operands, error)) {
        fprintf(stderr, "heddle: fuzz: %s\n", error);
        return EXIT_USAGE;
    }
    if (drive->is_help) {
        print_usage(stdout);
        return EXIT_CLEAN;
    }
    if (drive->target == NULL || drive->engine == NULL || drive->build == NULL ||
        drive->program == NULL || drive->seeds == NULL || drive->dictionary == NULL) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (drive->extra_count > DRIVE_EXTRA_MAX) {
        fprintf(stderr, "heddle: fuzz: no more than %d arguments for the engine\n",
                DRIVE_EXTRA_MAX);
        return EXIT_USAGE;
    }
    if (drive->time_ns.is_given && drive->time_ns.value == 0) {
        fprintf(stderr, "heddle: fuzz: --time 0 is no time\n");
        return EXIT_USAGE;
    }
    if (!drive->time_ns.is_given)
        drive->time_ns.value = 60 * NS_PER_S;
    if (!drive->seed.is_given)
        drive->seed.value = 1;
    if (drive->is_attached) {
        child_watch_parent();
        watch_signals();
    }
    int result;
    if (drive->merge_to != NULL) {
        result = small_merge(drive);
    } else if (drive->shrink_to != NULL && operands.count == 1) {
        result = small_shrink(drive, operands.items[0]);
    } else if (drive->is_replay) {
        result = replay(drive, &operands);
    } else if (operands.count > 0) {
        fprintf(stderr, "heddle: fuzz: what is '%s'?\n", operands.items[0]);
        result = EXIT_USAGE;
    } else {
        result = fuzz(drive);
    }
    free(drive);
    return result;
}
