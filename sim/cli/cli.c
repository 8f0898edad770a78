/*
 * sim/cli/cli.c - see cli.h.
 */
#include "sim/cli/cli.h"

#include <stdarg.h>
#include <string.h>

const struct command *const commands[] = {
    &cmd_demo,     &cmd_explore,  &cmd_replay, &cmd_shrink,  &cmd_explain, &cmd_plants,
    &cmd_campaign, &cmd_check,    &cmd_fmt,    &cmd_encode,  &cmd_decode,  &cmd_cc,
    &cmd_cxx,      &cmd_complete, &cmd_help,   &cmd_version,
};
const size_t command_count = sizeof(commands) / sizeof(commands[0]);

static const char *const builds[] = {"plain", "asan", "tsan", "explore"};

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

void cli_say(const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fputs("heddle: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

int cli_usage(const struct command *command, const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fprintf(stderr, "heddle %s: ", command->name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\ntry: heddle help %s\n", command->name);
    return CLI_USAGE;
}

bool cli_parse(const struct command *command, int argc, char *const *argv, void *values,
               struct operands *operands, size_t operands_min, size_t operands_max)
{
    char error[OPTION_ERROR_BYTES];

    if (!options_parse(command->options, command->option_count, argc, argv, values, operands,
                       error)) {
        (void)cli_usage(command, "%s", error);
        return false;
    }
    if (operands->count < operands_min) {
        (void)cli_usage(command, "needs %s", command->operands);
        return false;
    }
    if (operands->count > operands_max) {
        (void)cli_usage(command, "what is '%s'?", operands->items[operands_max]);
        return false;
    }
    return true;
}

const char *cli_build(void)
{
#if defined(HEDDLE_BUILD_ASAN)
    return builds[1];
#elif defined(HEDDLE_BUILD_TSAN)
    return builds[2];
#elif defined(HEDDLE_BUILD_EXPLORE)
    return builds[3];
#else
    return builds[0];
#endif
}

bool cli_check_build(const struct command *command, const char *build, int *exit_code)
{
    if (build == NULL || strcmp(build, cli_build()) == 0)
        return true;
    for (size_t i = 0; i < sizeof(builds) / sizeof(builds[0]); i++) {
        if (strcmp(build, builds[i]) != 0)
            continue;
        cli_say("this program is the %s build; ./heddle %s --build %s builds and runs the other",
                cli_build(), command->name, build);
        *exit_code = CLI_CANNOT;
        return false;
    }
    *exit_code = cli_usage(command, "--build: '%s' is none of plain, asan, tsan, explore", build);
    return false;
}

void cli_print_commands(FILE *out)
{
    enum { COLUMN = 24 };

    fputs("usage: heddle COMMAND ...\n", out);
    for (size_t i = 0; i < command_count; i++) {
        char left[80];
        snprintf(left, sizeof(left), "%s %s", commands[i]->name, commands[i]->operands);
        /* What is too long for its column has a line of its own. */
        if (strlen(left) > COLUMN)
            fprintf(out, "  %s\n  %-*s %s\n", left, COLUMN, "", commands[i]->summary);
        else
            fprintf(out, "  %-*s %s\n", COLUMN, left, commands[i]->summary);
    }
    fputs("  help COMMAND says more of each.\n", out);
}

void cli_print_help(const struct command *command, FILE *out)
{
    fprintf(out, "usage: heddle %s%s%s%s\n%s\n", command->name,
            command->option_count > 0 ? " [OPTION]..." : "",
            command->operands[0] != '\0' ? " " : "", command->operands, command->summary);
    if (command->option_count > 0) {
        fputc('\n', out);
        options_print(command->options, command->option_count, out);
    }
    if (command->more != NULL)
        fprintf(out, "\n%s", command->more);
}
