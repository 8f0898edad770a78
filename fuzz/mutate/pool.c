/*
 * fuzz/mutate/pool.c - see pool.h.
 */
#include "fuzz/mutate/pool.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz/mutate/mutate.h"
#include "sim/base/random.h"

enum {
    SCENES_MAX = 1024,
    JOINED_SLOTS = 1 << 14,
    JOINED_MAX = 4, /* inputs of a scene without new code */
    FEATURES_MAX = 1 << 16,
    BEST_MAX = 8,     /* schedules kept for each scene */
    BEST_FIRST = 16,  /* from this run of a scene on: */
    BEST_ONE_IN = 16, /* of a scene's runs: a change of one of these */
    FRESH_MAX = 64,   /* scenes in the queue */
    FRESH_RUNS = 32,  /* schedules of each */
    FIRST_RUNS = 4,   /* of a scene, one at a time, so that every scene has its turn early */
    HEAD_START_STEPS = 20000, /* of spreading, for each scene, before anything else is changed */
    BATCH_RUNS = 8,           /* on one scene */
    LARGE_TIMES = 3,          /* the work */
    LARGE_ROOM = 1024,
    LARGE_GAIN = 10,  /* large is better with a tenth more */
    LARGE_ONE_IN = 2, /* turns, then: what much work hides, as a wake-up by what comes later, is
                       * seen with little */
    RUN_STEPS = 400,  /* what a run costs besides its steps, and a mutation */
    BATCH_STEPS = 3000,
    JOIN_AFTER = 64, /* runs of a loaded scene: until then files cost more than they are worth */
    /* Of a run: features for each thousand steps. */
    DENSITY_MIN = 60,
    DENSITY_MAX = 600,
    DENSITY_USUAL = 200,
};

/* Changes of schedules that keep what is recorded. */
enum {
    OF_SCHEDULES = 1 << MUTATE_SWITCH | 1 << MUTATE_FLIP | 1 << MUTATE_SWITCH_EDIT |
                   1 << MUTATE_PICK | 1 << MUTATE_RECORD,
};

/* Once each, in a scene's second turn. */
static const char *const drawless[] = {"skewed", "late", "period,n=0", "period,n=1", "period,n=2"};
enum { DRAWLESS_COUNT = sizeof(drawless) / sizeof(drawless[0]) };

struct bytes_kept {
    uint8_t *data;
    size_t len;
};

struct scene {
    uint64_t name;
    struct bytes_kept input;
    struct bytes_kept large; /* the same with more work in it; may be empty */
    bool is_large;           /* in this turn */
    bool is_aimed;           /* likewise: by strategies that want a base run */
    uint64_t runs[2];        /* as it is, and large */
    uint64_t met[2];         /* features that these had, in sum */
    uint64_t steps;          /* of all its runs */
    uint64_t features;       /* of these, in sum */
    uint64_t run_count;
    uint64_t spent;  /* in steps, weighted */
    uint64_t number; /* of the next trial */
    uint64_t batch_left;
    struct bytes_kept best[BEST_MAX];
    size_t best_count; /* ever */
    uint64_t *seen;    /* bit for each feature */
};

enum account { SPREAD, FRESH, ENGINE, ACCOUNT_COUNT };

/* Shares of all steps. */
static const uint64_t shares[ACCOUNT_COUNT] = {[SPREAD] = 6, [FRESH] = 1, [ENGINE] = 2};

static struct {
    enum pool_mode mode;
    bool is_loaded; /* the first input was asked for */
    uint64_t seed;
    struct scene *scenes;
    size_t scene_count;
    size_t current;
    struct scene fresh[FRESH_MAX]; /* a ring */
    uint64_t fresh_first;
    uint64_t fresh_end;
    uint64_t spent[ACCOUNT_COUNT];
    /* The run that comes next. */
    enum account account;
    struct scene *scene;
    /* The engine changes an input again and again: what it picked, with its own changes alone. */
    struct bytes_kept picked;
    struct bytes_kept given;
    uint64_t seen[FEATURES_MAX / 64];
    uint8_t joined[JOINED_SLOTS]; /* inputs of a scene, by its name; of some scenes together */
} pool;

static void keep(struct bytes_kept *kept, const uint8_t *data, size_t len)
{
    uint8_t *room = realloc(kept->data, len + 1);

    if (room == NULL)
        abort();
    memcpy(room, data, len);
    *kept = (struct bytes_kept){room, len};
}

enum pool_mode pool_mode_of(const char *word)
{
    static const char *const words[POOL_MODE_COUNT] = {"", "off", "random", "portfolio"};
    unsigned mode = 0;

