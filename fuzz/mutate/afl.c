/*
 * fuzz/mutate/afl.c - the mutator as AFL++ loads it: libheddle_mutator.so.
 *
 * It is in AFL++'s process, not in the target's, so nothing is known of runs, and schedules are
 * changed by what inputs hold. AFL++'s queue is long, and what it has picked is soon not what it
 * began with: most runs are schedules of the scenes that it began with, in turns (pool.h knows
 * more, where it sees the runs). Trimming takes one line out at a time.
 *
 * Threads: main.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/mutate/mutate.h"
#include "sim/base/random.h"

enum {
    INPUT_BYTES_MAX = 1 << 20,
    CROSS_ONE_IN = 8,
    TURN_RUNS = 16, /* of one input before the next: each scene comes by early, and often */
    SCENES_MAX = 1024,
    BATCH_RUNS = 8,   /* schedules of a scene: the base run of those that aim is its own */
    OTHER_ONE_IN = 3, /* runs: the whole mutator on what AFL++ picked */
};

struct scene {
    uint8_t *data;
    size_t len;
};

struct afl_mutator {
    uint64_t random;
    uint8_t *out; /* room for INPUT_BYTES_MAX */
    /* What AFL++ began with, and which of them has its turn. */
    struct scene scenes[SCENES_MAX];
    size_t scene_count;
    size_t current;
    unsigned batch_left;
    bool is_aimed;
    /* The input being trimmed, and which of its lines is tried. */
    uint8_t *trimmed;
    size_t trimmed_len;
    size_t tried_len;
    size_t line;
    size_t line_count;
};

struct afl_mutator *afl_custom_init(void *afl, unsigned seed);
size_t afl_custom_fuzz(struct afl_mutator *mutator, uint8_t *data, size_t len, uint8_t **out,
                       uint8_t *other, size_t other_len, size_t out_max);
unsigned afl_custom_fuzz_count(struct afl_mutator *mutator, const uint8_t *data, size_t len);
uint8_t afl_custom_queue_new_entry(struct afl_mutator *mutator, const uint8_t *path,
                                   const uint8_t *parent);
const char *afl_custom_describe(struct afl_mutator *mutator, size_t len_max);
int afl_custom_init_trim(struct afl_mutator *mutator, uint8_t *data, size_t len);
size_t afl_custom_trim(struct afl_mutator *mutator, uint8_t **out);
int afl_custom_post_trim(struct afl_mutator *mutator, unsigned char is_good);
void afl_custom_deinit(struct afl_mutator *mutator);

struct afl_mutator *afl_custom_init(void *afl, unsigned seed)
{
    struct afl_mutator *mutator = calloc(1, sizeof(*mutator));

    (void)afl;
    if (mutator == NULL)
        return NULL;
    mutator->random = seed;
    mutator->out = malloc(INPUT_BYTES_MAX);
    mutator->trimmed = malloc(INPUT_BYTES_MAX);
    if (mutator->out != NULL && mutator->trimmed != NULL)
        return mutator;
    afl_custom_deinit(mutator);
    return NULL;
}

/* What has no parent is an input that AFL++ begins with. 0: the file is as it was. */
uint8_t afl_custom_queue_new_entry(struct afl_mutator *mutator, const uint8_t *path,
                                   const uint8_t *parent)
{
    if (parent != NULL || mutator->scene_count == SCENES_MAX)
        return 0;
    FILE *file = fopen((const char *)path, "rb");
    if (file == NULL)
        return 0;
    const size_t len = fread(mutator->out, 1, INPUT_BYTES_MAX, file);
    (void)fclose(file);
    uint8_t *data = len == 0 ? NULL : malloc(len);
    if (data == NULL)
        return 0;
    memcpy(data, mutator->out, len);
    mutator->scenes[mutator->scene_count++] = (struct scene){data, len};
    return 0;
}

