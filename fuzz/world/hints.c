/*
 * fuzz/world/hints.c - input_hints(): a run watched for where its schedule could go another way.
 *
 * A decision that had an alternative is remembered until the steps that follow it are over: what is
 * done there, and whom it meets, tells which alternatives would have made a difference.
 */
#include <string.h>

#include "fuzz/mutate/hints.h"
#include "fuzz/world/input.h"
#include "sim/base/random.h"
#include "sim/sched/dependence.h"
#include "sim/sched/sched.h"

enum { OBJECT_SLOTS = 1 << 12, OBJECTS_MAX = OBJECT_SLOTS / 2, NOBODY = 0xff };

/* A decision with more than one who could go on; threads above 63 are left out. */
struct decision {
    uint32_t who; /* thread id; UINT32_MAX: nobody */
    uint32_t count;
    uint32_t picked;
    uint64_t enabled;
};

/* Who touched an object last, and the decision right before. */
struct access {
    const void *object;
    uint32_t run;
    uint32_t thread;
    bool is_write;
    bool had_choice;
    struct decision decision;
};

static struct {
    struct hints *hints;
    uint32_t run;
    uint32_t object_count;
    uint64_t contended_seen;
    uint64_t flips_seen;
    uint64_t zero_ns; /* UINT64_MAX: not yet */
    bool has_decision;
    struct decision decision; /* before the step at hand */
    struct access accesses[OBJECT_SLOTS];
    uint8_t numbers[VTHREADS_MAX]; /* in hints->names */
} watch;

static uint8_t number_of(const struct vthread *thread)
{
    struct hints *hints = watch.hints;

    if (thread->id >= VTHREADS_MAX || watch.numbers[thread->id] != NOBODY)
        return thread->id >= VTHREADS_MAX ? NOBODY : watch.numbers[thread->id];
    if (hints->name_count == HINTS_THREADS_MAX)
        return NOBODY;
    memcpy(hints->names[hints->name_count], thread->name, HINTS_NAME_BYTES);
    hints->names[hints->name_count][HINTS_NAME_BYTES - 1] = '\0';
    watch.numbers[thread->id] = (uint8_t)hints->name_count;
    return (uint8_t)hints->name_count++;
}

/* A sample of all that were seen, each as likely to be kept as another. */
static void keep_turn(struct hints_turn *turns, size_t *count, uint64_t *seen,
                      const struct hints_turn *turn)
{
    const uint64_t nth = (*seen)++;

    if (*count < HINTS_TURNS_MAX) {
        turns[(*count)++] = *turn;
        return;
    }
    const uint64_t place = random_mix(nth) % (nth + 1);
    if (place < HINTS_TURNS_MAX)
        turns[place] = *turn;
}

static bool make_turn(const struct strategy_run *run, const struct decision *decision,
                      uint32_t other, struct hints_turn *turn)
{
    if (decision->who == UINT32_MAX)
        return false;
    *turn = (struct hints_turn){.thread = number_of(run->threads[decision->who]),
                                .other = number_of(run->threads[other]),
                                .count = decision->count};
    return turn->thread != NOBODY && turn->other != NOBODY;
}

/* ---- the run ---- */

static void picked(void *context, const struct strategy_run *run, const struct vthread *current,
                   uint32_t count, const struct vthread *thread)
{
    struct hints_turn turn;

    (void)context;
    watch.has_decision = true;
    watch.decision = (struct decision){.who = current == NULL ? UINT32_MAX : current->id,
                                       .count = count,
                                       .picked = thread->id,
                                       .enabled = run->enabled[0]};
    for (uint64_t bits = run->enabled[0]; bits != 0; bits &= bits - 1) {
        const uint32_t other = (uint32_t)__builtin_ctzll(bits);
        if (other != thread->id && thread_is_dependent(thread, run->threads[other]) &&
            make_turn(run, &watch.decision, other, &turn))
            keep_turn(watch.hints->contended, &watch.hints->contended_count, &watch.contended_seen,
                      &turn);
    }
}

static void note_time(const struct vthread *thread)
{
    struct hints *hints = watch.hints;
    const uint64_t now_ns = sched_now_ns();

    if (!thread->is_lane || hints->time_count == HINTS_TIMES_MAX)
        return;
    /* The first step of an actor's lane is close to time zero. */
    if (watch.zero_ns == UINT64_MAX)
        watch.zero_ns = now_ns;
    const uint64_t since_ns = now_ns - watch.zero_ns;
    if (hints->time_count == 0 || hints->times_ns[hints->time_count - 1] < since_ns)
        hints->times_ns[hints->time_count++] = since_ns;
}

