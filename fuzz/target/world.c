/*
 * fuzz/target/world.c - a whole world: bytes are a scenario with its schedule, and a run of it
 * finds nothing.
 *
 * Environment: HEDDLE_PLANT=K01,K18 switches planted bugs on; HEDDLE_FUZZ_OUT=FOLDER is where
 * reproducers go; HEDDLE_FUZZ_KNOWN=FILE has titles, one a line, that are passed over;
 * HEDDLE_FUZZ_CHANNELS=N is a bit set over the channels of fuzz/feedback/feedback.h;
 * HEDDLE_FUZZ_POOL=WORD is a mode of fuzz/mutate/pool.h; HEDDLE_FUZZ_TWICE=N has about every Nth
 * input run twice, 0 none.
 *
 * Threads: main; the engine runs on one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plant/plant.h"
#include "fuzz/engine/finding.h"
#include "fuzz/feedback/feedback.h"
#include "fuzz/mutate/hints.h"
#include "fuzz/mutate/mutate.h"
#include "fuzz/mutate/pool.h"
#include "fuzz/world/input.h"
#include "fuzz/world/known.h"
#include "fuzz/world/report.h"
#include "sim/input/forms.h"

enum {
    PLANT_WORDS = (PLANT_COUNT + 63) / 64,
    PLANTS_MAX = 16,
    TWICE_DEFAULT = 64,
    ARGUMENTS_MAX = 256,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv);
/* libFuzzer has the first; so has the driver of AFL++, which has the second too. */
extern int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*run)(const uint8_t *, size_t))
    __attribute__((weak));
extern uint8_t *__afl_area_ptr __attribute__((weak));

static struct {
    bool is_ready;
    uint64_t plants[PLANT_WORDS];
    const char *plant_ids[PLANTS_MAX];
    char *plant_list; /* that they are words of */
    size_t plant_count;
    uint64_t twice;
    const char *out;
    uint64_t refused; /* inputs */
    uint64_t steps;
    uint64_t verdicts[FINDING_KIND_COUNT]; /* runs */
} target = {.twice = TWICE_DEFAULT};

static void add_plant(char *id)
{
    const int plant = word_plant(id, strlen(id));

    if (plant < 0 || target.plant_count == PLANTS_MAX) {
        fprintf(stderr, "HEDDLE_PLANT: there is no plant '%s', or too many\n", id);
        exit(2);
    }
    target.plants[plant / 64] |= UINT64_C(1) << (plant % 64);
    target.plant_ids[target.plant_count++] = id;
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text == NULL || *text == '\0' ? otherwise : strtoull(text, NULL, 0);
}

static void print_counts(void)
{
    fprintf(stderr, "refused: %" PRIu64 "\nsteps: %" PRIu64 "\n", target.refused, target.steps);
    for (unsigned i = 0; i < FINDING_KIND_COUNT; i++)
        if (target.verdicts[i] != 0)
            fprintf(stderr, "%s: %" PRIu64 "\n", finding_kind_word((enum finding_kind)i),
                    target.verdicts[i]);
}

static void set_pool_mode(void)
{
    const char *word = getenv("HEDDLE_FUZZ_POOL");
    const enum pool_mode mode = pool_mode_of(word == NULL ? "" : word);

    if (mode == POOL_MODE_COUNT) {
        fprintf(stderr, "HEDDLE_FUZZ_POOL: there is no mode '%s'\n", word);
        exit(2);
    }
    pool_set_mode(mode);
}

static void get_ready(void)
{
    const char *plants = getenv("HEDDLE_PLANT");
    char *rest = NULL;

    if (target.is_ready)
        return;
    target.is_ready = true;
    target.plant_list = plants == NULL ? NULL : strdup(plants);
    for (char *id = target.plant_list == NULL ? NULL : strtok_r(target.plant_list, ",", &rest);
         id != NULL; id = strtok_r(NULL, ",", &rest))
        add_plant(id);
    target.out = getenv("HEDDLE_FUZZ_OUT");
    known_load(getenv("HEDDLE_FUZZ_KNOWN"));
    target.twice = number_from("HEDDLE_FUZZ_TWICE", TWICE_DEFAULT);
    if (number_from("HEDDLE_FUZZ_COUNTS", 0) != 0)
        (void)atexit(print_counts);
    set_pool_mode();
    feedback_install();
    feedback_channels_set((uint32_t)number_from("HEDDLE_FUZZ_CHANNELS", FEEDBACK_ALL));
}

