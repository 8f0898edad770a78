/*
 * sim/cli/cmd_complete.c - heddle complete: what shells need to complete a command line, and the
 * manual page. Both are printed from the tables that parse the words, so they cannot lie.
 */
#include <ctype.h>
#include <string.h>

#include "sim/cli/cli.h"

/* `text` where `special` bytes need a backslash. */
static void print_escaped(const char *text, const char *special)
{
    for (; *text != '\0'; text++) {
        if (strchr(special, *text) != NULL)
            putchar('\\');
        putchar(*text);
    }
}

/* The words that an argument like "sync|memory" may be; false: anything. */
static bool print_choices(const struct option_def *option, const char *separator)
{
    if (option->argument == NULL || strchr(option->argument, '|') == NULL)
        return false;
    for (const char *at = option->argument; *at != '\0'; at++) {
        if (*at == '|')
            fputs(separator, stdout);
        else
            putchar(*at);
    }
    return true;
}

static void print_bash(void)
{
    puts("# bash completion for heddle\n"
         "_heddle()\n"
         "{\n"
         "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words=\n"
         "    COMPREPLY=()\n"
         "    if [ \"$COMP_CWORD\" -eq 1 ]; then");
    fputs("        words=\"", stdout);
    for (size_t i = 0; i < command_count; i++)
        printf("%s%s", i == 0 ? "" : " ", commands[i]->name);
    puts("\"\n"
         "        COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "        return\n"
         "    fi\n"
         "    case ${COMP_WORDS[1]}:$before in");
    for (size_t i = 0; i < command_count; i++) {
        for (size_t j = 0; j < commands[i]->option_count; j++) {
            const struct option_def *option = &commands[i]->options[j];
            if (option->argument == NULL || strchr(option->argument, '|') == NULL)
                continue;
            printf("    %s:--%s) words=\"", commands[i]->name, option->name);
            (void)print_choices(option, " ");
            puts("\" ;;");
        }
    }
    puts("    esac\n"
         "    if [ -n \"$words\" ]; then\n"
         "        COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "        return\n"
         "    fi\n"
         "    case ${COMP_WORDS[1]} in");
    for (size_t i = 0; i < command_count; i++) {
        if (commands[i]->option_count == 0)
            continue;
        printf("    %s) words=\"", commands[i]->name);
        for (size_t j = 0; j < commands[i]->option_count; j++)
            printf("%s--%s", j == 0 ? "" : " ", commands[i]->options[j].name);
        puts("\" ;;");
    }
    puts("    esac\n"
         "    if [[ $word == -* ]]; then\n"
         "        COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "    else\n"
         "        COMPREPLY=($(compgen -f -- \"$word\"))\n"
         "    fi\n"
         "}\n"
         "complete -o filenames -F _heddle heddle ./heddle");
}

static void print_zsh_option(const struct option_def *option)
{
    printf("            '--%s%s[", option->name, option->argument == NULL ? "" : "=");
    for (const char *at = option->help; *at != '\0'; at++) {
        if (*at == '\'')
            fputs("'\\''", stdout);
        else if (strchr("[]:\\", *at) != NULL)
            printf("\\%c", *at);
        else
            putchar(*at);
    }
    putchar(']');
    if (option->argument != NULL) {
        printf(":%s:", strchr(option->argument, '|') == NULL ? option->argument : option->name);
        if (strchr(option->argument, '|') != NULL) {
            putchar('(');
            (void)print_choices(option, " ");
            putchar(')');
        } else {
            fputs(strcmp(option->argument, "N") == 0 ? "" : "_files", stdout);
        }
    }
    puts("' \\");
}

static void print_zsh(void)
{
    puts("#compdef heddle\n"
         "_heddle()\n"
         "{\n"
         "    local -a commands=(");
    for (size_t i = 0; i < command_count; i++) {
        printf("        '%s:", commands[i]->name);
        for (const char *at = commands[i]->summary; *at != '\0'; at++) {
            if (*at == '\'')
                fputs("'\\''", stdout);
            else
                putchar(*at);
        }
        puts("'");
    }
    puts("    )\n"
         "    if ((CURRENT == 2)); then\n"
         "        _describe command commands\n"
         "        return\n"
         "    fi\n"
         "    local command=$words[2]\n"
         "    shift words\n"
         "    ((CURRENT--))\n"
         "    case $command in");
    for (size_t i = 0; i < command_count; i++) {
        printf("    %s)\n        _arguments \\\n", commands[i]->name);
        for (size_t j = 0; j < commands[i]->option_count; j++)
            print_zsh_option(&commands[i]->options[j]);
        puts("            '*: :_files'\n        ;;");
    }
    puts("    esac\n"
         "}\n"
         "_heddle \"$@\"");
}

