/*
 * sim/cli/which.c - see which.h.
 */
#include "sim/cli/which.h"

#include <string.h>

#include "sim/cli/oracle.h"
#include "sim/cli/points.h"
#include "sim/input/scenario.h"

static int choose_strategy(const struct command *command, const char *text, struct which *out)
{
    char error[OPTION_ERROR_BYTES];

    out->fixed = NULL;
    if (text == NULL || strcmp(text, "portfolio") == 0)
        return 0;
    if (strategy_parse(text, &out->strategy, error, sizeof(error)) != 0)
        return cli_usage(command, "--strategy: %s", error);
    out->fixed = &out->strategy;
    return 0;
}

/* A reproducer without a schedule: its `found` line names the trial. */
static int choose_found(const struct command *command, const struct subject *subject,
                        struct which *out)
{
    const struct scenario_line *found = subject->scenario->found;
    const struct scenario_value *seed = SCENARIO_ARG(found, FOUND, SEED);
    const struct scenario_value *trial = SCENARIO_ARG(found, FOUND, TRIAL);
    const struct scenario_value *strategy = SCENARIO_ARG(found, FOUND, STRATEGY);

    if (!seed->is_present) {
        /* A schedule that is empty: the dull run. */
        trial_of_seed(0, NULL, &out->trial);
        return 0;
    }
    if (strategy->is_present) {
        int exit_code = choose_strategy(command, (const char *)strategy->text.data, out);
        if (exit_code != 0)
            return exit_code;
    }
    if (trial->is_present)
        trial_derive(seed->range.min, trial->range.min, out->fixed, &out->trial);
    else
        trial_of_seed(seed->range.min, out->fixed, &out->trial);
    return 0;
}

int which_choose(const struct command *command, const struct subject *subject,
                 const struct which_words *words, struct which *out, struct rerun_plan *plan)
{
    const struct scenario *scenario = subject->scenario;
    int exit_code = choose_strategy(command, words->strategy, out);

    if (exit_code != 0)
        return exit_code;
    out->is_recorded = false;
    *plan = (struct rerun_plan){.subject = subject, .trial = &out->trial};
    if (words->trial.is_given) {
        trial_derive(words->seed.is_given ? words->seed.value : CLI_SEED_DEFAULT,
                     words->trial.value, out->fixed, &out->trial);
        if (!out->trial.is_settled)
            search_settle(&subject->target, &out->trial);
    } else if (words->seed.is_given) {
        trial_of_seed(words->seed.value, out->fixed, &out->trial);
    } else if (scenario->deviation_count > 0) {
        oracle_follow_recording(scenario);
        out->is_recorded = true;
        plan->trial = NULL;
    } else if (scenario->found != NULL) {
        oracle_follow_recording(scenario);
        return choose_found(command, subject, out);
    } else {
        trial_of_seed(0, NULL, &out->trial);
    }
    return 0;
}

int which_open(const struct command *command, const struct operands *targets,
               const struct which_words *words, struct subject *subject, struct which *out,
               struct rerun_plan *plan)
{
    int exit_code = subject_open(subject, command, targets, words->plants, false);

    if (exit_code == 0)
        exit_code = points_choose(command, words->points, subject);
    if (exit_code == 0)
        exit_code = which_choose(command, subject, words, out, plan);
    return exit_code;
}
