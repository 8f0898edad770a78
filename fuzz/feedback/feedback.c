/*
 * fuzz/feedback/feedback.c - see feedback.h.
 *
 * What is known of an object is who did something to it last. It is found by its address, which
 * ends there: neither the address nor its place in the table says anything about a feature.
 */
#include "fuzz/feedback/feedback.h"

#include <string.h>

#include "fuzz/feedback/map.h"
#include "sim/base/random.h"
#include "sim/posix/hook.h"
#include "sim/sched/profile.h"
#include "sim/sched/sched.h"

extern const char program_start[] __asm__("__executable_start");
extern const char program_end[] __asm__("_end");

enum {
    OBJECT_SLOTS = 1 << 13,
    OBJECTS_MAX = OBJECT_SLOTS / 2, /* of a run; further ones are not looked at */
    NOBODY = UINT16_MAX,
};

/* Who, and where in the code. */
struct trace_of {
    uint16_t thread;
    uint32_t site;
};

struct met {
    const void *object;
    uint32_t run;
    struct trace_of released; /* let go of it */
    struct trace_of wrote;
    struct trace_of touched;
    bool touch_wrote;
};

static struct {
    uint32_t run;
    uint32_t channels;
    bool is_running;
    uint32_t object_count;
    struct met objects[OBJECT_SLOTS];
    uint32_t places[VTHREADS_MAX]; /* where each thread was before, at another object */
    const void *at[VTHREADS_MAX];  /* that it is at now */
    uint32_t here[VTHREADS_MAX];
    uint32_t marks[VTHREADS_MAX]; /* the last mark that each passed */
    uint16_t touched[FEEDBACK_COUNTERS];
    uint32_t touched_count;
    uint64_t hash;
} feedback = {.channels = FEEDBACK_ALL};

static const char *const channel_words[] = {
#define X(name, word, counters) word,
    FEEDBACK_CHANNELS(X)
#undef X
};

static const uint32_t channel_sizes[] = {
#define X(name, word, counters) counters,
    FEEDBACK_CHANNELS(X)
#undef X
};

const char *feedback_channel_word(enum feedback_channel channel)
{
    return channel_words[channel];
}

static uint32_t channel_first(enum feedback_channel channel)
{
    uint32_t first = 0;

    for (unsigned i = 0; i < (unsigned)channel; i++)
        first += channel_sizes[i];
    return first;
}

/* How often something was met in a loop says little; how often a state was entered says something.
 */
static void hit(enum feedback_channel channel, uint64_t what)
{
    if ((feedback.channels >> channel & 1) == 0)
        return;
    const uint16_t number = (uint16_t)(channel_first(channel) +
                                       (random_mix(what) >> 32 & (channel_sizes[channel] - 1)));
    const uint8_t counter = map_counter(number);
    if (counter == 0)
        feedback.touched[feedback.touched_count++] = number;
    if (counter == 0 || (channel == FEEDBACK_STATE && counter < UINT8_MAX))
        map_hit(number, counter + 1);
}

static uint64_t pair(uint32_t a, uint32_t b)
{
    return (uint64_t)a << 32 | b;
}

/* ---- objects ---- */

static struct met *find_object(const void *object)
{
    size_t slot = (size_t)random_mix((uintptr_t)object) % OBJECT_SLOTS;

    for (;; slot = (slot + 1) % OBJECT_SLOTS) {
        struct met *met = &feedback.objects[slot];
        if (met->run == feedback.run && met->object == object)
            return met;
        if (met->run == feedback.run)
            continue;
        if (feedback.object_count == OBJECTS_MAX)
            return NULL;
        feedback.object_count++;
        *met = (struct met){.object = object,
                            .run = feedback.run,
                            .released = {.thread = NOBODY},
                            .wrote = {.thread = NOBODY},
                            .touched = {.thread = NOBODY}};
        return met;
    }
}

static bool is_other(const struct trace_of *trace, const struct trace_of *now)
{
    return trace->thread != NOBODY && trace->thread != now->thread;
}