/* What libFuzzer is told, before what the user tells it:
 * - no limit of memory: the watch over it is a thread of its own, which would be taken for one of
 * the world's when it calls anything; a world's memory is bounded;
 * - no weights by rare features: of those there are too many, and a quarter of the time goes there.
 */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static char no_weights[] = "-entropic=0";
    static char no_limit[] = "-rss_limit_mb=0";
    static char *arguments[ARGUMENTS_MAX + 3];
    size_t count = 0;

    get_ready();
    if (LLVMFuzzerRunDriver == NULL || &__afl_area_ptr != NULL || *argc < 1 ||
        *argc >= ARGUMENTS_MAX)
        return 0;
    arguments[count++] = (*argv)[0];
    arguments[count++] = no_weights;
    for (int i = 1; i < *argc; i++)
        arguments[count++] = (*argv)[i];
    arguments[count++] = no_limit;
    *argc = (int)count;
    *argv = arguments;
    return 0;
}

/* ---- one input ---- */

static void stepped(void *context, const struct strategy_run *run, const struct vthread *thread)
{
    (void)context;
    (void)run;
    feedback_step(thread);
}

static void run_once(struct input *input, struct run_result *result)
{
    static const struct steer_listener listener = {.stepped = stepped};

    feedback_begin();
    input_run(input, feedback_is_on() ? &listener : NULL, result);
    feedback_end();
}

static void check_repeats(struct input *input, const struct run_result *result)
{
    const uint64_t features = feedback_hash();
    struct run_result again;

    run_once(input, &again);
    if (again.trace_hash == result->trace_hash && feedback_hash() == features)
        return;
    fprintf(stderr,
            "steps %" PRIu64 " and %" PRIu64 ", trace %016" PRIx64 " and %016" PRIx64
            ", features %016" PRIx64 " and %016" PRIx64 "\n",
            result->steps, again.steps, result->trace_hash, again.trace_hash, features,
            feedback_hash());
    finding_abort("nondeterminism: an input runs differently the second time");
}

/* Not every Nth that comes: whether an input is run twice must not depend on those before. */
static bool is_run_twice(const struct run_result *result)
{
    return target.twice != 0 && result->trace_hash % target.twice == 0;
}

/* With planted bugs on, one that is there without them is not what is looked for. */
static bool is_of_plants(const uint8_t *data, size_t len)
{
    struct run_result result;
    struct input input;
    bool is_found = true;

    if (target.plant_count == 0)
        return true;
    if (input_open(&input, data, len, NULL)) {
        input_run(&input, NULL, &result);
        is_found = !input_counts(&input, &result);
        input_close(&input);
    }
    return is_found;
}

/* What to tell the engine: libFuzzer takes -1 for an input that the corpus does not want. */
static int answer(const uint8_t *data, size_t len, const struct input *input,
                  const struct run_result *result)
{
    struct pool_run run = {.scene = input->scene, .steps = result->steps};

    if (LLVMFuzzerRunDriver == NULL || &__afl_area_ptr != NULL)
        return 0;
    run.has_new_code = feedback_has_new_code();
    run.features = feedback_touched(&run.feature_count);
    return pool_ran(data, len, &run) ? 0 : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char title[FINDING_TITLE_BYTES];
    struct run_result result;
    struct input input;

    get_ready();
    if (!input_open(&input, data, len, target.plants)) {
        target.refused++;
        return 0;
    }
    run_once(&input, &result);
    target.steps += result.steps;
    target.verdicts[result.finding.kind]++;
    const bool is_found = input_counts(&input, &result) && !known_is_passed(result.finding.title);
    if (is_found || is_run_twice(&result))
        check_repeats(&input, &result);
    if (is_found && is_of_plants(data, len)) {
        /* The one world of the process was another's meanwhile. */
        input_close(&input);
        if (!input_open(&input, data, len, target.plants))
            return 0;
        report_finding(&input, target.plant_ids, target.plant_count, target.out, title,
                       sizeof(title));
        if (!known_pass(title, result.finding.title))
            finding_abort(title);
    }
    const int told = answer(data, len, &input, &result);
    input_close(&input);
    return told;
}

/* ---- for the mutators ---- */

bool mutate_hints_of(const uint8_t *data, size_t len, struct hints *hints)
{
    struct input input;

    get_ready();
    if (!input_open(&input, data, len, target.plants))
        return false;
    input_hints(&input, hints);
    input_close(&input);
    return true;
}
