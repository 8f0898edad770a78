/*
 * fuzz/mutate/events.c - mutations of what happens, and when. See operations.h.
 */
#include <string.h>

#include "fuzz/mutate/hints.h"
#include "fuzz/mutate/invent.h"
#include "fuzz/mutate/operations.h"

enum { US_NS = 1000, TRIES = 8 };

static bool is_script(const struct edit_line *line)
{
    return edit_place(line) == PLACE_ACTOR;
}

/* ---- when ---- */

/* Just before or after a timer of the run, if its timers are known. */
static uint64_t near_timer(struct edit *edit)
{
    const struct hints *hints = edit->hints;
    const uint64_t time_ns = hints->times_ns[edit_below(edit, hints->time_count)];

    switch (edit_below(edit, 4)) {
    case 0:
        return time_ns < US_NS ? 0 : time_ns - US_NS;
    case 1:
        return time_ns + US_NS;
    case 2:
        return time_ns + 1;
    default:
        return time_ns == 0 ? 0 : time_ns - 1;
    }
}

static uint64_t any_delay(struct edit *edit)
{
    static const uint64_t delays_ns[] = {0, 0, US_NS, 10000, 100000, 1000000};

    return delays_ns[edit_below(edit, sizeof(delays_ns) / sizeof(delays_ns[0]))];
}

static void set_when(struct edit *edit, struct scenario_line *line)
{
    const bool may_wait = form_is_expectation(line->form);
    uint64_t ns = any_delay(edit);

    if (line->when.kind == WHEN_WITHIN && may_wait)
        return;
    line->when.kind = WHEN_AFTER;
    if (edit->hints != NULL && edit->hints->time_count != 0 && edit_one_in(edit, 2)) {
        line->when.kind = WHEN_AT;
        ns = near_timer(edit);
    }
    line->when.ns = (struct range){ns, ns};
}

bool operation_retime(struct edit *edit)
{
    const size_t index = edit_find(edit, edit_is_event);

    if (index == edit->count)
        return false;
    struct scenario_line *line = &edit->lines[index].line;
    if (line->when.kind == WHEN_NONE)
        return false; /* holds from the start */
    set_when(edit, line);
    return true;
}

/* ---- lines ---- */

/* An event of some form that an actor of the scenario has. */
bool operation_insert(struct edit *edit)
{
    for (unsigned i = 0; i < TRIES; i++) {
        const enum scenario_form form = (enum scenario_form)edit_below(edit, FORM_COUNT);
        const struct form_info *info = form_info(form);
        struct scenario_ref subject;
        /* Those that wait mostly wait in vain. */
        if (info->place != PLACE_ACTOR || (form_is_expectation(form) && !edit_one_in(edit, 8)) ||
            !edit_pick_actor(edit, info->subjects, &subject))
            continue;
        const size_t place = edit_event_place(edit);
        if (edit_insert(edit, place, form) == NULL)
            return false;
        struct scenario_line *line = &edit->lines[place].line;
        line->subject = subject;
        set_when(edit, line);
        if (invent_arguments(edit, place))
            return true;
        edit_remove(edit, place);
    }
    return false;
}

static bool is_line(const struct edit_line *line)
{
    const enum form_place place = edit_place(line);

    return place != PLACE_SCHEDULE && place != PLACE_TRIVIA;
}

bool operation_delete(struct edit *edit)
{
    const size_t index = edit_find(edit, edit_one_in(edit, 8) ? is_line : edit_is_event);

    if (index == edit->count)
        return false;
    edit_remove(edit, index);
    return true;
}

bool operation_duplicate(struct edit *edit)
{
    const size_t index = edit_find(edit, edit_is_event);

    if (index == edit->count)
        return false;
    const size_t place = edit_one_in(edit, 2) ? index + 1 : edit_event_place(edit);
    edit_copy(edit, index, place);
    return true;
}

bool operation_swap(struct edit *edit)
{
    const size_t a = edit_find(edit, edit_is_event);
    const size_t b = edit_find(edit, edit_is_event);

    if (a == b || a == edit->count)
        return false;
    const struct edit_line line = edit->lines[a];
    edit->lines[a] = edit->lines[b];
    edit->lines[b] = line;
    return true;
}

bool operation_move(struct edit *edit)
{
    const size_t index = edit_find(edit, is_script);
    struct scenario_ref subject;

    if (index == edit->count)
        return false;
    struct scenario_line *line = &edit->lines[index].line;
    if (!edit_pick_actor(edit, form_info(line->form)->subjects, &subject))
        return false;
    /* One of the copies, if it has any: otherwise that is corrected. */
    subject.copy = (uint16_t)edit_below(edit, 4);
    line->subject = subject;
    return true;
}