static void meet(struct met *met, const struct op *op, const struct trace_of *now, uint32_t context)
{
    const bool is_write = op_kind_writes(op->kind);
    const bool takes = op->kind == OP_LOCK || op->kind == OP_LOCK_READ || op->kind == OP_TRY_LOCK;
    const bool reads = op->kind == OP_LOAD || op->kind == OP_RMW || op->kind == OP_CAS ||
                       op->kind == OP_READ_MEM || op->kind == OP_CALL;

    if (takes && is_other(&met->released, now))
        hit(FEEDBACK_SYNC, pair(met->released.site, now->site));
    if (reads && is_other(&met->wrote, now)) {
        hit(FEEDBACK_READS, pair(met->wrote.site, now->site));
        hit(FEEDBACK_CONTEXT, random_mix(pair(met->wrote.site, now->site)) ^ context);
    }
    if (is_other(&met->touched, now) && (is_write || met->touch_wrote))
        hit(FEEDBACK_ALIAS, pair(met->touched.site, now->site));
    if (op->kind == OP_UNLOCK)
        met->released = *now;
    if (is_write)
        met->wrote = *now;
    met->touched = *now;
    met->touch_wrote = is_write;
}

/* ---- steps ---- */

/* A place in the code: an offset into the program; where there is none, the name of what is done.
 */
static uint32_t site_of(const struct op *op)
{
    const uintptr_t pc = (uintptr_t)op->pc;

    if (pc < (uintptr_t)program_start || pc >= (uintptr_t)program_end)
        return profile_place(op);
    return (uint32_t)(pc - (uintptr_t)program_start) * UINT32_C(0x9e3779b1) ^ op->kind;
}

/* What the reader is in the middle of: the last mark it passed, and where it was before it came to
 * this object. */
static uint32_t context_of(uint32_t id)
{
    return feedback.places[id] * 31 + feedback.marks[id];
}

void feedback_step(const struct vthread *thread)
{
    const struct op *op = &thread->next;

    if (op->object == NULL || !feedback.is_running)
        return;
    const struct trace_of now = {.thread = (uint16_t)thread->id, .site = site_of(op)};
    if (feedback.at[thread->id] != op->object) {
        feedback.places[thread->id] = feedback.here[thread->id];
        feedback.at[thread->id] = op->object;
    }
    feedback.here[thread->id] = now.site;
    struct met *met = find_object(op->object);
    if (met != NULL)
        meet(met, op, &now, context_of(thread->id));
}

static uint32_t hash_text(const char *text)
{
    return choice_who(text);
}

static void on_mark(const char *name)
{
    const struct vthread *self = sched_self();

    if (!feedback.is_running || self == NULL)
        return;
    const uint32_t mark = hash_text(name);
    hit(FEEDBACK_STATE, pair(feedback.marks[self->id], mark));
    feedback.marks[self->id] = mark;
}

/* ---- runs ---- */

void feedback_install(void)
{
    mark_passed = on_mark;
}

void feedback_channels_set(uint32_t channels)
{
    feedback.channels = channels;
}

bool feedback_is_on(void)
{
    return feedback.channels != 0;
}

void feedback_begin(void)
{
    for (uint32_t i = 0; i < feedback.touched_count; i++)
        map_clear(feedback.touched[i]);
    feedback.touched_count = 0;
    feedback.object_count = 0;
    if (++feedback.run == 0) {
        memset(feedback.objects, 0, sizeof(feedback.objects));
        feedback.run = 1;
    }
    memset(feedback.places, 0, sizeof(feedback.places));
    memset(feedback.at, 0, sizeof(feedback.at));
    memset(feedback.here, 0, sizeof(feedback.here));
    memset(feedback.marks, 0, sizeof(feedback.marks));
    feedback.is_running = true;
}

void feedback_end(void)
{
    uint64_t hash = 0;

    feedback.is_running = false;
    for (uint32_t i = 0; i < feedback.touched_count; i++)
        hash = random_mix(hash ^ pair(feedback.touched[i], map_counter(feedback.touched[i])));
    feedback.hash = hash;
}

const uint16_t *feedback_touched(size_t *count)
{
    *count = feedback.touched_count;
    return feedback.touched;
}

uint8_t feedback_counter(uint16_t number)
{
    return map_counter(number);
}

uint64_t feedback_hash(void)
{
    return feedback.hash;
}

bool feedback_has_new_code(void)
{
    return map_has_new_code();
}
