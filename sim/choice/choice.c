/*
 * sim/choice/choice.c - see choice.h.
 */
#include "sim/choice/choice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/base/random.h"
#include "sim/sched/sched.h"

enum {
    RATE_ONE = 65536,       /* a rate that always deviates */
    INDEX_SLOTS_MIN = 64,   /* of the recorded deviations' table */
    SCHED_SUBSTREAM = 0x5c, /* separates the strategies' stream from the class of the same name */
};

struct substream {
    uint64_t state;
    uint32_t rate;
    uint32_t run; /* the last one that drew from it */
};

static struct {
    struct choice_source source;
    struct substream streams[CHOICE_CLASS_COUNT];
    uint32_t run;
    bool has_nobody_drawn;
    size_t byte_cursor[CHOICE_CLASS_COUNT];
    uint32_t nobody_counts[CHOICE_CLASS_COUNT]; /* draws while the world is set up */

    /* Open-addressed table over the source's deviations: slot -> index + 1. */
    uint32_t *index;
    size_t index_slots;
    uint8_t *is_used;
    size_t index_capacity;

    /* Of a run that another process made. */
    bool is_adopted;
    size_t adopted_unused_count;
    struct choice_deviation adopted_unused_first;
} choice;

struct choice_sched choice_sched;

static const char *const class_words[] = {
#define X(name, word, rate) word,
    CHOICE_CLASSES(X)
#undef X
};

static const uint32_t class_rates[] = {
#define X(name, word, rate) rate,
    CHOICE_CLASSES(X)
#undef X
};

const char *choice_class_word(enum choice_class class)
{
    return class_words[class];
}

enum choice_class choice_class_by_word(const char *word, size_t len_bytes)
{
    for (unsigned i = 0; i < CHOICE_CLASS_COUNT; i++) {
        if (strlen(class_words[i]) == len_bytes && memcmp(class_words[i], word, len_bytes) == 0)
            return (enum choice_class)i;
    }
    return CHOICE_CLASS_COUNT;
}

static uint32_t pack_count(enum choice_class class, uint32_t count)
{
    uint32_t max = (UINT32_C(1) << CHOICE_COUNT_BITS) - 1;
    return (uint32_t)class << CHOICE_COUNT_BITS | (count < max ? count : max);
}

static size_t index_hash(uint32_t who, uint32_t class_count, size_t slots)
{
    return (size_t)random_mix((uint64_t)who << 32 | class_count) & (slots - 1);
}

/* Memory outside the run's arena and the C heap: it outlives runs and is used inside them. */
static void *map_bytes(size_t size_bytes)
{
    void *base = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        perror("heddle: cannot reserve memory for choices");
        abort();
    }
    return base;
}

static void index_build(const struct choice_source *source)
{
    size_t slots = INDEX_SLOTS_MIN;

    while (slots < source->deviation_count * 2)
        slots *= 2;
    if (slots > choice.index_capacity) {
        if (choice.index != NULL) {
            munmap(choice.index, choice.index_capacity * sizeof(*choice.index));
            munmap(choice.is_used, choice.index_capacity);
        }
        choice.index = map_bytes(slots * sizeof(*choice.index));
        choice.is_used = map_bytes(slots);
        choice.index_capacity = slots;
    } else {
        memset(choice.index, 0, slots * sizeof(*choice.index));
        memset(choice.is_used, 0, slots);
    }
    choice.index_slots = slots;
    for (size_t i = 0; i < source->deviation_count; i++) {
        const struct choice_deviation *deviation = &source->deviations[i];
        size_t slot = index_hash(deviation->who, deviation->class_count, slots);
        while (choice.index[slot] != 0)
            slot = (slot + 1) & (slots - 1);
        choice.index[slot] = (uint32_t)i + 1;
    }
}

static uint32_t index_find(uint32_t who, uint32_t class_count)
{
    size_t slot = index_hash(who, class_count, choice.index_slots);

    while (choice.index[slot] != 0) {
        uint32_t i = choice.index[slot] - 1;
        const struct choice_deviation *deviation = &choice.source.deviations[i];
        if (deviation->who == who && deviation->class_count == class_count) {
            choice.is_used[i] = 1;
            return deviation->value;
        }
        slot = (slot + 1) & (choice.index_slots - 1);
    }
    return 0;
}

/* Swarm testing (Groce et al., ISSTA 2012): a run uses some kinds of deviation wildly and others
 * not at all, instead of all of them a little. */
static void swarm_weigh(enum choice_class class, struct substream *stream)
{
    uint64_t state = random_mix(choice.source.seed ^ random_mix((uint64_t)class + 1));
    uint32_t rate = class_rates[class];
    uint32_t draw = random_below(&state, 8);

    if (rate != 0 && rate != RATE_ONE) {
        if (draw < 3)
            rate = 0;
        else if (draw == 7)
            rate = rate * 8 > RATE_ONE / 2 ? RATE_ONE / 2 : rate * 8;
    }
    stream->rate = rate;
    stream->state = state;
    stream->run = choice.run;
}

static bool has_record(void)
{
    return choice.source.kind == CHOICE_FROM_RECORD || choice.source.kind == CHOICE_FROM_MIXTURE;
}

