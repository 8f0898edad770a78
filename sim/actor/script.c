/*
 * sim/actor/script.c - see script.h.
 */
#include "sim/actor/script.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sim/input/buffer.h"
#include "sim/input/forms.h"

enum { PPM = 1000000, NS_PER_US = 1000, LINE_BYTES = 64 };

uint64_t draw_from(const struct range *range)
{
    uint64_t span = range->max - range->min;

    if (span == 0)
        return range->min;
    /* Wide ranges (durations) are drawn on a grid of at most 2^16 places. */
    uint64_t grid = span >> 16 == 0 ? 1 : (span >> 16) + 1;
    return range->min + choice_draw_even(CHOICE_RANGE, (uint32_t)(span / grid) + 1) * grid;
}

bool draw_chance(uint64_t ppm)
{
    return ppm != 0 && choice_draw_even(CHOICE_RANGE, PPM) >= PPM - ppm;
}

static void step(struct script *script);

static void fire(struct timer *timer)
{
    step(timer->context);
}

static void arm(struct script *script, uint64_t due_ns)
{
    timer_cancel(&script->timer);
    timer_arm(&script->timer, script->lane, due_ns, fire, script);
}

void script_fail(const char *who, const struct scenario_event *event, const char *what, ...)
{
    char title[FINDING_TITLE_BYTES];
    char detail[LINE_BYTES];
    va_list list;

    va_start(list, what);
    (void)vsnprintf(title, sizeof(title), what, list);
    va_end(list);
    snprintf(detail, sizeof(detail), "line %u: %s", event->line->number,
             scenario_form_keyword(event->form));
    finding_fail_detail(FINDING_EXPECTATION, NULL, detail, "expectation: %s %s", who, title);
}

void script_fail_waiting(const char *who, const struct scenario_event *event, const char *why)
{
    const char *does = form_info(event->form)->does;

    script_fail(who, event, "%.*s, %s", (int)strcspn(does, ";"), does, why);
}

static void fail_late(struct script *script, const struct scenario_event *event)
{
    script_fail_waiting(script->who, event, "in vain");
}

/* When the next line may be performed. */
static uint64_t next_due_ns(struct script *script)
{
    const struct scenario_event *event = &script->lines->events[script->next];
    uint64_t at;

    switch (event->when.kind) {
    case WHEN_AFTER:
        return script->since_ns + draw_from(&event->when.ns);
    case WHEN_AT:
        at = draw_from(&event->when.ns);
        return at > script->since_ns ? at : script->since_ns;
    case WHEN_WITHIN:
    case WHEN_NONE:
        break;
    }
    return script->since_ns;
}

static void begin_line(struct script *script)
{
    if (script_is_over(script)) {
        script->env->scripts_busy--;
        return;
    }
    const struct scenario_event *event = &script->lines->events[script->next];
    uint64_t due = next_due_ns(script);
    script->is_waiting = false;
    script->deadline_ns = due + (event->when.kind == WHEN_WITHIN ? draw_from(&event->when.ns)
                                                                 : script->env->bound_ns);
    arm(script, due);
}

/* The present line's time has come, or it is tried again. */
static void step(struct script *script)
{
    const struct scenario_event *event = &script->lines->events[script->next];

    if (script_is_over(script) || script->is_performing)
        return;
    script->is_performing = true;
    enum script_outcome outcome = script->perform(script->context, event);
    script->is_performing = false;
    if (outcome == SCRIPT_DONE) {
        script->since_ns = sched_now_ns();
        script->next++;
        begin_line(script);
        return;
    }
    if (sched_now_ns() >= script->deadline_ns)
        fail_late(script, event);
    script->is_waiting = true;
    if (!timer_is_armed(&script->timer))
        arm(script, script->deadline_ns);
}

void script_begin(struct script *script, struct actor_env *env, const struct scenario_script *lines,
                  struct vthread *lane, const char *who,
                  enum script_outcome (*perform)(void *context, const struct scenario_event *event),
                  void *context)
{
    *script = (struct script){.env = env,
                              .lines = lines,
                              .lane = lane,
                              .who = who,
                              .since_ns = sched_now_ns(),
                              .perform = perform,
                              .context = context};
    env->scripts_busy++;
    begin_line(script);
}

void script_poke(struct script *script)
{
    if (script->lines != NULL && script->is_waiting)
        step(script);
}

bool script_is_over(const struct script *script)
{
    return script->next == script->lines->count;
}
