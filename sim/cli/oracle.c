/*
 * sim/cli/oracle.c - see oracle.h.
 */
#include "sim/cli/oracle.h"

#include <string.h>

#include "sim/input/scenario.h"
#include "sim/race/race.h"
#include "sim/sched/sched.h"

/* Linked into the explore build only. */
#pragma weak race_keep_going_set

static const char every_step[] = "every-step";

static int complain(const struct command *command, const char *word)
{
    const char *names[FINDING_KIND_COUNT];
    size_t count = 0;

    for (unsigned kind = FINDING_NONE + 1; kind < FINDING_KIND_COUNT; kind++)
        names[count++] = finding_kind_word((enum finding_kind)kind);
    names[count++] = every_step;
    const char *nearest = options_nearest(word, names, count, sizeof(names[0]));
    if (nearest != NULL)
        return cli_usage(command, "--oracle: no '%s'; did you mean %s?", word, nearest);
    return cli_usage(command, "--oracle: no '%s'; a kind of finding as in a title, or every-step",
                     word);
}

int oracle_choose(const struct command *command, const struct option_list *words,
                  struct oracle_choice *out)
{
    _Static_assert(FINDING_KIND_COUNT <= 32, "a bit for each kind");

    *out = (struct oracle_choice){0};
    for (size_t i = 0; i < words->count; i++) {
        unsigned kind = FINDING_NONE + 1;
        if (strcmp(words->items[i], every_step) == 0) {
            out->has_every_step = true;
            continue;
        }
        while (kind < FINDING_KIND_COUNT &&
               strcmp(finding_kind_word((enum finding_kind)kind), words->items[i]) != 0)
            kind++;
        if (kind == FINDING_KIND_COUNT)
            return complain(command, words->items[i]);
        out->kinds |= UINT32_C(1) << kind;
    }
    /* A race that does not count must not end the run before what does. */
    const bool has_races = out->kinds == 0 || (out->kinds >> FINDING_DATA_RACE & 1) != 0;
    if (race_keep_going_set != NULL)
        race_keep_going_set(!has_races);
    return 0;
}

void oracle_follow_recording(const struct scenario *scenario)
{
    static const char race[] = "data-race ";
    const struct scenario_line *found = scenario->found;

    if (found == NULL || race_keep_going_set == NULL)
        return;
    const struct scenario_value *title = SCENARIO_ARG(found, FOUND, TITLE);
    if (title->is_present && strncmp((const char *)title->text.data, race, strlen(race)) != 0)
        race_keep_going_set(true);
}
