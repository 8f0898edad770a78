/*
 * fuzz/mutate/schedule.c - mutations of what is recorded: seeds, turns, draws. See operations.h.
 */
#include <stdio.h>
#include <string.h>

#include "fuzz/mutate/hints.h"
#include "fuzz/mutate/mutate.h"
#include "fuzz/mutate/operations.h"
#include "sim/choice/choice.h"

enum { COUNT_MAX_BLIND = 64, NEAR = 3, PLANS_TRIED = 8, RECORDED_MAX = 2048 };

/* ---- the seed ---- */

/* Many switches find most; what they are bad at some other one is good at. Measured on the shipped
 * scenarios, see fuzz/bench/README.md. */
static const struct {
    const char *strategy;
    uint32_t share; /* of MUTATE_SHARES */
} arms[] = {
    /* these make MUTATE_SHARES_PLAIN */
    {"random", 30},
    {"sticky,p=200000", 24},
    {"pos", 12},
    {"sticky,p=50000", 4},
    /* these aim: they want a run of the scene beforehand */
    {"surw", 18},
    {"pct,d=10", 6},
    {"rff", 6},
};
enum { PLAN_ONE_IN = 16 };

const char *mutate_strategy(uint32_t share)
{
    size_t i = 0;

    for (; share >= arms[i].share; i++)
        share -= arms[i].share;
    return arms[i].strategy;
}

static bool is_found(const struct edit_line *line)
{
    return line->line.form == FORM_FOUND;
}

static void remove_recorded(struct edit *edit)
{
    for (size_t i = edit->count; i-- > 0;)
        if (edit_place(&edit->lines[i]) == PLACE_SCHEDULE)
            edit_remove(edit, i);
}

static struct scenario_value *found_args(struct edit *edit)
{
    size_t index = edit_find(edit, is_found);

    if (index == edit->count) {
        size_t place = 0;
        while (place < edit->count && edit_place(&edit->lines[place]) != PLACE_SCHEDULE)
            place++;
        if (edit_insert(edit, place, FORM_FOUND) == NULL)
            return NULL;
        index = place;
    }
    return edit_args(edit, index);
}

static struct scenario_value *arg_of(struct scenario_value *args, enum scenario_param param,
                                     enum scenario_param base)
{
    return &args[param - base];
}

#define FOUND_ARG(args, NAME) arg_of(args, PARAM_FOUND_##NAME, PARAM_BASE_FOUND)

static bool set_found(struct edit *edit, uint64_t number, struct bytes words)
{
    struct scenario_value *args = found_args(edit);

    if (args == NULL)
        return false;
    memset(args, 0, form_param_count(FORM_FOUND) * sizeof(*args));
    struct scenario_value *seed = FOUND_ARG(args, SEED);
    seed->is_present = true;
    seed->range = (struct range){number, number};
    struct scenario_value *strategy = FOUND_ARG(args, STRATEGY);
    strategy->is_present = true;
    strategy->text = words;
    return true;
}

bool operation_reseed(struct edit *edit)
{
    const bool is_kept = edit_one_in(edit, 4); /* the deviations stay, the rest is drawn anew */

    if (!is_kept)
        remove_recorded(edit);
    const uint64_t seed = random_next(&edit->random);
    const struct bytes words =
        edit_one_in(edit, PLAN_ONE_IN)
            ? edit_text(edit, "period,n=%zu", edit_below(edit, PLANS_TRIED))
            : edit_text(edit, "%s", mutate_strategy((uint32_t)edit_below(edit, MUTATE_SHARES)));
    return set_found(edit, seed, words);
}

void schedule_reseed(struct edit *edit, uint64_t seed, const char *strategy)
{
    remove_recorded(edit);
    (void)set_found(edit, seed, edit_text(edit, "%s", strategy));
}

/* ---- turns ---- */

static struct bytes guess_thread(struct edit *edit)
{
    const struct hints *hints = edit->hints;
    struct scenario_ref ref;