void choice_begin(const struct choice_source *source)
{
    choice.source = *source;
    choice.is_adopted = false;
    if (choice_sched.recorded == NULL)
        choice_sched.recorded =
            map_bytes((CHOICE_DEVIATIONS_MAX + 1) * sizeof(*choice_sched.recorded));
    choice_sched.recorded_count = 0;
    choice_sched.is_seeded =
        source->kind == CHOICE_FROM_SEED || source->kind == CHOICE_FROM_MIXTURE;
    choice_sched.random_state = random_mix(source->seed + SCHED_SUBSTREAM);
    choice_sched.random = random_next(&choice_sched.random_state);
    choice.run++;
    /* Small runs draw nothing: what hardly any of them uses is wiped when it was used. */
    if (choice.run == 0) {
        memset(choice.streams, 0, sizeof(choice.streams));
        choice.run = 1;
    }
    if (choice.has_nobody_drawn)
        memset(choice.nobody_counts, 0, sizeof(choice.nobody_counts));
    choice.has_nobody_drawn = false;
    if (source->kind == CHOICE_FROM_BYTES)
        memset(choice.byte_cursor, 0, sizeof(choice.byte_cursor));
    if (has_record())
        index_build(source);
}

static void record(uint32_t who, uint32_t class_count, uint32_t value)
{
    if (choice_sched.recorded_count == CHOICE_DEVIATIONS_MAX)
        return; /* the run's bound on steps is far below */
    choice_sched.recorded[choice_sched.recorded_count++] = (struct choice_deviation){
        .who = who,
        .class_count = class_count,
        .value = value,
        .step = (uint32_t)sched_step_count(),
    };
}

/* The bytes are dealt like cards: draw i of a class reads byte i * classes + class, so that draws
 * of one class do not shift another's. Beyond the end everything is dull. */
static uint32_t draw_byte(enum choice_class class, uint32_t n)
{
    size_t at = choice.byte_cursor[class]++ * CHOICE_CLASS_COUNT + (size_t)class;
    return at < choice.source.len_bytes ? choice.source.bytes[at] % n : 0;
}

static uint32_t draw_seeded(enum choice_class class, uint32_t n, bool is_even)
{
    struct substream *stream = &choice.streams[class];

    if (stream->run != choice.run)
        swarm_weigh(class, stream);
    if (is_even)
        return random_below(&stream->state, n);
    if (stream->rate != 0 && random_below(&stream->state, RATE_ONE) < stream->rate)
        return 1 + random_below(&stream->state, n - 1);
    return 0;
}

static uint32_t draw(enum choice_class class, uint32_t n, bool is_even)
{
    struct vthread *self = sched_self();
    uint32_t who = self == NULL ? 0 : self->who;
    uint32_t *counts = self == NULL ? choice.nobody_counts : self->draw_counts;
    uint32_t count = counts[class]++;
    uint32_t value = 0;

    choice.has_nobody_drawn |= self == NULL;
    switch (choice.source.kind) {
    case CHOICE_FROM_DULL:
        return 0;
    case CHOICE_FROM_SEED:
        value = draw_seeded(class, n, is_even);
        break;
    case CHOICE_FROM_BYTES:
        value = draw_byte(class, n);
        break;
    case CHOICE_FROM_RECORD:
        value = index_find(who, pack_count(class, count)) % n;
        break;
    case CHOICE_FROM_MIXTURE: {
        /* Drawn either way: what is recorded shifts nothing. */
        const uint32_t drawn = draw_seeded(class, n, is_even);
        value = index_find(who, pack_count(class, count)) % n;
        value = value == 0 ? drawn : value;
        break;
    }
    }
    if (value != 0)
        record(who, pack_count(class, count), value);
    return value;
}

uint32_t choice_draw(enum choice_class class, uint32_t n)
{
    return n < 2 ? 0 : draw(class, n, false);
}

uint32_t choice_draw_even(enum choice_class class, uint32_t n)
{
    return n < 2 ? 0 : draw(class, n, true);
}

bool choice_clock_is_still(void)
{
    bool is_still = choice.source.is_still;

    if (has_record())
        is_still |= index_find(0, pack_count(CHOICE_CLOCK, 0)) != 0;
    if (is_still)
        record(0, pack_count(CHOICE_CLOCK, 0), 1);
    return is_still;
}

uint32_t choice_sched_byte(uint32_t n)
{
    return n < 2 || choice.source.kind != CHOICE_FROM_BYTES ? 0 : draw_byte(CHOICE_SCHED, n);
}

uint32_t choice_sched_recorded(uint32_t who, uint32_t count)
{
    if (!has_record())
        return 0;
    return index_find(who, pack_count(CHOICE_SCHED, count));
}

const struct choice_deviation *choice_deviations(size_t *count)
{
    *count = choice_sched.recorded_count;
    return choice_sched.recorded;
}

void choice_adopt(const struct choice_source *source, const struct choice_deviation *deviations,
                  size_t count, size_t unused_count, const struct choice_deviation *unused_first)
{
    choice_begin(source);
    choice_sched.recorded_count = (uint32_t)count;
    memcpy(choice_sched.recorded, deviations, count * sizeof(*deviations));
    choice.is_adopted = true;
    choice.adopted_unused_count = unused_count;
    if (unused_first != NULL)
        choice.adopted_unused_first = *unused_first;
}

size_t choice_recorded_unused(const struct choice_deviation **first)
{
    size_t unused = 0;

    if (choice.is_adopted) {
        if (choice.adopted_unused_count != 0 && first != NULL)
            *first = &choice.adopted_unused_first;
        return choice.adopted_unused_count;
    }
    if (!has_record())
        return 0;
    for (size_t i = choice.source.deviation_count; i-- > 0;) {
        if (!choice.is_used[i]) {
            unused++;
            if (first != NULL)
                *first = &choice.source.deviations[i];
        }
    }
    return unused;
}
