/*
 * sim/cli/cmd_help.c - heddle help and heddle version.
 */
#include "sim/cli/cli.h"
#include "sim/input/scenario.h"

static int run_help(const struct command *command, int argc, char *const *argv)
{
    struct operands names;

    if (!cli_parse(command, argc, argv, NULL, &names, 0, 1))
        return CLI_USAGE;
    if (names.count == 0) {
        cli_print_commands(stdout);
        return CLI_NOTHING;
    }
    const struct command *wanted = command_find(names.items[0]);
    if (wanted == NULL)
        return cli_usage(command, "there is no command '%s'", names.items[0]);
    cli_print_help(wanted, stdout);
    return CLI_NOTHING;
}

static int run_version(const struct command *command, int argc, char *const *argv)
{
    struct operands none;

    if (!cli_parse(command, argc, argv, NULL, &none, 0, 0))
        return CLI_USAGE;
    printf("heddle, scenario language %d, %s build\n", SCENARIO_VERSION, cli_build());
    return CLI_NOTHING;
}

const struct command cmd_help = {
    .name = "help",
    .operands = "[COMMAND]",
    .summary = "the commands, or more about one",
    .run = run_help,
};

const struct command cmd_version = {
    .name = "version",
    .operands = "",
    .summary = "what this program is",
    .run = run_version,
};