    while (mode < POOL_MODE_COUNT && strcmp(words[mode], word) != 0)
        mode++;
    return (enum pool_mode)mode;
}

void pool_set_mode(enum pool_mode mode)
{
    pool.mode = mode;
}

static void free_scene(struct scene *scene)
{
    for (size_t i = 0; i < BEST_MAX; i++)
        free(scene->best[i].data);
    free(scene->input.data);
    free(scene->large.data);
    free(scene->seen);
    *scene = (struct scene){0};
}

void pool_reset(void)
{
    for (size_t i = 0; i < pool.scene_count; i++)
        free_scene(&pool.scenes[i]);
    for (size_t i = 0; i < FRESH_MAX; i++)
        free_scene(&pool.fresh[i]);
    free(pool.scenes);
    free(pool.picked.data);
    free(pool.given.data);
    memset(&pool, 0, sizeof(pool));
}

/* ---- scenes ---- */

static struct scene *find_scene(uint64_t name)
{
    for (size_t i = 0; i < pool.scene_count; i++)
        if (pool.scenes[i].name == name)
            return &pool.scenes[i];
    return NULL;
}

static void begin_scene(struct scene *scene, uint64_t name, const uint8_t *data, size_t len)
{
    free_scene(scene);
    scene->name = name;
    keep(&scene->input, data, len);
    scene->seen = calloc(FEATURES_MAX / 64, sizeof(*scene->seen));
    if (scene->seen == NULL)
        abort();
}

static void add_loaded(uint64_t name, const uint8_t *data, size_t len)
{
    if (pool.scenes == NULL)
        pool.scenes = calloc(SCENES_MAX, sizeof(*pool.scenes));
    if (pool.scenes == NULL)
        abort();
    if (pool.scene_count < SCENES_MAX && find_scene(name) == NULL)
        begin_scene(&pool.scenes[pool.scene_count++], name, data, len);
}

/* The oldest one makes room. */
static void add_fresh(uint64_t name, const uint8_t *data, size_t len)
{
    if (find_scene(name) != NULL)
        return;
    for (uint64_t i = pool.fresh_first; i < pool.fresh_end; i++)
        if (pool.fresh[i % FRESH_MAX].name == name)
            return;
    if (pool.fresh_end - pool.fresh_first == FRESH_MAX)
        pool.fresh_first++;
    /* Nothing was spent while nothing was there: that is no credit. */
    if (pool.fresh_first == pool.fresh_end && pool.spent[FRESH] < pool.spent[ENGINE])
        pool.spent[FRESH] = pool.spent[ENGINE];
    begin_scene(&pool.fresh[pool.fresh_end++ % FRESH_MAX], name, data, len);
}

/* How many of the run's features were not in `seen`; now they are. */
static size_t add_features(uint64_t *seen, const struct pool_run *run)
{
    size_t count = 0;

    for (size_t i = 0; i < run->feature_count; i++) {
        const uint16_t feature = run->features[i];
        count += (seen[feature / 64] >> feature % 64 & 1) == 0;
        seen[feature / 64] |= UINT64_C(1) << feature % 64;
    }
    return count;
}

/* ---- what scenes cost ---- */

static void note_cost(struct scene *scene, const struct pool_run *run)
{
    scene->steps += run->steps;
    scene->features += run->feature_count;
    scene->run_count++;
}

/* Where threads meet more often, a step shows more, and is charged less: the chance that two of
 * its meetings stand in each other's way grows with the square. */
static uint64_t weigh(const struct scene *scene, uint64_t steps)
{
    uint64_t density = scene->steps == 0 ? DENSITY_USUAL : scene->features * 1000 / scene->steps;

    density = density < DENSITY_MIN ? DENSITY_MIN : density;
    density = density > DENSITY_MAX ? DENSITY_MAX : density;
    return steps * DENSITY_USUAL * DENSITY_USUAL / (density * density);
}

/* Of its next run. */
static uint64_t cost_of(const struct scene *scene)
{
    return RUN_STEPS + (scene->run_count == 0 ? 0 : scene->steps / scene->run_count);
}

/* ---- what a run brought ---- */

static bool may_join(const struct scene *scene, const struct pool_run *run, size_t news)
{
    uint8_t *joined = &pool.joined[run->scene % JOINED_SLOTS];

    if (run->has_new_code)
        return true;
    if (news == 0 || *joined == JOINED_MAX || (scene != NULL && scene->number < JOIN_AFTER))
        return false;
    ++*joined;
    return true;
}