    if (hints != NULL && hints->name_count != 0)
        return edit_text(edit, "%s", hints->names[edit_below(edit, hints->name_count)]);
    /* Of a recorded line, or a worker of a node. */
    const size_t index = edit_find(edit, edit_is_recorded);
    if (index != edit->count && edit->lines[index].line.form == FORM_SCHED && edit_one_in(edit, 2))
        return SCENARIO_ARG(&edit->lines[index].line, SCHED, THREAD)->text;
    if (!edit_pick_actor(edit, UINT32_MAX, &ref))
        return edit_text(edit, "clock");
    const struct bytes name = edit->names[ref.declaration];
    if (edit->kinds[ref.declaration] == ACTOR_NODE)
        return edit_text(edit, "%.*s.w%zu", (int)name.len, (const char *)name.data,
                         edit_below(edit, 3));
    return name;
}

static bool add_sched(struct edit *edit, struct bytes thread, uint32_t count, struct bytes other)
{
    const size_t place = edit_recorded_place(edit);
    struct edit_line *line = edit_insert(edit, place, FORM_SCHED);

    if (line == NULL)
        return false;
    struct scenario_value *args = edit_args(edit, place);
    struct scenario_value *at = arg_of(args, PARAM_SCHED_AT, PARAM_BASE_SCHED);
    at->is_present = true;
    at->text = thread;
    at->range = (struct range){count, count};
    arg_of(args, PARAM_SCHED_ARROW, PARAM_BASE_SCHED)->is_present = true;
    struct scenario_value *to = arg_of(args, PARAM_SCHED_THREAD, PARAM_BASE_SCHED);
    to->is_present = true;
    to->text = other;
    return true;
}

static bool add_turn(struct edit *edit, const struct hints_turn *turn)
{
    const struct hints *hints = edit->hints;

    return add_sched(edit, edit_text(edit, "%s", hints->names[turn->thread]), turn->count,
                     edit_text(edit, "%s", hints->names[turn->other]));
}

bool operation_switch(struct edit *edit)
{
    const struct hints *hints = edit->hints;

    if (hints != NULL && hints->contended_count != 0)
        return add_turn(edit, &hints->contended[edit_below(edit, hints->contended_count)]);
    const struct bytes thread = guess_thread(edit);
    return add_sched(edit, thread, (uint32_t)edit_below(edit, COUNT_MAX_BLIND), guess_thread(edit));
}

bool operation_flip(struct edit *edit)
{
    const struct hints *hints = edit->hints;

    if (hints == NULL || hints->flip_count == 0)
        return operation_switch(edit);
    return add_turn(edit, &hints->flips[edit_below(edit, hints->flip_count)]);
}

static bool is_sched(const struct edit_line *line)
{
    return line->line.form == FORM_SCHED;
}

static void move_count(struct edit *edit, struct range *count)
{
    const uint64_t by = 1 + edit_below(edit, NEAR);

    if (edit_one_in(edit, 2))
        count->min += by;
    else
        count->min -= by < count->min ? by : count->min;
    if (count->min > UINT32_MAX)
        count->min = UINT32_MAX;
    count->max = count->min;
}

/* Each recorded line goes with the same chance. */
static void thin(struct edit *edit)
{
    const size_t one_in = 2 + edit_below(edit, 6);

    for (size_t i = edit->count; i-- > 0;)
        if (edit_is_recorded(&edit->lines[i]) && edit_one_in(edit, one_in))
            edit_remove(edit, i);
}

bool operation_switch_edit(struct edit *edit)
{
    const size_t index = edit_find(edit, is_sched);

    if (index == edit->count)
        return false;
    struct scenario_value *args = edit_args(edit, index);
    struct scenario_value *at = arg_of(args, PARAM_SCHED_AT, PARAM_BASE_SCHED);
    switch (edit_below(edit, 5)) {
    case 0:
        edit_remove(edit, index);
        break;
    case 1:
        move_count(edit, &at->range);
        break;
    case 2:
        arg_of(args, PARAM_SCHED_THREAD, PARAM_BASE_SCHED)->text = guess_thread(edit);
        break;
    case 3: {
        /* Two trade places. */
        const size_t other = edit_find(edit, is_sched);
        struct scenario_value *other_at =
            arg_of(edit_args(edit, other), PARAM_SCHED_AT, PARAM_BASE_SCHED);
        at = arg_of(edit_args(edit, index), PARAM_SCHED_AT, PARAM_BASE_SCHED);
        const struct range count = at->range;
        at->range = other_at->range;
        other_at->range = count;
        break;
    }
    default:
        thin(edit);
        break;
    }
    return true;
}

