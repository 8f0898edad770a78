/*
 * fuzz/engine/steady.c - whether the coverage of an input depends on it alone: the main program of
 * a target's NAME_steady test.
 *
 *     NAME [--mutants=N] FILE|FOLDER...
 *
 * It stands in for AFL++'s runtime, guards and map, so it says something in --config=afl only. Each
 * input, and N mutants of it by the target's own mutator, is run in a process that has run nothing
 * else; then all of them one after the other in one process, each twice, forward and backward.
 * Slots of the map that differ are printed with the functions that they belong to, those that vary
 * for most inputs first. Status 0: none; 1: some; 2: nothing to run, or nothing is covered.
 *
 * Threads: main.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/report/symbols.h"

enum {
    PATH_BYTES = 4096,
    INPUT_BYTES = 1 << 16,
    INPUTS_MAX = 1 << 14,
    MAP_BYTES = 1 << 20,
    LINES_MAX = 40,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t len_max, unsigned seed)
    __attribute__((weak));

struct input {
    char name[256];
    uint8_t *data;
    size_t len;
    uint8_t *alone; /* its map, of `map_bytes` */
    bool is_bad;    /* ends the process */
};

static struct {
    struct input inputs[INPUTS_MAX];
    unsigned count;
    unsigned varying; /* runs */
    uint8_t *shared;  /* with a child */
    const void *places[MAP_BYTES];
    uint32_t varied[MAP_BYTES]; /* how many runs */
    uint8_t map[MAP_BYTES];
} steady;

/* ---- AFL++'s runtime ---- */

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wmissing-prototypes"
#pragma clang diagnostic ignored "-Wmissing-variable-declarations"

/* NOLINTBEGIN(bugprone-reserved-identifier): its names. */
uint8_t *__afl_area_ptr = steady.map;
uint32_t __afl_map_size = 1;

void __sanitizer_cov_trace_pc_guard_init(uint32_t *begin, const uint32_t *end)
{
    for (; begin < end && *begin == 0; begin++)
        *begin = __afl_map_size < MAP_BYTES ? __afl_map_size++ : 0;
}

void __sanitizer_cov_trace_pc_guard(const uint32_t *guard)
{
    uint8_t *counter = &__afl_area_ptr[*guard];

    *counter += *counter == UINT8_MAX ? 0 : 1;
    steady.places[*guard] = __builtin_return_address(0);
}
/* NOLINTEND(bugprone-reserved-identifier) */

#pragma clang diagnostic pop

/* As AFL++ counts: 1, 2, 3, 4-7, 8-15, 16-31, 32-127, more. */
static unsigned class_of(uint8_t hits)
{
    if (hits < 4)
        return hits;
    return hits < 8 ? 4 : hits < 16 ? 5 : hits < 32 ? 6 : hits < 128 ? 7 : 8;
}

/* ---- inputs ---- */

static void add_input(const char *path, const uint8_t *data, size_t len)
{
    if (steady.count == INPUTS_MAX)
        return;
    struct input *input = &steady.inputs[steady.count++];
    const char *slash = strrchr(path, '/');
    (void)snprintf(input->name, sizeof(input->name), "%s", slash == NULL ? path : slash + 1);
    input->data = malloc(len + 1);
    input->alone = calloc(1, MAP_BYTES);
    if (input->data == NULL || input->alone == NULL)
        abort();
    memcpy(input->data, data, len);
    input->len = len;
}

static void add_file(const char *path, unsigned mutants)
{
    static uint8_t data[INPUT_BYTES];
    static uint8_t other[INPUT_BYTES];
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        perror(path);
        exit(2);
    }
    const size_t len = fread(data, 1, sizeof(data), file);
    fclose(file);
    add_input(path, data, len);
    for (unsigned i = 0; i < mutants && LLVMFuzzerCustomMutator != NULL; i++) {
        memcpy(other, data, len);
        add_input(path, other, LLVMFuzzerCustomMutator(other, len, sizeof(other), i + 1));
    }
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void add_path(const char *path, unsigned mutants)
{
    struct dirent **entries;
    struct stat status;

    if (stat(path, &status) != 0) {
        perror(path);
        exit(2);
    }
    if (!S_ISDIR(status.st_mode)) {
        add_file(path, mutants);
        return;
    }
    const int found = scandir(path, &entries, is_shown, alphasort);
    for (int i = 0; i < found; i++) {
        char name[PATH_BYTES];
        if (snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name) < (int)sizeof(name))
            add_path(name, mutants);
        free(entries[i]);
    }
    if (found >= 0)
        free(entries);
}

/* ---- runs ---- */

static void run(const struct input *input)
{
    memset(steady.map, 0, __afl_map_size);
    (void)LLVMFuzzerTestOneInput(input->data, input->len);
}

static void run_alone(struct input *input)
{
    const pid_t child = fork();
    int status;

    if (child == 0) {
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(2);
        run(input);
        memcpy(steady.shared, steady.map, __afl_map_size);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        abort();
    input->is_bad = status != 0;
    memcpy(input->alone, steady.shared, __afl_map_size);
}

/* What is counted must be what is counted when it is run alone. */
static void run_among(const struct input *input, const char *when)
{
    unsigned differ = 0;

    run(input);
    for (uint32_t i = 1; i < __afl_map_size; i++) {
        if (class_of(steady.map[i]) == class_of(input->alone[i]))
            continue;
        differ++;
        steady.varied[i]++;
    }
    if (differ == 0)
        return;
    if (++steady.varying <= LINES_MAX)
        printf("%s: %u slots differ, %s\n", input->name, differ, when);
}

static void print_varying(void)
{
    for (unsigned line = 0; line < LINES_MAX; line++) {
        uint32_t most = 0;
        for (uint32_t i = 1; i < __afl_map_size; i++)
            if (steady.varied[i] > steady.varied[most])
                most = i;
        if (most == 0)
            return;
        const struct symbol *symbol =
            steady.places[most] == NULL ? NULL : symbols_lookup(steady.places[most]);
        printf("%6u runs: slot %u, %s (%s:%u)\n", steady.varied[most], most,
               symbol == NULL ? "none of the code's" : symbol->function,
               symbol == NULL ? "" : symbol->file, symbol == NULL ? 0 : symbol->line);
        steady.varied[most] = 0;
    }
}

int main(int argc, char **argv)
{
    unsigned mutants = 0;
    unsigned bad = 0;

    if (LLVMFuzzerInitialize != NULL)
        (void)LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++)
        if (sscanf(argv[i], "--mutants=%u", &mutants) != 1)
            add_path(argv[i], mutants);
    steady.shared =
        mmap(NULL, MAP_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (steady.shared == MAP_FAILED)
        abort();
    for (unsigned i = 0; i < steady.count; i++) {
        run_alone(&steady.inputs[i]);
        bad += steady.inputs[i].is_bad;
    }
    for (unsigned i = 0; i < steady.count * 2; i++) {
        const bool is_back = i >= steady.count;
        const struct input *input = &steady.inputs[is_back ? steady.count * 2 - 1 - i : i];
        if (input->is_bad)
            continue;
        run_among(input, is_back ? "backward" : "forward");
        run_among(input, "again");
    }
    print_varying();
    printf("%u inputs, %u of them end the process; %u of %u slots; %u runs vary\n", steady.count,
           bad, __afl_map_size - 1, MAP_BYTES, steady.varying);
    if (steady.count == bad || __afl_map_size == 1)
        return 2;
    return steady.varying == 0 ? 0 : 1;
}
