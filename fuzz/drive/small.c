/*
 * fuzz/drive/small.c - an input of a finding made smaller, and a corpus made smaller: both by
 * libFuzzer, both bounded in time, both of use when they were cut short.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz/drive/drive.h"

enum { OPTION_BYTES = DRIVE_PATH_BYTES + 64, STEPS = 3 };

static bool is_libfuzzer(const struct drive *drive)
{
    return strcmp(drive->engine, "libfuzzer") == 0;
}

static void print_row(struct json_object *row)
{
    puts(json_object_to_json_string_ext(row,
                                        JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(row);
}

/* Of the seeds, of --corpus and of --also. The folder has the whole result or is not to be used. */
int small_merge(struct drive *drive)
{
    const char *args[DRIVE_ARGS_MAX] = {drive->program, "-set_cover_merge=1", drive->merge_to};
    const struct child_io io = {.out = -1, .is_new = true};
    size_t count = 3;

    if (!is_libfuzzer(drive) || !folder_make(drive->merge_to)) {
        fprintf(stderr, "heddle: fuzz: only libfuzzer merges, to a folder that can be made\n");
        return EXIT_USAGE;
    }
    if (drive->corpus_asked != NULL)
        args[count++] = drive->corpus_asked;
    if (drive->also != NULL)
        args[count++] = drive->also;
    args[count++] = drive->seeds;
    drive_set_sanitizers();
    pid_t pid = child_start(args, &io);
    int status = pid < 0 ? -1 : child_wait(pid, drive->time_ns.value);
    if (status == -1 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "heddle: fuzz: the corpus was not merged%s\n",
                status == -1 ? ": it takes longer than --time" : "");
        return EXIT_CANNOT;
    }
    struct json_object *row = json_object_new_object();
    json_object_object_add(row, "event", json_object_new_string("merged"));
    json_object_object_add(
        row, "inputs", json_object_new_int64((int64_t)folder_each(drive->merge_to, NULL, NULL)));
    print_row(row);
    return EXIT_CLEAN;
}

/* Tries smaller inputs until some time has passed without one that still is a finding. What the
 * engine takes for the same may have another title: the caller looks. */
static void minimize(const struct drive *drive, const char *file, const char *to)
{
    const struct child_io io = {.out = -1, .is_new = true};
    char path[OPTION_BYTES], seconds[64];
    const uint64_t step_s = drive->time_ns.value / NS_PER_S / STEPS;

    snprintf(path, sizeof(path), "-exact_artifact_path=%s", to);
    snprintf(seconds, sizeof(seconds), "-max_total_time=%llu",
             (unsigned long long)(step_s > 0 ? step_s : 1));
    const char *args[] = {drive->program, "-minimize_crash=1", seconds, path, file, NULL};
    pid_t pid = child_start(args, &io);
    if (pid > 0)
        (void)child_wait(pid, drive->time_ns.value);
}

int small_shrink(struct drive *drive, const char *file)
{
    char title[DRIVE_TITLE_BYTES], small_title[DRIVE_TITLE_BYTES];
    char small[OPTION_BYTES], log[OPTION_BYTES];

    snprintf(small, sizeof(small), "%s.small", drive->shrink_to);
    snprintf(log, sizeof(log), "%s.log", drive->shrink_to);
    drive_set_sanitizers();
    if (access(file, R_OK) != 0 || !findings_run(drive, file, log, title)) {
        fprintf(stderr, "heddle: fuzz: %s is no finding\n", file);
        (void)unlink(log);
        return EXIT_DIVERGED;
    }
    (void)unlink(small);
    if (is_libfuzzer(drive))
        minimize(drive, file, small);
    const bool is_small = access(small, R_OK) == 0 &&
                          findings_run(drive, small, log, small_title) &&
                          strcmp(small_title, title) == 0 && rename(small, drive->shrink_to) == 0;
    (void)unlink(small);
    (void)unlink(log);
    if (!is_small && !file_copy(file, drive->shrink_to))
        return EXIT_CANNOT;
    struct json_object *row = json_object_new_object();
    json_object_object_add(row, "event", json_object_new_string("shrunk"));
    json_object_object_add(row, "title", json_object_new_string(title));
    json_object_object_add(row, "bytes",
                           json_object_new_int64((int64_t)file_bytes(drive->shrink_to)));
    print_row(row);
    return EXIT_FINDING;
}
