/*
 * sim/cli/cmd_check.c - heddle check: are these scenarios right?
 */
#include "sim/cli/cli.h"
#include "sim/cli/files.h"
#include "sim/cli/subject.h"
#include "sim/input/scenario.h"

static int run(const struct command *command, int argc, char *const *argv)
{
    struct operands files;
    int exit_code = CLI_NOTHING;

    if (!cli_parse(command, argc, argv, NULL, &files, 1, OPERANDS_MAX))
        return CLI_USAGE;
    for (size_t i = 0; i < files.count; i++) {
        struct scenario *scenario = NULL;
        if (subject_read(files.items[i], true, &scenario))
            scenario_free(scenario);
        else
            exit_code = CLI_INPUT;
    }
    return exit_code;
}

const struct command cmd_check = {
    .name = "check",
    .operands = "FILE...",
    .summary = "parse scenarios; errors as file:line:col: message",
    .more = "Prints nothing when all is well. Exit code 3 when a file is missing or wrong.\n",
    .run = run,
};
