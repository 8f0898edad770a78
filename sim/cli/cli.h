/*
 * sim/cli/cli.h - what the commands share: exit codes, the table of commands, messages.
 *
 * One file a command, cmd_NAME.c; each has its table of options and a function that gets the words
 * behind the command and returns the exit code. Results go to stdout, messages to stderr.
 *
 * Threads: one.
 */
#ifndef SIM_CLI_CLI_H
#define SIM_CLI_CLI_H

#include <stddef.h>

#include "sim/cli/options.h"

enum cli_exit {
    CLI_NOTHING = 0,  /* nothing found, all well */
    CLI_FOUND = 1,    /* a finding */
    CLI_USAGE = 2,    /* the words of the command line make no sense */
    CLI_INPUT = 3,    /* an input file is missing or wrong */
    CLI_DIVERGED = 4, /* a run differs from its recording or from its repetition */
    CLI_CANNOT = 125, /* cannot judge: for `git bisect run` */
};

/* Of a campaign when --seed is not given: the same command gives the same result. */
#define CLI_SEED_DEFAULT UINT64_C(1)

struct command {
    const char *name;
    const char *operands; /* "FILE...", for help */
    const char *summary;  /* one line */
    const char *more;     /* paragraphs for `help NAME`, NULL: none */
    const struct option_def *options;
    size_t option_count;
    bool has_own_options; /* every word is for another program, --help too */
    int (*run)(const struct command *command, int argc, char *const *argv);
};

extern const struct command *const commands[];
extern const size_t command_count;
const struct command *command_find(const char *name);

extern const struct command cmd_demo;
extern const struct command cmd_check;
extern const struct command cmd_fmt;
extern const struct command cmd_encode;
extern const struct command cmd_decode;
extern const struct command cmd_explore;
extern const struct command cmd_replay;
extern const struct command cmd_shrink;
extern const struct command cmd_explain;
extern const struct command cmd_plants;
extern const struct command cmd_campaign;
extern const struct command cmd_cc;
extern const struct command cmd_cxx;
extern const struct command cmd_complete;
extern const struct command cmd_help;
extern const struct command cmd_version;

/* The tool: argv[1] is the command. Returns the exit code. */
int cli_main(int argc, char **argv);

/* Parses the command's words; false after a message to stderr (return CLI_USAGE then). Between
 * `operands_min` and `operands_max` operands must be there. */
bool cli_parse(const struct command *command, int argc, char *const *argv, void *values,
               struct operands *operands, size_t operands_min, size_t operands_max);

/* "heddle: ..." on stderr. */
__attribute__((format(printf, 1, 2))) void cli_say(const char *format, ...);
/* The same and a hint at `help`; returns CLI_USAGE. */
__attribute__((format(printf, 2, 3))) int cli_usage(const struct command *command,
                                                    const char *format, ...);

/* The name of the build this program is: "plain", "asan", "tsan" or "explore". */
const char *cli_build(void);
/* False after a message when `build` (NULL: not said) is another build than this program. */
bool cli_check_build(const struct command *command, const char *build, int *exit_code);

void cli_print_commands(FILE *out);
void cli_print_help(const struct command *command, FILE *out);

#endif
