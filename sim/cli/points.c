/*
 * sim/cli/points.c - see points.h. The memory runtime is linked into the explore build only.
 */
#include "sim/cli/points.h"

#include <string.h>

#include "sim/cli/subject.h"
#include "sim/input/scenario.h"
#include "sim/race/race.h"

#pragma weak race_points_set

int points_choose(const struct command *command, const char *word, struct subject *subject)
{
    const bool is_memory = word != NULL && strcmp(word, "memory") == 0;

    if (word != NULL && !is_memory && strcmp(word, "sync") != 0)
        return cli_usage(command, "--points: '%s' is none of sync, memory", word);
    subject->has_memory_points = word != NULL ? is_memory : subject->scenario->has_memory_points;
    if (race_points_set != NULL) {
        race_points_set(subject->has_memory_points);
    } else if (subject->has_memory_points) {
        cli_say(
            "the %s build has no memory points; try: ./heddle %s --build explore --points memory",
            cli_build(), command->name);
        return CLI_CANNOT;
    }
    return 0;
}