/* ---- draws ---- */

/* The words alone: the choices themselves are not linked. */
static const char *const class_words[] = {
#define X(name, word, rate) word,
    CHOICE_CLASSES(X)
#undef X
};

static bool add_pick(struct edit *edit, struct bytes thread, enum choice_class class,
                     uint32_t count, uint32_t value)
{
    const size_t place = edit_recorded_place(edit);

    if (edit_insert(edit, place, FORM_PICK) == NULL)
        return false;
    struct scenario_value *args = edit_args(edit, place);
    struct scenario_value *at = arg_of(args, PARAM_PICK_AT, PARAM_BASE_PICK);
    at->is_present = true;
    at->text =
        edit_text(edit, "%.*s.%s", (int)thread.len, (const char *)thread.data, class_words[class]);
    at->range = (struct range){count, count};
    arg_of(args, PARAM_PICK_EQUALS, PARAM_BASE_PICK)->is_present = true;
    struct scenario_value *to = arg_of(args, PARAM_PICK_VALUE, PARAM_BASE_PICK);
    to->is_present = true;
    to->range = (struct range){value, value};
    return true;
}

static bool is_pick(const struct edit_line *line)
{
    return line->line.form == FORM_PICK;
}

bool operation_pick(struct edit *edit)
{
    static const enum choice_class classes[] = {
        CHOICE_TIMER,      CHOICE_WAKE,        CHOICE_SPURIOUS,  CHOICE_EPOLL_ORDER,
        CHOICE_SHORT_READ, CHOICE_SHORT_WRITE, CHOICE_INTERRUPT, CHOICE_ALLOC,
        CHOICE_DELAY,      CHOICE_RANGE};
    const size_t index = edit_find(edit, is_pick);

    if (index == edit->count || edit_one_in(edit, 2))
        return add_pick(edit, guess_thread(edit),
                        classes[edit_below(edit, sizeof(classes) / sizeof(classes[0]))],
                        (uint32_t)edit_below(edit, edit_one_in(edit, 2) ? 4 : COUNT_MAX_BLIND),
                        1 + (uint32_t)edit_below(edit, 4));
    struct scenario_value *args = edit_args(edit, index);
    if (edit_one_in(edit, 3)) {
        edit_remove(edit, index);
    } else if (edit_one_in(edit, 2)) {
        move_count(edit, &arg_of(args, PARAM_PICK_AT, PARAM_BASE_PICK)->range);
    } else {
        struct scenario_value *value = arg_of(args, PARAM_PICK_VALUE, PARAM_BASE_PICK);
        value->range.min = 1 + random_below(&edit->random, 256);
        value->range.max = value->range.min;
    }
    return true;
}

/* ---- the whole run ---- */

static bool add_choice(struct edit *edit, const struct hints_choice *choice)
{
    const char *name = edit->hints->names[choice->thread];

    if (choice->class == CHOICE_SCHED)
        return add_sched(edit, edit_text(edit, "%s", name), choice->count,
                         edit_text(edit, "%s", edit->hints->names[choice->other]));
    return add_pick(edit, edit_text(edit, "%s", name), (enum choice_class)choice->class,
                    choice->count, choice->value);
}

/* From here on the schedule can be edited: beyond it everything is dull. */
bool operation_record(struct edit *edit)
{
    const struct hints *hints = edit->hints;

    if (hints == NULL || hints->choice_count == 0 || edit_find(edit, is_found) == edit->count)
        return false;
    remove_recorded(edit);
    for (size_t i = 0; i < hints->choice_count; i++)
        if (!add_choice(edit, &hints->choices[i]))
            return false;
    return true;
}
