/*
 * fuzz/engine/replay.c - runs a fuzz target over files, without an engine: the main program of a
 * target's plain test, and of replaying what an engine has saved.
 *
 *     NAME FILE|FOLDER...
 *
 * A finding aborts, so the last line printed names the input. Status 0: all were run; 2: there was
 * nothing to run, or a file could not be read.
 *
 * Threads: main.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_BYTES = 4096, INPUT_BYTES_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static bool run_file(const char *path)
{
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        perror(path);
        return false;
    }
    uint8_t *data = malloc(INPUT_BYTES_MAX);
    if (data == NULL)
        abort();
    size_t len = fread(data, 1, INPUT_BYTES_MAX, file);
    bool is_read = !ferror(file);
    fclose(file);
    if (is_read) {
        fprintf(stderr, "Running: %s\n", path);
        /* Exactly as long as the input, so that a sanitizer sees one byte too far. */
        uint8_t *input = malloc(len > 0 ? len : 1);
        if (input == NULL)
            abort();
        memcpy(input, data, len);
        (void)LLVMFuzzerTestOneInput(input, len);
        free(input);
    } else {
        perror(path);
    }
    free(data);
    return is_read;
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* The files of a folder, in order of names. Counts them. */
static bool run_path(const char *path, unsigned *count)
{
    struct dirent **entries;
    struct stat status;
    bool is_good = true;

    if (stat(path, &status) != 0) {
        perror(path);
        return false;
    }
    if (!S_ISDIR(status.st_mode)) {
        ++*count;
        return run_file(path);
    }
    int found = scandir(path, &entries, is_shown, alphasort);
    if (found < 0) {
        perror(path);
        return false;
    }
    for (int i = 0; i < found; i++) {
        char name[PATH_BYTES];
        int len = snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);

        is_good = len > 0 && (size_t)len < sizeof(name) && run_path(name, count) && is_good;
        free(entries[i]);
    }
    free(entries);
    return is_good;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    bool is_good = true;

    if (LLVMFuzzerInitialize != NULL)
        (void)LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-')
            is_good = run_path(argv[i], &count) && is_good;
    }
    if (count == 0)
        fprintf(stderr, "usage: %s FILE|FOLDER...: nothing to run\n", argv[0]);
    fprintf(stderr, "%u inputs\n", count);
    return is_good && count > 0 ? 0 : 2;
}
