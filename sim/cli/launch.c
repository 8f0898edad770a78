/*
 * sim/cli/launch.c - finds the command and runs it.
 */
#include <string.h>

#include "sim/cli/cli.h"
#include "sim/cli/program.h"

static int run_unknown(const char *name)
{
    const char *names[32];
    size_t count = 0;

    for (; count < command_count && count < sizeof(names) / sizeof(names[0]); count++)
        names[count] = commands[count]->name;
    const char *nearest = options_nearest(name, names, count, sizeof(names[0]));
    if (nearest != NULL)
        cli_say("no command '%s'; did you mean %s?", name, nearest);
    else
        cli_say("no command '%s'; try: heddle help", name);
    return CLI_USAGE;
}

static bool wants_help(int argc, char *const *argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

int cli_main(int argc, char **argv)
{
    program_remember_words(argc, argv);
    if (argc < 2) {
        cli_print_commands(stderr);
        return CLI_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0)
        name = "version";
    const struct command *command = command_find(name);
    if (command == NULL)
        return run_unknown(name);
    if (!command->has_own_options && wants_help(argc - 2, argv + 2)) {
        cli_print_help(command, stdout);
        return CLI_NOTHING;
    }
    const int exit_code = command->run(command, argc - 2, argv + 2);
    if (fflush(stdout) != 0 && exit_code == CLI_NOTHING) {
        cli_say("cannot write to standard output");
        return CLI_CANNOT;
    }
    return exit_code;
}