static void print_fish(void)
{
    puts("# fish completion for heddle");
    for (size_t i = 0; i < command_count; i++) {
        const struct command *command = commands[i];
        printf("complete -c heddle -f -n __fish_use_subcommand -a '%s' -d '", command->name);
        print_escaped(command->summary, "'\\");
        puts("'");
        for (size_t j = 0; j < command->option_count; j++) {
            const struct option_def *option = &command->options[j];
            printf("complete -c heddle -n '__fish_seen_subcommand_from %s' -l %s", command->name,
                   option->name);
            if (option->letter != '\0')
                printf(" -s %c", option->letter);
            if (option->argument != NULL && strchr(option->argument, '|') != NULL) {
                fputs(" -x -a '", stdout);
                (void)print_choices(option, " ");
                putchar('\'');
            } else if (option->argument != NULL) {
                fputs(" -r", stdout);
            }
            fputs(" -d '", stdout);
            print_escaped(option->help, "'\\");
            puts("'");
        }
    }
}

/* Text of a manual page: what troff takes for a request or a hyphen is neither. */
static void print_troff(const char *text)
{
    bool is_line_start = true;

    for (; *text != '\0'; text++) {
        if (is_line_start && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
        is_line_start = *text == '\n';
    }
}

static void print_man_command(const struct command *command)
{
    fputs(".SS heddle ", stdout);
    print_troff(command->name);
    if (command->option_count > 0)
        fputs(" [OPTION]...", stdout);
    if (command->operands[0] != '\0')
        putchar(' ');
    print_troff(command->operands);
    fputs("\n", stdout);
    putchar(toupper((unsigned char)command->summary[0]));
    print_troff(command->summary + 1);
    puts(".");
    for (size_t i = 0; i < command->option_count; i++) {
        const struct option_def *option = &command->options[i];
        fputs(".TP\n", stdout);
        if (option->letter != '\0')
            printf("\\fB\\-%c\\fR, ", option->letter);
        fputs("\\fB\\-\\-", stdout);
        print_troff(option->name);
        fputs("\\fR", stdout);
        if (option->argument != NULL) {
            fputs(" \\fI", stdout);
            print_troff(option->argument);
            fputs("\\fR", stdout);
        }
        putchar('\n');
        print_troff(option->help);
        putchar('\n');
    }
    if (command->more != NULL) {
        fputs(".PP\n.nf\n", stdout);
        print_troff(command->more);
        puts(".fi");
    }
}

static void print_man(void)
{
    puts(".TH HEDDLE 1 \"\" \"Heddle\" \"User Commands\"\n"
         ".SH NAME\n"
         "heddle \\- deterministic simulation testing of multithreaded C programs\n"
         ".SH SYNOPSIS\n"
         ".B heddle\n"
         ".I COMMAND\n"
         "[\\fIOPTION\\fR]... [\\fIOPERAND\\fR]...\n"
         ".SH DESCRIPTION\n"
         "Runs a multithreaded program, not changed, on virtual threads against a simulated\n"
         "scheduler, kernel, clock and network. One seed decides everything, so what is found\n"
         "replays. A program of your own is compiled with\n"
         ".BR heddle\\-cc (1)\n"
         "and searched with \\fBheddle explore ./PROGRAM \\-\\- \\fIARGUMENT\\fR...\n"
         ".SH COMMANDS");
    for (size_t i = 0; i < command_count; i++)
        print_man_command(commands[i]);
    puts(".SH EXIT STATUS\n"
         "0 nothing found, 1 a finding, 2 usage, 3 bad input file, 4 the run differs from its\n"
         "recording or from itself, 125 cannot judge (what \\fBgit bisect run\\fR skips).\n"
         ".SH ENVIRONMENT\n"
         ".TP\n"
         ".B HEDDLE_ROOT\n"
         "the folder that holds \\fIscenarios/\\fR, else found from where this program lies\n"
         ".TP\n"
         ".B NO_COLOR\n"
         "no colours on a terminal\n"
         ".SH SEE ALSO\n"
         ".BR heddle\\-cc (1)");
}

static int run(const struct command *command, int argc, char *const *argv)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } kinds[] = {
        {"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}, {"man", print_man}};
    struct operands operands;

    if (!cli_parse(command, argc, argv, NULL, &operands, 1, 1))
        return CLI_USAGE;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(operands.items[0], kinds[i].name) == 0) {
            kinds[i].print();
            return CLI_NOTHING;
        }
    }
    return cli_usage(command, "'%s' is none of bash, zsh, fish, man", operands.items[0]);
}

const struct command cmd_complete = {
    .name = "complete",
    .operands = "bash|zsh|fish|man",
    .summary = "print a shell's completion, or the manual page",
    .run = run,
};