bool pool_ran(const uint8_t *data, size_t len, const struct pool_run *run)
{
    struct scene *scene = pool.scene;
    const size_t news = add_features(pool.seen, run);

    pool.scene = NULL;
    if (!pool.is_loaded) {
        add_loaded(run->scene, data, len);
        scene = find_scene(run->scene);
        if (scene != NULL) {
            (void)add_features(scene->seen, run);
            note_cost(scene, run);
        }
        return true;
    }
    if (pool.mode != POOL_ON)
        return pool.mode == POOL_OFF;
    pool.spent[pool.account] += run->steps / shares[pool.account];
    if (scene == NULL || (scene->name != run->scene && !scene->is_large)) {
        if (news != 0 || run->has_new_code)
            add_fresh(run->scene, data, len);
        return may_join(scene, run, news);
    }
    const size_t of_scene = add_features(scene->seen, run);
    note_cost(scene, run);
    scene->spent += weigh(scene, run->steps);
    scene->runs[scene->is_large]++;
    scene->met[scene->is_large] += run->feature_count;
    if (of_scene != 0)
        keep(&scene->best[scene->best_count++ % BEST_MAX], data, len);
    return may_join(scene, run, news);
}

/* ---- what is run next ---- */

/* Whether threads meet in more ways where there is more for them to do. */
static bool is_large_better(const struct scene *scene)
{
    const uint64_t as_it_is = scene->met[0] * scene->runs[1];

    return scene->met[1] * scene->runs[0] > as_it_is + as_it_is / LARGE_GAIN;
}

static bool choose_large(const struct scene *scene, uint64_t draw)
{
    if (scene->large.len == 0)
        return false;
    if (scene->number < FIRST_RUNS)
        return scene->number % 2 != 0;
    return is_large_better(scene) && draw % LARGE_ONE_IN == 0;
}

/* Those that cost much wait until the others have had as much. */
static uint64_t spent_after(const struct scene *scene)
{
    return scene->spent + weigh(scene, cost_of(scene));
}

static uint64_t batch_of(const struct scene *scene)
{
    const uint64_t runs = 1 + BATCH_STEPS / cost_of(scene);

    return runs < BATCH_RUNS ? runs : BATCH_RUNS;
}

static struct scene *cheapest_scene(uint64_t seed)
{
    struct scene *best = &pool.scenes[pool.current];

    if (best->batch_left != 0)
        return best;
    for (size_t i = 0; i < pool.scene_count; i++)
        if (spent_after(&pool.scenes[i]) < spent_after(best))
            best = &pool.scenes[i];
    pool.current = (size_t)(best - pool.scenes);
    best->batch_left = best->number < FIRST_RUNS ? 1 : batch_of(best);
    best->is_aimed =
        best->number >= FIRST_RUNS && random_mix(seed + 5) % MUTATE_SHARES >= MUTATE_SHARES_PLAIN;
    best->is_large = choose_large(best, random_mix(seed + 4));
    return best;
}

static struct scene *fresh_scene(void)
{
    struct scene *scene = &pool.fresh[pool.fresh_first % FRESH_MAX];

    if (scene->batch_left == 0)
        scene->batch_left = FRESH_RUNS;
    if (scene->batch_left == 1)
        pool.fresh_first++;
    return scene;
}

static const char *draw_strategy(const struct scene *scene, uint64_t draw)
{
    const uint32_t aiming = MUTATE_SHARES - MUTATE_SHARES_PLAIN;

    return mutate_strategy(scene->is_aimed ? MUTATE_SHARES_PLAIN + (uint32_t)(draw % aiming)
                                           : (uint32_t)(draw % MUTATE_SHARES_PLAIN));
}

static size_t next_trial(struct scene *scene, uint8_t *out, size_t len_max, uint64_t seed)
{
    const uint64_t number = scene->number++;
    const bool is_drawless = number >= BATCH_RUNS && number < BATCH_RUNS + DRAWLESS_COUNT;
    const char *strategy =
        is_drawless ? drawless[number - BATCH_RUNS] : draw_strategy(scene, random_mix(seed + 2));

    const struct bytes_kept *base = scene->is_large ? &scene->large : &scene->input;
    return mutate_reseed(base->data, base->len, random_mix(seed + 3), strategy, out, len_max);
}

static size_t next_of(struct scene *scene, uint8_t *out, size_t len_max, uint64_t seed,
                      const struct mutate_engine *engine)
{
    const size_t kept = scene->best_count < BEST_MAX ? scene->best_count : BEST_MAX;
    struct mutate_engine of_schedules = engine == NULL ? (struct mutate_engine){0} : *engine;

    scene->batch_left--;
    scene->spent += weigh(scene, RUN_STEPS);
    pool.scene = scene;
    if (kept == 0 || scene->number < BEST_FIRST || random_mix(seed) % BEST_ONE_IN != 0)
        return next_trial(scene, out, len_max, seed);
    of_schedules.operations = OF_SCHEDULES;
    const struct bytes_kept *base = &scene->best[random_mix(seed + 1) % kept];
    const size_t len = base->len < len_max ? base->len : len_max;
    memcpy(out, base->data, len);
    return mutate_scenario(out, len, len_max, seed, &of_schedules);
}

