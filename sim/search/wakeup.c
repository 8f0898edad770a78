/*
 * sim/search/wakeup.c - see wakeup.h.
 */
#include "sim/search/wakeup.h"

#include <string.h>

static bool is_related(const struct step *before, const struct step *step)
{
    return before->thread == step->thread || before->thread == step->joined ||
           (before->event == step->enabler && before->event != STEP_NONE) ||
           action_is_dependent(before->action, step->action);
}

/* Where `thread` steps first in `steps`; `count` when it does not. */
static size_t find(const struct step *steps, size_t count, uint32_t thread)
{
    size_t i = 0;

    while (i < count && steps[i].thread != thread)
        i++;
    return i;
}

/* Nothing before steps[at] has to come before it. */
static bool is_initial(const struct step *steps, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (is_related(&steps[i], &steps[at]))
            return false;
    return true;
}

static bool is_independent_of_all(const struct step *steps, size_t count,
                                  const struct action *action)
{
    for (size_t i = 0; i < count; i++)
        if (action_is_dependent(steps[i].action, action))
            return false;
    return true;
}

/* Whether `thread`, about to do `action`, may go first in some continuation of `steps`: at `*at`,
 * or nowhere in it (`*at` is `count`) but in nobody's way. */
static bool may_begin(const struct step *steps, size_t count, uint32_t thread,
                      const struct action *action, size_t *at)
{
    *at = find(steps, count, thread);
    if (*at < count)
        return is_initial(steps, *at);
    return is_independent_of_all(steps, count, action);
}

bool wakeup_insert(struct slab *slab, struct wake **tree, struct step *steps, size_t count)
{
    struct wake **link = tree;
    bool is_root = true;

    for (;;) {
        size_t at = 0;
        if (!is_root && *link == NULL)
            return false; /* a leaf: its sequence covers this one */
        while (*link != NULL && !may_begin(steps, count, (*link)->thread, &(*link)->action, &at))
            link = &(*link)->next;
        if (*link == NULL)
            break;
        if (at < count) {
            memmove(&steps[at], &steps[at + 1], (count - at - 1) * sizeof(*steps));
            count--;
        }
        link = &(*link)->child;
        is_root = false;
    }
    for (size_t i = 0; i < count; i++) {
        struct wake *wake = slab_take(slab);
        wake->child = NULL;
        wake->next = NULL;
        wake->thread = steps[i].thread;
        wake->action = *steps[i].action;
        *link = wake;
        link = &wake->child;
    }
    return count != 0;
}

void wakeup_free(struct slab *slab, struct wake *tree)
{
    /* Children go to the front of the list: no recursion, whatever the depth. */
    while (tree != NULL) {
        struct wake *wake = tree;
        tree = wake->next;
        if (wake->child != NULL) {
            struct wake *last = wake->child;
            while (last->next != NULL)
                last = last->next;
            last->next = tree;
            tree = wake->child;
        }
        slab_give(slab, wake);
    }
}

size_t wakeup_width(const struct wake *tree)
{
    size_t width = 0;

    for (; tree != NULL; tree = tree->next)
        width++;
    return width;
}

bool sleep_covers(const struct sleeper *sleep, const struct step *steps, size_t count)
{
    size_t at;

    for (; sleep != NULL; sleep = sleep->next)
        if (may_begin(steps, count, sleep->thread, &sleep->action, &at))
            return true;
    return false;
}

bool sleep_has(const struct sleeper *sleep, uint32_t thread)
{
    while (sleep != NULL && sleep->thread != thread)
        sleep = sleep->next;
    return sleep != NULL;
}

void sleep_add(struct slab *slab, struct sleeper **sleep, uint32_t thread,
               const struct action *action)
{
    struct sleeper *sleeper = slab_take(slab);

    sleeper->next = *sleep;
    sleeper->thread = thread;
    sleeper->action = *action;
    *sleep = sleeper;
}

struct sleeper *sleep_after(struct slab *slab, const struct sleeper *sleep,
                            const struct action *action)
{
    struct sleeper *left = NULL;

    for (; sleep != NULL; sleep = sleep->next)
        if (!action_is_dependent(&sleep->action, action))
            sleep_add(slab, &left, sleep->thread, &sleep->action);
    return left;
}

void sleep_free(struct slab *slab, struct sleeper *sleep)
{
    while (sleep != NULL) {
        struct sleeper *next = sleep->next;
        slab_give(slab, sleep);
        sleep = next;
    }
}