/* Another schedule of the scene whose turn it is. */
static size_t next_schedule(struct afl_mutator *mutator, uint64_t seed, size_t out_max)
{
    const uint32_t aiming = MUTATE_SHARES - MUTATE_SHARES_PLAIN;
    const uint32_t draw = (uint32_t)random_mix(seed + 1);

    if (mutator->batch_left == 0) {
        mutator->current = random_mix(seed + 2) % mutator->scene_count;
        mutator->is_aimed = random_mix(seed + 3) % MUTATE_SHARES >= MUTATE_SHARES_PLAIN;
        mutator->batch_left = BATCH_RUNS;
    }
    mutator->batch_left--;
    const struct scene *scene = &mutator->scenes[mutator->current];
    const char *strategy = mutate_strategy(mutator->is_aimed ? MUTATE_SHARES_PLAIN + draw % aiming
                                                             : draw % MUTATE_SHARES_PLAIN);
    return mutate_reseed(scene->data, scene->len, random_mix(seed + 4), strategy, mutator->out,
                         out_max);
}

size_t afl_custom_fuzz(struct afl_mutator *mutator, uint8_t *data, size_t len, uint8_t **out,
                       uint8_t *other, size_t other_len, size_t out_max)
{
    const uint64_t seed = random_next(&mutator->random);

    out_max = out_max < INPUT_BYTES_MAX ? out_max : INPUT_BYTES_MAX;
    len = len < out_max ? len : out_max;
    *out = mutator->out;
    if (mutator->scene_count > 1 && random_mix(seed) % OTHER_ONE_IN != 0)
        return next_schedule(mutator, seed, out_max);
    if (other != NULL && other_len != 0 && seed % CROSS_ONE_IN == 0)
        return mutate_cross(data, len, other, other_len, mutator->out, out_max, seed);
    memcpy(mutator->out, data, len);
    return mutate_scenario(mutator->out, len, out_max, seed, NULL);
}

/* AFL++ alone would stay with one for thousands. */
unsigned afl_custom_fuzz_count(struct afl_mutator *mutator, const uint8_t *data, size_t len)
{
    (void)mutator;
    (void)data;
    (void)len;
    return TURN_RUNS;
}

const char *afl_custom_describe(struct afl_mutator *mutator, size_t len_max)
{
    static char text[64];

    (void)mutator;
    (void)snprintf(text, len_max < sizeof(text) ? len_max : sizeof(text), "%s", mutate_describe());
    return text;
}

/* How many steps there are at most. */
int afl_custom_init_trim(struct afl_mutator *mutator, uint8_t *data, size_t len)
{
    mutator->trimmed_len = len < INPUT_BYTES_MAX ? len : INPUT_BYTES_MAX;
    memcpy(mutator->trimmed, data, mutator->trimmed_len);
    mutator->line_count = mutate_trim_count(mutator->trimmed, mutator->trimmed_len);
    mutator->line = 0;
    return (int)mutator->line_count;
}

/* From the last line on: what is recorded goes first, and actors after what they do. */
size_t afl_custom_trim(struct afl_mutator *mutator, uint8_t **out)
{
    mutator->tried_len =
        mutate_trim(mutator->trimmed, mutator->trimmed_len, mutator->line_count - 1 - mutator->line,
                    mutator->out, INPUT_BYTES_MAX);
    *out = mutator->out;
    return mutator->tried_len;
}

int afl_custom_post_trim(struct afl_mutator *mutator, unsigned char is_good)
{
    if (is_good != 0) {
        memcpy(mutator->trimmed, mutator->out, mutator->tried_len);
        mutator->trimmed_len = mutator->tried_len;
    }
    return (int)++mutator->line;
}

void afl_custom_deinit(struct afl_mutator *mutator)
{
    for (size_t i = 0; i < mutator->scene_count; i++)
        free(mutator->scenes[i].data);
    free(mutator->out);
    free(mutator->trimmed);
    free(mutator);
}