static struct access *find_access(const void *object)
{
    size_t slot = (size_t)random_mix((uintptr_t)object) % OBJECT_SLOTS;

    for (;; slot = (slot + 1) % OBJECT_SLOTS) {
        struct access *access = &watch.accesses[slot];
        if (access->run == watch.run && access->object == object)
            return access;
        if (access->run == watch.run)
            continue;
        if (watch.object_count == OBJECTS_MAX)
            return NULL;
        watch.object_count++;
        *access = (struct access){.object = object, .run = watch.run, .thread = UINT32_MAX};
        return access;
    }
}

/* The one before could have let this one go first. */
static void note_flip(const struct strategy_run *run, const struct access *before, uint32_t id)
{
    struct hints_turn turn;

    if (before->had_choice && id < 64 && (before->decision.enabled >> id & 1) != 0 &&
        make_turn(run, &before->decision, id, &turn))
        keep_turn(watch.hints->flips, &watch.hints->flip_count, &watch.flips_seen, &turn);
}

static void stepped(void *context, const struct strategy_run *run, const struct vthread *thread)
{
    const struct op *op = &thread->next;
    const bool had_choice = watch.has_decision && watch.decision.picked == thread->id;

    (void)context;
    note_time(thread);
    watch.has_decision = false;
    struct access *access = op->object == NULL ? NULL : find_access(op->object);
    if (access == NULL)
        return;
    const bool is_write = op_kind_writes(op->kind);
    if (access->thread != UINT32_MAX && access->thread != thread->id &&
        (is_write || access->is_write))
        note_flip(run, access, thread->id);
    access->thread = thread->id;
    access->is_write = is_write;
    access->had_choice = had_choice;
    access->decision = watch.decision;
}

/* ---- what it chose ---- */

/* Of nobody's draws, while the world is set up, as recorded lines have it. */
static uint8_t number_of_nobody(void)
{
    static const char nobody[] = "start";
    struct hints *hints = watch.hints;

    for (size_t i = 0; i < hints->name_count; i++)
        if (strcmp(hints->names[i], nobody) == 0)
            return (uint8_t)i;
    if (hints->name_count == HINTS_THREADS_MAX)
        return NOBODY;
    memcpy(hints->names[hints->name_count], nobody, sizeof(nobody));
    return (uint8_t)hints->name_count++;
}

static uint8_t number_of_who(uint32_t who)
{
    if (who == 0)
        return number_of_nobody();
    for (size_t i = 0; i < sched_thread_count(); i++)
        if (sched_thread(i)->who == who)
            return number_of(sched_thread(i));
    return NOBODY;
}

/* False when it cannot be said in a line of the recorded part. */
static bool keep_choice(const struct choice_deviation *deviation, struct hints_choice *choice)
{
    const uint32_t class = deviation->class_count >> CHOICE_COUNT_BITS;
    const bool is_turn = class == CHOICE_SCHED;

    *choice = (struct hints_choice){
        .thread = number_of_who(deviation->who),
        .class = (uint8_t)class,
        .other = is_turn ? number_of_who(deviation->value) : 0,
        .count = deviation->class_count & ((UINT32_C(1) << CHOICE_COUNT_BITS) - 1),
        .value = is_turn ? 0 : deviation->value,
    };
    return choice->thread != NOBODY && choice->other != NOBODY;
}

static void keep_choices(struct hints *hints)
{
    size_t count;
    const struct choice_deviation *deviations = choice_deviations(&count);

    for (size_t i = 0; i < count && count <= HINTS_CHOICES_MAX; i++)
        hints->choice_count += keep_choice(&deviations[i], &hints->choices[hints->choice_count]);
}

void input_hints(struct input *input, struct hints *hints)
{
    static const struct steer_listener listener = {.stepped = stepped, .picked = picked};
    struct run_result result;

    hints->name_count = 0;
    hints->contended_count = 0;
    hints->flip_count = 0;
    hints->choice_count = 0;
    hints->time_count = 0;
    watch.hints = hints;
    watch.object_count = 0;
    watch.contended_seen = 0;
    watch.flips_seen = 0;
    watch.zero_ns = UINT64_MAX;
    watch.has_decision = false;
    memset(watch.numbers, NOBODY, sizeof(watch.numbers));
    if (++watch.run == 0) {
        memset(watch.accesses, 0, sizeof(watch.accesses));
        watch.run = 1;
    }
    input_run(input, &listener, &result);
    keep_choices(hints);
}