static enum account cheapest_account(void)
{
    enum account best = ENGINE;

    if (pool.spent[SPREAD] <= pool.spent[best])
        best = SPREAD;
    if (pool.fresh_first != pool.fresh_end && pool.spent[FRESH] < pool.spent[best])
        best = FRESH;
    return best;
}

/* To compare with. */
static size_t next_of_any(uint8_t *out, size_t len_max, uint64_t seed)
{
    const struct mutate_engine reseed = {.operations = 1 << MUTATE_RESEED};
    const struct bytes_kept *base = &pool.scenes[random_mix(seed) % pool.scene_count].input;

    if (pool.mode == POOL_RANDOM)
        return mutate_reseed(base->data, base->len, random_mix(seed + 1), "random", out, len_max);
    const size_t len = base->len < len_max ? base->len : len_max;
    memcpy(out, base->data, len);
    return mutate_scenario(out, len, len_max, seed, &reseed);
}

static void make_large(struct scene *scene)
{
    const size_t len_max = scene->input.len + LARGE_ROOM;
    uint8_t *made = malloc(len_max);

    if (made == NULL)
        abort();
    keep(&scene->large, made,
         mutate_enlarge(scene->input.data, scene->input.len, LARGE_TIMES, made, len_max));
    free(made);
}

static void load(uint64_t seed)
{
    pool.is_loaded = true;
    pool.seed = seed;
    pool.spent[ENGINE] = pool.scene_count * HEAD_START_STEPS;
    for (size_t i = 0; i < pool.scene_count; i++) {
        struct scene *scene = &pool.scenes[i];
        /* Not in the order of loading each time. */
        scene->spent = random_mix(seed + i) % RUN_STEPS;
        if (pool.mode == POOL_ON)
            make_large(scene);
    }
}

/* The whole mutator. */
static size_t next_of_engine(uint8_t *data, size_t len, size_t len_max,
                             const struct bytes_kept *other, uint64_t seed,
                             const struct mutate_engine *engine)
{
    struct bytes_kept from = {0};

    /* With schedules alone to be changed, events stay where they are. */
    if (other->len == 0 || (engine != NULL && engine->operations != 0))
        return mutate_scenario(data, len, len_max, seed, engine);
    keep(&from, data, len);
    size_t made = mutate_cross(from.data, from.len, other->data, other->len, data, len_max, seed);
    if (made == 0) { /* too long */
        memcpy(data, from.data, from.len);
        made = mutate_scenario(data, from.len, len_max, seed, engine);
    }
    free(from.data);
    return made;
}

static size_t next(uint8_t *data, size_t len, size_t len_max, const struct bytes_kept *other,
                   uint64_t seed, const struct mutate_engine *engine)
{
    /* An engine that shrinks one input wants no other. */
    if (pool.mode == POOL_OFF || pool.scene_count < 2)
        return next_of_engine(data, len, len_max, other, seed, engine);
    if (pool.mode != POOL_ON)
        return next_of_any(data, len_max, seed);
    if (len != pool.given.len || memcmp(data, pool.given.data, len) != 0)
        keep(&pool.picked, data, len);
    pool.account = cheapest_account();
    pool.spent[pool.account] += RUN_STEPS / shares[pool.account];
    if (pool.account == SPREAD)
        return next_of(cheapest_scene(seed), data, len_max, seed, engine);
    if (pool.account == FRESH)
        return next_of(fresh_scene(), data, len_max, seed, engine);
    len = pool.picked.len < len_max ? pool.picked.len : len_max;
    memcpy(data, pool.picked.data, len);
    len = next_of_engine(data, len, len_max, other, seed, engine);
    keep(&pool.picked, data, len);
    return len;
}

size_t pool_next(uint8_t *data, size_t len, size_t len_max, const uint8_t *other, size_t other_len,
                 uint64_t seed, const struct mutate_engine *engine)
{
    struct bytes_kept crossed = {0};

    if (!pool.is_loaded)
        load(seed);
    if (other_len != 0)
        keep(&crossed, other, other_len); /* it may be what `data` is part of */
    pool.scene = NULL;
    len = next(data, len, len_max, &crossed, seed, engine);
    keep(&pool.given, data, len);
    free(crossed.data);
    return len;
}
